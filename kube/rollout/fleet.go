package rollout

import (
	"reflect"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Fleet keeps what is known of the workloads of a scope, and judges those whose
// objects changed. It belongs to one goroutine at a time.
type Fleet struct {
	works map[types.UID]*object.Workload // all but ReplicaSets
	sets  map[types.UID]*object.Workload // ReplicaSets
	revs  map[types.UID]*object.ControllerRevision

	setsOf map[types.UID][]*object.Workload
	revsOf map[types.UID][]*object.ControllerRevision
	podsOf map[types.UID][]*object.Pod // by their controller

	events   map[types.UID][]*object.Event // by the object they are about
	services map[types.UID]*object.Service
	slices   map[types.UID]*object.EndpointSlice
	budgets  map[types.UID]*object.Budget
	scalers  map[types.UID]*object.Autoscaler

	read   map[string]store.Status // by resource
	judged map[types.UID]*Status
	dirty  map[types.UID]struct{} // workloads to be judged again
}

// NewFleet returns an empty Fleet.
func NewFleet() *Fleet {
	return &Fleet{
		works: map[types.UID]*object.Workload{}, sets: map[types.UID]*object.Workload{}, revs: map[types.UID]*object.ControllerRevision{},
		setsOf: map[types.UID][]*object.Workload{}, revsOf: map[types.UID][]*object.ControllerRevision{}, podsOf: map[types.UID][]*object.Pod{},
		events: map[types.UID][]*object.Event{}, services: map[types.UID]*object.Service{}, slices: map[types.UID]*object.EndpointSlice{},
		budgets: map[types.UID]*object.Budget{}, scalers: map[types.UID]*object.Autoscaler{},
		read: map[string]store.Status{}, judged: map[types.UID]*Status{}, dirty: map[types.UID]struct{}{},
	}
}

// The resources that a Fleet is made of, as Read names them.
const (
	pods                = "pods"
	replicaSets         = "replicasets"
	controllerRevisions = "controllerrevisions"
	endpointSlices      = "endpointslices"
)

// Read tells how far a resource has been read. One that nobody told of is
// taken for unread.
func (f *Fleet) Read(resource string, s store.Status) {
	before := f.readable(resource)
	f.read[resource] = s
	if f.readable(resource) != before {
		for uid := range f.works {
			f.touch(uid)
		}
	}
}

// readable reports whether there is something of a resource, be it old or not
// yet all.
func (f *Fleet) readable(resource string) bool {
	s, ok := f.read[resource]
	return ok && (s.Phase == store.Live || s.Phase == store.Stale || s.Phase == store.Syncing && s.Loaded > 0)
}

func (f *Fleet) touch(uid types.UID) { f.dirty[uid] = struct{}{} }

// touchOwner notes a change of what an owner, or the owner of that, is made of.
func (f *Fleet) touchOwner(o *store.Owner) {
	if o == nil {
		return
	}
	if set, ok := f.sets[o.UID]; ok && set.Owner != nil {
		o = set.Owner
	}
	f.touch(o.UID)
}

// Workloads takes over a change of the workloads of one kind, but ReplicaSets.
func (f *Fleet) Workloads(kind string, d store.Delta[*object.Workload]) {
	if d.Reset {
		for uid, w := range f.works {
			if w.Kind == kind {
				delete(f.works, uid)
				f.touch(uid)
			}
		}
	}
	each(d, func(w *object.Workload) { delete(f.works, w.UID); f.touch(w.UID) },
		func(w *object.Workload) { f.works[w.UID] = w; f.touch(w.UID) })
}

// ReplicaSets takes over a change of the ReplicaSets.
func (f *Fleet) ReplicaSets(d store.Delta[*object.Workload]) {
	owned(f, d, f.setsOf)
	if d.Reset {
		clear(f.sets)
	}
	each(d, func(w *object.Workload) { delete(f.sets, w.UID) }, func(w *object.Workload) { f.sets[w.UID] = w })
}

// ControllerRevisions takes over a change of the ControllerRevisions.
func (f *Fleet) ControllerRevisions(d store.Delta[*object.ControllerRevision]) { owned(f, d, f.revsOf) }

// Pods takes over a change of the pods.
func (f *Fleet) Pods(d store.Delta[*object.Pod]) { owned(f, d, f.podsOf) }

// owned takes over a change of what is kept by its owner.
func owned[T store.Object](f *Fleet, d store.Delta[T], of map[types.UID][]T) {
	if d.Reset {
		for _, list := range of {
			for _, o := range list {
				f.touchOwner(o.Head().Owner)
			}
		}
		clear(of)
	}
	each(d, func(o T) {
		m := o.Head()
		if m.Owner == nil {
			return
		}
		list := of[m.Owner.UID]
		if i := slices.Index(list, o); i >= 0 {
			list[i] = list[len(list)-1]
			clear(list[len(list)-1:])
			list = list[:len(list)-1]
		}
		if len(list) == 0 {
			delete(of, m.Owner.UID)
		} else {
			of[m.Owner.UID] = list
		}
		f.touchOwner(m.Owner)
	}, func(o T) {
		if m := o.Head(); m.Owner != nil {
			of[m.Owner.UID] = append(of[m.Owner.UID], o)
			f.touchOwner(m.Owner)
		}
	})
}

// The following take over changes of what only Detail needs.

// Events takes over a change of the events.
func (f *Fleet) Events(d store.Delta[*object.Event]) {
	if d.Reset {
		clear(f.events)
	}
	each(d, func(e *object.Event) {
		list := f.events[e.UID]
		if i := slices.Index(list, e); i >= 0 {
			f.events[e.UID] = slices.Delete(list, i, i+1)
		}
		if len(f.events[e.UID]) == 0 {
			delete(f.events, e.UID)
		}
	}, func(e *object.Event) { f.events[e.UID] = append(f.events[e.UID], e) })
}

// Services takes over a change of the services.
func (f *Fleet) Services(d store.Delta[*object.Service]) { keep(d, f.services) }

// EndpointSlices takes over a change of the endpoint slices.
func (f *Fleet) EndpointSlices(d store.Delta[*object.EndpointSlice]) { keep(d, f.slices) }

// Budgets takes over a change of the disruption budgets.
func (f *Fleet) Budgets(d store.Delta[*object.Budget]) { keep(d, f.budgets) }

// Autoscalers takes over a change of the autoscalers.
func (f *Fleet) Autoscalers(d store.Delta[*object.Autoscaler]) { keep(d, f.scalers) }

func keep[T store.Object](d store.Delta[T], in map[types.UID]T) {
	if d.Reset {
		clear(in)
	}
	each(d, func(o T) { delete(in, o.Head().UID) }, func(o T) { in[o.Head().UID] = o })
}

func each[T store.Object](d store.Delta[T], removed, added func(T)) {
	for _, o := range d.Removed {
		removed(o)
	}
	for _, o := range d.Added {
		added(o)
	}
}

// List returns how every rollout stands, what needs a look first. It judges
// anew what changed, and what changes with time alone.
func (f *Fleet) List(now time.Time) []*Status {
	at := now.Unix()
	for uid := range f.dirty {
		if w, ok := f.works[uid]; ok {
			// Who shows it need not look at what is as it was.
			if s := f.family(w).judge(at); !reflect.DeepEqual(s, f.judged[uid]) {
				f.judged[uid] = s
			}
		} else {
			delete(f.judged, uid)
		}
	}
	clear(f.dirty)
	list := make([]*Status, 0, len(f.judged))
	for uid, s := range f.judged {
		if s.State <= Paused || s.Counts.Ready != s.Counts.Available {
			f.touch(uid) // by the next time it may be stuck, late or available
		}
		list = append(list, s)
	}
	Sort(list)
	return list
}

// Find returns how the rollout of one workload stands: the one with the UID of
// ref or, if that is empty, with its kind, namespace and name.
func (f *Fleet) Find(ref kube.Ref, now time.Time) (*Status, bool) {
	for _, s := range f.List(now) {
		if s.UID == ref.UID || ref.UID == "" && s.GVR.GroupResource() == ref.GVR.GroupResource() && s.Namespace == ref.Namespace && s.Name == ref.Name {
			return s, true
		}
	}
	return nil, false
}

// Detail returns all that is known of one rollout, false if there is no such
// workload.
func (f *Fleet) Detail(uid types.UID, now time.Time) (Detail, bool) {
	w, ok := f.works[uid]
	if !ok {
		return Detail{}, false
	}
	return f.family(w).detail(now.Unix()), true
}

// family returns a workload with all that belongs to it.
func (f *Fleet) family(w *object.Workload) *family {
	fam := &family{
		fleet: f, work: w, knowPods: f.readable(pods), knowSets: f.readable(replicaSets), knowRevs: f.readable(controllerRevisions),
	}
	if fam.inSets() {
		fam.sets = f.setsOf[w.UID]
		for _, s := range fam.sets {
			fam.pods = append(fam.pods, f.podsOf[s.UID]...)
		}
		return fam
	}
	fam.revs, fam.pods = f.revsOf[w.UID], f.podsOf[w.UID]
	return fam
}
