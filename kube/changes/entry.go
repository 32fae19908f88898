package changes

import (
	"fmt"
	"slices"
	"strings"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Verb is what happened to an object.
type Verb uint8

// The verbs.
const (
	Changed Verb = iota
	Made
	Deleted
)

// String returns the verb as a word for programs.
func (v Verb) String() string { return [...]string{"changed", "made", "deleted"}[v] }

// Source is what tells of a change.
type Source string

// The sources.
const (
	FromWatch     Source = "watch"         // this program saw it
	FromManaged   Source = "managedFields" // who wrote which fields last
	FromRevision  Source = "revision"      // of a workload
	FromContainer Source = "container"     // how it ended the time before
	FromCondition Source = "condition"     // that turned, or when a node was cordoned
	FromStatus    Source = "status"        // times that a controller notes
	FromEvent     Source = "event"         // that somebody reported
	FromHelm      Source = "helm"          // a release record
	FromSync      Source = "sync"          // what Argo CD or Flux brought about
)

// Entry is one change. It is immutable, and its texts are safe to show.
type Entry struct {
	ID    string // the same as long as it is about the same change
	At    int64  // seconds since 1970
	Exact bool   // seen by a watch; else inferred from what the cluster keeps
	On    kube.Ref
	Of    kube.Ref // the workload that On is a part of, On itself if it is of none
	Verb  Verb
	// Manager is the program that made the change as it named itself, "" if nobody
	// keeps that: of deletions, and of pods.
	Manager string
	Fields  []Field
	// Some says that the fields are all that the manager ever set: it wrote some of
	// them, and which is not kept.
	Some     bool
	Note     string // what else is known, in words
	Revision string // of a workload that has this template, "" if it is none or unknown
	Burst    string // ID of the entry that this one follows from, or its own
	Source   Source

	Owner *store.Owner // of On, nil if there is none

	seq   int64  // in which order entries came
	group *group // of its workload, nil before it is published
}

// Field is one field that a change set.
type Field struct {
	Path string // as in managedFields: "spec.template.spec.containers[app].image"
	// Was and Is are the values, "" for a field that is not there. Neither is known
	// if Known is false: the cluster keeps who wrote a field, not what it was.
	Was, Is string
	Known   bool
}

// reported reports whether the field says how an object is rather than how it is
// to be.
func (f Field) reported() bool { return strings.HasPrefix(f.Path, "status.") }

// Name returns the path as people say it: "containers[app].image", "image".
func (f Field) Name() string {
	name := f.Path
	for _, prefix := range []string{"spec.template.spec.", "spec.template.", "spec.jobTemplate.spec.template.spec.", "spec.", "metadata.", "status."} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			name = rest
			break
		}
	}
	if before, after, ok := strings.Cut(name, "("); ok { // a place in a list of which the names are not kept
		place, after, _ := strings.Cut(after, ")")
		if name = strings.TrimPrefix(after, "."); place != "0" {
			name = fmt.Sprintf("%s %s", name, place)
		}
		if name == "" {
			name = before
		}
	}
	return name
}

// String says what became of the field.
func (f Field) String() string {
	name := f.Name()
	switch {
	case strings.Contains(f.Path, "kubectl.kubernetes.io/restartedAt"):
		return "restarted"
	case !f.Known:
		return name + " written"
	case name == "image" || strings.HasPrefix(name, "image ") || strings.HasSuffix(name, ".image"):
		return name + " " + arrow(object.ShortImage(f.Was), object.ShortImage(f.Is))
	case strings.HasSuffix(name, ".ended"):
		return "container " + strings.TrimSuffix(strings.TrimPrefix(name, "containers["), "].ended") + " ended: " + f.Is
	case f.Was == "" && f.Is == present:
		return name + " added"
	case f.Was == present && f.Is == "":
		return name + " removed"
	case f.Was == "":
		return name + " set to " + f.Is
	case f.Is == "":
		return name + " removed, was " + f.Was
	}
	return name + " " + arrow(f.Was, f.Is)
}

func arrow(was, is string) string {
	if was == "" {
		was = "none"
	}
	if is == "" {
		is = "none"
	}
	return was + " → " + is
}

// MostNamed is how many fields of a change are named in words.
const MostNamed = 3

// What says in a few words what happened.
func (e *Entry) What() string {
	what := e.Verb.String()
	if e.Verb == Changed {
		what = e.fields()
	}
	if e.Note != "" {
		what = strings.TrimPrefix(what+", "+e.Note, ", ")
	}
	if e.Revision == "" || e.Verb != Changed {
		return what
	}
	if what == "" {
		what = "its pod template" // of which more than images is read when somebody asks
	}
	return "revision " + e.Revision + ": " + what
}

func (e *Entry) fields() string {
	words := make([]string, 0, len(e.Fields))
	names := make([]string, 0, len(e.Fields))
	for _, f := range e.Fields {
		if strings.HasSuffix(f.Path, ".restarts") && len(e.Fields) > 1 {
			continue // how the container ended says it
		}
		words, names = append(words, f.String()), append(names, f.Name())
	}
	if e.Some && len(names) > 1 {
		return "some of " + Listed(names) + " written"
	}
	return Listed(slices.Compact(words))
}

// Listed joins the first of words, and says how many more there are.
func Listed(words []string) string {
	if len(words) > MostNamed {
		return strings.Join(words[:MostNamed], ", ") + fmt.Sprintf(" and %d more", len(words)-MostNamed)
	}
	return strings.Join(words, ", ")
}

// Diff returns the fields as lines of a diff: what they were after "-", what they
// are after "+", and those of which neither is kept after "?".
func (e *Entry) Diff() []string {
	var lines []string
	for _, f := range e.Fields {
		if !f.Known {
			lines = append(lines, "? "+f.Path)
			continue
		}
		if f.Was != "" {
			lines = append(lines, "- "+f.Path+": "+f.Was)
		}
		if f.Is != "" {
			lines = append(lines, "+ "+f.Path+": "+f.Is)
		}
	}
	return lines
}

// Certainty is the word by which exact and inferred entries are told apart.
func (e *Entry) Certainty() string {
	if e.Exact {
		return "seen"
	}
	return "inferred"
}

// Echo reports whether the change is one that Kubernetes itself makes after
// somebody's.
func (e *Entry) Echo() bool { return e.echoes(e.Of) }

// echoes is Echo, where the object is a part of a workload.
func (e *Entry) echoes(of kube.Ref) bool {
	switch e.Source {
	case FromEvent, FromStatus:
		return true
	case FromCondition:
		return e.On.Kind != "Node"
	case FromWatch, FromManaged, FromRevision, FromContainer, FromHelm, FromSync:
	}
	if e.Manager == "" {
		if len(e.Fields) > 0 && !slices.ContainsFunc(e.Fields, func(f Field) bool { return !f.reported() }) {
			return e.On.Kind != "Node"
		}
		return e.On.Name != of.Name || e.On.Kind != of.Kind || e.On.Kind == "Pod"
	}
	return Machinery(e.Manager)
}

// size is about how many bytes an entry takes.
func (e *Entry) size() int {
	const fixed = 480 // of the structs and the entries of maps
	n := fixed + len(e.ID) + len(e.Note) + len(e.On.Name)
	for _, f := range e.Fields {
		n += 56 + len(f.Was) + len(f.Is)
	}
	return n
}
