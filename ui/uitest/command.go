//go:build !windows

package uitest

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// Process is a program that runs in a terminal of its own.
type Process struct {
	*Screen
	cmd  *exec.Cmd
	tty  *os.File // our end of the terminal
	done chan struct{}
	err  error // of cmd, once done is closed
}

// Command starts cmd in a terminal of the given size. It is killed when the
// test ends, if it still runs. If cmd.Env is nil, the program sees this
// process's environment with TERM=xterm-256color.
func Command(t testing.TB, cmd *exec.Cmd, width, height int) *Process {
	t.Helper()
	if cmd.Env == nil {
		cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	}
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)}) // sizes of screens
	if err != nil {
		t.Fatalf("start %s in a terminal: %v", cmd.Path, err)
	}
	p := &Process{Screen: NewScreen(t, width, height), cmd: cmd, tty: tty, done: make(chan struct{})}
	go func() { _, _ = io.Copy(tty, p.Screen) }()
	go func() {
		defer close(p.done)
		_, _ = io.Copy(p.Screen, tty) // until the last process with the terminal open has ended
		p.err = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // its children hold the terminal open too
		<-p.done
		_ = tty.Close()
	})
	return p
}

// Resize changes the size of the terminal.
func (p *Process) Resize(t testing.TB, width, height int) {
	t.Helper()
	p.resize(width, height)
	if err := pty.Setsize(p.tty, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)}); err != nil { // sizes of screens
		t.Fatalf("resize the terminal: %v", err)
	}
}

// Signal sends a signal to the program.
func (p *Process) Signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("send %s: %v", sig, err)
	}
}

// PID returns the process id of the program.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Wait waits until the program has ended and returns its exit code, -1 if a
// signal ended it.
func (p *Process) Wait(t testing.TB) (code int) {
	t.Helper()
	await(t, p.Screen, p.done, p.cmd.Path+" to end")
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) {
		t.Fatalf("wait for %s: %v", p.cmd.Path, p.err)
	}
	return p.cmd.ProcessState.ExitCode()
}
