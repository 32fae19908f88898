package rollout

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
)

func TestUndoInWords(t *testing.T) {
	obj := func(spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	}
	image := Compare(template(t, full), template(t, strings.NewReplacer("app:v1", "app:v2", "postgres://db", "s3cret").Replace(full)))
	target := []Revision{{Number: 12, Target: true}, {Number: 11}}
	const change = "containers[app].image registry.example.com/shop/app:v1 → registry.example.com/shop/app:v2, containers[app].env[DB_URL]"
	for _, tt := range []struct {
		name    string
		undo    Undo
		summary string
		want    []string
	}{
		{"plain", Undo{History: &History{Object: obj(nil), Revisions: target}, Fields: image}, "revision 12 → 11: " + change, nil},
		{"before the controller has made a revision of it", Undo{History: &History{Object: obj(nil)}, Fields: image}, "the template of now → 11: " + change, nil},
		{
			"many fields",
			Undo{History: &History{Object: obj(nil), Revisions: target}, Fields: slices.Repeat(image[1:], 6)},
			"revision 12 → 11: " + strings.Repeat("containers[app].env[DB_URL], ", 4) + "2 more", nil,
		},
		{
			"defaults",
			Undo{History: &History{Object: obj(nil), Revisions: target}},
			"revision 12 → 11: defaults only",
			[]string{"revision 11 differs only in defaults that the server fills in; its pods are replaced all the same"},
		},
		{"everything", Undo{
			History: &History{Revisions: target, Object: obj(map[string]any{
				"paused": true, "replicas": int64(0), "updateStrategy": map[string]any{"type": "OnDelete", "rollingUpdate": map[string]any{"partition": int64(2)}},
			})},
			Fields: image, Why: "it still has 2 pods available", Broken: []kube.Ref{{Kind: "Pod", Name: "a"}, {Kind: "Pod", Name: "b"}},
			Referents: []Referent{
				{Reference: Reference{Ref: kube.Ref{Kind: "ConfigMap", Name: "a"}, Optional: true}},
				{Reference: Reference{Ref: kube.Ref{Kind: "ConfigMap", Name: "b"}}},
				{Reference: Reference{Ref: kube.Ref{Kind: "ConfigMap", Name: "c"}}, State: Same},
			},
		}, "revision 12 → 11: " + change, []string{
			"back to revision 11: it still has 2 pods available",
			"it is paused, and is resumed with this",
			"its update strategy is OnDelete: pods get the revision only when you delete them",
			"its partition is 2: pods with a lower number are not touched",
			"it has 0 replicas: no pod runs until it is scaled up",
			"a StatefulSet waits for pods that are not ready also when its template is good again: delete pod/a, pod/b after this, unless it gets ready",
			"configmap/b is not there: pods cannot start without it",
		}},
		{
			"pods unread",
			Undo{History: &History{Object: obj(nil), Revisions: target}, Fields: image, BrokenUnread: errors.New("no answer\x1b[2J")},
			"revision 12 → 11: " + change,
			[]string{"a pod that is not ready would block it until it is deleted; whether there is one is not known: no answer"},
		},
	} {
		tt.undo.To = Revision{Number: 11}
		if got := tt.undo.summary(); got != tt.summary {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.summary)
		}
		if got := tt.undo.warnings(); !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
}

func TestUndoRefused(t *testing.T) {
	now := template(t, full)
	paused := &History{
		Ref: ref("deployments", "Deployment"), Current: now,
		Object: &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"paused": true}}},
	}
	for name, tt := range map[string]struct {
		to   Template
		is   error
		says string
	}{
		"the same": {now, action.ErrNothingToDo, "deploy/shop in web: nothing to do: its template is that of revision 11 already"},
		"paused":   {Template{}, ErrPaused, "deploy/shop in web: it is paused, so nothing would be rolled out: resume it first, or undo and resume in one step"},
	} {
		_, err := paused.undo(t.Context(), nil, Revision{Number: 11, Template: tt.to}, action.UndoRollout, "", false)
		if !errors.Is(err, tt.is) || err.Error() != tt.says {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBroken(t *testing.T) {
	objects := func(edit func(*appsv1.StatefulSet)) []runtime.Object {
		failed := pod("shop-4", "shop-h3", "StatefulSet", false)
		failed.Status.Phase = corev1.PodFailed // which the StatefulSet replaces
		going := pod("shop-5", "shop-h3", "StatefulSet", false)
		going.DeletionTimestamp, going.Finalizers = new(began(9)), []string{"example.com/x"}
		return []runtime.Object{
			statefulSet("shop:v3", edit), controllerRevision(t, "StatefulSet", 1, "shop:v1"), controllerRevision(t, "StatefulSet", 3, "shop:v3"),
			pod("shop-0", "shop-h1", "StatefulSet", false), pod("shop-1", "shop-h3", "StatefulSet", true), pod("shop-2", "shop-h3", "StatefulSet", false),
			failed, going,
		}
	}
	for name, tt := range map[string]struct {
		edit func(*appsv1.StatefulSet)
		want []string // that block the way back to the first revision
	}{
		"in order":     {nil, []string{"shop-2"}},
		"all at once":  {func(s *appsv1.StatefulSet) { s.Spec.PodManagementPolicy = appsv1.ParallelPodManagement }, nil},
		"when deleted": {func(s *appsv1.StatefulSet) { s.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType }, nil},
	} {
		f := newFake(t, objects(tt.edit))
		h, err := ReadHistory(t.Context(), f, ref("statefulsets", "StatefulSet"))
		if err != nil {
			t.Fatal(err)
		}
		to, err := h.Find(1)
		if err != nil {
			t.Fatal(err)
		}
		refs, err := h.broken(t.Context(), f, to)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range refs {
			got = append(got, r.Name)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}

	// Asked once the template is good again, it is the pod of the other revision.
	f := newFake(t, objects(func(s *appsv1.StatefulSet) { s.Spec.Template = podTemplate("shop:v1") }))
	refs, err := ReadBroken(t.Context(), f, ref("statefulsets", "StatefulSet"))
	if err != nil || len(refs) != 1 || refs[0].Name != "shop-2" || refs[0].UID != "uid-shop-2" {
		t.Errorf("after the undo: %v, %v", refs, err)
	}
}

// TestAnnotationsAfterUndo: a Deployment gets back its annotations of that time,
// but for those that tell of the present, as with kubectl.
func TestAnnotationsAfterUndo(t *testing.T) {
	obj := func(annotations map[string]string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{}}
		o.SetAnnotations(annotations)
		return o
	}
	const applied = "kubectl.kubernetes.io/last-applied-configuration"
	h := &History{Ref: ref("deployments", "Deployment"), Object: obj(map[string]string{
		applied: "now", "deployment.kubernetes.io/revision": "12", "later": "x", changeCause: "v2", "same": "y",
	})}
	got := h.annotations(Revision{annotations: map[string]string{
		applied: "then", "deployment.kubernetes.io/revision": "3", "deployment.kubernetes.io/desired-replicas": "4", changeCause: "v1", "same": "y",
	}})
	want := map[string]string{applied: "now", "deployment.kubernetes.io/revision": "12", changeCause: "v1", "same": "y"}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	h.Ref = ref("statefulsets", "StatefulSet")
	if got := h.annotations(Revision{}); got != nil {
		t.Errorf("a StatefulSet gets %v", got)
	}
}
