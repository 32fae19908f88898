package rollout_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/rollout"
)

func TestStages(t *testing.T) {
	exit1 := corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", FinishedAt: ago(20)}
	for _, test := range []struct {
		change func(*corev1.Pod)
		want   rollout.Stage
		why    string
	}{
		{func(*corev1.Pod) {}, rollout.StageAvailable, ""},
		{func(p *corev1.Pod) { p.Status.Conditions[0].LastTransitionTime = ago(5) }, rollout.StageReady, ""},
		{notReady, rollout.StageNotReady, ""},
		{waiting("ContainerCreating", ""), rollout.StageStarting, ""},
		{func(p *corev1.Pod) { p.Name, p.UID = "web-h2-pull", "pulls"; waiting("ContainerCreating", "")(p) }, rollout.StagePulling, ""},
		{func(p *corev1.Pod) {
			p.Status = corev1.PodStatus{Phase: corev1.PodPending}
		}, rollout.StageScheduled, ""},
		{unscheduled(""), rollout.StagePending, ""},
		{unscheduled("0/4 nodes"), rollout.StagePending, "0/4 nodes"},
		{deleted(-10), rollout.StageTerminating, ""},
		{deleted(-10, "example.com/hold"), rollout.StageTerminating, "finalizer example.com/hold"},
		{crashed(2, exit1), rollout.StageFailed, "CrashLoopBackOff exit 1"},
		{crashed(2, corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}), rollout.StageFailed, "CrashLoopBackOff OOMKilled exit 137"},
		{waiting("ImagePullBackOff", "no"), rollout.StageFailed, "ImagePullBackOff"},
		{func(p *corev1.Pod) {
			notReady(p)
			p.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &exit1}
		}, rollout.StageFailed, "Error exit 1"},
		{func(p *corev1.Pod) { p.Status.Phase, p.Status.Reason = corev1.PodFailed, "Evicted" }, rollout.StageFailed, "Evicted"},
	} {
		s := withPods(replica(2, "a", test.change)).saying(about("Pod", "web-h2-pull", "pulls", "Pulling", "Pulling image", 3))
		s.deployments = []any{deployment(func(d *appsv1.Deployment) { d.Spec.MinReadySeconds = 30 })}
		g := s.detail(t).Groups[0]
		if p := g.Pods[0]; p.Stage != test.want || p.Why != test.why || g.ByStage[test.want] != 1 {
			t.Errorf("%s %q, want %s %q: %v", p.Stage, p.Why, test.want, test.why, g.ByStage)
		}
	}
}

func TestGroups(t *testing.T) {
	exit1 := corev1.ContainerStateTerminated{ExitCode: 1}
	s := withPods(
		replica(1, "x"), replica(1, "y"), replica(1, "z", deleted(-10)),
		replica(2, "a", crashed(3, exit1)), replica(2, "b", crashed(2, exit1)), replica(2, "c"), replica(2, "d", waiting("ErrImagePull", "")),
	)
	s.replicaSets = append(s.replicaSets, func() any { // history
		old := set(1, 0, 0)
		old.Name, old.UID = "web-h0", "web-h0"
		return old
	}())
	d := s.detail(t)
	var got []string
	for _, g := range d.Groups {
		got = append(got, fmt.Sprint(g.Name, " rev ", g.Revision, " new ", g.New, " ", g.Images, " wants ", g.Desired, " ready ", g.Ready(), ": ", g.Reasons()))
	}
	want := []string{
		"web-h2 rev 2 new true [registry.example.com/web:v2] wants 2 ready 1: 2 × CrashLoopBackOff exit 1, ErrImagePull",
		"web-h1 rev 1 new false [registry.example.com/web:v1] wants 3 ready 2: ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
	if p := d.Groups[0].Pods; p[0].Stage != rollout.StageFailed || p[3].Name != "web-h2-c" {
		t.Errorf("the failed do not come first: %v", p)
	}

	sts := scene{
		statefulSets: []any{statefulSet()}, pods: []any{member(0, 1), member(10, 1), member(2, 2), member(1, 1)},
		revisions: []any{revision("StatefulSet", "db", "sts", 1), revision("StatefulSet", "db", "sts", 2)},
	}.detail(t)
	if g := sts.Groups; len(g) != 2 || !g[0].New || g[0].Revision != "2" || g[0].Pods[0].Ordinal != 2 || g[1].Pods[0].Ordinal != 10 || g[1].Pods[2].Ordinal != 0 {
		t.Errorf("%+v", g)
	}
	ds := scene{
		daemonSets: []any{daemonSet()}, pods: []any{daemon("n1", 1)}, revisions: []any{revision("DaemonSet", "agent", "ds", 1), revision("DaemonSet", "agent", "ds", 2)},
	}.detail(t)
	if g := ds.Groups; len(g) != 2 || !g[0].New || g[0].Name != "agent-r2" || len(g[0].Pods) != 0 || g[1].Pods[0].Node != "n1" || g[1].Pods[0].Ordinal != -1 {
		t.Errorf("%+v", g)
	}
}

// Every pod is in one group and at one stage.
func TestGroupsAddUp(t *testing.T) {
	changes := []func(*corev1.Pod){
		func(*corev1.Pod) {}, notReady, unscheduled("no"), deleted(-5), waiting("ErrImagePull", ""), waiting("ContainerCreating", ""), crashed(3, corev1.ContainerStateTerminated{ExitCode: 1}),
	}
	var pods []any
	for i := range 50 {
		pods = append(pods, replica(1+i%3, fmt.Sprint(i), changes[i%len(changes)]))
	}
	s := withPods(pods...)
	s.replicaSets = append(s.replicaSets, set(3, 1, 0))
	seen := map[types.UID]int{}
	for _, g := range s.detail(t).Groups {
		var staged int32
		for _, n := range g.ByStage {
			staged += n
		}
		if int(staged) != len(g.Pods) {
			t.Errorf("%s: %d at stages, %d pods", g.Name, staged, len(g.Pods))
		}
		for _, p := range g.Pods {
			seen[p.UID]++
		}
	}
	for uid, n := range seen {
		if n != 1 {
			t.Errorf("%s is in %d groups", uid, n)
		}
	}
	if len(seen) != 50 {
		t.Errorf("%d pods, want 50", len(seen))
	}
}

func TestBudgetOfPods(t *testing.T) {
	rolling := func(surge, unavailable intstr.IntOrString, replicas int32) scene {
		return scene{deployments: []any{deployment(func(d *appsv1.Deployment) {
			d.Spec.Replicas = ref(replicas)
			d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxSurge: &surge, MaxUnavailable: &unavailable}
		})}}
	}
	percent, number := intstr.FromString, intstr.FromInt32
	for _, test := range []struct {
		scene                           scene
		surge, unavailable, most, least int32
	}{
		{rolling(percent("25%"), percent("25%"), 10), 3, 2, 13, 8},
		{rolling(percent("25%"), percent("25%"), 1), 1, 0, 2, 1},
		{rolling(number(0), percent("5%"), 10), 0, 1, 10, 9}, // neither would let it begin
		{rolling(number(0), number(3), 2), 0, 2, 2, 0},
		{rolling(percent("100%"), number(0), 5), 5, 0, 10, 5},
		{scene{deployments: []any{deployment(func(d *appsv1.Deployment) { d.Spec.Strategy = appsv1.DeploymentStrategy{Type: "Recreate"} })}}, 0, 4, 4, 0},
		{scene{statefulSets: []any{statefulSet()}}, 0, 1, 3, 2},
		{scene{daemonSets: []any{daemonSet()}}, 0, 1, 4, 3},
		{scene{daemonSets: []any{daemonSet(func(d *appsv1.DaemonSet) {
			d.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = ref(percent("30%"))
		})}}, 0, 2, 4, 2}, // rounded up, as its controller does
	} {
		b := test.scene.detail(t).Budget
		if b.Surge != test.surge || b.Unavailable != test.unavailable || b.Most != test.most || b.Least != test.least {
			t.Errorf("%+v, want %+v", b, test)
		}
	}
}

func TestNext(t *testing.T) {
	counts := func(desired, total, updated, available int32) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) {
			d.Spec.Replicas = &desired
			d.Status = appsv1.DeploymentStatus{ObservedGeneration: 5, Replicas: total, UpdatedReplicas: updated, AvailableReplicas: available, ReadyReplicas: available}
		}
	}
	d := func(change ...func(*appsv1.Deployment)) scene {
		return scene{deployments: []any{deployment(change...)}}
	}
	for _, test := range []struct {
		scene scene
		want  string
	}{
		{d(counts(4, 4, 0, 4)), "makes up to 1 new pod: 4 of 5 that there may be"},
		{d(counts(4, 5, 2, 4)), "takes away up to 1 old pod: 4 available, 3 must be"},
		{d(counts(4, 5, 2, 3)), "waits for a new pod to be available before an old one goes: 5 of 5 pods that there may be, 3 available and 3 must be"},
		{d(counts(4, 4, 4, 2)), "waits for 2 more pods to be available"},
		{d(counts(4, 4, 4, 4)), ""},
		{d(counts(4, 3, 1, 1), func(d *appsv1.Deployment) { d.Spec.Strategy = appsv1.DeploymentStrategy{Type: "Recreate"} }), "deletes all old pods before it makes new ones: 2 left"},
		{d(func(d *appsv1.Deployment) { d.Spec.Paused = true }), "nothing, until somebody resumes it"},
		{d(func(d *appsv1.Deployment) { d.Generation = 9 }), "waits for its controller to see the newest spec"},
		{d(func(d *appsv1.Deployment) { d.DeletionTimestamp = ref(ago(1)) }), "the workload is being deleted"},
		{scene{statefulSets: []any{statefulSet()}, pods: []any{member(0, 1), member(1, 1), member(2, 2)}}, "replaces db-1"},
		{scene{statefulSets: []any{statefulSet()}, pods: []any{member(0, 1), member(1, 1), member(2, 2, notReady)}}, "waits for db-2 to be available before it looks at any other"},
		{scene{statefulSets: []any{statefulSet()}, pods: []any{member(0, 1), member(1, 1, deleted(-9)), member(2, 2)}}, "waits for db-1 to go, to make it anew"},
		{scene{statefulSets: []any{statefulSet()}, pods: []any{member(0, 1), member(2, 2)}}, "makes db-1"},
		{scene{statefulSets: []any{statefulSet()}, pods: []any{member(0, 2), member(1, 2), member(2, 2)}}, "waits for its controller to count its pods"},
		{scene{statefulSets: []any{statefulSet(func(s *appsv1.StatefulSet) { s.Spec.Replicas = ref(int32(1)) })}, pods: []any{member(0, 2), member(1, 1), member(2, 2)}}, "takes away db-2"},
		{scene{statefulSets: []any{statefulSet(func(s *appsv1.StatefulSet) { s.Spec.Replicas = ref(int32(1)) })}, pods: []any{member(0, 2), member(1, 1), member(2, 2, deleted(-9))}}, "waits for db-2 to go"},
		{scene{statefulSets: []any{statefulSet(func(s *appsv1.StatefulSet) { s.Spec.UpdateStrategy.RollingUpdate.Partition = ref(int32(2)) })}}, "nothing, until the partition is lowered below 2"},
		{scene{statefulSets: []any{statefulSet(func(s *appsv1.StatefulSet) {
			s.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{Type: "OnDelete"}
		})}}, "nothing, until somebody deletes one of 2 old pods"},
		{scene{statefulSets: []any{statefulSet()}, unread: []string{"pods"}}, "not known: its pods are not read"},
		{scene{daemonSets: []any{daemonSet()}}, "replaces pods on up to 1 more node"},
		{scene{daemonSets: []any{daemonSet(func(d *appsv1.DaemonSet) { d.Status.NumberAvailable = 3 })}}, "waits for new pods to be available: 1 of 1 that may be missing are"},
		{scene{daemonSets: []any{daemonSet(func(d *appsv1.DaemonSet) { d.Status.CurrentNumberScheduled = 2 })}}, "makes pods on 2 nodes without one"},
	} {
		if got := test.scene.detail(t).Next; got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func TestServicesOfRollout(t *testing.T) {
	service := func(name, app string) any {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", UID: types.UID(name)}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": app}}}
	}
	endpoint := func(uid types.UID, ready, terminating bool) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{
			Addresses: []string{"10.0.0.1"}, TargetRef: &corev1.ObjectReference{Kind: "Pod", UID: uid},
			Conditions: discoveryv1.EndpointConditions{Ready: ref(ready), Serving: ref(ready || terminating), Terminating: ref(terminating)},
		}
	}
	slice := func(name, family string, endpoints ...discoveryv1.Endpoint) any {
		return &discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Name: name, Namespace: "shop", UID: types.UID(name), Labels: map[string]string{discoveryv1.LabelServiceName: "web"}},
			AddressType: discoveryv1.AddressType(family), Endpoints: endpoints,
		}
	}
	s := withPods(replica(2, "a"), replica(1, "x"), replica(1, "y"), replica(1, "z", deleted(-9)))
	s.services = []any{service("web", "web"), service("search", "search")}
	four := []discoveryv1.Endpoint{
		endpoint("pod-web-h2-a", true, false), endpoint("pod-web-h1-x", true, false), endpoint("pod-web-h1-y", false, false), endpoint("pod-web-h1-z", false, true), endpoint("canary", true, false),
	}
	s.slices = []any{slice("web-1", "IPv4", four...), slice("web-2", "IPv6", four...)}
	got := s.detail(t).Services
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	w := got[0]
	if w.Name != "web" || w.New != 1 || w.Old != 1 || w.NotReady != 1 || w.Terminating != 1 || w.Others != 1 || !w.Known {
		t.Errorf("%+v", w)
	}
	s.unread = []string{"endpointslices"}
	if s.detail(t).Services[0].Known {
		t.Error("endpoints that could not be read are known")
	}
}

func TestNotes(t *testing.T) {
	s := withPods(replica(2, "a", notReady))
	s.deployments = []any{deployment(func(d *appsv1.Deployment) { d.Status.CollisionCount = ref(int32(1)) })}
	budget := func(name string, allowed int32) any {
		return &policyv1.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", UID: types.UID(name)},
			Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: ref(intstr.FromInt32(3)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
			Status:     policyv1.PodDisruptionBudgetStatus{CurrentHealthy: 3, ExpectedPods: 4, DisruptionsAllowed: allowed},
		}
	}
	s.budgets = []any{budget("tight", 0), budget("loose", 1)}
	s.hpas = []any{&autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", UID: "hpa"},
		Spec:       autoscalingv2.HorizontalPodAutoscalerSpec{MaxReplicas: 9, ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: "web"}},
	}}
	got := strings.Join(s.detail(t).Notes, "\n")
	want := "hpa/web keeps it between 1 and 9 replicas: ok\n" +
		"pdb/tight allows no disruption now (min 3, 3 healthy of 4): it does not hold the rollout, which deletes pods, but evictions and drains\n" +
		"hashes of its templates have collided 1 time"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEventsMerged(t *testing.T) {
	s := withPods(replica(2, "a")).saying(
		about("Pod", "web-h2-a", "pod-web-h2-a", "Started", "", 10), about("ReplicaSet", "web-h2", "web-h2", "SuccessfulCreate", "", 20),
		about("Deployment", "web", "deploy", "ScalingReplicaSet", "", 30), about("Pod", "other", "other", "Started", "", 5), about("Pod", "web-h2-a", "pod-web-h2-a", "Unhealthy", "", 3),
	)
	var got []string
	for _, e := range s.detail(t).Events {
		got = append(got, e.Reason)
	}
	if want := []string{"Unhealthy", "Started", "SuccessfulCreate", "ScalingReplicaSet"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
