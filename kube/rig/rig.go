// Package rig finds the two programs of this repository and runs a playground:
// what the tests against a real API server (by way of kubetest), the scenarios
// of e2e and the scale benchmark have in common. The playground's own tests are
// in another module, which this one must not be a part of, and start it
// themselves.
package rig

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// QD returns the path of the program: the value of QD, else bin/qd in this
// repository.
func QD() (string, error) { return program("QD", "qd") }

// playgroundProgram returns the path of the playground's program: the value of
// QD_PLAYGROUND, else bin/qd-playground in this repository.
func playgroundProgram() (string, error) { return program("QD_PLAYGROUND", "qd-playground") }

func program(variable, name string) (string, error) {
	path := os.Getenv(variable)
	if path == "" {
		root, err := root()
		if err != nil {
			return "", err
		}
		path = filepath.Join(root, "bin", name)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, err)
	}
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return "", fmt.Errorf("there is no program %s: build it with `make build`, as `make e2e` does before it runs the tests that need it, or set %s to the path of %s",
			path, variable, name)
	}
	return path, nil
}

// root returns the directory of this repository, in which the working
// directory is.
func root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working directory: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("the working directory is not in the repository: set QD and QD_PLAYGROUND")
		}
		dir = parent
	}
}

// Playground is one that runs until it is stopped or this process ends.
type Playground struct {
	program, dir string
	cmd          *exec.Cmd
	done         chan struct{} // closed when the process has ended
	said         *tail
}

// readyTime is how long a playground may take to start. It needs seconds; a
// large one has tens of thousands of objects to write first.
const readyTime = 5 * time.Minute

// Start runs `qd-playground up` with args and returns when it is ready.
func Start(args ...string) (*Playground, error) {
	path, err := playgroundProgram()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "qd") // short, since it holds sockets
	if err != nil {
		return nil, fmt.Errorf("make a directory for the playground: %w", err)
	}
	p := &Playground{program: path, dir: dir, done: make(chan struct{}), said: &tail{}}
	p.cmd = exec.Command(path, append([]string{"up", "--dir", dir}, args...)...)
	p.cmd.Stderr = p.said
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the playground: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the playground: %w", err), os.RemoveAll(dir))
	}
	ready := make(chan struct{})
	go func() {
		defer close(p.done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if lines.Text() == "ready" {
				close(ready)
			}
		}
		_ = p.cmd.Wait() // what it said is told by whoever misses it
	}()
	select {
	case <-ready:
		return p, nil
	case <-p.done:
		return nil, errors.Join(fmt.Errorf("the playground did not start:\n%s", p.said), os.RemoveAll(dir))
	case <-time.After(readyTime):
		return nil, errors.Join(fmt.Errorf("the playground was not ready within %s:\n%s", readyTime, p.said), p.Stop())
	}
}

// Kubeconfig returns the path of the playground's kubeconfig.
func (p *Playground) Kubeconfig() string { return filepath.Join(p.dir, "kubeconfig") }

// Config returns the connection of one of the contexts of the playground's
// kubeconfig, the current one for "".
func (p *Playground) Config(contextName string) (*rest.Config, error) {
	return Config(p.Kubeconfig(), contextName)
}

// Config returns the connection of one of the contexts of a playground's
// kubeconfig, the current one for "".
func Config(kubeconfig, contextName string) (*rest.Config, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig},
		&clientcmd.ConfigOverrides{CurrentContext: contextName},
	).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read the playground's kubeconfig: %w", err)
	}
	config.QPS = -1
	return config, nil
}

// Order stops, starts, pauses or resumes a part of the playground, such as the
// API server: order is the command's name without "-part".
func (p *Playground) Order(ctx context.Context, order, part string) error {
	out, err := exec.CommandContext(ctx, p.program, order+"-part", part, "--dir", p.dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", order, part, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Incident adds or clears incidents: verb is "add" or "clear".
func (p *Playground) Incident(ctx context.Context, verb string, names ...string) error {
	args := append([]string{"incident", verb, "--dir", p.dir}, names...)
	if out, err := exec.CommandContext(ctx, p.program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s incidents: %w: %s", verb, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Incidents returns the names of all incidents there are.
func (p *Playground) Incidents(ctx context.Context) ([]string, error) {
	out, err := exec.CommandContext(ctx, p.program, "incident", "list").Output()
	if err != nil {
		return nil, fmt.Errorf("list incidents: %w", err)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	return names, nil
}

// Stop ends the playground and removes its files.
func (p *Playground) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the playground: %w", err)
	}
	<-p.done
	if err := os.RemoveAll(p.dir); err != nil {
		return fmt.Errorf("remove the playground's files: %w", err)
	}
	return nil
}

// Said returns the last of what the playground said.
func (p *Playground) Said() string { return p.said.String() }

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 8 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if extra := len(t.text) - tailSize; extra > 0 {
		t.text = append([]byte(nil), t.text[extra:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
