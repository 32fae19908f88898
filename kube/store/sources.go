package store

import "sync"

// Sources are several subscriptions that are looked at together, each under a key
// that tells them apart: a resource, or a resource and its namespace. Take belongs
// to one goroutine at a time, everything else may be called by anybody.
type Sources[K comparable] struct {
	changed Signal
	done    chan struct{}
	relays  sync.WaitGroup // one for each source, until done is closed

	mu   sync.Mutex
	list []Source[K]
}

// Source is one of several Sources.
type Source[K comparable] struct {
	Key     K
	Changed <-chan struct{}
	Status  func() Status // now; it is safe for concurrent use
	Take    func() Status // passes on what changed since it was called last
	Close   func()
}

// NewSources returns Sources of nothing. The caller closes them.
func NewSources[K comparable]() *Sources[K] {
	return &Sources[K]{changed: NewSignal(), done: make(chan struct{})}
}

// SourceOf subscribes to the objects of a kind. into gets what changes.
func SourceOf[K comparable, T Object](key K, hub *Hub, kind Kind[T], scope Scope, into func(Delta[T])) Source[K] {
	sub := Open(hub, kind, scope)
	return Source[K]{
		Key: key, Changed: sub.Changed(), Status: sub.Status, Close: sub.Close,
		Take: func() Status {
			d, status := sub.Take()
			into(d)
			return status
		},
	}
}

// Add takes a source over, which is closed with the others.
func (s *Sources[K]) Add(one Source[K]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, one)
	s.relays.Go(func() { s.changed.Relay(one.Changed, s.done) })
}

// Changed receives a value after a change of any of the objects, or of how well
// they are known. One value may stand for any number of changes.
func (s *Sources[K]) Changed() <-chan struct{} { return s.changed }

// Take passes on what changed in all of them, one after the other in the order in
// which they were added. read gets how well each is known then.
func (s *Sources[K]) Take(read func(K, Status)) {
	for _, one := range s.added() {
		read(one.Key, one.Take())
	}
}

// Statuses returns how well each of them is known now.
func (s *Sources[K]) Statuses() map[K]Status {
	list := s.added()
	all := make(map[K]Status, len(list))
	for _, one := range list {
		all[one.Key] = one.Status()
	}
	return all
}

// Keys returns the keys in the order in which they were added.
func (s *Sources[K]) Keys() []K {
	list := s.added()
	keys := make([]K, len(list))
	for i, one := range list {
		keys[i] = one.Key
	}
	return keys
}

func (s *Sources[K]) added() []Source[K] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list
}

// Close gives the subscriptions back.
func (s *Sources[K]) Close() {
	close(s.done)
	s.relays.Wait()
	for _, one := range s.added() {
		one.Close()
	}
}
