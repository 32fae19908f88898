package ui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/prompt"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// Dialog asks before something happens. It shows what would happen, in lines
// that may change while it is open, and waits for the key that says yes; enter
// is never that key. It opens from the bottom of the screen, under the header.
type Dialog struct {
	// Title is what is asked: "delete 2 pods?". Tone is its tone.
	Title string
	Tone  theme.Tone
	// Lines returns what there is to know. It is asked with every frame; long
	// lines are wrapped.
	Lines func() []textview.Line
	// Options are what can be chosen before saying yes.
	Options []Option
	// Name must be typed to say yes, "" if a key is enough. NameOf says what it
	// is the name of.
	Name, NameOf string
	// Yes is what the key does: "delete".
	Yes string
	// Blocked says why yes cannot be said now, "" if it can.
	Blocked func() string
	// Command is what the key for copying copies, "" for nothing.
	Command func() string
	// Load fetches what the lines show. Its message goes to Loaded, and so do the
	// messages of the Cmds that Loaded and Options return.
	Load   tea.Cmd
	Loaded func(tea.Msg) tea.Cmd
	// Accept is called when yes is said, Cancel when the dialog is left without.
	Accept func() tea.Msg
	Cancel func() tea.Msg
	// Back goes back to where what is asked about comes from, such as an editor;
	// nil if there is no such place. BackTitle is what its key does.
	Back      func() tea.Msg
	BackTitle string

	theme *theme.Theme
	keys  keymap.Map
	input *prompt.Prompt // nil if no name is asked for
	body  *textview.Pager
	rows  int // of the body, shown last
	focus int // the option that the arrows turn
	// sudden says that the dialog came up by itself: a letter that is typed may
	// have been meant for what was there before.
	sudden bool
}

// Option is a choice among few values.
type Option struct {
	Title  string
	Values []string
	Value  int
	// Changed is called with the position of the value that was chosen.
	Changed func(value int) tea.Cmd
}

type dialogMsg struct {
	to  *Dialog
	msg tea.Msg
}

// DialogMsg opens a dialog.
type DialogMsg struct{ Dialog *Dialog }

// Confirm opens a dialog.
func Confirm(d *Dialog) tea.Msg { return DialogMsg{d} }

func (d *Dialog) init(th *theme.Theme, keys keymap.Map) tea.Cmd {
	d.theme, d.keys, d.body = th, keys, textview.New(th)
	d.body.SetWrap(true)
	if d.Name != "" {
		d.input = prompt.New(th, "type "+d.Name+th.Glyphs.Crumb+" ")
	}
	return d.deliver(d.Load)
}

// deliver returns a Cmd whose message comes back to the dialog.
func (d *Dialog) deliver(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	return func() tea.Msg { return dialogMsg{d, cmd()} }
}

func (d *Dialog) update(msg tea.Msg) tea.Cmd {
	if d.Loaded == nil {
		return nil
	}
	return d.deliver(d.Loaded(msg))
}

// key handles a key that is none of the dialog's own.
func (d *Dialog) key(msg tea.KeyPressMsg) {
	if d.input != nil {
		d.input.Update(msg)
	}
}

// typed says what is wrong with the name, "" if it is the right one.
func (d *Dialog) typed() string {
	if d.input == nil {
		return ""
	}
	switch text := strings.TrimSpace(d.input.Value()); text { // a paste often has a line feed
	case d.Name:
		return ""
	case "":
		return fmt.Sprintf("type %s, the name of %s, to go on", d.Name, d.NameOf)
	default:
		return fmt.Sprintf("%q is not %s", text, d.Name)
	}
}

// refusal says why yes cannot be said, "" if it can.
func (d *Dialog) refusal() string {
	if d.Blocked != nil {
		if why := d.Blocked(); why != "" {
			return why
		}
	}
	return d.typed()
}

// next moves the focus to the next option.
func (d *Dialog) next() {
	if len(d.Options) > 0 {
		d.focus = (d.focus + 1) % len(d.Options)
	}
}

// turn chooses the next or the previous value of the option with the focus.
func (d *Dialog) turn(n int) tea.Cmd {
	if len(d.Options) == 0 {
		return nil
	}
	o := &d.Options[d.focus]
	o.Value = (o.Value + n + len(o.Values)) % len(o.Values)
	if o.Changed == nil {
		return nil
	}
	return d.deliver(o.Changed(o.Value))
}

// view returns the sheet, at most height lines, and the column of the cursor,
// -1 if there is none.
func (d *Dialog) view(width, height int) ([]string, int) {
	th := d.theme
	sheet := []string{
		th.Render(theme.Rule, strings.Repeat(th.Glyphs.Rule, width)),
		th.Render(d.Tone, cell.Truncate(" "+d.Title, width)),
	}
	var foot []string
	if len(d.Options) > 0 {
		foot = append(foot, d.options(width))
	}
	x := -1
	if d.input != nil {
		foot = append(foot, " "+d.input.View(width-1))
		x = d.input.Cursor() + 1
	}
	foot = append(foot, d.hints(width))
	if d.Lines != nil {
		d.body.SetLines(d.Lines())
		room := max(0, height-len(sheet)-len(foot))
		d.body.SetSize(width-2, d.rows)
		d.rows = min(room, d.body.Rows())
		d.body.SetSize(width-2, d.rows)
		if d.rows > 0 {
			for _, l := range strings.Split(d.body.View(), "\n") {
				sheet = append(sheet, "  "+l)
			}
			if more := "  " + th.Glyphs.Descending + " more below"; d.rows == room && d.body.Percent() < 100 {
				sheet[1] = th.Render(d.Tone, cell.Truncate(" "+d.Title, max(0, width-cell.Width(more)))) + th.Render(theme.Muted, more)
			}
		}
	}
	sheet = append(sheet, foot...)
	return sheet[max(0, len(sheet)-height):], x // on a screen too small for it, the keys
}

func (d *Dialog) options(width int) string {
	line := styled{theme: d.theme}
	line.add(theme.Text, " ")
	for i, o := range d.Options {
		bar, tone := " ", theme.Muted
		if i == d.focus {
			bar, tone = d.theme.Glyphs.Bar, theme.Text
		}
		line.add(theme.Accent, bar)
		line.add(tone, o.Title+" ")
		line.add(theme.Title, d.theme.Glyphs.MoreLeft+o.Values[o.Value]+d.theme.Glyphs.MoreRight)
		line.add(theme.Text, "  ")
	}
	if line.width > width {
		return cell.Truncate(line.b.String(), width)
	}
	return line.b.String()
}

// hints returns the keys of the dialog. What keeps from saying yes is more
// important than all of them but the one that leaves.
func (d *Dialog) hints(width int) string {
	line := styled{theme: d.theme}
	line.add(theme.Text, " ")
	hint := func(key, title string) {
		if key != "" && line.width+cell.Width(key)+cell.Width(title)+3 <= width {
			line.add(theme.Key, key)
			line.add(theme.Text, " "+title+"  ")
		}
	}
	why := d.refusal()
	if why == "" {
		hint(d.label(keymap.DialogYes), d.Yes)
	}
	if d.Back != nil {
		hint(d.label(keymap.DialogBack), d.BackTitle)
	}
	hint(d.label(keymap.PromptCancel), "cancel")
	if why != "" {
		line.add(theme.Warn, cell.Truncate(why, max(0, width-line.width)))
		line.add(theme.Text, "  ")
	}
	if len(d.Options) > 0 {
		hint(d.label(keymap.DialogOption), "option")
		hint("left right", "value")
	}
	if d.Command != nil && d.Command() != "" {
		hint(d.label(keymap.DialogCopy), "copy command")
	}
	return line.b.String()
}

// label returns the key to show for an action: where a name is typed, or letters
// may be meant for something else, one that is no letter.
func (d *Dialog) label(id keymap.ActionID) string {
	b, _ := d.keys.Binding(id)
	for _, key := range b.Keys {
		if d.input == nil && !d.sudden || !printable(key) {
			return key
		}
	}
	return ""
}

// printable reports whether a key types something.
func printable(key string) bool { return len([]rune(key)) == 1 || key == "space" }

// dialogKey handles a key while a dialog is open.
func (a *App) dialogKey(msg tea.KeyPressMsg) tea.Cmd {
	d, key := a.dialog, msg.String()
	if d.input != nil && (printable(key) || key == "backspace") {
		d.key(msg)
		return nil
	}
	if key == "enter" {
		return a.say(theme.Warn, "enter does not say yes: "+d.label(keymap.DialogYes)+" does, "+d.label(keymap.PromptCancel)+" leaves")
	}
	ids := a.opts.Keys.ActionsIn(key, keymap.Confirm)
	if bare, ok := afterEscape(msg); ok && len(ids) == 0 {
		return tea.Batch(a.leaveDialog(), a.key(bare))
	}
	if len(ids) == 0 {
		d.key(msg)
		return nil
	}
	switch ids[0] {
	case keymap.DialogYes:
		if d.sudden && printable(key) {
			return a.say(theme.Warn, key+" is typed too easily here: "+d.label(keymap.DialogYes)+" says yes")
		}
		if d.refusal() != "" {
			return nil // the reason stands beside the keys
		}
		a.dialog = nil
		return a.perform(d.Accept())
	case keymap.PromptCancel:
		return a.leaveDialog()
	case keymap.DialogBack:
		if d.Back == nil {
			return nil
		}
		a.dialog = nil
		return a.perform(d.Back())
	case keymap.DialogCopy:
		if d.Command == nil {
			return nil
		}
		return a.update(Copy(d.Command(), "the command"))
	case keymap.DialogOption:
		d.next()
	case keymap.MoveLeft:
		return d.turn(-1)
	case keymap.MoveRight:
		return d.turn(1)
	case keymap.AppRedraw:
		return tea.ClearScreen
	case keymap.AppSuspend:
		return tea.Suspend
	default:
		d.scroll(ids[0])
	}
	return nil
}

// leaveDialog closes the dialog, if one is open, without a yes.
func (a *App) leaveDialog() tea.Cmd {
	d := a.dialog
	a.dialog = nil
	if d == nil || d.Cancel == nil {
		return nil
	}
	return a.perform(d.Cancel())
}

// scroll moves through lines that do not fit.
func (d *Dialog) scroll(id keymap.ActionID) {
	switch id {
	case keymap.MoveUp:
		d.body.Up()
	case keymap.MoveDown:
		d.body.Down()
	case keymap.MovePageUp:
		d.body.PageUp()
	case keymap.MovePageDown:
		d.body.PageDown()
	case keymap.MoveTop:
		d.body.Home()
	case keymap.MoveBottom:
		d.body.End()
	}
}
