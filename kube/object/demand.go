package object

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/component-helpers/resource"

	"quarterdeck/kube/store"
)

// Resources are amounts of CPU and memory. Zero means not set.
type Resources struct {
	CPU    int64 `json:"cpu"`    // millicores
	Memory int64 `json:"memory"` // bytes
}

// Amounts are amounts of every resource that the scheduler counts, each rounded
// up to whole units as it does. Zero means not set.
type Amounts struct {
	Resources
	Ephemeral int64    // bytes of local storage
	Others    []Amount // extended resources, huge pages and the like, ordered by name; nobody changes them
}

// Amount is so much of one resource.
type Amount struct {
	Name  string
	Value int64 // in the resource's own unit; huge pages in bytes
}

// Other returns the amount of a resource in Others, 0 if it is not there.
func (a *Amounts) Other(name string) int64 {
	for _, o := range a.Others {
		if o.Name == name {
			return o.Value
		}
	}
	return 0
}

// Zero reports whether nothing is asked for.
func (a *Amounts) Zero() bool {
	return a.CPU == 0 && a.Memory == 0 && a.Ephemeral == 0 &&
		!slices.ContainsFunc(a.Others, func(o Amount) bool { return o.Value != 0 })
}

// Demand is what a pod as a whole asks for. Pods of a store that ask for the
// same share one, so that equal demands are mostly, not always, equal pointers.
type Demand struct {
	Requests Amounts // what the scheduler takes from the node for it
	Limits   Amounts // the sum of those that are set
}

// Requests returns what the scheduler counts for the pod: containers, sidecars,
// init containers, overhead, resources of the whole pod, and what a resize in
// place has made or will make of them.
func (p *Pod) Requests() Amounts {
	if p.Demand == nil {
		return Amounts{}
	}
	return p.Demand.Requests
}

// Limits returns the limits of the pod as kubectl describe adds them up.
func (p *Pod) Limits() Amounts {
	if p.Demand == nil {
		return Amounts{}
	}
	return p.Demand.Limits
}

// Terminal reports whether the pod has ended for good. The scheduler counts
// every other pod that has a node, those being deleted included.
func (p *Pod) Terminal() bool {
	return p.Phase == string(corev1.PodSucceeded) || p.Phase == string(corev1.PodFailed)
}

// counting returns the options of the scheduler of Kubernetes 1.36 for pods that
// have a node. The fields of older servers' pods that they look at are empty, as
// are those of features that are off, so they are right for every server.
func counting(p *corev1.Pod) resource.PodResourcesOptions {
	resized := resized(p)
	return resource.PodResourcesOptions{
		UseStatusResources: resized, InPlacePodLevelResourcesVerticalScalingEnabled: resized,
		UseDRANodeAllocatableResourceClaimStatus: true,
	}
}

// resized reports whether the status says anything else than the spec of what
// the pod has. It mostly does not, and then need not be merged with it.
func resized(p *corev1.Pod) bool {
	if p.Status.Resources != nil || len(p.Status.AllocatedResources) > 0 {
		return true
	}
	differs := func(containers []corev1.Container, statuses []corev1.ContainerStatus) bool {
		for i := range statuses {
			s := &statuses[i]
			if s.Resources == nil {
				continue
			}
			for j := range containers {
				if containers[j].Name == s.Name && !hasWhatItAsksFor(&containers[j].Resources, s) {
					return true
				}
			}
		}
		return false
	}
	return differs(p.Spec.Containers, p.Status.ContainerStatuses) || differs(p.Spec.InitContainers, p.Status.InitContainerStatuses)
}

func hasWhatItAsksFor(asked *corev1.ResourceRequirements, s *corev1.ContainerStatus) bool {
	return equal(s.Resources.Requests, asked.Requests) && equal(s.Resources.Limits, asked.Limits) &&
		(len(s.AllocatedResources) == 0 || equal(s.AllocatedResources, asked.Requests))
}

func equal(a, b corev1.ResourceList) bool {
	return maps.EqualFunc(a, b, func(x, y quantity.Quantity) bool { return x.Cmp(y) == 0 })
}

func newDemand(p *corev1.Pod, in *store.Interner) *Demand {
	opts := counting(p)
	opts.Reuse = corev1.ResourceList{}
	requests := newAmounts(resource.PodRequests(p, opts), in)
	limits := newAmounts(resource.PodLimits(p, opts), in)
	key := limits.appendKey(requests.appendKey([]byte("demand")))
	return store.Share(in, key, func() *Demand { return &Demand{Requests: requests, Limits: limits} })
}

// newAmounts returns what the scheduler sees in list.
func newAmounts(list corev1.ResourceList, in *store.Interner) Amounts {
	var a Amounts
	others := 0
	for name, q := range list {
		switch {
		case name == corev1.ResourceCPU:
			a.CPU = units(&q, quantity.Milli)
		case name == corev1.ResourceMemory:
			a.Memory = units(&q, 0)
		case name == corev1.ResourceEphemeralStorage:
			a.Ephemeral = units(&q, 0)
		case scalar(name):
			others++
		}
	}
	if others == 0 {
		return a
	}
	a.Others = make([]Amount, 0, others)
	for _, name := range slices.Sorted(maps.Keys(list)) {
		if scalar(name) {
			q := list[name]
			a.Others = append(a.Others, Amount{Name: in.String(string(name)), Value: units(&q, 0)})
		}
	}
	return a
}

// resources returns the CPU and memory in list.
func resources(list corev1.ResourceList) Resources {
	return Resources{CPU: units(list.Cpu(), quantity.Milli), Memory: units(list.Memory(), 0)}
}

// units returns q in units of scale, rounded up; the largest int64 for what is
// larger, where Quantity itself would give any number.
func units(q *quantity.Quantity, scale quantity.Scale) int64 {
	most := int64(math.MaxInt64)
	if scale == quantity.Milli {
		most /= 1000
	}
	switch {
	case q.CmpInt64(most) > 0:
		return math.MaxInt64
	case q.CmpInt64(-most) < 0:
		return math.MinInt64
	}
	return q.ScaledValue(scale)
}

// scalar reports whether the scheduler counts a resource besides CPU, memory,
// ephemeral storage and pods: an extended resource (one with a domain), huge
// pages, or volumes that can be attached.
func scalar(name corev1.ResourceName) bool {
	s := string(name)
	switch {
	case strings.HasPrefix(s, corev1.ResourceHugePagesPrefix), strings.HasPrefix(s, corev1.ResourceAttachableVolumesPrefix),
		strings.Contains(s, corev1.ResourceDefaultNamespacePrefix):
		return true
	}
	return strings.Contains(s, "/") && !strings.HasPrefix(s, corev1.DefaultResourceRequestsPrefix)
}

// appendKey appends what tells a from other amounts.
func (a *Amounts) appendKey(key []byte) []byte {
	key = binary.AppendVarint(binary.AppendVarint(binary.AppendVarint(key, a.CPU), a.Memory), a.Ephemeral)
	key = binary.AppendUvarint(key, uint64(len(a.Others)))
	for _, o := range a.Others {
		key = append(append(key, o.Name...), 0)
		key = binary.AppendVarint(key, o.Value)
	}
	return key
}
