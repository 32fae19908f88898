package triage

import (
	"fmt"

	"quarterdeck/kube/object"
)

// jobRetrying finds Jobs of which pods have failed and that have not been given
// up yet.
func jobRetrying() Rule {
	return rule(Rule{ID: "job-retrying", On: Jobs, Checks: "pods of jobs do not fail", Needs: []Resource{Pods}, Depth: Progress},
		func(c *Cluster, j *object.Workload) *Finding {
			if j.Failed == 0 || j.Done() || j.Paused || j.Deleted != 0 {
				return nil
			}
			p, k := c.failedPod(j)
			if p == nil {
				return nil
			}
			on := c.Ref(Jobs, &j.Meta)
			f := &Finding{
				Severity: Warn, What: "tries again, " + plural(int(j.Failed), "pod") + " failed", Since: k.Since,
				Why: fmt.Sprintf("failed %d of %d times", j.Failed, j.Batch.Retries+1),
				Evidence: []Evidence{{
					Text: plural(int(j.Failed), "failed pod"), Source: FromField, Where: on.String() + " status.failed", On: on,
				}},
			}
			c.lastExit(j, f)
			return f
		})
}
