package triage

import (
	"quarterdeck/kube/field"
	"quarterdeck/kube/object"
)

// forgotten is after how long nobody may remember what was stopped for a while,
// in seconds.
const forgotten = 3600

// nodeCordoned finds nodes that have been closed to new pods for so long that it
// may have been forgotten. The node controller writes since when into the taint
// that it makes of it.
func nodeCordoned() Rule {
	return rule(Rule{ID: "node-cordoned", On: Nodes, Checks: "no node stays cordoned", Depth: Cause},
		func(c *Cluster, n *object.Node) *Finding {
			if !n.Cordoned || n.Deleted != 0 {
				return nil
			}
			since := n.CordonedAt
			lasted := false
			if since != 0 {
				lasted = c.Lasted(since, forgotten)
			} else {
				since, lasted = c.Lasts(forgotten)
			}
			if !lasted {
				return nil
			}
			on := c.Ref(Nodes, &n.Meta)
			return &Finding{
				Severity: Info, What: "cordoned and forgotten", Why: "takes no new pods for more than " + field.Age(forgotten), Since: since,
				Evidence: []Evidence{{Text: "unschedulable", Source: FromField, Where: on.String() + " spec.unschedulable", On: on, At: n.CordonedAt}},
				Actions: []Action{
					{Do: WhatIf, On: on, Words: "shows where the pods of " + n.Name + " would go without it"},
					{Do: Uncordon, On: on, Words: "lets new pods onto " + n.Name + " again"},
					{Do: Drain, On: on, Words: "moves what still runs there to other nodes, as far as budgets allow"},
				},
			}
		})
}
