package headroom

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// large returns a cluster of the size that the budgets are for: 5,000 nodes in
// three zones and ten pools, 50,000 pods of 2,500 deployments in 40 namespaces.
func large() (nodes []*object.Node, pods []*object.Pod) {
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 5000 {
		nodes = append(nodes, node(fmt.Sprintf("node-%05d", i), 16_000, 64, zone(fmt.Sprint("z", i%3)), label("pool", fmt.Sprint("pool-", i%10))))
	}
	demands := make([]*object.Demand, 300)
	for i := range demands {
		asks := object.Amounts{Resources: object.Resources{CPU: int64(1+r.IntN(40)) * 50, Memory: int64(1+r.IntN(64)) << 26}}
		if i%10 == 0 {
			asks.Others = []object.Amount{{Name: "example.com/gpu", Value: 1}}
		}
		demands[i] = &object.Demand{Requests: asks, Limits: asks}
	}
	hash := store.NewLabels(map[string]string{"pod-template-hash": "7f9c5d8b4"})
	for i := range 50_000 {
		work := i / 20
		p := pod(fmt.Sprintf("team-%d/web-%d-7f9c5d8b4-%05d", work%40, work, i), nodes[r.IntN(len(nodes))].Name, 0, 0,
			ownedBy("apps/v1", "ReplicaSet", fmt.Sprintf("web-%d-7f9c5d8b4", work)))
		p.Labels, p.Demand = hash, demands[work%len(demands)]
		pods = append(pods, p)
	}
	return nodes, pods
}

// BenchmarkTable makes the whole table of what has just been read, and says what
// the ledger takes of memory besides the objects. Its budget is 150 ms.
func BenchmarkTable(b *testing.B) {
	nodes, pods := large()
	var before, after runtime.MemStats
	var l *Ledger
	for b.Loop() {
		l = ledgerOf(nodes, pods)
		l.Rows(ByNode)
		l.Summary()
	}
	l = nil
	runtime.GC()
	runtime.ReadMemStats(&before)
	l = ledgerOf(nodes, pods)
	l.Rows(ByNode)
	l.Summary()
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
	runtime.KeepAlive(l)
	runtime.KeepAlive(nodes)
	runtime.KeepAlive(pods)
}

// BenchmarkUpdate changes one pod and brings the table up to date, in each
// grouping. Its budget is 1 ms.
func BenchmarkUpdate(b *testing.B) {
	nodes, pods := large()
	for _, by := range Groupings() {
		b.Run(by.String(), func(b *testing.B) {
			l := ledgerOf(nodes, pods)
			l.Rows(by)
			old := pods[7]
			b.ReportAllocs()
			for b.Loop() {
				changed := *old
				l.Pods("", store.Delta[*object.Pod]{Removed: []*object.Pod{old}, Added: []*object.Pod{&changed}}, live(len(pods)))
				old = &changed
				l.Rows(by)
			}
		})
	}
	b.Run("summary", func(b *testing.B) {
		l := ledgerOf(nodes, pods)
		l.Summary()
		old := pods[7]
		b.ReportAllocs()
		for b.Loop() {
			changed := *old
			l.Pods("", store.Delta[*object.Pod]{Removed: []*object.Pod{old}, Added: []*object.Pod{&changed}}, live(len(pods)))
			old = &changed
			l.Summary()
		}
	})
}

// BenchmarkReport makes what qd headroom -o json prints.
func BenchmarkReport(b *testing.B) {
	l := ledgerOf(large())
	for b.Loop() {
		l.Report(ByWorkload)
	}
}
