package changes

import (
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

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
	// Dropped is how many entries were let go for want of room, and DroppedTo when
	// the newest of them was, in seconds since 1970.
	Dropped   int
	DroppedTo int64
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
}

// Recorder keeps a Timeline up to date from the stores of a cluster. A goroutine
// of its own takes what changes at once, so that each version is compared with
// the one before. Its methods are safe for concurrent use.
type Recorder struct {
	feedings []*feeding
	report   atomic.Pointer[Report]
	mu       sync.Mutex
	tell     map[store.Signal]struct{} // of a new report
	woken    store.Signal
	done     chan struct{}
	ended    sync.WaitGroup
	opts     Options
}

// Open begins to record the changes in a scope. The caller closes the Recorder.
func Open(hub *store.Hub, scope store.Scope, o Options) *Recorder {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Pause <= 0 {
		o.Pause = 200 * time.Millisecond
	}
	r := &Recorder{tell: map[store.Signal]struct{}{}, woken: store.NewSignal(), done: make(chan struct{}), opts: o}
	r.feedings = []*feeding{
		deployments().open(hub, scope, "values"),
		owning(object.StatefulSets()).open(hub, scope, "values"),
		owning(object.DaemonSets()).open(hub, scope, "values"),
		replicaSets().open(hub, scope, "values"),
		owning(object.Jobs()).open(hub, scope, "values"),
		owning(object.CronJobs()).open(hub, scope, "values"),
		pods().open(hub, scope, "values"),
		values(object.Nodes(), nodeFacts).open(hub, scope, "values"),
		values(object.Quotas(), quotaFacts).open(hub, scope, "values"),
		values(object.Autoscalers(), autoscalerFacts).open(hub, scope, "values"),
		values(object.Budgets(), budgetFacts).open(hub, scope, "values"),
		values(object.Services(), serviceFacts).open(hub, scope, "values"),
		values(object.Claims(), claimFacts).open(hub, scope, "values"),
		secrets().open(hub, scope, "metadata"),
		templates().open(hub, scope, "metadata"),
	}
	for _, k := range metadataKinds(scope.Namespace == "") {
		gvr := object.Pods().GVR
		gvr.Group, gvr.Version, gvr.Resource = k.Group, k.Version, k.Name
		r.feedings = append(r.feedings, writing(gvr, k.Kind, k.Namespaced).open(hub, scope, "metadata"))
	}
	for _, f := range r.feedings {
		r.ended.Go(func() { r.woken.Relay(f.changed, r.done) })
	}
	r.ended.Go(r.run)
	return r
}

// run takes what changes until the Recorder is closed. It takes a twentieth of a
// core at most, once everything has been read.
func (r *Recorder) run() {
	t := NewTimeline(r.opts.Bytes)
	for {
		start := time.Now()
		now := r.opts.Now()
		for _, f := range r.feedings {
			f.take(t, now)
		}
		r.publish(t, now)
		pause := max(r.opts.Pause, 19*time.Since(start))
		if r.report.Load().Loading {
			pause = r.opts.Pause
		}
		if !r.rest(min(pause, 3*time.Second)) {
			return
		}
		select {
		case <-r.woken:
		case <-r.done:
			return
		}
	}
}

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

func (r *Recorder) publish(t *Timeline, now time.Time) {
	report := &Report{At: now, Entries: t.Publish(now)}
	report.Dropped, report.DroppedTo = t.Dropped()
	seen := map[string]bool{}
	for _, f := range r.feedings {
		st := f.status()
		switch {
		case st.Phase == store.Syncing:
			report.Loading = true
		case st.Phase == store.Live || missing(st):
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

// Listen has a signal sent now and after every change of the report, until Forget.
func (r *Recorder) Listen(to store.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell[to] = struct{}{}
	to.Send()
}

// Forget ends that.
func (r *Recorder) Forget(to store.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.tell, to)
}

// Report returns what is known now, nil as long as nothing is.
func (r *Recorder) Report() *Report { return r.report.Load() }

// Statuses returns how well each resource is known now.
func (r *Recorder) Statuses() map[string]store.Status {
	all := make(map[string]store.Status, len(r.feedings))
	for _, f := range r.feedings {
		st := f.status()
		if missing(st) {
			st.Phase, st.Err = store.Live, nil
		}
		if old, ok := all[f.resource]; !ok || old.Phase == store.Live {
			all[f.resource] = st
		}
	}
	return all
}

// Close gives the subscriptions back and waits until nothing runs any more.
func (r *Recorder) Close() {
	close(r.done)
	r.ended.Wait()
	for _, f := range r.feedings {
		f.close()
	}
}
