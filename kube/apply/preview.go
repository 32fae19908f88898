package apply

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
)

// Verdict is what applying an object does, or did.
type Verdict int

// What applying an object does.
const (
	Unknown Verdict = iota // it cannot be tried, or failed
	Create
	Change
	Same
)

func (v Verdict) String() string {
	switch v {
	case Create:
		return "create"
	case Change:
		return "change"
	case Same:
		return "same"
	}
	return "unknown"
}

// Step is an object of a set that is to be applied, and what the server said to
// a dry run of it. It is immutable.
type Step struct {
	Object
	Ref     kube.Ref
	Verdict Verdict
	Note    string  // why it could not be tried, though it can be applied
	Owners  []Owner // of fields that it would take over, if forced
	Err     error   // why it cannot be applied

	crd           schema.GroupKind // of the same set that makes its kind
	shape         *shape
	before, after map[string]any // without what the server sets; nil where there is none
}

// Fields returns what changes of an object that exists, to be shown. The values
// of a Secret are masked unless revealed.
func (s Step) Fields(reveal bool) []Field {
	if s.Verdict != Change {
		return nil
	}
	before, after := s.before, s.after
	if isSecret(s.Ref) && !reveal {
		before, after = mask(before, after)
	}
	return fields(compare(before, after, s.shape, nil, ""))
}

// Diff returns the change as a unified diff, to be shown. The values of a
// Secret are masked unless revealed.
func (s Step) Diff(reveal bool) string { return unified(s.Ref, s.before, s.after, reveal) }

// parallel is how many objects are tried at the same time.
const parallel = 8

// Preview asks the server what applying the objects would do. namespace is for
// those that name none. Where others own what would change, the step shows it
// as if it were forced. report is called with the number of objects that are
// done, from one goroutine at a time; it may be nil.
func (c *Client) Preview(ctx context.Context, objects []Object, namespace string, report func(done int)) []Step {
	s := newSet(objects)
	steps := make([]Step, len(objects))
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	slots := make(chan struct{}, parallel)
	for i, o := range objects {
		slots <- struct{}{}
		wg.Go(func() {
			defer utilruntime.HandleCrash()
			defer func() { <-slots }()
			steps[i] = c.preview(ctx, o, namespace, s)
			mu.Lock()
			defer mu.Unlock()
			if done++; report != nil {
				report(done)
			}
		})
	}
	wg.Wait()
	return steps
}

// set is what the objects that are applied together make for each other.
type set struct {
	namespaces map[string]bool
	kinds      map[schema.GroupKind]definition
}

// definition is a kind that a CustomResourceDefinition of the set makes.
type definition struct {
	plural     string
	namespaced bool
}

func newSet(objects []Object) set {
	s := set{map[string]bool{}, map[schema.GroupKind]definition{}}
	for _, o := range objects {
		m := o.Manifest
		switch m.GroupVersionKind().GroupKind().String() {
		case "Namespace":
			s.namespaces[m.GetName()] = true
		case "CustomResourceDefinition.apiextensions.k8s.io":
			kind, d := defines(m)
			s.kinds[kind] = d
		}
	}
	return s
}

// defines returns the kind that a CustomResourceDefinition makes.
func defines(crd *unstructured.Unstructured) (schema.GroupKind, definition) {
	text := func(path ...string) string {
		v, _ := action.At(crd.Object, append([]string{"spec"}, path...))
		s, _ := v.(string)
		return s
	}
	return schema.GroupKind{Group: text("group"), Kind: text("names", "kind")},
		definition{text("names", "plural"), text("scope") == "Namespaced"}
}

func (c *Client) preview(ctx context.Context, o Object, namespace string, s set) Step {
	step, unmade := c.resolve(o, namespace, s)
	switch {
	case step.Err != nil:
		return step
	case unmade:
		step.Verdict, step.Note = Create, "its kind is made by a definition among these objects, so it could not be tried"
		step.after = plain(step.Manifest)
		return step
	}
	live, err := c.get(ctx, step.Ref)
	if err != nil && !apierrors.IsNotFound(err) {
		step.Err = failed("get", step.Ref, err)
		return step
	}
	step.Verdict = Create
	if live != nil {
		step.Verdict, step.Ref.UID = Change, live.GetUID()
		step.before, step.shape = plain(live), shapeOf(live)
	}
	after, err := c.send(ctx, step, false, true)
	if step.Owners = conflictOf(err, live); len(step.Owners) > 0 {
		after, err = c.send(ctx, step, true, true)
	}
	switch {
	case err == nil:
		if step.after = plain(after); live != nil && same(step.before, step.after) {
			step.Verdict = Same
		}
	case apierrors.IsNotFound(err) && live == nil && s.namespaces[step.Ref.Namespace]:
		step.Note = "its namespace is among these objects, so it could not be tried"
		step.after = plain(step.Manifest)
	default:
		step.Verdict, step.Err = Unknown, failed("apply", step.Ref, err)
	}
	return step
}

// resolve finds the resource of an object and completes its namespace. unmade
// says that the cluster does not have the kind yet.
func (c *Client) resolve(o Object, namespace string, s set) (step Step, unmade bool) {
	o.Manifest = o.Manifest.DeepCopy()
	gvk := o.Manifest.GroupVersionKind()
	step = Step{Object: o, Ref: kube.Ref{Kind: gvk.Kind, Namespace: o.Manifest.GetNamespace(), Name: o.Manifest.GetName()}}
	mapper, err := c.mapper()
	if err != nil {
		step.Err = failed("apply", step.Ref, err)
		return step, false
	}
	d, ours := s.kinds[gvk.GroupKind()]
	if ours {
		step.crd = gvk.GroupKind()
	}
	mapping, err := mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	switch {
	case err == nil:
		step.Ref.GVR = mapping.Resource
		d.namespaced = mapping.Scope.Name() == meta.RESTScopeNameNamespace
	case ours:
		unmade = true
		step.Ref.GVR = gvk.GroupVersion().WithResource(d.plural)
	case meta.IsNoMatchError(err):
		step.Err = fmt.Errorf("the cluster has no kind %s of %s: apply its definition first", gvk.Kind, gvk.GroupVersion())
	default:
		step.Err = failed("apply", step.Ref, err)
	}
	switch {
	case !d.namespaced:
		step.Ref.Namespace = ""
	case step.Ref.Namespace == "" && namespace != "":
		step.Ref.Namespace = namespace
	case step.Ref.Namespace == "":
		step.Ref.Namespace = metav1.NamespaceDefault
	}
	o.Manifest.SetNamespace(step.Ref.Namespace) // "" removes it
	return step, unmade
}

// send applies one object. If it was there when it was shown, it is applied to
// that very one.
func (c *Client) send(ctx context.Context, s Step, force, dryRun bool) (*unstructured.Unstructured, error) {
	manifest := s.Manifest.DeepCopy()
	manifest.SetUID(s.Ref.UID)
	text, err := manifest.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	return c.resource(s.Ref).Patch(ctx, s.Ref.Name, types.ApplyPatchType, text, metav1.PatchOptions{
		FieldManager: action.FieldManager, FieldValidation: metav1.FieldValidationStrict, Force: &force, DryRun: dry(dryRun),
	})
}
