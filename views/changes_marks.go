package views

import (
	"slices"
	"sync"
	"time"

	"quarterdeck/kube"
	"quarterdeck/kube/changes"
	"quarterdeck/kube/triage"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// incidentMark is the time at which an incident began, or was over, on the axis of
// changes. It does not change.
type incidentMark struct {
	*triage.Incident
	at   int64 // seconds since 1970
	over bool
}

// word says in the place of seen and inferred what a mark is.
func (m *incidentMark) word() string {
	if m.over {
		return "over"
	}
	return m.Severity.String()
}

func (m *incidentMark) tone() theme.Tone {
	if m.over {
		return theme.OK
	}
	return severityTone(m.Severity)
}

// entry is the mark in the form of a change.
func (m *incidentMark) entry() *changes.Entry {
	note := "began: " + m.Title
	if m.over {
		note = "over: " + m.Title
	}
	return &changes.Entry{ID: "incident " + m.word() + " " + m.ID + " " + time.Unix(m.at, 0).UTC().Format(time.RFC3339), At: m.at, On: m.Root, Of: m.Root, Note: note}
}

func (m *incidentMark) lines(env *Env) []textview.Line {
	lines := []textview.Line{
		{{Text: whereOf(m.Root), Tone: theme.Title}, {Text: "  " + m.Title, Tone: m.tone()}},
		fact("at", when(m.at, env.Now), theme.Text),
	}
	if m.Cause != "" {
		lines = append(lines, fact("why", m.Cause, theme.Text))
	}
	return lines
}

// concerns reports whether a mark is of an incident that an object is a part of. A
// Ref without a name is any object.
func (m *incidentMark) concerns(of kube.Ref) bool {
	same := func(r kube.Ref) bool {
		return r.GVR.GroupResource() == of.GVR.GroupResource() && r.Namespace == of.Namespace && r.Name == of.Name
	}
	return of.Name == "" || same(m.Root) || slices.ContainsFunc(m.Affected, same)
}

// mostEnded is how many incidents that are over are remembered.
const mostEnded = 500

// incidentLog remembers when incidents were over. The zero value is empty; it is
// safe for concurrent use.
type incidentLog struct {
	mu    sync.Mutex
	last  *triage.Report
	ended []*incidentMark
}

// judged notes which incidents are over by a new report.
func (l *incidentLog) judged(r *triage.Report) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last != nil && !l.last.Loading { // what is found while things are still read may be a part of something else
		for _, i := range l.last.Incidents {
			if r.Over(i) && !slices.ContainsFunc(r.Incidents, func(o *triage.Incident) bool { return slices.Contains(o.Affected, i.Root) }) {
				l.ended = append(l.ended, &incidentMark{Incident: i, at: r.At.Unix(), over: true})
			}
		}
		l.ended = l.ended[max(0, len(l.ended)-mostEnded):]
	}
	l.last = r
}

// marks returns when incidents began and were over, as far as that is known.
func (w *triageWatch) marks() []*incidentMark {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	var all []*incidentMark
	began := func(i *triage.Incident) {
		if i.Since != 0 {
			all = append(all, &incidentMark{Incident: i, at: i.Since})
		}
	}
	for _, m := range w.log.ended {
		all = append(all, m)
		began(m.Incident)
	}
	if w.log.last != nil {
		for _, i := range w.log.last.Incidents {
			began(i)
		}
	}
	return all
}
