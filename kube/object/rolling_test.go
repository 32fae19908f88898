package object

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func wrote(manager, subresource, fields string, at int64) metav1.ManagedFieldsEntry {
	when := metav1.Unix(at, 0)
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: "Update", Subresource: subresource, APIVersion: "apps/v1", FieldsType: "FieldsV1", Time: &when,
		FieldsV1: metav1.NewFieldsV1(fields),
	}
}

func TestRollingOfDeployment(t *testing.T) {
	surge, unavailable := intstr.FromString("25%"), intstr.FromInt32(1)
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Generation: 7, Annotations: map[string]string{causeAnnotation: "release 7"},
			ManagedFields: []metav1.ManagedFieldsEntry{
				wrote("kubectl-create", "", `{"f:spec":{"f:replicas":{},"f:template":{}}}`, 10),
				wrote("hpa", "scale", `{"f:spec":{"f:replicas":{}}}`, 30),
				wrote("kubectl-set", "", `{"f:spec":{"f:template":{"f:spec":{}}}}`, 20),
				wrote("controller", "status", `{"f:spec":{"f:template":{}}}`, 90),
				wrote("labeller", "", `{"f:metadata":{"f:labels":{"f:template":{},"f:replicas":{}}}}`, 91),
				wrote("odd", "", `{"f:template"`, 92),
				{Manager: "none", Time: &metav1.Time{Time: time.Unix(93, 0)}},
			},
		},
		Spec: appsv1.DeploymentSpec{
			ProgressDeadlineSeconds: n(600), MinReadySeconds: 5,
			Strategy: appsv1.DeploymentStrategy{Type: "RollingUpdate", RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &surge, MaxUnavailable: &unavailable}},
		},
		Status: appsv1.DeploymentStatus{
			ObservedGeneration: 6, UpdatedReplicas: 3, CollisionCount: n(2), TerminatingReplicas: n(1),
			Conditions: []appsv1.DeploymentCondition{{Type: "Progressing", Status: "True", Reason: "ReplicaSetUpdated", Message: "going", LastTransitionTime: metav1.Unix(40, 0), LastUpdateTime: metav1.Unix(50, 0)}},
		},
	}
	want := &Rolling{
		Generation: 7, Observed: 6, MaxSurge: "25%", MaxUnavailable: "1", Deadline: 600, MinReady: 5, Collisions: 2, Updated: 3, Terminating: 1,
		Conditions: []Condition{{"Progressing", "True", "ReplicaSetUpdated", "going", 40, 50}},
		TemplateBy: Write{"kubectl-set", 20}, ReplicasBy: Write{"hpa", 30}, Cause: "release 7",
	}
	r := compact(t, Deployments(), d)[0].Rolling
	if !reflect.DeepEqual(r, want) {
		t.Errorf("%+v\nwant %+v", r, want)
	}
	if r.Condition("Progressing") != &r.Conditions[0] || r.Condition("Available") != nil {
		t.Error("conditions are not found by their type")
	}
	d.Spec.ProgressDeadlineSeconds = n(1<<31 - 1)
	if got := compact(t, Deployments(), d)[0].Rolling.Deadline; got != 0 {
		t.Errorf("no deadline is %d", got)
	}
}

// Times in managedFields are whole seconds, and the server lists writes of one
// second by name.
func TestWritesOfOneSecond(t *testing.T) {
	const made, changed = `{"f:spec":{"f:replicas":{},"f:selector":{},"f:template":{}}}`, `{"f:spec":{"f:replicas":{},"f:template":{"f:spec":{}}}}`
	for _, test := range []struct {
		name    string
		entries []metav1.ManagedFieldsEntry
		want    string
	}{
		{"who made it comes last in the list", []metav1.ManagedFieldsEntry{wrote("kubectl-patch", "", changed, 20), wrote("maker", "", made, 20)}, "kubectl-patch"},
		{"who made it comes first in the list", []metav1.ManagedFieldsEntry{wrote("argocd", "", made, 20), wrote("kubectl-patch", "", changed, 20)}, "kubectl-patch"},
		{"two who wrote the selector", []metav1.ManagedFieldsEntry{wrote("a", "", made, 20), wrote("b", "", made, 20)}, "b"},
		{"who made it wrote again", []metav1.ManagedFieldsEntry{wrote("kubectl-patch", "", changed, 20), wrote("maker", "", made, 21)}, "maker"},
	} {
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{ManagedFields: test.entries}}
		if r := compact(t, Deployments(), d)[0].Rolling; r.TemplateBy.Manager != test.want || r.ReplicasBy.Manager != test.want {
			t.Errorf("%s: %+v and %+v, want %s", test.name, r.TemplateBy, r.ReplicasBy, test.want)
		}
	}
}

func TestRollingOfOthers(t *testing.T) {
	s := compact(t, StatefulSets(), &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Generation: 2, Annotations: map[string]string{causeAnnotation: "why"}},
		Spec: appsv1.StatefulSetSpec{
			PodManagementPolicy: "Parallel", Ordinals: &appsv1.StatefulSetOrdinals{Start: 5},
			UpdateStrategy: appsv1.StatefulSetUpdateStrategy{RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{MaxUnavailable: &intstr.IntOrString{IntVal: 2}}},
		},
		Status: appsv1.StatefulSetStatus{
			ObservedGeneration: 2, UpdatedReplicas: 1, CurrentRevision: "a", UpdateRevision: "b", Conditions: []appsv1.StatefulSetCondition{{Type: "X", Status: "True"}},
		},
	})[0].Rolling
	if !s.Parallel || s.FirstOrdinal != 5 || s.MaxUnavailable != "2" || s.Updated != 1 || s.CurrentRevision != "a" || s.UpdateRevision != "b" || s.Cause != "why" || s.Condition("X") == nil {
		t.Errorf("%+v", s)
	}
	d := compact(t, DaemonSets(), &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{appsv1.DeprecatedTemplateGeneration: "4"}},
		Spec: appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
			RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &intstr.IntOrString{IntVal: 1}, MaxSurge: &intstr.IntOrString{Type: intstr.String, StrVal: "10%"}},
		}},
		Status: appsv1.DaemonSetStatus{UpdatedNumberScheduled: 3, CollisionCount: n(1), Conditions: []appsv1.DaemonSetCondition{{Type: "X"}}},
	})[0].Rolling
	if d.Template != 4 || d.MaxUnavailable != "1" || d.MaxSurge != "10%" || d.Updated != 3 || d.Collisions != 1 || len(d.Conditions) != 1 {
		t.Errorf("%+v", d)
	}
	r := compact(t, ReplicaSets(), &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{causeAnnotation: "why", formerAnnotation: "1,4"}, ManagedFields: []metav1.ManagedFieldsEntry{wrote("a", "", `{"f:spec":{"f:template":{}}}`, 1)}},
		Status:     appsv1.ReplicaSetStatus{Replicas: 2, TerminatingReplicas: n(1), Conditions: []appsv1.ReplicaSetCondition{{Type: "ReplicaFailure"}}},
	})[0].Rolling
	if r.Updated != 2 || r.Terminating != 1 || r.Cause != "why" || r.TemplateBy != (Write{}) || len(r.Conditions) != 1 || !r.Returned {
		t.Errorf("%+v", r)
	}
}

func TestControllerRevision(t *testing.T) {
	got := compact(t, ControllerRevisions(), &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{Name: "db-1", Annotations: map[string]string{causeAnnotation: "why"}},
		Data:       runtime.RawExtension{Raw: []byte(`{"spec":{}}`)}, Revision: 3,
	})[0]
	if got.Name != "db-1" || got.Revision != 3 || got.Cause != "why" {
		t.Errorf("%+v", got)
	}
}

func TestEndpointSlice(t *testing.T) {
	ref := &corev1.ObjectReference{Kind: "Pod", Name: "web-1", UID: "pod"}
	s := compact(t, EndpointSlices(), &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{discoveryv1.LabelServiceName: "web"}}, AddressType: "IPv4",
		Endpoints: []discoveryv1.Endpoint{
			{Addresses: []string{"10.0.0.1", "10.0.0.2"}, TargetRef: ref, Conditions: discoveryv1.EndpointConditions{Ready: yes()}},
			{TargetRef: ref, Conditions: discoveryv1.EndpointConditions{Ready: new(bool), Serving: yes(), Terminating: yes()}},
			{Addresses: []string{"10.0.0.3"}, TargetRef: &corev1.ObjectReference{Kind: "VM", Name: "x", UID: "y"}},
		},
	})[0]
	want := []Endpoint{
		{Address: "10.0.0.1", Pod: "pod", Name: "web-1", Ready: true, Serving: true},
		{Pod: "pod", Name: "web-1", Serving: true, Terminating: true},
		{Address: "10.0.0.3", Ready: true, Serving: true}, // unknown is ready
	}
	if s.Service != "web" || s.Family != "IPv4" || !reflect.DeepEqual(s.Endpoints, want) {
		t.Errorf("%+v", s)
	}
}

func TestPodOnItsWay(t *testing.T) {
	ready := func(status corev1.ConditionStatus, reason, message string, at int64) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Finalizers: []string{"a", "b"}},
			Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: status, Reason: reason, Message: message, LastTransitionTime: metav1.Unix(at, 0)}}},
		}
	}
	for _, test := range []struct {
		pod            *corev1.Pod
		since, unready int64
		message        string
	}{
		{ready("True", "", "", 40), 40, 0, ""},
		{ready("True", "", "", 0), 1, 0, ""}, // ready, and nobody says since when
		{ready("False", "ContainersNotReady", "containers with unready status", 40), 0, 40, ""},
		{ready("Unknown", "NodeStatusUnknown", "", 0), 0, 0, ""}, // nor here
		{ready("False", "ReadinessGatesNotReady", "gate x is shut", 40), 0, 40, "gate x is shut"},
	} {
		if p := compact(t, Pods(), test.pod)[0]; p.ReadySince != test.since || p.UnreadySince != test.unready || p.Message != test.message || p.Finalizers != "a,b" {
			t.Errorf("%d %d %q %q, want %d %d %q", p.ReadySince, p.UnreadySince, p.Message, p.Finalizers, test.since, test.unready, test.message)
		}
	}
	p := corePod(container("app", restarted(3, 70, running(false))))
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget, Status: "True", Reason: corev1.PodReasonPreemptionByScheduler, Message: "preempting"})
	p.Spec.NodeSelector = map[string]string{"zone": "a", "pool": "db"}
	if got := compact(t, Pods(), p)[0]; got.Message != "preempting" || got.Selector != "pool=db,zone=a" {
		t.Errorf("of a preempted pod: %q %q", got.Message, got.Selector)
	}
	p.Status.ContainerStatuses[0].Started = yes()
	p.Status.ContainerStatuses[0].LastTerminationState.Terminated.Message = "panic:\nno"
	if c := compact(t, Pods(), p)[0].Containers[0]; !c.Started || c.Last.Message != "panic: no" {
		t.Errorf("%+v %+v", c, c.Last)
	}
}

// argo returns what is kept of an Argo Rollout with these fields.
func argo(t *testing.T, fields string) *Workload {
	t.Helper()
	list := `{"apiVersion":"argoproj.io/v1alpha1","kind":"RolloutList","metadata":{},"items":[` + fields + `]}`
	got, err := ArgoRollouts().Decode([]byte(list))
	if err != nil {
		t.Fatal(err)
	}
	return got[0]
}

func TestArgoRollout(t *testing.T) {
	w := argo(t, `{"metadata":{"name":"web","namespace":"shop","uid":"u","generation":4,"annotations":{"rollout.argoproj.io/revision":"9"},
			"managedFields":[{"manager":"argocd","operation":"Update","time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:template":{}}}}]},
		"spec":{"replicas":5,"minReadySeconds":3,"progressDeadlineSeconds":300,"selector":{"matchLabels":{"app":"web"}},"template":{"spec":{"containers":[{"name":"a","image":"r/web:v2"}]}},
			"strategy":{"canary":{"maxSurge":"20%","maxUnavailable":0,"steps":[{"setWeight":20},{"pause":{"duration":"1h"}}]}}},
		"status":{"phase":"Paused","message":"CanaryPauseStep","currentStepIndex":1,"observedGeneration":"4","currentPodHash":"new","stableRS":"old","replicas":6,"updatedReplicas":1,
			"readyReplicas":5,"availableReplicas":4,"collisionCount":1,"pauseConditions":[{"reason":"CanaryPauseStep","startTime":"2026-01-01T00:00:00Z"}],
			"conditions":[{"type":"Progressing","status":"True","reason":"R","message":"m","lastUpdateTime":"2026-01-01T00:00:00Z","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	wantArgo := Argo{Phase: "Paused", Message: "CanaryPauseStep", Step: "step 2/2: pause 1h", Hash: "new", Stable: "old"}
	wantRolling := Rolling{
		Generation: 4, Observed: 4, MaxSurge: "20%", MaxUnavailable: "0", Deadline: 300, MinReady: 3, Collisions: 1, Updated: 1,
		Conditions: []Condition{{"Progressing", "True", "R", "m", at, at}}, TemplateBy: Write{"argocd", at},
	}
	if *w.Argo != wantArgo || !reflect.DeepEqual(*w.Rolling, wantRolling) {
		t.Errorf("%+v\n%+v", w.Argo, w.Rolling)
	}
	got := fmt.Sprint(w.Kind, w.Namespace, w.Name, w.Desired, w.Current, w.Ready, w.Updated, w.Avail, w.Paused, w.Behind, w.Revision, w.Strategy, w.Selector, w.Images)
	if want := "Rolloutshopweb5 6 5 1 4true false9canaryapp=web[r/web:v2]"; strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestArgoSteps(t *testing.T) {
	for status, want := range map[string]string{
		`"currentStepIndex":0`:              "step 1/7: weight 20%",
		`"currentStepIndex":1`:              "step 2/7: pause until promoted",
		`"currentStepIndex":2`:              "step 3/7: pause 30",
		`"currentStepIndex":3`:              "step 4/7: canary scale",
		`"currentStepIndex":4`:              "step 5/7: analysis",
		`"currentStepIndex":5`:              "step 6/7: experiment",
		`"currentStepIndex":6`:              "step 7/7",
		`"currentStepIndex":7`:              "step 7/7",
		`"currentStepIndex":-1`:             "",
		`"phase":"Healthy"`:                 "",
		`"currentStepIndex":0,"abort":true`: "step 1/7: weight 20%, aborted",
		`"abort":true`:                      "aborted",
	} {
		w := argo(t, `{"metadata":{"name":"a"},"spec":{"strategy":{"canary":{"steps":[{"setWeight":20},{"pause":{}},{"pause":{"duration":30}},{"setCanaryScale":{}},{"analysis":{}},{"experiment":{}},{"other":{}}]}}},"status":{`+status+`}}`)
		if w.Argo.Step != want {
			t.Errorf("%s: %q, want %q", status, w.Argo.Step, want)
		}
	}
	if w := argo(t, `{"metadata":{"name":"a","generation":3},"spec":{"strategy":{"blueGreen":{}}},"status":{"observedGeneration":"6fbf4d9bc"}}`); w.Strategy != "blueGreen" || w.Behind || w.Desired != 1 {
		t.Errorf("%+v", w) // older versions write a hash
	}
	if w := argo(t, `{"metadata":{"name":"a","generation":3}}`); !w.Behind {
		t.Error("what nobody has looked at is not behind")
	}
}

// Nothing that somebody writes into an Argo Rollout commands a terminal.
func TestArgoIsHarmless(t *testing.T) {
	word, err := json.Marshal(bomb)
	if err != nil {
		t.Fatal(err)
	}
	w := argo(t, strings.ReplaceAll(`{"metadata":{"name":W,"annotations":{"rollout.argoproj.io/revision":W}},"spec":{"strategy":{"canary":{"steps":[{"pause":{"duration":W}}]}}},
		"status":{"phase":W,"message":W,"currentStepIndex":0,"currentPodHash":W,"stableRS":W,"observedGeneration":W,"conditions":[{"type":W,"status":W,"reason":W,"message":W}]}}`, "W", string(word)))
	walk(t, reflect.ValueOf(w), "Workload")
}
