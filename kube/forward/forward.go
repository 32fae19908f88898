// Package forward keeps local ports connected to pods. A forward follows what
// it was started for: when its pod ends, the listener stays and the next
// connections go to another ready pod of the same service or workload.
package forward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"quarterdeck/kube"
)

// Spec is what to forward.
type Spec struct {
	// Ref names a pod, a service, or a workload: anything that selects pods by
	// spec.selector.
	Ref kube.Ref
	// Local is the port to listen on; 0 is a free one that the system chooses.
	Local int
	// Remote is a port of the pod or, with a service, of the service: its number
	// or its name. "" is the first there is.
	Remote string
	// Address is where to listen; "" is loopback, of IPv4 and IPv6.
	Address string
}

// State is how a forward is.
type State int

// The states of a forward. Only Failed is final.
const (
	Starting State = iota // it has no pod yet
	Ready                 // connected to a pod
	Waiting               // for a ready pod, or for the server
	Failed                // it cannot work, see Info.Reason
)

func (s State) String() string {
	return [...]string{"starting", "ready", "waiting", "failed"}[s]
}

// Info is what is known of a forward at one moment.
type Info struct {
	ID      int
	Spec    Spec
	Context string // of the kubeconfig
	Local   int    // the port listened on
	Listens []string
	State   State
	// Reason says why it waits or failed; Problem what went wrong with a
	// connection last, such as a port that nothing in the pod listens on.
	Reason, Problem string
	Pod             string // connected to, or last
	Remote          int    // the port of the pod
	// In counts bytes from the pod, Out those to it.
	In, Out     int64
	Connections int // open now
	Total       int // since the start
	Since       time.Time
}

// String says it in a line: 127.0.0.1:8080 → svc/web (pod/web-1:80).
func (i Info) String() string {
	s := strings.Join(i.Listens, ", ") + " → " + i.Spec.Ref.String()
	if i.Pod != "" && i.Remote != 0 {
		s += fmt.Sprintf(" (pod/%s:%d)", i.Pod, i.Remote)
	}
	return s
}

// Forwards are the forwards of a program, of all its contexts. It is safe for
// many goroutines.
type Forwards struct {
	changed chan struct{}

	mu      sync.Mutex
	next    int
	running []*forward
	closed  bool
}

// New returns Forwards with none running.
func New() *Forwards { return &Forwards{changed: make(chan struct{}, 1)} }

// Changed is sent to when List may return something else, at most once until
// it is received from. It has one receiver. Bytes alone are no change.
func (f *Forwards) Changed() <-chan struct{} { return f.changed }

func (f *Forwards) touch() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// Start listens, finds a pod, and returns once the forward is ready, or waits
// for a pod that is not there yet. What cannot work is an error, and leaves
// nothing behind. ctx bounds the start; the forward goes on until it is stopped.
func (f *Forwards) Start(ctx context.Context, c *kube.Client, spec Spec) (Info, error) {
	target, err := resolve(ctx, c, spec)
	if err != nil {
		return Info{}, err
	}
	listeners, err := listen(ctx, spec)
	if err != nil {
		return Info{}, err
	}
	one := newForward(context.WithoutCancel(ctx), c, spec, target, listeners, f.touch)
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		one.stop()
		return Info{}, errors.New("forward a port: the program is ending")
	}
	f.next++
	one.info.ID = f.next
	f.running = append(f.running, one)
	f.mu.Unlock()
	one.start()
	f.touch()
	select {
	case <-one.settled:
	case <-ctx.Done():
		f.Stop(one.info.ID)
		return Info{}, context.Cause(ctx)
	}
	info := one.snapshot()
	if info.State == Failed {
		f.Stop(info.ID)
		return info, one.failure()
	}
	return info, nil
}

// Stop ends a forward and its connections, and returns when nothing of it is
// left. An ID of none does nothing.
func (f *Forwards) Stop(id int) {
	f.mu.Lock()
	i := slices.IndexFunc(f.running, func(one *forward) bool { return one.info.ID == id })
	if i < 0 {
		f.mu.Unlock()
		return
	}
	one := f.running[i]
	f.running = slices.Delete(f.running, i, i+1)
	f.mu.Unlock()
	one.stop()
	f.touch()
}

// List returns all forwards, the oldest first.
func (f *Forwards) List() []Info {
	f.mu.Lock()
	running := slices.Clone(f.running)
	f.mu.Unlock()
	list := make([]Info, len(running))
	for i, one := range running {
		list[i] = one.snapshot()
	}
	return list
}

// Close stops all forwards. None can be started after it.
func (f *Forwards) Close() {
	f.mu.Lock()
	f.closed = true
	running := f.running
	f.running = nil
	f.mu.Unlock()
	var all sync.WaitGroup
	for _, one := range running {
		all.Go(one.stop)
	}
	all.Wait()
	f.touch()
}

// listen opens the local port, on both loopback addresses if there are both.
func listen(ctx context.Context, spec Spec) ([]net.Listener, error) {
	if spec.Local < 0 || spec.Local > 65535 {
		return nil, fmt.Errorf("port %d does not exist: choose one from 1 to 65535, or 0 for any free one", spec.Local)
	}
	var config net.ListenConfig
	if spec.Address != "" {
		l, err := config.Listen(ctx, "tcp", net.JoinHostPort(spec.Address, strconv.Itoa(spec.Local)))
		if err != nil {
			return nil, listenError(spec.Address, spec.Local, err)
		}
		return []net.Listener{l}, nil
	}
	// The free port of one address may be taken on the other.
	for try := 0; ; try++ {
		four, err := config.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(spec.Local)))
		if err != nil {
			return nil, listenError("127.0.0.1", spec.Local, err)
		}
		port := portOf(four)
		six, err := config.Listen(ctx, "tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
		switch {
		case err == nil:
			return []net.Listener{four, six}, nil
		case !errors.Is(err, syscall.EADDRINUSE): // there is no IPv6 here
			return []net.Listener{four}, nil
		}
		_ = four.Close() // nobody came yet
		if spec.Local != 0 || try == 9 {
			return nil, listenError("::1", port, err)
		}
	}
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

func listenError(address string, port int, err error) error {
	where := net.JoinHostPort(address, strconv.Itoa(port))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return &listenFailure{fmt.Sprintf("port %d is in use on this machine (%s): choose another, or 0 for any free one", port, where), err}
	case errors.Is(err, syscall.EACCES):
		return &listenFailure{fmt.Sprintf("port %d may not be opened by this user (%s): choose one from 1024 on", port, where), err}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return &listenFailure{fmt.Sprintf("%s is no address of this machine: choose one that is, or none for loopback", cmp.Or(address, where)), err}
	}
	return fmt.Errorf("listen on %s: %w", where, err)
}

// listenFailure is an error of listening in the user's words.
type listenFailure struct {
	text string
	err  error
}

func (e *listenFailure) Error() string { return e.text }
func (e *listenFailure) Unwrap() error { return e.err }
