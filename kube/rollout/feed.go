package rollout

import (
	"slices"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Options say how much a Feed reads: at least what List needs, the workloads,
// their revisions and pods, and the events of pods that could not be created.
type Options struct {
	Whole bool // and what Detail needs: all events, services, disruption budgets, autoscalers
	Argo  bool // and the custom resources of Argo Rollouts; see ServesArgo
}

// Feed is a Fleet that the stores of a cluster keep up to date. Changed and Statuses,
// by the names of resources such as "replicasets", may be called by anybody; the
// other methods belong to one goroutine at a time.
type Feed struct {
	*Fleet
	*store.Sources[string]
}

// Open subscribes to what the rollouts in a scope are judged from. The caller
// closes the Feed.
func Open(hub *store.Hub, scope store.Scope, o Options) *Feed {
	f := &Feed{NewFleet(), store.NewSources[string]()}
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
	return f
}

// follow adds the objects of a kind to a Feed.
func follow[T store.Object](f *Feed, hub *store.Hub, kind store.Kind[T], scope store.Scope, into func(store.Delta[T])) {
	f.Add(store.SourceOf(kind.GVR.Resource, hub, kind, scope, into))
}

// Take brings the Fleet up to date.
func (f *Feed) Take() { f.Sources.Take(f.Read) }

// Synced reports whether every resource has been read once, or will not be: as
// of the last Take.
func (f *Feed) Synced() bool {
	return !slices.ContainsFunc(f.Keys(), func(resource string) bool { return f.read[resource].Phase == store.Syncing })
}
