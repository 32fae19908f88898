package triage

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Resource names what triage reads, as the API does.
type Resource string

// The resources.
const (
	Pods           Resource = "pods"
	Nodes          Resource = "nodes"
	Deployments    Resource = "deployments"
	ReplicaSets    Resource = "replicasets"
	StatefulSets   Resource = "statefulsets"
	DaemonSets     Resource = "daemonsets"
	Jobs           Resource = "jobs"
	CronJobs       Resource = "cronjobs"
	Services       Resource = "services"
	EndpointSlices Resource = "endpointslices"
	Claims         Resource = "persistentvolumeclaims"
	Volumes        Resource = "persistentvolumes"
	StorageClasses Resource = "storageclasses"
	Quotas         Resource = "resourcequotas"
	Autoscalers    Resource = "horizontalpodautoscalers"
	Budgets        Resource = "poddisruptionbudgets"
	Namespaces     Resource = "namespaces"
	Events         Resource = "events" // warnings only

	Ingresses          Resource = "ingresses"
	IngressClasses     Resource = "ingressclasses"
	NetworkPolicies    Resource = "networkpolicies"
	Secrets            Resource = "secrets" // certificates in those of type TLS only
	APIServices        Resource = "apiservices"
	ValidatingWebhooks Resource = "validatingwebhookconfigurations"
	MutatingWebhooks   Resource = "mutatingwebhookconfigurations"
	Definitions        Resource = "customresourcedefinitions"
	CustomResources    Resource = "customresources" // of all kinds: those that are not as they should be
	SigningRequests    Resource = "certificatesigningrequests"
	Leases             Resource = "leases" // of the control plane
)

// source declares how one resource is read.
type source struct {
	resource   Resource
	gvr        schema.GroupVersionResource
	kind       string
	namespaced bool
	open       func(*Feed, store.Scope) store.Source[Resource]
	empty      func() index
}

// follow declares a source; scope narrows what is read, if it is not nil.
func follow[T store.Object](kind store.Kind[T], scope func(store.Scope) store.Scope) source {
	resource := Resource(kind.GVR.Resource)
	return source{
		resource: resource, gvr: kind.GVR, kind: kind.Kind, namespaced: kind.Namespaced,
		empty: func() index { return newTable[T]() },
		open: func(f *Feed, s store.Scope) store.Source[Resource] {
			if scope != nil {
				s = scope(s)
			}
			return store.SourceOf(resource, f.hub, kind, s, func(d store.Delta[T]) { Change(f.Engine, resource, d) })
		},
	}
}

// sources returns everything that triage reads, what most rules need first.
func sources() []source {
	warnings := func(s store.Scope) store.Scope { s.Fields = "type=Warning"; return s }
	certificates := func(s store.Scope) store.Scope { s.Fields = object.TLSSecrets; return s }
	system := func(s store.Scope) store.Scope { s.Namespace = metav1.NamespaceSystem; return s }
	return []source{
		follow(object.Pods(), nil),
		follow(object.Nodes(), nil),
		follow(object.Deployments(), nil),
		follow(object.ReplicaSets(), nil),
		follow(object.StatefulSets(), nil),
		follow(object.DaemonSets(), nil),
		follow(object.Jobs(), nil),
		follow(object.CronJobs(), nil),
		follow(object.Services(), nil),
		follow(object.EndpointSlices(), nil),
		follow(object.Claims(), nil),
		follow(object.Volumes(), nil),
		follow(object.StorageClasses(), nil),
		follow(object.Quotas(), nil),
		follow(object.Autoscalers(), nil),
		follow(object.Budgets(), nil),
		follow(object.Namespaces(), nil),
		follow(object.Events(), warnings),
		follow(object.Ingresses(), nil),
		follow(object.IngressClasses(), nil),
		follow(object.NetworkPolicies(), nil),
		follow(object.Certificates(), certificates),
		follow(object.APIServices(), nil),
		follow(object.ValidatingWebhooks(), nil),
		follow(object.MutatingWebhooks(), nil),
		follow(object.Definitions(), nil),
		customs(),
		follow(object.SigningRequests(), nil),
		follow(object.Leases(), system),
	}
}

// ref names an object of a source.
func (s source) ref(m *store.Meta) kube.Ref {
	return kube.Ref{GVR: s.gvr, Kind: s.kind, Namespace: m.Namespace, Name: m.Name, UID: m.UID}
}

// Reads returns the resources that triage reads.
func Reads() []Resource {
	var all []Resource
	for _, s := range sources() {
		all = append(all, s.resource)
	}
	return all
}
