package object

import (
	batchv1 "k8s.io/api/batch/v1"

	"quarterdeck/kube/store"
)

// Batch is what only Jobs and CronJobs have.
type Batch struct {
	Retries int32  // of a Job: how many failed pods it makes up for
	Zone    string // of a CronJob's schedule, "" for that of the controller
	Single  bool   // of a CronJob: no run begins while one is active
}

func batchJob(j *batchv1.Job) *Batch {
	b := &Batch{Retries: 6} // what the server means by a missing number
	if j.Spec.BackoffLimit != nil {
		b.Retries = *j.Spec.BackoffLimit
	}
	return b
}

func batchCronJob(c *batchv1.CronJob, in *store.Interner) *Batch {
	b := &Batch{Single: c.Spec.ConcurrencyPolicy == batchv1.ForbidConcurrent}
	if c.Spec.TimeZone != nil {
		b.Zone = in.String(*c.Spec.TimeZone)
	}
	return b
}
