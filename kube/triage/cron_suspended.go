package triage

import (
	"quarterdeck/kube/field"
	"quarterdeck/kube/object"
)

// cronSuspended finds CronJobs that have run, were suspended, and would have run
// again for a day and three times since: somebody may have forgotten them.
// Nobody says when a CronJob was suspended; those that never ran are templates
// to start jobs of by hand.
func cronSuspended() Rule {
	return rule(Rule{ID: "cron-suspended", On: CronJobs, Checks: "no CronJob stays suspended", Depth: Progress},
		func(c *Cluster, w *object.Workload) *Finding {
			if !w.Paused || w.Deleted != 0 || w.Started == 0 {
				return nil
			}
			runs, err := newTimetable(w)
			if err != nil {
				return nil
			}
			const day = 24 * 3600
			third := w.Started
			for range 3 {
				if third = runs.due(third); third == 0 {
					return nil
				}
			}
			if !c.Lasted(max(third, w.Started+day), 0) {
				return nil
			}
			on := c.Ref(CronJobs, &w.Meta)
			return &Finding{
				Severity: Info, What: "suspended and forgotten", Why: "suspended, has not run for more than " + field.Age(day), Since: w.Started,
				Evidence: []Evidence{
					{Text: "suspended", Source: FromField, Where: on.String() + " spec.suspend", On: on},
					{Text: "last run", Source: FromField, Where: on.String() + " status.lastScheduleTime", On: on, At: w.Started},
				},
				Actions: []Action{{Do: Resume, On: on, Words: "lets " + on.String() + " run by its schedule again"}, rerun(on)},
			}
		})
}
