package views

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/apply"
	"quarterdeck/kube/guard"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// applyProposal is a set that is asked about. Its fields belong to the goroutine
// of the screen.
type applyProposal struct {
	*applying
	rows   []*applyRow // those of now
	refs   []kube.Ref  // of what can be applied
	level  guard.Level
	why    string // the level is what it is
	force  bool   // take over the fields that others own
	client *apply.Client

	cancel context.CancelFunc // of the question that is under way
	asked  bool
	notes  []action.Note
}

type applyNotesMsg struct{ notes []action.Note }

// propose asks before the set is applied.
func (a *applying) propose() tea.Msg {
	client, err := a.session.applier()
	if err != nil {
		return ui.Toast(theme.Error, Cause(err))
	}
	sel := a.fit()
	p := &applyProposal{applying: a, client: client, refs: sel.refs()}
	a.mu.Lock()
	p.rows = a.rows
	a.mu.Unlock()
	p.level, p.why = a.session.level(a.verb, sel.targets)
	d := &ui.Dialog{
		Title: fmt.Sprintf("apply %s of %s?", countRefs(p.refs), a.name()), Tone: theme.Title, Yes: "apply",
		Lines: p.lines, Blocked: p.blocked, Command: p.command,
		Load: p.ask(), Loaded: p.loaded,
		Accept: func() tea.Msg { p.cancel(); return p.run() },
		Cancel: func() tea.Msg { p.cancel(); return nil },
	}
	if p.conflicts() > 0 {
		d.Options = []ui.Option{{Title: "take over fields that others own", Values: []string{"no", "yes"}, Changed: func(value int) tea.Cmd {
			p.force = value == 1
			return nil
		}}}
	}
	a.session.demand(d, p.level, p.refs)
	return ui.Confirm(d)
}

// ask looks around for what will undo the changes.
func (p *applyProposal) ask() tea.Cmd {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	var refs []kube.Ref
	for _, r := range p.rows {
		if f := r.fate(); f == fateChange || f == fateConflict {
			refs = append(refs, r.step.Ref)
		}
	}
	return func() tea.Msg {
		ctx, cancel := p.session.Client.Call(ctx)
		defer cancel()
		return applyNotesMsg{p.session.notes(ctx, "apply", refs)}
	}
}

func (p *applyProposal) loaded(msg tea.Msg) tea.Cmd {
	if m, ok := msg.(applyNotesMsg); ok {
		p.notes, p.asked = m.notes, true
	}
	return nil
}

func (p *applyProposal) blocked() string {
	if !p.asked {
		return "looking for what would undo it" + dots(p.session)
	}
	return ""
}

func (p *applyProposal) command() string { return p.client.Kubectl(p.namespace, p.force, p.path) }

// conflicts counts the objects of which others own what would change.
func (p *applyProposal) conflicts() int {
	n := 0
	for _, r := range p.rows {
		if r.fate() == fateConflict {
			n++
		}
	}
	return n
}

// lines is the dialog: where, what becomes of each object, what else to know, and
// the command that does the same.
func (p *applyProposal) lines() []textview.Line {
	lines := []textview.Line{p.session.place(p.refs)}
	if p.why != "" {
		lines = append(lines, textview.Line{{Text: p.why, Tone: theme.Warn}})
	}
	lines = append(lines, textview.Line{})
	for _, n := range p.notes {
		lines = append(lines, noteLine(n))
	}
	if len(p.notes) > 0 {
		lines = append(lines, textview.Line{})
	}
	several := len(namespacesOf(p.refs)) > 1
	name := func(r *applyRow) string {
		if several && r.Namespace != "" {
			return r.Namespace + "/" + r.Name
		}
		return r.Name
	}
	width := 0
	for _, r := range p.rows {
		width = max(width, min(40, cell.Width(name(r))))
	}
	for _, r := range p.rows {
		f := r.fate()
		line := textview.Line{
			{Text: cell.Pad(f.String(), 12, cell.Left) + "  ", Tone: f.tone()},
			{Text: cell.Pad(cell.Middle(name(r), width), width, cell.Left), Tone: theme.Title},
		}
		detail := r.detail()
		switch {
		case f == fateConflict && p.force:
			detail = "takes over: " + ownedFields(r.step.Owners)
		case f == fateConflict:
			detail = "will fail, " + detail
		}
		if detail != "" {
			line = append(line, textview.Span{Text: "  " + detail, Tone: theme.Muted})
		}
		lines = append(lines, line)
	}
	return append(lines, textview.Line{}, textview.Line{{Text: "$ " + p.command(), Tone: theme.Muted}})
}

// run applies the set in the background.
func (p *applyProposal) run() tea.Msg {
	a, s, force := p.applying, p.session, p.force
	approval := guard.Approval{Level: p.level, Objects: len(p.refs)}
	steps, places := a.steps()
	a.change(func() { a.phase, a.done, a.total = applyRunning, 0, len(steps) })
	return ui.Start(ui.Task{Title: "apply " + a.name(), Run: func(ctx context.Context, progress func(string)) tea.Msg {
		p.client.Apply(guard.Approve(ctx, approval), steps, force, func(i int, r apply.Result) {
			progress(fmt.Sprintf("%d of %d", i+1, len(steps)))
			s.applied(r)
			a.change(func() {
				row := *a.rows[places[i]]
				row.result = &r
				rows := append([]*applyRow(nil), a.rows...) // who shows them has the old ones
				rows[places[i]] = &row
				a.rows, a.done = rows, i+1
			})
		})
		a.change(func() { a.phase = applyOver })
		return a.report()
	}})
}

// applied writes what became of a step into the journal, unless there was
// nothing to do.
func (s *Session) applied(r apply.Result) {
	if r.Step.Err != nil || r.Err == nil && r.Did == apply.Same {
		return
	}
	summary := fieldWords(r.Step.Fields(false))
	if r.Step.Verdict == apply.Create {
		summary = "create"
	}
	s.record(action.Outcome{
		Change: action.Change{Verb: "apply", Ref: r.Step.Ref, Summary: summary}, Err: r.Err, Began: r.Began, Took: r.Took,
	})
}

// report says in a line what became of the set.
func (a *applying) report() tea.Msg {
	a.mu.Lock()
	defer a.mu.Unlock()
	text := ""
	for _, span := range a.counts() {
		text += span.Text
	}
	if a.count[fateFailed]+a.count[fateImpossible] == 0 {
		return ui.Toast(theme.OK, "applied "+a.name()+": "+text)
	}
	for _, r := range a.rows {
		if r.fate() == fateFailed {
			text += "; " + r.detail()
			break
		}
	}
	return ui.Toast(theme.Error, "applied "+a.name()+": "+text)
}
