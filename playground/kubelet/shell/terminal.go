package shell

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/term"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// Control characters as a terminal sends them.
const (
	interrupt  = 0x03
	endOfInput = 0x04
	killLine   = 0x15
)

// terminal is the line discipline between a client's raw terminal and the
// shell. While a line is edited, input goes to the editor; while a command
// runs, to the command, with an echo. What is typed ahead is kept.
type terminal struct {
	out    io.Writer
	editor *term.Terminal

	mu   sync.Mutex
	wake *sync.Cond // of the editor: input, or the end of it
	size Size
	// ahead is input that nobody has taken yet, closed that no more comes.
	ahead  []byte
	closed bool
	// command receives input while a command runs, line by line, and cancel
	// stops it; input is where the command reads it. line is what is typed of
	// the next one.
	command *os.File
	input   *os.File
	line    []byte
	cancel  context.CancelFunc
}

// newTerminal starts to read in. Its goroutines end with the session: when in
// is closed, and when ctx is done.
func newTerminal(ctx context.Context, in io.Reader, out io.Writer, sizes <-chan Size) *terminal {
	t := &terminal{out: out, size: Size{Width: 80, Height: 24}}
	t.wake = sync.NewCond(&t.mu)
	t.editor = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{editorInput{t}, out}, "")
	go t.read(in)
	go func() {
		for {
			select {
			case size, ok := <-sizes:
				if !ok {
					return
				}
				t.resize(size)
			case <-ctx.Done():
				t.close()
				return
			}
		}
	}()
	return t
}

// editorInput is the input while no command runs.
type editorInput struct{ *terminal }

func (e editorInput) Read(p []byte) (int, error) {
	t := e.terminal
	t.mu.Lock()
	defer t.mu.Unlock()
	for !t.closed && (t.command != nil || len(t.ahead) == 0) {
		t.wake.Wait()
	}
	if len(t.ahead) == 0 {
		return 0, io.EOF
	}
	// The editor takes an interrupt for the end; it should begin a new line.
	if t.ahead[0] == interrupt {
		t.ahead = append([]byte{killLine, '\r'}, t.ahead[1:]...)
	}
	// Not beyond a line: what follows may be for the command that it starts.
	line := t.ahead
	if i := bytes.IndexByte(line, interrupt); i >= 0 {
		line = line[:i]
	}
	if i := bytes.IndexByte(line, '\r'); i >= 0 {
		line = line[:i+1]
	}
	n := copy(p, line)
	t.ahead = t.ahead[n:]
	return n, nil
}

func (t *terminal) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.wake.Broadcast()
	if t.cancel != nil {
		t.cancel()
	}
}

func (t *terminal) resize(size Size) {
	t.mu.Lock()
	t.size = size
	t.mu.Unlock()
	if size.Width > 0 && size.Height > 0 {
		_ = t.editor.SetSize(size.Width, size.Height) // fails only if the output does
	}
}

func (t *terminal) dimensions() Size {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.size
}

// read takes input until there is no more.
func (t *terminal) read(in io.Reader) {
	buffer := make([]byte, 1024)
	for {
		n, err := in.Read(buffer)
		t.mu.Lock()
		for _, key := range buffer[:n] {
			t.key(key)
		}
		t.mu.Unlock()
		if err != nil {
			t.close()
			return
		}
	}
}

// key gives a key to the running command or keeps it for the editor. The
// caller holds the lock.
func (t *terminal) key(key byte) {
	switch {
	case t.command == nil && key == interrupt:
		_, _ = io.WriteString(t.out, "^C")
		fallthrough
	case t.command == nil:
		t.ahead = append(t.ahead, key)
		t.wake.Broadcast()
	case key == interrupt:
		_, _ = io.WriteString(t.out, "^C\r\n")
		if t.cancel != nil {
			t.cancel()
		}
	case key == endOfInput && len(t.line) == 0:
		_ = t.command.Close()
	case key == endOfInput, key == '\r':
		if key == '\r' {
			_, _ = io.WriteString(t.out, "\r\n")
			t.line = append(t.line, '\n')
		}
		_, _ = t.command.Write(t.line)
		t.line = nil
	default:
		_, _ = t.out.Write([]byte{key})
		t.line = append(t.line, key)
	}
}

// foreground directs input to a command until done is called. stop ends the
// command on ^C.
func (t *terminal) foreground(stop context.CancelFunc) (input *os.File, done func()) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, func() {} // no file descriptors left: it gets no input
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	before, beforeInput, beforeCancel := t.command, t.input, t.cancel
	t.command, t.input, t.cancel = writer, reader, stop
	ahead := t.ahead
	t.ahead = nil
	for _, key := range ahead {
		if key == interrupt && stop != nil { // which was echoed when it came
			stop()
			continue
		}
		t.key(key)
	}
	return reader, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.takeBack() // what the command did not read was meant for the shell
		t.command, t.input, t.cancel = before, beforeInput, beforeCancel
		_ = writer.Close()
		_ = reader.Close()
	}
}

// takeBack gives the editor what the running command was given and has not
// read. The caller holds the lock.
func (t *terminal) takeBack() {
	conn, err := t.input.SyscallConn()
	if err != nil {
		return // it is closed: nothing is left
	}
	var rest []byte
	// Not by the file's own Read, which would wait, and for who reads already.
	_ = conn.Control(func(fd uintptr) {
		buffer := make([]byte, 1024)
		for {
			n, err := syscall.Read(int(fd), buffer)
			if err == syscall.EINTR {
				continue
			}
			if n <= 0 {
				return
			}
			rest = append(rest, buffer[:n]...)
		}
	})
	rest = append(rest, t.line...)
	t.line = nil
	t.ahead = append(bytes.ReplaceAll(rest, []byte{'\n'}, []byte{'\r'}), t.ahead...)
	t.wake.Broadcast()
}

// Write writes the output of commands: a raw terminal needs both of CR and LF.
func (t *terminal) Write(p []byte) (int, error) {
	if _, err := t.out.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// editing lets the keys go to the editor, also when the shell runs inside a
// command of another shell: with those that were typed while that began.
func (t *terminal) editing() (restore func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.command != nil {
		t.takeBack()
	}
	before, beforeCancel := t.command, t.cancel
	t.command, t.cancel = nil, nil
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.command, t.cancel = before, beforeCancel
	}
}

// interactive reads and runs lines until exit or the end of input.
func (m *machine) interactive(ctx context.Context, dir string, env []string) (int, error) {
	defer m.tty.editing()()
	runner, err := m.runner(dir, env, nil, streams{out: m.tty, err: m.tty})
	if err != nil {
		return 0, err
	}
	parser := syntax.NewParser(syntax.Variant(syntax.LangBash))
	code := 0
	for pending := ""; ; {
		m.tty.editor.SetPrompt(runner.Dir + " # ")
		if pending != "" {
			m.tty.editor.SetPrompt("> ")
		}
		line, err := m.tty.editor.ReadLine()
		if err != nil {
			_, _ = io.WriteString(m.tty, "\n")
			return code, nil // the end of input is a way to leave
		}
		pending += line + "\n"
		program, err := parser.Parse(strings.NewReader(pending), "")
		if syntax.IsIncomplete(err) {
			continue
		}
		pending = ""
		if err != nil {
			fmt.Fprintf(m.tty, "sh: syntax error: %v\n", err)
			code = 2
			continue
		}
		var left bool
		if code, left, err = m.runLine(ctx, runner, program); err != nil || left {
			return code, err
		}
	}
}

// runLine runs one line; ^C stops it and not the shell. It reports whether the line
// left the shell.
func (m *machine) runLine(ctx context.Context, runner *interp.Runner, program *syntax.File) (code int, left bool, err error) {
	if len(program.Stmts) == 0 {
		return 0, false, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	input, done := m.tty.foreground(cancel)
	defer done()
	if err := interp.StdIO(input, m.tty, m.tty)(runner); err != nil {
		return 0, false, fmt.Errorf("connect the terminal: %w", err)
	}
	for _, stmt := range program.Stmts {
		code, err = exitCode(runner.Run(ctx, stmt))
		switch {
		case err != nil:
			return code, false, err
		case ctx.Err() != nil: // which the runner takes for the end of everything
			return code, false, nil
		case runner.Exited():
			return code, true, nil
		}
	}
	return code, false, nil
}
