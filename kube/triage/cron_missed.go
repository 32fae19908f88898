package triage

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"quarterdeck/kube/object"
)

// cronMissed finds CronJobs that should have run and have not, and those that
// never will: their schedule cannot be read. The controller reads schedules with
// the same library; see
// https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/.
func cronMissed() Rule {
	return rule(Rule{ID: "missed-runs", On: CronJobs, Checks: "CronJobs run when they should", Depth: Progress},
		func(c *Cluster, w *object.Workload) *Finding {
			if w.Deleted != 0 || w.Paused {
				return nil
			}
			on := c.Ref(CronJobs, &w.Meta)
			f := &Finding{
				Severity: Warn, What: "never runs", Since: w.Created,
				Evidence: []Evidence{{Text: "schedule " + w.Schedule, Source: FromField, Where: on.String() + " spec.schedule", On: on}},
				Actions:  []Action{{Do: Edit, On: on, Words: "opens the CronJob to mend its schedule"}},
			}
			runs, err := newTimetable(w)
			if err != nil {
				f.Why = fmt.Sprintf("its schedule %q cannot be read: %v", w.Schedule, err)
				return f
			}
			for _, e := range c.Warnings(w.UID, "UnknownTimeZone") {
				if e.First > w.Started {
					f.Why, f.Evidence = e.Message, append(f.Evidence, fromEvent(on, e))
					return f
				}
			}
			if w.Active > 0 && w.Batch.Single {
				return nil // the next run waits for the one before, as it should
			}
			due := runs.due(max(w.Created, w.Started))
			if due == 0 {
				f.Why = "its schedule never comes"
				return f
			}
			const grace = 60
			if !c.Lasted(due, grace) || !c.overdue(w, runs, grace) {
				return nil
			}
			f.What, f.Why, f.Since = "missed its run", "no job was made when it was due", due
			f.Actions = []Action{rerun(on), {Do: ShowEvents, On: on, Words: "shows what its controller said"}}
			f.Evidence = append(f.Evidence, Evidence{
				Text: "last run", Source: FromField, Where: on.String() + " status.lastScheduleTime", On: on, At: w.Started,
			})
			for _, e := range c.Warnings(w.UID, "MissSchedule", "TooManyMissedTimes", "FailedNeedsStart", "FailedCreate") {
				f.Why = createFailed.ReplaceAllString(e.Message, "")
				f.Evidence = append(f.Evidence, fromEvent(on, e))
				break
			}
			if r := c.barred(w); r != nil {
				f.Home = r.by
			}
			return f
		})
}

// overdue reports whether a run is due that has not been made, for long enough
// for its controller to have noticed what changed.
func (c *Cluster) overdue(w *object.Workload, runs timetable, grace int64) bool {
	from := max(w.Created, w.Started)
	for _, z := range runs.zones() {
		due := runs.Next(time.Unix(from, 0).In(z)).Unix()
		if c.Now-due < grace {
			c.Later(due + grace)
			return false
		}
	}
	const notice = 20
	_, ok := c.Lasts(notice)
	return ok
}

// timetable is when a CronJob runs.
type timetable struct {
	cron.Schedule
	zone *time.Location // nil if it is not known here
}

func newTimetable(w *object.Workload) (timetable, error) {
	spec := strings.TrimSuffix(w.Schedule, " "+w.Batch.Zone)
	s, err := cron.ParseStandard(spec)
	if err != nil {
		return timetable{}, err
	}
	t := timetable{Schedule: s}
	if w.Batch.Zone != "" {
		if t.zone, err = time.LoadLocation(w.Batch.Zone); err != nil {
			t.zone = nil
		}
	}
	return t, nil
}

// due returns the first run after a time in the zone that is likeliest, in
// seconds since 1970; 0 if there never is one.
func (t timetable) due(after int64) int64 {
	zone := t.zone
	if zone == nil {
		zone = time.UTC
	}
	next := t.Next(time.Unix(after, 0).In(zone))
	if next.IsZero() {
		return 0
	}
	return next.Unix()
}

// zones returns where the timetable may be meant: a schedule without a zone is in
// that of the controller, which nobody tells.
func (t timetable) zones() []*time.Location {
	if t.zone != nil {
		return []*time.Location{t.zone}
	}
	const quarter = 15 * 60
	var all []*time.Location
	for offset := -12 * 4 * quarter; offset <= 14*4*quarter; offset += quarter {
		all = append(all, time.FixedZone("", offset))
	}
	return all
}
