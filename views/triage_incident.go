package views

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/logs"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// lineRow is one line about an incident: what can be done, a fact, a change,
// something that is affected.
type lineRow struct {
	store.Meta
	section int // in the order of the page
	place   int // within its section
	source  string
	at      int64
	text    string
	tone    theme.Tone
	on      kube.Ref       // the object that it is about, and where enter goes
	action  *triage.Action // what enter does instead
}

// The sections of an incident's page.
const (
	sectionDo = iota
	sectionWhy
	sectionChanged
	sectionEvent
	sectionAffected
	sectionNotRead
)

// incidentFrame is the place where everything about one incident is shown.
func incidentFrame(s *Session, i *triage.Incident) ui.Frame {
	p := &incidentPage{session: s, incident: i}
	f := p.resource().Frame(s, Scope{Title: "incident " + i.Root.String(), AllNamespaces: s.Namespace == ""})
	f.Place = "incident " + i.ID
	return f
}

// incidentPage makes the rows of an incident. It is followed as long as it
// lasts; afterwards the page shows what was known last and says that it is over.
type incidentPage struct {
	session *Session

	mu       sync.Mutex
	incident *triage.Incident // as it was last
	standing standing
}

// standing says whether what a page shows of an incident is still so.
type standing uint8

const (
	goesOn  standing = iota
	isOver           // nothing is wrong any more
	unknown          // what it was found by cannot be read any more
)

func (p *incidentPage) resource() *Resource[*lineRow] {
	return &Resource[*lineRow]{
		Kind: store.Kind[*lineRow]{GVR: kube.Local("incident"), Kind: "Line", Namespaced: true},
		Name: "incident", Rows: "incidents", Sort: "source",
		Columns: []Column[*lineRow]{
			{
				ID: "source", Kind: field.Text, Min: 9, Max: 10,
				Value: func(r *lineRow, _ *Env) field.Value { return field.Of(r.source) },
				Rank:  func(r *lineRow) int { return r.section<<20 + r.place },
				Tone:  func(*lineRow, *Env) theme.Tone { return theme.Muted },
			},
			since("ago", func(r *lineRow) int64 { return r.at }),
			{
				ID: "text", Title: "WHAT", Kind: field.Text, Min: 40, Flex: 1, Align: cell.Left,
				Value: func(r *lineRow, _ *Env) field.Value { return field.Of(r.text) },
				Tone:  func(r *lineRow, _ *Env) theme.Tone { return r.tone },
			},
			text("object", func(r *lineRow) string { return nameOf(r.on) }).middle(8, 28).wide(),
			text("namespace", func(r *lineRow) string { return r.on.Namespace }).wide(),
		},
		Banner: p.banner,
		Open:   func(*Session, Scope) source[*lineRow] { return newIncidentSource(p) },
		Enter:  func(_ *Session, r *lineRow) tea.Msg { return p.enter(r) },
		Ref:    func(r *lineRow) kube.Ref { return r.on },
		Own: func(s *Session, r *lineRow) []ui.Action {
			if !exists(r.on) {
				return noObject("this line is about no object that is there")
			}
			return s.actions(chosen{targets: []target{{Ref: r.on}}})
		},
		More: func(s *Session, _ chosen) []ui.Action {
			i, _ := p.now()
			return []ui.Action{s.reportAction(i), s.dismissAction(i), s.suspectsAction(i)}
		},
		First: []keymap.ActionID{keymap.GoOpen, keymap.TriageReport, keymap.TriageDismiss, keymap.ObjectDescribe, keymap.ListFilter},
		Pane: func(r *lineRow, _ any, _ *Env) []textview.Line {
			lines := []textview.Line{{{Text: " " + r.source, Tone: theme.Title}, {Text: "  " + nameOf(r.on), Tone: theme.Muted}}}
			return append(lines, textview.FromText("  "+r.text, r.tone)...)
		},
	}
}

func nameOf(r kube.Ref) string {
	if r.Name == "" {
		return ""
	}
	return r.String()
}

// exists reports whether a Ref names an object of the cluster that has been seen.
func exists(r kube.Ref) bool { return r.Name != "" && r.GVR.Group != kube.Local("").Group }

// noObject dims what is done to objects.
func noObject(why string) []ui.Action {
	var actions []ui.Action
	for _, id := range []keymap.ActionID{keymap.ObjectYAML, keymap.ObjectDescribe, keymap.ObjectEvents, keymap.ObjectExplain} {
		actions = append(actions, ui.Action{ID: id, Quiet: true, Disabled: why, Run: func() tea.Msg { return nil }})
	}
	return actions
}

// now returns the incident as it was last, and whether that is still so.
func (p *incidentPage) now() (*triage.Incident, standing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.incident, p.standing
}

// follow takes over what a report says of the incident.
func (p *incidentPage) follow(r *triage.Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range r.Incidents {
		if i.ID == p.incident.ID {
			p.incident, p.standing = i, goesOn
			return
		}
	}
	switch {
	case r.Over(p.incident):
		p.standing = isOver
	case !r.Loading:
		p.standing = unknown
	}
}

// banner says above the lines what is wrong and why.
func (p *incidentPage) banner() []textview.Line {
	i, standing := p.now()
	first := textview.Line{{Text: i.Severity.String(), Tone: severityTone(i.Severity)}, {Text: "  " + i.Title, Tone: theme.Title}, {Text: "  " + whereOf(i.Root), Tone: theme.Text}}
	lines := []textview.Line{first}
	switch standing {
	case goesOn:
	case isOver:
		lines = append(lines, textview.Line{{Text: "this is over: nothing is wrong with it any more; what follows is how it was", Tone: theme.OK}})
	case unknown:
		lines = append(lines, textview.Line{{Text: "it is not known whether this goes on: what it was found by cannot be read any more", Tone: theme.Warn}})
	}
	if i.Cause != "" {
		lines = append(lines, textview.Line{{Text: i.Cause, Tone: theme.Text}})
	}
	return lines
}

// enter does what a line proposes, or goes to what it is about.
func (p *incidentPage) enter(r *lineRow) tea.Msg {
	s := p.session
	switch {
	case r.action != nil:
		return s.perform(*r.action)
	case !exists(r.on):
		return ui.Toast(theme.Muted, "this line is about no object that is there")
	case r.source == triage.FromLog:
		return s.perform(triage.Action{Do: triage.ShowLogs, On: r.on})
	case r.source == triage.FromEvent:
		return ui.Push(eventsFrame(s, r.on))
	case r.section == sectionChanged && isRolling(r.on):
		return ui.Push(rolloutFrame(s, r.on))
	case r.section == sectionAffected:
		return ui.Push(describeFrame(s, r.on))
	}
	return ui.Push(yamlFrame(s, r.on))
}

// incidentSource makes the rows of an incident's page.
type incidentSource struct {
	page    *incidentPage
	watch   *triageWatch
	changed store.Signal
	end     context.CancelFunc
}

func newIncidentSource(p *incidentPage) *incidentSource {
	ctx, end := context.WithCancel(context.Background())
	src := &incidentSource{page: p, watch: p.session.triaging(), changed: store.NewSignal(), end: end}
	src.changed.Send()
	src.watch.changed.add(src.changed)
	p.session.inspections.listeners.add(src.changed)
	go src.inspect(ctx)
	return src
}

func (s *incidentSource) Changed() <-chan struct{} { return s.changed }
func (s *incidentSource) Status() store.Status     { return s.watch.status() }

// Close ends the reading.
func (s *incidentSource) Close() {
	s.end()
	s.watch.changed.remove(s.changed)
	s.page.session.inspections.listeners.remove(s.changed)
}

// inspect reads about the incident, again and again as long as it goes on and
// the server can be asked.
func (s *incidentSource) inspect(ctx context.Context) {
	defer utilruntime.HandleCrash()
	t := time.NewTicker(inspectEvery)
	defer t.Stop()
	for {
		if i, standing := s.page.now(); standing == goesOn {
			s.page.session.inspect(ctx, i)
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// Take returns all lines about the incident as it is now.
func (s *incidentSource) Take() (store.Delta[*lineRow], store.Status) {
	p := s.page
	if report := s.watch.report.Load(); report != nil {
		p.follow(report)
	}
	i, standing := p.now()
	lines := incidentLines(i, p.session.inspected(i))
	if standing == isOver { // there is nothing to do about it
		lines = slices.DeleteFunc(lines, func(r *lineRow) bool { return r.action != nil })
	}
	return store.Delta[*lineRow]{Reset: true, Added: lines}, s.Status()
}

// incidentLines are all lines about an incident; found may be nil.
func incidentLines(i *triage.Incident, found *triage.Inspection) []*lineRow {
	var rows []*lineRow
	count := map[string]int{}
	add := func(section int, r lineRow) {
		id := fmt.Sprint(section, " ", r.source, " ", r.on.String(), " ", r.text)
		count[id]++
		r.section, r.place = section, len(rows)
		r.Meta = store.Meta{UID: types.UID(fmt.Sprint(id, count[id])), Namespace: r.on.Namespace, Name: r.text, Created: r.at}
		rows = append(rows, &r)
	}
	for n := range i.Actions {
		a := &i.Actions[n]
		add(sectionDo, lineRow{source: a.Do.String(), text: a.Words, on: a.On, action: a, tone: theme.Text})
	}
	evidence := i.Evidence()
	if found != nil {
		evidence = found.All(i)
	}
	for _, e := range evidence {
		section := sectionWhy
		if e.Source == triage.FromEvent {
			section = sectionEvent
		}
		add(section, lineRow{source: e.Source, at: e.At, text: evidenceText(e), on: e.On, tone: theme.Text})
	}
	if found == nil {
		add(sectionChanged, lineRow{source: "", text: "reading events, logs and what changed", tone: theme.Busy})
	} else {
		for _, c := range found.Changes {
			add(sectionChanged, lineRow{source: "changed", at: c.At, text: changeText(c), on: c.On, tone: theme.Text})
			for _, f := range c.Fields {
				if f.Was == f.Is {
					continue // both hidden
				}
				add(sectionChanged, lineRow{text: fmt.Sprintf("  %s %s → %s", f.Name, dash(f.Was), dash(f.Is)), on: c.On, tone: theme.Muted})
			}
		}
		for _, u := range found.NotRead {
			add(sectionNotRead, lineRow{source: "not read", text: u.String(), tone: theme.Warn})
		}
	}
	for _, r := range i.Affected {
		add(sectionAffected, lineRow{source: "affected", text: whereOf(r), on: r, tone: theme.Text})
	}
	return rows
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// incidentAction marks the target of what an incident proposes.
type incidentAction struct{}

// perform does what an incident proposes.
func (s *Session) perform(a triage.Action) tea.Msg {
	on := target{Ref: a.On, row: incidentAction{}}
	switch a.Do {
	case triage.ShowLogs:
		t := logTarget{ref: a.On, unread: true}
		t.pods.Container = a.Container
		if a.On.GVR.Resource == "pods" {
			t.unread = false
			t.pods = logs.Selection{
				Namespace: a.On.Namespace, Pod: a.On.Name, Container: a.Container,
				Match: func(p *object.Pod) bool { return a.On.UID == "" || p.UID == a.On.UID },
			}
		}
		return s.readLogs(t.title(), a.Previous, []logTarget{t})
	case triage.ShowRollout:
		return ui.Push(rolloutFrame(s, a.On))
	case triage.ShowEvents:
		return ui.Push(eventsFrame(s, a.On))
	case triage.ShowYAML:
		return ui.Push(yamlFrame(s, a.On))
	case triage.ShowHeadroom:
		return ui.Push(headroomList().Frame(s, Scope{}))
	case triage.WhatIf:
		return s.askWhatIf(s.whatIfRows(a.On))
	case triage.UndoRollout, triage.Resume, triage.Uncordon, triage.Scale, triage.Edit, triage.RunAgain, triage.Restart, triage.Delete, triage.Drain, triage.DropFinalizer:
	}
	return s.start(doing(a.Do), on)
}

// doing is the action whose key does what an incident proposes, "" where that
// differs.
func doing(d triage.Do) keymap.ActionID {
	switch d {
	case triage.UndoRollout:
		return keymap.RolloutUndo
	case triage.ShowLogs:
		return keymap.LogsOpen
	case triage.ShowRollout:
		return keymap.GoRollout
	case triage.ShowEvents:
		return keymap.ObjectEvents
	case triage.ShowYAML:
		return keymap.ObjectYAML
	case triage.Resume:
		return keymap.ObjectPause
	case triage.Uncordon:
		return keymap.NodeCordon
	case triage.Scale:
		return keymap.ObjectScale
	case triage.Edit:
		return keymap.ObjectEdit
	case triage.RunAgain:
		return keymap.ObjectRun
	case triage.Restart:
		return keymap.ObjectRestart
	case triage.Delete:
		return keymap.ObjectDelete
	case triage.Drain:
		return keymap.NodeDrain
	case triage.DropFinalizer:
		return keymap.ObjectFinalizer
	case triage.WhatIf, triage.ShowHeadroom:
	}
	return ""
}

// start begins a verb on an object, as its key would.
func (s *Session) start(id keymap.ActionID, on target) tea.Msg {
	for _, a := range s.actions(chosen{targets: []target{on}}) {
		if a.ID == id {
			if a.Disabled != "" {
				return ui.Toast(theme.Warn, a.Disabled)
			}
			return a.Run()
		}
	}
	return ui.Toast(theme.Warn, strings.TrimSpace("this cannot be done to "+on.String()))
}
