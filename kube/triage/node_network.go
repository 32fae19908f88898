package triage

import (
	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/object"
)

// nodeNetwork finds nodes without a network for their pods: the network plugin
// or the cloud's routes have not been set up.
func nodeNetwork() Rule {
	return rule(Rule{ID: "node-network", On: Nodes, Checks: "nodes have a network", Depth: Cause},
		func(c *Cluster, n *object.Node) *Finding {
			k := n.Condition(string(corev1.NodeNetworkUnavailable))
			if k == nil || k.Status != string(corev1.ConditionTrue) || !c.Lasted(n.Created, joinGrace) {
				return nil
			}
			on := c.Ref(Nodes, &n.Meta)
			return &Finding{
				Severity: Crit, What: "without a network", Why: said(k), Since: k.Changed,
				Evidence: []Evidence{nodeCondition(on, k)}, Actions: leaving(on)[:2],
			}
		})
}
