package whatif

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/headroom/fit"
	"quarterdeck/kube/store"
)

func asks(cpu string) corev1.PodSpec {
	return corev1.PodSpec{Containers: []corev1.Container{{
		Name: "app", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}},
	}}}
}

// inCluster runs test with a reader of a node of 4 cores, of which pods of two
// namespaces request one each. The server refuses what refused says.
func inCluster(t *testing.T, refused func(apitest.Request) bool, test func(*testing.T, *apitest.Server, *Reader)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := apitest.NewPipe(t)
		s.Put(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1", UID: "n1"}, Status: corev1.NodeStatus{
			Allocatable: corev1.ResourceList{"cpu": resource.MustParse("4"), "memory": resource.MustParse("8Gi"), "pods": resource.MustParse("10")},
		}})
		for _, ns := range []string{"shop", "batch"} {
			p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "a", UID: types.UID(ns)}, Spec: asks("1")}
			p.Spec.NodeName, p.Status.Phase = "n1", corev1.PodRunning
			s.Put(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns, UID: types.UID("ns" + ns)}}, p)
		}
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "web"}}
		d.Spec.Replicas, d.Spec.Template.Spec = new(int32(2)), asks("1500m")
		s.Put(d)
		s.OnRequest(func(r apitest.Request) *apitest.Answer {
			if refused != nil && refused(r) {
				return r.Forbid("dev")
			}
			return nil
		})
		hub := store.NewHub(s.REST, store.Options{Linger: -1})
		r := Open(hub, s, "shop")
		test(t, s, r)
		r.Close()
		hub.Close()
	})
}

func TestAnswers(t *testing.T) {
	inCluster(t, nil, func(t *testing.T, s *apitest.Server, r *Reader) {
		answer := func(text string) (fit.Answer, error) {
			q, err := Parse(text, "shop")
			if err != nil {
				t.Fatal(err)
			}
			state, err := r.State(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ask, err := q.Ask(t.Context(), s)
			if err != nil {
				return fit.Answer{}, err
			}
			return fit.New(state).WhatIf(t.Context(), ask)
		}
		for text, want := range map[string]string{
			"place 1 1Gi x3":         "2 of 3 pods fit, 1 would stay pending: 1 Insufficient cpu",
			"scale deploy/web +1":    "the pod fits",
			"scale deployment/web 4": "1 of 2 pods fit, 1 would stay pending: 1 Insufficient cpu",
			"scale deploy/web 2":     "!no new pod would be needed",
			"scale deploy/none +1":   "!not found",
			"scale ds/web +1":        "!it is not scaled",
			"scale cronjob/web +1":   "!no kind that is scaled",
			"drain n2":               "!not in the cluster",
		} {
			a, err := answer(text)
			part, refused := strings.CutPrefix(want, "!")
			switch {
			case refused && (err == nil || !strings.Contains(err.Error(), part)):
				t.Errorf("%s: error %v, want one with %q", text, err, part)
			case !refused && (err != nil || Line(&a) != want):
				t.Errorf("%s: %q, %v, want %q", text, Line(&a), err, want)
			}
		}
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "b", UID: "b"}, Spec: asks("2")}
		p.Spec.NodeName = "n1"
		s.Put(p)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for {
			a, err := answer("place 1 1Gi")
			if err != nil {
				t.Fatal(err)
			}
			if a.Fit == 0 {
				break
			}
			select {
			case <-r.Changed():
			case <-ctx.Done():
				t.Fatal("one more pod took the room, and yet another fits")
			}
		}
	})
}

// Who may not list what other namespaces have is told so with the state; without
// nodes there is none.
func TestStateOfOneNamespace(t *testing.T) {
	in := func(r apitest.Request) bool { return r.Namespace == "shop" }
	inCluster(t, func(r apitest.Request) bool { return !in(r) && r.GVR.Resource != "nodes" }, func(t *testing.T, _ *apitest.Server, r *Reader) {
		state, err := r.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(state.Nodes) != 1 || len(state.Pods) != 1 || state.Namespaces != nil || state.Storage != nil || state.Quotas == nil {
			t.Errorf("%+v", state)
		}
		for _, want := range []string{"pods of other namespaces than shop", "list namespaces: forbidden", "list persistentvolumes: forbidden"} {
			if !slices.ContainsFunc(state.Unread, func(s string) bool { return strings.Contains(s, want) }) {
				t.Errorf("%q is not among what was not read: %q", want, state.Unread)
			}
		}
	})
	inCluster(t, func(r apitest.Request) bool { return !in(r) }, func(t *testing.T, _ *apitest.Server, r *Reader) {
		if _, err := r.State(t.Context()); err == nil || !strings.Contains(err.Error(), "nodes could not be read (list nodes: forbidden)") {
			t.Errorf("without nodes: %v", err)
		}
	})
}
