package views

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/changes"
	"quarterdeck/kube/field"
	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// suspectRow is a change that came shortly before an incident, or, unfolded below
// it, one that followed from it.
type suspectRow struct {
	changedRow
	suspect changes.Suspect
	place   int // among the suspects, the most likely first

	top *suspectRow // itself, unless it is unfolded below another
}

// because says in a word or two what ties a change to what failed.
func (r *suspectRow) because() string {
	if r.top != r {
		return ""
	}
	return r.suspect.Nearness.String()
}

// suspects shows what was changed shortly before an incident began, the most
// likely cause first.
type suspects struct {
	session   *Session
	recording *recording
	watch     *triageWatch
	folds     *folds
	changed   store.Signal
	end       context.CancelFunc

	mu       sync.Mutex
	incident *triage.Incident
	failure  changes.Failure
	read     *triage.Inspection // from which failure knows what is needed; nil before
	last     *changes.Entry     // before the suspects, if there are none
	rows     map[types.UID]bool
}

// suspectsAction opens the changes at the beginning of an incident.
func (s *Session) suspectsAction(i *triage.Incident) ui.Action {
	return ui.Action{ID: keymap.GoChanges, Quiet: true, Run: func() tea.Msg { return ui.Push(suspectsFrame(s, i)) }}
}

func suspectsFrame(s *Session, i *triage.Incident) ui.Frame {
	p := &suspects{session: s, incident: i, failure: changes.Failure{At: i.Since, Of: i.Root, With: i.Affected}}
	f := p.resource().Frame(s, Scope{Title: "changes before " + i.Root.String(), AllNamespaces: s.Namespace == ""})
	f.Place = "changes before incident " + i.ID
	return f
}

func (p *suspects) resource() *Resource[*suspectRow] {
	return &Resource[*suspectRow]{
		Kind: store.Kind[*suspectRow]{GVR: kube.Local("suspects"), Kind: "Change", Namespaced: true},
		Name: "suspects", Rows: "changes", Sort: "likely",
		Columns: []Column[*suspectRow]{
			{
				ID: "likely", Title: "NO", Kind: field.Number, Align: cell.Right,
				Value: func(r *suspectRow, _ *Env) field.Value {
					if r.top != r {
						return field.Value{}.WithText("")
					}
					return field.Int(r.place + 1)
				},
				Rank: func(r *suspectRow) int { return r.place },
			},
			{
				ID: "before", Kind: field.Text, Align: cell.Right,
				Value: func(r *suspectRow, _ *Env) field.Value { return field.Of(p.before(r)) },
				Rank:  func(r *suspectRow) int { return int(p.startsAt() - r.At) },
			},
			text("what", func(r *suspectRow) string { return r.what() }).flex(5, 20),
			text("where", func(r *suspectRow) string { return whereOf(r.On) }).flex(3, 16).inMiddle(),
			text("by", func(r *suspectRow) string { return madeBy(r.Entry) }).middle(10, 20),
			text("because", (*suspectRow).because).flex(1, 14),
			text("how", func(r *suspectRow) string { return r.Certainty() }).wide(),
			text("namespace", func(r *suspectRow) string { return r.On.Namespace }).wide(),
			text("kind", func(r *suspectRow) string { return shortKind(r.On.Kind) }).wide(),
			text("name", func(r *suspectRow) string { return r.On.Name }).wide(),
		},
		Tone: func(r *suspectRow) theme.Tone {
			if r.suspect.Own || r.top != r {
				return theme.Muted
			}
			return theme.Text
		},
		Banner: p.banner,
		Open:   func(s *Session, scope Scope) source[*suspectRow] { return p.open(s, scope) },
		Enter:  func(s *Session, r *suspectRow) tea.Msg { return ui.Push(changeFrame(s, r.Entry)) },
		Ref:    func(r *suspectRow) kube.Ref { return r.On },
		Root:   func(r *suspectRow) (*suspectRow, int) { return r.top, r.rank },
		Pane: func(r *suspectRow, _ any, env *Env) []textview.Line {
			lines := changeHead(r.Entry, env.Now)
			if r.suspect.Why != "" {
				lines = append(lines, fact("because", "it is a change "+r.suspect.Why+" the first failure", theme.Text))
			}
			return append(lines, changeFields(r.Entry)...)
		},
		Empty:       p.empty,
		First:       []keymap.ActionID{keymap.GoOpen, keymap.TreeToggle, keymap.GoRollout, keymap.RolloutUndo, keymap.ListFilter},
		MayHavePods: true,
	}
}

// startsAt is when the incident began.
func (p *suspects) startsAt() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failure.At
}

func (p *suspects) before(r *suspectRow) string { return field.Age(max(0, p.startsAt()-r.At)) }

// banner says above the rows what failed and when, and what of the causes is not
// known.
func (p *suspects) banner() []textview.Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.incident
	lines := []textview.Line{{
		{Text: i.Severity.String(), Tone: severityTone(i.Severity)}, {Text: "  " + i.Title, Tone: theme.Title}, {Text: "  " + whereOf(i.Root), Tone: theme.Text},
	}}
	minutes := fmt.Sprintf("%d minutes", int(changes.Leading/time.Minute))
	words := "first failure " + when(p.failure.At, p.session.Now()) + "; what came in the " + minutes + " before it, the most likely cause first"
	if p.failure.At == 0 {
		words = "when it began is not known: nobody can say what came before it"
	}
	lines = append(lines, textview.Line{{Text: words, Tone: theme.Muted}})
	switch {
	case p.read == nil:
		lines = append(lines, textview.Line{{Text: "reading what it needs", Tone: theme.Busy}})
	case len(p.read.NotRead) > 0:
		var missing []string
		for _, u := range p.read.NotRead {
			missing = append(missing, u.String())
		}
		lines = append(lines, textview.Line{{Text: "what it needs may not all be known: " + strings.Join(missing, "; "), Tone: theme.Warn}})
	}
	if recorded := recordedLines(p.recording.known()); len(recorded) > 1 {
		lines = append(lines, recorded[1:]...)
	}
	return lines
}

// empty says why there is nothing, and what came before.
func (p *suspects) empty(s *Session, problem string) []textview.Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	if problem != "" {
		return changesEmpty(s, problem)
	}
	words := "no change is known of the time before it"
	if p.last != nil {
		ago := field.Age(p.failure.At - p.last.At)
		words += "; the last one before that of what failed or what it needs: " + whereOf(p.last.On) + " " + p.last.What() + ", by " + madeBy(p.last) + ", " + ago + " before"
	}
	return textview.FromText(words, theme.Muted)
}

// open begins to rank.
func (p *suspects) open(s *Session, scope Scope) source[*suspectRow] {
	ctx, end := context.WithCancel(context.Background())
	p.mu.Lock()
	p.recording, p.watch, p.folds, p.changed, p.end = s.recordChanges(), s.triaging(), scope.folds, store.NewSignal(), end
	p.mu.Unlock()
	p.recording.Deepen()
	p.recording.Listen(p.changed)
	go p.study(ctx)
	return p
}

// study finds out what the incident needs and where it runs, again and again: it
// may grow.
func (p *suspects) study(ctx context.Context) {
	defer utilruntime.HandleCrash()
	t := time.NewTicker(inspectEvery)
	defer t.Stop()
	for {
		found := p.session.inspect(ctx, p.incident)
		p.watch.with(ctx, func(e *triage.Engine) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if r := p.watch.report.Load(); r != nil {
				for _, i := range r.Incidents {
					if i.ID == p.incident.ID {
						p.incident = i
					}
				}
			}
			p.failure, p.read = e.Failure(p.incident, found), found
		})
		p.changed.Send()
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// Changed implements source.
func (p *suspects) Changed() <-chan struct{} { return p.changed }

// Status implements source.
func (p *suspects) Status() store.Status { return p.recording.status() }

// Close ends the ranking; what is changed is recorded on.
func (p *suspects) Close() {
	p.end()
	p.recording.Forget(p.changed)
}

// Take returns a row for each suspect, and those of what followed for those that
// are unfolded.
func (p *suspects) Take() (store.Delta[*suspectRow], store.Status) {
	d := store.Delta[*suspectRow]{Reset: true}
	report := p.recording.Report()
	if report == nil {
		return d, p.Status()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows = map[types.UID]bool{}
	add := func(e *changes.Entry, head *changes.Head, top *suspectRow, place, rank int) *suspectRow {
		r := &suspectRow{place: place, top: top, changedRow: changedRow{
			Meta:  store.Meta{UID: types.UID(e.ID), Namespace: e.On.Namespace, Name: e.On.Name, Created: e.At, Owner: e.Owner},
			Entry: e, head: head, rank: rank,
		}}
		if top == nil {
			r.top, r.root = r, &r.changedRow
		}
		d.Added = append(d.Added, r)
		p.rows[r.UID] = true
		return r
	}
	if p.failure.At == 0 {
		return d, p.Status()
	}
	all := p.failure.Suspects(report.Entries)
	for place, suspect := range all {
		top := add(suspect.Entry, suspect.Head, nil, place, 0)
		top.suspect = suspect
		if p.folds != nil && p.folds.isOpen(top.UID) {
			for i, e := range suspect.Echoes {
				add(e, nil, top, place, i+1)
			}
		}
	}
	p.last = nil
	if len(all) == 0 {
		p.last = p.failure.Last(report.Entries)
	}
	return d, p.Status()
}

// Has reports whether a change is there, whether it is unfolded or not.
func (p *suspects) Has(uid types.UID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rows[uid]
}
