package triage

import (
	"cmp"
	"context"
	"slices"
	"strings"

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
			ev := happened(ref, e)
			if e.Last.Before(n.out.ChangesFrom) || !e.Warning() && !n.partOf(ev.On) {
				continue
			}
			all = append(all, ev)
		}
	}
	all = merged(all)
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

// partOf reports whether an object is a part of the incident: what is well beside
// it has nothing to say about it.
func (n *inspector) partOf(r kube.Ref) bool {
	return keyOf(n.incident.Root) == keyOf(r) || n.incident.concerns(r)
}

// merged makes one of the events that say the same of several objects of a kind,
// but for their names. It keeps the first of them, with the count of all.
func merged(list []Evidence) []Evidence {
	at := map[string]int{}
	var kept []Evidence
	for _, e := range list {
		said := e.On.Kind + "\x00" + strings.NewReplacer(cmp.Or(e.On.Name, "\x00"), "", cmp.Or(string(e.On.UID), "\x00"), "").Replace(e.Text)
		i, ok := at[said]
		if !ok {
			at[said] = len(kept)
			kept = append(kept, e)
			continue
		}
		one := &kept[i]
		one.Count += e.Count
		one.First, one.At = min(one.First, e.First), max(one.At, e.At)
	}
	return kept
}
