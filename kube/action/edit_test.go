package action

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"quarterdeck/kube"
)

func TestPointer(t *testing.T) {
	for want, path := range map[string][]string{
		"/a/b":                       {"a", "b"},
		"/a/example.com~1x~0y":       {"a", "example.com/x~y"},
		"/a/~01":                     {"a", "~1"},
		"/spec/containers/0/image":   {"spec", "containers", "0", "image"},
		"/metadata/labels/~1~1~0~0/": {"metadata", "labels", "//~~", ""},
	} {
		if got := pointer(path); got != want {
			t.Errorf("pointer(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestField(t *testing.T) {
	for want, path := range map[string][]string{
		"spec.replicas":                           {"spec", "replicas"},
		"spec.template.spec.containers[0].image":  {"spec", "template", "spec", "containers", "0", "image"},
		"metadata.labels[app.kubernetes.io/name]": {"metadata", "labels", "app.kubernetes.io/name"},
	} {
		if got := (Edit{Path: path}).Field(); got != want {
			t.Errorf("field %q is called %q, want %q", path, got, want)
		}
	}
}

func TestWord(t *testing.T) {
	for _, tt := range []struct {
		value any
		want  string
	}{
		{nil, "unset"},
		{"", `""`},
		{"a", "a"},
		{"a\x1b[31m\nb", "a b"},
		{int64(3), "3"},
		{true, "true"},
		{[]any{"a", int64(1)}, `["a",1]`},
		{strings.Repeat("가", 200), strings.Repeat("가", longestWord-1) + "…"},
	} {
		if got := Word(tt.value); got != tt.want {
			t.Errorf("Word(%q) = %q, want %q", tt.value, got, tt.want)
		}
	}
}

// objectOf returns an object of JSON.
func objectOf(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	var fields map[string]any
	if err := utiljson.Unmarshal([]byte(text), &fields); err != nil { // whole numbers are int64
		t.Fatal(err)
	}
	return &unstructured.Unstructured{Object: fields}
}

// patched applies edits of was to now, as the API server does.
func patched(t testing.TB, was, now *unstructured.Unstructured, edits []Edit) (*unstructured.Unstructured, error) {
	t.Helper()
	body, err := json.Marshal(patch(was, edits))
	if err != nil {
		t.Fatal(err)
	}
	ops, err := jsonpatch.DecodePatch(body)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	doc, err := json.Marshal(now.Object)
	if err != nil {
		t.Fatal(err)
	}
	out, err := ops.Apply(doc)
	if err != nil {
		return nil, err
	}
	return objectOf(t, string(out)), nil
}

func TestPatchFitsOnlyWhatWasShown(t *testing.T) {
	const was = `{"metadata":{"uid":"u"},"spec":{"replicas":3,"list":[{"name":"a","image":"x"}]}}`
	replicas := []Edit{{Path: []string{"spec", "replicas"}, Before: int64(3), After: int64(5)}}
	image := []Edit{{Path: []string{"spec", "list", "0", "image"}, Before: "x", After: "y"}}
	label := []Edit{{Path: []string{"metadata", "labels", "a/b"}, After: "1"}}
	for _, tt := range []struct {
		name, now string
		edits     []Edit
		fits      bool
		want      string
	}{
		{"as it was", was, replicas, true, `{"metadata":{"uid":"u"},"spec":{"replicas":5,"list":[{"name":"a","image":"x"}]}}`},
		{"another object", strings.Replace(was, `"u"`, `"v"`, 1), replicas, false, ""},
		{"another value", strings.Replace(was, "3", "4", 1), replicas, false, ""},
		{"no value", strings.Replace(was, `"replicas":3,`, "", 1), replicas, false, ""},
		{"something else changed", strings.Replace(was, "x", "z", 1), replicas, true, `{"metadata":{"uid":"u"},"spec":{"replicas":5,"list":[{"name":"a","image":"z"}]}}`},
		{"another element there", strings.Replace(was, `"a"`, `"b"`, 1), image, false, ""},
		{"parent is made", was, label, true, `{"metadata":{"uid":"u","labels":{"a/b":"1"}},"spec":{"replicas":3,"list":[{"name":"a","image":"x"}]}}`},
		{"parent is there by now", strings.Replace(was, `"uid":"u"`, `"uid":"u","labels":{"c":"2"}`, 1), label, false, ""},
		{"same field is there by now", strings.Replace(was, `"uid":"u"`, `"uid":"u","labels":{"a/b":"2"}`, 1), label, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := patched(t, objectOf(t, was), objectOf(t, tt.now), tt.edits)
			if (err == nil) != tt.fits {
				t.Fatalf("patched: %v, %v", got, err)
			}
			if tt.fits && !equality.Semantic.DeepEqual(got, objectOf(t, tt.want)) {
				t.Errorf("patched %v, want %s", got, tt.want)
			}
		})
	}
}

func TestDrift(t *testing.T) {
	const was = `{"metadata":{"uid":"u"},"spec":{"replicas":3,"on":true,"list":[{"name":"a","image":"x"}]}}`
	for _, tt := range []struct {
		now  string
		path []string
		want string
	}{
		{was, []string{"spec", "replicas"}, ""},
		{strings.Replace(was, "3", "4", 1), []string{"spec", "replicas"}, "spec.replicas is 4 now, not 3; nothing was changed"},
		{strings.Replace(was, `"replicas":3,`, "", 1), []string{"spec", "replicas"}, "spec.replicas is 0 now, not 3; nothing was changed"},
		{strings.Replace(was, `"on":true,`, "", 1), []string{"spec", "on"}, "spec.on is false now, not true; nothing was changed"},
		{strings.Replace(was, `"a"`, `"b"`, 1), []string{"spec", "list", "0", "image"}, "spec.list[0].name is b now, not a; nothing was changed"},
		{strings.Replace(was, `[{"name":"a","image":"x"}]`, `[]`, 1), []string{"spec", "list", "0", "image"}, "spec.list[0].name is unset now, not a; nothing was changed"},
		{was, []string{"spec", "paused"}, ""},
		{strings.Replace(was, `"on"`, `"paused":false,"on"`, 1), []string{"spec", "paused"}, ""},
		{strings.Replace(was, `"uid"`, `"labels":{"a":""},"uid"`, 1), []string{"metadata", "labels", "a"}, `metadata.labels.a is "" now, not unset; nothing was changed`},
	} {
		obj := objectOf(t, was)
		before, _ := At(obj.Object, tt.path)
		moved := drift(obj, objectOf(t, tt.now), []Edit{{Path: tt.path, Before: before, After: "other"}})
		got := ""
		if moved != nil {
			got = moved.Error()
		}
		if got != tt.want {
			t.Errorf("%v of %s: %q, want %q", tt.path, tt.now, got, tt.want)
		}
	}
}

// TestPatchAndBack shows for many objects and edits that edits give the fields
// their values and change nothing else, and that the edits turned around give
// the object back. Fields that hold nothing count as none: the server drops
// them.
func TestPatchAndBack(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		before := &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"uid": "u", "name": "n"}, "spec": tree(r, 3),
		}}
		edits := someEdits(r, before)
		after, err := patched(t, before, before, edits)
		if err != nil {
			t.Fatalf("seed %d: %v of %v: %v", seed, edits, before, err)
		}
		back := make([]Edit, len(edits))
		for i, e := range edits {
			if got, _ := At(after.Object, e.Path); !equality.Semantic.DeepEqual(got, e.After) {
				t.Fatalf("seed %d: %s is %v, want %v", seed, e.Field(), got, e.After)
			}
			back[i] = Edit{Path: e.Path, Before: e.After, After: e.Before}
		}
		if moved := drift(before, after, back); moved != nil {
			t.Fatalf("seed %d: %v", seed, moved)
		}
		again, err := patched(t, after, after, back)
		if err != nil {
			t.Fatalf("seed %d: back: %v", seed, err)
		}
		if !equality.Semantic.DeepEqual(pruned(again.Object), pruned(before.Object)) {
			t.Fatalf("seed %d: %v\nbecame %v\nand then %v", seed, before, after, again)
		}
	}
}

// keys are names of fields, some of which JSON pointers have to escape.
func keys() []string { return []string{"a", "b", "example.com/c", "d~1", "0", "~"} }

func tree(r *rand.Rand, depth int) map[string]any {
	m := map[string]any{}
	for _, key := range keys() {
		switch n := r.IntN(6); {
		case n == 0 && depth > 0:
			m[key] = tree(r, depth-1)
		case n == 1 && depth > 0:
			var list []any
			for i := range r.IntN(3) + 1 {
				e := tree(r, depth-1)
				e["name"] = "e" + strconv.Itoa(i)
				list = append(list, e)
			}
			m[key] = list
		case n == 2:
			m[key] = fmt.Sprint(r.IntN(100))
		case n == 3:
			m[key] = int64(r.IntN(100))
		}
	}
	return m
}

// someEdits returns edits of different fields: of some that are there, and of
// some that are not and whose parents may not be either. None is below another.
func someEdits(r *rand.Rand, obj *unstructured.Unstructured) []Edit {
	var edits []Edit
	for range 1 + r.IntN(4) {
		path := []string{"spec"}
		value := obj.Object["spec"]
		for len(path) < 2 || r.IntN(3) > 0 {
			if list, ok := value.([]any); ok {
				i := r.IntN(len(list))
				path, value = append(path, strconv.Itoa(i)), list[i]
				continue
			}
			m, ok := value.(map[string]any)
			if !ok && value != nil {
				break // what holds a value has no fields
			}
			key := keys()[r.IntN(len(keys()))]
			path, value = append(path, key), m[key]
		}
		if _, err := strconv.Atoi(path[len(path)-1]); err == nil {
			if parent, _ := At(obj.Object, path[:len(path)-1]); isList(parent) {
				continue // edits set fields, not elements
			}
		}
		clash := slices.ContainsFunc(edits, func(e Edit) bool {
			return strings.HasPrefix(pointer(path)+"/", pointer(e.Path)+"/") || strings.HasPrefix(pointer(e.Path)+"/", pointer(path)+"/")
		})
		if clash {
			continue
		}
		var after any = "new" + strconv.Itoa(r.IntN(10))
		if r.IntN(3) == 0 {
			after = nil
		}
		edits = append(edits, set(obj, after, path...))
	}
	return edits
}

// pruned leaves out what holds nothing.
func pruned(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			if p := pruned(value); p != nil {
				out[key] = p
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = pruned(v[i])
		}
		return out
	}
	return v
}

// What is shown of a change of a Secret has none of its values.
func TestSecretsAreMasked(t *testing.T) {
	ref := kube.Ref{GVR: schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, Kind: "Secret", Namespace: "web", Name: "key"}
	obj := objectOf(t, `{"metadata":{"uid":"u","annotations":{"a":"hidden-copy"},"labels":{"team":"shop"}},"data":{"token":"hidden-old"}}`)
	change, err := (&Client{}).edits("edit", ref, obj, "",
		set(obj, "hidden-new", "data", "token"), set(obj, "hidden-more", "data", "more"), set(obj, nil, "metadata", "annotations", "a"), set(obj, "tills", "metadata", "labels", "team"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(change.Summary+change.Kubectl, "hidden") || !strings.Contains(change.Summary, "data.token <masked> → <masked>, data.more unset → <masked>") {
		t.Error(change.Summary, change.Kubectl)
	}
	if !strings.Contains(change.Summary, "metadata.labels.team shop → tills") || change.Edits[0].After != "hidden-new" {
		t.Error(change.Summary, change.Edits)
	}
	moved := &Moved{Edit: change.Edits[0], Now: "hidden-other"}
	if text := moved.masked(ref).Error(); strings.Contains(text, "hidden") {
		t.Error(text)
	}
}
