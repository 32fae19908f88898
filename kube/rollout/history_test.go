package rollout

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
		Time: &when, FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: []byte(fields)},
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

func controllerRevision(t *testing.T, kind string, number int64, image string) *appsv1.ControllerRevision {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&corev1.PodTemplate{Template: podTemplate(image)})
	if err != nil {
		t.Fatal(err)
	}
	fields["template"].(map[string]any)["$patch"] = "replace"
	text := asJSON(t, map[string]any{"spec": map[string]any{"template": fields["template"]}})
	cr := &appsv1.ControllerRevision{
		ObjectMeta: meta(fmt.Sprintf("shop-h%d", number), kind), Revision: number, Data: runtime.RawExtension{Raw: []byte(text)},
	}
	cr.CreationTimestamp = began(int(number))
	return cr
}

// pod is one of a revision that is ready, or not.
func pod(name, hash, kind string, ready bool) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: meta(name, kind), Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	p.Labels["controller-revision-hash"] = hash
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status, LastTransitionTime: began(0)}}
	return p
}

func statefulSet(image string, edit func(*appsv1.StatefulSet)) *appsv1.StatefulSet {
	s := &appsv1.StatefulSet{
		ObjectMeta: meta("shop", ""),
		Spec: appsv1.StatefulSetSpec{
			Replicas: new(int32(3)), Selector: selector(), Template: podTemplate(image), PodManagementPolicy: appsv1.OrderedReadyPodManagement,
		},
		Status: appsv1.StatefulSetStatus{CurrentRevision: "shop-h1", UpdateRevision: "shop-h3"},
	}
	if edit != nil {
		edit(s)
	}
	return s
}

func TestHistoryOfStatefulSet(t *testing.T) {
	sts := ref("statefulsets", "StatefulSet")
	objects := []runtime.Object{
		statefulSet("shop:v3", nil),
		controllerRevision(t, "StatefulSet", 1, "shop:v1"), controllerRevision(t, "StatefulSet", 2, "shop:v2"), controllerRevision(t, "StatefulSet", 3, "shop:v3"),
		pod("shop-0", "shop-h1", "StatefulSet", true), pod("shop-1", "shop-h2", "StatefulSet", true), pod("shop-2", "shop-h3", "StatefulSet", false),
	}
	h, err := ReadHistory(t.Context(), newFake(t, objects), sts)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range h.Revisions {
		got = append(got, fmt.Sprint(r.Number, r.Pods, r.Target, r.Complete))
	}
	if want := []string{"3 {0 1 0 0} true false", "2 {0 1 1 1} false false", "1 {0 1 1 1} false true"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}

	// Without its pods the history is still one, and says so.
	f := newFake(t, objects)
	f.forbid("pods")
	if h, err = ReadHistory(t.Context(), f, sts); err != nil || !apierrors.IsForbidden(h.PodsUnread) || len(h.Revisions) != 3 {
		t.Errorf("without pods: %+v, %v", h, err)
	}
	h.Object.Object["status"] = map[string]any{}
	if s, err := h.LastComplete(); err != nil || s.Sure || s.Why != "it is the one before; pods could not be read, so whether it ever was complete is not known" {
		t.Errorf("last complete without pods: %+v, %v", s, err)
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

func TestLastComplete(t *testing.T) {
	rolled := func(d *appsv1.Deployment) {
		d.Status = appsv1.DeploymentStatus{Replicas: 4, UpdatedReplicas: 4, AvailableReplicas: 4}
	}
	daemons := func(status appsv1.DaemonSetStatus) *appsv1.DaemonSet {
		return &appsv1.DaemonSet{ObjectMeta: meta("shop", ""), Spec: appsv1.DaemonSetSpec{Selector: selector(), Template: podTemplate("shop:v3")}, Status: status}
	}
	revisions := func(kind string) []runtime.Object {
		return []runtime.Object{controllerRevision(t, kind, 1, "shop:v1"), controllerRevision(t, kind, 2, "shop:v2"), controllerRevision(t, kind, 3, "shop:v3")}
	}
	deploy, sts, ds := ref("deployments", "Deployment"), ref("statefulsets", "StatefulSet"), ref("daemonsets", "DaemonSet")
	for _, tt := range []struct {
		name    string
		ref     kube.Ref
		objects []runtime.Object
		want    string // number, how sure, and why; or the error
	}{
		{"rolled out", deploy, []runtime.Object{deployment("shop:v2", rolled), replicaSet(2, "shop:v2", 4, nil), replicaSet(1, "shop:v1", 0, nil)},
			"deploy/shop in web: the rollout is complete, so there is nothing to abort"},
		{"rolled out, not seen by its controller yet", deploy, []runtime.Object{deployment("shop:v2", func(d *appsv1.Deployment) { rolled(d); d.Generation = 2 }),
			replicaSet(2, "shop:v2", 4, nil), replicaSet(1, "shop:v1", 0, nil)}, "1 false it is the one before"},
		{"the one that still serves", deploy, []runtime.Object{deployment("shop:v4", nil), replicaSet(4, "shop:v4", 1, nil), replicaSet(3, "shop:v3", 1, nil),
			replicaSet(2, "shop:v2", 2, nil), replicaSet(1, "shop:v1", 0, nil)}, "2 true it still has 2 pods available"},
		{"none serves", deploy, []runtime.Object{deployment("shop:v3", nil), replicaSet(3, "shop:v3", 0, nil), replicaSet(2, "shop:v2", 0, nil), replicaSet(1, "shop:v1", 0, nil)},
			"2 false it is the one before; it has no pods available, so whether it ever was complete is not known"},
		{"recorded", sts, append(revisions("StatefulSet"), statefulSet("shop:v3", nil), pod("shop-0", "shop-h2", "StatefulSet", true)),
			"1 true the StatefulSet says that it was the last to be complete"},
		{"on delete nothing is recorded", sts, append(revisions("StatefulSet"), statefulSet("shop:v3", func(s *appsv1.StatefulSet) {
			s.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType
		}), pod("shop-0", "shop-h2", "StatefulSet", true)), "2 true it still has 1 pod available"},
		{"daemons", ds, append(revisions("DaemonSet"), daemons(appsv1.DaemonSetStatus{DesiredNumberScheduled: 2, UpdatedNumberScheduled: 1, NumberAvailable: 1}),
			pod("a", "h1", "DaemonSet", true), pod("b", "h3", "DaemonSet", false)), "1 true it still has 1 pod available"},
		{"daemons rolled out", ds, append(revisions("DaemonSet"), daemons(appsv1.DaemonSetStatus{DesiredNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberAvailable: 2})),
			"ds/shop in web: the rollout is complete, so there is nothing to abort"},
	} {
		h, err := ReadHistory(t.Context(), newFake(t, tt.objects), tt.ref)
		if err != nil {
			t.Fatal(err)
		}
		s, err := h.LastComplete()
		got := fmt.Sprint(s.Revision.Number, " ", s.Sure, " ", s.Why)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestBroken(t *testing.T) {
	objects := func(edit func(*appsv1.StatefulSet)) []runtime.Object {
		failed := pod("shop-4", "shop-h3", "StatefulSet", false)
		failed.Status.Phase = corev1.PodFailed // which the StatefulSet replaces
		going := pod("shop-5", "shop-h3", "StatefulSet", false)
		going.DeletionTimestamp, going.Finalizers = new(began(9)), []string{"example.com/x"}
		return []runtime.Object{
			statefulSet("shop:v3", edit), controllerRevision(t, "StatefulSet", 1, "shop:v1"), controllerRevision(t, "StatefulSet", 3, "shop:v3"),
			pod("shop-0", "shop-h1", "StatefulSet", false), pod("shop-1", "shop-h3", "StatefulSet", true), pod("shop-2", "shop-h3", "StatefulSet", false),
			failed, going,
		}
	}
	for name, tt := range map[string]struct {
		edit func(*appsv1.StatefulSet)
		want []string // that block the way back to the first revision
	}{
		"in order":     {nil, []string{"shop-2"}},
		"all at once":  {func(s *appsv1.StatefulSet) { s.Spec.PodManagementPolicy = appsv1.ParallelPodManagement }, nil},
		"when deleted": {func(s *appsv1.StatefulSet) { s.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType }, nil},
	} {
		f := newFake(t, objects(tt.edit))
		h, err := ReadHistory(t.Context(), f, ref("statefulsets", "StatefulSet"))
		if err != nil {
			t.Fatal(err)
		}
		to, err := h.Find(1)
		if err != nil {
			t.Fatal(err)
		}
		refs, err := h.broken(t.Context(), f, to)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range refs {
			got = append(got, r.Name)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}

	// Asked once the template is good again, it is the pod of the other revision.
	f := newFake(t, objects(func(s *appsv1.StatefulSet) { s.Spec.Template = podTemplate("shop:v1") }))
	refs, err := ReadBroken(t.Context(), f, ref("statefulsets", "StatefulSet"))
	if err != nil || len(refs) != 1 || refs[0].Name != "shop-2" || refs[0].UID != "uid-shop-2" {
		t.Errorf("after the undo: %v, %v", refs, err)
	}
}

// TestAnnotationsAfterUndo: a Deployment gets back its annotations of that time,
// but for those that tell of the present, as with kubectl.
func TestAnnotationsAfterUndo(t *testing.T) {
	obj := func(annotations map[string]string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{}}
		o.SetAnnotations(annotations)
		return o
	}
	const applied = "kubectl.kubernetes.io/last-applied-configuration"
	h := &History{Ref: ref("deployments", "Deployment"), Object: obj(map[string]string{
		applied: "now", "deployment.kubernetes.io/revision": "12", "later": "x", changeCause: "v2", "same": "y",
	})}
	got := h.annotations(Revision{annotations: map[string]string{
		applied: "then", "deployment.kubernetes.io/revision": "3", "deployment.kubernetes.io/desired-replicas": "4", changeCause: "v1", "same": "y",
	}})
	want := map[string]string{applied: "now", "deployment.kubernetes.io/revision": "12", changeCause: "v1", "same": "y"}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	h.Ref = ref("statefulsets", "StatefulSet")
	if got := h.annotations(Revision{}); got != nil {
		t.Errorf("a StatefulSet gets %v", got)
	}
}
