package triage

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"

	"quarterdeck/kube/object"
)

// rolloutPaused finds Deployments that have been paused for so long in the middle
// of a rollout that it may have been forgotten: they run two revisions, or do not
// run the one that they ask for; see
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#pausing-and-resuming-a-deployment.
func rolloutPaused() Rule {
	return rule(Rule{ID: "rollout-paused", On: Deployments, Checks: "no rollout stays paused", Depth: Progress},
		func(c *Cluster, d *object.Workload) *Finding {
			if !d.Paused || d.Deleted != 0 || d.Behind || d.Outdated() == 0 && d.Current <= d.Desired {
				return nil
			}
			cond := d.Rolling.Condition(string(appsv1.DeploymentProgressing))
			if cond == nil || cond.Reason != "DeploymentPaused" || !c.Lasted(cond.Changed, forgotten) {
				return nil
			}
			on := c.Ref(Deployments, &d.Meta)
			return &Finding{
				Severity: Info, What: fmt.Sprintf("paused in its rollout, %d of %d updated", d.Updated, d.Desired), Why: "paused and forgotten", Since: cond.Changed,
				Evidence: []Evidence{
					{Text: "paused", Source: FromField, Where: on.String() + " spec.paused", On: on},
					conditionOf(on, cond, "status.conditions[Progressing]"),
				},
				Actions: []Action{{Do: Resume, On: on, Words: "lets the rollout of " + on.String() + " go on"}},
			}
		})
}
