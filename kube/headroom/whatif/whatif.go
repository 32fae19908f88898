// Package whatif asks package fit about a live cluster: it reads what the
// scheduler would look at, and makes questions of what people type.
package whatif

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"quarterdeck/kube/headroom/fit"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// aroundAge is for how long it is kept what is not watched: volumes and quotas.
const aroundAge = 5 * time.Minute

// Reader reads what the scheduler looks at, and follows it. Its methods may be
// called by anybody.
type Reader struct {
	stores  *store.Hub
	server  fit.Server
	own     string // the namespace to read where not all may be read, "" for none
	changed store.Signal
	ctx     context.Context //nolint:containedctx // ends with the reader
	end     context.CancelFunc

	mu      sync.Mutex // guards all below
	nodes   *kept[*object.Node]
	pods    *kept[*object.Occupant]
	spaces  *kept[*object.Plain]
	budgets *kept[*object.Budget]

	storage *fit.Storage
	quotas  *fit.Quotas
	unread  []string // of storage and quotas
	read    time.Time
}

// kept are the objects of one store.
type kept[T store.Object] struct {
	*store.Subscription[T]
	kind    store.Kind[T]
	in      string // the namespace, "" for all
	objects map[T]struct{}
	status  store.Status
}

// Open begins to read. What may not be read in all namespaces is read in own, if
// that is not "". The caller closes the reader.
func Open(stores *store.Hub, server fit.Server, own string) *Reader {
	ctx, end := context.WithCancel(context.Background())
	r := &Reader{stores: stores, server: server, own: own, changed: store.NewSignal(), ctx: ctx, end: end}
	r.nodes = keep(r, object.Nodes(), "")
	r.pods = keep(r, object.Occupants(), "")
	r.spaces = keep(r, object.Namespaces(), "")
	r.budgets = keep(r, object.Budgets(), "")
	return r
}

func keep[T store.Object](r *Reader, kind store.Kind[T], in string) *kept[T] {
	k := &kept[T]{Subscription: store.Open(r.stores, kind, store.Scope{Namespace: in}), kind: kind, in: in, objects: map[T]struct{}{}}
	go r.changed.Relay(k.Changed(), r.ctx.Done())
	return k
}

// Changed receives a value after something changed, one for any number of
// changes.
func (r *Reader) Changed() <-chan struct{} { return r.changed }

// Namespace returns the namespace that pods could be read of, "" if all could.
func (r *Reader) Namespace() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pods.in
}

// Close ends the reading.
func (r *Reader) Close() {
	r.end()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nodes.Close()
	r.pods.Close()
	r.spaces.Close()
	r.budgets.Close()
}

// State waits until everything is read that can be, and returns it. It is an
// error if nodes or pods are not there: nothing could be said without them.
func (r *Reader) State(ctx context.Context) (fit.State, error) {
	for {
		done, err := r.take()
		switch {
		case err != nil:
			return fit.State{}, err
		case done:
			return r.state(ctx), nil
		}
		select {
		case <-r.changed:
		case <-ctx.Done():
			return fit.State{}, fmt.Errorf("read the cluster: %w", ctx.Err())
		}
	}
}

// take takes over what changed, and reports whether everything has been read.
func (r *Reader) take() (done bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	done = true
	for _, ready := range []bool{r.nodes.take(), takeOwn(r, &r.pods), r.spaces.take(), takeOwn(r, &r.budgets)} {
		done = done && ready
	}
	if err := r.nodes.missing("nodes"); err != nil {
		return false, err
	}
	return done, r.pods.missing("pods")
}

// take takes over what changed, and reports whether it is all there, or cannot be
// read.
func (k *kept[T]) take() bool {
	var d store.Delta[T]
	d, k.status = k.Take()
	if d.Reset {
		clear(k.objects)
	}
	for _, o := range d.Removed {
		delete(k.objects, o)
	}
	for _, o := range d.Added {
		k.objects[o] = struct{}{}
	}
	return k.status.Phase != store.Syncing
}

// readable reports whether the objects are known.
func (k *kept[T]) readable() bool {
	return k.status.Phase == store.Live || k.status.Phase == store.Stale
}

func (k *kept[T]) why() string {
	if k.status.Phase == store.Forbidden {
		return "forbidden"
	}
	return sanitize.Line(fmt.Sprint(k.status.Err))
}

// missing says that nothing can be said without the objects.
func (k *kept[T]) missing(what string) error {
	if k.readable() || k.status.Phase == store.Syncing {
		return nil
	}
	return &unreadError{text: fmt.Sprintf("nobody can say what would fit: %s could not be read (list %[1]s: %s)", what, k.why()), cause: k.status.Err}
}

// unreadError says what could not be read, in words that are safe to show.
type unreadError struct {
	text  string
	cause error
}

func (e *unreadError) Error() string { return e.text }
func (e *unreadError) Unwrap() error { return e.cause }

// takeOwn takes over what changed, and reads the own namespace from now on if not
// all may be read.
func takeOwn[T store.Object](r *Reader, k **kept[T]) bool {
	done := (*k).take()
	if r.own == "" || (*k).in != "" || (*k).status.Phase != store.Forbidden {
		return done
	}
	(*k).Close()
	*k = keep(r, (*k).kind, r.own)
	return (*k).take()
}

// state returns what is known. What it does not watch it reads again when that is
// old.
func (r *Reader) state(ctx context.Context) fit.State {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.read) > aroundAge {
		r.around(ctx)
	}
	s := fit.State{
		Nodes: slices.Collect(maps.Keys(r.nodes.objects)), Pods: slices.Collect(maps.Keys(r.pods.objects)),
		Storage: r.storage, Quotas: r.quotas, Unread: slices.Clone(r.unread),
	}
	slices.SortFunc(s.Pods, func(a, b *object.Occupant) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	if r.pods.in != "" {
		s.Unread = append(s.Unread, "pods of other namespaces than "+r.pods.in+", which take room too (list pods: forbidden)")
	}
	if r.spaces.readable() {
		s.Namespaces = slices.AppendSeq([]*object.Plain{}, maps.Keys(r.spaces.objects))
	} else {
		s.Unread = append(s.Unread, "list namespaces: "+r.spaces.why())
	}
	if r.budgets.readable() {
		s.Budgets = slices.AppendSeq([]*object.Budget{}, maps.Keys(r.budgets.objects))
	} else {
		s.Unread = append(s.Unread, "list poddisruptionbudgets: "+r.budgets.why())
	}
	if r.budgets.readable() && r.budgets.in != "" {
		s.Unread = append(s.Unread, "poddisruptionbudgets of other namespaces than "+r.budgets.in+" (forbidden)")
	}
	return s
}

// around reads volumes and quotas.
func (r *Reader) around(ctx context.Context) {
	var volumes, quotas []string
	r.storage, volumes = fit.ReadStorage(ctx, r.server, "")
	if r.quotas, quotas = fit.ReadQuotas(ctx, r.server, ""); r.quotas == nil && r.own != "" {
		r.quotas, quotas = fit.ReadQuotas(ctx, r.server, r.own)
	}
	if r.unread = slices.Concat(volumes, quotas); ctx.Err() == nil {
		r.read = time.Now()
	}
}
