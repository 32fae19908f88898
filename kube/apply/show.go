package apply

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/sanitize"
)

// Field is a field that changes, safe to show.
type Field struct {
	Name          string // spec.template.spec.containers[app].image
	Before, After string // on one line, "unset" where there is none
}

func (f Field) String() string { return f.Name + " " + f.Before + " → " + f.After }

func fields(changes []difference) []Field {
	out := make([]Field, len(changes))
	for i, d := range changes {
		out[i] = Field{sanitize.Line(d.name), sanitize.Line(action.Word(d.before)), sanitize.Line(action.Word(d.after))}
	}
	return out
}

func isSecret(ref kube.Ref) bool { return ref.GVR.Group == "" && ref.GVR.Resource == "secrets" }

// unified returns the difference of two objects as text, safe to show.
func unified(ref kube.Ref, before, after map[string]any, reveal bool) string {
	if isSecret(ref) && !reveal {
		before, after = mask(before, after)
	}
	texts := make([]string, 2)
	for i, object := range []map[string]any{before, after} {
		if object == nil {
			continue
		}
		text, err := write(object)
		if err != nil {
			return sanitize.Line(err.Error())
		}
		texts[i] = sanitize.Text(text)
	}
	name := sanitize.Line(ref.Where())
	return udiff.Unified(name, name+", after", texts[0], texts[1])
}

// mask returns copies of a Secret before and after a change with their values
// hidden, but for their sizes and whether they differ. Annotations that hold a
// value, as those in which tools keep a copy of what they applied, are hidden as
// well.
func mask(before, after map[string]any) (map[string]any, map[string]any) {
	was, is := runtime.DeepCopyJSON(before), runtime.DeepCopyJSON(after)
	values := append(secretValues(was), secretValues(is)...)
	for _, part := range []string{"data", "stringData"} {
		w, i := entries(was, part), entries(is, part)
		for _, k := range union(w, i) {
			hide(w, i, k, part == "data")
		}
	}
	w, i := entries(was, "metadata", "annotations"), entries(is, "metadata", "annotations")
	for _, k := range union(w, i) {
		if leaks(k, w[k], values) || leaks(k, i[k], values) {
			hide(w, i, k, false)
		}
	}
	return was, is
}

func entries(object map[string]any, path ...string) map[string]any {
	v, _ := action.At(object, path)
	m, _ := v.(map[string]any)
	return m
}

// hide replaces the value of a key in both maps.
func hide(was, is map[string]any, key string, encoded bool) {
	changed := !same(was[key], is[key])
	if v, ok := was[key]; ok {
		was[key] = fmt.Sprintf("<%d bytes masked>", size(v, encoded))
	}
	if v, ok := is[key]; ok {
		is[key] = fmt.Sprintf("<%d bytes masked>", size(v, encoded))
		if _, had := was[key]; had && changed {
			is[key] = fmt.Sprintf("<%d bytes masked, another value>", size(v, encoded))
		}
	}
}

func size(value any, encoded bool) int {
	s := action.Word(value)
	if raw, err := base64.StdEncoding.DecodeString(s); err == nil && encoded {
		return len(raw)
	}
	return len(s)
}

func leaks(name string, value any, values []string) bool {
	text, _ := value.(string)
	return name == corev1.LastAppliedConfigAnnotation ||
		slices.ContainsFunc(values, func(v string) bool { return strings.Contains(text, v) })
}

// secretValues returns the values of a Secret, encoded and not, that are long
// enough to be recognised.
func secretValues(object map[string]any) []string {
	const short = 4
	var values []string
	for _, part := range []string{"data", "stringData"} {
		for v := range maps.Values(entries(object, part)) {
			s, _ := v.(string)
			raw, _ := base64.StdEncoding.DecodeString(s) // what is no base64 is a value as it is
			for _, v := range []string{s, string(raw)} {
				if len(v) >= short {
					values = append(values, v)
				}
			}
		}
	}
	return values
}
