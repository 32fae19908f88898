package triage_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/triage"
)

// surged is a Deployment that has all it asks for, so that a pod of it beyond
// that is judged by itself.
func surged(objects ...runtime.Object) []runtime.Object {
	return append(append(deployment("cart", 1, 1), node("node-1", corev1.ConditionTrue)), objects...)
}

// warns returns a warning about a pod, from and to so many seconds ago.
func warns(pod, reason, message string, first, last int64, count int32) *corev1.Event {
	return &corev1.Event{
		ObjectMeta: meta("shop", "event-"+pod+"-"+reason), InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: "shop", Name: pod, UID: types.UID(pod)},
		Type: corev1.EventTypeWarning, Reason: reason, Message: message, Count: count, FirstTimestamp: ago(first), LastTimestamp: ago(last),
	}
}

// waiting makes the container of a pod wait.
func waiting(reason, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		unready(p)
		p.Status.Phase = corev1.PodPending
		p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
		p.Status.ContainerStatuses[0].Started = nil
	}
}

// madeAgo makes a pod as old as some seconds.
func madeAgo(seconds int64) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.CreationTimestamp = ago(seconds) }
}

// upFor makes the container of a pod run for some seconds, since it ended in a
// way.
func upFor(seconds int64, restarts int32, end *corev1.ContainerStateTerminated) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		s := &p.Status.ContainerStatuses[0]
		s.RestartCount, s.LastTerminationState.Terminated = restarts, end
		s.State.Running.StartedAt = ago(seconds)
	}
}

func ended(exit int32, reason string, before int64) *corev1.ContainerStateTerminated {
	return &corev1.ContainerStateTerminated{ExitCode: exit, Reason: reason, FinishedAt: ago(before)}
}

func limited(memory string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Spec.Containers[0].Resources.Limits = amounts("memory", memory) }
}

// amounts returns amounts of resources: name, amount, name, amount.
func amounts(pairs ...string) corev1.ResourceList {
	list := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		list[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return list
}

// withInit gives a pod an init container in a state.
func withInit(state corev1.ContainerState, restarts int32, last *corev1.ContainerStateTerminated) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		waiting("PodInitializing", "")(p)
		p.Spec.InitContainers = []corev1.Container{{Name: "migrate", Image: "registry.example.com/migrate:v2"}}
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{
			Name: "migrate", State: state, RestartCount: restarts, LastTerminationState: corev1.ContainerState{Terminated: last},
		}}
	}
}

func failed(reason, message string, before int64) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		unready(p)
		p.Status.Phase, p.Status.Reason, p.Status.Message = corev1.PodFailed, reason, message
		p.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: ended(137, "Error", before)}
	}
}

func alone(p *corev1.Pod) { p.OwnerReferences = nil }

func leaving(pastGrace int64, finalizers ...string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.DeletionTimestamp, p.Finalizers = ref(ago(pastGrace)), finalizers
	}
}

func notFound(image string) string {
	return `Back-off pulling image "` + image + `": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "` + image + `": failed to resolve reference: ` + image + ": not found"
}

// TestPullAgain alternates between pulling and waiting to pull, as kubelets do: the
// incident must not come and go, or a dismissed one comes back.
func TestPullAgain(t *testing.T) {
	s := newScene(t, surged(pod("cart", "p", waiting("ImagePullBackOff", notFound("x")), madeAgo(3)))...)
	s.one()
	s.put(pod("cart", "p", waiting("ErrImagePull", "not found"), madeAgo(4)))
	is(t, s.one(), "warn | pod cannot pull an image | deploy/cart in shop | cart:v2 not found | image-pull")
}

// TestDeploymentNotKnown has ReplicaSets that name a Deployment nobody may read.
func TestDeploymentNotKnown(t *testing.T) {
	newer := deployment("cart", 1, 1)[1].(*appsv1.ReplicaSet)
	older := newer.DeepCopy()
	older.Name, older.UID = "cart-older", "cart-older"
	i := newScene(t, newer, older, pod("cart", "p", waiting("ImagePullBackOff", notFound("x")))).one()
	is(t, i, "warn | pod cannot pull an image | deploy/cart in shop | cart:v2 not found | image-pull")
	for _, a := range i.Actions {
		if a.Do == triage.UndoRollout {
			t.Errorf("offers to undo what it does not know: %+v", a)
		}
	}
}

// TestContainers has a row for each way in which a container or its pod can fail,
// and one beside it for what only looks like it. No row is "".
func TestContainers(t *testing.T) {
	const image = "registry.example.com/cart:v2"
	pull := func(said string) []runtime.Object {
		return surged(pod("cart", "p", waiting("ErrImagePull", said)))
	}
	pulled := func(why string) string {
		return "warn | pod cannot pull an image | deploy/cart in shop | " + why + " | image-pull"
	}
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: ago(900)}}
	back := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	for _, test := range []struct {
		name    string
		objects []runtime.Object
		row     string
	}{
		{"image not found", surged(pod("cart", "p", waiting("ImagePullBackOff", notFound(image)))), pulled("cart:v2 not found")},
		{"image, of an older kubelet", surged(
			pod("cart", "p", waiting("ImagePullBackOff", `Back-off pulling image "x"`)), warns("p", "Failed", `Failed to pull image "x": manifest unknown`, 60, 10, 3),
		), pulled("cart:v2 not found")},
		{"image, not said why", surged(pod("cart", "p", waiting("ImagePullBackOff", `Back-off pulling image "x"`))), pulled("cart:v2 cannot be pulled")},
		{"no access", pull("failed to authorize: 401 Unauthorized"), pulled("cart:v2: no access, the registry wants credentials")},
		{"denied", pull("pull access denied, insufficient_scope"), pulled("cart:v2: no access, the registry denies it")},
		{"either", pull("pull access denied for x, repository does not exist or may require 'docker login'"), pulled("cart:v2 not found, or no access to it")},
		{"rate limit", pull("toomanyrequests: You have reached your pull rate limit"), pulled("cart:v2: the registry's rate limit is reached")},
		{"no host", pull("dial tcp: lookup registry.example.com: no such host"), pulled("cart:v2: the registry's name is not known (no such host)")},
		{"no answer", pull("dial tcp 10.0.0.1:443: connect: connection refused"), pulled("cart:v2: the registry does not answer")},
		{"certificate", pull("tls: failed to verify certificate: x509: unknown authority"), pulled("cart:v2: the registry's certificate is not accepted")},
		{"processor", pull("no match for platform in manifest: not found"), pulled("cart:v2 is not built for the node's processor")},
		{"other", pull("rpc error: something: odd happened"), pulled("cart:v2: odd happened")},
		{"bad name", surged(pod("cart", "p", waiting("InvalidImageName", "couldn't parse image name"))), pulled("bad image name cart:v2")},
		{"never pulled", surged(pod("cart", "p", waiting("ErrImageNeverPull", "image is not present with pull policy of Never"))), pulled("cart:v2 is not on the node, and its pull policy is Never")},
		{"first attempt", surged(pod("cart", "p", waiting("ErrImagePull", "not found"), madeAgo(3))), ""},
		{"being pulled", surged(pod("cart", "p", waiting("ContainerCreating", ""))), ""},

		{"crash", surged(pod("cart", "p", crashes("Error", 1, "no DB"))), "warn | pod in a crash loop | deploy/cart in shop | v2 exits 1: no DB (6 restarts) | crash-loop"},
		{"command not found", surged(pod("cart", "p", crashes("Error", 127, ""))), "warn | pod in a crash loop | deploy/cart in shop | v2 exits 127 (command not found) (6 restarts) | crash-loop"},
		{"segmentation fault", surged(pod("cart", "p", crashes("Error", 139, ""))), "warn | pod in a crash loop | deploy/cart in shop | v2 exits 139 (segmentation fault) (6 restarts) | crash-loop"},
		{"up again for a moment", surged(pod("cart", "p", upFor(5, 4, ended(1, "Error", 90)))), "warn | pod in a crash loop | deploy/cart in shop | v2 exits 1 (4 restarts) | crash-loop"},
		{"recovered", surged(pod("cart", "p", upFor(700, 4, ended(1, "Error", 790)))), ""},
		{"one restart", surged(pod("cart", "p", upFor(5, 1, ended(1, "Error", 6)))), ""},
		{"init container", surged(pod("cart", "p", withInit(back, 3, ended(2, "Error", 30)))), "warn | pod in a crash loop | deploy/cart in shop | init container migrate exits 2 (3 restarts) | crash-loop"},
		{"init container runs on", surged(pod("cart", "p", withInit(running, 0, nil))), "warn | pod stuck before the start | deploy/cart in shop | init container migrate runs for more than 10m | init-stuck"},
		{"exits with success", surged(pod("cart", "p", crashes("Completed", 0, ""))), "warn | pod restarted after success | deploy/cart in shop | v2 exits 0, and is started again (6 restarts) | completes"},
		{"out of memory", surged(pod("cart", "p", crashes("OOMKilled", 137, ""), limited("128Mi"))), "warn | pod out of memory | deploy/cart in shop | v2 is killed at its memory limit of 128Mi (6 restarts) | oom-killed"},
		{"out of memory, no limit", surged(pod("cart", "p", crashes("OOMKilled", 137, ""))), "warn | pod out of memory | deploy/cart in shop | v2 is killed: out of memory, has no limit (6 restarts) | oom-killed"},
		{"liveness", surged(
			pod("cart", "p", crashes("Error", 137, "")), warns("p", "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503", 600, 30, 9),
		), "warn | pod killed by a liveness probe | deploy/cart in shop | liveness probe of v2: answers 503 (6 restarts) | probe-kills"},
		{"liveness beside a crash", surged(
			pod("cart", "p", crashes("Error", 1, "")), warns("p", "Unhealthy", "Liveness probe failed: connection refused", 600, 30, 9),
		), "warn | pod in a crash loop | deploy/cart in shop | v2 exits 1 (6 restarts) | crash-loop"},
		{"often, and ready", surged(pod("cart", "p", upFor(200, 9, ended(137, "Error", 201)))), "warn | pod restarting again and again | deploy/cart in shop | v2: 9 restarts, 3m21s ago by Error 137 (killed) | restarting"},
		{"now and then in months", surged(pod("cart", "p", upFor(200, 9, ended(137, "Error", 201)), madeAgo(100*86400))), ""},

		{"no command", surged(pod("cart", "p", waiting("RunContainerError", `failed to create shim task: exec: "srv": executable file not found in $PATH: unknown`))), "warn | pod cannot start | deploy/cart in shop | v2: command srv is not in the image | cannot-start"},
		{"no command, between attempts", surged(pod("cart", "p", crashes("StartError", 128, `exec: "/srv": permission denied: unknown`))), "warn | pod cannot start | deploy/cart in shop | v2: command /srv may not be executed (permission denied) | cannot-start"},
		{"root", surged(pod("cart", "p", waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"))), "warn | pod cannot start | deploy/cart in shop | v2: it would run as root, which runAsNonRoot forbids | cannot-start"},
		{"no key", surged(pod("cart", "p", waiting("CreateContainerConfigError", "couldn't find key URL in Secret shop/db"))), "warn | pod cannot start without secret/db | secret/db in shop | secret/db has no key URL | missing-config"},
		{"mount of what is not there", surged(
			pod("cart", "p", waiting("ContainerCreating", "")), warns("p", "FailedMount", `MountVolume.SetUp failed for volume "conf" : configmap "web" not found`, 60, 10, 3),
		), "warn | pod cannot start without cm/web | cm/web in shop | cm/web does not exist | missing-config"},
		{"made a moment later", surged(
			pod("cart", "p", waiting("ContainerCreating", "")), warns("p", "FailedMount", `MountVolume.SetUp failed for volume "conf" : configmap "web" not found`, 4, 2, 1),
		), ""},
		{"no sandbox", surged(
			pod("cart", "p", waiting("ContainerCreating", "")), warns("p", "FailedCreatePodSandBox", "Failed to create pod sandbox: plugin type=\"calico\": no addresses left", 60, 10, 3),
		), "warn | pod not set up by the node | deploy/cart in shop | node-1: no addresses left | no-sandbox"},
		{"attached elsewhere", surged(
			pod("cart", "p", waiting("ContainerCreating", "")), claim("data", "pvc-1"),
			warns("p", "FailedAttachVolume", `Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node`, 120, 10, 3),
		), "warn | pod cannot mount a volume | deploy/cart in shop | pvc/data: still attached to another node | mount-failed"},
		{"attached in a moment", surged(
			pod("cart", "p", waiting("ContainerCreating", "")), warns("p", "FailedAttachVolume", `Multi-Attach error for volume "pvc-1"`, 20, 10, 3),
		), ""},

		{"readiness", surged(
			pod("cart", "p", unready), warns("p", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", 600, 5, 40),
		), "warn | pod not ready | deploy/cart in shop | readiness probe of v2: answers 503 | not-ready"},
		{"readiness failed just now", surged(
			pod("cart", "p", unready, func(p *corev1.Pod) { p.Status.Conditions[0].LastTransitionTime = ago(5) }),
			warns("p", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", 5, 5, 1),
		), ""},
		{"starts up", surged(pod("cart", "p", unready, upFor(300, 0, nil), func(p *corev1.Pod) { p.Status.ContainerStatuses[0].Started = ref(false) })), ""},
		{"does not start up", surged(pod("cart", "p", unready, upFor(700, 0, nil), func(p *corev1.Pod) { p.Status.ContainerStatuses[0].Started = ref(false) })), "warn | pod not ready | deploy/cart in shop | startup probe of v2 has not succeeded | not-ready"},
		{"gate", surged(pod("cart", "p", unready, func(p *corev1.Pod) {
			p.Status.ContainerStatuses[0].Ready = true
			p.Status.Conditions[0].Reason, p.Status.Conditions[0].Message = "ReadinessGatesNotReady", `condition "lb" does not exist`
		})), `warn | pod not ready | deploy/cart in shop | readiness gate: condition "lb" does not exist | not-ready`},

		{"evicted, made up for", surged(pod("cart", "p", failed("Evicted", "The node was low on resource: memory. ", 300))), ""},
		{"evicted, alone", surged(pod("cart", "p", alone, failed("Evicted", "The node was low on resource: memory. Threshold quantity: 100Mi. ", 300))), "warn | evicted | pod/p in shop | node-1 ran low on memory | evicted"},
		{"failed, alone", surged(pod("cart", "p", alone, failed("", "", 300))), "warn | failed | pod/p in shop | v2 exits 137 (killed) | pod-failed"},
		{"failed, alone, days ago", surged(pod("cart", "p", alone, madeAgo(300000), failed("", "", 200000))), "info | failed | pod/p in shop | v2 exits 137 (killed) | pod-failed"},
		{"failed, of a Job", surged(pod("cart", "p", func(p *corev1.Pod) { p.ObjectMeta = meta("shop", "p", owned("batch/v1", "Job", "j")) }, failed("", "", 300))), ""},
		{"finalizer", surged(pod("cart", "p", leaving(90, "example.com/hold"), func(p *corev1.Pod) {
			unready(p)
			p.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: ended(0, "Completed", 90)}
		})), "warn | pod stuck in deletion | deploy/cart in shop | held by finalizer example.com/hold | terminating"},
		{"does not stop", surged(pod("cart", "p", leaving(90))), "warn | pod stuck in deletion | deploy/cart in shop | node node-1 has not stopped it | terminating"},
		{"stops", surged(pod("cart", "p", leaving(-20))), ""},
		{"preempted", surged(pod("cart", "p", leaving(-20), func(p *corev1.Pod) {
			p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{
				Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: corev1.PodReasonPreemptionByScheduler, Message: "default-scheduler: preempting to accommodate a higher priority pod",
			})
		})), "info | pod preempted | deploy/cart in shop | makes room on node-1 for a pod of higher priority | preempted"},
	} {
		t.Run(test.name, func(t *testing.T) { row(t, newScene(t, test.objects...), test.row) })
	}
}

// row fails if a scene has another incident than that one, or one at all if it is
// "".
func row(t *testing.T, s *scene, want string) {
	t.Helper()
	if want == "" {
		s.none()
		return
	}
	is(t, s.one(), want)
}

func claim(name, volume string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: meta("shop", name), Spec: corev1.PersistentVolumeClaimSpec{VolumeName: volume}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}
}

func TestWhatIsMissingIsTheRoot(t *testing.T) {
	var objects []runtime.Object
	for _, app := range []string{"cart", "search", "pay"} {
		objects = append(objects, deployment(app, 1, 0)...)
		objects = append(objects, pod(app, app+"-pod", waiting("CreateContainerConfigError", `configmap "web" not found`)))
	}
	i := newScene(t, objects...).one()
	if i.Root.Name != "web" || i.Root.Kind != "ConfigMap" || i.Works != 3 || i.Cause != "cm/web does not exist" {
		t.Error(line(i))
	}
}

func TestEvictedAndNotMadeUpFor(t *testing.T) {
	objects := append(deployment("cart", 2, 1), pod("cart", "p", failed("Evicted", "The node was low on resource: memory. ", 300)))
	i := newScene(t, objects...).one()
	if i.Root.Name != "cart" || i.Cause != "node-1 ran low on memory" {
		t.Error(line(i))
	}
}

func TestFallsApartLater(t *testing.T) {
	s := newScene(t, surged(pod("cart", "p", unready, madeAgo(20), upFor(20, 0, nil)))...)
	s.none()
	if r := s.after(60); len(r.Incidents) != 1 || r.Incidents[0].Rules[0] != "not-ready" {
		t.Error(describe(r))
	}
}

func TestFirstActionFits(t *testing.T) {
	older := deployment("cart", 0, 0)[1].(*appsv1.ReplicaSet)
	older.Name, older.UID = "cart-0", "cart-0"
	s := newScene(t, append(surged(pod("cart", "p", waiting("ImagePullBackOff", notFound("x")))), older)...)
	if a := s.one().Actions; len(a) == 0 || a[0].Do != triage.UndoRollout {
		t.Errorf("%+v", a)
	}
}
