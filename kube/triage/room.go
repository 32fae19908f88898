package triage

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/object"
)

// room is what the nodes have, whoever they take. It is summed up once a
// judgement, for all pods that find no node.
type room struct {
	largest map[string]offer // by resource: the most that a node has when it is empty
	free    map[string]offer // and the most that one has left that is ready and not cordoned

	// Nodes that take no pods, and why; the first few by name.
	troubled, cordoned, full []kube.Ref

	// By the selectors that were asked for.
	selected map[string]bool   // whether there are nodes with such labels
	taints   map[string]string // what keeps pods out of them
}

// roomFresh is how long what is said of room stands without a change of the pod
// that needs it, in seconds.
const roomFresh = 30

// offer is so much of a resource on a node.
type offer struct {
	node   string
	amount int64
}

// nodeRoom returns what nodes have to offer, as far as they and their pods are
// known. The object is judged again when that may be different.
func (c *Cluster) nodeRoom() *room {
	c.Later(c.Now + roomFresh)
	if !c.Knows(Nodes) {
		c.Depends(Nodes, "")
	}
	if c.room != nil {
		return c.room
	}
	c.room = &room{largest: map[string]offer{}, free: map[string]offer{}, selected: map[string]bool{}, taints: map[string]string{}}
	if !c.Knows(Nodes) {
		return c.room
	}
	for n := range In[*object.Node](c, Nodes, "") {
		on := c.Ref(Nodes, &n.Meta)
		switch {
		case !n.Ready || len(n.Pressures) > 0:
			c.room.troubled = append(c.room.troubled, on)
		case n.Cordoned:
			c.room.cordoned = append(c.room.cordoned, on)
		case n.Pods > 0 && int64(len(c.PodsOn(n.Name))) >= n.Pods:
			c.room.full = append(c.room.full, on)
		}
		best(c.room.largest, n.Name, &n.Allocatable)
		if !n.Ready || n.Cordoned {
			continue
		}
		left := n.Allocatable
		left.Others = append([]object.Amount(nil), left.Others...)
		for _, p := range c.PodsOn(n.Name) {
			if p.Demand == nil || p.Terminal() {
				continue
			}
			r := &p.Demand.Requests
			left.CPU -= r.CPU
			left.Memory -= r.Memory
			left.Ephemeral -= r.Ephemeral
			for i := range left.Others {
				left.Others[i].Value -= r.Other(left.Others[i].Name)
			}
		}
		best(c.room.free, n.Name, &left)
	}
	for _, list := range []*[]kube.Ref{&c.room.troubled, &c.room.cordoned, &c.room.full} {
		*list = few(*list)
	}
	return c.room
}

// has reports whether there is a node with the labels of a selector. If the nodes
// are not known, there may be.
func (r *room) has(c *Cluster, selector string) bool {
	if !c.Knows(Nodes) {
		return true
	}
	found, ok := r.selected[selector]
	if ok {
		return found
	}
	wants, err := labels.Parse(selector)
	if err != nil {
		return true
	}
	for n := range In[*object.Node](c, Nodes, "") {
		if found = wants.Matches(n.Labels); found {
			break
		}
	}
	r.selected[selector] = found
	return found
}

// taintsOf returns the taints that keep pods out of nodes with the labels of a
// selector, the first few if they differ; "" if none is known. Nodes in trouble,
// which have taints for that, tell nothing where sound ones have taints as well.
func (r *room) taintsOf(c *Cluster, selector string) string {
	found, ok := r.taints[selector]
	if ok {
		return found
	}
	wants, err := labels.Parse(selector)
	if err != nil {
		return ""
	}
	var all, sound []string
	for n := range In[*object.Node](c, Nodes, "") {
		if !wants.Matches(n.Labels) {
			continue
		}
		troubled := slices.ContainsFunc(n.Taints, func(t string) bool { return strings.HasPrefix(t, troubleTaint) })
		for _, t := range n.Taints {
			taint, effect, _ := cutLast(t, ":")
			if effect == string(corev1.TaintEffectPreferNoSchedule) {
				continue
			}
			if !slices.Contains(all, taint) {
				all = append(all, taint)
			}
			if !troubled && !slices.Contains(sound, taint) {
				sound = append(sound, taint)
			}
		}
	}
	if len(sound) > 0 {
		all = sound
	}
	slices.Sort(all)
	found = strings.Join(all[:min(2, len(all))], " or ")
	r.taints[selector] = found
	return found
}

// troubleTaint is how the taints begin that the node controller makes of what is
// wrong with a node, and cordonTaint the one that it makes of a cordon; see
// https://kubernetes.io/docs/reference/labels-annotations-taints/.
const (
	troubleTaint = "node.kubernetes.io/"
	cordonTaint  = troubleTaint + "unschedulable"
)

// cutLast cuts s around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// few returns the first of some objects by name, enough to lead to what is behind
// them.
func few(refs []kube.Ref) []kube.Ref {
	slices.SortFunc(refs, func(a, b kube.Ref) int { return strings.Compare(a.Name, b.Name) })
	return slices.Clone(refs[:min(3, len(refs))])
}

// best keeps the node that has the most of each resource; of equal ones the
// first by name.
func best(offers map[string]offer, node string, has *object.Amounts) {
	take := func(name string, amount int64) {
		o, ok := offers[name]
		if !ok || amount > o.amount || amount == o.amount && node < o.node {
			offers[name] = offer{node, amount}
		}
	}
	take("cpu", has.CPU)
	take("memory", has.Memory)
	take("ephemeral-storage", has.Ephemeral)
	for _, o := range has.Others {
		take(o.Name, o.Value)
	}
}

// asks returns how much of a resource a pod asks for.
func asks(p *object.Pod, resource string) int64 {
	r := p.Requests()
	switch resource {
	case "cpu":
		return r.CPU
	case "memory":
		return r.Memory
	case "ephemeral-storage":
		return r.Ephemeral
	}
	return r.Other(resource)
}

// amount writes an amount of a resource as people do.
func amount(resource string, n int64) string {
	n = max(n, 0)
	switch {
	case resource == "cpu":
		return field.Cores(n)
	case resource == "memory", resource == "ephemeral-storage", strings.HasPrefix(resource, corev1.ResourceHugePagesPrefix):
		return field.Size(n)
	}
	return strconv.FormatInt(n, 10)
}
