package triage_test

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
)

// large returns the pods of a cluster of 50,000, of which one in a thousand
// crashes, and an Engine that knows all else: 5,000 nodes, 2,000 Deployments with
// their ReplicaSets and a service each, in 200 namespaces.
func large(b *testing.B) (*scene, []*object.Pod) {
	b.Helper()
	s := newScene(b)
	for i := range 5000 {
		s.put(sized(fmt.Sprintf("node-%d", i), "cpu", "16", "memory", "64Gi"))
	}
	var pods []*object.Pod
	for app := range 2000 {
		name, namespace := fmt.Sprintf("app-%d", app), fmt.Sprintf("team-%d", app%200)
		for _, o := range deployment(name, 25, 25) {
			o.(metav1.Object).SetNamespace(namespace)
			s.put(o)
		}
		var made []runtime.Object
		for i := range 25 {
			n := app*25 + i
			p := pod(name, fmt.Sprintf("pod-%d", n), needs("cpu", "200m"), func(p *corev1.Pod) { p.Spec.NodeName = fmt.Sprintf("node-%d", n%5000) })
			if n%1000 == 0 {
				crashes("Error", 1, "no DB")(p)
			}
			p.SetNamespace(namespace)
			p.SetUID(types.UID(p.Name))
			made = append(made, p)
		}
		pods = append(pods, compact(b, object.Pods(), made...)...)
	}
	return s, pods
}

// BenchmarkAll judges a whole cluster for the first time.
func BenchmarkAll(b *testing.B) {
	s, pods := large(b)
	b.ReportAllocs()
	for b.Loop() {
		triage.Change(s.engine, triage.Pods, store.Delta[*object.Pod]{Reset: true, Added: pods})
		s.report()
	}
}

// BenchmarkUpdate judges what changes in a quarter of a second at 500 changes of
// pods a second.
func BenchmarkUpdate(b *testing.B) {
	s, pods := large(b)
	triage.Change(s.engine, triage.Pods, store.Delta[*object.Pod]{Reset: true, Added: pods})
	s.report()
	b.ReportAllocs()
	at := 0
	for b.Loop() {
		some := make([]*object.Pod, 125)
		for i := range some {
			some[i] = pods[(at+i*397)%len(pods)]
		}
		at++
		triage.Change(s.engine, triage.Pods, store.Delta[*object.Pod]{Removed: some, Added: some})
		s.report()
	}
}
