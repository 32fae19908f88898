package views

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// inspections are what was read about incidents last. It is safe for concurrent
// use.
type inspections struct {
	listeners listeners

	mu sync.Mutex
	of map[incidentKey]*triage.Inspection
}

const (
	// inspectEvery is how often an incident that is looked at is inspected anew.
	inspectEvery = 10 * time.Second
	// inspectionLimit is how many incidents' inspections are remembered.
	inspectionLimit = 100
)

// inspecting is the reading about an incident, another one every while.
func (s *Session) inspecting(i *triage.Incident) study {
	return study{
		key:  fmt.Sprint(i.ID, " ", s.Now().Truncate(inspectEvery).Unix()),
		read: func(ctx context.Context) any { return orNil(s.inspect(ctx, i)) },
	}
}

// inspect asks the server about an incident, unless it has been asked just now
// or is known not to answer. It returns nil if nobody has ever been asked when
// ctx ends.
func (s *Session) inspect(ctx context.Context, i *triage.Incident) *triage.Inspection {
	last, known := s.inspected(i), &s.inspections
	if last != nil {
		silent := false
		if w := s.watched(); w != nil {
			_, silent = w.lost()
		}
		if silent || s.Now().Sub(last.At) < inspectEvery/2 {
			return last
		}
	}
	o := triage.Options{Now: s.Now}
	if s.Settings.Metrics {
		if src, err := s.metricsSource(); err == nil {
			o.Metrics = src
		}
	}
	found := triage.Inspect(ctx, s.Client, i, o)
	if ctx.Err() != nil {
		return last
	}
	known.mu.Lock()
	if known.of == nil || len(known.of) >= inspectionLimit {
		known.of = map[incidentKey]*triage.Inspection{}
	}
	known.of[incidentKey{s.Client, i.ID}] = found
	known.mu.Unlock()
	known.listeners.tell()
	return found
}

// inspected returns what was read about an incident last, nil for nothing.
func (s *Session) inspected(i *triage.Incident) *triage.Inspection {
	s.inspections.mu.Lock()
	defer s.inspections.mu.Unlock()
	return s.inspections.of[incidentKey{s.Client, i.ID}]
}

// incidentPane says in a few lines what an incident rests on, what changed
// before it, and what can be done.
func incidentPane(r *incidentRow, studied any, env *Env) []textview.Line {
	found, _ := studied.(*triage.Inspection)
	lines := []textview.Line{{
		{Text: " " + whereOf(r.Root), Tone: theme.Title},
		{Text: "  " + r.Title, Tone: severityTone(r.Severity)},
	}}
	if r.Cause != "" {
		lines = append(lines, evidenceLine(0, "why", r.Cause, theme.Text, env))
	}
	facts, changes := 5, 4 // the page of the incident has all
	if env.Width < besideFrom {
		facts, changes = 2, 2
	}
	for _, e := range head(found.All(r.Incident), facts) {
		lines = append(lines, evidenceLine(e.At, e.Source, evidenceText(e), theme.Text, env))
	}
	if found == nil {
		lines = append(lines, evidenceLine(0, "", "reading events, logs and what changed", theme.Busy, env))
	} else {
		for _, c := range head(found.Changes, changes) {
			lines = append(lines, evidenceLine(c.At, "changed", changeText(c), theme.Text, env))
		}
	}
	for _, a := range head(r.Actions, 3) {
		key := ""
		if a.On == r.Root { // which is what keys act on
			key = env.Keys.Label(doing(a.Do))
		}
		lines = append(lines, paneLine(key, a.Do.String(), a.Words, theme.Muted))
	}
	if found != nil && len(found.NotRead) > 0 {
		words := make([]string, len(found.NotRead))
		for i, u := range found.NotRead {
			words[i] = u.String()
		}
		lines = append(lines, evidenceLine(0, "not read", strings.Join(words, "; "), theme.Warn, env))
	}
	if n := len(r.Affected); n > 0 {
		lines = append(lines, evidenceLine(0, "affected", affectedText(r.Affected, 8), theme.Muted, env))
	}
	return lines
}

func head[T any](list []T, most int) []T { return list[:min(len(list), most)] }

// evidenceLine is one fact: how long ago, from where, what. Its texts begin at
// paneHanging.
func evidenceLine(at int64, source, text string, tone theme.Tone, env *Env) textview.Line {
	age := ""
	if at != 0 {
		age = field.Age(max(0, env.Now.Unix()-at))
	}
	return paneLine(age, source, text, tone)
}

func paneLine(first, source, text string, tone theme.Tone) textview.Line {
	return textview.Line{
		{Text: fmt.Sprintf("  %5s  ", first), Tone: theme.Muted},
		{Text: fmt.Sprintf("%-10s", source), Tone: theme.Muted},
		{Text: text, Tone: tone},
	}
}

// evidenceText is a fact with the name of what it is of, where its words do not
// have it.
func evidenceText(e triage.Evidence) string {
	text := e.Text
	if e.Count > 1 {
		text += fmt.Sprintf(" (%d times)", e.Count)
	}
	if e.On.Name != "" && !strings.Contains(text, e.On.Name) {
		text = e.On.String() + ": " + text
	}
	return text
}

func changeText(c triage.Alteration) string {
	text := c.String()
	if c.On.Name != "" && !strings.Contains(text, c.On.Name) {
		text = c.On.String() + ": " + text
	}
	return text
}

// affectedText names the first of what is affected, and how many more there are.
func affectedText(refs []kube.Ref, most int) string {
	var words []string
	for _, r := range head(refs, most) {
		words = append(words, r.String())
	}
	text := strings.Join(words, ", ")
	if more := len(refs) - len(words); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// ago is how long ago something was, in words.
func (s *Session) ago(at time.Time) string {
	return field.Age(int64(s.Now().Sub(at).Seconds())) + " ago"
}

// nothingWrong says what was checked where there is no incident, and what could
// not be.
func (s *Session) nothingWrong(problem string) []textview.Line {
	w := s.watched()
	if w == nil || w.report.Load() == nil {
		return textview.FromText("looking for what is wrong", theme.Muted)
	}
	r := w.report.Load()
	if len(r.Checked) == 0 {
		lines := textview.FromText("it is not known whether something is wrong: nothing could be read", theme.Warn)
		return append(lines, textview.FromText(problem, theme.Warn)...)
	}
	where := "in the cluster"
	if s.Namespace != "" {
		where = "in namespace " + s.Namespace
	}
	since, lost := w.lost()
	var lines []textview.Line
	hidden := 0
	for _, i := range r.Incidents {
		if s.dismissals.has(s, i) {
			hidden++
		}
	}
	switch {
	case hidden > 0:
		lines = append(lines, textview.Line{{
			Text: fmt.Sprintf("nothing else is wrong %s: %s (%s)", where, counted(hidden, "incident is dismissed", "incidents are dismissed"), s.Keys.Label(keymap.TriageDismissed)),
			Tone: theme.Text,
		}})
	case lost:
		lines = append(lines, textview.Line{{
			Text: fmt.Sprintf("nothing was wrong %s %s; what happened since is not known", where, s.ago(since)), Tone: theme.Warn,
		}})
	case len(r.NotRead) > 0:
		lines = append(lines, textview.Line{{Text: "nothing is wrong " + where + " as far as could be read", Tone: theme.Text}})
	default:
		lines = append(lines, textview.Line{{Text: "nothing is wrong " + where, Tone: theme.OK}})
	}
	if lost {
		lines = append(lines, textview.FromText(problem, theme.Warn)...)
	}
	lines = append(lines, notReadLines(r.NotRead)...)
	lines = append(lines, textview.Line{}, textview.Line{{Text: "checked:", Tone: theme.Muted}})
	seen := map[string]bool{}
	for _, c := range r.Checked {
		if !seen[c.Rule.Checks] {
			seen[c.Rule.Checks] = true
			lines = append(lines, textview.Line{{Text: "  " + c.Rule.Checks, Tone: theme.Muted}})
		}
	}
	return lines
}

// notReadLines say what could not be read, by reason, and what was not checked for
// that.
func notReadLines(missing []triage.NotRead) []textview.Line {
	var reasons, rules []string
	resources := map[string][]string{}
	for _, n := range missing {
		why := n.Why()
		if n.Status.Phase == store.Failed && n.Status.Err != nil {
			why = Cause(n.Status.Err)
		}
		if _, cause, ok := strings.Cut(why, ": "); ok && strings.HasPrefix(why, "forbidden") && strings.HasSuffix(cause, string(n.Resource)) {
			why = "forbidden" // the resource is named beside it
		}
		if len(resources[why]) == 0 {
			reasons = append(reasons, why)
		}
		resources[why] = append(resources[why], string(n.Resource))
		for _, id := range n.Rules {
			if !slices.Contains(rules, id) {
				rules = append(rules, id)
			}
		}
	}
	var lines []textview.Line
	for _, why := range reasons {
		lines = append(lines, textview.Line{{Text: "not read, " + why + ": " + strings.Join(resources[why], ", "), Tone: theme.Warn}})
	}
	if len(rules) > 0 {
		lines = append(lines, textview.Line{{Text: "so not checked: " + strings.Join(rules, ", "), Tone: theme.Warn}})
	}
	return lines
}
