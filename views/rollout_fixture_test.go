package views

import (
	"encoding/json"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/object"
)

// ago is a time before benches begin.
func ago(d time.Duration) metav1.Time {
	return metav1.NewTime(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC).Add(-d))
}

// rolledOut is a workload with its revisions and pods, as its controller would
// have left them. The zero values of numbers are none.
type rolledOut struct {
	namespace, name string
	by              string // who wrote the template
	images          []string
	desired         int32
	current         []rolledPods // of the revisions, the newest first; older ones have none
	paused, late    bool
	partition       int32
	deadline        int32 // seconds
	env             []corev1.EnvVar
}

// rolledPods are the pods of one revision.
type rolledPods struct {
	ready, starting, crashing int32
}

func (p rolledPods) total() int32 { return p.ready + p.starting + p.crashing }

func (r *rolledOut) labels() map[string]string { return map[string]string{"app": r.name} }

// template is that of the revision that is n-th from the newest.
func (r *rolledOut) template(n int) corev1.PodTemplateSpec {
	t := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: r.labels()}}
	t.Spec.Containers = []corev1.Container{{Name: "app", Image: "registry.example.com/" + r.images[n]}}
	if n == 0 {
		t.Spec.Containers[0].Env = r.env
	}
	t.Spec.Volumes = []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: r.name}}}}}
	return t
}

func (r *rolledOut) of(n int) rolledPods {
	if n < len(r.current) {
		return r.current[n]
	}
	return rolledPods{}
}

// number is that of the revision that is n-th from the newest.
func (r *rolledOut) number(n int) int64 { return int64(len(r.images) - n) }

// age is when the revision that is n-th from the newest was made.
func (r *rolledOut) age(n int) time.Duration { return time.Duration(1+n*n*100) * 6 * time.Minute }

func (r *rolledOut) meta(kind, name string, n int) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: r.namespace, Name: name, UID: types.UID(name), Labels: r.labels(), CreationTimestamp: ago(r.age(n)),
		Annotations:     map[string]string{"deployment.kubernetes.io/revision": fmt.Sprint(r.number(n))},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: r.name, UID: types.UID(r.name), Controller: new(true)}},
	}
}

func (r *rolledOut) head() metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: r.namespace, Name: r.name, UID: types.UID(r.name), Generation: 3, CreationTimestamp: ago(41 * 24 * time.Hour),
		Annotations: map[string]string{"deployment.kubernetes.io/revision": fmt.Sprint(r.number(0))}, Labels: r.labels(),
		ManagedFields: []metav1.ManagedFieldsEntry{{
			Manager: r.by, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1", Time: new(ago(r.age(0))),
			FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{"f:image":{}}}}}}}`),
		}},
	}
}

func (r *rolledOut) sum(of func(rolledPods) int32) int32 {
	var n int32
	for _, p := range r.current {
		n += of(p)
	}
	return n
}

// deployment returns a Deployment and what belongs to it.
func (r *rolledOut) deployment() []apitest.Object {
	ready := func(p rolledPods) int32 { return p.ready }
	d := &appsv1.Deployment{ObjectMeta: r.head()}
	d.Spec = appsv1.DeploymentSpec{
		Replicas: new(r.desired), Selector: &metav1.LabelSelector{MatchLabels: r.labels()}, Template: r.template(0), Paused: r.paused,
		ProgressDeadlineSeconds: new(max(r.deadline, 600)),
		Strategy: appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType, RollingUpdate: &appsv1.RollingUpdateDeployment{
			MaxSurge: new(intstr.FromString("25%")), MaxUnavailable: new(intstr.FromString("25%")),
		}},
	}
	progress := appsv1.DeploymentCondition{
		Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "ReplicaSetUpdated", LastUpdateTime: ago(time.Minute), LastTransitionTime: ago(r.age(0)),
	}
	if r.late {
		progress.Status, progress.Reason, progress.LastTransitionTime = corev1.ConditionFalse, "ProgressDeadlineExceeded", ago(4*time.Minute)
	}
	if len(r.current) == 1 && r.of(0).ready == r.desired {
		progress.Reason = "NewReplicaSetAvailable"
	}
	d.Status = appsv1.DeploymentStatus{
		ObservedGeneration: 3, Replicas: r.sum(rolledPods.total), UpdatedReplicas: r.of(0).total(),
		ReadyReplicas: r.sum(ready), AvailableReplicas: r.sum(ready), Conditions: []appsv1.DeploymentCondition{progress},
	}
	objects := []apitest.Object{d}
	for n := range r.images {
		p := r.of(n)
		set := &appsv1.ReplicaSet{ObjectMeta: r.meta("Deployment", fmt.Sprintf("%s-%x", r.name, 0x68cb0+r.number(n)), n)}
		set.Labels["pod-template-hash"] = fmt.Sprintf("%x", 0x68cb0+r.number(n))
		set.Spec = appsv1.ReplicaSetSpec{Replicas: new(p.total()), Selector: &metav1.LabelSelector{MatchLabels: r.labels()}, Template: r.template(n)}
		set.Status = appsv1.ReplicaSetStatus{Replicas: p.total(), ReadyReplicas: p.ready, AvailableReplicas: p.ready}
		objects = append(objects, set)
		owner := metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: set.Name, UID: set.UID, Controller: new(true)}
		for i := range p.total() {
			objects = append(objects, p.pod(i, fmt.Sprintf("%s-%c", set.Name, 'a'+i), r, n, owner))
		}
	}
	return objects
}

// pod returns the i-th pod of a revision.
func (p rolledPods) pod(i int32, name string, r *rolledOut, n int, owner metav1.OwnerReference) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: r.namespace, Name: name, UID: types.UID(name), Labels: r.labels(), CreationTimestamp: ago(r.age(n)), OwnerReferences: []metav1.OwnerReference{owner},
	}, Spec: r.template(n).Spec}
	pod.Spec.NodeName = "node-1"
	status := corev1.ContainerStatus{Name: "app", Image: pod.Spec.Containers[0].Image}
	condition := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: ago(r.age(n))}
	pod.Status.Phase = corev1.PodRunning
	switch {
	case i < p.ready:
		status.Ready, condition.Status = true, corev1.ConditionTrue
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: ago(r.age(n))}
	case i < p.ready+p.starting:
		pod.Status.Phase = corev1.PodPending
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
	default:
		status.RestartCount = 6
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 2m40s restarting failed container"}
		status.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", FinishedAt: ago(20 * time.Second)}
	}
	pod.Status.Conditions = []corev1.PodCondition{condition}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{status}
	return pod
}

// statefulSet returns a StatefulSet and what belongs to it: the last pods are of
// the newest revision.
func (r *rolledOut) statefulSet() []apitest.Object {
	name := func(n int) string { return fmt.Sprintf("%s-rev%d", r.name, r.number(n)) }
	ready := r.sum(func(p rolledPods) int32 { return p.ready })
	s := &appsv1.StatefulSet{ObjectMeta: r.head()}
	s.Spec = appsv1.StatefulSetSpec{
		Replicas: new(r.desired), Selector: &metav1.LabelSelector{MatchLabels: r.labels()}, Template: r.template(0),
		UpdateStrategy: appsv1.StatefulSetUpdateStrategy{Type: appsv1.RollingUpdateStatefulSetStrategyType, RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: new(r.partition)}},
	}
	s.Status = appsv1.StatefulSetStatus{
		ObservedGeneration: 3, Replicas: r.desired, ReadyReplicas: ready, AvailableReplicas: ready,
		UpdatedReplicas: r.of(0).total(), UpdateRevision: name(0), CurrentRevision: name(len(r.current) - 1),
	}
	objects := []apitest.Object{s}
	owner := metav1.OwnerReference{APIVersion: "apps/v1", Kind: "StatefulSet", Name: r.name, UID: types.UID(r.name), Controller: new(true)}
	ordinal := r.desired
	for n := range r.images {
		data, err := json.Marshal(map[string]any{"spec": map[string]any{"template": r.template(n)}})
		if err != nil {
			panic(err)
		}
		revision := &appsv1.ControllerRevision{ObjectMeta: r.meta("StatefulSet", name(n), n), Revision: r.number(n), Data: runtime.RawExtension{Raw: data}}
		revision.Labels["controller-revision-hash"] = name(n)
		objects = append(objects, revision)
		for i := range r.of(n).total() {
			ordinal--
			pod := r.of(n).pod(i, fmt.Sprintf("%s-%d", r.name, ordinal), r, n, owner)
			pod.Labels["controller-revision-hash"] = name(n)
			objects = append(objects, pod)
		}
	}
	return objects
}

// checkout is a Deployment whose rollout is stuck.
func stuckCheckout() *rolledOut {
	return &rolledOut{
		namespace: "payments", name: "checkout", by: "kubectl-set", images: []string{"checkout:v2.3.1", "checkout:v2.3.0", "checkout:v2.2.7"},
		desired: 10, current: []rolledPods{{ready: 2, crashing: 3}, {ready: 8}}, late: true, env: []corev1.EnvVar{{Name: "MODE", Value: "fast"}},
	}
}

// heldLedger is a StatefulSet whose partition holds its first two pods.
func heldLedger() *rolledOut {
	return &rolledOut{
		namespace: "payments", name: "ledger", by: "helm", images: []string{"ledger:v9", "ledger:v8"},
		desired: 4, current: []rolledPods{{ready: 2}, {ready: 2}}, partition: 2,
	}
}

// brokenQueue is a StatefulSet whose last pod crashes with the newest revision.
func brokenQueue() *rolledOut {
	return &rolledOut{
		namespace: "payments", name: "queue", by: "kubectl", images: []string{"queue:v2", "queue:v1"},
		desired: 3, current: []rolledPods{{crashing: 1}, {ready: 2}},
	}
}

// rolloutSite puts rollouts in every state into a server.
func rolloutSite(s *apitest.Server) {
	fine := &rolledOut{namespace: "web", name: "storefront", by: "argocd", images: []string{"storefront:v4", "storefront:v3"}, desired: 3, current: []rolledPods{{ready: 3}}}
	going := &rolledOut{namespace: "web", name: "cart", by: "kubectl-edit", images: []string{"cart:v7", "cart:v6"}, desired: 4, current: []rolledPods{{ready: 1, starting: 1}, {ready: 3}}, deadline: 600}
	paused := &rolledOut{namespace: "web", name: "search", by: "ada", images: []string{"search:v3", "search:v2"}, desired: 4, current: []rolledPods{{ready: 2}, {ready: 2}}, paused: true}
	stuck := stuckCheckout()
	for _, list := range [][]apitest.Object{
		stuck.deployment(), fine.deployment(), going.deployment(), paused.deployment(), heldLedger().statefulSet(), brokenQueue().statefulSet(),
	} {
		s.Put(list...)
	}
	s.Put(
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "payments", Name: "checkout", CreationTimestamp: ago(time.Hour), ManagedFields: []metav1.ManagedFieldsEntry{{
			Manager: "kubectl-edit", Time: new(ago(30 * time.Minute)), FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:mode":{}}}`),
		}}}},
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "payments", Name: "checkout", UID: "svc"}, Spec: corev1.ServiceSpec{Selector: stuck.labels()}},
		&corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Namespace: "payments", Name: "backoff", UID: "event"}, Type: "Warning", Reason: "BackOff", Count: 12,
			InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: "payments", Name: "checkout-68cb3-d", UID: "checkout-68cb3-d"},
			Message:        "Back-off restarting failed container app", FirstTimestamp: ago(5 * time.Minute), LastTimestamp: ago(20 * time.Second),
		},
	)
	slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: "payments", Name: "checkout-x", UID: "slice", Labels: map[string]string{"kubernetes.io/service-name": "checkout"}}, AddressType: discoveryv1.AddressTypeIPv4}
	for n, p := range stuck.current {
		for i := range p.total() {
			name := fmt.Sprintf("checkout-%x-%c", 0x68cb0+stuck.number(n), 'a'+i)
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
				Addresses: []string{fmt.Sprintf("10.0.%d.%d", n, i)}, Conditions: discoveryv1.EndpointConditions{Ready: new(i < p.ready)},
				TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: "payments", Name: name, UID: types.UID(name)},
			})
		}
	}
	s.Put(slice)
}

// argoSite puts rollouts of Argo into a server.
func argoSite(s *apitest.Server) {
	gvr := object.ArgoRollouts().GVR
	s.Define(gvr, apitest.Kind{Kind: "Rollout", Namespaced: true})
	for name, status := range map[string]map[string]any{
		"canary": {
			"phase": "Paused", "message": "CanaryPauseStep", "currentStepIndex": int64(1), "currentPodHash": "b", "stableRS": "a", "observedGeneration": "1",
			"replicas": int64(5), "updatedReplicas": int64(2), "readyReplicas": int64(5), "availableReplicas": int64(5),
		},
		"broken": {
			"phase": "Degraded", "message": "ProgressDeadlineExceeded: has timed out", "currentPodHash": "b", "stableRS": "a", "observedGeneration": "1",
			"replicas": int64(5), "updatedReplicas": int64(1), "readyReplicas": int64(4), "availableReplicas": int64(4),
		},
	} {
		u := &unstructured.Unstructured{Object: map[string]any{
			"spec": map[string]any{
				"replicas": int64(5), "selector": map[string]any{"matchLabels": map[string]any{"app": name}},
				"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": "registry.example.com/" + name + ":v2"}}}},
				"strategy": map[string]any{"canary": map[string]any{"steps": []any{
					map[string]any{"setWeight": int64(40)}, map[string]any{"pause": map[string]any{}}, map[string]any{"setWeight": int64(80)},
				}}},
			},
			"status": status,
		}}
		u.SetGroupVersionKind(gvr.GroupVersion().WithKind("Rollout"))
		u.SetNamespace("web")
		u.SetName(name)
		u.SetUID(types.UID("argo-" + name))
		u.SetGeneration(1)
		u.SetCreationTimestamp(ago(24 * time.Hour))
		s.Put(u)
	}
}
