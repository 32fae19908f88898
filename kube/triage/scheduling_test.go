package triage_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"quarterdeck/kube/triage"
)

// unplaced makes a pod one for which the scheduler found no node.
func unplaced(message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.NodeName, p.Status = "", corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message,
		}}}
	}
}

// needs makes a pod ask for resources.
func needs(pairs ...string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.Containers[0].Resources.Requests = amounts(pairs...) }
}

// selects makes a pod want nodes with a label.
func selects(key, value string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.NodeSelector = map[string]string{key: value} }
}

// ofDaemonSet makes a pod one of a DaemonSet.
func ofDaemonSet(name string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.OwnerReferences[0].Kind, p.OwnerReferences[0].Name, p.OwnerReferences[0].UID = "DaemonSet", name, "ds-uid"
	}
}

// sized returns a node that is ready and has resources.
func sized(name string, pairs ...string) *corev1.Node {
	n := node(name, corev1.ConditionTrue)
	n.Status.Allocatable = amounts(append(pairs, "pods", "110")...)
	n.Status.Capacity = n.Status.Allocatable
	return n
}

func TestScheduling(t *testing.T) {
	const (
		start = "warn | pod cannot be scheduled | deploy/cart in shop | "
		none  = " no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod."
	)
	two := func(objects ...runtime.Object) []runtime.Object {
		list := append(deployment("cart", 1, 1), sized("node-1", "cpu", "8", "memory", "32Gi"), sized("node-2", "cpu", "4", "memory", "64Gi"))
		list[len(list)-1].(*corev1.Node).Labels = map[string]string{"pool": "mem"}
		list[len(list)-1].(*corev1.Node).Spec.Taints = []corev1.Taint{{Key: "only", Value: "mem", Effect: corev1.TaintEffectNoSchedule}}
		return append(list, objects...)
	}
	says := func(message string, change ...func(*corev1.Pod)) []runtime.Object {
		return two(pod("cart", "p", append([]func(*corev1.Pod){unplaced(message + none)}, change...)...))
	}
	for _, test := range []struct {
		name    string
		objects []runtime.Object
		row     string
	}{
		{"too big", says("0/2 nodes are available: 2 Insufficient cpu.", needs("cpu", "24")), "warn | pod too big for any node | deploy/cart in shop | needs 24 cpu, largest node has 8 | too-big"},
		{"too big in what is scarce elsewhere", says("0/2 nodes are available: 1 Insufficient memory, 2 Insufficient nvidia.com/gpu.", needs("memory", "40Gi", "nvidia.com/gpu", "2")), "warn | pod too big for any node | deploy/cart in shop | needs 2 nvidia.com/gpu, largest node has 0 | too-big"},
		{"no room", append(says("0/2 nodes are available: 2 Insufficient cpu.", needs("cpu", "4")), pod("cart", "full", needs("cpu", "6")), pod("cart", "other", needs("cpu", "500m"), func(p *corev1.Pod) { p.Spec.NodeName = "node-2" })), start + "needs 4 cpu, most free on a node is 3.5 | no-room"},
		{"no room, as far as is known", says("0/2 nodes are available: 2 Insufficient cpu.", needs("cpu", "4")), start + "not enough cpu (all 2 nodes) | no-room"},
		{"no room where it is wanted", says("0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector.", needs("cpu", "4")), start + "not enough cpu (1 of 2 nodes); 1 not matching its selector | no-room"},
		{"taint", says("0/2 nodes are available: 2 node(s) had untolerated taint {pool: mem}.", needs("cpu", "4")), start + "does not tolerate taint pool=mem (all 2 nodes) | untolerated-taint"},
		{"taint that is not named", says("0/2 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) didn't match Pod's node affinity/selector.", selects("pool", "mem")), start + "does not tolerate taint only=mem (1 of 2 nodes); 1 not matching its selector | untolerated-taint"},
		{"taint without value", says("0/2 nodes are available: 1 node(s) were unschedulable, 1 node(s) had untolerated taint {pool: }."), start + "does not tolerate taint pool (1 of 2 nodes); 1 cordoned | untolerated-taint"},
		{"cordons", says("0/2 nodes are available: 2 node(s) were unschedulable."), start + "nodes are cordoned (all 2 nodes) | only-cordoned"},
		{"selector", says("0/2 nodes are available: 1 node(s) had untolerated taint {pool: mem}, 1 node(s) didn't match Pod's node affinity/selector."), start + "no node matches its node selector or affinity (1 of 2 nodes); 1 tainted | no-matching-node"},
		{"selector of no node", says("0/2 nodes are available: 1 node(s) had untolerated taint {pool: mem}, 1 node(s) didn't match Pod's node affinity/selector.", selects("disk", "ssd")), start + "no node has disk=ssd (1 of 2 nodes); 1 tainted | no-matching-node"},
		{"the one node of a DaemonSet's pod", says("0/2 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) didn't satisfy plugin(s) [NodeAffinity].", ofDaemonSet("agent")), "warn | pod cannot be scheduled | ds/agent in shop | does not tolerate taint only=mem (1 of 2 nodes); 1 not matching its selector | untolerated-taint"},
		{"selector of tainted nodes", says("0/2 nodes are available: 1 node(s) had untolerated taint {pool: mem}, 1 node(s) didn't match Pod's node affinity/selector.", selects("pool", "mem")), start + "does not tolerate taint pool=mem (1 of 2 nodes); 1 not matching its selector | untolerated-taint"},
		{"slots", says("0/2 nodes are available: 2 Too many pods."), start + "no free pod slot (all 2 nodes) | pod-slots"},
		{"host port", says("0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports."), start + "its host port is taken (all 2 nodes) | host-port"},
		{"anti-affinity", says("0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules."), start + "ruled out by pod affinity or anti-affinity (all 2 nodes) | pod-affinity"},
		{"spread", says("0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints (missing required label)."), start + "ruled out by its topology spread constraints (all 2 nodes) | topology-spread"},
		{"zone of a volume", says("0/2 nodes are available: 2 node(s) had volume node affinity conflict."), start + "had volume node affinity conflict (all 2 nodes) | volume-node"},
		{"claim in another zone", says("0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity."), start + "didn't match PersistentVolume's node affinity (all 2 nodes) | volume-node"},
		{"unbound", says("0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims."), start + "waits for volume claims that are not bound | unbound-claim"},
		{"no claim", says(`0/2 nodes are available: persistentvolumeclaim "data" not found.`), "warn | pod cannot be scheduled without pvc/data | pvc/data in shop | pvc/data does not exist | missing-claim"},
		{"no nodes", append(deployment("cart", 1, 1), pod("cart", "p", unplaced("no nodes available to schedule pods"))), start + "the cluster has no nodes | no-nodes"},
		{"a plugin of somebody's", says("0/2 nodes are available: 2 node(s) are on holiday."), start + "are on holiday (all 2 nodes) | unschedulable"},
		{"a moment ago", says("0/2 nodes are available: 2 Insufficient cpu.", needs("cpu", "24"), madeAgo(5)), ""},
		{"gates", two(pod("cart", "p", unplaced("Scheduling is blocked due to non-empty scheduling gates"), func(p *corev1.Pod) {
			p.Status.Conditions[0].Reason = corev1.PodReasonSchedulingGated
		})), "info | pod held by scheduling gates | deploy/cart in shop | whoever set its scheduling gates has not taken them away | scheduling-gate"},
		{"no scheduler", two(pod("cart", "p", unplaced(""), func(p *corev1.Pod) { p.Status.Conditions = nil })), "warn | pod not looked at by any scheduler | lease/kube-scheduler in kube-system | no scheduler has looked at it for more than 30s | scheduler-silent"},
		{"new", two(pod("cart", "p", unplaced(""), madeAgo(5), func(p *corev1.Pod) { p.Status.Conditions = nil })), ""},
	} {
		t.Run(test.name, func(t *testing.T) { row(t, newScene(t, test.objects...), test.row) })
	}
}

func TestUnschedulableProposesWhatFits(t *testing.T) {
	s := newScene(t, append(deployment("cart", 1, 1), sized("node-1", "cpu", "4"), pod("cart", "full", needs("cpu", "3")),
		pod("cart", "p", needs("cpu", "2"), unplaced("0/1 nodes are available: 1 Insufficient cpu.")))...)
	if a := s.one().Actions; len(a) == 0 || a[0].Do != triage.WhatIf {
		t.Errorf("%+v", a)
	}
	s.put(pod("cart", "full", needs("cpu", "1"))) // and the scheduler has not noticed yet
	s.put(pod("cart", "p", needs("cpu", "2"), unplaced("0/1 nodes are available: 1 Insufficient cpu.")))
	is(t, s.one(), "warn | pod cannot be scheduled | deploy/cart in shop | not enough cpu (all 1 node) | no-room")
}

func TestManyWithoutANode(t *testing.T) {
	objects := append(deployment("cart", 1, 1), sized("node-1", "cpu", "4"))
	for _, name := range []string{"a", "b", "c"} {
		objects = append(objects, pod("cart", name, needs("cpu", "2"), unplaced("0/1 nodes are available: 1 Too many pods.")))
	}
	is(t, newScene(t, objects...).one(), "warn | 3 pods cannot be scheduled | deploy/cart in shop | no free pod slot (all 1 node) | pod-slots")
}
