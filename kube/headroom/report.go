package headroom

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// Quantities are amounts by the names of resources: cpu in millicores, memory
// and ephemeral-storage in bytes, pods, and every other in its own unit.
type Quantities map[string]int64

// Report is what `qd headroom -o json` prints.
type Report struct {
	Nodes   []NodeReport  `json:"nodes"`
	Groups  []GroupReport `json:"groups,omitempty"` // zones, pools, namespaces or workloads, if asked for
	Summary SummaryReport `json:"summary"`
	NotRead []string      `json:"notRead"` // what could not be read, and why; what follows from it is absent
}

// NodeReport is one node.
type NodeReport struct {
	Name        string     `json:"name"`
	Zone        string     `json:"zone"`
	Pool        string     `json:"pool"`
	Schedulable bool       `json:"schedulable"`      // takes pods, if only those that tolerate its taints
	Closed      string     `json:"closed,omitempty"` // why it takes none
	Ready       bool       `json:"ready"`
	Taints      []string   `json:"taints,omitempty"`
	Pressures   []string   `json:"pressures,omitempty"`
	BestEffort  int        `json:"bestEffort"`
	Partly      bool       `json:"partly,omitempty"`
	Allocatable Quantities `json:"allocatable,omitempty"`
	Requested   Quantities `json:"requested"`
	Limits      Quantities `json:"limits"`
	Used        Quantities `json:"used,omitempty"`
	Free        Quantities `json:"free,omitempty"`
}

// GroupReport is a zone, a pool, a namespace or a workload.
type GroupReport struct {
	Kind        string        `json:"kind"`
	Namespace   string        `json:"namespace,omitempty"`
	Name        string        `json:"name,omitempty"`
	Nodes       int           `json:"nodes,omitempty"`
	ClosedNodes int           `json:"closedNodes,omitempty"`
	BestEffort  int           `json:"bestEffort"`
	Pending     int           `json:"pending"`
	Partly      bool          `json:"partly,omitempty"`
	Allocatable Quantities    `json:"allocatable,omitempty"`
	Requested   Quantities    `json:"requested"`
	Limits      Quantities    `json:"limits"`
	Waiting     Quantities    `json:"waiting,omitempty"` // requested by its pending pods
	Used        Quantities    `json:"used,omitempty"`
	UsedOf      *Coverage     `json:"usedOf,omitempty"`
	Free        Quantities    `json:"free,omitempty"`
	Quotas      []QuotaReport `json:"quotas,omitempty"`
}

// Coverage says of how many nodes or pods the use is known.
type Coverage struct {
	Known int `json:"known"`
	Of    int `json:"of"`
}

// QuotaReport is one resource quota of a namespace.
type QuotaReport struct {
	Name   string     `json:"name"`
	Scopes string     `json:"scopes,omitempty"`
	Hard   Quantities `json:"hard"`
	Used   Quantities `json:"used"`
}

// SummaryReport is the whole cluster.
type SummaryReport struct {
	GroupReport
	DedicatedNodes int         `json:"dedicatedNodes"`
	Usage          UsageReport `json:"usage"`
	TypicalPod     Quantities  `json:"typicalPod,omitempty"`
	LargestPod     *Largest    `json:"largestPod,omitempty"`
	Fragmentation  *Rest       `json:"fragmentation,omitempty"`
	Survival       any         `json:"survival,omitempty"` // a *fit.Survival, put in by who asked for one: this package knows no scheduler
}

// UsageReport says what the numbers of use are worth.
type UsageReport struct {
	State  string     `json:"state"`
	At     *time.Time `json:"at,omitempty"`            // when they arrived
	Window float64    `json:"windowSeconds,omitempty"` // over which they were measured
}

// Report returns the table for programs, with the groups of by besides the
// nodes.
func (l *Ledger) Report(by Grouping) *Report {
	r := &Report{Nodes: []NodeReport{}, NotRead: l.NotRead()}
	for _, row := range sorted(l.Rows(ByNode)) {
		r.Nodes = append(r.Nodes, nodeReport(row))
	}
	if by != ByNode {
		for _, row := range sorted(l.Rows(by)) {
			r.Groups = append(r.Groups, groupReport(row))
		}
	}
	s := l.Summary()
	r.Summary = SummaryReport{
		GroupReport: groupReport(&s.Row), DedicatedNodes: s.Dedicated, Usage: usageReport(l.nodeUsage),
		LargestPod: s.Largest, Fragmentation: s.Rest,
	}
	if s.Typical != nil {
		r.Summary.TypicalPod = resourceQuantities(*s.Typical)
	}
	return r
}

func sorted(rows []*Row) []*Row {
	slices.SortFunc(rows, func(a, b *Row) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID))
	})
	return rows
}

func nodeReport(r *Row) NodeReport {
	g := groupReport(r)
	out := NodeReport{
		Name: r.Name, Zone: r.Zone, Pool: r.Pool, BestEffort: r.BestEffort, Partly: r.Partly,
		Allocatable: g.Allocatable, Requested: g.Requested, Limits: g.Limits, Used: g.Used, Free: g.Free,
	}
	if n := r.Node; n != nil {
		out.Closed, out.Ready, out.Taints, out.Pressures = Closed(n), n.Ready, n.Taints, n.Pressures
		out.Schedulable = out.Closed == ""
	}
	return out
}

func groupReport(r *Row) GroupReport {
	out := GroupReport{
		Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Nodes: r.Nodes, ClosedNodes: r.Closed,
		BestEffort: r.BestEffort, Pending: r.Pending, Partly: r.Partly,
		Requested: r.Requested.quantities(), Limits: r.Limits.quantities(),
	}
	delete(out.Limits, "pods") // there is no such limit
	if r.Allocatable != nil {
		out.Allocatable = r.Allocatable.quantities()
		for name := range out.Allocatable { // nothing asked for is a number too
			out.Requested[name] += 0
		}
	}
	if r.Free != nil {
		out.Free = r.Free.quantities()
	}
	if r.Used != nil && r.Used.Known > 0 {
		out.Used = resourceQuantities(r.Used.Resources)
		if r.Used.Of > 1 {
			out.UsedOf = &Coverage{Known: r.Used.Known, Of: r.Used.Of}
		}
	}
	if r.Pending > 0 {
		out.Waiting = r.Waiting.quantities()
	}
	for _, q := range r.Quotas {
		qr := QuotaReport{Name: q.Name, Scopes: q.Scopes, Hard: Quantities{}, Used: Quantities{}}
		for _, item := range q.Items {
			qr.Hard[item.Name], qr.Used[item.Name] = item.Hard, item.Used
		}
		out.Quotas = append(out.Quotas, qr)
	}
	return out
}

func usageReport(s *metrics.Snapshot) UsageReport {
	out := UsageReport{State: s.State.String()}
	if !s.At.IsZero() {
		at := s.At.UTC().Truncate(time.Second)
		out.At, out.Window = &at, s.Window().Seconds()
	}
	return out
}

func (v *Vector) quantities() Quantities {
	q := resourceQuantities(v.Resources)
	q["ephemeral-storage"], q["pods"] = v.Ephemeral, v.Pods
	for _, o := range v.Others {
		q[o.Name] = o.Value
	}
	return q
}

func resourceQuantities(r object.Resources) Quantities {
	return Quantities{"cpu": r.CPU, "memory": r.Memory}
}

// NotRead returns what could not be read, and why, one line each.
func (l *Ledger) NotRead() []string {
	out := []string{}
	for s, of := range [sources]struct{ name, in string }{{"nodes", ""}, {"pods", l.podsIn}, {"resource quotas", l.quotasIn}} {
		if of.in != "" {
			out = append(out, fmt.Sprintf("%s of other namespaces than %s (forbidden: list %[1]s of all)", of.name, of.in))
			of.name += " in " + of.in
		}
		if why := unread(of.name, l.read[s]); why != "" {
			out = append(out, why)
		}
	}
	for _, use := range []struct {
		of string
		*metrics.Snapshot
	}{{"nodes", l.nodeUsage}, {"pods", l.podUsage}} {
		if use.State != metrics.Current && use.State != metrics.Waiting {
			out = append(out, fmt.Sprintf("use of %s (%s)", use.of, use.State))
		}
	}
	return out
}

func unread(name string, st store.Status) string {
	switch st.Phase {
	case store.Syncing:
		return fmt.Sprintf("%s (loading: %d so far)", name, st.Loaded)
	case store.Forbidden:
		return fmt.Sprintf("%s (forbidden: list %[1]s)", name)
	case store.Failed, store.Partial:
		return sanitize.Line(fmt.Sprintf("%s (%v)", name, st.Err))
	case store.Live, store.Stale:
	}
	return ""
}
