package triage

import (
	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/object"
)

// nodePressure finds nodes that run out of memory, disk or processes, where the
// kubelet evicts pods and takes no new ones; see
// https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/.
// What node-problem-detector reports of the kernel and the container runtime is
// found too.
func nodePressure() Rule {
	short := map[string]string{
		string(corev1.NodeMemoryPressure): "memory", string(corev1.NodeDiskPressure): "disk space", string(corev1.NodePIDPressure): "process IDs",
	}
	broken := map[string]string{
		"KernelDeadlock": "kernel deadlock", "ReadonlyFilesystem": "file system became read-only", "FrequentKubeletRestart": "kubelet restarts again and again",
		"FrequentContainerdRestart": "containerd restarts again and again",
	}
	return rule(Rule{ID: "node-pressure", On: Nodes, Checks: "nodes have memory, disk and process IDs left", Depth: Cause},
		func(c *Cluster, n *object.Node) *Finding {
			if !n.Ready {
				return nil // what a silent kubelet said last is no news
			}
			for i := range n.Conditions {
				k := &n.Conditions[i]
				what := broken[k.Type]
				if s, ok := short[k.Type]; ok {
					what = "short of " + s
				}
				if what == "" || k.Status != string(corev1.ConditionTrue) {
					continue
				}
				on := c.Ref(Nodes, &n.Meta)
				return &Finding{
					Severity: Warn, What: what, Why: said(k), Since: k.Changed,
					Evidence: []Evidence{nodeCondition(on, k)}, Actions: leaving(on),
				}
			}
			return nil
		})
}
