package triage

import (
	"cmp"
	"context"
	"slices"

	"quarterdeck/kube"
	"quarterdeck/kube/detail"
	"quarterdeck/kube/sanitize"
)

const (
	// mostEvents is how many events are kept, mostSubjects of how many objects
	// those and the changes are asked for.
	mostEvents   = 40
	mostSubjects = 6
)

// subjects returns the root and the others whose state is a part of the
// incident, without pods, which come with their workloads.
func (n *inspector) subjects() []kube.Ref {
	found := []kube.Ref{n.incident.Root}
	note := func(r kube.Ref) {
		same := func(o kube.Ref) bool { return keyOf(o) == keyOf(r) }
		if r.GVR.Resource == string(Pods) || r.GVR.Resource == string(ReplicaSets) || r.Name == "" || len(found) == mostSubjects || slices.ContainsFunc(found, same) {
			return
		}
		found = append(found, r)
	}
	for _, f := range n.incident.Findings {
		note(f.On)
		note(f.Home)
	}
	for _, r := range n.incident.Affected {
		note(r)
	}
	return found
}

// events asks what happened to the root, to what is affected, and to what belongs
// to them.
func (n *inspector) events(ctx context.Context) {
	var all []Evidence
	for _, ref := range n.subjects() {
		var got detail.Events
		err := n.ask(ctx, func(ctx context.Context) (err error) {
			got, err = n.details.Events(ctx, ref)
			return err
		})
		n.miss("list", "events", ref.Namespace, "", err)
		for _, err := range got.Partial {
			n.miss("list", "events", ref.Namespace, "", err)
		}
		detail.WarningsFirst(got.Events)
		for _, e := range got.Events {
			if e.Last.Before(n.out.ChangesFrom) {
				continue
			}
			all = append(all, happened(ref, e))
		}
	}
	all = distinct(all)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.out.Events = all[:min(len(all), mostEvents)]
}

// happened returns an event, of an object or of what belongs to it, as evidence.
func happened(of kube.Ref, e detail.Event) Evidence {
	on := of
	if e.Kind != of.Kind || e.Name != of.Name {
		on = kube.Ref{Kind: e.Kind, Namespace: e.Namespace, Name: e.Name, UID: e.UID}
		for _, s := range sources() {
			if s.kind == e.Kind {
				on.GVR = s.gvr
			}
		}
	}
	return Evidence{
		Text: sanitize.Line(e.Reason + ": " + e.Message), Source: FromEvent, Where: cmp.Or(e.Source, "event") + " of " + on.String(),
		On: on, First: e.First.Unix(), At: e.Last.Unix(), Count: int32(e.Count),
	}
}
