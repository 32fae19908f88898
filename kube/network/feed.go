package network

import (
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Options say what a Feed reads.
type Options struct {
	Served []metav1.APIResource // what the server has, for the Gateway API
	Err    error                // why not all that it has is known, nil if it is
}

// Feed is a Graph that the stores of a cluster keep up to date. Changed and Statuses
// may be called by anybody; the other methods belong to one goroutine at a time.
type Feed struct {
	*Graph
	*store.Sources[Resource]
}

// Open subscribes to what the ways into a scope are made of. Gateways and what
// lets them in are read in all namespaces: few are beside what they lead to. The
// caller closes the Feed.
func Open(hub *store.Hub, scope store.Scope, o Options) *Feed {
	versions := servedGateway(o.Served)
	f := &Feed{NewGraph(versions), store.NewSources[Resource]()}
	f.Within = scope.Namespace
	if Hides(o.Err) {
		for r := range gatewayKinds() {
			if versions[r] == "" {
				f.Read(r, store.Status{Phase: store.Failed, Err: o.Err})
			}
		}
	}
	certificates, everywhere := scope, scope
	certificates.Fields, everywhere.Namespace = object.TLSSecrets, ""
	follow(f, hub, object.Services(), scope, f.Services)
	follow(f, hub, object.EndpointSlices(), scope, f.EndpointSlices)
	follow(f, hub, object.Ingresses(), scope, f.Ingresses)
	follow(f, hub, object.IngressClasses(), scope, f.IngressClasses)
	follow(f, hub, object.Certificates(), certificates, f.Certificates)
	follow(f, hub, object.Namespaces(), everywhere, f.Namespaces)
	follow(f, hub, object.Pods(), scope, f.Pods)
	for _, k := range []store.Kind[*object.Workload]{object.Deployments(), object.StatefulSets(), object.DaemonSets()} {
		r := Resource(k.GVR.Resource)
		follow(f, hub, k, scope, func(d store.Delta[*object.Workload]) { f.Workloads(r, d) })
	}
	for r, version := range versions {
		switch r {
		case GatewayClasses:
			follow(f, hub, object.GatewayClasses(version), everywhere, f.GatewayClasses)
		case Gateways:
			follow(f, hub, object.Gateways(version), everywhere, f.Gateways)
		case ReferenceGrants:
			follow(f, hub, object.ReferenceGrants(version), everywhere, f.ReferenceGrants)
		default:
			k := object.GatewayRoutes(string(r), gatewayKinds()[r], version)
			follow(f, hub, k, scope, func(d store.Delta[*object.GatewayRoute]) { f.GatewayRoutes(r, d) })
		}
	}
	return f
}

// Hides reports whether an error of discovery may hide the Gateway API: one about
// other groups does not.
func Hides(err error) bool {
	var some *discovery.ErrGroupDiscoveryFailed
	if !errors.As(err, &some) {
		return err != nil
	}
	for gv := range some.Groups {
		if gv.Group == object.GatewayAPI("", "").Group {
			return true
		}
	}
	return false
}

// follow adds the objects of a kind to a Feed.
func follow[T store.Object](f *Feed, hub *store.Hub, kind store.Kind[T], scope store.Scope, into func(store.Delta[T])) {
	f.Add(store.SourceOf(Resource(kind.GVR.Resource), hub, kind, scope, into))
}

// Take brings the Graph up to date.
func (f *Feed) Take() { f.Sources.Take(f.Read) }
