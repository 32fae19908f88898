package network_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/network"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// large is a cluster of 5,000 services with 50,000 pods and 200 ingresses, as the
// stores have it. One service in a hundred selects nothing, one has no pod that
// is ready.
type large struct {
	services   []*object.Service
	slices     []*object.EndpointSlice
	pods       []*object.Pod
	workloads  []*object.Workload
	ingresses  []*object.Ingress
	secrets    []*object.Certificate
	classes    []*object.IngressClass
	namespaces []*object.Plain
}

const (
	manyServices  = 5_000
	podsOfEach    = 10
	manyIngresses = 200
)

// newLarge spreads the cluster over a number of namespaces. Every tenth service
// is of a StatefulSet, whose pods have a label each of their own.
func newLarge(namespaces int) *large {
	l := &large{}
	head := func(namespace, name string, labels map[string]string) store.Meta {
		return store.Meta{UID: types.UID(namespace + "/" + name), Namespace: namespace, Name: name, Created: now.Unix() - 3600, Labels: store.NewLabels(labels)}
	}
	l.classes = append(l.classes, &object.IngressClass{Meta: head("", "nginx", nil), Controller: "example.com/nginx"})
	for i := range namespaces {
		l.namespaces = append(l.namespaces, &object.Plain{Meta: head("", fmt.Sprintf("ns-%03d", i), nil)})
	}
	for i := range manyServices {
		namespace, app := fmt.Sprintf("ns-%03d", i%namespaces), fmt.Sprintf("app-%04d", i)
		selector, ready := app, i%100 != 1
		s := &object.Service{
			Meta: head(namespace, app, map[string]string{"app": app}), Type: "ClusterIP", ClusterIP: "10.96.0.1",
			Targets: []object.ServicePort{{Name: "http", Port: 80, Target: "http"}},
		}
		slice := &object.EndpointSlice{
			Meta: head(namespace, app+"-x7k2p", nil), Service: app, Family: "IPv4", Ports: ",http,", Targets: []object.EndpointPort{{Name: "http", Number: 8080}},
		}
		shared := store.NewLabels(map[string]string{"app": app, "team": "shop", "pod-template-hash": fmt.Sprint(i)})
		l.workloads = append(l.workloads, &object.Workload{Meta: head(namespace, app, nil), Desired: podsOfEach, Current: podsOfEach, PodLabels: shared})
		for n := range podsOfEach {
			p := &object.Pod{
				Meta: head(namespace, fmt.Sprintf("%s-%d", app, n), nil), Status: "Running", Ready: 1, Total: 1, Node: fmt.Sprintf("node-%04d", (i*podsOfEach+n)%5000), IP: "10.0.0.1",
				Containers: []object.Container{{Name: "app", Ports: "8080 http"}},
			}
			if p.Labels = shared; i%10 == 0 {
				p.Labels = store.NewLabels(map[string]string{"app": app, "team": "shop", "apps.kubernetes.io/pod-index": fmt.Sprint(n)})
			}
			if ready {
				p.ReadySince = now.Unix() - 60
			}
			l.pods = append(l.pods, p)
			slice.Endpoints = append(slice.Endpoints, object.Endpoint{
				Address: "10.0.0.1", Pod: p.UID, Name: p.Name, Zone: fmt.Sprintf("zone-%c", 'a'+n%3), Ready: ready, Serving: ready,
			})
		}
		if i%100 == 0 {
			selector, slice.Endpoints = "ap-"+app, nil
		}
		s.Selector = "app=" + selector
		l.services, l.slices = append(l.services, s), append(l.slices, slice)
	}
	for i := range manyIngresses {
		s := l.services[i*manyServices/manyIngresses+2]
		host := fmt.Sprintf("shop-%03d.example.com", i)
		in := &object.Ingress{Meta: head(s.Namespace, fmt.Sprintf("shop-%03d", i), nil), Class: "nginx", Served: true, Address: "203.0.113.1"}
		in.Backends = []object.IngressBackend{{Path: host + "/", Host: host, Service: s.Name, Port: "http"}}
		in.TLS = []object.IngressTLS{{Secret: in.Name + "-tls", Hosts: []string{host}}}
		l.ingresses = append(l.ingresses, in)
		l.secrets = append(l.secrets, &object.Certificate{
			Meta: head(s.Namespace, in.Name+"-tls", nil), Names: []string{host}, From: now.Unix() - 86400, Until: now.Unix() + 90*86400,
		})
	}
	return l
}

// into passes everything to a graph.
func (l *large) into(g *network.Graph) {
	g.Namespaces(store.Delta[*object.Plain]{Reset: true, Added: l.namespaces})
	g.IngressClasses(store.Delta[*object.IngressClass]{Reset: true, Added: l.classes})
	g.Certificates(store.Delta[*object.Certificate]{Reset: true, Added: l.secrets})
	g.Pods(store.Delta[*object.Pod]{Reset: true, Added: l.pods})
	g.Workloads(network.Deployments, store.Delta[*object.Workload]{Reset: true, Added: l.workloads})
	g.EndpointSlices(store.Delta[*object.EndpointSlice]{Reset: true, Added: l.slices})
	g.Services(store.Delta[*object.Service]{Reset: true, Added: l.services})
	g.Ingresses(store.Delta[*object.Ingress]{Reset: true, Added: l.ingresses})
}

func (l *large) graph() *network.Graph {
	g := network.NewGraph(gatewayAPI())
	for _, r := range everything() {
		g.Read(r, store.Status{Phase: store.Live, Since: now})
	}
	l.into(g)
	return g
}

// inNamespaces runs a benchmark on the cluster spread over many namespaces, and
// all of it in one.
func inNamespaces(b *testing.B, bench func(b *testing.B, l *large)) {
	for _, n := range []int{100, 1} {
		b.Run(fmt.Sprintf("namespaces=%d", n), func(b *testing.B) { bench(b, newLarge(n)) })
	}
}

// The list after everything has been read, with what it takes to keep it.
func BenchmarkList(b *testing.B) {
	inNamespaces(b, func(b *testing.B, l *large) {
		var g *network.Graph
		before := heap()
		for b.Loop() {
			g = l.graph()
			if n := len(g.Routes(now)); n != manyServices+manyIngresses {
				b.Fatal(n)
			}
		}
		b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
		runtime.KeepAlive(g)
		runtime.KeepAlive(l)
	})
}

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// The ways to one object, each of another one.
func BenchmarkTrace(b *testing.B) {
	for what, refs := range map[string]func(*large) []kube.Ref{
		"service": func(l *large) []kube.Ref { return refsOf("services", "Service", l.services) },
		"pod":     func(l *large) []kube.Ref { return refsOf("pods", "Pod", l.pods) },
		"ingress": func(l *large) []kube.Ref { return refsOf("ingresses", "Ingress", l.ingresses) },
	} {
		b.Run(what, func(b *testing.B) {
			inNamespaces(b, func(b *testing.B, l *large) {
				g := l.graph()
				g.Routes(now)
				of := refs(l)
				for i := 0; b.Loop(); i++ {
					if ref := of[i*7919%len(of)]; !g.Has(ref) || g.Traces(ref, now) == nil {
						b.Fatal(ref)
					}
				}
			})
		})
	}
}

// refsOf returns the names of objects.
func refsOf[T store.Object](resource, kind string, list []T) []kube.Ref {
	all := make([]kube.Ref, len(list))
	for i, o := range list {
		all[i] = refTo(kind, resource, o.Head().Name)
		all[i].Namespace = o.Head().Namespace
	}
	return all
}

// One object is another version of itself, and the list is brought up to date.
func BenchmarkChange(b *testing.B) {
	for what, change := range map[string]func(g *network.Graph, l *large, i int){
		"pod": func(g *network.Graph, l *large, i int) {
			changed(l.pods, i, func(p *object.Pod) { p.ReadySince ^= 1 }, g.Pods)
		},
		"pod that leaves": func(g *network.Graph, l *large, i int) {
			changed(l.pods, i, func(p *object.Pod) { p.Deleted ^= now.Unix() }, g.Pods)
		},
		"slice": func(g *network.Graph, l *large, i int) {
			changed(l.slices, i, func(s *object.EndpointSlice) {
				if s.Endpoints = slices.Clone(s.Endpoints); len(s.Endpoints) > 0 {
					s.Endpoints[0].Ready = !s.Endpoints[0].Ready
				}
			}, g.EndpointSlices)
		},
		"service": func(g *network.Graph, l *large, i int) {
			changed(l.services, i, func(s *object.Service) { s.External = fmt.Sprint(i) }, g.Services)
		},
	} {
		b.Run(what, func(b *testing.B) {
			inNamespaces(b, func(b *testing.B, l *large) {
				g := l.graph()
				g.Routes(now)
				for i := 0; b.Loop(); i++ {
					change(g, l, i*7919)
					if n := len(g.Routes(now)); n != manyServices+manyIngresses {
						b.Fatal(n)
					}
				}
			})
		})
	}
}

// changed replaces an object by another version.
func changed[O any, T interface {
	*O
	store.Object
}](list []T, i int, change func(T), into func(store.Delta[T]),
) {
	at := i % len(list)
	old, next := list[at], *list[at]
	change(&next)
	list[at] = &next
	into(store.Delta[T]{Removed: []T{old}, Added: []T{list[at]}})
}
