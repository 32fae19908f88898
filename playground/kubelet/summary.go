package kubelet

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// condition is what a condition of a pod is to be.
type condition struct {
	ok              bool
	reason, message string
}

// summarise derives phase and conditions from the containers.
func (l *life) summarise(status *corev1.PodStatus) {
	var unready, uninitialised []string
	initialised := true
	for i, s := range status.InitContainerStatuses {
		spec := &l.pod.Spec.InitContainers[i]
		sidecar := spec.RestartPolicy != nil && *spec.RestartPolicy == corev1.ContainerRestartPolicyAlways
		done := s.State.Terminated != nil && s.State.Terminated.ExitCode == 0
		up := sidecar && s.Started != nil && *s.Started
		if !done && !up {
			initialised = false
			uninitialised = append(uninitialised, s.Name)
		}
		if sidecar && !s.Ready {
			unready = append(unready, s.Name)
		}
	}
	for _, s := range status.ContainerStatuses {
		if !s.Ready {
			unready = append(unready, s.Name)
		}
	}
	status.Phase = l.phase(status, initialised)

	ready := condition{ok: len(unready) == 0}
	if !ready.ok {
		ready.reason, ready.message = "ContainersNotReady", fmt.Sprintf("containers with unready status: [%s]", strings.Join(unready, " "))
	}
	init := condition{ok: initialised}
	if !init.ok {
		init.reason, init.message = "ContainersNotInitialized", fmt.Sprintf("containers with incomplete status: [%s]", strings.Join(uninitialised, " "))
	}
	switch status.Phase {
	case corev1.PodSucceeded:
		ready, init = condition{reason: "PodCompleted"}, condition{ok: true, reason: "PodCompleted"}
	case corev1.PodFailed:
		ready = condition{reason: "PodFailed"}
	}
	setConditions(status, l.now, map[corev1.PodConditionType]condition{
		corev1.PodReadyToStartContainers: {ok: status.PodIP != "" && status.Phase != corev1.PodSucceeded && status.Phase != corev1.PodFailed},
		corev1.PodInitialized:            init,
		corev1.ContainersReady:           ready,
		corev1.PodReady:                  l.gated(status, ready),
	})
}

// gated adds the pod's readiness gates to the condition Ready.
func (l *life) gated(status *corev1.PodStatus, ready condition) condition {
	for _, gate := range l.pod.Spec.ReadinessGates {
		open := slices.ContainsFunc(status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == gate.ConditionType && c.Status == corev1.ConditionTrue
		})
		if ready.ok && !open {
			return condition{
				reason:  "ReadinessGatesNotReady",
				message: fmt.Sprintf("corresponding condition of pod readiness gate %q does not exist.", gate.ConditionType),
			}
		}
	}
	return ready
}

func (l *life) phase(status *corev1.PodStatus, initialised bool) corev1.PodPhase {
	never := l.pod.Spec.RestartPolicy == corev1.RestartPolicyNever
	if !initialised {
		for i, s := range status.InitContainerStatuses {
			spec := &l.pod.Spec.InitContainers[i]
			if spec.RestartPolicy == nil && never && s.State.Terminated != nil && s.State.Terminated.ExitCode != 0 {
				return corev1.PodFailed
			}
		}
		return corev1.PodPending
	}
	running, waiting, failed := 0, 0, 0
	for _, s := range status.ContainerStatuses {
		switch {
		case s.State.Running != nil:
			running++
		case s.State.Terminated != nil:
			again := l.pod.Spec.RestartPolicy == corev1.RestartPolicyAlways ||
				(!never && s.State.Terminated.ExitCode != 0)
			switch {
			case again:
				running++
			case s.State.Terminated.ExitCode != 0:
				failed++
			}
		case s.LastTerminationState.Terminated != nil:
			running++ // it is between two runs
		default:
			waiting++
		}
	}
	switch {
	case waiting > 0:
		return corev1.PodPending
	case running > 0:
		return corev1.PodRunning
	case failed > 0:
		return corev1.PodFailed
	}
	return corev1.PodSucceeded
}

// setConditions sets conditions, with a new transition time where their status
// changes, and leaves all others alone.
func setConditions(status *corev1.PodStatus, now time.Time, want map[corev1.PodConditionType]condition) {
	order := []corev1.PodConditionType{
		corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady,
	}
	for _, kind := range order {
		w, ok := want[kind]
		if !ok {
			continue
		}
		value := corev1.ConditionFalse
		if w.ok {
			value = corev1.ConditionTrue
		}
		i := slices.IndexFunc(status.Conditions, func(c corev1.PodCondition) bool { return c.Type == kind })
		if i < 0 {
			status.Conditions = append(status.Conditions, corev1.PodCondition{Type: kind})
			i = len(status.Conditions) - 1
		}
		c := &status.Conditions[i]
		if c.Status != value {
			c.LastTransitionTime = metav1.NewTime(now)
		}
		c.Status, c.Reason, c.Message = value, w.reason, w.message
		c.ObservedGeneration = status.ObservedGeneration
	}
}
