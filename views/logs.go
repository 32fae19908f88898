package views

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube/logs"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/logview"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// logPage is the view of the logs of some pods, as one. It goes on reading while
// another view covers it, and ends with its Close.
type logPage struct {
	session *Session
	title   string
	opts    logs.Options

	log    *logReading
	next   *logReading // with another span, to take its place; nil mostly
	window *logview.Window
	lines  *logLines

	shown          logFilter
	marked         string     // what is searched for, as typed
	filtered       string     // shown as it was when filter began
	queries        []string   // typed before, the oldest first
	filter, search *searching // nil if there is none
	errors         *searching // lines of level error or worse
	ctx            context.Context
	cancel         context.CancelFunc
	changed        store.Signal // something of the log or of a search has changed
	waiting        bool
	noSource       bool // the column of sources is hidden
	hidden         bool // another view covers it
}

// logsFrame is the place of the logs of some pods.
func logsFrame(s *Session, title string, opts logs.Options) ui.Frame {
	return ui.Frame{Place: "logs " + title, Open: func() ui.View {
		w := logview.New(s.Theme, s.Now)
		w.SetFold(true)
		w.SetStyled(true)
		p := &logPage{session: s, title: title, opts: opts, window: w}
		w.SetDetail(p.detail)
		return p
	}}
}

type logsMsg struct{}

// Title is the view's part of the path.
func (p *logPage) Title() string { return "logs › " + p.title }

// Scope says which keys listen.
func (p *logPage) Scope() keymap.Scope { return keymap.Log }

// Show begins to read, unless it reads already.
func (p *logPage) Show() tea.Cmd {
	p.session.enter()
	if p.log == nil {
		p.ctx, p.cancel = context.WithCancel(context.Background())
		p.changed = store.NewSignal()
		p.log = p.read(p.opts.Span)
		p.lines = &logLines{log: p.log.Log, folder: logs.NewFolder(logs.Fold{})}
		p.lines.look(nil)
		p.window.SetLines(p.lines)
		p.beginSearches()
	}
	p.hidden = false
	return p.wait()
}

// Hide leaves it reading: what is written meanwhile is not lost.
func (p *logPage) Hide() { p.hidden = true }

// Close ends it.
func (p *logPage) Close() {
	if p.log == nil {
		return
	}
	p.endSearches()
	p.next.end()
	p.log.end()
	p.cancel()
}

// refresh is the shortest time between two looks at a log that grows.
const refresh = 33 * time.Millisecond

func (p *logPage) wait() tea.Cmd {
	if p.waiting {
		return nil
	}
	p.waiting = true
	changed, ctx := p.changed, p.ctx
	return ui.Deliver(p, func() tea.Msg {
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
		time.Sleep(refresh) // what comes in the same moment is shown together
		return logsMsg{}
	})
}

// Update takes what came.
func (p *logPage) Update(msg tea.Msg) tea.Cmd {
	var cmds []tea.Cmd
	switch msg := msg.(type) {
	case logsMsg:
		p.waiting = false
		p.look()
		cmds = append(cmds, p.wait())
	case reopenMsg:
		if msg.of != p.next {
			return nil
		}
		cmds = append(cmds, p.lookLater(p.next))
	}
	if p.next != nil && !p.hidden {
		if said := p.advance(); said != nil {
			cmds = append(cmds, ui.Send(said))
		}
	}
	return tea.Batch(cmds...)
}

func (p *logPage) look() {
	p.lookAt()
	if p.lines.renamed {
		p.lines.renamed = false
		p.window.Refresh()
	}
}

func (p *logPage) lookAt() {
	if p.filter == nil {
		p.lines.look(nil)
		return
	}
	p.lines.look(p.filter.Search)
	if scanned, _ := p.filter.Matches().Progress(); !p.filter.begun && scanned > 0 {
		p.filter.begun = true
		p.window.See(p.lines.position(p.filter.from)) // what was there is found only now
	}
}

// detail is what is shown below a line that is expanded: its fields as a tree.
func (p *logPage) detail(l logview.Line) []textview.Line {
	line, ok := p.lines.snap.At(l.ID)
	if !ok || line.Format == logs.Plain || line.Format == logs.Klog {
		return nil
	}
	var lines []textview.Line
	for _, n := range logs.Tree(&line) {
		indent := strings.Repeat("  ", n.Depth)
		lines = append(lines, textview.Line{{Text: indent + n.Key + " ", Tone: theme.Field}, {Text: n.Value}})
		for _, more := range n.Lines {
			lines = append(lines, textview.Line{{Text: indent + "  " + more}})
		}
	}
	return lines
}

// Move moves the cursor or the window.
func (p *logPage) Move(id keymap.ActionID) {
	w := p.window
	switch id {
	case keymap.MoveUp:
		w.Up()
	case keymap.MoveDown:
		w.Down()
	case keymap.MovePageUp:
		w.PageUp()
	case keymap.MovePageDown:
		w.PageDown()
	case keymap.MoveTop:
		w.Home()
	case keymap.MoveBottom:
		w.End()
	case keymap.MoveLeft:
		w.Left()
	case keymap.MoveRight:
		w.Right()
	}
}

// Actions are what can be done with the log.
func (p *logPage) Actions() []ui.Action {
	w := p.window
	do := func(f func()) func() tea.Msg { return func() tea.Msg { f(); return nil } }
	none := ""
	if p.search == nil {
		none = "nothing is searched for: " + p.session.Keys.Label(keymap.LogSearch) + " searches"
	}
	follow := ui.Action{ID: keymap.LogFollow, Run: do(w.Follow)}
	if w.Following() {
		follow.Title, follow.Run = "hold still", do(w.Pause)
	}
	actions := []ui.Action{
		follow,
		{ID: keymap.LogSearch, Run: p.askSearch},
		{ID: keymap.LogError, Run: func() tea.Msg { return p.jumpError(1) }},
		{ID: keymap.LogErrorBack, Quiet: true, Run: func() tea.Msg { return p.jumpError(-1) }},
		{ID: keymap.LogExpand, Run: p.expand},
		{ID: keymap.LogRates, Run: p.openSources},
		{ID: keymap.LogNext, Quiet: true, Disabled: none, Run: func() tea.Msg { return p.jumpMatch(1) }},
		{ID: keymap.LogPrevious, Quiet: true, Disabled: none, Run: func() tea.Msg { return p.jumpMatch(-1) }},
		{ID: keymap.LogWrap, Run: do(func() { w.SetWrap(!w.Wrapped()) })},
		{ID: keymap.LogFold, Quiet: true, Run: do(func() { w.SetFold(!w.Folded()) })},
		{ID: keymap.LogClock, Quiet: true, Run: do(func() { w.SetClock((w.Clock() + 1) % (logview.NoClock + 1)) })},
		{ID: keymap.LogSource, Quiet: true, Run: do(p.turnSource)},
		{ID: keymap.LogColours, Quiet: true, Run: do(func() { w.SetStyled(!w.Styled()) })},
		{ID: keymap.LogTime, Run: p.askTime},
		{ID: keymap.LogSpan, Run: p.askSpan},
		{ID: keymap.LogMark, Quiet: true, Run: do(w.Mark)},
		{ID: keymap.LogCopy, Quiet: true, Run: p.copy},
		{ID: keymap.LogSave, Quiet: true, Run: p.askSave},
		{ID: keymap.LogPager, Run: func() tea.Msg { return p.openIn(p.session.pager) }},
		{ID: keymap.LogEditor, Quiet: true, Run: func() tea.Msg { return p.openIn(p.session.editor) }},
		{ID: keymap.ContextSwitch, Quiet: true, Run: func() tea.Msg { return ui.Pick(p.session.contexts()) }},
	}
	actions = slices.Insert(actions, 2, p.filterActions()...)
	actions = append(actions, p.session.common()...)
	switch {
	case p.search != nil:
		actions = append(actions, ui.Action{ID: keymap.GoBack, Title: "end search", Quiet: true, Run: do(func() { p.setSearch("") })})
	case len(p.shown.stack) > 0:
		actions = append(actions, ui.Action{ID: keymap.GoBack, Title: "last filter off", Quiet: true, Run: func() tea.Msg { return p.unfilter(1) }})
	}
	return actions
}

func (p *logPage) expand() tea.Msg {
	if !p.window.Toggle() {
		return ui.Toast(theme.Muted, "this line is all there is of it")
	}
	return nil
}

func (p *logPage) turnSource() {
	p.noSource = !p.noSource
	column := logview.SourceAlways
	if p.noSource {
		column = logview.SourceNever
	}
	p.window.SetSourceColumn(column)
}
