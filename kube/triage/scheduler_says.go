package triage

import (
	"iter"
	"strconv"
	"strings"
)

// predicate is what the scheduler asks of a node. It asks in this order and
// takes a node no further that fails; see the order of the plugins in
// pkg/scheduler/apis/config/v1/default_plugins.go of Kubernetes. So the last
// predicate of a message is that of the nodes that come closest.
type predicate uint8

const (
	anything   predicate = iota // what is not known here: other plugins, newer schedulers
	cordoned                    // nobody is to be scheduled there
	tainted                     // a taint that the pod does not tolerate
	unmatched                   // the pod's node selector, affinity or name
	portTaken                   // the pod's host ports
	noRoom                      // CPU, memory, local storage, extended resources
	noSlot                      // the number of pods
	volumes                     // where its volumes are, and how many a node takes
	uneven                      // topology spread constraints
	notBeside                   // pod affinity and anti-affinity
	unbound                     // of no node: its claims are not bound
	noClaim                     // of no node: a claim does not exist
	noNodes                     // there are none
	predicates = iota
)

// refused is one reason of a scheduler's message.
type refused struct {
	by    predicate
	nodes int    // how many; 0 if it is about none
	words string // without their number: "Insufficient cpu"
}

// schedulerSays yields the reasons in the message of a pod that found no node:
// "0/12 nodes are available: 3 Insufficient cpu, 9 node(s) had untolerated taint
// {pool: db}. no new claims to deallocate, preemption: 0/12 nodes are available: …".
// What is said after the first sentence, of what preemption could not do, is left
// out. See FitError in pkg/scheduler/framework/types.go.
func schedulerSays(message string) iter.Seq[refused] {
	return func(yield func(refused) bool) {
		if i := strings.Index(message, "nodes are available: "); i >= 0 {
			message = message[i+len("nodes are available: "):]
		}
		message, _, _ = strings.Cut(message, ". ")
		message = strings.TrimRight(message, ". ")
		for part := range strings.SplitSeq(message, ", ") {
			r := refused{words: part}
			if n, rest, ok := strings.Cut(part, " "); ok {
				if count, err := strconv.ParseUint(n, 10, 31); err == nil {
					r.nodes, r.words = int(count), rest
				}
			}
			if r.words = strings.TrimSpace(r.words); r.words == "" {
				continue
			}
			r.by = predicateOf(r.words)
			if !yield(r) {
				return
			}
		}
	}
}

// predicateOf tells from the words of the default plugins which predicate they
// are about.
func predicateOf(words string) predicate {
	for _, p := range [...]struct {
		has string
		by  predicate
	}{
		{"Insufficient ", noRoom},
		{"Too many pods", noSlot},
		{"untolerated taint", tainted},
		{"taints that the pod didn't tolerate", tainted},
		{"were unschedulable", cordoned},
		{"PersistentVolume's node affinity", volumes},
		{"volume node affinity conflict", volumes},
		{"node affinity", unmatched},
		{"the requested node name", unmatched},
		{"didn't match node selector", unmatched},
		{"didn't satisfy plugin(s) [NodeAffinity", unmatched},
		{"free ports", portTaken},
		{"topology spread constraints", uneven},
		{"anti-affinity rules", notBeside},
		{"pod affinity", notBeside},
		{"unbound immediate PersistentVolumeClaims", unbound},
		{"waiting for ephemeral volume controller", unbound},
		{"available persistent volumes to bind", volumes},
		{"max volume count", volumes},
		{"available volume zone", volumes},
		{"enough free storage", volumes},
		{"non-existent pv", volumes},
		{"no available disk", volumes},
		{"ReadWriteOncePod access mode", volumes},
		{"persistentvolumeclaim \"", noClaim},
		{"no nodes available", noNodes},
	} {
		if strings.Contains(words, p.has) {
			return p.by
		}
	}
	return anything
}

// nearest returns the reason of the nodes that come closest, the one of most
// nodes if there are several, and how many nodes there are in all.
func nearest(message string) (near refused, all int) {
	all = nodesIn(message)
	if all == 0 && strings.HasPrefix(message, "0/0 ") {
		return refused{by: noNodes, words: message}, 0
	}
	for r := range schedulerSays(message) {
		if near.words == "" || r.by > near.by || r.by == near.by && r.nodes > near.nodes {
			near = r
		}
	}
	return near, all
}

// nodesIn returns how many nodes a scheduler's message is about: 12 of "0/12
// nodes are available".
func nodesIn(message string) int {
	rest, ok := strings.CutPrefix(message, "0/")
	if !ok {
		return 0
	}
	n, _, _ := strings.Cut(rest, " ")
	all, err := strconv.ParseUint(n, 10, 31)
	if err != nil {
		return 0
	}
	return int(all)
}
