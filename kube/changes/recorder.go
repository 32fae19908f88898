package changes

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// Report is what is known of the changes in a scope at one moment. It is
// immutable.
type Report struct {
	At      time.Time
	Entries []*Entry // the newest first
	// Loading says that not everything has been read that can be.
	Loading bool
	NotRead []NotRead
	Read    int // resources that were read
	// Followed says since when what happens is seen as it happens.
	Followed []Followed
	// Pause is how long changes may have waited for this look at them. Of an object that became
	// another more than once in it the first and the last state are known, and one
	// that came and went in it is not.
	Pause time.Duration
	// Dropped is how many entries were let go for want of room, and DroppedTo when
	// the newest of them was, in seconds since 1970.
	Dropped   int
	DroppedTo int64
}

// Followed is a resource of which changes are seen.
type Followed struct {
	Resource string
	What     Kept
	Since    time.Time
}

// Kept is what is followed of the objects of a resource.
type Kept string

// What is followed.
const (
	KeptValues   Kept = "values"   // old and new ones of what lists keep
	KeptMetadata Kept = "metadata" // who wrote which fields
)

// Since returns since when all that is followed in one way is, zero if nothing is.
func (r *Report) Since(what Kept) time.Time {
	var since time.Time
	for _, f := range r.Followed {
		if f.What == what && f.Since.After(since) {
			since = f.Since
		}
	}
	return since
}

// NotRead is a resource of which changes may be missing.
type NotRead struct {
	Resource string
	Status   store.Status
}

// Words says what was not read and why.
func (n NotRead) Words() string { return n.Resource + ": " + n.Why() }

// Why says in a few words why it was not read.
func (n NotRead) Why() string {
	switch {
	case n.Status.Phase == store.Forbidden:
		return "forbidden"
	case n.Status.Err != nil:
		return sanitize.Line(n.Status.Err.Error())
	}
	return "not read yet"
}

// Options say how changes are recorded. The zero value is sensible.
type Options struct {
	Bytes int              // that entries may take, DefaultBytes if not positive
	Now   func() time.Time // time.Now if nil
	// Pause is the shortest time between two looks at what has changed, 200 ms if
	// it is not positive.
	Pause time.Duration
	// Served returns what the server has, and blocks until it has said so. Nil, or an
	// error, has all be asked for that a server may have.
	Served func() ([]metav1.APIResource, error)
}

// Recorder keeps a Timeline up to date from the stores of a cluster. A goroutine
// of its own looks at what has changed. Its methods are safe for concurrent use.
type Recorder struct {
	hub   *store.Hub
	scope store.Scope
	opts  Options
	// ownerOf returns the controller of a pod, nil if it is not known. It belongs to
	// run.
	ownerOf func(types.UID) *store.Owner
	report  atomic.Pointer[Report]
	woken   store.Signal
	done    chan struct{}
	ended   sync.WaitGroup

	mu       sync.Mutex
	feedings []*feeding
	deep     bool                      // metadata are followed
	asking   bool                      // the server for what it has
	closed   bool                      // nothing more is followed
	tell     map[store.Signal]struct{} // of a new report
}

// Open begins to record the changes in a scope: of what other parts of a program
// keep in the hub anyway, so that it may go on all the time. The caller closes the
// Recorder.
func Open(hub *store.Hub, scope store.Scope, o Options) *Recorder {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Pause <= 0 {
		o.Pause = 200 * time.Millisecond
	}
	r := &Recorder{hub: hub, scope: scope, opts: o, tell: map[store.Signal]struct{}{}, woken: store.NewSignal(), done: make(chan struct{})}
	pods := pods()
	ownerOf := func(uid types.UID) *store.Owner {
		if p := pods.known[uid]; p != nil {
			return p.Owner
		}
		return nil
	}
	warnings := scope
	warnings.Fields = "type=Warning"
	all := func(*object.Event) bool { return true }
	r.ownerOf = ownerOf
	r.follow(
		deployments().open(hub, scope, KeptValues),
		owning(object.StatefulSets()).open(hub, scope, KeptValues),
		owning(object.DaemonSets()).open(hub, scope, KeptValues),
		replicaSets().open(hub, scope, KeptValues),
		owning(object.Jobs()).open(hub, scope, KeptValues),
		owning(object.CronJobs()).open(hub, scope, KeptValues),
		pods.open(hub, scope, KeptValues),
		nodes().open(hub, scope, KeptValues),
		values(object.Quotas(), quotaFacts).open(hub, scope, KeptValues),
		autoscalers().open(hub, scope, KeptValues),
		values(object.Budgets(), budgetFacts).open(hub, scope, KeptValues),
		values(object.Services(), serviceFacts).open(hub, scope, KeptValues),
		values(object.Claims(), claimFacts).open(hub, scope, KeptValues),
		events(all, ownerOf).open(hub, warnings, KeptValues),
	)
	r.ended.Go(r.run)
	return r
}

// Deepen begins to read and follow metadata too, once: who wrote what, before and
// from now on, also of resources of which nothing else is read. What was seen
// before is given its managers.
func (r *Recorder) Deepen() {
	r.mu.Lock()
	deep := r.deep || r.closed
	r.deep, r.asking = true, !deep || r.asking
	r.mu.Unlock()
	if deep {
		return
	}
	scalings := r.scope
	scalings.Fields = "involvedObject.kind=HorizontalPodAutoscaler,type=Normal"
	more := []*feeding{
		releases(corev1.SchemeGroupVersion.WithResource("configmaps"), "ConfigMap").open(r.hub, r.scope, KeptMetadata),
		releases(corev1.SchemeGroupVersion.WithResource("secrets"), "Secret").open(r.hub, r.scope, KeptMetadata),
		templates().open(r.hub, r.scope, KeptMetadata),
		events(func(e *object.Event) bool { return e.Reason == "SuccessfulRescale" }, r.ownerOf).open(r.hub, scalings, KeptMetadata),
	}
	for _, k := range metadataKinds(r.scope.Namespace == "") {
		gvr := schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Name}
		more = append(more, writing(gvr, k.Kind, k.Namespaced).open(r.hub, r.scope, KeptMetadata))
	}
	r.follow(more...)
	go r.deepenByServed() // which follow lets go of if this is closed meanwhile
	r.woken.Send()
}

// deepenByServed follows what few servers have: to ask for it where it is not says
// "forbidden" to users with few rights.
func (r *Recorder) deepenByServed() {
	defer utilruntime.HandleCrash()
	var served []metav1.APIResource
	err := errors.New("nobody knows")
	if r.opts.Served != nil {
		served, err = r.opts.Served()
	}
	var more []*feeding
	for _, k := range synced() {
		if err != nil || slices.ContainsFunc(served, func(s metav1.APIResource) bool { return s.Group == k.kind.GVR.Group && s.Name == k.kind.GVR.Resource }) {
			more = append(more, k.open(r.hub, r.scope, KeptMetadata))
		}
	}
	r.follow(more...)
	r.mu.Lock()
	r.asking = false
	r.mu.Unlock()
	r.woken.Send()
}

// follow takes subscriptions over.
func (r *Recorder) follow(more ...*feeding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		for _, f := range more {
			f.close()
		}
		return
	}
	r.feedings = slices.Concat(r.feedings, more)
	for _, f := range more {
		r.ended.Go(func() { r.woken.Relay(f.changed, r.done) })
	}
}

// followed returns what is followed, and whether more may be soon.
func (r *Recorder) followed() (feedings []*feeding, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.feedings, r.asking
}

// run takes what changes until the Recorder is closed. It takes a twentieth of a
// core at most, once everything has been read.
func (r *Recorder) run() {
	defer utilruntime.HandleCrash()
	t := NewTimeline(r.opts.Bytes)
	var pause time.Duration // before this look, for as long as changes may have waited
	for {
		start := time.Now()
		now := r.opts.Now()
		feedings, more := r.followed()
		for _, f := range feedings {
			f.take(t, now)
		}
		loading := more || slices.ContainsFunc(feedings, func(f *feeding) bool { return f.status().Phase == store.Syncing })
		if t.full() || r.listened() {
			r.publish(t, feedings, loading, now, pause)
		}
		pause = min(max(r.opts.Pause, 19*time.Since(start)), longestPause)
		if loading {
			pause = r.opts.Pause
		}
		if !r.rest(pause) {
			return
		}
		select {
		case <-r.woken:
		case <-r.done:
			return
		}
	}
}

// longestPause is the longest time between two looks.
const longestPause = 3 * time.Second

// rest leaves changes alone for a while.
func (r *Recorder) rest(pause time.Duration) bool {
	clock := time.NewTimer(pause)
	defer clock.Stop()
	select {
	case <-clock.C:
		return true
	case <-r.done:
		return false
	}
}

// listened reports whether anybody wants to know what has changed.
func (r *Recorder) listened() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.tell) > 0
}

func (r *Recorder) publish(t *Timeline, feedings []*feeding, loading bool, now time.Time, pause time.Duration) {
	report := &Report{At: now, Entries: t.Publish(now), Pause: pause, Loading: loading}
	report.Dropped, report.DroppedTo = t.Dropped()
	seen := map[string]bool{}
	for _, f := range feedings {
		if !f.since.IsZero() {
			report.Followed = append(report.Followed, Followed{Resource: f.resource, What: f.what, Since: f.since})
		}
		st := f.status()
		if st.Phase == store.Live || missing(st) {
			report.Read++
			continue
		}
		if seen[f.resource] {
			continue
		}
		seen[f.resource] = true
		report.NotRead = append(report.NotRead, NotRead{Resource: f.resource, Status: st})
	}
	r.report.Store(report)
	r.mu.Lock()
	defer r.mu.Unlock()
	for to := range r.tell {
		to.Send()
	}
}

// missing reports whether the server has no such resource: there is nothing to
// read then.
func missing(st store.Status) bool { return st.Err != nil && apierrors.IsNotFound(st.Err) }

// Listen has a signal sent after every change of the report, until Forget. As long
// as nobody listens there is no new one; the first comes soon.
func (r *Recorder) Listen(to store.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell[to] = struct{}{}
	if r.report.Load() != nil {
		to.Send()
	}
	r.woken.Send()
}

// Forget ends that.
func (r *Recorder) Forget(to store.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.tell, to)
}

// Report returns what was known when somebody listened last, nil as long as
// nothing is.
func (r *Recorder) Report() *Report { return r.report.Load() }

// Statuses returns how well each resource is known now, and their names in the
// order in which they matter.
func (r *Recorder) Statuses() (names []string, statuses []store.Status) {
	at := map[string]int{}
	feedings, _ := r.followed()
	for _, f := range feedings {
		st := f.status()
		if missing(st) {
			st.Phase, st.Err = store.Live, nil
		}
		i, known := at[f.resource]
		switch {
		case !known:
			at[f.resource] = len(names)
			names, statuses = append(names, f.resource), append(statuses, st)
		case statuses[i].Phase == store.Live:
			statuses[i] = st
		}
	}
	return names, statuses
}

// Close gives the subscriptions back and waits until nothing runs any more.
func (r *Recorder) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	close(r.done)
	r.ended.Wait()
	for _, f := range r.feedings {
		f.close()
	}
}
