//go:build e2e

package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/action"
	"quarterdeck/kube/kubetest"
)

// undoParts are the tests of history, undo and abort.
func undoParts() map[string]func(*cluster, *testing.T) {
	return map[string]func(*cluster, *testing.T){
		"undo of every stuck rollout":     testUndoStuck,
		"history of 50 revisions":         testLongHistory,
		"abort past several broken ones":  testAbort,
		"undo of a paused one":            testUndoPaused,
		"undo of what is not as expected": testUndoBadInput,
		"undo as users with few rights":   testUndoForbidden,
		"undo of many, and what is noted": testUndoMany,
	}
}

// fault is a change that makes a rollout stick, and what tells that it does.
type fault struct {
	name   string
	patch  string // of the pod template's spec, for its container app
	fields []string
	stuck  func(*corev1.Pod) bool // nil: no pod can be made
}

func faults() []fault {
	waits := func(reason string) func(*corev1.Pod) bool {
		return func(p *corev1.Pod) bool {
			return slices.ContainsFunc(p.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
				return s.State.Waiting != nil && s.State.Waiting.Reason == reason
			})
		}
	}
	app := func(fields string) string { return `{"containers":[{"name":"app",` + fields + `}]}` }
	return []fault{
		{"bad-image", app(`"image":"registry.example.com/shop/toolbox:never"`), []string{"containers[app].image"}, waits("ImagePullBackOff")},
		{"crash", app(`"image":"registry.example.com/shop/checkout:v2.3.1"`), []string{"containers[app].image"}, waits("CrashLoopBackOff")},
		{"probe", app(`"readinessProbe":{"httpGet":{"path":"/raedyz","port":8080}}`), []string{"containers[app].readinessProbe"}, func(p *corev1.Pod) bool {
			return p.Status.Phase == corev1.PodRunning && !ready(p)
		}},
		{"unschedulable", app(`"resources":{"requests":{"cpu":"4000"}}`), []string{"containers[app].resources.requests.cpu"}, func(p *corev1.Pod) bool {
			return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool { return c.Reason == corev1.PodReasonUnschedulable })
		}},
		{"quota", app(`"resources":{"requests":{"memory":"64Gi"}}`), []string{"containers[app].resources.requests.memory"}, nil},
	}
}

// parallel tells the StatefulSet that makes its pods all at once.
const parallel = "parallel"

// stuckWorkload is one whose rollout is made to stick.
type stuckWorkload struct {
	*workload
	fault fault
	first string // the hash that pods have before
	undo  *Undo
}

// testUndoStuck undoes each kind in each way to be stuck. All of them get stuck
// at the same time, since most of it is waiting.
func testUndoStuck(c *cluster, t *testing.T) {
	all := []*stuckWorkload{{fault: faults()[0], workload: c.create(t, c.namespace(t, "undo-"+parallel), StatefulSet, func(spec map[string]any) {
		spec["podManagementPolicy"] = "Parallel"
	})}}
	for _, f := range faults() {
		for _, kind := range kinds() {
			namespace := c.namespace(t, "undo-"+f.name+"-"+strings.ToLower(kind))
			if f.stuck == nil {
				c.limit(t, namespace)
			}
			all = append(all, &stuckWorkload{workload: c.create(t, namespace, kind, nil), fault: f})
		}
	}
	for _, s := range all {
		s.done(t)
		s.first = s.revisionNow(t)
	}
	for _, s := range all {
		s.change(t, "break it", `{"spec":{"template":{"spec":`+s.fault.patch+`}}}`)
	}
	for _, s := range all {
		s.sticks(t)
	}
	for _, s := range all {
		s.knowsItself(t)
		s.undoes(t)
	}
	for _, s := range all {
		s.delete(t, s.undo.Broken)
	}
	for _, s := range all {
		s.recovers(t)
	}
}

// knowsItself: the history tells the revision that is stuck from the one that
// was complete.
func (s *stuckWorkload) knowsItself(t *testing.T) {
	t.Helper()
	h := s.sameHistory(t)
	if target, ok := h.Target(); !ok || target.Number != 2 || target.Cause != "break it" || target.By.Manager != "kubectl-patch" {
		t.Errorf("the target of %s is %+v", s.ref.Where(), target)
	}
	if last, err := h.LastComplete(); err != nil || last.Revision.Number != 1 || !last.Sure {
		t.Errorf("the last complete revision of %s is %+v, %v", s.ref.Where(), last, err)
	}
}

// undoes takes the rollout back and waits until its controller has seen that.
func (s *stuckWorkload) undoes(t *testing.T) {
	t.Helper()
	s.sameUndo(t, 1)
	u, err := PrepareUndo(t.Context(), s.c.admin, s.ref, UndoOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.undo = u
	var names []string
	for _, f := range u.Fields {
		names = append(names, f.Name())
	}
	if !slices.Equal(names, s.fault.fields) {
		t.Errorf("undo of %s changes %q", s.ref.Where(), names)
	}
	said := undone(t, u)
	s.observed(t, s.get(t).GetGeneration())
	s.replacesNothing(t, u, said)
}

// recovers waits until the workload runs what it ran at first.
func (s *stuckWorkload) recovers(t *testing.T) {
	t.Helper()
	s.done(t)
	target, ok := s.sameHistory(t).Target()
	if !ok || target.Number != 3 || !target.Complete || !target.Template.Equal(s.undo.To.Template) {
		t.Errorf("%s is at %+v after the undo", s.ref.Where(), target)
	}
	// Who only takes fields away leaves no mark.
	if by := target.By.Manager; by != action.FieldManager && s.fault.name != "probe" {
		t.Errorf("%s was taken back by %s", s.ref.Where(), by)
	}
	for _, p := range s.pods(t, all) {
		if got := p.Labels[s.hash()]; got != s.first {
			t.Errorf("pod %s of %s is of %s, not of %s", p.Name, s.ref.Where(), got, s.first)
		}
	}
}

func all(*corev1.Pod) bool { return true }

// revisionNow returns the hash of a revision that a pod has now.
func (w *workload) revisionNow(t *testing.T) string {
	t.Helper()
	pods := w.pods(t, all)
	if len(pods) == 0 {
		t.Fatalf("%s has no pods", w.ref.Where())
	}
	return pods[0].Labels[w.hash()]
}

// limit gives a namespace a quota that has no room for what asks for much.
func (c *cluster) limit(t *testing.T, namespace string) {
	t.Helper()
	quotas := c.kube.CoreV1().ResourceQuotas(namespace)
	if _, err := quotas.Create(t.Context(), &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "small"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"requests.memory": resource.MustParse("1Gi")}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	kubetest.Eventually(t, "the quota of "+namespace, func(ctx context.Context) (bool, error) {
		q, err := quotas.Get(ctx, "small", metav1.GetOptions{})
		return err == nil && len(q.Status.Hard) > 0, err
	})
}

// sticks waits until the rollout sticks in the way of its fault.
func (s *stuckWorkload) sticks(t *testing.T) {
	t.Helper()
	kubetest.Eventually(t, fmt.Sprintf("%s to stick by its %s", s.ref.Where(), s.fault.name), func(ctx context.Context) (bool, error) {
		if s.fault.stuck == nil {
			events, err := s.c.kube.CoreV1().Events(s.ref.Namespace).List(ctx, metav1.ListOptions{FieldSelector: "reason=FailedCreate"})
			return err == nil && len(events.Items) > 0, err
		}
		return len(s.pods(t, func(p *corev1.Pod) bool { return p.Labels[s.hash()] != s.first && s.fault.stuck(p) })) > 0, nil
	})
}

// replacesNothing: the controller of a StatefulSet has seen that its template is
// good again, and leaves the broken pod as it is; so the undo must say that it
// is to be deleted. Other workloads, one whose pod could not be made and one that
// makes its pods all at once need nothing.
func (w *workload) replacesNothing(t *testing.T, u *Undo, said string) {
	t.Helper()
	if u.BrokenUnread != nil {
		t.Errorf("pods of %s: %v", w.ref.Where(), u.BrokenUnread)
	}
	blocked := w.ref.Kind == StatefulSet && !strings.Contains(w.ref.Namespace, "quota") && !strings.Contains(w.ref.Namespace, parallel)
	if blocked != (len(u.Broken) == 1) || blocked != strings.Contains(said, "delete pod/shop-1 after this") {
		t.Errorf("%s: broken pods are %v, and it says %q", w.ref.Where(), u.Broken, said)
	}
	if !blocked {
		return
	}
	if !slices.Contains(u.Change.Warnings, said) {
		t.Errorf("%s warns %q", w.ref.Where(), u.Change.Warnings)
	}
	pod, err := w.c.kube.CoreV1().Pods(w.ref.Namespace).Get(t.Context(), "shop-1", metav1.GetOptions{})
	if err != nil || pod.UID != u.Broken[0].UID || pod.DeletionTimestamp != nil {
		t.Errorf("pod shop-1 of %s: %v, %v", w.ref.Where(), pod.Status, err)
	}
	again, err := ReadBroken(t.Context(), w.c.admin, w.ref)
	if err != nil || !slices.Equal(again, u.Broken) {
		t.Errorf("asked again, broken pods of %s are %v, %v", w.ref.Where(), again, err)
	}
}

// testLongHistory compares long histories with kubectl's, goes far back, and
// back from there.
func testLongHistory(c *cluster, t *testing.T) {
	const revisions, to = 50, 17
	for _, kind := range kinds() {
		w := c.create(t, c.namespace(t, "long-"+strings.ToLower(kind)), kind, func(spec map[string]any) {
			none(kind)(spec)
			spec["revisionHistoryLimit"] = int64(60)
		})
		w.observed(t, 1)
		w.numbered(t, 1)
		for n := int64(2); n <= revisions; n++ {
			w.change(t, fmt.Sprintf("release %d", n), fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"release":"%d"}}}}}`, n))
			w.numbered(t, n)
		}
		h := w.sameHistory(t)
		if len(h.Revisions) != revisions || !h.Revisions[0].Target || h.Revisions[0].Number != revisions {
			t.Fatalf("%s has %d revisions", w.ref.Where(), len(h.Revisions))
		}
		old, err := h.Find(to)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(Compare(old.Template, h.Current)); got != fmt.Sprintf("[annotations.release %d → %d]", to, revisions) {
			t.Errorf("from %d to %d: %s", to, revisions, got)
		}
		w.sameUndo(t, to)
		u, err := PrepareUndo(t.Context(), c.admin, w.ref, UndoOptions{Revision: to})
		if err != nil {
			t.Fatal(err)
		}
		undone(t, u)
		w.observed(t, w.get(t).GetGeneration())
		w.numbered(t, revisions+1)
		h = w.sameHistory(t)
		if target, _ := h.Target(); target.Number != revisions+1 || target.UID != old.UID {
			t.Errorf("%s went back to %+v", w.ref.Where(), target)
		}
		if _, err := h.Find(to); err == nil {
			t.Errorf("%s still has revision %d", w.ref.Where(), to)
		}

		// The undo is taken back as any other change.
		back, err := c.admin.Undo(t.Context(), u.Change)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := back.Make(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.observed(t, w.get(t).GetGeneration())
		w.numbered(t, revisions+2)
		if target, _ := w.sameHistory(t).Target(); target.Number != revisions+2 || target.Cause != fmt.Sprintf("release %d", revisions) {
			t.Errorf("%s came back to %+v", w.ref.Where(), target)
		}
	}
}

// numbered waits until the revision that the workload asks for has a number. Its
// controller gives it the one after the highest that it knows of, which may not be
// the newest yet: what is made meanwhile gets a number that another one has, and
// what is gone back to may keep its own. The next look of the controller mends
// that, but of a StatefulSet that made a revision: it may keep the number, so the
// next one is only to be asked for when the last one can be read.
func (w *workload) numbered(t *testing.T, want int64) {
	t.Helper()
	kubetest.Succeeds(t, func(context.Context) error {
		target, _ := w.history(t).Target()
		if target.Number == want {
			return nil
		}
		w.wake(t)
		return fmt.Errorf("%s asks for revision %d, not %d", w.ref.Where(), target.Number, want)
	})
}

// wake has the controller of a StatefulSet or DaemonSet look again, which a new
// revision does not. That of a Deployment looks at every ReplicaSet anyway, and
// would copy the annotation to them.
func (w *workload) wake(t *testing.T) {
	t.Helper()
	if w.ref.Kind == Deployment {
		return
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{"woken":%q}}}`, time.Now().Format(time.RFC3339Nano))
	if _, err := w.objects().Patch(t.Context(), w.ref.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}
