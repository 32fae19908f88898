package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/pager"
	deploymentutil "k8s.io/kubectl/pkg/util/deployment"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/sanitize"
)

// Reader reads a cluster. An action.Client is one.
type Reader interface {
	Objects() dynamic.Interface
	Metadata() metadata.Interface // of objects whose contents are nobody's business
}

// History is what a cluster knows of the revisions of a Deployment, StatefulSet
// or DaemonSet. It is one moment's, and immutable.
type History struct {
	Ref    kube.Ref
	Object *unstructured.Unstructured // the workload as it was read
	// Current is the template that the workload asks for. It is that of the
	// revision with Target set, unless its controller has not made one of it yet:
	// a paused Deployment waits with that until it is resumed.
	Current   Template
	Revisions []Revision // the newest first
	// PodsUnread is why the pods of the revisions are not known, nil if they are.
	PodsUnread error
}

// Revision is one template that a workload has, or had and may have again. Its
// texts are safe to show.
type Revision struct {
	Number int64
	// Former are the numbers that it had before the workload went back to it, which
	// gives it a new one.
	Former  []int64
	Name    string // of the ReplicaSet or ControllerRevision
	UID     types.UID
	Created time.Time // when its template was first asked for
	Cause   string    // the annotation kubernetes.io/change-cause
	// By is who asked for it, as far as the managedFields of the workload tell:
	// they keep the last write of each program that set something in its template,
	// and nothing of one that only took something away. So it is known of the
	// target, and of an older revision only if its author has not written since.
	By       action.Author
	Template Template
	Pods     Pods
	Target   bool // the workload asks for it
	// Complete says that it is the last revision known to have been rolled out
	// to the end: the target itself unless it is being rolled out.
	Complete bool

	annotations map[string]string
}

// Pods counts the pods of a revision.
type Pods struct {
	Desired int64 // of a ReplicaSet; other kinds have no number for each revision
	Total   int64
	Ready   int64
	// Available are those that have been ready for as long as the workload wants.
	Available int64
}

// Errors for a history that has not what was asked for.
var (
	ErrNoHistory  = errors.New("no revision to go back to")
	ErrNoRevision = errors.New("no such revision")
	ErrNotRolled  = errors.New("only deployments, statefulsets and daemonsets have revisions")
)

// changeCause is the annotation in which people say why they made a revision.
const changeCause = "kubernetes.io/change-cause"

// ReadHistory reads the revisions of the workload that ref names.
func ReadHistory(ctx context.Context, r Reader, ref kube.Ref) (*History, error) {
	obj, err := readWorkload(ctx, r, ref)
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", ref.Where(), err)
	}
	ref.UID = obj.GetUID()
	h := &History{Ref: ref, Object: obj}
	h.Current, _ = TemplateOf(obj)
	kept, err := h.readRevisions(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", ref.Where(), err)
	}
	target := h.targetOf(kept)
	h.Revisions = numbered(kept, target)
	if ref.GVR.Resource != "deployments" {
		h.PodsUnread = h.countPods(ctx, r)
	}
	h.attribute()
	if settled, err := h.settled(); err == nil && settled.Sure {
		h.Revisions[settled.index].Complete = true
	}
	return h, nil
}

// readWorkload reads the object that ref names, and no later one of its name.
func readWorkload(ctx context.Context, r Reader, ref kube.Ref) (*unstructured.Unstructured, error) {
	if _, ok := keptAs(ref.GVR); !ok {
		return nil, ErrNotRolled
	}
	obj, err := r.Objects().Resource(ref.GVR).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && ref.UID != "":
		return nil, action.ErrGone
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("there is none of this name: %w", err)
	case err != nil:
		return nil, err
	case ref.UID != "" && obj.GetUID() != ref.UID:
		return nil, action.ErrReplaced
	}
	return obj, nil
}

// keptAs returns the resource in which the revisions of workloads are kept.
func keptAs(of schema.GroupVersionResource) (schema.GroupVersionResource, bool) {
	switch of.GroupResource().String() {
	case "deployments.apps":
		return appsv1.SchemeGroupVersion.WithResource("replicasets"), true
	case "statefulsets.apps", "daemonsets.apps":
		return appsv1.SchemeGroupVersion.WithResource("controllerrevisions"), true
	}
	return schema.GroupVersionResource{}, false
}

// selector returns the labels of what belongs to the workload.
func (h *History) selector() (string, error) {
	value, _ := action.At(h.Object.Object, []string{"spec", "selector"})
	fields, _ := value.(map[string]any)
	var s metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &s); err != nil {
		return "", fmt.Errorf("read its selector: %w", err)
	}
	selector, err := metav1.LabelSelectorAsSelector(&s)
	if err != nil {
		return "", fmt.Errorf("read its selector: %w", err)
	}
	return selector.String(), nil
}

// owned calls visit for the objects of a resource that the workload controls.
func (h *History) owned(ctx context.Context, r Reader, gvr schema.GroupVersionResource, visit func(*unstructured.Unstructured)) error {
	selector, err := h.selector()
	if err != nil {
		return err
	}
	list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return r.Objects().Resource(gvr).Namespace(h.Ref.Namespace).List(ctx, o)
	}
	err = pager.New(list).EachListItem(ctx, metav1.ListOptions{LabelSelector: selector}, func(o runtime.Object) error {
		if obj, ok := o.(*unstructured.Unstructured); ok && metav1.IsControlledBy(obj, h.Object) {
			visit(obj)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list %s in %s: %w", gvr.Resource, h.Ref.Namespace, err)
	}
	return nil
}

// readRevisions reads all that are kept, in the order in which they were made.
func (h *History) readRevisions(ctx context.Context, r Reader) ([]Revision, error) {
	gvr, _ := keptAs(h.Ref.GVR)
	var kept []Revision
	err := h.owned(ctx, r, gvr, func(obj *unstructured.Unstructured) { kept = append(kept, newRevision(obj)) })
	slices.SortFunc(kept, func(a, b Revision) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.Name, b.Name))
	})
	return kept, err
}

// newRevision reads a ReplicaSet or ControllerRevision.
func newRevision(obj *unstructured.Unstructured) Revision {
	rev := Revision{
		Name: sanitize.Line(obj.GetName()), UID: obj.GetUID(), Created: obj.GetCreationTimestamp().Time,
		Cause: sanitize.Line(obj.GetAnnotations()[changeCause]), annotations: obj.GetAnnotations(),
	}
	rev.Template, _ = TemplateOf(obj)
	if n, ok := number(obj, "revision"); ok { // of a ControllerRevision
		rev.Number = n
		return rev
	}
	// What is no number counts as none, as it does for kubectl.
	rev.Number, _ = strconv.ParseInt(rev.annotations[deploymentutil.RevisionAnnotation], 10, 64)
	for former := range strings.SplitSeq(rev.annotations[deploymentutil.RevisionHistoryAnnotation], ",") {
		if n, err := strconv.ParseInt(former, 10, 64); err == nil {
			rev.Former = append(rev.Former, n)
		}
	}
	rev.Pods.Desired, _ = number(obj, "spec", "replicas")
	rev.Pods.Total, _ = number(obj, "status", "replicas")
	rev.Pods.Ready, _ = number(obj, "status", "readyReplicas")
	rev.Pods.Available, _ = number(obj, "status", "availableReplicas")
	return rev
}

func number(obj *unstructured.Unstructured, path ...string) (int64, bool) {
	value, _ := action.At(obj.Object, path)
	n, ok := value.(int64)
	return n, ok
}

// targetOf returns the index of the revision that the workload asks for, -1 if
// there is none yet. Of several with its template a Deployment takes the oldest,
// the others the newest.
func (h *History) targetOf(kept []Revision) int {
	same := func(r Revision) bool { return r.Template.Equal(h.Current) }
	if h.Ref.GVR.Resource == "deployments" {
		return slices.IndexFunc(kept, same)
	}
	found := -1
	for i, r := range kept {
		if same(r) && (found < 0 || r.Number > kept[found].Number) {
			found = i
		}
	}
	return found
}

// numbered returns one revision for each number, the newest first. A number that
// two have, which a controller that was interrupted may leave, is the target's,
// else that of the one made last.
func numbered(kept []Revision, target int) []Revision {
	by := map[int64]Revision{}
	for i, r := range kept {
		r.Target = i == target
		if !by[r.Number].Target {
			by[r.Number] = r
		}
	}
	revisions := make([]Revision, 0, len(by))
	for _, r := range by {
		revisions = append(revisions, r)
	}
	slices.SortFunc(revisions, func(a, b Revision) int { return cmp.Compare(b.Number, a.Number) })
	return revisions
}

// Target returns the revision that the workload asks for; false if its
// controller has not made one of its template yet.
func (h *History) Target() (Revision, bool) {
	i := slices.IndexFunc(h.Revisions, func(r Revision) bool { return r.Target })
	if i < 0 {
		return Revision{}, false
	}
	return h.Revisions[i], true
}

// Find returns the revision of a number.
func (h *History) Find(number int64) (Revision, error) {
	for _, r := range h.Revisions {
		if r.Number == number && number > 0 {
			return r, nil
		}
	}
	for _, r := range h.Revisions {
		if slices.Contains(r.Former, number) {
			return Revision{}, fmt.Errorf("%s: %w: revision %d is revision %d since it was gone back to",
				h.Ref.Where(), ErrNoRevision, number, r.Number)
		}
	}
	return Revision{}, fmt.Errorf("%s: %w: there is no revision %d, %s", h.Ref.Where(), ErrNoRevision, number, h.kept())
}

// Previous returns the revision before the newest, which is what kubectl goes
// back to when it is given none.
func (h *History) Previous() (Revision, error) {
	if len(h.Revisions) < 2 || h.Revisions[1].Number <= 0 {
		return Revision{}, h.none()
	}
	return h.Revisions[1], nil
}

// none says that there is nothing to go back to, and why.
func (h *History) none() error {
	if limit, ok := number(h.Object, "spec", "revisionHistoryLimit"); ok && limit == 0 {
		return fmt.Errorf("%s: %w: its revisionHistoryLimit is 0, so Kubernetes keeps none", h.Ref.Where(), ErrNoHistory)
	}
	return fmt.Errorf("%s: %w: %s", h.Ref.Where(), ErrNoHistory, h.kept())
}

// kept says which revisions there are.
func (h *History) kept() string {
	const most = 8
	var numbers []string
	for i, r := range h.Revisions {
		if i == most {
			numbers = append(numbers, fmt.Sprintf("and %d older", len(h.Revisions)-most))
			break
		}
		numbers = append(numbers, strconv.FormatInt(r.Number, 10))
	}
	switch len(numbers) {
	case 0:
		return "none is kept"
	case 1:
		return "only " + numbers[0] + " is kept"
	}
	return "kept are " + strings.Join(numbers, ", ")
}
