package triage

import (
	"container/heap"
	"maps"
	"reflect"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Engine keeps what rules find of a cluster, and judges again what changed. It
// can be fed by hand, with what a single list returned or in a test.
type Engine struct {
	*Cluster
	rules map[Resource][]Rule
	clock int64 // of the last Judge, seconds since 1970

	dirty   map[subject]struct{}
	waiting map[topic]map[subject]struct{} // who depends on what
	depends map[subject][]topic            // the same by who depends
	timers  timers
	due     map[subject]int64 // of the timer that counts
	// held are those whose verdict waits for a time that has come, but not for
	// what they rest on: that is known only as of before.
	held    map[subject]struct{}
	lost    map[Resource]outage // those that last or were over a moment ago
	changed bool                // something was found or is gone since the last Report
	report  *Report
}

// NewEngine returns an Engine that knows nothing and applies rules.
func NewEngine(rules []Rule) *Engine {
	e := &Engine{
		Cluster: newCluster(), rules: map[Resource][]Rule{}, dirty: map[subject]struct{}{},
		waiting: map[topic]map[subject]struct{}{}, depends: map[subject][]topic{}, due: map[subject]int64{}, held: map[subject]struct{}{}, lost: map[Resource]outage{},
	}
	for _, r := range rules {
		e.rules[r.On] = append(e.rules[r.On], r)
	}
	return e
}

// Change takes over a change of the objects of a resource.
func Change[T store.Object](e *Engine, r Resource, d store.Delta[T]) {
	t := e.tables[r].(*table[T])
	if d.Reset {
		for _, o := range t.all {
			e.unlink(o)
			e.touch(r, o)
		}
		clear(t.all)
		clear(t.in)
	}
	for _, o := range d.Removed {
		t.drop(o)
		e.unlink(o)
		e.touch(r, o)
	}
	for _, o := range d.Added {
		t.put(o)
		e.link(o)
		e.touch(r, o)
	}
}

// Read tells how far a resource has been read. One that nobody told of is taken
// for unread.
func (e *Engine) Read(r Resource, s store.Status) {
	knew := e.Knows(r)
	before := e.read[r]
	s = unlessMissing(s)
	e.read[r] = s
	if before.Phase != s.Phase || (before.Err == nil) != (s.Err == nil) {
		e.changed = true
	}
	switch {
	case s.Phase == store.Stale:
		e.lost[r] = outage{since: s.Since.Unix() - unnoticed}
	case before.Phase == store.Stale:
		e.lost[r] = outage{since: e.lost[r].since, until: e.clock + catchUp}
		for s := range e.held {
			e.wake(s, e.clock+catchUp)
		}
		clear(e.held)
	}
	if e.Knows(r) == knew {
		return
	}
	for on, rules := range e.rules {
		for _, rule := range rules {
			if needs(rule, r) {
				for uid := range e.tables[on].uids() {
					e.dirty[subject{on, uid}] = struct{}{}
				}
				break
			}
		}
	}
}

// unlessMissing takes a resource that a server does not have for one of which
// there are no objects.
func unlessMissing(s store.Status) store.Status {
	if s.Phase == store.Failed && apierrors.IsNotFound(s.Err) {
		return store.Status{Phase: store.Live, Since: s.Since}
	}
	return s
}

func needs(rule Rule, r Resource) bool {
	for _, n := range rule.Needs {
		if n == r {
			return true
		}
	}
	return false
}

// touch has an object judged again, and what depends on it.
func (e *Engine) touch(r Resource, o known) {
	m := o.Head()
	e.mark(r, m.UID)
	for s := range e.waiting[topic{r, m.Namespace}] {
		e.dirty[s] = struct{}{}
	}
	e.touchOwner(m.Owner)
	switch o := o.(type) {
	case *object.Workload: // it knows to whom its pods belong in the end
		for _, p := range e.podsOf[o.UID] {
			if s := (subject{Pods, p.UID}); e.found[s] != nil {
				e.dirty[s] = struct{}{}
			}
		}
	case *object.Event:
		e.touchSubject(o.UID)
	case *object.Pod:
		if n := e.Node(o.Node); n != nil {
			e.mark(Nodes, n.UID)
		}
	case *object.EndpointSlice:
		if s, ok := Find[*object.Service](e.Cluster, Services, o.Namespace, o.Service); ok {
			e.mark(Services, s.UID)
		}
	}
}

// mark has an object judged again if there are rules for its resource.
func (e *Engine) mark(r Resource, uid types.UID) {
	if len(e.rules[r]) > 0 {
		e.dirty[subject{r, uid}] = struct{}{}
	}
}

// touchOwner has the controllers of an object judged again.
func (e *Engine) touchOwner(o *store.Owner) {
	for range 4 {
		if o == nil {
			return
		}
		w, r, ok := e.Workload(o.UID)
		if !ok {
			return
		}
		e.mark(r, w.UID)
		o = w.Owner
	}
}

// touchSubject has what an event is about judged again.
func (e *Engine) touchSubject(uid types.UID) {
	for r, t := range e.tables {
		if len(e.rules[r]) == 0 {
			continue
		}
		if o := t.get(uid); o != nil {
			e.mark(r, uid)
			e.touchOwner(o.Head().Owner)
			return
		}
	}
}

// Judge brings everything up to date and returns what is wrong. It returns the
// same Report again if nothing is different.
func (e *Engine) Judge(now time.Time) *Report {
	e.clock, e.room = now.Unix(), nil
	e.Now = e.clock
	maps.DeleteFunc(e.lost, func(_ Resource, o outage) bool { return o.until != 0 && o.until <= e.clock })
	for len(e.timers) > 0 && e.timers[0].at <= e.clock {
		t := heap.Pop(&e.timers).(timer)
		if e.due[t.subject] == t.at {
			delete(e.due, t.subject)
			e.dirty[t.subject] = struct{}{}
		}
	}
	// Pods first: what is wrong with them may make the verdict on their workload
	// another one.
	for s := range e.dirty {
		if s.resource == Pods {
			e.judge(s)
			delete(e.dirty, s)
		}
	}
	for s := range e.dirty {
		e.judge(s)
	}
	clear(e.dirty)
	if e.report == nil || e.changed {
		e.report, e.changed = e.group(now), false
	}
	return e.report
}

// Next returns when something may be different by time alone, zero if nothing.
func (e *Engine) Next() time.Time {
	for len(e.timers) > 0 && e.due[e.timers[0].subject] != e.timers[0].at {
		heap.Pop(&e.timers)
	}
	if len(e.timers) == 0 {
		return time.Time{}
	}
	return time.Unix(e.timers[0].at, 0)
}

// Troubled reports whether something is found wrong with a pod. Pods are judged
// before all else, and their workloads again when it is another answer.
func (c *Cluster) Troubled(p *object.Pod) bool { return len(c.found[subject{Pods, p.UID}]) > 0 }

// judge applies the rules to one object.
func (e *Engine) judge(s subject) {
	e.forget(s)
	o := e.tables[s.resource].get(s.uid)
	if o == nil {
		delete(e.first, s)
		e.keep(s, nil)
		return
	}
	e.topics, e.later = e.topics[:0], 0
	e.before, e.asked = e.first[s], nil
	var found []*Finding
	for i := range e.rules[s.resource] {
		r := &e.rules[s.resource][i]
		if !e.knowsAll(r.Needs) {
			continue
		}
		e.rule, e.Now = r.ID, e.asOf(r)
		f := r.judge(e.Cluster, o)
		if f == nil {
			continue
		}
		m := o.Head()
		f.Rule, f.Depth, f.On = r.ID, r.Depth, e.refOf(s.resource, o)
		if f.Home.Name == "" {
			f.Home = e.Home(f.On, m.Owner)
		}
		found = append(found, f)
	}
	if len(e.asked) > 0 {
		e.first[s] = e.asked
	} else if e.before != nil {
		delete(e.first, s)
	}
	for _, t := range e.topics {
		if e.waiting[t] == nil {
			e.waiting[t] = map[subject]struct{}{}
		}
		e.waiting[t][s] = struct{}{}
	}
	if len(e.topics) > 0 {
		e.depends[s] = slices.Clone(e.topics)
	}
	e.Now = e.clock
	switch {
	case e.later > e.clock:
		e.wake(s, e.later)
	case e.later != 0:
		e.held[s] = struct{}{}
		for _, o := range e.lost { // some may be followed again already
			if o.until > e.clock {
				e.wake(s, o.until)
			}
		}
	}
	e.keep(s, found)
}

// wake has an object judged again at a time.
func (e *Engine) wake(s subject, at int64) {
	e.due[s] = at
	heap.Push(&e.timers, timer{at, s})
}

// outage is a time in which a resource was not followed, in seconds since 1970.
type outage struct {
	since, until int64 // until is 0 as long as it lasts
}

const (
	unnoticed = 15 // seconds that an outage may have lasted before it is noticed
	catchUp   = 5  // seconds that what happened in one may take to arrive
)

// asOf returns the time for which a rule judges: now, or since when something
// that it looks at is not followed any more. What has not happened in what was
// seen last may have happened since, so nothing is late by that.
func (e *Engine) asOf(r *Rule) int64 {
	at := e.clock
	for of, o := range e.lost {
		if of == r.On || of == Pods || of == Events || needs(*r, of) {
			at = min(at, o.since)
		}
	}
	return at
}

// forget drops what the last verdict on an object depended on.
func (e *Engine) forget(s subject) {
	for _, t := range e.depends[s] {
		if list := e.waiting[t]; list != nil {
			if delete(list, s); len(list) == 0 {
				delete(e.waiting, t)
			}
		}
	}
	delete(e.depends, s)
	delete(e.due, s)
	delete(e.held, s)
}

func (c *Cluster) knowsAll(needs []Resource) bool {
	for _, r := range needs {
		if !c.Knows(r) {
			return false
		}
	}
	return true
}

// keep replaces what is found of an object.
func (e *Engine) keep(s subject, found []*Finding) {
	before := e.found[s]
	if s.resource == Pods && (len(found) > 0) != (len(before) > 0) {
		if p, ok := Get[*object.Pod](e.Cluster, Pods, s.uid); ok {
			e.touchOwner(p.Owner)
		}
	}
	if len(found) == 0 {
		if before != nil {
			delete(e.found, s)
			e.changed = true
		}
		return
	}
	for _, f := range found { // what an object tells of its past gets less with time
		for _, b := range before {
			if b.Rule == f.Rule && b.Since != 0 && (f.Since == 0 || b.Since < f.Since) {
				f.Since = b.Since
			}
		}
	}
	if !reflect.DeepEqual(before, found) {
		e.found[s] = found
		e.changed = true
	}
}

// timer is when an object is to be judged again.
type timer struct {
	at int64 // seconds since 1970
	subject
}

// timers are ordered by time; it is a heap.Interface.
type timers []timer

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at < t[j].at }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)        { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	old := *t
	last := old[len(old)-1]
	*t = old[:len(old)-1]
	return last
}
