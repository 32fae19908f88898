package triage

import (
	"quarterdeck/kube/field"
	"quarterdeck/kube/object"
)

// silence is how old the last status of a node may be, in seconds: kubelets
// write it every five minutes even if nothing is new
// (https://kubernetes.io/docs/reference/node/node-status/#heartbeats).
const silence = 15 * 60

// nodeSilent finds nodes that count as ready although their kubelets have not
// written so for long: their leases may be renewed, their status is old. It
// looks when something else makes it look at the node.
func nodeSilent() Rule {
	return rule(Rule{ID: "node-silent", On: Nodes, Checks: "what nodes report is not old", Depth: Cause},
		func(c *Cluster, n *object.Node) *Finding {
			if !n.Ready || n.Heard == 0 || c.Now-n.Heard < silence {
				return nil
			}
			on := c.Ref(Nodes, &n.Meta)
			return &Finding{
				Severity: Warn, What: "status is old", Why: "Ready, but its kubelet has not written so for more than " + field.Age(silence), Since: n.Heard,
				Evidence: []Evidence{{
					Text: "last heartbeat of Ready", Source: FromCondition, Where: on.String() + " status.conditions[Ready].lastHeartbeatTime", On: on, At: n.Heard,
				}},
				Actions: leaving(on)[:2],
			}
		})
}
