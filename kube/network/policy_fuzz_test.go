package network

import (
	"net/netip"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// FuzzBlock compares blocks of addresses with those of package net.
func FuzzBlock(f *testing.F) {
	for _, seed := range [][3]string{
		{"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3"},
		{"0.0.0.0/0", "10.0.0.1/32", "10.0.0.2"},
		{"::/0", "2001:db8::/64", "2001:db8::1"},
		{"::ffff:10.0.0.0/104", "", "10.1.2.3"},
		{"::ffff:0:0/90", "", "::ffff:10.1.2.3"},
		{"10.1.2.3/8", "10.1.2.3/33", "10.1.2.3"},
		{"fe80::/10", "", "fe80::1"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	l := &literal{}
	_, hosts := squareCluster()
	f.Fuzz(func(t *testing.T, cidr, except, address string) {
		a, err := netip.ParseAddr(address)
		if err != nil || a.Zone() != "" {
			return
		}
		block := &networkingv1.IPBlock{CIDR: cidr}
		if except != "" {
			block.Except = []string{except}
		}
		l.policies = []*networkingv1.NetworkPolicy{aboutA("block", []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{IPBlock: block}}}})}
		to := hosts["x/a"].party()
		to.Addresses = nil // of both families
		got := knownPolicies(t, l).Decide(NewAddress(a), to, Port{"TCP", 80})
		if got.Allowed == Unclear {
			return // not a block as servers take them
		}
		if want := answer(l.enters(host{address: address}, hosts["x/a"], corev1.ProtocolTCP, 80)); got.Allowed != want {
			t.Errorf("%s except %q has %s: %v, want %v", cidr, except, address, got.Allowed, want)
		}
	})
}

// FuzzPorts compares ports, ranges and names with the literal evaluator.
func FuzzPorts(f *testing.F) {
	f.Add("TCP", "TCP", "", int32(80), int32(0), false, int32(80))
	f.Add("TCP", "", "", int32(80), int32(90), true, int32(90))
	f.Add("UDP", "UDP", "serve-80-udp", int32(0), int32(0), false, int32(80))
	f.Add("SCTP", "TCP", "", int32(0), int32(0), false, int32(1))
	f.Add("TCP", "TCP", "", int32(90), int32(80), true, int32(85))
	l, hosts := squareCluster()
	f.Fuzz(func(t *testing.T, of, protocol, name string, first, last int32, ranged bool, port int32) {
		p := networkingv1.NetworkPolicyPort{}
		if protocol != "" {
			p.Protocol = new(corev1.Protocol(protocol))
		}
		switch { // what servers refuse is left out: they name ports, number them from 1, or do neither
		case name != "" && len(name) <= 15 && first == 0:
			p.Port = new(intstr.FromString(name))
		case first > 0:
			p.Port = new(intstr.FromInt32(first))
			if ranged {
				p.EndPort = new(last)
			}
		case first < 0 || name != "":
			return
		}
		for _, r := range of + protocol + name {
			if r < '!' || r > '~' {
				return // servers take none of these
			}
		}
		l.policies = []*networkingv1.NetworkPolicy{aboutA("port", []networkingv1.NetworkPolicyIngressRule{{Ports: []networkingv1.NetworkPolicyPort{p}}})}
		got := knownPolicies(t, l).Decide(hosts["y/b"].party(), hosts["x/a"].party(), Port{of, port})
		if want := answer(l.enters(hosts["y/b"], hosts["x/a"], corev1.Protocol(of), port)); got.Allowed != want {
			t.Errorf("%+v for %d/%s: %v, want %v", p, port, of, got.Allowed, want)
		}
	})
}
