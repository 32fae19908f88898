package ui_test

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
	"quarterdeck/ui/uitest"
)

// asked is a house with a dialog open, and what came of it.
type asked struct {
	*house
	said chan string
}

// ask opens a dialog. What it calls is said.
func ask(t *testing.T, d *ui.Dialog) *asked {
	t.Helper()
	a := &asked{house: open(t, ui.Options{Clipboard: true}), said: make(chan string, 20)}
	if d.Title == "" {
		d.Title = "delete 2 pods?"
	}
	if d.Yes == "" {
		d.Yes = "delete"
	}
	d.Accept = func() tea.Msg { a.said <- "yes"; return ui.Toast(theme.OK, "it is done") }
	d.Cancel = func() tea.Msg { a.said <- "no"; return ui.Toast(theme.Muted, "it was left") }
	a.Send(ui.Confirm(d))
	a.WaitFor(t, d.Title[:min(len(d.Title), 40)])
	return a
}

// next checks what was said next.
func (a *asked) next(t *testing.T, want string) {
	t.Helper()
	if got := receive(t, a.said); got != want {
		t.Fatalf("%q, want %q", got, want)
	}
}

// silent checks that nothing was said.
func (a *asked) silent(t *testing.T) {
	t.Helper()
	if len(a.said) > 0 {
		t.Fatalf("it said %q", receive(t, a.said))
	}
}

func plain(lines ...string) func() []textview.Line {
	return func() []textview.Line { return textview.FromText(strings.Join(lines, "\n"), theme.Text) }
}

func TestDialogEnterNeverSaysYes(t *testing.T) {
	a := ask(t, &ui.Dialog{Tone: theme.Title})
	a.WaitFor(t, "y delete")
	a.Type(uitest.Enter, uitest.Enter, uitest.Space, "n", "Y", "q")
	a.WaitGone(t, "enter does not say yes") // any other key has seen it
	a.Type(uitest.Enter)
	a.WaitFor(t, "enter does not say yes: y does, esc leaves")
	a.silent(t)
	a.Type("y")
	a.next(t, "yes")
	a.WaitFor(t, "it is done")
	a.WaitGone(t, "delete 2 pods?")
}

func TestDialogLeft(t *testing.T) {
	for name, key := range map[string]string{"esc": uitest.Esc, "ctrl+c": uitest.Ctrl('c')} {
		t.Run(name, func(t *testing.T) {
			a := ask(t, &ui.Dialog{})
			a.Type(key)
			a.next(t, "no")
			a.WaitFor(t, "it was left")
			a.Type("y") // is for the view now
			a.WaitGone(t, "delete 2 pods?")
			a.silent(t)
		})
	}
}

// Escape is not lost where the key after it comes with it, as over a slow
// connection.
func TestDialogLeftInOnePiece(t *testing.T) {
	for _, name := range []string{"", "prod"} {
		a := ask(t, &ui.Dialog{Name: name, NameOf: "the context"})
		a.Type(uitest.Alt("?"))
		a.next(t, "no")
		a.WaitFor(t, "Move up one row or line")
		a.silent(t)
	}
}

// Where a name has to be typed, letters are letters, and the key that says yes
// is another.
func TestDialogName(t *testing.T) {
	a := ask(t, &ui.Dialog{Name: "prod-cy", NameOf: "the context", Command: func() string { return "kubectl delete" }})
	a.WaitFor(t, "type prod-cy, the name of the context, to go on")
	a.WaitFor(t, "type prod-cy›")
	a.Type(uitest.Ctrl('y'))
	a.Type("prod-c")
	a.WaitFor(t, `"prod-c" is not prod-cy`)
	a.Type(uitest.Ctrl('y'), uitest.Enter)
	a.WaitFor(t, "enter does not say yes: ctrl+y does")
	a.Type("Y")
	a.WaitFor(t, `"prod-cY" is not prod-cy`)
	a.Type(uitest.Backspace, "y")
	a.WaitFor(t, "ctrl+y delete")
	a.WaitFor(t, "ctrl+t copy command")
	a.silent(t)
	a.Type(uitest.Ctrl('y'))
	a.next(t, "yes")
}

func TestDialogPaste(t *testing.T) {
	a := ask(t, &ui.Dialog{Name: "prod-cy", NameOf: "the context"})
	a.WaitFor(t, "type prod-cy›")
	a.Paste("prod-cy\n\x19") // a paste presses no keys
	a.WaitFor(t, "ctrl+y delete")
	a.silent(t)
	a.Type(uitest.Ctrl('u'))
	a.WaitFor(t, "to go on")
	a.Type(uitest.Esc)
	a.next(t, "no")

	b := ask(t, &ui.Dialog{})
	b.Paste("y")
	b.Type("?") // and nor does it where nothing is typed
	b.Type(uitest.Esc)
	b.next(t, "no")
}

// What is loaded can block, and comes only to the dialog that asked for it.
func TestDialogLoads(t *testing.T) {
	type news string
	arrives := make(chan news)
	words, block := "reading…", "asking the server…"
	d := &ui.Dialog{
		Lines: func() []textview.Line { return plain(words)() }, Blocked: func() string { return block },
		Load: func() tea.Msg { return <-arrives },
	}
	d.Loaded = func(msg tea.Msg) tea.Cmd {
		words = string(msg.(news))
		if words == "first" {
			return func() tea.Msg { return <-arrives }
		}
		block = ""
		return nil
	}
	a := ask(t, d)
	a.WaitFor(t, "asking the server…")
	a.Type("y", uitest.Enter)
	a.WaitFor(t, "enter does not say yes") // and so the key before it has been answered
	a.silent(t)
	arrives <- "first"
	a.WaitFor(t, "first")
	a.WaitFor(t, "esc cancel  asking the server…")
	arrives <- "the server would accept it"
	a.WaitFor(t, "the server would accept it")
	a.WaitFor(t, "y delete")
	a.Type("y")
	a.next(t, "yes")

	late := make(chan news)
	reached := make(chan string, 1)
	b := ask(t, &ui.Dialog{
		Load:   func() tea.Msg { return <-late },
		Loaded: func(msg tea.Msg) tea.Cmd { reached <- fmt.Sprint(msg); return nil },
	})
	b.Type(uitest.Esc)
	b.next(t, "no")
	late <- "too late"
	b.Send(ui.Toast(theme.Muted, "after that"))
	b.WaitFor(t, "after that")
	if len(reached) > 0 {
		t.Errorf("a closed dialog was told %q", receive(t, reached))
	}
}

func TestDialogOptions(t *testing.T) {
	chosen := make(chan string, 10)
	option := func(title string, values ...string) ui.Option {
		return ui.Option{Title: title, Values: values, Changed: func(v int) tea.Cmd {
			return func() tea.Msg { return title + " " + values[v] }
		}}
	}
	d := &ui.Dialog{
		Options: []ui.Option{option("grace", "its own", "1s", "30s"), option("force", "no", "yes"), {Title: "mute", Values: []string{"a", "b"}}},
		Loaded:  func(msg tea.Msg) tea.Cmd { chosen <- fmt.Sprint(msg); return nil },
	}
	a := ask(t, d)
	next := func(want string) {
		t.Helper()
		if got := receive(t, chosen); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	a.WaitFor(t, "▌grace ‹its own›")
	a.Type(uitest.Right)
	next("grace 1s")
	a.Type(uitest.Left)
	next("grace its own")
	a.Type(uitest.Left) // round the end
	next("grace 30s")
	a.Type(uitest.Tab, uitest.Right)
	next("force yes")
	a.WaitFor(t, "grace ‹30s›")
	a.WaitFor(t, "▌force ‹yes›")
	a.Type(uitest.Tab, uitest.Right, uitest.Tab) // and round again
	a.WaitFor(t, "mute ‹b›")
	a.WaitFor(t, "▌grace ‹30s›")
	a.Type("y")
	a.next(t, "yes")
}

func TestDialogCopies(t *testing.T) {
	a := ask(t, &ui.Dialog{Command: func() string { return "kubectl delete pods a b" }})
	a.WaitFor(t, "c copy command")
	a.Type("c")
	a.WaitFor(t, "copied the command")
	a.WaitForFunc(t, "the command on the clipboard", func(string) bool {
		return strings.Contains(a.Raw(), "\x1b]52;c;a3ViZWN0bCBkZWxldGUgcG9kcyBhIGI=")
	})
	a.WaitFor(t, "delete 2 pods?") // is still asked
	a.silent(t)

	b := ask(t, &ui.Dialog{})
	b.Type("c")
	b.WaitFor(t, "y delete  esc cancel")
	b.silent(t)
}

// Lines that do not fit can be scrolled; that there are more is seen, however
// long the title.
func TestDialogScrolls(t *testing.T) {
	var lines []string
	for i := range 40 {
		lines = append(lines, fmt.Sprintf("object %d", i))
	}
	a := ask(t, &ui.Dialog{Title: "delete " + strings.Repeat("very ", 30), Lines: plain(lines...)})
	a.WaitFor(t, "object 0\n")
	a.WaitFor(t, "more below")
	a.Type(uitest.Down, "j")
	a.WaitGone(t, "object 1\n")
	a.WaitFor(t, "object 2\n")
	a.Type("G")
	a.WaitFor(t, "object 39")
	a.WaitGone(t, "more below")
	a.Type(uitest.PageUp, uitest.Up)
	a.WaitFor(t, "more below")
	a.Type("g")
	a.WaitFor(t, "object 0\n")
	a.Type(uitest.PageDown)
	a.WaitGone(t, "object 0\n")
	a.Resize(80, 60) // now all fit
	a.WaitFor(t, "object 0\n")
	a.WaitFor(t, "object 39\n")
	a.WaitGone(t, "more below")
	a.Resize(80, 12)
	a.WaitFor(t, "more below")
	a.silent(t)
}

// Another view that comes up, as when a namespace turns out to be forbidden,
// leaves the dialog without a yes.
func TestDialogLeftByView(t *testing.T) {
	a := ask(t, &ui.Dialog{})
	a.Send(ui.Push(a.frame("second")))
	a.WaitFor(t, "this is second")
	a.next(t, "no")
	a.WaitGone(t, "delete 2 pods?")
	a.Type("y")
	a.WaitFor(t, "y (YAML) is not for what is selected here")
	a.silent(t)
}

// On every terminal that shows a row the dialog can be read and answered.
func TestDialogSizes(t *testing.T) {
	full := func() *ui.Dialog {
		return &ui.Dialog{
			Title: "delete deploy/checkout and all that belongs to it?", Tone: theme.Error, Lines: plain("context prod-eu   namespace payments", "", strings.Repeat("a long line ", 30)),
			Options: []ui.Option{{Title: "what it owns", Values: []string{"goes after it"}}, {Title: "grace", Values: []string{"its own"}}},
			Name:    "checkout", NameOf: "the object", Command: func() string { return "kubectl delete deploy checkout" },
		}
	}
	a := ask(t, full())
	for _, size := range [][2]int{{300, 60}, {80, 24}, {40, 8}, {30, 6}, {20, 5}, {20, 4}} {
		a.Resize(size[0], size[1])
		a.WaitForFunc(t, "the name asked for above the keys", func(string) bool {
			return strings.Contains(a.Line(-2), "type check") && strings.Contains(a.Line(-1), "esc cancel") && strings.HasSuffix(a.Line(0), "live")
		})
		if got := strings.Count(a.Text(), "\n") + 1; got != size[1] {
			t.Errorf("%v: %d lines", size, got)
		}
	}
	a.Resize(10, 2)
	a.WaitFor(t, "10x2 is")
	a.Resize(20, 4)
	a.Type("checkout")
	a.WaitForFunc(t, "the key that says yes", func(string) bool { return strings.Contains(a.Line(-1), "ctrl+y delete") })
	a.Type(uitest.Ctrl('y'))
	a.next(t, "yes")
}

func TestDialogLooks(t *testing.T) {
	lines := plain("context prod-eu protected   namespace payments", "its context is protected", "",
		"deploy/checkout  replicas 3 → 5  the server would accept it", "",
		"blocked  quota/pods has room for 1 of 2 more pods: requests.cpu is 9 of 10, each needs 1 and there is no more to be had from anywhere at all",
		"", "$ kubectl --context prod-eu -n payments scale deployments/checkout --replicas=5")
	for name, d := range map[string]*ui.Dialog{
		"question": {Title: "scale deploy/checkout?", Tone: theme.Title, Yes: "scale", Lines: lines, Command: func() string { return "kubectl" }},
		"name": {
			Title: "delete deploy/checkout?", Tone: theme.Error, Yes: "delete", Lines: lines, Name: "checkout", NameOf: "the object",
			Options: []ui.Option{{Title: "what it owns", Values: []string{"goes after it"}}}, Command: func() string { return "kubectl" },
		},
		"blocked": {Title: "scale deploy/checkout?", Yes: "scale", Lines: lines, Blocked: func() string { return "asking the server…" }},
	} {
		t.Run(name, func(t *testing.T) {
			a := ask(t, d)
			for _, size := range [][2]int{{80, 24}, {160, 50}} {
				a.Resize(size[0], size[1])
				a.WaitForFunc(t, "the dialog below", func(text string) bool {
					return strings.Count(text, "\n")+1 == size[1] && strings.Contains(a.Line(-1), "esc cancel") && strings.HasSuffix(a.Line(0), "live")
				})
				t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) { uitest.Golden(t, a.Text()) })
			}
		})
	}
}

// A user may give the questions other keys.
func TestDialogOtherKeys(t *testing.T) {
	keys, problems := keymap.Default().With(map[string][]string{"dialog.yes": {"f5"}, "dialog.copy": {}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	said := make(chan string, 1)
	h := openWith(t, ui.Options{Keys: keys})
	h.Send(ui.Confirm(&ui.Dialog{Title: "sure?", Yes: "go on", Command: func() string { return "x" }, Accept: func() tea.Msg { said <- "yes"; return nil }}))
	h.WaitFor(t, "f5 go on  esc cancel")
	h.Type("y", uitest.Enter)
	h.WaitFor(t, "enter does not say yes: f5 does")
	h.Type("\x1b[15~")
	if got := receive(t, said); got != "yes" {
		t.Error(got)
	}
}
