package logview

import (
	"strings"

	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// body is a text that takes one row, or several if it is wrapped.
type body struct {
	text string
	lead int    // the bytes before what was written
	note string // what is said about it, after it
	runs []run  // how it is drawn, each up to its end

	plain bool  // one cell a byte; ends is not needed then
	ends  []int // where its rows end in bytes, if it is wrapped; the note is not part of them
	rows  int   // how many it takes then, with the note
	noted bool  // the note has the last of them to itself

	skipped struct{ column, at int } // a cell and its byte, found before
}

// run is a part of a text that is drawn in one way.
type run struct {
	end   int
	tone  theme.Tone
	sgr   string // an escape sequence instead of the tone
	match bool   // it was searched for
}

// paint adds styles and matches, in bytes of what was written, to the runs.
func (b *body) paint(styles []Style, matches []Span) {
	if len(styles) == 0 && len(matches) == 0 {
		return
	}
	var runs []run
	at, style, match := 0, "", 0
	for i := 0; i < len(b.runs); {
		end := b.runs[i].end
		if at >= end {
			i++
			continue
		}
		for len(styles) > 0 && styles[0].At+b.lead <= at {
			style, styles = sequence(styles[0].SGR), styles[1:]
		}
		if len(styles) > 0 {
			end = min(end, styles[0].At+b.lead)
		}
		for match < len(matches) && matches[match].End+b.lead <= at {
			match++
		}
		found := false
		if match < len(matches) {
			if start := matches[match].Start + b.lead; start > at {
				end = min(end, start)
			} else {
				found, end = true, min(end, matches[match].End+b.lead)
			}
		}
		runs = append(runs, run{end: end, tone: b.runs[i].tone, sgr: style, match: found})
		at = end
	}
	b.runs = runs
}

// sequence returns the escape sequence with the given parameters of SGR, "" for
// what are none, so that nothing else can be hidden in them.
func sequence(sgr string) string {
	if sgr == "" || sgr == "0" {
		return ""
	}
	for i := range len(sgr) {
		if c := sgr[i]; (c < '0' || c > '9') && c != ';' && c != ':' {
			return ""
		}
	}
	return "\x1b[" + sgr + "m"
}

// wrap finds the rows of the text in the given room and returns how many it
// takes, with the note. Rows are full: what is copied from the screen has no
// breaks of ours, and plain text need not be measured.
func (b *body) wrap(room int) int {
	room = max(1, room)
	b.ends = b.ends[:0]
	used := 0 // of the last row
	if b.plain = plain(b.text); b.plain {
		b.rows = max(1, (len(b.text)+room-1)/room)
		used = len(b.text) - (b.rows-1)*room
	} else {
		for at := 0; ; {
			n, width, more := fit(b.text[at:], room, 0)
			at += n
			b.ends = append(b.ends, at)
			if !more {
				used = width
				break
			}
		}
		b.rows = len(b.ends)
	}
	b.noted = b.note != "" && used+len(b.note) > room
	if b.noted {
		b.rows++
	}
	return b.rows
}

// height returns how many rows the text takes, wrapped or not.
func (b *body) height(wrapped bool) int {
	if wrapped {
		return b.rows
	}
	return 1
}

// noteAt returns what of the note is in a row of the wrapped text.
func (b *body) noteAt(i int) string {
	switch {
	case i < b.rows-1:
		return ""
	case b.noted:
		return strings.TrimLeft(b.note, " ")
	}
	return b.note
}

// row returns the bytes of a row of the wrapped text; both are the length of
// the text for a row of the note.
func (b *body) row(i, room int) (from, to int) {
	room = max(1, room)
	if b.plain {
		return min(len(b.text), i*room), min(len(b.text), (i+1)*room)
	}
	if i > 0 {
		from = b.ends[min(i, len(b.ends))-1]
	}
	return from, b.ends[min(i, len(b.ends)-1)]
}

// rowOf returns the row of the wrapped text in which a byte is.
func (b *body) rowOf(offset, room int) int {
	if b.plain {
		return max(0, min(offset, len(b.text)-1)) / max(1, room)
	}
	i := 0
	for i < len(b.ends)-1 && b.ends[i] <= offset {
		i++
	}
	return i
}

// column returns the cell of the text in which a byte is.
func (b *body) column(offset int) int { return cell.Width(b.text[:max(0, min(offset, len(b.text)))]) }

// skip returns the first byte at or after a cell of the text, and how many cells
// of a wide character before it are left.
func (b *body) skip(column int) (at, left int) {
	if end := min(len(b.text), column+1); plain(b.text[:end]) {
		return min(len(b.text), column), 0
	}
	s := &b.skipped
	if s.column > column {
		s.column, s.at = 0, 0
	}
	at, now := s.at, s.column
	for now < column && at < len(b.text) {
		s.at, s.column = at, now
		_, n, width := cell.Next(b.text[at:])
		at, now = at+n, now+width
	}
	if now == column {
		s.at, s.column = at, now
	}
	return at, max(0, now-column)
}

// fit returns how many bytes of s fit into the given cells, at least those of
// one character, how many cells they take, and whether something is left: then
// the last cells, as many as mark takes, are left free.
func fit(s string, room, mark int) (n, width int, more bool) {
	// The byte after the last that fits may join with it.
	if end := min(len(s), room+1); plain(s[:end]) {
		if n = min(len(s), room); n < len(s) {
			n, more = max(n-mark, min(n, 1)), true
		}
		return n, n, more
	}
	var free struct{ n, width int } // what fits beside the mark
	for n < len(s) {
		_, size, cells := cell.Next(s[n:])
		if width+cells > room && n > 0 {
			if free.n > 0 {
				n, width = free.n, free.width
			}
			return n, width, true
		}
		n, width = n+size, width+cells
		if width <= room-mark {
			free.n, free.width = n, width
		}
	}
	return n, width, false
}

// plain reports whether s is printable ASCII, one cell a byte.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
