package views

import (
	"errors"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube/filter"
	"quarterdeck/ui"
)

// Actions are what can be done with the list and its selected object.
func (l *list[T]) Actions() []ui.Action {
	selected, ok := l.table.Selected()
	none := ""
	if !ok {
		none = "no row is selected"
	}
	on := func(run func(T) tea.Msg) func() tea.Msg { return func() tea.Msg { return run(selected) } }

	actions := []ui.Action{
		{ID: keymap.GoOpen, Disabled: none, Run: l.enter},
		{ID: keymap.ListFilter, Run: l.askFilter},
		{ID: keymap.ObjectDescribe, Disabled: none, Run: on(l.describe)},
		{ID: keymap.ObjectYAML, Disabled: none, Run: on(l.yaml)},
		{ID: keymap.ObjectEvents, Disabled: none, Run: on(l.events)},
		{ID: keymap.ObjectExplain, Disabled: none, Run: on(l.explain)},
		{ID: keymap.NamespaceSwitch, Run: func() tea.Msg { return ui.Pick(l.session.namespaces(l.reopen)) }},
	}
	if l.res.More != nil {
		actions = append(actions, l.res.More(l.session, l.chosen())...)
	}
	if l.res.Own == nil {
		actions = append(actions, l.logActions()...)
		actions = overridden(l.session.actions(l.chosen()), actions)
	}
	actions = append(actions, []ui.Action{
		{ID: keymap.ListSort, Quiet: true, Run: l.askSort},
		{ID: keymap.ListWide, Quiet: true, Run: func() tea.Msg { l.table.SetWide(!l.table.Wide()); return nil }},
		{ID: keymap.ListDetail, Quiet: true, Run: l.toggleDetail},
		{ID: keymap.SortLeft, Quiet: true, Run: func() tea.Msg { return l.sortNext(-1) }},
		{ID: keymap.SortRight, Quiet: true, Run: func() tea.Msg { return l.sortNext(1) }},
		{ID: keymap.SortReverse, Quiet: true, Run: func() tea.Msg { return l.sortBy(l.sortID, !l.desc) }},
		{ID: keymap.NamespaceAll, Quiet: true, Run: func() tea.Msg { return l.reopen("") }},
		{ID: keymap.ContextSwitch, Quiet: true, Run: func() tea.Msg { return ui.Pick(l.session.contexts()) }},
		{ID: keymap.MarkToggle, Quiet: true, Disabled: none, Run: func() tea.Msg { l.table.ToggleMark(); return nil }},
		{ID: keymap.MarkRange, Quiet: true, Disabled: none, Run: func() tea.Msg { l.table.MarkRange(); return nil }},
		{ID: keymap.MarkNone, Quiet: true, Run: func() tea.Msg { l.table.ClearMarks(); return nil }},
		{ID: keymap.CopyName, Quiet: true, Disabled: none, Run: l.copyNames},
		{ID: keymap.CopyCell, Quiet: true, Disabled: none, Run: l.askCell},
		{ID: keymap.AppRefresh, Quiet: true, Run: l.refresh},
	}...)
	if ok {
		actions = append(actions, l.links(selected)...)
	}
	if l.res.Root != nil {
		actions = append(actions,
			ui.Action{ID: keymap.TreeToggle, Disabled: none, Run: func() tea.Msg { return l.fold(selected, nil) }},
			ui.Action{ID: keymap.TreeExpand, Quiet: true, Disabled: none, Run: func() tea.Msg { open := true; return l.fold(selected, &open) }},
			ui.Action{ID: keymap.TreeCollapse, Quiet: true, Disabled: none, Run: func() tea.Msg { open := false; return l.fold(selected, &open) }},
		)
	}
	if ok && l.res.Own != nil {
		actions = overridden(actions, l.res.Own(l.session, selected))
	}
	if ok && l.res.Own == nil {
		if a, traced := l.session.traceAction(l.res.ref(selected)); traced && !l.session.taken(a.ID, actions) {
			actions = append(actions, a)
		}
	}
	actions = overridden(l.session.common(), actions)
	if l.filterText != "" {
		actions = append(actions, ui.Action{ID: keymap.GoBack, Title: "clear filter", Quiet: true, Run: func() tea.Msg { return l.setFilter("") }})
	}
	return inOrder(actions, l.res.First)
}

// taken reports whether a key of an action means another one of a view's already.
func (s *Session) taken(id keymap.ActionID, actions []ui.Action) bool {
	mine, _ := s.Keys.Binding(id)
	return slices.ContainsFunc(actions, func(a ui.Action) bool {
		other, _ := s.Keys.Binding(a.ID)
		return slices.ContainsFunc(other.Keys, func(key string) bool { return slices.Contains(mine.Keys, key) })
	})
}

// inOrder returns actions, those of first before the others.
func inOrder(actions []ui.Action, first []keymap.ActionID) []ui.Action {
	place := func(a ui.Action) int {
		if i := slices.Index(first, a.ID); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortStableFunc(actions, func(a, b ui.Action) int { return place(a) - place(b) })
	return actions
}

// overridden returns the actions of own, and those of general that own has not.
func overridden(general, own []ui.Action) []ui.Action {
	return append(slices.Clip(own), slices.DeleteFunc(general, func(a ui.Action) bool {
		return slices.ContainsFunc(own, func(b ui.Action) bool { return a.ID == b.ID })
	})...)
}

// links are the ways from an object to those around it.
func (l *list[T]) links(o T) []ui.Action {
	m := o.Head()
	s := l.session
	var actions []ui.Action
	owner := ui.Action{ID: keymap.GoOwner, Quiet: true, Run: func() tea.Msg { return s.openOwner(m) }}
	if m.Owner == nil {
		owner.Disabled = "nothing owns " + m.Name
	}
	actions = append(actions, owner)
	if l.res.Node != nil {
		node := l.res.Node(o)
		a := ui.Action{ID: keymap.GoNode, Quiet: true, Run: func() tea.Msg { return s.openNode(node) }}
		if node == "" {
			a.Disabled = m.Name + " is on no node yet"
		}
		actions = append(actions, a)
	}
	switch {
	case l.res.Changes != nil:
		actions = append(actions, l.res.Changes(s, o))
	case l.res.Own == nil && !runsAgain(l.res.ref(o)):
		actions = append(actions, s.changesAction(l.res.ref(o)))
	}
	if a, ok := s.rolloutAction(l.res.ref(o), m.Owner); ok && l.res.Own == nil {
		actions = append(actions, a)
	}
	if a, ok := s.policiesAction(l.res.ref(o)); ok && l.res.Own == nil {
		actions = append(actions, a)
	}
	if l.res.Pods != nil {
		scope, ok := l.res.Pods(o)
		a := ui.Action{ID: keymap.GoPods, Quiet: true, Run: func() tea.Msg { return s.openPods(scope) }}
		if !ok {
			a.Disabled = l.res.ref(o).String() + " selects no pods"
		}
		actions = append(actions, a)
	}
	if m.Namespace != "" {
		actions = append(actions, ui.Action{ID: keymap.NamespaceHere, Quiet: true, Run: func() tea.Msg { return l.reopen(m.Namespace) }})
	}
	return actions
}

// fold shows or hides what belongs to a row; a nil open turns it around. To hide
// what is hidden already folds the row that it belongs to.
func (l *list[T]) fold(o T, open *bool) tea.Msg {
	uid := o.Head().UID
	is := l.scope.folds.isOpen(uid)
	want := !is
	if open != nil {
		want = *open
	}
	if !want && !is {
		root, _ := l.res.Root(o)
		uid = root.Head().UID
		l.table.Select(string(uid))
	}
	l.scope.folds.set(uid, want)
	return l.project()
}

func (l *list[T]) enter() tea.Msg {
	o, ok := l.table.Selected()
	if !ok {
		return nil
	}
	if l.res.Enter != nil {
		return l.res.Enter(l.session, o)
	}
	return l.yaml(o)
}

func (l *list[T]) yaml(o T) tea.Msg     { return ui.Push(yamlFrame(l.session, l.res.ref(o))) }
func (l *list[T]) describe(o T) tea.Msg { return ui.Push(describeFrame(l.session, l.res.ref(o))) }
func (l *list[T]) explain(o T) tea.Msg  { return ui.Push(explainFrame(l.session, l.res.ref(o))) }
func (l *list[T]) events(o T) tea.Msg   { return ui.Push(eventsFrame(l.session, l.res.ref(o))) }

// reopen shows the resource in another namespace.
func (l *list[T]) reopen(namespace string) tea.Msg {
	return ui.Root(l.res.Frame(l.session.In(namespace), Scope{}))
}

// refresh lists again: what is there stays on screen meanwhile.
func (l *list[T]) refresh() tea.Msg {
	l.session.again()
	return nil
}

func (l *list[T]) askFilter() tea.Msg {
	before := l.filterText
	return ui.Ask(ui.Prompt{
		Label: "/", Text: before, Hint: "text  /regex/  !not  -l app=web  restarts>3 age<10m",
		History: l.session.filters(),
		// While somebody types, only what is settled is in force: the header says
		// what that is.
		Changed: func(s string) tea.Msg {
			text, _ := filter.Settled(s, filterColumns(l.cols))
			return l.setFilter(text)
		},
		Note: func(s string) string {
			if _, column := filter.Settled(s, filterColumns(l.cols)); column != "" {
				return "column " + column + ": go on with = != > < ~, or enter: as text"
			}
			return ""
		},
		Problem: func(s string) string {
			_, err := filter.Parse(s, filterColumns(l.cols))
			var at *filter.Error
			if errors.As(err, &at) {
				return at.Err.Error() // it can be seen where
			}
			return ""
		},
		Complete: l.completeFilter,
		Cancel:   func() tea.Msg { return l.setFilter(before) },
		Accept: func(s string) tea.Msg {
			l.session.rememberFilter(s)
			return l.setFilter(s)
		},
	})
}

// completeFilter completes the column at the end of a filter, as far as all
// columns that it may be agree.
func (l *list[T]) completeFilter(s string) string {
	c := filter.Complete(s, len(s), filterColumns(l.cols))
	if len(c.Words) == 0 {
		return s
	}
	word := c.Words[0]
	for _, other := range c.Words[1:] {
		n := 0
		for n < min(len(word), len(other)) && word[n] == other[n] {
			n++
		}
		word = word[:n]
	}
	if len(word) < c.To-c.From {
		return s
	}
	return s[:c.From] + word
}

func (l *list[T]) askSort() tea.Msg {
	p := &ui.Picker{Title: "sort by"}
	for _, c := range l.cols {
		p.Items = append(p.Items, ui.Item{
			Label: strings.ToLower(c.Title), Detail: sortHint(c.ID == l.sortID, l.desc), Current: c.ID == l.sortID,
			Run: func() tea.Msg { return l.sortBy(c.ID, c.ID == l.sortID && !l.desc) },
		})
	}
	return ui.Pick(p)
}

func sortHint(current, desc bool) string {
	switch {
	case !current:
		return ""
	case desc:
		return "now, falling; again: rising"
	}
	return "now, rising; again: falling"
}

// sortNext sorts by the visible column n places to the right.
func (l *list[T]) sortNext(n int) tea.Msg {
	cols := l.table.Columns()
	at := 0
	for i, c := range cols {
		if c.ID == l.sortID || (l.sortID == "" && c.ID == "name") {
			at = i
		}
	}
	at = max(0, min(at+n, len(cols)-1))
	return l.sortBy(cols[at].ID, false)
}

func (l *list[T]) toggleDetail() tea.Msg {
	if l.paneShown {
		l.detail = DetailOff
	} else {
		l.detail = DetailOn
	}
	return nil
}

// selection returns the marked objects, or the one under the cursor.
func (l *list[T]) selection() []T {
	if marked, _ := l.table.Marked(); len(marked) > 0 {
		return marked
	}
	if o, ok := l.table.Selected(); ok {
		return []T{o}
	}
	return nil
}

// chosen is what verbs are done to.
func (l *list[T]) chosen() chosen {
	objects, hidden := l.table.Marked()
	if o, ok := l.table.Selected(); ok && len(objects) == 0 {
		objects = []T{o}
	}
	sel := chosen{hidden: hidden}
	for _, o := range objects {
		t := target{Ref: l.res.ref(o), row: o}
		if l.res.Container != nil {
			t.container = l.res.Container(o)
		}
		sel.targets = append(sel.targets, t)
	}
	return sel
}

func (l *list[T]) copyNames() tea.Msg {
	var names []string
	for _, o := range l.selection() {
		names = append(names, o.Head().Name)
	}
	what := strings.Join(names, "")
	if len(names) != 1 {
		what = thousands(len(names)) + " names"
	}
	return ui.Copy(strings.Join(names, "\n"), what)
}

func (l *list[T]) askCell() tea.Msg {
	o, ok := l.table.Selected()
	if !ok {
		return nil
	}
	p := &ui.Picker{Title: "copy"}
	for _, c := range l.cols {
		value := c.Value(o, l.env).Format(l.env.Now)
		p.Items = append(p.Items, ui.Item{
			Label: strings.ToLower(c.Title), Detail: value,
			Run: func() tea.Msg { return ui.Copy(value, strings.ToLower(c.Title)+" "+value) },
		})
	}
	return ui.Pick(p)
}
