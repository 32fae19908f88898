package network

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Ways is everything that leads to an object or through it.
type Ways struct {
	Of      kube.Ref
	Traces  []*Trace // what is most in the way first
	NotRead []Unread // what may have led there too
	Nobody  string   // why there are none
	Nearest string   // of services, if there are none: what was probably meant to lead there
	Fix     *Fix
}

// State is how the worst of the ways stands; of none, Unknown if not all was
// read, else Broken.
func (w *Ways) State() State {
	switch {
	case len(w.Traces) > 0:
		worst := w.Traces[0].State
		if !worst.Denies() && len(w.NotRead) > 0 {
			return Unknown
		}
		return worst
	case len(w.NotRead) > 0:
		return Unknown
	}
	return Broken
}

// Has reports whether an object is known.
func (g *Graph) Has(ref kube.Ref) bool {
	r, ok := g.resource(ref)
	if !ok {
		return false
	}
	return g.table(r).has(ref.Namespace, ref.Name)
}

// Names returns the names of what is known of a resource in a namespace, in
// order.
func (g *Graph) Names(r Resource, namespace string) []string { return g.table(r).names(namespace) }

// table returns what is known of a resource by name.
func (g *Graph) table(r Resource) interface {
	has(namespace, name string) bool
	names(namespace string) []string
} {
	switch r {
	case Services:
		return g.services
	case Ingresses:
		return g.ingresses
	case IngressClasses:
		return g.classes
	case Secrets:
		return g.secrets
	case Pods:
		return g.pods
	case Gateways:
		return g.gateways
	case GatewayClasses:
		return g.gatewayClasses
	case Deployments, StatefulSets, DaemonSets:
		return g.workloads[r]
	}
	return g.routes[r]
}

// Traces returns everything that an object of a kind that is read here declares,
// leads through, or is led to by.
func (g *Graph) Traces(ref kube.Ref, now time.Time) *Ways {
	g.Routes(now) // what depends on what is up to date
	w := &Ways{Of: ref}
	r, ok := g.resource(ref)
	if !ok {
		w.Nobody = "ways to a " + ref.Kind + " are not traced"
		return w
	}
	switch r {
	case Pods:
		g.toPod(w)
	case Deployments, StatefulSets, DaemonSets:
		if o := g.workloads[r][ref.Namespace][ref.Name]; o != nil {
			var list []*object.Service
			for s := range g.selecting(ref.Namespace, o.PodLabels) {
				list = append(list, s)
			}
			g.through(w, list, "")
			if len(list) == 0 {
				g.lonely(w, o.PodLabels)
			}
		}
	default:
		for by := range g.leading(topic{r, ref.Namespace, ref.Name}) {
			for _, t := range g.tracesOf(by, "") {
				if by.resource == r && by.namespace == ref.Namespace && by.name == ref.Name || t.passes(ref) {
					w.Traces = append(w.Traces, &t.Trace)
				}
			}
		}
	}
	g.finish(w)
	return w
}

// All returns every way in, hop by hop.
func (g *Graph) All(now time.Time) *Ways {
	g.Routes(now)
	w := &Ways{}
	g.all(func(by topic) {
		for _, t := range g.tracesOf(by, "") {
			w.Traces = append(w.Traces, &t.Trace)
		}
	})
	g.finish(w)
	return w
}

// leading yields what depends on an object, and the object itself if it declares
// ways in.
func (g *Graph) leading(to topic) map[topic]struct{} {
	all := map[topic]struct{}{to: {}}
	for by := range g.waiting[to] {
		all[by] = struct{}{}
	}
	return all
}

func (t *Trace) passes(ref kube.Ref) bool {
	return slices.ContainsFunc(t.Hops, func(h Hop) bool {
		return h.Ref.Kind == ref.Kind && h.Ref.Namespace == ref.Namespace && h.Ref.Name == ref.Name
	})
}

// toPod collects what leads to a pod.
func (g *Graph) toPod(w *Ways) {
	p := g.pods[w.Of.Namespace][w.Of.Name]
	if p == nil {
		return
	}
	var list []*object.Service
	for s := range g.selecting(p.Namespace, p.Labels) {
		list = append(list, s)
	}
	// Endpoints may name a pod that no selector does: somebody else keeps them.
	for name, s := range g.byHand[p.Namespace] {
		if endsAt(g.slices[place{p.Namespace, name}], p) {
			list = append(list, s)
		}
	}
	g.through(w, list, p.Name)
	if len(list) == 0 {
		g.lonely(w, p.Labels)
	}
}

// lonely finds the service that was probably meant to lead to pods with some
// labels: of those that select nothing, one that selects all labels but one.
func (g *Graph) lonely(w *Ways, labels *store.Labels) {
	namespace := w.Of.Namespace
	for _, name := range sorted(g.services[namespace]) {
		s := g.services[namespace][name]
		if m, ok := oddLabel(s.Selector, labels); ok && len(g.podsOf(s)) == 0 {
			w.Nearest = "svc/" + name
			w.Fix = edit(g.ref(Services, namespace, name), m.wanted, m.has, "spec", "selector", m.key)
			return
		}
	}
}

func endsAt(list []*object.EndpointSlice, p *object.Pod) bool {
	return slices.ContainsFunc(list, func(s *object.EndpointSlice) bool {
		return slices.ContainsFunc(s.Endpoints, func(e object.Endpoint) bool { return e.Pod == p.UID && e.Name == p.Name })
	})
}

// through collects what leads through some services, to one pod if it is named.
func (g *Graph) through(w *Ways, list []*object.Service, pod string) {
	for _, s := range list {
		ref := g.ref(Services, s.Namespace, s.Name)
		for by := range g.leading(topic{Services, s.Namespace, s.Name}) {
			for _, t := range g.tracesOf(by, pod) {
				if t.Target == ref {
					w.Traces = append(w.Traces, &t.Trace)
				}
			}
		}
	}
}

// finish orders what was found, and says what is missing.
func (g *Graph) finish(w *Ways) {
	slices.SortFunc(w.Traces, func(a, b *Trace) int { return compare(&a.Route, &b.Route) })
	t := &tracer{Graph: g}
	for r := range g.kinds {
		declares := r == Services || r == Ingresses || isRoute(r)
		if declares && !g.Knows(r) {
			t.miss(r, g.Within)
		}
	}
	slices.SortFunc(t.NotRead, func(a, b Unread) int { return strings.Compare(a.String(), b.String()) })
	w.NotRead = t.NotRead
	if len(w.Traces) > 0 || w.Nobody != "" {
		return
	}
	switch {
	case w.Of.Name == "":
		w.Nobody = "there is no way in"
	case len(w.NotRead) > 0:
		w.Nobody = "nothing of what was read leads to " + w.Of.Where()
	case w.Nearest != "":
		w.Nobody = fmt.Sprintf("nothing leads to %s: %s selects all but one of its labels", w.Of.Where(), w.Nearest)
	default:
		w.Nobody = "nothing leads to " + w.Of.Where()
	}
}

// onePod ends a way at the pod that is asked for.
func (t *tracer) onePod(s *object.Service, e endpoints) {
	at := slices.IndexFunc(e.list, func(p object.Endpoint) bool { return p.Name == t.pod })
	if at >= 0 {
		t.podHops(s, e)
		if !e.list[at].Ready {
			t.breaks("pod/"+t.pod+" takes no traffic: "+t.last().Detail, nil)
		}
		return
	}
	if p := t.pods[s.Namespace][t.pod]; p != nil {
		t.podList([]*object.Pod{p})
		t.breaks("pod/"+t.pod+" is not among the endpoints of svc/"+s.Name, nil)
	}
}
