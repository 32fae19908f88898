package network

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// squareCluster is the cluster of the truth tables: namespaces x, y and z, each with
// the pods a, b and c, which listen on 80 and 81 in TCP, UDP and SCTP. A
// namespace has the label ns, a pod the label pod.
func squareCluster() (*literal, map[string]host) {
	l := &literal{namespaces: map[string]map[string]string{}}
	hosts := map[string]host{}
	for n, namespace := range []string{"x", "y", "z"} {
		l.namespaces[namespace] = map[string]string{"ns": namespace, corev1.LabelMetadataName: namespace}
		for i, name := range []string{"a", "b", "c"} {
			p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"pod": name}}}
			p.Spec.Containers = []corev1.Container{{Name: "app"}}
			for _, protocol := range []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP} {
				for port, digits := range map[int32]string{80: "80", 81: "81"} {
					p.Spec.Containers[0].Ports = append(p.Spec.Containers[0].Ports, corev1.ContainerPort{
						Name: "serve-" + digits + "-" + strings.ToLower(string(protocol)), ContainerPort: port, Protocol: protocol,
					})
				}
			}
			address := "10." + string(rune('0'+n)) + ".0." + string(rune('1'+i))
			p.Status.PodIPs = []corev1.PodIP{{IP: address}}
			hosts[namespace+"/"+name] = host{p, address}
		}
	}
	return l, hosts
}

// TestTruthTables has what upstream's conformance tests of network policies
// check, each case as a rule of what is refused between all pods on all ports.
func TestTruthTables(t *testing.T) {
	// in limits what enters x/a to the sources and ports that ok names.
	in := func(ok func(from string, p Port) bool) func(from, to string, p Port) bool {
		return func(from, to string, p Port) bool { return to == "x/a" && !ok(from, p) }
	}
	// out limits what leaves x/a.
	out := func(ok func(to string, p Port) bool) func(from, to string, p Port) bool {
		return func(from, to string, p Port) bool { return from == "x/a" && !ok(to, p) }
	}
	onX := func(name string) bool { return strings.HasPrefix(name, "x/") }
	onY := func(name string) bool { return strings.HasPrefix(name, "y/") }
	tcp80 := Port{"TCP", 80}
	const onA = "podSelector: {matchLabels: {pod: a}}\n"
	for name, c := range map[string]struct {
		policies string // of namespace x, separated by ---
		refused  func(from, to string, p Port) bool
	}{
		"no policy": {"", func(string, string, Port) bool { return false }},
		"deny all ingress": {
			"policyTypes: [Ingress]",
			func(_, to string, _ Port) bool { return onX(to) },
		},
		"an empty policy denies ingress": {
			"podSelector: {}",
			func(_, to string, _ Port) bool { return onX(to) },
		},
		"deny all egress": {
			"policyTypes: [Egress]",
			func(from, _ string, _ Port) bool { return onX(from) },
		},
		"deny all of both": {
			"policyTypes: [Ingress, Egress]",
			func(from, to string, _ Port) bool { return onX(from) || onX(to) },
		},
		"egress rules alone isolate for both": {
			onA + "egress: [{}]",
			in(func(string, Port) bool { return false }),
		},
		"egress rules with egress alone as type": {
			onA + "policyTypes: [Egress]\negress: [{}]",
			func(string, string, Port) bool { return false },
		},
		"ingress rules are not about egress where that is the type": {
			onA + "policyTypes: [Egress]\ningress: [{}]",
			out(func(string, Port) bool { return false }),
		},
		"allow all ingress": {
			"ingress: [{}]",
			func(string, string, Port) bool { return false },
		},
		"an empty from is everybody": {
			"ingress: [{from: [], ports: []}]",
			func(string, string, Port) bool { return false },
		},
		"a pod selector is about its own namespace": {
			onA + "ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]",
			in(func(from string, _ Port) bool { return from == "x/b" }),
		},
		"an empty pod selector is all of its own namespace": {
			onA + "ingress: [{from: [{podSelector: {}}]}]",
			in(func(from string, _ Port) bool { return onX(from) }),
		},
		"an empty namespace selector is all namespaces": {
			onA + "ingress: [{from: [{namespaceSelector: {}}]}]",
			in(func(string, Port) bool { return true }),
		},
		"a namespace selector is all of its pods": {
			onA + "ingress: [{from: [{namespaceSelector: {matchLabels: {ns: 'y'}}}]}]",
			in(func(from string, _ Port) bool { return onY(from) }),
		},
		"a namespace by the label of its name": {
			onA + "ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: 'y'}}}]}]",
			in(func(from string, _ Port) bool { return onY(from) }),
		},
		"all namespaces but one": {
			onA + "ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x]}]}}]}]",
			in(func(from string, _ Port) bool { return !onX(from) }),
		},
		"pods by expressions": {
			onA + "ingress: [{from: [{podSelector: {matchExpressions: [{key: pod, operator: In, values: [b, c]}]}}]}]",
			in(func(from string, _ Port) bool { return from == "x/b" || from == "x/c" }),
		},
		"selectors apart are alternatives": {
			onA + "ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}, {namespaceSelector: {matchLabels: {ns: 'y'}}}]}]",
			in(func(from string, _ Port) bool { return from == "x/b" || onY(from) }),
		},
		"selectors together must both match": {
			onA + "ingress: [{from: [{podSelector: {matchLabels: {pod: b}}, namespaceSelector: {matchLabels: {ns: 'y'}}}]}]",
			in(func(from string, _ Port) bool { return from == "y/b" }),
		},
		"several of both": {
			onA + `ingress: [{from: [{
				podSelector: {matchExpressions: [{key: pod, operator: In, values: [b, c]}]},
				namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x]}]}}]}]`,
			in(func(from string, _ Port) bool { return !onX(from) && !strings.HasSuffix(from, "a") }),
		},
		"a port": {
			onA + "ingress: [{ports: [{port: 80}]}]",
			in(func(_ string, p Port) bool { return p == tcp80 }),
		},
		"a port by name": {
			onA + "ingress: [{ports: [{port: serve-80-tcp}]}]",
			in(func(_ string, p Port) bool { return p == tcp80 }),
		},
		"a name of another protocol is no port": {
			onA + "ingress: [{ports: [{port: serve-80-udp}]}]",
			in(func(string, Port) bool { return false }),
		},
		"a name that nobody has": {
			onA + "ingress: [{ports: [{port: http}]}]",
			in(func(string, Port) bool { return false }),
		},
		"a port for a namespace": {
			onA + "ingress: [{from: [{namespaceSelector: {matchLabels: {ns: 'y'}}}], ports: [{port: serve-81-tcp}]}]",
			in(func(from string, p Port) bool { return onY(from) && p == Port{"TCP", 81} }),
		},
		"all ports of a protocol": {
			onA + "ingress: [{ports: [{protocol: UDP}]}]",
			in(func(_ string, p Port) bool { return p.Protocol == "UDP" }),
		},
		"SCTP is not TCP": {
			onA + "ingress: [{ports: [{protocol: SCTP, port: 80}]}]",
			in(func(_ string, p Port) bool { return p == Port{"SCTP", 80} }),
		},
		"a range of ports": {
			onA + "ingress: [{ports: [{port: 70, endPort: 80}]}]",
			in(func(_ string, p Port) bool { return p == tcp80 }),
		},
		"a range of ports for egress": {
			onA + "policyTypes: [Egress]\negress: [{ports: [{port: 81, endPort: 90}]}]",
			out(func(_ string, p Port) bool { return p == Port{"TCP", 81} }),
		},
		"policies add up": {
			onA + "ingress: [{ports: [{port: 80}]}]\n---\n" + onA + "ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]",
			in(func(from string, p Port) bool { return p == tcp80 || from == "x/b" }),
		},
		"allow all wins over deny": {
			"podSelector: {}\n---\ningress: [{}]",
			func(string, string, Port) bool { return false },
		},
		"rules of one policy add up": {
			onA + "ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}], ports: [{port: 80}]}, {from: [{podSelector: {matchLabels: {pod: c}}}], ports: [{port: 81}]}]",
			in(func(from string, p Port) bool {
				return from == "x/b" && p == tcp80 || from == "x/c" && p == Port{"TCP", 81}
			}),
		},
		"egress to a port by the name that it has there": {
			onA + "policyTypes: [Egress]\negress: [{ports: [{port: serve-80-tcp}]}]",
			out(func(_ string, p Port) bool { return p == tcp80 }),
		},
		"egress to pods of a namespace": {
			onA + "policyTypes: [Egress]\negress: [{to: [{namespaceSelector: {matchLabels: {ns: 'y'}}, podSelector: {matchLabels: {pod: a}}}]}]",
			out(func(to string, _ Port) bool { return to == "y/a" }),
		},
		"several egress policies": {
			onA + "policyTypes: [Egress]\negress: [{ports: [{port: 80}]}]\n---\n" + onA + "policyTypes: [Egress]\negress: [{ports: [{port: 81}]}]",
			out(func(_ string, p Port) bool { return p.Protocol == "TCP" }),
		},
		"egress and ingress in one policy": {
			onA + "ingress: [{from: [{namespaceSelector: {matchLabels: {ns: z}}}]}]\negress: [{ports: [{port: 80}]}]",
			func(from, to string, p Port) bool {
				return to == "x/a" && !strings.HasPrefix(from, "z/") || from == "x/a" && p != tcp80
			},
		},
		"what leaves must be let in too": {
			"policyTypes: [Ingress]\n---\n" + onA + "policyTypes: [Egress]\negress: [{}]",
			func(_, to string, _ Port) bool { return onX(to) },
		},
		"what is let in must be let out too": {
			"policyTypes: [Egress]\n---\n" + onA + "ingress: [{}]",
			func(from, _ string, _ Port) bool { return onX(from) },
		},
		"a block": {
			onA + "policyTypes: [Egress]\negress: [{to: [{ipBlock: {cidr: 10.1.0.2/32}}]}]",
			out(func(to string, _ Port) bool { return to == "y/b" }),
		},
		"a block with an exception": {
			onA + "policyTypes: [Egress]\negress: [{to: [{ipBlock: {cidr: 10.1.0.0/16, except: [10.1.0.2/32]}}]}]",
			out(func(to string, _ Port) bool { return to == "y/a" || to == "y/c" }),
		},
		"the exception of one is the block of another": {
			onA + "policyTypes: [Egress]\negress: [{to: [{ipBlock: {cidr: 10.1.0.0/16, except: [10.1.0.2/32]}}]}]\n---\n" +
				onA + "policyTypes: [Egress]\negress: [{to: [{ipBlock: {cidr: 10.1.0.2/32}}]}]",
			out(func(to string, _ Port) bool { return onY(to) }),
		},
		"a block of IPv6 is nothing in IPv4": {
			onA + "ingress: [{from: [{ipBlock: {cidr: '::/0'}}]}]",
			in(func(string, Port) bool { return false }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, hosts := squareCluster()
			for i, text := range strings.Split(c.policies, "---\n") {
				if text == "" {
					continue
				}
				p := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "x", Name: "p" + string(rune('0'+i))}}
				if err := yaml.UnmarshalStrict([]byte(strings.ReplaceAll(text, "\t", " ")), &p.Spec); err != nil {
					t.Fatal(err)
				}
				l.policies = append(l.policies, p)
			}
			checkTable(t, l, hosts, c.refused)
		})
	}
}

// checkTable compares all connections between the pods, also those that the
// literal evaluator allows.
func checkTable(t *testing.T, l *literal, hosts map[string]host, refused func(from, to string, p Port) bool) {
	t.Helper()
	p := knownPolicies(t, l)
	for from, a := range hosts {
		for to, b := range hosts {
			for _, protocol := range []string{"TCP", "UDP", "SCTP"} {
				for _, number := range []int32{80, 81} {
					port := Port{protocol, number}
					want := answer(from == to || !refused(from, to, port)) // a pod always reaches itself
					if got := p.Decide(a.party(), b.party(), port); got.Allowed != want {
						t.Errorf("%s to %s %s: %v, want %v: %s", from, to, port, got.Allowed, want, got.Why)
					}
					if l.allowed(a, b, corev1.Protocol(protocol), number) != (want == Yes) {
						t.Errorf("%s to %s %s: the literal evaluator is wrong", from, to, port)
					}
				}
			}
		}
	}
}
