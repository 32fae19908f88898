package triage

import "quarterdeck/kube/object"

// nodeNotReady finds nodes whose kubelet says that it cannot run pods, or says
// nothing at all; see https://kubernetes.io/docs/reference/node/node-status/.
func nodeNotReady() Rule {
	return rule(Rule{ID: "node-not-ready", On: Nodes, Checks: "nodes are ready", Depth: Cause},
		func(c *Cluster, n *object.Node) *Finding {
			if n.Ready {
				return nil
			}
			on := c.Ref(Nodes, &n.Meta)
			return &Finding{
				Severity: Crit, What: "NotReady", Why: "the kubelet does not answer",
				Evidence: []Evidence{{Text: n.Status, Source: FromCondition, Where: on.String() + " status.conditions[Ready]", On: on}},
				Actions:  []Action{{Do: WhatIf, On: on, Words: "shows where its pods would go"}},
			}
		})
}
