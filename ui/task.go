package ui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// Task is something that runs in the background while the user goes on: it
// shows in the footer how far it is, and can be cancelled.
type Task struct {
	// Title is what is done: "drain node-3".
	Title string
	// Run does it, in a goroutine of its own, until it is done or ctx ends. It may
	// call progress, from any goroutine, with a few words. What it returns is
	// given to App, such as a Toast.
	Run func(ctx context.Context, progress func(string)) tea.Msg
}

// TaskMsg starts a task.
type TaskMsg struct{ Task Task }

// Start starts a task.
func Start(t Task) tea.Msg { return TaskMsg{t} }

// running is a task that has not ended.
type running struct {
	title    string
	began    time.Time
	cancel   context.CancelFunc
	cancels  bool // it was told to end
	progress atomic.Pointer[string]
}

type (
	taskEndMsg struct {
		of  *running
		msg tea.Msg
	}
	taskClockMsg struct{}
)

const (
	// taskPatience is how long a task runs before the footer shows it: what is
	// done at once needs no progress.
	taskPatience = 400 * time.Millisecond
	taskClock    = 200 * time.Millisecond
	// leavePatience is how long tasks have to end when the user quits.
	leavePatience = 5 * time.Second
)

func tickTask() tea.Cmd {
	return tea.Tick(taskClock, func(time.Time) tea.Msg { return taskClockMsg{} })
}

// start runs a task.
func (a *App) start(t Task) tea.Cmd {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{title: t.Title, began: time.Now(), cancel: cancel}
	a.tasks = append(a.tasks, r)
	run := func() tea.Msg {
		defer cancel()
		return taskEndMsg{r, t.Run(ctx, func(s string) { r.progress.Store(&s) })}
	}
	if len(a.tasks) == 1 {
		return tea.Batch(run, tickTask())
	}
	return run
}

// ended forgets a task and does what it returned: not while the user is asked
// something, which that would take away or hide.
func (a *App) ended(msg taskEndMsg) tea.Cmd {
	a.tasks = slices.DeleteFunc(a.tasks, func(r *running) bool { return r == msg.of })
	switch {
	case a.leaving && len(a.tasks) == 0:
		return tea.Quit
	case a.leaving || msg.msg == nil:
		return nil
	}
	if alert, ok := msg.msg.(AlertMsg); ok {
		return a.alert(alert)
	}
	if a.over() {
		a.ends = append(a.ends, msg.msg)
		return nil
	}
	return a.end(msg.msg)
}

// conclude does what the oldest of the tasks returned that have ended while the
// user was asked something, if he is not any more and has read what is said.
func (a *App) conclude() tea.Cmd {
	if len(a.ends) == 0 || a.over() || a.toast.text != "" {
		return nil
	}
	msg := a.ends[0]
	a.ends = a.ends[1:]
	return a.end(msg)
}

func (a *App) end(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case DialogMsg:
		msg.Dialog.sudden = true
	case AlertMsg: // the user has been called
		a.tell(msg)
		return nil
	}
	return a.perform(msg)
}

// cancelTask tells the newest task that was not told before to end.
func (a *App) cancelTask() tea.Msg {
	for _, r := range slices.Backward(a.tasks) {
		if !r.cancels {
			r.cancels = true
			r.cancel()
			return Toast(theme.Muted, "cancelling "+r.title)
		}
	}
	return nil
}

// taskAction is the action that cancels a task.
func (a *App) taskAction() Action {
	action := Action{ID: keymap.TaskCancel, Quiet: true, Run: a.cancelTask}
	if len(a.tasks) == 0 {
		action.Disabled = "nothing runs in the background"
	}
	return action
}

// taskLine says what runs, "" if nothing that takes long does.
func (a *App) taskLine() string {
	if len(a.tasks) == 0 {
		return ""
	}
	r := a.tasks[len(a.tasks)-1]
	if time.Since(r.began) < taskPatience {
		return ""
	}
	text := r.title
	switch p := r.progress.Load(); {
	case r.cancels:
		text += ": cancelling"
	case p != nil:
		text += ": " + *p
	}
	if n := len(a.tasks) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}

// busy draws what runs into the right of the footer, and how to cancel it.
func (a *App) busy(width int) styled {
	line := styled{theme: a.opts.Theme}
	text := a.taskLine()
	if text == "" {
		return line
	}
	key := a.opts.Keys.Label(keymap.TaskCancel)
	line.add(theme.Busy, cell.Truncate(text, max(0, width*2/3-cell.Width(key)-10)))
	line.add(theme.Text, "  ")
	line.add(theme.Key, key)
	line.add(theme.Text, " cancel ")
	return line
}

// quit ends the program, after asking if something runs.
func (a *App) quit() tea.Msg {
	if a.leaving {
		return tea.Cmd(tea.Quit)
	}
	var titles []string
	for _, r := range a.tasks {
		titles = append(titles, r.title)
	}
	if a.opts.Running != nil {
		titles = append(titles, a.opts.Running()...)
	}
	if len(titles) == 0 {
		return tea.Cmd(tea.Quit)
	}
	return Confirm(&Dialog{
		Title: "quit? This still runs and would end:", Tone: theme.Warn, Yes: "quit",
		Lines:  func() []textview.Line { return textview.FromText(strings.Join(titles, "\n"), theme.Text) },
		Accept: a.leave,
	})
}

// leave tells all tasks to end, and ends the program when they have: some have to
// take back what they began.
func (a *App) leave() tea.Msg {
	if len(a.tasks) == 0 {
		return tea.Cmd(tea.Quit)
	}
	a.leaving = true
	for _, r := range a.tasks {
		r.cancels = true
		r.cancel()
	}
	return tea.Tick(leavePatience, func(time.Time) tea.Msg { return tea.QuitMsg{} })
}
