package kube

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Ref names one object of a cluster. The UID tells the object from a later one
// of the same name; it is empty where only the name is known.
type Ref struct {
	GVR       schema.GroupVersionResource
	Kind      string
	Namespace string
	Name      string
	UID       types.UID
}

// String returns the object's short kind and name: deploy/checkout.
func (r Ref) String() string { return ShortKind(r.GVR.GroupResource(), r.Kind) + "/" + r.Name }

// Where names the object and its namespace in a sentence.
func (r Ref) Where() string {
	if r.Namespace == "" {
		return r.String()
	}
	return r.String() + " in " + r.Namespace
}

// GVK returns the object's group, version and kind.
func (r Ref) GVK() schema.GroupVersionKind { return r.GVR.GroupVersion().WithKind(r.Kind) }

// Local returns the resource of what is not kept by the API server but by the
// program itself.
func Local(name string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "quarterdeck.local", Version: "v1", Resource: name}
}

// ShortKind returns the word for a kind that stands before a name in a sentence:
// the short name where everybody uses it, else the singular in lower case.
func ShortKind(gr schema.GroupResource, kind string) string {
	switch gr.String() {
	case "deployments.apps":
		return "deploy"
	case "statefulsets.apps":
		return "sts"
	case "daemonsets.apps":
		return "ds"
	case "replicasets.apps":
		return "rs"
	case "cronjobs.batch":
		return "cronjob"
	case "services":
		return "svc"
	case "configmaps":
		return "cm"
	case "namespaces":
		return "ns"
	case "persistentvolumeclaims":
		return "pvc"
	case "persistentvolumes":
		return "pv"
	case "horizontalpodautoscalers.autoscaling":
		return "hpa"
	case "poddisruptionbudgets.policy":
		return "pdb"
	case "customresourcedefinitions.apiextensions.k8s.io":
		return "crd"
	}
	if kind != "" {
		return strings.ToLower(kind)
	}
	return gr.Resource
}
