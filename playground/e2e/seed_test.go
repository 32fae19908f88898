//go:build linux

package e2e

import (
	"context"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/playground/cluster"
)

func TestSeededCluster(t *testing.T) {
	p := up(t, newDir(t), "--nodes", "20", "--pods", "1010")
	client := p.client(t, cluster.AdminContext)
	ctx := t.Context()

	pods, err := client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(pods.Items) != 1010 {
		t.Errorf("%d pods", len(pods.Items))
	}
	failing := 0
	for _, pod := range pods.Items {
		if waiting := pod.Status.ContainerStatuses[0].State.Waiting; waiting != nil && waiting.Reason == "CrashLoopBackOff" {
			failing++
		}
	}
	if failing != 1 {
		t.Errorf("%d pods fail", failing)
	}
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(nodes.Items) != 20 {
		t.Errorf("%d nodes", len(nodes.Items))
	}

	// The API server accepts every kind of object as its own: what is not
	// valid fails on the first update.
	label := []byte(`{"metadata":{"labels":{"touched":"yes"}}}`)
	pod := pods.Items[0]
	if _, err := client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, label, metav1.PatchOptions{}); err != nil {
		t.Errorf("patch pod: %v", err)
	}
	apply := []byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"` + pod.Name + `","labels":{"applied":"yes"}}}`)
	if _, err := client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.ApplyPatchType, apply, metav1.PatchOptions{FieldManager: "e2e"}); err != nil {
		t.Errorf("apply to pod: %v", err)
	}
	status := []byte(`{"status":{"message":"touched"}}`)
	if _, err := client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, status, metav1.PatchOptions{}, "status"); err != nil {
		t.Errorf("patch status of pod: %v", err)
	}
	if _, err := client.CoreV1().Nodes().Patch(ctx, pod.Spec.NodeName, types.MergePatchType, label, metav1.PatchOptions{}); err != nil {
		t.Errorf("patch node: %v", err)
	}
	if _, err := client.CoreV1().Namespaces().Patch(ctx, pod.Namespace, types.MergePatchType, label, metav1.PatchOptions{}); err != nil {
		t.Errorf("patch namespace: %v", err)
	}
	replicaSet, deployment := owners(t, p, &pod)
	if _, err := client.AppsV1().ReplicaSets(pod.Namespace).Patch(ctx, replicaSet.Name, types.MergePatchType, label, metav1.PatchOptions{}); err != nil {
		t.Errorf("patch replica set: %v", err)
	}
	scale := []byte(`{"spec":{"replicas":7}}`)
	if _, err := client.AppsV1().Deployments(pod.Namespace).Patch(ctx, deployment.Name, types.MergePatchType, scale, metav1.PatchOptions{}); err != nil {
		t.Errorf("scale deployment: %v", err)
	}

	now := int64(0)
	if err := client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		t.Errorf("delete pod: %v", err)
	}
	if _, err := client.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the deleted pod: %v", err)
	}
	bare := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "bare"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "example.com/app"}}},
	}
	if _, err := client.CoreV1().Pods(pod.Namespace).Create(ctx, bare, metav1.CreateOptions{}); err != nil {
		t.Errorf("create pod: %v", err)
	}
}

// owners follows a pod's owner references up to its Deployment.
func owners(t *testing.T, p *playground, pod *corev1.Pod) (*appsv1.ReplicaSet, *appsv1.Deployment) {
	t.Helper()
	apps := p.client(t, cluster.AdminContext).AppsV1()
	owner := metav1.GetControllerOf(pod)
	replicaSet, err := apps.ReplicaSets(pod.Namespace).Get(t.Context(), owner.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if replicaSet.UID != owner.UID {
		t.Error("the pod's owner is another replica set")
	}
	owner = metav1.GetControllerOf(replicaSet)
	deployment, err := apps.Deployments(pod.Namespace).Get(t.Context(), owner.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if deployment.UID != owner.UID {
		t.Error("the replica set's owner is another deployment")
	}
	return replicaSet, deployment
}

func TestChurn(t *testing.T) {
	p := up(t, newDir(t), "--nodes", "5", "--pods", "200", "--churn", "50")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	watch, err := p.client(t, cluster.ViewerContext).CoreV1().Pods("").Watch(ctx, metav1.ListOptions{ResourceVersion: "0", AllowWatchBookmarks: false})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	// Broken and mended pods both show up, and none goes away.
	broken, mended := map[string]bool{}, map[string]bool{}
	for started := time.Now(); len(mended) < 10; {
		event, ok := <-watch.ResultChan()
		if !ok {
			t.Fatalf("the watch ended after %v with %d broken and %d mended pods", time.Since(started), len(broken), len(mended))
		}
		pod, ok := event.Object.(*corev1.Pod)
		if !ok || event.Type == "DELETED" {
			t.Fatalf("%s: %v", event.Type, event.Object)
		}
		switch ready := pod.Status.ContainerStatuses[0].Ready; {
		case !ready && pod.Status.ContainerStatuses[0].State.Running != nil:
			broken[pod.Name] = true
		case ready && broken[pod.Name]:
			mended[pod.Name] = true
		}
	}
}
