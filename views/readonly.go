package views

import (
	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// common are the actions that every view of a cluster has.
func (s *Session) common() []ui.Action {
	list := ui.Action{ID: keymap.ForwardList, Quiet: true, Run: func() tea.Msg { return ui.Push(forwards().Frame(s, Scope{})) }}
	return []ui.Action{s.undo(), s.readOnly(), s.login(), list, s.apply()}
}

// readOnly is the action that switches read-only mode on and off for the
// cluster. On is done at once; off is asked for, and where somebody's
// configuration wants it on, the name of the context has to be typed.
func (s *Session) readOnly() ui.Action {
	a := ui.Action{ID: keymap.AppReadOnly, Quiet: true, Title: "read-only"}
	why, on := s.Client.Guard.ReadOnly()
	if !on {
		a.Run = func() tea.Msg {
			s.Client.Guard.Refuse(switchedOn + s.Keys.Label(keymap.AppReadOnly))
			return ui.Toast(theme.Muted, "read-only: nothing is changed in "+s.Client.Context+" until "+s.Keys.Label(keymap.AppReadOnly)+" is pressed again")
		}
		return a
	}
	a.Title = "allow changes"
	a.Run = func() tea.Msg {
		d := &ui.Dialog{
			Title: "allow changes in " + s.Client.Context + "?", Tone: theme.Warn, Yes: "allow changes",
			Lines: func() []textview.Line {
				return []textview.Line{{{Text: "read-only now: "}, {Text: why, Tone: theme.Title}}, {{Text: "This lasts until qd ends, or " + s.Keys.Label(keymap.AppReadOnly) + " is pressed again.", Tone: theme.Muted}}}
			},
			Accept: func() tea.Msg {
				s.Client.Guard.Permit()
				return ui.Toast(theme.Warn, "changes in "+s.Client.Context+" are allowed")
			},
		}
		if s.Settings.Context(s.Client.Context).Protected || why != switchedOn+s.Keys.Label(keymap.AppReadOnly) {
			d.Name, d.NameOf = s.Client.Context, "the context"
		}
		return ui.Confirm(d)
	}
	return a
}

// switchedOn is the reason for read-only mode that the user himself switched on.
const switchedOn = "switched on with "
