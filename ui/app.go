package ui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/ui/theme"
)

// Options are what App needs from outside.
type Options struct {
	Theme *theme.Theme
	Keys  keymap.Map
	// Primary are the views under number keys, in the order of the header.
	Primary []Primary
	// Palette returns the palette for the view on top.
	Palette func(top View) *Picker
	// Start opens the first view.
	Start Frame
	// Mouse captures the mouse, which takes away the terminal's own selection.
	Mouse bool
	// Clipboard is false where OSC 52 must not be used.
	Clipboard bool
	// Notices returns lines that came up since the last call, such as warnings
	// of the server; they are shown one after the other.
	Notices func() []string
	// Call returns what to write to the terminal to call the user to it and tell
	// him a line, "" for nothing. A nil Call never does.
	Call func(text string) string
	// Running returns what else ends with the program, each in a line: it is
	// asked about before the user quits.
	Running func() []string
}

// Primary is a view under a number key.
type Primary struct {
	ID keymap.ActionID
	// Open returns a frame with the view in the scope of top.
	Open func(top View) Frame
}

// App is the program's tea.Model. See the package's comment on goroutines.
type App struct {
	opts          Options
	width, height int

	stack        []Frame   // the last is on top and visible
	past, future [][]Frame // of stacks, for history; their views are closed
	picker       *Picker
	recent       []choice // of the palette, newest first
	prompt       *promptLine
	dialog       *Dialog
	tasks        []*running // oldest first
	ends         []tea.Msg  // of tasks, until the user has answered what he is asked
	leaving      bool       // the program ends when the tasks have
	toast        toast
	notices      []string
	drawn        tea.View // valid while !dirty
	dirty        bool
}

type toast struct {
	text string
	tone theme.Tone
	seq  int // of the newest, so that an older one's end does not end it
	// stays says that it is there until a key is pressed.
	stays bool
}

const (
	toastTime    = 4 * time.Second
	historyLimit = 50
)

type (
	clockMsg    struct{}
	toastEndMsg struct{ seq int }
)

// New returns the program.
func New(opts Options) *App { return &App{opts: opts, dirty: true} }

// Init opens the first view.
func (a *App) Init() tea.Cmd { return tea.Batch(a.push(a.opts.Start), tick()) }

func tick() tea.Cmd { return tea.Tick(clock, func(time.Time) tea.Msg { return clockMsg{} }) }

// Update handles one message.
func (a *App) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg.(type) {
	case tea.EnvMsg, tea.ColorProfileMsg, tea.KeyboardEnhancementsMsg, tea.FocusMsg, tea.BlurMsg, tea.MouseMotionMsg:
		return a, nil // nothing on the screen depends on them
	}
	a.dirty = true
	cmd := a.update(msg)
	return a, tea.Batch(cmd, a.conclude())
}

func (a *App) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		if plausible(msg.Width, msg.Height) {
			a.width, a.height = msg.Width, msg.Height
		}
	case tea.KeyPressMsg:
		return a.key(msg)
	case tea.PasteMsg:
		return a.paste(msg.Content)
	case tea.MouseWheelMsg:
		return a.wheel(msg)
	case tea.MouseClickMsg:
		return a.click(msg)
	case tea.ResumeMsg:
		return tea.ClearScreen
	case clockMsg:
		return tea.Batch(tick(), a.takeNotices())
	case toastEndMsg:
		if msg.seq == a.toast.seq {
			a.toast.text = ""
			return a.nextNotice()
		}
	case delivery:
		if slices.ContainsFunc(a.stack, func(f Frame) bool { return f.view == msg.to }) {
			return msg.to.Update(msg.msg)
		}
	case PushMsg:
		return a.push(msg.Frame)
	case RootMsg:
		return a.root(msg.Frames)
	case ReplaceMsg:
		return a.replace(msg.Frame)
	case BackMsg:
		return a.back()
	case PromptMsg:
		a.prompt = newPromptLine(a.opts.Theme, msg.Prompt)
	case PickMsg:
		a.picker = msg.Picker
		return a.picker.init(a.opts.Theme)
	case pickerMsg:
		return a.loaded(msg)
	case ToastMsg:
		return a.say(msg.Tone, msg.Text)
	case AlertMsg:
		return a.alert(msg)
	case CopyMsg:
		return a.copy(msg)
	default:
		return a.updateChange(msg)
	}
	return nil
}

// updateChange handles the messages of dialogs and tasks.
func (a *App) updateChange(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case DialogMsg:
		left := a.leaveDialog()
		a.dialog, a.toast.text = msg.Dialog, "" // which would hide the keys of the dialog
		return tea.Batch(left, a.dialog.init(a.opts.Theme, a.opts.Keys))
	case dialogMsg:
		if a.dialog == msg.to {
			a.toast.text = "" // said of what was known before
			return msg.to.update(msg.msg)
		}
	case TaskMsg:
		return a.start(msg.Task)
	case taskEndMsg:
		return a.ended(msg)
	case taskClockMsg:
		if len(a.tasks) > 0 {
			return tickTask()
		}
	}
	return nil
}

// plausible refuses the sizes that broken terminals report: Bubble Tea from
// v2.1 on does so itself.
func plausible(w, h int) bool { return w > 0 && h > 0 && w <= 4096 && h <= 4096 && w*h <= 1<<20 }

// over reports whether something is open over the view.
func (a *App) over() bool { return a.dialog != nil || a.picker != nil || a.prompt != nil }

func (a *App) top() View {
	if len(a.stack) == 0 {
		return nil
	}
	return a.stack[len(a.stack)-1].view
}

// push opens a view over the one on top.
func (a *App) push(f Frame) tea.Cmd {
	a.remember()
	if top := a.top(); top != nil {
		top.Hide()
	}
	a.stack = append(a.stack, f)
	return a.show()
}

// root replaces the stack.
func (a *App) root(frames []Frame) tea.Cmd {
	if len(frames) == 0 {
		return nil
	}
	a.remember()
	a.closeAll()
	a.stack = slices.Clone(frames)
	return a.show()
}

// replace opens a view in the place of the one on top. History does not keep
// the one that goes.
func (a *App) replace(f Frame) tea.Cmd {
	if top := a.top(); top != nil {
		top.Hide()
		top.Close()
		a.stack = a.stack[:len(a.stack)-1]
	}
	a.stack = append(a.stack, f)
	return a.show()
}

// back closes the top view and shows the one below.
func (a *App) back() tea.Cmd {
	if len(a.stack) < 2 {
		return a.say(theme.Muted, "nothing to go back to: "+a.opts.Keys.Label(keymap.AppQuit)+" quits")
	}
	a.remember()
	a.top().Hide()
	a.top().Close()
	a.stack = a.stack[:len(a.stack)-1]
	return a.show()
}

// show opens the top frame if it has no view yet, and shows it.
func (a *App) show() tea.Cmd {
	f := &a.stack[len(a.stack)-1]
	if f.view == nil {
		f.view = f.Open()
	}
	a.prompt, a.picker = nil, nil
	return tea.Batch(a.leaveDialog(), f.view.Show())
}

func (a *App) closeAll() {
	for i := range a.stack {
		if v := a.stack[i].view; v != nil {
			if i == len(a.stack)-1 {
				v.Hide()
			}
			v.Close()
		}
	}
	a.stack = nil
}

// remember puts the stack, as it is now, into the history.
func (a *App) remember() {
	if len(a.stack) == 0 {
		return
	}
	a.past = append(a.past, closed(a.stack))
	if len(a.past) > historyLimit {
		a.past = a.past[1:]
	}
	a.future = nil
}

func closed(stack []Frame) []Frame {
	frames := slices.Clone(stack)
	for i := range frames {
		frames[i].view = nil
	}
	return frames
}

// travel goes to the last stack of from and puts the present one into to.
func (a *App) travel(from, to *[][]Frame, end string) tea.Cmd {
	n := len(*from)
	if n == 0 {
		return a.say(theme.Muted, end)
	}
	frames := (*from)[n-1]
	*from = (*from)[:n-1]
	*to = append(*to, closed(a.stack))
	a.closeAll()
	a.stack = frames
	return a.show()
}

// say shows text in the footer for a while.
func (a *App) say(tone theme.Tone, text string) tea.Cmd {
	a.toast = toast{text: text, tone: tone, seq: a.toast.seq + 1}
	seq := a.toast.seq
	long := toastTime
	if tone == theme.Error || tone == theme.Warn {
		long *= 2
	}
	return tea.Tick(long, func(time.Time) tea.Msg { return toastEndMsg{seq} })
}

func (a *App) takeNotices() tea.Cmd {
	if a.opts.Notices == nil {
		return nil
	}
	const most = 20 // what one person reads
	a.notices = append(a.notices, a.opts.Notices()...)
	if n := len(a.notices); n > most {
		a.notices = a.notices[n-most:]
	}
	return a.nextNotice()
}

func (a *App) nextNotice() tea.Cmd {
	if len(a.notices) == 0 || a.toast.text != "" {
		return nil
	}
	text := a.notices[0]
	a.notices = a.notices[1:]
	return a.say(theme.Warn, text)
}

func (a *App) copy(msg CopyMsg) tea.Cmd {
	if !a.opts.Clipboard {
		return a.say(theme.Warn, "the clipboard is switched off in the configuration (ui.clipboard)")
	}
	if strings.TrimSpace(msg.Text) == "" {
		return a.say(theme.Warn, "nothing to copy")
	}
	return tea.Batch(tea.SetClipboard(msg.Text), a.say(theme.Muted, "copied "+msg.What))
}

// key gives a key to the first of dialog, prompt, view and program that wants it.
func (a *App) key(msg tea.KeyPressMsg) tea.Cmd {
	if a.toast.tone == theme.Error || a.toast.tone == theme.Warn || a.toast.stays {
		a.toast.text = "" // it has been seen
	}
	key := msg.String()
	switch {
	case a.dialog != nil:
		return a.dialogKey(msg)
	case a.picker != nil:
		return a.pickerKey(msg)
	case a.prompt != nil:
		return a.promptKey(msg)
	}
	if a.top() == nil {
		return nil
	}
	if bare, ok := afterEscape(msg); ok && len(a.opts.Keys.Actions(key)) == 0 {
		return tea.Batch(a.command("esc"), a.key(bare))
	}
	return a.command(key)
}

// afterEscape returns the key that was pressed right after escape. Terminals
// send alt with a key as escape and the key, so where both arrive in one piece,
// as over a slow connection, they cannot be told apart. Nothing here is on alt
// unless the user put it there.
func afterEscape(msg tea.KeyPressMsg) (tea.KeyPressMsg, bool) {
	if msg.Mod&tea.ModAlt == 0 {
		return msg, false
	}
	msg.Mod &^= tea.ModAlt
	// Alt takes the text away: s with shift is S again.
	letter := msg.Code
	if msg.Mod&tea.ModShift != 0 && msg.ShiftedCode != 0 {
		letter = msg.ShiftedCode
	}
	if msg.Mod&^tea.ModShift == 0 && letter > ' ' && letter < 0x7f {
		msg.Text = string(letter)
	}
	return msg, true
}

// command does what a key means in the view on top.
func (a *App) command(key string) tea.Cmd {
	top := a.top()
	ids := a.opts.Keys.ActionsIn(key, top.Scope())
	for _, id := range ids {
		if strings.HasPrefix(string(id), "move.") {
			top.Move(id)
			return nil
		}
		for _, action := range a.actions() {
			if action.ID == id {
				return a.run(action)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	// A key that does something elsewhere is answered, not swallowed.
	var titles []string
	for _, id := range ids {
		if b, ok := a.opts.Keys.Binding(id); ok && !slices.Contains(titles, b.Title) {
			titles = append(titles, b.Title)
		}
	}
	return a.say(theme.Muted, key+" ("+strings.Join(titles, ", ")+") is not for what is selected here")
}

// run does an action, or says why not.
func (a *App) run(action Action) tea.Cmd {
	if action.Disabled != "" {
		return a.say(theme.Warn, action.Disabled)
	}
	return a.perform(action.Run())
}

// perform does at once what an action asks of App, so that a key that is typed
// ahead goes to the prompt that the key before it opened, and not to what was
// there before.
func (a *App) perform(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case nil:
		return nil
	case tea.Cmd:
		return msg
	case func() tea.Msg:
		return msg
	}
	return a.update(msg)
}

// actions returns what can be done now: the view's own first. What a view does
// itself, such as to clear its filter before going back, stands for the
// program's action of that ID.
func (a *App) actions() []Action {
	var own []Action
	if top := a.top(); top != nil {
		own = top.Actions()
	}
	global := slices.DeleteFunc(a.global(), func(g Action) bool {
		return slices.ContainsFunc(own, func(o Action) bool { return o.ID == g.ID })
	})
	return append(slices.Clip(own), global...)
}

func (a *App) global() []Action {
	quiet := func(id keymap.ActionID, run func() tea.Msg) Action {
		return Action{ID: id, Quiet: true, Run: run}
	}
	actions := []Action{
		quiet(keymap.GoBack, func() tea.Msg { return a.back() }),
		quiet(keymap.HistoryBack, func() tea.Msg { return a.travel(&a.past, &a.future, "this is where the history begins") }),
		quiet(keymap.HistoryForward, func() tea.Msg { return a.travel(&a.future, &a.past, "this is the newest place") }),
		{ID: keymap.AppPalette, Run: func() tea.Msg { return a.palette() }},
		quiet(keymap.AppMenu, func() tea.Msg { return a.menu() }),
		{ID: keymap.AppHelp, Run: func() tea.Msg { return a.push(helpFrame(a.opts, a.top())) }},
		quiet(keymap.AppRedraw, func() tea.Msg { return tea.ClearScreen }),
		quiet(keymap.AppSuspend, func() tea.Msg { return tea.Suspend }),
		quiet(keymap.AppQuit, a.quit),
		a.taskAction(),
	}
	for _, p := range a.opts.Primary {
		actions = append(actions, quiet(p.ID, func() tea.Msg { return a.root([]Frame{p.Open(a.top())}) }))
	}
	return actions
}

func (a *App) paste(text string) tea.Cmd {
	switch {
	case a.dialog != nil:
		if a.dialog.input != nil {
			a.dialog.input.Paste(text)
		}
	case a.picker != nil:
		a.picker.paste(text)
		return a.enterSub()
	case a.prompt != nil:
		return a.perform(a.prompt.paste(text))
	}
	return nil // letters of a paste are no commands
}

// Pointer is implemented by views that follow the mouse.
type Pointer interface {
	// Click selects what is on a line of the view, and opens it if it was
	// selected before.
	Click(line int) tea.Msg
}

func (a *App) wheel(msg tea.MouseWheelMsg) tea.Cmd {
	top := a.top()
	if top == nil || a.over() {
		return nil
	}
	switch msg.Mouse().Button {
	case tea.MouseWheelUp:
		top.Move(keymap.MoveUp)
	case tea.MouseWheelDown:
		top.Move(keymap.MoveDown)
	default:
	}
	return nil
}

func (a *App) click(msg tea.MouseClickMsg) tea.Cmd {
	p, ok := a.top().(Pointer)
	if !ok || a.over() || msg.Mouse().Button != tea.MouseLeft {
		return nil
	}
	return a.perform(p.Click(msg.Mouse().Y - 1))
}

// View returns the frame. Bubble Tea asks for it after every message; it is
// composed only if something changed.
func (a *App) View() tea.View {
	if a.dirty {
		a.drawn, a.dirty = a.draw(), false
	}
	return a.drawn
}

func (a *App) draw() tea.View {
	v := tea.View{AltScreen: true}
	if a.opts.Mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	top := a.top()
	switch {
	case a.width == 0 || top == nil:
	case a.width < minWidth || a.height < minHeight:
		v.Content = fitLines([]string{fmt.Sprintf("%dx%d is too small", a.width, a.height)}, a.width, a.height)
	default:
		v.Content, v.Cursor = a.compose(top)
		v.WindowTitle = "qd " + top.Header().Context
	}
	return v
}

// The smallest terminal that can show a row.
const (
	minWidth  = 20
	minHeight = 4
)
