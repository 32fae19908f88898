package fit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// shape is a pod as the scheduler sees it; all pods that it cannot tell apart
// share one. Nobody changes it.
type shape struct {
	info    fwk.PodInfo // its pod's UID is the shape's own
	room    room        // that it takes
	volumes bool        // it wants volumes that are not everywhere
	taints  bool        // its spread leaves out nodes with taints
	spread  []labels.Selector
	keeps   []string // namespaces of the pods that it keeps away, "" alone if they may be of any
}

func (s *shape) pod() *corev1.Pod { return s.info.GetPod() }

func (s *shape) priority() int32 {
	if p := s.pod().Spec.Priority; p != nil {
		return *p
	}
	return 0
}

// newShape takes over pod. With an error, affinities that nobody can read are
// left out, as the scheduler does with those of pods that have a node.
func newShape(pod *corev1.Pod, id string) (*shape, error) {
	pod.UID = types.UID(id)
	info, err := framework.NewPodInfo(pod)
	takes := info.CalculateResource().Resource // it remembers: before many goroutines ask
	s := &shape{info: info, room: room{cpu: takes.GetMilliCPU(), memory: takes.GetMemory(), pods: 1}}
	s.volumes = slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
		return v.PersistentVolumeClaim != nil || object.Somewhere(&v)
	})
	for _, c := range pod.Spec.TopologySpreadConstraints {
		s.taints = s.taints || c.NodeTaintsPolicy != nil && *c.NodeTaintsPolicy == corev1.NodeInclusionPolicyHonor
		if selector, err := metav1.LabelSelectorAsSelector(c.LabelSelector); err == nil && c.WhenUnsatisfiable == corev1.DoNotSchedule {
			s.spread = append(s.spread, selector)
		}
	}
	s.keeps = keepsAway(info.GetRequiredAntiAffinityTerms())
	return s, err
}

// counts reports whether a rule of s is about pods of another shape, or may be.
func (s *shape) counts(other *shape) bool {
	matches := func(t fwk.AffinityTerm) bool { return mayMatch(&t, other.pod()) }
	return s.spreadsOver(other.pod()) ||
		slices.ContainsFunc(s.info.GetRequiredAffinityTerms(), matches) || slices.ContainsFunc(s.info.GetRequiredAntiAffinityTerms(), matches)
}

// spreadsOver reports whether a pod counts where s is to be spread.
func (s *shape) spreadsOver(p *corev1.Pod) bool {
	return s.pod().Namespace == p.Namespace &&
		slices.ContainsFunc(s.spread, func(l labels.Selector) bool { return l.Matches(labels.Set(p.Labels)) })
}

// keptAwayBy reports whether pods of another shape keep s away from where they
// are, or may do so.
func (s *shape) keptAwayBy(other *shape) bool {
	return slices.ContainsFunc(other.info.GetRequiredAntiAffinityTerms(), func(t fwk.AffinityTerm) bool { return mayMatch(&t, s.pod()) })
}

// keepsAway returns the namespaces of the pods that terms keep away, "" alone if
// they may be of any.
func keepsAway(terms []fwk.AffinityTerm) []string {
	all := sets.New[string]()
	for _, t := range terms {
		if anyNamespace(&t) {
			return []string{""}
		}
		all = all.Union(t.Namespaces)
	}
	return sets.List(all)
}

// mayMatch reports whether a term is about a pod, were its namespace one that the
// term selects by labels.
func mayMatch(t *fwk.AffinityTerm, p *corev1.Pod) bool {
	return (t.Namespaces.Has(p.Namespace) || anyNamespace(t)) && t.Selector.Matches(labels.Set(p.Labels))
}

// anyNamespace reports whether a term selects namespaces by labels.
func anyNamespace(t *fwk.AffinityTerm) bool {
	_, some := t.NamespaceSelector.Requirements()
	return some
}

// shapes finds the shape of compact pods.
type shapes struct {
	claims bool // their volumes are known
	known  map[shapeKey]*shape
	labels map[*store.Labels]map[string]string
}

type shapeKey struct {
	namespace string
	labels    *store.Labels
	demand    *object.Demand
	rules     *object.Rules
	deleted   bool
	own       string // what no other pod has: claims, and the name if volumes are called after it
}

func newShapes(claims bool) *shapes {
	return &shapes{claims: claims, known: map[shapeKey]*shape{}, labels: map[*store.Labels]map[string]string{}}
}

func (s *shapes) of(o *object.Occupant) *shape {
	key := shapeKey{namespace: o.Namespace, labels: o.Labels, demand: o.Demand, rules: o.Rules, deleted: o.Deleted != 0}
	key.own = strings.Join(o.Claims, "\x00")
	if o.Rules != nil && slices.ContainsFunc(o.Rules.Spec.Volumes, func(v corev1.Volume) bool { return v.Ephemeral != nil }) {
		key.own += "\x00" + o.Name
	}
	if known, ok := s.known[key]; ok {
		return known
	}
	made, _ := newShape(s.pod(o), fmt.Sprint("shape-", len(s.known)))
	s.known[key] = made
	return made
}

// pod returns as much of a pod as the filters look at.
func (s *shapes) pod(o *object.Occupant) *corev1.Pod {
	labels, ok := s.labels[o.Labels]
	if !ok {
		labels = labelMap(o.Labels)
		s.labels[o.Labels] = labels
	}
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name, Labels: labels}}
	if o.Deleted != 0 {
		p.DeletionTimestamp = &metav1.Time{Time: time.Unix(o.Deleted, 0)}
	}
	if o.Rules != nil {
		p.Spec = o.Rules.Spec
	}
	// The rules' own container, if there is one, has the ports.
	p.Spec.Containers = append(slices.Clip(p.Spec.Containers), corev1.Container{
		Name: "all", Resources: corev1.ResourceRequirements{Requests: resourceList(o.Requests())},
	})
	p.Spec.Volumes = slices.Clone(p.Spec.Volumes)
	if !s.claims {
		p.Spec.Volumes = slices.DeleteFunc(p.Spec.Volumes, isClaim)
		return p
	}
	for _, claim := range o.Claims {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		}})
	}
	return p
}
