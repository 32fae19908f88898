package network

import (
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Graph is what is known of a cluster's network. It belongs to one goroutine at
// a time.
type Graph struct {
	Within string // the namespace that is read, "" for all

	kinds map[Resource]kindOf
	read  map[Resource]store.Status
	now   int64 // seconds since 1970

	services   table[*object.Service]
	slices     map[place][]*object.EndpointSlice // by their service
	pods       table[*object.Pod]
	families   map[string]*family                  // pods by namespace
	wanting    map[pair]map[string]*object.Service // services by the first label that they select
	byHand     table[*object.Service]              // those that select nothing: somebody else keeps their endpoints
	strays     map[string]map[string]string        // selectors that matched no pod when they were looked at, by namespace and service
	workloads  map[Resource]table[*object.Workload]
	ingresses  table[*object.Ingress]
	classes    table[*object.IngressClass]
	secrets    table[*object.Certificate]
	namespaces table[*object.Plain]

	gatewayClasses table[*object.GatewayClass]
	gateways       table[*object.Gateway]
	routes         map[Resource]table[*object.GatewayRoute]
	grants         table[*object.ReferenceGrant]

	// What was found, and when it is to be looked at again.
	found   map[topic][]*Route // by what declares them
	waiting map[topic]map[topic]struct{}
	depends map[topic][]topic
	dirty   map[topic]struct{}
	due     map[topic]int64 // seconds since 1970
	list    []*Route        // of found, in order
}

// table holds objects by namespace and name.
type table[T store.Object] map[string]map[string]T

// keep puts an object in, or takes it out.
func (t table[T]) keep(o T, there bool) {
	m := o.Head()
	switch {
	case there && t[m.Namespace] == nil:
		t[m.Namespace] = map[string]T{m.Name: o}
	case there:
		t[m.Namespace][m.Name] = o
	default:
		if delete(t[m.Namespace], m.Name); len(t[m.Namespace]) == 0 {
			delete(t, m.Namespace)
		}
	}
}

func (t table[T]) has(namespace, name string) bool {
	_, ok := t[namespace][name]
	return ok
}

func (t table[T]) names(namespace string) []string { return sorted(t[namespace]) }

// place is a name in a namespace.
type place struct{ namespace, name string }

// pair is a label in a namespace.
type pair struct{ namespace, key, value string }

// topic is an object by its name, or with none all of a resource in a namespace.
type topic struct {
	resource        Resource
	namespace, name string
}

// What is no resource, but changes what a service leads to.
const (
	backing Resource = "backing" // the pods that it selects
	kindred Resource = "kindred" // the pods that it may have meant, if it selects none
)

// NewGraph returns an empty Graph. versions are those of the Gateway API's
// resources; what is not in it, the cluster does not have.
func NewGraph(versions map[Resource]string) *Graph {
	g := &Graph{
		kinds: builtin(), read: map[Resource]store.Status{},
		services: table[*object.Service]{}, slices: map[place][]*object.EndpointSlice{}, pods: table[*object.Pod]{},
		families: map[string]*family{}, wanting: map[pair]map[string]*object.Service{}, byHand: table[*object.Service]{}, strays: map[string]map[string]string{},
		workloads: map[Resource]table[*object.Workload]{Deployments: {}, StatefulSets: {}, DaemonSets: {}},
		ingresses: table[*object.Ingress]{}, classes: table[*object.IngressClass]{}, secrets: table[*object.Certificate]{}, namespaces: table[*object.Plain]{},
		gatewayClasses: table[*object.GatewayClass]{}, gateways: table[*object.Gateway]{}, grants: table[*object.ReferenceGrant]{},
		routes: map[Resource]table[*object.GatewayRoute]{HTTPRoutes: {}, GRPCRoutes: {}, TLSRoutes: {}, TCPRoutes: {}},
		found:  map[topic][]*Route{}, waiting: map[topic]map[topic]struct{}{}, depends: map[topic][]topic{}, dirty: map[topic]struct{}{}, due: map[topic]int64{},
	}
	for r, kind := range gatewayKinds() {
		version, ok := versions[r]
		if !ok {
			version = "v1"
			g.read[r] = store.Status{Phase: store.Live, Since: time.Unix(0, 1)} // there are none
		}
		g.kinds[r] = kindOf{object.GatewayAPI(string(r), version), kind}
	}
	return g
}

// Read tells how far a resource has been read. One that nobody told of is taken
// for unread; one that the server does not have, for one without objects.
func (g *Graph) Read(r Resource, s store.Status) {
	if s.Phase == store.Failed && apierrors.IsNotFound(s.Err) {
		s = store.Status{Phase: store.Live, Since: s.Since}
	}
	knew := g.Knows(r)
	g.read[r] = s
	if g.Knows(r) != knew {
		g.all(func(t topic) { g.dirty[t] = struct{}{} })
	}
}

// Knows reports whether all objects of a resource are known, be it as of a while
// ago.
func (g *Graph) Knows(r Resource) bool {
	s := g.read[r]
	return s.Phase == store.Live && !s.Since.IsZero() || s.Phase == store.Stale
}

// Loading reports whether something is still being read for the first time.
func (g *Graph) Loading() bool {
	for r := range g.kinds {
		if s, ok := g.read[r]; !ok || s.Phase == store.Syncing {
			return true
		}
	}
	return false
}

// all yields everything that declares ways in.
func (g *Graph) all(yield func(topic)) {
	roots(g.services, Services, yield)
	roots(g.ingresses, Ingresses, yield)
	for r, t := range g.routes {
		roots(t, r, yield)
	}
}

func roots[T store.Object](t table[T], r Resource, yield func(topic)) {
	for namespace, in := range t {
		for name := range in {
			yield(topic{r, namespace, name})
		}
	}
}

// touch has everything judged again that depends on an object.
func (g *Graph) touch(r Resource, namespace, name string) {
	switch {
	case r == Services, r == Ingresses, isRoute(r):
		g.dirty[topic{r, namespace, name}] = struct{}{}
	}
	for _, t := range []topic{{r, namespace, name}, {r, namespace, ""}} {
		for who := range g.waiting[t] {
			g.dirty[who] = struct{}{}
		}
	}
}

// change takes over a change of what is kept by name. each, if it is not nil, is
// called for every object that comes or goes.
func change[T store.Object](g *Graph, r Resource, t table[T], d store.Delta[T], each func(o T, there bool)) {
	drop := func(o T) {
		m := o.Head()
		if t[m.Namespace][m.Name] != o {
			return
		}
		t.keep(o, false)
		if each != nil {
			each(o, false)
		}
		g.touch(r, m.Namespace, m.Name)
	}
	if d.Reset {
		for _, in := range t {
			for _, o := range in {
				drop(o)
			}
		}
	}
	for _, o := range d.Removed {
		drop(o)
	}
	for _, o := range d.Added {
		m := o.Head()
		if old, ok := t[m.Namespace][m.Name]; ok {
			drop(old)
		}
		t.keep(o, true)
		if each != nil {
			each(o, true)
		}
		g.touch(r, m.Namespace, m.Name)
	}
}

// Services takes over a change of the services.
func (g *Graph) Services(d store.Delta[*object.Service]) {
	change(g, Services, g.services, d, func(s *object.Service, there bool) {
		first, _, _ := strings.Cut(s.Selector, ",")
		key, value, ok := strings.Cut(first, "=")
		if !ok {
			g.byHand.keep(s, there)
			return
		}
		p := pair{s.Namespace, key, value}
		if !there {
			if delete(g.wanting[p], s.Name); len(g.wanting[p]) == 0 {
				delete(g.wanting, p)
			}
			return
		}
		if g.wanting[p] == nil {
			g.wanting[p] = map[string]*object.Service{}
		}
		g.wanting[p][s.Name] = s
	})
}

// EndpointSlices takes over a change of the endpoint slices.
func (g *Graph) EndpointSlices(d store.Delta[*object.EndpointSlice]) {
	at := func(s *object.EndpointSlice) place { return place{s.Namespace, s.Service} }
	if d.Reset {
		for p := range g.slices {
			g.touch(EndpointSlices, p.namespace, p.name)
		}
		clear(g.slices)
	}
	for _, s := range d.Removed {
		if s.Service == "" {
			continue
		}
		if g.slices[at(s)] = slices.DeleteFunc(g.slices[at(s)], func(o *object.EndpointSlice) bool { return o == s }); len(g.slices[at(s)]) == 0 {
			delete(g.slices, at(s))
		}
		g.touch(EndpointSlices, s.Namespace, s.Service)
	}
	for _, s := range d.Added {
		if s.Service != "" {
			g.slices[at(s)] = append(g.slices[at(s)], s)
			g.touch(EndpointSlices, s.Namespace, s.Service)
		}
	}
}

// Pods takes over a change of the pods.
func (g *Graph) Pods(d store.Delta[*object.Pod]) {
	type changed struct {
		namespace string
		living    int // before
	}
	kins := map[*kin]changed{}
	change(g, Pods, g.pods, d, func(p *object.Pod, there bool) {
		f := g.families[p.Namespace]
		if f == nil {
			f = newFamily()
			g.families[p.Namespace] = f
		}
		k := f.of(p.Labels)
		if _, ok := kins[k]; !ok {
			kins[k] = changed{p.Namespace, k.living}
		}
		if there {
			k.put(p)
		} else {
			k.drop(p)
		}
		for s := range g.selecting(p.Namespace, p.Labels) {
			g.touch(backing, p.Namespace, s.Name)
		}
	})
	for k, was := range kins {
		if k.living != was.living {
			g.stir(was.namespace, k)
		}
		if len(k.pods) > 0 {
			continue
		}
		f := g.families[was.namespace]
		if f.forget(k); len(f.kin) == 0 {
			delete(g.families, was.namespace)
		}
	}
}

// Workloads takes over a change of the Deployments, StatefulSets or DaemonSets.
func (g *Graph) Workloads(r Resource, d store.Delta[*object.Workload]) {
	change(g, r, g.workloads[r], d, func(w *object.Workload, _ bool) {
		for s := range g.selecting(w.Namespace, w.PodLabels) {
			g.touch(backing, w.Namespace, s.Name)
		}
	})
}

// Ingresses takes over a change of the ingresses.
func (g *Graph) Ingresses(d store.Delta[*object.Ingress]) { change(g, Ingresses, g.ingresses, d, nil) }

// IngressClasses takes over a change of the ingress classes.
func (g *Graph) IngressClasses(d store.Delta[*object.IngressClass]) {
	change(g, IngressClasses, g.classes, d, nil)
}

// Certificates takes over a change of the TLS secrets.
func (g *Graph) Certificates(d store.Delta[*object.Certificate]) {
	change(g, Secrets, g.secrets, d, nil)
}

// Namespaces takes over a change of the namespaces.
func (g *Graph) Namespaces(d store.Delta[*object.Plain]) {
	change(g, Namespaces, g.namespaces, d, nil)
}

// GatewayClasses takes over a change of the gateway classes.
func (g *Graph) GatewayClasses(d store.Delta[*object.GatewayClass]) {
	change(g, GatewayClasses, g.gatewayClasses, d, nil)
}

// Gateways takes over a change of the gateways.
func (g *Graph) Gateways(d store.Delta[*object.Gateway]) { change(g, Gateways, g.gateways, d, nil) }

// GatewayRoutes takes over a change of HTTPRoutes, GRPCRoutes, TLSRoutes or
// TCPRoutes.
func (g *Graph) GatewayRoutes(r Resource, d store.Delta[*object.GatewayRoute]) {
	change(g, r, g.routes[r], d, nil)
}

// ReferenceGrants takes over a change of the reference grants.
func (g *Graph) ReferenceGrants(d store.Delta[*object.ReferenceGrant]) {
	change(g, ReferenceGrants, g.grants, d, nil)
}
