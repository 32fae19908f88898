package store

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/apitest"
)

// pod is the compact object of these tests.
type pod struct {
	Meta
	Node, Phase string
}

func (p *pod) String() string { return p.Namespace + "/" + p.Name + " " + p.Node + " " + p.Phase }

func podKind() Kind[*pod] {
	return Typed(corev1.SchemeGroupVersion.WithResource("pods"), "Pod", true, func(p *corev1.Pod, in *Interner) *pod {
		return &pod{Meta: in.Meta(&p.ObjectMeta), Node: in.String(p.Spec.NodeName), Phase: in.String(string(p.Status.Phase))}
	})
}

func newCorePod(i int) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("pod-%04d", i), Namespace: []string{"shop", "batch"}[i%2],
			Labels:        map[string]string{"app": []string{"web", "api", "job"}[i%3]},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubelet", Operation: metav1.ManagedFieldsOperationUpdate}},
		},
		Spec:   corev1.PodSpec{NodeName: fmt.Sprintf("node-%d", i%7)},
		Status: corev1.PodStatus{Phase: corev1.PodRunning},
	}
}

func putPods(s *apitest.Server, n int) {
	for i := range n {
		s.Put(newCorePod(i))
	}
}

// follower is a subscriber that keeps what the deltas say.
type follower[T Object] struct {
	sub  *Subscription[T]
	have map[T]struct{}
}

func follow[T Object](sub *Subscription[T]) *follower[T] {
	return &follower[T]{sub: sub, have: map[T]struct{}{}}
}

// take applies what changed, and fails the test if that does not fit what is
// known.
func (f *follower[T]) take(t testing.TB) Status {
	t.Helper()
	d, st := f.sub.Take()
	if d.Reset {
		clear(f.have)
		if len(d.Removed) > 0 {
			t.Errorf("a reset removes %v", d.Removed)
		}
	}
	for _, o := range d.Removed {
		if _, ok := f.have[o]; !ok {
			t.Errorf("removed %v, which was not there", o)
		}
		delete(f.have, o)
	}
	for _, o := range d.Added {
		if _, ok := f.have[o]; ok {
			t.Errorf("added %v, which was there", o)
		}
		f.have[o] = struct{}{}
	}
	if len(f.have) != st.Loaded {
		t.Errorf("the deltas add up to %d objects, the status says %d", len(f.have), st.Loaded)
	}
	return st
}

// names returns the objects as texts, in order.
func (f *follower[T]) names() []string {
	var names []string
	for o := range f.have {
		names = append(names, fmt.Sprint(o))
	}
	slices.Sort(names)
	return names
}

// cluster is a fake API server and a hub that reads from it, in a bubble.
type cluster struct {
	*apitest.Server
	hub *Hub
}

// inBubble runs f with a cluster of n pods.
func inBubble(t *testing.T, n int, opts Options, f func(t *testing.T, c *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{Server: apitest.NewPipe(t)}
		putPods(c.Server, n)
		c.hub = NewHub(c.REST, opts)
		t.Cleanup(c.hub.Close)
		f(t, c)
	})
}

// settle waits until nothing happens any more without time passing, and
// returns what the subscriber then has.
func settle[T Object](t testing.TB, f *follower[T]) Status {
	t.Helper()
	synctest.Wait()
	return f.take(t)
}

func wantPhase(t testing.TB, st Status, phase Phase, loaded int) {
	t.Helper()
	if st.Phase != phase || st.Loaded != loaded {
		t.Fatalf("%s with %d objects (%v), want %s with %d", st.Phase, st.Loaded, st.Err, phase, loaded)
	}
}
