//go:build e2e

package action

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/util/retry"

	"quarterdeck/kube"
	"quarterdeck/kube/kubetest"
)

func (s *cluster) testScale(t *testing.T) {
	cart := deployRef("web", "cart")
	replicas := func() int32 { return *s.deployment(t, "web", "cart").Spec.Replicas }
	for _, tt := range []struct {
		text    string
		to      int32
		summary string
	}{{"3", 3, "replicas 2 → 3"}, {"+2", 4, "replicas 2 → 4"}, {"0", 0, "replicas 2 → 0"}} {
		done, _ := s.made(t)(s.admin.Scale(t.Context(), cart, tt.text))
		if got := replicas(); got != tt.to || done.Summary != tt.summary {
			t.Errorf("scaled to %d, want %d: %s", got, tt.to, done.Summary)
		}
		s.undone(t, done)
		if got := replicas(); got != 2 {
			t.Errorf("%d replicas after undo, want 2", got)
		}
	}

	// From none, too: the server leaves out what is 0.
	s.made(t)(s.admin.Scale(t.Context(), cart, "0"))
	done, _ := s.made(t)(s.admin.Scale(t.Context(), cart, "2"))
	s.undone(t, done)
	if got := replicas(); got != 0 {
		t.Errorf("%d replicas after undo, want 0", got)
	}
	done, _ = s.made(t)(s.admin.Scale(t.Context(), cart, "2"))

	// Somebody else scales: there is no undo, and it says who.
	s.patch(t, cart, `{"spec":{"replicas":5}}`, "kubectl-scale")
	_, err := s.admin.Undo(t.Context(), done)
	if !errors.As(err, new(*Moved)) || !says(err, "spec.replicas is 5 now, not 2: kubectl-scale changed it at ") {
		t.Errorf("undo after another change: %v", err)
	}
	s.patch(t, cart, `{"spec":{"replicas":2}}`, "kubectl-scale")
	for text, want := range map[string]string{"-3": "less than 0", "x": "type a number", "2": "nothing to do: it has 2 replicas already"} {
		if _, err := s.admin.Scale(t.Context(), cart, text); !says(err, want) {
			t.Errorf("scale to %s: %v", text, err)
		}
	}
	if _, err := s.admin.Scale(t.Context(), refOf("apps", "daemonsets", "DaemonSet", "kube-system", "kube-proxy"), "3"); !says(err, "cannot be scaled: its kind has no replicas") {
		t.Errorf("scale a daemon set: %v", err)
	}
}

func (s *cluster) testScaleCustom(t *testing.T) {
	crds := s.admin.objects.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	crd := objectOf(t, `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"farms.test.example.com"},
		"spec":{"group":"test.example.com","scope":"Namespaced","names":{"kind":"Farm","plural":"farms","singular":"farm"},
		"versions":[{"name":"v1","served":true,"storage":true,
			"subresources":{"status":{},"scale":{"specReplicasPath":".spec.workers.count","statusReplicasPath":".status.count"}},
			"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}`)
	if _, err := crds.Create(t.Context(), crd, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	farm := refOf("test.example.com", "farms", "Farm", "web", "north")
	obj := objectOf(t, `{"apiVersion":"test.example.com/v1","kind":"Farm","metadata":{"name":"north"},"spec":{"workers":{"count":1}}}`)
	kubetest.Eventually(t, "the custom resource", func(ctx context.Context) (bool, error) {
		_, err := s.admin.resource(farm).Create(ctx, obj, metav1.CreateOptions{})
		return err == nil, nil
	})
	count := func() any {
		now, err := s.admin.get(t.Context(), farm)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := At(now.Object, []string{"spec", "workers", "count"})
		return n
	}
	for _, text := range []string{"4", "0"} {
		done, _ := s.made(t)(s.admin.Scale(t.Context(), farm, text))
		if got := Word(count()); got != text {
			t.Errorf("%s workers, want %s", got, text)
		}
		s.undone(t, done)
		if got := count(); got != int64(1) {
			t.Errorf("%v workers after undo", got)
		}
	}
	if _, err := s.admin.Scale(t.Context(), refOf("data.example.com", "databases", "Database", "data", "orders"), "3"); !says(err, "cannot be scaled: its kind has no replicas") {
		t.Errorf("scale what has no scale: %v", err)
	}
}

func (s *cluster) testWorkload(t *testing.T) {
	cart := deployRef("web", "cart")
	before := s.deployment(t, "web", "cart")
	change, _ := s.made(t)(s.admin.Restart(t.Context(), cart))
	after := s.deployment(t, "web", "cart")
	if after.Spec.Template.Annotations[restartedAt] == before.Spec.Template.Annotations[restartedAt] || after.Generation != before.Generation+1 {
		t.Errorf("not restarted: %v", after.Spec.Template.Annotations)
	}
	if _, err := s.admin.Undo(t.Context(), change); !errors.Is(err, ErrNoUndo) {
		t.Errorf("undo of a restart: %v", err)
	}

	// One whose template has no annotations.
	s.made(t)(s.admin.Restart(t.Context(), refOf("apps", "statefulsets", "StatefulSet", "payments", "ledger")))
	s.made(t)(s.admin.Restart(t.Context(), refOf("apps", "daemonsets", "DaemonSet", "monitoring", "node-exporter")))

	done, _ := s.made(t)(s.admin.Pause(t.Context(), cart))
	if !s.deployment(t, "web", "cart").Spec.Paused {
		t.Error("not paused")
	}
	if _, err := s.admin.Pause(t.Context(), cart); !errors.Is(err, ErrNothingToDo) {
		t.Errorf("pause twice: %v", err)
	}
	if _, err := s.admin.Restart(t.Context(), cart); !says(err, "resume it first") {
		t.Errorf("restart of a paused one: %v", err)
	}
	s.undone(t, done)
	if s.deployment(t, "web", "cart").Spec.Paused {
		t.Error("still paused")
	}
	s.made(t)(s.admin.Pause(t.Context(), cart))
	done, _ = s.made(t)(s.admin.Resume(t.Context(), cart))
	if s.deployment(t, "web", "cart").Spec.Paused {
		t.Error("not resumed")
	}
	s.undone(t, done)
	s.made(t)(s.admin.Resume(t.Context(), cart))
}

func (s *cluster) testImage(t *testing.T) {
	thumbs := deployRef("batch", "thumbnailer")
	done, _ := s.made(t)(s.admin.SetImage(t.Context(), thumbs, "uploader", ":1.1"))
	images := func() []string {
		var all []string
		for _, c := range s.deployment(t, "batch", "thumbnailer").Spec.Template.Spec.Containers {
			all = append(all, c.Image)
		}
		return all
	}
	const resize, uploader = "registry.example.com/shop/thumbnailer:v1.1.0", "registry.example.com/shop/toolbox"
	if got := images(); !slices.Equal(got, []string{resize, uploader + ":1.1"}) {
		t.Errorf("images %q", got)
	}
	s.undone(t, done)
	if got := images(); !slices.Equal(got, []string{resize, uploader + ":1.0"}) {
		t.Errorf("images after undo %q", got)
	}
	s.made(t)(s.admin.SetImage(t.Context(), refOf("batch", "cronjobs", "CronJob", "batch", "cleanup"), "cleanup", ":1.2"))
	cron, err := s.kube.BatchV1().CronJobs("batch").Get(t.Context(), "cleanup", metav1.GetOptions{})
	if err != nil || cron.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Image != uploader+":1.2" {
		t.Errorf("image of a cron job: %v, %v", cron, err)
	}
	// A pod of its own, and an init container.
	kubetest.Eventually(t, "the pod to have a node", func(ctx context.Context) (bool, error) {
		p, err := s.kube.CoreV1().Pods("batch").Get(ctx, "toolbox", metav1.GetOptions{})
		return err == nil && p.Spec.NodeName != "", err
	})
	s.made(t)(s.admin.SetImage(t.Context(), podRef("batch", "toolbox"), "toolbox", ":1.1"))
	done, _ = s.made(t)(s.admin.SetImage(t.Context(), deployRef("web", "storefront"), "warm-cache", ":1.38"))
	s.undone(t, done) // there is no such image, and a drain waits for its pods

	for want, tt := range map[string][2]string{
		`no container "app": it has resize, uploader`: {"app", ":v2"},
		"is no image":      {"uploader", "UPPER:v2"},
		"runs " + uploader: {"uploader", ":1.0"},
	} {
		if _, err := s.admin.SetImage(t.Context(), thumbs, tt[0], tt[1]); !says(err, want) {
			t.Errorf("image %q of %s: %v", tt[1], tt[0], err)
		}
	}

	// Another container has come to stand where this one stood.
	done, _ = s.made(t)(s.admin.SetImage(t.Context(), thumbs, "uploader", ":1.1"))
	if err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		d := s.deployment(t, "batch", "thumbnailer")
		slices.Reverse(d.Spec.Template.Spec.Containers)
		_, err := s.kube.AppsV1().Deployments("batch").Update(t.Context(), d, metav1.UpdateOptions{FieldManager: "kubectl-edit"})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.admin.Undo(t.Context(), done); !says(err, "containers[1].name is resize now, not uploader") {
		t.Errorf("undo with the containers turned around: %v", err)
	}
}

func (s *cluster) testJobs(t *testing.T) {
	mail := refOf("batch", "cronjobs", "CronJob", "batch", "report-mail")
	_, said := s.made(t)(s.admin.Trigger(t.Context(), mail))
	name := strings.TrimPrefix(said, "job ")
	job := s.complete(t, "batch", name)
	if o := metav1.GetControllerOf(job); o == nil || o.Kind != "CronJob" || o.Name != "report-mail" || o.BlockOwnerDeletion != nil {
		t.Errorf("the job is owned by %+v", o)
	}
	if job.Annotations["cronjob.kubernetes.io/instantiate"] != "manual" {
		t.Errorf("annotations of the job: %v", job.Annotations)
	}

	// As a developer, and of a job that the cron job made itself.
	reconcile := refOf("batch", "cronjobs", "CronJob", "payments", "reconcile")
	_, said = s.made(t)(s.dev.Trigger(t.Context(), reconcile))
	s.complete(t, "payments", strings.TrimPrefix(said, "job "))
	for _, old := range []kube.Ref{
		refOf("batch", "jobs", "Job", "payments", strings.TrimPrefix(said, "job ")),
		refOf("batch", "jobs", "Job", "batch", "migrate-schema"),
	} {
		s.complete(t, old.Namespace, old.Name)
		_, said := s.made(t)(s.admin.Rerun(t.Context(), old))
		again := s.complete(t, old.Namespace, strings.TrimPrefix(said, "job "))
		if again.UID == old.UID || again.Spec.Selector.MatchLabels[batchv1.ControllerUidLabel] != string(again.UID) {
			t.Errorf("the job again: %v", again.Spec.Selector)
		}
	}

	done, _ := s.made(t)(s.admin.Suspend(t.Context(), mail))
	suspended := func() bool {
		c, err := s.kube.BatchV1().CronJobs("batch").Get(t.Context(), "report-mail", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return c.Spec.Suspend != nil && *c.Spec.Suspend
	}
	if !suspended() {
		t.Error("not suspended")
	}
	change := prepared(t)(s.admin.Trigger(t.Context(), mail))
	if !slices.ContainsFunc(change.Warnings, func(w string) bool { return strings.Contains(w, "suspended") }) {
		t.Errorf("trigger of a suspended one warns %q", change.Warnings)
	}
	s.undone(t, done)
	if suspended() {
		t.Error("still suspended")
	}
	done, _ = s.made(t)(s.admin.Suspend(t.Context(), mail))
	s.patch(t, mail, `{"spec":{"suspend":false}}`, "operator")
	if _, err := s.admin.Undo(t.Context(), done); !says(err, "spec.suspend is false now, not true: operator changed it") {
		t.Errorf("undo after somebody else: %v", err)
	}
	s.made(t)(s.admin.Suspend(t.Context(), mail))
	s.made(t)(s.admin.Unsuspend(t.Context(), mail))
	if suspended() {
		t.Error("not resumed")
	}
}

// complete waits until a job has completed.
func (s *cluster) complete(t *testing.T, namespace, name string) *batchv1.Job {
	t.Helper()
	var job *batchv1.Job
	kubetest.Eventually(t, "job "+name+" to complete", func(ctx context.Context) (bool, error) {
		var err error
		job, err = s.kube.BatchV1().Jobs(namespace).Get(ctx, name, metav1.GetOptions{})
		return err == nil && job.Status.Succeeded > 0, err
	})
	return job
}

func (s *cluster) testMeta(t *testing.T) {
	maps := s.kube.CoreV1().ConfigMaps("web")
	if _, err := maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "plain"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	plain := mapRef("web", "plain")
	read := func() *corev1.ConfigMap {
		m, err := maps.Get(t.Context(), "plain", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	pairs := func(text string) Pairs {
		p, err := ParsePairs(text)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first, _ := s.made(t)(s.admin.Label(t.Context(), plain, pairs("example.com/a= c=1 7=x"))) // it has no labels at all
	if got := read().Labels; len(got) != 3 || got["c"] != "1" || got["7"] != "x" {
		t.Errorf("labels %v", got)
	}
	second, _ := s.made(t)(s.admin.Label(t.Context(), plain, pairs("c=2 7-")))
	if got := read().Labels; len(got) != 2 || got["c"] != "2" {
		t.Errorf("labels %v", got)
	}
	if _, err := s.admin.Undo(t.Context(), first); !says(err, "metadata.labels[7] is unset now, not x") {
		t.Errorf("undo of the first of two: %v", err)
	}
	s.undone(t, second)
	s.made(t)(s.admin.Undo(t.Context(), first))
	if got := read().Labels; len(got) != 0 {
		t.Errorf("labels after undo %v", got)
	}
	done, _ := s.made(t)(s.admin.Annotate(t.Context(), plain, pairs(`example.com/note="두 낱말" x=`)))
	if got := read().Annotations["example.com/note"]; got != "두 낱말" {
		t.Errorf("note %q", got)
	}
	s.undone(t, done)
	if _, err := s.admin.Label(t.Context(), plain, pairs("absent-")); !errors.Is(err, ErrNothingToDo) {
		t.Errorf("removing what is not there: %v", err)
	}

	// A finalizer keeps it until that is removed.
	s.patch(t, plain, `{"metadata":{"finalizers":["example.com/one","example.com/two"]}}`, "controller")
	change := prepared(t)(s.admin.Delete(t.Context(), plain, DeleteOptions{}))
	if !slices.Contains(change.Warnings, "it goes only after its finalizers: example.com/one, example.com/two") {
		t.Errorf("delete warns %q", change.Warnings)
	}
	if _, err := change.Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.made(t)(s.admin.RemoveFinalizer(t.Context(), plain, "example.com/one"))
	if got := read().Finalizers; !slices.Equal(got, []string{"example.com/two"}) {
		t.Errorf("finalizers %q", got)
	}
	if _, err := s.admin.RemoveFinalizer(t.Context(), plain, "example.com/one"); !says(err, "has no finalizer") {
		t.Errorf("removed twice: %v", err)
	}
	change = prepared(t)(s.admin.RemoveFinalizer(t.Context(), plain, "example.com/two"))
	if _, err := change.Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := maps.Get(t.Context(), "plain", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("it is still there: %v", err)
	}
}

// tainted waits until a node has the taint of a cordon, or has it no more: a
// controller sees to that, and one that is late would do it amid what follows.
func (s *cluster) tainted(t *testing.T, node kube.Ref, want bool) {
	t.Helper()
	kubetest.Eventually(t, fmt.Sprintf("the taint of a cordon on %s: %t", node, want), func(ctx context.Context) (bool, error) {
		n, err := s.kube.CoreV1().Nodes().Get(ctx, node.Name, metav1.GetOptions{})
		return err == nil && want == slices.ContainsFunc(n.Spec.Taints, func(taint corev1.Taint) bool {
			return taint.Key == corev1.TaintNodeUnschedulable
		}), err
	})
}

func (s *cluster) testNodes(t *testing.T) {
	node := nodeRef("std-a-02")
	read := func() *corev1.Node {
		n, err := s.kube.CoreV1().Nodes().Get(t.Context(), node.Name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	done, _ := s.made(t)(s.admin.Cordon(t.Context(), node))
	if !read().Spec.Unschedulable {
		t.Error("not cordoned")
	}
	s.tainted(t, node, true)
	if _, err := s.admin.Cordon(t.Context(), node); !errors.Is(err, ErrNothingToDo) {
		t.Errorf("cordon twice: %v", err)
	}
	s.undone(t, done)
	if read().Spec.Unschedulable {
		t.Error("still cordoned")
	}
	s.tainted(t, node, false)
	s.made(t)(s.admin.Cordon(t.Context(), node))
	s.tainted(t, node, true)
	s.made(t)(s.admin.Uncordon(t.Context(), node))
	if read().Spec.Unschedulable {
		t.Error("not uncordoned")
	}
	s.tainted(t, node, false)

	taint := func(text string) (Change, error) {
		parsed, err := ParseTaints(text)
		if err != nil {
			t.Fatal(err)
		}
		return s.admin.Taint(t.Context(), node, parsed, text)
	}
	kubetest.Until(t, "the node to have no taints", func() bool { return len(read().Spec.Taints) == 0 })
	first, _ := s.made(t)(taint("example.com/gpu=yes:NoSchedule old:PreferNoSchedule"))
	if got := read().Spec.Taints; len(got) != 2 || got[0].Value != "yes" {
		t.Errorf("taints %v", got)
	}
	if _, err := taint("old:PreferNoSchedule"); !errors.Is(err, ErrNothingToDo) {
		t.Errorf("the same taint: %v", err)
	}
	if _, err := taint("none-"); !says(err, "has no taint none") {
		t.Errorf("remove what is not there: %v", err)
	}
	second, _ := s.made(t)(taint("example.com/gpu=no:NoSchedule old-"))
	if got := read().Spec.Taints; len(got) != 1 || got[0].Value != "no" {
		t.Errorf("taints %v", got)
	}
	s.undone(t, second)
	s.made(t)(s.admin.Undo(t.Context(), first))
	if got := read().Spec.Taints; len(got) != 0 {
		t.Errorf("taints after undo %v", got)
	}
}

func (s *cluster) goneSoon(t *testing.T, ref kube.Ref) {
	t.Helper()
	kubetest.Eventually(t, ref.String()+" to go", func(ctx context.Context) (bool, error) {
		_, err := s.admin.read(ctx, ref, "")
		return errors.Is(err, ErrGone) || errors.Is(err, ErrReplaced), nil
	})
}

func (s *cluster) testDelete(t *testing.T) {
	done, _ := s.made(t)(s.admin.Delete(t.Context(), s.newMap(t, "doomed"), DeleteOptions{}))
	s.goneSoon(t, done.Ref)
	if said, err := done.Make(t.Context()); err != nil || said != "it was gone already" {
		t.Errorf("deleted twice: %q, %v", said, err)
	}
	for name, o := range map[string]DeleteOptions{"soft": {}, "quick": {Grace: new(int64(0))}, "hard": {Force: true}} {
		done, _ := s.made(t)(s.admin.Delete(t.Context(), s.newPod(t, name, "", nil), o))
		s.goneSoon(t, done.Ref)
	}

	// What it owns goes with it, or stays.
	for policy, stay := range map[metav1.DeletionPropagation]bool{
		metav1.DeletePropagationOrphan: true, metav1.DeletePropagationForeground: false, metav1.DeletePropagationBackground: false,
	} {
		owner := s.newMap(t, "owner")
		owned := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owned", OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: owner.UID, BlockOwnerDeletion: new(true)},
		}}}
		if _, err := s.kube.CoreV1().ConfigMaps("web").Create(t.Context(), owned, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		done, _ := s.made(t)(s.admin.Delete(t.Context(), owner, DeleteOptions{Propagation: policy}))
		s.goneSoon(t, done.Ref)
		ref := mapRef("web", "owned")
		kubetest.Eventually(t, string(policy), func(ctx context.Context) (bool, error) {
			m, err := s.kube.CoreV1().ConfigMaps("web").Get(ctx, "owned", metav1.GetOptions{})
			if stay {
				return err == nil && len(m.OwnerReferences) == 0, err
			}
			return apierrors.IsNotFound(err), nil
		})
		if stay {
			s.made(t)(s.admin.Delete(t.Context(), ref, DeleteOptions{}))
		}
	}
}

func (s *cluster) newBudget(t *testing.T, namespace, name, app string, least int) {
	t.Helper()
	budgets := s.kube.PolicyV1().PodDisruptionBudgets(namespace)
	pdb := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MinAvailable: new(intstr.FromInt32(int32(least))), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}},
		},
	}
	if _, err := budgets.Create(t.Context(), pdb, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	kubetest.Eventually(t, "budget "+name, func(ctx context.Context) (bool, error) {
		now, err := budgets.Get(ctx, name, metav1.GetOptions{})
		return err == nil && now.Status.ObservedGeneration == now.Generation && now.Status.CurrentHealthy > 0, err
	})
}

func (s *cluster) testEvict(t *testing.T) {
	free := s.newPod(t, "free", "", nil)
	done, _ := s.made(t)(s.admin.Evict(t.Context(), free, nil))
	s.goneSoon(t, free)
	if said, err := done.Make(t.Context()); err != nil || said != "it was gone already" {
		t.Errorf("evicted twice: %q, %v", said, err)
	}

	held := s.newPod(t, "held", "", nil)
	s.newBudget(t, "web", "held", "held", 1)
	change := prepared(t)(s.admin.Evict(t.Context(), held, nil))
	for _, err := range []error{change.Try(t.Context()), func() error { _, err := change.Make(t.Context()); return err }()} {
		if !errors.As(err, new(*Blocked)) || !says(err, "The disruption budget held needs 1 healthy pods and has 1 currently") {
			t.Errorf("evicted past its budget: %v", err)
		}
	}
	notes := inWords(s.admin.Check(t.Context(), []Change{change}))
	if want := "2 pdb/held allows no disruption now: it needs 1 healthy pods, and has 1"; !slices.Contains(notes, want) {
		t.Errorf("notes %q", notes)
	}
	s.made(t)(s.admin.Delete(t.Context(), held, DeleteOptions{}))
	s.goneSoon(t, held)
}
