package triage

import (
	"sync"
	"time"

	"quarterdeck/kube/store"
)

// Feed is an Engine that the stores of a cluster keep up to date. Changed may be
// received from by anybody; the other methods belong to one goroutine at a time.
type Feed struct {
	*Engine
	hub      *store.Hub
	feedings []feeding
	changed  store.Signal
	done     chan struct{}
	relays   sync.WaitGroup
}

// feeding is one subscription of a Feed.
type feeding struct {
	resource Resource
	changed  <-chan struct{}
	status   func() store.Status
	take     func() store.Status // passes what changed to the Engine
	close    func()
}

// Open subscribes to everything from which incidents in a scope are found. The
// caller closes the Feed.
func Open(hub *store.Hub, scope store.Scope) *Feed {
	f := &Feed{Engine: NewEngine(Rules()), hub: hub, changed: store.NewSignal(), done: make(chan struct{})}
	f.Within = scope.Namespace
	for _, s := range sources() {
		f.feedings = append(f.feedings, s.open(f, scope))
	}
	for _, s := range f.feedings {
		f.relays.Go(func() { f.changed.Relay(s.changed, f.done) })
	}
	return f
}

// Changed receives a value after a change of any of the objects, or of how well
// they are known. One value may stand for any number of changes. What changes by
// time alone is not in it; see Engine.Next.
func (f *Feed) Changed() <-chan struct{} { return f.changed }

// Take brings everything up to date and returns what is wrong.
func (f *Feed) Take(now time.Time) *Report {
	for _, s := range f.feedings {
		f.Read(s.resource, s.take())
	}
	return f.Judge(now)
}

// Statuses returns how well each resource is known now. It is safe for concurrent
// use.
func (f *Feed) Statuses() map[Resource]store.Status {
	all := make(map[Resource]store.Status, len(f.feedings))
	for _, s := range f.feedings {
		all[s.resource] = unlessMissing(s.status())
	}
	return all
}

// Close gives the subscriptions back.
func (f *Feed) Close() {
	close(f.done)
	f.relays.Wait()
	for _, s := range f.feedings {
		s.close()
	}
}
