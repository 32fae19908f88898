package rollout

import (
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/object"
)

// done reports what `kubectl rollout status` calls finished; see
// k8s.io/kubectl/pkg/polymorphichelpers. It judges no other strategy than
// RollingUpdate of StatefulSets and DaemonSets.
func done(w *object.Workload) bool {
	r := w.Rolling
	switch w.Kind {
	case Deployment:
		return r.Generation <= r.Observed && !late(w) &&
			r.Updated >= w.Desired && w.Current <= r.Updated && w.Avail >= r.Updated
	case DaemonSet:
		return w.Strategy == string(appsv1.RollingUpdateDaemonSetStrategyType) && r.Generation <= r.Observed &&
			r.Updated >= w.Desired && w.Avail >= w.Desired
	case StatefulSet:
		if w.Strategy != string(appsv1.RollingUpdateStatefulSetStrategyType) || r.Observed == 0 || r.Generation > r.Observed || w.Ready < w.Desired {
			return false
		}
		// Where the spec has no rollingUpdate kubectl compares the revisions. The
		// API server gives every RollingUpdate a partition.
		return r.Updated >= w.Desired-w.Partition
	case ArgoRollout:
		return r.Generation <= r.Observed && w.Argo.Phase == argoHealthy
	}
	return false
}

// deadlineExceeded is the reason of a Deployment's condition.
const deadlineExceeded = "ProgressDeadlineExceeded"

// late reports whether the controller gave a rollout up.
func late(w *object.Workload) bool {
	if w.Argo != nil {
		return w.Argo.Phase == argoDegraded
	}
	c := w.Rolling.Condition(string(appsv1.DeploymentProgressing))
	return c != nil && c.Reason == deadlineExceeded
}

// deadline returns when a Deployment's rollout will count as failed, 0 if it
// will not: it has no deadline, is paused, or has nothing to do.
func deadline(w *object.Workload) int64 {
	r := w.Rolling
	c := r.Condition(string(appsv1.DeploymentProgressing))
	if r.Deadline == 0 || w.Paused || c == nil || c.Updated == 0 || c.Reason == "NewReplicaSetAvailable" {
		return 0
	}
	if c.Reason == deadlineExceeded {
		return c.Changed
	}
	return c.Updated + int64(r.Deadline)
}

// family is a workload with all that belongs to it.
type family struct {
	fleet *Fleet
	work  *object.Workload
	sets  []*object.Workload           // ReplicaSets
	revs  []*object.ControllerRevision // of a StatefulSet or DaemonSet
	pods  []*object.Pod

	knowPods, knowSets, knowRevs bool // whether these could be read

	newSet *object.Workload           // of the newest template, nil if it is not known
	newRev *object.ControllerRevision // the same of a StatefulSet or DaemonSet
}

// The labels by which pods tell their revision.
const (
	hashOfSet  = appsv1.DefaultDeploymentUniqueLabelKey
	hashOfRev  = appsv1.ControllerRevisionHashLabelKey
	generation = "pod-template-generation"
)

// inSets reports whether the revisions of the workload are ReplicaSets.
func (f *family) inSets() bool { return f.work.Kind == Deployment || f.work.Kind == ArgoRollout }

// findNewest finds the revision of the newest template.
func (f *family) findNewest() {
	r := f.work.Rolling
	switch f.work.Kind {
	case Deployment:
		for _, s := range f.sets {
			// The controller writes the number of the newest ReplicaSet to both.
			if s.Revision != "" && s.Revision == f.work.Revision && r.Observed >= r.Generation {
				f.newSet = s
			}
		}
	case ArgoRollout:
		for _, s := range f.sets {
			if f.work.Argo.Hash != "" && s.Labels.Get(object.ArgoHash) == f.work.Argo.Hash {
				f.newSet = s
			}
		}
	case StatefulSet:
		for _, v := range f.revs {
			if v.Name == r.UpdateRevision {
				f.newRev = v
			}
		}
	case DaemonSet:
		for _, v := range f.revs {
			if r.Observed >= r.Generation && (f.newRev == nil || v.Revision > f.newRev.Revision) {
				f.newRev = v
			}
		}
		// That of the template before: the newest is not read yet. One that is older
		// was taken back, and numbered anew.
		if f.newRev != nil && f.newRev.Template != 0 && f.newRev.Template == r.Template-1 {
			f.newRev = nil
		}
	}
}

// isNew reports whether a pod is of the newest template.
func (f *family) isNew(p *object.Pod) bool {
	switch f.work.Kind {
	case StatefulSet:
		return p.Labels.Get(hashOfRev) == f.work.Rolling.UpdateRevision
	case DaemonSet: // as its controller tells them
		if f.newRev != nil && p.Labels.Get(hashOfRev) == f.newRev.Labels.Get(hashOfRev) {
			return true
		}
		g := f.work.Rolling.Template
		return g != 0 && p.Labels.Get(generation) == strconv.FormatInt(g, 10)
	}
	return f.newSet != nil && p.Owner != nil && p.Owner.UID == f.newSet.UID
}

// counts takes the numbers from the status of the workload, and those that it
// does not have from its newest ReplicaSet or from its pods.
func (f *family) counts(now int64) Counts {
	w := f.work
	c := Counts{
		Desired: w.Desired, Total: w.Current, New: w.Rolling.Updated, Ready: w.Ready, Available: w.Avail,
		NewReady: Unknown, NewAvailable: Unknown, Terminating: Unknown,
	}
	if w.Kind == StatefulSet && w.Rolling.Updated == 0 && w.Rolling.UpdateRevision == w.Rolling.CurrentRevision {
		c.New = c.Total // not kept up by all versions
	}
	c.New = min(c.New, c.Total) // parts of a status may be a moment apart
	c.Old = c.Total - c.New
	c.Unavailable = max(0, c.Desired-c.Available)
	if f.knowPods {
		c.Terminating = 0
		var ready, available int32
		for _, p := range f.pods {
			switch {
			case p.Deleted != 0:
				c.Terminating++
			case f.isNew(p) && p.ReadySince != 0:
				ready++
				if isAvailable(p, w.Rolling.MinReady, now) {
					available++
				}
			}
		}
		if !f.inSets() {
			c.NewReady, c.NewAvailable = ready, available
		}
	}
	if f.newSet != nil {
		c.NewReady, c.NewAvailable = f.newSet.Ready, f.newSet.Avail
	}
	if c.Old == 0 { // all are of the newest revision
		c.NewReady, c.NewAvailable = c.Ready, c.Available
	}
	// The parts are read at different moments.
	if c.NewReady != Unknown {
		c.NewReady = min(c.NewReady, c.New)
		c.NewAvailable = min(c.NewAvailable, c.NewReady)
	}
	return c
}

// target is how many pods of the newest revision there are to be: those below a
// StatefulSet's partition stay.
func target(w *object.Workload) int32 {
	if w.Kind == StatefulSet {
		return max(0, w.Desired-w.Partition)
	}
	return w.Desired
}

// percent says how much of a rollout is done: pods of the newest revision that
// are available, of those there are to be.
func percent(c Counts, target int32, done bool) int {
	if done {
		return 100
	}
	if target <= 0 {
		return 0
	}
	available := c.NewAvailable
	if available == Unknown { // at least
		available = max(0, c.Available-c.Old)
	}
	return min(99, int(100*int64(available)/int64(target)))
}

// judge returns how the rollout stands.
func (f *family) judge(now int64) *Status {
	f.findNewest()
	w := f.work
	s := &Status{
		Meta: w.Meta, Kind: w.Kind, GVR: resourceOf(w), Generation: w.Rolling.Generation, Revision: f.revision(), Images: w.Images, Strategy: w.Strategy,
		Counts: f.counts(now), Done: done(w), Cause: w.Rolling.Cause, Started: f.started(), Partition: w.Partition,
		Deadline: deadline(w), Late: late(w) && !w.Paused, Paused: w.Paused,
	}
	if w.Argo != nil {
		s.Step = w.Argo.Step
	}
	s.Settled = s.Counts.Old == 0 && f.settled()
	if !s.Done {
		if found := f.blockers(now); len(found) > 0 {
			s.Blocker = &found[0]
		}
	}
	s.State = f.state(s)
	if s.State != Unobserved { // what is counted is of the spec before
		s.Percent = percent(s.Counts, target(w), s.State == Complete || s.State == Zero || s.State == Partitioned)
	}
	return s
}

// state tells the states apart. Only what is Done can be Complete.
func (f *family) state(s *Status) State {
	w, c := f.work, s.Counts
	switch {
	case w.Deleted != 0:
		return Deleting
	case w.Rolling.Observed < w.Rolling.Generation || w.Rolling.Observed == 0:
		return Unobserved
	case w.Argo != nil:
		return argoState(s, w.Argo)
	case w.Desired == 0 && c.Total == 0:
		return Zero
	case w.Paused && (!s.Done || c.Old > 0):
		return Paused
	case s.Late, s.Blocker != nil && s.Blocker.Hard:
		return Stuck
	case w.Strategy == string(appsv1.OnDeleteDaemonSetStrategyType): // a StatefulSet's is the same word
		switch {
		case c.Available < c.Desired || c.Total > c.Desired:
			return Progressing
		case c.Old > 0:
			return OnDelete
		}
		return Complete
	case !s.Done:
		return Progressing
	case c.Old > 0 && w.Kind == StatefulSet && w.Partition > 0 && c.Total <= c.Desired:
		return Partitioned
	case c.Old > 0: // surplus pods of the old revision are still to go
		return Progressing
	}
	return Complete
}

// settled reports whether the revision that there is had been rolled out
// before, so that what is missing is not the rollout.
func (f *family) settled() bool {
	r := f.work.Rolling
	switch f.work.Kind {
	case Deployment:
		c := r.Condition(string(appsv1.DeploymentProgressing))
		return c != nil && c.Reason == "NewReplicaSetAvailable"
	case StatefulSet:
		return r.CurrentRevision == r.UpdateRevision
	case ArgoRollout:
		return f.work.Argo.Hash == f.work.Argo.Stable
	}
	return f.newRev != nil && f.newRev.Revision == 1
}

// revision returns the number of the newest revision, "" if it is not known.
func (f *family) revision() string {
	if f.inSets() {
		return f.work.Revision
	}
	if f.newRev != nil {
		return strconv.FormatInt(f.newRev.Revision, 10)
	}
	return ""
}

// near is how far the clocks and steps of one rollout may be apart, in seconds:
// the template is written, then the controller makes the revision of it.
const near = 10

// started finds out who started the rollout, and when: the last writer of the
// template, at that time if it goes with the revision's own.
func (f *family) started() Start {
	s := Start{By: f.work.Rolling.TemplateBy.Manager}
	wrote := f.work.Rolling.TemplateBy.At
	var made, newest int64
	source := ""
	if f.newSet != nil {
		made, source = f.newSet.Created, "ReplicaSet"
		for _, other := range f.sets {
			newest = max(newest, other.Created)
		}
	}
	if f.newRev != nil {
		made, source = f.newRev.Created, "ControllerRevision"
		for _, other := range f.revs {
			newest = max(newest, other.Created)
		}
	}
	// A revision that is older than another one has been there before. Those of the
	// same second are told apart by what their Deployment or DaemonSet notes of them.
	s.Back = made != 0 && made < newest || f.newSet != nil && f.newSet.Rolling.Returned ||
		f.newRev != nil && f.newRev.Template != 0 && f.newRev.Template < f.work.Rolling.Template
	switch {
	case wrote != 0 && (made == 0 || s.Back || wrote <= made+near && wrote >= made-near):
		s.At, s.Source = wrote, "managedFields"
	case s.Back: // and nobody is noted as its writer
	default: // the manager has written something else since, or nobody is noted
		s.At, s.Source = made, source
	}
	return s
}

// budget returns the surge and unavailable budget of a rolling update in pods.
func (f *family) budget(c Counts) Budget {
	w := f.work
	b := Budget{SurgeAs: w.Rolling.MaxSurge, AsGiven: w.Rolling.MaxUnavailable}
	switch {
	case w.Strategy == string(appsv1.RecreateDeploymentStrategyType):
		b.Unavailable = w.Desired
	case w.Kind == StatefulSet:
		b.Unavailable = max(1, scaled(w.Rolling.MaxUnavailable, w.Desired, false)) // one where the spec has none
	case w.Kind == DaemonSet:
		b.Surge = scaled(w.Rolling.MaxSurge, w.Desired, true)
		b.Unavailable = scaled(w.Rolling.MaxUnavailable, w.Desired, true)
	default:
		b.Surge = scaled(w.Rolling.MaxSurge, w.Desired, true)
		b.Unavailable = scaled(w.Rolling.MaxUnavailable, w.Desired, false)
	}
	if b.Surge == 0 && b.Unavailable == 0 {
		b.Unavailable = 1 // neither would let it begin, so the controllers take this
	}
	b.Unavailable = min(b.Unavailable, w.Desired)
	b.Most, b.Least = w.Desired+b.Surge, w.Desired-b.Unavailable
	b.SpareSurge = max(0, b.Most-c.Total)
	b.SpareDown = max(0, c.Available-b.Least)
	return b
}

// scaled returns a number or percentage of total in pods, 0 if none is given.
func scaled(given string, total int32, up bool) int32 {
	if given == "" {
		return 0
	}
	n := intstr.Parse(given)
	v, err := intstr.GetScaledValueFromIntOrPercent(&n, int(total), up)
	if err != nil || v < 0 {
		return 0 // the API server lets no such value in
	}
	return int32(min(v, 1<<31-1))
}

// times writes a number before what there is more than one of.
func times(n int32) string {
	if n <= 1 {
		return ""
	}
	return strconv.Itoa(int(n)) + " × "
}

// ordinal returns the number at the end of the name of a StatefulSet's pod.
func ordinal(name string) (int32, bool) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(name[i+1:], 10, 32)
	return int32(n), err == nil
}
