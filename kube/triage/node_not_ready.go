package triage

import (
	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/object"
)

// joinGrace is how long a new node may take to become ready, in seconds.
const joinGrace = 120

// nodeNotReady finds nodes whose kubelet says that it cannot run pods, or says
// nothing at all; see https://kubernetes.io/docs/reference/node/node-status/.
// Where nearly all nodes of a zone are so, it is the zone that is in trouble.
func nodeNotReady() Rule {
	return rule(Rule{ID: "node-not-ready", On: Nodes, Checks: "nodes are ready", Depth: Cause},
		func(c *Cluster, n *object.Node) *Finding {
			if n.Ready || n.Deleted != 0 {
				return nil
			}
			on := c.Ref(Nodes, &n.Meta)
			cond := n.Condition(string(corev1.NodeReady))
			silent := cond != nil && cond.Status == string(corev1.ConditionUnknown)
			if !silent && !c.Lasted(n.Created, joinGrace) { // it joins
				return nil
			}
			f := &Finding{
				Severity: Crit, What: "NotReady", Why: "its kubelet has never reported", Since: n.Created,
				Evidence: []Evidence{{Text: "no Ready condition", Source: FromField, Where: on.String() + " status.conditions", On: on}},
				Actions:  leaving(on)[:2],
			}
			if cond != nil {
				f.Why, f.Since, f.Evidence = said(cond), cond.Changed, []Evidence{nodeCondition(on, cond)}
			}
			if silent {
				f.Why = "the kubelet is silent"
			}
			c.Depends(Nodes, "") // the others of its zone
			if c.zones[n.Zone].down() {
				f.Home = zoneRef(n.Zone)
			}
			return f
		})
}
