package triage

import (
	"fmt"

	"quarterdeck/kube/object"
)

// budgetBlocks finds disruption budgets that let no pod go although all of them
// are healthy: nodes with their pods cannot be drained; see
// https://kubernetes.io/docs/tasks/run-application/configure-pdb/.
func budgetBlocks() Rule {
	return rule(Rule{ID: "budget-blocks", On: Budgets, Checks: "disruption budgets allow for drains", Depth: Effect},
		func(c *Cluster, b *object.Budget) *Finding {
			if b.Deleted != 0 || b.Allowed > 0 || b.Expected == 0 || b.Blocked == nil {
				return nil
			}
			on := c.Ref(Budgets, &b.Meta)
			f := &Finding{
				Severity: Info, What: "allows no disruption", Since: b.Blocked.Changed,
				Why: fmt.Sprintf("%s of %s, all healthy", b.Rule, plural(int(b.Expected), "pod")),
				Evidence: []Evidence{
					{Text: fmt.Sprintf("%d healthy of %d, %d must be", b.Healthy, b.Expected, b.Wanted), Source: FromField, Where: on.String() + " status.disruptionsAllowed", On: on},
					conditionOf(on, b.Blocked, "status.conditions[DisruptionAllowed]"),
				},
				Actions: []Action{{Do: Edit, On: on, Words: "opens the budget to let one pod go at a time"}},
			}
			if b.Blocked.Reason == "SyncFailed" {
				f.Severity, f.What, f.Why = Warn, "cannot be worked out", b.Blocked.Message
			} else if b.Healthy < b.Expected || b.Wanted < b.Expected {
				return nil // pods are in trouble, or were a moment ago
			}
			if !c.Lasted(b.Blocked.Changed, missingGrace) {
				return nil
			}
			return f
		})
}
