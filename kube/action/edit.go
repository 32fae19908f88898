package action

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
)

// Edit sets one field of an object.
type Edit struct {
	// Path leads to the field; an element of a list is named by its index.
	Path []string
	// Before and After are the field's values as JSON has them, nil where there
	// is no such field.
	Before, After any
}

// Set makes one edit, of a field that still has the value that the edit replaces.
func (c *Client) Set(ctx context.Context, ref kube.Ref, e Edit) (Change, error) {
	obj, err := c.get(ctx, ref)
	if err != nil {
		return Change{}, err
	}
	now, _ := At(obj.Object, e.Path)
	if same(now, e.After) {
		return Change{}, fmt.Errorf("%s: %w: %s is %s", ref.Where(), ErrNothingToDo, e.Field(), Word(now))
	}
	if !same(now, e.Before) {
		moved := &Moved{Edit: e, Now: now, By: AuthorOf(obj, e.Path...)}
		return Change{}, moved.masked(ref)
	}
	return c.edits("set", ref, obj, "", Edit{Path: e.Path, Before: now, After: e.After})
}

// Field returns the path in words: spec.template.spec.containers[0].image.
func (e Edit) Field() string {
	var b strings.Builder
	for i, p := range e.Path {
		switch _, err := strconv.Atoi(p); {
		case err == nil && i > 0:
			b.WriteString("[" + p + "]")
		case strings.ContainsAny(p, "./"):
			b.WriteString("[" + p + "]")
		case i > 0:
			b.WriteString("." + p)
		default:
			b.WriteString(p)
		}
	}
	return sanitize.Line(b.String())
}

// set returns the edit that gives a field of obj the value after, nil to remove
// it.
func set(obj *unstructured.Unstructured, after any, path ...string) Edit {
	before, _ := At(obj.Object, path)
	return Edit{Path: path, Before: before, After: after}
}

// At returns the value at a path; ok is false if there is none.
func At(value any, path []string) (found any, ok bool) {
	for _, p := range path {
		switch v := value.(type) {
		case map[string]any:
			if value, ok = v[p]; !ok {
				return nil, false
			}
		case []any:
			i, err := strconv.Atoi(p)
			if err != nil || i < 0 || i >= len(v) {
				return nil, false
			}
			value = v[i]
		default:
			return nil, false
		}
	}
	return value, true
}

// operation is one step of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// MarshalJSON leaves the value out where the operation has none.
func (o operation) MarshalJSON() ([]byte, error) {
	m := map[string]any{"op": o.Op, "path": o.Path}
	if o.Op != "remove" {
		m["value"] = o.Value
	}
	return json.Marshal(m)
}

// pointer writes a path as a JSON pointer (RFC 6901).
func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return b.String()
}

// patch returns the JSON patch that makes the edits on obj, and on no other
// object and no other values.
func patch(obj *unstructured.Unstructured, edits []Edit) []operation {
	ops := []operation{{"test", "/metadata/uid", string(obj.GetUID())}}
	made := map[string]bool{} // parents that the patch makes
	for _, e := range edits {
		last := len(e.Path) - 1
		for i := range last {
			parent := e.Path[:i+1]
			if now, _ := At(obj.Object, parent); now != nil || made[pointer(parent)] {
				continue
			}
			ops = append(ops, operation{"test", pointer(parent), nil}, operation{"add", pointer(parent), map[string]any{}})
			made[pointer(parent)] = true
		}
		for _, name := range names(obj.Object, e.Path) {
			value, _ := At(obj.Object, name)
			ops = append(ops, operation{"test", pointer(name), value})
		}
		path := pointer(e.Path)
		now, there := At(obj.Object, e.Path)
		ops = append(ops, operation{"test", path, now})
		switch {
		case e.After != nil:
			ops = append(ops, operation{"add", path, e.After}) // replaces what is there
		case there:
			ops = append(ops, operation{"remove", path, nil})
		}
	}
	return ops
}

// names returns the paths of the names of the list elements that a path leads
// through: the index alone may mean another element by now.
func names(value any, path []string) [][]string {
	var found [][]string
	for i := 1; i < len(path); i++ {
		if list, _ := At(value, path[:i]); !isList(list) {
			continue
		}
		name := append(path[:i+1:i+1], "name")
		if _, ok := At(value, name); ok {
			found = append(found, name)
		}
	}
	return found
}

func isList(value any) bool {
	_, ok := value.([]any)
	return ok
}

// edits returns the change that makes edits on obj, or on a subresource of it.
func (c *Client) edits(verb string, ref kube.Ref, obj *unstructured.Unstructured, subresource string, edits ...Edit) (Change, error) {
	ref.UID = obj.GetUID()
	public := masked(ref, edits)
	steps := slices.DeleteFunc(patch(obj, public), func(o operation) bool { return o.Op == "test" })
	script, err := json.Marshal(steps)
	if err != nil {
		return Change{}, fmt.Errorf("%s %s: write patch: %w", verb, ref.Where(), err)
	}
	words := []string{"patch", object(ref), "--type=json", "-p", string(script)}
	if subresource != "" {
		words = append(words, "--subresource="+subresource)
	}
	return c.Identify(Change{
		Verb: verb, Ref: ref, Summary: summary(public), Edits: edits, Undoable: true, Object: obj,
		Kubectl: c.kubectl(ref, words...), subresource: subresource,
		do: func(ctx context.Context, dryRun bool) (string, error) {
			if err := c.apply(ctx, ref, subresource, obj, edits, dryRun); err != nil {
				return "", fmt.Errorf("%s %s: %w", verb, ref.Where(), err)
			}
			return "", nil
		},
	}), nil
}

// apply makes edits on obj. If the object has changed since, but nothing that
// the edits replace, they are made on it as it is now.
func (c *Client) apply(ctx context.Context, ref kube.Ref, subresource string, obj *unstructured.Unstructured, edits []Edit, dryRun bool) error {
	body, err := json.Marshal(patch(obj, edits))
	if err != nil {
		return fmt.Errorf("write patch: %w", err)
	}
	const tries = 3
	for try := 1; ; try++ {
		_, err := c.resource(ref).Patch(ctx, ref.Name, types.JSONPatchType, body,
			metav1.PatchOptions{FieldManager: FieldManager, DryRun: dry(dryRun)}, subresources(subresource)...)
		switch {
		case err == nil:
			return nil
		case apierrors.IsNotFound(err):
			return ErrGone
		case !apierrors.IsInvalid(err) && !apierrors.IsConflict(err):
			return err
		}
		now, readErr := c.read(ctx, ref, subresource)
		if errors.Is(readErr, ErrGone) || errors.Is(readErr, ErrReplaced) {
			return readErr
		}
		if readErr != nil {
			return err
		}
		if moved := drift(obj, now, edits); moved != nil {
			moved.By = c.author(ctx, ref, subresource, now, moved.Edit.Path)
			return moved.masked(ref)
		}
		again, readErr := json.Marshal(patch(now, edits))
		if readErr != nil || try == tries || apierrors.IsInvalid(err) && bytes.Equal(body, again) {
			return err // the server has another reason
		}
		body = again
	}
}

func subresources(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}

func dry(run bool) []string {
	if run {
		return []string{metav1.DryRunAll}
	}
	return nil
}

// Moved is the error for a field that somebody else has changed since it was
// looked at.
type Moved struct {
	Edit Edit
	Now  any    // its value
	By   Author // as far as the server knows
}

func (m *Moved) Error() string {
	s := fmt.Sprintf("%s is %s now, not %s", m.Edit.Field(), Word(m.Now), Word(m.Edit.Before))
	if _, whole := m.Edit.Before.(map[string]any); whole && m.Now != nil {
		s = m.Edit.Field() + " has changed since it was shown" // where is not to be seen in so much text
	}
	if by := m.By.String(); by != "" {
		s += ": " + by
	}
	return s + "; nothing was changed"
}

// masked returns m as it may be shown.
func (m *Moved) masked(ref kube.Ref) *Moved {
	public := masked(ref, []Edit{m.Edit, {Path: m.Edit.Path, Before: m.Now}})
	return &Moved{Edit: public[0], Now: public[1].Before, By: m.By}
}

// masked returns edits as they may be shown: without the values of a Secret.
// Tools keep copies of them in annotations, too.
func masked(ref kube.Ref, edits []Edit) []Edit {
	if ref.GVR.Group != "" || ref.GVR.Resource != "secrets" {
		return edits
	}
	hide := func(value any) any {
		if value == nil {
			return nil
		}
		return "<masked>"
	}
	public := slices.Clone(edits)
	for i, e := range public {
		if p := e.Path; p[0] == "data" || p[0] == "stringData" || p[0] == "metadata" && (len(p) == 1 || p[1] == "annotations") {
			public[i].Before, public[i].After = hide(e.Before), hide(e.After)
		}
	}
	return public
}

// drift returns the first field of edits that differs between now and what the
// edits were prepared from, nil if there is none.
func drift(was, now *unstructured.Unstructured, edits []Edit) *Moved {
	for _, e := range edits {
		for _, path := range names(was.Object, e.Path) {
			before, _ := At(was.Object, path)
			if value, _ := At(now.Object, path); !same(value, before) {
				return &Moved{Edit: Edit{Path: path, Before: before}, Now: value}
			}
		}
		value, _ := At(now.Object, e.Path)
		if same(value, e.Before) {
			continue
		}
		if value == nil {
			value = zero(e.Before)
		}
		return &Moved{Edit: e, Now: value}
	}
	return nil
}

// same reports whether two values of a field mean the same: the server leaves
// out what is false, 0 or empty.
func same(a, b any) bool {
	return equality.Semantic.DeepEqual(a, b) || empty(a) && empty(b)
}

// empty reports whether a value means the same as none. A text does not: a label
// without a value is a label.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case int64:
		return v == 0
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// zero returns what an absent field means beside a value of it.
func zero(like any) any {
	switch like.(type) {
	case bool:
		return false
	case int64:
		return int64(0)
	}
	return nil
}

// longestWord is how many characters of a value a sentence has room for.
const longestWord = 160

// Word returns a value of a field for a sentence: short, harmless, on one line.
func Word(value any) string {
	var text string
	switch v := value.(type) {
	case nil:
		return "unset"
	case string:
		text = v
		if v == "" {
			text = `""`
		}
	default:
		data, err := json.Marshal(value)
		if text = string(data); err != nil {
			text = fmt.Sprint(value)
		}
	}
	text = sanitize.Line(text)
	if runes := []rune(text); len(runes) > longestWord {
		text = string(runes[:longestWord-1]) + "…"
	}
	return text
}

// summary says what edits change: "spec.replicas 3 → 5".
func summary(edits []Edit) string {
	parts := make([]string, len(edits))
	for i, e := range edits {
		parts[i] = e.Field() + " " + Word(e.Before) + " → " + Word(e.After)
	}
	return strings.Join(parts, ", ")
}
