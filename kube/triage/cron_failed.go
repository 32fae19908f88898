package triage

import (
	"fmt"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// cronFailed finds CronJobs whose last run that ended has failed. Why is told by
// the job.
func cronFailed() Rule {
	return rule(Rule{ID: "last-run-failed", On: CronJobs, Checks: "the last run of CronJobs succeeded", Needs: []Resource{Jobs}, Depth: Progress},
		func(c *Cluster, w *object.Workload) *Finding {
			if w.Deleted != 0 || w.Started != 0 && w.Finished > w.Started {
				return nil // it succeeded
			}
			var last *object.Workload
			failed, since := 0, int64(0)
			for j := range In[*object.Workload](c, Jobs, w.Namespace) {
				if j.Owner == nil || j.Owner.UID != w.UID || !j.Done() {
					continue
				}
				if last == nil || j.Created > last.Created {
					last = j
				}
				if j.Trouble != "" && j.Created > w.Finished {
					if failed++; since == 0 || j.Finished < since {
						since = j.Finished
					}
				}
			}
			if last == nil || last.Trouble == "" || failed == 0 {
				return nil
			}
			on, run := c.Ref(CronJobs, &w.Meta), c.Ref(Jobs, &last.Meta)
			f := &Finding{
				Severity: Warn, What: "last run failed", Since: since, Blame: []kube.Ref{run},
				Evidence: []Evidence{{
					Text: last.Name + " failed: " + last.Trouble, Source: FromField, Where: on.String() + " status.lastSuccessfulTime", On: on, At: w.Finished,
				}},
				Actions: []Action{{Do: ShowYAML, On: run, Words: "shows the run that failed"}, rerun(on)},
			}
			if failed > 1 {
				f.What = fmt.Sprintf("last %d runs failed", failed)
			}
			return f
		})
}
