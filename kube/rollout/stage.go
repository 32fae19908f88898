package rollout

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/object"
)

// isAvailable reports whether a pod has been ready for minReady seconds.
func isAvailable(p *object.Pod, minReady int32, now int64) bool {
	return p.ReadySince != 0 && (minReady == 0 || p.ReadySince+int64(minReady) <= now)
}

// stageOf returns how far a pod has come and, where that is no good, why.
// pulling says that an image is on its way, which only events tell.
func stageOf(p *object.Pod, minReady int32, now int64, pulling bool) (Stage, string) {
	switch {
	case p.Phase == string(corev1.PodFailed):
		return StageFailed, p.Status
	case p.Deleted != 0:
		return StageTerminating, terminating(p)
	case p.Phase == string(corev1.PodSucceeded):
		return StageFailed, p.Status // nothing that is rolled out is meant to end
	case p.Node == "":
		return StagePending, p.Message
	}
	if c := troubled(p); c != nil {
		return StageFailed, trouble(c)
	}
	switch {
	case isAvailable(p, minReady, now):
		return StageAvailable, ""
	case p.ReadySince != 0:
		return StageReady, ""
	case p.Phase == string(corev1.PodRunning):
		return StageNotReady, p.Message
	case pulling:
		return StagePulling, ""
	}
	for i := range p.Containers {
		if p.Containers[i].State != object.Unknown {
			return StageStarting, p.Message
		}
	}
	return StageScheduled, ""
}

func terminating(p *object.Pod) string {
	if p.Finalizers != "" {
		return "finalizer " + p.Finalizers
	}
	return ""
}

// troubled returns the first container that fails, nil if none does.
func troubled(p *object.Pod) *object.Container {
	for i := range p.Containers {
		c := &p.Containers[i]
		switch {
		case c.Type == object.Ephemeral:
		case c.State == object.Waiting && !startsNormally(c.Reason):
			return c
		case c.State == object.Terminated && (c.Type != object.Init || c.Exit != 0) && p.Status != "Completed":
			return c
		}
	}
	return nil
}

// startsNormally reports whether a container that waits for this reason will
// start by itself.
func startsNormally(reason string) bool {
	return reason == "" || reason == "ContainerCreating" || reason == "PodInitializing"
}

// trouble says in a few words what is wrong with a container.
func trouble(c *object.Container) string {
	words := c.Reason
	exit := c.Exit
	if c.State != object.Terminated && c.Last != nil {
		exit = c.Last.Exit
		if c.Last.Reason == "OOMKilled" {
			words += " OOMKilled"
		}
	}
	if exit != 0 {
		words += " exit " + strconv.Itoa(int(exit))
	}
	return strings.TrimSpace(words)
}
