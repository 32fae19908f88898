package kubelet

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fakeSite is a place where everything exists but what is said not to.
type fakeSite struct {
	images      map[string]bool
	exits       map[string]int32
	mount, conf error
}

func (*fakeSite) hostIP(*corev1.Pod) string { return "10.20.1.11" }
func (*fakeSite) podIP(*corev1.Pod) string  { return "10.42.0.7" }
func (s *fakeSite) pulled(node, image string) bool {
	return s.images[node+image]
}
func (s *fakeSite) pull(node, image string) { s.images[node+image] = true }
func (s *fakeSite) exited(id string) (int32, bool) {
	code, ok := s.exits[id]
	return code, ok
}
func (s *fakeSite) mountError(*corev1.Pod) error                     { return s.mount }
func (s *fakeSite) configError(*corev1.Pod, *corev1.Container) error { return s.conf }

// world lets one pod live, in a time of its own.
type world struct {
	t      *testing.T
	site   *fakeSite
	memo   *scratch
	pod    *corev1.Pod
	now    time.Time
	events []string
	gone   bool
	// history is every phase and container state that was reported.
	history []string
}

func newWorld(t *testing.T, pod *corev1.Pod) *world {
	pod.Name, pod.Namespace, pod.UID, pod.Generation = "p", "ns", "uid-1", 1
	pod.Spec.NodeName = "n1"
	return &world{
		t: t, pod: pod, memo: newScratch(), site: &fakeSite{images: map[string]bool{}},
		now: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC),
	}
}

// live advances the pod whenever it asks for it, until a moment or its end.
func (w *world) live(d time.Duration) {
	w.t.Helper()
	for end := w.now.Add(d); !w.gone; {
		out := advance(w.pod, w.site, w.memo, w.now)
		// What goes through the API comes back in whole seconds.
		status := out.status.DeepCopy()
		truncate(status)
		w.pod.Status = *status
		for _, e := range out.events {
			w.events = append(w.events, fmt.Sprintf("%s %s %s", e.reason, e.container, e.message))
		}
		w.note()
		if w.gone = out.remove; w.gone {
			return
		}
		if out.again.IsZero() || out.again.After(end) {
			w.now = end
			return
		}
		if !out.again.After(w.now) {
			w.t.Fatalf("asked to look again at %v, which is not after %v", out.again, w.now)
		}
		w.now = out.again
	}
}

func truncate(s *corev1.PodStatus) {
	cut := func(t *metav1.Time) { t.Time = t.Truncate(time.Second) }
	if s.StartTime != nil {
		cut(s.StartTime)
	}
	for _, list := range [][]corev1.ContainerStatus{s.InitContainerStatuses, s.ContainerStatuses} {
		for i := range list {
			for _, state := range []*corev1.ContainerState{&list[i].State, &list[i].LastTerminationState} {
				if state.Running != nil {
					cut(&state.Running.StartedAt)
				}
				if state.Terminated != nil {
					cut(&state.Terminated.StartedAt)
					cut(&state.Terminated.FinishedAt)
				}
			}
		}
	}
}

func (w *world) note() {
	text := string(w.pod.Status.Phase)
	for _, list := range [][]corev1.ContainerStatus{w.pod.Status.InitContainerStatuses, w.pod.Status.ContainerStatuses} {
		for _, s := range list {
			text += " " + s.Name + ":" + describe(s)
		}
	}
	if isReady(w.pod) {
		text += " Ready"
	}
	if n := len(w.history); n == 0 || w.history[n-1] != text {
		w.history = append(w.history, text)
	}
}

func describe(s corev1.ContainerStatus) string {
	switch {
	case s.State.Running != nil:
		return "Running"
	case s.State.Terminated != nil:
		return s.State.Terminated.Reason
	case s.State.Waiting != nil:
		return s.State.Waiting.Reason
	}
	return "?"
}

func (w *world) expect(history ...string) {
	w.t.Helper()
	if got, want := strings.Join(w.history, "\n"), strings.Join(history, "\n"); got != want {
		w.t.Errorf("its life was\n%s\nwant\n%s", got, want)
	}
}

func (w *world) said(part string) int {
	n := 0
	for _, e := range w.events {
		if strings.Contains(e, part) {
			n++
		}
	}
	return n
}

func app(image string) corev1.Container {
	return corev1.Container{
		Name: "app", Image: "registry.example.com/shop/" + image,
		ReadinessProbe: &corev1.Probe{
			ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/readyz"}},
			PeriodSeconds: 5,
		},
	}
}

func podOf(policy corev1.RestartPolicy, containers ...corev1.Container) *corev1.Pod {
	return &corev1.Pod{Spec: corev1.PodSpec{RestartPolicy: policy, Containers: containers}}
}

func TestHealthyPod(t *testing.T) {
	w := newWorld(t, podOf(corev1.RestartPolicyAlways, app("cart:v1.9.0")))
	w.live(time.Minute)
	w.expect(
		"Pending app:ContainerCreating",
		"Running app:Running",
		"Running app:Running Ready",
	)
	s := w.pod.Status
	if s.PodIP != "10.42.0.7" || s.HostIP != "10.20.1.11" || s.StartTime == nil {
		t.Errorf("addresses or start are missing: %+v", s)
	}
	c := s.ContainerStatuses[0]
	if !strings.HasPrefix(c.ContainerID, "containerd://") || !strings.Contains(c.ImageID, "cart@sha256:") || c.Started == nil || !*c.Started {
		t.Errorf("container status is incomplete: %+v", c)
	}
	for _, reason := range []string{"Pulling", "Successfully pulled", "Created", "Started"} {
		if w.said(reason) != 1 {
			t.Errorf("event %s was sent %d times: %q", reason, w.said(reason), w.events)
		}
	}
	// Nothing more happens to it.
	if out := advance(w.pod, w.site, w.memo, w.now); !out.again.IsZero() || differs(&w.pod.Status, &out.status) {
		t.Errorf("a pod that is well is looked at again: %+v", out)
	}
}

func TestInitContainersAndSidecar(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	pod := podOf(corev1.RestartPolicyAlways, app("cart:v1.9.0"))
	pod.Spec.InitContainers = []corev1.Container{
		{Name: "first", Image: "busybox:1.37"},
		{Name: "side", Image: "vector:0.51.0-alpine", RestartPolicy: &always},
	}
	w := newWorld(t, pod)
	w.live(time.Minute)
	w.expect(
		"Pending first:PodInitializing side:PodInitializing app:PodInitializing",
		"Pending first:Running side:PodInitializing app:PodInitializing",
		"Pending first:Completed side:Running app:PodInitializing",
		"Running first:Completed side:Running app:Running",
		"Running first:Completed side:Running app:Running Ready",
	)
}

func TestJobPodCompletes(t *testing.T) {
	w := newWorld(t, podOf(corev1.RestartPolicyNever, corev1.Container{Name: "app", Image: "shop/importer:v2.0.0"}))
	w.live(time.Minute)
	w.expect("Pending app:ContainerCreating", "Running app:Running Ready", "Succeeded app:Completed")
}

func TestCrashLoop(t *testing.T) {
	w := newWorld(t, podOf(corev1.RestartPolicyAlways, app("checkout:v2.3.1")))
	w.live(3 * time.Minute)
	for _, state := range w.history {
		if strings.HasSuffix(state, "Ready") {
			t.Fatalf("a crashing pod was ready: %q", w.history)
		}
	}
	c := w.pod.Status.ContainerStatuses[0]
	// At once, then after 10, 20, 40 and 80 s.
	if c.RestartCount < 4 || c.RestartCount > 5 {
		t.Errorf("%d restarts in three minutes", c.RestartCount)
	}
	last := c.LastTerminationState.Terminated
	if last == nil || last.ExitCode != 1 || last.Reason != "Error" || last.StartedAt.IsZero() || last.FinishedAt.Before(&last.StartedAt) {
		t.Errorf("the last termination is %+v", last)
	}
	if c.State.Waiting == nil || c.State.Waiting.Reason != reasonCrashLoop || !strings.Contains(c.State.Waiting.Message, "back-off") {
		t.Errorf("it is in state %+v", c.State)
	}
	if w.said("BackOff app Back-off restarting failed container app in pod p_ns(uid-1)") == 0 {
		t.Errorf("no back-off among the events %q", w.events)
	}
}

func TestOOMKill(t *testing.T) {
	c := app("ledger:v9")
	c.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")}
	w := newWorld(t, podOf(corev1.RestartPolicyAlways, c))
	w.live(time.Minute)
	if last := w.pod.Status.ContainerStatuses[0].LastTerminationState.Terminated; last == nil || last.Reason != "OOMKilled" || last.ExitCode != 137 {
		t.Errorf("the last termination is %+v", last)
	}
}

func TestImagePull(t *testing.T) {
	w := newWorld(t, podOf(corev1.RestartPolicyAlways, app("cart:v1.9.1")))
	w.live(time.Minute)
	w.expect(
		"Pending app:ContainerCreating",
		"Pending app:ErrImagePull", "Pending app:ImagePullBackOff",
		"Pending app:ErrImagePull", "Pending app:ImagePullBackOff",
		"Pending app:ErrImagePull", "Pending app:ImagePullBackOff",
	)
	if w.said("Failed to pull image") != 3 || w.said("BackOff app Back-off pulling image") == 0 {
		t.Errorf("events: %q", w.events)
	}
}

func TestImageName(t *testing.T) {
	w := newWorld(t, podOf(corev1.RestartPolicyAlways, app("Cart:v1")))
	w.live(30 * time.Second)
	w.expect("Pending app:ContainerCreating", "Pending app:InvalidImageName")
	if w.said("InspectFailed") == 0 {
		t.Errorf("events: %q", w.events)
	}
}

func TestCommandThatIsNotThere(t *testing.T) {
	c := app("cart:v1.9.0")
	c.Command = []string{"/app/carttd"}
	w := newWorld(t, podOf(corev1.RestartPolicyAlways, c))
	w.live(time.Minute)
	s := w.pod.Status.ContainerStatuses[0]
	if last := s.LastTerminationState.Terminated; last == nil || last.Reason != reasonStart || last.ExitCode != 128 || !strings.Contains(last.Message, "/app/carttd") {
		t.Errorf("the last termination is %+v", last)
	}
	if s.RestartCount < 2 || s.State.Waiting == nil || s.State.Waiting.Reason != reasonCrashLoop {
		t.Errorf("%d restarts, in state %+v", s.RestartCount, s.State)
	}
}

func TestEviction(t *testing.T) {
	c := app("reindex:v1.0.0")
	c.Resources.Limits = corev1.ResourceList{corev1.ResourceEphemeralStorage: resource.MustParse("64Mi")}
	w := newWorld(t, podOf(corev1.RestartPolicyNever, c))
	w.live(time.Minute)
	if s := w.pod.Status; s.Phase != corev1.PodFailed || s.Reason != "Evicted" || !strings.Contains(s.Message, `exceeded its local ephemeral storage limit "64Mi"`) {
		t.Errorf("it is %s: %s: %s", s.Phase, s.Reason, s.Message)
	}
	if w.said("Evicted") != 1 || isReady(w.pod) {
		t.Errorf("events: %q", w.events)
	}
}

func TestConfigErrorHeals(t *testing.T) {
	w := newWorld(t, podOf(corev1.RestartPolicyAlways, app("cart:v1.9.0")))
	w.site.conf = errors.New(`configmap "x" not found`)
	w.live(20 * time.Second)
	w.expect("Pending app:ContainerCreating", "Pending app:CreateContainerConfigError")
	w.site.conf = nil
	w.live(20 * time.Second)
	if !isReady(w.pod) {
		t.Errorf("it did not start once everything was there: %q", w.history)
	}
}

func TestMountErrorHeals(t *testing.T) {
	w := newWorld(t, podOf(corev1.RestartPolicyAlways, app("cart:v1.9.0")))
	w.site.mount = errors.New(`MountVolume.SetUp failed for volume "c" : configmap "x" not found`)
	w.live(20 * time.Second)
	w.expect("Pending app:ContainerCreating")
	if w.said("FailedMount") == 0 || w.pod.Status.PodIP != "" {
		t.Errorf("events %q, address %q", w.events, w.pod.Status.PodIP)
	}
	w.site.mount = nil
	w.live(20 * time.Second)
	if !isReady(w.pod) {
		t.Errorf("it did not start once everything was there: %q", w.history)
	}
}

func TestReadinessFails(t *testing.T) {
	c := app("cart:v1.9.0")
	c.ReadinessProbe.HTTPGet.Path = "/raedyz"
	w := newWorld(t, podOf(corev1.RestartPolicyAlways, c))
	w.live(time.Minute)
	w.expect("Pending app:ContainerCreating", "Running app:Running")
	if n := w.said("Readiness probe failed: HTTP probe failed with statuscode: 404"); n < 3 {
		t.Errorf("said %d times that the probe fails", n)
	}
}

func TestLivenessKills(t *testing.T) {
	c := app("cart:v1.9.0")
	c.LivenessProbe = &corev1.Probe{PeriodSeconds: 3, FailureThreshold: 2}
	c.LivenessProbe.HTTPGet = &corev1.HTTPGetAction{Path: "/nope"}
	w := newWorld(t, podOf(corev1.RestartPolicyAlways, c))
	w.live(time.Minute)
	if w.pod.Status.ContainerStatuses[0].RestartCount == 0 || w.said("failed liveness probe, will be restarted") == 0 {
		t.Errorf("it lives: %q", w.history)
	}
}

func TestReadinessGate(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, app("cart:v1.9.0"))
	pod.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.com/open"}}
	w := newWorld(t, pod)
	w.live(time.Minute)
	if isReady(w.pod) {
		t.Fatal("it is ready although its gate is closed")
	}
	w.pod.Status.Conditions = append(w.pod.Status.Conditions, corev1.PodCondition{Type: "example.com/open", Status: corev1.ConditionTrue})
	w.live(time.Second)
	if !isReady(w.pod) {
		t.Error("it is not ready although its gate is open")
	}
}

func TestDeletion(t *testing.T) {
	w := newWorld(t, podOf(corev1.RestartPolicyAlways, app("cart:v1.9.0")))
	w.live(time.Minute)
	grace := int64(30)
	deadline := metav1.NewTime(w.now.Add(30 * time.Second))
	w.pod.DeletionTimestamp, w.pod.DeletionGracePeriodSeconds = &deadline, &grace
	before := w.now
	w.live(time.Minute)
	if !w.gone {
		t.Fatal("it was not removed")
	}
	if took := w.now.Sub(before); took < 500*time.Millisecond || took > 3*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	if w.said("Killing app Stopping container app") != 1 {
		t.Errorf("events: %q", w.events)
	}
}

// A pod that was seeded running has a status with less detail; that is no
// reason to write fifty thousand of them.
func TestSeededPodIsLeftAlone(t *testing.T) {
	started := true
	start := metav1.NewTime(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	pod := podOf(corev1.RestartPolicyAlways, corev1.Container{Name: "app", Image: "registry.example.com/seeded:1"})
	pod.Status = corev1.PodStatus{
		Phase: corev1.PodRunning, StartTime: &start, PodIP: "10.1.1.1",
		Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: corev1.ConditionTrue}, {Type: corev1.ContainersReady, Status: corev1.ConditionTrue},
		},
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: "app", Ready: true, Started: &started,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: start}},
		}},
	}
	w := newWorld(t, pod)
	out := advance(w.pod, w.site, w.memo, w.now)
	if differs(&w.pod.Status, &out.status) || len(out.events) > 0 || !out.again.IsZero() {
		t.Errorf("something would be done about it: %+v", out)
	}
}

func TestBackOff(t *testing.T) {
	for n, want := range map[int32]time.Duration{
		0: 10 * time.Second, 1: 10 * time.Second, 2: 20 * time.Second, 3: 40 * time.Second, 5: 160 * time.Second, 6: 5 * time.Minute, 1000: 5 * time.Minute,
	} {
		if got := backOff(n); got != want {
			t.Errorf("backOff(%d) = %v, want %v", n, got, want)
		}
	}
}

// A container that waits for somebody to attach stays until its shell ends.
func TestShellsEndTheirContainers(t *testing.T) {
	shell := app("busybox:1.37")
	shell.Stdin, shell.TTY = true, true
	pod := podOf(corev1.RestartPolicyNever, shell)
	pod.Spec.EphemeralContainers = []corev1.EphemeralContainer{{
		EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debugger", Image: "busybox:1.37", Stdin: true, TTY: true},
	}}
	w := newWorld(t, pod)
	w.live(time.Hour)
	main, debugger := &w.pod.Status.ContainerStatuses[0], &w.pod.Status.EphemeralContainerStatuses[0]
	if main.State.Running == nil || debugger.State.Running == nil {
		t.Fatalf("it does not run: %+v, %+v", main.State, debugger.State)
	}
	w.site.exits = map[string]int32{debugger.ContainerID: 3}
	w.live(time.Second)
	main, debugger = &w.pod.Status.ContainerStatuses[0], &w.pod.Status.EphemeralContainerStatuses[0]
	if main.State.Running == nil || debugger.State.Terminated == nil || debugger.State.Terminated.ExitCode != 3 {
		t.Errorf("after the debugging: %+v, %+v", main.State, debugger.State)
	}
	w.site.exits[main.ContainerID] = 0
	w.live(time.Second)
	if w.pod.Status.Phase != corev1.PodSucceeded {
		t.Errorf("phase %s", w.pod.Status.Phase)
	}
}
