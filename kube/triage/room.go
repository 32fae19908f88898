package triage

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/field"
	"quarterdeck/kube/object"
)

// room is what the nodes have that take any pod: ready, not cordoned, without
// taints. It is summed up once a judgement, for all pods that find no node.
type room struct {
	largest map[string]offer // by resource: the most that a node has when it is empty
	free    map[string]offer // and what it has left
}

// offer is so much of a resource on a node.
type offer struct {
	node   string
	amount int64
}

// nodeRoom returns what nodes have to offer, as far as they and their pods are
// known.
func (c *Cluster) nodeRoom() *room {
	if c.room != nil {
		return c.room
	}
	c.room = &room{largest: map[string]offer{}, free: map[string]offer{}}
	if !c.Knows(Nodes) || !c.Knows(Pods) {
		return c.room
	}
	for n := range In[*object.Node](c, Nodes, "") {
		if !n.Ready || n.Cordoned || keepsOut(n) {
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
		best(c.room.largest, n.Name, &n.Allocatable)
		best(c.room.free, n.Name, &left)
	}
	return c.room
}

// keepsOut reports whether a node has a taint that keeps pods out that do not
// tolerate it.
func keepsOut(n *object.Node) bool {
	for _, t := range n.Taints {
		if !strings.HasSuffix(t, ":"+string(corev1.TaintEffectPreferNoSchedule)) {
			return true
		}
	}
	return false
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
