package cli

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/apitest"
)

// minutesAgo is a time that prints as an age without seconds.
func minutesAgo(n int) metav1.Time {
	return metav1.NewTime(time.Now().Add(-time.Duration(n) * time.Minute))
}

// fleet is a server with rollouts in the namespace shop, the one of its context:
// deploy/web is stuck on its third revision, deploy/done, sts/db and ds/agent are
// complete.
func fleet(t *testing.T) *apitest.Server {
	t.Helper()
	s := apitest.New(t)
	home(t, s.URL, "", "token: t")
	s.Put(
		webDeployment(), webSet(1, 0), webSet(2, 3), webSet(3, 0), webPod(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "settings", CreationTimestamp: minutesAgo(5000),
			ManagedFields: []metav1.ManagedFieldsEntry{{
				Manager: "kubectl-edit", Operation: "Update", Time: new(minutesAgo(20)), FieldsType: "FieldsV1",
				FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:a":{}}}`),
			}},
		}},
		doneDeployment(), statefulSet("db"), daemonSet("agent"),
	)
	return s
}

func webLabels() map[string]string { return map[string]string{"app": "web"} }

// webTemplate is that of a revision of deploy/web.
func webTemplate(revision int) corev1.PodTemplateSpec {
	t := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: webLabels()},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "app", Image: fmt.Sprintf("registry.example/web:v%d", revision),
			EnvFrom: []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}},
		}}},
	}
	if revision > 1 {
		t.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "MODE", Value: "fast"}}
	}
	return t
}

func webDeployment() *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "web", UID: "web", Generation: 7, CreationTimestamp: minutesAgo(6000),
			Annotations: map[string]string{"deployment.kubernetes.io/revision": "3"},
			ManagedFields: []metav1.ManagedFieldsEntry{{
				Manager: "kubectl-set", Operation: "Update", APIVersion: "apps/v1", Time: new(minutesAgo(15)), FieldsType: "FieldsV1",
				FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:template":{"f:spec":{"f:containers":{}}}}}`),
			}},
		},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(4)), Selector: &metav1.LabelSelector{MatchLabels: webLabels()}, Template: webTemplate(3), ProgressDeadlineSeconds: new(int32(600)),
			Strategy: appsv1.DeploymentStrategy{Type: "RollingUpdate", RollingUpdate: &appsv1.RollingUpdateDeployment{
				MaxSurge: new(intstr.FromInt32(1)), MaxUnavailable: new(intstr.FromInt32(1)),
			}},
		},
		Status: appsv1.DeploymentStatus{
			ObservedGeneration: 7, Replicas: 4, UpdatedReplicas: 1, ReadyReplicas: 3, AvailableReplicas: 3, UnavailableReplicas: 1,
			Conditions: []appsv1.DeploymentCondition{{
				Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "ReplicaSetUpdated", LastUpdateTime: minutesAgo(2), LastTransitionTime: minutesAgo(15),
			}},
		},
	}
}

// progressing gives deploy/web another state of its deadline.
func progressing(d *appsv1.Deployment, status corev1.ConditionStatus, reason string, at metav1.Time) *appsv1.Deployment {
	c := &d.Status.Conditions[0]
	c.Status, c.Reason, c.LastUpdateTime, c.LastTransitionTime = status, reason, at, at
	return d
}

// late is deploy/web after its deadline.
func late() *appsv1.Deployment {
	return progressing(webDeployment(), corev1.ConditionFalse, "ProgressDeadlineExceeded", minutesAgo(5))
}

// complete is deploy/web with all its pods.
func complete() *appsv1.Deployment {
	d := progressing(webDeployment(), corev1.ConditionTrue, "NewReplicaSetAvailable", minutesAgo(1))
	d.Status.UpdatedReplicas, d.Status.ReadyReplicas, d.Status.AvailableReplicas, d.Status.UnavailableReplicas = 4, 4, 4, 0
	return d
}

func controlled(kind, name string, uid types.UID) []metav1.OwnerReference {
	return []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: name, UID: uid, Controller: new(true)}}
}

// webSet is a revision of deploy/web.
func webSet(revision int, available int32) *appsv1.ReplicaSet {
	rs := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: fmt.Sprintf("web-%d", revision), UID: types.UID(fmt.Sprintf("web-%d", revision)), Labels: webLabels(),
			CreationTimestamp: minutesAgo([]int{0, 4320, 60, 15}[revision]), OwnerReferences: controlled("Deployment", "web", "web"),
			Annotations: map[string]string{"deployment.kubernetes.io/revision": fmt.Sprint(revision)},
		},
		Spec:   appsv1.ReplicaSetSpec{Replicas: new(available), Selector: &metav1.LabelSelector{MatchLabels: webLabels()}, Template: webTemplate(revision)},
		Status: appsv1.ReplicaSetStatus{Replicas: available, ReadyReplicas: available, AvailableReplicas: available},
	}
	if revision == 1 {
		rs.Annotations["kubernetes.io/change-cause"] = "first\x1b[2J"
	}
	if revision == 3 {
		rs.Spec.Replicas, rs.Status.Replicas = new(int32(1)), 1
	}
	rs.Spec.Template.Labels = map[string]string{"app": "web", "pod-template-hash": fmt.Sprint(revision)}
	return rs
}

// webPod is the pod on which the rollout of deploy/web is stuck.
func webPod() *corev1.Pod {
	p := pod("shop", "web-3-x", "ImagePullBackOff", false)
	p.Labels, p.OwnerReferences, p.CreationTimestamp = webLabels(), controlled("ReplicaSet", "web-3", "web-3"), minutesAgo(15)
	p.Spec.Containers[0].Image = "registry.example/web:v3"
	p.Status.Phase = corev1.PodPending
	s := &p.Status.ContainerStatuses[0]
	s.RestartCount, s.Image, s.State.Waiting.Message = 0, "registry.example/web:v3", "Back-off pulling \x1b]0;owned\x07image"
	return p
}

func doneDeployment() *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "done", UID: "done", Generation: 1, CreationTimestamp: minutesAgo(6000)},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(1)), RevisionHistoryLimit: new(int32(0)),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "done"}}, Template: webTemplate(1),
		},
		Status: appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1},
	}
}

func statefulSet(name string) *appsv1.StatefulSet {
	return &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("sts-" + name), Generation: 1, CreationTimestamp: minutesAgo(6000)},
		Spec: appsv1.StatefulSetSpec{
			Replicas: new(int32(3)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}, Template: webTemplate(1),
			UpdateStrategy: appsv1.StatefulSetUpdateStrategy{Type: "RollingUpdate", RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: new(int32(0))}},
		},
		Status: appsv1.StatefulSetStatus{
			ObservedGeneration: 1, Replicas: 3, ReadyReplicas: 3, AvailableReplicas: 3, CurrentReplicas: 3, UpdatedReplicas: 3,
			CurrentRevision: name + "-1", UpdateRevision: name + "-1",
		},
	}
}

func daemonSet(name string) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("ds-" + name), Generation: 1, CreationTimestamp: minutesAgo(6000)},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}, Template: webTemplate(1),
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: "RollingUpdate"},
		},
		Status: appsv1.DaemonSetStatus{
			ObservedGeneration: 1, DesiredNumberScheduled: 2, CurrentNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberReady: 2, NumberAvailable: 2,
		},
	}
}
