package triage_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"quarterdeck/kube/object"
	"quarterdeck/kube/triage"
)

func late(d *appsv1.Deployment) {
	d.Status.Conditions = []appsv1.DeploymentCondition{{
		Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded", LastTransitionTime: ago(240),
	}}
}

func TestOneRolloutIsOneIncident(t *testing.T) {
	objects := deployment("checkout", 3, 0, late)
	for _, name := range []string{"a", "b", "c"} {
		objects = append(objects, pod("checkout", name, crashes("Error", 1, "missing DB_URL\nmore")))
	}
	objects = append(objects, &corev1.Service{ObjectMeta: meta("shop", "checkout-svc"), Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "checkout"}}})
	s := newScene(t, objects...)
	i := s.one()
	is(t, i, "crit | rollout stuck, 0 of 3 ready | deploy/checkout in shop | v2 exits 1: missing DB_URL more (6 restarts) | no-endpoints rollout-stuck replicas-missing crash-loop")
	if i.Pods != 3 || i.Works != 1 || i.Services != 1 {
		t.Errorf("%d pods, %d workloads, %d services", i.Pods, i.Works, i.Services)
	}
	for _, p := range []string{"a", "b", "c"} { // they recover
		s.put(pod("checkout", p))
	}
	for _, o := range deployment("checkout", 3, 3) {
		s.put(o)
	}
	if got := s.one().Rules; len(got) != 1 || got[0] != "no-endpoints" { // nobody told of endpoints
		t.Error(got)
	}
	drop[*object.Service](s, triage.Services, "checkout-svc")
	s.none()
}

func node(name string, ready corev1.ConditionStatus) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: meta("", name),
		Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready, LastTransitionTime: ago(120)}}},
	}
}

func TestDeadNodeTakesWithIt(t *testing.T) {
	objects := []runtime.Object{node("node-1", corev1.ConditionUnknown)}
	for _, app := range []string{"cart", "search"} {
		objects = append(objects, deployment(app, 1, 0)...)
		objects = append(objects, pod(app, app+"-pod", unready))
	}
	i := newScene(t, objects...).one()
	if i.Root.Name != "node-1" || i.Works != 2 {
		t.Error(line(i), i.Affected)
	}
}

func TestNothingIsWrong(t *testing.T) {
	objects := []runtime.Object{node("node-1", corev1.ConditionTrue), pod("cart", "cart-pod")}
	newScene(t, append(objects, deployment("cart", 1, 1)...)...).none()
}

func TestNotRead(t *testing.T) {
	s := newScene(t, pod("cart", "cart-pod")).without(triage.Nodes, triage.EndpointSlices)
	r := s.report()
	if len(r.NotRead) != 2 || r.Complete() {
		t.Errorf("%+v", r.NotRead)
	}
	for _, c := range r.Checked {
		if c.Rule.On == triage.Nodes || c.Rule.ID == "no-endpoints" {
			t.Errorf("%s was not checked", c.Rule.ID)
		}
	}
}

// Pods are read before those that they belong to.
func TestOwnersComeLater(t *testing.T) {
	s := newScene(t, pod("checkout", "a", crashes("Error", 1, "")))
	if i := s.one(); i.Root.Kind != "ReplicaSet" {
		t.Error(line(i))
	}
	s.put(deployment("checkout", 1, 1)...)
	if i := s.one(); i.Root.Kind != "Deployment" {
		t.Error(line(i))
	}
}

// A container that crashes runs for a moment each time; that is no recovery.
func TestAMomentIsNoRecovery(t *testing.T) {
	s := newScene(t, append(deployment("checkout", 1, 0), pod("checkout", "a", crashes("Error", 1, "")))...)
	s.one()
	runs := func(since int64) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].RestartCount = 1
			p.Status.ContainerStatuses[0].State.Running.StartedAt = ago(since)
			p.Status.ContainerStatuses[0].LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				ExitCode: 1, Reason: "Error", FinishedAt: ago(since + 1),
			}}
		}
	}
	s.put(append(deployment("checkout", 1, 1), pod("checkout", "a", runs(2)))...)
	if got := s.one().Rules; len(got) != 1 || got[0] != "crash-loop" {
		t.Error(got)
	}
	if r := s.after(120); len(r.Incidents) > 0 {
		t.Error("it has recovered:\n" + describe(r))
	}
}

// What cannot be read any more is not over.
func TestOver(t *testing.T) {
	s := newScene(t, append(deployment("checkout", 1, 0), pod("checkout", "a", crashes("Error", 1, "")))...)
	i := s.one()
	if s.report().Over(i) {
		t.Error("it goes on")
	}
	s.without(triage.Pods)
	if s.report().Over(i) {
		t.Error("nobody knows")
	}
	s = newScene(t, append(deployment("checkout", 1, 1), pod("checkout", "a"))...)
	if !s.report().Over(i) {
		t.Error("it is over")
	}
}

// What an incident took with it may be older than the incident.
func TestSinceItsCause(t *testing.T) {
	objects := append(deployment("cart", 1, 0), node("node-1", corev1.ConditionUnknown), pod("cart", "cart-pod", unready))
	if i := newScene(t, objects...).one(); i.Root.Name != "node-1" || i.Since != clock.Unix()-120 {
		t.Errorf("since %d s: %s", clock.Unix()-i.Since, line(i))
	}
}
