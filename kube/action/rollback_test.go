package action

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"quarterdeck/kube"
)

func TestRollback(t *testing.T) {
	ref := kube.Ref{GVR: deployments(), Kind: "Deployment", Namespace: "web", Name: "shop"}
	obj := objectOf(t, `{
		"metadata":{"uid":"u","annotations":{"stays":"a","changes":"b","goes/away":"c"}},
		"spec":{"paused":true,"replicas":3,"template":{"metadata":{"labels":{"app":"shop"}},"spec":{"containers":[{"name":"app","image":"v2","env":[{"name":"NEW"}]}]}}}
	}`)
	template := objectOf(t, `{"metadata":{"labels":{"app":"shop"}},"spec":{"containers":[{"name":"app","image":"v1"}]}}`).Object
	for _, tt := range []struct {
		name string
		to   Rollback
		want string // what it is then
		kube string // ctl rollout …
	}{
		{
			"template alone",
			Rollback{Verb: UndoRollout, Revision: 3, Template: template},
			`{"metadata":{"uid":"u","annotations":{"stays":"a","changes":"b","goes/away":"c"}},"spec":{"paused":true,"replicas":3,"template":{"metadata":{"labels":{"app":"shop"}},"spec":{"containers":[{"name":"app","image":"v1"}]}}}}`,
			"kubectl -n web rollout undo deployments/shop --to-revision=3",
		},
		{
			"with annotations, and resumed",
			Rollback{Verb: AbortRollout, Revision: 4, Template: template, Resume: true, Annotations: map[string]string{"stays": "a", "changes": "x", "new": ""}},
			`{"metadata":{"uid":"u","annotations":{"stays":"a","changes":"x","new":""}},"spec":{"replicas":3,"template":{"metadata":{"labels":{"app":"shop"}},"spec":{"containers":[{"name":"app","image":"v1"}]}}}}`,
			"kubectl -n web rollout resume deployments/shop && kubectl -n web rollout undo deployments/shop --to-revision=4",
		},
	} {
		change, err := new(Client).Rollback(ref, obj, tt.to)
		if err != nil {
			t.Fatal(err)
		}
		got, err := patched(t, obj, obj, change.Edits)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if want := objectOf(t, tt.want); !equality.Semantic.DeepEqual(got.Object, want.Object) {
			text, err := json.Marshal(got)
			t.Errorf("%s: %s %v\nwant %s", tt.name, text, err, tt.want)
		}
		if change.Verb != tt.to.Verb || change.Kubectl != tt.kube || change.Ref.UID != "u" || !change.Undoable {
			t.Errorf("%s: %+v", tt.name, change)
		}

		// It is made on the template that was shown, or not at all.
		moved := obj.DeepCopy()
		if err := unstructured.SetNestedField(moved.Object, "Never", "spec", "template", "spec", "restartPolicy"); err != nil {
			t.Fatal(err)
		}
		if _, err := patched(t, obj, moved, change.Edits); err == nil {
			t.Errorf("%s: it was made on another template", tt.name)
		}
		if m := drift(obj, moved, change.Edits); m == nil || !strings.HasPrefix(m.Error(), "spec.template has changed since it was shown") {
			t.Errorf("%s: %v", tt.name, m)
		}
		scaled := obj.DeepCopy()
		if err := unstructured.SetNestedField(scaled.Object, int64(9), "spec", "replicas"); err != nil {
			t.Fatal(err)
		}
		if got, err := patched(t, obj, scaled, change.Edits); err != nil || slices.Contains(change.Edits[0].Path, "replicas") || got.Object["spec"].(map[string]any)["replicas"] != int64(9) {
			t.Errorf("%s: scaled meanwhile: %v", tt.name, err)
		}
	}
}
