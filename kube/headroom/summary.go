package headroom

import (
	"cmp"
	"slices"

	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
)

// Summary is the whole cluster in a few numbers. Closed nodes (see Closed) are
// in Allocatable and Requested, but not in Free. What is about pods that are
// still to come, from Typical on, is about those that tolerate nothing, and so
// about the nodes that take these.
type Summary struct {
	Row           // of all nodes; Pending and Waiting of all pods
	Dedicated int // nodes, not closed, that only take pods that tolerate their taints

	// Typical is the median of what pods request, of CPU and of memory, taken each
	// for itself, over all pods that request some of either and are not bound to
	// one node. nil if there are none.
	Typical *object.Resources
	Largest *Largest // nil if nothing fits, or not all was read
	Rest    *Rest    // nil if there is no typical pod, or not all was read
}

// Largest is the largest pod that fits now.
//
// CPU and memory have to be on one node, and a node with the most of one may
// have little of the other. So each is measured by what a node has on average,
// and the node counts most whose smaller share is largest. What that node has
// free is the answer, and the resource of the smaller share what binds.
type Largest struct {
	Node  string `json:"node"`
	CPU   int64  `json:"cpu"`    // millicores
	Bytes int64  `json:"memory"` // bytes
	Binds string `json:"binds"`  // "cpu" or "memory"

	MostCPU    int64 `json:"mostCPU"`    // free on any one node, whatever its memory
	MostMemory int64 `json:"mostMemory"` // free on any one node, whatever its CPU
}

// Rest says how far the free amounts are usable, by filling every node with
// typical pods.
type Rest struct {
	Fits   int64            `json:"fits"`   // so many typical pods
	CPU    int64            `json:"cpu"`    // millicores that no typical pod can use
	Bytes  int64            `json:"memory"` // bytes that no typical pod can use
	Blocks map[string]int64 `json:"blocks"` // on how many nodes "cpu", "memory" or "pods" is what the next one lacks
	Binds  string           `json:"binds"`  // what it lacks on most
}

// Summary returns the summary as things are.
func (l *Ledger) Summary() *Summary {
	g := group{row: &Row{Kind: "Cluster"}}
	var open []*Row
	s := &Summary{}
	for _, r := range l.byNode() {
		g.add(r)
		switch {
		case r.Node == nil || r.Closed > 0:
		case Dedicated(r.Node):
			s.Dedicated++
		case r.Free != nil:
			open = append(open, r)
		}
	}
	whole := l.whole(nodes)
	s.Row = *g.done(whole)
	var waiting sum
	for _, a := range l.namespaces {
		if a.waiting != nil {
			v := a.waiting.vector()
			waiting.addVector(&v)
		}
	}
	s.Waiting, s.Pending = waiting.vector(), int(waiting.pods)
	s.Typical = l.typical()
	if whole {
		s.Largest = largest(open)
		s.Rest = rest(open, s.Typical)
	}
	return s
}

// UsageOfNodes returns what is known of the use of nodes: how old, or why not.
func (l *Ledger) UsageOfNodes() *metrics.Snapshot { return l.nodeUsage }

// UsageOfPods returns what is known of the use of pods.
func (l *Ledger) UsageOfPods() *metrics.Snapshot { return l.podUsage }

// typical returns the median pod, as Summary defines it.
func (l *Ledger) typical() *object.Resources {
	type weighed struct {
		value int64
		pods  int
	}
	cpu, memory := make([]weighed, 0, len(l.demands)), make([]weighed, 0, len(l.demands))
	all := 0
	for d, n := range l.demands {
		if r := d.Requests.Resources; r.CPU > 0 || r.Memory > 0 {
			cpu, memory = append(cpu, weighed{r.CPU, n}), append(memory, weighed{r.Memory, n})
			all += n
		}
	}
	if all == 0 {
		return nil
	}
	median := func(list []weighed) int64 {
		slices.SortFunc(list, func(a, b weighed) int { return cmp.Compare(a.value, b.value) })
		below := 0
		for _, w := range list {
			if below += w.pods; 2*below >= all {
				return w.value
			}
		}
		return 0
	}
	return &object.Resources{CPU: median(cpu), Memory: median(memory)}
}

func largest(open []*Row) *Largest {
	var cpu, memory float64 // that a node has on average, but for the same divisor
	for _, r := range open {
		cpu += float64(r.Allocatable.CPU)
		memory += float64(r.Allocatable.Memory)
	}
	var found *Largest
	best, second := 0.0, 0.0
	most := object.Resources{}
	for _, r := range open {
		f := r.Free
		if f.Pods < 1 {
			continue
		}
		most.CPU, most.Memory = max(most.CPU, f.CPU), max(most.Memory, f.Memory)
		if f.CPU <= 0 || f.Memory <= 0 {
			continue
		}
		ofCPU, ofMemory := float64(f.CPU)/cpu, float64(f.Memory)/memory
		small, large := min(ofCPU, ofMemory), max(ofCPU, ofMemory)
		if found != nil && cmp.Or(cmp.Compare(small, best), cmp.Compare(large, second), -cmp.Compare(r.Name, found.Node)) <= 0 {
			continue
		}
		best, second = small, large
		found = &Largest{Node: r.Name, CPU: f.CPU, Bytes: f.Memory, Binds: "cpu"}
		if ofMemory < ofCPU {
			found.Binds = "memory"
		}
	}
	if found != nil {
		found.MostCPU, found.MostMemory = most.CPU, most.Memory
	}
	return found
}

func rest(open []*Row, typical *object.Resources) *Rest {
	if typical == nil || typical.CPU == 0 && typical.Memory == 0 {
		return nil
	}
	out := &Rest{Blocks: map[string]int64{}}
	var cpu, memory total
	for _, r := range open {
		free := r.Free.atLeastZero()
		n, binds := free.Pods, "pods"
		if typical.Memory > 0 && free.Memory/typical.Memory < n {
			n, binds = free.Memory/typical.Memory, "memory"
		}
		if typical.CPU > 0 && free.CPU/typical.CPU < n {
			n, binds = free.CPU/typical.CPU, "cpu"
		}
		out.Fits += n
		out.Blocks[binds]++
		cpu.add(free.CPU - n*typical.CPU)
		memory.add(free.Memory - n*typical.Memory)
	}
	out.CPU, out.Bytes = cpu.value(), memory.value()
	for _, name := range []string{"cpu", "memory", "pods"} {
		if out.Blocks[name] > out.Blocks[out.Binds] {
			out.Binds = name
		}
	}
	return out
}
