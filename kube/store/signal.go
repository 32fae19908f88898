package store

import utilruntime "k8s.io/apimachinery/pkg/util/runtime"

// Signal tells one receiver that something has changed, with one value for any
// number of changes: who is slow is told of many at once, and nobody waits for
// him. It is safe for many senders.
type Signal chan struct{}

// NewSignal returns a Signal that nothing was sent to.
func NewSignal() Signal { return make(Signal, 1) }

// Send sends the signal, unless it is still to be received.
func (s Signal) Send() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// Relay passes on what comes from another channel, until done is closed.
func (s Signal) Relay(from, done <-chan struct{}) {
	defer utilruntime.HandleCrash()
	for {
		select {
		case <-from:
			s.Send()
		case <-done:
			return
		}
	}
}
