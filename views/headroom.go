package views

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/headroom"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// headroomView opens Headroom in the grouping that was looked at last.
type headroomView struct {
	*Resource[*headroom.Row] // by node: what is printed
}

func headroomList() headroomView { return headroomView{newHeadroomTable(headroom.ByNode).resource()} }

// Frame returns the place of the table.
func (headroomView) Frame(s *Session, scope Scope) ui.Frame {
	return s.headroomFrame(s.grouping(), scope)
}

// headroomFrame returns the place of the table in a grouping.
func (s *Session) headroomFrame(by headroom.Grouping, scope Scope) ui.Frame {
	frame := newHeadroomTable(by).resource().Frame(s, scope)
	frame.Place = headroomName(by)
	return frame
}

// grouping returns the grouping of Headroom that was looked at last.
func (p *Program) grouping() headroom.Grouping {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.groupedBy
}

// regroup shows the table in another grouping.
func (s *Session) regroup(by headroom.Grouping) tea.Msg {
	s.mu.Lock()
	s.groupedBy = by
	s.mu.Unlock()
	return ui.Replace(s.headroomFrame(by, Scope{}))
}

func headroomName(by headroom.Grouping) string {
	if by == headroom.ByNode {
		return "headroom"
	}
	return "headroom by " + by.String()
}

// resource returns the list that shows the table.
func (t *headroomTable) resource() *Resource[*headroom.Row] {
	r := &Resource[*headroom.Row]{
		Kind: store.Kind[*headroom.Row]{
			GVR: kube.Local("headroom"), Kind: "Headroom", Namespaced: t.by == headroom.ByWorkload,
		},
		Name: headroomName(t.by), Short: []string{"hr", "room"}, Primary: keymap.ViewHeadroom,
		Tone: func(r *headroom.Row) theme.Tone {
			if r.Nodes > 0 && r.Closed == r.Nodes {
				return theme.Muted
			}
			return theme.Text
		},
		Open:   func(s *Session, scope Scope) source[*headroom.Row] { return t.open(s, scope) },
		Banner: t.banner,
		Ref:    rowRef,
		Enter:  func(s *Session, r *headroom.Row) tea.Msg { return ui.Push(headroomPageFrame(s, t.by, r)) },
		First: []keymap.ActionID{
			keymap.GoOpen, keymap.HeadroomAsk, keymap.HeadroomGroup, keymap.HeadroomSize, keymap.ListFilter,
		},
	}
	switch t.by {
	case headroom.ByNamespace, headroom.ByWorkload:
		r.Columns = demandColumns(t.by)
		r.Sort, r.Desc = "cpu-req", true
		if t.by == headroom.ByNamespace {
			r.Sort = "quota"
		}
	case headroom.ByNode, headroom.ByZone, headroom.ByPool:
		r.Columns, r.Sort = roomColumns(t.by), "free"
	}
	r.More = func(s *Session, sel chosen) []ui.Action { return s.headroomActions(t.by, sel.rows()) }
	if t.by == headroom.ByNode {
		return r
	}
	r.Own = func(s *Session, row *headroom.Row) []ui.Action {
		if ref := rowRef(row); ref.GVR.Group != kube.Local("").Group {
			return s.actions(chosen{targets: []target{{Ref: ref, row: row}}})
		}
		var actions []ui.Action
		none := "a " + t.by.String() + " is no object of the cluster"
		for _, id := range []keymap.ActionID{keymap.ObjectYAML, keymap.ObjectDescribe, keymap.ObjectEvents, keymap.ObjectExplain} {
			actions = append(actions, ui.Action{ID: id, Quiet: true, Disabled: none, Run: func() tea.Msg { return nil }})
		}
		return actions
	}
	return r
}

// rows are the rows of Headroom among what was chosen.
func (s chosen) rows() []*headroom.Row {
	var rows []*headroom.Row
	for _, t := range s.targets {
		if r, ok := t.row.(*headroom.Row); ok {
			rows = append(rows, r)
		}
	}
	return rows
}

// headroomActions are what can be done with rows besides the verbs of their
// objects.
func (s *Session) headroomActions(by headroom.Grouping, rows []*headroom.Row) []ui.Action {
	all := headroom.Groupings()
	next := all[(slices.Index(all, by)+1)%len(all)]
	return []ui.Action{
		{ID: keymap.HeadroomAsk, Run: func() tea.Msg { return s.askWhatIf(rows) }},
		{ID: keymap.HeadroomGroup, Title: "by " + next.String(), Run: func() tea.Msg { return s.regroup(next) }},
		{ID: keymap.HeadroomSize, Run: func() tea.Msg { return ui.Push(s.sizingFrame()) }},
	}
}

// rowRef names the object that a row is about; zones and pools are none.
func rowRef(r *headroom.Row) kube.Ref {
	switch r.Kind {
	case "Node":
		kind := object.Nodes()
		return kube.Ref{GVR: kind.GVR, Kind: kind.Kind, Name: r.Name}
	case "Namespace":
		kind := object.Namespaces()
		return kube.Ref{GVR: kind.GVR, Kind: kind.Kind, Name: r.Name}
	}
	gv, err := schema.ParseGroupVersion(r.APIVersion)
	if o, ok := known(r.Kind); ok && err == nil && r.APIVersion != "" && o.Names().GVR.Group == gv.Group {
		return kube.Ref{GVR: o.Names().GVR, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
	}
	return kube.Ref{GVR: kube.Local("headroom"), Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
}

// roomColumns are the columns of what has room: nodes, zones, pools.
func roomColumns(by headroom.Grouping) []Column[*headroom.Row] {
	cols := []Column[*headroom.Row]{nameColumn[*headroom.Row]().flex(1, 12).titled(strings.ToUpper(by.String()))}
	for _, m := range measures() {
		cols = append(cols, roomColumn(m))
	}
	cols = append(cols,
		Column[*headroom.Row]{
			ID: "pods", Kind: field.Number, Align: cell.Right, Tone: podsTone,
			Value: func(r *headroom.Row, _ *Env) field.Value {
				if r.Allocatable == nil {
					return field.Int(r.Requested.Pods)
				}
				return pair(r.Requested.Pods, r.Allocatable.Pods)
			},
		},
		Column[*headroom.Row]{
			ID: "free", Kind: field.Text, Align: cell.Right, Rank: freeRank, Min: 10,
			Value: func(r *headroom.Row, _ *Env) field.Value {
				if r.Free == nil {
					return field.Value{}
				}
				return field.Of(cores(r.Free.CPU) + " " + field.Size(r.Free.Memory))
			},
		},
		text("notes", func(r *headroom.Row) string { return strings.Join(roomNotes(r), ", ") }).flex(2, 8).toned(notesTone),
	)
	if by == headroom.ByNode {
		cols = append(cols,
			text("zone", func(r *headroom.Row) string { return cmp.Or(r.Zone, "-") }).middle(4, 16),
			text("pool", func(r *headroom.Row) string { return cmp.Or(r.Pool, "-") }).middle(4, 20))
	} else {
		cols = append(cols, count("nodes", func(r *headroom.Row) int64 { return int64(r.Nodes) }))
	}
	return append(cols,
		Column[*headroom.Row]{
			ID: "ephemeral", Title: "LOCAL DISK", Kind: field.Percent, Align: cell.Right, Wide: true,
			Value: func(r *headroom.Row, _ *Env) field.Value {
				if r.Allocatable == nil {
					return field.Value{}
				}
				return field.PercentOf(r.Requested.Ephemeral, r.Allocatable.Ephemeral).
					WithText(field.Size(r.Requested.Ephemeral) + "/" + field.Size(r.Allocatable.Ephemeral))
			},
		},
		text("others", otherAmounts).wide().between(8, 40),
		count("best-effort", func(r *headroom.Row) int64 { return int64(r.BestEffort) }).wide(),
		text("taints", func(r *headroom.Row) string {
			if r.Node == nil {
				return ""
			}
			return strings.Join(r.Node.Taints, ",")
		}).wide().between(8, 40),
	)
}

// roomColumn says how much of one resource is requested, may be used and is used,
// in percent of what there is.
func roomColumn(m measure) Column[*headroom.Row] {
	return Column[*headroom.Row]{
		ID: m.id, Title: m.title + " REQ/LIM/USE", Kind: field.Percent, Dynamic: true,
		Value: func(r *headroom.Row, e *Env) field.Value {
			if r.Allocatable == nil {
				return field.Value{}.WithText(amountText(m, m.of(r.Requested.Resources)) + " requested")
			}
			whole := m.of(r.Allocatable.Resources)
			if whole == 0 {
				return field.Value{}.WithText("-")
			}
			requested := field.PercentOf(m.of(r.Requested.Resources), whole)
			words := fmt.Sprintf("%3d %3d %3s", requested.Num(), field.PercentOf(m.of(r.Limits.Resources), whole).Num(), useText(r, m, whole))
			if e.Glyphs != nil {
				words = plain(shareBar(e.Glyphs, headroomBarWidth(e.Width), requested.Num())) + words
			}
			return requested.WithText(words)
		},
		Tone: func(r *headroom.Row, _ *Env) theme.Tone { return roomTone(r, m) },
	}
}

func useText(r *headroom.Row, m measure, whole int64) string {
	switch {
	case r.Used == nil || r.Used.Known == 0:
		return "n/a"
	case r.Used.Known < r.Used.Of:
		return fmt.Sprintf(">%d", field.PercentOf(m.of(r.Used.Resources), whole).Num())
	}
	return fmt.Sprint(field.PercentOf(m.of(r.Used.Resources), whole).Num())
}

// nearlyAll is the share in percent from which on something is as good as used
// up.
const nearlyAll = 90

func roomTone(r *headroom.Row, m measure) theme.Tone {
	if r.Allocatable == nil || m.of(r.Allocatable.Resources) == 0 {
		return theme.Muted
	}
	whole := m.of(r.Allocatable.Resources)
	switch {
	case r.Used != nil && 100*m.of(r.Used.Resources) >= nearlyAll*whole:
		return theme.Error
	case 100*m.of(r.Requested.Resources) >= nearlyAll*whole:
		return theme.Warn
	}
	return theme.Text
}

func podsTone(r *headroom.Row, _ *Env) theme.Tone {
	if r.Allocatable != nil && 100*r.Requested.Pods >= nearlyAll*r.Allocatable.Pods {
		return theme.Warn
	}
	return theme.Text
}

// freeRank orders rows by the share that is free of what is scarcest there, the
// least first; those of which it is not known come last.
func freeRank(r *headroom.Row) int {
	if r.Free == nil || r.Allocatable == nil {
		return 1 << 30
	}
	least := 1 << 29
	for _, of := range [][2]int64{{r.Free.CPU, r.Allocatable.CPU}, {r.Free.Memory, r.Allocatable.Memory}, {r.Free.Pods, r.Allocatable.Pods}} {
		if of[1] > 0 {
			least = min(least, int(float64(of[0])/float64(of[1])*1e6))
		}
	}
	return least
}

// roomNotes are what else to know of a node or a group of them, the worst first.
func roomNotes(r *headroom.Row) []string {
	var notes []string
	add := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if n := r.Node; n != nil {
		if why := headroom.Closed(n); why != "" {
			add("%s", why)
		}
		for _, p := range n.Pressures {
			if !strings.Contains(strings.Join(notes, " "), p) {
				add("%s", p)
			}
		}
	} else if r.Closed > 0 {
		add("%d of %d closed", r.Closed, r.Nodes)
	}
	if a := r.Allocatable; a != nil && r.Limits.Memory > a.Memory {
		add("overcommit")
	}
	if r.BestEffort > 0 {
		add("%d BestEffort", r.BestEffort)
	}
	if n := ownTaints(r.Node); n > 0 {
		add("%s", counted(n, "taint", "taints"))
	}
	if r.Partly {
		add("not all read")
	}
	return notes
}

// ownTaints is how many taints somebody gave a node: those that the cluster sets
// by itself say what is noted anyway.
func ownTaints(n *object.Node) int {
	count := 0
	for i := 0; n != nil && i < len(n.Taints); i++ {
		if !strings.HasPrefix(n.Taints[i], "node.kubernetes.io/") {
			count++
		}
	}
	return count
}

func notesTone(r *headroom.Row, _ *Env) theme.Tone {
	switch {
	case r.Node != nil && (!r.Node.Ready || len(r.Node.Pressures) > 0):
		return theme.Error
	case r.Closed > 0, r.Pending > 0:
		return theme.Warn
	}
	return theme.Muted
}

// otherAmounts are the resources besides CPU, memory and local disk: requested of
// what there is.
func otherAmounts(r *headroom.Row) string {
	var words []string
	if r.Allocatable == nil {
		for _, o := range r.Requested.Others {
			words = append(words, fmt.Sprintf("%s %d", o.Name, o.Value))
		}
		return strings.Join(words, ", ")
	}
	for _, o := range r.Allocatable.Others {
		if o.Value > 0 || r.Requested.Other(o.Name) > 0 {
			words = append(words, fmt.Sprintf("%s %s/%s", o.Name, otherText(o.Name, r.Requested.Other(o.Name)), otherText(o.Name, o.Value)))
		}
	}
	return strings.Join(words, ", ")
}

func otherText(name string, n int64) string {
	if strings.HasPrefix(name, "hugepages-") {
		return field.Size(n)
	}
	return fmt.Sprint(n)
}

// cores writes an amount of CPU so that it is not taken for one of memory.
func cores(milli int64) string {
	text := field.Cores(milli)
	if strings.HasSuffix(text, "m") {
		return text
	}
	return text + "c"
}

func amountText(m measure, n int64) string {
	if m.kind == field.CPU {
		return cores(n)
	}
	return field.Size(n)
}
