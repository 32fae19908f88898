//go:build e2e

package e2e

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-helpers/resource"

	"quarterdeck/kube/field"
	"quarterdeck/ui/uitest"
)

// seeingRoom looks at where there is room, and asks what would happen if.
func seeingRoom() []scenario {
	return []scenario{
		{
			name: "where is room", args: []string{"nodes"}, size: size{160, 50},
			run: func(t *terminal) {
				t.Live().Press("4").Header("4 headroom").Live().Sees("REQ/LIM/USE", "largest pod that fits: ", "lose ", "tried ")
				nodes, err := t.api.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{Limit: 1})
				if err != nil {
					t.Fatal(err)
				}
				node := nodes.Items[0].Name
				t.Press("/", node, uitest.Enter).Header("/"+node, "1 of 12").Row(node).Press(uitest.Enter).Header("node "+node).Sees("RESOURCE", "ALLOCATABLE")
				t.requested(node)
				t.Press(uitest.Esc).Header("4 headroom").Press(uitest.Esc).Row("std-a-01").Press(uitest.Tab).Header("by zone").Row("zone-a")
				t.Press(uitest.Tab).Header("by pool").Row("std").Press(uitest.Tab).Header("by namespace").Row("payments", "%")
				t.Press(uitest.Tab).Header("by workload").Row("payments", "checkout").Press(uitest.Tab).Header("4 headroom").Row(node)
			},
		},
		{
			name: "what if", args: []string{"nodes"}, size: size{120, 40},
			run: func(t *terminal) {
				t.Live().Press("4").Live().Press("w").Footer("what if›").Press("place 900 1Gi x3", uitest.Enter)
				t.Header("what if place 900").Sees("0 of 3 pods fit, 3 would stay pending", "Insufficient cpu", "and 2 more", "What may make it come out otherwise")
				t.Press(uitest.Esc).Header("4 headroom").Press("w").Footer("what if›").Press("place 10m 1Mi x3", uitest.Enter)
				t.Header("what if place 10m").Sees("all 3 pods fit", "Where they would go")
				t.Press(uitest.Esc).Header("4 headroom").Press("w").Footer("what if›").Press("lose nowhere", uitest.Enter).
					Footer("not answered: node nowhere is not in the cluster")
			},
		},
		{
			name: "room for who may not list nodes", context: "payments-dev", args: []string{"pods"}, size: size{160, 50},
			run: func(t *terminal) {
				t.Live().Press("4").Header("4 headroom", "partial").Sees("not read: nodes (forbidden: list nodes)", "pods of other namespaces than payments", "n/a")
				t.Press(uitest.Tab, uitest.Tab, uitest.Tab).Header("by namespace").Row("payments", "%")
				t.Press("w").Footer("what if›").Press("place 1 1Gi x2", uitest.Enter).Footer("nodes could not be read", "forbidden")
			},
		},
	}
}

// requested waits until the screen shows what the pods of a node request by the
// API: they come and go meanwhile.
func (t *terminal) requested(node string) {
	t.Helper()
	t.await("what the pods of "+node+" request", patience, func(screen string) bool {
		list, err := t.api.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
		if err != nil {
			t.Fatal(err)
		}
		var cpu, memory int64
		pods := 0
		for i := range list.Items {
			p := &list.Items[i]
			if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
				continue
			}
			requests := resource.PodRequests(p, resource.PodResourcesOptions{})
			cpu += requests.Cpu().MilliValue()
			memory += requests.Memory().Value()
			pods++
		}
		found := 0
		for line := range strings.Lines(screen) {
			words := strings.Fields(line)
			for resource, amount := range map[string]string{"cpu": field.Cores(cpu), "mem": field.Size(memory), "pods": strconv.Itoa(pods)} {
				if len(words) > 2 && words[0] == resource && strings.TrimSuffix(words[2], "c") == amount {
					found++
				}
			}
		}
		return found == 3
	})
}
