package triage

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// place is where an object is: its name in its namespace.
type place struct{ namespace, name string }

// reaches reports whether what is in a namespace is read.
func (c *Cluster) reaches(namespace string) bool { return c.Within == "" || c.Within == namespace }

// answered reports whether a service has an endpoint that takes traffic.
func (c *Cluster) answered(namespace, service string) bool {
	for _, s := range c.endpoints[place{namespace, service}] {
		for i := range s.Endpoints {
			if s.Endpoints[i].Ready {
				return true
			}
		}
	}
	return false
}

// backing is what a service selects.
type backing struct {
	pods      []*object.Pod // that have not ended
	ended     int           // pods that have
	leaving   int           // of pods: those that are being deleted
	ready     int           // of pods
	workloads []kube.Ref    // that make such pods, if they should
	idle      []kube.Ref    // that would, but are scaled to zero
	since     int64         // when the last of the pods started, or became ready or unready, seconds since 1970
	troubled  bool          // something is found wrong with one of the pods
}

// backed returns what a service selects. It looks at every pod of its namespace.
func (c *Cluster) backed(s *object.Service, selector labels.Selector) backing {
	var b backing
	for p := range In[*object.Pod](c, Pods, s.Namespace) {
		if !selector.Matches(p.Labels) {
			continue
		}
		if p.Terminal() {
			b.ended++
			continue
		}
		b.pods = append(b.pods, p)
		b.since = max(b.since, p.Created, p.LastRestart, p.ReadySince, p.UnreadySince)
		if p.Deleted != 0 {
			b.leaving++
		} else if p.ReadySince != 0 {
			b.ready++
		}
		b.troubled = b.troubled || c.Troubled(p)
	}
	for _, r := range []Resource{Deployments, StatefulSets, DaemonSets} {
		for w := range In[*object.Workload](c, r, s.Namespace) {
			if w.PodLabels == nil || w.Deleted != 0 || !selector.Matches(w.PodLabels) {
				continue
			}
			if w.Desired == 0 {
				b.idle = append(b.idle, c.Ref(r, &w.Meta))
			} else {
				b.workloads = append(b.workloads, c.Ref(r, &w.Meta))
			}
		}
	}
	slices.SortFunc(b.pods, func(a, z *object.Pod) int { return strings.Compare(a.Name, z.Name) })
	b.workloads, b.idle = sortedRefs(b.workloads), sortedRefs(b.idle)
	return b
}

// blame returns who may be behind it that nothing of it answers.
func (b *backing) blame(c *Cluster) []kube.Ref {
	var refs []kube.Ref
	for _, p := range b.pods {
		if !sound(p) {
			refs = append(refs, c.Pod(p))
		}
	}
	return append(refs, b.workloads...)
}

// sortedRefs orders references by name, for the same answer each time.
func sortedRefs(refs []kube.Ref) []kube.Ref {
	slices.SortFunc(refs, func(a, b kube.Ref) int {
		return cmp.Or(strings.Compare(a.GVR.Resource, b.GVR.Resource), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return refs
}
