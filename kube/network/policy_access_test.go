package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// aboutA returns a policy of namespace x that is about the pods labelled a.
func aboutA(name string, ingress []networkingv1.NetworkPolicyIngressRule, egress ...networkingv1.NetworkPolicyEgressRule) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "x", Name: name}, Spec: networkingv1.NetworkPolicySpec{
		PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"pod": "a"}}, Ingress: ingress, Egress: egress,
	}}
}

func portNamed(name string) networkingv1.NetworkPolicyPort {
	return networkingv1.NetworkPolicyPort{Port: new(intstr.FromString(name))}
}

func (a *Access) lines() string {
	var b strings.Builder
	for _, l := range a.Lines {
		var by []string
		for _, ref := range l.By {
			by = append(by, ref.Name)
		}
		fmt.Fprintf(&b, "%s | %s | %s | %d\n", l.Ports, l.Peer, strings.Join(by, " "), l.Pods)
	}
	return b.String()
}

func TestAccess(t *testing.T) {
	l, hosts := squareCluster()
	from := func(labels map[string]string) networkingv1.NetworkPolicyPeer {
		return networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: labels}}
	}
	l.policies = []*networkingv1.NetworkPolicy{
		aboutA("one", []networkingv1.NetworkPolicyIngressRule{
			{From: []networkingv1.NetworkPolicyPeer{from(map[string]string{"pod": "b"})}, Ports: []networkingv1.NetworkPolicyPort{portNamed("serve-80-tcp"), portNamed("web")}},
			{From: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{}}}, Ports: []networkingv1.NetworkPolicyPort{{Port: new(intstr.FromInt32(8000)), EndPort: new(int32(8100))}}},
		}, networkingv1.NetworkPolicyEgressRule{
			To:    []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8", Except: []string{"10.1.0.0/16"}}}},
			Ports: []networkingv1.NetworkPolicyPort{portNamed("db"), {Protocol: new(corev1.ProtocolUDP)}},
		}),
		aboutA("two", []networkingv1.NetworkPolicyIngressRule{
			{From: []networkingv1.NetworkPolicyPeer{from(map[string]string{"pod": "b"})}, Ports: []networkingv1.NetworkPolicyPort{portNamed("serve-80-tcp")}},
			{Ports: []networkingv1.NetworkPolicyPort{{Port: new(intstr.FromInt32(443))}}},
			{From: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"ns": "y"}}, PodSelector: &metav1.LabelSelector{}}}},
		}),
	}
	p := knownPolicies(t, l)
	var all []*object.Pod
	for _, h := range hosts {
		all = append(all, &object.Pod{Meta: store.Meta{Namespace: h.pod.Namespace, Name: h.pod.Name, Labels: store.NewLabels(h.pod.Labels)}})
	}
	all = append(all, &object.Pod{Meta: store.Meta{Namespace: "x", Labels: store.NewLabels(map[string]string{"pod": "b"})}, Phase: "Failed"})
	in := p.Access(hosts["x/a"].party(), Inbound, slices.Values(all))
	if want := `all ports | all pods in namespaces ns=y | two | 3
web/TCP, which no container has | pods pod=b in x | one | 1
80/TCP serve-80-tcp | pods pod=b in x | one two | 1
443/TCP | everybody | two | -1
8000-8100/TCP | all pods in all namespaces | one | 9
`; in.lines() != want || in.Isolated != Yes || len(in.By) != 2 {
		t.Errorf("%+v\n%s", in, in.lines())
	}
	out := p.Access(hosts["x/a"].party(), Outbound, nil)
	if want := `all ports/UDP | 10.0.0.0/8 except 10.1.0.0/16 | one | -1
db/TCP | 10.0.0.0/8 except 10.1.0.0/16 | one | -1
`; out.lines() != want || out.Isolated != Yes || len(out.By) != 1 {
		t.Errorf("%+v\n%s", out, out.lines())
	}
	if free := p.Access(hosts["x/b"].party(), Inbound, nil); free.Isolated != No || free.lines() != "all ports | everybody |  | -1\n" {
		t.Errorf("%+v", free)
	}
	p.RemoveNamespace("y")
	if in := p.Access(hosts["x/a"].party(), Inbound, slices.Values(all)); in.Lines[0].Pods != -1 {
		t.Errorf("pods of a namespace of which nothing is known are counted: %d", in.Lines[0].Pods)
	}
	p.Unread("x", "forbidden")
	if in := p.Access(hosts["x/a"].party(), Inbound, nil); in.Isolated != Unclear || len(in.Lines) > 0 || !strings.Contains(in.Why, "forbidden") {
		t.Errorf("%+v", in)
	}
}

func TestAccessNothing(t *testing.T) {
	l, hosts := squareCluster()
	l.policies = []*networkingv1.NetworkPolicy{aboutA("deny", nil)}
	p := knownPolicies(t, l)
	if in := p.Access(hosts["x/a"].party(), Inbound, nil); in.Isolated != Yes || len(in.Lines) > 0 || !strings.Contains(in.Why, "no policy allows anything") {
		t.Errorf("%+v", in)
	}
	hosts["x/a"].pod.Spec.HostNetwork = true
	if in := p.Access(hosts["x/a"].party(), Inbound, nil); in.Isolated != Unclear || !strings.Contains(in.Why, "host network") {
		t.Errorf("%+v", in)
	}
	p.Remove(policyObjects(t, l.policies...)[0])
	if in := p.Access(hosts["x/a"].party(), Inbound, nil); in.Isolated != No {
		t.Errorf("a policy that is gone still counts: %+v", in)
	}
}

// TestFamilies checks pods with addresses of both families.
func TestFamilies(t *testing.T) {
	l, hosts := squareCluster()
	l.policies = []*networkingv1.NetworkPolicy{aboutA("v4", []networkingv1.NetworkPolicyIngressRule{
		{From: []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8"}}}},
	})}
	p := knownPolicies(t, l)
	to, from := hosts["x/a"].party(), hosts["x/b"].party()
	six := netip.MustParseAddr("2001:db8::1")
	decide := func(want Answer, words string) {
		t.Helper()
		if d := p.Decide(from, to, Port{"TCP", 80}); d.Allowed != want || !strings.Contains(d.Why, words) {
			t.Errorf("%v, want %v: %q does not say %q", d.Allowed, want, d.Why, words)
		}
	}
	decide(Yes, "networkpolicy/v4 allows 80/TCP from pod x/b")
	to.Addresses = append(to.Addresses, six)
	decide(Yes, "no policy isolates pod x/b for egress; networkpolicy/v4 allows")
	from.Addresses = append(from.Addresses, six.Next())
	decide(No, "over IPv6, unlike over IPv4: networkpolicy/v4 isolates")
	from.Addresses = []netip.Addr{six.Next()}
	to.Addresses = to.Addresses[:1]
	decide(Unclear, "no addresses of the same family")
	from.Addresses = nil
	decide(Unclear, "which the pod does not have yet")
}

// TestNotValid checks policies that servers took before they checked them.
func TestNotValid(t *testing.T) {
	l, hosts := squareCluster()
	bad := &metav1.LabelSelector{MatchLabels: map[string]string{"pod": "not valid!"}}
	peer := aboutA("peer", []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{PodSelector: bad}}}})
	pods := aboutA("pods", nil)
	pods.Spec.PodSelector = *bad
	block := aboutA("block", []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/33"}}}}})
	for _, policy := range []*networkingv1.NetworkPolicy{peer, pods, block} {
		l.policies = []*networkingv1.NetworkPolicy{policy}
		d := knownPolicies(t, l).Decide(hosts["x/b"].party(), hosts["x/a"].party(), Port{"TCP", 80})
		if d.Allowed != Unclear || d.Direction != Inbound || !strings.Contains(d.Why, "not valid") || len(d.DecidedBy) != 1 {
			t.Errorf("%s: %+v", policy.Name, d)
		}
	}
}

// TestNamespaceByItsName checks that the label with the name of a namespace is
// known even where its labels may not be read.
func TestNamespaceByItsName(t *testing.T) {
	l, hosts := squareCluster()
	ask := func(namespace string, selected map[string]string) Answer {
		l.policies = []*networkingv1.NetworkPolicy{aboutA("named", []networkingv1.NetworkPolicyIngressRule{
			{From: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{MatchLabels: selected}}}},
		})}
		p := knownPolicies(t, l)
		p.RemoveNamespace(namespace)
		return p.Decide(hosts[namespace+"/b"].party(), hosts["x/a"].party(), Port{"TCP", 80}).Allowed
	}
	y := map[string]string{corev1.LabelMetadataName: "y"}
	if got := ask("y", y); got != Yes {
		t.Errorf("the namespace by its name: %v", got)
	}
	if got := ask("z", y); got != No {
		t.Errorf("another namespace: %v", got)
	}
	y["ns"] = "y"
	if got := ask("y", y); got != Unclear {
		t.Errorf("a label that is not known: %v", got)
	}
	if got := ask("z", y); got != No {
		t.Errorf("another namespace, whatever its labels: %v", got)
	}
	if got := ask("y", nil); got != Yes {
		t.Errorf("all namespaces: %v", got)
	}
}

func TestOtherPolicies(t *testing.T) {
	kinds := []metav1.APIResource{
		{Group: "cilium.io", Name: "ciliumnetworkpolicies", Kind: "CiliumNetworkPolicy"},
		{Group: "cilium.io", Name: "ciliumnodes", Kind: "CiliumNode"},
		{Group: "networking.k8s.io", Name: "networkpolicies", Kind: "NetworkPolicy"},
		{Group: "policy.networking.k8s.io", Name: "adminnetworkpolicies", Kind: "AdminNetworkPolicy"},
		{Group: "crd.projectcalico.org", Name: "networkpolicies", Kind: "NetworkPolicy"},
	}
	want := []string{"AdminNetworkPolicy of policy.networking.k8s.io", "CiliumNetworkPolicy of cilium.io", "NetworkPolicy of crd.projectcalico.org"}
	if got := OtherPolicies(kinds); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
