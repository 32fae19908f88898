package triage_test

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
)

// BenchmarkJudgePods judges every pod of a large cluster again, of which one in
// ten is not well.
func BenchmarkJudgePods(b *testing.B) {
	s := newScene(b)
	for i := range 5000 {
		s.put(sized(fmt.Sprintf("node-%d", i), "cpu", "16", "memory", "64Gi"))
	}
	ways := []func(*corev1.Pod){
		crashes("Error", 1, "no DB"), waiting("ImagePullBackOff", notFound("cart")), unready, leaving(90),
		unplaced("0/5000 nodes are available: 10 node(s) had untolerated taint {pool: db}, 4990 Insufficient cpu. preemption: 0/5000 nodes are available: 5000 No preemption victims found for incoming pod."),
	}
	var pods []*object.Pod
	for i := range 50_000 {
		change := []func(*corev1.Pod){needs("cpu", "2"), func(p *corev1.Pod) { p.Spec.NodeName = fmt.Sprintf("node-%d", i%5000) }}
		if i%10 == 0 {
			change = append(change, ways[i/10%len(ways)])
		}
		pods = append(pods, compact(b, object.Pods(), pod("cart", fmt.Sprintf("pod-%d", i), change...))...)
	}
	triage.Change(s.engine, triage.Pods, store.Delta[*object.Pod]{Added: pods})
	b.ReportAllocs()
	for b.Loop() {
		triage.Change(s.engine, triage.Pods, store.Delta[*object.Pod]{Removed: pods, Added: pods})
		s.report()
	}
}
