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
			if c.joins(n) {
				return nil
			}
			cond := n.Condition(string(corev1.NodeReady))
			f := &Finding{
				Severity: Crit, What: "NotReady", Why: "its kubelet has never reported", Since: n.Created,
				Evidence: []Evidence{{Text: "no Ready condition", Source: FromField, Where: on.String() + " status.conditions", On: on}},
				Actions:  leaving(on)[:2],
			}
			if cond != nil {
				f.Why, f.Since, f.Evidence = said(cond), cond.Changed, []Evidence{nodeCondition(on, cond)}
			}
			if silent(cond) {
				f.Why = "the kubelet is silent"
			}
			c.Depends(Nodes, "") // the others of its zone
			if c.zones[n.Zone].down() {
				f.Home = zoneRef(n.Zone)
			}
			return f
		})
}

// silent reports whether the Ready condition of a node says that its kubelet does
// not report any more.
func silent(ready *object.Condition) bool {
	return ready != nil && ready.Status == string(corev1.ConditionUnknown)
}

// joins reports whether a node that is not ready is new and still starts. If it
// does, what is being judged is judged again when it should be done.
func (c *Cluster) joins(n *object.Node) bool {
	return !silent(n.Condition(string(corev1.NodeReady))) && !c.Lasted(n.Created, joinGrace)
}
