package fit

import (
	"iter"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	fwk "k8s.io/kube-scheduler/framework"
)

// neighborhood holds the pods of the cluster as it is that make a difference to
// pods of one shape: a handful of 50,000, of which the plugins would otherwise
// look at all for every pod.
type neighborhood struct {
	*shape
	counted []spot // pods that its rules are about
	away    []spot // pods whose rules keep it away
}

// near returns the neighborhood of a shape.
func (s *scheduler) near(sh *shape) *neighborhood {
	if n, ok := s.nearby[sh]; ok {
		return n
	}
	n, c := &neighborhood{shape: sh}, s.view.c
	for namespace := range c.spaces {
		if !sh.looksInto(namespace) {
			continue
		}
		for _, p := range c.spaces[namespace] {
			if sh.counts(p.shape) {
				n.counted = append(n.counted, p)
			}
		}
	}
	for _, about := range []string{"", sh.pod().Namespace} {
		for _, p := range c.anti[about] {
			if sh.keptAwayBy(p.shape) {
				n.away = append(n.away, p)
			}
		}
	}
	s.nearby[sh] = n
	return n
}

// looksInto reports whether a rule of s may be about pods of a namespace.
func (s *shape) looksInto(namespace string) bool {
	about := func(t fwk.AffinityTerm) bool { return t.Namespaces.Has(namespace) || anyNamespace(&t) }
	return len(s.spread) > 0 && s.pod().Namespace == namespace ||
		slices.ContainsFunc(s.info.GetRequiredAffinityTerms(), about) || slices.ContainsFunc(s.info.GetRequiredAntiAffinityTerms(), about)
}

// part is a node with some of its pods.
type part struct {
	fwk.NodeInfo
	pods []fwk.PodInfo
}

func (p *part) GetPods() []fwk.PodInfo                         { return p.pods }
func (p *part) GetPodsWithRequiredAntiAffinity() []fwk.PodInfo { return p.pods }

// now returns the nodes with those of the pods that are on them now: as in the
// cluster, and of what was moved since the pods that which chooses.
func (v *view) now(pods []spot, moves iter.Seq[move], which func(*shape) bool) []fwk.NodeInfo {
	var nodes []fwk.NodeInfo
	at := map[int32]*part{}
	add := func(p spot) {
		n := at[p.node]
		if n == nil {
			n = &part{NodeInfo: v.nodes[p.node]}
			at[p.node] = n
			nodes = append(nodes, n)
		}
		n.pods = append(n.pods, p.info)
	}
	for _, p := range pods {
		add(p)
	}
	for m := range moves {
		switch {
		case !which(m.shape):
		case !m.off:
			add(m.spot)
		case at[m.node] != nil:
			n := at[m.node]
			if k := slices.Index(n.pods, m.info); k >= 0 {
				n.pods = slices.Delete(n.pods, k, k+1)
			}
		}
	}
	return nodes
}

// keepers returns the nodes with the pods that may keep the shape's away.
func (n *neighborhood) keepers(v *view) []fwk.NodeInfo {
	return v.now(n.away, func(yield func(move) bool) {
		for _, about := range []string{"", n.pod().Namespace} {
			for _, m := range v.keeping[about] {
				if !yield(m) {
					return
				}
			}
		}
	}, n.keptAwayBy)
}

// neighbors returns what inter-pod affinity has to see: the nodes with pods that
// the shape's own rules are about. It reads the rules of others from the view.
func (s *scheduler) neighbors(n *neighborhood) []fwk.NodeInfo {
	return s.view.now(n.counted, func(yield func(move) bool) {
		for namespace, moves := range s.view.spaces {
			if !n.looksInto(namespace) {
				continue
			}
			for _, m := range moves {
				if !yield(m) {
					return
				}
			}
		}
	}, n.counts)
}

// spreadOver returns what topology spread has to see: the nodes with pods that
// count and, of each topology, one domain without any if there is one, for that
// is where the smallest count is. Domains that it does not see count as empty.
// Where their number matters too, or which nodes have taints, it sees all nodes.
func (s *scheduler) spreadOver(n *neighborhood) []fwk.NodeInfo {
	spec := &n.pod().Spec
	hard := slices.DeleteFunc(slices.Clone(spec.TopologySpreadConstraints), func(c corev1.TopologySpreadConstraint) bool {
		return c.WhenUnsatisfiable != corev1.DoNotSchedule
	})
	if len(hard) == 0 {
		return nil
	}
	v := s.view
	all := n.taints || len(v.nodes) > len(v.c.nodes) ||
		slices.ContainsFunc(hard, func(c corev1.TopologySpreadConstraint) bool { return c.MinDomains != nil && *c.MinDomains > 1 })
	if all {
		return v.nodes
	}
	nodes := s.neighbors(n)
	affinity := nodeaffinity.GetRequiredNodeAffinity(n.pod())
	for _, c := range hard {
		honors := c.NodeAffinityPolicy == nil || *c.NodeAffinityPolicy == corev1.NodeInclusionPolicyHonor
		counts := func(node *corev1.Node) bool { // as the plugin decides it
			for _, c := range hard {
				if _, ok := node.Labels[c.TopologyKey]; !ok {
					return false
				}
			}
			match, _ := affinity.Match(node)
			return match || !honors
		}
		used := map[string]bool{}
		for _, n := range nodes {
			if node := n.Node(); len(n.GetPods()) > 0 && counts(node) {
				used[node.Labels[c.TopologyKey]] = true
			}
		}
		if i, ok := s.empty(c.TopologyKey, used, counts); ok {
			nodes = append(nodes, &part{NodeInfo: v.nodes[i]})
		}
	}
	return nodes
}

// domain is one value of a topology key, with its nodes.
type domain struct {
	value string
	nodes []int32
}

// empty returns a node that counts in a domain that is not used, false if there
// is none.
func (s *scheduler) empty(key string, used map[string]bool, counts func(*corev1.Node) bool) (int32, bool) {
	domains, ok := s.domains[key]
	if !ok {
		at := map[string]int{}
		for i, n := range s.view.c.nodes {
			value, ok := n.Node().Labels[key]
			if !ok {
				continue
			}
			k, ok := at[value]
			if !ok {
				k = len(domains)
				at[value], domains = k, append(domains, domain{value: value})
			}
			domains[k].nodes = append(domains[k].nodes, int32(i))
		}
		s.domains[key] = domains
	}
	for _, d := range domains {
		if used[d.value] {
			continue
		}
		for _, i := range d.nodes {
			if counts(s.view.nodes[i].Node()) {
				return i, true
			}
		}
	}
	return 0, false
}
