//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"errors"
	"io"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// health returns everything that is wrong with the cluster.
func (p playground) health(ctx context.Context) error {
	return errors.Join(
		p.nodesHealth(ctx), p.workloadsHealth(ctx), p.podsHealth(ctx), p.batchHealth(ctx),
		p.policyHealth(ctx), p.storageHealth(ctx), p.networkHealth(ctx),
	)
}

func (p playground) nodesHealth(ctx context.Context) error {
	nodes, err := p.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	if len(nodes.Items) != 12 {
		return problem("%d nodes", len(nodes.Items))
	}
	for _, n := range nodes.Items {
		for _, c := range n.Status.Conditions {
			if (c.Type == corev1.NodeReady) != (c.Status == corev1.ConditionTrue) {
				err = errors.Join(err, problem("node %s: %s=%s", n.Name, c.Type, c.Status))
			}
		}
	}
	return err
}

func (p playground) workloadsHealth(ctx context.Context) error {
	deployments, err := p.client.AppsV1().Deployments("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, d := range deployments.Items {
		err = errors.Join(err, deploymentHealth(&d))
	}
	sets, listErr := p.client.AppsV1().StatefulSets("").List(ctx, metav1.ListOptions{})
	if listErr != nil {
		return listErr
	}
	for _, s := range sets.Items {
		if want := *s.Spec.Replicas; s.Status.ReadyReplicas != want || s.Status.UpdatedReplicas != want || s.Status.CurrentRevision != s.Status.UpdateRevision {
			err = errors.Join(err, problem("statefulset %s: %+v", s.Name, s.Status))
		}
	}
	daemons, listErr := p.client.AppsV1().DaemonSets("").List(ctx, metav1.ListOptions{})
	if listErr != nil {
		return listErr
	}
	for _, d := range daemons.Items {
		if s := d.Status; s.NumberReady != 12 || s.UpdatedNumberScheduled != 12 || s.NumberMisscheduled != 0 {
			err = errors.Join(err, problem("daemonset %s: %+v", d.Name, s))
		}
	}
	return err
}

func deploymentHealth(d *appsv1.Deployment) error {
	want := *d.Spec.Replicas
	s := d.Status
	if want == 0 || s.ObservedGeneration < d.Generation || s.Replicas != want || s.UpdatedReplicas != want || s.AvailableReplicas != want {
		return problem("deployment %s/%s: %d of %d available, %d updated, %d in all", d.Namespace, d.Name, s.AvailableReplicas, want, s.UpdatedReplicas, s.Replicas)
	}
	for _, c := range s.Conditions {
		if (c.Type == appsv1.DeploymentReplicaFailure) == (c.Status == corev1.ConditionTrue) {
			return problem("deployment %s/%s: %s=%s %s", d.Namespace, d.Name, c.Type, c.Status, c.Message)
		}
	}
	return nil
}

func (p playground) podsHealth(ctx context.Context) error {
	pods, err := p.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, pod := range pods.Items {
		ofJob := false
		for _, owner := range pod.OwnerReferences {
			ofJob = ofJob || owner.Kind == "Job"
		}
		switch {
		case pod.Status.Phase == corev1.PodFailed:
			err = errors.Join(err, problem("pod %s/%s failed", pod.Namespace, pod.Name))
		case ofJob: // it may be about to start or end
		case pod.DeletionTimestamp != nil:
			err = errors.Join(err, problem("pod %s/%s is still stopping", pod.Namespace, pod.Name))
		case pod.Status.Phase != corev1.PodRunning || !ready(&pod):
			err = errors.Join(err, problem("pod %s/%s is %s and not ready", pod.Namespace, pod.Name, pod.Status.Phase))
		}
	}
	return err
}

func ready(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (p playground) batchHealth(ctx context.Context) error {
	jobs, err := p.client.BatchV1().Jobs("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, j := range jobs.Items {
		if j.Status.Failed > 0 {
			err = errors.Join(err, problem("job %s/%s: %d pods failed", j.Namespace, j.Name, j.Status.Failed))
		}
		if len(j.OwnerReferences) == 0 && j.Status.CompletionTime == nil {
			err = errors.Join(err, problem("job %s/%s is not complete", j.Namespace, j.Name))
		}
	}
	crons, listErr := p.client.BatchV1().CronJobs("").List(ctx, metav1.ListOptions{})
	if listErr != nil {
		return listErr
	}
	for _, c := range crons.Items {
		if c.Spec.Schedule == "* * * * *" && c.Status.LastSuccessfulTime == nil {
			err = errors.Join(err, problem("cron job %s/%s has not succeeded yet", c.Namespace, c.Name))
		}
	}
	return err
}

func (p playground) policyHealth(ctx context.Context) error {
	scalers, err := p.client.AutoscalingV2().HorizontalPodAutoscalers("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, h := range scalers.Items {
		if len(h.Status.Conditions) == 0 || h.Status.CurrentReplicas >= h.Spec.MaxReplicas {
			err = errors.Join(err, problem("autoscaler %s: %d replicas, conditions %v", h.Name, h.Status.CurrentReplicas, h.Status.Conditions))
		}
		for _, c := range h.Status.Conditions {
			if (c.Type == autoscalingv2.ScalingLimited) == (c.Status == corev1.ConditionTrue) {
				err = errors.Join(err, problem("autoscaler %s: %s=%s %s", h.Name, c.Type, c.Status, c.Message))
			}
		}
	}
	budgets, listErr := p.client.PolicyV1().PodDisruptionBudgets("").List(ctx, metav1.ListOptions{})
	if listErr != nil {
		return listErr
	}
	for _, b := range budgets.Items {
		if b.Status.DisruptionsAllowed == 0 {
			err = errors.Join(err, problem("budget %s allows no disruption", b.Name))
		}
	}
	quotas, listErr := p.client.CoreV1().ResourceQuotas("").List(ctx, metav1.ListOptions{})
	if listErr != nil {
		return listErr
	}
	for _, q := range quotas.Items {
		for name, hard := range q.Status.Hard {
			used := q.Status.Used[name]
			if used.AsApproximateFloat64() > 0.9*hard.AsApproximateFloat64() {
				err = errors.Join(err, problem("quota %s: %s of %s %s", q.Name, used.String(), hard.String(), name))
			}
		}
	}
	return err
}

func (p playground) storageHealth(ctx context.Context) error {
	claims, err := p.client.CoreV1().PersistentVolumeClaims("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, c := range claims.Items {
		if c.Status.Phase != corev1.ClaimBound {
			err = errors.Join(err, problem("claim %s/%s is %s", c.Namespace, c.Name, c.Status.Phase))
		}
	}
	return err
}

func (p playground) networkHealth(ctx context.Context) error {
	services, err := p.client.CoreV1().Services("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, s := range services.Items {
		if len(s.Spec.Selector) == 0 {
			continue
		}
		if n, listErr := p.endpoints(ctx, s.Namespace, s.Name); listErr != nil || n == 0 {
			err = errors.Join(err, listErr, problem("service %s/%s has no endpoints", s.Namespace, s.Name))
		}
		if s.Spec.Type == corev1.ServiceTypeLoadBalancer && len(s.Status.LoadBalancer.Ingress) == 0 {
			err = errors.Join(err, problem("service %s/%s has no address", s.Namespace, s.Name))
		}
	}
	return err
}

// endpoints counts the ready endpoints of a Service.
func (p playground) endpoints(ctx context.Context, namespace, name string) (int, error) {
	slices, err := p.client.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + name})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, s := range slices.Items {
		for _, e := range s.Endpoints {
			if e.Conditions.Ready != nil && *e.Conditions.Ready {
				n++
			}
		}
	}
	return n, nil
}

// awaitLine reads until a line comes, and goes on reading in the background so
// that the writer never blocks.
func awaitLine(t *testing.T, r io.Reader, want string) {
	t.Helper()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if lines.Text() == want {
			go func() {
				for lines.Scan() {
				}
			}()
			return
		}
	}
	t.Fatalf("the output ended before the line %q: %v", want, lines.Err())
}
