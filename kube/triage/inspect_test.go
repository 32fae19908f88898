package triage_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"quarterdeck/kube"
	"quarterdeck/kube/apitest"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/triage"
)

// wrote is an entry of managedFields.
func wrote(manager, subresource string, at metav1.Time, fields string) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1", Subresource: subresource,
		Time: &at, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
	}
}

const crashLog = `2027-01-15T08:00:00Z INFO starting
2027-01-15T08:00:01Z ERROR connect postgres://app:hunter2@db/shop: refused
2027-01-15T08:00:02Z panic: missing env DB_URL
2027-01-15T08:00:02Z
2027-01-15T08:00:02Z goroutine 1 [running]:
`

// badRelease returns a server with a Deployment whose new image crashes, and the
// incident that an Engine makes of it.
func badRelease(t *testing.T) (*apitest.Server, *kube.Client, *triage.Incident) {
	t.Helper()
	s := apitest.New(t)
	const began = 600 // seconds ago the release
	objects := deployment("checkout", 2, 1, func(d *appsv1.Deployment) {
		d.Annotations = map[string]string{"deployment.kubernetes.io/revision": "12"}
		d.Spec.Template.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{
			{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}},
			{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "gateway"}}},
		}
		d.ManagedFields = []metav1.ManagedFieldsEntry{
			wrote("argocd", "", ago(began), `{"f:spec":{"f:template":{"f:spec":{"f:containers":{}}},"f:selector":{}}}`),
			wrote("kubectl-scale", "scale", ago(300), `{"f:spec":{"f:replicas":{}}}`),
			wrote("kube-controller-manager", "status", ago(10), `{"f:status":{}}`),
		}
	})
	d, now := objects[0].(*appsv1.Deployment), objects[1].(*appsv1.ReplicaSet)
	now.CreationTimestamp, now.Spec.Template = ago(began), d.Spec.Template
	now.Annotations = map[string]string{"deployment.kubernetes.io/revision": "12"}
	now.Labels = map[string]string{"app": "checkout"}
	before := now.DeepCopy()
	before.Name, before.UID, before.CreationTimestamp = "checkout-0", "checkout-0", ago(90_000)
	before.Annotations = map[string]string{"deployment.kubernetes.io/revision": "11"}
	before.Spec.Template.Spec.Containers[0].Image = "registry.example.com/checkout:v1"
	before.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "DB_URL", Value: "postgres://app:hunter2@db/shop"}}
	p := pod("checkout", "checkout-1-a", crashes("Error", 1, ""))
	p.Spec.Containers[0].Resources.Limits = corev1.ResourceList{"memory": resource.MustParse("64Mi")}
	settings := &corev1.ConfigMap{ObjectMeta: meta("shop", "settings"), Data: map[string]string{"A": "planted-in-configmap"}}
	settings.CreationTimestamp = ago(900_000)
	settings.ManagedFields = []metav1.ManagedFieldsEntry{wrote("kubectl-edit", "", ago(700), `{"f:data":{"f:A":{}}}`)}
	gateway := &corev1.Secret{ObjectMeta: meta("shop", "gateway"), Data: map[string][]byte{"T": []byte("planted-in-secret")}}
	gateway.CreationTimestamp = ago(900_000)
	gateway.ManagedFields = []metav1.ManagedFieldsEntry{wrote("helm", "", ago(800_000), `{"f:data":{"f:T":{}}}`)}
	s.Put(d, now, before, p, settings, gateway, &corev1.Event{
		ObjectMeta: meta("shop", "e1"), Type: corev1.EventTypeWarning, Reason: "BackOff", Message: "Back-off restarting failed container", Count: 7,
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: "shop", Name: p.Name, UID: p.UID}, FirstTimestamp: ago(500), LastTimestamp: ago(20),
	})
	s.Serve("/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods", `{"apiVersion":"metrics.k8s.io/v1beta1","items":[
		{"metadata":{"name":"checkout-1-a","namespace":"shop"},"window":"15s","containers":[{"name":"app","usage":{"cpu":"40m","memory":"60Mi"}}]}]}`)
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.Name == "checkout-1-a/log" {
			if r.Query.Get("previous") != "true" {
				return apitest.Fail(apierrors.NewBadRequest("the instance before was wanted"))
			}
			return &apitest.Answer{Body: crashLog, ContentType: "text/plain"}
		}
		return nil
	})
	return s, connectTo(t, s.URL), newScene(t, d, now, p).one()
}

func connectTo(t *testing.T, server string) *kube.Client {
	t.Helper()
	flags := genericclioptions.NewConfigFlags(false)
	none := ""
	flags.APIServer, flags.KubeConfig = &server, &none
	client, err := (&kube.Connector{Flags: flags}).Connect("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func atClock() time.Time { return clock }

func TestInspect(t *testing.T) {
	_, client, i := badRelease(t)
	r, err := client.REST(corev1.SchemeGroupVersion)
	if err != nil {
		t.Fatal(err)
	}
	n := triage.Inspect(t.Context(), client, i, triage.Options{Now: atClock, Metrics: metrics.New(r, time.Hour)})
	if len(n.NotRead) > 0 {
		t.Errorf("not read: %v", n.NotRead)
	}
	var evidence, changes []string
	for _, e := range n.Evidence {
		evidence = append(evidence, e.Source+" "+e.Text)
	}
	for _, c := range n.Changes {
		changes = append(changes, c.Source+" "+c.About(i.Root))
	}
	for _, want := range []string{
		"log panic: missing env DB_URL",
		"field app exited 1 after 1s, 6 restarts",
		"metrics app uses memory 60Mi, 93% of limit 64Mi, no request; cpu 40m, no limit, no request",
	} {
		if !slices.Contains(evidence, want) {
			t.Errorf("no evidence %q in\n%s", want, strings.Join(evidence, "\n"))
		}
	}
	want := []string{
		"managedFields replicas is now 2 by kubectl-scale (scale)",
		"revision revision 12: image checkout:v1 → v2, containers[app].env removed by argocd",
		"managedFields cm/settings contents written by kubectl-edit",
	}
	if !slices.Equal(changes, want) {
		t.Errorf("changes\n%s\nwant\n%s", strings.Join(changes, "\n"), strings.Join(want, "\n"))
	}
	if n.Log == nil || !n.Log.Previous || n.Log.Container != "app" || len(n.Log.Lines) != 5 {
		t.Errorf("log %+v", n.Log)
	}
	if len(n.Events) != 1 || n.Events[0].Count != 7 || n.Events[0].First != ago(500).Unix() || n.Events[0].On.GVR.Resource != "pods" {
		t.Errorf("events %+v", n.Events)
	}
}

// TestInspectNeverReadsContents: of Secrets and ConfigMaps metadata is enough.
func TestInspectNeverReadsContents(t *testing.T) {
	s, client, i := badRelease(t)
	triage.Inspect(t.Context(), client, i, triage.Options{Now: atClock})
	asked := 0
	for _, r := range s.Requests() {
		if r.GVR.Resource != "secrets" && r.GVR.Resource != "configmaps" {
			continue
		}
		asked++
		if !strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadata") {
			t.Errorf("%s %s asks for contents: %s", r.Verb, r.Path, r.Header.Get("Accept"))
		}
	}
	if asked == 0 {
		t.Error("nobody asked whether what the workload refers to was changed")
	}
}

func TestInspectSaysWhatWasNotRead(t *testing.T) {
	s, client, i := badRelease(t)
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.GVR.Resource == "events" || r.GVR.Resource == "secrets" || strings.HasSuffix(r.Name, "/log") {
			return r.Forbid("dev")
		}
		return nil
	})
	n := triage.Inspect(t.Context(), client, i, triage.Options{Now: atClock})
	var got []string
	for _, u := range n.NotRead {
		got = append(got, u.String())
	}
	want := []string{
		"get pods/log checkout-1-a in shop: forbidden", "get secrets secret/gateway in shop: forbidden", "list events in shop: forbidden",
	}
	if !slices.Equal(got, want) {
		t.Errorf("not read %q, want %q", got, want)
	}
	if len(n.Changes) != 3 || n.Log != nil {
		t.Errorf("%d changes, log %v: what may be read is missing", len(n.Changes), n.Log)
	}
}

func TestInspectDoesNotWaitForever(t *testing.T) {
	s, client, i := badRelease(t)
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.GVR.Resource == "events" {
			return &apitest.Answer{Until: make(chan struct{})}
		}
		return nil
	})
	n := triage.Inspect(t.Context(), client, i, triage.Options{Now: atClock, Wait: 500 * time.Millisecond, NoLog: true})
	late := func(u triage.Unread) bool { return u.String() == "list events in shop: no answer in time" }
	if !slices.ContainsFunc(n.NotRead, late) {
		t.Errorf("not read: %v", n.NotRead)
	}
}

func TestInspectObject(t *testing.T) {
	s, client, i := badRelease(t)
	state := triage.InspectObject(t.Context(), client, i.Root, triage.Options{Now: atClock})
	if state.Status != triage.StatusCurrent || len(state.Conditions) != 1 || state.Conditions[0].Bad {
		t.Errorf("%+v", state)
	}
	s.OnRequest(func(r apitest.Request) *apitest.Answer { return r.Forbid("dev") })
	state = triage.InspectObject(t.Context(), client, i.Root, triage.Options{Now: atClock})
	if state.Status != triage.StatusUnknown || state.Why != "get deployments checkout in shop: forbidden" {
		t.Errorf("%+v", state)
	}
	s.OnRequest(func(apitest.Request) *apitest.Answer {
		return &apitest.Answer{Status: &metav1.Status{Status: "Failure", Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound}}
	})
	if state = triage.InspectObject(t.Context(), client, i.Root, triage.Options{Now: atClock}); state.Status != triage.StatusGone {
		t.Errorf("%+v", state)
	}
}
