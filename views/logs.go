package views

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube/logs"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
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

	log    *logs.Log
	window *logview.Window
	lines  *logLines

	only, marked   string     // the filter and what is searched for, as typed
	filter, search *searching // nil if there is none
	errors         *searching // lines of level error or worse
	ctx            context.Context
	cancel         context.CancelFunc
	changed        chan struct{} // something of the log or of a search has changed
	waiting        bool
	styled, fold   bool
	wrap           bool
	source         logview.SourceColumn
}

// logsFrame is the place of the logs of some pods.
func logsFrame(s *Session, title string, opts logs.Options) ui.Frame {
	return ui.Frame{Place: "logs " + title, Open: func() ui.View {
		w := logview.New(s.Theme, s.Now)
		w.SetFold(true)
		w.SetStyled(true)
		p := &logPage{session: s, title: title, opts: opts, window: w, fold: true, styled: true}
		w.SetDetail(p.detail)
		return p
	}}
}

// openLogs opens the logs of the pods of the selection.
func (s *Session) openLogs(title string, previous bool, selections []logs.Selection) tea.Msg {
	opts := logs.Options{Selections: selections, Follow: !previous, Previous: previous}
	opts.Span.Tail = logTail
	if previous {
		title += " (previous)"
	}
	return ui.Push(logsFrame(s, title, opts))
}

// logTail is how many lines of each container are read at first.
const logTail = 1000

type logsMsg struct{}

// searching is a search of the log that goes on.
type searching struct {
	*logs.Search
	query *logs.Query
}

// Title is the view's part of the path.
func (p *logPage) Title() string { return "logs › " + p.title }

// Scope says which keys listen.
func (p *logPage) Scope() keymap.Scope { return keymap.Log }

// Show begins to read, unless it reads already.
func (p *logPage) Show() tea.Cmd {
	p.session.enter()
	if p.log == nil {
		p.ctx, p.cancel = context.WithCancel(context.Background())
		p.log, p.changed = logs.Open(p.session.Client, p.opts), make(chan struct{}, 1)
		changed, unsubscribe := p.log.Ring().Subscribe()
		context.AfterFunc(p.ctx, unsubscribe)
		p.pass(changed, p.ctx)
		p.lines = &logLines{log: p.log, folder: logs.NewFolder(logs.Fold{})}
		p.lines.look(nil)
		p.window.SetLines(p.lines)
		p.errors = p.find("level>=error", logs.SearchOptions{})
	}
	return p.wait()
}

// pass makes changes of something changes of the page, until ctx ends.
func (p *logPage) pass(from <-chan struct{}, ctx context.Context) { //nolint:revive // what is passed comes first
	to := p.changed
	go func() {
		for {
			select {
			case <-from:
			case <-ctx.Done():
				return
			}
			select {
			case to <- struct{}{}:
			default:
			}
		}
	}()
}

// Hide leaves it reading: what is written meanwhile is not lost.
func (p *logPage) Hide() {}

// Close ends it.
func (p *logPage) Close() {
	if p.log == nil {
		return
	}
	p.cancel()
	for _, s := range []*searching{p.filter, p.search, p.errors} {
		s.end()
	}
	go p.log.Close() // waits for connections to end
}

func (s *searching) end() {
	if s != nil {
		s.Close()
	}
}

// find begins to search, nil for an empty text.
func (p *logPage) find(text string, o logs.SearchOptions) *searching {
	query, err := logs.ParseQuery(text)
	if err != nil || query.Empty() {
		return nil
	}
	o.From = p.from
	s := &searching{p.log.Ring().Search(query, o), query}
	p.pass(s.Changed(), p.ctx)
	return s
}

// from says where lines are from. It is called by searches.
func (p *logPage) from(id logs.SourceID) logs.Source {
	if list := p.log.Sources(); int(id) < len(list) {
		return list[id]
	}
	return logs.Source{}
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
	if _, ok := msg.(logsMsg); !ok {
		return nil
	}
	p.waiting = false
	p.look()
	return p.wait()
}

func (p *logPage) look() {
	if p.filter != nil {
		p.lines.look(p.filter.Search)
	} else {
		p.lines.look(nil)
	}
}

// Header says how good what is shown is.
func (p *logPage) Header() ui.Header {
	h := p.session.header()
	if p.log == nil {
		return h
	}
	st := p.log.Status()
	h.State, h.StateTone = "live", theme.OK
	glyphs := &p.session.Theme.Glyphs
	switch {
	case st.Pods.Phase == store.Syncing:
		h.State, h.StateTone = glyphs.Off+" loading", theme.Busy
	case st.Pods.Phase == store.Stale || st.Broken > 0:
		h.State, h.StateTone = glyphs.Off+" reconnecting", theme.Warn
	case st.Refused > 0 && st.Live == 0, st.Pods.Phase == store.Forbidden, st.Pods.Phase == store.Failed:
		h.State, h.StateTone = glyphs.Off+" not read", theme.Error
	case !p.opts.Follow:
		h.State, h.StateTone = glyphs.On+" as it was", theme.Text
	default:
		h.State = glyphs.On + " live"
	}
	if err := st.Err; err != nil {
		h.Problem = p.session.explain(err, "read the logs of "+p.title, place(p.session.Namespace))
	} else if st.Pods.Err != nil {
		h.Problem = p.session.explain(st.Pods.Err, "list pods", place(p.session.Namespace))
	}
	return h
}

// View draws the window.
func (p *logPage) View(width, height int) string {
	p.window.SetSize(width, height)
	p.window.SetStatus(p.status())
	return p.window.View()
}

func (p *logPage) status() logview.Status {
	st := p.log.Status()
	word := "containers"
	if st.Sources == 1 {
		word = "container"
	}
	out := logview.Status{
		Facts:   []logview.Fact{{Text: fmt.Sprintf("%d %s", st.Sources, word)}},
		Sources: st.Sources, Lines: st.Lines, Gone: st.Evicted.Lines, Cut: st.Capped,
		Filter: p.only, Search: p.search != nil, Empty: "no lines yet",
	}
	if p.opts.Bytes > 0 {
		out.Limit = byteCount(int64(p.opts.Bytes))
	} else {
		out.Limit = byteCount(logs.DefaultBytes)
	}
	if st.Broken > 0 {
		out.Facts = append(out.Facts, logview.Fact{Text: fmt.Sprintf("%d reconnecting", st.Broken), Tone: theme.Warn})
	}
	if st.Refused > 0 {
		out.Facts = append(out.Facts, logview.Fact{Text: fmt.Sprintf("%d not readable", st.Refused), Tone: theme.Error})
	}
	if st.Waiting > 0 {
		out.Facts = append(out.Facts, logview.Fact{Text: fmt.Sprintf("%d waiting", st.Waiting), Tone: theme.Muted})
	}
	const buckets = 12
	rates := p.log.Rates(-1, buckets)
	for i := range rates.Lines {
		out.Rates = append(out.Rates, logview.Rate{Lines: float64(rates.Lines[i]), Errors: float64(rates.Errors[i])})
	}
	if n := len(rates.Lines); n > 1 { // the last one is not over yet
		out.Rate = float64(rates.Lines[n-2]) / logs.BucketWidth.Seconds()
		out.ErrorRate = float64(rates.Errors[n-2]) / logs.BucketWidth.Seconds()
	}
	if p.filter != nil {
		if m := p.filter.Matches(); m.Complete() {
			out.Empty = "no line matches " + p.only
		} else {
			done, of := m.Progress()
			out.Empty = fmt.Sprintf("looking for %s: %s of %s lines", p.only, thousands(done), thousands(of))
		}
	}
	if p.search != nil {
		m := p.search.Matches()
		out.Matches, out.More = m.Count(), !m.Complete()
		if pos, ok := p.window.Cursor(); ok {
			out.Match = m.Rank(p.lines.seq(pos) + 1)
		}
	}
	return out
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
		{ID: keymap.LogFilter, Run: p.askFilter},
		{ID: keymap.LogError, Run: func() tea.Msg { return p.jumpError(1) }},
		{ID: keymap.LogErrorBack, Quiet: true, Run: func() tea.Msg { return p.jumpError(-1) }},
		{ID: keymap.LogExpand, Run: p.expand},
		{ID: keymap.LogNext, Quiet: true, Disabled: none, Run: func() tea.Msg { return p.jumpMatch(1) }},
		{ID: keymap.LogPrevious, Quiet: true, Disabled: none, Run: func() tea.Msg { return p.jumpMatch(-1) }},
		{ID: keymap.LogWrap, Run: do(func() { p.wrap = !p.wrap; w.SetWrap(p.wrap) })},
		{ID: keymap.LogFold, Quiet: true, Run: do(func() { p.fold = !p.fold; w.SetFold(p.fold) })},
		{ID: keymap.LogClock, Quiet: true, Run: do(func() { w.SetClock((w.Clock() + 1) % (logview.NoClock + 1)) })},
		{ID: keymap.LogSource, Quiet: true, Run: do(p.turnSource)},
		{ID: keymap.LogColours, Quiet: true, Run: do(func() { p.styled = !p.styled; w.SetStyled(p.styled) })},
		{ID: keymap.LogTime, Quiet: true, Run: p.askTime},
		{ID: keymap.LogMark, Quiet: true, Run: do(w.Mark)},
		{ID: keymap.LogCopy, Quiet: true, Run: p.copy},
		{ID: keymap.LogSave, Quiet: true, Run: p.askSave},
		{ID: keymap.ContextSwitch, Quiet: true, Run: func() tea.Msg { return ui.Pick(p.session.contexts()) }},
	}
	actions = append(actions, p.session.common()...)
	switch {
	case p.search != nil:
		actions = append(actions, ui.Action{ID: keymap.GoBack, Title: "end search", Quiet: true, Run: do(func() { p.setSearch("") })})
	case p.filter != nil:
		actions = append(actions, ui.Action{ID: keymap.GoBack, Title: "show all lines", Quiet: true, Run: do(func() { p.setFilter("") })})
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
	if p.source == logview.SourceNever {
		p.source = logview.SourceAlways
	} else {
		p.source = logview.SourceNever
	}
	p.window.SetSourceColumn(p.source)
}

func notQuery(text string) string {
	if _, err := logs.ParseQuery(text); err != nil {
		return err.Error()
	}
	return ""
}

func (p *logPage) askSearch() tea.Msg {
	before := p.marked
	return ui.Ask(ui.Prompt{
		Label: "/", Text: before, Hint: "text  /regex/  !not  level>=warn status>=500", Problem: notQuery,
		Changed: func(text string) tea.Msg {
			if notQuery(text) == "" {
				p.setSearch(text)
			}
			return nil
		},
		Cancel: func() tea.Msg { p.setSearch(before); return nil },
		Accept: func(text string) tea.Msg {
			p.setSearch(text)
			if text == "" {
				return nil
			}
			return p.jumpMatch(-1)
		},
	})
}

func (p *logPage) setSearch(text string) {
	if text == p.marked {
		return
	}
	p.search.end()
	p.marked, p.search = text, p.find(text, logs.SearchOptions{})
	p.lines.marked = nil
	if p.search != nil {
		p.lines.marked = p.search.query
	}
	p.window.Refresh()
}

func (p *logPage) askFilter() tea.Msg {
	before := p.only
	return ui.Ask(ui.Prompt{
		Label: "only ", Text: before, Hint: "text  /regex/  !not  level>=warn status>=500", Problem: notQuery,
		Changed: func(text string) tea.Msg {
			if notQuery(text) == "" {
				p.setFilter(text)
			}
			return nil
		},
		Cancel: func() tea.Msg { p.setFilter(before); return nil },
		Accept: func(text string) tea.Msg { p.setFilter(text); return nil },
	})
}

// setFilter shows only the records in which something matches.
func (p *logPage) setFilter(text string) {
	if text == p.only {
		return
	}
	p.filter.end()
	p.only, p.filter = text, p.find(text, logs.SearchOptions{Records: true})
	lines := &logLines{log: p.log, marked: p.lines.marked, folder: p.lines.folder}
	p.lines = lines
	p.look()
	p.window.SetLines(lines)
}

func (p *logPage) jumpError(step int) tea.Msg {
	return p.jump(p.errors, step, "error")
}

func (p *logPage) jumpMatch(step int) tea.Msg { return p.jump(p.search, step, "match") }

// jump goes to the next line that a search has found, up if step is negative.
func (p *logPage) jump(in *searching, step int, word string) tea.Msg {
	if in == nil {
		return nil
	}
	m := in.Matches()
	ok := p.window.Jump(func(from uint64) (uint64, bool) {
		seq := p.lines.seq(from)
		for {
			var ok bool
			if step > 0 {
				seq, ok = m.Next(seq)
			} else {
				seq, ok = m.Previous(seq)
			}
			if !ok {
				return 0, false
			}
			// A filter may hide it.
			if pos := p.lines.position(seq); pos < p.lines.Next() && p.lines.seq(pos) == seq {
				return pos, true
			}
		}
	})
	if ok {
		return nil
	}
	where := "after this line"
	if step < 0 {
		where = "before this line"
	}
	if !m.Complete() {
		where += " so far: still looking"
	}
	return ui.Toast(theme.Muted, "no "+word+" "+where)
}

func (p *logPage) askTime() tea.Msg {
	return ui.Ask(ui.Prompt{
		Label: "go to ", Hint: "14:05, 14:05:30, or 10m ago",
		Problem: func(text string) string {
			if _, err := p.parseTime(text); err != nil && text != "" {
				return err.Error()
			}
			return ""
		},
		Accept: func(text string) tea.Msg {
			if at, err := p.parseTime(text); err == nil {
				p.window.GoToTime(at)
			}
			return nil
		},
	})
}

// parseTime reads a time of today or yesterday, whichever was last, or an age.
func (p *logPage) parseTime(text string) (time.Time, error) {
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "ago"))
	now := p.session.Now()
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{"15:04:05", "15:04", time.DateTime, time.RFC3339} {
		at, err := time.ParseInLocation(layout, text, now.Location())
		if err != nil {
			continue
		}
		if at.Year() == 0 {
			at = time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), at.Second(), 0, now.Location())
			if at.After(now) {
				at = at.AddDate(0, 0, -1)
			}
		}
		return at, nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: type 14:05, 2026-03-04 14:05:00, or 10m ago", text)
}

// copy copies the line under the cursor or the marked block, as written.
func (p *logPage) copy() tea.Msg {
	first, last, ok := p.window.Block()
	if !ok {
		return ui.Toast(theme.Warn, "there is no line to copy")
	}
	text, n := p.text(first, last)
	return ui.Copy(text, thousands(n)+" lines")
}

// text returns the lines of some positions as they were written.
func (p *logPage) text(first, last uint64) (string, int) {
	var b strings.Builder
	n := 0
	for pos := first; pos <= last; pos++ {
		if l, _, ok := p.lines.at(pos); ok {
			b.WriteString(l.Text() + "\n")
			n++
		}
	}
	return b.String(), n
}

func (p *logPage) askSave() tea.Msg {
	name := "logs-" + strings.NewReplacer("/", "-", " ", "-").Replace(p.title) + ".log"
	return ui.Ask(ui.Prompt{Label: "save what is shown to: ", Text: name, Accept: func(path string) tea.Msg {
		if strings.TrimSpace(path) == "" {
			return ui.Toast(theme.Muted, "not saved: no file was named")
		}
		if p.lines.Next() == p.lines.First() {
			return ui.Toast(theme.Warn, "there is nothing to save")
		}
		text, n := p.text(p.lines.First(), p.lines.Next()-1)
		return ui.Start(ui.Task{Title: "save " + path, Run: func(context.Context, func(string)) tea.Msg {
			f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the user named it
			if err != nil {
				return ui.Toast(theme.Error, "not saved: "+sanitize.Line(err.Error()))
			}
			_, err = f.WriteString(text)
			if closed := f.Close(); err == nil {
				err = closed
			}
			if err != nil {
				return ui.Toast(theme.Error, "not all is saved: "+sanitize.Line(err.Error()))
			}
			return ui.Toast(theme.OK, fmt.Sprintf("saved %s lines to %s", thousands(n), path))
		}})
	}})
}

// logActions are the ways to the logs of what is selected.
func (l *list[T]) logActions() []ui.Action {
	selections, title := l.logSelections()
	if len(selections) == 0 {
		return nil
	}
	open := func(previous bool) func() tea.Msg {
		return func() tea.Msg { return l.session.openLogs(title, previous, selections) }
	}
	return []ui.Action{
		{ID: keymap.LogsOpen, Run: open(false)},
		{ID: keymap.LogsPrevious, Quiet: true, Run: open(true)},
	}
}

// logSelections are the pods of what is selected, and what they are called
// together.
func (l *list[T]) logSelections() ([]logs.Selection, string) {
	var selections []logs.Selection
	title := ""
	for _, o := range l.selection() {
		ref := l.res.ref(o)
		sel := logs.Selection{Namespace: ref.Namespace}
		switch scope, ok := l.podsOf(o); {
		case ref.GVR.Resource == "pods":
			uid := ref.UID
			sel.Pod = ref.Name
			sel.Match = func(p *object.Pod) bool { return uid == "" || p.UID == uid }
			if l.res.Container != nil {
				sel.Container = l.res.Container(o)
			}
		case ok:
			sel.Namespace, sel.Labels, sel.Fields = scope.Namespace, scope.Labels, scope.Fields
			if owner := scope.Owner; owner != "" {
				sel.Match = func(p *object.Pod) bool { return p.Owner != nil && p.Owner.UID == owner }
			}
		default:
			continue
		}
		selections = append(selections, sel)
		if title == "" {
			title = ref.String()
			if sel.Container != "" {
				title += " " + sel.Container
			}
		}
	}
	if n := len(selections); n > 1 {
		title = fmt.Sprintf("%d %s", n, l.res.Name)
	}
	return selections, title
}

func (l *list[T]) podsOf(o T) (Scope, bool) {
	if l.res.Pods == nil {
		return Scope{}, false
	}
	return l.res.Pods(o)
}
