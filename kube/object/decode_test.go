package object

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

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
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/store"
)

// encode returns a list of objects of one kind as an API server sends it.
func encode(t testing.TB, contentType string, objects ...runtime.Object) []byte {
	t.Helper()
	kinds, _, err := scheme.Scheme.ObjectKinds(objects[0])
	if err != nil {
		t.Fatal(err)
	}
	list, err := scheme.Scheme.New(kinds[0].GroupVersion().WithKind(kinds[0].Kind + "List"))
	if err != nil {
		t.Fatal(err)
	}
	if err := meta.SetList(list, objects); err != nil {
		t.Fatal(err)
	}
	info, _ := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), contentType)
	var b bytes.Buffer
	if err := scheme.Codecs.WithoutConversion().EncoderForVersion(info.Serializer, kinds[0].GroupVersion()).Encode(list, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// compact returns what is kept of objects that come in protobuf.
func compact[T store.Object](t testing.TB, kind store.Kind[T], objects ...runtime.Object) []T {
	t.Helper()
	return decode(t, kind, encode(t, runtime.ContentTypeProtobuf, objects...))
}

func decode[T store.Object](t testing.TB, kind store.Kind[T], list []byte) []T {
	t.Helper()
	got, err := kind.Decode(list)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// random returns a random object of a type; the names of its containers fit the
// names in its status.
func random(f *apitest.Filler, of runtime.Object) runtime.Object {
	o := reflect.New(reflect.TypeOf(of).Elem())
	f.Fill(o.Interface())
	if p, ok := o.Interface().(*corev1.Pod); ok {
		for i := range p.Status.ContainerStatuses {
			p.Spec.Containers[i%len(p.Spec.Containers)].Name = p.Status.ContainerStatuses[i].Name
		}
		for i := range p.Status.InitContainerStatuses {
			p.Spec.InitContainers[i%len(p.Spec.InitContainers)].Name = p.Status.InitContainerStatuses[i].Name
		}
	}
	if q, ok := o.Interface().(*corev1.ResourceQuota); ok { // the order of equal shares is by name
		q.Status.Used = q.Status.Hard.DeepCopy()
	}
	return o.Interface().(runtime.Object)
}

// each runs a test for every kind.
func each(t *testing.T, test func(t *testing.T, like runtime.Object, keep func(t testing.TB, list []byte) []any)) {
	run := func(name string, like runtime.Object, keep func(testing.TB, []byte) []any) {
		t.Run(name, func(t *testing.T) { test(t, like, keep) })
	}
	run("pods", &corev1.Pod{}, keeper(Pods()))
	run("deployments", &appsv1.Deployment{}, keeper(Deployments()))
	run("replicasets", &appsv1.ReplicaSet{}, keeper(ReplicaSets()))
	run("statefulsets", &appsv1.StatefulSet{}, keeper(StatefulSets()))
	run("daemonsets", &appsv1.DaemonSet{}, keeper(DaemonSets()))
	run("jobs", &batchv1.Job{}, keeper(Jobs()))
	run("cronjobs", &batchv1.CronJob{}, keeper(CronJobs()))
	run("nodes", &corev1.Node{}, keeper(Nodes()))
	run("namespaces", &corev1.Namespace{}, keeper(Namespaces()))
	run("events", &corev1.Event{}, keeper(Events()))
	run("services", &corev1.Service{}, keeper(Services()))
	run("claims", &corev1.PersistentVolumeClaim{}, keeper(Claims()))
	run("volumes", &corev1.PersistentVolume{}, keeper(Volumes()))
	run("storageclasses", &storagev1.StorageClass{}, keeper(StorageClasses()))
	run("autoscalers", &autoscalingv2.HorizontalPodAutoscaler{}, keeper(Autoscalers()))
	run("budgets", &policyv1.PodDisruptionBudget{}, keeper(Budgets()))
	run("controllerrevisions", &appsv1.ControllerRevision{}, keeper(ControllerRevisions()))
	run("endpointslices", &discoveryv1.EndpointSlice{}, keeper(EndpointSlices()))
	run("quotas", &corev1.ResourceQuota{}, keeper(Quotas()))
	run("ingresses", &networkingv1.Ingress{}, keeper(Ingresses()))
	run("ingressclasses", &networkingv1.IngressClass{}, keeper(IngressClasses()))
	run("networkpolicies", &networkingv1.NetworkPolicy{}, keeper(NetworkPolicies()))
	run("certificates", &corev1.Secret{}, keeper(Certificates()))
	run("signingrequests", &certificatesv1.CertificateSigningRequest{}, keeper(SigningRequests()))
	run("validatingwebhooks", &admissionv1.ValidatingWebhookConfiguration{}, keeper(ValidatingWebhooks()))
	run("mutatingwebhooks", &admissionv1.MutatingWebhookConfiguration{}, keeper(MutatingWebhooks()))
	run("leases", &coordinationv1.Lease{}, keeper(Leases()))
}

func keeper[T store.Object](kind store.Kind[T]) func(testing.TB, []byte) []any {
	return func(t testing.TB, list []byte) []any {
		t.Helper()
		var out []any
		for _, o := range decode(t, kind, list) {
			out = append(out, o)
		}
		return out
	}
}

// An object is not changed by those decoded after it into the same memory, and
// not by those before it.
func TestObjectsShareNoMemory(t *testing.T) {
	each(t, func(t *testing.T, like runtime.Object, keep func(testing.TB, []byte) []any) {
		f := apitest.NewFiller(1)
		var objects []runtime.Object
		for range 12 {
			objects = append(objects, random(f, like))
		}
		objects = append(objects, reflect.New(reflect.TypeOf(like).Elem()).Interface().(runtime.Object)) // an empty one
		objects = append(objects, objects[:3]...)
		together := keep(t, encode(t, runtime.ContentTypeProtobuf, objects...))
		for i, o := range objects {
			alone := keep(t, encode(t, runtime.ContentTypeProtobuf, o))
			if !reflect.DeepEqual(alone[0], together[i]) {
				t.Fatalf("object %d alone: %+v\nin a list: %+v", i, alone[0], together[i])
			}
		}
	})
}

// What is not decoded of a protobuf object is nothing that is kept: the same
// object in JSON, which is decoded whole, gives the same.
func TestNothingNeededIsPruned(t *testing.T) {
	each(t, func(t *testing.T, like runtime.Object, keep func(testing.TB, []byte) []any) {
		for seed := range uint64(60) {
			o := random(apitest.NewFiller(seed), like)
			proto := keep(t, encode(t, runtime.ContentTypeProtobuf, o))
			whole := keep(t, encode(t, runtime.ContentTypeJSON, o))
			if !reflect.DeepEqual(proto, whole) {
				t.Fatalf("seed %d: in protobuf %+v\nin JSON %+v", seed, proto[0], whole[0])
			}
		}
	})
}

const bomb = "a\x1b]0;owned\x07\x1b[2J\u202e\u200bb\n\r\t\u009b31m"

// Nothing that a cluster can write into an object commands a terminal.
func TestStringsAreHarmless(t *testing.T) {
	each(t, func(t *testing.T, like runtime.Object, keep func(testing.TB, []byte) []any) {
		for seed := range uint64(20) {
			f := apitest.NewFiller(seed)
			n := 0
			f.Word = func() string { n++; return fmt.Sprint(bomb, n) }
			for _, o := range keep(t, encode(t, runtime.ContentTypeProtobuf, random(f, like))) {
				walk(t, reflect.ValueOf(o), reflect.TypeOf(o).String())
			}
		}
	})
}

// walk looks at every string in v but UIDs, which are never shown.
func walk(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		if strings.ContainsAny(v.String(), "\x1b\x07\n\r\t\u202e\u200b\u009b") && v.Type().Name() != "UID" {
			t.Errorf("%s is %q", path, v.String())
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			walk(t, v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(t, v.Index(i), path)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			walk(t, v.Field(i), path+"."+v.Type().Field(i).Name)
		}
	default:
	}
}

// A list in JSON with an object of another kind in it is refused.
func TestOtherKindInList(t *testing.T) {
	list := map[string]any{"apiVersion": "v1", "kind": "NodeList", "items": []any{map[string]any{"metadata": map[string]any{"name": "a"}}}}
	b, _ := json.Marshal(list)
	if _, err := Pods().Decode(b); err == nil || !strings.Contains(err.Error(), "Node in a list of Pod") {
		t.Error(err)
	}
}
