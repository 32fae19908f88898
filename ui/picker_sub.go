package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// enterSub goes on with the picker that takes over what is typed, if one does.
func (a *App) enterSub() tea.Cmd {
	p := a.picker
	if p.Sub == nil {
		return nil
	}
	text := p.input.Value()
	sub, rest := p.Sub(text)
	if sub == nil {
		return nil
	}
	p.input.SetValue(strings.TrimRight(strings.TrimSuffix(text, rest), " "))
	p.typed()
	sub.super, a.picker = p, sub
	cmd := sub.init(a.opts.Theme)
	sub.input.SetValue(rest)
	sub.typed()
	return cmd
}

// within reports whether q is this picker, or one that leaving it leads to.
func (p *Picker) within(q *Picker) bool {
	for ; p != nil; p = p.super {
		if p == q {
			return true
		}
	}
	return false
}
