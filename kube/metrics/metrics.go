// Package metrics reads what pods and nodes use from metrics.k8s.io. That API
// can be neither watched nor paged, so it is polled, but only while somebody
// subscribes; answers are decoded as they stream in and kept small.
package metrics

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
)

const (
	// timeout bounds one poll; a slow metrics server must not hold up the next.
	timeout = 30 * time.Second
	// linger is how long values outlive their last subscriber, so that going
	// back and forth between views asks nothing of the server.
	linger = time.Minute
	// Failures are asked about less and less often, down to this. An API that is
	// not there or not for us stays so longer than one that is down.
	refusedWait, failedWait = 5 * time.Minute, time.Minute
)

// Scope is what one poll asks for: the pods of a namespace or of all of them,
// or the nodes.
type Scope struct {
	resource  string
	namespace string
}

// Pods returns the scope of the pods in namespace, of all pods if it is empty.
func Pods(namespace string) Scope { return Scope{"pods", namespace} }

// Nodes returns the scope of the nodes.
func Nodes() Scope { return Scope{resource: "nodes"} }

// Source polls the metrics API of one cluster. It is safe for concurrent use.
type Source struct {
	fetch    func(context.Context, Scope, *usage) (*usage, error)
	interval time.Duration

	mu      sync.Mutex
	pollers map[Scope]*poller
}

// New returns a Source that asks through client, any REST client of the
// cluster, once in interval for each scope that has subscribers.
func New(client rest.Interface, interval time.Duration) *Source {
	return newSource(func(ctx context.Context, scope Scope, prev *usage) (*usage, error) {
		return fetch(ctx, client, scope, prev)
	}, interval)
}

func newSource(fetch func(context.Context, Scope, *usage) (*usage, error), interval time.Duration) *Source {
	return &Source{fetch: fetch, interval: interval, pollers: make(map[Scope]*poller)}
}

// Subscribe starts polling scope until ctx ends or the Subscription is closed.
func (s *Source) Subscribe(ctx context.Context, scope Scope) *Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pollers[scope]
	if p == nil {
		p = &poller{source: s, scope: scope, subs: make(map[*Subscription]struct{})}
		p.latest.Store(&Snapshot{})
		s.pollers[scope] = p
	}
	sub := &Subscription{poller: p, changed: make(chan struct{}, 1)}
	p.subs[sub] = struct{}{}
	if len(p.subs) == 1 {
		p.start()
	}
	sub.detach = context.AfterFunc(ctx, sub.leave)
	return sub
}

// Subscription is one reader's interest in a scope.
type Subscription struct {
	poller  *poller
	changed chan struct{}
	detach  func() bool
}

// Snapshot returns what is known now. It is never nil and never changes.
func (s *Subscription) Snapshot() *Snapshot { return s.poller.latest.Load() }

// Changed receives after Snapshot has changed, once for any number of changes.
func (s *Subscription) Changed() <-chan struct{} { return s.changed }

// Close ends the subscription; the last one to close ends the polling.
func (s *Subscription) Close() {
	s.detach()
	s.leave()
}

func (s *Subscription) leave() {
	p := s.poller
	p.source.mu.Lock()
	defer p.source.mu.Unlock()
	if _, ok := p.subs[s]; !ok {
		return
	}
	delete(p.subs, s)
	if len(p.subs) == 0 {
		p.pause()
	}
}

// poller asks for one scope. Its fields but latest are guarded by source.mu.
type poller struct {
	source *Source
	scope  Scope
	latest atomic.Pointer[Snapshot]

	subs   map[*Subscription]struct{}
	stop   context.CancelFunc // ends the polling goroutine
	forget *time.Timer        // drops the poller once nobody has come back
	due    time.Time          // when to ask next
}

// start begins to poll; source.mu is held.
func (p *poller) start() {
	if p.forget != nil {
		p.forget.Stop()
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	go p.run(ctx, time.Until(p.due))
}

// pause ends the polling; source.mu is held.
func (p *poller) pause() {
	p.stop()
	p.forget = time.AfterFunc(linger, func() {
		p.source.mu.Lock()
		defer p.source.mu.Unlock()
		if len(p.subs) == 0 && p.source.pollers[p.scope] == p {
			delete(p.source.pollers, p.scope)
		}
	})
}

// run polls until ctx ends, first after wait, at once if that is over.
func (p *poller) run(ctx context.Context, wait time.Duration) {
	defer utilruntime.HandleCrash()
	for failures := 0; ; {
		if wait > 0 && !sleep(ctx, wait) {
			return
		}
		next := p.poll(ctx)
		failures++
		if next.State == Current {
			failures = 0
		}
		wait = pause(next.State, failures, p.source.interval)
		if !p.publish(ctx, next, time.Now().Add(wait)) {
			return
		}
	}
}

// sleep waits, and reports whether ctx lasts.
func sleep(ctx context.Context, long time.Duration) bool {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// poll asks once; if that fails, the values of the snapshot before stay.
func (p *poller) poll(ctx context.Context) *Snapshot {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	last := p.latest.Load()
	found, err := p.source.fetch(ctx, p.scope, last.usage)
	now := time.Now()
	if err == nil {
		return &Snapshot{State: Current, At: now, Since: now, usage: found}
	}
	next := &Snapshot{State: stateOf(err), Err: err, At: last.At, Since: now, usage: last.usage}
	if next.State == last.State {
		next.Since = last.Since
	}
	return next
}

// publish makes next the latest snapshot, unless nobody wants it any more.
func (p *poller) publish(ctx context.Context, next *Snapshot, due time.Time) bool {
	p.source.mu.Lock()
	defer p.source.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	p.latest.Store(next)
	p.due = due
	for sub := range p.subs {
		select {
		case sub.changed <- struct{}{}:
		default:
		}
	}
	return true
}

// pause returns how long to wait after a poll that ended in state, the nth in a
// row to fail. A tenth of it is chance, so that clients fall out of step.
func pause(state State, failures int, interval time.Duration) time.Duration {
	wait := interval
	switch state {
	case Waiting, Current:
	case Absent, Forbidden:
		wait = max(interval, double(interval, failures-1, refusedWait))
	case Unavailable, Failed:
		wait = max(interval, double(interval, failures-1, failedWait))
	}
	return wait + rand.N(wait/10+1) // chance, not a secret
}

func double(d time.Duration, times int, most time.Duration) time.Duration {
	for range times {
		if d >= most {
			return most
		}
		d *= 2
	}
	return min(d, most)
}

func stateOf(err error) State {
	switch {
	case apierrors.IsNotFound(err):
		return Absent
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return Forbidden
	case apierrors.IsServiceUnavailable(err):
		return Unavailable
	}
	return Failed
}

// fetch reads one answer of the API; prev is the one before.
func fetch(ctx context.Context, client rest.Interface, scope Scope, prev *usage) (found *usage, err error) {
	req := client.Get().AbsPath("/apis/metrics.k8s.io/v1beta1").Resource(scope.resource).
		SetHeader("Accept", "application/vnd.kubernetes.protobuf, application/json").
		MaxRetries(0) // the poller has its own pace
	if scope.namespace != "" {
		req = req.Namespace(scope.namespace)
	}
	body, err := req.Stream(ctx)
	if err != nil {
		return nil, fmt.Errorf("read metrics of %s: %w", scope.resource, err)
	}
	defer func() {
		// What is left unread would cost the connection.
		_, _ = io.Copy(io.Discard, io.LimitReader(body, 4<<10))
		_ = body.Close()
	}()
	found, err = decode(bufio.NewReaderSize(body, 64<<10), scope == Nodes(), prev)
	if err != nil {
		return nil, fmt.Errorf("read metrics of %s: %w", scope.resource, err)
	}
	return found, nil
}
