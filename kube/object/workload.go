package object

import (
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/store"
)

// Workload is the compact form of everything that runs pods: Deployments,
// ReplicaSets, StatefulSets, DaemonSets, Jobs and CronJobs. Fields that a kind
// does not have are zero.
type Workload struct {
	store.Meta
	Kind      string // "Deployment"
	Desired   int32  // replicas, completions of a Job, nodes of a DaemonSet
	Current   int32  // pods there are
	Ready     int32  // ready pods, succeeded ones of a Job
	Updated   int32  // pods of the newest revision
	Avail     int32
	Active    int32  // running pods of a Job, running Jobs of a CronJob
	Failed    int32  // failed pods of a Job
	Paused    bool   // a Deployment's rollout, a Job, a CronJob
	Behind    bool   // its controller has not seen the newest spec
	Trouble   string // reason of the condition that says it failed
	Message   string // of that condition
	Revision  string
	Schedule  string // of a CronJob
	Strategy  string // of updates: "RollingUpdate", "OnDelete"
	Partition int32  // pods of a StatefulSet, the first, that a rolling update leaves as they are
	Started   int64  // of a Job; last schedule of a CronJob; seconds since 1970
	Finished  int64  // of a Job; last success of a CronJob
	Selector  string
	PodLabels *store.Labels // of a Deployment, StatefulSet or DaemonSet: what services select its pods by
	Images    []string
	Requests  Resources // of one pod
	Rolling   *Rolling  // of a Deployment, ReplicaSet, StatefulSet or DaemonSet: how it replaces its pods
	Batch     *Batch    // of a Job or CronJob
	Argo      *Argo     // of an Argo Rollout
}

const revisionAnnotation = "deployment.kubernetes.io/revision"

// Deployments declares how deployments are read.
func Deployments() store.Kind[*Workload] {
	return store.TypedManaged(appsv1.SchemeGroupVersion.WithResource("deployments"), "Deployment", true, newDeployment)
}

// ReplicaSets declares how replica sets are read.
func ReplicaSets() store.Kind[*Workload] {
	return store.Typed(appsv1.SchemeGroupVersion.WithResource("replicasets"), "ReplicaSet", true, newReplicaSet)
}

// StatefulSets declares how stateful sets are read.
func StatefulSets() store.Kind[*Workload] {
	return store.TypedManaged(appsv1.SchemeGroupVersion.WithResource("statefulsets"), "StatefulSet", true, newStatefulSet)
}

// DaemonSets declares how daemon sets are read.
func DaemonSets() store.Kind[*Workload] {
	return store.TypedManaged(appsv1.SchemeGroupVersion.WithResource("daemonsets"), "DaemonSet", true, newDaemonSet)
}

// Jobs declares how jobs are read.
func Jobs() store.Kind[*Workload] {
	return store.Typed(batchv1.SchemeGroupVersion.WithResource("jobs"), "Job", true, newJob, noAnnotations)
}

// CronJobs declares how cron jobs are read.
func CronJobs() store.Kind[*Workload] {
	return store.Typed(batchv1.SchemeGroupVersion.WithResource("cronjobs"), "CronJob", true, newCronJob, noAnnotations)
}

func newDeployment(d *appsv1.Deployment, in *store.Interner) *Workload {
	w := newWorkload("Deployment", &d.ObjectMeta, d.Spec.Selector, &d.Spec.Template.Spec, in)
	w.PodLabels = in.Labels(d.Spec.Template.Labels)
	w.Desired, w.Current, w.Ready = replicas(d.Spec.Replicas), d.Status.Replicas, d.Status.ReadyReplicas
	w.Updated, w.Avail = d.Status.UpdatedReplicas, d.Status.AvailableReplicas
	w.Paused, w.Behind = d.Spec.Paused, d.Status.ObservedGeneration < d.Generation
	w.Revision = in.String(d.Annotations[revisionAnnotation])
	w.Strategy = in.String(string(d.Spec.Strategy.Type))
	for i := range d.Status.Conditions {
		c := &d.Status.Conditions[i]
		switch {
		case c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue,
			c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse:
			w.Trouble, w.Message = in.String(c.Reason), in.String(c.Message)
		}
	}
	w.Rolling = rollingDeployment(d, in)
	return w
}

func newReplicaSet(r *appsv1.ReplicaSet, in *store.Interner) *Workload {
	w := newWorkload("ReplicaSet", &r.ObjectMeta, r.Spec.Selector, &r.Spec.Template.Spec, in)
	w.Desired, w.Current, w.Ready, w.Avail = replicas(r.Spec.Replicas), r.Status.Replicas, r.Status.ReadyReplicas, r.Status.AvailableReplicas
	w.Updated, w.Behind = w.Current, r.Status.ObservedGeneration < r.Generation
	w.Revision = in.String(r.Annotations[revisionAnnotation])
	for i := range r.Status.Conditions {
		if c := &r.Status.Conditions[i]; c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
			w.Trouble, w.Message = in.String(c.Reason), in.String(c.Message)
		}
	}
	w.Rolling = rollingReplicaSet(r, in)
	return w
}

func newStatefulSet(s *appsv1.StatefulSet, in *store.Interner) *Workload {
	w := newWorkload("StatefulSet", &s.ObjectMeta, s.Spec.Selector, &s.Spec.Template.Spec, in)
	w.PodLabels = in.Labels(s.Spec.Template.Labels)
	w.Desired, w.Current, w.Ready = replicas(s.Spec.Replicas), s.Status.Replicas, s.Status.ReadyReplicas
	w.Updated, w.Avail = s.Status.UpdatedReplicas, s.Status.AvailableReplicas
	if s.Status.UpdateRevision == s.Status.CurrentRevision {
		w.Updated = w.Current // updatedReplicas is not kept up once all are equal
	}
	w.Behind = s.Status.ObservedGeneration < s.Generation
	w.Strategy = in.String(string(s.Spec.UpdateStrategy.Type))
	if r := s.Spec.UpdateStrategy.RollingUpdate; r != nil && r.Partition != nil {
		w.Partition = *r.Partition
	}
	w.Rolling = rollingStatefulSet(s, in)
	return w
}

func newDaemonSet(d *appsv1.DaemonSet, in *store.Interner) *Workload {
	w := newWorkload("DaemonSet", &d.ObjectMeta, d.Spec.Selector, &d.Spec.Template.Spec, in)
	w.PodLabels = in.Labels(d.Spec.Template.Labels)
	w.Desired, w.Current, w.Ready = d.Status.DesiredNumberScheduled, d.Status.CurrentNumberScheduled, d.Status.NumberReady
	w.Updated, w.Avail = d.Status.UpdatedNumberScheduled, d.Status.NumberAvailable
	w.Behind = d.Status.ObservedGeneration < d.Generation
	w.Strategy = in.String(string(d.Spec.UpdateStrategy.Type))
	w.Rolling = rollingDaemonSet(d, in)
	return w
}

func newJob(j *batchv1.Job, in *store.Interner) *Workload {
	w := newWorkload("Job", &j.ObjectMeta, j.Spec.Selector, &j.Spec.Template.Spec, in)
	w.Desired = replicas(j.Spec.Completions)
	w.Active, w.Failed, w.Ready = j.Status.Active, j.Status.Failed, j.Status.Succeeded
	w.Current = w.Active
	w.Paused = j.Spec.Suspend != nil && *j.Spec.Suspend
	w.Started, w.Finished = unix(j.Status.StartTime), unix(j.Status.CompletionTime)
	w.Batch = batchJob(j)
	for i := range j.Status.Conditions {
		if c := &j.Status.Conditions[i]; c.Type == batchv1.JobFailed && c.Status == corev1.ConditionTrue {
			w.Trouble, w.Message, w.Finished = in.String(c.Reason), in.String(c.Message), unix(&c.LastTransitionTime)
		}
	}
	return w
}

func newCronJob(c *batchv1.CronJob, in *store.Interner) *Workload {
	w := newWorkload("CronJob", &c.ObjectMeta, nil, &c.Spec.JobTemplate.Spec.Template.Spec, in)
	w.Schedule = in.String(c.Spec.Schedule)
	if c.Spec.TimeZone != nil {
		w.Schedule += " " + in.String(*c.Spec.TimeZone)
	}
	w.Paused = c.Spec.Suspend != nil && *c.Spec.Suspend
	w.Active = int32(len(c.Status.Active))
	w.Started, w.Finished = unix(c.Status.LastScheduleTime), unix(c.Status.LastSuccessfulTime)
	w.Batch = batchCronJob(c, in)
	return w
}

func newWorkload(kind string, m *metav1.ObjectMeta, sel *metav1.LabelSelector, spec *corev1.PodSpec, in *store.Interner) *Workload {
	w := &Workload{Meta: in.Meta(m), Kind: kind}
	if sel != nil {
		w.Selector = in.String(metav1.FormatLabelSelector(sel))
	}
	for i := range spec.Containers {
		c := &spec.Containers[i]
		w.Images = append(w.Images, in.String(c.Image))
		r := resources(c.Resources.Requests)
		w.Requests.CPU += r.CPU
		w.Requests.Memory += r.Memory
	}
	return w
}

// replicas returns what the API server means by a missing number.
func replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// Done reports whether a Job has ended, well or not.
func (w *Workload) Done() bool { return w.Kind == "Job" && w.Finished != 0 }

// Status returns the state of the workload in a few words, and whether that is
// fine. Healthy is "ok"; what is wrong is named by the controller's own reason.
func (w *Workload) Status() (words string, fine bool) {
	switch {
	case w.Deleted != 0:
		return "terminating", true
	case w.Trouble == "ProgressDeadlineExceeded":
		return "stuck: deadline", false
	case w.Trouble != "":
		return w.Trouble, false
	case w.Behind:
		return "not observed", true
	case w.Paused && (w.Kind == "CronJob" || w.Kind == "Job"):
		return "suspended", true
	case w.Kind == "CronJob":
		if w.Active > 0 {
			return "running " + strconv.Itoa(int(w.Active)), true
		}
		return "ok", true
	case w.Kind == "Job":
		return w.jobStatus()
	case w.Paused:
		return "paused", true
	case w.Desired == 0 && w.Current == 0:
		return "scaled to 0", true
	case w.Updated < w.Desired-w.held():
		return "rolling " + strconv.Itoa(int(w.Updated)) + "/" + strconv.Itoa(int(w.Desired-w.held())), true
	case w.Current > w.Desired:
		return "scaling down", true
	case w.Ready < w.Desired:
		return strconv.Itoa(int(w.Desired-w.Ready)) + " not ready", false
	case w.held() > 0 && w.Partition > 0:
		return "waiting for partition " + strconv.Itoa(int(w.Partition)), true
	case w.held() > 0:
		return "update on delete: " + strconv.Itoa(int(w.Updated)) + " of " + strconv.Itoa(int(w.Desired)), true
	}
	return "ok", true
}

// held is how many pods of an old revision the strategy leaves alone until
// somebody lowers the partition or deletes them.
func (w *Workload) held() int32 {
	old := max(0, w.Current-w.Updated)
	if w.Strategy == string(appsv1.OnDeleteStatefulSetStrategyType) { // a DaemonSet's is the same word
		return old
	}
	return min(old, w.Partition)
}

// Outdated returns how many pods of an old revision an update has yet to replace,
// without those that the strategy leaves alone.
func (w *Workload) Outdated() int32 { return max(0, w.Current-w.Updated-w.held()) }

func (w *Workload) jobStatus() (string, bool) {
	switch {
	case w.Finished != 0:
		return "complete", true
	case w.Failed > 0:
		return "running, " + strconv.Itoa(int(w.Failed)) + " failed", false
	case w.Active > 0:
		return "running", true
	}
	return "starting", true
}

// Image returns the last part of the first image, and how many more there are:
// checkout:v2.3.1 +1.
func (w *Workload) Image() string {
	if len(w.Images) == 0 {
		return ""
	}
	s := ShortImage(w.Images[0])
	if n := len(w.Images) - 1; n > 0 {
		s += " +" + strconv.Itoa(n)
	}
	return s
}

// ShortImage returns an image without its registry and path, and a digest in
// its first letters.
func ShortImage(image string) string {
	name, digest, _ := strings.Cut(image, "@")
	name = name[strings.LastIndexByte(name, '/')+1:]
	if digest != "" && !strings.Contains(name, ":") {
		_, hex, _ := strings.Cut(digest, ":")
		name += "@" + hex[:min(len(hex), 7)]
	}
	return name
}
