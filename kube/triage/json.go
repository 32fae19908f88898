package triage

import (
	"cmp"
	"time"

	"quarterdeck/kube"
	"quarterdeck/kube/journal"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// Document is a Report for programs, described in docs/triage.md. Its fields are
// for ever; others may be added. What looks like a credential is not in it.
type Document struct {
	Scope       DocumentScope      `json:"scope"`
	GeneratedAt time.Time          `json:"generatedAt"`
	Complete    bool               `json:"complete"` // everything was read that rules need
	Checked     []DocumentCheck    `json:"checked"`
	NotRead     []DocumentUnread   `json:"notRead"`
	Incidents   []DocumentIncident `json:"incidents"`
}

// DocumentScope is what was looked at.
type DocumentScope struct {
	Context   string `json:"context"`
	Namespace string `json:"namespace"` // "" for all
}

// DocumentCheck is a rule that was applied.
type DocumentCheck struct {
	Rule     string   `json:"rule"`
	Checks   string   `json:"checks"`
	Resource Resource `json:"resource"`
	Objects  int      `json:"objects"`
}

// DocumentUnread is what could not be read, and what was not checked for it.
type DocumentUnread struct {
	Verb      string   `json:"verb"`
	Resource  string   `json:"resource"`
	Namespace string   `json:"namespace,omitempty"`
	Why       string   `json:"why"`
	Rules     []string `json:"rules,omitempty"`
}

// DocumentIncident is one incident.
type DocumentIncident struct {
	ID        string             `json:"id"`
	Severity  Severity           `json:"severity"`
	Since     *time.Time         `json:"since"` // null if it is not known
	Title     string             `json:"title"`
	Cause     string             `json:"cause"` // "" if it is not known
	Root      DocumentRef        `json:"root"`
	Affected  []DocumentRef      `json:"affected"`
	Pods      int                `json:"pods"`
	Rules     []string           `json:"rules"`
	Evidence  []DocumentEvidence `json:"evidence"`
	Changes   []DocumentChange   `json:"changes"`
	Actions   []DocumentAction   `json:"actions"`
	NotRead   []DocumentUnread   `json:"notRead"`   // when it was inspected
	Inspected bool               `json:"inspected"` // the server was asked for more evidence and for changes
}

// DocumentRef names an object.
type DocumentRef struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// DocumentEvidence is one fact with its source.
type DocumentEvidence struct {
	Text   string       `json:"text"`
	Source string       `json:"source"`
	Where  string       `json:"where,omitempty"`
	At     *time.Time   `json:"at"`
	First  *time.Time   `json:"first,omitempty"`
	Count  int32        `json:"count,omitempty"`
	On     *DocumentRef `json:"on,omitempty"`
}

// DocumentChange is something that was changed before or since.
type DocumentChange struct {
	At     *time.Time      `json:"at"`
	By     string          `json:"by,omitempty"`
	Text   string          `json:"text"`
	Source string          `json:"source"`
	On     DocumentRef     `json:"on"`
	Fields []DocumentField `json:"fields,omitempty"`
}

// DocumentField is a field that a change set.
type DocumentField struct {
	Name string `json:"name"`
	Was  string `json:"was,omitempty"`
	Is   string `json:"is,omitempty"`
}

// DocumentAction is something that may help.
type DocumentAction struct {
	Do        Do          `json:"do"`
	On        DocumentRef `json:"on"`
	Container string      `json:"container,omitempty"`
	Previous  bool        `json:"previous,omitempty"`
	Words     string      `json:"words"`
}

// NewDocument returns a Report for programs, with what inspections of incidents
// found, by their IDs.
func NewDocument(r *Report, scope DocumentScope, found map[string]*Inspection) *Document {
	d := &Document{
		Scope: scope, GeneratedAt: r.At.UTC().Truncate(time.Second), Complete: r.Complete(),
		Checked: []DocumentCheck{}, NotRead: []DocumentUnread{}, Incidents: []DocumentIncident{},
	}
	for _, c := range r.Checked {
		d.Checked = append(d.Checked, DocumentCheck{c.Rule.ID, c.Rule.Checks, c.Rule.On, c.Objects})
	}
	for _, n := range r.NotRead {
		d.NotRead = append(d.NotRead, DocumentUnread{Verb: "list", Resource: string(n.Resource), Namespace: scope.Namespace, Why: n.Why(), Rules: n.Rules})
	}
	for _, i := range r.Incidents {
		d.Incidents = append(d.Incidents, documentOf(i, found[i.ID]))
	}
	return d
}

func documentOf(i *Incident, n *Inspection) DocumentIncident {
	d := DocumentIncident{
		ID: i.ID, Severity: i.Severity, Since: instant(i.Since), Title: journal.Scrub(i.Title), Cause: journal.Scrub(i.Cause),
		Root: documentRef(i.Root), Affected: []DocumentRef{}, Pods: i.Pods, Rules: i.Rules, Inspected: n != nil,
		Evidence: []DocumentEvidence{}, Changes: []DocumentChange{}, Actions: []DocumentAction{}, NotRead: []DocumentUnread{},
	}
	for _, r := range i.Affected {
		d.Affected = append(d.Affected, documentRef(r))
	}
	for _, e := range n.All(i) {
		de := DocumentEvidence{Text: journal.Scrub(e.Text), Source: e.Source, Where: e.Where, At: instant(e.At), First: instant(e.First), Count: e.Count}
		if e.On.Name != "" {
			on := documentRef(e.On)
			de.On = &on
		}
		d.Evidence = append(d.Evidence, de)
	}
	for _, a := range i.Actions {
		d.Actions = append(d.Actions, DocumentAction{a.Do, documentRef(a.On), a.Container, a.Previous, journal.Scrub(a.Words)})
	}
	if n == nil {
		return d
	}
	for _, c := range n.Changes {
		dc := DocumentChange{At: instant(c.At), By: c.By, Text: journal.Scrub(c.Text), Source: c.Source, On: documentRef(c.On)}
		for _, f := range c.Fields {
			dc.Fields = append(dc.Fields, DocumentField{f.Name, journal.Scrub(f.Was), journal.Scrub(f.Is)})
		}
		d.Changes = append(d.Changes, dc)
	}
	for _, u := range n.NotRead {
		d.NotRead = append(d.NotRead, DocumentUnread{Verb: u.Verb, Resource: u.Resource, Namespace: u.Namespace, Why: journal.Scrub(u.Why())})
	}
	return d
}

func documentRef(r kube.Ref) DocumentRef {
	return DocumentRef{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
}

// instant returns a time, nil for none.
func instant(at int64) *time.Time {
	if at == 0 {
		return nil
	}
	t := time.Unix(at, 0).UTC()
	return &t
}

// Why says in a few words why a resource was not read.
func (n NotRead) Why() string {
	switch {
	case n.Status.Phase == store.Forbidden:
		return "forbidden: list " + string(n.Resource)
	case n.Status.Err != nil:
		return cmp.Or(sanitize.Line(n.Status.Err.Error()), n.Status.Phase.String())
	}
	return n.Status.Phase.String()
}
