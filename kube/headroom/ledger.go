package headroom

import (
	"iter"
	"slices"
	"strings"

	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Ledger keeps the sums of one cluster up to date. It belongs to one goroutine:
// none of its methods may be called while another runs. The rows, summaries and
// reports that it returns never change and may go anywhere.
//
// The order in which objects come and go does not matter, nor does an object
// that comes twice or goes without having come.
type Ledger struct {
	poolLabels []string

	nodes      map[string]*account // by name; also of nodes that only pods tell of
	namespaces map[string]*account
	workloads  map[Workload]*account
	pods       map[*object.Pod]struct{}
	quotas     map[string][]*object.Quota // by namespace
	demands    map[*object.Demand]int     // of pods that could be anywhere, and how many they are

	read        [sources]store.Status
	podsIn      string // the namespace that pods are of, "" for all
	quotasIn    string
	nodeUsage   *metrics.Snapshot
	podUsage    *metrics.Snapshot
	podsCounted bool // podUsage is in the accounts of namespaces and workloads
}

// source is one kind of object that a ledger is made of.
type source uint8

const (
	nodes source = iota
	pods
	quotas
	sources
)

// New returns an empty ledger.
func New(opts Options) *Ledger {
	l := &Ledger{
		poolLabels: opts.PoolLabels, nodes: map[string]*account{}, namespaces: map[string]*account{}, workloads: map[Workload]*account{},
		pods: map[*object.Pod]struct{}{}, quotas: map[string][]*object.Quota{}, demands: map[*object.Demand]int{},
		nodeUsage: &metrics.Snapshot{}, podUsage: &metrics.Snapshot{},
	}
	if l.poolLabels == nil {
		l.poolLabels = PoolLabels()
	}
	return l
}

// Nodes takes over what changed of the nodes.
func (l *Ledger) Nodes(d store.Delta[*object.Node], st store.Status) {
	l.note(nodes, st)
	if d.Reset {
		for name, a := range l.nodes {
			if a.node, a.row = nil, nil; a.empty() {
				delete(l.nodes, name)
			}
		}
	}
	for _, n := range d.Removed {
		// A node that was made anew under its name may be there already.
		if a := l.nodes[n.Name]; a != nil && a.node == n {
			if a.node, a.row = nil, nil; a.empty() {
				delete(l.nodes, n.Name)
			}
		}
	}
	for _, n := range d.Added {
		a := entry(l.nodes, n.Name)
		a.node, a.row = n, nil
	}
}

// Pods takes over what changed of the pods in namespace, "" for all.
func (l *Ledger) Pods(namespace string, d store.Delta[*object.Pod], st store.Status) {
	if l.podsIn != namespace {
		l.podsIn = namespace
		l.forget()
	}
	l.note(pods, st)
	if d.Reset {
		l.clearPods()
	}
	for _, p := range d.Removed {
		if _, ok := l.pods[p]; ok {
			delete(l.pods, p)
			l.count(p, -1)
		}
	}
	for _, p := range d.Added {
		if _, ok := l.pods[p]; !ok {
			l.pods[p] = struct{}{}
			l.count(p, 1)
		}
	}
}

// Quotas takes over what changed of the resource quotas in namespace, "" for all.
func (l *Ledger) Quotas(namespace string, d store.Delta[*object.Quota], st store.Status) {
	l.quotasIn = namespace
	l.note(quotas, st)
	if d.Reset {
		clear(l.quotas)
		for _, a := range l.namespaces {
			a.row = nil
		}
	}
	for _, q := range d.Removed {
		l.quota(q, false)
	}
	for _, q := range d.Added {
		l.quota(q, true)
	}
}

func (l *Ledger) quota(q *object.Quota, is bool) {
	ns := q.Namespace
	// Rows hold the slice of before, so it is never changed.
	list := slices.DeleteFunc(slices.Clone(l.quotas[ns]), func(other *object.Quota) bool { return other.UID == q.UID })
	if is {
		list = append(list, q)
		slices.SortFunc(list, func(a, b *object.Quota) int { return strings.Compare(a.Name, b.Name) })
	}
	if l.quotas[ns] = list; len(list) == 0 {
		delete(l.quotas, ns)
	}
	if a := l.namespaces[ns]; a != nil {
		a.row = nil
	}
}

// Usage takes over what the metrics API says of nodes and pods; nil for what is
// not asked of it.
func (l *Ledger) Usage(ofNodes, ofPods *metrics.Snapshot) {
	if ofNodes == nil {
		ofNodes = &metrics.Snapshot{}
	}
	if ofPods == nil {
		ofPods = &metrics.Snapshot{}
	}
	if ofNodes != l.nodeUsage {
		l.nodeUsage = ofNodes
		for _, a := range l.nodes {
			a.row = nil
		}
	}
	if ofPods != l.podUsage {
		l.podUsage, l.podsCounted = ofPods, false
	}
}

// AllNodes returns the nodes that are known, in no order.
func (l *Ledger) AllNodes() iter.Seq[*object.Node] {
	return func(yield func(*object.Node) bool) {
		for _, a := range l.nodes {
			if a.node != nil && !yield(a.node) {
				return
			}
		}
	}
}

// AllPods returns the pods that are known, in no order, those that have ended
// included.
func (l *Ledger) AllPods() iter.Seq[*object.Pod] {
	return func(yield func(*object.Pod) bool) {
		for p := range l.pods {
			if !yield(p) {
				return
			}
		}
	}
}

// note keeps how far a source can be trusted. Whether all of it is there is in
// every row.
func (l *Ledger) note(s source, st store.Status) {
	before := l.whole(s)
	l.read[s] = st
	if l.whole(s) != before {
		l.forget()
	}
}

// whole reports whether all objects of a source are known.
func (l *Ledger) whole(s source) bool {
	phase := l.read[s].Phase
	return (phase == store.Live || phase == store.Stale) && (s != pods || l.podsIn == "")
}

// Complete reports whether all nodes, pods and quotas are known. Their use is
// another matter: see UsageOfNodes.
func (l *Ledger) Complete() bool { return l.whole(nodes) && l.whole(pods) && l.whole(quotas) }

// KnowsNodes reports whether all nodes are known.
func (l *Ledger) KnowsNodes() bool { return l.whole(nodes) }

// KnowsPods reports whether all pods of a namespace are known, of all for "".
func (l *Ledger) KnowsPods(namespace string) bool {
	phase := l.read[pods].Phase
	return (phase == store.Live || phase == store.Stale) && (l.podsIn == "" || l.podsIn == namespace)
}

// KnowsQuotas reports whether all quotas of a namespace are known.
func (l *Ledger) KnowsQuotas(namespace string) bool {
	phase := l.read[quotas].Phase
	return (phase == store.Live || phase == store.Stale) && (l.quotasIn == "" || l.quotasIn == namespace)
}

// Err returns why nothing is known: neither nodes nor pods could be read. nil if
// anything is, or may be yet.
func (l *Ledger) Err() error {
	for _, s := range []source{nodes, pods} {
		if phase := l.read[s].Phase; phase != store.Forbidden && phase != store.Failed {
			return nil
		}
	}
	return l.read[nodes].Err
}

// forget has all rows made anew.
func (l *Ledger) forget() {
	for _, a := range l.nodes {
		a.row = nil
	}
	for _, a := range l.namespaces {
		a.row = nil
	}
	for _, a := range l.workloads {
		a.row = nil
	}
}

func (l *Ledger) clearPods() {
	clear(l.pods)
	clear(l.demands)
	clear(l.namespaces)
	clear(l.workloads)
	for name, a := range l.nodes {
		if a.node == nil {
			delete(l.nodes, name)
			continue
		}
		l.nodes[name] = &account{node: a.node}
	}
}

// count adds a pod to all sums it is in, or takes it out of them.
func (l *Ledger) count(p *object.Pod, by int) {
	if p.Terminal() {
		return
	}
	if l.podsCounted && by < 0 { // before the account goes with its last pod
		l.use(p, by)
	}
	post(l.namespaces, p.Namespace, p, by)
	post(l.workloads, WorkloadOf(p), p, by)
	if p.Node != "" {
		post(l.nodes, p.Node, p, by)
	}
	if l.podsCounted && by > 0 {
		l.use(p, by)
	}
	if placeable(p) {
		if l.demands[p.Demand] += by; l.demands[p.Demand] == 0 {
			delete(l.demands, p.Demand)
		}
	}
}
