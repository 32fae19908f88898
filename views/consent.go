package views

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/kube"
	"quarterdeck/kube/guard"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// consent is what is asked before something is done that no server can be asked
// to try: a shell, a copy.
type consent struct {
	verb    *verb
	title   string // "shell in pod/web-0", without the question mark
	lines   []textview.Line
	command string // of kubectl
}

// consented does something with the user's approval in the context that it gets:
// at once where nothing has to be asked.
func (s *Session) consented(c consent, sel chosen, do func(ctx context.Context) tea.Msg) tea.Msg {
	level, why := s.level(c.verb, sel.targets)
	act := func() tea.Msg {
		return do(guard.Approve(context.Background(), guard.Approval{Level: level, Objects: len(sel.targets)}))
	}
	if level == guard.None {
		return act()
	}
	refs := sel.refs()
	d := &ui.Dialog{
		Title: c.title + "?", Tone: theme.Title, Yes: s.verbTitle(c.verb, sel), Accept: act,
		Lines: func() []textview.Line {
			lines := []textview.Line{s.place(refs)}
			if why != "" {
				lines = append(lines, textview.Line{{Text: why, Tone: theme.Warn}})
			}
			lines = append(lines, c.lines...)
			if c.command != "" {
				lines = append(lines, textview.Line{}, textview.Line{{Text: "$ " + c.command, Tone: theme.Muted}})
			}
			return lines
		},
		Command: func() string { return c.command },
	}
	s.demand(d, level, refs)
	return ui.Confirm(d)
}

// demand makes a dialog want as much as a level does.
func (s *Session) demand(d *ui.Dialog, level guard.Level, refs []kube.Ref) {
	if level < guard.Typed {
		return
	}
	d.Tone = theme.Error
	d.Name, d.NameOf = s.Client.Context, "the context"
	if len(refs) == 1 {
		d.Name, d.NameOf = refs[0].Name, "the object"
	}
}
