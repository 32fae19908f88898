package views

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube/filter"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/table"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// list is the view of a resource: a table that follows its source.
//
// Data flows one way. A Cmd waits for the source to change; then another, the
// only one at a time, takes the changes into the projection and returns rows;
// the table shows them, and waiting starts again.
type list[T store.Object] struct {
	res     *Resource[T]
	session *Session
	scope   Scope

	own     []Column[T] // the resource's or the server's
	cols    []Column[T] // with those that every list has
	table   *table.Table[T]
	env     *Env
	metrics *metrics.Snapshot
	// unmeasured says that there is nothing to ask for the columns of usage.
	unmeasured bool

	source source[T] // nil while hidden
	usage  *metrics.Subscription
	ctx    context.Context
	cancel context.CancelFunc
	status store.Status

	proj       *projection[T] // belongs to the Cmd while projecting
	projecting bool
	waiting    bool // a Cmd waits for the source to change
	again      bool // something changed while projecting
	resort     bool // the order changed since the last projection
	lastCost   time.Duration

	filter     *filter.Filter
	filterText string
	sortID     string
	desc       bool
	total      int // rows before the filter
	detail     Detail
	paneShown  bool
	moved      store.Signal // receives when the cursor or the row under it has changed
	studies    studies
	bannerRows int  // above the table, shown last
	adopted    bool // own are the server's columns
	asking     bool // a list of everything in the new columns is due
	asked      time.Time
}

func newList[T store.Object](r *Resource[T], s *Session, scope Scope) *list[T] {
	if scope.Namespace == "" && !scope.AllNamespaces {
		scope.Namespace = s.Namespace
	}
	scope.folds = &folds{}
	l := &list[T]{
		res: r, session: s, scope: scope, table: table.New[T](s.Theme),
		env: &Env{Now: s.Now(), Glyphs: &s.Theme.Glyphs, Keys: s.Keys}, sortID: r.Sort, desc: r.Desc, detail: s.Settings.Detail,
		proj: &projection[T]{}, resort: true, unmeasured: !s.Settings.Metrics, moved: store.NewSignal(),
	}
	l.setColumns(r.Columns)
	if f, err := filter.Parse(scope.Filter, filterColumns(l.cols)); err == nil {
		l.filter, l.filterText = f, scope.Filter
	}
	l.table.SetRowTone(r.Tone)
	l.table.SetWide(s.Settings.Wide)
	l.table.SetLoading(true)
	l.markSort()
	return l
}

type (
	usageMsg                struct{}
	changedMsg              struct{}
	listAgainMsg            struct{}
	rowsMsg[T store.Object] struct {
		rows   rows[T]
		cols   []Column[T] // new ones of the server, nil if there are none
		status store.Status
		cost   time.Duration
		env    *Env
		gone   []string // keys of marked rows whose objects are deleted
	}
)

// Show subscribes to the source.
func (l *list[T]) Show() tea.Cmd {
	l.session.enter()
	if l.source != nil {
		return nil
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.source = l.res.open(l.session, l.scope)
	l.proj = &projection[T]{} // the rows of the old one may stay on screen for a while
	l.waiting, l.asking = false, false
	l.studies.key = nil // what was under way has ended
	return tea.Batch(l.wait(0), l.showUsage(), l.waitRested())
}

// Hide gives the subscription back.
func (l *list[T]) Hide() {
	if l.source == nil {
		return
	}
	l.cancel()
	l.source.Close()
	l.source = nil
	if l.usage != nil {
		l.usage.Close()
		l.usage = nil
	}
}

// Close ends the view.
func (l *list[T]) Close() { l.Hide() }

// wait returns a Cmd that ends when the source has changed, and not before
// pause is over.
func (l *list[T]) wait(pause time.Duration) tea.Cmd {
	if l.waiting {
		return nil
	}
	l.waiting = true
	ctx, changed := l.ctx, l.source.Changed()
	return ui.Deliver(l, func() tea.Msg {
		if !until(ctx, changed, pause) {
			return nil
		}
		return changedMsg{}
	})
}

// until waits for a change, and then for a pause. It reports whether both have
// come before ctx ended.
func until(ctx context.Context, changed <-chan struct{}, pause time.Duration) bool {
	select {
	case <-changed:
	case <-ctx.Done():
		return false
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// project returns a Cmd that makes new rows, unless one is under way already.
func (l *list[T]) project() tea.Cmd {
	if l.projecting || l.source == nil {
		l.again = true
		return nil
	}
	l.projecting, l.again = true, false
	proj, src, env, own, cols, f := l.proj, l.source, l.newEnv(), l.own, l.cols, l.filter
	resort, root, server := l.resort, l.res.Root, l.res.ServerColumns
	l.resort = false
	marked := l.marked()
	col := find(l.cols, l.sortID)
	// Each projection has an Env of its own: the last one's is the view's now.
	proj.compare = order(col, l.desc, env, root)
	proj.dynamic = col != nil && col.Dynamic
	return ui.Deliver(l, func() tea.Msg {
		start := time.Now()
		delta, status := src.Take()
		var news []Column[T]
		if server != nil {
			news = server(delta.Added, own)
		}
		proj.apply(delta)
		if resort && !delta.Reset {
			proj.resort()
		}
		r := proj.rows(matcher(f, cols, env, root))
		gone := proj.missing(marked, src)
		return rowsMsg[T]{rows: r, cols: news, status: status, cost: time.Since(start), env: env, gone: gone}
	})
}

// marked returns the keys of the marked rows.
func (l *list[T]) marked() map[string]bool {
	if l.table.MarkCount() == 0 {
		return nil
	}
	keys := map[string]bool{}
	marked, _ := l.table.Marked()
	for _, o := range marked {
		keys[string(o.Head().UID)] = true
	}
	return keys
}

func (l *list[T]) newEnv() *Env {
	return &Env{Now: l.session.Now(), Metrics: l.metrics, Glyphs: &l.session.Theme.Glyphs, Keys: l.session.Keys}
}

// Update handles what the list's Cmds found.
func (l *list[T]) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case changedMsg:
		l.waiting = false
		return l.project()
	case usageMsg:
		return l.setUsage()
	case rowsMsg[T]:
		return l.setRows(msg)
	case restedMsg:
		return tea.Batch(l.look(), l.waitRested())
	case studiedMsg:
		l.learned(msg)
	case listAgainMsg:
		l.asking, l.asked = false, l.session.Now()
		l.session.Client.Stores.Again()
	}
	return nil
}

func (l *list[T]) setRows(msg rowsMsg[T]) tea.Cmd {
	l.projecting = false
	if l.source == nil {
		return nil // hidden meanwhile: the next Show begins anew
	}
	l.env, l.status = msg.env, msg.status
	l.env.Metrics = l.metrics // which may have come while the rows were made
	l.lastCost = msg.cost
	loading := msg.status.Phase == store.Syncing
	// Who comes back after the store has gone sees what was there, and the cursor
	// on it, until the new list has as much.
	if !loading || msg.rows.total >= l.total {
		l.total = msg.rows.total
		l.table.SetRows(msg.rows)
	} else {
		l.proj.discard()
	}
	if !loading {
		l.table.RetainMarks(func(key string, _ T) bool { return !slices.Contains(msg.gone, key) })
	}
	// Not before the last rows are in: they may come above the first.
	l.table.SetLoading(loading)
	l.moved.Send()
	l.session.note(msg.status, l.problem())
	if next := l.fallback(); next != nil {
		return next
	}
	var adopted tea.Cmd
	if msg.cols != nil {
		adopted = l.adoptColumns(msg.cols)
	}
	if l.again {
		return tea.Batch(adopted, l.project(), l.wait(l.pause()))
	}
	return l.wait(l.pause())
}

// pause is how long to leave changes alone after a projection: so long that
// projecting costs a fraction of a core at most.
func (l *list[T]) pause() time.Duration {
	if l.status.Phase == store.Syncing {
		return 50 * time.Millisecond // the count should be seen to grow
	}
	return max(l.session.Settings.Refresh, 4*l.lastCost)
}

// fallback returns a Cmd that goes to one namespace where all may not be
// listed and nobody asked for all.
func (l *list[T]) fallback() tea.Cmd {
	s := l.session
	if l.status.Phase != store.Forbidden || s.Fallback == "" || s.Namespace != "" || !l.res.Kind.Namespaced {
		return nil
	}
	to := s.In(s.Fallback)
	return tea.Batch(
		ui.Send(ui.Replace(l.res.Frame(to, Scope{}))),
		ui.Send(ui.Toast(theme.Warn, fmt.Sprintf("you may not list %s in all namespaces: this is %q, n chooses another", l.res.rows(), s.Fallback))),
	)
}

func (l *list[T]) markSort() {
	id := l.sortID
	if id == "" {
		id = "name"
	}
	l.table.SetSort(id, l.desc)
}

// sortBy changes the order of the rows.
func (l *list[T]) sortBy(id string, desc bool) tea.Msg {
	l.sortID, l.desc, l.resort = id, desc, true
	l.markSort()
	return l.project()
}

// setFilter changes which rows are shown. A filter that does not parse leaves
// the last good one.
func (l *list[T]) setFilter(text string) tea.Msg {
	f, err := filter.Parse(text, filterColumns(l.cols))
	if err != nil {
		return nil // the prompt says why
	}
	l.filter, l.filterText, l.scope.Filter = f, text, text
	return l.project()
}

// Title is the list's part of the path.
func (l *list[T]) Title() string {
	title := l.scope.Title
	if title == "" {
		title = l.res.Name
	}
	if l.filterText != "" {
		title += " /" + l.filterText
	}
	return title
}

// Header says where we are and how good the rows are.
func (l *list[T]) Header() ui.Header {
	h := l.session.header()
	if l.scope.Namespace != "" {
		h.Scope = l.scope.Namespace
	}
	if !l.res.Kind.Namespaced {
		h.Scope = "cluster"
	}
	if l.scope.Title == "" {
		h.Primary = l.res.Primary
	}
	h.Count = l.count()
	l.session.describe(&h, l.status, "list "+l.res.rows(), l.res.place(l.scope))
	if l.table.Len() == 0 {
		h.Problem = "" // it stands where the rows would be, in full
	}
	return h
}

// problem is why the data is not all there, "" if it is.
func (l *list[T]) problem() string {
	var h ui.Header
	l.session.describe(&h, l.status, "list "+l.res.rows(), l.res.place(l.scope))
	return h.Problem
}

func (l *list[T]) count() string {
	var b strings.Builder
	shown := l.table.Len()
	switch l.status.Phase {
	case store.Syncing, store.Forbidden, store.Failed:
		if l.total == 0 {
			return "" // which is not to say that there are none
		}
	case store.Live, store.Stale, store.Partial:
	}
	if n := l.table.MarkCount(); n > 0 {
		b.WriteString(thousands(n) + " marked, ")
	}
	b.WriteString(thousands(shown))
	if shown != l.total {
		b.WriteString(" of " + thousands(l.total))
	}
	return b.String()
}

// thousands returns n with a comma between each three digits.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Scope says that table bindings listen.
func (l *list[T]) Scope() keymap.Scope { return keymap.List }

// Move moves the cursor.
func (l *list[T]) Move(id keymap.ActionID) {
	moveIn(l.table, id)
	l.moved.Send()
}

// Click selects the row on a line, and opens it if it was selected.
func (l *list[T]) Click(line int) tea.Msg {
	line -= l.bannerRows
	before := l.table.SelectedKey()
	if l.table.SelectLine(line) && l.table.SelectedKey() == before {
		return l.enter()
	}
	l.moved.Send()
	return nil
}

// View draws the rows, or says why there are none.
func (l *list[T]) View(width, height int) string {
	l.env.Now = l.session.Now() // the next projection has an Env of its own
	l.env.Width = width
	most := height / 3
	if l.table.Len() == 0 { // and there is nothing else to read
		most = height - height/3
	}
	banner := l.banner(width, most)
	l.bannerRows = len(banner)
	return strings.Join(append(banner, l.body(width, height-len(banner))), "\n")
}

// banner returns the lines above the rows, at most height, the last of which
// says how many are missing.
func (l *list[T]) banner(width, height int) []string {
	if l.res.Banner == nil || height == 0 {
		return nil
	}
	p := textview.New(l.session.Theme)
	p.SetLines(l.res.Banner())
	p.SetWrap(true)
	p.SetSize(width-1, height)
	all := p.Rows()
	p.SetSize(width-1, min(height, all))
	lines := strings.Split(p.View(), "\n")
	if all > height {
		p.SetLines(textview.FromText(fmt.Sprintf("and %d more lines, for which there is no room", all-height+1), theme.Muted))
		p.SetSize(width-1, 1)
		lines[height-1] = p.View()
	}
	for i := range lines {
		lines[i] = " " + lines[i]
	}
	return lines
}

// body draws the rows, and the detail pane if there is one.
func (l *list[T]) body(width, height int) string {
	listWidth, listHeight, pane := l.split(width, height)
	l.table.SetSize(listWidth, listHeight)
	out := l.table.View()
	if l.table.Len() == 0 {
		out = overLines(out, l.session.Theme, l.empty(), listWidth, listHeight)
	}
	if pane == nil {
		return out
	}
	return pane(out)
}

// empty says why there are no rows. An error never looks like "none".
func (l *list[T]) empty() []textview.Line {
	if l.res.Empty != nil && l.status.Phase != store.Syncing && l.filterText == "" {
		return l.res.Empty(l.session, l.problem())
	}
	tone := theme.Muted
	if l.problem() != "" {
		tone = theme.Warn
	}
	return textview.FromText(l.none(), tone)
}

// none says why there are no rows, in a sentence.
func (l *list[T]) none() string {
	where := "in namespace " + l.scope.Namespace
	if l.scope.Namespace == "" || !l.res.Kind.Namespaced {
		where = "in the cluster"
	}
	switch l.status.Phase {
	case store.Syncing:
		return "loading " + l.res.rows()
	case store.Forbidden, store.Failed, store.Partial, store.Stale:
		return l.problem()
	case store.Live:
	}
	if l.filterText != "" && l.total > 0 {
		return fmt.Sprintf("none of %s %s matches /%s", thousands(l.total), l.res.rows(), l.filterText)
	}
	return fmt.Sprintf("no %s %s", l.res.rows(), where)
}

// over puts a text below the titles of an empty table.
func over(out string, th *theme.Theme, tone theme.Tone, text string, width, height int) string {
	if text == "" {
		return out
	}
	return overLines(out, th, textview.FromText(text, tone), width, height)
}

// overLines is over for a text of many tones.
func overLines(out string, th *theme.Theme, text []textview.Line, width, height int) string {
	if height < 2 {
		return out
	}
	p := textview.New(th)
	p.SetLines(text)
	p.SetWrap(true)
	p.SetSize(max(1, min(width-2, 100)), height-1) // longer lines are hard to read
	lines := strings.Split(out, "\n")
	for i, l := range strings.Split(p.View(), "\n") {
		lines[i+1] = " " + l
	}
	return strings.Join(lines, "\n")
}
