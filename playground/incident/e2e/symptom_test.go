//go:build e2e

package e2e

import (
	"context"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// look returns why a symptom is not there.
type look = func(context.Context) error

// symptoms returns what each incident looks like to somebody who reads the API.
func symptoms(client kubernetes.Interface) map[string]look {
	s := signs{client}
	return map[string]look{
		"image-pull": s.container("web", "app=cart", func(c corev1.ContainerStatus) bool {
			return c.State.Waiting != nil && c.State.Waiting.Reason == "ImagePullBackOff" && strings.Contains(c.State.Waiting.Message, "not found")
		}, "Failed", "BackOff"),
		"crash-loop": s.container("payments", "app=checkout", func(c corev1.ContainerStatus) bool {
			last := c.LastTerminationState.Terminated
			return c.RestartCount >= 2 && c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff" && last != nil && last.ExitCode == 1
		}, "BackOff"),
		"oom-kill": s.container("data", "app=queue", func(c corev1.ContainerStatus) bool {
			last := c.LastTerminationState.Terminated
			return last != nil && last.Reason == "OOMKilled" && last.ExitCode == 137
		}, "BackOff"),
		"unschedulable-too-big": s.unschedulable("batch", "app=etl", "Insufficient cpu"),
		"unschedulable-taint":   s.unschedulable("monitoring", "app=grafana", "untolerated taint"),
		"rollout-stuck":         s.condition("payments", "fraud-check", appsv1.DeploymentProgressing, corev1.ConditionFalse, "ProgressDeadlineExceeded"),
		"node-not-ready":        s.nodeGone("std-c-02"),
		"quota-exceeded":        s.condition("batch", "thumbnailer", appsv1.DeploymentReplicaFailure, corev1.ConditionTrue, "FailedCreate"),
		"service-no-endpoints": func(ctx context.Context) error {
			n, err := playground{client: client}.endpoints(ctx, "web", "search")
			if err == nil && n > 0 {
				err = problem("the service has %d endpoints", n)
			}
			return err
		},
		"pvc-pending": func(ctx context.Context) error {
			claim, err := client.CoreV1().PersistentVolumeClaims("data").Get(ctx, "backup-target", metav1.GetOptions{})
			if err == nil && claim.Status.Phase != corev1.ClaimPending {
				err = problem("the claim is %s", claim.Status.Phase)
			}
			if err != nil {
				return err
			}
			return s.unschedulable("data", "app=backup", "PersistentVolumeClaim")(ctx)
		},
		"missing-configmap": s.container("web", "app=wishlist", func(c corev1.ContainerStatus) bool {
			return c.State.Waiting != nil && c.State.Waiting.Reason == "CreateContainerConfigError" && strings.Contains(c.State.Waiting.Message, `configmap "wishlist-v2" not found`)
		}, "Failed"),
		"readiness-failing": s.container("web", "app=catalog", func(c corev1.ContainerStatus) bool {
			return c.State.Running != nil && !c.Ready
		}, "Unhealthy"),
		"hpa-at-max": func(ctx context.Context) error {
			scaler, err := client.AutoscalingV2().HorizontalPodAutoscalers("web").Get(ctx, "search", metav1.GetOptions{})
			if err != nil {
				return err
			}
			for _, c := range scaler.Status.Conditions {
				if c.Reason == "TooManyReplicas" && c.Status == corev1.ConditionTrue && scaler.Status.CurrentReplicas == scaler.Spec.MaxReplicas {
					return nil
				}
			}
			return problem("%d of %d replicas, conditions %v", scaler.Status.CurrentReplicas, scaler.Spec.MaxReplicas, scaler.Status.Conditions)
		},
	}
}

// signs makes looks.
type signs struct{ client kubernetes.Interface }

// container finds a pod with a container in a state, and events of a kubelet about it.
func (s signs) container(namespace, selector string, match func(corev1.ContainerStatus) bool, reasons ...string) look {
	return func(ctx context.Context) error {
		pods, err := s.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return err
		}
		for _, pod := range pods.Items {
			for _, c := range pod.Status.ContainerStatuses {
				if !match(c) {
					continue
				}
				for _, reason := range reasons {
					if err := s.event(ctx, &pod, reason); err != nil {
						return err
					}
				}
				return nil
			}
		}
		return problem("no container of %s in %s is in that state", selector, namespace)
	}
}

func (s signs) event(ctx context.Context, pod *corev1.Pod, reason string) error {
	events, err := s.client.CoreV1().Events(pod.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector: "involvedObject.uid=" + string(pod.UID) + ",reason=" + reason,
	})
	if err != nil {
		return err
	}
	for _, e := range events.Items {
		if e.Source.Component == "kubelet" && e.Source.Host == pod.Spec.NodeName && strings.HasPrefix(e.InvolvedObject.FieldPath, "spec.containers{") {
			return nil
		}
	}
	return problem("no event %s of the kubelet about %s", reason, pod.Name)
}

func (s signs) unschedulable(namespace, selector, why string) look {
	return func(ctx context.Context) error {
		pods, err := s.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return err
		}
		for _, pod := range pods.Items {
			for _, c := range pod.Status.Conditions {
				if c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonUnschedulable && strings.Contains(c.Message, why) {
					return nil
				}
			}
		}
		return problem("no pod of %s in %s is unschedulable for %q", selector, namespace, why)
	}
}

func (s signs) condition(namespace, name string, kind appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason string) look {
	return func(ctx context.Context) error {
		d, err := s.client.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range d.Status.Conditions {
			if c.Type == kind && c.Status == status && c.Reason == reason {
				return nil
			}
		}
		return problem("the conditions of %s are %v", name, d.Status.Conditions)
	}
}

// nodeGone finds a node whose kubelet is silent, and its pods no longer ready.
func (s signs) nodeGone(name string) look {
	return func(ctx context.Context) error {
		node, err := s.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status != corev1.ConditionUnknown {
				return problem("node %s is Ready=%s", name, c.Status)
			}
		}
		pods, err := s.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + name})
		if err != nil {
			return err
		}
		if len(pods.Items) == 0 {
			return problem("node %s has no pods", name)
		}
		for _, pod := range pods.Items {
			if ready(&pod) {
				return problem("pod %s on node %s is ready", pod.Name, name)
			}
		}
		return nil
	}
}
