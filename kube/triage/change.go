package triage

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube"
	"quarterdeck/kube/changes"
	"quarterdeck/kube/journal"
	"quarterdeck/kube/object"
	"quarterdeck/kube/rollout"
)

// Alteration is something that was changed before or during an incident.
type Alteration struct {
	At     int64  // seconds since 1970
	By     string // the program that made it, "" if nobody kept that
	Text   string // what was done to On: "image checkout:v2.3.0 → v2.3.1"
	Source string // what tells of it: FromRevision, FromManaged, FromCondition
	On     kube.Ref
	Fields []FieldChange // what it set
}

// FieldChange is one field that a change set. Was and Is are "" where the server
// does not keep them, and journal.Hidden where they are nobody's business, as
// values of the environment.
type FieldChange struct {
	Name    string // "containers[app].image"
	Was, Is string
}

// The sources of changes beside FromCondition.
const (
	FromRevision = "revision" // of a workload
	FromManaged  = "managedFields"
)

// String says what was changed and by whom.
func (c Alteration) String() string {
	if c.By == "" {
		return c.Text
	}
	return c.Text + " by " + c.By
}

// About is String with the name of the object, unless that is the one that the
// reader is looking at.
func (c Alteration) About(root kube.Ref) string {
	if keyOf(c.On) == keyOf(root) {
		return c.String()
	}
	return c.On.String() + " " + c.String()
}

// released returns what a revision changed of the one before it.
func released(on kube.Ref, before, after rollout.Revision) Alteration {
	c := Alteration{At: after.Created.Unix(), By: after.By.Manager, Source: FromRevision, On: on}
	if len(after.Former) > 0 && after.Target && after.By.Time.After(after.Created) {
		c.At = after.By.Time.Unix() // the workload went back to it
	}
	var words []string
	for _, f := range rollout.Compare(before.Template, after.Template) {
		change := FieldChange{Name: f.Name(), Was: public(f, f.Before, f.Was()), Is: public(f, f.After, f.Is())}
		c.Fields = append(c.Fields, change)
		if !f.Order { // which rarely is what somebody meant to change
			words = append(words, change.words(f))
		}
	}
	if len(words) == 0 {
		words = []string{"the same fields in another order"}
	}
	c.Text = fmt.Sprintf("revision %d: %s", after.Number, changes.Listed(words))
	if after.Cause != "" {
		c.Text += fmt.Sprintf(" (%s)", after.Cause)
	}
	return c
}

// public returns a value of a field, in words, as far as it is anybody's business.
func public(f rollout.Field, value any, words string) string {
	switch value.(type) {
	case nil:
		return words
	case map[string]any, []any:
		if f.Part() != rollout.Environment {
			return journal.Redact(schema.GroupResource{}, nil, value)
		}
	}
	if f.Part() == rollout.Environment {
		return journal.Hidden
	}
	name := f.Name()
	return journal.Redact(schema.GroupResource{}, []string{name[strings.LastIndexByte(name, '.')+1:]}, value)
}

// words names a field and its values, if they are short and anybody's business.
func (c FieldChange) words(f rollout.Field) string {
	switch {
	case strings.HasSuffix(c.Name, ".image"):
		return "image " + arrow(object.ShortImage(c.Was), object.ShortImage(c.Is))
	case c.Name == "annotations[kubectl.kubernetes.io/restartedAt]":
		return "restarted"
	case c.Was == journal.Hidden || c.Is == journal.Hidden || len(c.Was)+len(c.Is) > 60:
		switch {
		case f.Before == nil:
			return c.Name + " added"
		case f.After == nil:
			return c.Name + " removed"
		}
		return c.Name + " changed"
	}
	return c.Name + " " + c.Was + " → " + c.Is
}

// arrow writes two images, the name once if it is the same.
func arrow(was, is string) string {
	a, from, _ := strings.Cut(was, ":")
	b, to, tagged := strings.Cut(is, ":")
	if a == b && from != "" && tagged {
		return was + " → " + to
	}
	return was + " → " + is
}

// releases returns what the revisions of a workload changed since a time, the
// newest first.
func releases(h *rollout.History, since int64) []Alteration {
	var found []Alteration
	for i, r := range h.Revisions {
		if i+1 == len(h.Revisions) {
			break // before it there is nothing to compare with
		}
		if c := released(h.Ref, h.Revisions[i+1], r); c.At >= since {
			found = append(found, c)
		}
	}
	return found
}

// explained reports whether a change of the pod template at a time is one of a
// revision, which tells it better.
func explained(told []Alteration, at int64) bool {
	const together = 2 // seconds: controllers make a revision at once
	return slices.ContainsFunc(told, func(c Alteration) bool {
		return c.Source == FromRevision && c.At-at <= together && at-c.At <= together
	})
}
