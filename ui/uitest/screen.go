// Package uitest is the terminal of the tests: it runs a program, or a model in
// this process, on an emulated screen, types keys and waits for what appears.
package uitest

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// Deadline is how long anything is waited for at most, on a machine that does
// other things as well.
const Deadline = 90 * time.Second

// Screen is an emulated terminal. What a program writes to it changes the
// screen; what is typed, and the terminal's answers to the program's questions,
// wait in a buffer until the program reads them, so that neither side ever
// blocks the other. Its methods are safe for concurrent use.
type Screen struct {
	input *buffer

	mu      sync.Mutex // held while em changes or is read; vt's own SafeEmulator does not cover everything
	em      *vt.Emulator
	changed chan struct{} // closed and replaced when something is written
	written int64
	raw     bytes.Buffer
	modes   map[ansi.Mode]bool // modes that were set or reset, by number
}

// NewScreen returns an empty terminal of the given size, which lives as long as
// the test.
func NewScreen(t testing.TB, width, height int) *Screen {
	s := &Screen{input: newBuffer(), em: vt.NewEmulator(width, height), changed: make(chan struct{}), modes: map[ansi.Mode]bool{}}
	s.em.SetCallbacks(vt.Callbacks{
		EnableMode:  func(m ansi.Mode) { s.modes[m] = true },
		DisableMode: func(m ansi.Mode) { s.modes[m] = false },
	})
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(s.input, s.em)
	}()
	t.Cleanup(func() {
		_ = s.em.InputPipe().(io.Closer).Close() // not em.Close, which races with em.Read
		<-drained
		s.input.close()
	})
	return s
}

// Write is what the terminal does with a program's output.
func (s *Screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written += int64(len(b))
	s.raw.Write(b)
	close(s.changed)
	s.changed = make(chan struct{})
	return s.em.Write(b)
}

// Read is where a program reads what was typed.
func (s *Screen) Read(b []byte) (int, error) { return s.input.Read(b) }

// Type types keys as a terminal sends them: text as it is, special keys by
// their constants or Ctrl.
func (s *Screen) Type(keys ...string) {
	for _, k := range keys {
		_, _ = s.input.Write([]byte(k))
	}
}

// Paste pastes text, in brackets if the program has asked for them.
func (s *Screen) Paste(text string) {
	if s.Mode(ansi.ModeBracketedPaste) {
		text = ansi.BracketedPasteStart + text + ansi.BracketedPasteEnd
	}
	s.Type(text)
}

// Text returns the screen without colours and without trailing blanks.
func (s *Screen) Text() string {
	return trim(ansi.Strip(s.Styled()))
}

// Styled returns the screen with its escape sequences for colours and links.
func (s *Screen) Styled() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.em.Render()
}

// Line returns line i of Text, counted from 0, from the end if i is negative.
func (s *Screen) Line(i int) string {
	lines := strings.Split(s.Text(), "\n")
	if i < 0 {
		i += len(lines)
	}
	if i < 0 || i >= len(lines) {
		return ""
	}
	return lines[i]
}

// Cursor returns where the cursor is and whether it is visible.
func (s *Screen) Cursor() (x, y int, visible bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.em.CursorPosition()
	hidden := false
	if on, ok := s.modes[ansi.ModeTextCursorEnable]; ok {
		hidden = !on
	}
	return at.X, at.Y, !hidden
}

// Mode reports whether the program has set a mode of the terminal.
func (s *Screen) Mode(m ansi.Mode) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.modes[m]
}

// AltScreen reports whether the program shows the alternate screen.
func (s *Screen) AltScreen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.em.IsAltScreen()
}

// Leftovers returns what a program that has ended did not put back: the modes
// in which a terminal would be left unusable.
func (s *Screen) Leftovers() []string {
	var left []string
	if s.AltScreen() {
		left = append(left, "alternate screen")
	}
	if _, _, visible := s.Cursor(); !visible {
		left = append(left, "hidden cursor")
	}
	for name, m := range map[string]ansi.Mode{
		"bracketed paste": ansi.ModeBracketedPaste, "focus events": ansi.ModeFocusEvent,
		"mouse clicks": ansi.ModeMouseNormal, "mouse drags": ansi.ModeMouseButtonEvent, "mouse motion": ansi.ModeMouseAnyEvent,
		"synchronized output": ansi.ModeSynchronizedOutput, "grapheme clusters": ansi.ModeUnicodeCore,
		"application cursor keys": ansi.ModeCursorKeys,
	} {
		if s.Mode(m) {
			left = append(left, name)
		}
	}
	slices.Sort(left)
	return left
}

// BytesWritten returns how many bytes the program has written.
func (s *Screen) BytesWritten() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written
}

// Raw returns everything the program has written.
func (s *Screen) Raw() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.String()
}

// resize changes the size of the emulated screen.
func (s *Screen) resize(width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.em.Resize(width, height)
}

// WaitFor waits until want is on the screen.
func (s *Screen) WaitFor(t testing.TB, want string) {
	t.Helper()
	s.WaitForFunc(t, fmt.Sprintf("%q on the screen", want), func(text string) bool { return strings.Contains(text, want) })
}

// WaitGone waits until what is not on the screen any more.
func (s *Screen) WaitGone(t testing.TB, what string) {
	t.Helper()
	s.WaitForFunc(t, fmt.Sprintf("%q gone from the screen", what), func(text string) bool { return !strings.Contains(text, what) })
}

// WaitForFunc waits until ok is true of Text; desc says what that means. It
// fails the test, and shows the screen, after Deadline.
func (s *Screen) WaitForFunc(t testing.TB, desc string, ok func(text string) bool) {
	t.Helper()
	timeout := time.NewTimer(Deadline)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		text := s.Text()
		if ok(text) {
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			t.Fatalf("waited %s for %s; the screen is:\n%s", Deadline, desc, text)
		}
	}
}

// trim removes blanks at the ends of lines.
func trim(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \r")
	}
	return strings.Join(lines, "\n")
}

// buffer is a pipe without a limit: writing never blocks.
type buffer struct {
	mu     sync.Mutex
	filled *sync.Cond
	data   []byte
	closed bool
}

func newBuffer() *buffer {
	b := &buffer{}
	b.filled = sync.NewCond(&b.mu)
	return b
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data = append(b.data, p...)
	b.filled.Broadcast()
	return len(p), nil
}

func (b *buffer) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.data) == 0 && !b.closed {
		b.filled.Wait()
	}
	if len(b.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.data)
	b.data = b.data[n:]
	return n, nil
}

func (b *buffer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.filled.Broadcast()
}
