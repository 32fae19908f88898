package action

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
)

// Edit sets one field of an object.
type Edit struct {
	// Path leads to the field; an element of a list is named by its index.
	Path []string
	// Before and After are the field's values as JSON has them, nil where there
	// is no such field.
	Before, After any
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
	return b.String()
}

// set returns the edit that gives a field of obj the value after, nil to remove
// it.
func set(obj *unstructured.Unstructured, after any, path ...string) Edit {
	before, _ := at(obj.Object, path)
	return Edit{Path: path, Before: before, After: after}
}

// at returns the value at a path; ok is false if there is none.
func at(value any, path []string) (found any, ok bool) {
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
func patch(obj *unstructured.Unstructured, edits []Edit) ([]byte, error) {
	ops := []operation{{"test", "/metadata/uid", string(obj.GetUID())}}
	made := map[string]bool{} // parents that the patch makes
	for _, e := range edits {
		missing := -1 // the first part of the path that is not there
		for i := range e.Path {
			if _, ok := at(obj.Object, e.Path[:i+1]); !ok && !made[pointer(e.Path[:i+1])] {
				missing = i
				break
			}
		}
		last := len(e.Path) - 1
		if missing >= 0 && missing < last {
			for i := missing; i < last; i++ {
				parent := pointer(e.Path[:i+1])
				ops = append(ops, operation{"test", parent, nil}, operation{"add", parent, map[string]any{}})
				made[parent] = true
			}
		}
		// Elements of a list are known by their name: the index alone may mean
		// another by now.
		for i := range e.Path[:last] {
			if _, err := strconv.Atoi(e.Path[i]); err != nil {
				continue
			}
			if name, ok := at(obj.Object, append(e.Path[:i+1:i+1], "name")); ok {
				ops = append(ops, operation{"test", pointer(e.Path[:i+1]) + "/name", name})
			}
		}
		path := pointer(e.Path)
		ops = append(ops, operation{"test", path, e.Before})
		switch {
		case e.After == nil && e.Before == nil:
		case e.After == nil:
			ops = append(ops, operation{"remove", path, nil})
		default:
			ops = append(ops, operation{"add", path, e.After}) // replaces what is there
		}
	}
	data, err := json.Marshal(ops)
	if err != nil {
		return nil, fmt.Errorf("write patch: %w", err)
	}
	return data, nil
}

// edits returns the change that makes edits on obj, or on a subresource of it.
func (c *Client) edits(verb string, ref kube.Ref, obj *unstructured.Unstructured, subresource string, edits ...Edit) (Change, error) {
	body, err := patch(obj, edits)
	if err != nil {
		return Change{}, err
	}
	ref.UID = obj.GetUID()
	var subresources []string
	if subresource != "" {
		subresources = []string{subresource}
	}
	return Change{
		Verb: verb, Ref: ref, Summary: summary(edits), Edits: edits, Undoable: true, Object: obj, subresource: subresource,
		do: func(ctx context.Context, dryRun bool) (string, error) {
			_, err := c.resource(ref).Patch(ctx, ref.Name, types.JSONPatchType, body,
				metav1.PatchOptions{FieldManager: FieldManager, DryRun: dry(dryRun)}, subresources...)
			if apierrors.IsInvalid(err) || apierrors.IsConflict(err) {
				if moved := c.moved(ctx, ref, subresource, edits); moved != nil {
					err = moved
				}
			}
			if err != nil {
				return "", fmt.Errorf("%s %s: %w", verb, where(ref), err)
			}
			return "", nil
		},
	}, nil
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
	if by := m.By.String(); by != "" {
		s += ": " + by
	}
	return s + "; nothing was changed"
}

// moved returns why a patch of the fields did not fit, nil if the reason is not
// that they have changed.
func (c *Client) moved(ctx context.Context, ref kube.Ref, subresource string, edits []Edit) error {
	var sub []string
	if subresource != "" {
		sub = []string{subresource}
	}
	now, err := c.resource(ref).Get(ctx, ref.Name, metav1.GetOptions{}, sub...)
	switch {
	case apierrors.IsNotFound(err):
		return errors.New("it was deleted meanwhile")
	case err != nil:
		return nil
	case now.GetUID() != ref.UID:
		return ErrReplaced
	}
	for _, e := range edits {
		value, _ := at(now.Object, e.Path)
		if !equality.Semantic.DeepEqual(value, e.Before) {
			return &Moved{Edit: e, Now: value, By: author(now, e.Path)}
		}
	}
	return nil
}

// Word returns a value of a field for a sentence: short, on one line.
func Word(value any) string {
	switch v := value.(type) {
	case nil:
		return "unset"
	case string:
		if v == "" {
			return `""`
		}
		return v
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// summary says what edits change: "spec.replicas 3 → 5".
func summary(edits []Edit) string {
	parts := make([]string, len(edits))
	for i, e := range edits {
		parts[i] = e.Field() + " " + Word(e.Before) + " → " + Word(e.After)
	}
	return strings.Join(parts, ", ")
}
