package views

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/table"
	"quarterdeck/ui/textview"
)

// rolloutPage shows one rollout: how it stands, and below that, in panes, its
// revisions with what differs between them, its pods, its events, and all that is
// known of what holds it.
//
// It follows a feed as a list does: a Cmd waits for a change, another takes it,
// and waiting starts again. The history has templates in it, which no store
// keeps: it is read again whenever the revisions change.
type rolloutPage struct {
	session *Session
	scope   Scope
	ref     kube.Ref

	ctx    context.Context // while shown
	cancel context.CancelFunc
	feed   *rolloutFeed // nil while hidden
	status store.Status
	detail rollout.Detail
	known  bool // detail has been found once
	gone   bool // the workload is not there any more

	past    rolloutPast
	pane    rolloutPane
	revs    *table.Table[*revisionRow]
	pods    *table.Table[*rolloutPod]
	events  *table.Table[*object.Event]
	why     *ui.Text
	compare bool // what differs between revisions is shown too
	diff    *textview.Pager
	top     int          // lines above the pane, drawn last
	moved   store.Signal // receives when the cursor has moved
}

// rolloutPane is what is shown below the summary.
type rolloutPane uint8

const (
	paneRevisions rolloutPane = iota
	panePods
	paneEvents
	paneWhy
	rolloutPanes
)

// rolloutFrame is the place where a rollout is shown. Lists of the same scope
// share what they read with it.
func rolloutFrame(s *Session, ref kube.Ref) ui.Frame {
	scope := Scope{Namespace: s.Namespace}
	if scope.Namespace != "" {
		scope.Namespace = ref.Namespace
	}
	return ui.Frame{Place: "rollout " + ref.String(), Open: func() ui.View { return newRolloutPage(s, scope, ref) }}
}

func newRolloutPage(s *Session, scope Scope, ref kube.Ref) *rolloutPage {
	p := &rolloutPage{
		session: s, scope: scope, ref: ref, compare: true,
		revs: table.New[*revisionRow](s.Theme), pods: table.New[*rolloutPod](s.Theme), events: table.New[*object.Event](s.Theme),
		why: ui.NewText(s.Theme), diff: textview.New(s.Theme), moved: store.NewSignal(),
	}
	p.past.page = p
	p.why.SetWrap(true)
	p.why.SetHanging(len(heldBy))
	p.diff.SetWrap(true)
	env := func() *Env { return &Env{Now: s.Now(), Glyphs: &s.Theme.Glyphs} }
	p.revs.SetColumns(tableColumns(revisionColumns(), env))
	p.revs.SetRowTone(revisionTone)
	p.pods.SetColumns(tableColumns(rolloutPodColumns(), env))
	p.events.SetColumns(tableColumns(rolloutEventColumns(), env))
	return p
}

type (
	rolloutMsg struct {
		detail rollout.Detail
		found  bool
		synced bool
		status store.Status
	}
	rolloutChangedMsg struct{}
	rolloutMovedMsg   struct{}
)

// Show subscribes to what the rollout is judged from.
func (p *rolloutPage) Show() tea.Cmd {
	p.session.enter()
	if p.feed != nil {
		return nil
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.feed = p.session.watchRollouts(p.scope.store(), true)
	p.past.reading = false // what was read before was dropped
	return tea.Batch(p.wait(0), p.waitMoved(), p.past.read())
}

// Hide gives the subscriptions back.
func (p *rolloutPage) Hide() {
	if p.feed == nil {
		return
	}
	p.cancel()
	p.feed.Close()
	p.feed = nil
}

// Close ends the view.
func (p *rolloutPage) Close() { p.Hide() }

// wait returns a Cmd that ends when something has changed, and not before pause
// is over.
func (p *rolloutPage) wait(pause time.Duration) tea.Cmd {
	ctx, changed := p.ctx, p.feed.Changed()
	return ui.Deliver(p, func() tea.Msg {
		if !until(ctx, changed, pause) {
			return nil
		}
		return rolloutChangedMsg{}
	})
}

// waitMoved returns a Cmd that ends soon after the cursor has moved.
func (p *rolloutPage) waitMoved() tea.Cmd {
	ctx := p.ctx
	return ui.Deliver(p, func() tea.Msg {
		if !until(ctx, p.moved, lookAfter) {
			return nil
		}
		return rolloutMovedMsg{}
	})
}

// lookAfter is how long the cursor rests on a revision before the server is asked
// about it.
const lookAfter = 150 * time.Millisecond

// take returns a Cmd that looks at what is known now.
func (p *rolloutPage) take() tea.Cmd {
	if p.feed == nil {
		return nil
	}
	feed, uid := p.feed, p.ref.UID
	return ui.Deliver(p, func() tea.Msg {
		d, ok := feed.detail(uid)
		status := feed.Status()
		return rolloutMsg{detail: d, found: ok, synced: status.Phase != store.Syncing, status: status}
	})
}

// Update handles what the page's Cmds found.
func (p *rolloutPage) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case rolloutChangedMsg:
		return p.take()
	case rolloutMsg:
		return p.set(msg)
	case pastMsg:
		return p.past.set(msg)
	case rolloutMovedMsg:
		return tea.Batch(p.past.look(), p.waitMoved())
	case referentsMsg:
		p.past.referents[msg.of] = msg.found
	}
	return nil
}

func (p *rolloutPage) set(msg rolloutMsg) tea.Cmd {
	if p.feed == nil {
		return nil // hidden meanwhile
	}
	p.status = msg.status
	switch {
	case msg.found:
		p.detail, p.known, p.gone = msg.detail, true, false
		p.pods.SetRows(podRows(&p.detail))
		p.events.SetRows(eventRows{p.detail.Events})
		p.why.SetLines(p.everything())
	case msg.synced && msg.status.Phase == store.Live:
		p.gone = true
	}
	return tea.Batch(p.past.follow(), p.wait(p.session.Settings.Refresh))
}

// Title is the page's part of the path.
func (p *rolloutPage) Title() string { return "rollout " + p.ref.String() }

// Header says how good the data is.
func (p *rolloutPage) Header() ui.Header {
	h := p.session.header()
	h.Scope = p.ref.Namespace
	p.session.describe(&h, p.status, "list rollouts", placeOf(p.ref))
	if p.gone {
		h.Problem = p.ref.String() + " is not there any more: it was deleted" + p.since()
	}
	return h
}

// since says what the screen shows of a workload that is gone.
func (p *rolloutPage) since() string {
	if p.known {
		return "; this is what was known last"
	}
	return ""
}

// Scope says that table bindings listen.
func (p *rolloutPage) Scope() keymap.Scope { return keymap.List }

// Actions are what can be done with the rollout and what is selected of it.
func (p *rolloutPage) Actions() []ui.Action {
	s := p.session
	next := (p.pane + 1) % rolloutPanes
	actions := []ui.Action{
		{ID: keymap.GoOpen, Disabled: p.nothing(), Quiet: p.pane == paneWhy, Run: p.enter},
		{ID: keymap.RolloutPane, Title: paneTitle(next), Run: func() tea.Msg { p.pane = next; return nil }},
		s.waitAction(p.target()),
	}
	if p.pane == paneRevisions {
		title := "hide diff"
		if !p.compare {
			title = "diff"
		}
		actions = append(actions,
			ui.Action{ID: keymap.ListDetail, Title: title, Quiet: true, Run: func() tea.Msg { p.compare = !p.compare; return nil }},
			ui.Action{ID: keymap.MarkToggle, Disabled: p.nothing(), Run: func() tea.Msg { p.revs.ToggleMark(); return nil }},
			ui.Action{ID: keymap.MarkNone, Quiet: true, Run: func() tea.Msg { p.revs.ClearMarks(); return nil }},
		)
	}
	about := p.ref
	if pod, ok := p.pods.Selected(); ok && p.pane == panePods {
		about = pods().ref(pod.Pod.Pod)
		actions = append(actions, s.actions(chosen{targets: []target{{Ref: about, row: pod.Pod.Pod}}})...)
		node := ui.Action{ID: keymap.GoNode, Quiet: true, Run: func() tea.Msg { return s.openNode(pod.Node) }}
		if pod.Node == "" {
			node.Disabled = pod.Name + " is on no node yet"
		}
		actions = append(actions, node)
	}
	actions = append(actions, p.logs(about)...)
	actions = append(actions,
		ui.Action{ID: keymap.ObjectDescribe, Quiet: true, Run: func() tea.Msg { return ui.Push(describeFrame(s, about)) }},
		ui.Action{ID: keymap.ObjectYAML, Quiet: true, Run: func() tea.Msg { return ui.Push(yamlFrame(s, about)) }},
		ui.Action{ID: keymap.ObjectEvents, Quiet: true, Run: func() tea.Msg { p.pane = paneEvents; return nil }},
		ui.Action{ID: keymap.CopyName, Quiet: true, Run: func() tea.Msg { return ui.Copy(about.Name, about.Name) }},
		ui.Action{ID: keymap.GoPods, Quiet: true, Run: func() tea.Msg { p.pane = panePods; return nil }},
		ui.Action{ID: keymap.ContextSwitch, Quiet: true, Run: func() tea.Msg { return ui.Pick(s.contexts()) }},
		ui.Action{ID: keymap.AppRefresh, Quiet: true, Run: p.refresh},
	)
	actions = overridden(s.actions(chosen{targets: []target{p.target()}}), actions)
	return inOrder(overridden(s.common(), actions), []keymap.ActionID{
		keymap.GoOpen, keymap.RolloutPane, keymap.RolloutUndo, keymap.RolloutWait, keymap.LogsOpen, keymap.MarkToggle,
	})
}

// target is the workload as verbs take it, with the selected revision.
func (p *rolloutPage) target() target {
	return target{Ref: p.ref, row: p.chosenRevision()}
}

// nothing says why there is nothing to open, "" if there is.
func (p *rolloutPage) nothing() string {
	n := 1
	switch p.pane {
	case paneRevisions:
		n = p.revs.Len()
	case panePods:
		n = p.pods.Len()
	case paneEvents:
		n = p.events.Len()
	default:
	}
	if n == 0 {
		return "no row is selected"
	}
	return ""
}

// logs are the ways to the logs of a pod, or of all of the workload.
func (p *rolloutPage) logs(about kube.Ref) []ui.Action {
	target := logTarget{ref: about, unread: true}
	open := func(previous bool) func() tea.Msg {
		return func() tea.Msg { return p.session.readLogs(target.title(), previous, []logTarget{target}) }
	}
	return []ui.Action{{ID: keymap.LogsOpen, Run: open(false)}, {ID: keymap.LogsPrevious, Quiet: true, Run: open(true)}}
}

// refresh asks the server again for everything.
func (p *rolloutPage) refresh() tea.Msg {
	p.session.again()
	p.past.forget()
	return p.past.read()
}

// enter opens what is selected: the comparison in full, a pod, what an event is
// about.
func (p *rolloutPage) enter() tea.Msg {
	switch p.pane {
	case paneRevisions:
		return p.openComparison()
	case panePods:
		if pod, ok := p.pods.Selected(); ok {
			return pods().Enter(p.session, pod.Pod.Pod)
		}
	case paneEvents:
		if e, ok := p.events.Selected(); ok {
			return p.session.openNamed(e.Kind, "", e.Namespace, e.About, e.UID)
		}
	default:
	}
	return nil
}
