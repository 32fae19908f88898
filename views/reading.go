package views

import (
	tea "charm.land/bubbletea/v2"

	"quarterdeck/ui"
	"quarterdeck/ui/textview"
)

// reading shows lines that do not change.
type reading struct {
	*ui.Text
	session *Session
	title   string
}

// readingFrame returns the place of a text that is there already.
func readingFrame(s *Session, title string, lines []textview.Line) ui.Frame {
	return hangingFrame(s, title, lines, 0)
}

// hangingFrame returns the place of a text whose wrapped lines go on behind their
// first cells.
func hangingFrame(s *Session, title string, lines []textview.Line, hang int) ui.Frame {
	return ui.Frame{Place: title, Open: func() ui.View {
		text := ui.NewText(s.Theme)
		text.SetWrap(true)
		text.SetHanging(hang)
		text.SetLines(lines)
		return &reading{Text: text, session: s, title: title}
	}}
}

func (r *reading) Title() string { return r.title }

func (r *reading) Header() ui.Header {
	h := r.session.header()
	h.Count = r.Count()
	return h
}

func (r *reading) Actions() []ui.Action {
	return append(r.Text.Actions(r.title), r.session.common()...)
}

func (r *reading) Show() tea.Cmd          { r.session.enter(); return nil }
func (r *reading) Hide()                  {}
func (r *reading) Close()                 {}
func (r *reading) Update(tea.Msg) tea.Cmd { return nil }
