package apply

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"quarterdeck/kube/action"
	"quarterdeck/kube/sanitize"
)

// Owner is a program that set fields which somebody else is about to set.
type Owner struct {
	Manager     string // its name, such as "argocd-controller"
	Applies     bool   // it declares the fields and will do so again, rather than having set them once
	Subresource string // that it set them by, such as "scale", as autoscalers do
	Time        time.Time
	Fields      []string // "spec.replicas"
}

func (o Owner) String() string {
	s := o.Manager
	switch {
	case o.Applies:
		s += " (applies them)"
	case o.Subresource != "":
		s += " (by " + o.Subresource + ")"
	}
	return s + ": " + strings.Join(o.Fields, ", ")
}

// Conflict is the error for fields that others own. Nothing was changed; to
// force the change takes the fields over.
type Conflict struct{ Owners []Owner }

func (c *Conflict) Error() string {
	var parts []string
	for _, o := range c.Owners {
		parts = append(parts, o.String())
	}
	return "others own what would change: " + strings.Join(parts, "; ")
}

// once reports whether a manager is a person's command, which sets a field once
// and does not come back to it: no reason to stop another person.
func once(manager string, applies bool) bool {
	switch manager {
	case EditManager:
		return true
	case "kubectl-client-side-apply", "kubectl-last-applied":
		return false
	case "before-first-apply": // which stands for whoever it was before owners were kept
		return true
	}
	return !applies && (manager == action.FieldManager || strings.HasPrefix(manager, "kubectl-"))
}

// insist drops the owners that are no reason to stop.
func insist(owners []Owner) []Owner {
	return slices.DeleteFunc(owners, func(o Owner) bool { return once(o.Manager, o.Applies) })
}

// conflictOf returns the owners that the server names in its refusal to apply,
// none if it refused for another reason. obj is what it was to be applied to.
func conflictOf(err error, obj *unstructured.Unstructured) []Owner {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || !apierrors.IsConflict(err) || status.Status().Details == nil {
		return nil
	}
	var owners []Owner
	for _, cause := range status.Status().Details.Causes {
		if cause.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		o := parseOwner(cause.Message)
		if o.Time.IsZero() && obj != nil {
			for _, e := range obj.GetManagedFields() {
				if e.Manager == o.Manager && e.Subresource == o.Subresource && e.Time != nil {
					o.Time = e.Time.Time
				}
			}
		}
		owners = note(owners, o, sanitize.Line(strings.TrimPrefix(cause.Field, ".")))
	}
	return owners
}

// parseOwner reads the words of a conflict:
//
//	conflict with "NAME" with subresource "SUB" using apps/v1 at 2026-01-02T03:04:05Z
//
// of which all but the name may be missing; who applies has no version and time.
func parseOwner(message string) Owner {
	rest := strings.TrimPrefix(message, "conflict with ")
	o := Owner{Manager: rest}
	if quoted, err := strconv.QuotedPrefix(rest); err == nil {
		rest = rest[len(quoted):]
		o.Manager, _ = strconv.Unquote(quoted) // it was read as one
	}
	if sub, ok := strings.CutPrefix(rest, " with subresource "); ok {
		if quoted, err := strconv.QuotedPrefix(sub); err == nil {
			rest = sub[len(quoted):]
			o.Subresource, _ = strconv.Unquote(quoted)
		}
	}
	o.Applies = !strings.HasPrefix(rest, " using ")
	if _, at, ok := strings.Cut(rest, " at "); ok {
		if t, err := time.Parse(time.RFC3339, at); err == nil {
			o.Time = t
		}
	}
	o.Manager, o.Subresource = sanitize.Line(o.Manager), sanitize.Line(o.Subresource)
	return o
}

// note adds a field to those of its owner.
func note(owners []Owner, o Owner, field string) []Owner {
	for i := range owners {
		if w := &owners[i]; w.Manager == o.Manager && w.Applies == o.Applies && w.Subresource == o.Subresource {
			if !slices.Contains(w.Fields, field) {
				w.Fields = append(w.Fields, field)
			}
			return owners
		}
	}
	o.Fields = []string{field}
	return append(owners, o)
}

// ownersOf returns who owns the fields of obj that would change or go.
func ownersOf(obj *unstructured.Unstructured, changes []difference) []Owner {
	var owners []Owner
	for _, e := range obj.GetManagedFields() {
		fields, ok := fieldsOf(e)
		if !ok {
			continue
		}
		o := Owner{
			Manager: sanitize.Line(e.Manager), Subresource: sanitize.Line(e.Subresource),
			Applies: e.Operation == metav1.ManagedFieldsOperationApply,
		}
		if e.Time != nil {
			o.Time = e.Time.Time
		}
		for _, d := range changes {
			if d.before != nil && claims(fields, obj.Object, d.path) {
				owners = note(owners, o, sanitize.Line(d.name))
			}
		}
	}
	return owners
}

// claims reports whether fields name the path in value, something below it, or
// something above it as one value.
func claims(fields map[string]any, value any, path []string) bool {
	for _, p := range path {
		if len(fields) == 0 {
			return true
		}
		next, ok := fields["f:"+p].(map[string]any)
		below, _ := action.At(value, []string{p})
		if _, list := value.([]any); list {
			next, ok = claimOf(fields, below)
		}
		if !ok {
			return false
		}
		fields, value = next, below
	}
	return true
}

// author returns who last set the field at path, as far as the server knows.
func author(obj *unstructured.Unstructured, path []string) action.Author {
	var last action.Author
	for _, o := range ownersOf(obj, []difference{{path: path, before: path}}) {
		if last.Manager == "" || o.Time.After(last.Time) {
			last = action.Author{Manager: o.Manager, Time: o.Time}
		}
	}
	return last
}

// difference is one field that differs, as it is shown and as it is owned: by
// element, also where an edit replaces the whole list.
type difference struct {
	name          string   // spec.containers[app].image
	path          []string // in the object before
	before, after any      // nil where there is none
}

// compare returns what differs between two values.
func compare(before, after any, s *shape, path []string, name string) []difference {
	switch b := before.(type) {
	case map[string]any:
		a, ok := after.(map[string]any)
		if !ok {
			break
		}
		var out []difference
		for _, k := range union(b, a) {
			out = append(out, compareEntry(b[k], a[k], s.part(k), join(path, k), field(name, k))...)
		}
		return out
	case []any:
		a, ok := after.([]any)
		if !ok || same(before, after) || !s.unique(b) || !s.unique(a) {
			break
		}
		var out []difference
		for i, e := range b {
			var is any
			if j := s.find(a, e); j >= 0 {
				is = a[j]
			}
			out = append(out, compareEntry(e, is, s.element(), join(path, strconv.Itoa(i)), name+s.label(e))...)
		}
		for i, e := range a {
			if s.find(b, e) < 0 {
				out = append(out, difference{name: name + s.label(e), path: join(path, strconv.Itoa(len(b)+i)), after: e})
			}
		}
		if len(out) > 0 {
			return out
		} // else it is the order
	}
	if same(before, after) {
		return nil
	}
	return []difference{{name, path, before, after}}
}

func compareEntry(before, after any, s *shape, path []string, name string) []difference {
	if before != nil && after != nil {
		return compare(before, after, s, path, name)
	}
	if before == nil && after == nil {
		return nil
	}
	return []difference{{name, path, before, after}}
}

// label names an element of a list: [app].
func (s *shape) label(element any) string {
	key, _ := s.keyOf(element)
	words := make([]string, 0, len(key))
	for _, k := range key {
		if k != nil {
			words = append(words, fmt.Sprint(k))
		}
	}
	return "[" + strings.Join(words, "/") + "]"
}

// field writes a field of a map: spec.replicas, metadata.labels[app.io/name].
func field(parent, name string) string {
	switch {
	case strings.ContainsAny(name, "./[]"):
		return parent + "[" + name + "]"
	case parent == "":
		return name
	}
	return parent + "." + name
}
