package triage

import (
	"iter"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Cluster is what rules look at: every object that triage reads, and who belongs
// to whom.
type Cluster struct {
	Now    int64  // seconds since 1970; while a rule judges what is not followed any more: when that began
	Within string // the namespace that is read, "" for all

	tables  map[Resource]index
	sources map[Resource]source
	read    map[Resource]store.Status

	podsOf map[types.UID][]*object.Pod      // by their controller
	podsOn map[string][]*object.Pod         // by their node
	setsOf map[types.UID][]*object.Workload // ReplicaSets by their Deployment
	events map[types.UID][]*object.Event    // warnings by the object they are about

	endpoints map[place][]*object.EndpointSlice // by their service

	room *room // what nodes have to offer, while it is current

	found  map[subject][]*Finding // what rules found
	zones  map[string]zone        // of the nodes
	minors map[int]int            // how many nodes run which minor version of the kubelet
	// since when it is so what rules wait for, by rule, as far as it was seen
	first map[subject]map[string]int64

	// While an object is judged: what its verdict depends on, when it may be
	// another one, and what a rule waits for.
	topics        []topic
	later         int64
	rule          string           // that judges
	before, asked map[string]int64 // of first: what is known of the object, what is still so
}

// topic is a part of the cluster that a verdict depends on: the objects of a
// resource in a namespace.
type topic struct {
	resource  Resource
	namespace string
}

func newCluster() *Cluster {
	c := &Cluster{
		tables: map[Resource]index{}, sources: map[Resource]source{}, read: map[Resource]store.Status{},
		podsOf: map[types.UID][]*object.Pod{}, podsOn: map[string][]*object.Pod{},
		setsOf: map[types.UID][]*object.Workload{}, events: map[types.UID][]*object.Event{},
		endpoints: map[place][]*object.EndpointSlice{},
		found:     map[subject][]*Finding{}, zones: map[string]zone{}, minors: map[int]int{}, first: map[subject]map[string]int64{},
	}
	for _, s := range sources() {
		c.tables[s.resource], c.sources[s.resource] = s.empty(), s
	}
	return c
}

// Knows reports whether all objects of a resource are known, be it as of a while
// ago.
func (c *Cluster) Knows(r Resource) bool {
	phase := c.read[r].Phase
	return !c.read[r].Since.IsZero() && (phase == store.Live || phase == store.Stale)
}

// Later has the object judged again at a time, in seconds since 1970: what is
// right now is wrong if it lasts.
func (c *Cluster) Later(at int64) {
	if at > c.Now && (c.later == 0 || at < c.later) {
		c.later = at
	}
}

// Lasted reports whether something has lasted for some seconds since a time. If
// it has not, the object is judged again when it will have.
func (c *Cluster) Lasted(since, seconds int64) bool {
	if c.Now-since >= seconds {
		return true
	}
	c.Later(since + seconds)
	return false
}

// Stands reports whether the rule that is asking found something wrong with an
// object the last time, so that a grace is over for it.
func (c *Cluster) Stands(r Resource, uid types.UID) bool {
	return slices.ContainsFunc(c.found[subject{r, uid}], func(f *Finding) bool { return f.Rule == c.rule })
}

// Lasts reports since when what a rule asks about is so, for what no object
// tells the time of: since the first of the judgements in a row that asked. If
// that is less than some seconds, the object is judged again when it will have
// been so for long enough. A rule asks one such question.
func (c *Cluster) Lasts(seconds int64) (since int64, ok bool) {
	since, ok = c.before[c.rule]
	if !ok {
		since = c.Now
	}
	if c.asked == nil {
		c.asked = map[string]int64{}
	}
	c.asked[c.rule] = since
	return since, c.Lasted(since, seconds)
}

// Depends has the object judged again when an object of a resource changes in a
// namespace, "" for those that are in none. It is for neighbours that are no
// owners, pods, events or endpoints of the object: changes of those are
// followed anyway.
func (c *Cluster) Depends(r Resource, namespace string) {
	c.topics = append(c.topics, topic{r, namespace})
}

// Home returns the object to which what is wrong with another one belongs: the
// topmost of its owners that is known by name.
func (c *Cluster) Home(r kube.Ref, owner *store.Owner) kube.Ref {
	for range 4 { // no chain of controllers is longer
		if owner == nil {
			return r
		}
		up, ok := c.owner(r.Namespace, owner)
		if !ok {
			return r
		}
		r, owner = up, nil
		if m := c.meta(up); m != nil {
			owner = m.Owner
		}
	}
	return r
}

// owner returns the object that an owner reference names. Owners of kinds that
// are not read here are named as they are: an operator's resource stands for
// its pods.
func (c *Cluster) owner(namespace string, o *store.Owner) (kube.Ref, bool) {
	gv, err := schema.ParseGroupVersion(o.APIVersion)
	if err != nil {
		return kube.Ref{}, false
	}
	for _, s := range c.sources {
		if s.kind == o.Kind && s.gvr.Group == gv.Group {
			if !s.namespaced {
				namespace = ""
			}
			return kube.Ref{GVR: s.gvr, Kind: o.Kind, Namespace: namespace, Name: o.Name, UID: o.UID}, s.resource != Nodes
		}
	}
	return kube.Ref{}, false
}

// meta returns what is known of an object, nil if that is nothing.
func (c *Cluster) meta(r kube.Ref) *store.Meta {
	t, ok := c.tables[Resource(r.GVR.Resource)]
	if !ok {
		return nil
	}
	o := t.get(r.UID)
	if o == nil {
		return nil
	}
	return o.Head()
}

// Ref names an object of a resource.
func (c *Cluster) Ref(r Resource, m *store.Meta) kube.Ref { return c.sources[r].ref(m) }

// Named names an object that may not exist.
func (c *Cluster) Named(r Resource, namespace, name string) kube.Ref {
	return c.sources[r].ref(&store.Meta{Namespace: namespace, Name: name})
}

// Get returns the object of a resource with a UID.
func Get[T store.Object](c *Cluster, r Resource, uid types.UID) (o T, ok bool) {
	o, ok = c.tables[r].(*table[T]).all[uid]
	return o, ok
}

// Find returns the object of a resource with a name.
func Find[T store.Object](c *Cluster, r Resource, namespace, name string) (o T, ok bool) {
	o, ok = c.tables[r].(*table[T]).in[namespace][name]
	return o, ok
}

// In yields the objects of a resource in a namespace, "" for one that is in
// none, in no order.
func In[T store.Object](c *Cluster, r Resource, namespace string) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, o := range c.tables[r].(*table[T]).in[namespace] {
			if !yield(o) {
				return
			}
		}
	}
}

// Pod returns the name of a pod as a Ref.
func (c *Cluster) Pod(p *object.Pod) kube.Ref { return c.Ref(Pods, &p.Meta) }

// PodsOf returns the pods of a controller; of a Deployment, those of its
// ReplicaSets. The caller must not change the slice.
func (c *Cluster) PodsOf(uid types.UID) []*object.Pod {
	sets := c.setsOf[uid]
	if len(sets) == 0 {
		return c.podsOf[uid]
	}
	pods := slices.Clone(c.podsOf[uid])
	for _, s := range sets {
		pods = append(pods, c.podsOf[s.UID]...)
	}
	return pods
}

// SetsOf returns the ReplicaSets of a Deployment.
func (c *Cluster) SetsOf(uid types.UID) []*object.Workload { return c.setsOf[uid] }

// PodsOn returns the pods on a node.
func (c *Cluster) PodsOn(node string) []*object.Pod { return c.podsOn[node] }

// Node returns a node by its name, nil if it is not known.
func (c *Cluster) Node(name string) *object.Node {
	n, _ := Find[*object.Node](c, Nodes, "", name)
	return n
}

// Warnings returns the warning events about an object, the newest first.
func (c *Cluster) Warnings(uid types.UID, reasons ...string) []*object.Event {
	var found []*object.Event
	for _, e := range c.events[uid] {
		if len(reasons) == 0 || slices.Contains(reasons, e.Reason) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b *object.Event) int {
		if a.Last != b.Last {
			return int(b.Last - a.Last)
		}
		return strings.Compare(a.Name, b.Name)
	})
	return found
}

// Workload returns the workload with a UID, of whatever kind.
func (c *Cluster) Workload(uid types.UID) (*object.Workload, Resource, bool) {
	for _, r := range []Resource{Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, CronJobs} {
		if w, ok := Get[*object.Workload](c, r, uid); ok {
			return w, r, true
		}
	}
	return nil, "", false
}

// known is an object of any resource.
type known interface{ Head() *store.Meta }

// index is a table whatever its objects are.
type index interface {
	get(types.UID) known // nil if there is none
	uids() iter.Seq[types.UID]
	len() int
}

// table holds the objects of a resource.
type table[T store.Object] struct {
	all map[types.UID]T
	in  map[string]map[string]T // by namespace and name
}

func newTable[T store.Object]() *table[T] {
	return &table[T]{all: map[types.UID]T{}, in: map[string]map[string]T{}}
}

func (t *table[T]) get(uid types.UID) known {
	if o, ok := t.all[uid]; ok {
		return o
	}
	return nil
}

func (t *table[T]) len() int { return len(t.all) }

func (t *table[T]) uids() iter.Seq[types.UID] {
	return func(yield func(types.UID) bool) {
		for uid := range t.all {
			if !yield(uid) {
				return
			}
		}
	}
}

func (t *table[T]) put(o T) {
	m := o.Head()
	t.all[m.UID] = o
	ns := t.in[m.Namespace]
	if ns == nil {
		ns = map[string]T{}
		t.in[m.Namespace] = ns
	}
	ns[m.Name] = o
}

func (t *table[T]) drop(o T) {
	m := o.Head()
	delete(t.all, m.UID)
	ns := t.in[m.Namespace]
	if o, ok := ns[m.Name]; ok && o.Head().UID == m.UID { // and not one that took its name since
		if delete(ns, m.Name); len(ns) == 0 {
			delete(t.in, m.Namespace)
		}
	}
}

// Objects whose owner, node or subject is looked up are kept by that as well.

// put and drop keep the lists of a map without gaps, in no order.
func putIn[K comparable, T comparable](lists map[K][]T, k K, o T) { lists[k] = append(lists[k], o) }

func dropFrom[K comparable, T comparable](lists map[K][]T, k K, o T) {
	list := lists[k]
	i := slices.Index(list, o)
	if i < 0 {
		return
	}
	last := len(list) - 1
	list[i] = list[last]
	clear(list[last:])
	if list = list[:last]; len(list) == 0 {
		delete(lists, k)
	} else {
		lists[k] = list
	}
}

// link and unlink keep the lists up to date.
func (c *Cluster) link(o known) {
	switch o := o.(type) {
	case *object.Pod:
		if o.Owner != nil {
			putIn(c.podsOf, o.Owner.UID, o)
		}
		if o.Node != "" {
			putIn(c.podsOn, o.Node, o)
		}
	case *object.Workload:
		if o.Kind == "ReplicaSet" && o.Owner != nil {
			putIn(c.setsOf, o.Owner.UID, o)
		}
	case *object.Event:
		putIn(c.events, o.UID, o)
	case *object.EndpointSlice:
		putIn(c.endpoints, place{o.Namespace, o.Service}, o)
	case *object.Node:
		c.count(o, 1)
	}
}

func (c *Cluster) unlink(o known) {
	switch o := o.(type) {
	case *object.Pod:
		if o.Owner != nil {
			dropFrom(c.podsOf, o.Owner.UID, o)
		}
		if o.Node != "" {
			dropFrom(c.podsOn, o.Node, o)
		}
	case *object.Workload:
		if o.Kind == "ReplicaSet" && o.Owner != nil {
			dropFrom(c.setsOf, o.Owner.UID, o)
		}
	case *object.Event:
		dropFrom(c.events, o.UID, o)
	case *object.EndpointSlice:
		dropFrom(c.endpoints, place{o.Namespace, o.Service}, o)
	case *object.Node:
		c.count(o, -1)
	}
}
