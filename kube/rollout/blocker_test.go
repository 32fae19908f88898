package rollout_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/rollout"
)

// withPods is the Deployment under way with the pods given, of which those of
// revision 2 are new.
func withPods(pods ...any) scene {
	return scene{deployments: []any{deployment()}, replicaSets: []any{set(1, 3, 3), set(2, 2, 0)}, pods: pods}
}

func (s scene) saying(events ...any) scene { s.events = append(s.events, events...); return s }

func runsFor(seconds int64, started bool) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		notReady(p)
		c := &p.Status.ContainerStatuses[0]
		c.Started, c.State.Running.StartedAt = ref(started), ago(seconds)
	}
}

func TestBlocker(t *testing.T) {
	const pull = `rpc error: code = NotFound desc = failed to pull and unpack image "registry.example.com/web:v2": registry.example.com/web:v2: not found`
	const quota = `pods "web-h2-x" is forbidden: exceeded quota: shop, requested: requests.memory=256Mi, used: requests.memory=5Gi, limited: requests.memory=5100Mi`
	const conflict = `Operation cannot be fulfilled on resourcequotas "shop": the object has been modified; please apply your changes to the latest version and try again`
	oom := corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled", FinishedAt: ago(20)}
	exit1 := corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", Message: "panic: missing env DB_URL", FinishedAt: ago(20)}
	refused := func(message string) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) {
			d.Status.Conditions = append(d.Status.Conditions, appsv1.DeploymentCondition{
				Type: appsv1.DeploymentReplicaFailure, Status: "True", Reason: "FailedCreate", Message: message, LastTransitionTime: ago(50),
			})
		}
	}
	initFails := replica(2, "a", func(p *corev1.Pod) {
		waiting("PodInitializing", "")(p)
		p.Spec.InitContainers = []corev1.Container{{Name: "migrate", Image: "registry.example.com/migrate:v2"}}
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{
			Name: "migrate", RestartCount: 4, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, FinishedAt: ago(20)}},
		}}
	})
	onDelete := statefulSet(func(s *appsv1.StatefulSet) {
		s.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{Type: "OnDelete"}
	})
	guard := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", UID: "pdb"},
		Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: ref(intstr.FromInt32(3)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
		Status:     policyv1.PodDisruptionBudgetStatus{CurrentHealthy: 3, ExpectedPods: 3},
	}
	for _, test := range []struct {
		name   string
		scene  scene
		state  rollout.State
		reason rollout.Reason
		pods   int
		words  string // that it must have
	}{
		{
			"image", withPods(replica(2, "a", waiting("ImagePullBackOff", "Back-off pulling image: ErrImagePull: "+pull)), replica(2, "b", waiting("ErrImagePull", pull))),
			rollout.Stuck, rollout.ImagePull, 2, "image registry.example.com/web:v2 of container app cannot be pulled: not found",
		},
		{
			"name of the image", withPods(replica(2, "a", waiting("InvalidImageName", "invalid reference format"))),
			rollout.Stuck, rollout.ImagePull, 1, "cannot be pulled: invalid reference format",
		},
		{
			"config", withPods(replica(2, "a", waiting("CreateContainerConfigError", `configmap "web" not found`))),
			rollout.Stuck, rollout.Config, 1, `container app cannot be configured: configmap "web" not found`,
		},
		{
			"start", withPods(replica(2, "a", waiting("RunContainerError", "no such file"))),
			rollout.Stuck, rollout.StartFailed, 1, "container app cannot be started: RunContainerError: no such file",
		},
		{
			"crash loop", withPods(replica(2, "a", crashed(6, exit1)), replica(2, "b", crashed(5, exit1))),
			rollout.Stuck, rollout.Crash, 2, "app of web:v2 exits 1, 6 restarts: panic: missing env DB_URL",
		},
		{
			"crash loop between two backs-off", withPods(replica(2, "a", crashed(6, exit1), func(p *corev1.Pod) {
				p.Status.ContainerStatuses[0].State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: ago(1)}}
			})),
			rollout.Stuck, rollout.Crash, 1, "app of web:v2 exits 1, 6 restarts",
		},
		{
			"the first crash", withPods(replica(2, "a", func(p *corev1.Pod) {
				notReady(p)
				p.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &exit1}
			})),
			rollout.Progressing, rollout.Crash, 1, "app of web:v2 exits 1: panic",
		},
		{"out of memory", withPods(replica(2, "a", crashed(3, oom))), rollout.Stuck, rollout.Crash, 1, "app of web:v2 is OOMKilled, 3 restarts"},
		{"init container", withPods(initFails), rollout.Stuck, rollout.Crash, 1, "init container migrate of migrate:v2 exits 3, 4 restarts"},
		{
			"evicted", withPods(replica(2, "a", func(p *corev1.Pod) {
				p.Status.Phase, p.Status.Reason, p.Status.Message = corev1.PodFailed, "Evicted", "The node was low on resource: memory."
			})),
			rollout.Stuck, rollout.PodFailed, 1, "a pod has failed: Evicted: The node was low",
		},
		{
			"unschedulable", withPods(replica(2, "a", unscheduled("0/4 nodes are available: 4 Insufficient cpu."))).saying(
				about("Pod", "web-h2-a", "pod-web-h2-a", "FailedScheduling", "0/4 nodes are available: 4 Insufficient cpu.", 5)),
			rollout.Stuck, rollout.Unschedulable, 1, "no node takes the pod: 0/4 nodes are available: 4 Insufficient cpu.",
		},
		{
			"not scheduled for a moment", withPods(replica(2, "a", unscheduled("0/4 nodes are available"), func(p *corev1.Pod) { p.CreationTimestamp = ago(3) })),
			rollout.Progressing, rollout.Unschedulable, 1, "no node takes the pod",
		},
		{
			"scheduling gate", withPods(replica(2, "a", unscheduled(""), func(p *corev1.Pod) {
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: "False", Reason: corev1.PodReasonSchedulingGated, Message: "waiting for gate"}}
			})),
			rollout.Progressing, rollout.Gated, 1, "scheduling gates",
		},
		{
			"volume", withPods(replica(2, "a", waiting("ContainerCreating", ""))).saying(
				about("Pod", "web-h2-a", "pod-web-h2-a", "FailedMount", `MountVolume.SetUp failed for volume "tls" : secret "tls" not found`, 5)),
			rollout.Stuck, rollout.Volume, 1, `secret "tls" not found`,
		},
		{
			"finalizer", withPods(replica(1, "old", deleted(300, "example.com/hold"))),
			rollout.Stuck, rollout.Terminating, 1, "pod web-h1-old is deleted and held by finalizer example.com/hold",
		},
		{"node does not stop it", withPods(replica(1, "old", deleted(300))), rollout.Stuck, rollout.Terminating, 1, "node node-1 has not stopped it"},
		{
			"probe", withPods(replica(2, "a", runsFor(90, true))).saying(
				about("Pod", "web-h2-a", "pod-web-h2-a", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", 5)),
			rollout.Progressing, rollout.Probe, 1, "container app runs and is not ready: Readiness probe failed: HTTP probe failed with statuscode: 503",
		},
		{"probe, no events", withPods(replica(2, "a", runsFor(90, true))), rollout.Progressing, rollout.Probe, 1, "its readiness probe has not succeeded for 90s"},
		{"startup probe", withPods(replica(2, "a", runsFor(90, false))), rollout.Progressing, rollout.Probe, 1, "its startup probe has not succeeded for 90s"},
		{"probe for longer than the deadline", scene{deployments: []any{deployment(progressing("False", "ProgressDeadlineExceeded", 60))}, replicaSets: []any{set(2, 2, 0)}, pods: []any{replica(2, "a", runsFor(90, true))}}, rollout.Stuck, rollout.Probe, 1, "readiness probe"},
		{
			"readiness gate", withPods(replica(2, "a", func(p *corev1.Pod) {
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: "False", Reason: "ReadinessGatesNotReady", Message: `gate "lb" is not there`}}
			})),
			rollout.Progressing, rollout.Gated, 1, `a readiness gate is not: gate "lb" is not there`,
		},
		{
			"node is silent", withPods(replica(2, "a", func(p *corev1.Pod) {
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: "False"}}
			})),
			rollout.Progressing, rollout.NodeDown, 1, "when node node-1 last said so",
		},
		{
			"quota",
			scene{deployments: []any{deployment(refused(quota))}, replicaSets: []any{set(2, 2, 0)}},
			rollout.Stuck, rollout.Quota, 0, "quota shop would be exceeded: requested: requests.memory=256Mi",
		},
		{
			"webhook",
			scene{deployments: []any{deployment(refused(`admission webhook "policy" denied the request: no latest tag`))}},
			rollout.Stuck, rollout.CreateRefused, 0, `pods cannot be created: admission webhook "policy" denied`,
		},
		{
			"quota of a stateful set", scene{statefulSets: []any{statefulSet(func(s *appsv1.StatefulSet) { s.Status.Replicas, s.Status.ReadyReplicas = 2, 2 })}, pods: []any{member(0, 1), member(1, 1)}}.saying(
				about("StatefulSet", "db", "sts", "FailedCreate", "create Pod db-2 in StatefulSet db failed error: "+quota, 10)),
			rollout.Stuck, rollout.Quota, 0, "quota shop would be exceeded",
		},
		{
			"refused in the second in which the pod was made", scene{statefulSets: []any{statefulSet(func(s *appsv1.StatefulSet) { s.Status.Replicas, s.Status.ReadyReplicas = 2, 2 })}, pods: []any{
				member(0, 1), member(1, 1, func(p *corev1.Pod) { p.CreationTimestamp = ago(10) }),
			}}.saying(about("StatefulSet", "db", "sts", "FailedCreate", "create Pod db-1 in StatefulSet db failed error: "+quota, 10)),
			rollout.Progressing, "", 0, "",
		},
		{
			"a quota's status written over",
			scene{deployments: []any{deployment(refused(conflict))}, replicaSets: []any{set(2, 2, 0)}},
			rollout.Progressing, "", 0, "",
		},
		{"deadline alone", scene{deployments: []any{deployment(progressing("False", "ProgressDeadlineExceeded", 60))}}, rollout.Stuck, rollout.DeadlineExceeded, 0, "no progress for 10m"},
		{"paused", scene{deployments: []any{deployment(func(d *appsv1.Deployment) { d.Spec.Paused = true })}}, rollout.Paused, rollout.PausedBySpec, 0, "paused"},
		{"on delete", scene{statefulSets: []any{onDelete}, pods: []any{member(0, 1)}, budgets: []any{guard}}, rollout.OnDelete, rollout.ByDelete, 0, "when somebody deletes it"},
		{"not observed", scene{deployments: []any{deployment(func(d *appsv1.Deployment) { d.Generation = 7 })}}, rollout.Unobserved, rollout.NotSeen, 0, "generation 5 of 7"},
		{
			"broken pod",
			scene{statefulSets: []any{statefulSet(func(s *appsv1.StatefulSet) {
				s.Status.UpdateRevision, s.Status.UpdatedReplicas, s.Status.ReadyReplicas = "db-r3", 0, 2
			})}, pods: []any{member(0, 1), member(1, 1), member(2, 2, crashed(6, exit1))}},
			rollout.Stuck, rollout.BrokenPod, 1, "db-2 is of an older revision and does not become ready (app of web:v2 exits 1",
		},
		{
			"broken pod where the controller does not wait",
			scene{statefulSets: []any{statefulSet(func(s *appsv1.StatefulSet) {
				s.Spec.PodManagementPolicy = appsv1.ParallelPodManagement
				s.Status.UpdateRevision, s.Status.UpdatedReplicas, s.Status.ReadyReplicas = "db-r3", 0, 2
			})}, pods: []any{member(0, 1), member(1, 1), member(2, 2, crashed(6, exit1))}},
			rollout.Progressing, "", 0, "",
		},
		{
			"an old pod that the partition keeps",
			scene{statefulSets: []any{statefulSet(func(s *appsv1.StatefulSet) {
				s.Spec.UpdateStrategy.RollingUpdate.Partition, s.Status.ReadyReplicas = ref(int32(2)), 2
			})}, pods: []any{member(0, 1, crashed(6, exit1)), member(1, 1), member(2, 2)}},
			rollout.Stuck, rollout.Crash, 1, "app of web:v2 exits 1",
		},
		{
			"daemon set's node",
			scene{daemonSets: []any{daemonSet()}, revisions: []any{revision("DaemonSet", "agent", "ds", 2)}, pods: []any{daemon("n1", 2, crashed(6, exit1)), daemon("n2", 1)}},
			rollout.Stuck, rollout.Crash, 1, "app of web:v2 exits 1",
		},
		{
			"one fails, another is on its way", withPods(replica(2, "a", crashed(6, exit1)), replica(2, "b", waiting("ContainerCreating", ""))),
			rollout.Progressing, rollout.Crash, 1, "exits 1",
		},
		{"an old pod fails", withPods(replica(2, "a", waiting("ContainerCreating", "")), replica(1, "old", crashed(6, exit1))), rollout.Progressing, "", 0, ""},
		{"nothing", withPods(replica(2, "a", waiting("ContainerCreating", "")), replica(1, "old")), rollout.Progressing, "", 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := test.scene.one(t)
			if s.State != test.state {
				t.Errorf("%s, want %s: %s", s.State, test.state, s.Words(clock))
			}
			if test.reason == "" {
				if s.Blocker != nil {
					t.Errorf("%+v", s.Blocker)
				}
				return
			}
			b := s.Blocker
			if s.State == rollout.OnDelete { // nothing is wrong, so only the details say
				b = &test.scene.detail(t).Blockers[0]
			}
			if b == nil || b.Reason != test.reason || b.Pods != test.pods || !strings.Contains(b.Words, test.words) {
				t.Fatalf("%+v, want %s of %d pods: %q", b, test.reason, test.pods, test.words)
			}
			if b.Short == "" || len(b.Evidence) == 0 {
				t.Errorf("no proof: %+v", b)
			}
			for _, e := range b.Evidence {
				if e.Source == "" || e.Where == "" || e.Words == "" {
					t.Errorf("evidence %+v", e)
				}
			}
		})
	}
}

// What is past is no proof of what is now.
func TestBlockerOfThePast(t *testing.T) {
	set := statefulSet(func(s *appsv1.StatefulSet) { s.Status.Replicas, s.Status.ReadyReplicas = 2, 2 })
	failed := about("StatefulSet", "db", "sts", "FailedCreate", "create Pod db-2 failed", 200)
	if s := (scene{statefulSets: []any{set}, pods: []any{member(0, 1), member(1, 1)}}).saying(failed).one(t); s.Blocker != nil {
		t.Errorf("a pod has been made since: %+v", s.Blocker)
	}
	probe := about("Pod", "web-h2-a", "pod-web-h2-a", "Unhealthy", "Readiness probe failed", 50)
	if s := withPods(replica(2, "a", runsFor(3, true))).saying(probe).one(t); s.Blocker != nil {
		t.Errorf("the container has been started anew: %+v", s.Blocker)
	}
}

// All that is in the way is told, what has to be mended first at the front.
func TestBlockersInOrder(t *testing.T) {
	s := withPods(
		replica(2, "a", unscheduled("0/4 nodes are available")),
		replica(2, "b", crashed(4, corev1.ContainerStateTerminated{ExitCode: 1, FinishedAt: ago(20)})),
		replica(1, "c", deleted(300, "hold")),
	)
	s.deployments = []any{deployment(func(d *appsv1.Deployment) { d.Spec.Paused = true })}
	var got []string
	for _, b := range s.detail(t).Blockers {
		got = append(got, string(b.Reason))
	}
	if want := "Unschedulable Crash Terminating Paused"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
	late := s
	late.deployments = []any{deployment(progressing("False", "ProgressDeadlineExceeded", 60))}
	d := late.detail(t)
	if e := d.Blockers[0].Evidence; e[len(e)-1].Source != rollout.FromCondition || !strings.Contains(e[len(e)-1].Where, "ProgressDeadlineExceeded") {
		t.Errorf("the deadline is no part of the proof: %+v", e)
	}
}
