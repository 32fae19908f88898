package triage_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"quarterdeck/kube/object"
	"quarterdeck/kube/triage"
)

func TestLoadBalancerPending(t *testing.T) {
	balancer := func(age int64) *corev1.Service {
		s := service("edge")
		s.Spec.Type, s.CreationTimestamp = corev1.ServiceTypeLoadBalancer, ago(age)
		return s
	}
	newScene(t, balancer(299)).none()
	is(t, newScene(t, balancer(300)).one(), "warn | load balancer has no address | svc/edge in shop | no controller has given it one | load-balancer-pending")
	e := &corev1.Event{
		ObjectMeta: meta("shop", "said"), Type: corev1.EventTypeWarning, Reason: "SyncLoadBalancerFailed", Message: "out of addresses",
		InvolvedObject: corev1.ObjectReference{Kind: "Service", Name: "edge", UID: "edge"}, LastTimestamp: ago(5),
	}
	is(t, newScene(t, balancer(300), e).one(), "warn | load balancer has no address | svc/edge in shop | SyncLoadBalancerFailed: out of addresses | load-balancer-pending")
	given := balancer(300)
	given.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "203.0.113.1"}}
	newScene(t, given).none()
}

func TestExternalName(t *testing.T) {
	for name, why := range map[string]string{
		"":                              "it has no externalName",
		"10.0.0.1":                      "10.0.0.1 is an address and not a name",
		"db_1.example.com":              `"db_1.example.com" is no DNS name`,
		"crat.shop.svc.cluster.local":   "there is no service crat in shop: did you mean cart?",
		"cart.shop.svc.cluster.local.":  "",
		"db.example.com":                "",
		"a.cart.shop.svc.cluster.local": "",
	} {
		s := service("db")
		s.Spec.Type, s.Spec.ExternalName, s.Spec.Ports = corev1.ServiceTypeExternalName, name, nil
		scene := newScene(t, append(served(), s)...)
		if why == "" {
			scene.none()
			continue
		}
		is(t, scene.one(), "crit | external name is broken | svc/db in shop | "+why+" | external-name")
	}
	local := service("metrics-server")
	local.Spec.Type, local.Spec.ExternalName = corev1.ServiceTypeExternalName, "127.0.0.1"
	api := newScene(t, local)
	read(api, triage.APIServices, object.APIServices(), apiService("True", 60)) // which the API server reaches
	api.none()
	elsewhere := service("db")
	elsewhere.Spec.Type, elsewhere.Spec.ExternalName = corev1.ServiceTypeExternalName, "db.data.svc.cluster.local"
	s := newScene(t, elsewhere)
	s.engine.Within = "shop" // nothing is known of data
	s.none()
}

func TestNetworkPolicyIsolates(t *testing.T) {
	policy := func(name string, selector map[string]string, rules ...networkingv1.NetworkPolicyIngressRule) *networkingv1.NetworkPolicy {
		return &networkingv1.NetworkPolicy{ObjectMeta: meta("shop", name), Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: selector}, PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, Ingress: rules,
		}}
	}
	cart := map[string]string{"app": "cart"}
	egress := policy("egress", nil)
	egress.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}
	young := policy("deny", nil)
	young.CreationTimestamp = ago(5)
	judged(t, map[string]scenery{
		"denied":         {append(served(), policy("deny", nil)), "warn | lets nobody reach svc/cart | networkpolicy/deny in shop | it allows no ingress, nor does another policy | network-policy-isolates"},
		"allowed":        {append(served(), policy("deny", nil), policy("allow", cart, networkingv1.NetworkPolicyIngressRule{})), ""},
		"of other pods":  {append(served(), policy("deny", map[string]string{"app": "search"})), ""},
		"no service":     {[]runtime.Object{pod("cart", "a"), policy("deny", nil)}, ""},
		"of what leaves": {append(served(), egress), ""},
		"just made":      {append(served(), young), ""},
	})
}
