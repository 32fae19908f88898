//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/ui/uitest"
)

// draining moves the pods of nodes elsewhere.
func draining() []scenario {
	return []scenario{
		{
			name: "drain a node and uncordon it again", cluster: workshop,
			args: []string{"nodes"},
			run: func(t *terminal) {
				t.settled()
				node, pods := t.nodeWith("")
				t.Live().Select(node).Press("D").Sees("drain node/"+node+"?", "stays", "kubectl --context playground drain "+node)
				t.Press(uitest.Right).Sees("emptyDir ‹lose›", "y drain")
				if t.unschedulable(node) { // its pods may go by themselves: Jobs end
					t.Fatal("the question has cordoned the node")
				}
				t.Press("y").Header("drain node/"+node).within(rolloutPatience, "done, ", "the node stays cordoned, u uncordons it")
				if !t.unschedulable(node) {
					t.Error("the node is not cordoned")
				}
				for uid, pod := range t.movable(node) {
					if _, was := pods[uid]; was {
						t.Errorf("%s/%s %s is still there", pod.Namespace, pod.Name, uid)
					}
				}
				t.elsewhere(pods)
				t.Press("u").Sees("undo cordon of node/"+node, "y undo").Press("y").Sees("which is undone")
				if t.unschedulable(node) {
					t.Error("the node is cordoned after the undo")
				}
				t.Press(":", "journal", uitest.Enter).Live().Row("drain", node, "done").Row("cordon", node, "undone")
			},
		},
		{
			name: "a drain that waits for a disruption budget is left and cancelled", cluster: workshop,
			args: []string{"nodes"}, size: size{80, 24},
			run: func(t *terminal) {
				t.hold("payments", "checkout")
				node, pods := t.nodeWith("payments/checkout-")
				t.Live().Select(node).Press("D").Sees("drain node/" + node + "?").Press(uitest.Right)
				t.Sees("emptyDir ‹lose›", "waits", "pdb/checkout needs", "allows no disruption", "y drain")
				t.Press("y").Header("drain node/"+node).Row("checkout-", "waiting").Sees("pdb/checkout needs").
					Footer("waits: pdb/checkout", "X cancel")
				t.Press(uitest.Esc).Header("nodes").Row(node, "Ready,cordoned").
					Press("X").Footer("drain "+node+": cancelled", "the node stays cordoned")
				left := 0
				for uid, pod := range t.movable(node) {
					if _, was := pods[uid]; was && strings.HasPrefix(pod.Name, "checkout-") && pod.DeletionTimestamp == nil {
						left++
					}
				}
				if left == 0 || !t.unschedulable(node) {
					t.Errorf("%d pods of checkout are left, cordoned %t", left, t.unschedulable(node))
				}
				t.Press(":", "drains", uitest.Enter).Live().Row(node, "cancelled").
					Press(uitest.Enter).Header("drain node/"+node).Row("checkout-", "not evicted")
				t.Press("u").Sees("undo cordon of node/"+node, "y undo").Press("y").Sees("which is undone")
				if t.unschedulable(node) {
					t.Error("the node is cordoned after the undo")
				}
			},
		},
		{
			name: "who may not drain nodes is told why", cluster: workshop,
			context: "viewer", args: []string{"nodes"},
			run: func(t *terminal) {
				t.Live().Press("D").Sees("not patch") // by what is known, or by the server
				t.allSchedulable()
			},
		},
		{
			name: "who sees no nodes is told why", cluster: workshop,
			context: "payments-dev", args: []string{"nodes"},
			run: func(t *terminal) {
				t.Sees("you (payments-dev) may not list nodes in the cluster").Press("D").Misses("drain node/")
				t.allSchedulable()
			},
		},
		{
			name: "nothing is drained in read-only mode", cluster: workshop,
			args: []string{"nodes", "--readonly"},
			run: func(t *terminal) {
				t.Live().Press("D").Footer("read-only").Misses("drain node/")
				t.allSchedulable()
			},
		},
	}
}

// movable returns the pods of a node that a drain moves.
func (t *terminal) movable(node string) map[types.UID]corev1.Pod {
	t.Helper()
	list, err := t.api.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		t.Fatal(err)
	}
	found := map[types.UID]corev1.Pod{}
	for _, pod := range list.Items {
		if owner := metav1.GetControllerOf(&pod); owner == nil || owner.Kind != "DaemonSet" {
			found[pod.UID] = pod
		}
	}
	return found
}

// settled waits until every pod has a node, and budgets have the pods that they
// expect: what has been started just now moves about.
func (t *terminal) settled() {
	t.Helper()
	t.eventually(func() bool {
		pods, err := t.api.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{FieldSelector: "spec.nodeName="})
		t.must(err)
		budgets, err := t.api.PolicyV1().PodDisruptionBudgets("").List(t.Context(), metav1.ListOptions{})
		t.must(err)
		return len(pods.Items) == 0 && !slices.ContainsFunc(budgets.Items, func(b policyv1.PodDisruptionBudget) bool {
			return b.Status.ObservedGeneration != b.Generation || b.Status.CurrentHealthy < b.Status.ExpectedPods
		})
	}, func() string { return "the shop is not up" })
}

// nodeWith returns the node with most pods among those where every pod has a
// controller and one begins with a namespace and a name.
func (t *terminal) nodeWith(prefix string) (node string, pods map[types.UID]corev1.Pod) {
	t.Helper()
	nodes, err := t.api.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{LabelSelector: "pool=std"})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes.Items {
		on := t.movable(n.Name)
		bare, fits := false, false
		for _, pod := range on {
			bare = bare || metav1.GetControllerOf(&pod) == nil
			fits = fits || strings.HasPrefix(pod.Namespace+"/"+pod.Name, prefix)
		}
		if !bare && fits && len(on) > len(pods) {
			node, pods = n.Name, on
		}
	}
	if node == "" {
		t.Fatalf("no node has a pod %s and none without a controller", prefix)
	}
	return node, pods
}

func (t *terminal) unschedulable(node string) bool {
	t.Helper()
	n, err := t.api.CoreV1().Nodes().Get(t.Context(), node, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return n.Spec.Unschedulable
}

func (t *terminal) allSchedulable() {
	t.Helper()
	nodes, err := t.api.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes.Items {
		if n.Spec.Unschedulable {
			t.Errorf("%s is cordoned", n.Name)
		}
	}
}

// elsewhere waits until the ReplicaSets of pods that were moved have as many
// available pods as they should.
func (t *terminal) elsewhere(pods map[types.UID]corev1.Pod) {
	t.Helper()
	var missing string
	t.eventually(func() bool {
		missing = ""
		for _, pod := range pods {
			owner := metav1.GetControllerOf(&pod)
			if owner.Kind != "ReplicaSet" {
				continue
			}
			rs, err := t.api.AppsV1().ReplicaSets(pod.Namespace).Get(t.Context(), owner.Name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if rs.Status.ReadyReplicas < *rs.Spec.Replicas {
				missing = fmt.Sprintf("%s has %d of %d pods", rs.Name, rs.Status.ReadyReplicas, *rs.Spec.Replicas)
			}
		}
		return missing == ""
	}, func() string { return missing })
}

// hold lets a disruption budget that counts pods allow no disruption until the scenario ends.
func (t *terminal) hold(namespace, name string) {
	t.Helper()
	budgets := t.api.PolicyV1().PodDisruptionBudgets(namespace)
	was, err := budgets.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	set := func(ctx context.Context, least string) error {
		patch := fmt.Sprintf(`{"spec":{"minAvailable":%s}}`, least)
		_, err := budgets.Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		return err
	}
	if err := set(t.Context(), fmt.Sprint(was.Status.ExpectedPods)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := set(context.Background(), was.Spec.MinAvailable.String()); err != nil {
			t.Error(err)
		}
	})
	t.eventually(func() bool {
		now, err := budgets.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return now.Status.DesiredHealthy == was.Status.ExpectedPods && now.Status.DisruptionsAllowed == 0
	}, func() string { return "pdb/" + name + " still allows disruptions" })
}

// eventually waits until something is so in the cluster.
func (t *terminal) eventually(ok func() bool, otherwise func() string) {
	t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	end := time.After(patience)
	for !ok() {
		select {
		case <-look.C:
		case <-end:
			t.Fatalf("waited %s: %s; the screen is:\n%s", patience, otherwise(), t.screen.Text())
		}
	}
}
