package views

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/changes"
	"quarterdeck/kube/field"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// changedRow is one change in a list, or, unfolded below it, one that followed
// from it.
type changedRow struct {
	store.Meta
	*changes.Entry
	head *changes.Head // of the burst, for its row
	mark *incidentMark // that the row is, nil for a change

	root *changedRow // itself, unless it is unfolded below another
	rank int         // place below the root
}

// changesList is the view of what was changed, the newest first.
func changesList() *Resource[*changedRow] { return changesResource(kube.Ref{}) }

// changesResource lists the changes of an object and of what belongs to it, or all
// if of has no name.
func changesResource(of kube.Ref) *Resource[*changedRow] {
	var shown atomic.Pointer[changesSource]
	r := &Resource[*changedRow]{
		Kind: store.Kind[*changedRow]{GVR: kube.Local("changes"), Kind: "Change", Namespaced: true},
		Name: "changes", Short: []string{"ch", "timeline"}, Sort: "ago", Primary: keymap.ViewChanges,
		Columns: []Column[*changedRow]{
			{
				ID: "ago", Kind: field.Since, Align: cell.Right,
				Value: func(r *changedRow, _ *Env) field.Value { return field.SinceUnix(r.At) },
			},
			text("how", (*changedRow).how).toned(certaintyTone),
			text("what", (*changedRow).what).flex(5, 24),
			text("where", func(r *changedRow) string { return whereOf(r.On) }).flex(3, 20).inMiddle(),
			text("by", (*changedRow).by).middle(10, 26).toned(byTone),
			text("namespace", func(r *changedRow) string { return r.On.Namespace }).wide(),
			text("kind", func(r *changedRow) string { return shortKind(r.On.Kind) }).wide(),
			text("name", func(r *changedRow) string { return r.On.Name }).wide(),
			text("of", func(r *changedRow) string { return whereOf(r.Of) }).wide(),
			text("rev", func(r *changedRow) string { return r.Revision }).wide(),
			text("source", func(r *changedRow) string { return string(r.Source) }).wide(),
		},
		Tone: (*changedRow).tone,
		Open: func(s *Session, scope Scope) source[*changedRow] {
			src := newChangesSource(s, scope, of)
			shown.Store(src)
			return src
		},
		Banner: func() []textview.Line {
			if src := shown.Load(); src != nil {
				return recordedLines(src.recording.Report())
			}
			return nil
		},
		Enter:       func(s *Session, r *changedRow) tea.Msg { return ui.Push(r.frame(s)) },
		Ref:         func(r *changedRow) kube.Ref { return r.On },
		Root:        func(r *changedRow) (*changedRow, int) { return r.root, r.rank },
		Pane:        func(r *changedRow, _ any, env *Env) []textview.Line { return r.lines(env) },
		Empty:       changesEmpty,
		First:       []keymap.ActionID{keymap.GoOpen, keymap.TreeToggle, keymap.GoRollout, keymap.ListFilter},
		MayHavePods: true,
	}
	if of.Name != "" {
		r.Primary = ""
	}
	return r
}

// changesAction shows what was changed of an object.
func (s *Session) changesAction(ref kube.Ref) ui.Action {
	return ui.Action{ID: keymap.GoChanges, Quiet: true, Run: func() tea.Msg {
		return ui.Push(changesResource(ref).Frame(s, Scope{Title: "changes " + ref.String()}))
	}}
}

// tone has what Kubernetes does of itself stand back, and incidents stand out.
func (r *changedRow) tone() theme.Tone {
	switch {
	case r.mark != nil:
		return r.mark.tone()
	case r.Echo():
		return theme.Muted
	}
	return theme.Text
}

// frame is where all that is known of a row is shown.
func (r *changedRow) frame(s *Session) ui.Frame {
	if r.mark != nil {
		return incidentFrame(s, r.mark.Incident)
	}
	return changeFrame(s, r.Entry)
}

// lines are what the pane says of a row.
func (r *changedRow) lines(env *Env) []textview.Line {
	if r.mark != nil {
		return r.mark.lines(env)
	}
	return append(changeHead(r.Entry, env.Now), changeFields(r.Entry)...)
}

func (r *changedRow) how() string {
	if r.mark != nil {
		return r.mark.word()
	}
	return r.Certainty()
}

func (r *changedRow) by() string {
	if r.mark != nil {
		return "triage"
	}
	return madeBy(r.Entry)
}

func (r *changedRow) what() string {
	if r.root != r {
		return "  " + r.What()
	}
	words := r.What()
	if r.head != nil {
		words += r.head.Words()
	}
	return words
}

// madeBy names who made a change as far as anybody keeps that.
func madeBy(e *changes.Entry) string {
	if e.Manager == "" {
		return "not kept"
	}
	return e.Manager
}

func byTone(r *changedRow, _ *Env) theme.Tone {
	if r.Manager == "" {
		return theme.Muted
	}
	return r.tone()
}

func certaintyTone(r *changedRow, _ *Env) theme.Tone {
	if r.mark != nil {
		return r.mark.tone()
	}
	if r.Exact {
		return theme.OK
	}
	return theme.Muted
}

// changesEmpty says why no change is shown.
func changesEmpty(_ *Session, problem string) []textview.Line {
	words := "no change is known: nothing that was read keeps a trace of one"
	if problem != "" {
		words = "it is not known what was changed: " + problem
	}
	return []textview.Line{{{Text: words, Tone: theme.Muted}}}
}

// changeHead says in a few lines what a change is.
func changeHead(e *changes.Entry, now time.Time) []textview.Line {
	seen := "seen as it happened"
	if !e.Exact {
		seen = "inferred from " + sourceWords(e.Source)
	}
	lines := []textview.Line{
		{{Text: whereOf(e.On), Tone: theme.Title}, {Text: "  " + e.What(), Tone: theme.Text}},
		fact("at", when(e.At, now)+", "+seen, theme.Text),
		fact("by", madeBy(e), theme.Text),
	}
	if e.Of.Name != e.On.Name || e.Of.Kind != e.On.Kind {
		lines = append(lines, fact("part of", whereOf(e.Of), theme.Text))
	}
	if e.Burst != e.ID && e.Burst != "" {
		lines = append(lines, fact("follows", "a change of "+whereOf(e.Of), theme.Text))
	}
	return lines
}

// when names a time, in seconds since 1970, and says how long ago it was.
func when(at int64, now time.Time) string {
	return time.Unix(at, 0).Format(time.DateTime) + ", " + field.Age(max(0, now.Unix()-at)) + " ago"
}

func sourceWords(s changes.Source) string {
	switch s {
	case changes.FromManaged:
		return "managedFields, which keep who wrote what last and no old values"
	case changes.FromRevision:
		return "the revisions that are kept of the workload"
	case changes.FromContainer:
		return "what the kubelet keeps of how the container ended"
	case changes.FromCondition:
		return "when the condition turned"
	case changes.FromStatus:
		return "the times that its controller notes"
	case changes.FromEvent:
		return "an event"
	case changes.FromHelm:
		return "the labels of Helm's release record"
	case changes.FromSync:
		return "what its controller keeps of what it brought about"
	case changes.FromWatch:
	}
	return string(s)
}

// changeFields are the fields of a change, with old and new values where they are
// known.
func changeFields(e *changes.Entry) []textview.Line {
	var lines []textview.Line
	if e.Some {
		lines = append(lines, textview.Line{{Text: "some of these were written; which, and what they were, the server does not keep", Tone: theme.Muted}})
	} else if len(e.Fields) > 0 && !e.Fields[0].Known {
		lines = append(lines, textview.Line{{Text: "what they were the server does not keep", Tone: theme.Muted}})
	}
	for _, l := range e.Diff() {
		tone := theme.Field
		switch {
		case strings.HasPrefix(l, "- "):
			tone = theme.Removed
		case strings.HasPrefix(l, "+ "):
			tone = theme.Added
		}
		lines = append(lines, textview.Line{{Text: l, Tone: tone}})
	}
	return lines
}

// runsAgain reports whether the key of changes means another thing on an object:
// to run it.
func runsAgain(ref kube.Ref) bool {
	return slices.Contains(resources("jobs.batch", "cronjobs.batch"), ref.GVR.GroupResource())
}
