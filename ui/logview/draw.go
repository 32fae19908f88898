package logview

import (
	"time"

	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// View returns what is on screen: exactly as many lines of exactly as many cells
// as SetSize said. The first is that of the status, if there are three or more.
func (w *Window) View() string {
	if w.height == 0 {
		return ""
	}
	w.settle()
	// What comes on screen may widen the columns, and that may put other lines
	// on it. They only grow, but need not be right in every frame.
	for range 4 {
		if !w.survey() {
			break
		}
		w.settle()
	}
	p := &painter{theme: w.theme, limit: w.width, buf: w.frame[:0]}
	if w.height > w.body() {
		w.head(p)
		p.endLine()
	}
	w.draw(p)
	p.start("")
	w.frame = p.buf
	if len(w.records) > 4*w.height+64 {
		w.forget(func(r *record) bool { return r.first < w.from || r.first >= w.to })
	}
	return string(p.buf)
}

// survey looks at the lines that will be on screen, and reports whether the
// columns have grown with them.
func (w *Window) survey() bool {
	w.from, w.to = w.top.pos, w.top.pos
	if w.empty() {
		return false
	}
	today := w.zoned(w.now())
	grown := false
	for row, pos := -w.top.row, w.top.pos; row < w.body(); {
		r := w.at(pos)
		if !r.gap && w.look(&r.line, today) {
			grown = true
		}
		row += r.rows
		pos = r.last + 1
		w.to = pos
		if pos >= w.next {
			break
		}
	}
	w.seen = max(w.seen, w.to)
	return grown
}

// draw draws the lines.
func (w *Window) draw(p *painter) {
	w.hiddenRight = false
	now := w.now()
	pos, row := w.top.pos, w.top.row
	done := w.empty()
	for i := range w.body() {
		if i > 0 {
			p.endLine()
		}
		switch {
		case !done:
			r := w.at(pos)
			w.row(p, r, row, now)
			if row++; row >= r.rows {
				pos, row = r.last+1, 0
				done = pos >= w.next
			}
		case i == 0 && w.status.Empty != "":
			p.space(w.columns.gutter)
			p.put(theme.Muted, w.status.Empty)
		}
		p.space(w.width - p.used)
	}
}

// row draws a row of a record.
func (w *Window) row(p *painter, r *record, row int, now time.Time) {
	p.cursor = !w.follow && r.first == w.cursor.pos
	g := &w.theme.Glyphs
	switch c := &w.columns; {
	case c.gutter == 0:
	case p.cursor && row == w.cursor.row:
		p.glyph(theme.Accent, g.Bar)
	case w.inBlock(r):
		p.glyph(theme.Marked, g.Mark)
	case r.line.Skip && row == 0:
		p.glyph(theme.Muted, g.Rule)
	case r.line.Context:
		p.glyph(theme.Muted, g.Divider)
	default:
		p.space(1)
	}
	b := &r.main
	if row == 0 && !r.gap && !r.line.Marker {
		w.lead(p, r, now)
	} else {
		p.space(w.width - r.room - p.used)
	}
	i := r.bodyOf(row, w.wrap)
	if i > 0 {
		b = &r.below[i-1]
	}
	if !w.wrap {
		x := w.x
		if r.gap {
			x = 0
		}
		w.cut(p, b, x, r.room)
		return
	}
	row -= r.above(i)
	from, to := b.row(row, r.room)
	p.text(b, from, to)
	p.put(theme.Muted, b.noteAt(row))
}

// inBlock reports whether the record is in the marked block.
func (w *Window) inBlock(r *record) bool {
	return w.marking && r.first <= max(w.mark, w.cursor.pos) && r.last >= min(w.mark, w.cursor.pos)
}

// lead draws the columns left of the text.
func (w *Window) lead(p *painter, r *record, now time.Time) {
	c, l := &w.columns, &r.line
	p.selected = p.cursor
	column := func(tone theme.Tone, text []byte, width, gap int) {
		if width == 0 {
			return
		}
		start := p.used
		p.start(p.theme.Start(tone, p.selected))
		p.buf = append(p.buf, text...)
		p.used += len(text)
		p.space(start + width - gap - p.used)
		p.space(start + width - p.used)
	}
	var scratch [64]byte
	if c.time > 0 {
		column(theme.Muted, w.appendTime(scratch[:0], l.Time, now), c.time, 2)
	}
	if c.source > 0 {
		text, used := w.theme.Glyphs.Ellipsis.Append(scratch[:0], l.Source, c.source-2, true)
		p.start(p.theme.Start(r.source, p.selected))
		p.buf = append(p.buf, text...)
		p.used += used
		p.space(c.source - used)
	}
	if c.levels > 0 {
		column(l.Level.tone(), append(scratch[:0], l.Level.word()...), c.levels, 1)
	}
	p.selected = false
}

// cut draws what of a text is visible if it is not wrapped and the first x cells
// are scrolled out. If it goes on to the right, a mark says so; its note stays.
func (w *Window) cut(p *painter, b *body, x, room int) {
	reserved := len(b.note)
	if reserved > room/2 {
		reserved = 0
	}
	at, left := b.skip(x)
	p.space(min(left, room-reserved))
	end := p.used + room - reserved - min(left, room-reserved)
	p.limit = end
	n, _, more := fit(b.text[at:], end-p.used, 1)
	if more {
		p.limit--
		w.hiddenRight = true
	}
	p.text(b, at, at+n)
	p.limit = w.width
	if more {
		p.space(end - 1 - p.used)
		p.glyph(theme.Muted, w.theme.Glyphs.MoreRight)
	}
	if reserved > 0 {
		p.put(theme.Muted, b.note)
	}
}

// painter appends cells to a frame, without an escape sequence where the style
// stays the same.
type painter struct {
	theme    *theme.Theme
	cursor   bool   // the row is of the record under the cursor
	selected bool   // what is drawn stands for the cursor
	used     int    // cells of the line
	limit    int    // to which it may be used
	buf      []byte // the frame so far
	open     string // the escape sequence in force, "" if none
}

// text appends bytes of a text as its runs say.
func (p *painter) text(b *body, from, to int) {
	for _, run := range b.runs {
		if run.end <= from {
			continue
		}
		if from >= to {
			return
		}
		switch {
		case run.match && p.cursor:
			p.start(p.theme.Start(theme.Current, false))
		case run.match:
			p.start(p.theme.Start(theme.Match, false))
		case run.sgr != "":
			p.start(run.sgr)
		default:
			p.start(p.theme.Start(run.tone, false))
		}
		// A character on the border of two runs belongs to the first.
		from += p.cells(b.text[from:to], min(run.end, to)-from)
	}
}

// cells appends the characters of s that start in its first n bytes, as far as
// there is room, and returns how many bytes they are.
func (p *painter) cells(s string, n int) int {
	if n < len(s) && n > 0 && s[n] <= '~' && s[n] >= ' ' || n == len(s) {
		if plain(s[:n]) && p.used+n <= p.limit {
			p.buf = append(p.buf, s[:n]...)
			p.used += n
			return n
		}
	}
	at := 0
	for at < n {
		text, size, width := cell.Next(s[at:])
		if p.used+width <= p.limit {
			p.buf = append(p.buf, text...)
			p.used += width
		}
		at += size
	}
	return at
}

// put appends a piece of text in a tone, as far as there is room.
func (p *painter) put(tone theme.Tone, s string) {
	if s == "" || p.used >= p.limit {
		return
	}
	p.start(p.theme.Start(tone, p.selected))
	buf, used := p.theme.Glyphs.Ellipsis.Append(p.buf, s, p.limit-p.used, false)
	p.buf = buf
	p.used += used
}

// glyph appends a glyph of the theme, which takes one cell, if there is room.
func (p *painter) glyph(tone theme.Tone, s string) {
	if p.used < p.limit {
		p.start(p.theme.Start(tone, p.selected))
		p.buf = append(p.buf, s...)
		p.used++
	}
}

// space appends n blanks, as far as there is room.
func (p *painter) space(n int) {
	if n = min(n, p.limit-p.used); n <= 0 {
		return
	}
	sequence := ""
	if p.selected {
		sequence = p.theme.Start(theme.Text, true)
	}
	p.start(sequence)
	p.buf = cell.AppendSpaces(p.buf, n)
	p.used += n
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

func (p *painter) endLine() {
	p.start("")
	p.buf = append(p.buf, '\n')
	p.used = 0
}
