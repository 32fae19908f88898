package triage

import (
	"fmt"
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

// podRule is a rule about pods that are not sound. What it finds belongs to the
// workload of the pod, unless the pod's node is in trouble.
func podRule(r Rule, judge func(c *Cluster, p *object.Pod) *Finding) Rule {
	r.On = Pods
	return rule(r, func(c *Cluster, p *object.Pod) *Finding {
		if sound(p) {
			return nil
		}
		f := judge(c, p)
		if f != nil && p.Node != "" {
			f.Blame = append(f.Blame, c.Named(Nodes, "", p.Node))
		}
		return f
	})
}

// field returns where a container's status is in its pod.
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
