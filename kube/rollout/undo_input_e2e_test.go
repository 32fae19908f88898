//go:build e2e

package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/polymorphichelpers"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/kubetest"
)

const (
	never  = `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.example.com/shop/toolbox:never"}]}}}}`
	absent = `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.example.com/shop/toolbox:absent"}]}}}}`
	noted  = `{"spec":{"template":{"metadata":{"annotations":{"release":"next"}}}}}`
)

// none makes a workload of a kind have no pods: what is tested needs none.
func none(kind string) func(spec map[string]any) {
	return func(spec map[string]any) {
		if kind == DaemonSet {
			spec["template"].(map[string]any)["spec"].(map[string]any)["nodeSelector"] = map[string]any{"no": "node"}
			return
		}
		spec["replicas"] = int64(0)
	}
}

// testAbort: where kubectl would go back to another broken revision, abort goes
// to the one that served.
func testAbort(c *cluster, t *testing.T) {
	var all []*workload
	for _, kind := range kinds() {
		all = append(all, c.create(t, c.namespace(t, "abort-"+strings.ToLower(kind)), kind, nil))
	}
	for _, w := range all {
		w.done(t)
		if _, err := PrepareAbort(t.Context(), c.admin, w.ref, false); !errors.Is(err, ErrComplete) {
			t.Errorf("abort of %s, which is rolled out: %v", w.ref.Where(), err)
		}
		w.change(t, "first mistake", never)
		w.change(t, "second mistake", absent)
	}
	var broken [][]kube.Ref
	for _, w := range all {
		kubetest.Eventually(t, w.ref.Where()+" to have a pod that is not ready", func(context.Context) (bool, error) {
			return len(w.pods(t, func(p *corev1.Pod) bool { return !ready(p) && p.DeletionTimestamp == nil })) > 0, nil
		})
		u, err := PrepareAbort(t.Context(), c.admin, w.ref, false)
		if err != nil {
			t.Fatal(err)
		}
		if u.To.Number != 1 || u.Why == "" || u.Change.Verb != action.AbortRollout {
			t.Errorf("abort of %s goes to %d: %s", w.ref.Where(), u.To.Number, u.Why)
		}
		undone(t, u)
		w.observed(t, w.get(t).GetGeneration())
		refs, err := ReadBroken(t.Context(), c.admin, w.ref)
		if err != nil {
			t.Fatal(err)
		}
		broken = append(broken, refs)
	}
	for i, w := range all {
		w.delete(t, broken[i])
	}
	for _, w := range all {
		w.done(t)
		if h := w.sameHistory(t); h.Current.Images()[0].Image != toolbox {
			t.Errorf("%s runs %v after the abort", w.ref.Where(), h.Current.Images())
		}
	}
}

func testUndoPaused(c *cluster, t *testing.T) {
	w := c.create(t, c.namespace(t, "paused"), Deployment, none(Deployment))
	w.observed(t, 1)
	w.change(t, "", noted)
	pause, err := c.admin.Pause(t.Context(), w.ref)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pause.Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.change(t, "", never)
	if _, ok := w.history(t).Target(); ok {
		t.Error("a template that waits is a revision already")
	}
	if _, err := c.admin.Restart(t.Context(), w.ref); err == nil || !strings.Contains(err.Error(), "resume it first") {
		t.Errorf("restart: %v", err)
	}
	_, err = PrepareUndo(t.Context(), c.admin, w.ref, UndoOptions{Revision: 1})
	if !errors.Is(err, ErrPaused) {
		t.Errorf("undo: %v", err)
	}
	rollbacker, err := polymorphichelpers.RollbackerFor(w.groupKind(), c.kube)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rollbacker.Rollback(w.get(t), nil, 1, cmdutil.DryRunServer); err == nil {
		t.Error("kubectl undoes a paused one")
	}
	u, err := PrepareUndo(t.Context(), c.admin, w.ref, UndoOptions{Revision: 1, Resume: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Change.Try(t.Context()); err != nil {
		t.Fatal(err)
	}
	undone(t, u)
	w.observed(t, w.get(t).GetGeneration())
	paused, err := c.kube.AppsV1().Deployments(w.ref.Namespace).Get(t.Context(), w.ref.Name, metav1.GetOptions{})
	if err != nil || paused.Spec.Paused || paused.Spec.Template.Spec.Containers[0].Image != toolbox {
		t.Errorf("after undo and resume: %+v, %v", paused.Spec, err)
	}
	if target, ok := w.sameHistory(t).Target(); !ok || target.Number != 3 {
		t.Errorf("target: %+v", target)
	}
}

// testUndoBadInput has a clear word for everything that is not as expected.
func testUndoBadInput(c *cluster, t *testing.T) {
	for _, kind := range kinds() {
		namespace := c.namespace(t, "input-"+strings.ToLower(kind))
		w := c.create(t, namespace, kind, func(spec map[string]any) {
			none(kind)(spec)
			spec["revisionHistoryLimit"] = int64(0)
		})
		w.observed(t, 1)
		w.change(t, "", noted)
		// The old revision goes when its controller next looks.
		kubetest.Until(t, "the history of "+w.ref.Where()+" to be cut", func() bool { return len(w.history(t).Revisions) == 1 })
		short := kube.ShortKind(w.ref.GVR.GroupResource(), "")
		says := func(err error, is error, want string) {
			t.Helper()
			if err == nil || is != nil && !errors.Is(err, is) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		}
		_, err := PrepareUndo(t.Context(), c.admin, w.ref, UndoOptions{})
		says(err, ErrNoHistory, short+"/shop in "+namespace+": no revision to go back to: its revisionHistoryLimit is 0, so Kubernetes keeps none")
		_, err = PrepareUndo(t.Context(), c.admin, w.ref, UndoOptions{Revision: 99})
		says(err, ErrNoRevision, "there is no revision 99, only 2 is kept")
		_, err = PrepareUndo(t.Context(), c.admin, w.ref, UndoOptions{Revision: 2})
		says(err, action.ErrNothingToDo, "its template is that of revision 2 already")

		// What was shown is not what is there any more.
		w.change(t, "", `{"spec":{"revisionHistoryLimit":10}}`)
		w.change(t, "", never)
		u, err := PrepareUndo(t.Context(), c.admin, w.ref, UndoOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w.change(t, "", absent)
		_, err = u.Change.Make(t.Context())
		says(err, nil, "spec.template has changed since it was shown: kubectl-patch changed it at ")
		if u, err = PrepareUndo(t.Context(), c.admin, w.ref, UndoOptions{Revision: 2}); err != nil {
			t.Fatal(err)
		}
		w.goes(t)
		says(u.Change.Try(t.Context()), action.ErrGone, short+"/shop in "+namespace)
		_, err = PrepareUndo(t.Context(), c.admin, w.ref, UndoOptions{})
		says(err, action.ErrGone, short+"/shop in "+namespace)
		c.create(t, namespace, kind, none(kind))
		_, err = u.Change.Make(t.Context())
		says(err, action.ErrReplaced, short+"/shop in "+namespace)
		byName := w.ref
		byName.UID, byName.Name = "", "nothing"
		_, err = ReadHistory(t.Context(), c.admin, byName)
		says(err, nil, "there is none of this name")
	}
}

// goes deletes the workload and waits until it is gone.
func (w *workload) goes(t *testing.T) {
	t.Helper()
	if err := w.objects().Delete(t.Context(), w.ref.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	kubetest.Eventually(t, w.ref.Where()+" to go", func(ctx context.Context) (bool, error) {
		_, err := w.objects().Get(ctx, w.ref.Name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
}

func testUndoForbidden(c *cluster, t *testing.T) {
	namespace := c.namespace(t, "forbidden")
	rule := func(group, resources string, verbs ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: strings.Fields(resources), Verbs: verbs}
	}
	blind := c.user(t, namespace, "blind", rule("apps", "deployments statefulsets", "get", "list", "watch", "patch"))
	reader := c.user(t, namespace, "reader", rule("apps", "deployments statefulsets replicasets controllerrevisions", "get", "list"))
	const refers = `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.example.com/shop/toolbox:never",
		"envFrom":[{"configMapRef":{"name":"settings"}},{"secretRef":{"name":"keys"}}]}]}}}}`
	for _, kind := range []string{Deployment, StatefulSet} {
		w := c.create(t, namespace, kind, none(kind))
		w.observed(t, 1)
		w.change(t, "", refers)
		w.change(t, "", `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.example.com/shop/toolbox:absent"}]}}}}`)
		kept, _ := keptAs(w.ref.GVR)
		_, err := PrepareUndo(t.Context(), blind, w.ref, UndoOptions{})
		if want := fmt.Sprintf("history of %s: list %s in forbidden: %s.apps is forbidden", w.ref.Where(), kept.Resource, kept.Resource); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		u, err := PrepareUndo(t.Context(), reader, w.ref, UndoOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := u.Change.Try(t.Context()); !apierrors.IsForbidden(err) {
			t.Errorf("undo by a reader: %v", err)
		}
		for _, want := range []string{
			"cm/settings could not be read, so it may have changed: forbidden: get configmaps in forbidden",
			"secret/keys could not be read, so it may have changed: forbidden: get secrets in forbidden",
		} {
			if !slices.Contains(u.Change.Warnings, want) {
				t.Errorf("warnings %q, want %q", u.Change.Warnings, want)
			}
		}
		if kind == StatefulSet && (!apierrors.IsForbidden(u.BrokenUnread) || !strings.Contains(strings.Join(u.Change.Warnings, "\n"), "forbidden: list pods in forbidden")) {
			t.Errorf("pods: %v, warnings %q", u.BrokenUnread, u.Change.Warnings)
		}
	}
}

// testUndoMany prepares undos of several workloads as one, of which some cannot
// be, and looks at what the notes and warnings say of each.
func testUndoMany(c *cluster, t *testing.T) {
	var refs []kube.Ref
	for _, kind := range []string{Deployment, StatefulSet} {
		w := c.create(t, c.namespace(t, "many-"+strings.ToLower(kind)), kind, none(kind))
		w.observed(t, 1)
		w.change(t, "", `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.example.com/shop/toolbox:never","envFrom":[{"configMapRef":{"name":"settings"}}]}]}}}}`)
		w.change(t, "", `{"metadata":{"labels":{"argocd.argoproj.io/instance":"shop"}},"spec":{"template":{"spec":{"containers":[{"name":"app","resources":{"requests":{"cpu":"20m"}}}]}}}}`)
		refs = append(refs, w.ref)
	}
	namespace := refs[0].Namespace
	single := c.create(t, c.namespace(t, "many-single"), Deployment, none(Deployment))
	single.observed(t, 1)
	refs = append(refs, single.ref, kube.Ref{GVR: single.ref.GVR, Kind: Deployment, Namespace: namespace, Name: "nothing"})

	second := secondOf(t, c, refs[0])
	// Times in managedFields are whole seconds: what changes within the second in
	// which the revision began counts as of then.
	kubetest.Eventually(t, "the second of the revision to be over", func(context.Context) (bool, error) {
		return time.Since(second.Created) > 2*time.Second, nil
	})
	if _, err := c.kube.CoreV1().ConfigMaps(namespace).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "settings"}, Data: map[string]string{"a": "s3cret"},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.kube.PolicyV1().PodDisruptionBudgets(namespace).Create(t.Context(), &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "shop"},
		Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: new(intstr.FromInt32(1)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}

	if _, err := c.kube.AutoscalingV2().HorizontalPodAutoscalers(namespace).Create(t.Context(), &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: "shop"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: Deployment, Name: "shop"}, MaxReplicas: 4,
		},
	}, metav1.CreateOptions{}); err != nil { // which leaves a workload of 0 replicas alone
		t.Fatal(err)
	}

	prepared := action.Prepare(t.Context(), refs, Undoing(c.admin, UndoOptions{}))
	for i, want := range []error{nil, nil, ErrNoHistory, nil} {
		if err := prepared[i].Err; want != nil && !errors.Is(err, want) || want == nil && (err != nil) != (i == 3) {
			t.Errorf("undo of %s: %v", refs[i].Where(), err)
		}
	}
	changes := []action.Change{prepared[0].Change, prepared[1].Change}
	var notes []string
	for _, n := range c.admin.Check(t.Context(), changes) {
		notes = append(notes, n.Text)
	}
	text := strings.Join(notes, "\n")
	for _, want := range []string{
		"deploy/shop: cm/settings was made after revision 2; its earlier contents are not kept",
		"deploy/shop: it has 0 replicas: no pod runs until it is scaled up",
		"deploy/shop is managed by Argo CD (shop), which will revert this when it heals or syncs: change it there",
		"pdb/shop allows no disruption now, and a rollout passes it by: what limits it is its own strategy",
		"hpa/shop keeps the replicas (1 to 4, wants 0 now) by what pods request, and that changes",
		"sts/shop: cm/settings is not there: pods cannot start without it",
	} {
		if !slices.Contains(notes, want) {
			t.Errorf("no note %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "s3cret") {
		t.Errorf("contents are shown:\n%s", text)
	}
	if want := "revision 3 → 2: containers[app].resources.requests.cpu"; changes[0].Summary != want {
		t.Errorf("%s, want %s", changes[0].Summary, want)
	}
	action.Make(t.Context(), changes, func(_ int, o action.Outcome) {
		if o.Err != nil {
			t.Error(o.Err)
		}
	})

	// Nothing is under way of the one that has but one revision.
	if p := action.Prepare(t.Context(), refs[2:3], Aborting(c.admin, false)); !errors.Is(p[0].Err, ErrComplete) {
		t.Errorf("abort: %v", p[0].Err)
	}
}

// secondOf returns the second revision of a workload.
func secondOf(t *testing.T, c *cluster, ref kube.Ref) Revision {
	t.Helper()
	r, err := (&workload{c, ref}).history(t).Find(2)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
