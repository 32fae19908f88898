package network

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube/object"
)

// connection is what rules are matched with: from one address to a port of
// another. An address is not valid if the party has none yet.
type connection struct {
	from, to               *Party
	fromAddress, toAddress netip.Addr
	port                   Port
}

// ends returns the pod that a direction is about, and its peer.
func (c *connection) ends(d Direction) (pod, peer *Party, address netip.Addr) {
	if d == Inbound {
		return c.to, c.from, c.fromAddress
	}
	return c.from, c.to, c.toAddress
}

// local reports whether it is between a pod and the node that it is on, which
// no policy can refuse. A pod on the host network is its node, to the others.
func (c *connection) local() bool {
	return c.from.HostNetwork != c.to.HostNetwork && c.from.Node != "" && c.from.Node == c.to.Node
}

// selects returns whether a policy is about a pod of its namespace. Whether it
// is about pods on the host network is left to the network plugin.
func selects(n *object.NetworkPolicy, pod *Party) Answer {
	match, err := n.Match()
	switch {
	case err != nil:
		return Unclear
	case !match.Matches(pod.Labels):
		return No
	case pod.HostNetwork:
		return Unclear
	}
	return Yes
}

// isolates reports whether a policy is about a direction.
func isolates(n *object.NetworkPolicy, d Direction) bool {
	return d == Inbound && n.Isolates || d == Outbound && n.IsolatesOut
}

func policyRules(n *object.NetworkPolicy, d Direction) []object.PolicyRule {
	if d == Inbound {
		return n.In
	}
	return n.Out
}

// allows returns whether a policy allows a connection, if it is about the pod.
func (p *Policies) allows(n *object.NetworkPolicy, d Direction, c *connection) Answer {
	best := No
	_, peer, address := c.ends(d)
	for i := range policyRules(n, d) {
		r := &policyRules(n, d)[i]
		if allowsPort(r.Ports, c) {
			best = max(best, p.allowsPeer(n.Namespace, r.Peers, peer, address))
		}
	}
	return best
}

// allowsPort reports whether ports have the one that is connected to. Names are
// those that the containers of the destination have for their ports.
func allowsPort(ports []object.PolicyPort, c *connection) bool {
	return len(ports) == 0 || slices.ContainsFunc(ports, func(p object.PolicyPort) bool {
		switch {
		case p.Protocol != c.port.Protocol:
			return false
		case p.Name != "":
			return slices.Contains(c.to.Ports, PartyPort{Name: p.Name, Protocol: p.Protocol, Number: c.port.Number})
		}
		return p.First == 0 || p.First <= c.port.Number && c.port.Number <= p.Last
	})
}

func (p *Policies) allowsPeer(namespace string, peers []object.PolicyPeer, peer *Party, address netip.Addr) Answer {
	if len(peers) == 0 {
		return Yes
	}
	best := No
	for i := range peers {
		best = max(best, p.isPeer(namespace, &peers[i], peer, address))
	}
	return best
}

// isPeer returns whether a party is a peer of a policy in a namespace.
func (p *Policies) isPeer(namespace string, of *object.PolicyPeer, peer *Party, address netip.Addr) Answer {
	switch {
	case of.Unclear != "":
		return Unclear
	case of.Block.IsValid():
		if !address.IsValid() {
			return Unclear
		}
		return answer(inBlock(of, address))
	case !peer.IsPod():
		return No
	}
	found := p.inNamespaces(namespace, of.Namespaces, peer.Namespace)
	if found != No && of.Pods != nil && !of.Pods.Matches(peer.Labels) {
		return No
	}
	if found != No && peer.HostNetwork { // what it sends may look as what its node sends
		return Unclear
	}
	return found
}

func inBlock(of *object.PolicyPeer, address netip.Addr) bool {
	return of.Block.Contains(address) && !slices.ContainsFunc(of.Except, func(e netip.Prefix) bool { return e.Contains(address) })
}

// inNamespaces returns whether a peer's selector, nil for the policy's own
// namespace, selects a namespace. Without its labels that is known as far as
// the selector asks for the name, which every namespace has as a label.
func (p *Policies) inNamespaces(own string, selector *object.Selector, namespace string) Answer {
	if selector == nil {
		return answer(namespace == own)
	}
	if known, ok := p.namespaces[namespace]; ok {
		return answer(selector.Matches(known))
	}
	sure := Yes
	asked, selectable := selector.Requirements()
	for i := range asked {
		if asked[i].Key() != corev1.LabelMetadataName {
			sure = Unclear
		} else if !asked[i].Matches(labels.Set{corev1.LabelMetadataName: namespace}) {
			return No
		}
	}
	return min(sure, answer(selectable))
}
