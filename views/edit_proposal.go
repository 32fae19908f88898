package views

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/apply"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/sanitize"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// editProposal is an edited text that is asked about: the server tries what it
// changes while the user looks at it.
//
// Its fields belong to the goroutine of the screen; what takes time runs in Cmds
// whose results come back as messages.
type editProposal struct {
	*draft
	text   string
	plan   *apply.Plan
	level  guard.Level
	why    string // the level is what it is
	force  bool   // take over the fields that others own
	dialog *ui.Dialog
	// What is shown of the plan, made once: lines are asked for with every frame.
	fields []apply.Field
	diff   []textview.Line

	ctx    context.Context //nolint:containedctx // that of the questions asked while the dialog is open
	cancel context.CancelFunc
	round  int // of questions: to take fields over asks anew

	tried    bool
	answer   error           // of the dry run; valid if tried
	conflict *apply.Conflict // met so far, nil if none was
	notes    []action.Note
}

type editTriedMsg struct {
	round  int
	answer error
	notes  []action.Note
}

// propose asks before an edit is made.
func (d *draft) propose(text string, plan *apply.Plan) tea.Msg {
	s := d.session
	p := &editProposal{draft: d, text: text, plan: plan, fields: plan.Fields(false), diff: colourDiff(plan.Diff(false))}
	p.level, p.why = s.level(d.verb, d.selected().targets)
	p.dialog = &ui.Dialog{
		Title: "change " + d.target.String() + "?", Tone: theme.Title, Yes: "change it",
		Lines: p.lines, Blocked: p.blocked, Command: func() string { return plan.Kubectl },
		Load: p.ask(), Loaded: p.loaded,
		Accept: func() tea.Msg { p.cancel(); return p.make() },
		Cancel: func() tea.Msg { p.cancel(); return d.leave() },
		Back:   func() tea.Msg { p.cancel(); return d.reopen(text, p.refusal()) }, BackTitle: "edit again",
	}
	s.demand(p.dialog, p.level, d.selected().refs())
	return ui.Confirm(p.dialog)
}

// ask begins a new round of questions to the server.
func (p *editProposal) ask() tea.Cmd {
	if p.cancel != nil {
		p.cancel()
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.round++
	p.tried = false
	ctx, round, force := p.ctx, p.round, p.force
	return func() tea.Msg {
		ctx, cancel := p.session.Client.Call(ctx)
		defer cancel()
		notes := make(chan []action.Note, 1)
		go func() {
			defer utilruntime.HandleCrash()
			notes <- p.session.notes(ctx, "edit", []kube.Ref{p.target.Ref})
		}()
		answer := p.plan.Try(ctx, force)
		return editTriedMsg{round, answer, <-notes}
	}
}

// notes are what will undo a change of objects, or stands against it.
func (s *Session) notes(ctx context.Context, word string, refs []kube.Ref) []action.Note {
	client, err := s.changer()
	if err != nil {
		return nil
	}
	var changes []action.Change
	for _, p := range action.Prepare(ctx, refs, func(ctx context.Context, ref kube.Ref) (action.Change, error) {
		object, err := client.Object(ctx, ref)
		return action.Change{Verb: word, Ref: ref, Object: object}, err
	}) {
		if p.Err == nil { // else the dry run says so
			changes = append(changes, p.Change)
		}
	}
	return client.Check(ctx, changes)
}

func (p *editProposal) loaded(msg tea.Msg) tea.Cmd {
	tried, ok := msg.(editTriedMsg)
	if !ok || tried.round != p.round {
		return nil
	}
	p.tried, p.answer, p.notes = true, tried.answer, tried.notes
	if conflict, ok := errors.AsType[*apply.Conflict](p.answer); ok {
		if p.conflict == nil {
			p.dialog.Options = []ui.Option{p.takeOver()}
		}
		p.conflict = conflict
	}
	return nil
}

func (p *editProposal) takeOver() ui.Option {
	return ui.Option{Title: "take the fields over", Values: []string{"no", "yes"}, Changed: func(value int) tea.Cmd {
		p.force = value == 1
		return p.ask()
	}}
}

// conflicts reports whether others own fields that are not to be taken over.
func (p *editProposal) conflicts() bool { return p.conflict != nil && !p.force }

// refusal is why the server would not take the change, nil if it would as far as
// is known.
func (p *editProposal) refusal() error {
	if !p.tried || p.answer == nil || untriable(p.answer) || p.conflicts() {
		return nil
	}
	return p.answer
}

func (p *editProposal) blocked() string {
	switch {
	case !p.tried:
		return "asking the server" + dots(p.session)
	case p.conflicts():
		return "take the fields over first (" + p.session.Keys.Label(keymap.MoveRight) + "), or edit again"
	case p.refusal() != nil:
		return "the server refuses it"
	}
	return ""
}

// shownFields is how many fields are listed one by one; the diff has all.
const shownFields = 6

// lines is the dialog: where, which fields change, what the server says, what
// else to know, the whole difference and the command that does the same.
func (p *editProposal) lines() []textview.Line {
	lines := []textview.Line{p.session.place([]kube.Ref{p.target.Ref})}
	if p.why != "" {
		lines = append(lines, textview.Line{{Text: p.why, Tone: theme.Warn}})
	}
	lines = append(lines, textview.Line{})
	lines = append(lines, fieldLines(p.fields, shownFields)...)
	lines = append(lines, p.answerLine())
	if p.conflicts() {
		for _, o := range p.conflict.Owners {
			lines = append(lines, p.session.ownerLine(o))
		}
	}
	for _, n := range p.notes {
		lines = append(lines, noteLine(n))
	}
	lines = append(lines, textview.Line{})
	lines = append(lines, p.diff...)
	return append(lines, textview.Line{},
		textview.Line{{Text: "$ " + p.plan.Kubectl, Tone: theme.Muted}},
		textview.Line{{Text: "your text is in " + p.path + " until this is done", Tone: theme.Muted}})
}

// causeOf returns why something could not be done to an object, where verb and
// object are named already.
func causeOf(verb string, ref kube.Ref, err error) string {
	text := Cause(err)
	for _, prefix := range []string{verb + " " + ref.String() + " in " + ref.Namespace + ": ", verb + " " + ref.String() + ": "} {
		text = strings.TrimPrefix(text, sanitize.Line(prefix))
	}
	return text
}

// answerLine is what the server says.
func (p *editProposal) answerLine() textview.Line {
	switch refusal := p.refusal(); {
	case !p.tried:
		return textview.Line{{Text: "asking the server" + dots(p.session), Tone: theme.Busy}}
	case p.conflicts():
		return textview.Line{{Text: "others own these fields:", Tone: theme.Warn}}
	case refusal != nil:
		return textview.Line{{Text: "refused: " + causeOf("edit", p.target.Ref, refusal), Tone: theme.Error}}
	case p.answer != nil:
		return textview.Line{{Text: "not tried: " + causeOf("edit", p.target.Ref, p.answer), Tone: theme.Warn}}
	case p.force:
		return textview.Line{{Text: "the server would accept it, and take the fields from " + ownerNames(p.conflict.Owners), Tone: theme.Warn}}
	}
	return textview.Line{{Text: "the server would accept it", Tone: theme.Muted}}
}

// ownerLine says who owns fields, and what will come of taking them.
func (s *Session) ownerLine(o apply.Owner) textview.Line {
	line := textview.Line{{Text: "  " + o.Manager, Tone: theme.Title}}
	switch {
	case o.Applies:
		line = append(line, textview.Span{Text: " applies them and will do so again", Tone: theme.Warn})
	case o.Subresource != "":
		line = append(line, textview.Span{Text: " sets them by " + o.Subresource, Tone: theme.Warn})
	}
	text := ": " + strings.Join(o.Fields, ", ")
	if !o.Time.IsZero() {
		text += " (" + shortTime(o.Time.Unix()) + ")"
	}
	return append(line, textview.Span{Text: text})
}

// ownerNames names owners in a sentence.
func ownerNames(owners []apply.Owner) string {
	var names []string
	for _, o := range owners {
		names = append(names, o.Manager)
	}
	return strings.Join(names, " and ")
}

// fieldLines are the fields that change, at most n of them.
func fieldLines(fields []apply.Field, n int) []textview.Line {
	var lines []textview.Line
	for i, f := range fields {
		if i == n && len(fields) > n+1 {
			return append(lines, textview.Line{{Text: fmt.Sprintf("and %d more fields", len(fields)-n), Tone: theme.Muted}})
		}
		lines = append(lines, textview.Line{
			{Text: f.Name + "  ", Tone: theme.Field}, {Text: f.Before, Tone: theme.Removed}, {Text: " → ", Tone: theme.Muted}, {Text: f.After, Tone: theme.Added},
		})
	}
	return lines
}

// colourDiff gives the lines of a unified diff their tones. The names of the two
// sides are known to who reads it.
func colourDiff(text string) []textview.Line {
	var lines []textview.Line
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		tone := theme.Text
		switch {
		case strings.HasPrefix(l, "--- ") && len(lines) == 0, strings.HasPrefix(l, "+++ ") && len(lines) == 0:
			continue
		case strings.HasPrefix(l, "@@"):
			tone = theme.Muted
		case strings.HasPrefix(l, "+"):
			tone = theme.Added
		case strings.HasPrefix(l, "-"):
			tone = theme.Removed
		}
		lines = append(lines, textview.Line{{Text: l, Tone: tone}})
	}
	return lines
}

// make makes the change in the background. If that fails, the text is still
// there.
func (p *editProposal) make() tea.Msg {
	s, force := p.session, p.force
	approval := guard.Approval{Level: p.level, Objects: 1}
	title := "edit " + p.target.String()
	return ui.Start(ui.Task{Title: title, Run: func(ctx context.Context, _ func(string)) tea.Msg {
		ctx, cancel := s.Client.Call(guard.Approve(ctx, approval))
		defer cancel()
		o := action.Outcome{Began: time.Now()}
		o.Change, o.Err = p.plan.Make(ctx, force)
		o.Took = time.Since(o.Began)
		if o.Err != nil {
			o.Change = action.Change{Verb: "edit", Ref: p.target.Ref, Summary: fieldWords(p.fields)}
			s.record(o)
			return p.again(p.text, o.Err)
		}
		if client, err := s.changer(); err == nil {
			o.Change = client.Identify(o.Change)
		}
		s.record(o)
		s.remember([]action.Outcome{o})
		p.discard()
		return s.report(title, []action.Outcome{o}, 0)
	}})
}

// fieldWords says on one line what changes.
func fieldWords(fields []apply.Field) string {
	words := make([]string, len(fields))
	for i, f := range fields {
		words[i] = f.String()
	}
	return strings.Join(words, ", ")
}
