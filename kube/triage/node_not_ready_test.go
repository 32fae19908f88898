package triage_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"quarterdeck/kube/triage"
)

// broken returns a node of a zone whose conditions are as given: type, status,
// reason, message. It is ready if they say nothing of that.
func broken(name, zone string, conditions ...[4]string) *corev1.Node {
	n := node(name, corev1.ConditionTrue)
	n.Labels = map[string]string{corev1.LabelTopologyZone: zone}
	n.Status.NodeInfo.KubeletVersion = "v1.36.3"
	n.Status.Conditions[0].LastHeartbeatTime = ago(60)
	for _, c := range conditions {
		cond := corev1.NodeCondition{
			Type: corev1.NodeConditionType(c[0]), Status: corev1.ConditionStatus(c[1]), Reason: c[2], Message: c[3],
			LastTransitionTime: ago(300), LastHeartbeatTime: ago(60),
		}
		if c[0] == "Ready" {
			n.Status.Conditions[0] = cond
			continue
		}
		n.Status.Conditions = append(n.Status.Conditions, cond)
	}
	return n
}

var (
	silent   = [4]string{"Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."}
	reported = [4]string{"Ready", "False", "KubeletNotReady", "container runtime is down"}
)

func TestNodeNotReady(t *testing.T) {
	i := newScene(t, broken("a-1", "zone-a", silent), broken("a-2", "zone-a")).one()
	is(t, i, "crit | NotReady | node/a-1 | the kubelet is silent | node-not-ready")
	if i.Since != ago(300).Unix() || i.Actions[0].Do != triage.WhatIf {
		t.Errorf("since %d, %v", i.Since, i.Actions)
	}
	is(t, newScene(t, broken("a-1", "zone-a", reported)).one(),
		"crit | NotReady | node/a-1 | KubeletNotReady: container runtime is down | node-not-ready")
}

func TestZoneDown(t *testing.T) {
	s := newScene(t, broken("a-1", "zone-a", silent), broken("a-2", "zone-a", silent), broken("b-1", "zone-b"))
	is(t, s.one(), "crit | 2 nodes NotReady | zone/zone-a | the kubelet is silent | node-not-ready")
	s.put(broken("a-2", "zone-a")) // one is back: then it is the other itself
	is(t, s.one(), "crit | NotReady | node/a-1 | the kubelet is silent | node-not-ready")
}

func TestNodeJoins(t *testing.T) {
	n := broken("a-1", "zone-a", reported, [4]string{"NetworkUnavailable", "True", "NoRouteCreated", "no route"})
	n.CreationTimestamp = ago(60)
	s := newScene(t, n)
	s.none()
	if got := s.after(61); len(got.Incidents) != 1 {
		t.Error(describe(got))
	}
}

func TestNodeConditions(t *testing.T) {
	for _, c := range []struct {
		node *corev1.Node
		want string
	}{
		{
			broken("a-1", "", [4]string{"MemoryPressure", "True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available"}),
			"warn | short of memory | node/a-1 | KubeletHasInsufficientMemory: kubelet has insufficient memory available | node-pressure",
		},
		{broken("a-1", "", [4]string{"DiskPressure", "True", "KubeletHasDiskPressure", ""}), "warn | short of disk space | node/a-1 | KubeletHasDiskPressure | node-pressure"},
		{broken("a-1", "", [4]string{"PIDPressure", "True", "KubeletHasInsufficientPID", ""}), "warn | short of process IDs | node/a-1 | KubeletHasInsufficientPID | node-pressure"},
		{broken("a-1", "", [4]string{"NetworkUnavailable", "True", "NoRouteCreated", "no route"}), "crit | without a network | node/a-1 | NoRouteCreated: no route | node-network"},
		{broken("a-1", "", [4]string{"MemoryPressure", "False", "", ""}, [4]string{"VMEventScheduled", "True", "", ""}), ""},
		{broken("a-1", "", silent, [4]string{"DiskPressure", "True", "", ""}), "crit | NotReady | node/a-1 | the kubelet is silent | node-not-ready"},
	} {
		s := newScene(t, c.node)
		if c.want == "" {
			s.none()
			continue
		}
		is(t, s.one(), c.want)
	}
}

func TestNodeCordoned(t *testing.T) {
	n := broken("a-1", "")
	n.Spec.Unschedulable = true
	n.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule, TimeAdded: ref(ago(3000))}}
	s := newScene(t, n)
	s.none()
	later := s.after(700)
	if len(later.Incidents) != 1 {
		t.Fatal(describe(later))
	}
	is(t, later.Incidents[0], "info | cordoned and forgotten | node/a-1 | takes no new pods for more than 60m | node-cordoned")
	n.Spec.Taints[0].TimeAdded = nil // then it counts from when it is seen
	s = newScene(t, n)
	s.none()
	if got := s.after(3500); len(got.Incidents) != 0 {
		t.Error(describe(got))
	}
	if got := s.after(3600); len(got.Incidents) != 1 {
		t.Error(describe(got))
	}
}

func TestNodeSkew(t *testing.T) {
	old := broken("a-1", "")
	old.Status.NodeInfo.KubeletVersion = "v1.32.9"
	s := newScene(t, old, broken("a-2", ""))
	is(t, s.one(), "warn | kubelet is too old | node/a-1 | v1.32.9 is 4 minor versions behind v1.36, 3 are supported | node-skew")
	old.Status.NodeInfo.KubeletVersion = "v1.33.1"
	s.put(old)
	s.none()
}

func TestNodeSilent(t *testing.T) {
	n := broken("a-1", "")
	n.Status.Conditions[0].LastHeartbeatTime = ago(1000)
	is(t, newScene(t, n).one(), "warn | status is old | node/a-1 | Ready, but its kubelet has not written so for more than 15m | node-silent")
}

func TestNodeFull(t *testing.T) {
	n := broken("node-1", "")
	n.Status.Allocatable = corev1.ResourceList{corev1.ResourcePods: resource.MustParse("2")}
	s := newScene(t, n, pod("cart", "a"), pod("cart", "b", func(p *corev1.Pod) { p.Status = corev1.PodStatus{Phase: corev1.PodSucceeded} }))
	s.none()
	s.put(pod("cart", "c")) // a pod has its node judged again
	is(t, s.one(), "info | takes no more pods | node/node-1 | all of its 2 pod slots are taken | node-full")
}
