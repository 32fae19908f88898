package triage

import (
	"fmt"

	"quarterdeck/kube/object"
)

// hpaAtMax finds autoscalers that would have more pods than they may; see
// https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details.
func hpaAtMax() Rule {
	return rule(Rule{ID: "hpa-at-max", On: Autoscalers, Checks: "autoscalers have room", Depth: Effect},
		func(c *Cluster, a *object.Autoscaler) *Finding {
			if a.Condition == nil || a.Trouble || a.Deleted != 0 || a.Max == 0 || a.Current < a.Max {
				return nil
			}
			on, target := c.Ref(Autoscalers, &a.Meta), c.target(a)
			return &Finding{
				Severity: Warn, What: fmt.Sprintf("at its maximum of %d and wants more", a.Max), Since: a.Condition.Changed, Home: target,
				Why: fmt.Sprintf("wants more than its %d pods: %s", a.Max, a.Metrics),
				Evidence: []Evidence{
					conditionOf(on, a.Condition, "status.conditions[ScalingLimited]"),
					{Text: a.Metrics, Source: FromField, Where: on.String() + " status.currentMetrics", On: on},
				},
				Actions: []Action{{Do: Edit, On: on, Words: "opens the autoscaler to raise its maximum"}},
			}
		})
}
