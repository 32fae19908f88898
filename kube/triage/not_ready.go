package triage

import (
	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/object"
)

// notReady finds pods that run and are not ready: a probe fails, a readiness
// gate is shut, or their node does not answer.
func notReady() Rule {
	return podRule(Rule{ID: "not-ready", Checks: "pods that run are ready", Depth: Symptom},
		func(c *Cluster, p *object.Pod) *Finding {
			if p.Phase != string(corev1.PodRunning) || p.Deleted != 0 {
				return nil
			}
			if k, _ := crashing(p); k != nil {
				return nil
			}
			n, ok := Find[*object.Node](c, Nodes, "", p.Node)
			lost := ok && !n.Ready
			since := max(p.Created, p.LastRestart)
			if !lost && !c.Lasted(since, missingGrace) {
				return nil
			}
			f := &Finding{Severity: Warn, What: "not ready", Since: since}
			if lost {
				c.Depends(Nodes, "")
				f.Why = "its node does not answer"
			}
			return f
		})
}
