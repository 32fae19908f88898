package triage

import (
	appsv1 "k8s.io/api/apps/v1"

	"quarterdeck/kube/field"
	"quarterdeck/kube/object"
)

// rolloutStuck finds Deployments whose controller has given the rollout up: no
// progress for spec.progressDeadlineSeconds; see
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#failed-deployment.
func rolloutStuck() Rule {
	return rule(Rule{ID: "rollout-stuck", On: Deployments, Checks: "rollouts make progress within their deadline", Depth: Progress},
		func(c *Cluster, d *object.Workload) *Finding {
			cond := d.Rolling.Condition(string(appsv1.DeploymentProgressing))
			if cond == nil || cond.Reason != "ProgressDeadlineExceeded" || cond.Status == "True" || d.Paused || d.Deleted != 0 || d.Behind {
				return nil
			}
			on := c.Ref(Deployments, &d.Meta)
			f := &Finding{
				Severity: unserved(d), What: "rollout stuck, " + readyOf(d), Why: "no progress within its deadline", Since: cond.Changed,
				Blame: c.blamePods(d), Actions: c.undo(on), Evidence: []Evidence{conditionOf(on, cond, "status.conditions[Progressing]")},
			}
			if d.Rolling.Deadline > 0 {
				f.Why += " of " + field.Age(int64(d.Rolling.Deadline))
			}
			if spent := unavailable(d); spent != "" {
				f.Why += ", " + spent
			}
			if r := c.barred(d); r != nil {
				f.Home, f.Actions = r.by, nil // another revision would be refused as well
			}
			return f
		})
}
