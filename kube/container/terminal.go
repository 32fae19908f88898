package container

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/muesli/cancelreader"
	"golang.org/x/term"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/tools/remotecommand"
)

// terminal is the user's terminal while a session has it: raw, its keys taken
// by one goroutine that close ends before it returns. Nothing reads a key or
// writes a byte after that.
type terminal struct {
	out      *gate
	keys     *keys                    // what was typed
	leave    chan struct{}            // closed when the user leaves by key
	opened   atomic.Bool              // the connection stands: keys belong to the other side
	detach   atomic.Pointer[detacher] // how the user leaves while connected, nil before it is known
	raw      bool
	fd       int // of the terminal that has a size, -1 if none
	restore  func() error
	in       cancelreader.CancelReader
	pumpDone chan struct{}
}

// takeTerminal makes in and out the session's.
func takeTerminal(in io.Reader, out io.Writer) (*terminal, error) {
	t := &terminal{out: &gate{to: out}, leave: make(chan struct{}), fd: -1, restore: func() error { return nil }}
	for _, stream := range []any{out, in} {
		if file, ok := stream.(interface{ Fd() uintptr }); ok && term.IsTerminal(int(file.Fd())) {
			t.fd = int(file.Fd())
			break
		}
	}
	if file, ok := in.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		before, err := term.MakeRaw(int(file.Fd()))
		if err != nil {
			return nil, fmt.Errorf("take the terminal: %w", err)
		}
		t.raw = true
		t.restore = func() error { return term.Restore(int(file.Fd()), before) }
	}
	if in == nil {
		in = bytes.NewReader(nil)
	}
	var err error
	if t.in, err = cancelreader.NewReader(in); err != nil {
		return nil, errors.Join(fmt.Errorf("take the keyboard: %w", err), t.restore())
	}
	t.keys, t.pumpDone = newKeys(), make(chan struct{})
	go t.pump()
	return t, nil
}

// pump hands on what is typed until there is no more, or the terminal is given
// back.
func (t *terminal) pump() {
	defer utilruntime.HandleCrash()
	defer close(t.pumpDone)
	defer t.keys.end()
	buf := make([]byte, 4<<10)
	for {
		n, err := t.in.Read(buf)
		typing, left := buf[:n], false
		if d := t.detach.Load(); d != nil {
			typing, left = d.take(typing)
		}
		t.keys.add(typing)
		if left || !t.opened.Load() && bytes.IndexByte(typing, interrupt) >= 0 {
			close(t.leave)
			return
		}
		if err != nil {
			return
		}
	}
}

// size returns the terminal's size, false if it has none.
func (t *terminal) size() (remotecommand.TerminalSize, bool) {
	if t.fd < 0 {
		return remotecommand.TerminalSize{}, false
	}
	w, h, err := term.GetSize(t.fd)
	if err != nil || w <= 0 || h <= 0 || w > 0xffff || h > 0xffff {
		return remotecommand.TerminalSize{}, false
	}
	return remotecommand.TerminalSize{Width: uint16(w), Height: uint16(h)}, true
}

// close gives the terminal back as it was.
func (t *terminal) close() error {
	t.out.close()
	t.keys.end()
	if t.in.Cancel() {
		<-t.pumpDone
	}
	_ = t.in.Close() // frees the means of cancelling; the input stays open
	if err := t.restore(); err != nil {
		return fmt.Errorf("give the terminal back: %w: type reset if it looks odd", err)
	}
	return nil
}

// sizes tells the other side the size of the terminal whenever it changes.
type sizes struct {
	ch   chan remotecommand.TerminalSize
	done chan struct{}
	stop func()
}

// followSize returns nil for a terminal without a size. redraw makes the other
// side think that the size changed, so that a prompt it wrote before anybody
// was there to see is written again.
func followSize(t *terminal, redraw bool) *sizes {
	first, ok := t.size()
	if !ok {
		return nil
	}
	changed, stopChanges := resized()
	s := &sizes{ch: make(chan remotecommand.TerminalSize), done: make(chan struct{})}
	var finished sync.WaitGroup
	s.stop = func() {
		close(s.done)
		stopChanges()
		finished.Wait()
	}
	finished.Go(func() {
		defer utilruntime.HandleCrash()
		if redraw && first.Height < 0xffff {
			if !s.send(remotecommand.TerminalSize{Width: first.Width, Height: first.Height + 1}) {
				return
			}
		}
		for last := first; s.send(last); {
			var ok bool
			if last, ok = nextSize(s, t, changed, last); !ok {
				return
			}
		}
	})
	return s
}

// nextSize returns the next size that is not last, false when s is stopped.
func nextSize[E any](s *sizes, t *terminal, changed <-chan E, last remotecommand.TerminalSize) (remotecommand.TerminalSize, bool) {
	for {
		select {
		case <-changed:
		case <-s.done:
			return last, false
		}
		if now, ok := t.size(); ok && now != last {
			return now, true
		}
	}
}

func (s *sizes) send(size remotecommand.TerminalSize) bool {
	select {
	case s.ch <- size:
		return true
	case <-s.done:
		return false
	}
}

// Next returns the next size, nil when there are no more.
func (s *sizes) Next() *remotecommand.TerminalSize {
	select {
	case size := <-s.ch:
		return &size
	case <-s.done:
		return nil
	}
}
