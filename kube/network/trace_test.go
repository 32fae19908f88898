package network_test

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube"
	"quarterdeck/kube/network"
)

// What leads to a thing, or through it, is found from that side too.
func TestReverse(t *testing.T) {
	deployed := &appsv1.Deployment{ObjectMeta: meta("cart"), Spec: appsv1.DeploymentSpec{
		Replicas: new(int32(2)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "cart"}},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "cart"}}},
	}}
	manual := endpoints("manual", pod("cart", "cart-a"))
	manual.Name, manual.UID = "manual-1", "manual-1"
	byHand := service("manual", "", func(s *corev1.Service) { s.Spec.Selector = nil })
	w := newWorld(t, cart(
		deployed, class("nginx"), ingress("cart", named("http"), secure), secret(t, "shop-tls", 90, "shop.example.com"), byHand, manual,
		service("other", "other"), pod("other", "other-a", func(p *corev1.Pod) { p.Labels["app"] = "cartt" }), service("cartx", "cartx"),
	)...)
	const served = "reachable | ingressclass/nginx ingress/shop secret/shop-tls svc/cart endpointslice/cart-1 "
	for name, c := range map[string]struct {
		of   kube.Ref
		want string
	}{
		"pod": {
			cartPod, served + "pod/cart-a |  |  | \n" + "reachable | svc/cart endpointslice/cart-1 pod/cart-a |  |  | \n" +
				"reachable | svc/manual endpointslice/manual-1 pod/cart-a |  |  | ",
		},
		"workload":      {cartDeployed, served + "pod/cart-a pod/cart-b |  |  | \n" + "reachable | svc/cart endpointslice/cart-1 pod/cart-a pod/cart-b |  |  | "},
		"secret":        {refTo("Secret", "secrets", "shop-tls"), served + "pod/cart-a pod/cart-b |  |  | "},
		"nothing leads": {refTo("Pod", "pods", "other-a"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := lines(w.g.Traces(c.of, now)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
	w.put(with(deployed, func(d *appsv1.Deployment) {
		d.Name, d.Spec.Template.Labels = "other", map[string]string{"app": "cartt"}
	}))
	for _, of := range []kube.Ref{refTo("Pod", "pods", "other-a"), refTo("Deployment", "deployments", "other")} {
		lonely := w.g.Traces(of, now)
		if lonely.State() != network.Broken || lonely.Nearest != "svc/cartx" || lonely.Fix == nil ||
			lonely.Fix.Words != "change spec.selector.app of svc/cartx from cartx to cartt" {
			t.Errorf("%s: %s: %q, nearest %q, %+v", of, lonely.State(), lonely.Nobody, lonely.Nearest, lonely.Fix)
		}
	}
}

// What has a slice of its own for every port, as those have that somebody makes by
// hand, is one endpoint, and has all of them.
func TestSliceOfEachPort(t *testing.T) {
	a, b := pod("cart", "cart-a"), pod("cart", "cart-b")
	two := service("cart", "cart", func(s *corev1.Service) {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: "admin", Port: 90, TargetPort: intstr.FromInt32(8080)})
	})
	admin := endpoints("cart", a, b)
	admin.Name, admin.UID, admin.Ports[0].Name = "cart-2", "cart-2", new("admin")
	w := newWorld(t, two, a, b, endpoints("cart", a), admin)
	want := "degraded 1 of 2\nreachable 2 of 2"
	var got []string
	for _, r := range w.g.Routes(now) {
		got = append(got, fmt.Sprintf("%s %d of %d", r.State, r.Ready, r.Total))
	}
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

// An object is known by its name, kind and namespace.
func TestHas(t *testing.T) {
	w := newWorld(t, cart(class("nginx"), ingress("cart", named("http"), func(i *networkingv1.Ingress) { i.Name = "front" }))...)
	for _, c := range []struct {
		of   kube.Ref
		want bool
	}{
		{cartService, true},
		{refTo("Service", "services", "carts"), false},
		{cartPod, true},
		{shopIngress, false},
		{refTo("Ingress", "ingresses", "front"), true},
		{cartDeployed, false},
		{publicGate, false},
		{cartHTTP, false},
		{kube.Ref{Kind: "Node", Name: "cart"}, false},
	} {
		if w.g.Has(c.of) != c.want {
			t.Errorf("%s is known: %t", c.of, !c.want)
		}
	}
	if got := w.g.Names(network.Pods, "shop"); len(got) != 2 || got[0] != "cart-a" {
		t.Errorf("%q", got)
	}
}
