package views

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// waits are all waits for rollouts since the program was started, oldest first.
// They are changed by what runs in the background and read by the screen.
type waits struct {
	mu   sync.Mutex // of all that changes in any of them
	all  []*rolloutWait
	news chan struct{} // closed with the next change, nil if nobody waits for it
}

// rolloutWait waits in the background for a rollout to be over.
type rolloutWait struct {
	of      *waits
	session *Session // in which it was begun
	ref     kube.Ref
	scope   store.Scope
	began   time.Time
	cancel  context.CancelFunc

	// Guarded by of.mu:
	words  string // how the rollout stands, or what became of it
	tone   theme.Tone
	ended  time.Time // zero while it waits
	warned bool      // that the rollout is stuck
}

// changed wakes who waits for news. mu is held.
func (w *waits) changed() {
	if w.news != nil {
		close(w.news)
		w.news = nil
	}
}

// end ends all waits.
func (w *waits) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.all {
		one.cancel()
	}
}

// waiting reports whether a rollout is waited for.
func (w *waits) waiting(c *kube.Client, ref kube.Ref) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.all {
		if one.session.Client == c && one.ref.UID == ref.UID && one.ended.IsZero() {
			return true
		}
	}
	return false
}

// waitAction is the action that waits for the rollouts of targets.
func (s *Session) waitAction(targets ...target) ui.Action {
	a := ui.Action{ID: keymap.RolloutWait}
	var open []target
	for _, t := range targets {
		status, _, ok := t.rollout()
		switch {
		case !ok || status == nil:
			a.Disabled = "nothing is known of this rollout yet"
		case s.waits.waiting(s.Client, t.Ref):
			a.Disabled = t.String() + " is waited for already: :waits lists what is"
		default:
			if _, over := status.Over(); over {
				a.Disabled = "there is nothing to wait for: " + t.String() + " is " + status.Words(s.Now())
				continue
			}
			open = append(open, t)
		}
	}
	if len(open) > 0 {
		a.Disabled = ""
	}
	a.Run = func() tea.Msg {
		var cmds []tea.Cmd
		for _, t := range open {
			cmds = append(cmds, ui.Send(s.startWait(t.Ref)))
		}
		said := "waiting for " + open[0].String()
		if len(open) > 1 {
			said = "waiting for " + strconv.Itoa(len(open)) + " rollouts"
		}
		said += ": you are told when it is over, :waits lists, " + s.Keys.Label(keymap.TaskCancel) + " cancels"
		return tea.Batch(append(cmds, ui.Send(ui.Toast(theme.Muted, said)))...)
	}
	return a
}

// startWait begins to wait for a rollout.
func (s *Session) startWait(ref kube.Ref) tea.Msg {
	scope := store.Scope{Namespace: ref.Namespace}
	if s.Namespace == "" {
		scope.Namespace = "" // what lists of all namespaces have read already
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &rolloutWait{of: &s.waits, session: s, ref: ref, scope: scope, began: s.Now(), cancel: cancel, tone: theme.Busy}
	w.of.mu.Lock()
	w.of.all = append(w.of.all, w)
	w.of.changed()
	w.of.mu.Unlock()
	return ui.Start(ui.Task{Title: "wait for " + ref.String(), Run: func(task context.Context, progress func(string)) tea.Msg {
		defer cancel()
		defer context.AfterFunc(task, cancel)()
		return w.run(ctx, progress)
	}})
}

// run waits. What it returns tells the user, wherever he is.
func (w *rolloutWait) run(ctx context.Context, progress func(string)) tea.Msg {
	s := w.session
	feed := rollout.Open(s.Client.Stores, w.scope, rollout.Options{Argo: w.ref.GVR.Group != "apps"})
	defer feed.Close()
	status, err := feed.Wait(ctx, w.ref, 0, func(st *rollout.Status) {
		words := st.Words(s.Now())
		progress(words)
		if w.note(words, rolloutTone(st, nil), st.State == rollout.Stuck) {
			s.warn(w.ref.String() + " is " + words + "; still waiting")
		}
	})
	switch {
	case errors.Is(err, context.Canceled):
		w.end("cancelled", theme.Muted)
		return ui.Toast(theme.Muted, "not waiting for "+w.ref.String()+" any more")
	case err != nil:
		w.end(Cause(err), theme.Error)
		return ui.Alert(theme.Error, Cause(err))
	}
	words := status.Words(s.Now())
	good, _ := status.Over()
	tone := theme.OK
	if !good {
		tone = theme.Error
	}
	took := field.Age(int64(s.Now().Sub(w.began).Seconds()))
	w.end(words, tone)
	return ui.Alert(tone, "rollout of "+w.ref.Where()+": "+words+", after "+took)
}

// note keeps how the rollout stands. It reports whether to warn that it is stuck,
// which is done once.
func (w *rolloutWait) note(words string, tone theme.Tone, stuck bool) bool {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	w.words, w.tone = words, tone
	w.of.changed()
	warn := stuck && !w.warned
	w.warned = w.warned || stuck
	return warn
}

func (w *rolloutWait) end(words string, tone theme.Tone) {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	w.words, w.tone, w.ended = words, tone, w.session.Now()
	w.of.changed()
}

// waitRow is a wait, as a row. It does not change.
type waitRow struct {
	store.Meta
	wait  *rolloutWait
	words string
	tone  theme.Tone
	took  int64 // seconds
	over  bool
}

// waitList lists the waits since qd was started.
func waitList() *Resource[*waitRow] {
	return &Resource[*waitRow]{
		Kind: store.Kind[*waitRow]{Kind: "Wait", GVR: kube.Local("waits")},
		Name: "waits", Short: []string{"wait"}, Sort: "begun",
		Columns: []Column[*waitRow]{
			nameColumn[*waitRow](),
			text("in", func(r *waitRow) string { return r.wait.ref.Namespace }).middle(9, 20),
			text("state", func(r *waitRow) string { return r.words }).flex(2, 16).toned(func(r *waitRow, _ *Env) theme.Tone { return r.tone }),
			{
				ID: "took", Kind: field.Length, Align: cell.Right,
				Value: func(r *waitRow, _ *Env) field.Value {
					if !r.over {
						return field.Value{}.WithText("waiting")
					}
					return field.Seconds(r.took)
				},
			},
			since("begun", func(r *waitRow) int64 { return r.Created }),
		},
		Open:  func(s *Session, _ Scope) source[*waitRow] { return &waitSource{session: s} },
		Ref:   func(r *waitRow) kube.Ref { return r.wait.ref },
		Enter: func(s *Session, r *waitRow) tea.Msg { return ui.Push(rolloutFrame(s, r.wait.ref)) },
		Own: func(_ *Session, r *waitRow) []ui.Action {
			stop := ui.Action{ID: keymap.TaskCancel, Title: "stop waiting", Run: func() tea.Msg { r.wait.cancel(); return nil }}
			if r.over {
				stop.Disabled = "it is over"
			}
			return []ui.Action{stop}
		},
	}
}

// waitSource makes rows of the waits in the session's cluster.
type waitSource struct {
	session *Session
	changed <-chan struct{}
	loaded  int
}

func (s *waitSource) Changed() <-chan struct{} {
	if s.changed == nil {
		return atOnce()
	}
	return s.changed
}

func (s *waitSource) Close() {}

func (s *waitSource) Status() store.Status {
	return store.Status{Phase: store.Live, Loaded: s.loaded}
}

// Take returns all rows anew: they are few.
func (s *waitSource) Take() (store.Delta[*waitRow], store.Status) {
	w := &s.session.waits
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.news == nil {
		w.news = make(chan struct{})
	}
	s.changed = w.news
	var found []*waitRow
	for i, one := range w.all {
		if one.session.Client != s.session.Client {
			continue
		}
		r := &waitRow{
			Meta: store.Meta{UID: types.UID(strconv.Itoa(i)), Name: one.ref.String(), Created: one.began.Unix()},
			wait: one, words: one.words, tone: one.tone, over: !one.ended.IsZero(),
		}
		if r.over {
			r.took = int64(one.ended.Sub(one.began).Seconds())
		}
		found = append(found, r)
	}
	s.loaded = len(found)
	return store.Delta[*waitRow]{Reset: true, Added: found}, s.Status()
}
