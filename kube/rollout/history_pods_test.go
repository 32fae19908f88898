package rollout

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"

	"quarterdeck/kube"
)

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
		{
			"rolled out", deploy,
			[]runtime.Object{deployment("shop:v2", rolled), replicaSet(2, "shop:v2", 4, nil), replicaSet(1, "shop:v1", 0, nil)},
			"deploy/shop in web: the rollout is complete, so there is nothing to abort",
		},
		{"rolled out, not seen by its controller yet", deploy, []runtime.Object{
			deployment("shop:v2", func(d *appsv1.Deployment) { rolled(d); d.Generation = 2 }),
			replicaSet(2, "shop:v2", 4, nil), replicaSet(1, "shop:v1", 0, nil),
		}, "1 false it is the one before"},
		{"the one that still serves", deploy, []runtime.Object{
			deployment("shop:v4", nil), replicaSet(4, "shop:v4", 1, nil), replicaSet(3, "shop:v3", 1, nil),
			replicaSet(2, "shop:v2", 2, nil), replicaSet(1, "shop:v1", 0, nil),
		}, "2 true it still has 2 pods available"},
		{
			"none serves", deploy,
			[]runtime.Object{deployment("shop:v3", nil), replicaSet(3, "shop:v3", 0, nil), replicaSet(2, "shop:v2", 0, nil), replicaSet(1, "shop:v1", 0, nil)},
			"2 false it is the one before; it has no pods available, so whether it ever was complete is not known",
		},
		{
			"recorded", sts, append(revisions("StatefulSet"), statefulSet("shop:v3", nil), pod("shop-0", "shop-h2", "StatefulSet", true)),
			"1 true the StatefulSet says that it was the last to be complete",
		},
		{"on delete nothing is recorded", sts, append(revisions("StatefulSet"), statefulSet("shop:v3", func(s *appsv1.StatefulSet) {
			s.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType
		}), pod("shop-0", "shop-h2", "StatefulSet", true)), "2 true it still has 1 pod available"},
		{"daemons", ds, append(revisions("DaemonSet"), daemons(appsv1.DaemonSetStatus{DesiredNumberScheduled: 2, UpdatedNumberScheduled: 1, NumberAvailable: 1}),
			pod("a", "h1", "DaemonSet", true), pod("b", "h3", "DaemonSet", false)), "1 true it still has 1 pod available"},
		{
			"daemons rolled out", ds, append(revisions("DaemonSet"), daemons(appsv1.DaemonSetStatus{DesiredNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberAvailable: 2})),
			"ds/shop in web: the rollout is complete, so there is nothing to abort",
		},
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
