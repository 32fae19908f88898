package views

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// frame is the place where a drain can be watched.
func (d *drain) frame(s *Session) ui.Frame {
	return d.podList().Frame(s, Scope{AllNamespaces: true})
}

// podList lists the pods of the drain.
func (d *drain) podList() *Resource[*drainPod] {
	node := text("node", func(r *drainPod) string { return r.node }).middle(10, 24)
	if len(d.nodes) == 1 {
		node = node.wide()
	}
	return &Resource[*drainPod]{
		Kind: store.Kind[*drainPod]{Kind: "Pod", GVR: kube.Local("drain"), Namespaced: true},
		Name: d.title, Sort: "state",
		Columns: []Column[*drainPod]{
			nameColumn[*drainPod](),
			{
				ID: "state", Kind: field.Number, Min: 11,
				Value: func(r *drainPod, _ *Env) field.Value { return field.Int(int(r.state)).WithText(r.state.String()) },
				Tone:  func(r *drainPod, _ *Env) theme.Tone { return r.state.tone() },
			},
			since("for", func(r *drainPod) int64 { return r.since }),
			text("why", func(r *drainPod) string { return r.why }).flex(3, 20),
			node,
		},
		Tone: func(r *drainPod) theme.Tone {
			if r.state == podGone || r.state == podStays {
				return theme.Muted
			}
			return theme.Text
		},
		Open: func(_ *Session, scope Scope) source[*drainPod] {
			return &drainSource[*drainPod]{of: d.of, rows: func() []*drainPod {
				return slices.DeleteFunc(slices.Clone(d.pods), func(r *drainPod) bool { return scope.Namespace != "" && r.Namespace != scope.Namespace })
			}}
		},
		Ref: func(r *drainPod) kube.Ref { return r.ref },
		Enter: func(s *Session, r *drainPod) tea.Msg {
			if r.state == podGone {
				return ui.Toast(theme.Muted, r.Name+" is gone")
			}
			return s.openNamed("Pod", "v1", r.Namespace, r.Name, r.UID)
		},
		Banner: d.banner,
		Own:    func(*Session, *drainPod) []ui.Action { return d.actions() },
	}
}

func (s podState) tone() theme.Tone {
	switch s {
	case podFailed:
		return theme.Error
	case podWaits, podLeft:
		return theme.Warn
	case podEvicting, podTerminating:
		return theme.Busy
	case podGone, podStays, podQueued:
	}
	return theme.Muted
}

// actions are what can be done to the drain as a whole.
func (d *drain) actions() []ui.Action {
	d.of.mu.Lock()
	over, stopped := !d.ended.IsZero(), d.stopped
	d.of.mu.Unlock()
	undo := ui.Action{ID: keymap.ActionUndo, Title: "uncordon", Run: func() tea.Msg { return d.session.startUndo(d.cordons()) }}
	if !over {
		undo.Disabled = "the drain still runs: " + d.session.Keys.Label(keymap.TaskCancel) + " cancels it"
		stop := ui.Action{ID: keymap.TaskCancel, Title: "cancel drain", Quiet: true, Run: func() tea.Msg {
			d.stop()
			return ui.Toast(theme.Muted, "cancelling: no further pod is evicted")
		}}
		if stopped {
			stop.Disabled = "it is being cancelled"
		}
		return []ui.Action{stop, undo}
	}
	why, readOnly := d.session.Client.Guard.ReadOnly()
	switch {
	case readOnly:
		undo.Disabled = "read-only: " + why
	case len(d.cordons().changes) == 0:
		undo.Disabled = "there is nothing to undo: the cordon is undone, or was there before"
	}
	return []ui.Action{undo}
}

// banner says how far the drain is, or what became of it.
func (d *drain) banner() []textview.Line {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	if !d.ended.IsZero() {
		tone, text := d.result()
		if tone == theme.Muted {
			tone = theme.Warn
		}
		return []textview.Line{{{Text: text, Tone: tone}}}
	}
	line := textview.Line{}
	for i, n := range d.nodes {
		if n.state == nodeDraining && len(d.nodes) > 1 {
			line = append(line, textview.Span{Text: fmt.Sprintf("node %d of %d: %s  ", i+1, len(d.nodes), n.plan.Node.Name), Tone: theme.Title})
		}
	}
	counts := map[podState]int{}
	moving := 0
	for _, r := range d.pods {
		counts[r.state]++
		if r.state != podStays {
			moving++
		}
	}
	doing := "draining  "
	if d.stopped {
		doing = "cancelling  "
	}
	line = append(line,
		textview.Span{Text: doing, Tone: theme.Busy},
		textview.Span{Text: fmt.Sprintf("%d of %s gone", counts[podGone], counted(moving, "pod", "pods")), Tone: theme.Title})
	for _, s := range []podState{podFailed, podWaits, podEvicting, podTerminating, podQueued, podStays} {
		if n := counts[s]; n > 0 {
			word := s.String()
			if s == podStays && n > 1 {
				word = "stay"
			}
			line = append(line, textview.Span{Text: fmt.Sprintf(", %d %s", n, word), Tone: s.tone()})
		}
	}
	age := field.Age(int64(d.session.Now().Sub(d.began).Seconds()))
	lines := []textview.Line{append(line, textview.Span{Text: "   " + age, Tone: theme.Muted})}
	for _, why := range d.obstacles() {
		lines = append(lines, textview.Line{{Text: why, Tone: theme.Warn}})
	}
	return lines
}

// obstacles are what pods wait for, each once: in the rows a reason has little
// room. The mutex of the drains is held.
func (d *drain) obstacles() []string {
	var found []string
	for _, r := range d.pods {
		if r.state == podWaits && !slices.Contains(found, r.why) {
			found = append(found, r.why)
		}
	}
	return found
}

// drainRow is a node of a drain, as a row of the list of drains. It does not
// change.
type drainRow struct {
	store.Meta
	drain       *drain
	node        kube.Ref
	state, why  string
	tone        theme.Tone
	gone, total int
	took        int64 // seconds, of what is over
}

// drainList lists the nodes that were drained since qd was started.
func drainList() *Resource[*drainRow] {
	return &Resource[*drainRow]{
		Kind: store.Kind[*drainRow]{Kind: "Drain", GVR: kube.Local("drains")},
		Name: "drains", Short: []string{"drain"}, Sort: "begun",
		Columns: []Column[*drainRow]{
			nameColumn[*drainRow](),
			text("state", func(r *drainRow) string { return r.state }).toned(func(r *drainRow, _ *Env) theme.Tone { return r.tone }),
			{
				ID: "gone", Kind: field.Number, Align: cell.Right,
				Value: func(r *drainRow, _ *Env) field.Value { return pair(int64(r.gone), int64(r.total)) },
			},
			text("why", func(r *drainRow) string { return r.why }).flex(2, 16),
			{
				ID: "took", Kind: field.Length, Align: cell.Right,
				Value: func(r *drainRow, _ *Env) field.Value {
					if r.took < 0 {
						return field.Value{}.WithText("-")
					}
					return field.Seconds(r.took)
				},
			},
			since("begun", func(r *drainRow) int64 { return r.Created }),
		},
		Open: func(s *Session, _ Scope) source[*drainRow] {
			return &drainSource[*drainRow]{of: &s.drains, rows: func() []*drainRow { return s.drainRows() }}
		},
		Ref:   func(r *drainRow) kube.Ref { return r.node },
		Enter: func(s *Session, r *drainRow) tea.Msg { return ui.Push(r.drain.frame(s)) },
		Own:   func(_ *Session, r *drainRow) []ui.Action { return r.drain.actions() },
	}
}

// drainRows are the rows of the drains of the session's cluster. The mutex of
// the drains is held.
func (s *Session) drainRows() []*drainRow {
	var rows []*drainRow
	for _, d := range s.drains.all {
		if d.session.Client != s.Client {
			continue
		}
		for _, n := range d.nodes {
			r := &drainRow{
				Meta:  store.Meta{UID: d.uid(n), Name: n.plan.Node.Name, Created: d.began.Unix()},
				drain: d, node: n.plan.Node, gone: n.gone, total: n.total, took: -1,
			}
			if !n.ended.IsZero() {
				r.took = int64(n.ended.Sub(n.began).Seconds())
			}
			r.state, r.why, r.tone = d.stateOf(n)
			rows = append(rows, r)
		}
	}
	return rows
}

// stateOf says how far the drain is with a node. The mutex of the drains is held.
func (d *drain) stateOf(n *drainNode) (state, why string, tone theme.Tone) {
	switch {
	case n.state == nodeDrained:
		return "drained", "", theme.Text
	case n.state == nodeDraining:
		if what := d.waiting(); what != "" {
			why = "waits for " + what
		}
		return "draining", why, theme.Busy
	case n.err != nil && d.stopped:
		return "cancelled", "", theme.Warn
	case n.err != nil:
		return "failed", drainCause(n.err), theme.Error
	case !d.ended.IsZero():
		return "not begun", "", theme.Warn
	}
	return "queued", "", theme.Muted
}

// drainSource makes rows of drains.
type drainSource[T store.Object] struct {
	of      *drains
	rows    func() []T // called with the mutex of the drains held
	changed <-chan struct{}
	loaded  int
}

func (s *drainSource[T]) Changed() <-chan struct{} {
	if s.changed == nil {
		return atOnce()
	}
	return s.changed
}

func (s *drainSource[T]) Close() {}

func (s *drainSource[T]) Status() store.Status {
	return store.Status{Phase: store.Live, Loaded: s.loaded}
}

// Take returns all rows anew: they are few.
func (s *drainSource[T]) Take() (store.Delta[T], store.Status) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.changed = s.of.next()
	rows := s.rows()
	s.loaded = len(rows)
	return store.Delta[T]{Reset: true, Added: rows}, s.Status()
}
