package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	deploymentutil "k8s.io/kubectl/pkg/util/deployment"
	"k8s.io/kubectl/pkg/util/podutils"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
)

// UndoOptions say what to go back to.
type UndoOptions struct {
	// Revision is the one to go back to; 0 is the one before the newest, as with
	// kubectl.
	Revision int64
	// Resume ends the pause of a Deployment in the same step. Without it the undo
	// of a paused one is refused with ErrPaused, since nothing would come of it.
	Resume bool
}

// Undo is an undo of a rollout as it would be: what would change, what to know
// before, and the change itself, which has not been made.
type Undo struct {
	History *History
	To      Revision
	Why     string // of an abort: why this revision
	// Fields are what changes in the template that the workload asks for now, none
	// if only defaults do, which no field shows.
	Fields []Field
	// Referents are the ConfigMaps and Secrets of the revision, which are not
	// undone.
	Referents []Referent
	// Broken are pods of a StatefulSet that it will not replace by itself: they
	// must be deleted once the undo is made.
	Broken []kube.Ref
	// BrokenUnread is why pods that must be deleted may not be in Broken, nil if
	// all are.
	BrokenUnread error
	// Change has all of this as warnings, too. Its Try is the server's dry run.
	Change action.Change
}

// ErrPaused is the error for the undo of a paused Deployment.
var ErrPaused = errors.New("it is paused, so nothing would be rolled out: resume it first, or undo and resume in one step")

// PrepareUndo prepares that a workload goes back to an earlier revision: its
// template and, for a Deployment, its annotations, as with kubectl rollout undo.
// It works in the middle of a rollout.
func PrepareUndo(ctx context.Context, c *action.Client, ref kube.Ref, o UndoOptions) (*Undo, error) {
	h, err := ReadHistory(ctx, c, ref)
	if err != nil {
		return nil, err
	}
	var to Revision
	if o.Revision == 0 {
		to, err = h.Previous()
	} else {
		to, err = h.Find(o.Revision)
	}
	if err != nil {
		return nil, err
	}
	return h.undo(ctx, c, to, action.UndoRollout, "", o.Resume)
}

// PrepareAbort prepares that a workload whose rollout is under way or stuck goes
// back to the last complete revision.
func PrepareAbort(ctx context.Context, c *action.Client, ref kube.Ref, resume bool) (*Undo, error) {
	h, err := ReadHistory(ctx, c, ref)
	if err != nil {
		return nil, err
	}
	last, err := h.LastComplete()
	if err != nil {
		return nil, err
	}
	return h.undo(ctx, c, last.Revision, action.AbortRollout, last.Why, resume)
}

// Undoing is PrepareUndo for callers that need nothing but the change, such as
// action.Prepare for many workloads at once.
func Undoing(c *action.Client, o UndoOptions) func(context.Context, kube.Ref) (action.Change, error) {
	return func(ctx context.Context, ref kube.Ref) (action.Change, error) {
		u, err := PrepareUndo(ctx, c, ref, o)
		if err != nil {
			return action.Change{}, err
		}
		return u.Change, nil
	}
}

// Aborting is PrepareAbort for callers that need nothing but the change.
func Aborting(c *action.Client, resume bool) func(context.Context, kube.Ref) (action.Change, error) {
	return func(ctx context.Context, ref kube.Ref) (action.Change, error) {
		u, err := PrepareAbort(ctx, c, ref, resume)
		if err != nil {
			return action.Change{}, err
		}
		return u.Change, nil
	}
}

// undo prepares to go back to a revision.
func (h *History) undo(ctx context.Context, c *action.Client, to Revision, verb, why string, resume bool) (*Undo, error) {
	if h.Current.Equal(to.Template) {
		return nil, fmt.Errorf("%s: %w: its template is that of revision %d already", h.Ref.Where(), action.ErrNothingToDo, to.Number)
	}
	paused, _ := action.At(h.Object.Object, []string{"spec", "paused"})
	if paused == true && !resume {
		return nil, fmt.Errorf("%s: %w", h.Ref.Where(), ErrPaused)
	}
	u := &Undo{History: h, To: to, Why: why, Fields: Compare(h.Current, to.Template)}
	change, err := c.Rollback(h.Ref, h.Object, action.Rollback{
		Verb: verb, Revision: to.Number, Template: to.Template.object(), Annotations: h.annotations(to), Resume: paused == true,
	})
	if err != nil {
		return nil, err
	}
	u.Referents = ReadReferents(ctx, c, to.Template.References(h.Ref.Namespace), to.Created)
	u.Broken, u.BrokenUnread = h.broken(ctx, c, to)
	change.Summary = u.summary()
	change.Warnings = append(change.Warnings, u.warnings()...)
	u.Change = change.Then(u.said())
	return u, nil
}

// annotations returns those that the workload has after going back to a
// revision: a Deployment gets back its own of that time, but for those that tell
// of the present.
func (h *History) annotations(to Revision) map[string]string {
	if h.Ref.GVR.Resource != "deployments" {
		return nil
	}
	present := []string{
		corev1.LastAppliedConfigAnnotation, deploymentutil.RevisionAnnotation, deploymentutil.RevisionHistoryAnnotation,
		deploymentutil.DesiredReplicasAnnotation, deploymentutil.MaxReplicasAnnotation, appsv1.DeprecatedRollbackTo,
	}
	now, after := h.Object.GetAnnotations(), maps.Clone(to.annotations)
	if after == nil {
		after = map[string]string{}
	}
	for _, name := range present {
		delete(after, name)
		if v, ok := now[name]; ok {
			after[name] = v
		}
	}
	return after
}

// summary says what is undone: the revisions, and the fields with no values but
// those of images, since environments hold what is nobody's business.
func (u *Undo) summary() string {
	const most = 4
	from := "the template of now"
	if target, ok := u.History.Target(); ok {
		from = fmt.Sprintf("revision %d", target.Number)
	}
	var parts []string
	for i, f := range u.Fields {
		if i == most {
			parts = append(parts, fmt.Sprintf("%d more", len(u.Fields)-most))
			break
		}
		if f.Part() == Images {
			parts = append(parts, f.String())
			continue
		}
		parts = append(parts, f.Name())
	}
	if len(parts) == 0 {
		parts = []string{"defaults only"}
	}
	return fmt.Sprintf("%s → %d: %s", from, u.To.Number, strings.Join(parts, ", "))
}

// warnings says what to know before the undo.
func (u *Undo) warnings() []string {
	var out []string
	warn := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	obj := u.History.Object
	if u.Why != "" {
		warn("back to revision %d: %s", u.To.Number, u.Why)
	}
	if len(u.Fields) == 0 {
		warn("revision %d differs only in defaults that the server fills in; its pods are replaced all the same", u.To.Number)
	}
	if paused, _ := action.At(obj.Object, []string{"spec", "paused"}); paused == true {
		warn("it is paused, and is resumed with this")
	}
	if u.History.onDelete() {
		warn("its update strategy is OnDelete: pods get the revision only when you delete them")
	}
	if n, _ := number(obj, "spec", "updateStrategy", "rollingUpdate", "partition"); n > 0 {
		warn("its partition is %d: pods with a lower number are not touched", n)
	}
	if n, ok := number(obj, "spec", "replicas"); ok && n == 0 {
		warn("it has 0 replicas: no pod runs until it is scaled up")
	}
	if s := u.said(); s != "" {
		warn("%s", s)
	}
	for _, r := range u.Referents {
		if words := r.Words(u.To.Number); words != "" && (r.State != Missing || !r.Optional) {
			warn("%s", words)
		}
	}
	return out
}

// said is what to do once the undo is made, "" if nothing.
func (u *Undo) said() string {
	if u.BrokenUnread != nil {
		return "a pod that is not ready would block it until it is deleted; whether there is one is not known: " +
			refused(u.BrokenUnread, "list", corev1.SchemeGroupVersion.WithResource("pods"), u.History.Ref.Namespace)
	}
	if len(u.Broken) == 0 {
		return ""
	}
	names := make([]string, len(u.Broken))
	for i, b := range u.Broken {
		names[i] = b.String()
	}
	return "a StatefulSet waits for pods that are not ready also when its template is good again: delete " +
		strings.Join(names, ", ") + " after this, unless it gets ready"
}

// broken returns the pods that keep a StatefulSet from going back to a revision
// by itself. One that makes its pods in order waits until each is ready before
// it touches the next, also for a pod whose template has been taken back
// (https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback).
func (h *History) broken(ctx context.Context, r Reader, to Revision) ([]kube.Ref, error) {
	if h.Ref.GVR.Resource != "statefulsets" || h.onDelete() || text(h.Object.Object, "spec", "podManagementPolicy") == string(appsv1.ParallelPodManagement) {
		return nil, nil
	}
	var found []kube.Ref
	err := h.pods(ctx, r, func(p ownedPod) {
		phase := p.pod.Status.Phase
		if p.of(to) || podutils.IsPodReady(p.pod) || p.pod.DeletionTimestamp != nil ||
			phase == corev1.PodFailed || phase == corev1.PodSucceeded { // which it replaces
			return
		}
		found = append(found, kube.Ref{
			GVR: corev1.SchemeGroupVersion.WithResource("pods"), Kind: "Pod",
			Namespace: p.pod.Namespace, Name: p.pod.Name, UID: p.pod.UID,
		})
	})
	return found, err
}

// ReadBroken returns the pods that keep a StatefulSet from rolling out the
// template that it asks for, none for other workloads. It is what to ask after
// an undo: pods may have broken meanwhile.
func ReadBroken(ctx context.Context, r Reader, ref kube.Ref) ([]kube.Ref, error) {
	h, err := ReadHistory(ctx, r, ref)
	if err != nil {
		return nil, err
	}
	target, _ := h.Target() // with none yet, no pod is of it
	return h.broken(ctx, r, target)
}
