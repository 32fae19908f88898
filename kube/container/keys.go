package container

import (
	"io"
	"sync"
)

// Keys by which a user leaves: before the connection stands, and from a
// container whose process must not end with the visit.
const (
	interrupt = 0x03
	ctrlP     = 0x10
	ctrlQ     = 0x11
)

// detacher finds the keys by which a user leaves while connected. One that is
// the zero value finds none.
type detacher struct {
	interrupt bool // ctrl+c
	sequence  bool // ctrl+p ctrl+q, as docker has it
	pending   bool // ctrl+p was typed
}

// take returns what of p is for the other side, and whether the user leaves. A
// ctrl+p waits for the key after it.
func (d *detacher) take(p []byte) (rest []byte, leave bool) {
	if !d.interrupt && !d.sequence {
		return p, false
	}
	for _, key := range p {
		switch {
		case d.interrupt && key == interrupt, d.pending && key == ctrlQ:
			return rest, true
		case d.sequence && key == ctrlP && !d.pending:
			d.pending = true
			continue
		case d.pending:
			d.pending = false
			rest = append(rest, ctrlP)
		}
		rest = append(rest, key)
	}
	return rest, false
}

// keys holds what was typed until somebody reads it. Adding never waits, so that
// a key by which the user leaves is seen even if the other side takes nothing.
type keys struct {
	mu    sync.Mutex
	more  *sync.Cond
	buf   []byte
	taken bool // something was read
	ended bool
}

func newKeys() *keys {
	k := &keys{}
	k.more = sync.NewCond(&k.mu)
	return k
}

func (k *keys) add(p []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.ended {
		k.buf = append(k.buf, p...)
		k.more.Broadcast()
	}
}

// end makes Read return io.EOF after what there is.
func (k *keys) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended = true
	k.more.Broadcast()
}

func (k *keys) Read(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.buf) == 0 && !k.ended {
		k.more.Wait()
	}
	if len(k.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(p, k.buf)
	k.buf = k.buf[n:]
	k.taken = true
	return n, nil
}

// used reports whether the other side was sent a key.
func (k *keys) used() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.taken
}
