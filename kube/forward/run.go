package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
)

// How long a new connection waits for a pod, and how soon a pod is tried again
// that could not be reached.
const (
	podPatience = 10 * time.Second
	retryAfter  = time.Second
)

// forward is one that runs. Its main goroutine, run, is the only one to choose
// pods and to connect to them.
type forward struct {
	ctx       context.Context // of its life
	cancel    context.CancelFunc
	client    *kube.Client
	target    target
	listeners []net.Listener
	touch     func() // something but bytes changed
	all       sync.WaitGroup

	settled chan struct{} // closed when Start can return
	once    sync.Once
	lost    chan *backend // whose connection ended
	in, out atomic.Int64

	mu      sync.Mutex
	info    Info
	err     error
	current *backend
	found   chan struct{} // closed and made anew when current is set
	locals  map[net.Conn]struct{}
}

func newForward(ctx context.Context, c *kube.Client, spec Spec, t target, listeners []net.Listener, touch func()) *forward {
	f := &forward{
		client: c, target: t, listeners: listeners, touch: touch,
		settled: make(chan struct{}), lost: make(chan *backend), found: make(chan struct{}),
		locals: map[net.Conn]struct{}{},
		info:   Info{Spec: spec, Context: c.Context, Local: portOf(listeners[0]), Since: time.Now()},
	}
	for _, l := range listeners {
		f.info.Listens = append(f.info.Listens, l.Addr().String())
	}
	f.ctx, f.cancel = context.WithCancel(ctx)
	return f
}

func (f *forward) start() {
	for _, l := range f.listeners {
		f.all.Go(func() { f.accept(l) })
	}
	f.all.Go(f.run)
}

// stop returns when nothing of the forward is left.
func (f *forward) stop() {
	defer utilruntime.HandleCrash()
	f.cancel()
	for _, l := range f.listeners {
		_ = l.Close() // it is not used any more
	}
	f.mu.Lock()
	for local := range f.locals {
		_ = local.Close() // its goroutine ends
	}
	f.mu.Unlock()
	f.all.Wait()
}

func (f *forward) snapshot() Info {
	f.mu.Lock()
	defer f.mu.Unlock()
	info := f.info
	info.In, info.Out = f.in.Load(), f.out.Load()
	return info
}

// failure returns why the forward failed.
func (f *forward) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// set changes the state. reason is for the screen.
func (f *forward) set(state State, reason string) {
	f.mu.Lock()
	same := f.info.State == state && f.info.Reason == reason
	f.info.State, f.info.Reason = state, sanitize.Line(reason)
	f.mu.Unlock()
	f.once.Do(func() { close(f.settled) })
	if !same {
		f.touch()
	}
}

// fail notes what keeps the forward from working: for good if it never did,
// else until the next try.
func (f *forward) fail(err error) (final bool) {
	select {
	case <-f.settled:
		f.set(Waiting, err.Error())
		return false
	default:
	}
	f.mu.Lock()
	f.err = err
	f.mu.Unlock()
	f.set(Failed, err.Error())
	return true
}

// run follows the pods until the forward is stopped.
func (f *forward) run() {
	defer utilruntime.HandleCrash()
	eye := &follower{client: f.client, target: f.target, see: make(chan sight, 1)}
	f.all.Go(func() { eye.run(f.ctx) })
	var (
		last  sight
		alive = map[*backend]struct{}{} // connected, in use for new connections or not
		retry <-chan time.Time
	)
	defer func() {
		f.use(nil)
		for b := range alive {
			b.close()
		}
	}()
	for {
		select {
		case <-f.ctx.Done():
			return
		case last = <-eye.see:
		case b := <-f.lost:
			delete(alive, b)
			f.drop(b)
			if f.now() == nil {
				f.set(Waiting, "the connection to pod/"+b.pod+" ended; connecting again")
			}
			if time.Since(b.at) < retryAfter { // it does not last: not at once again
				retry = time.After(retryAfter)
				continue
			}
		case <-retry:
		}
		retry = nil
		for b := range alive {
			if last.err == nil && b.gone(last.pods) {
				b.close() // upon which it is lost
			}
		}
		b, err := f.look(last)
		switch {
		case f.ctx.Err() != nil:
			if b != nil {
				b.close()
			}
			return
		case err != nil:
			if f.fail(err) {
				return
			}
			if last.err == nil {
				retry = time.After(retryAfter)
			}
		case b != nil:
			alive[b] = struct{}{}
			f.use(b)
		}
	}
}

// look connects to another pod if what was seen says so.
func (f *forward) look(s sight) (*backend, error) {
	if s.err != nil {
		if f.now() != nil { // which may know better
			return nil, nil
		}
		return nil, fmt.Errorf("look for the pods of %s: %w", f.target.what, s.err)
	}
	next := f.next(s.pods)
	if next != nil {
		return f.connect(next)
	}
	if f.now() == nil {
		why, what := f.target.waiting(s.pods)
		f.set(Waiting, why+"; waiting for "+what)
	}
	return nil, nil
}

// now returns what new connections use.
func (f *forward) now() *backend {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current
}

// next returns the pod to connect to, nil to leave things as they are. A pod
// that is not ready any more is left only for one that is.
func (f *forward) next(pods []*corev1.Pod) *corev1.Pod {
	current := f.now()
	best := f.target.choose(pods)
	if current == nil || best == nil {
		if current != nil && current.ending(pods) {
			f.use(nil)
		}
		return best
	}
	for _, p := range pods {
		if p.UID == current.uid && f.target.usable(p) {
			return nil
		}
	}
	return best
}

// use makes b what new connections use; those that are open stay where they are.
func (f *forward) use(b *backend) {
	f.mu.Lock()
	f.current = b
	if b != nil {
		f.info.Pod, f.info.Remote, f.info.Problem = b.pod, b.port, ""
		close(f.found)
		f.found = make(chan struct{})
	}
	f.mu.Unlock()
	if b != nil {
		f.set(Ready, "")
	}
}

// await returns what a new connection can use, as soon as there is something.
func (f *forward) await(ctx context.Context) (*backend, error) {
	for {
		f.mu.Lock()
		b, found := f.current, f.found
		f.mu.Unlock()
		if b != nil {
			return b, nil
		}
		select {
		case <-found:
		case <-ctx.Done():
			return nil, fmt.Errorf("no ready pod within %v", podPatience)
		}
	}
}

// drop keeps new connections from a backend that does not answer.
func (f *forward) drop(b *backend) {
	f.mu.Lock()
	if f.current == b {
		f.current = nil
	}
	f.mu.Unlock()
	b.close() // upon which it is lost
}

func (f *forward) accept(l net.Listener) {
	defer utilruntime.HandleCrash()
	for {
		local, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // out of files: somebody may close some
			f.problem(err)
			select {
			case <-time.After(retryAfter):
				continue
			case <-f.ctx.Done():
				return
			}
		}
		if !f.enter(local) {
			return
		}
		f.all.Go(func() {
			defer utilruntime.HandleCrash()
			defer f.leave(local)
			f.serve(local)
		})
	}
}

// enter counts a connection, unless the forward is being stopped.
func (f *forward) enter(local net.Conn) bool {
	f.mu.Lock()
	if f.ctx.Err() != nil {
		f.mu.Unlock()
		_ = local.Close() // nobody serves it
		return false
	}
	f.locals[local] = struct{}{}
	f.info.Connections++
	f.info.Total++
	f.mu.Unlock()
	f.touch()
	return true
}

func (f *forward) leave(local net.Conn) {
	_ = local.Close() // done with it
	f.mu.Lock()
	delete(f.locals, local)
	f.info.Connections--
	f.mu.Unlock()
	f.touch()
}

func (f *forward) problem(err error) {
	f.mu.Lock()
	f.info.Problem = sanitize.Line(err.Error())
	f.mu.Unlock()
	f.touch()
}
