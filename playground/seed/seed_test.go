package seed

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes/scheme"
)

func now() time.Time { return time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC) }

func makeWorkload(t *testing.T, size Size, index int) workload {
	t.Helper()
	first := index * podsPerWorkload
	w, err := newWorkload(size, index, first, min(podsPerWorkload, size.Pods-first), now())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestPodsAreOfRealisticSize(t *testing.T) {
	w := makeWorkload(t, Size{Nodes: 100, Pods: 2000}, 0)
	for _, pod := range w.pods {
		whole, err := json.Marshal(pod)
		if err != nil {
			t.Fatal(err)
		}
		managed, err := json.Marshal(pod.ManagedFields)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(whole); n < 9_000 || n > 11_000 {
			t.Errorf("%s has %d bytes", pod.Name, n)
		}
		if n := len(managed); n < 3_500 || n > 4_600 {
			t.Errorf("%s has %d bytes of managed fields", pod.Name, n)
		}
	}
}

func TestWorkloadBelongsTogether(t *testing.T) {
	size := Size{Nodes: 7, Pods: 60}
	w := makeWorkload(t, size, 2) // the last one, with 10 pods
	d, rs := w.deployment, w.replicaSet
	if len(w.pods) != 10 || *d.Spec.Replicas != 10 || *rs.Spec.Replicas != 10 {
		t.Fatalf("%d pods, %d and %d wanted", len(w.pods), *d.Spec.Replicas, *rs.Spec.Replicas)
	}
	if owner := metav1.GetControllerOf(rs); owner == nil || owner.UID != d.UID || owner.Name != d.Name {
		t.Errorf("the ReplicaSet belongs to %v", owner)
	}
	selector, err := metav1.LabelSelectorAsSelector(rs.Spec.Selector)
	if err != nil {
		t.Fatal(err)
	}
	names, uids, ips := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, pod := range w.pods {
		if owner := metav1.GetControllerOf(pod); owner == nil || owner.UID != rs.UID {
			t.Errorf("%s belongs to %v", pod.Name, owner)
		}
		if !selector.Matches(labels.Set(pod.Labels)) {
			t.Errorf("%s is not selected by its ReplicaSet", pod.Name)
		}
		if pod.Namespace != rs.Namespace || rs.Namespace != d.Namespace {
			t.Errorf("%s is in namespace %s", pod.Name, pod.Namespace)
		}
		if problems := validation.IsDNS1123Subdomain(pod.Name); problems != nil {
			t.Errorf("%s: %v", pod.Name, problems)
		}
		for key, value := range pod.Labels {
			if problems := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); problems != nil {
				t.Errorf("label %s=%s: %v", key, value, problems)
			}
		}
		if pod.CreationTimestamp.Before(&rs.CreationTimestamp) || pod.CreationTimestamp.After(now()) {
			t.Errorf("%s was created at %v", pod.Name, pod.CreationTimestamp)
		}
		names[pod.Name], uids[string(pod.UID)], ips[pod.Status.PodIP] = true, true, true
	}
	if len(names) != 10 || len(uids) != 10 || len(ips) != 10 {
		t.Errorf("%d names, %d UIDs, %d addresses", len(names), len(uids), len(ips))
	}
}

func TestOnePodInAThousandFails(t *testing.T) {
	failing := 0
	for i := range 50_000 {
		if fails(i) {
			failing++
		}
	}
	if failing != 50 {
		t.Errorf("%d of 50,000 fail", failing)
	}
}

func TestFailingPod(t *testing.T) {
	size := Size{Nodes: 100, Pods: 2000}
	w := makeWorkload(t, size, failEvery/2/podsPerWorkload)
	pod := w.pods[0]
	status := pod.Status.ContainerStatuses[0]
	if status.State.Waiting == nil || status.State.Waiting.Reason != "CrashLoopBackOff" || status.Ready || status.RestartCount < 1 {
		t.Errorf("state: %+v", status)
	}
	if last := status.LastTerminationState.Terminated; last == nil || last.Reason != "OOMKilled" || last.ExitCode != 137 {
		t.Errorf("last state: %+v", last)
	}
	for _, condition := range pod.Status.Conditions {
		follows := condition.Type == corev1.PodReady || condition.Type == corev1.ContainersReady
		if got := condition.Status == corev1.ConditionTrue; got == follows {
			t.Errorf("condition %s is %s", condition.Type, condition.Status)
		}
	}
	if got := w.deployment.Status.ReadyReplicas; got != podsPerWorkload-1 {
		t.Errorf("the deployment counts %d ready", got)
	}
	if got := w.replicaSet.Status.ReadyReplicas; got != podsPerWorkload-1 {
		t.Errorf("the replica set counts %d ready", got)
	}
}

func TestSameSizeGivesSameObjects(t *testing.T) {
	size := Size{Nodes: 10, Pods: 100}
	if !reflect.DeepEqual(makeWorkload(t, size, 1), makeWorkload(t, size, 1)) {
		t.Error("two runs differ")
	}
	if a, b := makeWorkload(t, size, 1), makeWorkload(t, size, 2); a.deployment.UID == b.deployment.UID {
		t.Error("two workloads are one")
	}
}

func TestObjectsSurviveEncoding(t *testing.T) {
	w := makeWorkload(t, Size{Nodes: 10, Pods: 100}, 0)
	objects := []object{w.deployment, w.replicaSet, w.pods[0], readyNode(0, now()), namespace("team-000", now())}
	encoder := writer{serializer: protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)}
	for _, want := range objects {
		op, err := encoder.op("things", want)
		if err != nil {
			t.Fatal(err)
		}
		key := "/registry/things/" + want.GetName()
		if want.GetNamespace() != "" {
			key = "/registry/things/" + want.GetNamespace() + "/" + want.GetName()
		}
		if string(op.KeyBytes()) != key {
			t.Errorf("key %s, want %s", op.KeyBytes(), key)
		}
		got, kind, err := scheme.Codecs.UniversalDeserializer().Decode(op.ValueBytes(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if *kind != want.GetObjectKind().GroupVersionKind() {
			t.Errorf("%s came back as %v", want.GetName(), kind)
		}
		if a, b := toJSON(t, want), toJSON(t, got); a != b {
			t.Errorf("%s changed:\n%s\n%s", want.GetName(), a, b)
		}
		created := want.GetCreationTimestamp()
		if want.GetUID() == "" || created.IsZero() || want.GetResourceVersion() != "" {
			t.Errorf("%s: UID %q, created %v, version %q", want.GetName(), want.GetUID(), created, want.GetResourceVersion())
		}
	}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func TestManagedFields(t *testing.T) {
	pod := makeWorkload(t, Size{Nodes: 10, Pods: 100}, 0).pods[0]
	for _, test := range []struct {
		entry int
		path  []string
	}{
		{0, []string{"f:metadata", "f:ownerReferences", `k:{"uid":"` + string(pod.OwnerReferences[0].UID) + `"}`}},
		{0, []string{"f:spec", "f:containers", `k:{"name":"app"}`, "f:ports", `k:{"containerPort":8080,"protocol":"TCP"}`, "f:name"}},
		{0, []string{"f:spec", "f:containers", `k:{"name":"app"}`, "f:volumeMounts", `k:{"mountPath":"/tmp"}`}},
		{1, []string{"f:status", "f:conditions", `k:{"type":"Ready"}`, "f:status"}},
		{1, []string{"f:status", "f:podIPs", `k:{"ip":"` + pod.Status.PodIP + `"}`, "f:ip"}},
	} {
		var fields map[string]any
		if err := json.Unmarshal(pod.ManagedFields[test.entry].FieldsV1.GetRawBytes(), &fields); err != nil {
			t.Fatal(err)
		}
		for i, step := range test.path {
			next, ok := fields[step].(map[string]any)
			if !ok {
				t.Errorf("no %s", strings.Join(test.path[:i+1], " "))
				break
			}
			fields = next
		}
	}
	raw := pod.ManagedFields[0].FieldsV1.GetRawString()
	if strings.Contains(raw, "kube-api-access") || strings.Contains(raw, "f:nodeName") {
		t.Error("the controller owns what admission or the scheduler set")
	}
	if strings.Contains(pod.ManagedFields[1].FieldsV1.GetRawString(), patternIP) {
		t.Error("the pattern's address is still there")
	}
}

func TestNodes(t *testing.T) {
	zones := map[string]int{}
	for i := range 300 {
		node := Node(i)
		zones[node.Labels[corev1.LabelTopologyZone]]++
		if node.Annotations[MetricsPathAnnotation] != "/metrics/nodes/"+node.Name+"/metrics/resource" {
			t.Fatalf("metrics at %s", node.Annotations[MetricsPathAnnotation])
		}
		if len(node.Status.Conditions) != 0 {
			t.Fatal("a node is ready before its kubelet says so")
		}
	}
	if len(zones) != 3 || zones["zone-a"] != 100 {
		t.Errorf("zones: %v", zones)
	}
	ready := readyNode(0, now())
	for _, condition := range ready.Status.Conditions {
		if good := condition.Status == corev1.ConditionTrue; good != (condition.Type == corev1.NodeReady) {
			t.Errorf("condition %s is %s", condition.Type, condition.Status)
		}
	}
}

func TestSize(t *testing.T) {
	for _, test := range []struct {
		pods, workloads, namespaces int
	}{
		{0, 0, 1},
		{1, 1, 1},
		{25, 1, 1},
		{26, 2, 1},
		{2000, 80, 4},
		{50_000, 2000, 100},
		{200_000, 8000, 100},
	} {
		size := Size{Nodes: 1, Pods: test.pods}
		if size.workloads() != test.workloads || size.namespaces() != test.namespaces {
			t.Errorf("%d pods: %d workloads in %d namespaces", test.pods, size.workloads(), size.namespaces())
		}
	}
}
