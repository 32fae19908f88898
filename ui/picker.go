package ui

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/ui/cell"
	"quarterdeck/ui/prompt"
	"quarterdeck/ui/theme"
)

// Picker lets the user choose one of a list by typing a part of it. It opens
// from the bottom of the screen: the list, and under it the line being typed.
//
// Enter never takes what is typed for something that the list is about to have:
// while Load is under way and no item begins with the text, it waits.
type Picker struct {
	Title string
	Items []Item
	// Free makes an item of what is typed, for lists that may be incomplete; nil
	// if only the items can be chosen. It stands in a row of its own, and only
	// where the items have nothing better. sure says that it is what is meant
	// though more items are still to come.
	Free func(text string) (item Item, sure bool)
	// Load fetches more items while the picker is already open, all at the same
	// time. Their messages are of type Loaded.
	Load []tea.Cmd
	// Loads says what is fetched: "namespaces".
	Loads string
	// Sub returns the picker that takes over what is typed after a word and a
	// space, and what of the text is for it; nil if there is none. To rub out the
	// beginning of its text leads back.
	Sub func(text string) (sub *Picker, rest string)

	theme   *theme.Theme
	input   *prompt.Prompt
	shown   []int // positions in Items or freeRow, best match first
	free    Item  // what freeRow stands for
	sure    bool  // of free
	fit     fit   // of the best item
	cursor  int
	moved   bool // the user has moved the cursor since the text changed
	entered bool // enter waits for what is being loaded
	loading int  // how many of Load have not answered
	problem string
	super   *Picker // whose Sub it is
	palette bool
	recent  []choice // newest first; they come before others that fit as well
}

// freeRow is the place in shown of the item that Free made.
const freeRow = -1

// Item is one choice.
type Item struct {
	Label    string
	Aliases  []string // other words for it
	Detail   string   // what it is, in a few words
	Note     string   // at the right: its key
	Tone     theme.Tone
	Rank     int    // of those that fit equally well, the lowest comes first
	Disabled string // why it cannot be chosen, "" if it can
	Current  bool   // where the cursor begins
	Run      func() tea.Msg
}

// choice names an item that was chosen.
type choice struct {
	rank  int
	label string
}

// Loaded is what one of a picker's Load found.
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
	p.loading = len(p.Load)
	p.match()
	cmds := make([]tea.Cmd, len(p.Load))
	for i, load := range p.Load {
		cmds[i] = func() tea.Msg {
			loaded, _ := load().(Loaded)
			return pickerMsg{p, loaded}
		}
	}
	return tea.Batch(cmds...)
}

// update takes what was loaded. The cursor stays on what the user moved it to.
func (p *Picker) update(msg Loaded) {
	p.loading--
	if msg.Problem != "" {
		p.problem = strings.TrimPrefix(p.problem+"; "+msg.Problem, "; ")
	}
	selected, chosen := freeRow, p.moved && p.cursor < len(p.shown)
	if chosen {
		selected = p.shown[p.cursor]
	}
	p.Items = append(p.Items, msg.Items...)
	p.match()
	if at := slices.Index(p.shown, selected); chosen && at >= 0 {
		p.cursor = at
	}
}

func (p *Picker) key(msg tea.KeyPressMsg) {
	before := p.input.Value()
	p.input.Update(msg)
	if p.input.Value() != before {
		p.typed()
	}
}

func (p *Picker) paste(text string) {
	p.input.Paste(text)
	p.typed()
}

// typed looks again for what fits, after the text has changed.
func (p *Picker) typed() {
	p.moved, p.entered = false, false
	p.match()
}

func (p *Picker) text() string { return strings.TrimSpace(p.input.Value()) }

func (p *Picker) move(n int) {
	p.cursor = max(0, min(p.cursor+n, len(p.shown)-1))
	p.moved, p.entered = true, false
}

// complete types the label under the cursor.
func (p *Picker) complete() {
	if p.cursor < len(p.shown) && p.shown[p.cursor] != freeRow {
		p.input.SetValue(p.Items[p.shown[p.cursor]].Label)
		p.typed()
	}
}

// waits reports whether what is still being loaded may fit better than all that
// is there.
func (p *Picker) waits() bool {
	return p.loading > 0 && !p.moved && !p.sure && p.fit > begins && p.text() != ""
}

// guesses reports whether what enter would take is only what was typed.
func (p *Picker) guesses() bool {
	return p.cursor >= len(p.shown) || p.shown[p.cursor] == freeRow && !p.sure
}

// choice returns the item to run, or why it cannot be.
func (p *Picker) choice() (item Item, ok bool, why string) {
	if p.cursor < len(p.shown) {
		item = *p.item(p.shown[p.cursor])
		return item, true, item.Disabled
	}
	if text := p.text(); text != "" {
		return Item{}, false, fmt.Sprintf("%s: nothing matches %q", p.Title, text)
	}
	return Item{}, false, ""
}

func (p *Picker) item(i int) *Item {
	if i == freeRow {
		return &p.free
	}
	return &p.Items[i]
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
		labelWidth = max(labelWidth, cell.Width(p.item(i).Label))
	}
	labelWidth = min(labelWidth, width*2/3)
	for n, i := range p.shown[top : top+rows] {
		lines = append(lines, p.row(p.item(i), labelWidth, width, top+n == p.cursor))
	}
	side, tone := p.state()
	side = cell.Truncate(side, width/2)
	input := p.input.View(width - cell.Width(side) - 2)
	return append(lines, input+" "+p.theme.Render(tone, side)), p.input.Cursor()
}

// state says how many items fit, and whether these are all.
func (p *Picker) state() (string, theme.Tone) {
	found := len(p.shown)
	if slices.Contains(p.shown, freeRow) {
		found--
	}
	ellipsis := string(p.theme.Glyphs.Ellipsis)
	switch {
	case p.entered:
		return "loading " + p.Loads + ellipsis, theme.Busy
	case p.loading > 0:
		return "loading" + ellipsis, theme.Muted
	case p.problem != "":
		return p.problem, theme.Warn
	case len(p.Items) == 0 && p.Free == nil:
		return "nothing to choose from", theme.Warn
	case found == 0 && !p.sure:
		return "nothing matches", theme.Warn
	}
	return fmt.Sprintf("%d of %d", found, len(p.Items)), theme.Muted
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
