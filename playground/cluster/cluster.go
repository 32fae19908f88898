package cluster

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
)

const (
	// pollInterval between two questions whether a part serves yet.
	pollInterval = 50 * time.Millisecond
	// reaction is how long a controller or the authorizer may take, on a loaded
	// machine, to do what follows from something.
	reaction = 4 * time.Minute
	// defaultGrace is what a part gets to end by itself.
	defaultGrace = 3 * time.Second
)

// Cluster starts, watches and stops the parts of one control plane. Its
// methods may be called from several goroutines.
type Cluster struct {
	dir        *Dir
	executable string
	env        []string // of the parts
	layout     *layout
	spawner    *spawner
	failed     chan error    // capacity 1
	grace      time.Duration // a part gets to end by itself

	mu       sync.Mutex
	running  map[string]*process
	stopping bool
}

// New prepares a cluster in dir: ports, certificates, kubeconfigs. Nothing
// runs yet. The caller must call Stop.
func New(dir *Dir, options Options) (*Cluster, error) {
	layout, err := newLayout(dir, options)
	if err != nil {
		return nil, err
	}
	env := os.Environ()
	if options.GCPercent != 0 {
		env = append(env, fmt.Sprintf("GOGC=%d", options.GCPercent))
	}
	return &Cluster{
		dir:        dir,
		executable: options.Executable,
		env:        env,
		layout:     layout,
		spawner:    newSpawner(),
		failed:     make(chan error, 1),
		grace:      defaultGrace,
		running:    map[string]*process{},
	}, nil
}

// Config is the supervisor's own access to the API, above RBAC and flow
// control and without a client-side rate limit.
func (c *Cluster) Config() *rest.Config { return rest.CopyConfig(c.layout.config) }

// Etcd is the way past the API, for seeding.
func (c *Cluster) Etcd() EtcdAccess { return c.layout.etcd }

// Failed receives an error when a part dies that nobody stopped.
func (c *Cluster) Failed() <-chan error { return c.failed }

// Start starts the named parts at the same time and returns when all of them
// serve.
func (c *Cluster) Start(ctx context.Context, names ...string) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range names {
		group.Go(func() error { return c.start(ctx, name) })
	}
	return group.Wait()
}

func (c *Cluster) start(ctx context.Context, name string) error {
	part, ok := c.layout.parts[name]
	if !ok {
		return unknownPart(name)
	}
	proc, err := c.launch(part)
	if err != nil {
		return err
	}
	go c.watch(proc)
	if part.ready == nil {
		return nil
	}
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := part.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (last answer: %w; its log is %s)", name, context.Cause(ctx), err, proc.log)
		case <-proc.done:
			return proc.obituary()
		case <-ticker.C:
		}
	}
}

func (c *Cluster) launch(part part) (*process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping {
		return nil, fmt.Errorf("start %s: the playground is stopping", part.name)
	}
	if c.running[part.name] != nil {
		return nil, fmt.Errorf("%s is running already", part.name)
	}
	proc, err := c.spawner.start(c.executable, c.env, part, c.dir.Log(part.name))
	if err != nil {
		return nil, err
	}
	c.running[part.name] = proc
	return proc, nil
}

// watch reports proc's death unless it was stopped on purpose, in which case
// it is no longer the running one.
func (c *Cluster) watch(proc *process) {
	<-proc.done
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopping || c.running[proc.name] != proc {
		return
	}
	select {
	case c.failed <- proc.obituary():
	default: // the first death is the cause
	}
}

// Stop ends every part, those that others need last, and returns when no
// process is left. It may be called more than once.
func (c *Cluster) Stop() {
	c.mu.Lock()
	already := c.stopping
	c.stopping = true
	c.mu.Unlock()
	if already {
		return
	}
	// From here on nobody changes running.
	for _, names := range stopOrder() {
		var group sync.WaitGroup
		for _, name := range names {
			if proc := c.running[name]; proc != nil {
				group.Go(func() { proc.stop(c.grace) })
			}
		}
		group.Wait()
	}
	c.spawner.close()
}

// stopOrder lists the parts that may stop at the same time. An API server
// whose etcd is gone takes a minute to end.
func stopOrder() [][]string {
	return [][]string{
		{MetricsServer, Kwok, Scheduler, ControllerManager},
		{APIServer},
		{Etcd},
	}
}

// KillPart ends a part at once, as a crash would, and leaves it dead.
func (c *Cluster) KillPart(name string) error {
	proc, err := c.take(name)
	if err != nil {
		return err
	}
	if err := proc.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-proc.done
	return nil
}

// take makes a part no longer the running one, so that its death is expected.
func (c *Cluster) take(name string) (*process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	proc, err := c.lookup(name)
	if err != nil {
		return nil, err
	}
	delete(c.running, name)
	return proc, nil
}

// StartPart starts a part that was killed, on its old port and with its old
// data, and returns when it serves.
func (c *Cluster) StartPart(ctx context.Context, name string) error {
	return c.start(ctx, name)
}

// PausePart freezes a part: its port accepts connections and nobody answers.
func (c *Cluster) PausePart(name string) error { return c.signal(name, syscall.SIGSTOP) }

// ResumePart lets a paused part go on.
func (c *Cluster) ResumePart(name string) error { return c.signal(name, syscall.SIGCONT) }

func (c *Cluster) signal(name string, sig syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	proc, err := c.lookup(name)
	if err != nil {
		return err
	}
	return proc.signal(sig)
}

func (c *Cluster) lookup(name string) (*process, error) {
	if _, ok := c.layout.parts[name]; !ok {
		return nil, unknownPart(name)
	}
	proc := c.running[name]
	if proc == nil || c.stopping {
		return nil, fmt.Errorf("%s is not running", name)
	}
	return proc, nil
}

func unknownPart(name string) error {
	return fmt.Errorf("there is no part %q: the parts are %s", name, strings.Join(Parts(), ", "))
}

// obituary says how a process ended and what it said last.
func (p *process) obituary() error {
	end := "exit status 0"
	if p.err != nil {
		end = p.err.Error()
	}
	return fmt.Errorf("%s died (%s): %s; its log is %s", p.name, end, lastLine(p.log), p.log)
}

// lastLine is the last line of a log that is not empty.
func lastLine(path string) string {
	const tail = 4096
	file, err := os.Open(path)
	if err != nil {
		return "its log cannot be read"
	}
	defer file.Close() //nolint:errcheck // opened for reading only
	info, err := file.Stat()
	if err != nil {
		return "its log cannot be read"
	}
	text := make([]byte, min(tail, info.Size()))
	if _, err := file.ReadAt(text, info.Size()-int64(len(text))); err != nil {
		return "its log cannot be read"
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return "it said nothing"
}
