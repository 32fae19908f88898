package object

import (
	"reflect"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What tells that something is wrong is kept, and nothing of what is fine.

func TestNodeConditions(t *testing.T) {
	at := func(sec int64) *metav1.Time { m := metav1.Unix(sec, 0); return &m }
	n := compact(t, Nodes(), &corev1.Node{
		Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: corev1.TaintNodeUnschedulable, Effect: "NoSchedule", TimeAdded: at(7)}}},
		Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{
			{Type: "DiskPressure", Status: "False"},
			{Type: "MemoryPressure", Status: "True", Reason: "Little", LastTransitionTime: *at(5)},
			{Type: "Ready", Status: "Unknown", Reason: "Silent", Message: "gone", LastTransitionTime: *at(9), LastHeartbeatTime: *at(8)},
		}},
	})[0]
	want := []Condition{
		{Type: "MemoryPressure", Status: "True", Reason: "Little", Changed: 5},
		{Type: "Ready", Status: "Unknown", Reason: "Silent", Message: "gone", Changed: 9},
	}
	if !reflect.DeepEqual(n.Conditions, want) || n.Heard != 8 || n.CordonedAt != 7 {
		t.Errorf("%+v, heard %d, cordoned %d", n.Conditions, n.Heard, n.CordonedAt)
	}
	if n.Condition("Ready") != &n.Conditions[1] || n.Condition("DiskPressure") != nil {
		t.Error("conditions are not found by their type")
	}
}

func TestBatch(t *testing.T) {
	zone := "Europe/Berlin"
	j := compact(t, Jobs(), &batchv1.Job{Spec: batchv1.JobSpec{BackoffLimit: n(3)}}, &batchv1.Job{})
	if *j[0].Batch != (Batch{Retries: 3}) || j[1].Batch.Retries != 6 {
		t.Errorf("%+v, %+v", j[0].Batch, j[1].Batch)
	}
	c := compact(t, CronJobs(), &batchv1.CronJob{
		Spec: batchv1.CronJobSpec{TimeZone: &zone, ConcurrencyPolicy: batchv1.ForbidConcurrent},
	})[0]
	if *c.Batch != (Batch{Zone: zone, Single: true}) {
		t.Errorf("%+v", c.Batch)
	}
}

func TestVolume(t *testing.T) {
	v := compact(t, Volumes(), &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pv-1"},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName: "fast", PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
			ClaimRef: &corev1.ObjectReference{Namespace: "shop", Name: "data", UID: "u"},
		},
		Status: corev1.PersistentVolumeStatus{Phase: "Failed", Message: "in use", LastPhaseTransitionTime: &metav1.Time{Time: metav1.Unix(6, 0).Time}},
	})[0]
	if v.Phase != "Failed" || v.Class != "fast" || !v.Keeps || v.Message != "in use" || v.Changed != 6 || v.ClaimNamespace != "shop" || v.Claim != "data" || v.ClaimUID != "u" {
		t.Errorf("%+v", v)
	}
	waits := storagev1.VolumeBindingWaitForFirstConsumer
	s := compact(t, StorageClasses(),
		&storagev1.StorageClass{Provisioner: "disk.example.com", VolumeBindingMode: &waits},
		&storagev1.StorageClass{Provisioner: "kubernetes.io/no-provisioner", ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}}})
	if !s[0].Waits || s[0].Static() || s[0].Default || s[1].Waits || !s[1].Static() || !s[1].Default {
		t.Errorf("%+v, %+v", s[0], s[1])
	}
}

func TestClaimConditions(t *testing.T) {
	c := compact(t, Claims(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"volume.kubernetes.io/selected-node": "node-1"}},
		Status: corev1.PersistentVolumeClaimStatus{Conditions: []corev1.PersistentVolumeClaimCondition{
			{Type: "Resizing", Status: "True", Message: "on it", LastTransitionTime: metav1.Unix(3, 0)}, {Type: "Other", Status: "False"},
		}},
	})[0]
	if want := []Condition{{Type: "Resizing", Status: "True", Message: "on it", Changed: 3}}; !reflect.DeepEqual(c.Conditions, want) || c.Node != "node-1" {
		t.Errorf("%+v, %q", c.Conditions, c.Node)
	}
}

func TestAutoscalerCondition(t *testing.T) {
	limited := autoscalingv2.HorizontalPodAutoscalerCondition{Type: autoscalingv2.ScalingLimited, Status: "True", Reason: "TooManyReplicas", LastTransitionTime: metav1.Unix(2, 0)}
	blind := autoscalingv2.HorizontalPodAutoscalerCondition{Type: autoscalingv2.ScalingActive, Status: "False", Reason: "FailedGetResourceMetric", Message: "none"}
	for _, test := range []struct {
		conditions []autoscalingv2.HorizontalPodAutoscalerCondition
		want       *Condition
	}{
		{nil, nil},
		{[]autoscalingv2.HorizontalPodAutoscalerCondition{limited}, &Condition{Type: "ScalingLimited", Status: "True", Reason: "TooManyReplicas", Changed: 2}},
		{[]autoscalingv2.HorizontalPodAutoscalerCondition{limited, blind}, &Condition{Type: "ScalingActive", Status: "False", Reason: "FailedGetResourceMetric", Message: "none"}},
		{[]autoscalingv2.HorizontalPodAutoscalerCondition{blind, limited}, &Condition{Type: "ScalingActive", Status: "False", Reason: "FailedGetResourceMetric", Message: "none"}},
	} {
		a := compact(t, Autoscalers(), &autoscalingv2.HorizontalPodAutoscaler{Status: autoscalingv2.HorizontalPodAutoscalerStatus{Conditions: test.conditions}})[0]
		if !reflect.DeepEqual(a.Condition, test.want) {
			t.Errorf("%+v, want %+v", a.Condition, test.want)
		}
	}
}

func TestBudgetBlocked(t *testing.T) {
	status := func(s metav1.ConditionStatus) *policyv1.PodDisruptionBudget {
		return &policyv1.PodDisruptionBudget{Status: policyv1.PodDisruptionBudgetStatus{
			DesiredHealthy: 2, Conditions: []metav1.Condition{{Type: policyv1.DisruptionAllowedCondition, Status: s, Reason: "InsufficientPods", LastTransitionTime: metav1.Unix(5, 0)}},
		}}
	}
	b := compact(t, Budgets(), status(metav1.ConditionFalse), status(metav1.ConditionTrue))
	if b[0].Wanted != 2 || b[0].Blocked == nil || b[0].Blocked.Changed != 5 || b[0].Blocked.Reason != "InsufficientPods" || b[1].Blocked != nil {
		t.Errorf("%+v, %+v", b[0], b[1])
	}
}
