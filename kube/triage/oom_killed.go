package triage

import (
	"quarterdeck/kube/field"
	"quarterdeck/kube/object"
)

// oomKilled finds containers that the kernel kills because they use more memory
// than their limit, or than their node has.
func oomKilled() Rule {
	return podRule(Rule{ID: "oom-killed", Checks: "containers are not killed for their use of memory", Depth: Cause},
		func(c *Cluster, p *object.Pod) *Finding {
			k, end := crashing(p)
			if k == nil || end.Reason != "OOMKilled" {
				return nil
			}
			why := called(p, k) + " is killed: out of memory"
			if k.Limits.Memory > 0 {
				why = called(p, k) + " is killed at its memory limit of " + field.Size(k.Limits.Memory)
			}
			return &Finding{
				Severity: Warn, What: "run out of memory", Why: why + " (" + plural(int(k.Restarts), "restart") + ")",
				Since: crashedSince(p, k, end), Evidence: crashEvidence(c, p, k, end),
				Actions: append(crashActions(c, p, k), Action{
					Do: Edit, On: c.Home(c.Pod(p), p.Owner), Words: "opens the workload to raise the memory limit of " + k.Name,
				}),
			}
		})
}
