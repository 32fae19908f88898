package changes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// burstGap is how many seconds may pass between a change and one that follows from
// it, or from the last that did: pods of a rollout start one after the other.
const burstGap = 300

// run is a burst while it is put together.
type run struct {
	id   string
	last int64
}

// burst says of each entry, the newest first, of which workload it is and which
// change it follows from: what Kubernetes did to a workload and to what belongs to
// it goes with what somebody did to the workload before.
func (t *Timeline) burst(all []*Entry) {
	runs := map[types.UID]*run{}
	for i := len(all) - 1; i >= 0; i-- {
		e := all[i]
		of := t.top(e)
		key := of.UID
		if key == "" {
			key = types.UID(of.GVR.Resource + " " + of.Namespace + "/" + of.Name)
		}
		r := runs[key]
		if r == nil || e.At-r.last > burstGap || !e.echoes(of) {
			r = &run{id: e.ID}
			runs[key] = r
		}
		r.last = e.At
		if e.Of != of || e.Burst != r.id {
			n := *e
			n.Of, n.Burst = of, r.id
			all[i] = &n
			t.entries[e.ID] = &n
		}
	}
}

// top returns the workload that an object is a part of, itself if there is none.
func (t *Timeline) top(e *Entry) kube.Ref {
	if e.Owner == nil {
		return e.On
	}
	if up, ok := t.owners[e.Owner.UID]; ok {
		return up
	}
	if up, ok := controller(e.On.Namespace, e.Owner); ok {
		return up
	}
	return e.On
}

// own notes what owns a ReplicaSet or a Job, which pods name as their owner.
func (t *Timeline) own(m *store.Meta) {
	if m.Owner == nil {
		return
	}
	if up, ok := controller(m.Namespace, m.Owner); ok && t.owners[m.UID] != up {
		t.owners[m.UID] = up // what is published next shows it
	}
}

// controller names the owner of an object.
func controller(namespace string, o *store.Owner) (kube.Ref, bool) {
	gv, err := schema.ParseGroupVersion(o.APIVersion)
	if err != nil || o.Kind == "Node" { // which owns its static pods and is no workload
		return kube.Ref{}, false
	}
	for _, k := range []store.Kind[*object.Workload]{
		object.Deployments(), object.ReplicaSets(), object.StatefulSets(), object.DaemonSets(), object.Jobs(), object.CronJobs(),
	} {
		if k.Kind == o.Kind && k.GVR.Group == gv.Group {
			return kube.Ref{GVR: k.GVR, Kind: k.Kind, Namespace: namespace, Name: o.Name, UID: o.UID}, true
		}
	}
	plural, _ := meta.UnsafeGuessKindToResource(gv.WithKind(o.Kind)) // it is for showing, and for telling objects apart
	return kube.Ref{GVR: plural, Kind: o.Kind, Namespace: namespace, Name: o.Name, UID: o.UID}, true
}

// Head is a change with what followed from it.
type Head struct {
	*Entry
	Echoes []*Entry // the newest first
}

// Heads returns the bursts among entries, the newest first. Of a
// burst whose first change is not among them the oldest that is stands for it.
func Heads(entries []*Entry) []*Head {
	by := map[string]*Head{}
	var heads []*Head
	for _, e := range entries {
		h := by[e.Burst]
		if h == nil {
			h = &Head{}
			by[e.Burst] = h
			heads = append(heads, h)
		} else {
			h.Echoes = append(h.Echoes, h.Entry)
		}
		h.Entry = e
	}
	slices.SortStableFunc(heads, func(a, b *Head) int { return cmp.Compare(b.At, a.At) })
	return heads
}

// Words counts what followed: " · 3 pods made, 1 container ended", "" for nothing.
func (h *Head) Words() string {
	counts := map[string]int{}
	var order []string
	for _, e := range h.Echoes {
		word := kube.ShortKind(e.On.GVR.GroupResource(), e.On.Kind) + " " + e.Verb.String()
		if counts[word]++; counts[word] == 1 {
			order = append(order, word)
		}
	}
	if len(order) == 0 {
		return ""
	}
	words := make([]string, len(order))
	for i, word := range order {
		words[i] = fmt.Sprintf("%d× %s", counts[word], word)
	}
	return " · then " + strings.Join(words, ", ")
}
