package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"quarterdeck/kube/field"
	"quarterdeck/kube/headroom"
	"quarterdeck/kube/headroom/fit"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
)

// printRoom prints a table and, below it, the whole cluster in a few lines.
func (r *room) printRoom(l *headroom.Ledger, by headroom.Grouping, survival *fit.Survival, wide bool) error {
	rows := slices.DeleteFunc(l.Rows(by), func(row *headroom.Row) bool { return !r.shows(by, row.Namespace, row.Name) })
	var t *table
	switch by {
	case headroom.ByNamespace, headroom.ByWorkload:
		t = demandTable(l, rows, by, by == headroom.ByWorkload && r.Namespace == "", wide)
	case headroom.ByNode, headroom.ByZone, headroom.ByPool:
		t = supplyTable(rows, by, wide)
	}
	if len(rows) > 0 {
		if err := t.print(r.out, r.command.width()); err != nil {
			return err
		}
	}
	return r.printSummary(l, survival, len(rows) > 0)
}

// supplyTable is of what has something to give: nodes, zones, pools.
func supplyTable(rows []*headroom.Row, by headroom.Grouping, wide bool) *table {
	slices.SortFunc(rows, func(a, b *headroom.Row) int { return cmp.Compare(a.Name, b.Name) })
	used := slices.ContainsFunc(rows, func(r *headroom.Row) bool { return r.Used != nil && r.Used.Known > 0 })
	extended := extendedResources(rows)
	t := &table{columns: []column{{title: strings.ToUpper(by.String()), shrinks: true}}}
	numbers := func(titles ...string) {
		for _, title := range titles {
			t.columns = append(t.columns, column{title: title, right: true})
		}
	}
	if by != headroom.ByNode {
		numbers("NODES")
	} else if wide {
		t.columns = append(t.columns, column{title: "ZONE"}, column{title: "POOL"})
	}
	for _, of := range []string{"CPU", "MEM"} {
		numbers(of+" FREE", "REQ")
		if wide {
			numbers("LIM")
		}
		if used {
			numbers("USE")
		}
	}
	if wide {
		numbers("DISK FREE")
	}
	numbers("PODS")
	for _, name := range extended {
		numbers(strings.ToUpper(sanitize.Line(name[strings.LastIndexByte(name, '/')+1:])))
	}
	if wide {
		numbers("BESTEFFORT")
	}
	if by == headroom.ByNode {
		t.columns = append(t.columns, column{title: "STATE"})
	}
	for _, r := range rows {
		cells := []string{sanitize.Line(r.Name)}
		if by != headroom.ByNode {
			cells = append(cells, strconv.Itoa(r.Nodes))
		} else if wide {
			cells = append(cells, sanitize.Line(r.Zone), sanitize.Line(r.Pool))
		}
		for _, of := range []resourceOf{cpuOf, memoryOf} {
			cells = append(cells, of.freeOf(r), of.share(r, of.of(&r.Requested)))
			if wide {
				cells = append(cells, of.share(r, of.of(&r.Limits)))
			}
			if used {
				cells = append(cells, of.useShare(r))
			}
		}
		if wide {
			cells = append(cells, diskOf.freeOf(r))
		}
		cells = append(cells, podsOf(r))
		for _, name := range extended {
			cells = append(cells, ofAll(r, func(v *headroom.Vector) string { return strconv.FormatInt(v.Other(name), 10) }))
		}
		if wide {
			cells = append(cells, atLeast(r.Partly, strconv.Itoa(r.BestEffort)))
		}
		if by == headroom.ByNode {
			cells = append(cells, nodeState(r))
		}
		t.add(cells...)
	}
	return t
}

// resourceOf is a resource that every node has.
type resourceOf uint8

const (
	cpuOf resourceOf = iota
	memoryOf
	diskOf
)

// of returns the amount of it.
func (o resourceOf) of(v *headroom.Vector) int64 {
	return [...]int64{v.CPU, v.Memory, v.Ephemeral}[o]
}

func (o resourceOf) words(n int64) string {
	if o == cpuOf {
		return cores(n)
	}
	return field.Size(n)
}

// cores is field.Cores, with none as plain 0.
func cores(milli int64) string {
	if milli == 0 {
		return "0"
	}
	return field.Cores(milli)
}

// freeOf is what is free of what there is, "" if that is not known.
func (o resourceOf) freeOf(r *headroom.Row) string {
	return ofAll(r, func(v *headroom.Vector) string { return o.words(o.of(v)) })
}

// ofAll is what is free of what there is of some resource.
func ofAll(r *headroom.Row, words func(*headroom.Vector) string) string {
	if r.Allocatable == nil {
		return ""
	}
	free := "?"
	if r.Free != nil {
		free = words(r.Free)
	}
	return free + "/" + words(r.Allocatable)
}

// share is an amount in percent of what there is.
func (o resourceOf) share(r *headroom.Row, amount int64) string {
	if r.Allocatable == nil {
		return atLeast(r.Partly, o.words(amount))
	}
	return atLeast(r.Partly, percent(amount, o.of(r.Allocatable)))
}

func (o resourceOf) useShare(r *headroom.Row) string {
	if r.Used == nil || r.Used.Known == 0 || r.Allocatable == nil {
		return ""
	}
	v := headroom.Vector{}
	v.Resources = r.Used.Resources
	return atLeast(r.Used.Known < r.Used.Of, percent(o.of(&v), o.of(r.Allocatable)))
}

func percent(part, whole int64) string {
	if whole <= 0 {
		return ""
	}
	return strconv.FormatInt(int64(float64(part)/float64(whole)*100+0.5), 10) + "%"
}

// atLeast marks what may be more than is known.
func atLeast(partly bool, text string) string {
	if partly && text != "" {
		return "≥" + text
	}
	return text
}

func podsOf(r *headroom.Row) string {
	text := atLeast(r.Partly, strconv.FormatInt(r.Requested.Pods, 10))
	if r.Allocatable != nil {
		text += "/" + strconv.FormatInt(r.Allocatable.Pods, 10)
	}
	return text
}

// extendedResources returns the resources beyond those that all nodes have, if
// any of the rows has some.
func extendedResources(rows []*headroom.Row) []string {
	var names []string
	for _, r := range rows {
		if r.Allocatable == nil {
			continue
		}
		for _, o := range r.Allocatable.Others {
			if o.Value != 0 && !slices.Contains(names, o.Name) {
				names = append(names, o.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// nodeState says which pods a node takes, and what presses it.
func nodeState(r *headroom.Row) string {
	if r.Node == nil {
		return "" // pods say that there is one
	}
	words := []string{"open"}
	if closed := headroom.Closed(r.Node); closed != "" {
		words[0] = closed
	} else if headroom.Dedicated(r.Node) {
		words[0] = "tainted"
	}
	if !r.Node.Ready {
		words = append(words, "not ready")
	}
	return sanitize.Line(strings.Join(append(words, r.Node.Pressures...), ", "))
}

// demandTable is of what asks for something: namespaces and workloads. What asks
// for most comes first.
func demandTable(l *headroom.Ledger, rows []*headroom.Row, by headroom.Grouping, namespaced, wide bool) *table {
	slices.SortFunc(rows, func(a, b *headroom.Row) int {
		return cmp.Or(
			-cmp.Compare(a.Requested.CPU, b.Requested.CPU), -cmp.Compare(a.Requested.Memory, b.Requested.Memory),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name),
		)
	})
	used := slices.ContainsFunc(rows, func(r *headroom.Row) bool { return r.Used != nil && r.Used.Known > 0 })
	t := &table{}
	if namespaced {
		t.columns = append(t.columns, column{title: "NAMESPACE", shrinks: true})
	}
	t.columns = append(t.columns, column{title: strings.ToUpper(by.String()), shrinks: true}, column{title: "PODS", right: true})
	for _, of := range []string{"CPU", "MEM"} {
		t.columns = append(t.columns, column{title: of + " REQ", right: true})
		if wide {
			t.columns = append(t.columns, column{title: "LIM", right: true})
		}
		if used {
			t.columns = append(t.columns, column{title: "USE", right: true})
		}
	}
	t.columns = append(t.columns, column{title: "PENDING", right: true})
	if by == headroom.ByNamespace {
		t.columns = append(t.columns, column{title: "QUOTA"})
	}
	for _, r := range rows {
		var cells []string
		if namespaced {
			cells = append(cells, sanitize.Line(r.Namespace))
		}
		name := sanitize.Line(r.Name)
		if by == headroom.ByWorkload {
			name = sanitize.Line(strings.ToLower(r.Kind) + "/" + r.Name)
		}
		cells = append(cells, name, podsOf(r))
		for _, of := range []resourceOf{cpuOf, memoryOf} {
			cells = append(cells, atLeast(r.Partly, of.words(of.of(&r.Requested))))
			if wide {
				cells = append(cells, atLeast(r.Partly, of.words(of.of(&r.Limits))))
			}
			if !used {
				continue
			}
			use := ""
			if r.Used != nil && r.Used.Known > 0 {
				v := headroom.Vector{}
				v.Resources = r.Used.Resources
				use = atLeast(r.Used.Known < r.Used.Of, of.words(of.of(&v)))
			}
			cells = append(cells, use)
		}
		cells = append(cells, atLeast(r.Partly, strconv.Itoa(r.Pending)))
		if by == headroom.ByNamespace {
			cells = append(cells, quotaWords(l, r))
		}
		t.add(cells...)
	}
	return t
}

// quotaWords returns what is scarcest of the quotas of a namespace, "" if they
// are not known.
func quotaWords(l *headroom.Ledger, r *headroom.Row) string {
	switch {
	case !l.KnowsQuotas(r.Name):
		return ""
	case len(r.Quotas) == 0:
		return "none"
	}
	q := slices.MaxFunc(r.Quotas, func(a, b *object.Quota) int { return cmp.Compare(a.Fullest, b.Fullest) })
	first, _, more := strings.Cut(q.Used, ", ")
	if more || len(r.Quotas) > 1 {
		first += fmt.Sprintf(" (%d%%)", q.Fullest)
	}
	return sanitize.Line(first)
}
