package textview

import (
	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// tab is the distance of tab stops in cells.
const tab = 8

// next takes the first grapheme off s, as cell.Next does, at the given column:
// a tab reaches to the next tab stop.
func next(s string, column int) (text string, n, width int) {
	if s[0] == '\t' {
		const blank = "        "
		width = tab - column%tab
		return blank[:width], 1, width
	}
	return cell.Next(s)
}

// wider reports whether the line takes more than width cells.
func (l Line) wider(width int) bool {
	column := 0
	for _, span := range l {
		for s := span.Text; len(s) > 0; {
			_, n, w := next(s, column)
			if column += w; column > width {
				return true
			}
			s = s[n:]
		}
	}
	return false
}

// breaks returns where the rows of the line end, in bytes, if it is wrapped to
// width cells, of which the rows after the first leave the first hang free:
// after the last blank that fits, or else where the row is full.
func (l Line) breaks(width, hang int) []int {
	var ends []int
	at, column := 0, 0         // the current byte and its column in the row
	start := 0                 // the byte with which the row begins
	blank, afterBlank := -1, 0 // the byte after the last blank of the row and its column
	for _, span := range l {
		for s := span.Text; len(s) > 0; {
			_, n, w := next(s, column)
			isBlank := s[0] == ' ' || s[0] == '\t'
			if column+w > width && at > start && !isBlank {
				if blank < 0 || hang+column-afterBlank+w > width { // the next row has no room for the word either
					blank, afterBlank = at, column
				}
				start = blank
				ends = append(ends, start)
				column += hang - afterBlank
				blank = -1
			}
			s, at, column = s[n:], at+n, column+w
			if isBlank {
				blank, afterBlank = at, column
			}
		}
	}
	return append(ends, at)
}

// append appends the bytes of the line to buf.
func (l Line) append(buf []byte) []byte {
	for _, span := range l {
		buf = append(buf, span.Text...)
	}
	return buf
}

// column returns the cell at which byte offset stands.
func (l Line) column(offset int) int {
	at, column := 0, 0
	for _, span := range l {
		for s := span.Text; len(s) > 0; {
			_, n, w := next(s, column)
			if at+n > offset {
				return column
			}
			s, at, column = s[n:], at+n, column+w
		}
	}
	return column
}

// painter appends rows to a frame.
type painter struct {
	theme   *theme.Theme
	width   int
	matches []match // of the line being drawn
	current int     // the one of them at which the search stands, -1 if none
	buf     []byte
	open    string // the escape sequence in force, "" if none
}

// row draws the bytes of the line from start to end, indented; they fit the
// width but for blanks at the end.
func (p *painter) row(line Line, start, end, indent int) {
	at, column, seen := 0, indent, 0
	p.start("")
	p.buf = cell.AppendSpaces(p.buf, indent)
	for _, span := range line {
		if at >= end {
			break
		}
		if at+len(span.Text) <= start {
			at += len(span.Text)
			continue
		}
		s := span.Text
		if at < start {
			s, at = s[start-at:], start
		}
		for len(s) > 0 && at < end {
			text, n, w := next(s, column)
			if column+w > p.width {
				text, w = "", 0
			}
			p.start(p.theme.Start(p.tone(span.Tone, at, n, &seen), false))
			p.buf = append(p.buf, text...)
			s, at, column = s[n:], at+n, column+w
		}
	}
	p.endRow(column)
}

// cut draws what of the line is visible if the first skip cells are not. If the
// line goes on to the right, a mark in the last cell says so.
func (p *painter) cut(line Line, skip int) {
	at, column, seen := 0, 0, 0 // column counts from the start of the line
	limit := skip + p.width
	room := struct { // where the mark would go, once size is set
		size, column int
		open         string
	}{size: -1}
	for _, span := range line {
		for s := span.Text; len(s) > 0; {
			text, n, w := next(s, column)
			if room.size < 0 && column+w >= limit {
				room.size, room.column, room.open = len(p.buf), max(column, skip), p.open
			}
			if column+w > limit {
				p.buf, p.open = p.buf[:room.size], room.open
				p.endRow(room.column - skip + 1)
				if p.width > 0 {
					p.buf = append(p.buf, p.theme.Render(theme.Muted, p.theme.Glyphs.MoreRight)...)
				}
				return
			}
			if column+w > skip {
				p.start(p.theme.Start(p.tone(span.Tone, at, n, &seen), false))
				if column < skip { // half of a wide grapheme, or a part of a tab
					p.buf = cell.AppendSpaces(p.buf, column+w-skip)
				} else {
					p.buf = append(p.buf, text...)
				}
			}
			s, at, column = s[n:], at+n, column+w
		}
	}
	p.endRow(max(0, column-skip))
}

// endRow fills the rest of the row after used cells.
func (p *painter) endRow(used int) {
	p.start("")
	p.buf = cell.AppendSpaces(p.buf, max(0, p.width-used))
}

// tone returns the tone of the n bytes at offset at, whose span has the given
// one. seen counts the matches that are past.
func (p *painter) tone(own theme.Tone, at, n int, seen *int) theme.Tone {
	for *seen < len(p.matches) && p.matches[*seen].end <= at {
		*seen++
	}
	switch {
	case *seen == len(p.matches) || p.matches[*seen].start >= at+n:
		return own
	case *seen == p.current:
		return theme.Current
	}
	return theme.Match
}

func (p *painter) start(sequence string) {
	if p.open == sequence {
		return
	}
	if p.open != "" {
		p.buf = append(p.buf, theme.Reset...)
	}
	p.buf = append(p.buf, sequence...)
	p.open = sequence
}
