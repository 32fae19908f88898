package views

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/network"
	"quarterdeck/kube/store"
)

// networkScope is what one networkWatch looks at.
type networkScope struct {
	client    *kube.Client
	namespace string // "" for all
}

// networkWatch is a network.Feed that the views of one scope share. It begins with
// the first of them and ends a while after the last, so that to go from the list
// to a trace and back begins nothing anew. Everybody may call the methods; what is
// asked is judged in the goroutine of who asks, which is never that of the screen.
type networkWatch struct {
	networkScope
	now     func() time.Time
	changed listeners
	stop    context.CancelFunc
	ended   chan struct{}

	mu   sync.Mutex
	feed *network.Feed // nil until the server has said what it has, and after the end
	err  error         // why not all that it has is known
}

// A networkWatch looks around this often: time alone makes certificates expire. One
// that nobody has listened to for so long ends.
const (
	networkTick   = 10 * time.Second
	networkLinger = time.Minute
)

// watchNetwork returns the watch of a namespace, "" for all. to hears of changes
// until it leaves.
func (s *Session) watchNetwork(namespace string, to store.Signal) *networkWatch {
	at := networkScope{s.Client, namespace}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.networks[at]
	if w == nil {
		ctx, stop := context.WithCancel(context.Background())
		w = &networkWatch{networkScope: at, now: s.Now, stop: stop, ended: make(chan struct{})}
		if s.networks == nil {
			s.Program.networks = map[networkScope]*networkWatch{}
		}
		s.networks[at] = w
		go w.run(ctx, s.Program)
	}
	w.changed.add(to)
	to.Send()
	return w
}

// retire takes a watch that nobody listens to out of those that are shared. It
// reports whether it did.
func (p *Program) retire(w *networkWatch) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !w.changed.none() {
		return false
	}
	delete(p.networks, w.networkScope)
	return true
}

// served is what a server has, as far as it said.
type served struct {
	kinds []metav1.APIResource
	err   error
}

// ask asks the server for what it has.
func (w *networkWatch) ask() <-chan served {
	answer := make(chan served, 1)
	go func() {
		defer utilruntime.HandleCrash()
		kinds, err := w.client.Kinds(false)
		answer <- served{kinds, err}
	}()
	return answer
}

// run follows what changes, until the watch is stopped or nobody listens any more.
func (w *networkWatch) run(ctx context.Context, p *Program) {
	defer utilruntime.HandleCrash()
	defer close(w.ended)
	defer w.close()
	clock := time.NewTicker(networkTick)
	defer clock.Stop()
	answer := w.ask()
	var changed <-chan struct{}
	heard := w.now()
	for {
		select {
		case a := <-answer:
			answer = nil
			changed = w.open(a)
		case <-changed:
		case <-clock.C:
			if !w.changed.none() {
				heard = w.now()
			} else if w.now().Sub(heard) >= networkLinger && p.retire(w) {
				return
			}
			if answer == nil && w.unsure() {
				answer = w.ask()
			}
		case <-ctx.Done():
			return
		}
		w.changed.tell()
	}
}

// open reads what the server has, instead of what was read before.
func (w *networkWatch) open(a served) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !network.Hides(a.err) {
		a.err = nil
	}
	if w.feed != nil && a.err != nil {
		return w.feed.Changed() // no better than before
	}
	old := w.feed
	w.err = a.err
	w.feed = network.Open(w.client.Stores, store.Scope{Namespace: w.namespace}, network.Options{Served: a.kinds, Err: a.err})
	if old != nil {
		old.Close()
	}
	return w.feed.Changed()
}

// unsure reports whether it is not known if the server has the Gateway API.
func (w *networkWatch) unsure() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err != nil
}

func (w *networkWatch) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.feed != nil {
		w.feed.Close()
		w.feed = nil
	}
}

// leave ends the listening.
func (w *networkWatch) leave(to store.Signal) { w.changed.remove(to) }

// end stops the watch and waits until it has given everything back.
func (w *networkWatch) end() {
	w.stop()
	<-w.ended
}

// with brings the graph up to date and calls use with it. It reports whether it
// did: not before all that it is made of has been asked for once.
func (w *networkWatch) with(use func(g *network.Graph, now time.Time)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.feed == nil {
		return false
	}
	w.feed.Take()
	if w.feed.Loading() {
		return false
	}
	use(w.feed.Graph, w.now())
	return true
}

// routes returns every way in.
func (w *networkWatch) routes() (list []*network.Route) {
	w.with(func(g *network.Graph, now time.Time) { list = slices.Clone(g.Routes(now)) })
	return list
}

// ways returns everything that leads to an object or through it, nil as long as
// nobody can tell.
func (w *networkWatch) ways(ref kube.Ref) (all *network.Ways) {
	w.with(func(g *network.Graph, now time.Time) { all = g.Traces(ref, now) })
	return all
}

// way returns one way hop by hop, nil if it is not there.
func (w *networkWatch) way(by kube.Ref, key string) *network.Trace {
	all := w.ways(by)
	if all == nil {
		return nil
	}
	for i, k := range wayKeys(routesOf(all.Traces)) {
		if k == key {
			return all.Traces[i]
		}
	}
	return nil
}

// status joins the states of what is read.
func (w *networkWatch) status() store.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.feed == nil {
		return store.Status{Phase: store.Syncing, Since: w.now()}
	}
	all := w.feed.Statuses()
	for name, st := range all {
		if st.Phase == store.Failed && apierrors.IsNotFound(st.Err) {
			all[name] = store.Status{Phase: store.Live, Since: st.Since} // the server has no such kind
		}
	}
	joined := joinStatuses(all)
	if joined.Phase == store.Live && w.err != nil {
		joined.Phase, joined.Err = store.Partial, fmt.Errorf("look for the Gateway API: %w", w.err)
	}
	if joined.Phase == store.Live && w.feed.Loading() {
		joined.Phase = store.Syncing // read, but not taken yet
	}
	return joined
}
