package apply

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// FuzzDiff makes an object and an edited one, and shows that the patch of their
// difference makes the one of the other, whatever the shape that is known.
func FuzzDiff(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(seed, seed*seed)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) {
		rnd := rand.New(rand.NewPCG(a, b))
		before := anyMap(rnd, 3)
		after := runtime.DeepCopyJSON(before)
		for range rnd.IntN(4) {
			disturb(rnd, after)
		}
		live := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"uid": "u", "resourceVersion": "1"}}}
		live.Object["spec"] = before
		fields := map[string]any{"f:metadata": map[string]any{"f:name": map[string]any{}}, "f:spec": anyFields(rnd, before)}
		raw, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		live.SetManagedFields([]metav1.ManagedFieldsEntry{{FieldsV1: metav1.NewFieldsV1(string(raw))}})
		edited := live.DeepCopy()
		edited.Object["spec"] = after

		edits := diff(live.Object, edited.Object, shapeOf(live), nil)
		if (len(edits) == 0) != (len(compare(live.Object, edited.Object, shapeOf(live), nil, "")) == 0) {
			t.Errorf("%v is not shown", edits)
		}
		patch, err := jsonPatch(live, edits)
		if err != nil {
			t.Fatal(err)
		}
		was, err := json.Marshal(live.Object)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := jsonpatch.DecodePatch(patch)
		if err != nil {
			t.Fatal(err)
		}
		is, err := steps.Apply(was)
		if err != nil {
			t.Fatalf("%s of %s: %v", patch, was, err)
		}
		var got map[string]any
		if err := utiljson.Unmarshal(is, &got); err != nil {
			t.Fatal(err)
		}
		if !same(got, edited.Object) {
			t.Errorf("%s by %s is %s, not %v", was, patch, is, after)
		}
		if config, ok := declare(live, edits); ok {
			if got := merge(live.Object, config, shapeOf(live)); !same(got, edited.Object) {
				t.Errorf("%s with %v applied is %v, not %v", was, config, got, after)
			}
		}
		for _, e := range edits {
			put(live.Object, e.Path, e.After)
		}
		if !same(live.Object, edited.Object) {
			t.Errorf("%v put in place is %v, not %v", edits, live.Object, edited.Object)
		}
		if len(diff(live.Object, edited.Object, shapeOf(live), nil)) > 0 {
			t.Error("what is the same differs")
		}
	})
}

// merge returns what an apply of config by a new manager makes of live, if what
// is not known to be merged is replaced.
func merge(live, config any, s *shape) any {
	switch c := config.(type) {
	case map[string]any:
		l, ok := live.(map[string]any)
		if !ok || len(l) > 0 && !s.granular() {
			return config
		}
		out := maps.Clone(l)
		for k, v := range c {
			if v == "" && l[k] == nil { // apiVersion and kind, which these objects lack
				continue
			}
			out[k] = merge(l[k], v, s.part(k))
		}
		return out
	case []any:
		l, ok := live.([]any)
		if !ok || s.element() == nil {
			return config
		}
		out := slices.Clone(l)
		for _, e := range c {
			if i := s.find(l, e); i >= 0 {
				out[i] = merge(l[i], e, s.element())
			} else {
				out = append(out, e)
			}
		}
		return out
	}
	return config
}

func anyMap(r *rand.Rand, depth int) map[string]any {
	m := map[string]any{}
	for range r.IntN(4) {
		m[anyKey(r)] = anyValue(r, depth)
	}
	return m
}

func anyKey(r *rand.Rand) string {
	return []string{"a", "b", "c/d", "e~f", "0", "1", "name"}[r.IntN(7)]
}

func anyValue(r *rand.Rand, depth int) any {
	switch n := r.IntN(8); {
	case n == 0 && depth > 0:
		return anyMap(r, depth-1)
	case n == 1 && depth > 0:
		list := make([]any, r.IntN(3))
		for i := range list {
			list[i] = anyValue(r, depth-1)
		}
		return list
	case n < 4 && depth > 0: // merged by name
		list := make([]any, r.IntN(4))
		for i := range list {
			e := anyMap(r, depth-1)
			e["name"] = fmt.Sprint(r.IntN(4))
			list[i] = e
		}
		return list
	case n == 5:
		return int64(r.IntN(3))
	case n == 6:
		return r.IntN(2) == 0
	}
	return fmt.Sprint(r.IntN(3))
}

// anyFields owns some of the fields of a value.
func anyFields(r *rand.Rand, value any) map[string]any {
	fields := map[string]any{}
	switch v := value.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if r.IntN(4) > 0 {
				fields["f:"+k] = anyFields(r, v[k])
			}
		}
	case []any:
		for _, e := range v {
			m, _ := e.(map[string]any)
			if name, ok := m["name"].(string); ok && r.IntN(4) > 0 {
				fields[fmt.Sprintf(`k:{"name":%q}`, name)] = anyFields(r, e)
			}
		}
	}
	return fields
}

// disturb changes something in m.
func disturb(r *rand.Rand, m map[string]any) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v := m[k]
		switch below, _ := v.(map[string]any); {
		case r.IntN(3) == 0 && below != nil:
			disturb(r, below)
			return
		case r.IntN(4) == 0:
			delete(m, k)
			return
		}
		if list, ok := v.([]any); ok && len(list) > 0 && r.IntN(2) == 0 {
			i := r.IntN(len(list))
			switch e, _ := list[i].(map[string]any); {
			case e != nil && r.IntN(2) == 0:
				disturb(r, e)
			case r.IntN(2) == 0:
				m[k] = append(list[:i:i], list[i+1:]...)
			default:
				list[i], list[0] = list[0], list[i]
			}
			return
		}
	}
	m[anyKey(r)] = anyValue(r, 2)
}

// TestDeclareKeepsWhatWasApplied shows that an edit applies what earlier ones
// applied, at the values that it has now.
func TestDeclareKeepsWhatWasApplied(t *testing.T) {
	live := object(t, manifest)
	mine := live.GetManagedFields()[0]
	mine.Manager, mine.Operation = EditManager, metav1.ManagedFieldsOperationApply
	mine.FieldsV1 = metav1.NewFieldsV1(`{"f:spec":{"f:nodeSelector":{},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"proxy\"}":{".":{},"f:image":{}}}}}}}`)
	live.SetManagedFields(append(live.GetManagedFields(), mine))
	e, err := (&Client{}).open(deploymentRef(), live)
	if err != nil {
		t.Fatal(err)
	}
	edits := diff(e.base, func() map[string]any {
		after := runtime.DeepCopyJSON(e.base)
		put(after, []string{"spec", "template", "spec", "containers", "0", "image"}, "v2")
		return after
	}(), e.shape, nil)
	config, ok := declare(live, edits)
	text, err := write(config)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	const want = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
  namespace: payments
  resourceVersion: "7"
  uid: u-1
spec:
  nodeSelector:
    disk: fast
    zone: a
  template:
    spec:
      containers:
      - image: registry/proxy:v1
        name: proxy
      - image: v2
        name: app
`
	if text != want {
		t.Error(text)
	}
}
