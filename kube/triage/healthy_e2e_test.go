//go:build e2e

package triage_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"quarterdeck/kube/kubetest"
)

// works has everything happen that happens in a healthy shop, for as long as
// QD_CHURN says, but once: nothing of it is an incident, at no time.
func (s shop) works(t *testing.T, f *follower) {
	var churn time.Duration
	if text := os.Getenv("QD_CHURN"); text != "" {
		var err error
		if churn, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	s.rolledOut(t) // as after its start
	f.forget()
	end := time.Now().Add(churn)
	for round := 0; round == 0 || time.Now().Before(end) && !t.Failed(); round++ {
		s.worksOnce(t, f, round)
	}
	f.await(t, "nothing is wrong", settled)
}

// worksOnce has everything happen at once.
func (s shop) worksOnce(t *testing.T, f *follower, round int) {
	t.Helper()
	for _, d := range []struct{ namespace, name string }{{"web", "storefront"}, {"web", "cart"}, {"payments", "checkout"}, {"data", "queue"}} {
		patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339))
		if _, err := s.admin.AppsV1().Deployments(d.namespace).Patch(t.Context(), d.name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	patch := fmt.Appendf(nil, `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339))
	if _, err := s.admin.AppsV1().StatefulSets("payments").Patch(t.Context(), "ledger", types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.admin.AppsV1().DaemonSets("kube-system").Patch(t.Context(), "kube-proxy", types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	s.scale(t, "wishlist", 5)
	s.addNode(t, fmt.Sprintf("std-c-%02d", 5+round))
	jobs := []*batchv1.Job{s.job(t, "reconcile", "payments", round), s.job(t, "report-mail", "batch", round)}
	s.rolledOut(t)
	s.scale(t, "wishlist", 2)
	s.until(t, "a CronJob has run by its schedule", func(ctx context.Context) (bool, error) {
		cron, err := s.admin.BatchV1().CronJobs("batch").Get(ctx, "report-mail", metav1.GetOptions{})
		return err == nil && cron.Status.LastScheduleTime != nil, err
	})
	s.rolledOut(t)
	for _, j := range jobs {
		s.until(t, "job "+j.Name+" is complete", func(ctx context.Context) (bool, error) {
			j, err := s.admin.BatchV1().Jobs(j.Namespace).Get(ctx, j.Name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return true, nil // only those that are complete are cleaned up, when newer ones are
			}
			return err == nil && j.Status.CompletionTime != nil, err
		})
	}
	for _, what := range f.forget() {
		t.Errorf("there was an incident: %s", what)
	}
}

// until waits for a condition.
func (s shop) until(t *testing.T, what string, condition wait.ConditionWithContextFunc) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, patience, true, condition); err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}

// rolledOut waits until every Deployment, StatefulSet and DaemonSet is as it
// should be, and the Jobs of the shop are done.
func (s shop) rolledOut(t *testing.T) {
	t.Helper()
	s.until(t, "everything is rolled out", func(ctx context.Context) (bool, error) {
		deployments, err := s.admin.AppsV1().Deployments("").List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, d := range deployments.Items {
			want, have := *d.Spec.Replicas, d.Status
			if have.ObservedGeneration < d.Generation || have.Replicas != want || have.UpdatedReplicas != want || have.AvailableReplicas != want {
				return false, nil
			}
		}
		sets, err := s.admin.AppsV1().StatefulSets("").List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, d := range sets.Items {
			want, have := *d.Spec.Replicas, d.Status
			if have.ObservedGeneration < d.Generation || have.UpdatedReplicas != want || have.AvailableReplicas != want {
				return false, nil
			}
		}
		daemons, err := s.admin.AppsV1().DaemonSets("").List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, d := range daemons.Items {
			have := d.Status
			if have.ObservedGeneration < d.Generation || have.UpdatedNumberScheduled != have.DesiredNumberScheduled || have.NumberAvailable != have.DesiredNumberScheduled {
				return false, nil
			}
		}
		jobs, err := s.admin.BatchV1().Jobs("").List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, j := range jobs.Items {
			if len(j.OwnerReferences) == 0 && j.Status.CompletionTime == nil {
				return false, nil
			}
		}
		return true, nil
	})
}

func (s shop) scale(t *testing.T, name string, replicas int) {
	t.Helper()
	patch := fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas)
	if _, err := s.admin.AppsV1().Deployments("web").Patch(t.Context(), name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// job runs a CronJob now.
func (s shop) job(t *testing.T, name, namespace string, round int) *batchv1.Job {
	t.Helper()
	cron, err := s.admin.BatchV1().CronJobs(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("%s-by-hand-%d", name, round), Namespace: namespace, Annotations: map[string]string{"cronjob.kubernetes.io/instantiate": "manual"},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(cron, batchv1.SchemeGroupVersion.WithKind("CronJob"))},
		},
		Spec: cron.Spec.JobTemplate.Spec,
	}
	var made *batchv1.Job
	kubetest.Eventually(t, "job "+job.Name+" is made", func(ctx context.Context) (bool, error) {
		made, err = s.admin.BatchV1().Jobs(namespace).Create(ctx, job, metav1.CreateOptions{})
		if apierrors.IsConflict(err) {
			return false, nil // the status of a quota has been written meanwhile
		}
		return err == nil, err
	})
	return made
}

// addNode adds a node like the others of its pool, which its kubelet brings up.
func (s shop) addNode(t *testing.T, name string) {
	t.Helper()
	like, err := s.admin.CoreV1().Nodes().Get(t.Context(), "std-c-03", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: like.Labels, Annotations: map[string]string{
			"metrics.k8s.io/resource-metrics-path": "/metrics/nodes/" + name + "/metrics/resource",
		}},
		Status: corev1.NodeStatus{
			Capacity: like.Status.Capacity, Allocatable: like.Status.Allocatable, Addresses: like.Status.Addresses, NodeInfo: like.Status.NodeInfo,
		},
	}
	n.Labels[corev1.LabelHostname] = name
	n, err = s.admin.CoreV1().Nodes().Create(t.Context(), n, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.until(t, "the new node is ready", func(ctx context.Context) (bool, error) {
		n, err = s.admin.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		for _, c := range n.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
				return true, nil
			}
		}
		return false, nil
	})
}
