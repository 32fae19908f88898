package apply

import (
	"maps"
	"reflect"
	"slices"
	"strconv"

	"quarterdeck/kube/action"
)

// diff returns the edits that make after of before, in the order of their
// paths. Elements of lists that are merged by keys are edited one by one if all
// are still there in the same order; every other list is one value. So an edit
// never shifts the index of another.
func diff(before, after any, s *shape, path []string) []action.Edit {
	switch b := before.(type) {
	case map[string]any:
		a, ok := after.(map[string]any)
		if !ok || s.atomic() && len(b) > 0 {
			break
		}
		var edits []action.Edit
		for _, k := range union(b, a) {
			was, had := b[k]
			is, has := a[k]
			switch below := join(path, k); {
			case had && has:
				edits = append(edits, diff(was, is, s.part(k), below)...)
			case had:
				edits = append(edits, action.Edit{Path: below, Before: was})
			default:
				edits = append(edits, added(is, below)...)
			}
		}
		return edits
	case []any:
		a, ok := after.([]any)
		if !ok || !s.aligned(b, a) {
			break
		}
		var edits []action.Edit
		for i := range b {
			edits = append(edits, diff(b[i], a[i], s.element(), join(path, strconv.Itoa(i)))...)
		}
		return edits
	}
	if same(before, after) {
		return nil
	}
	return []action.Edit{{Path: path, Before: before, After: after}}
}

// added returns the edits that add a value. The entries of a map of strings,
// such as labels, are edits of their own, so that somebody else may have made
// the map meanwhile.
func added(value any, path []string) []action.Edit {
	m, ok := value.(map[string]any)
	for _, v := range m {
		if _, text := v.(string); !text {
			ok = false
		}
	}
	if !ok || len(m) == 0 {
		return []action.Edit{{Path: path, After: value}}
	}
	var edits []action.Edit
	for _, k := range slices.Sorted(maps.Keys(m)) {
		edits = append(edits, action.Edit{Path: join(path, k), After: m[k]})
	}
	return edits
}

// union returns the keys of both maps, sorted.
func union(a, b map[string]any) []string {
	keys := slices.Collect(maps.Keys(a))
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func join(path []string, more string) []string {
	return append(path[:len(path):len(path)], more)
}

// same reports whether two values of JSON are the same. 1 and 1.0 are.
func same(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k, v := range x {
			if w, ok := y[k]; !ok || !same(v, w) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, same)
	case int64:
		if y, ok := b.(float64); ok {
			return float64(x) == y
		}
	case float64:
		if y, ok := b.(int64); ok {
			return x == float64(y)
		}
	}
	return reflect.DeepEqual(a, b)
}

// prune returns value without the keys that have no value: to the API server
// such a key is one that is not there.
func prune(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for k, e := range v {
			if e == nil {
				delete(v, k)
				continue
			}
			v[k] = prune(e)
		}
	case []any:
		for i, e := range v {
			v[i] = prune(e)
		}
	}
	return value
}

// put gives the field at a path a value, nil to remove it, and makes the maps on
// the way. It reports whether the path can be.
func put(root any, path []string, value any) bool {
	for i, p := range path {
		last := i == len(path)-1
		switch v := root.(type) {
		case map[string]any:
			switch {
			case last && value == nil:
				delete(v, p)
			case last:
				v[p] = value
			case v[p] == nil:
				v[p] = map[string]any{}
			}
			root = v[p]
		case []any:
			n, err := strconv.Atoi(p)
			if err != nil || n < 0 || n >= len(v) {
				return false
			}
			if last {
				v[n] = value
			}
			root = v[n]
		default:
			return false
		}
	}
	return true
}

// relocate returns where the field at path of base is in live, whose lists may
// have got or lost elements since; false if the element is no longer there.
func relocate(base, live any, s *shape, path []string) ([]string, bool) {
	out := slices.Clone(path)
	for i, p := range path {
		switch b := base.(type) {
		case map[string]any:
			l, _ := live.(map[string]any)
			base, live, s = b[p], l[p], s.part(p)
		case []any:
			l, _ := live.([]any)
			n, err := strconv.Atoi(p)
			if err != nil || n < 0 || n >= len(b) {
				return nil, false
			}
			j := s.find(l, b[n])
			if j < 0 {
				return nil, false
			}
			out[i] = strconv.Itoa(j)
			base, live, s = b[n], l[j], s.element()
		default:
			return out, true // not there yet
		}
	}
	return out, true
}
