package headroom

import (
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// None is the name of the zone and of the pool of nodes that have none.
const None = "(none)"

// Rows returns the table in a grouping, in no order. A row that did not change
// since the last call is the same pointer, but for zones and pools, of which
// there are few.
func (l *Ledger) Rows(by Grouping) []*Row {
	switch by {
	case ByZone:
		return l.groups("Zone", func(r *Row) string { return r.Zone })
	case ByPool:
		return l.groups("Pool", func(r *Row) string { return r.Pool })
	case ByNamespace:
		return l.byNamespace()
	case ByWorkload:
		return l.byWorkload()
	case ByNode:
	}
	return l.byNode()
}

func (l *Ledger) byNode() []*Row {
	rows := make([]*Row, 0, len(l.nodes))
	for name, a := range l.nodes {
		if a.row == nil {
			a.row = l.nodeRow(name, a)
		}
		rows = append(rows, a.row)
	}
	return rows
}

func (l *Ledger) nodeRow(name string, a *account) *Row {
	r := l.row(a, "Node", name)
	r.Partly = !l.whole(pods)
	n := a.node
	if n == nil {
		return r
	}
	r.Meta, r.Node, r.Zone, r.Pool, r.Nodes = n.Meta, n, n.Zone, poolOf(n.Labels, l.poolLabels), 1
	if Closed(n) != "" {
		r.Closed = 1
	}
	r.Allocatable = &Vector{Amounts: n.Allocatable, Pods: n.Pods}
	if !r.Partly {
		free := minus(r.Allocatable, &r.Requested)
		r.Free = &free
	}
	if l.nodeUsage.Len() > 0 {
		r.Used = &Used{Of: 1}
		if u, ok := l.nodeUsage.Node(name); ok {
			r.Used.add(u, 1)
		}
	}
	return r
}

func (l *Ledger) byNamespace() []*Row {
	l.countUsage()
	rows := make([]*Row, 0, len(l.namespaces))
	for ns, a := range l.namespaces {
		if a.row == nil {
			a.row = l.row(a, "Namespace", ns)
			a.row.Partly = l.partial()
			a.row.Quotas = l.quotas[ns]
		}
		rows = append(rows, a.row)
	}
	for ns, list := range l.quotas {
		if l.namespaces[ns] == nil {
			r := l.row(&account{}, "Namespace", ns)
			r.Quotas, r.Partly = list, l.partial()
			rows = append(rows, r)
		}
	}
	return rows
}

func (l *Ledger) byWorkload() []*Row {
	l.countUsage()
	rows := make([]*Row, 0, len(l.workloads))
	for w, a := range l.workloads {
		if a.row == nil {
			r := l.row(a, w.Kind, w.Name)
			r.UID = types.UID(w.APIVersion + "/" + w.Kind + "/" + w.Namespace + "/" + w.Name)
			r.Namespace, r.APIVersion, r.Partly = w.Namespace, w.APIVersion, l.partial()
			a.row = r
		}
		rows = append(rows, a.row)
	}
	return rows
}

// partial reports whether pods are missing of a namespace that is shown at all.
func (l *Ledger) partial() bool {
	phase := l.read[pods].Phase
	return phase != store.Live && phase != store.Stale
}

// row returns what the rows of all groupings have in common.
func (l *Ledger) row(a *account, kind, name string) *Row {
	r := &Row{
		Meta: store.Meta{UID: types.UID(kind + "/" + name), Name: name}, Kind: kind,
		Requested: a.requested.vector(), Limits: a.limits.vector(), BestEffort: a.best,
	}
	if a.waiting != nil {
		r.Waiting, r.Pending = a.waiting.vector(), int(a.waiting.pods)
	}
	if a.used.Of > 0 {
		used := a.used
		r.Used = &used
	}
	return r
}

// group is a zone or pool while its nodes are added up.
type group struct {
	row                                  *Row
	allocatable, requested, limits, free sum
	known                                bool // some node of it is
}

func (l *Ledger) groups(kind string, of func(*Row) string) []*Row {
	found := map[string]*group{}
	for _, n := range l.byNode() {
		name := of(n)
		if name == "" {
			name = None
		}
		g := found[name]
		if g == nil {
			g = &group{row: &Row{Meta: store.Meta{UID: types.UID(kind + "/" + name), Name: name}, Kind: kind}}
			found[name] = g
		}
		g.add(n)
	}
	rows := make([]*Row, 0, len(found))
	for _, g := range found {
		rows = append(rows, g.done(l.whole(nodes)))
	}
	return rows
}

func (g *group) add(n *Row) {
	g.row.Nodes += n.Nodes
	g.row.Closed += n.Closed
	g.row.BestEffort += n.BestEffort
	g.row.Partly = g.row.Partly || n.Partly
	g.requested.addVector(&n.Requested)
	g.limits.addVector(&n.Limits)
	if n.Allocatable != nil {
		g.known = true
		g.allocatable.addVector(n.Allocatable)
	}
	if n.Free != nil && n.Closed == 0 {
		room := n.Free.atLeastZero()
		g.free.addVector(&room)
	}
	if n.Used != nil {
		if g.row.Used == nil {
			g.row.Used = &Used{}
		}
		g.row.Used.CPU += n.Used.CPU
		g.row.Used.Memory += n.Used.Memory
		g.row.Used.Known += n.Used.Known
		g.row.Used.Of += n.Used.Of
	}
}

func (g *group) done(allNodes bool) *Row {
	r := g.row
	r.Requested, r.Limits = g.requested.vector(), g.limits.vector()
	if g.known {
		allocatable, free := g.allocatable.vector(), g.free.vector()
		r.Allocatable = &allocatable
		if !r.Partly {
			r.Free = &free
		}
	}
	r.Partly = r.Partly || !allNodes
	return r
}

// atLeastZero returns what of v pods can have: what is missing on one node is
// not to be had on another.
func (v Vector) atLeastZero() Vector {
	v.CPU, v.Memory, v.Ephemeral, v.Pods = max(0, v.CPU), max(0, v.Memory), max(0, v.Ephemeral), max(0, v.Pods)
	others := make([]object.Amount, len(v.Others))
	for i, o := range v.Others {
		others[i] = object.Amount{Name: o.Name, Value: max(0, o.Value)}
	}
	v.Others = others
	return v
}

// countUsage puts what pods use into the accounts of their namespaces and
// workloads, once for each answer of the metrics API. From then on pods take
// their use along as they come and go.
func (l *Ledger) countUsage() {
	if l.podsCounted {
		return
	}
	l.podsCounted = true
	for _, a := range l.namespaces {
		a.forgetUse()
	}
	for _, a := range l.workloads {
		a.forgetUse()
	}
	for p := range l.pods {
		l.use(p, 1)
	}
}

func (a *account) forgetUse() {
	if a.used.Of > 0 {
		a.used, a.row = Used{}, nil
	}
}

// use adds what a pod uses to the accounts that it is in, or takes it out.
func (l *Ledger) use(p *object.Pod, by int) {
	if p.Node == "" || p.Terminal() || l.podUsage.Len() == 0 {
		return
	}
	u, ok := l.podUsage.Pod(p.Namespace, p.Name)
	for _, a := range [...]*account{entry(l.namespaces, p.Namespace), entry(l.workloads, WorkloadOf(p))} {
		a.row = nil
		a.used.Of += by
		if ok {
			a.used.add(u, by)
		}
	}
}

func (u *Used) add(of metrics.Usage, by int) {
	u.CPU += int64(by) * of.MilliCPU
	u.Memory += int64(by) * of.Bytes
	u.Known += by
}
