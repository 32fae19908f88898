package changes

import (
	"time"

	"quarterdeck/kube"
)

// Document is a Report for programs, described in docs/changes.md. Its fields are
// for ever; others may be added.
type Document struct {
	Scope       DocumentScope    `json:"scope"`
	GeneratedAt time.Time        `json:"generatedAt"`
	Since       time.Time        `json:"since"`
	Complete    bool             `json:"complete"` // everything was read, and nothing was let go
	Changes     []DocumentChange `json:"changes"`  // the newest first
	NotRead     []DocumentUnread `json:"notRead"`
	Dropped     int              `json:"dropped,omitempty"` // the oldest, for want of room
}

// DocumentScope is what was looked at.
type DocumentScope struct {
	Context   string `json:"context"`
	Namespace string `json:"namespace"` // "" for all
	Object    string `json:"object,omitempty"`
}

// DocumentRef names an object.
type DocumentRef struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// DocumentChange is one change.
type DocumentChange struct {
	ID       string          `json:"id"`
	At       time.Time       `json:"at"`
	Exact    bool            `json:"exact"`
	Object   DocumentRef     `json:"object"`
	Workload DocumentRef     `json:"workload"` // that the object is a part of, or the object itself
	Verb     string          `json:"verb"`
	What     string          `json:"what"`
	Manager  string          `json:"manager"` // "" if nobody keeps that
	Fields   []DocumentField `json:"fields"`
	Some     bool            `json:"some,omitempty"` // of the fields some were written; which is not kept
	Diff     []string        `json:"diff"`
	Revision string          `json:"revision,omitempty"`
	Burst    string          `json:"burst"` // ID of the change that this one follows from, or its own
	Source   Source          `json:"source"`
}

// DocumentField is a field that a change set.
type DocumentField struct {
	Path  string `json:"path"`
	Was   string `json:"was,omitempty"`
	Is    string `json:"is,omitempty"`
	Known bool   `json:"known"` // the values are
}

// DocumentUnread is what could not be read.
type DocumentUnread struct {
	Verb      string `json:"verb"`
	Resource  string `json:"resource"`
	Namespace string `json:"namespace,omitempty"`
	Why       string `json:"why"`
}

// NewDocument returns a Report for programs.
func NewDocument(r *Report, scope DocumentScope, since time.Time) *Document {
	d := &Document{
		Scope: scope, GeneratedAt: r.At.UTC().Truncate(time.Second), Since: since.UTC().Truncate(time.Second),
		Complete: len(r.NotRead) == 0 && r.Dropped == 0, Dropped: r.Dropped, Changes: []DocumentChange{}, NotRead: []DocumentUnread{},
	}
	for _, e := range r.Entries {
		c := DocumentChange{
			ID: e.ID, At: time.Unix(e.At, 0).UTC(), Exact: e.Exact, Object: documentRef(e.On), Workload: documentRef(e.Of), Verb: e.Verb.String(),
			What: e.What(), Manager: e.Manager, Fields: []DocumentField{}, Some: e.Some, Diff: append([]string{}, e.Diff()...), Revision: e.Revision, Burst: e.Burst, Source: e.Source,
		}
		for _, f := range e.Fields {
			c.Fields = append(c.Fields, DocumentField(f))
		}
		d.Changes = append(d.Changes, c)
	}
	for _, n := range r.NotRead {
		d.NotRead = append(d.NotRead, DocumentUnread{Verb: "list", Resource: n.Resource, Namespace: scope.Namespace, Why: n.Why()})
	}
	return d
}

func documentRef(r kube.Ref) DocumentRef {
	return DocumentRef{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
}

// Within returns the report with the entries since a time only, and of an object
// only: those of it and of what belongs to it. A Ref without a name is any object.
func (r *Report) Within(since time.Time, of kube.Ref) *Report {
	n := *r
	n.Entries = nil
	for _, e := range r.Entries {
		if e.At >= since.Unix() && e.Concerns(of) {
			n.Entries = append(n.Entries, e)
		}
	}
	return &n
}

// Concerns reports whether a change is one of an object, or of what belongs to it.
// A Ref without a name is any object.
func (e *Entry) Concerns(of kube.Ref) bool {
	same := func(r kube.Ref) bool {
		return r.GVR.GroupResource() == of.GVR.GroupResource() && r.Namespace == of.Namespace && r.Name == of.Name
	}
	return of.Name == "" || same(e.On) || same(e.Of)
}
