package triage

import (
	"quarterdeck/kube/field"
	"quarterdeck/kube/object"
)

// oomKilled finds containers that the kernel kills because they use more memory
// than their limit, or than their node has; see
// https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/.
func oomKilled() Rule {
	return crashRule(Rule{ID: "oom-killed", Checks: "containers are not killed for their use of memory"}, outOfMem,
		func(c *Cluster, p *object.Pod, k *object.Container, _ *object.Termination) *Finding {
			f := &Finding{What: "out of memory", Why: called(p, k) + " is killed: out of memory, has no limit", Actions: crashActions(c, p, k)}
			spec := "spec.containers[" + k.Name + "].resources"
			if k.Limits.Memory > 0 {
				f.Why = called(p, k) + " is killed at its memory limit of " + field.Size(k.Limits.Memory)
				f.Evidence = []Evidence{{Text: "memory limit " + field.Size(k.Limits.Memory), Source: FromField, Where: c.Pod(p).String() + " " + spec + ".limits", On: c.Pod(p)}}
			} else { // so it was the node that ran out
				f.Blame = c.blameNode(p)
			}
			f.Why += " (" + plural(int(k.Restarts), "restart") + ")"
			f.Actions = append(f.Actions, Action{
				Do: Edit, On: c.Home(c.Pod(p), p.Owner), Words: "opens the workload to raise the memory limit of " + k.Name,
			})
			return f
		})
}
