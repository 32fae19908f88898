package apply

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// shape is what an object's managedFields tell of its type: which maps and
// lists are merged part by part, and by which keys. A schema says the same, but
// would have to be fetched, a megabyte for the core API; what no manager has
// set is not known, and is then taken as a whole.
//
// A nil shape knows nothing.
type shape struct {
	parts map[string]*shape // of a map that is merged key by key
	keys  []string          // of a list that is merged by these keys of its elements, sorted
	each  *shape            // an element of such a list
	whole bool              // somebody owns it as one value
}

// shapeOf reads the shape of obj.
func shapeOf(obj *unstructured.Unstructured) *shape {
	s := new(shape)
	for _, e := range obj.GetManagedFields() {
		if fields, ok := fieldsOf(e); ok && e.APIVersion == obj.GetAPIVersion() {
			s.learn(fields)
		}
	}
	return s
}

// fieldsOf returns the fields of one manager; false if there are none to read.
func fieldsOf(e metav1.ManagedFieldsEntry) (fields map[string]any, ok bool) {
	if e.FieldsV1 == nil {
		return nil, false
	}
	err := json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields)
	return fields, err == nil
}

// learn adds what one manager's fields tell. Their notation: f:NAME is a field,
// k:{…} the element of a list with these keys, "." the thing itself.
func (s *shape) learn(fields map[string]any) {
	if len(fields) == 0 {
		s.whole = true
	}
	for name, sub := range fields {
		below, _ := sub.(map[string]any)
		switch kind, rest, _ := strings.Cut(name, ":"); kind {
		case "f":
			if s.parts == nil {
				s.parts = map[string]*shape{}
			}
			if s.parts[rest] == nil {
				s.parts[rest] = new(shape)
			}
			s.parts[rest].learn(below)
		case "k":
			var keys map[string]any
			if json.Unmarshal([]byte(rest), &keys) != nil {
				continue
			}
			if s.each == nil {
				s.keys, s.each = slices.Sorted(maps.Keys(keys)), new(shape)
			}
			s.each.learn(below)
		}
	}
}

func (s *shape) part(name string) *shape {
	if s == nil {
		return nil
	}
	return s.parts[name]
}

func (s *shape) element() *shape {
	if s == nil {
		return nil
	}
	return s.each
}

// atomic reports whether a map is known to be one value, which cannot be set in
// part.
func (s *shape) atomic() bool { return s != nil && s.whole && len(s.parts) == 0 }

// granular reports whether a map is known to be merged key by key.
func (s *shape) granular() bool { return s != nil && len(s.parts) > 0 }

// keyOf returns the values by which the element of a list is known, false if it
// has none.
func (s *shape) keyOf(element any) ([]any, bool) {
	m, ok := element.(map[string]any)
	if s == nil || !ok || len(s.keys) == 0 {
		return nil, false
	}
	key := make([]any, len(s.keys))
	for i, k := range s.keys {
		key[i] = m[k]
		ok = ok && (i > 0 || m[k] != nil) // the server fills in the later ones, such as protocol
	}
	return key, ok
}

// find returns the index of the element of list with the same keys as element,
// -1 if there is none, or more than one.
func (s *shape) find(list []any, element any) int {
	key, ok := s.keyOf(element)
	if !ok {
		return -1
	}
	found := -1
	for i, e := range list {
		if other, ok := s.keyOf(e); ok && same(key, other) {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}

// unique reports whether each element of list is known by its keys.
func (s *shape) unique(list []any) bool {
	for i, e := range list {
		if s.find(list, e) != i {
			return false
		}
	}
	return s != nil && len(s.keys) > 0
}

// aligned reports whether two lists have the same elements, by their keys, in
// the same order.
func (s *shape) aligned(a, b []any) bool {
	if len(a) != len(b) || !s.unique(a) || !s.unique(b) {
		return false
	}
	for i := range a {
		if s.find(a, b[i]) != i {
			return false
		}
	}
	return true
}

// extract returns the part of value that fields, of one manager, name. It is
// what the manager has to apply to keep what it has.
func extract(value any, fields map[string]any, s *shape) any {
	switch v := value.(type) {
	case map[string]any:
		if len(fields) == 0 && !s.granular() {
			return v
		}
		out := map[string]any{}
		for name, sub := range fields {
			field, isField := strings.CutPrefix(name, "f:")
			if part, ok := v[field]; ok && isField {
				below, _ := sub.(map[string]any)
				out[field] = extract(part, below, s.part(field))
			}
		}
		return out
	case []any:
		if len(fields) == 0 && s.element() == nil {
			return v
		}
		out := []any{}
		for _, e := range v { // in the order of the list
			if below, ok := claimOf(fields, e); ok {
				out = append(out, extractElement(e, below, s))
			}
		}
		return out
	}
	return value
}

func extractElement(element any, fields map[string]any, s *shape) any {
	m, ok := element.(map[string]any)
	if !ok || s.element() == nil {
		return element
	}
	out := map[string]any{}
	if len(fields) > 0 {
		out, _ = extract(m, fields, s.element()).(map[string]any)
	}
	for _, k := range s.keys {
		if v, ok := m[k]; ok {
			out[k] = v
		}
	}
	return out
}

// claimOf returns the part of fields, of a list, that is about an element.
func claimOf(fields map[string]any, element any) (map[string]any, bool) {
	for name, sub := range fields {
		kind, rest, _ := strings.Cut(name, ":")
		var named any
		if kind != "k" && kind != "v" || json.Unmarshal([]byte(rest), &named) != nil {
			continue
		}
		matches := same(named, element)
		if keys, ok := named.(map[string]any); ok && kind == "k" {
			m, _ := element.(map[string]any)
			matches = len(keys) > 0
			for k, v := range keys {
				matches = matches && same(m[k], v)
			}
		}
		if matches {
			below, _ := sub.(map[string]any)
			return below, true
		}
	}
	return nil, false
}
