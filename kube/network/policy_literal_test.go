package network

import (
	"net"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// literal decides as the specification says, sentence by sentence, from the
// types of the API, with everything known and without caring for time. It is
// what Policies is compared with, and shares nothing with it.
type literal struct {
	namespaces map[string]map[string]string
	policies   []*networkingv1.NetworkPolicy
}

// host is a pod with the address that it talks with, or an address alone.
type host struct {
	pod     *corev1.Pod
	address string
}

// allowed is true if the egress policy on the one end and the ingress policy on
// the other both allow it.
func (l *literal) allowed(from, to host, protocol corev1.Protocol, port int32) bool {
	return l.leaves(from, to, protocol, port) && l.enters(from, to, protocol, port)
}

// untouchable is traffic that no policy can block: of a pod to itself, and
// between a pod and its node.
func (*literal) untouchable(a, b host) bool {
	if a.pod == nil || b.pod == nil {
		return false
	}
	if a.pod.Namespace == b.pod.Namespace && a.pod.Name == b.pod.Name {
		return true
	}
	return a.pod.Spec.NodeName != "" && a.pod.Spec.NodeName == b.pod.Spec.NodeName && a.pod.Spec.HostNetwork != b.pod.Spec.HostNetwork
}

// enters: by default a pod is not isolated for ingress. It is if a policy that
// selects it has Ingress in its types, and then only what an ingress rule of
// some such policy allows gets in.
func (l *literal) enters(from, to host, protocol corev1.Protocol, port int32) bool {
	if to.pod == nil || l.untouchable(from, to) {
		return true
	}
	isolated := false
	for _, p := range l.policies {
		if !l.selects(p, to.pod) || !slices.Contains(l.types(p), networkingv1.PolicyTypeIngress) {
			continue
		}
		isolated = true
		for _, rule := range p.Spec.Ingress {
			if l.peers(p.Namespace, rule.From, from) && l.ports(rule.Ports, to, protocol, port) {
				return true
			}
		}
	}
	return !isolated
}

// leaves is enters for egress.
func (l *literal) leaves(from, to host, protocol corev1.Protocol, port int32) bool {
	if from.pod == nil || l.untouchable(from, to) {
		return true
	}
	isolated := false
	for _, p := range l.policies {
		if !l.selects(p, from.pod) || !slices.Contains(l.types(p), networkingv1.PolicyTypeEgress) {
			continue
		}
		isolated = true
		for _, rule := range p.Spec.Egress {
			if l.peers(p.Namespace, rule.To, to) && l.ports(rule.Ports, to, protocol, port) {
				return true
			}
		}
	}
	return !isolated
}

// types: if there are none, a policy is about ingress, and about egress if it
// has egress rules.
func (*literal) types(p *networkingv1.NetworkPolicy) []networkingv1.PolicyType {
	if len(p.Spec.PolicyTypes) > 0 {
		return p.Spec.PolicyTypes
	}
	if len(p.Spec.Egress) > 0 {
		return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	}
	return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
}

// selects: a policy is about pods of its own namespace; an empty selector
// selects all of them.
func (l *literal) selects(p *networkingv1.NetworkPolicy, pod *corev1.Pod) bool {
	return pod.Namespace == p.Namespace && l.matches(&p.Spec.PodSelector, pod.Labels)
}

// matches: all labels and all expressions have to hold.
func (*literal) matches(s *metav1.LabelSelector, of map[string]string) bool {
	for k, want := range s.MatchLabels {
		if v, ok := of[k]; !ok || v != want {
			return false
		}
	}
	for _, e := range s.MatchExpressions {
		v, ok := of[e.Key]
		holds := false
		switch e.Operator {
		case metav1.LabelSelectorOpIn:
			holds = ok && slices.Contains(e.Values, v)
		case metav1.LabelSelectorOpNotIn:
			holds = !ok || !slices.Contains(e.Values, v)
		case metav1.LabelSelectorOpExists:
			holds = ok
		case metav1.LabelSelectorOpDoesNotExist:
			holds = !ok
		}
		if !holds {
			return false
		}
	}
	return true
}

// peers: no peers are all of them; else one has to be meant.
func (l *literal) peers(namespace string, list []networkingv1.NetworkPolicyPeer, peer host) bool {
	if len(list) == 0 {
		return true
	}
	for _, p := range list {
		switch {
		case p.IPBlock != nil:
			if l.contains(p.IPBlock.CIDR, peer.address) && !slices.ContainsFunc(p.IPBlock.Except, func(e string) bool { return l.contains(e, peer.address) }) {
				return true
			}
		case peer.pod == nil:
		case p.NamespaceSelector != nil && p.PodSelector != nil: // together: these pods in those namespaces
			if l.matches(p.NamespaceSelector, l.namespaces[peer.pod.Namespace]) && l.matches(p.PodSelector, peer.pod.Labels) {
				return true
			}
		case p.NamespaceSelector != nil: // all pods in those namespaces
			if l.matches(p.NamespaceSelector, l.namespaces[peer.pod.Namespace]) {
				return true
			}
		case p.PodSelector != nil: // these pods in the policy's own namespace
			if peer.pod.Namespace == namespace && l.matches(p.PodSelector, peer.pod.Labels) {
				return true
			}
		}
	}
	return false
}

func (*literal) contains(cidr, address string) bool {
	_, block, err := net.ParseCIDR(cidr)
	return err == nil && block.Contains(net.ParseIP(address))
}

// ports: no ports are all of them; else one has to be meant. A protocol that is
// not told is TCP, a port that is not told is every port of it, a name is that of
// the destination's container port, and an end makes a range.
func (l *literal) ports(list []networkingv1.NetworkPolicyPort, to host, protocol corev1.Protocol, port int32) bool {
	if len(list) == 0 {
		return true
	}
	for _, p := range list {
		of := corev1.ProtocolTCP
		if p.Protocol != nil {
			of = *p.Protocol
		}
		switch {
		case of != protocol:
		case p.Port == nil:
			return true
		case p.Port.Type == intstr.String:
			if to.pod != nil && l.named(to.pod, p.Port.StrVal, protocol, port) {
				return true
			}
		case p.EndPort != nil:
			if p.Port.IntVal <= port && port <= *p.EndPort {
				return true
			}
		case p.Port.IntVal == port:
			return true
		}
	}
	return false
}

func (*literal) named(pod *corev1.Pod, name string, protocol corev1.Protocol, port int32) bool {
	for _, c := range pod.Spec.Containers {
		for _, p := range c.Ports {
			of := p.Protocol
			if of == "" {
				of = corev1.ProtocolTCP
			}
			if p.Name == name && of == protocol && p.ContainerPort == port {
				return true
			}
		}
	}
	return false
}
