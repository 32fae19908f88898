package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

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
// runs, to the command, with an echo.
type terminal struct {
	out    io.Writer
	editor *term.Terminal
	keys   *io.PipeReader // of the editor

	mu   sync.Mutex
	size Size
	// command receives input while a command runs, and cancel stops it.
	command *os.File
	cancel  context.CancelFunc
}

func newTerminal(ctx context.Context, in io.Reader, out io.Writer, sizes <-chan Size) *terminal {
	keys, typed := io.Pipe()
	t := &terminal{out: out, keys: keys, size: Size{Width: 80, Height: 24}}
	t.editor = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{keys, out}, "")
	// The streams of a session are closed when it ends, which ends this too.
	go t.read(in, typed)
	go func() {
		for {
			select {
			case size, ok := <-sizes:
				if !ok {
					return
				}
				t.resize(size)
			case <-ctx.Done():
				_ = keys.Close()
				return
			}
		}
	}()
	return t
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

// read hands input on until there is no more.
func (t *terminal) read(in io.Reader, typed *io.PipeWriter) {
	buffer := make([]byte, 1024)
	for {
		n, err := in.Read(buffer)
		for _, key := range buffer[:n] {
			if t.toCommand(key) {
				continue
			}
			input := []byte{key}
			if key == interrupt {
				// The editor takes it for the end; it should begin a new line.
				_, _ = io.WriteString(t.out, "^C")
				input = []byte{killLine, '\r'}
			}
			if _, err := typed.Write(input); err != nil {
				return
			}
		}
		if err != nil {
			_ = typed.CloseWithError(io.EOF)
			t.mu.Lock()
			if t.cancel != nil {
				t.cancel()
			}
			t.mu.Unlock()
			return
		}
	}
}

// toCommand gives a key to the running command, and reports whether there is one.
func (t *terminal) toCommand(key byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.command == nil {
		return false
	}
	switch key {
	case interrupt:
		_, _ = io.WriteString(t.out, "^C\r\n")
		if t.cancel != nil {
			t.cancel()
		}
	case endOfInput:
		_ = t.command.Close()
	case '\r':
		_, _ = io.WriteString(t.out, "\r\n")
		_, _ = t.command.Write([]byte{'\n'})
	default:
		_, _ = t.out.Write([]byte{key})
		_, _ = t.command.Write([]byte{key})
	}
	return true
}

// foreground directs input to a command until done is called. stop ends it on ^C.
func (t *terminal) foreground(stop context.CancelFunc) (input *os.File, done func()) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, func() {} // no file descriptors left: it gets no input
	}
	t.mu.Lock()
	before, beforeCancel := t.command, t.cancel
	t.command, t.cancel = writer, stop
	t.mu.Unlock()
	return reader, func() {
		t.mu.Lock()
		t.command, t.cancel = before, beforeCancel
		t.mu.Unlock()
		_ = writer.Close()
		_ = reader.Close()
	}
}

// Write writes the output of commands: a raw terminal needs both of CR and LF.
func (t *terminal) Write(p []byte) (int, error) {
	if _, err := t.out.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// editing lets the keys go to the editor, also when the shell runs inside a
// command of another shell.
func (t *terminal) editing() (restore func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
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
		if code, err = m.runLine(ctx, runner, program); err != nil {
			return code, err
		}
		if runner.Exited() {
			return code, nil
		}
	}
}

// runLine runs one line; ^C stops it and not the shell.
func (m *machine) runLine(ctx context.Context, runner *interp.Runner, program *syntax.File) (int, error) {
	if len(program.Stmts) == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	input, done := m.tty.foreground(cancel)
	defer done()
	if err := interp.StdIO(input, m.tty, m.tty)(runner); err != nil {
		return 0, fmt.Errorf("connect the terminal: %w", err)
	}
	code := 0
	for _, stmt := range program.Stmts {
		var err error
		code, err = exitCode(runner.Run(ctx, stmt))
		if err != nil && !errors.Is(err, context.Canceled) {
			return code, err
		}
		if runner.Exited() || ctx.Err() != nil {
			break
		}
	}
	return code, nil
}
