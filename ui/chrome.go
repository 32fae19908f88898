package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"quarterdeck/keymap"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// compose draws the header, the view, and the footer or what is over it.
func (a *App) compose(top View) (string, *tea.Cursor) {
	head := top.Header()
	rows := a.height - 2
	if head.Problem != "" && rows > 2 {
		rows--
	}
	body := strings.Split(top.View(a.width, rows), "\n")
	lines := make([]string, 0, a.height)
	lines = append(lines, a.header(top, top.Header())) // drawing the view has told it what is visible
	lines = append(lines, body...)
	if head.Problem != "" && a.height-2 > 2 {
		lines = append(lines, a.opts.Theme.Render(theme.Warn, cell.Truncate(" "+head.Problem, a.width)))
	}
	var cursor *tea.Cursor
	switch {
	case a.dialog != nil:
		sheet, x := a.dialog.view(a.width, a.height-1)
		if a.toast.text != "" {
			sheet[len(sheet)-1] = a.footer()
		}
		lines = append(lines[:a.height-len(sheet)], sheet...)
		if x >= 0 {
			cursor = tea.NewCursor(x, a.height-2)
		}
	case a.picker != nil:
		sheet, x := a.picker.view(a.width, max(3, (a.height-1)*2/3))
		lines = append(lines[:a.height-len(sheet)], sheet...)
		cursor = tea.NewCursor(x, a.height-1)
	case a.prompt != nil:
		line, x := a.prompt.view(a.width)
		lines = append(lines, line)
		cursor = tea.NewCursor(x, a.height-1)
	default:
		lines = append(lines, a.footer())
	}
	return fitLines(lines, a.width, a.height), cursor
}

// fitLines returns exactly height lines. It is a last guard: a line that is too
// long would break the whole screen.
func fitLines(lines []string, width, height int) string {
	for len(lines) < height {
		lines = append(lines, "")
	}
	lines = lines[:height]
	for i, l := range lines {
		if len(l) > width && ansi.StringWidth(l) > width {
			lines[i] = ansi.Truncate(l, width, "")
		}
	}
	return strings.Join(lines, "\n")
}

// styled is a line of pieces with their tones.
type styled struct {
	theme *theme.Theme
	b     strings.Builder
	width int
}

func (s *styled) add(tone theme.Tone, text string) {
	s.b.WriteString(s.theme.Render(tone, text))
	s.width += cell.Width(text)
}

// header returns the top line: where we are on the left, how good the data is
// on the right. The right side is kept on narrow screens.
func (a *App) header(top View, h Header) string {
	th := a.opts.Theme
	right := styled{theme: th}
	if h.Count != "" {
		right.add(theme.Muted, h.Count+"  ")
	}
	if h.ReadOnly {
		right.add(theme.Warn, "RO")
		right.add(theme.Text, "  ")
	}
	right.add(h.StateTone, h.State)
	if h.Alarm != "" {
		right.add(theme.Text, "  ")
		right.add(h.AlarmTone, h.Alarm)
	}
	right.add(theme.Text, " ")

	left := styled{theme: th}
	room := a.width - right.width - 1
	left.add(theme.Text, " ")
	left.add(h.Tone, cell.Middle(h.Context, max(6, room/3)))
	left.add(theme.Text, "  ")
	left.add(theme.Header, cell.Middle(h.Scope, max(4, room/4)))
	left.add(theme.Text, "  ")
	if path := a.path(); len(path) > 1 {
		a.addPath(&left, path, room-left.width)
	} else {
		a.addPrimary(&left, h, top, room-left.width)
	}
	if left.width > room {
		return ansi.Truncate(left.b.String(), max(0, room), "") + " " + right.b.String()
	}
	return left.b.String() + strings.Repeat(" ", a.width-left.width-right.width) + right.b.String()
}

func (a *App) path() []string {
	var path []string
	for _, f := range a.stack {
		if f.view != nil {
			path = append(path, f.view.Title())
		} else {
			path = append(path, f.Place)
		}
	}
	return path
}

// addPath writes the path; on a narrow screen its beginning goes first.
func (a *App) addPath(line *styled, path []string, room int) {
	crumb := " " + a.opts.Theme.Glyphs.Crumb + " "
	from, start := 0, line.width
	need := func() int { return cell.Width(strings.Join(path[from:], crumb)) + cell.Width(crumb) }
	for from < len(path)-1 && need() > room {
		from++
	}
	if from > 0 {
		line.add(theme.Muted, string(a.opts.Theme.Glyphs.Ellipsis)+crumb)
	}
	for i, part := range path[from:] {
		if i > 0 {
			line.add(theme.Muted, crumb)
		}
		tone := theme.Header
		if from+i == len(path)-1 {
			tone = theme.Title
			part = cell.Middle(part, max(8, room-(line.width-start)))
		}
		line.add(tone, part)
	}
}

// addPrimary writes the views under number keys, and what they do not say of
// the view on top: its title, or the filter of a primary one. Where there is too
// little room for all, the others make room for that.
func (a *App) addPrimary(line *styled, h Header, top View, room int) {
	title := top.Title()
	width := func(title string) int { return cell.Width(title) + len("1   ") }
	for _, p := range a.opts.Primary {
		if b, _ := a.opts.Keys.Binding(p.ID); p.ID == h.Primary {
			title = strings.TrimSpace(strings.TrimPrefix(title, b.Title))
			room -= width(b.Title)
		}
	}
	room -= cell.Width(title)
	for _, p := range a.opts.Primary {
		b, _ := a.opts.Keys.Binding(p.ID)
		tone := theme.Active
		if p.ID != h.Primary {
			tone = theme.Muted
			if room -= width(b.Title); room < 0 {
				continue
			}
		}
		line.add(theme.Key, a.opts.Keys.Label(p.ID))
		line.add(theme.Text, " ")
		line.add(tone, b.Title)
		line.add(theme.Text, "  ")
	}
	line.add(theme.Title, title)
}

// footer returns the bottom line: a message, or the most useful keys.
func (a *App) footer() string {
	if a.toast.text != "" {
		return a.opts.Theme.Render(a.toast.tone, cell.Truncate(" "+a.toast.text, a.width))
	}
	line := styled{theme: a.opts.Theme}
	line.add(theme.Text, " ")
	// Help is where all other keys are found: it stays on narrow screens.
	help := styled{theme: a.opts.Theme}
	a.hint(&help, Action{ID: keymap.AppHelp}, a.width)
	busy := a.busy(a.width)
	for _, action := range a.actions() {
		if action.Quiet || action.ID == keymap.AppHelp {
			continue
		}
		if !a.hint(&line, action, a.width-help.width-busy.width) {
			break
		}
	}
	if busy.width == 0 {
		return line.b.String() + help.b.String()
	}
	gap := strings.Repeat(" ", max(0, a.width-line.width-help.width-busy.width))
	return line.b.String() + help.b.String() + gap + busy.b.String()
}

// hint adds the key of an action and what it does to the line, if that has the
// room.
func (a *App) hint(line *styled, action Action, room int) bool {
	b, ok := a.opts.Keys.Binding(action.ID)
	key := a.opts.Keys.Label(action.ID)
	if !ok || key == "" {
		return true
	}
	title := action.Title
	if title == "" {
		title = b.Title
	}
	if line.width+cell.Width(key)+cell.Width(title)+3 > room {
		return false
	}
	if action.Disabled != "" {
		line.add(theme.Muted, key+" "+title+"  ")
		return true
	}
	line.add(theme.Key, key)
	line.add(theme.Text, " "+title+"  ")
	return true
}

// promptKey handles a key while a prompt is open.
func (a *App) promptKey(msg tea.KeyPressMsg) tea.Cmd {
	p := a.prompt
	for _, id := range a.opts.Keys.ActionsIn(msg.String(), keymap.Prompt) {
		switch id {
		case keymap.PromptAccept:
			if why := p.problem(); why != "" {
				return a.say(theme.Error, why)
			}
			a.prompt = nil
			return a.perform(p.accept())
		case keymap.PromptCancel:
			a.prompt = nil
			return a.perform(p.cancel())
		case keymap.AppRedraw:
			return tea.ClearScreen
		case keymap.AppSuspend:
			return tea.Suspend
		case keymap.PromptComplete:
			return a.perform(p.complete())
		}
	}
	return a.perform(p.key(msg))
}

// pickerKey handles a key while a picker is open.
func (a *App) pickerKey(msg tea.KeyPressMsg) tea.Cmd {
	p := a.picker
	for _, id := range a.opts.Keys.ActionsIn(msg.String(), keymap.Prompt|keymap.Dialog) {
		switch id {
		case keymap.PromptAccept:
			return a.choose()
		case keymap.PromptCancel:
			a.picker = nil
			return nil
		case keymap.PromptNext:
			p.move(1)
			return nil
		case keymap.PromptPrevious:
			p.move(-1)
			return nil
		case keymap.PromptComplete:
			p.complete()
			return nil
		case keymap.AppRedraw:
			return tea.ClearScreen
		case keymap.AppSuspend:
			return tea.Suspend
		}
	}
	if p.super != nil && p.input.Value() == "" && msg.Code == tea.KeyBackspace {
		a.picker = p.super
		return nil
	}
	p.key(msg)
	return a.enterSub()
}
