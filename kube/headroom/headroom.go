// Package headroom does the arithmetic of room: what nodes can give, what pods
// ask for, and what is free, counted as the scheduler counts it.
//
//	free(node, r) = allocatable(node, r) − Σ requests(pod, r)
//
// over all pods that have the node and have not ended, those being deleted
// included. A node also has so many slots for pods. What a pod requests is
// object.Demand: computed once, when the pod arrives.
//
// Units are those of the scheduler: CPU in millicores, memory and local storage
// in bytes, every other resource in its own unit.
//
// A Ledger keeps the sums and is told of changes. A Feed reads a cluster into
// one. What could not be read is named, and what follows from it is absent
// instead of zero: without nodes there is no free, without metrics no used.
// Whether a pod really fits is for the filters of the scheduler to say; see
// package fit.
package headroom

import (
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Grouping says what a row of the table stands for.
type Grouping uint8

// The groupings.
const (
	ByNode Grouping = iota
	ByZone
	ByPool
	ByNamespace
	ByWorkload
)

// Groupings returns all of them, in the order of a menu.
func Groupings() []Grouping { return []Grouping{ByNode, ByZone, ByPool, ByNamespace, ByWorkload} }

// String returns the grouping as a word.
func (g Grouping) String() string {
	return [...]string{"node", "zone", "pool", "namespace", "workload"}[g]
}

// Vector is an amount of each resource, and of pods.
type Vector struct {
	object.Amounts
	Pods int64
}

// Row is one line of the table. It never changes; a change makes a new one.
// Rows of nodes, zones and pools have an Allocatable where nodes can be read,
// rows of namespaces and workloads never have one.
type Row struct {
	store.Meta // UID tells rows of a grouping apart; Namespace is set for workloads

	Kind       string       // "Node", "Zone", "Pool", "Namespace", or the workload's
	APIVersion string       // of a workload
	Node       *object.Node // of a row for a node that is known
	Zone, Pool string       // of a node; "" if no label says

	Nodes  int  // how many nodes are in it
	Closed int  // of them, those that take no pods; see Closed
	Partly bool // not all pods or nodes could be read: what is not absent is the least that it can be

	Allocatable *Vector // nil where nodes cannot be read, and for namespaces and workloads
	Requested   Vector  // by pods that have a node; Pods is how many they are
	Limits      Vector  // the sum of the limits that are set; Pods is 0
	Free        *Vector // of a node allocatable − requested, also below zero; else the sum of what its nodes that are not closed have; nil if not all was read
	Used        *Used   // nil without metrics

	BestEffort int // pods that have a node and ask for neither CPU nor memory
	Pending    int // pods without a node, which Requested does not count
	Waiting    Vector

	Quotas []*object.Quota // of a namespace
}

// Used is what is in use, as far as the metrics API says.
type Used struct {
	object.Resources
	Known, Of int // nodes or pods that it is known of, of how many: less than all makes it a lower bound
}

// Options are a ledger's settings.
type Options struct {
	PoolLabels []string // labels of nodes that name their pool, the first that a node has counts; nil: PoolLabels()
}
