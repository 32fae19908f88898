// Package ui is the program on the terminal: one model, a stack of views, and
// around them the header, the footer, prompts, dialogs and help. It knows
// nothing of Kubernetes; package views does.
//
// All state belongs to Bubble Tea's one goroutine. Whatever takes time runs in
// a tea.Cmd and comes back as a message; see Deliver.
package ui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/ui/theme"
)

// View is one screen. App calls its methods from one goroutine.
type View interface {
	// Title is the view's part of the path in the header.
	Title() string
	// Header describes what the view shows and how good its data is.
	Header() Header
	// Scope says which bindings listen while the view is on top.
	Scope() keymap.Scope
	// Actions are what the user can do now. Footer, menu, palette, help and
	// dispatch all read this.
	Actions() []Action
	// Move handles the movement bindings.
	Move(id keymap.ActionID)
	// Show is called when the view comes to the top, for the first time or
	// again; Hide when another covers it. A hidden view reads nothing.
	Show() tea.Cmd
	Hide()
	// Update handles a message that was delivered to the view.
	Update(msg tea.Msg) tea.Cmd
	// View returns exactly height lines of at most width cells.
	View(width, height int) string
	// Close ends the view. Nothing is called after it.
	Close()
}

// Frame is a place on the stack: how to open a view, and the view if it is
// open. History keeps frames whose views are closed.
type Frame struct {
	// Place names what the frame shows, to tell two frames apart.
	Place string
	Open  func() View

	view View
}

// Action is something the user can do. Its keys and its words are in keymap.
type Action struct {
	ID keymap.ActionID
	// Title replaces the binding's title where the view knows better.
	Title string
	// Disabled says why the action cannot be done now, "" if it can.
	Disabled string
	// Quiet keeps the action out of the footer.
	Quiet bool
	// Run does it. What it returns is done before the next key is looked at: a
	// message of App's, such as Push or Ask; or it is a tea.Cmd, which runs in
	// the background.
	Run func() tea.Msg
}

// Header is what the top line says of a view.
type Header struct {
	Context   string
	Tone      theme.Tone // of the context
	Scope     string     // namespace or "all"
	Primary   keymap.ActionID
	Count     string // how many rows, "12 of 340"
	State     string // "live", "loading 1,500", "stale 42s"
	StateTone theme.Tone
	ReadOnly  bool
	Alarm     string // what is wrong wherever one looks, "3 crit 5 warn"
	AlarmTone theme.Tone
	Problem   string // one line below the rows: why the data is not all there
}

// Deliver returns a Cmd whose message is given to the view to, if that is
// still open by then.
func Deliver(to View, cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	return func() tea.Msg {
		msg := cmd()
		if msg == nil {
			return nil
		}
		return delivery{to, msg}
	}
}

type delivery struct {
	to  View
	msg tea.Msg
}

// The messages by which views ask App for something.
type (
	// PushMsg opens a view on top of the stack.
	PushMsg struct{ Frame Frame }
	// RootMsg replaces the whole stack.
	RootMsg struct{ Frames []Frame }
	// ReplaceMsg opens a view in the place of the one on top.
	ReplaceMsg struct{ Frame Frame }
	// BackMsg closes the top view.
	BackMsg struct{}
	// PromptMsg asks for a line of text.
	PromptMsg struct{ Prompt Prompt }
	// PickMsg asks to choose one of a list.
	PickMsg struct{ Picker *Picker }
	// ToastMsg shows a line in the footer for a while.
	ToastMsg struct {
		Text string
		Tone theme.Tone
	}
	// CopyMsg puts text on the clipboard.
	CopyMsg struct{ Text, What string }
)

// Push opens a view on top of the stack.
func Push(f Frame) tea.Msg { return PushMsg{f} }

// Root replaces the whole stack.
func Root(frames ...Frame) tea.Msg { return RootMsg{frames} }

// Replace opens a view in the place of the one on top.
func Replace(f Frame) tea.Msg { return ReplaceMsg{f} }

// Ask asks for a line of text.
func Ask(p Prompt) tea.Msg { return PromptMsg{p} }

// Pick asks to choose one of a list.
func Pick(p *Picker) tea.Msg { return PickMsg{p} }

// Toast shows text in the footer for a while.
func Toast(tone theme.Tone, text string) tea.Msg { return ToastMsg{text, tone} }

// Copy puts text on the clipboard. what is said about it in the footer:
// `copied NAME`.
func Copy(text, what string) tea.Msg { return CopyMsg{text, what} }

// Send returns a Cmd that sends msg to App, for Update, which returns Cmds.
func Send(msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }

// Prompt asks for a line of text in the footer.
type Prompt struct {
	Label   string
	Text    string // to begin with
	Hint    string // shown while nothing is typed
	History []string
	// Changed is called after every key, so that a filter works as one types.
	Changed func(text string) tea.Msg
	// Accept is called with enter, Cancel with esc.
	Accept func(text string) tea.Msg
	Cancel func() tea.Msg
	// Problem says what is wrong with the text, "" if nothing is. Enter does not
	// accept a text with a problem.
	Problem func(text string) string
	// Note says what may be typed next, "" if there is nothing to say.
	Note func(text string) string
	// Complete returns the text with the word at its end completed.
	Complete func(text string) string
}

// clock is how often ages on the screen are looked at again.
const clock = time.Second
