package triage

import (
	"time"

	"quarterdeck/kube/store"
)

// Feed is an Engine that the stores of a cluster keep up to date. Changed and
// Statuses may be called by anybody; the other methods belong to one goroutine at a
// time. What changes by time alone does not send Changed; see Engine.Next.
type Feed struct {
	*Engine
	*store.Sources[Resource]
	hub *store.Hub
}

// Open subscribes to everything from which incidents in a scope are found. The
// caller closes the Feed.
func Open(hub *store.Hub, scope store.Scope) *Feed {
	f := &Feed{NewEngine(Rules()), store.NewSources[Resource](), hub}
	f.Within = scope.Namespace
	for _, s := range sources() {
		f.Add(s.open(f, scope))
	}
	return f
}

// Take brings everything up to date and returns what is wrong.
func (f *Feed) Take(now time.Time) *Report {
	f.Sources.Take(f.Read)
	return f.Judge(now)
}

// Statuses returns how well each resource is known now.
func (f *Feed) Statuses() map[Resource]store.Status {
	all := f.Sources.Statuses()
	for r, s := range all {
		all[r] = unlessMissing(s)
	}
	return all
}
