package incident

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// kind of an object that incidents change or create.
type kind int

const (
	deployment kind = iota
	service
	quota
	claim
	node
)

func (k kind) resource() schema.GroupVersionResource {
	switch k {
	case deployment:
		return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	case service:
		return schema.GroupVersionResource{Version: "v1", Resource: "services"}
	case quota:
		return schema.GroupVersionResource{Version: "v1", Resource: "resourcequotas"}
	case claim:
		return schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}
	default:
		return schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	}
}

// group, version and name as they stand in a manifest.
func (k kind) manifest() (apiVersion, name string) {
	switch k {
	case deployment:
		return "apps/v1", "Deployment"
	case service:
		return "v1", "Service"
	case quota:
		return "v1", "ResourceQuota"
	case claim:
		return "v1", "PersistentVolumeClaim"
	default:
		return "v1", "Node"
	}
}

// object is something in the cluster.
type object struct {
	kind            kind
	namespace, name string
	// spec is set for objects that an incident creates.
	spec map[string]any
}

func (o object) String() string {
	_, name := o.kind.manifest()
	if o.namespace == "" {
		return name + " " + o.name
	}
	return name + " " + o.namespace + "/" + o.name
}

func (o object) manifest() *unstructured.Unstructured {
	apiVersion, name := o.kind.manifest()
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": apiVersion, "kind": name,
		"metadata": map[string]any{"name": o.name, "namespace": o.namespace},
		"spec":     o.spec,
	}}
}
