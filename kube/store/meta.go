package store

import (
	"iter"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/sanitize"
)

// Object is what a store keeps: a compact value that nobody changes once the
// store has it. An update replaces it.
type Object interface {
	comparable
	Head() *Meta
}

// Meta is what every compact object knows of itself.
type Meta struct {
	UID       types.UID
	Namespace string
	Name      string
	Created   int64 // seconds since 1970
	Deleted   int64 // seconds since 1970, 0 while nobody has deleted it
	Labels    *Labels
	Owner     *Owner // the controller, nil if there is none
}

// Head returns m itself, so that embedding a Meta makes an Object.
func (m *Meta) Head() *Meta { return m }

// Owner is the controller of an object.
type Owner struct {
	APIVersion, Kind, Name string
	UID                    types.UID
}

// Labels is a set of labels. Objects with equal labels share one. It implements
// labels.Labels of apimachinery.
type Labels struct{ pairs []string } // key, value, key, value, … ordered by key

// NewLabels returns m as Labels.
func NewLabels(m map[string]string) *Labels {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	l := &Labels{pairs: make([]string, 0, 2*len(m))}
	for _, k := range keys {
		l.pairs = append(l.pairs, k, m[k])
	}
	return l
}

// Lookup returns the value of key and whether it is set.
func (l *Labels) Lookup(key string) (string, bool) {
	if l != nil {
		for i := 0; i < len(l.pairs); i += 2 {
			if l.pairs[i] == key {
				return l.pairs[i+1], true
			}
		}
	}
	return "", false
}

// Has reports whether key is set.
func (l *Labels) Has(key string) bool { _, ok := l.Lookup(key); return ok }

// Get returns the value of key, "" if it is not set.
func (l *Labels) Get(key string) string { v, _ := l.Lookup(key); return v }

// All yields every key with its value, ordered by key.
func (l *Labels) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if l == nil {
			return
		}
		for i := 0; i < len(l.pairs) && yield(l.pairs[i], l.pairs[i+1]); i += 2 {
		}
	}
}

// String returns the labels as key=value, separated by commas.
func (l *Labels) String() string {
	if l == nil {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(l.pairs); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(l.pairs[i] + "=" + l.pairs[i+1])
	}
	return b.String()
}

// Interner keeps one copy of strings, label sets and owners that many objects
// share, and makes them safe to show. It belongs to one store's goroutine.
type Interner struct {
	strings map[string]string
	labels  map[string]*Labels
	owners  map[types.UID]*Owner
	values  map[string]any // of Share
	key     []byte
}

// internLimit bounds each table: a cluster that makes up new names for hours
// must not fill memory with those it has forgotten.
const internLimit = 1 << 16

func newInterner() *Interner {
	return &Interner{
		strings: map[string]string{}, labels: map[string]*Labels{}, owners: map[types.UID]*Owner{}, values: map[string]any{},
	}
}

// String returns the shared copy of s, safe to show.
func (in *Interner) String(s string) string {
	if s == "" {
		return ""
	}
	if t, ok := in.strings[s]; ok {
		return t
	}
	if len(in.strings) >= internLimit {
		clear(in.strings)
	}
	s = strings.Clone(s) // not a part of something larger; key and value are one copy
	t := sanitize.Line(s)
	in.strings[s] = t
	return t
}

// Labels returns the shared copy of m.
func (in *Interner) Labels(m map[string]string) *Labels {
	if len(m) == 0 {
		return nil
	}
	l := NewLabels(m)
	in.key = in.key[:0]
	for _, s := range l.pairs {
		in.key = append(append(in.key, s...), 0)
	}
	if shared, ok := in.labels[string(in.key)]; ok {
		return shared
	}
	if len(in.labels) >= internLimit {
		clear(in.labels)
	}
	for i, s := range l.pairs {
		l.pairs[i] = in.String(s)
	}
	in.labels[string(in.key)] = l
	return l
}

// Share returns the value that many objects share under key, made by newValue if
// there is none yet. Keys of different types must differ too.
func Share[V any](in *Interner, key []byte, newValue func() *V) *V {
	if v, ok := in.values[string(key)].(*V); ok {
		return v
	}
	if len(in.values) >= internLimit {
		clear(in.values)
	}
	v := newValue()
	in.values[string(key)] = v
	return v
}

func (in *Interner) owner(refs []metav1.OwnerReference) *Owner {
	for i := range refs {
		ref := &refs[i]
		if ref.Controller == nil || !*ref.Controller {
			continue
		}
		if o, ok := in.owners[ref.UID]; ok {
			return o
		}
		if len(in.owners) >= internLimit {
			clear(in.owners)
		}
		o := &Owner{
			APIVersion: in.String(ref.APIVersion), Kind: in.String(ref.Kind),
			Name: sanitize.Line(ref.Name), UID: ref.UID,
		}
		in.owners[ref.UID] = o
		return o
	}
	return nil
}

// Meta returns the compact form of m.
func (in *Interner) Meta(m *metav1.ObjectMeta) Meta {
	out := Meta{
		UID: m.UID, Namespace: in.String(m.Namespace), Name: sanitize.Line(m.Name),
		Labels: in.Labels(m.Labels), Owner: in.owner(m.OwnerReferences),
	}
	if !m.CreationTimestamp.IsZero() {
		out.Created = m.CreationTimestamp.Unix()
	}
	if m.DeletionTimestamp != nil {
		out.Deleted = m.DeletionTimestamp.Unix()
	}
	return out
}
