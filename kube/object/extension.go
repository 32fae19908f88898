package object

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/store"
)

// Definitions declares how custom resource definitions are read.
func Definitions() store.Kind[*Definition] {
	gvr := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	return store.Custom(gvr, "CustomResourceDefinition", false, newDefinition)
}

// Definition is a compact custom resource definition.
type Definition struct {
	store.Meta
	Of          schema.GroupVersionResource // the version that is served and newest to its author
	Kind        string
	Namespaced  bool
	Established bool
	Trouble     *Condition // why it is not established or its names are not accepted, nil if they are
	Deprecated  string     // a version in which objects are stored, and that its author has deprecated
}

// definitionFields are the fields that are looked at: no schemas.
type definitionFields struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Group string `json:"group"`
		Scope string `json:"scope"`
		Names struct {
			Plural string `json:"plural"`
			Kind   string `json:"kind"`
		} `json:"names"`
		Versions []struct {
			Name       string `json:"name"`
			Served     bool   `json:"served"`
			Storage    bool   `json:"storage"`
			Deprecated bool   `json:"deprecated"`
		} `json:"versions"`
	} `json:"spec"`
	Status struct {
		Conditions []conditionFields `json:"conditions"`
	} `json:"status"`
}

func newDefinition(d *definitionFields, in *store.Interner) *Definition {
	out := &Definition{Meta: in.Meta(&d.ObjectMeta), Kind: in.String(d.Spec.Names.Kind), Namespaced: d.Spec.Scope == "Namespaced"}
	out.Of = schema.GroupVersionResource{Group: in.String(d.Spec.Group), Resource: in.String(d.Spec.Names.Plural)}
	for _, v := range d.Spec.Versions {
		if v.Served && (out.Of.Version == "" || v.Storage) {
			out.Of.Version = in.String(v.Name)
		}
		if v.Storage && v.Deprecated {
			out.Deprecated = in.String(v.Name)
		}
	}
	for i := range d.Status.Conditions {
		c := &d.Status.Conditions[i]
		switch {
		case c.Type == "Established" && c.Status == "True":
			out.Established = true
		case c.Type == "NamesAccepted" && c.Status == "False", c.Type == "Established" && out.Trouble == nil && c.Status == "False":
			out.Trouble = c.compact(in.String)
		}
	}
	return out
}

// APIServices declares how the registrations of APIs are read.
func APIServices() store.Kind[*APIService] {
	gvr := schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
	return store.Custom(gvr, "APIService", false, newAPIService)
}

// APIService is a compact registration of an API.
type APIService struct {
	store.Meta
	Service          string // that serves it, "" if the API server does itself
	ServiceNamespace string
	Trouble          *Condition // why it is not available, nil if it is
}

type apiServiceFields struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Service *struct {
			Namespace string `json:"namespace"`
			Name      string `json:"name"`
		} `json:"service"`
	} `json:"spec"`
	Status struct {
		Conditions []conditionFields `json:"conditions"`
	} `json:"status"`
}

func newAPIService(a *apiServiceFields, in *store.Interner) *APIService {
	out := &APIService{Meta: in.Meta(&a.ObjectMeta)}
	if s := a.Spec.Service; s != nil {
		out.ServiceNamespace, out.Service = in.String(s.Namespace), in.String(s.Name)
	}
	for i := range a.Status.Conditions {
		if c := &a.Status.Conditions[i]; c.Type == "Available" && c.Status == "False" {
			out.Trouble = c.compact(in.String)
		}
	}
	return out
}

// Leases declares how leases are read.
func Leases() store.Kind[*Lease] {
	return store.Typed(coordinationv1.SchemeGroupVersion.WithResource("leases"), "Lease", true,
		func(l *coordinationv1.Lease, in *store.Interner) *Lease {
			out := &Lease{Meta: in.Meta(&l.ObjectMeta)}
			if l.Spec.HolderIdentity != nil {
				out.Holder = in.String(*l.Spec.HolderIdentity)
			}
			if l.Spec.LeaseDurationSeconds != nil {
				out.Lasts = *l.Spec.LeaseDurationSeconds
			}
			if l.Spec.RenewTime != nil {
				out.Renewed = l.Spec.RenewTime.Unix()
			}
			return out
		}, noAnnotations)
}

// Lease is a compact lease: who leads, or is there.
type Lease struct {
	store.Meta
	Holder  string
	Lasts   int32 // seconds
	Renewed int64 // seconds since 1970 by the holder's clock, 0 if never
}
