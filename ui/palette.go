package ui

import (
	"math"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/ui/theme"
)

// palette opens the list of all that can be gone to or done by name.
func (a *App) palette() tea.Cmd {
	if a.opts.Palette == nil {
		return nil
	}
	p := a.opts.Palette(a.top())
	p.palette, p.recent = true, slices.Clone(a.recent)
	for _, item := range a.actionItems() {
		item.Rank = math.MaxInt // the menu has them too
		p.Items = append(p.Items, item)
	}
	return a.update(PickMsg{p})
}

// menu lists every action on the selection.
func (a *App) menu() tea.Cmd {
	return a.update(PickMsg{&Picker{Title: "actions", Items: a.actionItems()}})
}

func (a *App) actionItems() []Item {
	var items []Item
	for _, action := range a.actions() {
		b, ok := a.opts.Keys.Binding(action.ID)
		if !ok || strings.HasPrefix(string(action.ID), "app.palette") || strings.HasPrefix(string(action.ID), "app.menu") {
			continue
		}
		title := action.Title
		if title == "" {
			title = b.Title
		}
		var aliases []string
		if action.ID == keymap.AppQuit {
			aliases = []string{"q"} // as in an editor
		}
		items = append(items, Item{
			Label: title, Aliases: aliases, Detail: b.Help, Note: a.opts.Keys.Label(action.ID), Disabled: action.Disabled,
			Run: func() tea.Msg { return a.run(action) },
		})
	}
	return items
}

// choose runs the item under the picker's cursor, now or when what it waits for
// is there.
func (a *App) choose() tea.Cmd {
	p := a.picker
	if p.waits() {
		p.entered = true
		return nil
	}
	item, ok, why := p.choice()
	if why != "" {
		return a.say(theme.Warn, why)
	}
	a.picker = nil
	if !ok {
		return nil
	}
	if p.palette {
		a.recent = newest(a.recent, choice{item.Rank, item.Label})
	}
	return a.perform(item.Run())
}

// loaded gives a picker what it has loaded. An enter that waited takes what
// fits; what nothing fits is not taken before the user has seen that.
func (a *App) loaded(msg pickerMsg) tea.Cmd {
	p := a.picker
	if p == nil || !p.within(msg.to) {
		return nil
	}
	if msg.to.update(msg.msg); msg.to != p {
		return nil
	}
	if !p.entered || p.waits() {
		return nil
	}
	p.entered = false
	if p.guesses() {
		return nil
	}
	return a.choose()
}

// recentLimit is how many choices are remembered: a screenful.
const recentLimit = 20

// newest puts a choice before the others.
func newest(recent []choice, c choice) []choice {
	recent = slices.DeleteFunc(recent, func(old choice) bool { return old == c })
	recent = slices.Insert(recent, 0, c)
	return recent[:min(len(recent), recentLimit)]
}
