package ui_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
	"quarterdeck/ui/uitest"
)

// diary is what happened to the views of a test. The model's goroutine writes
// it, the test reads it.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) add(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) take() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.lines
	d.lines = nil
	return lines
}

// screenful is a view that shows its name and what was sent to it.
type screenful struct {
	name    string
	diary   *diary
	actions []ui.Action
	text    string
	problem string
	row     int
}

func (s *screenful) Title() string { return s.name }
func (s *screenful) Header() ui.Header {
	return ui.Header{Context: "prod", Scope: "shop", State: "live", Count: fmt.Sprint(s.row), Problem: s.problem}
}
func (s *screenful) Scope() keymap.Scope  { return keymap.List }
func (s *screenful) Actions() []ui.Action { return s.actions }
func (s *screenful) Move(id keymap.ActionID) {
	if id == keymap.MoveDown {
		s.row++
	}
}
func (s *screenful) Show() tea.Cmd { s.diary.add("show %s", s.name); return nil }
func (s *screenful) Hide()         { s.diary.add("hide %s", s.name) }
func (s *screenful) Close()        { s.diary.add("close %s", s.name) }
func (s *screenful) Update(msg tea.Msg) tea.Cmd {
	s.text = fmt.Sprint(msg)
	return nil
}

func (s *screenful) View(_, height int) string {
	lines := make([]string, height)
	lines[0] = fmt.Sprintf("this is %s: %s", s.name, s.text)
	return strings.Join(lines, "\n")
}

func (s *screenful) Click(line int) tea.Msg {
	return ui.Toast(theme.Muted, fmt.Sprint("clicked ", line))
}

// house makes views and the program that shows them.
type house struct {
	diary
	*uitest.Model
	views map[string]*screenful
	mu    sync.Mutex
}

func (h *house) frame(name string, actions ...ui.Action) ui.Frame {
	return ui.Frame{Place: name, Open: func() ui.View {
		v := &screenful{name: name, diary: &h.diary, actions: actions}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.views[name] = v
		return v
	}}
}

func (h *house) view(name string) *screenful {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.views[name]
}

func open(t *testing.T, opts ui.Options, actions ...ui.Action) *house {
	t.Helper()
	opts.Keys = keymap.Default()
	return openWith(t, opts, actions...)
}

// openWith is open with the keys of opts.
func openWith(t *testing.T, opts ui.Options, actions ...ui.Action) *house {
	t.Helper()
	h := &house{views: map[string]*screenful{}}
	opts.Theme, opts.Start = theme.Plain(theme.Options{}), h.frame("first", actions...)
	opts.Primary = []ui.Primary{{ID: keymap.ViewWorkloads, Open: func(ui.View) ui.Frame { return h.frame("primary") }}}
	h.Model = uitest.Program(t, ui.New(opts), 80, 12)
	h.WaitFor(t, "this is first")
	h.take()
	return h
}

func (h *house) wantDiary(t *testing.T, want ...string) {
	t.Helper()
	if got := h.take(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// receive returns the next value, for which the test does not wait for ever.
func receive(t *testing.T, from <-chan string) string {
	t.Helper()
	select {
	case s := <-from:
		return s
	case <-time.After(uitest.Deadline):
		t.Fatalf("nothing came within %s", uitest.Deadline)
		return ""
	}
}

func TestStackAndHistory(t *testing.T) {
	h := open(t, ui.Options{})
	h.Send(ui.Push(h.frame("second")))
	h.WaitFor(t, "this is second")
	h.wantDiary(t, "hide first", "show second")
	h.WaitFor(t, "first › second")
	h.Send(ui.Replace(h.frame("third")))
	h.WaitFor(t, "this is third")
	h.wantDiary(t, "hide second", "close second", "show third")
	h.Type(uitest.Esc)
	h.WaitFor(t, "this is first")
	h.wantDiary(t, "hide third", "close third", "show first")
	h.Type(uitest.Esc)
	h.WaitFor(t, "nothing to go back to: q quits")
	h.Type("[") // where it was before going back: the view is made anew
	h.WaitFor(t, "this is third")
	h.wantDiary(t, "hide first", "close first", "show third")
	h.Type("[")
	h.WaitFor(t, "this is first")
	h.Type("[")
	h.WaitFor(t, "this is where the history begins")
	h.Type("]")
	h.WaitFor(t, "this is third")
	h.Type("]")
	h.WaitFor(t, "this is first")
	h.Type("]")
	h.WaitFor(t, "this is the newest place")
	h.Type("2")
	h.WaitFor(t, "this is primary")
	h.Send(ui.Root(h.frame("a"), h.frame("b")))
	h.WaitFor(t, "a › b")
	h.Send(ui.BackMsg{})
	h.WaitFor(t, "this is a")
	h.Type("q")
	if err := h.Wait(t); err != nil {
		t.Error(err)
	}
	if left := h.Leftovers(); len(left) > 0 {
		t.Errorf("left after quitting: %v", left)
	}
}

// What a Cmd of a view found reaches that view, and nobody once it is closed.
func TestDeliver(t *testing.T) {
	h := open(t, ui.Options{})
	first := h.view("first")
	deliver := func(to ui.View, msg string) { h.Send(ui.Deliver(to, func() tea.Msg { return msg })()) }
	deliver(first, "hello")
	h.WaitFor(t, "this is first: hello")
	h.Send(ui.Push(h.frame("second")))
	h.WaitFor(t, "this is second")
	deliver(first, "covered")
	second := h.view("second")
	h.Type(uitest.Esc)
	h.WaitFor(t, "this is first: covered")
	deliver(second, "too late")
	deliver(first, "last")
	h.WaitFor(t, "this is first: last")
	if second.text != "" {
		t.Errorf("a closed view was told %q", second.text)
	}
	if ui.Deliver(first, nil) != nil || ui.Deliver(first, func() tea.Msg { return nil })() != nil {
		t.Error("nothing was delivered")
	}
}

func TestActions(t *testing.T) {
	done := make(chan string, 10)
	h := open(t, ui.Options{},
		ui.Action{ID: keymap.GoOpen, Run: func() tea.Msg { done <- "open"; return nil }},
		ui.Action{ID: keymap.ObjectYAML, Title: "as YAML", Disabled: "no row is selected", Run: func() tea.Msg { done <- "yaml"; return nil }},
		ui.Action{ID: keymap.ListWide, Quiet: true, Run: func() tea.Msg { return tea.Cmd(func() tea.Msg { done <- "wide"; return nil }) }},
	)
	h.WaitFor(t, "enter open  y as YAML")
	if strings.Contains(h.Line(-1), "wide") {
		t.Errorf("footer %q", h.Line(-1))
	}
	h.Type(uitest.Enter, "w")
	if got := []string{receive(t, done), receive(t, done)}; !slices.Equal(got, []string{"open", "wide"}) {
		t.Error(got)
	}
	h.Type("y")
	h.WaitFor(t, "no row is selected")
	h.Type("j", "j", uitest.Down)
	h.WaitFor(t, "3  live")
	h.Type("a")
	h.WaitFor(t, "actions›")
	h.WaitFor(t, "no row is selected")
	h.Type("wide", uitest.Enter)
	if got := receive(t, done); got != "wide" {
		t.Error(got)
	}
	h.WaitGone(t, "actions›")
	h.Type("?")
	h.WaitFor(t, "Move up one row or line")
	h.Type("/", "quit", uitest.Enter)
	h.WaitFor(t, "match 1/")
	h.Type(uitest.Esc)
	h.WaitGone(t, "match 1/")
	h.Type(uitest.Esc)
	h.WaitFor(t, "this is first")
	h.Type(uitest.Ctrl('l'))
	h.Type("q")
	if err := h.Wait(t); err != nil || len(done) > 0 {
		t.Error(err, len(done))
	}
}

// TestEscapeAndKeyInOnePiece: over a slow connection escape and the key after it
// arrive together, as alt and that key would.
func TestEscapeAndKeyInOnePiece(t *testing.T) {
	said := make(chan string, 2)
	action := func(id keymap.ActionID, word string) ui.Action {
		return ui.Action{ID: id, Run: func() tea.Msg { said <- word; return nil }}
	}
	h := open(t, ui.Options{}, action(keymap.GoBack, "back"), action(keymap.ListSort, "sort"))
	h.Type("\x1bS")
	for _, want := range []string{"back", "sort"} {
		if got := receive(t, said); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPrompt(t *testing.T) {
	said := make(chan string, 50)
	ask := func() tea.Msg {
		return ui.Ask(ui.Prompt{
			Label: "/", Text: "ab", Hint: "a hint", History: []string{"older"},
			Changed:  func(s string) tea.Msg { said <- "changed " + s; return nil },
			Accept:   func(s string) tea.Msg { said <- "accepted " + s; return ui.Toast(theme.Muted, "thanks") },
			Cancel:   func() tea.Msg { said <- "cancelled"; return nil },
			Complete: func(s string) string { return s + "lete" },
			Problem: func(s string) string {
				if strings.Contains(s, "!") {
					return "no exclamation marks"
				}
				return ""
			},
		})
	}
	h := open(t, ui.Options{}, ui.Action{ID: keymap.ListFilter, Run: ask})
	next := func(want string) {
		t.Helper()
		if got := receive(t, said); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	h.Type("/", "c") // typed ahead: the c is for the prompt
	next("changed abc")
	h.WaitFor(t, "/abc")
	h.Type(uitest.Tab)
	next("changed abclete")
	h.Type(uitest.Ctrl('u'))
	next("changed ")
	h.WaitFor(t, "a hint")
	h.Paste("p\nq\x1b[2Jr")
	if got := receive(t, said); strings.ContainsAny(got, "\n\x1b") {
		t.Errorf("pasted %q", got)
	}
	h.Type("!")
	receive(t, said)
	h.WaitFor(t, "no exclamation marks")
	h.Type(uitest.Enter) // is refused
	h.Type(uitest.Backspace)
	receive(t, said)
	h.Type(uitest.Enter)
	if got := receive(t, said); !strings.HasPrefix(got, "accepted p") {
		t.Error(got)
	}
	h.WaitFor(t, "thanks")
	h.Type("/", uitest.Esc)
	next("cancelled")
	h.WaitFor(t, "this is first")
	if len(said) > 0 {
		t.Error(receive(t, said))
	}
}

func TestPicker(t *testing.T) {
	ran := make(chan string, 10)
	item := func(label string) ui.Item {
		return ui.Item{Label: label, Detail: "detail of " + label, Run: func() tea.Msg { ran <- label; return nil }}
	}
	loaded := make(chan ui.Loaded)
	pick := func() *ui.Picker {
		no := item("forbidden")
		no.Disabled = "you may not"
		here := item("pods")
		here.Current = true
		return &ui.Picker{Title: "go to", Items: []ui.Item{item("deployments"), here, item("endpoints"), no}}
	}
	h := open(t, ui.Options{})
	h.Send(ui.Pick(pick()))
	h.WaitFor(t, "▌pods")
	h.WaitFor(t, "4 of 4")
	h.Type(uitest.Down, uitest.Up, uitest.Up, uitest.Up, uitest.Enter)
	if got := receive(t, ran); got != "deployments" {
		t.Error(got)
	}
	h.WaitGone(t, "go to›")

	h.Send(ui.Pick(pick()))
	h.WaitFor(t, "go to›")
	h.Type("po") // pods before endpoints, which merely has the letters
	h.WaitFor(t, "▌pods")
	h.Type(uitest.Tab)
	h.WaitFor(t, "go to› pods")
	h.Type(uitest.Enter)
	if got := receive(t, ran); got != "pods" {
		t.Error(got)
	}

	h.Send(ui.Pick(pick()))
	h.WaitFor(t, "go to›")
	h.Type("forb", uitest.Enter)
	h.WaitFor(t, "you may not")
	h.Type(uitest.Ctrl('u'), "zzz", uitest.Enter)
	h.WaitFor(t, "nothing matches")
	h.Type(uitest.Esc)
	h.WaitGone(t, "go to›")

	more := pick()
	more.Load = []tea.Cmd{func() tea.Msg { return <-loaded }}
	more.Free = func(text string) (ui.Item, bool) { return item("free " + text), false }
	h.Send(ui.Pick(more))
	h.WaitFor(t, "loading…")
	h.Type("end")
	h.WaitFor(t, "▌endpoints")
	loaded <- ui.Loaded{Items: []ui.Item{item("endpointslices")}, Problem: "not all of them"}
	h.WaitFor(t, "endpointslices")
	h.WaitFor(t, "not all of them")
	h.Type(uitest.Down, uitest.Enter)
	if got := receive(t, ran); got != "endpointslices" {
		t.Error(got)
	}

	h.Send(ui.Pick(&ui.Picker{Title: "nothing"}))
	h.WaitFor(t, "nothing to choose from")
	h.Type(uitest.Down, uitest.Enter)
	h.WaitGone(t, "nothing to choose from")

	if len(ran) > 0 {
		t.Error(receive(t, ran))
	}
}

func TestToastsAndNotices(t *testing.T) {
	news := make(chan []string, 1)
	h := open(t, ui.Options{Notices: func() []string {
		select {
		case n := <-news:
			return n
		default:
			return nil
		}
	}})
	h.Send(ui.Toast(theme.Error, "something is wrong"))
	h.WaitFor(t, "something is wrong")
	h.Type("j") // it has been seen
	h.WaitGone(t, "something is wrong")
	news <- []string{"first warning", "second warning"}
	h.WaitFor(t, "first warning")
	h.Type("j")
	h.WaitFor(t, "second warning")
	h.Type("j")
	h.WaitGone(t, "second warning")
	h.Send(ui.Copy("text", "a text"))
	h.WaitFor(t, "the clipboard is switched off")
}

func TestCopy(t *testing.T) {
	h := open(t, ui.Options{Clipboard: true})
	h.Send(ui.Copy("  ", "blanks"))
	h.WaitFor(t, "nothing to copy")
	h.Send(ui.Copy("the text", "a text"))
	h.WaitFor(t, "copied a text")
	h.WaitForFunc(t, "OSC 52 with the text", func(string) bool { return strings.Contains(h.Raw(), "\x1b]52;c;dGhlIHRleHQ=") })
}

func TestMouse(t *testing.T) {
	h := open(t, ui.Options{Mouse: true})
	h.Send(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	h.WaitFor(t, "1  live")
	h.Send(tea.MouseClickMsg{Button: tea.MouseLeft, X: 3, Y: 4})
	h.WaitFor(t, "clicked 3")
}

// The header and the footer say what they can in any width.
func TestSizes(t *testing.T) {
	h := open(t, ui.Options{})
	h.Send(ui.Push(h.frame("a view with quite a long name")))
	h.Send(ui.Push(h.frame("another view with quite a long name")))
	h.WaitFor(t, "this is another")
	h.view("another view with quite a long name").problem = "why the data is not all there"
	for _, size := range [][2]int{{300, 40}, {80, 24}, {40, 8}, {20, 4}} {
		h.Resize(size[0], size[1])
		h.WaitForFunc(t, "live in the header", func(string) bool { return strings.HasSuffix(h.Line(0), "live") })
		if got := strings.Count(h.Text(), "\n") + 1; got != size[1] {
			t.Errorf("%v: %d lines", size, got)
		}
	}
	h.Resize(19, 4)
	h.WaitFor(t, "19x4 is too small")
	h.Resize(80, 12)
	h.WaitFor(t, "why the data is not all there")
}
