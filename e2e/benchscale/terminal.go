//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// terminal runs the program on an emulated screen and notes when output comes.
// Times are taken where bytes are read, before the emulator works on them.
type terminal struct {
	cmd     *exec.Cmd
	tty     *os.File
	started time.Time
	done    chan struct{} // closed when the program has ended

	mu      sync.Mutex
	em      *vt.Emulator
	written int64     // bytes that were read
	last    time.Time // when the newest of them were read
	drawn   int64     // bytes that the emulator has worked on
	drawnAt time.Time // when the newest of those were read
}

// chunk is what one read from the terminal returned.
type chunk struct {
	data []byte
	at   time.Time
}

// openTerminal starts the program.
func openTerminal(cmd *exec.Cmd) (*terminal, error) {
	t := &terminal{cmd: cmd, em: vt.NewEmulator(terminalColumns, terminalRows), done: make(chan struct{})}
	t.started = time.Now()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: terminalColumns, Rows: terminalRows})
	if err != nil {
		return nil, fmt.Errorf("start %s in a terminal: %w", cmd.Path, err)
	}
	t.tty = tty
	chunks := make(chan chunk, 1024)
	go func() { // the emulator's answers to the program's questions
		_, _ = io.Copy(tty, t.em)
	}()
	go t.read(chunks)
	go t.draw(chunks)
	return t, nil
}

func (t *terminal) read(chunks chan<- chunk) {
	defer close(chunks)
	for {
		data := make([]byte, 32<<10)
		n, err := t.tty.Read(data)
		at := time.Now()
		if n > 0 {
			t.mu.Lock()
			t.written += int64(n)
			t.last = at
			t.mu.Unlock()
			chunks <- chunk{data[:n], at}
		}
		if err != nil {
			return
		}
	}
}

func (t *terminal) draw(chunks <-chan chunk) {
	defer close(t.done)
	for c := range chunks {
		t.mu.Lock()
		_, _ = t.em.Write(c.data)
		t.drawn += int64(len(c.data))
		t.drawnAt = c.at
		t.mu.Unlock()
	}
	_ = t.cmd.Wait()
}

// close ends the program.
func (t *terminal) close() {
	_ = t.cmd.Process.Kill()
	<-t.done
	_ = t.tty.Close()
	_ = t.em.InputPipe().(io.Closer).Close()
}

// press types a key and returns when.
func (t *terminal) press(key string) (time.Time, error) {
	at := time.Now()
	if _, err := t.tty.WriteString(key); err != nil {
		return at, fmt.Errorf("type a key: %w", err)
	}
	return at, nil
}

// lines returns the screen and when what it shows was read.
func (t *terminal) lines() ([]string, time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Split(ansi.Strip(t.em.Render()), "\n"), t.drawnAt
}

// output returns how many bytes were read so far and when the newest were.
func (t *terminal) output() (written int64, last time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.written, t.last
}

// limit is how long to wait for anything; measuring must end.
const limit = 2 * time.Minute

// until waits until ok is true of the screen and returns when what made it so
// was read. ok is asked only after something was drawn.
func (t *terminal) until(ctx context.Context, what string, ok func(lines []string) bool) (time.Time, error) {
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	end := time.After(limit)
	seen := int64(-1)
	for {
		t.mu.Lock()
		drawn := t.drawn
		t.mu.Unlock()
		if drawn != seen {
			seen = drawn
			if lines, at := t.lines(); ok(lines) {
				return at, nil
			}
		}
		select {
		case <-look.C:
		case <-t.done:
			return time.Time{}, fmt.Errorf("the program ended before there was %s", what)
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		case <-end:
			lines, _ := t.lines()
			return time.Time{}, fmt.Errorf("waited %s for %s; the screen is:\n%s", limit, what, strings.Join(lines, "\n"))
		}
	}
}

// errSilent says that a key changed nothing on the screen.
var errSilent = errors.New("a key changed nothing on the screen")

// response presses a key and returns how long it took until the last byte of
// what it caused was read, and how many bytes that was. The answer is over when
// nothing has come for the time quiet.
func (t *terminal) response(ctx context.Context, key string, quiet time.Duration) (time.Duration, int64, error) {
	before, _ := t.output()
	pressed, err := t.press(key)
	if err != nil {
		return 0, 0, err
	}
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		}
		written, last := t.output()
		switch {
		case written == before:
			if time.Since(pressed) > time.Second {
				return 0, 0, errSilent
			}
		case time.Since(last) > quiet:
			return last.Sub(pressed), written - before, nil
		}
	}
}
