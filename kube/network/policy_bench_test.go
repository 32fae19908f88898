package network

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// large has 1,000 policies in 100 namespaces and 50,000 pods, one policy in ten
// about a given pod.
func large(b *testing.B) (*Policies, []*object.NetworkPolicy, []*object.Pod) {
	b.Helper()
	l := &literal{namespaces: map[string]map[string]string{}}
	for i := range 1000 {
		namespace := fmt.Sprintf("ns-%02d", i%100)
		l.namespaces[namespace] = map[string]string{"team": fmt.Sprint(i % 10)}
		p := aboutA(fmt.Sprintf("policy-%03d", i), []networkingv1.NetworkPolicyIngressRule{{
			Ports: []networkingv1.NetworkPolicyPort{{Port: new(intstr.FromInt32(int32(8000 + i)))}},
			From: []networkingv1.NetworkPolicyPeer{
				{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "app-7"}}},
				{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "3"}}, PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "app-8"}}},
				{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8", Except: []string{"10.0.0.0/16"}}},
			},
		}})
		p.Namespace = namespace
		l.policies = append(l.policies, p)
	}
	pods := make([]*object.Pod, 50_000)
	in := map[int]*store.Labels{}
	for i := range pods {
		if in[i%50] == nil {
			in[i%50] = store.NewLabels(map[string]string{"app": fmt.Sprintf("app-%d", i%50), "pod": "a", "hash": "1"})
		}
		pods[i] = &object.Pod{Meta: store.Meta{Namespace: fmt.Sprintf("ns-%02d", i%100), Name: fmt.Sprintf("pod-%05d", i), Labels: in[i%50]}}
	}
	return knownPolicies(b, l), policyObjects(b, l.policies...), pods
}

func partyOf(p *object.Pod) *Party {
	return &Party{Namespace: p.Namespace, Name: p.Name, Labels: p.Labels, Addresses: []netip.Addr{netip.MustParseAddr("10.1.2.3")}}
}

func BenchmarkDecide(b *testing.B) {
	p, _, pods := large(b)
	from, to := partyOf(pods[3]), partyOf(pods[1])
	for b.Loop() {
		p.Decide(from, to, Port{"TCP", 8001})
	}
}

func BenchmarkAccessCounted(b *testing.B) {
	p, _, pods := large(b)
	of := partyOf(pods[1])
	for b.Loop() {
		if a := p.Access(of, Inbound, slices.Values(pods)); len(a.Lines) != 30 {
			b.Fatal(len(a.Lines))
		}
	}
}

func BenchmarkChange(b *testing.B) {
	p, policies, _ := large(b)
	for i := 0; b.Loop(); i++ {
		n := policies[i%len(policies)]
		p.Remove(n)
		p.Put(n)
	}
}
