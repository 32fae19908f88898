package fit

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"quarterdeck/kube/sanitize"
)

// Answer says what would become of the pods that were asked about. Its strings
// are safe to show.
type Answer struct {
	Asked         int         `json:"asked"`
	Fit           int         `json:"fit"`
	Placements    []Placement `json:"placements"`              // most pods first
	Pending       []Pending   `json:"pending"`                 // those that do not fit, at most PendingLimit
	BlockedFirst  *Block      `json:"blockedFirstBy"`          // nil if nothing but the scheduler decides
	NotReplaced   []Pod       `json:"notReplaced,omitempty"`   // pods without a controller: gone for good
	NotModelled   []string    `json:"notModelled"`             // what may make it come out otherwise
	PendingBeyond int         `json:"pendingBeyond,omitempty"` // how many more are pending than are listed
}

// PendingLimit is how many pods that do not fit an Answer lists.
const PendingLimit = 1000

// Placement is how many of the pods would go to a node.
type Placement struct {
	Node  string `json:"node"`
	Count int    `json:"count"`
}

// Pod names a pod. One that does not exist yet is called after its workload:
// NAME+1, NAME+2.
type Pod struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// Pending is a pod for which there is no node.
type Pending struct {
	Pod
	Reasons []Reason `json:"reasons"` // on most nodes first
}

// Reason is why a pod does not fit, in the scheduler's words, and on how many
// nodes: 0 if it is not about nodes.
type Reason struct {
	Reason string `json:"reason"`
	Nodes  int    `json:"nodes"`
}

// String returns the reason as the scheduler writes it: 3 Insufficient cpu.
func (r Reason) String() string {
	if r.Nodes == 0 {
		return r.Reason
	}
	return strconv.Itoa(r.Nodes) + " " + r.Reason
}

// Block is a rule outside the scheduler that stops a request.
type Block struct {
	Kind      string `json:"kind"` // ResourceQuota, PodDisruptionBudget
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	After     int    `json:"after"` // how many pods it lets through
	Why       string `json:"why"`
}

// String returns the block as one sentence.
func (b *Block) String() string {
	if b == nil {
		return ""
	}
	return b.Kind + " " + b.Namespace + "/" + b.Name + " stops it after " + strconv.Itoa(b.After) + ": " + b.Why
}

// histogram counts reasons.
type histogram map[string]int

func (h histogram) reasons() []Reason {
	list := make([]Reason, 0, len(h))
	for text, n := range h {
		list = append(list, Reason{Reason: sanitize.Line(text), Nodes: n})
	}
	slices.SortFunc(list, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Nodes, a.Nodes), strings.Compare(a.Reason, b.Reason))
	})
	return list
}
