package triage

import (
	"strings"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// metricsGrace is how long metrics may be missing, in seconds: those of new pods
// come with the second time that they are measured.
const metricsGrace = 90

// hpaBlind finds autoscalers that cannot work: they get no metrics, or what they
// scale is not there.
func hpaBlind() Rule {
	return rule(Rule{ID: "hpa-blind", On: Autoscalers, Checks: "autoscalers read their metrics", Depth: Effect},
		func(c *Cluster, a *object.Autoscaler) *Finding {
			k := a.Condition
			if k == nil || !a.Trouble || a.Deleted != 0 {
				return nil
			}
			metrics := strings.HasPrefix(k.Reason, "FailedGet") && k.Reason != "FailedGetScale" || k.Reason == "FailedComputeMetricsReplicas"
			lasting := int64(15) // it may have been made before what it scales
			if metrics && !strings.Contains(k.Message, "missing request for") {
				lasting = metricsGrace
			}
			if !c.Lasted(k.Changed, lasting) {
				return nil
			}
			on, target := c.Ref(Autoscalers, &a.Meta), c.target(a)
			f := &Finding{
				Severity: Warn, What: "does not scale", Why: hpaWhy(k), Since: k.Changed, Blame: []kube.Ref{target},
				Evidence: []Evidence{conditionOf(on, k, "status.conditions["+k.Type+"]")},
				Actions:  []Action{{Do: Edit, On: on, Words: "opens the autoscaler to mend what it asks for"}},
			}
			if metrics {
				f.What = "cannot read its metrics"
			}
			if strings.Contains(k.Message, "missing request for") {
				f.Actions[0] = Action{Do: Edit, On: target, Words: "opens " + target.String() + " to give its containers requests"}
			}
			return f
		})
}

// hpaWhy shortens what an autoscaler says to the cause that its words end with.
func hpaWhy(k *object.Condition) string {
	why := k.Message
	for _, before := range []string{
		"the HPA was unable to compute the replica count: ", "the HPA controller was unable to get the target's current scale: ",
		"failed to get cpu utilization: ", "failed to get memory utilization: ", "unable to get metrics for resource ",
	} {
		why = strings.TrimPrefix(why, before)
	}
	if why == "" {
		return k.Reason
	}
	return why
}
