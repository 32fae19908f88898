package table

import (
	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// View returns the table: a line of titles and the visible rows, exactly as
// many lines of exactly as many cells as SetSize said.
func (t *Table[T]) View() string {
	if t.height == 0 {
		return ""
	}
	first, last := t.Visible()
	texts := t.look(first, last)
	t.columns.layout(t.width)
	p := &painter{theme: t.theme, buf: t.frame[:0]}
	t.titles(p)
	for i := first; i < last; i++ {
		p.endLine()
		t.row(p, i, texts[(i-first)*len(t.columns.shown):])
	}
	for range t.height - 1 - (last - first) {
		p.endLine()
		p.buf = cell.AppendSpaces(p.buf, t.width)
	}
	p.start("")
	t.frame = p.buf
	return string(p.buf)
}

// look reads the cells of the visible rows, row by row, and lets the columns
// grow with them.
func (t *Table[T]) look(first, last int) []string {
	t.texts = t.texts[:0]
	for i := first; i < last; i++ {
		row := t.rows.At(i)
		for j := range t.columns.shown {
			text := t.columns.shown[j].Text(row)
			t.texts = append(t.texts, text)
			t.columns.see(j, text, t.width)
		}
	}
	return t.texts
}

func (t *Table[T]) titles(p *painter) {
	g := &t.theme.Glyphs
	c := &t.columns
	used := 0
	put := func(tone theme.Tone, text string, width int, align cell.Align) {
		width = min(width, t.width-used)
		p.cell(tone, text, width, align, false)
		used += max(0, width)
	}
	left := ""
	if c.hiddenLeft {
		left = g.MoreLeft
	}
	put(theme.Accent, left, gutter, cell.Left)
	for i, place := range c.placed {
		if i > 0 {
			put(theme.Text, "", c.gap, cell.Left)
		}
		column := &c.shown[place.index]
		title := column.Title
		if column.ID == c.sortID && c.sortID != "" {
			mark := g.Ascending
			if t.desc {
				mark = g.Descending
			}
			title = g.Ellipsis.Truncate(title, place.width-1) + mark
		}
		put(theme.Title, title, place.width, column.Align)
	}
	if c.hiddenRight {
		put(theme.Text, "", t.width-used-1, cell.Left)
		put(theme.Accent, g.MoreRight, 1, cell.Left)
	}
	put(theme.Text, "", t.width-used, cell.Left)
}

func (t *Table[T]) row(p *painter, i int, texts []string) {
	row := t.rows.At(i)
	_, marked := t.marks[t.rows.Key(i)]
	base := theme.Text
	if t.rowTone != nil {
		base = t.rowTone(row)
	}
	p.selected = i == t.cursor
	used := t.lead(p, marked)
	pushed := max(0, used-gutter)
	for n, place := range t.columns.placed {
		width, gap := place.width, t.columns.gap
		switch {
		case n == 0 && gap > 1: // the next gap gives what the mark takes
			gap = 0
		case n == 0:
			width, gap = max(0, width-pushed), 0
		case n == 1 && gap > 1:
			gap -= pushed
		}
		gap = min(gap, t.width-used)
		p.space(gap)
		used += gap
		column := &t.columns.shown[place.index]
		tone := base
		if column.Tone != nil {
			if own := column.Tone(row); own != theme.Text {
				tone = own
			}
		}
		if marked && (tone == theme.Text || tone == theme.Muted) {
			tone = theme.Marked
		}
		width = min(width, t.width-used)
		p.cell(tone, texts[place.index], width, column.Align, column.Middle)
		used += width
	}
	p.space(t.width - used)
	p.selected = false
}

// lead draws what is to the left of the first column and returns how many cells
// that takes: a row that is both selected and marked takes one of the columns'.
func (t *Table[T]) lead(p *painter, marked bool) int {
	g := &t.theme.Glyphs
	used := min(gutter, t.width)
	switch {
	case p.selected:
		p.cell(theme.Accent, g.Bar, used, cell.Left, false)
		if marked && used < t.width {
			p.cell(theme.Marked, g.Mark, 1, cell.Left, false)
			used++
		}
	case marked:
		p.cell(theme.Marked, g.Mark, used, cell.Left, false)
	default:
		p.space(used)
	}
	return used
}

// painter appends cells to a frame, without an escape sequence where the tone
// stays the same.
type painter struct {
	theme    *theme.Theme
	selected bool   // the row is drawn as the selected one
	buf      []byte // the frame so far
	open     string // the escape sequence in force, "" if none
	scratch  [64]byte
}

// cell appends text in exactly width cells. Only the text is drawn in the tone,
// since blanks that look like nothing cost the terminal nothing.
func (p *painter) cell(tone theme.Tone, text string, width int, align cell.Align, middle bool) {
	if width <= 0 {
		return
	}
	short, used := p.theme.Glyphs.Ellipsis.Append(p.scratch[:0], text, width, middle)
	if align == cell.Right {
		p.space(width - used)
	}
	if used > 0 {
		p.start(p.theme.Start(tone, p.selected))
		p.buf = append(p.buf, short...)
	}
	if align == cell.Left {
		p.space(width - used)
	}
}

// space appends n blanks.
func (p *painter) space(n int) {
	if n > 0 {
		p.start(p.theme.Start(theme.Text, p.selected))
		p.buf = cell.AppendSpaces(p.buf, n)
	}
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
}
