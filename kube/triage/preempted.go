package triage

import (
	"strings"

	"quarterdeck/kube/object"
)

// preempted finds pods that have to make room for one of a higher priority; see
// https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/.
func preempted() Rule {
	return rule(Rule{ID: "preempted", On: Pods, Checks: "pods do not have to make room for others", Depth: Cause},
		func(c *Cluster, p *object.Pod) *Finding {
			if !strings.Contains(p.Message, "preempting to accommodate a higher priority pod") || p.Deleted == 0 && !p.Terminal() {
				return nil
			}
			on := c.Pod(p)
			return &Finding{
				Severity: Info, What: "preempted", Why: "makes room on " + p.Node + " for a pod of higher priority", Since: p.Deleted,
				Evidence: []Evidence{{Text: p.Message, Source: FromCondition, Where: on.String() + " status.conditions[DisruptionTarget]", On: on}},
				Actions:  []Action{c.headroom(p)},
			}
		})
}
