package cluster

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// AwaitNodes waits until a number of nodes are ready and take pods: a
// controller taints a new node until it saw it ready.
func AwaitNodes(ctx context.Context, client kubernetes.Interface, want int) error {
	return await(ctx, fmt.Sprintf("%d nodes to be ready", want), func(ctx context.Context) (bool, error) {
		nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		ready := 0
		for i := range nodes.Items {
			if takesPods(&nodes.Items[i]) {
				ready++
			}
		}
		return ready >= want, nil
	})
}

func takesPods(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	}) && !slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeNotReady })
}
