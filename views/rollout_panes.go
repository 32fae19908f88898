package views

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube/field"
	"quarterdeck/kube/object"
	"quarterdeck/kube/rollout"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// rolloutPod is a pod of a rollout, as a row.
type rolloutPod struct {
	rollout.Pod
	group *rollout.PodGroup
}

// podRows are the pods of all revisions, the newest first; those of a StatefulSet
// by ordinal.
func podRows(d *rollout.Detail) rows[*rolloutPod] {
	var list []*rolloutPod
	for i := range d.Groups {
		g := &d.Groups[i]
		for _, p := range g.Pods {
			list = append(list, &rolloutPod{Pod: p, group: g})
		}
	}
	return rows[*rolloutPod]{items: list, total: len(list)}
}

func rolloutPodColumns() []Column[*rolloutPod] {
	return []Column[*rolloutPod]{
		nameColumn[*rolloutPod]().flex(1, 20).titled("NAME"),
		{
			ID: "rev", Title: "REV", Kind: field.Number, Align: cell.Right,
			Value: func(p *rolloutPod, _ *Env) field.Value { return revisionNumber(p.group.Revision) },
		},
		{
			ID: "stage", Title: "STAGE", Kind: field.Text, Min: 11,
			Value: func(p *rolloutPod, _ *Env) field.Value { return field.Of(p.Stage.String()) },
			Tone:  func(p *rolloutPod, _ *Env) theme.Tone { return stageTone(p.Stage) },
		},
		text("why", func(p *rolloutPod) string { return p.Why }).titled("WHY").flex(2, 16),
		{ID: "restarts", Title: "RESTARTS", Kind: field.Number, Align: cell.Right, Value: func(p *rolloutPod, e *Env) field.Value { return podRestarts(p.Pod.Pod, e) }},
		text("node", func(p *rolloutPod) string { return p.Node }).titled("NODE").middle(8, 20),
		ageColumn[*rolloutPod]().titled("AGE"),
	}
}

func stageTone(s rollout.Stage) theme.Tone {
	switch s {
	case rollout.StageFailed:
		return theme.Error
	case rollout.StageAvailable:
		return theme.Text
	case rollout.StageTerminating:
		return theme.Muted
	case rollout.StagePending, rollout.StageNotReady:
		return theme.Warn
	case rollout.StageScheduled, rollout.StagePulling, rollout.StageStarting, rollout.StageReady:
	}
	return theme.Busy
}

// eventRows are events, as rows.
type eventRows struct{ events []*object.Event }

func (r eventRows) Len() int               { return len(r.events) }
func (r eventRows) At(i int) *object.Event { return r.events[i] }
func (r eventRows) Key(i int) string       { return string(r.events[i].Meta.UID) }

func rolloutEventColumns() []Column[*object.Event] {
	return []Column[*object.Event]{
		since("name", func(e *object.Event) int64 { return e.Last }).titled("LAST"),
		text("reason", func(e *object.Event) string { return e.Reason }).titled("REASON").between(8, 20).toned(
			func(e *object.Event, _ *Env) theme.Tone {
				if e.Type == "Warning" {
					return theme.Warn
				}
				return theme.Text
			}),
		text("object", func(e *object.Event) string { return shortKind(e.Kind) + "/" + e.About }).titled("OBJECT").middle(12, 32),
		count("count", func(e *object.Event) int64 { return int64(e.Count) }).titled("COUNT"),
		text("message", func(e *object.Event) string { return strings.TrimSpace(e.Message) }).titled("MESSAGE").flex(3, 20),
	}
}

// everything is all that is known of what holds the rollout and what bears on it.
func (p *rolloutPage) everything() []textview.Line {
	d := &p.detail
	var lines []textview.Line
	add := func(line ...textview.Span) { lines = append(lines, line) }
	for i := range d.Blockers {
		b := &d.Blockers[i]
		add(blockerSpan(b), textview.Span{Text: b.Words})
		if b.Pod != "" {
			words := "pod/" + b.Pod
			if b.Pods > 1 {
				words += " and " + strconv.Itoa(b.Pods-1) + " more"
			}
			add(textview.Span{Text: "         " + words, Tone: theme.Muted})
		}
		for j := range b.Evidence {
			add(p.evidence(&b.Evidence[j])...)
		}
	}
	if len(d.Blockers) == 0 {
		add(textview.Span{Text: "nothing is known to hold this rollout", Tone: theme.Muted})
	}
	add()
	s, b := d.Status, &d.Budget
	lines = append(lines, fact("strategy", p.rules(true), theme.Text))
	if s.Deadline != 0 {
		lines = append(lines, fact("deadline", shortTime(s.Deadline), theme.Text))
	}
	if b.SurgeAs != "" || b.AsGiven != "" {
		lines = append(lines, fact("budget now", p.spare(), theme.Text))
	}
	if d.Missing > 0 {
		lines = append(lines, fact("nodes", countOf(int(d.Missing), "node")+" without a pod that should have one", theme.Warn))
	}
	if s.Cause != "" {
		lines = append(lines, fact("cause", s.Cause, theme.Text))
	}
	if s.Started.Source != "" {
		lines = append(lines, fact("started", shortTime(s.Started.At)+", as "+s.Started.Source+" has it", theme.Text))
	}
	for i, image := range s.Images {
		name := ""
		if i == 0 {
			name = "images"
		}
		lines = append(lines, fact(name, image, theme.Text))
	}
	for i := range d.Services {
		lines = append(lines, serviceLine(&d.Services[i]))
	}
	if len(d.Services) == 0 {
		gap := p.gap("services")
		if gap == "" {
			gap = "no service selects its pods"
		}
		lines = append(lines, fact("services", gap, theme.Muted))
	}
	for _, n := range d.Notes {
		lines = append(lines, fact("note", n, theme.Text))
	}
	for _, g := range d.Gaps {
		if !isKnown(g) {
			lines = append(lines, textview.Line{{Text: p.gapWords(g), Tone: theme.Warn}})
		}
	}
	return lines
}

// spare says how much of its budget the rollout has left.
func (p *rolloutPage) spare() string {
	b, c := &p.detail.Budget, &p.detail.Status.Counts
	return countOf(int(c.Total), "pod") + " of " + strconv.Itoa(int(b.Most)) + " there may be, " +
		strconv.Itoa(int(c.Available)) + " available of " + strconv.Itoa(int(b.Least)) + " there must be"
}

// mover is a table, whatever its rows.
type mover interface {
	Up()
	Down()
	PageUp()
	PageDown()
	Home()
	End()
	Left()
	Right()
}

// Move moves the cursor of the pane, or its text.
func (p *rolloutPage) Move(id keymap.ActionID) {
	var m mover
	switch p.pane {
	case paneRevisions:
		m = p.revs
	case panePods:
		m = p.pods
	case paneEvents:
		m = p.events
	default:
		p.why.Move(id)
		return
	}
	moveIn(m, id)
	p.moved.Send()
}

// moveIn does a movement in a table.
func moveIn(m mover, id keymap.ActionID) {
	switch id {
	case keymap.MoveUp:
		m.Up()
	case keymap.MoveDown:
		m.Down()
	case keymap.MovePageUp:
		m.PageUp()
	case keymap.MovePageDown:
		m.PageDown()
	case keymap.MoveTop:
		m.Home()
	case keymap.MoveBottom:
		m.End()
	case keymap.MoveLeft:
		m.Left()
	case keymap.MoveRight:
		m.Right()
	}
}

// Click selects the row on a line, and opens it if it was selected.
func (p *rolloutPage) Click(line int) tea.Msg {
	line -= p.top + 1 // and the rule above the pane
	key, selected := "", false
	switch p.pane {
	case paneRevisions:
		key = p.revs.SelectedKey()
		selected = p.revs.SelectLine(line) && p.revs.SelectedKey() == key
	case panePods:
		key = p.pods.SelectedKey()
		selected = p.pods.SelectLine(line) && p.pods.SelectedKey() == key
	case paneEvents:
		key = p.events.SelectedKey()
		selected = p.events.SelectLine(line) && p.events.SelectedKey() == key
	default:
	}
	if selected {
		return p.enter()
	}
	p.moved.Send()
	return nil
}

func paneTitle(pane rolloutPane) string {
	return [...]string{"revisions", "pods", "events", "details"}[pane]
}

// paneCount is the title of a pane with how much is in it.
func (p *rolloutPage) paneCount(pane rolloutPane) string {
	n := 0
	switch pane {
	case paneRevisions:
		n = p.revs.Len()
	case panePods:
		n = p.pods.Len()
	case paneEvents:
		n = p.events.Len()
	default:
	}
	if n == 0 {
		return paneTitle(pane)
	}
	return fmt.Sprintf("%s %s", paneTitle(pane), thousands(n))
}
