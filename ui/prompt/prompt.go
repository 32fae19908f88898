// Package prompt edits one line of input, for the filter and the palette. It
// draws with the terminal's own cursor and needs no timer.
//
// A Prompt is not safe for concurrent use.
package prompt

import (
	"slices"
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// Prompt is a label and an editable line.
type Prompt struct {
	theme  *theme.Theme
	label  string
	before []string // graphemes left of the cursor
	after  []string // graphemes right of the cursor
	hint   string   // the completion offered for the whole line
	scroll int      // graphemes scrolled out to the left
	x      int      // the cursor in the last View

	history []string // oldest first
	recall  int      // position in history, len(history) for the line being written
	draft   string   // the line being written, while the history is shown
}

// New returns an empty prompt that shows label in front of the input.
func New(th *theme.Theme, label string) *Prompt {
	return &Prompt{theme: th, label: label}
}

// SetTheme changes how the prompt is drawn.
func (p *Prompt) SetTheme(th *theme.Theme) { p.theme = th }

// Value returns the input.
func (p *Prompt) Value() string {
	return strings.Join(p.before, "") + strings.Join(p.after, "")
}

// SetValue replaces the input and puts the cursor at its end.
func (p *Prompt) SetValue(s string) {
	p.before, p.after, p.scroll = graphemes(clean(s)), nil, 0
}

// SetHint offers a completion of the whole input. As long as the input is a
// prefix of it, the rest is shown dimmed behind the input, and moving right at
// the end of the input takes it.
func (p *Prompt) SetHint(completion string) { p.hint = clean(completion) }

// SetHistory sets the inputs that up and down go through, oldest first.
func (p *Prompt) SetHistory(inputs []string) {
	p.history = slices.Clone(inputs)
	p.recall, p.draft = len(p.history), ""
}

// Remember appends the input to the history, once, and returns the history.
func (p *Prompt) Remember() []string {
	if v := p.Value(); v != "" {
		p.history = append(slices.DeleteFunc(p.history, func(s string) bool { return s == v }), v)
	}
	p.recall, p.draft = len(p.history), ""
	return slices.Clone(p.history)
}

// Paste inserts s at the cursor, in one line.
func (p *Prompt) Paste(s string) {
	p.join(strings.Join(p.before, "")+clean(s), strings.Join(p.after, ""))
}

// Update edits the input and reports whether the key meant something to it.
// Keys that end the input, such as enter, escape and tab, are the caller's.
func (p *Prompt) Update(key tea.KeyPressMsg) (handled bool) {
	switch key.String() {
	case "left", "ctrl+b":
		p.left(1)
	case "right", "ctrl+f":
		p.right(1)
	case "alt+left", "ctrl+left", "alt+b":
		p.left(p.wordLeft())
	case "alt+right", "ctrl+right", "alt+f":
		p.right(p.wordRight())
	case "home", "ctrl+a":
		p.left(len(p.before))
	case "end", "ctrl+e":
		p.right(max(1, len(p.after)))
	case "backspace", "ctrl+h":
		p.rub(1)
	case "ctrl+w", "alt+backspace", "ctrl+backspace":
		p.rub(p.wordLeft())
	case "ctrl+u":
		p.rub(len(p.before))
	case "delete", "ctrl+d":
		p.cut(1)
	case "alt+d", "alt+delete", "ctrl+delete":
		p.cut(p.wordRight())
	case "ctrl+k":
		p.cut(len(p.after))
	case "up", "ctrl+p":
		return p.goBack(-1)
	case "down", "ctrl+n":
		return p.goBack(1)
	default:
		if key.Text == "" {
			return false
		}
		p.Paste(key.Text)
	}
	return true
}

// join sets what is left and right of the cursor. What is typed may become one
// grapheme with what is already there.
func (p *Prompt) join(before, after string) {
	p.before, p.after = graphemes(before), graphemes(after)
}

func (p *Prompt) left(n int) {
	at := max(0, len(p.before)-n)
	p.after = slices.Concat(p.before[at:], p.after)
	p.before = p.before[:at]
}

func (p *Prompt) right(n int) {
	if len(p.after) == 0 && p.rest() != "" {
		p.SetValue(p.hint)
		return
	}
	n = min(n, len(p.after))
	p.before = slices.Concat(p.before, p.after[:n])
	p.after = p.after[n:]
}

// rub deletes n graphemes left of the cursor, cut right of it.
func (p *Prompt) rub(n int) { p.before = p.before[:max(0, len(p.before)-n)] }

func (p *Prompt) cut(n int) { p.after = p.after[min(n, len(p.after)):] }

// wordLeft returns how many graphemes the word left of the cursor has, with the
// blanks behind it.
func (p *Prompt) wordLeft() int {
	i := len(p.before)
	for i > 0 && !inWord(p.before[i-1]) {
		i--
	}
	for i > 0 && inWord(p.before[i-1]) {
		i--
	}
	return len(p.before) - i
}

func (p *Prompt) wordRight() int {
	i := 0
	for i < len(p.after) && !inWord(p.after[i]) {
		i++
	}
	for i < len(p.after) && inWord(p.after[i]) {
		i++
	}
	return i
}

func inWord(grapheme string) bool {
	for _, r := range grapheme {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_'
	}
	return false
}

// goBack shows the history's input n positions on, and reports whether there is
// one. Past the newest is the line that was being written.
func (p *Prompt) goBack(n int) bool {
	to := p.recall + n
	if to < 0 || to > len(p.history) {
		return false
	}
	if p.recall == len(p.history) {
		p.draft = p.Value()
	}
	p.recall = to
	if to == len(p.history) {
		p.SetValue(p.draft)
	} else {
		p.SetValue(p.history[to])
	}
	return true
}

// rest returns what the hint adds to the input, "" if there is none to offer.
func (p *Prompt) rest() string {
	v := p.Value()
	if v == "" || len(p.after) > 0 || len(v) >= len(p.hint) || !strings.EqualFold(p.hint[:len(v)], v) {
		return ""
	}
	return p.hint[len(v):]
}

// View returns the prompt in exactly width cells, scrolled so that the cursor
// is visible.
func (p *Prompt) View(width int) string {
	glyphs := &p.theme.Glyphs
	// The input needs room for a few cells and the cursor.
	label := glyphs.Ellipsis.Truncate(p.label, width-min(8, width))
	used := cell.Width(label)
	room := max(0, width-used)

	p.scroll = min(p.scroll, len(p.before))
	for p.scroll < len(p.before) && widths(p.before[p.scroll:])+1 > room {
		p.scroll++
	}
	for p.scroll > 0 && widths(p.before[p.scroll-1:])+1+min(4, widths(p.after)) <= room {
		p.scroll--
	}
	left := strings.Join(p.before[p.scroll:], "")
	p.x = min(used+cell.Width(left), max(0, width-1))

	text := glyphs.Ellipsis.Truncate(left+strings.Join(p.after, ""), room)
	line := p.theme.Render(theme.Accent, label) + p.theme.Render(theme.Text, text)
	used += cell.Width(text)
	if rest := glyphs.Ellipsis.Truncate(p.rest(), width-used-1); rest != "" {
		line += p.theme.Render(theme.Muted, rest)
		used += cell.Width(rest)
	}
	return line + strings.Repeat(" ", max(0, width-used))
}

// Cursor returns the cell of the last View in which the cursor stands.
func (p *Prompt) Cursor() int { return p.x }

func widths(graphemes []string) int { return cell.Width(strings.Join(graphemes, "")) }

// graphemes splits s.
func graphemes(s string) []string {
	var out []string
	for len(s) > 0 {
		g, _ := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
		out, s = append(out, g), s[len(g):]
	}
	return out
}

// clean makes s a single line: line ends and tabs become spaces, other control
// characters are dropped.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, strings.TrimRight(s, "\r\n"))
}
