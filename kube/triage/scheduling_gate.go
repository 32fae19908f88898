package triage

import (
	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/object"
)

// gatedStatus is the status of a pod whose scheduling gates are shut.
const gatedStatus = corev1.PodReasonSchedulingGated

// gatePatience is how long scheduling gates may be shut, in seconds: queues of
// batch work shut them on purpose.
const gatePatience = 600

// schedulingGate finds pods that nobody lets be scheduled; see
// https://kubernetes.io/docs/concepts/scheduling-eviction/pod-scheduling-readiness/.
func schedulingGate() Rule {
	return podRule(Rule{ID: "scheduling-gate", Checks: "scheduling gates open", Depth: Cause},
		func(c *Cluster, p *object.Pod) *Finding {
			if p.Status != gatedStatus || !c.Lasted(p.Created, gatePatience) {
				return nil
			}
			on := c.Pod(p)
			return &Finding{
				Severity: Info, What: "held by scheduling gates", Why: "whoever set its scheduling gates has not taken them away", Since: p.Created,
				Evidence: []Evidence{{Text: "False " + gatedStatus + ": " + p.Message, Source: FromCondition, Where: on.String() + " status.conditions[PodScheduled]", On: on}},
				Actions:  []Action{{Do: ShowYAML, On: on, Words: "shows spec.schedulingGates"}},
			}
		})
}
