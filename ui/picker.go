package ui

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"

	"quarterdeck/ui/cell"
	"quarterdeck/ui/prompt"
	"quarterdeck/ui/theme"
)

// Picker lets the user choose one of a list by typing a part of it. It opens
// from the bottom of the screen: the list, and under it the line being typed.
type Picker struct {
	Title string
	Items []Item
	// Free makes an item of what is typed, for lists that may be incomplete; nil
	// if only the items can be chosen.
	Free func(text string) Item
	// Load fetches more items while the picker is already open. Its message is
	// a Loaded.
	Load tea.Cmd

	theme   *theme.Theme
	input   *prompt.Prompt
	shown   []int // positions in Items, best match first
	cursor  int
	loading bool
	problem string // why not all items are there
}

// Item is one choice.
type Item struct {
	Label    string
	Detail   string // what it is, in a few words
	Note     string // at the right: its key
	Tone     theme.Tone
	Disabled string // why it cannot be chosen, "" if it can
	Current  bool   // where the cursor begins
	Run      func() tea.Msg
}

// Loaded is what a picker's Load found.
type Loaded struct {
	Items   []Item
	Problem string // why there may be more, "" if this is all
}

type pickerMsg struct {
	to  *Picker
	msg Loaded
}

func (p *Picker) init(th *theme.Theme) tea.Cmd {
	p.theme, p.input = th, prompt.New(th, p.Title+th.Glyphs.Crumb+" ")
	p.match()
	if p.Load == nil {
		return nil
	}
	p.loading = true
	load := p.Load
	return func() tea.Msg {
		loaded, _ := load().(Loaded)
		return pickerMsg{p, loaded}
	}
}

// update takes what was loaded.
func (p *Picker) update(msg Loaded) tea.Cmd {
	p.loading, p.problem = false, msg.Problem
	p.Items = append(p.Items, msg.Items...)
	p.match()
	return nil
}

func (p *Picker) key(msg tea.KeyPressMsg) tea.Cmd {
	before := p.input.Value()
	p.input.Update(msg)
	if p.input.Value() != before {
		p.match()
	}
	return nil
}

func (p *Picker) paste(text string) tea.Cmd {
	p.input.Paste(text)
	p.match()
	return nil
}

// labels makes the items a source for the fuzzy search.
type labels []Item

func (l labels) String(i int) string { return l[i].Label }
func (l labels) Len() int            { return len(l) }

// match finds the items that fit what is typed, best first. Items that begin
// with it, or are it, come before those that merely contain its letters.
func (p *Picker) match() {
	text := p.input.Value()
	p.shown, p.cursor = p.shown[:0], 0
	if text == "" {
		for i, item := range p.Items {
			if item.Current {
				p.cursor = i
			}
			p.shown = append(p.shown, i)
		}
		return
	}
	for _, m := range fuzzy.FindFrom(text, labels(p.Items)) {
		p.shown = append(p.shown, m.Index)
	}
	rank := func(i int) int {
		switch label := strings.ToLower(p.Items[i].Label); {
		case label == strings.ToLower(text):
			return 0
		case strings.HasPrefix(label, strings.ToLower(text)):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(p.shown, func(a, b int) int { return rank(a) - rank(b) })
}

func (p *Picker) move(n int) {
	p.cursor = max(0, min(p.cursor+n, len(p.shown)-1))
}

// complete types the label under the cursor.
func (p *Picker) complete() {
	if p.cursor < len(p.shown) {
		p.input.SetValue(p.Items[p.shown[p.cursor]].Label)
		p.match()
	}
}

// choice returns the item to run, or why it cannot be.
func (p *Picker) choice() (item Item, ok bool, why string) {
	text := strings.TrimSpace(p.input.Value())
	if p.cursor < len(p.shown) {
		item = p.Items[p.shown[p.cursor]]
		// A list that may be incomplete must not turn a name that was typed in
		// full into a similar one.
		if p.Free == nil || text == "" || strings.HasPrefix(item.Label, text) || p.cursor > 0 {
			return item, true, item.Disabled
		}
	}
	if p.Free != nil && text != "" {
		return p.Free(text), true, ""
	}
	if text != "" {
		return Item{}, false, fmt.Sprintf("%s: nothing matches %q", p.Title, text)
	}
	return Item{}, false, ""
}

// view returns the sheet, at most height lines, and the column of the cursor.
func (p *Picker) view(width, height int) ([]string, int) {
	lines := []string{p.theme.Render(theme.Rule, strings.Repeat(p.theme.Glyphs.Rule, width))}
	rows := min(len(p.shown), height-2)
	top := 0
	if rows > 0 && p.cursor >= rows {
		top = p.cursor - rows + 1
	}
	labelWidth := 0
	for _, i := range p.shown[top : top+rows] {
		labelWidth = max(labelWidth, cell.Width(p.Items[i].Label))
	}
	labelWidth = min(labelWidth, width*2/3)
	for n, i := range p.shown[top : top+rows] {
		lines = append(lines, p.row(&p.Items[i], labelWidth, width, top+n == p.cursor))
	}
	side := fmt.Sprintf("%d of %d", len(p.shown), len(p.Items))
	tone := theme.Muted
	switch {
	case p.loading:
		side = "loading" + string(p.theme.Glyphs.Ellipsis)
	case p.problem != "":
		side, tone = p.problem, theme.Warn
	case len(p.Items) == 0 && p.Free == nil:
		side, tone = "nothing to choose from", theme.Warn
	case len(p.shown) == 0 && p.Free != nil:
		side = "enter takes it as typed"
	case len(p.shown) == 0:
		side, tone = "nothing matches", theme.Warn
	}
	side = cell.Truncate(side, width/2)
	input := p.input.View(width - cell.Width(side) - 2)
	return append(lines, input+" "+p.theme.Render(tone, side)), p.input.Cursor()
}

func (p *Picker) row(item *Item, labelWidth, width int, selected bool) string {
	bar, render := " ", p.theme.Render
	if selected {
		bar, render = p.theme.Glyphs.Bar, p.theme.RenderSelected
	}
	tone, detail := item.Tone, item.Detail
	if item.Disabled != "" {
		tone, detail = theme.Muted, item.Disabled
	}
	note := item.Note
	room := max(0, width-labelWidth-4-cell.Width(note)-1)
	return render(theme.Accent, bar) +
		render(tone, cell.Pad(cell.Middle(item.Label, labelWidth), labelWidth, cell.Left)) +
		render(theme.Muted, "  "+cell.Pad(cell.Truncate(detail, room), room, cell.Left)+" ") +
		render(theme.Key, note)
}
