package network

import (
	"time"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
)

// Document is ways in as scripts get them.
type Document struct {
	Routes  []RouteDocument `json:"routes"`
	NotRead []string        `json:"notRead"`
	Nobody  string          `json:"nobody,omitempty"`
}

// RouteDocument is a way in as scripts get it.
type RouteDocument struct {
	From    RefDocument   `json:"from"`
	By      RefDocument   `json:"by"`
	Host    string        `json:"host"`
	Path    string        `json:"path,omitempty"`
	Listen  string        `json:"listen,omitempty"`
	Address string        `json:"address,omitempty"`
	Target  RefDocument   `json:"target"`
	Port    string        `json:"port,omitempty"`
	Ready   int           `json:"ready"`
	Total   int           `json:"total"`
	Zones   []string      `json:"zones"`
	TLSDays *int          `json:"tlsDaysLeft,omitempty"`
	State   string        `json:"state"`
	Hops    []HopDocument `json:"hops"`
	Broken  *int          `json:"broken"` // of hops, null if none is
	Cause   string        `json:"cause,omitempty"`
	Nearest string        `json:"nearest,omitempty"`
	Fix     *FixDocument  `json:"fix"`
	NotRead []string      `json:"notRead"`
}

// RefDocument names an object.
type RefDocument struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// HopDocument is a hop as scripts get it.
type HopDocument struct {
	RefDocument
	OK       *bool              `json:"ok"` // null if nobody can tell
	Verdict  string             `json:"verdict"`
	Detail   string             `json:"detail"`
	Evidence []EvidenceDocument `json:"evidence,omitempty"`
}

// EvidenceDocument is a fact with where it can be read.
type EvidenceDocument struct {
	Text  string `json:"text"`
	Where string `json:"where"`
}

// FixDocument is a change that mends a way.
type FixDocument struct {
	RefDocument
	Words string         `json:"words"`
	Field string         `json:"field,omitempty"`
	Path  []string       `json:"path,omitempty"`
	From  any            `json:"from,omitempty"`
	To    any            `json:"to,omitempty"`
	Make  map[string]any `json:"make,omitempty"`
}

// NewDocument returns ways in as scripts get them.
func NewDocument(w *Ways, now time.Time) Document {
	d := Document{Routes: []RouteDocument{}, NotRead: unreadWords(w.NotRead), Nobody: w.Nobody}
	for _, t := range w.Traces {
		d.Routes = append(d.Routes, newRouteDocument(t, now.Unix()))
	}
	return d
}

func newRouteDocument(t *Trace, now int64) RouteDocument {
	d := RouteDocument{
		From: named(t.From), By: named(t.By), Host: t.Host, Path: t.Path, Listen: t.Listen, Address: t.Address(),
		Target: named(t.Target), Port: t.TargetPort, Ready: t.Ready, Total: t.Total, Zones: append([]string{}, t.Zones...),
		State: t.State.String(), Hops: []HopDocument{}, Cause: t.Cause, Nearest: t.Nearest, Fix: t.Fix.document(), NotRead: unreadWords(t.NotRead),
	}
	if days, ok := t.DaysLeft(now); ok {
		d.TLSDays = &days
	}
	if t.Broken >= 0 {
		d.Broken = &t.Broken
	}
	for i := range t.Hops {
		h := &t.Hops[i]
		hop := HopDocument{RefDocument: named(h.Ref), Verdict: h.Verdict.String(), Detail: h.Detail}
		if h.Verdict != Untold && h.Verdict != Untested {
			ok := h.Verdict != Breaks && i != t.Broken
			hop.OK = &ok
		}
		for _, e := range h.Evidence {
			hop.Evidence = append(hop.Evidence, EvidenceDocument(e))
		}
		d.Hops = append(d.Hops, hop)
	}
	return d
}

func (f *Fix) document() *FixDocument {
	if f == nil {
		return nil
	}
	d := &FixDocument{RefDocument: named(f.On), Words: f.Words, From: f.Edit.Before, To: f.Edit.After, Path: f.Edit.Path, Make: f.Make}
	if len(f.Edit.Path) > 0 {
		d.Field = f.Edit.Field()
	}
	return d
}

func named(r kube.Ref) RefDocument { return RefDocument{r.Kind, r.Namespace, r.Name} }

func unreadWords(list []Unread) []string {
	all := []string{}
	for _, u := range list {
		text := u.String()
		if u.Status.Err != nil {
			text += ": " + sanitize.Line(u.Status.Err.Error())
		}
		all = append(all, text)
	}
	return all
}
