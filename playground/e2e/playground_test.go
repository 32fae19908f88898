//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// patience is how long a test waits for what takes seconds on an idle machine.
const patience = 3 * time.Minute

// binary is the playground's.
func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("QD_PLAYGROUND")
	if path == "" {
		t.Fatal("QD_PLAYGROUND is not set: run `make e2e`, or build the playground and set it to the binary's absolute path")
	}
	if !filepath.IsAbs(path) {
		t.Fatalf("QD_PLAYGROUND=%s: it must be an absolute path", path)
	}
	return path
}

// playground is one that runs for a test.
type playground struct {
	dir    string
	cmd    *exec.Cmd
	stderr *buffer
	done   chan struct{} // closed when the started process has ended
}

// newDir is a directory for a playground, with a path short enough for it.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "qd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// up starts a playground in dir and waits until it is ready.
func up(t *testing.T, dir string, args ...string) *playground {
	t.Helper()
	command := append([]string{binary(t), "up", "--dir", dir}, args...)
	return start(t, dir, command)
}

// start runs a command that ends up starting a playground in dir, and waits
// until that is ready.
func start(t *testing.T, dir string, command []string) *playground {
	t.Helper()
	p := &playground{dir: dir, stderr: &buffer{}, done: make(chan struct{})}
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Stderr = p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string)
	go func() {
		defer close(p.done)
		scanner := bufio.NewScanner(stdout)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			case <-t.Context().Done():
			}
		}
		close(lines)
		_ = p.cmd.Wait() // what it came to is in ProcessState
	}()
	t.Cleanup(func() {
		p.signal(t, syscall.SIGTERM)
		p.awaitEnd(t)
		if t.Failed() {
			t.Logf("playground %s said:\n%s", dir, p.stderr)
		}
	})
	for _, want := range []string{"KUBECONFIG=" + filepath.Join(dir, "kubeconfig"), "ready"} {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("the playground ended:\n%s", p.stderr)
			}
			if line != want {
				t.Fatalf("it printed %q, want %q", line, want)
			}
		case <-time.After(patience):
			t.Fatalf("not ready after %v:\n%s", patience, p.stderr)
		}
	}
	return p
}

// signal the process that was started, if it is still there.
func (p *playground) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
}

// awaitEnd waits until the process that was started has ended, and returns
// its exit code.
func (p *playground) awaitEnd(t *testing.T) int {
	t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Errorf("it goes on after %v:\n%s", patience, p.stderr)
		return -1
	}
}

// client is the API as the given context sees it.
func (p *playground) client(t *testing.T, contextName string) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(p.config(t, contextName))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (p *playground) config(t *testing.T, contextName string) *rest.Config {
	t.Helper()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: filepath.Join(p.dir, "kubeconfig")},
		&clientcmd.ConfigOverrides{CurrentContext: contextName},
	).ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = -1, -1
	return config
}

// run runs a command of the playground's binary to its end.
func run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(t), args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	if failure := cmd.Run(); failure != nil {
		var exit *exec.ExitError
		if !errors.As(failure, &exit) {
			t.Fatal(failure)
		}
	}
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

// mustRun is run for commands that must succeed.
func mustRun(t *testing.T, args ...string) {
	t.Helper()
	if _, stderr, code := run(t, args...); code != 0 {
		t.Fatalf("qd-playground %s: exit code %d: %s", strings.Join(args, " "), code, stderr)
	}
}

// eventually waits until check returns nil.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// expectGone waits until nothing is left of the given processes and ports.
func expectGone(t *testing.T, before footprint) {
	t.Helper()
	eventually(t, "something is left", func() error {
		for _, process := range before.processes {
			if process.alive() {
				return fmt.Errorf("process %d: %s", process.pid, process.command)
			}
		}
		for _, address := range before.listening {
			if portIsOpen(address) {
				return fmt.Errorf("somebody listens on %s", address)
			}
		}
		return nil
	})
}

// buffer collects what a process says while a test may read it.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
