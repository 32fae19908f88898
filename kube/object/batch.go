package object

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/store"
)

// Batch is what only Jobs and CronJobs have.
type Batch struct {
	Retries   int32  // of a Job: how many failed pods it makes up for
	Suspended int64  // of a Job: since when, seconds since 1970
	Zone      string // of a CronJob's schedule, "" for that of the controller
	Deadline  int64  // of a CronJob: seconds after which a run is missed, 0 for none
	Single    bool   // of a CronJob: no run begins while one is active
}

func batchJob(j *batchv1.Job) *Batch {
	b := &Batch{Retries: 6} // what the server means by a missing number
	if j.Spec.BackoffLimit != nil {
		b.Retries = *j.Spec.BackoffLimit
	}
	for i := range j.Status.Conditions {
		if c := &j.Status.Conditions[i]; c.Type == batchv1.JobSuspended && c.Status == corev1.ConditionTrue {
			b.Suspended = unix(&c.LastTransitionTime)
		}
	}
	return b
}

func batchCronJob(c *batchv1.CronJob, in *store.Interner) *Batch {
	b := &Batch{Single: c.Spec.ConcurrencyPolicy == batchv1.ForbidConcurrent}
	if c.Spec.TimeZone != nil {
		b.Zone = in.String(*c.Spec.TimeZone)
	}
	if d := c.Spec.StartingDeadlineSeconds; d != nil {
		b.Deadline = *d
	}
	return b
}
