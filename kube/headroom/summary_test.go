package headroom

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

func TestLargest(t *testing.T) {
	full := func(n *object.Node) { n.Pods = 0 }
	for name, test := range map[string]struct {
		nodes []*object.Node
		pods  []*object.Pod
		want  *Largest
	}{
		"no nodes": {nil, nil, nil},
		"memory binds": {
			[]*object.Node{node("a", 4000, 8)},
			[]*object.Pod{pod("x", "a", 1000, 5)},
			&Largest{Node: "a", CPU: 3000, Bytes: 3 * gib, Binds: "memory", MostCPU: 3000, MostMemory: 3 * gib},
		},
		"much of one is worth less than enough of both": {
			[]*object.Node{node("a", 8000, 16), node("b", 8000, 16), node("c", 8000, 16)},
			[]*object.Pod{pod("x", "a", 1000, 15), pod("y", "b", 7500, 1), pod("z", "c", 5000, 10)},
			&Largest{Node: "c", CPU: 3000, Bytes: 6 * gib, Binds: "cpu", MostCPU: 7000, MostMemory: 15 * gib},
		},
		"of equals the first by name": {
			[]*object.Node{node("b", 1000, 1), node("a", 1000, 1)},
			nil,
			&Largest{Node: "a", CPU: 1000, Bytes: gib, Binds: "cpu", MostCPU: 1000, MostMemory: gib},
		},
		"not where no pod may go, or only some": {
			[]*object.Node{
				node("a", 9000, 9, cordoned), node("b", 8000, 8, tainted("gpu:NoSchedule")), node("c", 7000, 7, full), node("d", 1000, 1),
			},
			nil, &Largest{Node: "d", CPU: 1000, Bytes: gib, Binds: "cpu", MostCPU: 1000, MostMemory: gib},
		},
		"nothing where one of both is used up": {[]*object.Node{node("a", 4000, 8)}, []*object.Pod{pod("x", "a", 4000, 1)}, nil},
	} {
		if got := ledgerOf(test.nodes, test.pods).Summary().Largest; !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// What is called the largest fits where it is said to, and no node could take
// one that is larger in both.
func TestLargestIsNotBeaten(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 5))
		var nodes []*object.Node
		for i := range 1 + r.IntN(8) {
			nodes = append(nodes, node(string(rune('a'+i)), int64(r.IntN(16))*500, int64(r.IntN(32))))
		}
		l := ledgerOf(nodes, nil)
		got := l.Summary().Largest
		for _, n := range l.Rows(ByNode) {
			switch {
			case got == nil:
				if n.Free.CPU > 0 && n.Free.Memory > 0 {
					t.Fatalf("seed %d: nothing fits, but %s has %s", seed, n.Name, n.Free)
				}
			case n.Name == got.Node && (n.Free.CPU != got.CPU || n.Free.Memory != got.Bytes):
				t.Fatalf("seed %d: %+v is not what is free there, %s", seed, got, n.Free)
			case n.Free.CPU > got.CPU && n.Free.Memory > got.Bytes:
				t.Fatalf("seed %d: %+v, but %s has %s", seed, got, n.Name, n.Free)
			}
		}
	}
}

func TestTypicalAndRest(t *testing.T) {
	three := func(n *object.Node) { n.Pods = 4 }
	l := ledgerOf(
		[]*object.Node{node("a", 4000, 16), node("b", 4000, 4), node("c", 9000, 9, cordoned), node("d", 9000, 20, three)},
		[]*object.Pod{
			pod("x", "a", 1000, 2), pod("y", "b", 1000, 2), pod("z", "", 3000, 1), // a pending pod is one of those that are still to come
			pod("none", "a", 0, 0, bestEffort), pod("agent", "a", 10, 0, ownedBy("apps/v1", "DaemonSet", "agent")), pod("static", "a", 10, 0, ownedBy("v1", "Node", "a")),
			pod("done", "a", 9000, 9, phase("Succeeded")),
		})
	s := l.Summary()
	if s.Typical == nil || *s.Typical != (object.Resources{CPU: 1000, Memory: 2 * gib}) {
		t.Fatalf("typical is %+v", s.Typical)
	}
	// a has 2980m 14Gi left: two. b has 3000m 2Gi: one. d has 9000m 20Gi, and four slots.
	want := &Rest{
		Fits: 7, CPU: 980 + 2000 + 5000, Bytes: (10 + 0 + 12) * gib,
		Blocks: map[string]int64{"cpu": 1, "memory": 1, "pods": 1}, Binds: "cpu",
	}
	if !reflect.DeepEqual(s.Rest, want) {
		t.Errorf("%+v, want %+v", s.Rest, want)
	}
	if s.Pending != 1 || s.Waiting.CPU != 3000 || s.BestEffort != 1 {
		t.Errorf("%d pending, %s, %d best effort", s.Pending, s.Waiting, s.BestEffort)
	}
	if s := ledgerOf([]*object.Node{node("a", 1, 1)}, []*object.Pod{pod("x", "a", 0, 0)}).Summary(); s.Typical != nil || s.Rest != nil {
		t.Errorf("of pods that ask for nothing %+v %+v is typical", s.Typical, s.Rest)
	}
}

// The typical pod is the median of a list of all of them.
func TestTypicalIsTheMedian(t *testing.T) {
	for seed := range uint64(300) {
		w := newWorld(seed)
		var pods []*object.Pod
		var cpu, memory []int64
		for range w.IntN(40) {
			p := w.pod()
			pods = append(pods, p)
			if r := p.Requests(); !p.Terminal() && placeable(p) && (r.CPU > 0 || r.Memory > 0) {
				cpu, memory = append(cpu, r.CPU), append(memory, r.Memory)
			}
		}
		got := ledgerOf(nil, pods).Summary().Typical
		if len(cpu) == 0 {
			if got != nil {
				t.Fatalf("seed %d: %+v of no pods", seed, got)
			}
			continue
		}
		slices.Sort(cpu)
		slices.Sort(memory)
		want := object.Resources{CPU: cpu[(len(cpu)-1)/2], Memory: memory[(len(memory)-1)/2]}
		if got == nil || *got != want {
			t.Fatalf("seed %d: %+v, want %+v of %v and %v", seed, got, want, cpu, memory)
		}
	}
}

func TestReport(t *testing.T) {
	l := ledgerOf([]*object.Node{
		node("b", 4000, 8, zone("z1"), label("pool", "std"), func(n *object.Node) {
			n.Allocatable.Ephemeral, n.Allocatable.Others = 100, []object.Amount{{Name: "example.com/gpu", Value: 2}}
		}),
		node("a", 4000, 8, cordoned),
		node("c", 4000, 8, tainted("pool=mem:NoSchedule")),
	}, []*object.Pod{pod("x", "b", 1000, 1, limits(2000, 2)), pod("y", "", 100, 0)})
	q := &object.Quota{Meta: store.Meta{UID: "q", Namespace: "default", Name: "all"}, Items: []object.QuotaItem{{Name: "requests.cpu", Used: 1100, Hard: 4000}}}
	l.Quotas("", store.Delta[*object.Quota]{Added: []*object.Quota{q}}, live(1))
	r := l.Report(ByNamespace)
	if len(r.Nodes) != 3 || r.Nodes[0].Name != "a" || r.Nodes[0].Schedulable || r.Nodes[0].Closed != "cordoned" || !r.Nodes[2].Schedulable || r.NotRead == nil {
		t.Fatalf("%+v", r)
	}
	for what, pair := range map[string][2]Quantities{
		"allocatable": {r.Nodes[1].Allocatable, {"cpu": 4000, "memory": 8 * gib, "ephemeral-storage": 100, "pods": 110, "example.com/gpu": 2}},
		"requested":   {r.Nodes[1].Requested, {"cpu": 1000, "memory": gib, "ephemeral-storage": 0, "pods": 1, "example.com/gpu": 0}},
		"limits":      {r.Nodes[1].Limits, {"cpu": 2000, "memory": 2 * gib, "ephemeral-storage": 0}},
		"free":        {r.Nodes[1].Free, {"cpu": 3000, "memory": 7 * gib, "ephemeral-storage": 100, "pods": 109, "example.com/gpu": 2}},
		"used":        {r.Nodes[1].Used, nil},
		"waiting":     {r.Summary.Waiting, {"cpu": 100, "memory": 0, "ephemeral-storage": 0, "pods": 1}},
		"quota":       {r.Groups[0].Quotas[0].Hard, {"requests.cpu": 4000}},
	} {
		if !maps.Equal(pair[0], pair[1]) {
			t.Errorf("%s: %v, want %v", what, pair[0], pair[1])
		}
	}
	if r.Summary.Nodes != 3 || r.Summary.ClosedNodes != 1 || r.Summary.DedicatedNodes != 1 || r.Summary.LargestPod == nil || r.Summary.Pending != 1 {
		t.Errorf("%+v", r.Summary)
	}
}
