package network

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// policyObjects returns policies as a store keeps them.
func policyObjects(t testing.TB, policies ...*networkingv1.NetworkPolicy) []*object.NetworkPolicy {
	t.Helper()
	list := networkingv1.NetworkPolicyList{TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicyList"}}
	for _, p := range policies {
		list.Items = append(list.Items, *p)
	}
	body, err := json.Marshal(&list)
	if err != nil {
		t.Fatal(err)
	}
	out, err := object.NetworkPolicies().Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// knownPolicies returns policies and namespaces of which everything is known.
func knownPolicies(t testing.TB, l *literal) *Policies {
	t.Helper()
	p := NewPolicies()
	for name, its := range l.namespaces {
		p.PutNamespace(name, store.NewLabels(its))
	}
	for _, n := range policyObjects(t, l.policies...) {
		p.Put(n)
	}
	return p
}

func (h host) party() *Party {
	if h.pod == nil {
		return NewAddress(netip.MustParseAddr(h.address))
	}
	return NewParty(h.pod)
}

// policyDice makes up clusters so small that everything meets everything.
type policyDice struct{ *rand.Rand }

func pick[T any](d policyDice, of ...T) T { return of[d.IntN(len(of))] }

func (d policyDice) labels() map[string]string {
	out := map[string]string{}
	for _, k := range []string{"app", "tier"} {
		if d.IntN(3) > 0 {
			out[k] = pick(d, "a", "b", "")
		}
	}
	return out
}

func (d policyDice) selector() *metav1.LabelSelector {
	s := &metav1.LabelSelector{}
	if d.IntN(3) == 0 {
		return s
	}
	if d.IntN(2) == 0 {
		s.MatchLabels = map[string]string{pick(d, "app", "tier"): pick(d, "a", "b", "")}
	}
	for range d.IntN(3) {
		e := metav1.LabelSelectorRequirement{
			Key:      pick(d, "app", "tier", "none"),
			Operator: pick(d, metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist),
		}
		if e.Operator == metav1.LabelSelectorOpIn || e.Operator == metav1.LabelSelectorOpNotIn {
			e.Values = pick(d, []string{"a"}, []string{"b", "a"}, []string{""}, []string{"b", ""})
		}
		s.MatchExpressions = append(s.MatchExpressions, e)
	}
	return s
}

func (d policyDice) peers() []networkingv1.NetworkPolicyPeer {
	out := make([]networkingv1.NetworkPolicyPeer, d.IntN(3))
	for i := range out {
		switch d.IntN(4) {
		case 0:
			out[i].IPBlock = &networkingv1.IPBlock{CIDR: pick(d, "10.0.0.0/8", "0.0.0.0/0", "::/0", "10.0.0.0/30", "2001:db8::/64", "10.0.0.1/32")}
			for range d.IntN(3) {
				out[i].IPBlock.Except = append(out[i].IPBlock.Except, pick(d, "10.0.0.0/31", "10.0.0.2/32", "2001:db8::1/128", "10.0.0.9/32"))
			}
		case 1:
			out[i].PodSelector = d.selector()
		case 2:
			out[i].NamespaceSelector = d.selector()
		default:
			out[i].PodSelector, out[i].NamespaceSelector = d.selector(), d.selector()
		}
	}
	return out
}

func (d policyDice) ports() []networkingv1.NetworkPolicyPort {
	out := make([]networkingv1.NetworkPolicyPort, d.IntN(3))
	for i := range out {
		if d.IntN(2) == 0 {
			out[i].Protocol = new(pick(d, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP))
		}
		switch d.IntN(4) {
		case 0:
		case 1:
			out[i].Port = new(intstr.FromString(pick(d, "http", "dns")))
		case 2:
			out[i].Port = new(intstr.FromInt32(pick[int32](d, 80, 81, 53)))
		default:
			out[i].Port = new(intstr.FromInt32(pick[int32](d, 53, 80)))
			out[i].EndPort = new(pick[int32](d, 80, 81, 100))
		}
	}
	return out
}

func (d policyDice) policy(name string) *networkingv1.NetworkPolicy {
	p := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: pick(d, "x", "y"), Name: name}, Spec: networkingv1.NetworkPolicySpec{
		PodSelector: *d.selector(),
		PolicyTypes: pick(d, nil, []networkingv1.PolicyType{}, []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			[]networkingv1.PolicyType{networkingv1.PolicyTypeEgress}, []networkingv1.PolicyType{networkingv1.PolicyTypeEgress, networkingv1.PolicyTypeIngress}),
	}}
	for range d.IntN(3) {
		p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: d.peers(), Ports: d.ports()})
	}
	for range d.IntN(3) {
		p.Spec.Egress = append(p.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: d.peers(), Ports: d.ports()})
	}
	return p
}

func (d policyDice) pod(name, address string) host {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pick(d, "x", "y", "z"), Name: name, Labels: d.labels()}}
	p.Spec.NodeName = pick(d, "", "n1", "n2")
	for i, port := range []int32{80, 81, 53} {
		if d.IntN(2) == 0 {
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: strconv.Itoa(i), Ports: []corev1.ContainerPort{
				{Name: pick(d, "http", "dns", ""), ContainerPort: port, Protocol: pick(d, "", corev1.ProtocolTCP, corev1.ProtocolUDP)},
			}})
		}
	}
	p.Status.PodIPs = []corev1.PodIP{{IP: address}}
	return host{p, address}
}

func (d policyDice) cluster() (*literal, []host) {
	l := &literal{namespaces: map[string]map[string]string{}}
	for _, n := range []string{"x", "y", "z"} {
		l.namespaces[n] = d.labels()
	}
	for i := range d.IntN(5) {
		l.policies = append(l.policies, d.policy("p"+strconv.Itoa(i)))
	}
	prefix := pick(d, "10.0.0.", "2001:db8::")
	hosts := []host{{address: prefix + "9"}}
	for i := range 4 {
		hosts = append(hosts, d.pod("pod"+strconv.Itoa(i), prefix+strconv.Itoa(i)))
	}
	return l, hosts
}

// TestAsTheSpecificationSays compares decisions in made-up clusters with those
// of the literal evaluator.
func TestAsTheSpecificationSays(t *testing.T) {
	counted := map[Answer]int{}
	for seed := range uint64(1200) {
		d := policyDice{rand.New(rand.NewPCG(seed, 7))}
		l, hosts := d.cluster()
		p := knownPolicies(t, l)
		for _, from := range hosts {
			for _, to := range hosts {
				protocol, port := pick(d, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP), pick[int32](d, 80, 81, 53, 90)
				got := p.Decide(from.party(), to.party(), Port{Protocol: string(protocol), Number: port})
				counted[got.Allowed]++
				if want := answer(l.allowed(from, to, protocol, port)); got.Allowed != want {
					text, _ := json.MarshalIndent(l.policies, "", " ")
					t.Fatalf("seed %d: %v to %v %s %d: %v, want %v: %s\n%s", seed, from, to, protocol, port, got.Allowed, want, got.Why, text)
				}
				checkDecision(t, l, from, to, protocol, port, got)
			}
		}
	}
	if counted[Yes] < 3000 || counted[No] < 3000 || counted[Unclear] > 0 {
		t.Errorf("the clusters show little: %v", counted)
	}
}

// checkDecision checks what a decision says besides yes and no: the direction
// that it names refuses, and without the policies that decided it is another.
func checkDecision(t *testing.T, l *literal, from, to host, protocol corev1.Protocol, port int32, d Decision) {
	t.Helper()
	if d.Why == "" {
		t.Fatal("no reason is told")
	}
	leaves, enters := l.leaves(from, to, protocol, port), l.enters(from, to, protocol, port)
	if d.Allowed == Yes && d.Direction != "" || d.Direction == Outbound && leaves || d.Direction == Inbound && (enters || !leaves) {
		t.Fatalf("direction %q is wrong: it may leave: %v, and enter: %v", d.Direction, leaves, enters)
	}
	if len(d.DecidedBy) == 0 {
		if d.Allowed == No {
			t.Fatalf("nobody refuses it: %+v", d)
		}
		return
	}
	rest := &literal{namespaces: l.namespaces}
	for _, p := range l.policies {
		decided := false
		for _, ref := range d.DecidedBy {
			decided = decided || ref.Namespace == p.Namespace && ref.Name == p.Name
		}
		if !decided {
			rest.policies = append(rest.policies, p)
		}
	}
	if d.Direction == Outbound && !rest.leaves(from, to, protocol, port) || d.Direction == Inbound && !rest.enters(from, to, protocol, port) {
		t.Fatalf("refused without %v too", d.DecidedBy)
	}
}

// TestWhatIsNotKnown checks that what is told of a cluster that is known in part
// holds whatever the rest of it is.
func TestWhatIsNotKnown(t *testing.T) {
	counted := map[Answer]int{}
	for seed := range uint64(1000) {
		d := policyDice{rand.New(rand.NewPCG(seed, 8))}
		l, hosts := d.cluster()
		p := knownPolicies(t, l)
		hidden := pick(d, "x", "y", "z")
		p.RemoveNamespace(hidden)
		unread := d.IntN(3) == 0
		if unread {
			p.Unread("y", "forbidden")
		}
		from, to := pick(d, hosts...), pick(d, hosts...)
		bare := d.IntN(3) == 0 && to.pod != nil // has no address yet
		protocol, port := pick(d, corev1.ProtocolTCP, corev1.ProtocolUDP), pick[int32](d, 80, 81, 53)
		target := to.party()
		if bare {
			target.Addresses = nil
		}
		got := p.Decide(from.party(), target, Port{Protocol: string(protocol), Number: port})
		counted[got.Allowed]++
		if got.Why == "" || got.Allowed == Unclear && got.Direction == "" {
			t.Fatalf("seed %d: %+v", seed, got)
		}
		for range 20 {
			l.namespaces[hidden] = d.labels()
			if unread {
				l.policies = slices.DeleteFunc(l.policies, func(n *networkingv1.NetworkPolicy) bool { return n.Namespace == "y" })
				for i := range d.IntN(3) {
					other := d.policy("other" + strconv.Itoa(i))
					other.Namespace = "y"
					l.policies = append(l.policies, other)
				}
			}
			if want := answer(l.allowed(from, to, protocol, port)); got.Allowed != Unclear && got.Allowed != want {
				t.Fatalf("seed %d: told %v, but it may be %v: %s", seed, got.Allowed, want, got.Why)
			}
		}
	}
	if counted[Yes] < 50 || counted[No] < 50 || counted[Unclear] < 50 {
		t.Errorf("the clusters show little: %v", counted)
	}
}

// TestHostNetwork checks decisions about pods on the host network against every
// way in which a network plugin may treat them: as pods or as their nodes.
func TestHostNetwork(t *testing.T) {
	counted := map[Answer]int{}
	for seed := range uint64(1000) {
		d := policyDice{rand.New(rand.NewPCG(seed, 9))}
		l, hosts := d.cluster()
		from, to := hosts[1], hosts[2]
		from.pod.Spec.HostNetwork, to.pod.Spec.HostNetwork = d.IntN(2) == 0, d.IntN(2) == 0
		protocol, port := pick(d, corev1.ProtocolTCP, corev1.ProtocolUDP), pick[int32](d, 80, 81, 53)
		got := knownPolicies(t, l).Decide(from.party(), to.party(), Port{Protocol: string(protocol), Number: port})
		counted[got.Allowed]++
		if notes := answer(from.pod.Spec.HostNetwork) + answer(to.pod.Spec.HostNetwork); len(got.Notes) != int(notes+2)/2 {
			t.Fatalf("seed %d: %v", seed, got.Notes)
		}
		if l.untouchable(from, to) {
			if got.Allowed != Yes {
				t.Fatalf("seed %d: a pod and its node: %+v", seed, got)
			}
			continue
		}
		asNode := func(h host) host {
			if h.pod.Spec.HostNetwork {
				h.pod = nil
			}
			return h
		}
		worlds := []bool{
			l.leaves(from, to, protocol, port) && l.enters(from, to, protocol, port),
			// Policies are not about a node, and selectors do not find its pods.
			(from.pod.Spec.HostNetwork || l.leaves(from, asNode(to), protocol, port)) && (to.pod.Spec.HostNetwork || l.enters(asNode(from), to, protocol, port)),
		}
		for _, want := range worlds {
			if got.Allowed != Unclear && got.Allowed != answer(want) {
				t.Fatalf("seed %d: told %v, but it may be %v: %s", seed, got.Allowed, answer(want), got.Why)
			}
		}
	}
	if counted[Yes] < 50 || counted[No] < 50 || counted[Unclear] < 50 {
		t.Errorf("the clusters show little: %v", counted)
	}
}
