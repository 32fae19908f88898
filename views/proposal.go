package views

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/guard"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// proposal is something about to be done. It is prepared and tried on the
// server while the user looks at it, and done when he says yes.
//
// Its fields belong to the goroutine of the screen; what takes time runs in Cmds
// whose results come back as messages.
type proposal struct {
	session *Session
	client  *action.Client
	verb    *verb
	title   string // "delete 3 pods"
	refs    []kube.Ref
	hidden  int // how many of them the filter hides
	prepare func(context.Context, kube.Ref) (action.Change, error)
	options []ui.Option
	intro   string // what makes it ask, "" if the user did
	// more is what else there is to see of the changes, nil for nothing.
	more func(refs []kube.Ref) []textview.Line
	// foresee is asked of the cluster when the server has answered: whether the
	// pods would fit. nil for nothing.
	foresee *foresight
	// follow is what happens with the yes, beside the changes, nil for nothing.
	follow tea.Msg
	// then is called in the background when the changes are made, with what would
	// be said of them, and returns what is said instead; nil changes nothing.
	then func(ctx context.Context, outcomes []action.Outcome, said tea.Msg) tea.Msg

	level guard.Level
	why   string // the level is what it is

	ctx    context.Context //nolint:containedctx // that of the questions asked while the dialog is open
	cancel context.CancelFunc
	round  int // of questions: an option that is turned asks anew

	prepared []action.Prepared // nil until they are
	answers  []error           // of the dry runs, by prepared; valid if tried
	tried    bool
	notes    []action.Note
}

type (
	preparedMsg struct {
		round    int
		prepared []action.Prepared
	}
	triedMsg struct {
		round   int
		answers []error
		notes   []action.Note
	}
)

// propose asks the user before the verb is done to the targets, or does it at
// once where nothing has to be asked.
func (s *Session) propose(p *proposal, sel chosen) tea.Msg {
	client, err := s.changer()
	if err != nil {
		return ui.Toast(theme.Error, Cause(err))
	}
	p.session, p.client, p.refs, p.hidden = s, client, sel.refs(), sel.hidden
	p.level, p.why = s.level(p.verb, sel.targets)
	if p.title == "" {
		p.title = s.verbTitle(p.verb, sel) + " " + countRefs(p.refs)
	}
	if p.level == guard.None {
		return p.make(nil)
	}
	d := &ui.Dialog{
		Title: p.title + "?", Tone: theme.Title, Yes: s.verbTitle(p.verb, sel),
		Lines: p.lines, Options: p.options, Blocked: p.blocked, Command: p.command,
		Load: p.ask(), Loaded: p.loaded,
		Accept: func() tea.Msg { return p.accept() },
		Cancel: func() tea.Msg { p.cancel(); return nil },
	}
	s.demand(d, p.level, p.refs)
	for i := range d.Options {
		changed := d.Options[i].Changed
		d.Options[i].Changed = func(value int) tea.Cmd {
			changed(value)
			return p.ask()
		}
	}
	return ui.Confirm(d)
}

// accept makes the changes that can be made.
func (p *proposal) accept() tea.Msg {
	made := p.make(p.fit())
	if p.follow == nil {
		return made
	}
	return tea.Batch(ui.Send(made), ui.Send(p.follow))
}

func (s *Session) verbTitle(v *verb, sel chosen) string {
	if v.Title != nil {
		return v.Title(sel)
	}
	b, _ := s.Keys.Binding(v.ID)
	return b.Title
}

// countRefs names objects: the one by its name, several by their number.
func countRefs(refs []kube.Ref) string {
	if len(refs) == 1 {
		return refs[0].String()
	}
	kinds := map[string]bool{}
	for _, r := range refs {
		kinds[r.Kind] = true
	}
	if len(kinds) == 1 {
		return fmt.Sprintf("%d %s", len(refs), refs[0].GVR.Resource)
	}
	return fmt.Sprintf("%d objects", len(refs))
}

// ask begins a new round of questions to the server.
func (p *proposal) ask() tea.Cmd {
	if p.cancel != nil {
		p.cancel()
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.round++
	p.prepared, p.tried, p.notes = nil, false, nil
	ctx, round, refs, prepare := p.ctx, p.round, p.refs, p.prepare
	return func() tea.Msg {
		ctx, cancel := p.session.Client.Call(ctx)
		defer cancel()
		return preparedMsg{round, action.Prepare(ctx, refs, prepare)}
	}
}

func (p *proposal) loaded(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case preparedMsg:
		if msg.round != p.round {
			return nil
		}
		p.prepared = msg.prepared
		return p.try()
	case triedMsg:
		if msg.round == p.round {
			p.answers, p.notes, p.tried = msg.answers, msg.notes, true
			return p.foresee.ask(p.ctx, p.session)
		}
	case foreseenMsg:
		p.foresee.take(msg)
	}
	return nil
}

// try asks the server what it would say, and looks around for what else would
// happen.
func (p *proposal) try() tea.Cmd {
	ctx, round, prepared := p.ctx, p.round, p.prepared
	return func() tea.Msg {
		ctx, cancel := p.session.Client.Call(ctx)
		defer cancel()
		var changes []action.Change
		for _, c := range prepared {
			if c.Err == nil {
				changes = append(changes, c.Change)
			}
		}
		msg := triedMsg{round: round, answers: make([]error, len(prepared))}
		notes := make(chan []action.Note, 1)
		go func() {
			defer utilruntime.HandleCrash()
			notes <- p.client.Check(ctx, changes)
		}()
		said := action.Try(ctx, changes)
		n := 0
		for i, c := range prepared {
			if c.Err == nil {
				msg.answers[i] = said[n]
				n++
			}
		}
		msg.notes = <-notes
		return msg
	}
}

// fit are the changes that can be made.
func (p *proposal) fit() []action.Change {
	var fit []action.Change
	for i, c := range p.prepared {
		if c.Err == nil && (!p.tried || p.answers[i] == nil || untriable(p.answers[i])) {
			fit = append(fit, c.Change)
		}
	}
	return fit
}

// untriable reports whether a dry run failed only because it was one: some
// admission webhooks take none.
func untriable(err error) bool {
	return strings.Contains(err.Error(), "does not support dry run")
}

func (p *proposal) blocked() string {
	switch {
	case p.prepared == nil:
		return "reading" + dots(p.session)
	case !p.tried:
		return "asking the server" + dots(p.session)
	case len(p.fit()) == 0:
		return "nothing that the server would take"
	}
	return ""
}

func dots(s *Session) string { return string(s.Theme.Glyphs.Ellipsis) }

func (p *proposal) command() string {
	commands := make([]string, 0, len(p.prepared))
	for _, c := range p.prepared {
		if c.Err == nil && c.Change.Kubectl != "" {
			commands = append(commands, c.Change.Kubectl)
		}
	}
	return strings.Join(commands, "\n")
}

// lines is the dialog: where, what becomes of each object, what else to know, and
// the command that does the same.
func (p *proposal) lines() []textview.Line {
	s := p.session
	lines := []textview.Line{s.place(p.refs)}
	if p.why != "" {
		lines = append(lines, textview.Line{{Text: p.why, Tone: theme.Warn}})
	}
	if p.hidden > 0 {
		lines = append(lines, textview.Line{{Text: fmt.Sprintf("%d of them are marked but hidden by the filter", p.hidden), Tone: theme.Warn}})
	}
	if p.intro != "" {
		lines = append(lines, textview.Line{{Text: p.intro}})
	}
	lines = append(lines, textview.Line{})
	width, namespaces := 0, namespacesOf(p.refs)
	name := func(r kube.Ref) string {
		if len(namespaces) > 1 {
			return r.Namespace + "/" + r.String()
		}
		return r.String()
	}
	for _, r := range p.refs {
		width = max(width, min(40, cell.Width(name(r))))
	}
	for i, r := range p.refs {
		line := textview.Line{{Text: cell.Pad(cell.Middle(name(r), width), width, cell.Left) + "  ", Tone: theme.Title}}
		switch {
		case p.prepared == nil:
		case p.prepared[i].Err != nil:
			line = append(line, textview.Span{Text: "not possible: " + Cause(p.prepared[i].Err), Tone: theme.Error})
		default:
			if p.more == nil || len(p.refs) > 1 {
				line = append(line, textview.Span{Text: p.prepared[i].Change.Summary + "  "})
			}
			switch {
			case !p.tried:
				line = append(line, textview.Span{Text: "asking" + dots(s), Tone: theme.Busy})
			case p.answers[i] == nil:
				line = append(line, textview.Span{Text: "the server would accept it", Tone: theme.Muted})
			case untriable(p.answers[i]):
				line = append(line, textview.Span{Text: "not tried: " + Cause(p.answers[i]), Tone: theme.Warn})
			default:
				line = append(line, textview.Span{Text: "refused: " + Cause(p.answers[i]), Tone: theme.Error})
			}
		}
		lines = append(lines, line)
	}
	if p.more != nil {
		lines = append(lines, p.more(p.refs)...)
	}
	if p.tried && len(p.notes) > 0 {
		lines = append(lines, textview.Line{})
		for _, n := range p.notes {
			lines = append(lines, noteLine(n))
		}
	}
	if p.tried {
		lines = append(lines, p.foresee.lines(s)...)
	}
	if command := p.command(); command != "" {
		first, rest, more := strings.Cut(command, "\n")
		lines = append(lines, textview.Line{}, textview.Line{{Text: "$ " + first, Tone: theme.Muted}})
		if more {
			lines = append(lines, textview.Line{{Text: fmt.Sprintf("  and %d more", strings.Count(rest, "\n")+1), Tone: theme.Muted}})
		}
	}
	return lines
}

func noteLine(n action.Note) textview.Line {
	switch n.Weight {
	case action.Block:
		return textview.Line{{Text: "blocked  ", Tone: theme.Error}, {Text: n.Text}}
	case action.Warn:
		return textview.Line{{Text: "warning  ", Tone: theme.Warn}, {Text: n.Text}}
	}
	return textview.Line{{Text: "note     ", Tone: theme.Muted}, {Text: n.Text, Tone: theme.Muted}}
}

func namespacesOf(refs []kube.Ref) []string {
	var names []string
	for _, r := range refs {
		if !slices.Contains(names, r.Namespace) {
			names = append(names, r.Namespace)
		}
	}
	return names
}

// place names the context, and the namespaces of objects.
func (s *Session) place(refs []kube.Ref) textview.Line {
	style := s.Settings.Context(s.Client.Context)
	line := textview.Line{{Text: "context ", Tone: theme.Muted}, {Text: s.Client.Context, Tone: style.Tone}}
	if style.Protected {
		line[1].Tone = theme.Protected
		line = append(line, textview.Span{Text: " protected", Tone: theme.Warn})
	}
	names := namespacesOf(refs)
	switch {
	case len(names) == 1 && names[0] == "":
		return append(line, textview.Span{Text: "   the whole cluster", Tone: theme.Muted})
	case len(names) == 1:
		return append(line, textview.Span{Text: "   namespace ", Tone: theme.Muted}, textview.Span{Text: names[0], Tone: theme.Title})
	}
	return append(line, textview.Span{Text: fmt.Sprintf("   %d namespaces: ", len(names)), Tone: theme.Muted}, textview.Span{Text: strings.Join(names, ", "), Tone: theme.Title})
}

// make makes the changes in the background; nil changes are prepared first.
func (p *proposal) make(changes []action.Change) tea.Msg {
	s := p.session
	refs, prepare := p.refs, p.prepare
	approval := guard.Approval{Level: p.level, Objects: len(p.refs)}
	if p.cancel != nil {
		p.cancel()
	}
	return ui.Start(ui.Task{Title: p.title, Run: func(ctx context.Context, progress func(string)) tea.Msg {
		ctx = guard.Approve(ctx, approval)
		var outcomes []action.Outcome
		if changes == nil {
			for _, c := range action.Prepare(ctx, refs, prepare) {
				if c.Err != nil {
					outcomes = append(outcomes, action.Outcome{Change: action.Change{Ref: c.Ref}, Err: c.Err})
					continue
				}
				changes = append(changes, c.Change)
			}
		}
		done := 0
		action.Make(ctx, changes, func(_ int, o action.Outcome) {
			done++
			outcomes = append(outcomes, o)
			s.record(o)
			progress(fmt.Sprintf("%d of %d", done, len(changes)))
		})
		s.remember(outcomes)
		said := s.report(p.title, outcomes, len(refs)-len(outcomes))
		if p.then != nil {
			return p.then(ctx, outcomes, said)
		}
		return said
	}})
}

// report says in a line what became of the changes. left is how many objects
// were left out because the server had refused a dry run.
func (s *Session) report(title string, outcomes []action.Outcome, left int) tea.Msg {
	var failed []action.Outcome
	undoable := false
	for _, o := range outcomes {
		if o.Err != nil {
			failed = append(failed, o)
		} else {
			undoable = undoable || o.Change.Undoable && o.Change.Undoes == 0
		}
	}
	switch {
	case len(outcomes) == 1 && len(failed) == 1:
		tone := theme.Error
		if errors.Is(failed[0].Err, action.ErrNothingToDo) {
			tone = theme.Warn
		}
		return ui.Toast(tone, "not done: "+Cause(failed[0].Err))
	case len(failed) > 0:
		return ui.Toast(theme.Error, fmt.Sprintf("%s: %d done, %d not: %s; :journal has all", title, len(outcomes)-len(failed), len(failed)+left, Cause(failed[0].Err)))
	case left > 0:
		return ui.Toast(theme.Warn, fmt.Sprintf("%s: %d done, %d left out, which the server had refused", title, len(outcomes), left))
	}
	text := "done: " + title
	if len(outcomes) == 1 {
		o := outcomes[0]
		text = fmt.Sprintf("done: %s: %s", o.Change.Ref, o.Change.Summary)
		if o.Said != "" {
			text += " (" + o.Said + ")"
		}
	}
	if undoable {
		text += ", " + s.Keys.Label("action.undo") + " undoes it"
	}
	return ui.Toast(theme.OK, text)
}
