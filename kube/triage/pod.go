package triage

import (
	"fmt"
	"iter"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// sound reports whether a pod does what it is there for, so that rules about
// what keeps it from that need not look.
func sound(p *object.Pod) bool {
	return p.Deleted == 0 && (p.Phase == string(corev1.PodSucceeded) || p.ReadySince != 0)
}

// podRule is a rule about pods that should do something and do not: sound ones,
// those that have ended and those on their way out are none of its business.
// What it finds belongs to the workload of the pod.
func podRule(r Rule, judge func(c *Cluster, p *object.Pod) *Finding) Rule {
	r.On = Pods
	return rule(r, func(c *Cluster, p *object.Pod) *Finding {
		if sound(p) || p.Deleted != 0 || p.Terminal() {
			return nil
		}
		return judge(c, p)
	})
}

// back proposes to take a workload back to its last good revision where there is
// one for sure, and nothing else. A Deployment that only its ReplicaSets name is
// not known to have one.
func (c *Cluster) back(home kube.Ref) []Action {
	if home.GVR.Resource != string(Deployments) {
		return nil
	}
	undo := c.undo(home)
	return undo[:min(1, len(undo))]
}

// blameNode returns the node of a pod.
func (c *Cluster) blameNode(p *object.Pod) []kube.Ref {
	if p.Node == "" {
		return nil
	}
	r := c.Named(Nodes, "", p.Node)
	if n := c.Node(p.Node); n != nil {
		r.UID = n.UID
	}
	return []kube.Ref{r}
}

// lost reports whether the node of a pod is known not to answer. One that joins
// has pods of DaemonSets before it can.
func (c *Cluster) lost(p *object.Pod) bool {
	n := c.Node(p.Node)
	return n != nil && !n.Ready && !c.joins(n)
}

// starting reports whether a node has a pod and has not started any of its
// containers: it makes the sandbox and mounts volumes.
func starting(p *object.Pod) bool {
	if p.Node == "" || p.Phase != string(corev1.PodPending) {
		return false
	}
	for i := range p.Containers {
		k := &p.Containers[i]
		if k.State == object.Running || k.State == object.Terminated || k.Last != nil {
			return false
		}
	}
	return true
}

// inWaiting yields the containers of a pod that wait for something.
func inWaiting(p *object.Pod) iter.Seq[*object.Container] {
	return func(yield func(*object.Container) bool) {
		for i := range p.Containers {
			k := &p.Containers[i]
			if k.State == object.Waiting && k.Type != object.Ephemeral && !yield(k) {
				return
			}
		}
	}
}

// waits returns why a container waits as evidence.
func (c *Cluster) waits(p *object.Pod, k *object.Container) Evidence {
	said := k.Reason
	if k.Message != "" {
		said += ": " + k.Message
	}
	return Evidence{Text: said, Source: FromField, Where: c.containerField(p, k, "state.waiting"), On: c.Pod(p)}
}

// containerField returns where a container's status is in its pod.
func (c *Cluster) containerField(p *object.Pod, k *object.Container, field string) string {
	list := "containerStatuses"
	switch k.Type {
	case object.Init, object.Sidecar:
		list = "initContainerStatuses"
	case object.Ephemeral:
		list = "ephemeralContainerStatuses"
	case object.App:
	}
	return fmt.Sprintf("pod/%s status.%s[%s].%s", p.Name, list, k.Name, field)
}

// version returns the tag of an image, or all of its last part if there is none:
// what a release is called.
func version(image string) string {
	short := object.ShortImage(image)
	if _, tag, ok := strings.Cut(short, ":"); ok && tag != "latest" {
		return tag
	}
	return short
}

// called names a container where its pod has more than one.
func called(p *object.Pod, k *object.Container) string {
	switch {
	case k.Type == object.Init:
		return "init container " + k.Name
	case k.Type == object.Sidecar:
		return "sidecar " + k.Name
	case p.Total > 1:
		return k.Name
	}
	return version(k.Image)
}

// fromEvent returns an event as evidence.
func fromEvent(on kube.Ref, e *object.Event) Evidence {
	return Evidence{Text: e.Reason + ": " + e.Message, Source: FromEvent, Where: on.String(), On: on, At: e.Last, Count: e.Count}
}

// plural writes a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
