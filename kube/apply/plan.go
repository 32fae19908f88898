package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
)

// Plan is what an edited text changes. It is immutable.
type Plan struct {
	Ref kube.Ref
	// Edits are the fields that change. They have the values of a Secret: what
	// is shown or kept is Fields.
	Edits   []action.Edit
	Kubectl string // the command that does the same

	edit   *Edit
	object map[string]any
}

// Fields returns what changes, to be shown. The values of a Secret are masked
// unless revealed.
func (p *Plan) Fields(reveal bool) []Field {
	before, after := p.edit.base, p.object
	if isSecret(p.Ref) && !reveal {
		before, after = mask(before, after)
	}
	return fields(compare(before, after, p.edit.shape, nil, ""))
}

// Diff returns the change as a unified diff, to be shown. The values of a
// Secret are masked unless revealed.
func (p *Plan) Diff(reveal bool) string {
	return unified(p.Ref, p.edit.base, p.object, reveal)
}

// Try asks the server what it would say to the change, and to force taking over
// the fields that others own. Nothing is kept. The error is a Conflict if
// others own what would change, an action.Moved if somebody changed it since
// the object was opened.
func (p *Plan) Try(ctx context.Context, force bool) error {
	_, err := p.send(ctx, force, true)
	return err
}

// Make makes the change. What it returns can be given to the Undo of
// kube/action; its Edits have the values of a Secret, too.
func (p *Plan) Make(ctx context.Context, force bool) (action.Change, error) {
	return p.send(ctx, force, false)
}

// attempts is how often a change is fitted to an object that others keep
// changing elsewhere.
const attempts = 8

func (p *Plan) send(ctx context.Context, force, dryRun bool) (action.Change, error) {
	var refused error
	version := ""
	for range attempts {
		live, err := p.edit.client.get(ctx, p.Ref)
		switch {
		case apierrors.IsNotFound(err):
			return action.Change{}, fmt.Errorf("edit %s: it was deleted meanwhile: %w", p.Ref.Where(), said{err.Error(), err})
		case err != nil:
			return action.Change{}, failed("edit", p.Ref, err)
		case live.GetResourceVersion() == version: // it was not for another's change
			return action.Change{}, failed("edit", p.Ref, refused)
		}
		version = live.GetResourceVersion()
		edits, err := p.fit(live)
		if err != nil {
			return action.Change{}, failed("edit", p.Ref, err)
		}
		now, err := p.patch(ctx, live, edits, force, dryRun)
		if err == nil {
			return p.made(now, edits), nil
		}
		if _, conflict := errors.AsType[*Conflict](err); conflict || !apierrors.IsConflict(err) && !apierrors.IsInvalid(err) {
			return action.Change{}, failed("edit", p.Ref, err)
		}
		refused = err // for good, unless the object has changed under it
	}
	return action.Change{}, failed("edit", p.Ref, fmt.Errorf("it changes faster than it can be edited: %w", refused))
}

// fit returns the edits for the object as it is now, or who has changed the
// same fields since it was opened.
func (p *Plan) fit(live *unstructured.Unstructured) ([]action.Edit, error) {
	edits := make([]action.Edit, len(p.Edits))
	now := prune(live.DeepCopy().Object)
	for i, e := range p.Edits {
		path, ok := relocate(p.edit.base, now, p.edit.shape, e.Path)
		if !ok {
			return nil, p.moved(e, nil, author(live, e.Path[:1]))
		}
		value, _ := action.At(now, path)
		if !same(value, e.Before) {
			return nil, p.moved(e, value, author(live, path))
		}
		edits[i] = action.Edit{Path: path, Before: value, After: e.After}
	}
	return edits, nil
}

// moved says that a field is not what it was, without the values of a Secret.
func (p *Plan) moved(e action.Edit, now any, by action.Author) *action.Moved {
	if isSecret(p.Ref) {
		e.Before, e.After, now = "masked", "masked", "another value"
	}
	return &action.Moved{Edit: e, Now: now, By: by}
}

// patch sends the edits for live, and for no other version of it.
func (p *Plan) patch(ctx context.Context, live *unstructured.Unstructured, edits []action.Edit, force, dryRun bool) (*unstructured.Unstructured, error) {
	resource := p.edit.client.resource(p.Ref)
	opts := metav1.PatchOptions{FieldManager: EditManager, FieldValidation: metav1.FieldValidationStrict, DryRun: dry(dryRun)}
	if config, ok := declare(live, edits); ok {
		body, err := json.Marshal(config)
		if err != nil {
			return nil, fmt.Errorf("write what to apply: %w", err)
		}
		opts.Force = &force
		now, err := resource.Patch(ctx, p.Ref.Name, types.ApplyPatchType, body, opts)
		owners := conflictOf(err, live)
		if len(owners) == 0 {
			return now, err
		}
		if owners = insist(owners); len(owners) > 0 {
			return nil, &Conflict{owners}
		}
		takeOver := true
		opts.Force = &takeOver
		return resource.Patch(ctx, p.Ref.Name, types.ApplyPatchType, body, opts)
	}
	if !force {
		if owners := insist(ownersOf(live, overwritten(live, edits))); len(owners) > 0 {
			return nil, &Conflict{owners}
		}
	}
	body, err := jsonPatch(live, edits)
	if err != nil {
		return nil, err
	}
	return resource.Patch(ctx, p.Ref.Name, types.JSONPatchType, body, opts)
}

// overwritten returns the fields of live that the edits change or remove.
func overwritten(live *unstructured.Unstructured, edits []action.Edit) []difference {
	before := live.DeepCopy()
	prune(before.Object)
	after := before.DeepCopy()
	for _, e := range edits {
		put(after.Object, e.Path, e.After)
	}
	return compare(before.Object, after.Object, shapeOf(live), nil, "")
}

// declare returns what to apply to make the edits: the fields, and those that
// were applied by edits before, which an apply without them would remove. It is
// false if an apply cannot say it: a field goes, elements of a list come, go or
// move, or it is not known whether a map can be set in part.
func declare(live *unstructured.Unstructured, edits []action.Edit) (map[string]any, bool) {
	s := shapeOf(live)
	config := map[string]any{}
	for _, e := range live.GetManagedFields() {
		if e.Manager != EditManager || e.Operation != metav1.ManagedFieldsOperationApply || e.Subresource != "" {
			continue
		}
		fields, ok := fieldsOf(e)
		if !ok || e.APIVersion != live.GetAPIVersion() {
			return nil, false
		}
		config, _ = extract(live.DeepCopy().Object, fields, s).(map[string]any)
	}
	for _, e := range edits {
		if e.After == nil || !s.settable(e.Before, e.Path) {
			return nil, false
		}
		next, ok := declareAt(config, live.Object, s, e.Path, e.After)
		if !ok {
			return nil, false
		}
		config, _ = next.(map[string]any)
	}
	config["apiVersion"], config["kind"] = live.GetAPIVersion(), live.GetKind()
	for k, v := range map[string]string{
		"name": live.GetName(), "namespace": live.GetNamespace(),
		"uid": string(live.GetUID()), "resourceVersion": live.GetResourceVersion(),
	} {
		if v != "" {
			put(config, []string{"metadata", k}, v)
		}
	}
	return config, true
}

// declareAt returns config, of the part of the object that is live, with the
// field at path; false if that cannot be said without saying more.
func declareAt(config, live any, s *shape, path []string, value any) (any, bool) {
	if len(path) == 0 {
		return value, true
	}
	if list, ok := live.([]any); ok {
		n, err := strconv.Atoi(path[0])
		if err != nil || n < 0 || n >= len(list) || s.find(list, list[n]) != n {
			return nil, false
		}
		declared, _ := config.([]any)
		i := s.find(declared, list[n])
		if i < 0 {
			i = len(declared)
			declared = append(declared, extractElement(list[n], nil, s))
		}
		declared[i], ok = declareAt(declared[i], list[n], s.element(), path[1:], value)
		return declared, ok
	}
	l, _ := live.(map[string]any)
	if len(l) > 0 && !s.granular() {
		return nil, false
	}
	declared, ok := config.(map[string]any)
	if !ok {
		declared = map[string]any{}
	}
	declared[path[0]], ok = declareAt(declared[path[0]], l[path[0]], s.part(path[0]), path[1:], value)
	return declared, ok
}

// settable reports whether an apply can replace a value: one that is merged
// part by part keeps the parts that are not applied.
func (s *shape) settable(value any, path []string) bool {
	switch value.(type) {
	case map[string]any, []any:
	default:
		return true
	}
	for i, p := range path {
		if s != nil && s.each != nil {
			if _, err := strconv.Atoi(p); err == nil && i > 0 {
				s = s.each
				continue
			}
		}
		s = s.part(p)
	}
	return s != nil && s.whole && len(s.parts) == 0 && s.each == nil
}

// operation is one step of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"` // of a remove it is not looked at
}

// jsonPatch returns the JSON patch that makes the edits on live, and on no
// other object or version.
func jsonPatch(live *unstructured.Unstructured, edits []action.Edit) ([]byte, error) {
	ops := []operation{
		{"test", "/metadata/uid", live.GetUID()},
		{"test", "/metadata/resourceVersion", live.GetResourceVersion()},
	}
	now := live.DeepCopy().Object
	for _, e := range edits {
		for i := 1; i < len(e.Path); i++ { // a map that others have removed, or that was null
			if v, _ := action.At(now, e.Path[:i]); v == nil {
				ops = append(ops, operation{"add", pointer(e.Path[:i]), map[string]any{}})
			}
		}
		op := "add"
		switch _, there := action.At(now, e.Path); {
		case e.After == nil:
			op = "remove"
		case there:
			op = "replace" // an add to a list would shift the others
		}
		ops = append(ops, operation{op, pointer(e.Path), e.After})
		put(now, e.Path, e.After)
	}
	body, err := json.Marshal(ops)
	if err != nil {
		return nil, fmt.Errorf("write patch: %w", err)
	}
	return body, nil
}

// pointer writes a path as a JSON pointer (RFC 6901).
func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return b.String()
}

// made returns the change as the server has it now: it may have filled in
// fields of what was set.
func (p *Plan) made(now *unstructured.Unstructured, edits []action.Edit) action.Change {
	for i := range edits {
		edits[i].After, _ = action.At(now.Object, edits[i].Path)
	}
	var names []string
	for _, f := range p.Fields(false) {
		names = append(names, f.String())
	}
	return action.Change{
		Verb: "edit", Ref: p.Ref, Summary: strings.Join(names, ", "), Kubectl: p.Kubectl,
		Edits: edits, Undoable: true, Object: now,
	}
}
