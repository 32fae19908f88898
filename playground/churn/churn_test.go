package churn

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func runningPod(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning,
			Conditions: []corev1.PodCondition{
				{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
				{Type: corev1.PodReady, Status: corev1.ConditionTrue},
				{Type: corev1.ContainersReady, Status: corev1.ConditionTrue},
			},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "app", Ready: true, RestartCount: 3}, {Name: "proxy", Ready: true}},
		},
	}
}

func TestOnlyHealthyPodsAreChanged(t *testing.T) {
	for name, change := range map[string]func(*corev1.Pod){
		"pending":       func(p *corev1.Pod) { p.Status.Phase = corev1.PodPending },
		"done":          func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded },
		"not ready":     func(p *corev1.Pod) { p.Status.Conditions[1].Status = corev1.ConditionFalse },
		"going":         func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Now()} },
		"no containers": func(p *corev1.Pod) { p.Status.ContainerStatuses = nil },
		"no conditions": func(p *corev1.Pod) { p.Status.Conditions = nil },
	} {
		object := runningPod("a")
		change(object)
		if _, ok := newPod(object); ok {
			t.Errorf("a pod that is %s would be changed", name)
		}
	}
	if _, ok := newPod(runningPod("a")); !ok {
		t.Error("a running pod would not be changed")
	}
}

// Breaking and mending, applied by the client library's own patching, change
// what they should and nothing else.
func TestPatch(t *testing.T) {
	object := runningPod("a")
	client := fake.NewClientset(object)
	p, ok := newPod(object)
	if !ok {
		t.Fatal("not a pod to change")
	}
	for _, want := range []struct {
		ready    bool
		restarts int32
	}{{false, 4}, {true, 4}, {false, 5}, {true, 5}} {
		p = p.flipped()
		if err := change(t.Context(), client, p); err != nil {
			t.Fatal(err)
		}
		got, err := client.CoreV1().Pods("shop").Get(t.Context(), "a", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		container := got.Status.ContainerStatuses[0]
		if container.Ready != want.ready || container.RestartCount != want.restarts {
			t.Errorf("container: ready %v, %d restarts; want %v, %d", container.Ready, container.RestartCount, want.ready, want.restarts)
		}
		if !got.Status.ContainerStatuses[1].Ready {
			t.Error("the other container changed")
		}
		for _, c := range got.Status.Conditions {
			if ready := c.Status == corev1.ConditionTrue; ready != (want.ready || c.Type == corev1.PodScheduled) {
				t.Errorf("condition %s is %s while ready is %v", c.Type, c.Status, want.ready)
			}
		}
	}
}

func TestPatchRefusesAnotherCondition(t *testing.T) {
	object := runningPod("a")
	p, _ := newPod(object)
	conditions := object.Status.Conditions
	conditions[0], conditions[1] = conditions[1], conditions[0]
	client := fake.NewClientset(object)
	if err := change(t.Context(), client, p.flipped()); err == nil {
		t.Error("the wrong condition was changed")
	}
}

func TestHerdDealsEveryPodOnce(t *testing.T) {
	h := &herd{maxBroken: 2}
	for i := range 10 {
		h.put(pod{name: fmt.Sprint(i), ready: true})
	}
	out := map[string]bool{}
	for range 10 {
		p, ok := h.take()
		if !ok || out[p.name] {
			t.Fatalf("dealt %q after %v", p.name, out)
		}
		out[p.name] = true
	}
	if p, ok := h.take(); ok {
		t.Errorf("dealt %q, which is out", p.name)
	}
}

func TestHerdKeepsFewBroken(t *testing.T) {
	h := &herd{maxBroken: 3}
	for i := range 100 {
		h.put(pod{name: fmt.Sprint(i), ready: true})
	}
	for range 1000 {
		p, ok := h.take()
		if !ok {
			t.Fatal("none left")
		}
		h.put(p.flipped())
		if len(h.broken) > h.maxBroken {
			t.Fatalf("%d are broken", len(h.broken))
		}
	}
	if len(h.healthy)+len(h.broken) != 100 {
		t.Errorf("%d pods are left", len(h.healthy)+len(h.broken))
	}
}

// run gives up a list of pods that is out of date, and goes on through errors
// that pass.
func TestRunEndsWhenPodsAreGone(t *testing.T) {
	client := fake.NewClientset()
	var calls atomic.Int64
	client.PrependReactor("patch", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if calls.Add(1) <= 10 {
			return true, nil, apierrors.NewTooManyRequestsError("busy")
		}
		return true, nil, apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, action.(clienttesting.PatchAction).GetName())
	})
	var pods []pod
	for i := range 100 {
		p, _ := newPod(runningPod(fmt.Sprint(i)))
		pods = append(pods, p)
	}
	var made atomic.Int64
	run(t.Context(), client, rate.NewLimiter(rate.Inf, 1), pods, &made)
	if n := made.Load(); n != 0 {
		t.Errorf("%d changes are counted as made", n)
	}
	if n := calls.Load(); n < 10+11 || n > 10+11+workers {
		t.Errorf("it took %d changes to notice", n)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	object := runningPod("a")
	client := fake.NewClientset(object)
	p, _ := newPod(object)
	ctx, cancel := context.WithCancel(t.Context())
	var calls atomic.Int64
	client.PrependReactor("patch", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		if calls.Add(1) == 5 {
			cancel()
		}
		return false, nil, nil
	})
	var made atomic.Int64
	run(ctx, client, rate.NewLimiter(rate.Inf, 1), []pod{p}, &made)
	if n := made.Load(); n < 4 {
		t.Errorf("only %d changes are counted as made", n)
	}
}

func TestList(t *testing.T) {
	pending := runningPod("b")
	pending.Status.Phase = corev1.PodPending
	pods, err := list(t.Context(), fake.NewClientset(runningPod("a"), pending))
	if err != nil {
		t.Fatal(err)
	}
	if len(pods) != 1 || pods[0].name != "a" || pods[0].restarts != 3 {
		t.Errorf("got %+v", pods)
	}
}

func TestPatchIsAList(t *testing.T) {
	p, _ := newPod(runningPod("a"))
	encoded, err := p.patch(time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	var operations []map[string]any
	if err := json.Unmarshal(encoded, &operations); err != nil || len(operations) != 8 {
		t.Errorf("%s: %v", encoded, err)
	}
}
