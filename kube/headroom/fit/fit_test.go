package fit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// small is a cluster of four nodes in two zones with 4 cores each. Of 3 pods of
// web two are on node-0; every node has a pod of agent.
func small() State {
	s := State{Namespaces: []*object.Plain{}, Budgets: []*object.Budget{}, Quotas: &Quotas{}, Storage: &Storage{}}
	for i := range 4 {
		name := fmt.Sprint("node-", i)
		s.Nodes = append(s.Nodes, &object.Node{
			Meta: store.Meta{Name: name, Labels: store.NewLabels(map[string]string{
				corev1.LabelHostname: name, corev1.LabelTopologyZone: string(rune('a' + i/2)),
			})},
			Allocatable: object.Amounts{Resources: object.Resources{CPU: 4000, Memory: 16 << 30}}, Pods: 10,
		})
		s.Pods = append(s.Pods, occupant("agent", i, name, 100, "DaemonSet"))
	}
	for i, node := range []string{"node-0", "node-0", "node-1"} {
		s.Pods = append(s.Pods, occupant("web", i, node, 1500, "ReplicaSet"))
	}
	return s
}

func occupant(app string, i int, node string, cpu int64, owner string) *object.Occupant {
	o := &object.Occupant{
		Meta: store.Meta{Namespace: "shop", Name: fmt.Sprint(app, "-", i), Labels: store.NewLabels(map[string]string{"app": app})},
		Node: node, Demand: &object.Demand{Requests: object.Amounts{Resources: object.Resources{CPU: cpu, Memory: 1 << 30}}},
	}
	if owner != "" {
		o.Owner = &store.Owner{Kind: owner, Name: app}
	}
	return o
}

func sized(t *testing.T, cpu string) *corev1.Pod {
	t.Helper()
	p, err := OfSize("shop", map[string]string{"cpu": cpu})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ask(t *testing.T, s State, a Ask) Answer {
	t.Helper()
	answer, err := New(s).WhatIf(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func said(a Answer) string {
	var words []string
	for _, p := range a.Pending {
		for _, r := range p.Reasons {
			words = append(words, r.String())
		}
	}
	return strings.Join(slices.Compact(words), ", ")
}

func TestPlace(t *testing.T) {
	// 3900 of each core are free on two nodes, 900 on node-0 and 2400 on node-1.
	for _, test := range []struct {
		cpu   string
		count int
		fit   int
		said  string
	}{
		{"1", 4, 4, ""},
		{"1", 10, 8, "4 Insufficient cpu"},
		{"500m", 1, 1, ""},
		{"4", 1, 0, "4 Insufficient cpu"},
		{"0", 100, 33, "4 Too many pods"},
	} {
		a := ask(t, small(), Ask{Pods: []Want{{Pod: sized(t, test.cpu), Count: test.count}}})
		if a.Asked != test.count || a.Fit != test.fit || len(a.Pending) != test.count-test.fit || said(a) != test.said {
			t.Errorf("%d pods of %s: %+v %s", test.count, test.cpu, a, said(a))
		}
		placed := 0
		for _, p := range a.Placements {
			placed += p.Count
		}
		if placed != a.Fit {
			t.Errorf("%d pods of %s: %d fit, %d are placed", test.count, test.cpu, a.Fit, placed)
		}
	}
	a := ask(t, small(), Ask{Pods: []Want{{Pod: sized(t, "1"), Name: "web", Count: 2}}})
	if want := []Placement{{"node-2", 1}, {"node-3", 1}}; !slices.Equal(a.Placements, want) {
		t.Errorf("the least requested nodes come first: %v", a.Placements)
	}
	if a := ask(t, small(), Ask{Pods: []Want{{Pod: sized(t, "9"), Name: "web", Count: 1}}}); a.Pending[0].Name != "web+1" {
		t.Errorf("a new pod is called %s", a.Pending[0].Name)
	}
}

func TestDrain(t *testing.T) {
	s := small()
	s.Pods = append(s.Pods, occupant("alone", 0, "node-0", 10, ""), occupant("going", 0, "node-0", 10, "ReplicaSet"))
	s.Pods[len(s.Pods)-1].Deleted = 1
	a := ask(t, s, Ask{Drain: []string{"node-0"}})
	if a.Asked != 2 || a.Fit != 2 || a.BlockedFirst != nil || len(a.NotReplaced) != 1 || a.NotReplaced[0].Name != "alone-0" {
		t.Errorf("drain: %+v", a)
	}
	if slices.ContainsFunc(a.Placements, func(p Placement) bool { return p.Node == "node-0" }) {
		t.Errorf("pods go back to the drained node: %v", a.Placements)
	}
	for _, test := range []struct {
		allowed int32
		cpu     int64 // of the others' web pods
		after   int
		blocked bool
	}{
		{allowed: 1, cpu: 1500},
		{allowed: 0, cpu: 1500, blocked: true},
		{allowed: 1, cpu: 3900, after: 1, blocked: true}, // the first does not come back
	} {
		s := small()
		for _, p := range s.Pods {
			if strings.HasPrefix(p.Name, "web") && p.Node == "node-0" {
				p.Demand = &object.Demand{Requests: object.Amounts{Resources: object.Resources{CPU: 1950}}}
			} else if !p.Tied() {
				p.Demand = &object.Demand{Requests: object.Amounts{Resources: object.Resources{CPU: test.cpu}}}
			}
		}
		if test.blocked && test.after > 0 {
			for _, node := range []string{"node-2", "node-3"} {
				s.Pods = append(s.Pods, occupant("db", 0, node, 3000, "StatefulSet"))
			}
		}
		s.Budgets = []*object.Budget{
			{Meta: store.Meta{Namespace: "other", Name: "web"}, Selector: "app=web"},
			{Meta: store.Meta{Namespace: "shop", Name: "none"}},
			{Meta: store.Meta{Namespace: "shop", Name: "web"}, Selector: "app=web", Allowed: test.allowed, Healthy: 3, Expected: 3, Rule: "min 2"},
		}
		a := ask(t, s, Ask{Drain: []string{"node-0"}})
		if (a.BlockedFirst != nil) != test.blocked {
			t.Errorf("%+v: %v", test, a.BlockedFirst)
		} else if test.blocked && (a.BlockedFirst.Name != "web" || a.BlockedFirst.After != test.after || a.BlockedFirst.Kind != "PodDisruptionBudget") {
			t.Errorf("%+v: %v", test, a.BlockedFirst)
		}
	}
}

func TestLose(t *testing.T) {
	a := ask(t, small(), Ask{Zone: "a"})
	if a.Asked != 3 || a.Fit != 3 {
		t.Errorf("zone a: %+v", a)
	}
	s := small()
	for i := range 2 {
		s.Pods = append(s.Pods, occupant("db", i, fmt.Sprint("node-", 2+i), 3000, "StatefulSet"))
	}
	a = ask(t, s, Ask{Lose: []string{"node-0"}, Zone: "b"})
	if a.Asked != 4 || a.Fit != 1 || !strings.Contains(said(a), "3 node(s) had untolerated taint") || !strings.Contains(said(a), "1 Insufficient cpu") {
		t.Errorf("three nodes lost: %+v: %s", a, said(a))
	}
	everywhere := occupant("stubborn", 0, "node-0", 10, "ReplicaSet")
	everywhere.Rules = &object.Rules{Spec: corev1.PodSpec{
		NodeSelector: map[string]string{corev1.LabelHostname: "node-0"}, Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
	}}
	s = small()
	s.Pods = append(s.Pods, everywhere)
	if a = ask(t, s, Ask{Lose: []string{"node-0"}}); a.Asked-a.Fit != 1 || !strings.Contains(said(a), "1 node(s) that are drained or lost") {
		t.Errorf("a pod that tolerates everything survives on a lost node: %+v: %s", a, said(a))
	}
}

func TestAdd(t *testing.T) {
	s := small()
	s.Nodes[0].Cordoned, s.Nodes[0].Taints = true, []string{"node.kubernetes.io/unschedulable:NoSchedule"}
	s.Pods = append(s.Pods, occupant("waits", 0, "", 3000, "ReplicaSet"))
	a := ask(t, s, Ask{Add: []Like{{Node: "node-0", Count: 2}}, Pods: []Want{{Pod: sized(t, "3900m"), Count: 5}}})
	if a.Fit != 4 || !slices.Contains(a.Placements, Placement{Node: "node-0+2", Count: 1}) {
		t.Errorf("the new nodes have room for one each, beside the DaemonSet's pod: %+v", a)
	}
	if !slices.ContainsFunc(a.NotModelled, func(s string) bool { return strings.HasPrefix(s, "pods that wait") }) {
		t.Errorf("nobody says that a pod waits: %q", a.NotModelled)
	}
	a = ask(t, s, Ask{Waiting: true})
	if a.Asked != 1 || a.Fit != 1 {
		t.Errorf("the waiting pod: %+v", a)
	}
}

func TestQuota(t *testing.T) {
	s := small()
	limit := func(name, hard, used string) corev1.ResourceQuota {
		return corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Status: corev1.ResourceQuotaStatus{
			Hard: corev1.ResourceList{"requests.cpu": resource.MustParse(hard)}, Used: corev1.ResourceList{"requests.cpu": resource.MustParse(used)},
		}}
	}
	s.Quotas = &Quotas{Quotas: []corev1.ResourceQuota{limit("wide", "20", "4"), limit("narrow", "6", "3500m")}}
	a := ask(t, s, Ask{Pods: []Want{{Pod: sized(t, "1"), Count: 4}}})
	if a.Asked != 4 || a.Fit != 2 || a.BlockedFirst == nil || a.BlockedFirst.Name != "narrow" || a.BlockedFirst.After != 2 {
		t.Errorf("a quota for two more: %+v", a)
	}
	if want := "exceeded quota: narrow, requested: requests.cpu=1, used: requests.cpu=5500m, limited: requests.cpu=6"; said(a) != want {
		t.Errorf("said %q, want %q", said(a), want)
	}
	nothing := sized(t, "1")
	nothing.Spec.Containers[0].Resources = corev1.ResourceRequirements{}
	a = ask(t, s, Ask{Pods: []Want{{Pod: nothing, Count: 1}}})
	if a.Fit != 0 || !strings.Contains(said(a), "must specify requests.cpu") {
		t.Errorf("a pod without requests, where a quota wants them: %+v", a)
	}
	s.Quotas = nil
	if a = ask(t, s, Ask{Pods: []Want{{Pod: sized(t, "1"), Count: 1}}}); !slices.Contains(a.NotModelled, "resource quotas, which could not be read") {
		t.Errorf("nobody says that quotas are not known: %q", a.NotModelled)
	}
}

func TestBadQuestions(t *testing.T) {
	pod := sized(t, "1")
	c := New(small())
	for _, test := range []struct {
		ask  Ask
		want string
	}{
		{Ask{}, "nothing is asked"},
		{Ask{Pods: []Want{{Pod: pod, Count: -1}}}, "at least one"},
		{Ask{Pods: []Want{{Pod: pod, Count: Most + 1}}}, "fewer"},
		{Ask{Pods: []Want{{Count: 1}}}, "not said"},
		{Ask{Drain: []string{"node-9"}}, "node-9 is not in the cluster: did you mean node-0?"},
		{Ask{Lose: []string{"\x1b[2Jx"}}, "is not in the cluster"},
		{Ask{Zone: "c"}, "zone c is not in the cluster"},
		{Ask{Add: []Like{{Node: "node-0"}}}, "at least one"},
		{Ask{Add: []Like{{Node: "nope", Count: 1}}}, "nope is not in the cluster"},
		{Ask{Pods: []Want{{Pod: pod, Count: Most}}, Add: []Like{{Node: "node-0", Count: 1 << 62}}}, "fewer"},
	} {
		_, err := c.WhatIf(t.Context(), test.ask)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%+v: %v", test.ask, err)
		}
	}
	if _, err := New(State{}).WhatIf(t.Context(), Ask{Drain: []string{"a"}}); err == nil || !strings.Contains(err.Error(), "as far as it could be read") {
		t.Errorf("no nodes: %v", err)
	}
	if a := ask(t, State{}, Ask{Pods: []Want{{Pod: pod, Count: 1}}}); a.Fit != 0 || said(a) != "no nodes available to schedule pods" {
		t.Errorf("a cluster without nodes: %+v", a)
	}
}

// A node may have promised more than it has, by pods that the kubelet let in or
// since it shrank. Who asks for nothing of that is let on it all the same.
func TestOvercommitted(t *testing.T) {
	s := small()
	s.Nodes = s.Nodes[:1]
	s.Nodes[0].Allocatable.CPU = 1000
	p, err := OfSize("shop", map[string]string{"memory": "1Gi"})
	if err != nil {
		t.Fatal(err)
	}
	if a := ask(t, s, Ask{Pods: []Want{{Pod: p, Count: 1}}}); a.Fit != 1 {
		t.Errorf("a pod that wants no cpu: %+v", a)
	}
	if a := ask(t, s, Ask{Pods: []Want{{Pod: sized(t, "1m"), Count: 1}}}); a.Fit != 0 {
		t.Errorf("a pod that wants cpu: %+v", a)
	}
}

// A claim that one pod at a time may use, of a volume that is on two nodes.
func TestVolumes(t *testing.T) {
	class := "local"
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "data"},
		Spec: corev1.PersistentVolumeClaimSpec{
			VolumeName: "disk", StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}
	metav1.SetMetaDataAnnotation(&claim.ObjectMeta, "pv.kubernetes.io/bind-completed", "yes")
	volume := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "disk"}, Spec: corev1.PersistentVolumeSpec{
		ClaimRef: &corev1.ObjectReference{Namespace: "shop", Name: "data"}, StorageClassName: class,
		NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelHostname, Operator: "In", Values: []string{"node-2", "node-3"}}},
		}}}},
	}}
	s := small()
	s.Storage = &Storage{Claims: []*corev1.PersistentVolumeClaim{claim}, Volumes: []*corev1.PersistentVolume{volume}}
	db := occupant("db", 0, "node-2", 100, "StatefulSet")
	db.Claims = []string{"data"}
	s.Pods = append(s.Pods, db)
	a := ask(t, s, Ask{Drain: []string{"node-2"}})
	if a.Asked != 1 || a.Fit != 1 || a.Placements[0].Node != "node-3" {
		t.Errorf("a pod that moves with its volume: %+v %s", a, said(a))
	}
	if a = ask(t, s, Ask{Drain: []string{"node-2", "node-3"}}); a.Fit != 0 || !strings.Contains(said(a), "2 node(s) didn't match PersistentVolume's node affinity") {
		t.Errorf("a pod whose volume cannot follow: %+v %s", a, said(a))
	}
	p := sized(t, "1")
	p.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}
	if a = ask(t, s, Ask{Pods: []Want{{Pod: p, Count: 1}}}); !strings.Contains(said(a), "already in-use by another pod") {
		t.Errorf("a second pod with the claim: %s", said(a))
	}
	p.Spec.Volumes[0].PersistentVolumeClaim.ClaimName = "nowhere"
	if a = ask(t, s, Ask{Pods: []Want{{Pod: p, Count: 1}}}); said(a) != `persistentvolumeclaim "nowhere" not found` {
		t.Errorf("a pod with a claim that is not there: %s", said(a))
	}
}

// A StatefulSet gives every pod a claim of its own.
func TestClaimTemplates(t *testing.T) {
	local, fast := "local", "fast"
	wait, now := storagev1.VolumeBindingWaitForFirstConsumer, storagev1.VolumeBindingImmediate
	disk := func(k int) *corev1.PersistentVolume {
		return &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("disk-", k)}, Spec: corev1.PersistentVolumeSpec{
			Capacity: corev1.ResourceList{"storage": resource.MustParse("1Gi")}, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: local,
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelHostname, Operator: "In", Values: []string{fmt.Sprint("node-", k)}}},
			}}}},
		}, Status: corev1.PersistentVolumeStatus{Phase: corev1.VolumeAvailable}}
	}
	s := small()
	s.Storage = &Storage{
		Classes: []*storagev1.StorageClass{
			{ObjectMeta: metav1.ObjectMeta{Name: local}, Provisioner: "kubernetes.io/no-provisioner", VolumeBindingMode: &wait},
			{ObjectMeta: metav1.ObjectMeta{Name: fast, Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}}, VolumeBindingMode: &now},
		},
		Volumes: []*corev1.PersistentVolume{disk(1), disk(3)},
	}
	template := corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data"}, Spec: corev1.PersistentVolumeClaimSpec{
		StorageClassName: &local, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{"storage": resource.MustParse("1Gi")}},
	}}
	p := sized(t, "100m")
	a := ask(t, s, Ask{Pods: []Want{{Pod: p, Name: "db", Count: 3, First: 2, Claims: []corev1.PersistentVolumeClaim{template}}}})
	if a.Asked != 3 || a.Fit != 2 || !slices.Equal(a.Placements, []Placement{{"node-1", 1}, {"node-3", 1}}) || a.Pending[0].Name != "db-4" ||
		said(a) != "4 node(s) didn't find available persistent volumes to bind" {
		t.Errorf("three pods and two disks: %+v %s", a, said(a))
	}
	template.Spec.StorageClassName = nil // the default class, whose volumes are there before the pod has a node
	a = ask(t, s, Ask{Pods: []Want{{Pod: p, Name: "db", Count: 1, Claims: []corev1.PersistentVolumeClaim{template}}}})
	if a.Fit != 1 || !strings.Contains(strings.Join(a.NotModelled, "\n"), "a volume of class fast is there before") {
		t.Errorf("a volume that is made at once: %+v", a)
	}
}

func TestNotModelled(t *testing.T) {
	s := small()
	s.Storage, s.Namespaces, s.Unread = nil, nil, []string{"list persistentvolumes: forbidden"}
	s.Pods = append(s.Pods, occupant("far", 0, "node-9", 10, "ReplicaSet"))
	p := sized(t, "9")
	high := int32(10)
	p.Spec.SchedulerName, p.Spec.ResourceClaims, p.Spec.Priority = "volcano", []corev1.PodResourceClaim{{Name: "gpu"}}, &high
	p.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}
	p.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
		TopologyKey: "zone", NamespaceSelector: &metav1.LabelSelector{},
	}}}}
	a := ask(t, s, Ask{Pods: []Want{{Pod: p, Count: 1}}})
	all := strings.Join(a.NotModelled, "\n")
	for _, want := range []string{"scheduler volcano", "resourceclaims", "claims and volumes were not read", "namespaces' labels", "preemption", "1 pods on nodes", "not read: list persistentvolumes: forbidden", "extenders"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not said:\n%s", want, all)
		}
	}
	p.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "example.com/wait"}}
	if a = ask(t, s, Ask{Pods: []Want{{Pod: p, Count: 1}}}); said(a) != "waiting for scheduling gates: [example.com/wait]" {
		t.Errorf("a gate: %s", said(a))
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := New(small())
	if _, err := c.WhatIf(ctx, Ask{Zone: "a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a question that nobody waits for: %v", err)
	}
	if _, err := c.Survive(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("losses that nobody waits for: %v", err)
	}
}
