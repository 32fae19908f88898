package incident

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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

// normal returns the JSON of an object after the server's types.
func normal(t *testing.T, object map[string]any) string {
	t.Helper()
	u := unstructured.Unstructured{Object: object}
	typed, err := scheme.Scheme.New(u.GroupVersionKind())
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(object)
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

// Clear takes back exactly what Add did, and both can be repeated.
func TestClearTakesBackWhatAddDid(t *testing.T) {
	objects, err := shop.Objects()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range All() {
		for _, c := range i.changes {
			t.Run(fmt.Sprintf("%s/%s", i.Name, c.object), func(t *testing.T) {
				_, kindName := c.kind.manifest()
				object := map[string]any{"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{"name": c.name, "labels": map[string]any{"pool": "std"}}}
				if c.kind != node {
					k := slices.IndexFunc(objects, func(u *unstructured.Unstructured) bool {
						return u.GetKind() == kindName && u.GetNamespace() == c.namespace && u.GetName() == c.name
					})
					if k < 0 {
						t.Fatalf("the shop has no %s", c.object)
					}
					object = objects[k].DeepCopy().Object
					// What the server fills in.
					if c.kind == deployment {
						if err := unstructured.SetNestedField(object, int64(600), "spec", "progressDeadlineSeconds"); err != nil {
							t.Fatal(err)
						}
					}
				}
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
			paths = append(paths, leaves(prefix+"[]", inner)...)
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
	for _, i := range All() {
		for _, extra := range i.extras {
			manifest := extra.manifest()
			normal(t, manifest.Object) // it decodes
			for _, u := range objects {
				if u.GetKind() == manifest.GetKind() && u.GetNamespace() == extra.namespace && u.GetName() == extra.name {
					t.Errorf("%s: %s belongs to the shop", i.Name, extra)
				}
			}
		}
	}
}
