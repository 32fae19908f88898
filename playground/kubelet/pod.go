package kubelet

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/playground/kubelet/program"
)

// surroundings is what the life of a pod depends on beside the pod itself.
type surroundings interface {
	// hostIP is the node's address, podIP one for the pod on that node.
	hostIP(pod *corev1.Pod) string
	podIP(pod *corev1.Pod) string
	// pulled reports whether the node has the image already; pull records it.
	pulled(node, image string) bool
	pull(node, image string)
	// exited returns how the shell that a container runs ended, if it did.
	exited(containerID string) (code int32, ok bool)
	// mountError and configError say what a pod or container refers to that
	// does not exist; nil if everything does.
	mountError(pod *corev1.Pod) error
	configError(pod *corev1.Pod, container *corev1.Container) error
}

// event is an event about a pod or, with a container's name, about that.
type event struct {
	kind, reason, message string
	container             string
	init                  bool
}

// scratch is what a kubelet remembers of a pod beyond its status. It may be
// lost at any time; only waiting starts anew then.
type scratch struct {
	// since is when a wait began, last when something was said last, tries how
	// often something was attempted.
	since, last map[string]time.Time
	tries       map[string]int
}

func newScratch() *scratch {
	return &scratch{since: map[string]time.Time{}, last: map[string]time.Time{}, tries: map[string]int{}}
}

// outcome is what has to be done about a pod now.
type outcome struct {
	status corev1.PodStatus
	events []event
	// remove asks for the pod's final deletion.
	remove bool
	// again is when to look next; zero if only a change of the pod matters.
	again time.Time
}

// life computes one step in the life of a pod.
type life struct {
	pod  *corev1.Pod
	in   surroundings
	memo *scratch
	now  time.Time

	seed   uint64
	events []event
	again  time.Time
}

// advance returns what becomes of a pod that is bound to a node. It only reads
// the pod, and is idempotent at one moment.
func advance(pod *corev1.Pod, in surroundings, memo *scratch, now time.Time) outcome {
	l := &life{pod: pod, in: in, memo: memo, now: now, seed: program.Seed(string(pod.UID))}
	status := *pod.Status.DeepCopy()
	switch {
	case pod.DeletionTimestamp != nil:
		return l.terminate(status)
	case status.Phase == corev1.PodSucceeded || status.Phase == corev1.PodFailed:
		return outcome{status: status}
	}
	if status.StartTime == nil {
		start := metav1.NewTime(now)
		status.StartTime = &start
		status.Phase = corev1.PodPending
		status.HostIP = in.hostIP(pod)
		status.HostIPs = []corev1.HostIP{{IP: status.HostIP}}
	}
	status.ObservedGeneration = pod.Generation

	if sandbox := status.StartTime.Add(l.between("sandbox", 500*time.Millisecond, 1800*time.Millisecond)); l.reached(sandbox) && l.mounted(&status) {
		if status.PodIP == "" {
			status.PodIP = in.podIP(pod)
			status.PodIPs = []corev1.PodIP{{IP: status.PodIP}}
		}
		l.containers(&status, sandbox)
		if message := l.overuse(&status); message != "" {
			return l.evict(status, message)
		}
	} else {
		l.waiting(&status)
	}
	l.summarise(&status)
	return outcome{status: status, events: l.events, again: l.again}
}

// reached reports whether it is the time at; if not, it asks to look again then.
func (l *life) reached(at time.Time) bool {
	if !l.now.Before(at) {
		return true
	}
	l.wake(at)
	return false
}

func (l *life) wake(at time.Time) {
	if l.again.IsZero() || at.Before(l.again) {
		l.again = at
	}
}

// every reports true for the first time and then once per interval as long as
// it is asked, which it arranges to be.
func (l *life) every(key string, interval time.Duration) bool {
	last, ok := l.memo.last[key]
	if ok && l.now.Before(last.Add(interval)) {
		l.wake(last.Add(interval))
		return false
	}
	l.memo.last[key] = l.now
	l.wake(l.now.Add(interval))
	return true
}

func (l *life) between(what string, lo, hi time.Duration) time.Duration {
	return program.Between(l.seed^program.Seed(what), lo, hi)
}

func (l *life) say(kind, reason, message string) {
	l.events = append(l.events, event{kind: kind, reason: reason, message: message})
}

// mounted reports whether the pod's volumes are there.
func (l *life) mounted(status *corev1.PodStatus) bool {
	if status.PodIP != "" {
		return true // they were when the sandbox was made
	}
	err := l.in.mountError(l.pod)
	if err == nil {
		return true
	}
	if l.every("mount", 15*time.Second) {
		l.say(corev1.EventTypeWarning, "FailedMount", err.Error())
	}
	l.wake(l.now.Add(2 * time.Second))
	return false
}

// waiting fills in the statuses of containers that cannot start yet.
func (l *life) waiting(status *corev1.PodStatus) {
	reason := "ContainerCreating"
	if len(l.pod.Spec.InitContainers) > 0 {
		reason = "PodInitializing"
	}
	status.InitContainerStatuses = blank(l.pod.Spec.InitContainers, status.InitContainerStatuses, "PodInitializing")
	status.ContainerStatuses = blank(l.pod.Spec.Containers, status.ContainerStatuses, reason)
}

// blank returns a status for every container, waiting where there is none.
func blank(containers []corev1.Container, have []corev1.ContainerStatus, reason string) []corev1.ContainerStatus {
	statuses := make([]corev1.ContainerStatus, len(containers))
	for i, c := range containers {
		if j := slices.IndexFunc(have, func(s corev1.ContainerStatus) bool { return s.Name == c.Name }); j >= 0 {
			statuses[i] = have[j]
			continue
		}
		started := false
		statuses[i] = corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, Started: &started,
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}},
		}
	}
	return statuses
}

// containers advances the containers of a pod whose sandbox exists: the init
// containers one after the other, then the others together.
func (l *life) containers(status *corev1.PodStatus, sandbox time.Time) {
	l.waiting(status)
	from := sandbox
	for i := range l.pod.Spec.InitContainers {
		spec, have := &l.pod.Spec.InitContainers[i], &status.InitContainerStatuses[i]
		sidecar := spec.RestartPolicy != nil && *spec.RestartPolicy == corev1.ContainerRestartPolicyAlways
		l.container(spec, have, part{init: true, sidecar: sidecar, from: from})
		switch {
		case sidecar && have.Started != nil && *have.Started:
			from = later(from, have.State.Running.StartedAt.Time)
		case !sidecar && have.State.Terminated != nil && have.State.Terminated.ExitCode == 0:
			have.Ready = true
			from = later(from, have.State.Terminated.FinishedAt.Time)
		default:
			return
		}
	}
	for i := range l.pod.Spec.Containers {
		// The runtime starts them one after the other.
		start := from.Add(time.Duration(i) * 300 * time.Millisecond)
		l.container(&l.pod.Spec.Containers[i], &status.ContainerStatuses[i], part{from: start})
	}
	for i := range l.pod.Spec.EphemeralContainers {
		l.ephemeral(status, i)
	}
	l.stopSidecars(status)
}

// ephemeral starts a debugging container at once, and leaves it running until
// its shell ends.
func (l *life) ephemeral(status *corev1.PodStatus, i int) {
	c := corev1.Container(l.pod.Spec.EphemeralContainers[i].EphemeralContainerCommon)
	if i < len(status.EphemeralContainerStatuses) {
		if have := &status.EphemeralContainerStatuses[i]; have.State.Running != nil {
			l.shellEnds(have)
		}
		return
	}
	have := blank([]corev1.Container{c}, nil, "")[0]
	l.start(&c, &have, part{})
	status.EphemeralContainerStatuses = append(status.EphemeralContainerStatuses, have)
}

// stopSidecars ends the sidecars of a pod whose own containers are done.
func (l *life) stopSidecars(status *corev1.PodStatus) {
	for _, s := range status.ContainerStatuses {
		if s.State.Terminated == nil {
			return
		}
	}
	for i := range status.InitContainerStatuses {
		if s := &status.InitContainerStatuses[i]; s.State.Running != nil {
			l.stop(s, 0, "Completed", l.now)
		}
	}
}

// terminate stops the containers of a deleted pod, which takes them a moment,
// and then lets it go.
func (l *life) terminate(status corev1.PodStatus) outcome {
	deleted := l.pod.DeletionTimestamp.Time
	if l.pod.DeletionGracePeriodSeconds != nil {
		deleted = deleted.Add(-time.Duration(*l.pod.DeletionGracePeriodSeconds) * time.Second)
	}
	if _, said := l.memo.last["kill"]; !said {
		l.memo.last["kill"] = l.now
		for _, s := range status.ContainerStatuses {
			if s.State.Running != nil {
				l.events = append(l.events, event{
					kind: corev1.EventTypeNormal, reason: "Killing", message: "Stopping container " + s.Name, container: s.Name,
				})
			}
		}
	}
	if !l.reached(deleted.Add(l.between("stop", 800*time.Millisecond, 2200*time.Millisecond))) {
		return outcome{status: status, events: l.events, again: l.again}
	}
	// A controller that holds the pod with a finalizer wants to see how it ended.
	killed := false
	for _, list := range [][]corev1.ContainerStatus{status.InitContainerStatuses, status.ContainerStatuses} {
		for i := range list {
			if list[i].State.Running != nil {
				l.stop(&list[i], 143, "Error", l.now)
				killed = true
			}
		}
	}
	if killed || status.Phase == corev1.PodPending || status.Phase == corev1.PodRunning {
		status.Phase = corev1.PodFailed
	}
	setConditions(&status, l.now, map[corev1.PodConditionType]condition{
		corev1.ContainersReady: {reason: "PodFailed"},
		corev1.PodReady:        {reason: "PodFailed"},
	})
	return outcome{status: status, events: l.events, remove: true}
}

// overuse returns what the containers use more of than they may, of what a
// kubelet evicts a pod for; see
// https://kubernetes.io/docs/concepts/storage/ephemeral-storage/.
func (l *life) overuse(status *corev1.PodStatus) string {
	for i := range l.pod.Spec.Containers {
		spec, s := &l.pod.Spec.Containers[i], &status.ContainerStatuses[i]
		limit, limited := spec.Resources.Limits[corev1.ResourceEphemeralStorage]
		prog, err := program.Lookup(spec.Image)
		if err != nil || !limited || s.State.Running == nil || limit.Value() >= prog.Disk {
			continue
		}
		if l.reached(s.State.Running.StartedAt.Add(3 * time.Second)) {
			return fmt.Sprintf("Container %s exceeded its local ephemeral storage limit %q. ", spec.Name, limit.String())
		}
	}
	return ""
}

// evict ends a pod for good.
func (l *life) evict(status corev1.PodStatus, message string) outcome {
	for _, list := range [][]corev1.ContainerStatus{status.InitContainerStatuses, status.ContainerStatuses} {
		for i := range list {
			if list[i].State.Running != nil {
				l.stop(&list[i], 137, "Error", l.now)
			}
		}
	}
	l.say(corev1.EventTypeWarning, "Evicted", message)
	status.Phase, status.Reason, status.Message = corev1.PodFailed, "Evicted", message
	failed := condition{reason: "PodFailed"}
	setConditions(&status, l.now, map[corev1.PodConditionType]condition{corev1.ContainersReady: failed, corev1.PodReady: failed})
	return outcome{status: status, events: l.events}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// runID names one run of a container; it is also its container ID.
func runID(pod types.UID, container string, restarts int32) uint64 {
	return program.Seed(string(pod), container, strconv.Itoa(int(restarts)))
}
