package triage

import (
	"fmt"
	"slices"
	"strings"

	"quarterdeck/kube"
)

// Explanation is what triage knows of one object. It never changes.
type Explanation struct {
	Ref kube.Ref
	// Of are the incidents that the object is the cause of, Beside those of others
	// that it has a part in, the worst first.
	Of, Beside []*Incident
	// Checked are the rules that were applied to it and to what belongs to it.
	Checked []Check
	// NotRead is what these rules miss: without it the answer is partial.
	NotRead []NotRead
	Ruled   bool // there are rules for its kind; of others InspectObject tells more
	Found   bool // it is among the objects that were read
	Loading bool // not everything has been read yet
}

// Healthy reports whether the object was judged whole and nothing is wrong with
// it.
func (x *Explanation) Healthy() bool {
	return x.Ruled && x.Found && !x.Loading && len(x.Of) == 0 && len(x.Beside) == 0 && len(x.NotRead) == 0
}

// Words says in a sentence how the object stands.
func (x *Explanation) Words() string {
	name := x.Ref.Where()
	switch {
	case len(x.Of) > 0:
		words := name + ": " + x.Of[0].Title
		if x.Of[0].Cause != "" {
			words += ", " + x.Of[0].Cause
		}
		return words
	case len(x.Beside) > 0:
		i := x.Beside[0]
		return fmt.Sprintf("%s is affected by %s: %s", name, i.Root.Where(), i.Title)
	case !x.Ruled:
		return fmt.Sprintf("there are no rules for %s; what it says of itself is below", x.Ref.Kind)
	case x.Loading:
		return name + ": not everything has been read yet"
	case !x.Found:
		return name + " is not among what was read"
	case len(x.NotRead) > 0:
		return name + ": nothing wrong is known, but not everything could be read"
	}
	return name + " is healthy"
}

// Checks returns what was made sure of, in words, each once.
func (x *Explanation) Checks() []string {
	var words []string
	for _, c := range x.Checked {
		if !slices.Contains(words, c.Rule.Checks) {
			words = append(words, c.Rule.Checks)
		}
	}
	return words
}

// Explain tells what is known of an object as of the last Report.
func (e *Engine) Explain(ref kube.Ref) Explanation {
	x := Explanation{Ref: ref, Loading: true}
	parts := append([]Resource{Resource(ref.GVR.Resource)}, below(Resource(ref.GVR.Resource))...)
	s, read := e.sources[parts[0]]
	x.Ruled = read && s.gvr.Group == ref.GVR.Group && len(e.rules[parts[0]]) > 0
	if e.report == nil {
		return x
	}
	x.Loading = e.report.Loading
	for _, i := range e.report.Incidents {
		switch {
		case keyOf(i.Root) == keyOf(ref):
			x.Of = append(x.Of, i)
		case i.concerns(ref):
			x.Beside = append(x.Beside, i)
		}
	}
	if !x.Ruled {
		return x
	}
	x.Found = e.has(parts[0], ref)
	for _, c := range e.report.Checked {
		if slices.Contains(parts, c.Rule.On) {
			x.Checked = append(x.Checked, c)
		}
	}
	for _, n := range e.report.NotRead {
		if rules := e.missed(parts, n.Resource); slices.Contains(parts, n.Resource) || len(rules) > 0 {
			x.NotRead = append(x.NotRead, NotRead{n.Resource, n.Status, rules})
		}
	}
	return x
}

// concerns reports whether an object has a part in an incident.
func (i *Incident) concerns(ref kube.Ref) bool {
	is := func(r kube.Ref) bool { return keyOf(r) == keyOf(ref) }
	return slices.ContainsFunc(i.Affected, is) || slices.ContainsFunc(i.Findings, func(f *Finding) bool { return is(f.On) || is(f.Home) })
}

// below returns the resources of what the objects of one own.
func below(r Resource) []Resource {
	switch r {
	case Deployments:
		return []Resource{ReplicaSets, Pods}
	case ReplicaSets, StatefulSets, DaemonSets, Jobs:
		return []Resource{Pods}
	case CronJobs:
		return []Resource{Jobs, Pods}
	}
	return nil
}

// has reports whether an object was read.
func (e *Engine) has(r Resource, ref kube.Ref) bool {
	t := e.tables[r]
	if ref.UID != "" {
		return t.get(ref.UID) != nil
	}
	for uid := range t.uids() {
		if m := t.get(uid).Head(); m.Name == ref.Name && m.Namespace == ref.Namespace {
			return true
		}
	}
	return false
}

// missed returns the rules for resources that a resource is needed for.
func (e *Engine) missed(of []Resource, r Resource) []string {
	var ids []string
	for _, on := range of {
		for _, rule := range e.rules[on] {
			if (on == r || needs(rule, r)) && !slices.Contains(ids, rule.ID) {
				ids = append(ids, rule.ID)
			}
		}
	}
	return ids
}

// Words says what was not read, why, and what was not checked for it.
func (n NotRead) Words() string {
	words := string(n.Resource) + ": " + n.Why()
	if len(n.Rules) > 0 {
		words += "; not checked: " + strings.Join(n.Rules, ", ")
	}
	return words
}
