package detail

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
)

// start is when everything begins.
var start = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// happened returns an event of an object, minute minutes after the start.
func happened(kind, name, uid, reason string, minute int) corev1.Event {
	at := metav1.NewTime(start.Add(time.Duration(minute) * time.Minute))
	return corev1.Event{
		Type: "Normal", Reason: reason, Message: reason + " " + name, Count: 1,
		InvolvedObject: corev1.ObjectReference{Kind: kind, Name: name, Namespace: "pay", UID: types.UID(uid)},
		FirstTimestamp: at, LastTimestamp: at,
	}
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: pay, uid: d1}
spec: {selector: {matchLabels: {app: web}}}
`

func labelled(obj *unstructured.Unstructured, app string) *unstructured.Unstructured {
	obj.SetLabels(map[string]string{"app": app})
	return obj
}

// shop is a namespace with a deployment, its replica set and pod, and others.
func shop(t *testing.T) *fake {
	t.Helper()
	return &fake{
		objects: []*unstructured.Unstructured{
			object(t, deployment),
			labelled(owned("ReplicaSet", "web-7f9c", "r1", "d1"), "web"),
			labelled(owned("Pod", "web-7f9c-abcde", "p1", "r1"), "web"),
			labelled(owned("Pod", "web-lookalike", "p2", "elsewhere"), "web"),
			owned("Pod", "db-0", "p3", "s1"),
		},
		happened: []corev1.Event{
			happened("Pod", "web-7f9c-abcde", "p1", "Pulled", 1),
			happened("Deployment", "web", "d1", "ScalingReplicaSet", 5),
			happened("ReplicaSet", "web-7f9c", "r1", "SuccessfulCreate", 4),
			happened("Pod", "web-7f9c-zzzzz", "deleted", "Killing", 3),
			happened("Pod", "web-65cb-zzzzz", "deleted", "Unhealthy", 2),
			happened("Pod", "web-lookalike", "p2", "NotOurs", 6),
			happened("Pod", "db-0", "p3", "NotOurs", 7),
			happened("ConfigMap", "web", "c1", "NotOurs", 8),
		},
	}
}

func reasons(events []Event) string {
	var words []string
	for _, e := range events {
		word := e.Reason
		if e.Gone {
			word += "(gone)"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func TestEventsOfChildren(t *testing.T) {
	api := shop(t)
	got, err := reader(api).Events(t.Context(), ref("apps", "deployments", "Deployment", "web", "d1"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "ScalingReplicaSet SuccessfulCreate Killing(gone) Unhealthy(gone) Pulled"; reasons(got.Events) != want {
		t.Errorf("events %s, want %s", reasons(got.Events), want)
	}
	if got.Objects != 3 || len(got.Partial) != 0 {
		t.Errorf("%d objects, %v", got.Objects, got.Partial)
	}
	if want := []string{"replicasets", "pods"}; !slices.Equal(api.listed, want) {
		t.Errorf("listed %v, want %v", api.listed, want)
	}
	if api.eventOpts[0].Limit == 0 {
		t.Error("events were listed without a limit")
	}
}

func TestEventsPageByPage(t *testing.T) {
	api := shop(t)
	api.pageSize = 1
	got, err := reader(api).Events(t.Context(), ref("apps", "deployments", "Deployment", "web", "d1"))
	if err != nil || len(got.Events) != 5 || got.Objects != 3 || len(got.Partial) != 0 {
		t.Errorf("%d events of %d objects, %v, %v", len(got.Events), got.Objects, got.Partial, err)
	}
}

func TestEventsOfOneObject(t *testing.T) {
	api := &fake{happened: []corev1.Event{
		happened("Pod", "db-0", "p3", "Started", 2),
		happened("Pod", "db-0", "before", "Killing", 1),
	}}
	got, err := reader(api).Events(t.Context(), ref("", "pods", "Pod", "db-0", "p3"))
	if err != nil || reasons(got.Events) != "Started Killing(gone)" {
		t.Errorf("events %s, %v", reasons(got.Events), err)
	}
	opts := api.eventOpts[0]
	if opts.FieldSelector != "involvedObject.kind=Pod,involvedObject.name=db-0" || opts.Limit == 0 || len(api.listed) != 0 {
		t.Errorf("asked for %+v and %v", opts, api.listed)
	}
}

func TestEventsOfANode(t *testing.T) {
	byName := happened("Node", "n1", "n1", "NodeNotReady", 1) // the kubelet's idea of a UID
	byName.InvolvedObject.Namespace = ""
	byUID := happened("Node", "n1", "u-n1", "RegisteredNode", 2)
	byUID.InvolvedObject.Namespace = ""
	api := &fake{
		happened: []corev1.Event{byName, byUID},
		failing:  map[string]error{"events ": apierrors.NewForbidden(schema.GroupResource{Resource: "events"}, "", errors.New("no"))},
	}
	node := kube.Ref{GVR: schema.GroupVersionResource{Version: "v1", Resource: "nodes"}, Kind: "Node", Name: "n1", UID: "u-n1"}
	got, err := reader(api).Events(t.Context(), node)
	if err != nil || reasons(got.Events) != "RegisteredNode NodeNotReady" {
		t.Errorf("events %s, %v", reasons(got.Events), err)
	}
	if len(got.Partial) != 1 || !apierrors.IsForbidden(got.Partial[0]) {
		t.Errorf("partial %v", got.Partial)
	}
}

func TestEventsOfACustomResource(t *testing.T) {
	api := &fake{
		objects: []*unstructured.Unstructured{
			object(t, "{apiVersion: example.com/v1, kind: Shop, metadata: {name: s, namespace: pay, uid: x1}, spec: {selector: {matchLabels: {means: another thing}}}}"),
			owned("Deployment", "s-web", "d1", "x1"), owned("ReplicaSet", "s-web-1", "r1", "d1"), owned("Pod", "s-web-1-a", "p1", "r1"),
		},
		happened: []corev1.Event{happened("Pod", "s-web-1-a", "p1", "Pulled", 1)},
	}
	got, err := reader(api).Events(t.Context(), ref("example.com", "shops", "Shop", "s", "x1"))
	if err != nil || reasons(got.Events) != "Pulled" || got.Objects != 4 {
		t.Errorf("events %s of %d objects, %v", reasons(got.Events), got.Objects, err)
	}
}

func TestEventsOfADeletedObject(t *testing.T) {
	api := shop(t)
	api.objects = nil
	got, err := reader(api).Events(t.Context(), ref("apps", "deployments", "Deployment", "web", "d1"))
	if err != nil || len(got.Partial) != 0 || !strings.HasPrefix(reasons(got.Events), "ScalingReplicaSet(gone)") {
		t.Errorf("events %s, %v, %v", reasons(got.Events), got.Partial, err)
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	no := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("no"))
	gone := apierrors.NewResourceExpired("too old")
	web := ref("apps", "deployments", "Deployment", "web", "d1")

	api := shop(t)
	api.failing = map[string]error{"pods": no}
	got, err := reader(api).Events(t.Context(), web)
	if err != nil || len(got.Partial) != 1 || got.Partial[0].Error() != "list pods in pay: "+no.Error() || strings.Contains(reasons(got.Events), "gone") {
		t.Errorf("pods forbidden: %s, %v, %v", reasons(got.Events), got.Partial, err)
	}

	api = shop(t)
	api.failing = map[string]error{"get": no}
	if got, err = reader(api).Events(t.Context(), web); err != nil || len(got.Partial) != 1 || len(got.Events) != 5 {
		t.Errorf("get forbidden: %s, %v, %v", reasons(got.Events), got.Partial, err)
	}

	api = shop(t)
	api.pageSize, api.failing = 3, map[string]error{"more events": gone}
	if got, err = reader(api).Events(t.Context(), web); err != nil || len(got.Partial) != 1 || len(got.Events) != 3 {
		t.Errorf("second page expired: %s, %v, %v", reasons(got.Events), got.Partial, err)
	}

	api = shop(t)
	api.failing = map[string]error{"events": no}
	if _, err = reader(api).Events(t.Context(), web); !apierrors.IsForbidden(err) || !strings.HasPrefix(err.Error(), "list events of deploy/web in pay: ") {
		t.Errorf("events forbidden: %v", err)
	}
}

func TestTooManyEventsAreSaid(t *testing.T) {
	api := new(fake)
	for i := range maxEvents + 1 {
		api.happened = append(api.happened, happened("Pod", "db-0", "p3", fmt.Sprint("R", i), i))
	}
	api.pageSize = page
	got, err := reader(api).Events(t.Context(), ref("", "pods", "Pod", "db-0", "p3"))
	if err != nil || len(got.Events) != maxEvents || len(got.Partial) != 1 {
		t.Errorf("%d events, %v, %v", len(got.Events), got.Partial, err)
	}
}

func TestSameEventsAreMerged(t *testing.T) {
	a := happened("Pod", "db-0", "p3", "BackOff", 1)
	a.Count = 3
	b := happened("Pod", "db-0", "p3", "BackOff", 9)
	b.FirstTimestamp = metav1.NewTime(start)
	c := happened("Pod", "db-0", "p3", "BackOff", 5)
	c.Message = "another"
	got, err := reader(&fake{happened: []corev1.Event{a, b, c}}).Events(t.Context(), ref("", "pods", "Pod", "db-0", "p3"))
	if err != nil || len(got.Events) != 2 {
		t.Fatalf("%d events, %v", len(got.Events), err)
	}
	e := got.Events[0]
	if e.Count != 4 || !e.First.Equal(start) || !e.Last.Equal(start.Add(9*time.Minute)) {
		t.Errorf("merged to %+v", e)
	}
}

func TestNewEvent(t *testing.T) {
	at := metav1.NewMicroTime(start)
	later := metav1.NewMicroTime(start.Add(time.Hour))
	e := corev1.Event{
		Type: "Warning", Reason: "Failed\x1b[31m", Message: " two\nlines\u202e ", EventTime: at, ReportingController: "scheduler",
		Series:         &corev1.EventSeries{Count: 7, LastObservedTime: later},
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "db-0", Namespace: "pay", FieldPath: "spec.containers{app}"},
	}
	want := Event{
		Type: "Warning", Reason: "Failed", Message: "two\nlines\ufffd", Source: "scheduler",
		Kind: "Pod", Name: "db-0", Namespace: "pay", Part: "spec.containers{app}", First: start, Last: start.Add(time.Hour), Count: 7,
	}
	if got := newEvent(&e); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	old := corev1.Event{Source: corev1.EventSource{Component: "kubelet", Host: "n1"}, ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(start)}}
	if got := newEvent(&old); got.Source != "kubelet, n1" || got.Count != 1 || !got.First.Equal(start) || !got.Last.Equal(start) {
		t.Errorf("got %+v", got)
	}
}

func TestWarningsFirst(t *testing.T) {
	events := []Event{{Type: "Normal", Last: start.Add(3)}, {Type: "Warning", Last: start.Add(1)}, {Type: "Warning", Last: start.Add(2)}}
	WarningsFirst(events)
	if events[0].Last != start.Add(2) || events[1].Last != start.Add(1) || events[2].Type != "Normal" {
		t.Errorf("%+v", events)
	}
}

func TestGone(t *testing.T) {
	for _, tc := range []struct {
		owner member
		kind  string
		name  string
		want  bool
	}{
		{member{"ReplicaSet", "web-7f9c"}, "Pod", "web-7f9c-x2x4z", true},
		{member{"ReplicaSet", "web-7f9c"}, "Pod", "web-7f9c-admin", true}, // cannot be told apart
		{member{"ReplicaSet", "web-7f9c"}, "Pod", "web-7f9c-long-one", false},
		{member{"Deployment", "web"}, "ReplicaSet", "web-7f9c6d54b", true},
		{member{"Deployment", "web"}, "ReplicaSet", "web-api", false},
		{member{"Deployment", "web"}, "Pod", "web-7f9c6d54b-x2x4z", true},
		{member{"StatefulSet", "db"}, "Pod", "db-12", true},
		{member{"StatefulSet", "db"}, "Pod", "db-a", false},
		{member{"DaemonSet", "log"}, "Pod", "log-x2x4z", true},
		{member{"CronJob", "etl"}, "Job", "etl-28571520", true},
		{member{"CronJob", "etl"}, "Pod", "etl-28571520-x2x4z", true},
		{member{"Job", "load"}, "Pod", "load-x2x4z", true},
		{member{"Deployment", "web"}, "ConfigMap", "web-1", false},
		{member{"Deployment", "web"}, "Pod", "web", false},
	} {
		f := newFamily(kube.Ref{Kind: tc.owner.kind, Name: tc.owner.name}, "")
		if got := f.gone(tc.kind, tc.name); got != tc.want {
			t.Errorf("%v made %s %s: %v", tc.owner, tc.kind, tc.name, got)
		}
	}
}

func TestPodSelector(t *testing.T) {
	for text, want := range map[string]string{
		deployment: "app=web",
		"{apiVersion: v1, kind: ReplicationController, spec: {selector: {app: old}}}":                                         "app=old",
		"{apiVersion: batch/v1, kind: Job, spec: {selector: {matchExpressions: [{key: job, operator: In, values: [a, b]}]}}}": "job in (a,b)",
		"{apiVersion: batch/v1, kind: CronJob, spec: {schedule: '* * * * *'}}":                                                "",
		"{apiVersion: example.com/v1, kind: Shop, spec: {selector: {matchLabels: {app: web}}}}":                               "",
		"{apiVersion: apps/v1, kind: Deployment, spec: {selector: {matchLabels: 17}}}":                                        "",
		"{apiVersion: apps/v1, kind: Deployment, spec: {selector: {matchExpressions: [{key: a, operator: Near}]}}}":           "",
	} {
		if got := podSelector(object(t, text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	if podSelector(nil) != "" {
		t.Error("no object has a selector")
	}
}
