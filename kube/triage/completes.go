package triage

import (
	"fmt"

	"quarterdeck/kube/object"
)

// completes finds containers that do their work, exit 0, and are started again
// because their pod restarts always: they belong into a Job.
func completes() Rule {
	return crashRule(Rule{ID: "completes", Checks: "containers that should run on do not exit with success"}, finished,
		func(c *Cluster, p *object.Pod, k *object.Container, _ *object.Termination) *Finding {
			return &Finding{
				What: "restarted after success", Actions: crashActions(c, p, k),
				Why: fmt.Sprintf("%s exits 0, and is started again (%s)", called(p, k), plural(int(k.Restarts), "restart")),
			}
		})
}
