package views

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/apitest"
	"quarterdeck/kube/network"
	"quarterdeck/kube/object"
	"quarterdeck/ui"
)

// talker is a pod of an app that listens on 8080.
func talker(namespace, name, app, address string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID("pods-" + namespace + "-" + name), Labels: map[string]string{"app": app}, CreationTimestamp: ago(time.Hour)},
		Spec: corev1.PodSpec{NodeName: "std-a-01", Containers: []corev1.Container{{
			Name: "app", Image: app + ":v1", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
		}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: address, PodIPs: []corev1.PodIP{{IP: address}}},
	}
}

func policy(name, app string, about []networkingv1.PolicyType, in []networkingv1.NetworkPolicyIngressRule, out []networkingv1.NetworkPolicyEgressRule) *networkingv1.NetworkPolicy {
	p := &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, CreationTimestamp: ago(time.Hour)},
		Spec:       networkingv1.NetworkPolicySpec{PolicyTypes: about, Ingress: in, Egress: out},
	}
	p.UID = types.UID("networkpolicies-shop-" + name)
	if app != "" {
		p.Spec.PodSelector.MatchLabels = map[string]string{"app": app}
	}
	return p
}

// policed is a cluster in which the pods of cart are isolated, those of db shut,
// and those of front open.
func policed(s *apitest.Server) {
	port := func(p intstr.IntOrString, protocol corev1.Protocol) networkingv1.NetworkPolicyPort {
		return networkingv1.NetworkPolicyPort{Port: &p, Protocol: &protocol}
	}
	app := func(name string) networkingv1.NetworkPolicyPeer {
		return networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}}
	}
	team := networkingv1.NetworkPolicyPeer{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "ops"}}}
	block := networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8", Except: []string{"10.1.0.0/16"}}}
	ingress, egress := networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress
	for _, name := range []string{"shop", "ops"} {
		s.Put(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"team": name}, CreationTimestamp: ago(time.Hour)}})
	}
	s.Put(
		talker("shop", "cart-1", "cart", "10.0.0.1"), talker("shop", "cart-2", "cart", "10.0.0.2"), talker("shop", "db-0", "db", "10.0.0.3"),
		talker("shop", "front-1", "front", "10.0.0.4"), talker("ops", "prom-0", "prom", "10.0.0.5"), talker("ops", "grafana-0", "grafana", "10.0.0.6"),
		policy("cart-from-front", "cart", []networkingv1.PolicyType{ingress}, []networkingv1.NetworkPolicyIngressRule{
			{From: []networkingv1.NetworkPolicyPeer{app("front")}, Ports: []networkingv1.NetworkPolicyPort{port(intstr.FromString("http"), corev1.ProtocolTCP)}},
		}, nil),
		policy("monitoring", "cart", []networkingv1.PolicyType{ingress}, []networkingv1.NetworkPolicyIngressRule{
			{From: []networkingv1.NetworkPolicyPeer{team}, Ports: []networkingv1.NetworkPolicyPort{port(intstr.FromInt32(9090), corev1.ProtocolTCP)}},
			{From: []networkingv1.NetworkPolicyPeer{app("front")}, Ports: []networkingv1.NetworkPolicyPort{port(intstr.FromString("http"), corev1.ProtocolTCP)}},
		}, nil),
		policy("cart-out", "cart", []networkingv1.PolicyType{egress}, nil, []networkingv1.NetworkPolicyEgressRule{
			{To: []networkingv1.NetworkPolicyPeer{app("db"), block}, Ports: []networkingv1.NetworkPolicyPort{port(intstr.FromInt32(5432), corev1.ProtocolTCP)}},
			{Ports: []networkingv1.NetworkPolicyPort{port(intstr.FromInt32(53), corev1.ProtocolUDP)}},
		}),
		policy("db-shut", "db", []networkingv1.PolicyType{ingress, egress}, nil, nil),
	)
}

func cartPod() kube.Ref { return podRef("cart-1") }

func podRef(name string) kube.Ref {
	return kube.Ref{GVR: object.Pods().GVR, Kind: "Pod", Namespace: "shop", Name: name, UID: types.UID("pods-shop-" + name)}
}

func shopOfPolicies(change func(*settings)) func(*settings) {
	return func(set *settings) {
		set.empty, set.start, set.prepare, set.Detail = true, "pods", policed, DetailAuto
		if change != nil {
			change(set)
		}
	}
}

// policies opens the policies of a pod, and waits until they are there.
func (b *bench) policies(ref kube.Ref) {
	b.t.Helper()
	b.send(ui.PushMsg{Frame: policiesFrame(b.session, ref)})
	for range 3 {
		time.Sleep(time.Second) // stores collect changes, and so does the page
		b.settle()
	}
}

func TestPolicies(t *testing.T) {
	var seen screens
	pipe(t, shopOfPolicies(nil), func(b *bench) {
		b.policies(cartPod())
		seen.both(b, "isolated")
		b.want("10.0.0.0/8 except 10.1.0.0/16")
		b.press("enter")
		seen.both(b, "which-policy")
		b.press("enter")
		b.settle()
		b.want("Name:", "cart-from-front")
		b.press("esc", "esc")
		b.policies(podRef("front-1"))
		seen.both(b, "open")
		b.press("enter")
		b.want("no network policy decides this")
		b.press("esc")
		b.policies(podRef("db-0"))
		seen.both(b, "shut")
	})
	forbid := func(namespace string, names ...string) func(*settings) {
		return func(set *settings) {
			refuse := forbidding(names...)
			set.answer = func(r apitest.Request) *apitest.Answer {
				if r.Namespace != namespace {
					return nil
				}
				return refuse(r)
			}
		}
	}
	pipe(t, shopOfPolicies(forbid("", "pods", "namespaces")), func(b *bench) {
		b.policies(cartPod())
		seen.both(b, "partial")
		b.want("n/a")
	})
	pipe(t, shopOfPolicies(forbid("shop", "networkpolicies")), func(b *bench) {
		b.policies(cartPod())
		seen.both(b, "forbidden")
		b.wantNot("everybody", "no policy", "isolated")
	})
	pipe(t, shopOfPolicies(forbid("shop", "networkpolicies", "pods")), func(b *bench) {
		b.policies(cartPod())
		seen.both(b, "forbidden-pods")
	})
	pipe(t, shopOfPolicies(func(set *settings) {
		set.prepare = func(s *apitest.Server) {
			policed(s)
			gvr := schema.GroupVersionResource{Group: "cilium.io", Version: "v2", Resource: "ciliumnetworkpolicies"}
			s.Define(gvr, apitest.Kind{Kind: "CiliumNetworkPolicy", Namespaced: true})
		}
	}), func(b *bench) {
		b.policies(podRef("front-1"))
		seen.both(b, "not-modelled")
	})
	seen.compare(t)
}

// The page follows what changes while it is open.
func TestPoliciesLive(t *testing.T) {
	pipe(t, shopOfPolicies(nil), func(b *bench) {
		b.policies(podRef("front-1"))
		b.want("open", "everybody", "no policy")
		b.Put(policy("front-shut", "front", []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, nil, nil))
		b.frame()
		time.Sleep(2 * time.Second)
		b.settle()
		b.want("shut", "nobody", "front-shut")
		b.Delete(talker("shop", "front-1", "front", "10.0.0.4"))
		time.Sleep(2 * time.Second)
		b.settle()
		b.want("is gone: this is what was known last", "front-shut")
		b.press("esc")
		b.policies(podRef("front-1"))
		b.want("is not there: it was deleted")
	})
}

func TestPoliciesAsk(t *testing.T) {
	var seen screens
	pipe(t, shopOfPolicies(nil), func(b *bench) {
		b.policies(cartPod())
		b.press("A")
		b.text("front-1")
		b.want("has no port")
		b.text(":http")
		b.press("enter")
		b.settle()
		seen.both(b, "allowed")
		b.press("esc", "A")
		b.text("ops/prom-0:8080")
		b.press("enter")
		b.settle()
		seen.both(b, "denied")
		b.press("esc")
		b.to("egress")
		b.press("A")
		b.text("8.8.8.8:53/udp")
		b.press("enter")
		b.settle()
		b.want("allowed: pod shop/cart-1 to 8.8.8.8 port 53/UDP", "cart-out in shop")
		b.press("esc", "A")
		b.text("ops/gone:80")
		b.press("enter")
		b.settle()
		b.want("there is no pod gone in")
	})
	seen.compare(t)
}

func TestReachQuestion(t *testing.T) {
	other := network.End{Namespace: "ops", Pod: "prom-0"}
	self := network.End{Namespace: "shop", Pod: "cart-1"}
	for _, tt := range []struct {
		d    network.Direction
		text string
		want network.Question
	}{
		{network.Inbound, " ops/prom-0:8080 ", network.Question{From: other, To: self, Port: "8080"}},
		{network.Outbound, "ops/prom-0:dns/udp", network.Question{From: self, To: other, Port: "dns", Protocol: "UDP"}},
		{network.Outbound, "cart-1:80", network.Question{From: self, To: self, Port: "80"}},
	} {
		if got, err := reachQuestion(cartPod(), tt.d, tt.text); err != nil || got != tt.want {
			t.Errorf("%s %q: %+v, %v", tt.d, tt.text, got, err)
		}
	}
	for _, text := range []string{"", "prom-0", "a b:80", "/x:80", "prom-0:80/icmp"} {
		if q, err := reachQuestion(cartPod(), network.Inbound, text); err == nil {
			t.Errorf("%q: %+v", text, q)
		}
	}
}

// The page is sound at every size, whatever the texts of the cluster are.
func TestPoliciesSizes(t *testing.T) {
	pipe(t, shopOfPolicies(nil), func(b *bench) {
		b.policies(cartPod())
		for _, size := range [][2]int{{20, 4}, {20, 6}, {40, 9}, {60, 12}, {80, 24}, {110, 30}, {160, 50}, {250, 8}} {
			b.resize(size[0], size[1])
			b.sound(size[0], size[1], "policies")
			b.tap("w")
			b.sound(size[0], size[1], "policies, wide")
			b.tap("w")
		}
	})
}

// The key is there for pods, and for nothing else.
func TestPoliciesAction(t *testing.T) {
	pipe(t, shopOfPolicies(nil), func(b *bench) {
		b.to("cart-1")
		b.press("I")
		time.Sleep(time.Second)
		b.settle()
		b.want("policies pod/cart-1", "cart-from-front")
	})
	s := &Session{}
	if _, ok := s.policiesAction(kube.Ref{GVR: object.Services().GVR}); ok {
		t.Error("policies of a service")
	}
	if a, ok := s.policiesAction(cartPod()); !ok || a.ID != keymap.GoPolicies || strings.TrimSpace(a.Disabled) != "" {
		t.Errorf("%+v %v", a, ok)
	}
}
