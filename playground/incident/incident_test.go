package incident

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"

	"quarterdeck/playground/shop"
)

func TestNamesAndDescriptions(t *testing.T) {
	seen := map[string]bool{}
	for _, i := range All() {
		if seen[i.Name] {
			t.Errorf("%s is there twice", i.Name)
		}
		seen[i.Name] = true
		if i.Name != strings.ToLower(i.Name) || strings.ContainsAny(i.Name, " _") {
			t.Errorf("odd name %q", i.Name)
		}
		if len(i.Description) < 40 || !strings.HasSuffix(i.Description, ".") {
			t.Errorf("%s: description %q", i.Name, i.Description)
		}
		if len(i.changes)+len(i.extras) == 0 {
			t.Errorf("%s does nothing", i.Name)
		}
	}
}

func TestUnknownNameListsAll(t *testing.T) {
	_, err := find("fire")
	if err == nil {
		t.Fatal("there is an incident called fire")
	}
	for _, i := range All() {
		if !strings.Contains(err.Error(), i.Name) {
			t.Errorf("%q does not name %s", err, i.Name)
		}
	}
}

// soundNode is a node as its kubelet leaves it.
func soundNode(name string) map[string]any {
	return fields{
		"apiVersion": "v1", "kind": "Node",
		"metadata": fields{"name": name, "labels": fields{"pool": "std"}},
		"status": fields{
			"allocatable": fields{"pods": "110"},
			"nodeInfo":    fields{"kubeletVersion": "v1.36.3"},
			"conditions": list{
				condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
				condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
				condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
				condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
				condition("NetworkUnavailable", "False", "RouteCreated", "RouteController created a route"),
			},
		},
	}
}

// completed adds what the server and controllers fill in.
func completed(t *testing.T, k kind, object map[string]any) {
	t.Helper()
	var err error
	switch k {
	case deployment:
		err = unstructured.SetNestedField(object, int64(600), "spec", "progressDeadlineSeconds")
	case cronJob:
		err = unstructured.SetNestedField(object, false, "spec", "suspend")
	case database:
		err = unstructured.SetNestedSlice(object, list{condition("Ready", "True", "AllReplicasUp", "all replicas accept connections")}, "status", "conditions")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// normal returns the JSON of an object after the server's types.
func normal(t *testing.T, object map[string]any) string {
	t.Helper()
	u := unstructured.Unstructured{Object: object}
	data, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	if !scheme.Scheme.Recognizes(u.GroupVersionKind()) {
		return string(data)
	}
	typed, err := scheme.Scheme.New(u.GroupVersionKind())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, typed); err != nil {
		t.Fatal(err)
	}
	if data, err = json.Marshal(typed); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func patched(t *testing.T, object, patch map[string]any) map[string]any {
	t.Helper()
	data, err := json.Marshal(patch)
	if err != nil {
		t.Fatal(err)
	}
	var plain map[string]any
	if err := json.Unmarshal(data, &plain); err != nil {
		t.Fatal(err)
	}
	u := unstructured.Unstructured{Object: object}
	if kindOf(&u).patchType() == types.MergePatchType {
		return merged(u.DeepCopy().Object, plain)
	}
	typed, err := scheme.Scheme.New(u.GroupVersionKind())
	if err != nil {
		t.Fatal(err)
	}
	result, err := strategicpatch.StrategicMergeMapPatch(u.DeepCopy().Object, plain, typed)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// merged is a merge patch's result, of patches that delete nothing.
func merged(object, patch map[string]any) map[string]any {
	for key, value := range patch {
		inner, ok := value.(map[string]any)
		if have, is := object[key].(map[string]any); ok && is {
			value = merged(have, inner)
		}
		object[key] = value
	}
	return object
}

// Clear takes back exactly what Add did, and both can be repeated.
func TestClearTakesBackWhatAddDid(t *testing.T) {
	objects, err := shop.Objects()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range All() {
		for _, c := range i.changes {
			t.Run(fmt.Sprintf("%s/%s", i.Name, c.object), func(t *testing.T) {
				object := soundNode(c.name)
				if c.kind != node {
					k := slices.IndexFunc(objects, func(u *unstructured.Unstructured) bool { return objectOf(u) == c.object })
					if k < 0 {
						t.Fatalf("the shop has no %s", c.object)
					}
					object = objects[k].DeepCopy().Object
				}
				completed(t, c.kind, object)
				before := normal(t, object)
				broken := patched(t, object, c.do)
				if normal(t, broken) == before {
					t.Error("it changes nothing")
				}
				if normal(t, patched(t, broken, c.do)) != normal(t, broken) {
					t.Error("doing it twice is not doing it once")
				}
				mended := patched(t, broken, c.undo)
				if got := normal(t, mended); got != before {
					t.Errorf("after all it is\n%s\nwant\n%s", got, before)
				}
				if normal(t, patched(t, mended, c.undo)) != before {
					t.Error("undoing it twice is not undoing it once")
				}
			})
		}
	}
}

// Incidents can be combined: no two of them change the same field.
func TestIncidentsDoNotMeet(t *testing.T) {
	owner := map[string]string{}
	for _, i := range All() {
		for _, c := range i.changes {
			for _, path := range leaves(c.object.String(), c.do) {
				if other := owner[path]; other != "" && other != i.Name {
					t.Errorf("%s and %s both change %s", i.Name, other, path)
				}
				owner[path] = i.Name
			}
		}
	}
}

// leaves lists the paths of a patch's values.
func leaves(prefix string, value any) []string {
	var paths []string
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if key == "name" {
				continue // it says which container is meant
			}
			paths = append(paths, leaves(prefix+"."+key, inner)...)
		}
	case []any:
		for _, inner := range v {
			name := ""
			if m, ok := inner.(map[string]any); ok && m["type"] != nil {
				name = fmt.Sprint(m["type"])
			}
			paths = append(paths, leaves(prefix+"["+name+"]", inner)...)
		}
	default:
		return []string{prefix}
	}
	return paths
}

func TestExtrasAreNew(t *testing.T) {
	objects, err := shop.Objects()
	if err != nil {
		t.Fatal(err)
	}
	owner := map[object]string{}
	for _, u := range objects {
		owner[objectOf(u)] = "the shop"
	}
	for _, i := range All() {
		for _, e := range i.extras {
			manifest, err := e.manifest()
			if err != nil {
				t.Fatalf("%s: %v", i.Name, err)
			}
			o := objectOf(manifest)
			if other := owner[o]; other != "" {
				t.Errorf("%s: %s belongs to %s", i.Name, o, other)
			}
			owner[o] = i.Name
			if o.name == "" || o.kind.resource().Resource == "" {
				t.Errorf("%s: %s has no name or no kind", i.Name, o)
			}
			if e.leaving && o.kind != "v1/Namespace" && len(manifest.GetFinalizers()) == 0 {
				t.Errorf("%s: nothing holds %s", i.Name, o)
			}
			strict(t, i.Name, manifest)
		}
	}
}

// strict checks that a manifest has no field that its kind does not have.
func strict(t *testing.T, name string, manifest *unstructured.Unstructured) {
	t.Helper()
	if !scheme.Scheme.Recognizes(manifest.GroupVersionKind()) {
		return
	}
	typed, err := scheme.Scheme.New(manifest.GroupVersionKind())
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(manifest.Object)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(typed); err != nil {
		t.Errorf("%s: %s: %v", name, objectOf(manifest), err)
	}
}

// What is reported changed when it is reported.
func TestStamped(t *testing.T) {
	patch := fields{"status": fields{"conditions": list{condition("Ready", "False", "Down", "it is down")}}}
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	conditions, _, err := unstructured.NestedSlice(stamped(patch, at), "status", "conditions")
	if err != nil || conditions[0].(map[string]any)["lastTransitionTime"] != "2026-11-22T08:00:00Z" {
		t.Errorf("%v, %v", conditions, err)
	}
	if _, found := patch["status"].(map[string]any)["conditions"].([]any)[0].(map[string]any)["lastTransitionTime"]; found {
		t.Error("the patch itself was stamped")
	}
}
