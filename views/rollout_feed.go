package views

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube/rollout"
	"quarterdeck/kube/store"
)

// rolloutFeed keeps a feed of rollouts with those of Argo, if the cluster turns
// out to have them. It also tells when time alone may have changed something.
//
// Changed and Status may be called by anybody, the others belong to one goroutine
// at a time.
type rolloutFeed struct {
	now     func() time.Time
	changed store.Signal
	done    chan struct{}

	mu       sync.Mutex
	feed     *rollout.Feed
	next     *rollout.Feed // to be taken instead, nil if none is
	asking   bool          // whether the cluster has Argo's rollouts
	closed   bool
	restless bool // something changes with time alone
}

// restlessEvery is how often a rollout that is under way is judged anew though
// nothing was heard of it: its deadline may be over, a pod old enough.
const restlessEvery = 2 * time.Second

// watchRollouts opens a feed. The caller closes it.
func (s *Session) watchRollouts(scope store.Scope, whole bool) *rolloutFeed {
	f := &rolloutFeed{now: s.Now, changed: store.NewSignal(), done: make(chan struct{}), asking: true}
	open := func(argo bool) *rollout.Feed {
		return rollout.Open(s.Client.Stores, scope, rollout.Options{Whole: whole, Argo: argo})
	}
	f.feed = open(false)
	go f.relay(f.feed.Changed())
	go func() {
		defer utilruntime.HandleCrash()
		served, _ := s.Client.Kinds(false) // without an answer there is no more to show than without Argo
		f.answered(rollout.ServesArgo(served), open)
	}()
	return f
}

// answered notes whether the cluster has Argo's rollouts. If so, the feed that
// has them too is taken from next.
func (f *rolloutFeed) answered(argo bool, open func(argo bool) *rollout.Feed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asking = false; f.closed {
		return
	}
	if argo {
		f.next = open(true)
		go f.relay(f.next.Changed())
	}
	f.changed.Send()
}

// relay passes on what a feed tells, and the time, until everything is closed.
func (f *rolloutFeed) relay(from <-chan struct{}) {
	defer utilruntime.HandleCrash()
	clock := time.NewTicker(restlessEvery)
	defer clock.Stop()
	for {
		select {
		case <-from:
		case <-clock.C:
			f.mu.Lock()
			restless := f.restless
			f.mu.Unlock()
			if !restless {
				continue
			}
		case <-f.done:
			return
		}
		f.changed.Send()
	}
}

// Changed receives a value after a change of what is known.
func (f *rolloutFeed) Changed() <-chan struct{} { return f.changed }

// Status joins the states of the resources that rollouts are judged by.
func (f *rolloutFeed) Status() store.Status {
	f.mu.Lock()
	all, more := f.feed.Statuses(), f.asking || f.next != nil
	f.mu.Unlock()
	joined := joinStatuses(all)
	if more && joined.Phase == store.Live {
		joined.Phase = store.Syncing // those of Argo are missing yet
	}
	return joined
}

// take brings the feed up to date and returns it. One that knows less is given
// back as soon as the other has read as much.
func (f *rolloutFeed) take() *rollout.Feed {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next != nil {
		if f.next.Take(); f.next.Synced() {
			f.feed.Close()
			f.feed, f.next = f.next, nil
			return f.feed
		}
	}
	f.feed.Take()
	return f.feed
}

// rows returns how every rollout stands now.
func (f *rolloutFeed) rows() []*rollout.Status {
	rows := f.take().List(f.now())
	f.setRestless(slices.ContainsFunc(rows, isRestless))
	return rows
}

// detail returns all that is known of a rollout now, false if there is none such.
func (f *rolloutFeed) detail(uid types.UID) (rollout.Detail, bool) {
	d, ok := f.take().Detail(uid, f.now())
	f.setRestless(ok && isRestless(d.Status))
	return d, ok
}

func (f *rolloutFeed) setRestless(restless bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.restless = restless
}

// isRestless reports whether a state may become another by time alone.
func isRestless(s *rollout.Status) bool {
	return s.State <= rollout.Paused || s.Counts.Ready != s.Counts.Available
}

// Close gives everything back.
func (f *rolloutFeed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	close(f.done)
	f.feed.Close()
	if f.next != nil {
		f.next.Close()
	}
}

// rolloutSource makes rows of a feed.
type rolloutSource struct{ *rolloutFeed }

// Take returns all rows: they are few, and those that did not change are the same
// as before.
func (s rolloutSource) Take() (store.Delta[*rollout.Status], store.Status) {
	rows := s.rows()
	return store.Delta[*rollout.Status]{Reset: true, Added: rows}, s.Status()
}
