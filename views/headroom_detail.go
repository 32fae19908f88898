package views

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"quarterdeck/kube/field"
	"quarterdeck/kube/headroom"
	"quarterdeck/kube/object"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// detailLimit is how many pods or nodes a page lists.
const detailLimit = 500

// headroomDetail is a row in full.
func headroomDetail(l *headroom.Ledger, by headroom.Grouping, r *headroom.Row) []textview.Line {
	var lines []textview.Line
	add := func(name, value string, tone theme.Tone) { lines = append(lines, fact(name, value, tone)) }
	add(by.String(), r.Name, theme.Title)
	if r.Namespace != "" {
		add("namespace", r.Namespace, theme.Text)
	}
	if n := r.Node; n != nil {
		add("zone, pool", cmp.Or(r.Zone, "-")+", "+cmp.Or(r.Pool, "-"), theme.Text)
		tone := theme.Text
		if !n.Ready || len(n.Pressures) > 0 || n.Cordoned {
			tone = theme.Warn
		}
		add("status", n.Status, tone)
		for i, t := range n.Taints {
			add([...]string{"taints", ""}[min(i, 1)], t, theme.Text)
		}
	}
	if notes := slices.Concat(roomNotes(r), pendingNotes(r)); len(notes) > 0 {
		add("notes", strings.Join(notes, ", "), theme.Warn)
	}
	for _, why := range l.NotRead() {
		add("not read", why, theme.Warn)
	}
	lines = append(append(lines, textview.Line{}), amountLines(r)...)
	for _, q := range r.Quotas {
		lines = append(lines, textview.Line{}, textview.Line{{Text: "quota " + q.Name, Tone: theme.Field}, {Text: "  " + q.Scopes, Tone: theme.Muted}})
		for i := range q.Items {
			lines = append(lines, quotaLine(&q.Items[i]))
		}
	}
	if by == headroom.ByZone || by == headroom.ByPool {
		return append(lines, memberLines(l, by, r)...)
	}
	return append(lines, podLines(l, by, r)...)
}

func pendingNotes(r *headroom.Row) []string {
	if r.Pending == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d pending (%s %s)", r.Pending, cores(r.Waiting.CPU), field.Size(r.Waiting.Memory))}
}

// grid lays out cells in columns: the first to the left, all others to the right.
func grid(titles []string, rows [][]string) []textview.Line {
	widths := make([]int, len(titles))
	for _, row := range append([][]string{titles}, rows...) {
		for i, text := range row {
			widths[i] = max(widths[i], min(44, cell.Width(text)))
		}
	}
	var lines []textview.Line
	for i, row := range append([][]string{titles}, rows...) {
		var b strings.Builder
		for k, text := range row {
			align := cell.Right
			if k == 0 {
				align, text = cell.Left, cell.Middle(text, widths[k])
			}
			b.WriteString(cell.Pad(text, widths[k], align) + "  ")
		}
		tone := theme.Text
		if i == 0 {
			tone = theme.Field
		}
		lines = append(lines, textview.Line{{Text: strings.TrimRight(b.String(), " "), Tone: tone}})
	}
	return lines
}

// amountLines are all resources in absolute numbers.
func amountLines(r *headroom.Row) []textview.Line {
	rows := [][]string{}
	amount := func(v *headroom.Vector, of func(*headroom.Vector) int64, say func(int64) string) string {
		if v == nil {
			return "n/a"
		}
		return say(of(v))
	}
	resource := func(name string, of func(*headroom.Vector) int64, say func(int64) string, used string) {
		rows = append(rows, []string{
			name, amount(r.Allocatable, of, say), amount(&r.Requested, of, say), amount(&r.Limits, of, say), used, amount(r.Free, of, say),
		})
	}
	used := func(m measure) string {
		switch {
		case r.Used == nil || r.Used.Known == 0:
			return "n/a"
		case r.Used.Known < r.Used.Of:
			return ">" + amountText(m, m.of(r.Used.Resources))
		}
		return amountText(m, m.of(r.Used.Resources))
	}
	for _, m := range measures() {
		resource(strings.ToLower(m.title), func(v *headroom.Vector) int64 { return m.of(v.Resources) }, func(n int64) string { return amountText(m, n) }, used(m))
	}
	resource("local disk", func(v *headroom.Vector) int64 { return v.Ephemeral }, field.Size, "")
	resource("pods", func(v *headroom.Vector) int64 { return v.Pods }, func(n int64) string { return strconv.FormatInt(n, 10) }, "")
	rows[len(rows)-1][3] = "" // there is no such limit
	names := map[string]bool{}
	for _, v := range []*headroom.Vector{r.Allocatable, &r.Requested} {
		if v == nil {
			continue
		}
		for _, o := range v.Others {
			if !names[o.Name] && (o.Value != 0 || r.Requested.Other(o.Name) != 0) {
				names[o.Name] = true
				resource(o.Name, func(v *headroom.Vector) int64 { return v.Other(o.Name) }, func(n int64) string { return otherText(o.Name, n) }, "")
			}
		}
	}
	return grid([]string{"RESOURCE", "ALLOCATABLE", "REQUESTED", "LIMITS", "USED", "FREE"}, rows)
}

func quotaLine(i *object.QuotaItem) textview.Line {
	share := quotaShare(i)
	tone := theme.Text
	switch {
	case share.Num() >= 100:
		tone = theme.Error
	case share.Num() >= nearlyAll:
		tone = theme.Warn
	}
	return textview.Line{{Text: fmt.Sprintf("  %-28s %3d%%  %s of %s", i.Name, share.Num(), quotaAmount(i.Name, i.Used), quotaAmount(i.Name, i.Hard)), Tone: tone}}
}

// quotaAmount writes an amount of what a quota names in its unit.
func quotaAmount(name string, n int64) string {
	switch {
	case strings.HasSuffix(name, "cpu"):
		return cores(n)
	case strings.HasSuffix(name, "memory"), strings.HasSuffix(name, "storage"), strings.Contains(name, "hugepages-"):
		return field.Size(n)
	}
	return strconv.FormatInt(n, 10)
}

// memberLines are the nodes of a zone or pool, the fullest first.
func memberLines(l *headroom.Ledger, by headroom.Grouping, r *headroom.Row) []textview.Line {
	nodes := slices.DeleteFunc(l.Rows(headroom.ByNode), func(n *headroom.Row) bool {
		in := n.Zone
		if by == headroom.ByPool {
			in = n.Pool
		}
		return cmp.Or(in, headroom.None) != r.Name
	})
	slices.SortFunc(nodes, func(a, b *headroom.Row) int {
		return cmp.Or(cmp.Compare(freeRank(a), freeRank(b)), cmp.Compare(a.Name, b.Name))
	})
	var rows [][]string
	for _, n := range nodes[:min(len(nodes), detailLimit)] {
		free := "n/a"
		if n.Free != nil {
			free = cores(n.Free.CPU) + " " + field.Size(n.Free.Memory)
		}
		rows = append(rows, []string{n.Name, strconv.FormatInt(n.Requested.Pods, 10), free, strings.Join(roomNotes(n), ", ")})
	}
	return more(grid([]string{"NODE", "PODS", "FREE", "NOTES"}, rows), len(nodes), "node")
}

// podLines are the pods of a node, namespace or workload, those that request most
// first.
func podLines(l *headroom.Ledger, by headroom.Grouping, r *headroom.Row) []textview.Line {
	var pods []*object.Pod
	for p := range l.AllPods() {
		in := false
		switch by {
		case headroom.ByNode:
			in = p.Node == r.Name
		case headroom.ByNamespace:
			in = p.Namespace == r.Name
		case headroom.ByWorkload:
			in = headroom.WorkloadOf(p) == headroom.Workload{APIVersion: r.APIVersion, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
		default:
		}
		if in && !p.Terminal() {
			pods = append(pods, p)
		}
	}
	weight := func(p *object.Pod) int64 { a := p.Requests(); return a.CPU + a.Memory>>22 } // a core is about as much as 4 Gi
	slices.SortFunc(pods, func(a, b *object.Pod) int {
		return cmp.Or(-cmp.Compare(weight(a), weight(b)), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	usage := l.UsageOfPods()
	var rows [][]string
	for _, p := range pods[:min(len(pods), detailLimit)] {
		name := p.Name
		if by == headroom.ByNode {
			name = p.Namespace + "/" + p.Name
		}
		req, lim := p.Requests(), p.Limits()
		cpu, mem := "n/a", "n/a"
		if usage != nil {
			if u, ok := usage.Pod(p.Namespace, p.Name); ok {
				cpu, mem = cores(u.MilliCPU), field.Size(u.Bytes)
			}
		}
		row := []string{name, orDash(req.CPU, cores), orDash(lim.CPU, cores), cpu, orDash(req.Memory, field.Size), orDash(lim.Memory, field.Size), mem}
		if by != headroom.ByNode {
			row = append(row, cmp.Or(p.Node, "pending"))
		}
		rows = append(rows, row)
	}
	titles := []string{"POD", "CPU REQ", "LIM", "USE", "MEM REQ", "LIM", "USE"}
	if by != headroom.ByNode {
		titles = append(titles, "NODE")
	}
	return more(grid(titles, rows), len(pods), "pod")
}

func orDash(n int64, say func(int64) string) string {
	if n == 0 {
		return "-"
	}
	return say(n)
}

// more puts an empty line before lines, and says after them how many are left
// out.
func more(lines []textview.Line, all int, one string) []textview.Line {
	lines = append([]textview.Line{{}}, lines...)
	if n := all - detailLimit; n > 0 {
		lines = append(lines, textview.Line{{Text: "and " + countOf(n, one+" more"), Tone: theme.Muted}})
	}
	return lines
}
