package triage_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
)

// clock is the moment at which the tests look; their objects are seconds older.
var clock = time.Unix(1_800_000_000, 0)

// ago returns a time some seconds before the clock.
func ago(seconds int64) metav1.Time { return metav1.Unix(clock.Unix()-seconds, 0) }

func ref[T any](v T) *T { return &v }

// meta returns the metadata of an object that was made an hour ago. Its UID is
// its name.
func meta(namespace, name string, change ...func(*metav1.ObjectMeta)) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name), Generation: 1, CreationTimestamp: ago(3600)}
	for _, f := range change {
		f(&m)
	}
	return m
}

// owned makes an object the child of a controller.
func owned(apiVersion, kind, name string) func(*metav1.ObjectMeta) {
	return func(m *metav1.ObjectMeta) {
		m.OwnerReferences = []metav1.OwnerReference{{APIVersion: apiVersion, Kind: kind, Name: name, UID: types.UID(name), Controller: ref(true)}}
	}
}

// labelled gives an object labels: key, value, key, value.
func labelled(pairs ...string) func(*metav1.ObjectMeta) {
	return func(m *metav1.ObjectMeta) {
		m.Labels = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m.Labels[pairs[i]] = pairs[i+1]
		}
	}
}

// scene is a cluster of objects that an Engine looks at.
type scene struct {
	t       testing.TB
	engine  *triage.Engine
	objects map[triage.Resource][]any
}

// newScene returns an Engine that has read everything: a cluster of objects.
func newScene(t testing.TB, objects ...runtime.Object) *scene {
	t.Helper()
	s := &scene{t: t, engine: triage.NewEngine(triage.Rules()), objects: map[triage.Resource][]any{}}
	for _, r := range triage.Reads() {
		s.engine.Read(r, store.Status{Phase: store.Live, Since: clock})
	}
	s.put(objects...)
	return s
}

// put adds objects, or replaces those with the same UID.
func (s *scene) put(objects ...runtime.Object) {
	s.t.Helper()
	for _, o := range objects {
		put, ok := sceneKinds()[reflect.TypeOf(o)]
		if !ok {
			s.t.Fatalf("a scene has no %T", o)
		}
		put(s, o)
	}
}

// sceneKinds says how objects of the API are put into a scene.
func sceneKinds() map[reflect.Type]func(*scene, runtime.Object) {
	return map[reflect.Type]func(*scene, runtime.Object){
		reflect.TypeFor[*corev1.Pod]():                                 putting(object.Pods()),
		reflect.TypeFor[*corev1.Node]():                                putting(object.Nodes()),
		reflect.TypeFor[*corev1.Service]():                             putting(object.Services()),
		reflect.TypeFor[*corev1.Event]():                               putting(object.Events()),
		reflect.TypeFor[*corev1.Namespace]():                           putting(object.Namespaces()),
		reflect.TypeFor[*corev1.PersistentVolumeClaim]():               putting(object.Claims()),
		reflect.TypeFor[*corev1.PersistentVolume]():                    putting(object.Volumes()),
		reflect.TypeFor[*storagev1.StorageClass]():                     putting(object.StorageClasses()),
		reflect.TypeFor[*corev1.ResourceQuota]():                       putting(object.Quotas()),
		reflect.TypeFor[*appsv1.Deployment]():                          putting(object.Deployments()),
		reflect.TypeFor[*appsv1.ReplicaSet]():                          putting(object.ReplicaSets()),
		reflect.TypeFor[*appsv1.StatefulSet]():                         putting(object.StatefulSets()),
		reflect.TypeFor[*appsv1.DaemonSet]():                           putting(object.DaemonSets()),
		reflect.TypeFor[*batchv1.Job]():                                putting(object.Jobs()),
		reflect.TypeFor[*batchv1.CronJob]():                            putting(object.CronJobs()),
		reflect.TypeFor[*autoscalingv2.HorizontalPodAutoscaler]():      putting(object.Autoscalers()),
		reflect.TypeFor[*policyv1.PodDisruptionBudget]():               putting(object.Budgets()),
		reflect.TypeFor[*discoveryv1.EndpointSlice]():                  putting(object.EndpointSlices()),
		reflect.TypeFor[*networkingv1.Ingress]():                       putting(object.Ingresses()),
		reflect.TypeFor[*networkingv1.IngressClass]():                  putting(object.IngressClasses()),
		reflect.TypeFor[*networkingv1.NetworkPolicy]():                 putting(object.NetworkPolicies()),
		reflect.TypeFor[*corev1.Secret]():                              putting(object.Certificates()),
		reflect.TypeFor[*admissionv1.ValidatingWebhookConfiguration](): putting(object.ValidatingWebhooks()),
		reflect.TypeFor[*admissionv1.MutatingWebhookConfiguration]():   putting(object.MutatingWebhooks()),
		reflect.TypeFor[*certificatesv1.CertificateSigningRequest]():   putting(object.SigningRequests()),
		reflect.TypeFor[*coordinationv1.Lease]():                       putting(object.Leases()),
	}
}

func putting[T store.Object](kind store.Kind[T]) func(*scene, runtime.Object) {
	return func(s *scene, o runtime.Object) { put(s, kind, o) }
}

func put[T store.Object](s *scene, kind store.Kind[T], o runtime.Object) {
	s.t.Helper()
	r := triage.Resource(kind.GVR.Resource)
	now := compact(s.t, kind, o)
	d := store.Delta[T]{Added: now}
	if old, ok := triage.Get[T](s.engine.Cluster, r, now[0].Head().UID); ok {
		d.Removed = []T{old}
	}
	triage.Change(s.engine, r, d)
}

// drop deletes the object of a resource with a UID.
func drop[T store.Object](s *scene, r triage.Resource, uid types.UID) {
	s.t.Helper()
	old, ok := triage.Get[T](s.engine.Cluster, r, uid)
	if !ok {
		s.t.Fatalf("there is no %s %s", r, uid)
	}
	triage.Change(s.engine, r, store.Delta[T]{Removed: []T{old}})
}

// without forbids a resource.
func (s *scene) without(resources ...triage.Resource) *scene {
	for _, r := range resources {
		s.engine.Read(r, store.Status{Phase: store.Forbidden, Since: clock, Err: fmt.Errorf("forbidden: list %s", r)})
	}
	return s
}

func (s *scene) report() *triage.Report { return s.engine.Judge(clock) }

// after returns what is wrong some seconds later.
func (s *scene) after(seconds int) *triage.Report {
	return s.engine.Judge(clock.Add(time.Duration(seconds) * time.Second))
}

// one returns the only incident.
func (s *scene) one() *triage.Incident {
	s.t.Helper()
	r := s.report()
	if len(r.Incidents) != 1 {
		s.t.Fatalf("want one incident, got\n%s", describe(r))
	}
	return r.Incidents[0]
}

// none fails if anything is wrong.
func (s *scene) none() {
	s.t.Helper()
	if r := s.report(); len(r.Incidents) > 0 {
		s.t.Fatalf("want no incident, got\n%s", describe(r))
	}
}

func describe(r *triage.Report) string {
	var b strings.Builder
	for _, i := range r.Incidents {
		fmt.Fprintln(&b, line(i))
	}
	return b.String()
}

// line is an incident as a row.
func line(i *triage.Incident) string {
	return fmt.Sprintf("%s | %s | %s | %s | %s", i.Severity, i.Title, i.Root.Where(), i.Cause, strings.Join(i.Rules, " "))
}

// is checks an incident's row.
func is(t testing.TB, i *triage.Incident, want string) {
	t.Helper()
	if got := line(i); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// compact returns what a store would keep of API objects.
func compact[T store.Object](t testing.TB, kind store.Kind[T], objects ...runtime.Object) []T {
	t.Helper()
	items := make([]any, len(objects))
	for i, o := range objects {
		m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			t.Fatal(err)
		}
		m["apiVersion"], m["kind"] = kind.GVR.GroupVersion().String(), kind.Kind
		items[i] = m
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

// The objects that most scenes are made of. Names are UIDs.

// deployment returns a Deployment of replicas pods in shop, of which ready are
// available, with its ReplicaSet NAME-1.
func deployment(name string, replicas, ready int32, change ...func(*appsv1.Deployment)) []runtime.Object {
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": name}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.example.com/" + name + ":v2"}}},
	}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}
	d := &appsv1.Deployment{
		ObjectMeta: meta("shop", name),
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas, Selector: selector, Template: template},
		Status: appsv1.DeploymentStatus{
			ObservedGeneration: 1, Replicas: replicas, UpdatedReplicas: replicas, ReadyReplicas: ready, AvailableReplicas: ready, UnavailableReplicas: replicas - ready,
			Conditions: []appsv1.DeploymentCondition{{
				Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable", LastUpdateTime: ago(3000), LastTransitionTime: ago(3000),
			}},
		},
	}
	for _, f := range change {
		f(d)
	}
	s := &appsv1.ReplicaSet{
		ObjectMeta: meta("shop", name+"-1", owned("apps/v1", "Deployment", name)),
		Spec:       appsv1.ReplicaSetSpec{Replicas: &replicas, Selector: selector, Template: template},
		Status:     appsv1.ReplicaSetStatus{ObservedGeneration: 1, Replicas: replicas, ReadyReplicas: ready, AvailableReplicas: ready},
	}
	return []runtime.Object{d, s}
}

// pod returns a pod of the Deployment APP in shop that runs and is ready.
func pod(app, name string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: meta("shop", name, owned("apps/v1", "ReplicaSet", app+"-1"), labelled("app", app)),
		Spec:       corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "app", Image: "registry.example.com/" + app + ":v2"}}},
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: ago(3000)}},
			ContainerStatuses: []corev1.ContainerStatus{{
				Name: "app", Ready: true, Started: ref(true), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: ago(3000)}},
			}},
		},
	}
	for _, f := range change {
		f(p)
	}
	return p
}

// unready makes a pod one that is not ready.
func unready(p *corev1.Pod) {
	p.Status.Conditions[0].Status, p.Status.Conditions[0].LastTransitionTime = corev1.ConditionFalse, ago(300)
	p.Status.ContainerStatuses[0].Ready = false
}

// crashes makes the container of a pod exit again and again.
func crashes(reason string, exit int32, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		unready(p)
		s := &p.Status.ContainerStatuses[0]
		s.RestartCount = 6
		s.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 2m40s restarting failed container"}}
		s.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: exit, Reason: reason, Message: message, StartedAt: ago(21), FinishedAt: ago(20),
		}}
	}
}
