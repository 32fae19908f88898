package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// help shows every key, by group. Bindings that the view below does not have
// are dimmed.
type help struct {
	*Text
	head Header
}

func helpFrame(opts Options, top View) Frame {
	head := top.Header()
	head.State, head.Count, head.Problem = "", "", ""
	active := map[keymap.ActionID]bool{}
	for _, a := range top.Actions() {
		active[a.ID] = true
	}
	return Frame{Place: "help", Open: func() View {
		h := &help{Text: NewText(opts.Theme), head: head}
		h.SetLines(helpLines(opts.Keys, active))
		return h
	}}
}

func helpLines(keys keymap.Map, active map[keymap.ActionID]bool) []textview.Line {
	var lines []textview.Line
	for _, section := range keys.Groups() {
		if len(lines) > 0 {
			lines = append(lines, textview.Line{})
		}
		lines = append(lines, textview.Line{{Text: string(section.Group), Tone: theme.Title}})
		for _, b := range section.Bindings {
			tone := theme.Muted
			id := string(b.ID)
			if active[b.ID] || b.Scope&keymap.Text == 0 && b.Scope&keymap.List == 0 ||
				strings.HasPrefix(id, "app.") || strings.HasPrefix(id, "move.") || strings.HasPrefix(id, "go.back") ||
				strings.HasPrefix(id, "history.") || strings.HasPrefix(id, "view.") {
				tone = theme.Text
			}
			label := strings.Join(b.Keys, " ")
			if label == "" {
				label = "(menu)"
			}
			lines = append(lines, textview.Line{
				{Text: "  " + cell.Pad(label, 16, cell.Left), Tone: theme.Key},
				{Text: cell.Pad(b.Title, 16, cell.Left), Tone: tone},
				{Text: b.Help, Tone: tone},
			})
		}
	}
	return lines
}

func (h *help) Title() string          { return "help" }
func (h *help) Header() Header         { h.head.Count = h.Count(); return h.head }
func (h *help) Actions() []Action      { return h.Text.Actions("the list of keys") }
func (h *help) Show() tea.Cmd          { return nil }
func (h *help) Hide()                  {}
func (h *help) Close()                 {}
func (h *help) Update(tea.Msg) tea.Cmd { return nil }
