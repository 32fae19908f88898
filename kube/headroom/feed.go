package headroom

import (
	"context"

	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Sources is where a Feed reads from.
type Sources struct {
	Stores  *store.Hub
	Metrics *metrics.Source // nil: use is not asked for

	// Namespace is where to read pods and quotas if the user may not list those of
	// all namespaces. "" leaves it at that.
	Namespace string
	// PodUse asks for the use of pods too, for which the metrics API sends tens of
	// megabytes in the largest clusters: namespaces and workloads need it, nodes do
	// not.
	PodUse bool
}

// Feed keeps a Ledger up to date with a cluster. The Ledger belongs to the
// goroutine that calls Take; the feed's own goroutines only pass signals on.
type Feed struct {
	from    Sources
	ledger  *Ledger
	nodes   *store.Subscription[*object.Node]
	pods    namespaced[*object.Pod]
	quotas  namespaced[*object.Quota]
	nodeUse *metrics.Subscription // nil if use is not asked for
	podUse  *metrics.Subscription
	podsOf  metrics.Scope // that podUse is about
	waiting bool          // when it was taken, use was still to be read

	changed store.Signal
	ctx     context.Context // ends with the feed
	end     context.CancelFunc
}

// namespaced is a subscription that falls back to one namespace.
type namespaced[T store.Object] struct {
	*store.Subscription[T]
	kind store.Kind[T]
	in   string // its namespace, "" for all
}

// Open begins to read. The caller closes the feed.
func Open(from Sources, opts Options) *Feed {
	ctx, cancel := context.WithCancel(context.Background())
	f := &Feed{
		from: from, ledger: New(opts), changed: store.NewSignal(), ctx: ctx, end: cancel,
		nodes: store.Open(from.Stores, object.Nodes(), store.Scope{}),
	}
	f.pods = open(f, object.Pods(), "")
	f.quotas = open(f, object.Quotas(), "")
	go f.changed.Relay(f.nodes.Changed(), f.ctx.Done())
	if from.Metrics != nil {
		f.nodeUse = from.Metrics.Subscribe(ctx, metrics.Nodes())
		go f.changed.Relay(f.nodeUse.Changed(), f.ctx.Done())
		f.openPodUse(metrics.Pods(""))
	}
	return f
}

func open[T store.Object](f *Feed, kind store.Kind[T], in string) namespaced[T] {
	sub := store.Open(f.from.Stores, kind, store.Scope{Namespace: in})
	go f.changed.Relay(sub.Changed(), f.ctx.Done())
	return namespaced[T]{sub, kind, in}
}

func (f *Feed) openPodUse(scope metrics.Scope) {
	if !f.from.PodUse {
		return
	}
	if f.podUse != nil {
		f.podUse.Close()
	}
	f.podsOf = scope
	f.podUse = f.from.Metrics.Subscribe(f.ctx, scope)
	go f.changed.Relay(f.podUse.Changed(), f.ctx.Done())
}

// Changed receives a value after something changed, one for any number of
// changes.
func (f *Feed) Changed() <-chan struct{} { return f.changed }

// Take brings the ledger up to date and returns it, always the same.
func (f *Feed) Take() *Ledger {
	l := f.ledger
	nodeDelta, st := f.nodes.Take()
	l.Nodes(nodeDelta, st)
	podDelta, st := take(f, &f.pods)
	l.Pods(f.pods.in, podDelta, st)
	quotaDelta, st := take(f, &f.quotas)
	l.Quotas(f.quotas.in, quotaDelta, st)
	if f.nodeUse == nil {
		return l
	}
	ofNodes, ofPods := f.nodeUse.Snapshot(), (*metrics.Snapshot)(nil)
	if f.podUse != nil {
		ofPods = f.podUse.Snapshot()
		if own := metrics.Pods(f.from.Namespace); ofPods.State == metrics.Forbidden && f.podsOf != own {
			f.openPodUse(own)
			ofPods = f.podUse.Snapshot()
		}
	}
	l.Usage(ofNodes, ofPods)
	f.waiting = ofNodes.State == metrics.Waiting || ofPods != nil && ofPods.State == metrics.Waiting
	return l
}

// take returns what changed, and reads one namespace from now on if not all may
// be read.
func take[T store.Object](f *Feed, s *namespaced[T]) (store.Delta[T], store.Status) {
	d, st := s.Take()
	if s.in == f.from.Namespace || st.Phase != store.Forbidden {
		return d, st
	}
	s.Close()
	*s = open(f, s.kind, f.from.Namespace)
	return s.Take()
}

// Settled reports whether everything had been read, or could not be, when Take
// was called: the ledger is then as good as it gets by waiting.
func (f *Feed) Settled() bool {
	for _, st := range f.ledger.read {
		if st.Phase == store.Syncing {
			return false
		}
	}
	return !f.waiting
}

// Wait brings the ledger up to date until it is settled, or ctx ends.
func (f *Feed) Wait(ctx context.Context) (*Ledger, error) {
	for {
		if l := f.Take(); f.Settled() {
			return l, nil
		}
		select {
		case <-f.Changed():
		case <-ctx.Done():
			return f.Take(), ctx.Err()
		}
	}
}

// Close ends the reading. The ledger stays as it is.
func (f *Feed) Close() {
	f.end()
	f.nodes.Close()
	f.pods.Close()
	f.quotas.Close()
}

// Statuses returns how well each resource can be read. One that will be read in
// a single namespace instead of all is loading.
func (f *Feed) Statuses() map[string]store.Status {
	return map[string]store.Status{"nodes": f.nodes.Status(), "pods": statusOf(f, f.pods), "resourcequotas": statusOf(f, f.quotas)}
}

func statusOf[T store.Object](f *Feed, s namespaced[T]) store.Status {
	st := s.Status()
	if s.in != f.from.Namespace && st.Phase == store.Forbidden {
		st.Phase, st.Err = store.Syncing, nil
	}
	return st
}
