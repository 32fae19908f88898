package views

import (
	"sync"

	"quarterdeck/kube/store"
)

// listeners are told that something has changed. The zero value has none; it is
// safe for concurrent use.
type listeners struct {
	mu sync.Mutex
	of map[store.Signal]struct{}
}

// add has a signal sent after every change, until remove.
func (l *listeners) add(to store.Signal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[store.Signal]struct{}{}
	}
	l.of[to] = struct{}{}
}

func (l *listeners) remove(to store.Signal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.of, to)
}

// none reports whether nobody listens.
func (l *listeners) none() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.of) == 0
}

// tell says that something has changed.
func (l *listeners) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for to := range l.of {
		to.Send()
	}
}
