package rollout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	metadatafake "k8s.io/client-go/metadata/fake"
	clienttesting "k8s.io/client-go/testing"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
)

// fake is a Reader of objects that are given to it.
type fake struct {
	objects  *dynamicfake.FakeDynamicClient
	metadata *metadatafake.FakeMetadataClient
}

func (f *fake) Objects() dynamic.Interface   { return f.objects }
func (f *fake) Metadata() metadata.Interface { return f.metadata }

// newFake returns a cluster with objects; metadata are those that are read
// without their contents.
func newFake(t *testing.T, objects []runtime.Object, metadata ...runtime.Object) *fake {
	t.Helper()
	meta := metadatafake.NewTestScheme()
	if err := metav1.AddMetaToScheme(meta); err != nil {
		t.Fatal(err)
	}
	return &fake{dynamicfake.NewSimpleDynamicClient(scheme.Scheme, objects...), metadatafake.NewSimpleMetadataClient(meta, metadata...)}
}

// forbid makes the cluster refuse to list a resource.
func (f *fake) forbid(resource string) {
	f.objects.PrependReactor("list", resource, func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Group: "apps", Resource: resource}, "", errors.New("no"))
	})
}

func began(minutes int) metav1.Time {
	return metav1.NewTime(time.Date(2026, 1, 1, 12, minutes, 0, 0, time.UTC))
}

func ref(resource, kind string) kube.Ref {
	return kube.Ref{GVR: appsv1.SchemeGroupVersion.WithResource(resource), Kind: kind, Namespace: "web", Name: "shop"}
}

func selector() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}
}

func podTemplate(image string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "shop"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image}}},
	}
}

// meta is that of the workload, or of something that it controls.
func meta(name, owner string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Name: name, Namespace: "web", UID: types.UID("uid-" + name), Labels: map[string]string{"app": "shop"}}
	if owner != "" {
		m.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: owner, Name: "shop", UID: "uid-shop", Controller: new(true)}}
	}
	return m
}

func deployment(image string, edit func(*appsv1.Deployment)) *appsv1.Deployment {
	d := &appsv1.Deployment{
		ObjectMeta: meta("shop", ""),
		Spec:       appsv1.DeploymentSpec{Replicas: new(int32(4)), Selector: selector(), Template: podTemplate(image)},
	}
	if edit != nil {
		edit(d)
	}
	return d
}

// replicaSet is a revision of a Deployment, made in the minute of its number.
func replicaSet(number int, image string, available int32, edit func(*appsv1.ReplicaSet)) *appsv1.ReplicaSet {
	rs := &appsv1.ReplicaSet{
		ObjectMeta: meta(fmt.Sprintf("shop-%d", number), "Deployment"),
		Spec:       appsv1.ReplicaSetSpec{Replicas: new(available), Selector: selector(), Template: podTemplate(image)},
		Status:     appsv1.ReplicaSetStatus{Replicas: available, ReadyReplicas: available, AvailableReplicas: available},
	}
	rs.CreationTimestamp = began(number)
	rs.Annotations = map[string]string{"deployment.kubernetes.io/revision": fmt.Sprint(number)}
	rs.Spec.Template.Labels["pod-template-hash"] = fmt.Sprint(number)
	if edit != nil {
		edit(rs)
	}
	return rs
}

func TestHistoryOfDeployment(t *testing.T) {
	d := deployment("shop:v3", func(d *appsv1.Deployment) {
		d.ManagedFields = []metav1.ManagedFieldsEntry{
			wrote("helm", began(1), `{"f:metadata":{},"f:spec":{"f:template":{"f:spec":{"f:x":{}}}}}`),
			wrote("autoscaler", began(2), `{"f:spec":{"f:replicas":{}}}`),
			wrote("kubectl-set\x1b[2J", began(3), `{"f:spec":{"f:template":{"f:spec":{"f:y":{}}}}}`),
		}
	})
	stranger := replicaSet(9, "other:v1", 1, func(rs *appsv1.ReplicaSet) { rs.OwnerReferences[0].UID = "another" })
	h, err := ReadHistory(t.Context(), newFake(t, []runtime.Object{
		d, stranger,
		replicaSet(3, "shop:v3", 1, func(rs *appsv1.ReplicaSet) {
			rs.Annotations[changeCause] = "release\x1b[2J v3"
			rs.Annotations["deployment.kubernetes.io/revision"] = "12"
			rs.Annotations["deployment.kubernetes.io/revision-history"] = "3,7"
		}),
		replicaSet(1, "shop:v1", 0, nil),
		replicaSet(2, "shop:v2", 3, nil),
	}), ref("deployments", "Deployment"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range h.Revisions {
		got = append(got, fmt.Sprintf("%d %v %s %s %q by %s, %d/%d/%d/%d target=%v complete=%v", r.Number, r.Former, r.Name, r.Template.Images()[0].Image,
			r.Cause, r.By.Manager, r.Pods.Desired, r.Pods.Total, r.Pods.Ready, r.Pods.Available, r.Target, r.Complete))
	}
	want := []string{
		`12 [3 7] shop-3 shop:v3 "release v3" by kubectl-set, 1/1/1/1 target=true complete=false`,
		`2 [] shop-2 shop:v2 "" by , 3/3/3/3 target=false complete=true`,
		`1 [] shop-1 shop:v1 "" by helm, 0/0/0/0 target=false complete=false`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for number, want := range map[int64]string{
		7:  "deploy/shop in web: no such revision: revision 7 is revision 12 since it was gone back to",
		5:  "deploy/shop in web: no such revision: there is no revision 5, kept are 12, 2, 1",
		-1: "deploy/shop in web: no such revision: there is no revision -1, kept are 12, 2, 1",
	} {
		if _, err := h.Find(number); !errors.Is(err, ErrNoRevision) || err.Error() != want {
			t.Errorf("revision %d: %v", number, err)
		}
	}
	if r, err := h.Find(2); err != nil || r.Name != "shop-2" {
		t.Errorf("revision 2: %v, %v", r, err)
	}
	if r, err := h.Previous(); err != nil || r.Number != 2 {
		t.Errorf("previous: %v, %v", r, err)
	}
}

func wrote(manager string, when metav1.Time, fields string) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1",
		Time: &when, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
	}
}

// TestTwoOfOneNumber: as with kubectl there is one revision for each number.
func TestTwoOfOneNumber(t *testing.T) {
	again := func(n string) func(*appsv1.ReplicaSet) {
		return func(rs *appsv1.ReplicaSet) { rs.Annotations["deployment.kubernetes.io/revision"] = n }
	}
	h, err := ReadHistory(t.Context(), newFake(t, []runtime.Object{
		deployment("shop:v1", nil),
		replicaSet(1, "shop:v1", 1, again("2")), replicaSet(2, "shop:v2", 0, nil), // of which one is the target
		replicaSet(3, "shop:v3", 0, again("1")), replicaSet(4, "shop:v4", 0, again("1")),
		replicaSet(5, "shop:v1", 0, nil), // the same template again: the oldest is the one
		replicaSet(6, "shop:v6", 0, again("none")),
	}), ref("deployments", "Deployment"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range h.Revisions {
		got = append(got, fmt.Sprint(r.Number, " ", r.Name, " ", r.Target))
	}
	if want := []string{"5 shop-5 false", "2 shop-1 true", "1 shop-4 false", "0 shop-6 false"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestHistoryRefused(t *testing.T) {
	deploy := ref("deployments", "Deployment")
	withUID := deploy
	withUID.UID = "uid-shop"
	replaced := deploy
	replaced.UID = "before"
	ours := []runtime.Object{deployment("shop:v1", nil), replicaSet(1, "shop:v1", 4, nil)}
	for _, tt := range []struct {
		name    string
		ref     kube.Ref
		objects []runtime.Object
		forbid  string
		is      func(error) bool
		says    string
	}{
		{"not there", deploy, nil, "", apierrors.IsNotFound, "history of deploy/shop in web: there is none of this name"},
		{"gone", withUID, nil, "", func(err error) bool { return errors.Is(err, action.ErrGone) }, "it was deleted since it was shown"},
		{"replaced", replaced, ours, "", func(err error) bool { return errors.Is(err, action.ErrReplaced) }, "another object of its name"},
		{"not rolled out", kube.Ref{GVR: appsv1.SchemeGroupVersion.WithResource("replicasets"), Kind: "ReplicaSet", Name: "x"}, nil, "", func(err error) bool { return errors.Is(err, ErrNotRolled) }, "only deployments"},
		{"forbidden", deploy, ours, "replicasets", apierrors.IsForbidden, "history of deploy/shop in web: list replicasets in web: "},
	} {
		f := newFake(t, tt.objects)
		if tt.forbid != "" {
			f.forbid(tt.forbid)
		}
		if _, err := ReadHistory(t.Context(), f, tt.ref); err == nil || !tt.is(err) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestNoHistory(t *testing.T) {
	for _, tt := range []struct {
		limit int32
		want  string
	}{
		{0, "deploy/shop in web: no revision to go back to: its revisionHistoryLimit is 0, so Kubernetes keeps none"},
		{10, "deploy/shop in web: no revision to go back to: only 1 is kept"},
	} {
		d := deployment("shop:v1", func(d *appsv1.Deployment) { d.Spec.RevisionHistoryLimit = &tt.limit })
		h, err := ReadHistory(t.Context(), newFake(t, []runtime.Object{d, replicaSet(1, "shop:v1", 1, nil)}), ref("deployments", "Deployment"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Previous(); !errors.Is(err, ErrNoHistory) || err.Error() != tt.want {
			t.Errorf("previous: %v", err)
		}
		if _, err := h.LastComplete(); !errors.Is(err, ErrNoHistory) {
			t.Errorf("last complete: %v", err)
		}
	}
}
