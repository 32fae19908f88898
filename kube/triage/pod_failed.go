package triage

import (
	"fmt"

	"quarterdeck/kube/object"
)

// podFailed finds pods that have ended without success and that nobody starts
// again, and those that their node did not take. Jobs count the failures of
// their pods themselves. See
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase.
func podFailed() Rule {
	return rule(Rule{ID: "pod-failed", On: Pods, Checks: "pods do not fail for good", Depth: Cause},
		func(c *Cluster, p *object.Pod) *Finding {
			if p.Phase != "Failed" || p.Deleted != 0 || isEvicted(p) || !c.missed(p) {
				return nil
			}
			const day = 24 * 3600
			f := &Finding{
				Severity: Warn, What: "failed", Why: p.Message, Since: ended(p),
				Evidence: []Evidence{{Text: "Failed " + p.Status, Source: FromField, Where: c.Pod(p).String() + " status.phase", On: c.Pod(p), At: ended(p)}},
				Actions:  []Action{{Do: ShowLogs, On: c.Pod(p), Words: "shows what it wrote"}},
			}
			if c.Lasted(ended(p), day) { // whoever started it knows by now
				f.Severity = Info
			}
			if f.Why == "" {
				f.Why = p.Status
			}
			for i := range p.Containers {
				k := &p.Containers[i]
				if k.State != object.Terminated || k.Exit == 0 {
					continue
				}
				f.Why = fmt.Sprintf("%s exits %d%s", called(p, k), k.Exit, meaning(k.Exit))
				if k.Reason == "OOMKilled" {
					f.Why = called(p, k) + " is killed: out of memory"
				}
				if k.Message != "" {
					f.Why += ": " + k.Message
				}
				f.Evidence = append(f.Evidence, crashEvidence(c, p, k, &object.Termination{Reason: k.Reason, Message: k.Message, Exit: k.Exit, Finished: k.Since})...)
				break
			}
			return f
		})
}
