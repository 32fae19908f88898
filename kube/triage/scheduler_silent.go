package triage

import (
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/object"
)

// unseen is how long the scheduler may say nothing of a pod, in seconds.
const unseen = 30

// schedulerSilent finds pods that no scheduler has looked at: it does not run, or
// spec.schedulerName names one that is not there. They belong to the lease by
// which the scheduler says that it works.
func schedulerSilent() Rule {
	return podRule(Rule{ID: "scheduler-silent", Checks: "the scheduler looks at new pods", Depth: Cause},
		func(c *Cluster, p *object.Pod) *Finding {
			if p.Node != "" || p.Message != "" || p.Status != string(corev1.PodPending) || !c.Lasted(p.Created, unseen) {
				return nil
			}
			lease := kube.Ref{
				GVR: coordinationv1.SchemeGroupVersion.WithResource("leases"), Kind: "Lease", Namespace: "kube-system", Name: "kube-scheduler",
			}
			return &Finding{
				Severity: Warn, Home: lease, What: "not looked at by any scheduler", Since: p.Created,
				Why: fmt.Sprintf("no scheduler has looked at it for more than %s", field.Age(unseen)),
				Evidence: []Evidence{{
					Text: "no condition PodScheduled, no node", Source: FromCondition, Where: c.Pod(p).String() + " status.conditions", On: c.Pod(p), At: p.Created,
				}},
				Actions: []Action{{Do: ShowYAML, On: lease, Words: "shows when the scheduler last said that it works"}},
			}
		})
}
