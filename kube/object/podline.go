package object

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
)

// podLine is what kubectl's READY, STATUS and RESTARTS columns say of a pod.
type podLine struct {
	status       string
	ready, total int16
	restarts     int32
	last         int64 // restart, seconds since 1970
}

// printed returns the columns of a pod, by the rules of printPod in
// k8s.io/kubernetes/pkg/printers/internalversion: the status is the word of the
// container that is in the way.
func printed(p *corev1.Pod) podLine {
	l := podLine{status: string(p.Status.Phase), total: int16(len(p.Spec.Containers))}
	if p.Status.Reason != "" {
		l.status = p.Status.Reason
	}
	var initialized, ready bool
	for i := range p.Status.Conditions {
		switch c := &p.Status.Conditions[i]; {
		case c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonSchedulingGated:
			l.status = corev1.PodReasonSchedulingGated
		case c.Type == corev1.PodInitialized:
			initialized = c.Status == corev1.ConditionTrue
		case c.Type == corev1.PodReady:
			ready = c.Status == corev1.ConditionTrue
		}
	}
	for i := range p.Spec.InitContainers {
		if isSidecar(&p.Spec.InitContainers[i]) {
			l.total++
		}
	}
	sidecars, waits := l.initContainers(p)
	if !waits || initialized {
		l.restarts, l.last = sidecars.restarts, sidecars.last // init containers do not count any more
		l.appContainers(p, ready)
	}
	if p.DeletionTimestamp != nil {
		switch {
		case p.Status.Reason == "NodeLost":
			l.status = "Unknown"
		case p.Status.Phase != corev1.PodFailed && p.Status.Phase != corev1.PodSucceeded:
			l.status = "Terminating"
		}
	}
	return l
}

// initContainers takes over the init containers up to the first that the pod
// waits for, if there is one, and returns the restarts of the sidecars so far.
func (l *podLine) initContainers(p *corev1.Pod) (sidecars podLine, waits bool) {
	for i := range p.Status.InitContainerStatuses {
		c := &p.Status.InitContainerStatuses[i]
		sidecar := namesSidecar(p, c.Name)
		l.count(c)
		if sidecar {
			sidecars.count(c)
		}
		terminated, waiting := c.State.Terminated, c.State.Waiting
		switch {
		case terminated != nil && terminated.ExitCode == 0:
			continue
		case sidecar && c.Started != nil && *c.Started:
			if c.Ready {
				l.ready++
			}
			continue
		case terminated != nil:
			l.status = "Init:" + terminationReason(terminated)
		case waiting != nil && waiting.Reason != "" && waiting.Reason != "PodInitializing":
			l.status = "Init:" + waiting.Reason
		default:
			l.status = "Init:" + strconv.Itoa(i) + "/" + strconv.Itoa(len(p.Spec.InitContainers))
		}
		return sidecars, true
	}
	return sidecars, false
}

// appContainers takes over the app containers; the first has the last word.
func (l *podLine) appContainers(p *corev1.Pod, podReady bool) {
	running, failed := false, ""
	for i := len(p.Status.ContainerStatuses) - 1; i >= 0; i-- {
		c := &p.Status.ContainerStatuses[i]
		l.count(c)
		switch {
		case c.State.Waiting != nil && c.State.Waiting.Reason != "":
			l.status = c.State.Waiting.Reason
		case c.State.Terminated != nil:
			l.status = terminationReason(c.State.Terminated)
			if c.State.Terminated.ExitCode != 0 {
				failed = l.status
			}
		case c.Ready && c.State.Running != nil:
			running = true
			l.ready++
		}
	}
	if l.status != "Completed" {
		return
	}
	switch { // one container has ended well: that is not all there is to say
	case running && podReady:
		l.status = "Running"
	case failed != "":
		l.status = failed
	case running:
		l.status = "NotReady"
	}
}

// count adds the restarts of a container.
func (l *podLine) count(c *corev1.ContainerStatus) {
	l.restarts += c.RestartCount
	if t := c.LastTerminationState.Terminated; t != nil {
		l.last = max(l.last, unix(&t.FinishedAt))
	}
}

func isSidecar(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

func namesSidecar(p *corev1.Pod, name string) bool {
	for i := range p.Spec.InitContainers {
		if c := &p.Spec.InitContainers[i]; c.Name == name {
			return isSidecar(c)
		}
	}
	return false
}
