package headroom

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// world is a random cluster that changes.
type world struct {
	*rand.Rand
	nodes map[string]*object.Node
	pods  map[string]*object.Pod
}

func newWorld(seed uint64) *world {
	return &world{rand.New(rand.NewPCG(seed, 3)), map[string]*object.Node{}, map[string]*object.Pod{}}
}

func (w *world) node() *object.Node {
	n := node(fmt.Sprint("n", w.IntN(6)), int64(w.IntN(8))*1000, int64(w.IntN(16)), zone([]string{"", "z1", "z2"}[w.IntN(3)]),
		label("pool", []string{"", "std", "mem"}[w.IntN(3)]))
	n.UID = types.UID(fmt.Sprint(w.Uint64()))
	n.Cordoned, n.Pods = w.IntN(5) == 0, int64(w.IntN(12))
	if w.IntN(4) == 0 {
		n.Taints = []string{[]string{"pool=mem:NoSchedule", "node.kubernetes.io/not-ready:NoSchedule", "a:PreferNoSchedule"}[w.IntN(3)]}
	}
	n.Allocatable.Others = w.others()
	return n
}

func (w *world) others() []object.Amount {
	var out []object.Amount
	for _, name := range []string{"example.com/fpga", "example.com/gpu", "hugepages-2Mi"} {
		if w.IntN(3) == 0 {
			out = append(out, object.Amount{Name: name, Value: w.amount()})
		}
	}
	return out
}

// amount is mostly small, and sometimes as large as there is room for.
func (w *world) amount() int64 {
	if w.IntN(20) == 0 {
		return math.MaxInt64 - int64(w.IntN(2))
	}
	return int64(w.IntN(4000))
}

func (w *world) pod() *object.Pod {
	name := fmt.Sprintf("ns%d/p%d", w.IntN(3), w.IntN(25))
	p := pod(name, []string{"", "n0", "n1", "n2", "n3", "n9"}[w.IntN(6)], 0, 0)
	p.UID = types.UID(fmt.Sprint(w.Uint64()))
	p.Phase = []string{"Pending", "Running", "Running", "Running", "Unknown", "Succeeded", "Failed"}[w.IntN(7)]
	p.QoS = []string{"BestEffort", "Burstable"}[w.IntN(2)]
	p.Demand = &object.Demand{
		Requests: object.Amounts{Resources: object.Resources{CPU: w.amount(), Memory: w.amount()}, Ephemeral: w.amount(), Others: w.others()},
		Limits:   object.Amounts{Resources: object.Resources{CPU: w.amount(), Memory: w.amount()}, Others: w.others()},
	}
	if w.IntN(10) == 0 {
		p.Demand = nil
	}
	if w.IntN(2) == 0 {
		ownedBy("apps/v1", []string{"DaemonSet", "StatefulSet"}[w.IntN(2)], fmt.Sprint("w", w.IntN(3)))(p)
	}
	return p
}

// step changes the world and returns what changed.
func (w *world) step() (nodes store.Delta[*object.Node], pods store.Delta[*object.Pod]) {
	for range 1 + w.IntN(4) {
		if w.IntN(4) == 0 {
			n := w.node()
			if old := w.nodes[n.Name]; old != nil {
				nodes.Removed = append(nodes.Removed, old)
				delete(w.nodes, n.Name)
			}
			if w.IntN(4) > 0 {
				w.nodes[n.Name] = n
			}
			continue
		}
		p := w.pod()
		key := p.Namespace + "/" + p.Name
		if old := w.pods[key]; old != nil {
			pods.Removed = append(pods.Removed, old)
			delete(w.pods, key)
		}
		if w.IntN(4) > 0 {
			w.pods[key] = p
		}
	}
	nodes.Added = slices.Collect(maps.Values(w.nodes)) // some come again
	pods.Added = slices.Collect(maps.Values(w.pods))
	if w.IntN(15) == 0 {
		nodes.Reset, nodes.Removed = true, nil
	}
	if w.IntN(15) == 0 {
		pods.Reset, pods.Removed = true, nil
	}
	return nodes, pods
}

// table returns all that a ledger says, to be compared.
func table(l *Ledger) map[string]any {
	out := map[string]any{"summary": *l.Summary(), "not read": l.NotRead()}
	for _, by := range Groupings() {
		for _, r := range l.Rows(by) {
			key := fmt.Sprint(by, " ", r.UID)
			if _, twice := out[key]; twice {
				key += " twice"
			}
			out[key] = *r
		}
	}
	return out
}

func wantSame(t *testing.T, seed uint64, what string, got, want map[string]any) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if !reflect.DeepEqual(got[key], want[key]) {
			t.Fatalf("seed %d: %s: %s is\n%+v, want\n%+v", seed, what, key, got[key], want[key])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("seed %d: %s: %d rows, want %d", seed, what, len(got), len(want))
	}
}

// After any changes the table is what it would be had the ledger seen only the
// outcome, in any order.
func TestIncrementalIsFromScratch(t *testing.T) {
	for seed := range uint64(60) {
		w := newWorld(seed)
		l := ledgerOf(nil, nil)
		used := map[string][2]int64{}
		for i := range 10 {
			used[fmt.Sprint("n", i)], used[fmt.Sprint("ns1/p", i)] = [2]int64{int64(i), 1}, [2]int64{int64(i) * 10, 2}
		}
		ofNodes, ofPods := use(t, used)
		for step := range 30 {
			if step == 10 {
				l.Usage(ofNodes, ofPods)
			}
			nodes, pods := w.step()
			w.Shuffle(len(pods.Added), func(i, j int) { pods.Added[i], pods.Added[j] = pods.Added[j], pods.Added[i] })
			l.Pods("", pods, live(0))
			l.Nodes(nodes, live(0))
			if w.IntN(3) == 0 {
				table(l) // rows are kept while nothing changes
			}
		}
		scratch := ledgerOf(slices.Collect(maps.Values(w.nodes)), slices.Collect(maps.Values(w.pods)))
		scratch.Usage(ofNodes, ofPods)
		wantSame(t, seed, "step by step", table(l), table(scratch))
	}
}

// Every pod is counted once, whichever way the table is cut.
func TestGroupingsAddUp(t *testing.T) {
	for seed := range uint64(300) {
		w := newWorld(seed)
		l := ledgerOf(nil, nil)
		for range 20 {
			nodes, pods := w.step()
			l.Nodes(nodes, live(0))
			l.Pods("", pods, live(0))
		}
		type sums struct {
			requested, limits Vector
			best              int
		}
		add := func(rows []*Row) sums {
			var s sums
			var requested, limits []Vector
			for _, r := range rows {
				requested, limits = append(requested, r.Requested), append(limits, r.Limits)
				s.best += r.BestEffort
			}
			s.requested, s.limits = addBig(requested), addBig(limits)
			return s
		}
		want := add(l.Rows(ByNode))
		for _, by := range Groupings() {
			if got := add(l.Rows(by)); !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d: by %s %+v, by node %+v", seed, by, got, want)
			}
		}
		if all := l.Summary(); !reflect.DeepEqual(add([]*Row{&all.Row}), want) {
			t.Fatalf("seed %d: the summary says %+v, the nodes %+v", seed, all, want)
		}
		for _, by := range []Grouping{ByZone, ByPool} {
			var free []Vector
			for _, r := range l.Rows(by) {
				if r.Free != nil {
					free = append(free, *r.Free)
				}
			}
			if all := l.Summary().Free; all != nil && !reflect.DeepEqual(addBig(free), addBig([]Vector{*all})) {
				t.Fatalf("seed %d: by %s %s is free, of all %s", seed, by, addBig(free), all)
			}
		}
	}
}

// addBig adds vectors without a limit, and cuts the result off as total does. A
// part that is cut off already makes the sum unknown: the largest number.
func addBig(list []Vector) Vector {
	sums := map[string]*big.Int{}
	add := func(name string, n int64) {
		if sums[name] == nil {
			sums[name] = new(big.Int)
		}
		sums[name].Add(sums[name], big.NewInt(n))
	}
	for _, v := range list {
		add("cpu", v.CPU)
		add("memory", v.Memory)
		add("ephemeral", v.Ephemeral)
		add("pods", v.Pods)
		for _, o := range v.Others {
			add(o.Name, o.Value)
		}
	}
	cut := func(name string) int64 {
		n := sums[name]
		delete(sums, name)
		switch {
		case n == nil:
			return 0
		case n.Cmp(big.NewInt(math.MaxInt64/2)) > 0:
			return math.MaxInt64
		}
		return n.Int64()
	}
	v := Vector{Amounts: object.Amounts{Resources: object.Resources{CPU: cut("cpu"), Memory: cut("memory")}, Ephemeral: cut("ephemeral")}, Pods: cut("pods")}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		if n := cut(name); n != 0 {
			v.Others = append(v.Others, object.Amount{Name: name, Value: n})
		}
	}
	return v
}

// A total is exact whatever is added and taken away, and cut off only when it is
// shown.
func FuzzTotal(f *testing.F) {
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), int64(math.MinInt64), int64(1))
	f.Add(int64(-1), int64(1), int64(0), int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, a, b, c, d int64) {
		var sum total
		want := new(big.Int)
		for _, v := range []int64{a, b, c, d, a, b} {
			sum.add(v)
			want.Add(want, big.NewInt(v))
			check(t, sum, want)
		}
		for _, v := range []int64{b, a, d, c, a, b} {
			sum.sub(v)
			want.Sub(want, big.NewInt(v))
			check(t, sum, want)
		}
		if sum != (total{}) {
			t.Errorf("what is left of nothing is %+v", sum)
		}
	})
}

func check(t *testing.T, sum total, want *big.Int) {
	t.Helper()
	nearest := want.Int64()
	if !want.IsInt64() {
		nearest = math.MaxInt64
		if want.Sign() < 0 {
			nearest = math.MinInt64
		}
	}
	if got := sum.value(); got != nearest {
		t.Fatalf("%s is shown as %d", want, got)
	}
}
