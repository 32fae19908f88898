package fit

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"
	ndf "k8s.io/component-helpers/nodedeclaredfeatures"

	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
)

// notes are what may make an answer come out otherwise.
type notes map[string]bool

func (n notes) add(format string, args ...any) { n[sanitize.Line(fmt.Sprintf(format, args...))] = true }

// about notes what of a pod is not modelled. o is nil for a new pod.
func (n notes) about(c *Cluster, p *corev1.Pod, o *object.Occupant) {
	if name := p.Spec.SchedulerName; name != "" && name != corev1.DefaultSchedulerName {
		n.add("the scheduler %s, which decides about these pods: the default one was asked", name)
	}
	if len(p.Spec.ResourceClaims) > 0 {
		n.add("devices that pods claim (resourceclaims)")
	}
	if c.state.Storage == nil && (o != nil && len(o.Claims) > 0 || slices.ContainsFunc(p.Spec.Volumes, isClaim)) {
		n.add("where the volumes of these pods are: their claims and volumes were not read")
	}
	if c.state.Namespaces == nil && selectsNamespaces(p) {
		n.add("rules about pods of other namespaces: the namespaces' labels were not read")
	}
	features, err := ndf.DefaultFramework.InferForPodScheduling(&ndf.PodInfo{Spec: &p.Spec}, version.MustParse("1.36.0"))
	if err == nil && !features.IsEmpty() {
		n.add("features that nodes must declare: %s", features.String())
	}
}

func isClaim(v corev1.Volume) bool { return v.PersistentVolumeClaim != nil || v.Ephemeral != nil }

// selectsNamespaces reports whether a rule of a pod needs the labels of
// namespaces.
func selectsNamespaces(p *corev1.Pod) bool {
	a := p.Spec.Affinity
	if a == nil {
		return false
	}
	var terms []corev1.PodAffinityTerm
	if a.PodAffinity != nil {
		terms = append(terms, a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution...)
	}
	if a.PodAntiAffinity != nil {
		terms = append(terms, a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution...)
	}
	return slices.ContainsFunc(terms, func(t corev1.PodAffinityTerm) bool { return t.NamespaceSelector != nil })
}

// preemption notes that a pod that does not fit may push out others.
func (n notes) preemption(c *Cluster, s *shape) {
	policy := s.pod().Spec.PreemptionPolicy
	if s.priority() > c.lowest && (policy == nil || *policy != corev1.PreemptNever) {
		n.add("preemption: pods of lower priority may be evicted to make room")
	}
}

// list returns the notes, those that go with every question last.
func (n notes) list(c *Cluster, ask Ask) []string {
	if c.stray > 0 {
		n.add("%d pods on nodes that could not be read", c.stray)
	}
	if len(c.idle) > 0 && !ask.Waiting {
		n.add("pods that wait for a node already and may take the room first: %d", len(c.idle))
	}
	if len(ask.Pods) > 0 && c.state.Quotas == nil {
		n.add("resource quotas, which could not be read")
	}
	list := slices.Sorted(maps.Keys(n))
	for _, what := range c.state.Unread {
		list = append(list, sanitize.Line("not read: "+what))
	}
	return append(list, "profiles, plugins and extenders of the cluster's own scheduler")
}
