//go:build e2e

package rollout

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/polymorphichelpers"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/kubetest"
)

// toolbox is an image that starts in a second and stays.
const toolbox = "registry.example.com/shop/toolbox:1.0"

// workload is one of a test's own, called shop.
type workload struct {
	c   *cluster
	ref kube.Ref
}

// kinds are those that have revisions.
func kinds() []string { return []string{Deployment, StatefulSet, DaemonSet} }

// create makes a workload of two replicas whose pods become ready; a DaemonSet
// has one on each node.
func (c *cluster) create(t *testing.T, namespace, kind string, edit func(spec map[string]any)) *workload {
	t.Helper()
	labels := map[string]any{"app": "shop"}
	spec := map[string]any{
		"selector": map[string]any{"matchLabels": labels},
		"template": map[string]any{
			"metadata": map[string]any{"labels": labels},
			"spec": map[string]any{
				"terminationGracePeriodSeconds": int64(1),
				"containers": []any{map[string]any{
					"name": "app", "image": toolbox, "resources": map[string]any{"requests": map[string]any{"cpu": "10m", "memory": "16Mi"}},
				}},
			},
		},
	}
	if kind != DaemonSet {
		spec["replicas"] = int64(2)
	}
	if edit != nil {
		edit(spec)
	}
	w := &workload{c, kube.Ref{GVR: appsv1.SchemeGroupVersion.WithResource(strings.ToLower(kind) + "s"), Kind: kind, Namespace: namespace, Name: "shop"}}
	made, err := w.objects().Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": kind, "metadata": map[string]any{"name": "shop"}, "spec": spec,
	}}, metav1.CreateOptions{FieldManager: "maker"})
	if err != nil {
		t.Fatal(err)
	}
	w.ref.UID = made.GetUID()
	return w
}

func (w *workload) objects() interface {
	Create(context.Context, *unstructured.Unstructured, metav1.CreateOptions, ...string) (*unstructured.Unstructured, error)
	Get(context.Context, string, metav1.GetOptions, ...string) (*unstructured.Unstructured, error)
	Patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (*unstructured.Unstructured, error)
	Delete(context.Context, string, metav1.DeleteOptions, ...string) error
} {
	return w.c.admin.Objects().Resource(w.ref.GVR).Namespace(w.ref.Namespace)
}

func (w *workload) get(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	obj, err := w.objects().Get(t.Context(), w.ref.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

// change patches the workload as another program does, and waits until its
// controller has seen that.
func (w *workload) change(t *testing.T, cause, patch string) {
	t.Helper()
	if cause != "" {
		var fields map[string]any
		if err := json.Unmarshal([]byte(patch), &fields); err != nil {
			t.Fatal(err)
		}
		if err := unstructured.SetNestedField(fields, cause, "metadata", "annotations", changeCause); err != nil {
			t.Fatal(err)
		}
		patch = asJSON(t, fields)
	}
	obj, err := w.objects().Patch(t.Context(), w.ref.Name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-patch"})
	if err != nil {
		t.Fatal(err)
	}
	w.observed(t, obj.GetGeneration())
}

func (w *workload) observed(t *testing.T, generation int64) {
	t.Helper()
	kubetest.Eventually(t, w.ref.Where()+" to be seen by its controller", func(ctx context.Context) (bool, error) {
		now, err := w.objects().Get(ctx, w.ref.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		seen, _ := number(now, "status", "observedGeneration")
		return seen >= generation, nil
	})
}

// done waits until kubectl says that the workload is rolled out, and all its
// pods are ready.
func (w *workload) done(t *testing.T) {
	t.Helper()
	viewer, err := polymorphichelpers.StatusViewerFor(w.groupKind())
	if err != nil {
		t.Fatal(err)
	}
	kubetest.Eventually(t, w.ref.Where()+" to be rolled out", func(ctx context.Context) (bool, error) {
		obj, err := w.objects().Get(ctx, w.ref.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		if _, done, err := viewer.Status(obj, 0); !done {
			return false, ignoreDeadline(err)
		}
		pods, err := w.c.kube.CoreV1().Pods(w.ref.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		return !slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool { return !ready(&p) }), nil
	})
}

// ignoreDeadline: that a rollout was too slow is no reason to stop waiting.
func ignoreDeadline(err error) error {
	if err != nil && strings.Contains(err.Error(), "exceeded its progress deadline") {
		return nil
	}
	return err
}

func ready(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func (w *workload) groupKind() schema.GroupKind { return w.ref.GVK().GroupKind() }

func (w *workload) history(t *testing.T) *History {
	t.Helper()
	h, err := ReadHistory(t.Context(), w.c.admin, w.ref)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// sameHistory checks the revisions and change causes against kubectl's own.
func (w *workload) sameHistory(t *testing.T) *History {
	t.Helper()
	viewer, err := polymorphichelpers.HistoryViewerFor(w.groupKind(), w.c.kube)
	if err != nil {
		t.Fatal(err)
	}
	text, err := viewer.ViewHistory(w.ref.Namespace, w.ref.Name, 0)
	if err != nil {
		t.Fatal(err)
	}
	h := w.history(t)
	lines := []string{"REVISION CHANGE-CAUSE"}
	for _, r := range slices.Backward(h.Revisions) {
		cause := r.Cause
		if cause == "" {
			cause = "<none>"
		}
		lines = append(lines, fmt.Sprint(r.Number, " ", cause))
	}
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	if got, want := words(strings.Join(lines, " ")), words(text); got != want {
		t.Errorf("history of %s: %s\nof kubectl: %s", w.ref.Where(), got, want)
	}
	return h
}

// sameUndo checks that what the server makes of our undo is what it makes of
// kubectl's, by the answers to the dry run of both.
func (w *workload) sameUndo(t *testing.T, revision int64) {
	t.Helper()
	tap := &tap{}
	cfg := kubetest.Config(t, w.c.kubeconfig, "")
	cfg.ContentType, cfg.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { tap.next = next; return tap })
	ours := w.c.client(t, cfg)
	u, err := PrepareUndo(t.Context(), ours, w.ref, UndoOptions{Revision: revision})
	if err != nil {
		t.Fatal(err)
	}
	before := w.get(t)
	if err := u.Change.Try(t.Context()); err != nil {
		t.Fatalf("try: %v", err)
	}
	got := tap.object(t)

	rollbacker, err := polymorphichelpers.RollbackerFor(w.groupKind(), kubernetesOf(t, cfg))
	if err != nil {
		t.Fatal(err)
	}
	if said, err := rollbacker.Rollback(before, nil, revision, cmdutil.DryRunServer); err != nil || said != "rolled back" {
		t.Fatalf("kubectl: %q, %v", said, err)
	}
	if want := tap.object(t); got != want {
		t.Errorf("undo of %s makes\n%s\nthat of kubectl\n%s", w.ref.Where(), got, want)
	}
	if after := w.get(t); after.GetGeneration() != before.GetGeneration() {
		t.Errorf("trying changed %s", w.ref.Where())
	}
}

func kubernetesOf(t *testing.T, cfg *rest.Config) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// tap keeps the answer to the last patch.
type tap struct {
	next http.RoundTripper
	body []byte
}

func (tap *tap) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := tap.next.RoundTrip(req)
	if err != nil || req.Method != http.MethodPatch {
		return res, err
	}
	defer func() { _ = res.Body.Close() }()
	if tap.body, err = io.ReadAll(res.Body); err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(tap.body))
	return res, nil
}

// object returns the object of the answer without what tells who patched it
// when, and what its controller writes meanwhile.
func (tap *tap) object(t *testing.T) string {
	t.Helper()
	var obj unstructured.Unstructured
	if err := json.Unmarshal(tap.body, &obj.Object); err != nil {
		t.Fatalf("%v in %s", err, tap.body)
	}
	tap.body = nil
	obj.SetManagedFields(nil)
	obj.SetResourceVersion("")
	delete(obj.Object, "status")
	return asJSON(t, obj.Object)
}

// pods returns the pods of a revision.
func (w *workload) pods(t *testing.T, of func(*corev1.Pod) bool) []corev1.Pod {
	t.Helper()
	list, err := w.c.kube.CoreV1().Pods(w.ref.Namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(p corev1.Pod) bool { return !of(&p) })
}

// undone makes an undo and returns what it said.
func undone(t *testing.T, u *Undo) string {
	t.Helper()
	said, err := u.Change.Make(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return said
}

// delete deletes pods as a user does who was told to.
func (w *workload) delete(t *testing.T, refs []kube.Ref) {
	t.Helper()
	for _, p := range action.Prepare(t.Context(), refs, func(ctx context.Context, ref kube.Ref) (action.Change, error) {
		return w.c.admin.Delete(ctx, ref, action.DeleteOptions{})
	}) {
		if p.Err != nil {
			t.Fatal(p.Err)
		}
		if _, err := p.Change.Make(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// hash returns the label by which pods of the workload tell their revision.
func (w *workload) hash() string {
	if w.ref.Kind == Deployment {
		return appsv1.DefaultDeploymentUniqueLabelKey
	}
	return appsv1.ControllerRevisionHashLabelKey
}
