package views

import (
	"context"
	"sync/atomic"
	"time"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
)

// triageWatch keeps up to date what is wrong in one scope, for the count in the
// header and for all views that ask. One goroutine of its own judges; everybody
// may call the methods.
type triageWatch struct {
	client    *kube.Client
	namespace string
	now       func() time.Time
	refresh   time.Duration

	feed    *triage.Feed                  // belongs to run, but for its Statuses
	report  atomic.Pointer[triage.Report] // nil until something was judged
	asked   chan func(*triage.Engine)
	changed listeners
	judged  func(*triage.Report) // called with every new report
	log     incidentLog
	stop    context.CancelFunc
	done    <-chan struct{}
	ended   chan struct{}
}

// triaging returns the watch of the session's scope, begun if there is none. The
// one of another scope ends. With it begins the recording of changes, which takes
// the same stores.
func (s *Session) triaging() *triageWatch {
	w, begun := s.beginTriage()
	if begun {
		s.recordChanges()
	}
	return w
}

func (s *Session) beginTriage() (w *triageWatch, begun bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.triageWatch; w != nil {
		if w.client == s.Client && w.namespace == s.Namespace {
			return w, false
		}
		w.stop()
	}
	ctx, stop := context.WithCancel(context.Background())
	w = &triageWatch{
		client: s.Client, namespace: s.Namespace, feed: triage.Open(s.Client.Stores, store.Scope{Namespace: s.Namespace}), now: s.Now, refresh: max(s.Settings.Refresh, triagePause),
		asked: make(chan func(*triage.Engine)), stop: stop, done: ctx.Done(), ended: make(chan struct{}),
		judged: func(r *triage.Report) { s.dismissals.judged(s.Client, s.Namespace, r) },
	}
	s.Program.triageWatch = w
	go w.run(ctx)
	return w, true
}

// watched returns the watch of the session's scope, nil if there is none yet.
func (s *Session) watched() *triageWatch {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.triageWatch; w != nil && w.client == s.Client && w.namespace == s.Namespace {
		return w
	}
	return nil
}

// The times between two judgements: while everything is read for the first time,
// the shortest and the longest one afterwards.
const (
	loadingPause = 50 * time.Millisecond
	triagePause  = 250 * time.Millisecond
	longestPause = 3 * time.Second
)

// run judges whenever something has changed, or when time alone may have changed
// something.
func (w *triageWatch) run(ctx context.Context) {
	defer utilruntime.HandleCrash()
	defer close(w.ended)
	feed := w.feed
	defer feed.Close()
	clock := time.NewTimer(time.Hour) // set below
	defer clock.Stop()
	for {
		start := time.Now()
		report := feed.Take(w.now())
		if report != w.report.Load() {
			w.judged(report)
			w.log.judged(report)
			w.report.Store(report)
			w.changed.tell()
		}
		// Judging costs a tenth of a core at most, once everything has been read.
		pause := max(w.refresh, 9*time.Since(start))
		if report.Loading {
			pause = loadingPause
		}
		if !w.rest(ctx, feed, min(pause, longestPause)) {
			return
		}
		wait := time.Hour
		if at := feed.Next(); !at.IsZero() {
			wait = max(0, at.Sub(w.now()))
		}
		clock.Reset(wait)
		select {
		case <-feed.Changed():
		case <-clock.C:
		case ask := <-w.asked:
			ask(feed.Engine)
		case <-ctx.Done():
			return
		}
	}
}

// rest leaves changes alone for a while, and answers who asks meanwhile.
func (w *triageWatch) rest(ctx context.Context, feed *triage.Feed, pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return true
		case ask := <-w.asked:
			ask(feed.Engine)
		case <-ctx.Done():
			return false
		}
	}
}

// with calls use with the engine as it was judged last, and returns when it has
// been called: false if it was not, because the watch or ctx ended.
func (w *triageWatch) with(ctx context.Context, use func(*triage.Engine)) bool {
	called := make(chan struct{})
	select {
	case w.asked <- func(e *triage.Engine) { use(e); close(called) }:
		<-called
		return true
	case <-ctx.Done():
	case <-w.done:
	}
	return false
}

// read is with, as soon as everything has been read once.
func (w *triageWatch) read(ctx context.Context, use func(*triage.Engine)) bool {
	for {
		read := false
		if !w.with(ctx, func(e *triage.Engine) {
			if r := w.report.Load(); r != nil && !r.Loading {
				use(e)
				read = true
			}
		}) {
			return false
		}
		if read {
			return true
		}
		select { // what is missing comes with a new report
		case <-time.After(triagePause):
		case <-ctx.Done():
			return false
		}
	}
}

// status joins the states of what is read.
func (w *triageWatch) status() store.Status {
	joined := joinStatuses(w.feed.Statuses())
	r := w.report.Load()
	return unlessPending(joined, r == nil || r.Loading) // read, but not judged yet
}

// lost returns since when something of what is read is not followed any more,
// false if all that was read is up to date.
func (w *triageWatch) lost() (since time.Time, ok bool) {
	for _, st := range w.feed.Statuses() {
		if st.Phase == store.Stale && (!ok || st.Since.Before(since)) {
			since, ok = st.Since, true
		}
	}
	return since, ok
}

// end stops the watch and waits until it has given everything back.
func (w *triageWatch) end() {
	w.stop()
	<-w.ended
}
