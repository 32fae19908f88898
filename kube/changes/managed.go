package changes

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// Written is the compact form of an object's metadata: who wrote which of its
// fields, and when last.
type Written struct {
	store.Meta
	Writes []Write
}

// Write is what managedFields keep of one program
// (https://kubernetes.io/docs/reference/using-api/server-side-apply/): all fields
// that it ever set and that nobody else has set since, and when it last wrote any
// of them.
type Write struct {
	Manager     string
	Operation   string // Update or Apply
	Subresource string // "status", "scale"
	At          int64  // seconds since 1970; 0 if the server does not keep it, as of an autoscaler
	Fields      *Fields
}

// Fields are paths, sorted. Equal sets share one.
type Fields struct{ Paths []string }

// Metadata declares how the metadata of a resource are read.
func Metadata(gvr schema.GroupVersionResource, kind string, namespaced bool) store.Kind[*Written] {
	return store.Metadata(gvr, kind, namespaced, newWritten)
}

func newWritten(m *metav1.PartialObjectMetadata, in *store.Interner) *Written {
	w := &Written{Meta: in.Meta(&m.ObjectMeta)}
	for i := range m.ManagedFields {
		e := &m.ManagedFields[i]
		if e.FieldsV1 == nil {
			continue
		}
		var at int64
		if e.Time != nil {
			at = e.Time.Unix()
		}
		raw := e.FieldsV1.GetRawBytes()
		w.Writes = append(w.Writes, Write{
			Manager: in.String(e.Manager), Operation: in.String(string(e.Operation)), Subresource: in.String(e.Subresource),
			At:     at,
			Fields: store.Share(in, append([]byte("fields\x00"), raw...), func() *Fields { return &Fields{Paths: Paths(raw)} }),
		})
	}
	return w
}

// sameAs reports whether two writes are entries of one program.
func (w Write) sameAs(o Write) bool {
	return w.Manager == o.Manager && w.Operation == o.Operation && w.Subresource == o.Subresource
}

// gained reports whether a later entry of the same program has fields that this
// one has not: it wrote twice in a second. That others took fields over leaves it
// fewer.
func (w Write) gained(later Write) bool {
	return later.Fields != w.Fields && slices.ContainsFunc(later.Fields.Paths, func(p string) bool { return !slices.Contains(w.Fields.Paths, p) })
}

// listed returns the fields of a write that are changes to a reader: not status,
// and of what Kubernetes itself writes no marks on metadata.
func (w Write) listed() []string {
	if w.Subresource == "status" {
		return nil
	}
	paths := slices.DeleteFunc(slices.Clone(w.Fields.Paths), func(p string) bool {
		return p == "status" || strings.HasPrefix(p, "status.") || isMark(p) || Machinery(w.Manager) && strings.HasPrefix(p, "metadata.")
	})
	return collapse(paths)
}

// isMark reports whether a field is one in which programs keep what is nobody's
// wish.
func isMark(path string) bool {
	for _, part := range []string{"last-applied", "deployment.kubernetes.io/", "deprecated.daemonset", "metadata.ownerReferences", "control-plane.alpha.kubernetes.io/leader"} {
		if strings.Contains(path, part) {
			return true
		}
	}
	return false
}

// Machinery reports whether a program is a part of Kubernetes: what it writes
// follows from what others did.
func Machinery(manager string) bool {
	switch manager {
	case "kube-controller-manager", "kubelet", "kube-scheduler", "cloud-controller-manager", "kube-apiserver":
		return true
	}
	return false
}

// Paths returns the leaves of a set of fields in the notation of managedFields,
// sorted: "spec.replicas", "spec.template.spec.containers[app].image",
// "data.key". A set that cannot be read has none.
func Paths(raw []byte) []string {
	var found []string
	leaves("", Set(raw), &found)
	slices.Sort(found)
	return slices.Compact(found)
}

// Set reads a set of fields in the notation of managedFields, nil if it cannot be
// read: objects of objects, a field under "f:" and its name.
func Set(raw []byte) map[string]any {
	var top map[string]any
	if json.Unmarshal(raw, &top) != nil {
		return nil
	}
	return top
}

// Names returns the names of the fields in a set, sorted, without elements of
// lists. They are as the server sent them.
func Names(set map[string]any) []string {
	var found []string
	for _, k := range slices.Sorted(maps.Keys(set)) {
		if name, ok := strings.CutPrefix(k, "f:"); ok {
			found = append(found, name)
		}
	}
	return found
}

// Below returns the set of what is in a field.
func Below(set map[string]any, name string) map[string]any {
	below, _ := set["f:"+name].(map[string]any)
	return below
}

func leaves(at string, set map[string]any, found *[]string) {
	inner := false
	for _, k := range slices.Sorted(maps.Keys(set)) {
		below, _ := set[k].(map[string]any)
		kind, name, _ := strings.Cut(k, ":")
		switch kind {
		case "f":
			inner = true
			path := sanitize.Line(name)
			switch {
			case at == "metadata.labels" || at == "metadata.annotations" || strings.HasSuffix(at, "template.metadata.labels") || strings.HasSuffix(at, "template.metadata.annotations"):
				path = at + "[" + path + "]" // names with dots
			case at != "":
				path = at + "." + path
			}
			leaves(path, below, found)
		case "k":
			inner = true
			leaves(at+"["+keyWords(name)+"]", below, found)
		case "v":
			inner = true
			*found = append(*found, at+"["+sanitize.Line(strings.Trim(name, `"`))+"]")
		}
	}
	if !inner && at != "" {
		*found = append(*found, at)
	}
}

// keyWords names an element of a list by the values of its keys.
func keyWords(raw string) string {
	var keys map[string]any
	if json.Unmarshal([]byte(raw), &keys) != nil {
		return sanitize.Line(raw)
	}
	var words []string
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if s, ok := keys[k].(string); ok {
			words = append(words, s)
			continue
		}
		b, _ := json.Marshal(keys[k]) // what was read from JSON can be written
		words = append(words, string(b))
	}
	return sanitize.Line(strings.Join(words, ","))
}

// mostLeaves is how many fields of a write are told one by one.
const mostLeaves = 12

// collapse names many fields by the one that holds them.
func collapse(paths []string) []string {
	if len(paths) <= mostLeaves {
		return paths
	}
	var short []string
	for _, p := range paths {
		parts := strings.SplitN(p, ".", 3)
		name, _, _ := strings.Cut(strings.Join(parts[:min(2, len(parts))], "."), "[")
		short = append(short, name)
	}
	return slices.Compact(short)
}

// covers reports whether one path holds the other, or is it. An element of a list
// of which the name is not known, "containers(0).image", is any element.
func covers(a, b string) bool {
	if at, field, ok := strings.Cut(a, "("); ok {
		_, field, _ = strings.Cut(field, ")")
		return strings.HasPrefix(b, at) && strings.HasSuffix(b, field) || len(b) < len(at) && covers(at, b)
	}
	if strings.Contains(b, "(") {
		return covers(b, a)
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	return strings.HasPrefix(b, a) && (len(a) == len(b) || b[len(a)] == '.' || b[len(a)] == '[')
}

// writes reports whether a program set a field, or one that holds it or is in it.
func (w Write) writes(path string) bool {
	return slices.ContainsFunc(w.Fields.Paths, func(p string) bool { return covers(p, path) })
}

func isTemplate(path string) bool {
	return strings.HasPrefix(path, "spec.template.") || path == "spec.template"
}
