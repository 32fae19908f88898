// Package shop is the example application of a playground: a web shop with its
// databases, batch work and monitoring on twelve nodes, in a state that nobody
// needs to worry about. What it consists of is in manifests/; this package
// puts it into a cluster so that it has a past: several revisions of its
// workloads by different managers, with change causes.
package shop

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"path"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	sigsyaml "sigs.k8s.io/yaml"
)

//go:embed manifests/*.yaml
var manifests embed.FS

// source is a file of objects and the manager that applies them.
type source struct{ file, manager string }

// sources are listed in the order in which they are applied.
func sources() []source {
	return []source{
		{"cluster.yaml", "kubectl-client-side-apply"},
		{"kube-system.yaml", "kubeadm"},
		{"web.yaml", "argocd-controller"},
		{"payments.yaml", "argocd-controller"},
		{"batch.yaml", "kubectl-client-side-apply"},
		{"data.yaml", "helm"},
		{"monitoring.yaml", "helm"},
	}
}

// item is an object of the shop and its manager.
type item struct {
	object  *unstructured.Unstructured
	manager string
}

// items returns the objects of all manifests, as they are first applied.
func items() ([]item, error) {
	var all []item
	for _, src := range sources() {
		objects, err := decode(src.file)
		if err != nil {
			return nil, err
		}
		for _, object := range objects {
			all = append(all, item{object: object, manager: src.manager})
		}
	}
	return all, nil
}

func decode(file string) ([]*unstructured.Unstructured, error) {
	data, err := manifests.ReadFile(path.Join("manifests", file))
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decode object %d of %s: %w", len(objects)+1, file, err)
		}
		objects = append(objects, object)
	}
}

// target names a workload.
type target struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

func (t target) String() string { return t.Kind + " " + t.Namespace + "/" + t.Name }

// past is what was done to a workload after it was first applied.
type past struct {
	Target target `json:"target"`
	Steps  []step `json:"steps"`
}

// step is one change: a strategic merge patch.
type step struct {
	Manager string         `json:"manager"`
	Cause   string         `json:"cause"`
	Patch   map[string]any `json:"patch"`
}

// history returns what was done to the workloads.
func history() ([]past, error) {
	data, err := manifests.ReadFile("manifests/history.yaml")
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	var all []past
	if err := sigsyaml.UnmarshalStrict(data, &all); err != nil {
		return nil, fmt.Errorf("decode history: %w", err)
	}
	return all, nil
}

// patch is the step's patch with its cause.
func (s step) patch() map[string]any {
	patch := map[string]any{"metadata": map[string]any{"annotations": map[string]any{"kubernetes.io/change-cause": s.Cause}}}
	for key, value := range s.Patch {
		patch[key] = value
	}
	return patch
}

// Objects returns the shop's objects as they are once their history has been
// replayed.
func Objects() ([]*unstructured.Unstructured, error) {
	all, err := items()
	if err != nil {
		return nil, err
	}
	pasts, err := history()
	if err != nil {
		return nil, err
	}
	objects := make([]*unstructured.Unstructured, 0, len(all))
	byTarget := map[target]*unstructured.Unstructured{}
	for _, it := range all {
		objects = append(objects, it.object)
		byTarget[target{it.object.GetKind(), it.object.GetNamespace(), it.object.GetName()}] = it.object
	}
	for _, p := range pasts {
		object, ok := byTarget[p.Target]
		if !ok {
			return nil, fmt.Errorf("the history names %s, which no manifest has", p.Target)
		}
		for _, s := range p.Steps {
			typed, err := scheme.Scheme.New(object.GroupVersionKind())
			if err != nil {
				return nil, fmt.Errorf("replay the history of %s: %w", p.Target, err)
			}
			object.Object, err = strategicpatch.StrategicMergeMapPatch(object.Object, s.patch(), typed)
			if err != nil {
				return nil, fmt.Errorf("replay the history of %s: %w", p.Target, err)
			}
		}
	}
	return objects, nil
}
