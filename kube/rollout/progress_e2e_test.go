//go:build e2e

package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"quarterdeck/kube"
	"quarterdeck/kube/kubetest"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// progressParts are the tests of how rollouts stand and what holds them.
func progressParts() map[string]func(*cluster, *testing.T) {
	return map[string]func(*cluster, *testing.T){"progress": testProgress}
}

// testProgress follows rollouts, healthy ones and others, and compares every
// step of every workload in the cluster with what kubectl says of it.
func testProgress(c *cluster, t *testing.T) {
	watchers := c.compareWithKubectl(t)
	t.Run("rollouts", func(t *testing.T) {
		for _, kind := range kinds() {
			t.Run("healthy "+kind, func(t *testing.T) {
				t.Parallel()
				testHealthy(c, t, kind)
			})
			for _, f := range faults() {
				t.Run(f.name+" "+kind, func(t *testing.T) {
					t.Parallel()
					testStuck(c, t, kind, f)
				})
			}
		}
		for name, test := range map[string]func(*cluster, *testing.T){
			"deadline": testDeadline, "partition": testPartition, "on delete, with a budget": testOnDelete, "finalizer": testFinalizer,
			"broken pod": testBrokenPod, "paused, and deleted": testPausedAndDeleted, "Argo Rollouts": testArgo, "few rights": testFewRights,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(c, t)
			})
		}
	})
	watchers.end(t)
}

// feed opens a Feed of a namespace.
func (c *cluster) feed(t *testing.T, namespace, user string, o Options) *Feed {
	t.Helper()
	flags := genericclioptions.NewConfigFlags(true)
	flags.KubeConfig, flags.Impersonate = &c.kubeconfig, &user
	client, err := (&kube.Connector{Flags: flags}).Connect("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	f := Open(client.Stores, store.Scope{Namespace: namespace}, o)
	t.Cleanup(f.Close)
	return f
}

// until waits until a rollout is as told, and returns all about it.
func (f *Feed) until(t *testing.T, w *workload, what string, is func(*Status) bool) Detail {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var last *Status
	for {
		f.Take()
		if s, ok := f.Find(w.ref, time.Now()); ok {
			last = s
			if is(s) {
				d, _ := f.Detail(s.UID, time.Now())
				return d
			}
		}
		select {
		case <-f.Changed():
		case <-time.After(time.Second): // what time alone brings
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s is %s: %s", w.ref.Where(), what, f.told(last))
		}
	}
}

// told is what is known of a rollout, of which nothing may have been seen yet.
func (f *Feed) told(s *Status) string {
	if s == nil {
		return "it was not seen"
	}
	said, _ := json.Marshal(s)
	d, _ := f.Detail(s.UID, time.Now())
	return fmt.Sprintf("%s, %d revisions with pods, %d events, blockers %+v, gaps %+v", said, len(d.Groups), len(d.Events), d.Blockers, d.Gaps)
}

// wait follows a rollout to its end.
func (f *Feed) wait(t *testing.T, w *workload, report func(*Status)) *Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	s, err := f.Wait(ctx, w.ref, w.get(t).GetGeneration(), report)
	if err != nil {
		t.Fatalf("%s: %v, %+v", w.ref.Where(), err, s)
	}
	return s
}

func namespaceOf(parts ...string) string {
	return strings.ReplaceAll(strings.ToLower("progress-"+strings.Join(parts, "-")), " ", "-")
}

func testHealthy(c *cluster, t *testing.T, kind string) {
	w := c.create(t, c.namespace(t, namespaceOf("healthy", kind)), kind, nil)
	f := c.feed(t, w.ref.Namespace, "", Options{Whole: true})
	if s := f.wait(t, w, func(*Status) {}); s.State != Complete || s.Revision != "1" || s.Percent != 100 {
		t.Fatalf("%+v", s)
	}
	w.change(t, "another setting", `{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"A","value":"1"}]}]}}}}`)
	last := followed(t, f, w)
	if last.State != Complete || !last.Done || last.Counts.New != last.Counts.Desired || last.Counts.Old != 0 || last.Counts.NewAvailable != last.Counts.Desired {
		t.Errorf("%+v", last)
	}
	if last.Revision != "2" || last.Cause != "another setting" || last.Started.By != "kubectl-patch" || last.Started.Source != "managedFields" {
		t.Errorf("started: %+v of revision %s", last.Started, last.Revision)
	}
	// What is read of events and pods may be a moment behind the status.
	d := f.until(t, w, "without old pods, blockers and gaps, and with 4 events", func(s *Status) bool {
		d, _ := f.Detail(s.UID, time.Now())
		return len(d.Groups) == 1 && d.Groups[0].Count(StageAvailable) == s.Counts.Desired &&
			len(d.Events) >= 4 && len(d.Blockers) == 0 && len(d.Gaps) == 0
	})
	if !slices.IsSortedFunc(d.Events, func(a, b *object.Event) int { return int(b.Last - a.Last) }) {
		t.Error("the events are in no order")
	}
}

// followed follows a healthy rollout to its end, and returns that.
func followed(t *testing.T, f *Feed, w *workload) *Status {
	t.Helper()
	steps, groups, percent := 0, 0, 0
	last := f.wait(t, w, func(s *Status) {
		steps++
		d, _ := f.Detail(s.UID, time.Now())
		groups = max(groups, len(d.Groups))
		if s.State != Complete && d.Next == "" {
			t.Errorf("nothing is next at %+v", s)
		}
		if s.State == Stuck || s.Percent < percent {
			t.Errorf("%d%% after %d%%: %+v", s.Percent, percent, s)
		}
		percent = s.Percent
	})
	if steps < 2 || groups != 2 {
		t.Errorf("%d steps, at most %d revisions with pods", steps, groups)
	}
	return last
}

// verdict is what must be said of a fault.
type verdict struct {
	state  State
	reason Reason
	words  string
	events []string // one of which must be among the evidence
}

func verdicts() map[string]verdict {
	return map[string]verdict{
		"bad-image":     {Stuck, ImagePull, "toolbox:never", []string{"Failed"}},
		"crash":         {Stuck, Crash, "app of checkout:v2.3.1 exits 1", []string{"BackOff"}},
		"probe":         {Progressing, Probe, "Readiness probe failed", []string{"Unhealthy"}},
		"unschedulable": {Stuck, Unschedulable, "Insufficient cpu", []string{"FailedScheduling"}},
		"quota":         {Stuck, Quota, "quota small would be exceeded", []string{"FailedCreate"}},
	}
}

func testStuck(c *cluster, t *testing.T, kind string, fault fault) {
	w := c.create(t, c.namespace(t, namespaceOf(fault.name, kind)), kind, nil)
	if fault.stuck == nil {
		c.limit(t, w.ref.Namespace)
	}
	w.done(t)
	w.change(t, "break it", `{"spec":{"template":{"spec":`+fault.patch+`}}}`)
	f := c.feed(t, w.ref.Namespace, "", Options{Whole: true})
	want := verdicts()[fault.name]
	d := f.until(t, w, fmt.Sprintf("%s by its %s", want.state, want.reason), func(s *Status) bool {
		if s.State != want.state || s.Blocker == nil || s.Blocker.Reason != want.reason {
			return false
		}
		return slices.ContainsFunc(s.Blocker.Evidence, func(e Evidence) bool {
			return e.Source == FromEvent && slices.Contains(want.events, e.Where[strings.LastIndexByte(e.Where, ' ')+1:])
		})
	})
	if b := d.Blockers[0]; !strings.Contains(b.Words, want.words) || b.Short == "" || b.Since == 0 {
		t.Errorf("%+v", b)
	}
	if s := d.Status; s.Done || s.Percent == 100 || s.Revision != "2" || s.Counts.New+s.Counts.Old != s.Counts.Total {
		t.Errorf("%+v", s)
	}
	if d.Next == "" {
		t.Error("nothing is next")
	}
	// A list without events says why, too, but for what only events tell.
	brief := c.feed(t, w.ref.Namespace, "", Options{})
	brief.until(t, w, "told in short", func(s *Status) bool {
		return s.State == want.state && s.Blocker != nil && s.Blocker.Reason == want.reason
	})
}

func testDeadline(c *cluster, t *testing.T) {
	w := c.create(t, c.namespace(t, namespaceOf("deadline")), Deployment, nil)
	w.done(t)
	w.change(t, "", `{"spec":{"progressDeadlineSeconds":10,"template":{"spec":{"containers":[{"name":"app","readinessProbe":{"httpGet":{"path":"/raedyz","port":8080}}}]}}}}`)
	f := c.feed(t, w.ref.Namespace, "", Options{Whole: true})
	f.wait(t, w, func(*Status) {})
	// The event of the probe may come after the end.
	s := f.until(t, w, "late by its probe", func(s *Status) bool { return s.Late && s.Blocker != nil && s.Blocker.Reason == Probe }).Status
	if good, over := s.Over(); good || !over || s.State != Stuck {
		t.Errorf("%+v %+v", s, s.Blocker)
	}
	if !slices.ContainsFunc(s.Blocker.Evidence, func(e Evidence) bool {
		return e.Source == FromCondition && strings.Contains(e.Where, deadlineExceeded)
	}) {
		t.Errorf("%+v", s.Blocker.Evidence)
	}
}

func testPartition(c *cluster, t *testing.T) {
	w := c.create(t, c.namespace(t, namespaceOf("partition")), StatefulSet, func(spec map[string]any) {
		spec["updateStrategy"] = map[string]any{"type": "RollingUpdate", "rollingUpdate": map[string]any{"partition": int64(1)}}
	})
	w.done(t)
	w.change(t, "", `{"spec":{"template":{"metadata":{"annotations":{"a":"1"}}}}}`)
	f := c.feed(t, w.ref.Namespace, "", Options{})
	if s := f.wait(t, w, func(*Status) {}); s.State != Partitioned || s.Partition != 1 || s.Counts.New != 1 || s.Counts.Old != 1 || !s.Done {
		t.Errorf("%+v", s)
	}
}

func testOnDelete(c *cluster, t *testing.T) {
	w := c.create(t, c.namespace(t, namespaceOf("on-delete")), StatefulSet, func(spec map[string]any) {
		spec["updateStrategy"] = map[string]any{"type": "OnDelete"}
	})
	f := c.feed(t, w.ref.Namespace, "", Options{Whole: true})
	f.until(t, w, "complete", func(s *Status) bool { return s.State == Complete })
	all := intstr.FromString("100%")
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "none-may-go"},
		Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: &all, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}},
	}
	if _, err := c.kube.PolicyV1().PodDisruptionBudgets(w.ref.Namespace).Create(t.Context(), budget, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.change(t, "", `{"spec":{"template":{"metadata":{"annotations":{"a":"1"}}}}}`)
	d := f.until(t, w, "waiting for deletes, which a budget refuses to evictions", func(s *Status) bool {
		d, _ := f.Detail(s.UID, time.Now())
		return s.State == OnDelete && slices.ContainsFunc(d.Blockers, func(b Blocker) bool { return b.Reason == Disruption })
	})
	if d.Blockers[0].Reason != ByDelete || !strings.Contains(d.Blockers[1].Words, "pdb/none-may-go allows no disruption now") {
		t.Errorf("%+v", d.Blockers)
	}
}

func testFinalizer(c *cluster, t *testing.T) {
	w := c.create(t, c.namespace(t, namespaceOf("finalizer")), Deployment, func(spec map[string]any) {
		metadata := spec["template"].(map[string]any)["metadata"].(map[string]any)
		metadata["finalizers"] = []any{"quarterdeck.example.com/hold"}
	})
	f := c.feed(t, w.ref.Namespace, "", Options{Whole: true})
	f.wait(t, w, func(*Status) {})
	w.change(t, "", `{"spec":{"template":{"metadata":{"annotations":{"a":"1"}}}}}`)
	d := f.until(t, w, "rolled out while old pods do not go", func(s *Status) bool {
		d, _ := f.Detail(s.UID, time.Now())
		return s.Done && len(d.Groups) == 2 && d.Groups[1].Count(StageTerminating, StageFailed) == int32(len(d.Groups[1].Pods))
	})
	if old := d.Groups[1]; d.Status.Counts.Terminating != int32(len(old.Pods)) || old.New {
		t.Errorf("%+v, %+v", d.Status.Counts, old)
	}
	pods := c.kube.CoreV1().Pods(w.ref.Namespace)
	background := metav1.DeletePropagationBackground
	if err := w.objects().Delete(t.Context(), w.ref.Name, metav1.DeleteOptions{PropagationPolicy: &background}); err != nil {
		t.Fatal(err)
	}
	list, err := pods.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list.Items {
		if _, err := pods.Patch(t.Context(), p.Name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
			t.Error(err)
		}
	}
}

func testBrokenPod(c *cluster, t *testing.T) {
	w := c.create(t, c.namespace(t, namespaceOf("broken-pod")), StatefulSet, nil)
	w.done(t)
	w.change(t, "", `{"spec":{"template":{"spec":`+faults()[0].patch+`}}}`)
	f := c.feed(t, w.ref.Namespace, "", Options{Whole: true})
	f.until(t, w, "stuck by the image", func(s *Status) bool { return s.State == Stuck && s.Blocker.Reason == ImagePull })
	// The template is mended, and still nothing happens.
	w.change(t, "", `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"`+toolbox+`"}]}}}}`)
	d := f.until(t, w, "stuck by the broken pod", func(s *Status) bool { return s.State == Stuck && s.Blocker.Reason == BrokenPod })
	if b := d.Blockers[0]; b.Pod != "shop-1" || !strings.Contains(b.Words, "so somebody must delete it") {
		t.Errorf("%+v", b)
	}
	if want := "waits for shop-1 to be available before it looks at any other"; d.Next != want {
		t.Errorf("next: %q, want %q", d.Next, want)
	}
	if err := c.kube.CoreV1().Pods(w.ref.Namespace).Delete(t.Context(), "shop-1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if s := f.wait(t, w, func(*Status) {}); s.State != Complete || !s.Started.Back {
		t.Errorf("%+v", s)
	}
}

func testPausedAndDeleted(c *cluster, t *testing.T) {
	w := c.create(t, c.namespace(t, namespaceOf("paused")), Deployment, nil)
	w.done(t)
	w.change(t, "", `{"spec":{"paused":true,"template":{"metadata":{"annotations":{"a":"1"}}}}}`)
	f := c.feed(t, w.ref.Namespace, "", Options{})
	f.until(t, w, "paused", func(s *Status) bool { return s.State == Paused && s.Blocker != nil && s.Blocker.Reason == PausedBySpec })
	ended := make(chan error, 1)
	paused := make(chan struct{})
	go func() {
		said := sync.OnceFunc(func() { close(paused) })
		_, err := f.Wait(t.Context(), w.ref, 0, func(*Status) { said() })
		ended <- err
	}()
	<-paused
	if err := w.objects().Delete(t.Context(), w.ref.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil && !strings.Contains(err.Error(), "deploy/shop in "+w.ref.Namespace+": it has been deleted meanwhile") {
			t.Error(err)
		}
	case <-t.Context().Done():
		t.Fatal("the wait does not end")
	}
	if _, err := f.Wait(t.Context(), kube.Ref{GVR: w.ref.GVR, Kind: w.ref.Kind, Namespace: w.ref.Namespace, Name: "no"}, 0, func(*Status) {}); err == nil ||
		!strings.Contains(err.Error(), "there is no such workload") {
		t.Error(err)
	}
}

// testFewRights is a user who may not see ReplicaSets and pods.
func testFewRights(c *cluster, t *testing.T) {
	w := c.create(t, c.namespace(t, namespaceOf("rights")), Deployment, nil)
	w.done(t)
	c.user(t, w.ref.Namespace, "deployments-only", rbacv1.PolicyRule{
		APIGroups: []string{"apps"}, Resources: []string{"deployments", "statefulsets", "daemonsets"}, Verbs: []string{"get", "list", "watch"},
	})
	f := c.feed(t, w.ref.Namespace, "deployments-only", Options{})
	d := f.until(t, w, "complete", func(s *Status) bool { return s.State == Complete && f.Synced() && len(f.Gaps()) == 4 }) // as soon as the right is known
	var gaps []string
	for _, g := range d.Gaps {
		gaps = append(gaps, g.Resource+" "+g.Status.Phase.String())
	}
	if want := []string{"controllerrevisions forbidden", "events forbidden", "pods forbidden", "replicasets forbidden"}; !slices.Equal(gaps, want) {
		t.Errorf("%q, want %q", gaps, want)
	}
	if c := d.Status.Counts; c.Terminating != Unknown || c.New != 2 {
		t.Errorf("%+v", c)
	}
}

func testArgo(c *cluster, t *testing.T) {
	objects := c.admin.Objects()
	crd := &unstructured.Unstructured{}
	if err := crd.UnmarshalJSON([]byte(`{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"rollouts.argoproj.io"},
		"spec":{"group":"argoproj.io","scope":"Namespaced","names":{"kind":"Rollout","plural":"rollouts","singular":"rollout"},
		"versions":[{"name":"v1alpha1","served":true,"storage":true,"subresources":{"status":{}},
			"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}`)); err != nil {
		t.Fatal(err)
	}
	crds := objects.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	if _, err := crds.Create(t.Context(), crd, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	w := &workload{c, kube.Ref{GVR: object.ArgoRollouts().GVR, Kind: ArgoRollout, Namespace: c.namespace(t, namespaceOf("argo")), Name: "shop"}}
	r := &unstructured.Unstructured{}
	if err := r.UnmarshalJSON([]byte(`{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout","metadata":{"name":"shop","annotations":{"rollout.argoproj.io/revision":"3"}},
		"spec":{"replicas":4,"selector":{"matchLabels":{"app":"shop"}},"template":{"metadata":{"labels":{"app":"shop"}},"spec":{"containers":[{"name":"app","image":"registry.example.com/shop:v3"}]}},
			"strategy":{"canary":{"steps":[{"setWeight":25},{"pause":{}},{"setWeight":50}]}}},
		"status":{}}`)); err != nil {
		t.Fatal(err)
	}
	kubetest.Eventually(t, "the custom resource", func(ctx context.Context) (bool, error) {
		_, err := w.objects().Create(ctx, r, metav1.CreateOptions{})
		return err == nil, nil
	})
	w.patchStatus(t, `{"phase":"Progressing","message":"more replicas need to be updated","currentStepIndex":0,"observedGeneration":"1","currentPodHash":"abc",
		"replicas":5,"updatedReplicas":1,"readyReplicas":4,"availableReplicas":4}`)
	f := c.feed(t, w.ref.Namespace, "", Options{Argo: true, Whole: true})
	d := f.until(t, w, "under way", func(s *Status) bool { return s.State == Progressing })
	if s := d.Status; s.Step != "step 1/3: weight 25%" || s.Revision != "3" || s.Counts.New != 1 || s.Counts.Old != 4 || s.Image() != "shop:v3" {
		t.Errorf("%+v", s)
	}
	w.patchStatus(t, `{"phase":"Paused","currentStepIndex":1,"message":"CanaryPauseStep","pauseConditions":[{"reason":"CanaryPauseStep","startTime":"2026-01-01T00:00:00Z"}]}`)
	d = f.until(t, w, "paused", func(s *Status) bool { return s.State == Paused })
	if want := "paused, step 2/3: pause until promoted"; d.Status.Words(time.Now()) != want || d.Next != "step 2/3: pause until promoted: CanaryPauseStep" {
		t.Errorf("%q, next %q", d.Status.Words(time.Now()), d.Next)
	}
	w.patchStatus(t, `{"phase":"Degraded","message":"ProgressDeadlineExceeded: timed out","pauseConditions":null}`)
	d = f.until(t, w, "stuck", func(s *Status) bool { return s.State == Stuck })
	if b := d.Blockers[0]; b.Reason != Degraded || !strings.Contains(b.Words, "timed out") {
		t.Errorf("%+v", b)
	}
	w.patchStatus(t, `{"phase":"Healthy","message":"","currentStepIndex":3,"updatedReplicas":4,"replicas":4}`)
	if s := f.until(t, w, "complete", func(s *Status) bool { return s.State == Complete }).Status; !s.Done || s.Percent != 100 {
		t.Errorf("%+v", s)
	}
}

func (w *workload) patchStatus(t *testing.T, status string) {
	t.Helper()
	if _, err := w.objects().Patch(t.Context(), w.ref.Name, types.MergePatchType, []byte(`{"status":`+status+`}`), metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
}
