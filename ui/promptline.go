package ui

import (
	tea "charm.land/bubbletea/v2"

	"quarterdeck/ui/cell"
	"quarterdeck/ui/prompt"
	"quarterdeck/ui/theme"
)

// promptLine is the prompt that is open.
type promptLine struct {
	Prompt
	theme *theme.Theme
	input *prompt.Prompt
}

func newPromptLine(th *theme.Theme, p Prompt) *promptLine {
	in := prompt.New(th, p.Label)
	in.SetHistory(p.History)
	in.SetValue(p.Text)
	return &promptLine{Prompt: p, theme: th, input: in}
}

func (p *promptLine) key(msg tea.KeyPressMsg) tea.Msg {
	before := p.input.Value()
	p.input.Update(msg)
	return p.changed(before)
}

func (p *promptLine) paste(text string) tea.Msg {
	before := p.input.Value()
	p.input.Paste(text)
	return p.changed(before)
}

func (p *promptLine) complete() tea.Msg {
	if p.Complete == nil {
		return nil
	}
	before := p.input.Value()
	p.input.SetValue(p.Complete(before))
	return p.changed(before)
}

func (p *promptLine) changed(before string) tea.Msg {
	now := p.input.Value()
	if now == before || p.Changed == nil {
		return nil
	}
	return p.Changed(now)
}

func (p *promptLine) problem() string {
	if p.Problem == nil {
		return ""
	}
	return p.Problem(p.input.Value())
}

func (p *promptLine) accept() tea.Msg {
	if p.Accept == nil {
		return nil
	}
	return p.Accept(p.input.Value())
}

func (p *promptLine) cancel() tea.Msg {
	if p.Cancel == nil {
		return nil
	}
	return p.Cancel()
}

// side returns what stands at the right: what is wrong with the text, or what
// may come next.
func (p *promptLine) side() (string, theme.Tone) {
	text := p.input.Value()
	if why := p.problem(); why != "" {
		return why, theme.Warn
	}
	if text == "" {
		return p.Hint, theme.Muted
	}
	if p.Note != nil {
		return p.Note(text), theme.Muted
	}
	return "", theme.Muted
}

// view returns the line and the column of the cursor.
func (p *promptLine) view(width int) (string, int) {
	side, tone := p.side()
	room := width
	if side != "" {
		side = cell.Truncate(side, max(0, width*2/3))
		room = width - cell.Width(side) - 2
	}
	line := p.input.View(room)
	x := p.input.Cursor()
	if side != "" {
		line += " " + p.theme.Render(tone, side)
	}
	return line, x
}
