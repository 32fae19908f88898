package detail

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
)

// kind is a kind whose objects may be owned by others.
type kind struct {
	gvr  schema.GroupVersionResource
	name string
}

// The kinds that Kubernetes' controllers make, owners before what they own.
func workloads() []kind {
	return []kind{
		{schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"}, "CronJob"},
		{schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}, "Job"},
		{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, "Deployment"},
		{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}, "StatefulSet"},
		{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}, "DaemonSet"},
		{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}, "ReplicaSet"},
		{schema.GroupVersionResource{Version: "v1", Resource: "pods"}, "Pod"},
	}
}

// childKinds returns the kinds that objects of gk may own directly or through
// others, owners before what they own. A kind that is not Kubernetes' own may
// own any workload.
func childKinds(gk schema.GroupKind) []kind {
	var names []string
	switch gk.String() {
	case "Deployment.apps":
		names = []string{"ReplicaSet", "Pod"}
	case "CronJob.batch":
		names = []string{"Job", "Pod"}
	case "ReplicaSet.apps", "StatefulSet.apps", "DaemonSet.apps", "Job.batch", "ReplicationController":
		names = []string{"Pod"}
	default:
		if builtIn(gk.Group) {
			return nil
		}
		return workloads()
	}
	return slices.DeleteFunc(workloads(), func(k kind) bool { return !slices.Contains(names, k.name) })
}

// builtIn reports whether a group is the API server's own. Groups of projects
// around Kubernetes may end in k8s.io too, as gateway.networking.k8s.io.
func builtIn(group string) bool {
	switch group {
	case "", "apps", "batch", "autoscaling", "policy", "extensions", "rbac.authorization.k8s.io", "flowcontrol.apiserver.k8s.io":
		return true
	}
	return strings.HasSuffix(group, ".k8s.io") && strings.Count(group, ".") == 2
}

// family is an object and what it owns.
type family struct {
	known   map[types.UID]bool
	names   map[member]bool // by kind and name
	deleted bool            // the object is
	unsure  bool            // children may be missing from known
	partial []error         // what could not be read
}

type member struct{ kind, name string }

func newFamily(ref kube.Ref, uid types.UID) *family {
	f := &family{known: make(map[types.UID]bool), names: make(map[member]bool)}
	f.add(ref.Kind, ref.Name, uid)
	return f
}

func (f *family) add(kind, name string, uid types.UID) {
	if uid != "" {
		f.known[uid] = true
	}
	f.names[member{kind, name}] = true
}

// gone reports whether an object that is not known has the name of a pod or job
// that one of the family would have made: its events outlive it.
func (f *family) gone(kind, name string) bool {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return false
	}
	owner, suffix := name[:i], name[i+1:]
	number := strings.Trim(suffix, "0123456789") == ""
	switch kind {
	case "Pod":
		const random = 5 // letters at the end of generated names
		return number && f.names[member{"StatefulSet", owner}] ||
			len(suffix) == random && (f.names[member{"ReplicaSet", owner}] || f.names[member{"DaemonSet", owner}] ||
				f.names[member{"Job", owner}] || f.names[member{"ReplicationController", owner}] || f.gone("Job", owner) || f.gone("ReplicaSet", owner))
	case "Job":
		return number && f.names[member{"CronJob", owner}]
	case "ReplicaSet":
		const longest = 10 // letters of a template's hash
		return len(suffix) <= longest && strings.Trim(suffix, "bcdfghjklmnpqrstvwxz2456789") == "" && f.names[member{"Deployment", owner}]
	}
	return false
}

// maxChildren bounds how many objects of one kind are looked at for an owner.
const maxChildren = 10_000

// findChildren adds what the object owns, found by owner references.
func (r *Reader) findChildren(ctx context.Context, ref kube.Ref, obj *unstructured.Unstructured, f *family) {
	selector := podSelector(obj)
	for _, k := range childKinds(ref.GVK().GroupKind()) {
		opts := metav1.ListOptions{Limit: page, LabelSelector: selector}
		for seen := 0; ; {
			list, err := r.api.metadata(ctx, k.gvr, ref.Namespace, opts)
			if err != nil {
				f.unsure = true
				f.partial = append(f.partial, fmt.Errorf("list %s in %s: %w", k.gvr.Resource, ref.Namespace, err))
				break
			}
			for i := range list.Items {
				child := &list.Items[i]
				if slices.ContainsFunc(child.OwnerReferences, func(o metav1.OwnerReference) bool { return f.known[o.UID] }) {
					f.add(k.name, child.Name, child.UID)
				}
			}
			seen += len(list.Items)
			opts.Continue = list.Continue
			if opts.Continue == "" {
				break
			}
			if seen >= maxChildren {
				f.unsure = true
				f.partial = append(f.partial, fmt.Errorf("list %s in %s: only the first %d were looked at", k.gvr.Resource, ref.Namespace, seen))
				break
			}
		}
	}
}

// podSelector returns the selector by which a workload finds its pods, and its
// ReplicaSets too, so that not all of the namespace has to be listed; "" if the
// kind has none or one of another meaning.
func podSelector(obj *unstructured.Unstructured) string {
	if obj == nil || !builtIn(obj.GroupVersionKind().Group) {
		return ""
	}
	raw, found, err := unstructured.NestedMap(obj.Object, "spec", "selector")
	if !found || err != nil {
		return ""
	}
	if obj.GetKind() == "ReplicationController" {
		raw = map[string]any{"matchLabels": raw}
	}
	var sel metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &sel); err != nil {
		return ""
	}
	s, err := metav1.LabelSelectorAsSelector(&sel)
	if err != nil || s.Empty() {
		return ""
	}
	return s.String()
}
