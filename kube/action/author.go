package action

import (
	"context"
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
)

// Author is who last set a field. The server keeps the name of the program and
// when it last changed any of the fields that it set, not who ran it.
type Author struct {
	Manager string
	Time    time.Time
}

// String returns "kubectl-edit changed it at 14:03:59", with the day if that is
// not today, "" if nobody is known.
func (a Author) String() string {
	switch {
	case a.Manager == "":
		return ""
	case a.Time.IsZero():
		return a.Manager + " changed it"
	}
	when := a.Time.Local()
	layout := time.DateTime
	if y, d := when.Year(), when.YearDay(); y == time.Now().Year() && d == time.Now().YearDay() {
		layout = time.TimeOnly
	}
	return a.Manager + " changed it at " + when.Format(layout)
}

// author returns who last set the field at path of an object, or of a
// subresource of it. Managers are kept by the object alone.
func (c *Client) author(ctx context.Context, ref kube.Ref, subresource string, obj *unstructured.Unstructured, path []string) Author {
	if subresource != "" {
		whole, err := c.read(ctx, ref, "")
		if err != nil {
			return Author{}
		}
		obj = whole
	}
	return author(obj, path)
}

// AuthorOf returns who last set the field at path of an object, or part of it.
func AuthorOf(obj *unstructured.Unstructured, path ...string) Author { return author(obj, path) }

// AuthorsOf returns everybody who owns the field at path of an object, or part of
// it, with the time at which each last wrote.
func AuthorsOf(obj *unstructured.Unstructured, path ...string) []Author {
	var found []Author
	for _, entry := range obj.GetManagedFields() {
		var fields map[string]any
		if entry.FieldsV1 == nil || json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil || !owns(obj.Object, fields, path) {
			continue
		}
		when := metav1.Time{}
		if entry.Time != nil {
			when = *entry.Time
		}
		found = append(found, Author{Manager: sanitize.Line(entry.Manager), Time: when.Time})
	}
	return found
}

// author returns who owns the field at path, the latest if there are several.
func author(obj *unstructured.Unstructured, path []string) Author {
	var last Author
	for _, a := range AuthorsOf(obj, path...) {
		if last.Manager == "" || a.Time.After(last.Time) {
			last = a
		}
	}
	return last
}

// owns reports whether fields, in the notation of metadata.managedFields
// (https://kubernetes.io/docs/reference/using-api/server-side-apply/), have the
// path of value, or a field above it that is owned as a whole.
func owns(value any, fields map[string]any, path []string) bool {
	for _, p := range path {
		next, ok := fields["f:"+p].(map[string]any)
		if isList(value) {
			element, _ := At(value, []string{p})
			next, ok = elementOf(fields, element)
		}
		if !ok {
			return false
		}
		if len(next) == 0 {
			return true
		}
		value, _ = At(value, []string{p})
		fields = next
	}
	return true
}

// elementOf finds the fields of a list's element by the keys that name it.
func elementOf(fields map[string]any, element any) (map[string]any, bool) {
	object, _ := element.(map[string]any)
	for name, sub := range fields {
		if len(name) < 2 || name[:2] != "k:" {
			continue
		}
		var keys map[string]any
		if json.Unmarshal([]byte(name[2:]), &keys) != nil {
			continue
		}
		same := len(keys) > 0
		for k, v := range keys {
			same = same && Word(object[k]) == Word(v)
		}
		if found, ok := sub.(map[string]any); ok && same {
			return found, true
		}
	}
	return nil, false
}
