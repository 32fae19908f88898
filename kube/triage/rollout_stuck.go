package triage

import (
	appsv1 "k8s.io/api/apps/v1"

	"quarterdeck/kube/object"
)

// rolloutStuck finds Deployments whose controller has given the rollout up: no
// progress for spec.progressDeadlineSeconds; see
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#failed-deployment.
func rolloutStuck() Rule {
	return rule(Rule{ID: "rollout-stuck", On: Deployments, Checks: "rollouts make progress within their deadline", Depth: Progress},
		func(c *Cluster, d *object.Workload) *Finding {
			if d.Trouble != "ProgressDeadlineExceeded" || d.Paused || d.Deleted != 0 || d.Behind {
				return nil
			}
			cond := d.Rolling.Condition(string(appsv1.DeploymentProgressing))
			if cond == nil {
				return nil
			}
			on := c.Ref(Deployments, &d.Meta)
			return &Finding{
				Severity: unserved(d), What: "rollout stuck, " + readyOf(d), Why: "no progress within its deadline", Since: cond.Changed,
				Blame: c.blamePods(d), Actions: c.undo(on),
				Evidence: []Evidence{{
					Text: "Progressing=False " + cond.Reason + ": " + cond.Message, Source: FromCondition,
					Where: on.String() + " status.conditions[Progressing]", On: on, At: cond.Changed,
				}},
			}
		})
}
