package headroom

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/object"
)

// account is what is known of one node, namespace or workload.
type account struct {
	node      *object.Node // of a node that is known
	requested sum          // by pods that have a node
	limits    sum
	waiting   *sum // requested by pods without a node, nil if there has been none
	best      int  // pods of class BestEffort that have a node
	used      Used
	row       *Row // as things are, nil if it has to be made anew
}

// entry returns the account under key, a new one if there is none.
func entry[K comparable](m map[K]*account, key K) *account {
	a := m[key]
	if a == nil {
		a = &account{}
		m[key] = a
	}
	return a
}

// post adds a pod to the account under key, or takes it out if by is −1.
func post[K comparable](m map[K]*account, key K, p *object.Pod, by int) {
	a := entry(m, key)
	a.row = nil
	requested := &a.requested
	if p.Node == "" {
		if a.waiting == nil {
			a.waiting = &sum{}
		}
		requested = a.waiting
	}
	requested.pods += int64(by)
	if d := p.Demand; d != nil && by > 0 {
		requested.add(&d.Requests)
	} else if d != nil {
		requested.sub(&d.Requests)
	}
	if p.Node != "" {
		if d := p.Demand; d != nil && by > 0 {
			a.limits.add(&d.Limits)
		} else if d != nil {
			a.limits.sub(&d.Limits)
		}
		if p.QoS == string(corev1.PodQOSBestEffort) {
			a.best += by
		}
	}
	if a.empty() {
		delete(m, key)
	}
}

func (a *account) empty() bool {
	return a.node == nil && a.requested.pods == 0 && (a.waiting == nil || a.waiting.pods == 0)
}

// placeable reports whether a pod could be on many nodes: those of DaemonSets
// and of the nodes' own files could not.
func placeable(p *object.Pod) bool {
	return p.Demand != nil && (p.Owner == nil || p.Owner.Kind != "DaemonSet" && p.Owner.Kind != "Node")
}

// Closed says why a node takes no pods, whoever they are: it is cordoned, or the
// cluster itself has tainted it since it is not ready, under pressure or about
// to go. "" if it takes some. A taint that somebody set to keep a node for some
// pods does not close it.
func Closed(n *object.Node) string {
	if n.Cordoned {
		return "cordoned"
	}
	for _, t := range n.Taints {
		if key, ok := forbids(t); ok && byCluster(key) {
			return key[strings.LastIndexByte(key, '/')+1:]
		}
	}
	return ""
}

// Dedicated reports whether a node takes only pods that tolerate one of its
// taints.
func Dedicated(n *object.Node) bool {
	return slices.ContainsFunc(n.Taints, func(t string) bool {
		key, ok := forbids(t)
		return ok && !byCluster(key)
	})
}

// forbids returns the key of a taint, written key=value:effect, and whether it
// keeps pods out.
func forbids(taint string) (key string, ok bool) {
	i := strings.LastIndexByte(taint, ':')
	if i < 0 {
		return taint, false
	}
	key, _, _ = strings.Cut(taint[:i], "=")
	effect := corev1.TaintEffect(taint[i+1:])
	return key, effect == corev1.TaintEffectNoSchedule || effect == corev1.TaintEffectNoExecute
}

// byCluster reports whether the key of a taint is one that controllers set: of
// the condition of a node, or before it is removed.
func byCluster(key string) bool {
	switch domain, _, _ := strings.Cut(key, "/"); domain {
	case "node.kubernetes.io", "node.cloudprovider.kubernetes.io":
		return true
	}
	return key == "ToBeDeletedByClusterAutoscaler" || key == "karpenter.sh/disrupted"
}
