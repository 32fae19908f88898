package views

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/access"
	"quarterdeck/kube/action"
	"quarterdeck/kube/guard"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// drainVerb moves the pods of nodes elsewhere.
func drainVerb() verb {
	return verb{
		ID: keymap.NodeDrain, Level: guard.Confirmed, Shown: true, Kinds: resources("nodes"),
		Need: patching(""), Also: []access.Need{eviction()}, Start: startDrain,
	}
}

// eviction is the right to evict pods wherever they are.
func eviction() access.Need {
	return access.Need{Verb: "create", Resource: "pods", Subresource: "eviction"}
}

// drainProposal is a drain that is asked about: the server says of each pod
// whether it may go, one node after the other.
//
// Its fields belong to the goroutine of the screen; what takes time runs in Cmds
// whose results come back as messages.
type drainProposal struct {
	session *Session
	verb    *verb
	client  *action.Client
	refs    []kube.Ref
	hidden  int // how many of them the filter hides
	level   guard.Level
	why     string // the level is what it is
	options action.DrainOptions
	dialog  *ui.Dialog

	ctx    context.Context //nolint:containedctx // that of the questions asked while the dialog is open
	cancel context.CancelFunc
	round  int // of questions: an option that is turned asks anew
	asked  []askedNode
	// foresee is whether the pods fit elsewhere.
	foresee *foresight
}

// askedNode is what a drain would do to a node, or why that is not known.
type askedNode struct {
	plan action.DrainPlan
	err  error
}

type askedMsg struct {
	round int
	node  askedNode
}

// planTime is how long the plan for one node may take: every pod is asked for.
const planTime = time.Minute

func startDrain(v *verb, s *Session, sel chosen) tea.Msg {
	for _, ref := range sel.refs() {
		if d, ok := s.drains.running(s.Client, ref); ok {
			return ui.Push(d.frame(s)) // it is being done
		}
	}
	client, err := s.changer()
	if err != nil {
		return ui.Toast(theme.Error, Cause(err))
	}
	p := &drainProposal{session: s, verb: v, client: client, refs: sel.refs(), hidden: sel.hidden}
	p.foresee = foreseeDrain("", p.refs)
	p.level, p.why = s.level(v, sel.targets)
	p.dialog = p.open()
	p.dialog.Options, p.dialog.Load = p.choices(), p.ask()
	return ui.Confirm(p.dialog)
}

// open returns the dialog for the level.
func (p *drainProposal) open() *ui.Dialog {
	d := &ui.Dialog{
		Tone: theme.Title, Lines: p.lines, Blocked: p.blocked, Command: p.command, Loaded: p.loaded, Accept: p.accept,
		Cancel: func() tea.Msg { p.cancel(); return nil },
	}
	p.name(d)
	p.session.demand(d, p.level, p.refs)
	return d
}

// name says in the dialog what is asked.
func (p *drainProposal) name(d *ui.Dialog) {
	d.Title, d.Yes = "drain "+countRefs(p.refs), "drain"
	if p.options.DisableEviction {
		d.Title += " PAST THE DISRUPTION BUDGETS"
		d.Yes = "drain past budgets"
	}
	d.Title += "?"
}

// choices are the options of the dialog. Their names are short: on 80 columns
// all must be seen.
func (p *drainProposal) choices() []ui.Option {
	set := func(change func(o *action.DrainOptions, value int)) func(int) tea.Cmd {
		return func(value int) tea.Cmd {
			change(&p.options, value)
			p.name(p.dialog)
			return p.ask()
		}
	}
	graces := []*int64{nil, seconds(1), seconds(30), seconds(300)}
	timeouts := []time.Duration{0, 5 * time.Minute, 15 * time.Minute, time.Hour}
	return []ui.Option{
		{Title: "emptyDir", Values: []string{"keep", "lose"}, Changed: set(func(o *action.DrainOptions, value int) { o.DeleteEmptyDir = value == 1 })},
		{Title: "force", Values: []string{"no", "yes"}, Changed: set(func(o *action.DrainOptions, value int) { o.Force = value == 1 })},
		{Title: "grace", Values: []string{"own", "1s", "30s", "5m"}, Changed: set(func(o *action.DrainOptions, value int) { o.Grace = graces[value] })},
		{Title: "PDBs", Values: []string{"obey", "IGNORE"}, Changed: set(func(o *action.DrainOptions, value int) { o.DisableEviction = value == 1 })},
		{Title: "timeout", Values: []string{"no", "5m", "15m", "1h"}, Changed: set(func(o *action.DrainOptions, value int) { o.Timeout = timeouts[value] })},
	}
}

// ask begins a new round of questions to the server.
func (p *drainProposal) ask() tea.Cmd {
	if p.cancel != nil {
		p.cancel()
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.round++
	p.asked = nil
	return p.plan()
}

// plan asks about the first node that is not known yet.
func (p *drainProposal) plan() tea.Cmd {
	dialog, client, round, ref, options := p.ctx, p.client, p.round, p.refs[len(p.asked)], p.options
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(dialog, planTime)
		defer cancel()
		plan, err := client.Drain(ctx, ref, options)
		return askedMsg{round, askedNode{plan, err}}
	}
}

func (p *drainProposal) loaded(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case askedMsg:
		if msg.round != p.round {
			return nil
		}
		if p.asked = append(p.asked, msg.node); len(p.asked) < len(p.refs) {
			return p.plan()
		}
		return p.foresee.ask(p.ctx, p.session)
	case foreseenMsg:
		p.foresee.take(msg)
	}
	return nil
}

// count returns how many pods of all nodes have a fate.
func (p *drainProposal) count(f action.Fate) int {
	n := 0
	for _, a := range p.asked {
		n += a.plan.Count(f)
	}
	return n
}

// moving is how many pods are to go, at once or later.
func (p *drainProposal) moving() int { return p.count(action.PodGoes) + p.count(action.PodWaits) }

func (p *drainProposal) blocked() string {
	if len(p.asked) < len(p.refs) {
		return "asking the server" + dots(p.session)
	}
	for i, a := range p.asked {
		if a.err != nil {
			return p.refs[i].String() + " cannot be drained"
		}
	}
	if n := p.count(action.PodBlocks); n > 0 {
		return counted(n, "pod blocks", "pods block") + " it"
	}
	against, _, _ := p.rules()
	return against
}

// rules says what the configuration's rules have against the evictions, and how
// sure they want the user to be.
func (p *drainProposal) rules() (against string, level guard.Level, why string) {
	need := eviction()
	if p.options.DisableEviction {
		need = access.Need{Verb: "delete", Resource: "pods"}
	}
	var seen []string
	for _, a := range p.asked {
		for _, pod := range a.plan.Pods {
			if pod.Fate == action.PodStays || slices.Contains(seen, pod.Ref.Namespace) {
				continue
			}
			seen = append(seen, pod.Ref.Namespace)
			need.Namespace = pod.Ref.Namespace
			verdict := p.session.Client.Guard.Judge(guard.Call(need))
			switch {
			case verdict.Denied:
				return "a rule denies it in " + need.Namespace + reason(verdict.Reason), level, why
			case verdict.Max > 0 && p.moving() > verdict.Max:
				return fmt.Sprintf("a rule allows %s at once in %s%s", counted(verdict.Max, "pod", "pods"), need.Namespace, reason(verdict.MaxReason)), level, why
			case verdict.Level > level:
				level, why = verdict.Level, "a rule wants it in "+need.Namespace+reason(verdict.Reason)
			}
		}
	}
	return "", level, why
}

// counted is a number with its word.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// accept drains, unless the rules for the pods' namespaces, which are known only
// now, want the user to be surer than he was asked to be.
func (p *drainProposal) accept() tea.Msg {
	if _, level, why := p.rules(); level > p.level {
		p.level, p.why = level, why
		p.dialog = p.open()
		return ui.Confirm(p.dialog)
	}
	p.cancel()
	plans := make([]action.DrainPlan, len(p.asked))
	for i, a := range p.asked {
		plans[i] = a.plan
	}
	return p.session.beginDrain("drain "+countRefs(p.refs), plans, p.level)
}

func (p *drainProposal) command() string {
	var commands []string
	for _, a := range p.asked {
		if a.err == nil {
			commands = append(commands, a.plan.Kubectl)
		}
	}
	return strings.Join(commands, "\n")
}

// lines is the dialog: how many pods go and how many do not, what else to know,
// every pod, those that block first, and the command that does the same.
func (p *drainProposal) lines() []textview.Line {
	lines := []textview.Line{p.session.place(p.refs)}
	if p.why != "" {
		lines = append(lines, textview.Line{{Text: p.why, Tone: theme.Warn}})
	}
	if p.hidden > 0 {
		lines = append(lines, textview.Line{{Text: fmt.Sprintf("%d of them are marked but hidden by the filter", p.hidden), Tone: theme.Warn}})
	}
	if p.options.DisableEviction {
		lines = append(lines, textview.Line{{Text: "DISRUPTION BUDGETS ARE IGNORED: pods are deleted however few are left to serve", Tone: theme.Error}})
	}
	lines = append(lines, textview.Line{})
	width := 0
	for _, ref := range p.refs {
		width = max(width, min(40, cell.Width(ref.String())))
	}
	for i, ref := range p.refs {
		line := textview.Line{{Text: cell.Pad(cell.Middle(ref.String(), width), width, cell.Left) + "  ", Tone: theme.Title}}
		lines = append(lines, append(line, p.verdict(i)...))
	}
	if p.count(action.PodBlocks) > 0 {
		lines = append(lines, textview.Line{{Text: "What blocks may be let go by turning emptyDir or force, below.", Tone: theme.Muted}})
	}
	var notes []action.Note
	for _, a := range p.asked {
		for _, n := range a.plan.Notes {
			if !slices.Contains(notes, n) {
				notes = append(notes, n)
				lines = append(lines, noteLine(n))
			}
		}
	}
	lines = append(lines, p.foresee.lines(p.session)...)
	lines = append(lines, p.podLines()...)
	for i, command := range strings.Split(p.command(), "\n") {
		if i == 0 {
			lines = append(lines, textview.Line{})
		}
		if command != "" {
			lines = append(lines, textview.Line{{Text: "$ " + command, Tone: theme.Muted}})
		}
	}
	return lines
}

// verdict says in a few words what becomes of the pods of a node.
func (p *drainProposal) verdict(i int) textview.Line {
	switch {
	case i > len(p.asked):
		return nil
	case i == len(p.asked):
		return textview.Line{{Text: "asking of each pod whether it may go" + dots(p.session), Tone: theme.Busy}}
	case p.asked[i].err != nil:
		return textview.Line{{Text: "not possible: " + Cause(p.asked[i].err), Tone: theme.Error}}
	}
	var line textview.Line
	for _, f := range fates() {
		n := p.asked[i].plan.Count(f)
		if n == 0 && f != action.PodGoes {
			continue
		}
		tone := fateTone(f)
		if f == action.PodGoes {
			tone = theme.Title
		}
		line = append(line, textview.Span{Text: fmt.Sprintf("%s %d  ", f, n), Tone: tone})
	}
	if p.asked[i].plan.Cordon == nil {
		line = append(line, textview.Span{Text: "is cordoned already", Tone: theme.Muted})
	}
	return line
}

// fates are what becomes of pods, what needs looking at first.
func fates() []action.Fate {
	return []action.Fate{action.PodBlocks, action.PodWaits, action.PodGoes, action.PodStays}
}

func fateTone(f action.Fate) theme.Tone {
	switch f {
	case action.PodBlocks:
		return theme.Error
	case action.PodWaits:
		return theme.Warn
	case action.PodStays:
		return theme.Muted
	case action.PodGoes:
	}
	return theme.Text
}

// podLines are the pods of all nodes, those that block first, each with what
// becomes of it and why. A reason that has no room beside the name on 80 columns
// stands below it.
func (p *drainProposal) podLines() []textview.Line {
	const fate, widestNode, widestName, room = 8, 16, 30, 78
	node, name := 0, 0
	pods := map[action.Fate][]textview.Line{}
	for _, a := range p.asked {
		for _, pod := range a.plan.Pods {
			name = max(name, min(widestName, cell.Width(pod.Ref.Namespace+"/"+pod.Ref.Name)))
		}
		if len(p.refs) > 1 {
			node = max(node, min(widestNode, cell.Width(a.plan.Node.Name)+1))
		}
	}
	for _, a := range p.asked {
		for _, pod := range a.plan.Pods {
			tone := theme.Text
			if pod.Fate == action.PodStays {
				tone = theme.Muted
			}
			line := textview.Line{
				{Text: cell.Pad(pod.Fate.String(), fate, cell.Left), Tone: fateTone(pod.Fate)},
				{Text: cell.Pad(cell.Middle(a.plan.Node.Name, max(0, node-1)), node, cell.Left), Tone: theme.Muted},
				{Text: cell.Pad(cell.Middle(pod.Ref.Namespace+"/"+pod.Ref.Name, name), name, cell.Left) + "  ", Tone: tone},
			}
			why := textview.Span{Text: strings.TrimSuffix(budgetWords(pod.Why), " at once"), Tone: theme.Muted}
			if fate+node+name+2+cell.Width(why.Text) <= room {
				pods[pod.Fate] = append(pods[pod.Fate], append(line, why))
			} else {
				pods[pod.Fate] = append(pods[pod.Fate], line, textview.Line{{Text: strings.Repeat(" ", fate)}, why})
			}
		}
	}
	lines := []textview.Line{{}}
	for _, f := range fates() {
		lines = append(lines, pods[f]...)
	}
	return lines
}

// budgetWords names a disruption budget in a sentence of the server as everything
// else is named here.
func budgetWords(why string) string {
	if rest, ok := strings.CutPrefix(why, "The disruption budget "); ok {
		return "pdb/" + rest
	}
	return why
}
