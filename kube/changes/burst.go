package changes

import (
	"cmp"
	"fmt"
	"maps"
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

// group are the changes of one workload and of what belongs to it, or of an object
// that belongs to none.
type group struct {
	touched bool   // its bursts may be others than they were
	id      string // of the burst that is put together
	last    int64  // when that went on last
}

// groupOf returns the group of a workload.
func (t *Timeline) groupOf(of kube.Ref) *group {
	key := of.UID
	if key == "" {
		key = types.UID(of.GVR.Resource + " " + of.Namespace + "/" + of.Name)
	}
	g := t.groups[key]
	if g == nil {
		g = &group{}
		t.groups[key] = g
	}
	return g
}

// gather puts the entries that are new into their groups, or all of them.
func (t *Timeline) gather(news []*Entry) {
	if t.regroup {
		t.regroup = false
		clear(t.groups)
		for _, e := range t.entries {
			e.group = t.groupOf(t.top(e))
			t.touch(e.group)
		}
		return
	}
	for _, e := range news {
		e.group = t.groupOf(e.Of)
		t.touch(e.group)
	}
	for e := range t.stale {
		t.touch(e.group)
	}
}

func (t *Timeline) touch(g *group) {
	if !g.touched {
		g.touched = true
		t.touched = append(t.touched, g)
	}
}

// burst says of each entry, the newest first, of which workload it is and which
// change it follows from: what Kubernetes did to a workload and to what belongs to
// it goes with what somebody did to the workload before. Only groups that were
// touched are looked at.
func (t *Timeline) burst(all []*Entry) {
	for i := len(all) - 1; i >= 0; i-- {
		e := all[i]
		g := e.group
		if !g.touched {
			continue
		}
		of := t.top(e)
		if g.id == "" || e.At-g.last > burstGap || !e.echoes(of) {
			g.id = e.ID
		}
		g.last = e.At
		if e.Of != of || e.Burst != g.id {
			n := *e
			n.Of, n.Burst = of, g.id
			all[i] = &n
			t.entries[e.ID] = &n
		}
	}
	for _, g := range t.touched {
		*g = group{}
	}
	t.touched = t.touched[:0]
}

// top returns the workload that an object is a part of, itself if there is none.
func (t *Timeline) top(e *Entry) kube.Ref {
	if e.Owner == nil {
		return e.On
	}
	if up, ok := t.owners[e.Owner.UID]; ok {
		return up
	}
	t.owned[e.Owner.UID] = true
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
		t.owners[m.UID] = up
		t.regroup = t.regroup || t.owned[m.UID] // what is published next shows it
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

// Words counts what followed, the most first: " · then 3× pod made, 1× container
// changed", "" for nothing.
func (h *Head) Words() string {
	counts := map[string]int{}
	for _, e := range h.Echoes {
		counts[kube.ShortKind(e.On.GVR.GroupResource(), e.On.Kind)+" "+e.Verb.String()]++
	}
	if len(counts) == 0 {
		return ""
	}
	order := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b)) // they came within a second or so
	})
	words := make([]string, len(order))
	for i, word := range order {
		words[i] = fmt.Sprintf("%d× %s", counts[word], word)
	}
	return " · then " + strings.Join(words, ", ")
}
