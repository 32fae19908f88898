// Package store keeps compact copies of a cluster's objects, and an honest word
// on how good the copies are. A store lists one resource page by page, watches
// it, and tells its subscribers that something changed; they take the changes
// when they are ready to. Nothing waits for a slow subscriber.
package store

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Store holds the objects of one resource in one scope. One goroutine (see
// reflect.go) writes it; any number may read.
type Store[T Object] struct {
	mu     sync.Mutex
	items  []T                 // in no order
	index  map[types.UID]int32 // position in items
	status Status
	heard  time.Time // until when the objects are known to be as the server had them
	subs   map[*Subscription[T]]struct{}

	now func() time.Time
}

// Subscription is one reader's view of a store. Its methods may be called by
// one goroutine at a time.
type Subscription[T Object] struct {
	store   *Store[T]
	changed Signal
	release func()

	// Guarded by store.mu:
	pending map[types.UID]T // objects changed since the last Take, as they were before
	reset   bool            // pending would be longer than the whole
}

// Delta is what changed since the last Take.
type Delta[T Object] struct {
	Reset   bool // Added holds all objects, whatever was known before is void
	Added   []T  // new objects, and new versions of changed ones
	Removed []T  // deleted objects, and old versions of changed ones
}

// Empty reports whether nothing changed.
func (d Delta[T]) Empty() bool { return !d.Reset && len(d.Added) == 0 && len(d.Removed) == 0 }

func newStore[T Object](now func() time.Time) *Store[T] {
	return &Store[T]{
		index: map[types.UID]int32{}, subs: map[*Subscription[T]]struct{}{},
		status: Status{Since: now()}, now: now,
	}
}

func (s *Store[T]) subscribe(release func()) *Subscription[T] {
	sub := &Subscription[T]{store: s, changed: NewSignal(), release: release, reset: true}
	sub.changed.Send() // there is a status to show, if nothing else
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subs[sub] = struct{}{}
	return sub
}

// Changed receives a value after a change of objects or status. Changes
// coalesce: one value may stand for any number of them.
func (s *Subscription[T]) Changed() <-chan struct{} { return s.changed }

// Status returns the store's state.
func (s *Subscription[T]) Status() Status {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return s.store.statusLocked()
}

// Take returns what changed since the last call, everything at the first.
func (s *Subscription[T]) Take() (Delta[T], Status) {
	st := s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	var d Delta[T]
	if s.reset {
		d.Reset = true
		d.Added = append(make([]T, 0, len(st.items)), st.items...)
	} else {
		var none T
		for uid, old := range s.pending {
			i, there := st.index[uid]
			if old != none && (!there || st.items[i] != old) {
				d.Removed = append(d.Removed, old)
			}
			if there && st.items[i] != old {
				d.Added = append(d.Added, st.items[i])
			}
		}
	}
	s.pending, s.reset = nil, false
	return d, st.statusLocked()
}

// Close gives the subscription back. The store lingers for a while, so that
// coming back to a view finds its data.
func (s *Subscription[T]) Close() {
	s.store.mu.Lock()
	_, open := s.store.subs[s]
	delete(s.store.subs, s)
	s.store.mu.Unlock()
	if open {
		s.release()
	}
}

func (s *Store[T]) statusLocked() Status {
	st := s.status
	st.Loaded = len(s.items)
	return st
}

// set puts objects into the store, replacing older versions.
func (s *Store[T]) set(objects []T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range objects {
		uid := o.Head().UID
		var old T
		if i, ok := s.index[uid]; ok {
			old = s.items[i]
			s.items[i] = o
		} else {
			s.index[uid] = int32(len(s.items))
			s.items = append(s.items, o)
		}
		s.noteLocked(uid, old)
	}
	s.signalLocked()
}

// remove takes objects out of the store.
func (s *Store[T]) remove(uids []types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var none T
	for _, uid := range uids {
		i, ok := s.index[uid]
		if !ok {
			continue
		}
		old := s.items[i]
		last := len(s.items) - 1
		s.items[i] = s.items[last]
		s.index[s.items[i].Head().UID] = i
		s.items[last] = none
		s.items = s.items[:last]
		delete(s.index, uid)
		s.noteLocked(uid, old)
	}
	s.signalLocked()
}

// keepOnly removes every object whose UID is not in seen.
func (s *Store[T]) keepOnly(seen map[types.UID]struct{}) {
	s.mu.Lock()
	var gone []types.UID
	for uid := range s.index {
		if _, ok := seen[uid]; !ok {
			gone = append(gone, uid)
		}
	}
	s.mu.Unlock()
	s.remove(gone)
}

// noteLocked remembers for every subscriber how an object was at its last Take.
func (s *Store[T]) noteLocked(uid types.UID, old T) {
	for sub := range s.subs {
		if sub.reset {
			continue
		}
		if _, ok := sub.pending[uid]; ok {
			continue
		}
		if sub.pending == nil {
			sub.pending = map[types.UID]T{}
		}
		sub.pending[uid] = old
		if len(sub.pending) > 1000+len(s.items)/2 {
			sub.pending, sub.reset = nil, true
		}
	}
}

func (s *Store[T]) signalLocked() {
	for sub := range s.subs {
		sub.changed.Send()
	}
}

// hear notes that until so long ago the objects were as the server had them.
func (s *Store[T]) hear(ago time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.now().Add(-ago); at.After(s.heard) {
		s.heard = at
	}
}

// setPhase notes a new phase; the same phase again keeps its Since.
func (s *Store[T]) setPhase(p Phase, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := s.now()
	switch p {
	case Live:
		s.heard = since
	case Stale:
		since = s.heard
	}
	if s.status.Phase == p && s.status.Err == nil && err == nil {
		return // a watch that goes on wakes nobody
	}
	if s.status.Phase != p {
		s.status.Since = since
	}
	s.status.Phase, s.status.Err = p, err
	s.signalLocked()
}

// setTotal notes how many objects the list under way will have.
func (s *Store[T]) setTotal(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Total = n
}

// synced reports whether a first list has been completed.
func (s *Store[T]) synced() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status.Phase == Live || s.status.Phase == Stale
}
