package rollout

import (
	"sync"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Options say how much a Feed reads: at least what List needs, the workloads,
// their revisions and pods, and the events of pods that could not be created.
type Options struct {
	Whole bool // and what Detail needs: all events, services, disruption budgets, autoscalers
	Argo  bool // and the custom resources of Argo Rollouts; see ServesArgo
}

// Feed is a Fleet that the stores of a cluster keep up to date. Changed may be
// received from by anybody; the other methods belong to one goroutine at a time.
type Feed struct {
	*Fleet
	sources []source
	changed store.Signal
	done    chan struct{}
	relays  sync.WaitGroup
}

// source is one subscription of a Feed.
type source struct {
	resource string
	changed  <-chan struct{}
	status   func() store.Status
	take     func() store.Status // passes what changed to the Fleet
	close    func()
}

// Open subscribes to what the rollouts in a scope are judged from. The caller
// closes the Feed.
func Open(hub *store.Hub, scope store.Scope, o Options) *Feed {
	f := &Feed{Fleet: NewFleet(), changed: store.NewSignal(), done: make(chan struct{})}
	kinds := []store.Kind[*object.Workload]{object.Deployments(), object.StatefulSets(), object.DaemonSets()}
	if o.Argo {
		kinds = append(kinds, object.ArgoRollouts())
	}
	for _, k := range kinds {
		follow(f, hub, k, scope, func(d store.Delta[*object.Workload]) { f.Workloads(k.Kind, d) })
	}
	follow(f, hub, object.ReplicaSets(), scope, f.ReplicaSets)
	follow(f, hub, object.ControllerRevisions(), scope, f.ControllerRevisions)
	follow(f, hub, object.Pods(), scope, f.Pods)
	refusals := scope
	if !o.Whole {
		refusals.Fields = "reason=" + failedCreate
	}
	follow(f, hub, object.Events(), refusals, f.Events)
	if o.Whole {
		follow(f, hub, object.Services(), scope, f.Services)
		follow(f, hub, object.EndpointSlices(), scope, f.EndpointSlices)
		follow(f, hub, object.Budgets(), scope, f.Budgets)
		follow(f, hub, object.Autoscalers(), scope, f.Autoscalers)
	}
	for _, s := range f.sources {
		f.relays.Go(func() { f.changed.Relay(s.changed, f.done) })
	}
	return f
}

// follow adds the objects of a kind to a Feed.
func follow[T store.Object](f *Feed, hub *store.Hub, kind store.Kind[T], scope store.Scope, into func(store.Delta[T])) {
	sub := store.Open(hub, kind, scope)
	f.sources = append(f.sources, source{
		resource: kind.GVR.Resource, changed: sub.Changed(), status: sub.Status, close: sub.Close,
		take: func() store.Status {
			d, status := sub.Take()
			into(d)
			return status
		},
	})
}

// Changed receives a value after a change of any of the objects, or of how well
// they are known. One value may stand for any number of changes.
func (f *Feed) Changed() <-chan struct{} { return f.changed }

// Take brings the Fleet up to date.
func (f *Feed) Take() {
	for _, s := range f.sources {
		f.Read(s.resource, s.take())
	}
}

// Statuses returns how well each resource is known now, by its name, such as
// "replicasets". It is safe for concurrent use.
func (f *Feed) Statuses() map[string]store.Status {
	all := make(map[string]store.Status, len(f.sources))
	for _, s := range f.sources {
		all[s.resource] = s.status()
	}
	return all
}

// Synced reports whether every resource has been read once, or will not be: as
// of the last Take.
func (f *Feed) Synced() bool {
	for _, s := range f.sources {
		if f.read[s.resource].Phase == store.Syncing {
			return false
		}
	}
	return true
}

// Close gives the subscriptions back.
func (f *Feed) Close() {
	close(f.done)
	f.relays.Wait()
	for _, s := range f.sources {
		s.close()
	}
}
