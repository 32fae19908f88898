package rollout_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"

	"quarterdeck/kube/object"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/store"
)

// clock is the moment at which the tests look; their objects are seconds older.
var clock = time.Unix(1_800_000_000, 0)

// ago returns a time some seconds before the clock.
func ago(seconds int64) metav1.Time { return metav1.Unix(clock.Unix()-seconds, 0) }

func ref[T any](v T) *T { return &v }

// compact returns what a store would keep of API objects.
func compact[T store.Object](t testing.TB, kind store.Kind[T], objects ...any) []T {
	t.Helper()
	items := make([]any, len(objects))
	for i, o := range objects {
		items[i] = content(t, kind, o)
	}
	list, err := json.Marshal(map[string]any{"apiVersion": kind.GVR.GroupVersion().String(), "kind": kind.Kind + "List", "metadata": map[string]any{}, "items": items})
	if err != nil {
		t.Fatal(err)
	}
	got, err := kind.Decode(list)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// content returns an object as JSON has it, with its kind.
func content[T store.Object](t testing.TB, kind store.Kind[T], o any) map[string]any {
	t.Helper()
	if m, ok := o.(map[string]any); ok {
		return m
	}
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}
	m["apiVersion"], m["kind"] = kind.GVR.GroupVersion().String(), kind.Kind
	return m
}

// unstructuredOf returns a typed object as kubectl reads it.
func unstructuredOf(t testing.TB, o runtime.Object) *unstructured.Unstructured {
	t.Helper()
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}
	kinds, _, err := scheme.Scheme.ObjectKinds(o)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: m}
	u.SetGroupVersionKind(kinds[0])
	return u
}

// scene is a cluster of objects that a Fleet looks at.
type scene struct {
	deployments, replicaSets, statefulSets, daemonSets, argo []any
	revisions, pods, events, services, slices, budgets, hpas []any
	unread                                                   []string // resources that nobody may list
}

// fleet returns a Fleet that has read all of the scene.
func (s scene) fleet(t testing.TB) *rollout.Fleet {
	t.Helper()
	f := rollout.NewFleet()
	f.Workloads(rollout.Deployment, all(compact(t, object.Deployments(), s.deployments...)))
	f.Workloads(rollout.StatefulSet, all(compact(t, object.StatefulSets(), s.statefulSets...)))
	f.Workloads(rollout.DaemonSet, all(compact(t, object.DaemonSets(), s.daemonSets...)))
	f.Workloads(rollout.ArgoRollout, all(compact(t, object.ArgoRollouts(), s.argo...)))
	f.ReplicaSets(all(compact(t, object.ReplicaSets(), s.replicaSets...)))
	f.ControllerRevisions(all(compact(t, object.ControllerRevisions(), s.revisions...)))
	f.Pods(all(compact(t, object.Pods(), s.pods...)))
	f.Events(all(compact(t, object.Events(), s.events...)))
	f.Services(all(compact(t, object.Services(), s.services...)))
	f.EndpointSlices(all(compact(t, object.EndpointSlices(), s.slices...)))
	f.Budgets(all(compact(t, object.Budgets(), s.budgets...)))
	f.Autoscalers(all(compact(t, object.Autoscalers(), s.hpas...)))
	for _, r := range []string{"deployments", "statefulsets", "daemonsets", "replicasets", "controllerrevisions", "pods", "events", "services", "endpointslices"} {
		f.Read(r, store.Status{Phase: store.Live})
	}
	for _, r := range s.unread {
		f.Read(r, store.Status{Phase: store.Forbidden})
	}
	return f
}

func all[T store.Object](list []T) store.Delta[T] { return store.Delta[T]{Reset: true, Added: list} }

// one returns the only rollout of the scene.
func (s scene) one(t testing.TB) *rollout.Status {
	t.Helper()
	list := s.fleet(t).List(clock)
	if len(list) != 1 {
		t.Fatalf("%d rollouts", len(list))
	}
	return list[0]
}

// detail returns all of the only rollout of the scene.
func (s scene) detail(t testing.TB) rollout.Detail {
	t.Helper()
	f := s.fleet(t)
	d, ok := f.Detail(f.List(clock)[0].UID, clock)
	if !ok {
		t.Fatal("it is not there")
	}
	return d
}

// deployment returns one of 4 replicas at revision 2 that is being rolled out,
// with its two ReplicaSets: 3 old pods, 2 new ones.
func deployment(change ...func(*appsv1.Deployment)) *appsv1.Deployment {
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Name: "web", Namespace: "shop", UID: "deploy", Generation: 5, CreationTimestamp: ago(9000),
			Annotations: map[string]string{"deployment.kubernetes.io/revision": "2", "kubernetes.io/change-cause": "release 2"},
		},
		Spec: appsv1.DeploymentSpec{
			Replicas: ref(int32(4)), ProgressDeadlineSeconds: ref(int32(600)),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			Template: template("web:v2"),
			Strategy: appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType, RollingUpdate: &appsv1.RollingUpdateDeployment{
				MaxSurge: ref(intstr.FromString("25%")), MaxUnavailable: ref(intstr.FromString("25%")),
			}},
		},
		Status: appsv1.DeploymentStatus{
			ObservedGeneration: 5, Replicas: 5, UpdatedReplicas: 2, ReadyReplicas: 3, AvailableReplicas: 3, UnavailableReplicas: 2,
			Conditions: []appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "ReplicaSetUpdated", LastUpdateTime: ago(30), LastTransitionTime: ago(60)},
			},
		},
	}
	for _, c := range change {
		c(d)
	}
	return d
}

func template(image string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.example.com/" + image}}},
	}
}

// progressing replaces a Deployment's condition.
func progressing(status corev1.ConditionStatus, reason string, updated int64) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Status.Conditions = []appsv1.DeploymentCondition{{
			Type: appsv1.DeploymentProgressing, Status: status, Reason: reason, Message: "because of " + reason, LastUpdateTime: ago(updated), LastTransitionTime: ago(updated),
		}}
	}
}

func controlledBy(kind, name string, uid types.UID) []metav1.OwnerReference {
	return []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: name, UID: uid, Controller: ref(true)}}
}

// set returns the ReplicaSet of a revision of the Deployment.
func set(revision int, desired, ready int32) *appsv1.ReplicaSet {
	name := fmt.Sprintf("web-h%d", revision)
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "shop", UID: types.UID(name), OwnerReferences: controlledBy(rollout.Deployment, "web", "deploy"),
			CreationTimestamp: ago(int64(1000 / revision)), Labels: map[string]string{"app": "web", appsv1.DefaultDeploymentUniqueLabelKey: fmt.Sprintf("h%d", revision)},
			Annotations: map[string]string{"deployment.kubernetes.io/revision": fmt.Sprint(revision)},
		},
		Spec:   appsv1.ReplicaSetSpec{Replicas: ref(desired), Template: template(fmt.Sprintf("web:v%d", revision))},
		Status: appsv1.ReplicaSetStatus{Replicas: desired, ReadyReplicas: ready, AvailableReplicas: ready},
	}
}

// pod returns a ready pod that its owner made.
func pod(name string, owner []metav1.OwnerReference, labels map[string]string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "shop", UID: types.UID("pod-" + name), CreationTimestamp: ago(120), OwnerReferences: owner, Labels: map[string]string{"app": "web"},
		},
		Spec: corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "app", Image: "registry.example.com/web:v2"}}},
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: ago(100)}},
			ContainerStatuses: []corev1.ContainerStatus{{
				Name: "app", Ready: true, Started: ref(true), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: ago(110)}},
			}},
		},
	}
	for k, v := range labels {
		p.Labels[k] = v
	}
	for _, c := range change {
		c(p)
	}
	return p
}

// replica returns a pod of the Deployment's revision.
func replica(revision int, name string, change ...func(*corev1.Pod)) *corev1.Pod {
	set := fmt.Sprintf("web-h%d", revision)
	return pod(set+"-"+name, controlledBy("ReplicaSet", set, types.UID(set)), map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: fmt.Sprintf("h%d", revision)}, change...)
}

func notReady(p *corev1.Pod) {
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady"}}
	p.Status.ContainerStatuses[0].Ready = false
}

// waiting makes the pod's container wait.
func waiting(reason, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		notReady(p)
		p.Status.ContainerStatuses[0].Started = ref(false)
		p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
		if reason != "CrashLoopBackOff" {
			p.Status.Phase = corev1.PodPending
		}
	}
}

// crashed makes the pod's container one that has ended some times.
func crashed(restarts int32, end corev1.ContainerStateTerminated) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		waiting("CrashLoopBackOff", "back-off 20s restarting failed container")(p)
		p.Status.ContainerStatuses[0].RestartCount = restarts
		p.Status.ContainerStatuses[0].LastTerminationState = corev1.ContainerState{Terminated: &end}
	}
}

func unscheduled(message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.NodeName, p.Status.Phase, p.Status.ContainerStatuses = "", corev1.PodPending, nil
		p.Status.Conditions = nil
		if message != "" {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: message}}
		}
	}
}

// deleted makes the pod one whose grace ends some seconds before the clock.
func deleted(end int64, finalizers ...string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.DeletionTimestamp, p.Finalizers = ref(ago(end)), finalizers }
}

// about returns an event.
func about(kind, name string, uid types.UID, reason, message string, seconds int64) *corev1.Event {
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: name + "." + reason, Namespace: "shop", UID: types.UID(name + reason + message)},
		InvolvedObject: corev1.ObjectReference{Kind: kind, Name: name, UID: uid},
		Type:           corev1.EventTypeWarning, Reason: reason, Message: message, Count: 3, FirstTimestamp: ago(seconds + 60), LastTimestamp: ago(seconds),
	}
}

// statefulSet returns one of 3 replicas whose last pod has been replaced.
func statefulSet(change ...func(*appsv1.StatefulSet)) *appsv1.StatefulSet {
	s := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "shop", UID: "sts", Generation: 3, CreationTimestamp: ago(9000)},
		Spec: appsv1.StatefulSetSpec{
			Replicas: ref(int32(3)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, Template: template("db:v2"),
			PodManagementPolicy: appsv1.OrderedReadyPodManagement,
			UpdateStrategy: appsv1.StatefulSetUpdateStrategy{
				Type: appsv1.RollingUpdateStatefulSetStrategyType, RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: ref(int32(0))},
			},
		},
		Status: appsv1.StatefulSetStatus{
			ObservedGeneration: 3, Replicas: 3, ReadyReplicas: 3, AvailableReplicas: 3, UpdatedReplicas: 1, CurrentReplicas: 2,
			CurrentRevision: "db-r1", UpdateRevision: "db-r2",
		},
	}
	for _, c := range change {
		c(s)
	}
	return s
}

// revision returns a ControllerRevision.
func revision(kind, name string, uid types.UID, n int64) *appsv1.ControllerRevision {
	full := fmt.Sprintf("%s-r%d", name, n)
	label, annotations := "controller.kubernetes.io/hash", map[string]string(nil)
	if kind == rollout.DaemonSet {
		label, annotations = appsv1.ControllerRevisionHashLabelKey, map[string]string{appsv1.DeprecatedTemplateGeneration: fmt.Sprint(n)}
	}
	return &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Name: full, Namespace: "shop", UID: types.UID(full), OwnerReferences: controlledBy(kind, name, uid), Annotations: annotations,
			Labels: map[string]string{label: fmt.Sprintf("r%d", n)}, CreationTimestamp: ago(1000 / n),
		},
		Revision: n,
	}
}

// member returns a pod of the StatefulSet.
func member(n, revision int, change ...func(*corev1.Pod)) *corev1.Pod {
	return pod(fmt.Sprintf("db-%d", n), controlledBy(rollout.StatefulSet, "db", "sts"), map[string]string{appsv1.ControllerRevisionHashLabelKey: fmt.Sprintf("db-r%d", revision)}, change...)
}

// daemonSet returns one on 4 nodes, on one of which the pod is new.
func daemonSet(change ...func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
	d := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{
			Name: "agent", Namespace: "shop", UID: "ds", Generation: 2, CreationTimestamp: ago(9000), Annotations: map[string]string{appsv1.DeprecatedTemplateGeneration: "2"},
		},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, Template: template("agent:v2"),
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
				Type: appsv1.RollingUpdateDaemonSetStrategyType, RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: ref(intstr.FromInt32(1)), MaxSurge: ref(intstr.FromInt32(0))},
			},
		},
		Status: appsv1.DaemonSetStatus{
			ObservedGeneration: 2, DesiredNumberScheduled: 4, CurrentNumberScheduled: 4, UpdatedNumberScheduled: 1, NumberReady: 4, NumberAvailable: 4,
		},
	}
	for _, c := range change {
		c(d)
	}
	return d
}

// daemon returns a pod of the DaemonSet.
func daemon(node string, revision int, change ...func(*corev1.Pod)) *corev1.Pod {
	p := pod("agent-"+node, controlledBy(rollout.DaemonSet, "agent", "ds"), map[string]string{appsv1.ControllerRevisionHashLabelKey: fmt.Sprintf("r%d", revision), "pod-template-generation": fmt.Sprint(revision)}, change...)
	if p.Spec.NodeName != "" {
		p.Spec.NodeName = node
	}
	return p
}
