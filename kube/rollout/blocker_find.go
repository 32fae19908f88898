package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"

	"quarterdeck/kube/object"
)

// blockers returns what keeps the rollout from being done, the first one first:
// what has to be mended before the others matter.
func (f *family) blockers(now int64) []Blocker {
	w := f.work
	if w.Deleted != 0 {
		return nil
	}
	if b, ok := f.unobserved(); ok {
		return []Blocker{b} // all else is about a spec that is gone
	}
	var found []Blocker
	if b, ok := f.brokenPod(now); ok {
		found = append(found, b)
	}
	if b, ok := f.degraded(); ok {
		found = append(found, b)
	}
	if b, ok := f.refused(now); ok {
		found = append(found, b)
	}
	inPods := f.podBlockers(now)
	if !f.moving(now) {
		found = append(found, inPods...)
	} else { // something else may still get further
		for i := range inPods {
			inPods[i].Hard = false
		}
		for i := range found {
			found[i].Hard = found[i].Reason == BrokenPod || found[i].Reason == Degraded
		}
		found = append(found, inPods...)
	}
	found = append(found, f.waits()...)
	found = f.lateness(found)
	slices.SortStableFunc(found, func(a, b Blocker) int { return cmp.Compare(rank(a), rank(b)) })
	return found
}

// rank puts hard blockers before those that may pass, and those that the spec
// asks for at the end.
func rank(b Blocker) int {
	switch {
	case b.Reason == BrokenPod:
		return 0
	case b.Hard && b.Reason != Degraded: // which has a cause
		return 1
	case b.Reason == PausedBySpec || b.Reason == ByPartition || b.Reason == ByDelete || b.Reason == Disruption:
		return 3
	}
	return 2
}

func (f *family) unobserved() (Blocker, bool) {
	r := f.work.Rolling
	if r.Observed >= r.Generation && r.Observed != 0 {
		return Blocker{}, false
	}
	return Blocker{
		Reason: NotSeen, Short: "controller has not seen the newest spec",
		Words: fmt.Sprintf("the controller has not seen the newest spec: it knows generation %d of %d", r.Observed, r.Generation),
		Since: max(r.TemplateBy.At, r.ReplicasBy.At),
		Evidence: []Evidence{{
			Source: FromField, Where: f.where("status.observedGeneration"),
			Words: fmt.Sprintf("%d, metadata.generation %d", r.Observed, r.Generation),
		}},
	}, true
}

// where names a field of the workload.
func (f *family) where(field string) string {
	return strings.ToLower(f.work.Kind) + "/" + f.work.Name + " " + field
}

// failedCreate is the reason of conditions and events when a controller cannot
// create a pod.
const failedCreate = "FailedCreate"

// refused tells of pods that the API server does not let be created.
func (f *family) refused(now int64) (Blocker, bool) {
	w := f.work
	var evidence []Evidence
	message := ""
	note := func(where string, r *object.Rolling) {
		if r == nil {
			return
		}
		if c := r.Condition(string(appsv1.DeploymentReplicaFailure)); c != nil && c.Status == "True" && !object.Contended(c.Message) {
			evidence = append(evidence, Evidence{Source: FromCondition, Where: where + " " + c.Type + "=True " + c.Reason, Words: c.Message, At: c.Changed})
			message = c.Message
		}
	}
	if f.inSets() {
		note(strings.ToLower(w.Kind)+"/"+w.Name, w.Rolling)
		if f.newSet != nil {
			note("replicaset/"+f.newSet.Name, f.newSet.Rolling)
		}
	}
	// The others have no condition for it. Their controllers try again, with
	// pauses of up to a quarter of an hour, and say so each time.
	if f.inSets() && len(evidence) == 0 || !f.inSets() && w.Current >= w.Desired && !f.gap() {
		return Blocker{}, false
	}
	const retry = 20 * 60
	for _, e := range f.said(failedCreate) {
		if len(evidence) > 0 || e.Last > now-retry && e.Last > f.newestPod() && !object.Contended(e.Message) {
			evidence = append(evidence, fromEvent(e))
			if message == "" {
				message = e.Message
			}
			break
		}
	}
	if message == "" {
		return Blocker{}, false
	}
	b := Blocker{Reason: CreateRefused, Hard: true, Evidence: evidence, Since: evidence[0].At}
	why := message
	if _, after, ok := strings.Cut(message, "is forbidden: "); ok {
		why = after
	}
	b.Short = "cannot create pods: " + why
	b.Words = "pods cannot be created: " + why
	if name, rest, ok := strings.Cut(strings.TrimPrefix(why, "exceeded quota: "), ","); ok && strings.HasPrefix(why, "exceeded quota: ") {
		b.Reason = Quota
		b.Short = "quota " + name + " is used up"
		b.Words = "pods cannot be created: quota " + name + " would be exceeded:" + rest
	}
	return b, true
}

// gap reports whether a pod is missing that the controller should have made.
func (f *family) gap() bool {
	var there int32
	for _, p := range f.pods {
		if p.Deleted == 0 {
			there++
		}
	}
	return f.knowPods && there < f.work.Desired
}

// newestPod returns when the newest pod was created: a refusal until then is
// over, or it is repeated.
func (f *family) newestPod() int64 {
	var at int64
	for _, p := range f.pods {
		at = max(at, p.Created)
	}
	return at
}

// waits tells of what the spec itself asks to wait for.
func (f *family) waits() []Blocker {
	w := f.work
	var found []Blocker
	if w.Paused {
		found = append(found, Blocker{
			Reason: PausedBySpec, Short: "paused", Words: "the rollout is paused: its controller only scales until somebody resumes it",
			Evidence: []Evidence{{Source: FromField, Where: f.where("spec.paused"), Words: "true"}},
		})
		if c := w.Rolling.Condition(string(appsv1.DeploymentProgressing)); c != nil && c.Reason == "DeploymentPaused" {
			found[0].Since = c.Updated
		}
	}
	if w.Strategy == string(appsv1.OnDeleteStatefulSetStrategyType) {
		found = append(found, Blocker{
			Reason: ByDelete, Short: "pods are replaced only when somebody deletes them",
			Words:    "its update strategy is OnDelete: a pod of an old revision is replaced when somebody deletes it",
			Evidence: []Evidence{{Source: FromField, Where: f.where("spec.updateStrategy.type"), Words: w.Strategy}},
		})
		for _, b := range f.disruptionBudgets() {
			if b.Allowed == 0 {
				found = append(found, Blocker{
					Reason: Disruption, Short: "pdb/" + b.Name + " refuses evictions",
					Words: fmt.Sprintf("pdb/%s allows no disruption now (%s, %d healthy of %d): evicting a pod is refused, deleting it is not",
						b.Name, b.Rule, b.Healthy, b.Expected),
					Evidence: []Evidence{{Source: FromField, Where: "poddisruptionbudget/" + b.Name + " status.disruptionsAllowed", Words: "0"}},
				})
			}
		}
	}
	return found
}

// lateness adds the deadline that has passed: as evidence of what is in the way,
// or by itself if nothing is known to be.
func (f *family) lateness(found []Blocker) []Blocker {
	if f.work.Kind != Deployment || !late(f.work) {
		return found
	}
	c := f.work.Rolling.Condition(string(appsv1.DeploymentProgressing))
	e := Evidence{
		Source: FromCondition, Where: strings.ToLower(f.work.Kind) + "/" + f.work.Name + " Progressing=False " + c.Reason,
		Words: c.Message, At: c.Changed,
	}
	for i := range found {
		if r := rank(found[i]); r < 3 {
			found[i].Hard = true
			found[i].Evidence = append(found[i].Evidence, e)
			return found
		}
	}
	return append(found, Blocker{
		Reason: DeadlineExceeded, Hard: true, Short: "deadline exceeded", Since: c.Changed, Evidence: []Evidence{e},
		Words: fmt.Sprintf("the rollout has made no progress for %s, its deadline", span(int64(f.work.Rolling.Deadline))),
	})
}

// said returns the events with a reason about the workload and the ReplicaSet of
// its newest revision, the newest first.
func (f *family) said(reason string) []*object.Event {
	list := f.fleet.events[f.work.UID]
	if f.newSet != nil {
		list = append(list[:len(list):len(list)], f.fleet.events[f.newSet.UID]...)
	}
	return withReason(list, reason)
}

// withReason returns the events with one of the reasons, the newest first.
func withReason(list []*object.Event, reasons ...string) []*object.Event {
	var found []*object.Event
	for _, e := range list {
		if slices.Contains(reasons, e.Reason) {
			found = append(found, e)
		}
	}
	sortEvents(found)
	return found
}

func sortEvents(list []*object.Event) {
	slices.SortFunc(list, func(a, b *object.Event) int {
		return cmp.Or(cmp.Compare(b.Last, a.Last), cmp.Compare(b.First, a.First), strings.Compare(string(a.Head().UID), string(b.Head().UID)))
	})
}

func fromEvent(e *object.Event) Evidence {
	return Evidence{
		Source: FromEvent, Where: strings.ToLower(e.Kind) + "/" + e.About + " " + e.Reason, Words: e.Message, At: e.Last, Count: e.Count,
	}
}
