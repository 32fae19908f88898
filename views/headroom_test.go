package views

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/apitest"
)

func amounts(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
}

// roomNode is a node of the cluster that tests of Headroom look at.
func roomNode(name, zone, cpu, memory string, change func(*corev1.Node)) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: name, UID: types.UID(name), CreationTimestamp: ago(41 * 24 * time.Hour),
		Labels: map[string]string{"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone, "pool": "std"},
	}}
	n.Status.Allocatable = amounts(cpu, memory)
	n.Status.Allocatable[corev1.ResourcePods] = resource.MustParse("110")
	n.Status.Allocatable[corev1.ResourceEphemeralStorage] = resource.MustParse("100Gi")
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	if change != nil {
		change(n)
	}
	return n
}

// roomPod is a pod of a Deployment that has a node, or waits for one.
func roomPod(namespace, app string, i int, node string, requests, limits corev1.ResourceList) *corev1.Pod {
	name := app + "-5d9c7b-" + string(rune('a'+i))
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(namespace + name), CreationTimestamp: ago(time.Hour - time.Duration(i)*time.Minute),
		Labels:          map[string]string{"app": app, "pod-template-hash": "5d9c7b"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: app + "-5d9c7b", UID: "rs-" + types.UID(app), Controller: new(true)}},
	}}
	p.Spec.NodeName = node
	p.Spec.Containers = []corev1.Container{{Name: "app", Image: "registry.example.com/" + app, Resources: corev1.ResourceRequirements{Requests: requests, Limits: limits}}}
	p.Status.Phase = corev1.PodRunning
	if node == "" {
		p.Status.Phase = corev1.PodPending
	}
	return p
}

func roomDeployment(namespace, name string, replicas int32, requests corev1.ResourceList) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name)},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(replicas), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "app", Image: "registry.example.com/" + name, Resources: corev1.ResourceRequirements{Requests: requests},
				}}},
			},
		},
	}
}

// room is a cluster of four nodes in two zones, one of them cordoned, one full.
func room(s *apitest.Server) {
	for _, ns := range []string{"payments", "web"} {
		s.Put(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns, UID: types.UID(ns), CreationTimestamp: ago(time.Hour)}})
	}
	s.Put(
		roomNode("node-1", "a", "4", "16Gi", nil),
		roomNode("node-2", "a", "4", "16Gi", nil),
		roomNode("node-3", "b", "8", "32Gi", func(n *corev1.Node) {
			n.Spec.Unschedulable = true
			n.Spec.Taints = []corev1.Taint{{Key: "node.kubernetes.io/unschedulable", Effect: corev1.TaintEffectNoSchedule}}
		}),
		roomNode("node-4", "b", "8", "32Gi", func(n *corev1.Node) {
			n.Status.Allocatable["example.com/gpu"] = resource.MustParse("2")
		}),
	)
	for i := range 3 {
		s.Put(roomPod("payments", "checkout", i, "node-1", amounts("1200m", "2Gi"), amounts("2", "8Gi")))
	}
	s.Put(
		roomPod("payments", "ledger", 0, "node-2", amounts("1", "8Gi"), amounts("1", "8Gi")),
		roomPod("payments", "ledger", 1, "node-3", amounts("1", "8Gi"), amounts("1", "8Gi")),
		roomPod("web", "front", 0, "node-4", amounts("500m", "512Mi"), nil),
		roomPod("web", "front", 1, "node-4", nil, nil),
		roomPod("web", "front", 2, "", amounts("20", "1Gi"), nil),
		&corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Namespace: "payments", Name: "team", UID: "quota"},
			Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"requests.cpu": resource.MustParse("6"), "pods": resource.MustParse("20")}},
			Status: corev1.ResourceQuotaStatus{
				Hard: corev1.ResourceList{"requests.cpu": resource.MustParse("6"), "pods": resource.MustParse("20")},
				Used: corev1.ResourceList{"requests.cpu": resource.MustParse("5600m"), "pods": resource.MustParse("5")},
			},
		},
		roomDeployment("payments", "checkout", 3, amounts("1200m", "2Gi")),
		roomDeployment("web", "front", 3, amounts("3", "1Gi")),
	)
	s.Serve("/apis/metrics.k8s.io/v1beta1/nodes", `{"kind":"NodeMetricsList","apiVersion":"metrics.k8s.io/v1beta1","metadata":{},"items":[
{"metadata":{"name":"node-1"},"timestamp":"2026-03-04T05:06:00Z","window":"15s","usage":{"cpu":"3900m","memory":"5Gi"}},
{"metadata":{"name":"node-2"},"timestamp":"2026-03-04T05:06:00Z","window":"15s","usage":{"cpu":"400m","memory":"7Gi"}},
{"metadata":{"name":"node-3"},"timestamp":"2026-03-04T05:06:00Z","window":"15s","usage":{"cpu":"300m","memory":"7Gi"}},
{"metadata":{"name":"node-4"},"timestamp":"2026-03-04T05:06:00Z","window":"15s","usage":{"cpu":"100m","memory":"1Gi"}}]}`)
	s.Serve("/apis/metrics.k8s.io/v1beta1/pods", `{"kind":"PodMetricsList","apiVersion":"metrics.k8s.io/v1beta1","metadata":{},"items":[
{"metadata":{"name":"checkout-5d9c7b-a","namespace":"payments"},"timestamp":"2026-03-04T05:06:00Z","window":"15s","containers":[{"name":"app","usage":{"cpu":"1900m","memory":"1900Mi"}}]},
{"metadata":{"name":"ledger-5d9c7b-a","namespace":"payments"},"timestamp":"2026-03-04T05:06:00Z","window":"15s","containers":[{"name":"app","usage":{"cpu":"100m","memory":"7800Mi"}}]}]}`)
}

func inRoom(more func(*settings)) func(*settings) {
	return func(set *settings) {
		set.empty, set.start, set.prepare, set.Metrics = true, "headroom", room, true
		if more != nil {
			more(set)
		}
	}
}

// Headroom in every grouping, what it says of a node, and its answers.
func TestHeadroom(t *testing.T) {
	var seen screens
	pipe(t, inRoom(nil), func(b *bench) {
		b.settle()
		seen.both(b, "by-node")
		b.press("enter")
		seen.both(b, "node")
		b.press("esc", "tab")
		seen.both(b, "by-zone")
		b.press("enter")
		seen.both(b, "zone")
		b.press("esc", "tab", "tab")
		seen.both(b, "by-namespace")
		b.press("enter")
		seen.both(b, "namespace")
		b.press("esc", "tab")
		seen.both(b, "by-workload")
		b.press("w")
		seen.both(b, "asking")
		b.press("enter", "enter")
		seen.both(b, "stopped-by-a-quota")
		b.press("esc", "w")
		b.text("scale deployment/front")
		b.press("esc", "G", "w", "enter", "backspace")
		b.text("4")
		b.press("enter")
		b.want("would stay pending", "Insufficient cpu")
		seen.both(b, "answer")
		b.press("esc", "s")
		b.text("+4")
		b.press("enter")
		b.want("what if", "would stay pending", "Insufficient cpu")
		seen.both(b, "scale")
		b.press("esc", "T")
		seen.both(b, "right-size")
		b.press("enter")
		seen.both(b, "right-size-of-one")
		b.press("2", "4")
		b.want("by workload", "checkout")
	})
	pipe(t, inRoom(func(set *settings) { set.Metrics = false }), func(b *bench) {
		b.settle()
		seen.both(b, "no-metrics")
	})
	pipe(t, inRoom(func(set *settings) {
		set.all, set.namespace = false, "payments"
		set.answer = func(r apitest.Request) *apitest.Answer {
			if r.Namespace != "payments" && r.Verb != "create" && r.GVR.Resource != "" {
				return r.Forbid("eve")
			}
			return nil
		}
	}), func(b *bench) {
		b.settle()
		seen.both(b, "no-nodes")
		b.press("tab", "tab", "tab")
		seen.both(b, "no-nodes-by-namespace")
		b.press("w")
		b.press("enter", "enter")
		b.want("nodes could not be read")
	})
	seen.compare(t)
}
