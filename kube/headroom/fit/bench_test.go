package fit

import (
	"fmt"
	"runtime"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// large is a cluster of 5,000 nodes in three zones and 50,000 pods of 2,500
// workloads, its CPU to two thirds requested. Of ten workloads, two spread over
// the zones, one over the nodes, one keeps its pods apart, one wants a pool.
func large() State {
	const nodes, pods, each = 5000, 50_000, 20
	s := State{Namespaces: []*object.Plain{}, Quotas: &Quotas{}, Storage: &Storage{}, Budgets: []*object.Budget{}}
	for i := range nodes {
		name := fmt.Sprintf("node-%05d", i)
		s.Nodes = append(s.Nodes, &object.Node{
			Meta: store.Meta{Name: name, Labels: store.NewLabels(map[string]string{
				corev1.LabelHostname: name, corev1.LabelTopologyZone: string(rune('a' + i%3)), "pool": fmt.Sprint("pool-", i%4),
				corev1.LabelInstanceTypeStable: "m5.xlarge", corev1.LabelArchStable: "amd64", corev1.LabelOSStable: "linux",
			})},
			Allocatable: object.Amounts{Resources: object.Resources{CPU: 8000, Memory: 32 << 30}}, Pods: 110,
		})
	}
	for w := range pods / each {
		app := fmt.Sprint("app-", w)
		labels := store.NewLabels(map[string]string{"app": app, "pod-template-hash": "7f9c5d"})
		owner, rules := &store.Owner{Kind: "ReplicaSet", Name: app}, rulesOf(w, app)
		demand := &object.Demand{Requests: object.Amounts{Resources: object.Resources{CPU: 350 + 50*int64(w%10), Memory: 1 << 30}}}
		for k := range each {
			s.Pods = append(s.Pods, &object.Occupant{
				Meta: store.Meta{Namespace: fmt.Sprint("team-", w%40), Name: fmt.Sprint(app, "-", k), Labels: labels, Owner: owner},
				Node: s.Nodes[(w*7+k*251)%nodes].Name, Demand: demand, Rules: rules,
			})
		}
	}
	return s
}

func rulesOf(w int, app string) *object.Rules {
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}
	spread := func(key string) []corev1.TopologySpreadConstraint {
		return []corev1.TopologySpreadConstraint{{MaxSkew: 2, TopologyKey: key, WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: selector}}
	}
	var r object.Rules
	switch w % 10 {
	case 0, 1:
		r.Spec.TopologySpreadConstraints = spread(corev1.LabelTopologyZone)
	case 2:
		r.Spec.TopologySpreadConstraints = spread(corev1.LabelHostname)
	case 3:
		r.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{TopologyKey: corev1.LabelHostname, LabelSelector: selector}},
		}}
	case 4:
		r.Spec.NodeSelector = map[string]string{"pool": fmt.Sprint("pool-", w%4)}
	default:
		return nil
	}
	return &r
}

// template is a new pod of workload w.
func template(w int, cpu string) *corev1.Pod {
	app := fmt.Sprint("app-", w)
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: fmt.Sprint("team-", w%40), Name: app, Labels: map[string]string{"app": app}}}
	if r := rulesOf(w, app); r != nil {
		p.Spec = *r.Spec.DeepCopy()
	}
	p.Spec.Containers = []corev1.Container{{Name: "app", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
		"cpu": resource.MustParse(cpu), "memory": resource.MustParse("1Gi"),
	}}}}
	return p
}

func BenchmarkNew(b *testing.B) {
	s := large()
	var before, after runtime.MemStats
	var c *Cluster
	runtime.GC()
	runtime.ReadMemStats(&before)
	for b.Loop() {
		c = New(s)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
	runtime.KeepAlive(c)
}

// BenchmarkScale adds 100 pods.
func BenchmarkScale(b *testing.B) {
	c := New(large())
	for _, test := range []struct {
		name string
		pod  *corev1.Pod
	}{
		{"plain", template(5, "500m")},
		{"zones", template(0, "500m")},
		{"nodes", template(2, "500m")},
		{"apart", template(3, "500m")},
		{"pool", template(4, "500m")},
		{"too large", template(5, "9")},
	} {
		b.Run(test.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := c.WhatIf(b.Context(), Ask{Pods: []Want{{Pod: test.pod, Count: 100}}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLoseZone(b *testing.B) {
	c := New(large())
	for b.Loop() {
		a, err := c.WhatIf(b.Context(), Ask{Zone: "a"})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(a.Asked-a.Fit), "pending")
	}
}

// BenchmarkSurvive tries the loss of each node and each zone.
func BenchmarkSurvive(b *testing.B) {
	c := New(large())
	for b.Loop() {
		s, err := c.Survive(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(s.Nodes)), "nodes-not-ok")
	}
}
