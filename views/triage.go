package views

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// incidentRow is one incident in a list.
type incidentRow struct {
	store.Meta
	*triage.Incident
	place     int // in the order of the report: the worst first
	dismissed bool
}

// triageList is the home view: what is wrong, the worst first.
func triageList() *Resource[*incidentRow] {
	return &Resource[*incidentRow]{
		Kind: store.Kind[*incidentRow]{GVR: kube.Local("incidents"), Kind: "Incident", Namespaced: true},
		Name: "triage", Rows: "incidents", Short: []string{"tr", "incidents"}, Primary: keymap.ViewTriage, Sort: "sev",
		Columns: []Column[*incidentRow]{
			{
				ID: "sev", Kind: field.Text, Words: []string{"info", "warn", "crit"},
				Value: func(r *incidentRow, _ *Env) field.Value { return field.Of(r.Severity.String()) },
				Rank:  func(r *incidentRow) int { return r.place },
				Tone:  func(r *incidentRow, _ *Env) theme.Tone { return severityTone(r.Severity) },
			},
			since("since", func(r *incidentRow) int64 { return r.Since }),
			text("what", incidentTitle).flex(3, 16),
			text("where", func(r *incidentRow) string { return whereOf(r.Root) }).flex(4, 20).inMiddle(),
			text("why", func(r *incidentRow) string { return r.Cause }).flex(6, 16),
			count("pods", func(r *incidentRow) int64 { return int64(r.Pods) }).wide(),
			count("workloads", func(r *incidentRow) int64 { return int64(r.Works) }).wide(),
			count("services", func(r *incidentRow) int64 { return int64(r.Services) }).wide(),
			text("rules", func(r *incidentRow) string { return strings.Join(r.Rules, " ") }).wide().flex(1, 8),
			text("namespace", func(r *incidentRow) string { return r.Root.Namespace }).wide(),
			text("kind", func(r *incidentRow) string { return shortKind(r.Root.Kind) }).wide(),
			text("name", func(r *incidentRow) string { return r.Root.Name }).wide(),
		},
		Tone: func(r *incidentRow) theme.Tone {
			if r.dismissed || r.Severity == triage.Info {
				return theme.Muted
			}
			return theme.Text
		},
		Open:  func(s *Session, _ Scope) source[*incidentRow] { return newTriageSource(s) },
		Enter: func(s *Session, r *incidentRow) tea.Msg { return ui.Push(incidentFrame(s, r.Incident)) },
		Ref:   func(r *incidentRow) kube.Ref { return r.Root },
		Study: func(s *Session, r *incidentRow) study { return s.inspecting(r.Incident) },
		Pane:  incidentPane,
		Empty: (*Session).nothingWrong,
		More: func(s *Session, sel chosen) []ui.Action {
			return s.incidentActions(sel)
		},
		Changes:     func(s *Session, r *incidentRow) ui.Action { return s.suspectsAction(r.Incident) },
		First:       []keymap.ActionID{keymap.GoOpen, keymap.GoRollout, keymap.RolloutUndo, keymap.LogsOpen, keymap.TriageDismiss, keymap.ListFilter},
		MayHavePods: true,
	}
}

// incidentTitle says what is wrong, and that the user did not want to see it.
func incidentTitle(r *incidentRow) string {
	if r.dismissed {
		return "(dismissed) " + r.Title
	}
	return r.Title
}

func severityTone(s triage.Severity) theme.Tone {
	switch s {
	case triage.Crit:
		return theme.Error
	case triage.Warn:
		return theme.Warn
	case triage.Info:
	}
	return theme.Muted
}

// whereOf names an object with its namespace, as short as it is unmistakable:
// "deploy payments/checkout".
func whereOf(r kube.Ref) string {
	kind := kube.ShortKind(r.GVR.GroupResource(), r.Kind)
	if r.Namespace == "" {
		return kind + " " + r.Name
	}
	return kind + " " + r.Namespace + "/" + r.Name
}

// triageSource makes rows of a watch.
type triageSource struct {
	watch   *triageWatch
	session *Session
	changed store.Signal
	end     context.CancelFunc

	rows map[string]*incidentRow // handed out last: those that are as they were are the same
}

func newTriageSource(s *Session) *triageSource {
	ctx, end := context.WithCancel(context.Background())
	src := &triageSource{watch: s.triaging(), session: s, changed: store.NewSignal(), end: end, rows: map[string]*incidentRow{}}
	src.changed.Send()
	src.watch.changed.add(src.changed)
	s.dismissals.listeners.add(src.changed)
	go src.remind(ctx)
	return src
}

// remind has the list look again now and then: what is read about the incident
// under the cursor gets old though the incident stays as it is.
func (s *triageSource) remind(ctx context.Context) {
	defer utilruntime.HandleCrash()
	t := time.NewTicker(inspectEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.changed.Send()
		case <-ctx.Done():
			return
		}
	}
}

func (s *triageSource) Changed() <-chan struct{} { return s.changed }
func (s *triageSource) Status() store.Status     { return s.watch.status() }

// Close ends the listening; the watch goes on.
func (s *triageSource) Close() {
	s.end()
	s.watch.changed.remove(s.changed)
	s.session.dismissals.listeners.remove(s.changed)
}

// Take returns all incidents, without those that were dismissed unless they are
// to be shown.
func (s *triageSource) Take() (store.Delta[*incidentRow], store.Status) {
	d := store.Delta[*incidentRow]{Reset: true}
	report := s.watch.report.Load()
	if report == nil {
		return d, s.Status()
	}
	rows := map[string]*incidentRow{}
	for place, i := range report.Incidents {
		dismissed := s.session.dismissals.has(s.session, i)
		r := s.rows[i.ID]
		if r == nil || r.Incident != i || r.place != place || r.dismissed != dismissed {
			r = &incidentRow{
				Meta:     store.Meta{UID: types.UID(i.ID), Namespace: i.Root.Namespace, Name: i.Root.Name, Created: i.Since},
				Incident: i, place: place, dismissed: dismissed,
			}
		}
		rows[i.ID] = r
		if !dismissed || s.session.dismissals.shown() {
			d.Added = append(d.Added, r)
		}
	}
	s.rows = rows
	return d, s.Status()
}
