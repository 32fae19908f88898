//go:build !windows

package uitest_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/ui/uitest"
)

// TestMain lets the test binary be the program that runs in the terminal.
func TestMain(m *testing.M) {
	if os.Getenv("UITEST_PROGRAM") == "" {
		os.Exit(m.Run())
	}
	if _, err := tea.NewProgram(counter{}).Run(); err != nil {
		os.Exit(3)
	}
	os.Exit(7)
}

func start(t *testing.T) *uitest.Process {
	t.Helper()
	cmd := exec.Command(os.Args[0]) // this test itself
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "UITEST_PROGRAM=1")
	return uitest.Command(t, cmd, 40, 6)
}

func TestCommand(t *testing.T) {
	p := start(t)
	p.WaitFor(t, "width 40")
	p.Type("xx", uitest.Down)
	p.WaitFor(t, "last down")
	p.Resize(t, 50, 9)
	p.WaitFor(t, "width 50")
	p.Type("q")
	if code := p.Wait(t); code != 7 {
		t.Errorf("exit code %d, want 7", code)
	}
	if left := p.Leftovers(); len(left) > 0 {
		t.Errorf("left after quitting: %v", left)
	}
	if !strings.Contains(p.Raw(), "keys") {
		t.Errorf("raw output %q", p.Raw())
	}
}

func TestCommandKilled(t *testing.T) {
	p := start(t)
	p.WaitFor(t, "keys 0")
	p.Signal(t, syscall.SIGKILL)
	if code := p.Wait(t); code != -1 {
		t.Errorf("exit code %d, want -1", code)
	}
	if left := p.Leftovers(); len(left) == 0 {
		t.Error("a killed program cannot have cleaned up, and yet nothing is left")
	}
}
