package object

import (
	"errors"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	netutils "k8s.io/utils/net"

	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// NetworkPolicies declares how network policies are read.
func NetworkPolicies() store.Kind[*NetworkPolicy] {
	return store.Typed(networkingv1.SchemeGroupVersion.WithResource("networkpolicies"), "NetworkPolicy", true, newNetworkPolicy, noAnnotations)
}

// NetworkPolicy is a compact network policy: whom it is about, and what it lets
// in and out.
type NetworkPolicy struct {
	store.Meta
	Selector    string // of the pods, "" for all in its namespace
	Isolates    bool   // nothing reaches its pods but what a policy allows
	Allows      bool   // it allows something to reach them
	IsolatesOut bool   // its pods reach nothing but what a policy allows
	In, Out     []PolicyRule

	pods labels.Selector // nil if nobody can tell what it selects
}

// PolicyRule is what one rule of a network policy allows: the ports to and from
// the peers.
type PolicyRule struct {
	Ports []PolicyPort // none for all
	Peers []PolicyPeer // none for everybody
}

// PolicyPort is a port of the pod, or whatever it is, that is connected to.
type PolicyPort struct {
	Protocol    string // TCP, UDP or SCTP
	Name        string // "" if it is told by number
	First, Last int32  // a range; 0 for all ports of the protocol
}

// PolicyPeer is whom a rule allows to be talked to. It has a block, or selectors.
type PolicyPeer struct {
	Namespaces *Selector // nil for the policy's own
	Pods       *Selector // nil for all of them
	Block      netip.Prefix
	Except     []netip.Prefix // of the block
	Unclear    string         // what of it nobody can understand, "" if all is clear
}

// Selector is a label selector and its text, "" if it selects everything.
type Selector struct {
	labels.Selector
	Text string
}

// Match returns which pods of the policy's namespace it is about.
func (p *NetworkPolicy) Match() (labels.Selector, error) {
	if p.pods == nil {
		return nil, errors.New("the pod selector of network policy " + p.Name + " is not valid")
	}
	return p.pods, nil
}

func newNetworkPolicy(p *networkingv1.NetworkPolicy, in *store.Interner) *NetworkPolicy {
	out := &NetworkPolicy{Meta: in.Meta(&p.ObjectMeta), Allows: len(p.Spec.Ingress) > 0}
	if s, ok := newSelector(&p.Spec.PodSelector); ok {
		out.pods, out.Selector = s.Selector, s.Text
	}
	for i := range p.Spec.Ingress {
		out.In = append(out.In, newPolicyRule(p.Spec.Ingress[i].Ports, p.Spec.Ingress[i].From, in))
	}
	for i := range p.Spec.Egress {
		out.Out = append(out.Out, newPolicyRule(p.Spec.Egress[i].Ports, p.Spec.Egress[i].To, in))
	}
	// The API server fills the types in where there are none; see NetworkPolicySpec.
	if len(p.Spec.PolicyTypes) == 0 {
		out.Isolates, out.IsolatesOut = true, len(p.Spec.Egress) > 0
	}
	for _, t := range p.Spec.PolicyTypes {
		out.Isolates = out.Isolates || t == networkingv1.PolicyTypeIngress
		out.IsolatesOut = out.IsolatesOut || t == networkingv1.PolicyTypeEgress
	}
	return out
}

// newSelector returns a copy of a selector that shares nothing with it, false if
// it is not valid: servers did not always check that.
func newSelector(s *metav1.LabelSelector) (*Selector, bool) {
	match, err := metav1.LabelSelectorAsSelector(s.DeepCopy())
	if err != nil {
		return nil, false
	}
	return &Selector{Selector: match, Text: sanitize.Line(match.String())}, true
}

func newPolicyRule(ports []networkingv1.NetworkPolicyPort, peers []networkingv1.NetworkPolicyPeer, in *store.Interner) PolicyRule {
	var out PolicyRule
	for i := range ports {
		out.Ports = append(out.Ports, newPolicyPort(&ports[i], in))
	}
	for i := range peers {
		out.Peers = append(out.Peers, newPolicyPeer(&peers[i]))
	}
	return out
}

func newPolicyPort(p *networkingv1.NetworkPolicyPort, in *store.Interner) PolicyPort {
	out := PolicyPort{Protocol: string(corev1.ProtocolTCP)}
	if p.Protocol != nil {
		out.Protocol = in.String(string(*p.Protocol))
	}
	switch {
	case p.Port == nil:
	case p.Port.Type == intstr.String:
		out.Name = in.String(p.Port.StrVal)
	default:
		out.First, out.Last = p.Port.IntVal, p.Port.IntVal
		if p.EndPort != nil {
			out.Last = *p.EndPort
		}
	}
	return out
}

func newPolicyPeer(p *networkingv1.NetworkPolicyPeer) PolicyPeer {
	var out PolicyPeer
	var unclear []string
	selector := func(s *metav1.LabelSelector, field string) *Selector {
		if s == nil {
			return nil
		}
		kept, ok := newSelector(s)
		if !ok {
			unclear = append(unclear, field)
		}
		return kept
	}
	prefix := func(s string) netip.Prefix {
		kept, ok := newPrefix(s)
		if !ok {
			unclear = append(unclear, "ipBlock "+sanitize.Line(s))
		}
		return kept
	}
	out.Namespaces = selector(p.NamespaceSelector, "namespaceSelector")
	out.Pods = selector(p.PodSelector, "podSelector")
	if p.IPBlock != nil {
		out.Block = prefix(p.IPBlock.CIDR)
		for _, except := range p.IPBlock.Except {
			out.Except = append(out.Except, prefix(except))
		}
	} else if p.NamespaceSelector == nil && p.PodSelector == nil {
		unclear = append(unclear, "a peer that is nobody")
	}
	out.Unclear = strings.Join(unclear, ", ")
	return out
}

// newPrefix returns a block of addresses as API servers have always read it:
// leading zeros mean nothing, and an IPv4 address in the form of IPv6 is IPv4.
func newPrefix(s string) (netip.Prefix, bool) {
	_, block, err := netutils.ParseCIDRSloppy(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	address, ok := netip.AddrFromSlice(block.IP)
	bits, of := block.Mask.Size()
	if address.Is4In6() && of == 128 { // its mask has at least 96 bits, else it would not look like that
		address, bits = address.Unmap(), bits-96
	}
	return netip.PrefixFrom(address, bits), ok
}
