package fit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// random is a cluster of pods with rules about each other, in two namespaces.
func random(r *rand.Rand) State {
	s := State{Budgets: []*object.Budget{}, Quotas: &Quotas{}, Storage: &Storage{}, Namespaces: []*object.Plain{
		{Meta: store.Meta{Name: "one", Labels: store.NewLabels(map[string]string{"team": "x"})}}, {Meta: store.Meta{Name: "two"}},
	}}
	for i := range 1 + r.IntN(9) {
		labels := map[string]string{corev1.LabelHostname: fmt.Sprint("node-", i), "pool": fmt.Sprint(r.IntN(2))}
		if r.IntN(8) > 0 {
			labels[corev1.LabelTopologyZone] = string(rune('a' + r.IntN(3)))
		}
		n := &object.Node{Meta: store.Meta{Name: fmt.Sprint("node-", i), Labels: store.NewLabels(labels)}, Pods: 8}
		n.Allocatable.CPU, n.Allocatable.Memory = int64(2000+1000*r.IntN(4)), 8<<30
		if r.IntN(5) == 0 {
			n.Taints = []string{"dedicated=x:NoSchedule"}
		}
		s.Nodes = append(s.Nodes, n)
	}
	for i := range r.IntN(24) {
		o := occupant(string(rune('a'+r.IntN(3))), i, s.Nodes[r.IntN(len(s.Nodes))].Name, int64(100*r.IntN(12)), "ReplicaSet")
		o.Namespace = []string{"one", "two"}[r.IntN(2)]
		if r.IntN(8) == 0 {
			o.Deleted = 1
		}
		if r.IntN(2) == 0 {
			o.Rules = &object.Rules{Spec: randomSpec(r)}
		}
		s.Pods = append(s.Pods, o)
	}
	return s
}

func randomSpec(r *rand.Rand) corev1.PodSpec {
	var spec corev1.PodSpec
	key := func() string { return []string{corev1.LabelHostname, corev1.LabelTopologyZone, "pool"}[r.IntN(3)] }
	selector := func() *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{"app": string(rune('a' + r.IntN(3)))}}
	}
	policy := func() *corev1.NodeInclusionPolicy {
		p := []corev1.NodeInclusionPolicy{corev1.NodeInclusionPolicyHonor, corev1.NodeInclusionPolicyIgnore}[r.IntN(2)]
		return &p
	}
	if r.IntN(3) == 0 {
		spec.NodeSelector = map[string]string{"pool": fmt.Sprint(r.IntN(2))}
	}
	for range r.IntN(3) {
		c := corev1.TopologySpreadConstraint{MaxSkew: 1, TopologyKey: key(), WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: selector()}
		switch r.IntN(6) {
		case 0:
			c.NodeAffinityPolicy = policy()
		case 1:
			c.NodeTaintsPolicy = policy()
		case 2:
			domains := int32(1 + r.IntN(4))
			c.MinDomains = &domains
		}
		spec.TopologySpreadConstraints = append(spec.TopologySpreadConstraints, c)
	}
	term := func() []corev1.PodAffinityTerm {
		t := corev1.PodAffinityTerm{TopologyKey: key(), LabelSelector: selector()}
		switch r.IntN(4) {
		case 0:
			t.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"team": "x"}}
		case 1:
			t.Namespaces = []string{"two"}
		}
		return []corev1.PodAffinityTerm{t}
	}
	spec.Affinity = &corev1.Affinity{}
	if r.IntN(3) == 0 {
		spec.Affinity.PodAffinity = &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: term()}
	}
	if r.IntN(2) == 0 {
		spec.Affinity.PodAntiAffinity = &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: term()}
	}
	return spec
}

// TestShownPart lets the plugins look at everything after every step, and wants
// them to say the same of every node as when they are shown only a part.
func TestShownPart(t *testing.T) {
	const seed = 7
	for i := range 2000 {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		state := random(r)
		c := New(state)
		s, err := newScheduler(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		spec := randomSpec(r)
		spec.Containers = []corev1.Container{{Name: "app"}}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "one", Name: "new", Labels: map[string]string{"app": "a"}}, Spec: spec}
		sh, err := newShape(pod, "new")
		if err != nil {
			t.Fatal(err)
		}
		for k := range c.pods { // some pods leave
			for _, p := range c.pods[k] {
				if r.IntN(4) == 0 {
					if err := s.view.take(p.shape, int32(k)); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if r.IntN(4) == 0 {
			(&trial{scheduler: s, c: c}).like(Like{Node: state.Nodes[0].Name, Count: 2})
		}
		q, err := s.search(t.Context(), sh)
		if err != nil {
			t.Fatal(err)
		}
		for step := range 6 {
			if len(state.Pods) > 0 && r.IntN(2) == 0 { // somebody else comes
				s.view.put(newShapes(true).of(state.Pods[r.IntN(len(state.Pods))]), int32(r.IntN(len(s.view.nodes))))
			}
			if err := q.catchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, want := opinions(t, q), opinions(t, everythingShown(t, s, sh)); !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, cluster %d, step %d: shown a part\n%v\nshown all\n%v", seed, i, step, got, want)
			}
			node, ok, err := q.next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			s.view.put(sh, node)
		}
	}
}

// everythingShown is a search by plugins that look at all nodes and pods.
func everythingShown(t *testing.T, s *scheduler, sh *shape) *search {
	t.Helper()
	all := *s
	all.plugins = append([]filter(nil), s.plugins...)
	for i := range all.plugins {
		all.plugins[i].looksAt = func(s *scheduler, _ *neighborhood) []fwk.NodeInfo { return s.view.nodes }
	}
	all.nearby = map[*shape]*neighborhood{}
	// The list of nodes with pods that keep others away is kept by the view.
	near := &neighborhood{shape: sh}
	for _, pods := range s.view.c.anti {
		near.away = append(near.away, pods...)
	}
	all.nearby[sh] = near
	q, err := all.search(t.Context(), sh)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func opinions(t *testing.T, q *search) []string {
	t.Helper()
	if q.refused != nil {
		return []string{q.refused.Message()}
	}
	var all []string
	for _, n := range q.view.nodes {
		status, _, err := q.decide(t.Context(), n, everything)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, status.Message())
	}
	return all
}

// TestSurvive wants of every loss what a question about that loss alone says.
func TestSurvive(t *testing.T) {
	const seed = 11
	harmed := 0
	for i := range 150 {
		c := New(random(rand.New(rand.NewPCG(seed, uint64(i)))))
		last := 0
		s, err := c.Survive(t.Context(), func(_, total int) { last = total })
		if err != nil {
			t.Fatal(err)
		}
		if total := len(c.nodes) + len(c.Zones()); s.Checked != total || last != total {
			t.Fatalf("cluster %d: %d losses tried, %d told of, of %d", i, s.Checked, last, total)
		}
		want := map[string]int{}
		for _, name := range c.nodeNames() {
			want[name] = pending(t.Context(), t, c, Ask{Lose: []string{name}})
		}
		for _, zone := range c.Zones() {
			want[zone] = pending(t.Context(), t, c, Ask{Zone: zone})
		}
		for _, l := range append(s.Nodes, s.Zones...) {
			if l.Pending != want[l.Name] || l.Pending != len(l.Pods) {
				t.Errorf("seed %d, cluster %d: the loss of %s leaves %d pending, asked alone %d", seed, i, l.Name, l.Pending, want[l.Name])
			}
			harmed++
			delete(want, l.Name)
		}
		for name, n := range want {
			if n != 0 {
				t.Errorf("seed %d, cluster %d: nobody says that the loss of %s leaves %d pending", seed, i, name, n)
			}
		}
	}
	if harmed < 100 {
		t.Errorf("only %d losses do harm: too few to find mistakes", harmed)
	}
}

func pending(ctx context.Context, t *testing.T, c *Cluster, a Ask) int {
	t.Helper()
	answer, err := c.WhatIf(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Asked - answer.Fit
}
