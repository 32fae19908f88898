// Package textview shows long texts, such as YAML, descriptions and help. Only
// what is visible is measured, wrapped and drawn, so that the size of the text
// does not matter to the speed of a key.
//
// A Pager is not safe for concurrent use; it lives in the goroutine that
// updates the screen.
package textview

import (
	"strings"

	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// Span is a piece of a line in one tone.
type Span struct {
	Text string
	Tone theme.Tone
}

// Line is one line of text.
type Line []Span

// FromText returns the lines of s in one tone.
func FromText(s string, tone theme.Tone) []Line {
	texts := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	lines := make([]Line, len(texts))
	for i, text := range texts {
		lines[i] = Line{{Text: strings.TrimSuffix(text, "\r"), Tone: tone}}
	}
	return lines
}

// Pager scrolls through lines and searches them.
type Pager struct {
	theme         *theme.Theme
	lines         []Line
	width, height int
	wrap          bool
	hang          int // see SetHanging

	top int // the first line on screen
	sub int // how many of its rows are scrolled out, if lines are wrapped
	x   int // how many cells are scrolled out to the left, if they are not

	breaks map[int][]int // where the rows of the lines near the screen end, by line
	search search
	frame  []byte // reused by View
}

// New returns an empty pager.
func New(th *theme.Theme) *Pager {
	return &Pager{theme: th, breaks: map[int][]int{}}
}

// SetTheme changes how the text is drawn.
func (p *Pager) SetTheme(th *theme.Theme) { p.theme = th }

// SetLines replaces the text, which must not change any more, and stays where
// it was scrolled to.
func (p *Pager) SetLines(lines []Line) {
	p.lines = lines
	clear(p.breaks)
	p.search.restart(lines)
	p.clamp()
}

// Len returns the number of lines.
func (p *Pager) Len() int { return len(p.lines) }

// SetSize sets the size in cells.
func (p *Pager) SetSize(width, height int) {
	if width != p.width {
		clear(p.breaks)
		p.sub = 0
	}
	p.width, p.height = max(0, width), max(0, height)
	p.clamp()
}

// SetWrap says whether long lines are wrapped or cut.
func (p *Pager) SetWrap(wrap bool) {
	p.wrap, p.sub, p.x = wrap, 0, 0
	p.clamp()
}

// SetHanging says how many cells the rows after the first of a wrapped line are
// indented by, so that the last column of a table stays one; half the width at
// most.
func (p *Pager) SetHanging(n int) {
	p.hang = max(0, n)
	clear(p.breaks)
	p.clamp()
}

// indent is SetHanging for the width that there is.
func (p *Pager) indent() int { return min(p.hang, p.width/2) }

// Wrapped reports whether long lines are wrapped.
func (p *Pager) Wrapped() bool { return p.wrap }

// Move scrolls down by n rows of the screen, up if n is negative.
func (p *Pager) Move(n int) {
	if !p.wrap {
		p.top += n
		p.clamp()
		return
	}
	for ; n > 0 && p.top < len(p.lines); n-- {
		if p.sub++; p.sub >= p.rows(p.top) {
			p.top, p.sub = p.top+1, 0
		}
	}
	for ; n < 0 && (p.top > 0 || p.sub > 0); n++ {
		if p.sub--; p.sub < 0 {
			p.top--
			p.sub = p.rows(p.top) - 1
		}
	}
	p.clamp()
}

// Up scrolls up by a row.
func (p *Pager) Up() { p.Move(-1) }

// Down scrolls down by a row.
func (p *Pager) Down() { p.Move(1) }

// PageUp scrolls up by a screenful.
func (p *Pager) PageUp() { p.Move(-max(1, p.height)) }

// PageDown scrolls down by a screenful.
func (p *Pager) PageDown() { p.Move(max(1, p.height)) }

// HalfPageUp scrolls up by half a screenful.
func (p *Pager) HalfPageUp() { p.Move(-max(1, p.height/2)) }

// HalfPageDown scrolls down by half a screenful.
func (p *Pager) HalfPageDown() { p.Move(max(1, p.height/2)) }

// Home scrolls to the first line.
func (p *Pager) Home() { p.top, p.sub, p.x = 0, 0, 0 }

// End scrolls to the last line.
func (p *Pager) End() { p.top, p.sub = p.bottom() }

// Left scrolls to the left.
func (p *Pager) Left() { p.x = max(0, p.x-p.step()) }

// Right scrolls to the right, if a line on screen goes on there.
func (p *Pager) Right() {
	if p.wrap {
		return
	}
	for i := p.top; i < min(len(p.lines), p.top+p.height); i++ {
		if p.lines[i].wider(p.x + p.width) {
			p.x += p.step()
			return
		}
	}
}

// step returns how many cells Left and Right move by.
func (p *Pager) step() int { return max(1, p.width/4) }

// GoTo scrolls so that line i, counted from 0, is the first on screen, or as
// near as there is one.
func (p *Pager) GoTo(i int) {
	p.top, p.sub = i, 0
	p.clamp()
}

// Top returns the first line on screen, counted from 0.
func (p *Pager) Top() int { return p.top }

// Percent returns how much of the text is on screen or above it.
func (p *Pager) Percent() int {
	if len(p.lines) == 0 {
		return 100
	}
	last, row := p.top, -p.sub
	for last < len(p.lines) && row < p.height {
		row += p.rows(last)
		last++
	}
	if row > p.height { // only a part of the last line is on screen
		last--
	}
	return last * 100 / len(p.lines)
}

// Plain returns the text without tones.
func (p *Pager) Plain() string {
	var b strings.Builder
	for _, line := range p.lines {
		for _, span := range line {
			b.WriteString(span.Text)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// clamp makes the position one that shows text.
func (p *Pager) clamp() {
	top, sub := p.bottom()
	if p.top > top || p.top == top && p.sub > sub {
		p.top, p.sub = top, sub
	}
	if p.top < 0 {
		p.top, p.sub = 0, 0
	}
	if p.top < len(p.lines) {
		p.sub = min(p.sub, p.rows(p.top)-1)
	}
}

// bottom returns the position at which the last row of the text is the last on
// screen.
func (p *Pager) bottom() (top, sub int) {
	if !p.wrap {
		return max(0, len(p.lines)-p.height), 0
	}
	left := p.height
	for top = len(p.lines); top > 0 && left > 0; {
		top--
		left -= p.rows(top)
	}
	return top, max(0, -left)
}

// Rows returns how many rows of the screen the whole text takes. It looks at
// every line: for short texts.
func (p *Pager) Rows() int {
	n := 0
	for i := range p.lines {
		n += p.rows(i)
	}
	return n
}

// rows returns how many rows of the screen line i takes.
func (p *Pager) rows(i int) int {
	if !p.wrap {
		return 1
	}
	return len(p.wrapped(i))
}

// wrapped returns where the rows of line i end, in bytes; at least one row.
func (p *Pager) wrapped(i int) []int {
	if ends, ok := p.breaks[i]; ok {
		return ends
	}
	if len(p.breaks) > 4*p.height+64 {
		clear(p.breaks)
	}
	ends := p.lines[i].breaks(max(1, p.width), p.indent())
	p.breaks[i] = ends
	return ends
}

// View returns the visible part of the text: exactly as many lines of exactly
// as many cells as SetSize said.
func (p *Pager) View() string {
	out := painter{theme: p.theme, buf: p.frame[:0], width: p.width}
	i, sub := p.top, p.sub
	for row := range p.height {
		if row > 0 {
			out.buf = append(out.buf, '\n')
		}
		if i >= len(p.lines) {
			out.buf = cell.AppendSpaces(out.buf, p.width)
			continue
		}
		out.matches = p.search.matches(p.lines, i)
		out.current = p.search.currentIn(i)
		if !p.wrap {
			out.cut(p.lines[i], p.x)
			i++
			continue
		}
		ends := p.wrapped(i)
		start, indent := 0, 0
		if sub > 0 {
			start, indent = ends[sub-1], p.indent()
		}
		out.row(p.lines[i], start, ends[sub], indent)
		if sub++; sub >= len(ends) {
			i, sub = i+1, 0
		}
	}
	p.frame = out.buf
	return string(out.buf)
}
