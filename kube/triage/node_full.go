package triage

import (
	"fmt"

	"quarterdeck/kube/object"
)

// nodeFull finds nodes with as many pods as their kubelet takes, whatever is
// left of CPU and memory.
func nodeFull() Rule {
	return rule(Rule{ID: "node-full", On: Nodes, Checks: "nodes take more pods", Needs: []Resource{Pods}, Depth: Cause},
		func(c *Cluster, n *object.Node) *Finding {
			pods := c.PodsOn(n.Name)
			if n.Pods == 0 || int64(len(pods)) < n.Pods {
				return nil
			}
			taken := int64(0)
			for _, p := range pods {
				if p.Phase != "Succeeded" && p.Phase != "Failed" {
					taken++
				}
			}
			if taken < n.Pods {
				return nil
			}
			on := c.Ref(Nodes, &n.Meta)
			return &Finding{
				Severity: Info, What: "takes no more pods", Why: fmt.Sprintf("all of its %d pod slots are taken", n.Pods),
				Evidence: []Evidence{{
					Text: fmt.Sprintf("%d pods of %d", taken, n.Pods), Source: FromField, Where: on.String() + " status.allocatable.pods", On: on,
				}},
				Actions: []Action{
					{Do: WhatIf, On: on, Words: "shows where the pods of " + n.Name + " would go without it"},
					{Do: ShowHeadroom, On: on, Words: "shows which nodes have room"},
				},
			}
		})
}
