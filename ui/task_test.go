package ui_test

import (
	"context"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
	"quarterdeck/ui/uitest"
)

// job is a task that does as the test says.
type job struct {
	title    string
	progress chan string
	end      chan tea.Msg
}

func newJob(title string) *job {
	return &job{title: title, progress: make(chan string), end: make(chan tea.Msg)}
}

func (j *job) start() tea.Msg {
	return ui.Start(ui.Task{Title: j.title, Run: func(ctx context.Context, progress func(string)) tea.Msg {
		for {
			select {
			case p := <-j.progress:
				progress(p)
			case msg := <-j.end:
				return msg
			case <-ctx.Done():
				return ui.Toast(theme.Warn, j.title+" was cancelled")
			}
		}
	}})
}

func TestTaskProgress(t *testing.T) {
	h := open(t, ui.Options{})
	drain := newJob("drain node-3")
	h.Send(drain.start())
	h.WaitFor(t, "drain node-3  X cancel")
	drain.progress <- "3 of 17"
	h.WaitFor(t, "drain node-3: 3 of 17  X cancel")
	h.Type("?") // goes with the user
	h.WaitFor(t, "Move up one row or line")
	drain.progress <- "4 of 17"
	h.WaitFor(t, "drain node-3: 4 of 17")
	drain.end <- ui.Toast(theme.OK, "drained")
	h.WaitFor(t, "drained")
	h.WaitGone(t, "drain node-3")
	h.Type("X")
	h.WaitFor(t, "nothing runs in the background")

	quick := newJob("quick")
	h.Send(quick.start())
	quick.end <- nil // some have nothing to say
	h.Send(ui.Toast(theme.Muted, "after that"))
	h.WaitFor(t, "after that")
}

func TestTaskCancel(t *testing.T) {
	h := open(t, ui.Options{})
	older, newer := newJob("older"), newJob("newer")
	h.Send(older.start())
	h.Send(newer.start())
	h.WaitFor(t, "newer (and 1 more)  X cancel")
	h.Type("X")
	h.WaitFor(t, "newer was cancelled")
	h.WaitFor(t, "this is first")
	h.Type("X")
	h.WaitFor(t, "older was cancelled")
	h.Type("X")
	h.WaitFor(t, "nothing runs in the background")
}

// stubborn is a task that takes its time after it was told to end.
func stubborn(title string, told chan<- string, end <-chan struct{}) tea.Msg {
	return ui.Start(ui.Task{Title: title, Run: func(ctx context.Context, _ func(string)) tea.Msg {
		<-ctx.Done()
		told <- title
		<-end
		return nil
	}})
}

func TestTaskCancelTakesTime(t *testing.T) {
	h := open(t, ui.Options{})
	told, end := make(chan string, 1), make(chan struct{})
	h.Send(stubborn("drain node-3", told, end))
	h.WaitFor(t, "X cancel")
	h.Type("X")
	receive(t, told)
	h.Type("j")
	h.WaitFor(t, "drain node-3: cancelling")
	h.Type("X") // once is enough
	close(end)
	h.WaitGone(t, "drain node-3")
}

// Who quits is told what would end; it is given the time to end well.
func TestQuitAsks(t *testing.T) {
	forwards := []string{"port-forward 8080 to svc/shop"}
	h := open(t, ui.Options{Running: func() []string { return forwards }})
	told, end := make(chan string, 1), make(chan struct{})
	h.Send(stubborn("shell on node-3", told, end))
	h.WaitFor(t, "X cancel")
	h.Type("q")
	h.WaitFor(t, "quit? This still runs and would end:")
	h.WaitFor(t, "shell on node-3")
	h.WaitFor(t, forwards[0])
	h.Type(uitest.Enter, uitest.Esc)
	h.WaitGone(t, "would end")
	if len(told) > 0 {
		t.Error("the task was told to end by a quit that was not meant")
	}
	h.Type("q")
	h.WaitFor(t, "y quit")
	h.Type("y")
	receive(t, told)
	h.WaitFor(t, "shell on node-3: cancelling")
	close(end)
	if err := h.Wait(t); err != nil {
		t.Error(err)
	}
	if left := h.Leftovers(); len(left) > 0 {
		t.Errorf("left after quitting: %v", left)
	}
}

func TestQuitAsksOfOthers(t *testing.T) {
	h := open(t, ui.Options{Running: func() []string { return []string{"port-forward 8080 to svc/shop"} }})
	h.Type("q")
	h.WaitFor(t, "port-forward 8080 to svc/shop")
	h.Type("y")
	if err := h.Wait(t); err != nil {
		t.Error(err)
	}
}

// Who is tired of waiting for what he was told would end presses again.
func TestQuitTwice(t *testing.T) {
	h := open(t, ui.Options{})
	told, end := make(chan string, 1), make(chan struct{})
	defer close(end)
	h.Send(stubborn("stuck", told, end))
	h.WaitFor(t, "X cancel")
	h.Type("q")
	h.WaitFor(t, "y quit")
	h.Type("y")
	receive(t, told)
	h.Type("q")
	if err := h.Wait(t); err != nil {
		t.Error(err)
	}
}

// What a task ends with waits until the user has answered what he is asked: it
// must not take the place of it, nor pass unseen.
func TestTaskEndsWhileAsked(t *testing.T) {
	said := make(chan string, 5)
	question := func(title string) tea.Msg {
		return ui.Confirm(&ui.Dialog{
			Title: title, Yes: "go on",
			Accept: func() tea.Msg { said <- "yes: " + title; return nil },
			Cancel: func() tea.Msg { said <- "no: " + title; return nil },
		})
	}
	h := open(t, ui.Options{}, ui.Action{ID: keymap.ListFilter, Run: func() tea.Msg { return ui.Ask(ui.Prompt{Label: "filter: "}) }})
	copying, scaling := newJob("copy"), newJob("scale")
	h.Send(question("delete all?"))
	h.WaitFor(t, "delete all?")
	h.Send(copying.start())
	h.Send(scaling.start())
	copying.end <- question("write over local files?")
	h.WaitFor(t, "delete all?")
	if text := h.Text(); strings.Contains(text, "write over") {
		t.Fatalf("the end of a task came between:\n%s", text)
	}
	h.Type("y")
	if got := receive(t, said); got != "yes: delete all?" {
		t.Error(got)
	}
	// The next question comes up by itself. A letter may have been meant for the
	// list, so that it takes another key.
	h.WaitFor(t, "write over local files?")
	h.WaitFor(t, "ctrl+y go on")
	h.Type("y")
	h.WaitFor(t, "y is typed too easily here: ctrl+y says yes")
	scaling.end <- ui.Toast(theme.OK, "scaled")
	h.WaitFor(t, "write over local files?")
	if text := h.Text(); strings.Contains(text, "scaled") {
		t.Fatalf("the end of a task came between:\n%s", text)
	}
	h.Type(uitest.Ctrl('y'))
	if got := receive(t, said); got != "yes: write over local files?" {
		t.Error(got)
	}
	h.WaitFor(t, "scaled")

	restarting := newJob("restart")
	h.Type("/")
	h.WaitFor(t, "filter:")
	h.Send(restarting.start())
	restarting.end <- ui.Toast(theme.OK, "restarted")
	h.Type("abc")
	h.WaitFor(t, "filter: abc")
	h.Type(uitest.Esc)
	h.WaitFor(t, "restarted")
	if len(said) > 0 {
		t.Error(receive(t, said))
	}
}
