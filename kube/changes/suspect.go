package changes

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"quarterdeck/kube"
	"quarterdeck/kube/field"
)

// Leading is how long before a failure the changes are that may have caused it.
const Leading = 10 * time.Minute

// Failure is what failed and when, as far as it tells which changes may be behind
// it.
type Failure struct {
	At    int64      // the first one, seconds since 1970
	Of    kube.Ref   // what failed
	With  []kube.Ref // what failed because of it, its pods among them
	Needs []kube.Ref // what it takes something from, or waits for: ConfigMaps, Secrets, claims, quotas
	Nodes []string   // on which it runs
}

// Suspect is a change with what followed from it that came shortly before a
// failure.
type Suspect struct {
	*Head
	Nearness
	Before time.Duration // the failure; not below zero
	Own    bool          // Kubernetes itself made it, and nobody is known whom it followed
	Why    string        // it is suspected, in words
}

// Nearness says how a change is tied to what failed, the closest first.
type Nearness uint8

// The ties.
const (
	Itself    Nearness = iota // the object that failed, or a part of it
	Along                     // an object that failed because of it
	Needed                    // an object that it needs
	Underlies                 // its node
	Neighbour                 // an object of its namespace
	Clusterly                 // an object of no namespace
	Elsewhere                 // an object of another namespace
)

// String says in a word or two how a change is tied to what failed.
func (n Nearness) String() string {
	return [...]string{"what failed", "failed with it", "it needs it", "its node", "its namespace", "the cluster", "elsewhere"}[n]
}

// Suspects returns the changes of the time before a failure, the most likely cause
// first: those that somebody made before those of Kubernetes itself, those of the
// object itself before those of what it needs, of its node, of its namespace, and
// of these the latest. What is tied to the failure in no way known comes last. The
// entries are the newest first, as a Report has them.
func (f *Failure) Suspects(entries []*Entry) []Suspect {
	from := f.At - int64(Leading/time.Second)
	var near []*Entry
	for _, e := range entries {
		if e.At >= from && e.At <= f.At {
			near = append(near, e)
		}
	}
	var all []Suspect
	for _, h := range Heads(near) {
		s := Suspect{Head: h, Nearness: f.nearest(h), Before: time.Duration(f.At-h.At) * time.Second}
		s.Own = h.Burst != h.ID || h.Echo() && !h.happened()
		s.Why = f.why(&s)
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b Suspect) int {
		return cmp.Or(cmp.Compare(a.group(), b.group()), cmp.Compare(a.Nearness, b.Nearness), -cmp.Compare(a.At, b.At))
	})
	return all
}

// Last returns the newest change of what failed, of what it needs or of its nodes
// that is older than those of Suspects, nil if none is known: where these are none
// it is the next best guess.
func (f *Failure) Last(entries []*Entry) *Entry {
	from := f.At - int64(Leading/time.Second)
	for _, e := range entries {
		if e.At < from && !e.Echo() && f.tie(e) <= Underlies {
			return e
		}
	}
	return nil
}

// group is the first thing by which suspects are ordered.
func (s *Suspect) group() int {
	switch {
	case s.Nearness == Elsewhere && s.Own:
		return 3
	case s.Nearness == Elsewhere:
		return 2
	case s.Own:
		return 1
	}
	return 0
}

// happened reports whether an entry is something that befell a node rather than
// what a program did to it.
func (e *Entry) happened() bool {
	return e.On.Kind == "Node" && (e.Source == FromEvent || e.Source == FromCondition || slices.ContainsFunc(e.Fields, Field.reported))
}

// nearest returns the closest tie of a change or of anything that followed from
// it.
func (f *Failure) nearest(h *Head) Nearness {
	near := f.tie(h.Entry)
	for _, e := range h.Echoes {
		near = min(near, f.tie(e))
	}
	return near
}

func (f *Failure) tie(e *Entry) Nearness {
	switch {
	case e.Concerns(f.Of):
		return Itself
	case slices.ContainsFunc(f.With, e.Concerns):
		return Along
	case slices.ContainsFunc(f.Needs, e.Concerns):
		return Needed
	case e.On.Kind == "Node" && slices.Contains(f.Nodes, e.On.Name):
		return Underlies
	case e.On.Namespace == "":
		return Clusterly
	case f.Of.Namespace != "" && e.On.Namespace == f.Of.Namespace:
		return Neighbour
	}
	return Elsewhere
}

// why says what ties a change to the failure, and how long before it was.
func (f *Failure) why(s *Suspect) string {
	words := map[Nearness]string{
		Itself: "of what failed itself", Along: "of what failed with it", Needed: "of what it needs", Underlies: "of its node",
		Neighbour: "in its namespace", Clusterly: "for the whole cluster", Elsewhere: "in another namespace",
	}[s.Nearness]
	if s.Own {
		words += ", by Kubernetes itself"
	}
	if s.Before < time.Second {
		return words + ", that very second"
	}
	return fmt.Sprintf("%s, %s before", words, field.Age(int64(s.Before/time.Second)))
}
