package rollout

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"quarterdeck/kube/action"
	"quarterdeck/kube/sanitize"
)

// Part says what a field of a template is about. Parts are in the order in
// which people look for the cause of a broken rollout.
type Part uint8

// The parts of a template.
const (
	Images  Part = iota
	Command      // command and arguments
	Environment
	Resources
	Probes
	Volumes // and where they are mounted
	Other
	Labels
	Annotations
)

// Field is one field that differs between two templates. Elements of a list
// that Kubernetes merges by a key are told apart by it, so one that moved is
// not one that changed; every other list is one value.
type Field struct {
	// Before and After are the values as JSON has them, nil where there is no such
	// field. If Order is set they are the keys of the elements of a list.
	Before, After any
	Order         bool // the elements are the same, in another order
	path          []step
}

// step leads from a value to one of its fields, or from a list to one of its
// elements.
type step struct {
	name string // of the field
	// key is the field of the element that has the value is, "" for a step to a
	// field.
	key string
	is  any
}

// Compare returns the fields by which after differs from before: by part, then
// in the order in which they stand in the templates, names of a mapping sorted.
// Together they are all of the difference: before, with these fields changed and
// then its lists put in order, is after. Fields that have their default are as
// if they were not there.
func Compare(before, after Template) []Field {
	schema, err := strategicpatch.NewPatchMetaFromStruct(corev1.PodTemplateSpec{})
	if err != nil { // which cannot be: it is a struct
		return []Field{{Before: before.plain(), After: after.plain()}}
	}
	fields := compare(before.plain(), after.plain(), schema, nil)
	slices.SortStableFunc(fields, func(a, b Field) int { return cmp.Compare(a.Part(), b.Part()) })
	return fields
}

// compare returns what differs between two values. schema is that of the type
// of which they are, nil if this program does not know it.
func compare(before, after any, schema strategicpatch.LookupPatchMeta, path []step) []Field {
	b, wasMap := before.(map[string]any)
	a, isMap := after.(map[string]any)
	// Such a field is what is in it, also where it comes or goes as a whole.
	if len(path) > 0 && isOpen(path[len(path)-1].name) {
		wasMap, isMap = wasMap || before == nil, isMap || after == nil
	}
	if !wasMap || !isMap {
		if equality.Semantic.DeepEqual(before, after) {
			return nil
		}
		return []Field{{Before: before, After: after, path: path}}
	}
	var out []Field
	for _, name := range union(b, a) {
		below := further(path, step{name: name})
		was, isList := b[name].([]any)
		is, staysList := a[name].([]any)
		if key, element := keyOf(schema, name); key != "" && isList && staysList {
			if fields, ok := compareLists(was, is, key, element, below); ok {
				out = append(out, fields...)
				continue
			}
		}
		out = append(out, compare(b[name], a[name], part(schema, name), below)...)
	}
	return out
}

// compareLists compares two lists by the keys of their elements; false if one
// of them has elements with the same key, or none.
func compareLists(before, after []any, key string, schema strategicpatch.LookupPatchMeta, path []step) ([]Field, bool) {
	was, ok := keys(before, key)
	is, ok2 := keys(after, key)
	if !ok || !ok2 {
		return nil, false
	}
	var out []Field
	var kept, expected []any
	for i, k := range was {
		below := further(path, step{key: key, is: k})
		j := slices.Index(is, k)
		if j < 0 {
			out = append(out, Field{Before: before[i], path: below})
			continue
		}
		kept = append(kept, k)
		out = append(out, compare(before[i], after[j], schema, below)...)
	}
	expected = append(expected, kept...)
	for j, k := range is {
		if !slices.Contains(was, k) {
			out = append(out, Field{After: after[j], path: further(path, step{key: key, is: k})})
			expected = append(expected, k)
		}
	}
	if !slices.Equal(expected, is) {
		out = append(out, Field{Before: expected, After: is, Order: true, path: path})
	}
	return out, true
}

// keys returns the values of a field of the elements of a list; false if they do
// not tell the elements apart.
func keys(list []any, key string) ([]any, bool) {
	found := make([]any, len(list))
	for i, e := range list {
		m, _ := e.(map[string]any)
		switch m[key].(type) {
		case string, int64:
		default:
			return nil, false
		}
		if slices.Contains(found[:i], m[key]) {
			return nil, false
		}
		found[i] = m[key]
	}
	return found, true
}

// keyOf returns the field by which Kubernetes merges the elements of a list, ""
// if it takes the list as a whole, and the schema of an element.
func keyOf(schema strategicpatch.LookupPatchMeta, name string) (string, strategicpatch.LookupPatchMeta) {
	if schema == nil {
		return "", nil
	}
	element, meta, err := schema.LookupPatchMetadataForSlice(name)
	if err != nil {
		return "", nil // no list, or a field that is newer than this program
	}
	return meta.GetPatchMergeKey(), element
}

func part(schema strategicpatch.LookupPatchMeta, name string) strategicpatch.LookupPatchMeta {
	if schema == nil {
		return nil
	}
	below, _, err := schema.LookupPatchMetadataForStruct(name)
	if err != nil {
		return nil
	}
	return below
}

func further(path []step, s step) []step { return append(path[:len(path):len(path)], s) }

// union returns the keys of both maps, sorted.
func union(a, b map[string]any) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// Name returns the path of the field, safe to show: containers[app].image,
// containers[app].env[DB_URL], annotations[example.com/a].
func (f Field) Name() string {
	path := f.path
	if len(path) > 1 && path[0].key == "" && (path[0].name == "spec" || path[0].name == "metadata") {
		path = path[1:] // their fields have no names in common
	}
	if n := len(path); n > 2 && path[n-1].name == "value" && path[n-3].name == "env" {
		path = path[:n-1] // which is what everybody thinks of
	}
	var b strings.Builder
	for _, s := range path {
		switch name := sanitize.Line(s.name); {
		case s.key != "":
			b.WriteString("[" + sanitize.Line(fmt.Sprint(s.is)) + "]")
		case strings.ContainsAny(name, "./[]"):
			b.WriteString("[" + name + "]")
		case b.Len() == 0:
			b.WriteString(name)
		default:
			b.WriteString("." + name)
		}
	}
	if f.Order {
		b.WriteString(" (order)")
	}
	return b.String()
}

// Was returns the value before in words, on one line.
func (f Field) Was() string { return f.word(f.Before) }

// Is returns the value after in words, on one line.
func (f Field) Is() string { return f.word(f.After) }

// word leaves out of the element of a list what its name says already.
func (f Field) word(value any) string {
	element, ok := value.(map[string]any)
	if n := len(f.path); ok && n > 0 && f.path[n-1].key != "" {
		element = maps.Clone(element)
		delete(element, f.path[n-1].key)
		if v, ok := element["value"]; ok && len(element) == 1 {
			return action.Word(v)
		}
		return action.Word(element)
	}
	return action.Word(value)
}

func (f Field) String() string { return f.Name() + " " + f.Was() + " → " + f.Is() }

// Part returns what the field is about.
func (f Field) Part() Part {
	container := len(f.path) > 2 && (f.path[1].name == "containers" || f.path[1].name == "initContainers")
	for i, s := range f.path {
		switch {
		case s.key != "":
		case i == 1 && f.path[0].name == "metadata" && s.name == "labels":
			return Labels
		case i == 1 && f.path[0].name == "metadata":
			return Annotations
		case i == 1 && s.name == "volumes":
			return Volumes
		case i == 3 && container:
			return partOf(s.name)
		}
	}
	return Other
}

// partOf returns what a field of a container is about.
func partOf(name string) Part {
	switch name {
	case "image", "imagePullPolicy":
		return Images
	case "command", "args", "workingDir":
		return Command
	case "env", "envFrom":
		return Environment
	case "resources", "resizePolicy":
		return Resources
	case "livenessProbe", "readinessProbe", "startupProbe":
		return Probes
	case "volumeMounts", "volumeDevices":
		return Volumes
	}
	return Other
}

// Unified returns the difference of two templates as a unified diff of their
// YAML, "" if there is none, safe to show. from and to name them, such as
// "revision 11".
func Unified(before, after Template, from, to string) string {
	return udiff.Unified(sanitize.Line(from), sanitize.Line(to), before.YAML(), after.YAML())
}
