package views

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/headroom"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// headroomPage shows one row of Headroom in full: every resource in its own
// unit, and what takes the room. It follows the cluster as the table does.
type headroomPage struct {
	*ui.Text
	session *Session
	by      headroom.Grouping
	row     *headroom.Row // as it was seen last

	ctx    context.Context //nolint:containedctx // while shown
	cancel context.CancelFunc
	feed   *headroomFeed // nil while hidden
	status store.Status
	gone   bool
}

func headroomPageFrame(s *Session, by headroom.Grouping, row *headroom.Row) ui.Frame {
	return ui.Frame{Place: "headroom of " + string(row.UID), Open: func() ui.View {
		return &headroomPage{Text: ui.NewText(s.Theme), session: s, by: by, row: row}
	}}
}

type (
	headroomChangedMsg struct{}
	headroomPageMsg    struct {
		row    *headroom.Row // nil if it is not there any more
		lines  []textview.Line
		status store.Status
	}
)

// Show subscribes to the feed.
func (p *headroomPage) Show() tea.Cmd {
	p.session.enter()
	if p.feed != nil {
		return nil
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.feed = p.session.watchHeadroom(true)
	return p.wait(0)
}

// Hide gives the subscription back.
func (p *headroomPage) Hide() {
	if p.feed == nil {
		return
	}
	p.cancel()
	p.feed.Close()
	p.feed = nil
}

// Close ends the view.
func (p *headroomPage) Close() { p.Hide() }

func (p *headroomPage) wait(pause time.Duration) tea.Cmd {
	ctx, changed := p.ctx, p.feed.feed.Changed()
	return ui.Deliver(p, func() tea.Msg {
		if !until(ctx, changed, pause) {
			return nil
		}
		return headroomChangedMsg{}
	})
}

// Update handles what the page's Cmds found.
func (p *headroomPage) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case headroomChangedMsg:
		return p.take()
	case headroomPageMsg:
		if p.feed == nil {
			return nil // hidden meanwhile
		}
		p.status = msg.status
		if p.gone = msg.row == nil && msg.status.Phase != store.Syncing; msg.row != nil {
			p.row = msg.row
			p.SetLines(msg.lines)
		}
		return p.wait(p.session.Settings.Refresh)
	}
	return nil
}

func (p *headroomPage) take() tea.Cmd {
	if p.feed == nil {
		return nil
	}
	feed, by, uid := p.feed, p.by, p.row.UID
	return ui.Deliver(p, func() tea.Msg {
		var msg headroomPageMsg
		feed.with(func(l *headroom.Ledger) {
			p.session.sizings(l)
			for _, r := range l.Rows(by) {
				if r.UID == uid {
					msg.row, msg.lines = r, headroomDetail(l, by, r)
				}
			}
		})
		msg.status = feed.Status()
		return msg
	})
}

// Title is the page's part of the path.
func (p *headroomPage) Title() string { return p.by.String() + " " + p.row.Name }

// Header says how good the numbers are.
func (p *headroomPage) Header() ui.Header {
	h := p.session.header()
	if h.Scope = "cluster"; p.row.Namespace != "" {
		h.Scope = p.row.Namespace
	}
	p.session.describe(&h, p.status, "list what takes room", clusterScope)
	h.Count = p.Count()
	if p.gone {
		h.Problem = p.row.Name + " is not there any more: this is what was known last"
	}
	return h
}

// Actions are what can be done with the object of the row, and with the text.
func (p *headroomPage) Actions() []ui.Action {
	s := p.session
	var actions []ui.Action
	for _, a := range s.headroomActions(p.by, []*headroom.Row{p.row}) {
		if a.ID == keymap.HeadroomAsk {
			actions = append(actions, a)
		}
	}
	actions = append(actions, p.Text.Actions(p.Title())...)
	if ref := rowRef(p.row); ref.GVR.Group != kube.Local("").Group {
		actions = append(actions, s.actions(chosen{targets: []target{{Ref: ref, row: p.row}}})...)
		actions = append(actions,
			ui.Action{ID: keymap.ObjectDescribe, Quiet: true, Run: func() tea.Msg { return ui.Push(describeFrame(s, ref)) }},
			ui.Action{ID: keymap.ObjectYAML, Quiet: true, Run: func() tea.Msg { return ui.Push(yamlFrame(s, ref)) }})
	}
	return append(append(actions, s.common()...),
		ui.Action{ID: keymap.ContextSwitch, Quiet: true, Run: func() tea.Msg { return ui.Pick(s.contexts()) }},
		ui.Action{ID: keymap.AppRefresh, Quiet: true, Run: func() tea.Msg { s.again(); return nil }},
	)
}

// View draws the text, or what there is instead of it.
func (p *headroomPage) View(width, height int) string {
	out := p.Text.View(width, height)
	if p.Len() == 0 {
		return over(out, p.session.Theme, theme.Muted, "loading "+p.Title(), width, height)
	}
	return out
}
