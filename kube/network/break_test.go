package network_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube"
	"quarterdeck/kube/network"
)

// broken is a world, what is traced in it, and the row that it gives.
type broken struct {
	objects []any
	of      kube.Ref
	want    string
}

func traced(t *testing.T, cases map[string]broken) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := lines(newWorld(t, c.objects...).g.Traces(c.of, now)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func to(port intstr.IntOrString) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Spec.Ports[0].TargetPort = port }
}

func portless(s *discoveryv1.EndpointSlice) *discoveryv1.EndpointSlice {
	s.Ports = nil
	return s
}

func TestServiceBreaks(t *testing.T) {
	a, b := pod("cart", "cart-a"), pod("cart", "cart-b")
	bad := pod("cart", "cart-b", unready)
	gone := pod("cart", "cart-a", leaving)
	numbered := endpoints("cart", a)
	numbered.Ports[0].Port = new(int32(9090))
	idle := &appsv1.Deployment{ObjectMeta: meta("cart"), Spec: appsv1.DeploymentSpec{
		Replicas: new(int32(0)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "cart"}},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "cart"}}},
	}}
	selectorless := service("cart", "cart", func(s *corev1.Service) { s.Spec.Selector = nil })
	external := func(name string) *corev1.Service {
		return service("cart", "cart", func(s *corev1.Service) {
			s.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: name}
		})
	}
	traced(t, map[string]broken{
		"works": {cart(), cartService, "reachable | svc/cart endpointslice/cart-1 pod/cart-a pod/cart-b |  |  | "},
		"selector": {
			[]any{service("cart", "crat"), a, b, endpoints("cart")},
			cartService,
			"broken | [svc/cart] endpointslice/cart-1 | selector app=crat matches no pod; app=cart: 2 pods | app=cart (2 pods) | change spec.selector.app of svc/cart from crat to cart",
		},
		"selector of nobody": {[]any{service("cart", "billing"), a, endpoints("cart")}, cartService, "broken | [svc/cart] endpointslice/cart-1 | selector app=billing matches no pod |  | "},
		"target port by name": {
			[]any{service("cart", "cart", to(intstr.FromString("htp"))), a, portless(endpoints("cart", a))},
			cartService,
			`broken | [svc/cart] endpointslice/cart-1 pod/cart-a | targetPort "htp" is no port of its pods: pod/cart-a declares 8080 http | 8080 http | change spec.ports[0].targetPort of svc/cart from htp to http`,
		},
		"target port by number": {
			[]any{service("cart", "cart", to(intstr.FromInt32(9090))), a, numbered},
			cartService,
			"doubtful | [svc/cart] endpointslice/cart-1 pod/cart-a | targetPort 9090 is none of the ports that pod/cart-a declares (8080 http); it may listen there all the same | 8080 http | " +
				"change spec.ports[0].targetPort of svc/cart from 9090 to 8080",
		},
		"no ready pod": {
			[]any{service("cart", "cart"), bad, endpoints("cart", bad)},
			cartService,
			"broken | svc/cart endpointslice/cart-1 [pod/cart-b] | none of 1 pod is ready: pod/cart-b CrashLoopBackOff, 10.0.0.1 on node-1 |  | ",
		},
		"one of two ready": {
			[]any{service("cart", "cart"), a, bad, endpoints("cart", a, bad)},
			cartService,
			"degraded | svc/cart endpointslice/cart-1 pod/cart-b pod/cart-a | 1 of 2 endpoints not ready |  | ",
		},
		"terminating only": {
			[]any{service("cart", "cart"), gone, endpoints("cart", gone)},
			cartService,
			"broken | svc/cart [endpointslice/cart-1] pod/cart-a | all endpoints are on their way out: 1 still serving until then |  | ",
		},
		"scaled to zero": {
			[]any{service("cart", "cart"), idle, endpoints("cart")},
			cartService,
			"idle | svc/cart endpointslice/cart-1 [deploy/cart] | deploy/cart is scaled to zero |  | change spec.replicas of deploy/cart from 0 to 1",
		},
		"not followed": {
			[]any{service("cart", "cart"), a, endpoints("cart")},
			cartService,
			"broken | svc/cart [endpointslice/cart-1] pod/cart-a | 1 ready pod not among the endpoints of svc/cart |  | ",
		},
		"no slice": {[]any{service("cart", "cart"), a}, cartService, "broken | svc/cart [endpointslice/cart] pod/cart-a | 1 ready pod not among the endpoints of svc/cart |  | "},
		"no selector": {
			[]any{selectorless},
			cartService,
			"broken | svc/cart [endpointslice/cart] | the service selects no pods, and nobody has given it endpoints |  | ",
		},
		"external":            {[]any{external("example.com")}, cartService, "unknown | svc/cart | it leads to example.com, beyond the cluster |  | "},
		"external to nothing": {[]any{external("web.shop.svc.cluster.local")}, cartService, "broken | svc/cart [svc/web] | there is no service web in shop |  | "},
		"external address":    {[]any{external("192.0.2.1")}, cartService, "broken | [svc/cart] | 192.0.2.1 is an address, and an externalName is a name for DNS |  | "},
	})
}

func TestIngressBreaks(t *testing.T) {
	good := ingress("cart", named("http"))
	classless := ingress("cart", named("http"), func(i *networkingv1.Ingress) {
		i.Spec.IngressClassName, i.Status = nil, networkingv1.IngressStatus{}
	})
	const way = "ingressclass/nginx ingress/shop svc/cart endpointslice/cart-1 pod/cart-a pod/cart-b"
	const shown = "ingressclass/nginx ingress/shop [secret/shop-tls] svc/cart endpointslice/cart-1 pod/cart-a pod/cart-b"
	at := "spec.rules[0].http.paths[0].backend.service"
	traced(t, map[string]broken{
		"works":      {cart(class("nginx"), good), shopIngress, "reachable | " + way + " |  |  | "},
		"no address": {cart(class("nginx"), with(ingress("cart", named("http")), func(i *networkingv1.Ingress) { i.Status = networkingv1.IngressStatus{} })), shopIngress, "degraded | " + way + " | no controller has given ingress/shop an address |  | "},
		"service": {
			cart(class("nginx"), ingress("crat", named("http"))), shopIngress,
			"broken | ingressclass/nginx ingress/shop [svc/crat] | there is no service crat in shop: did you mean cart? | svc/cart | change " + at + ".name of ingress/shop from crat to cart",
		},
		"port by name": {
			cart(class("nginx"), ingress("cart", named("htp"))), shopIngress,
			"broken | ingressclass/nginx [ingress/shop] svc/cart | svc/cart has no port htp, but 80 http | http 80 | change " + at + ".port.name of ingress/shop from htp to http",
		},
		"port by number": {
			cart(class("nginx"), ingress("cart", networkingv1.ServiceBackendPort{Number: 8080})), shopIngress,
			"broken | ingressclass/nginx [ingress/shop] svc/cart | svc/cart has no port 8080, but 80 http | http 80 | change " + at + ".port.number of ingress/shop from 8080 to 80",
		},
		"class": {
			cart(class("ngnix"), good), shopIngress,
			"broken | [ingressclass/nginx] ingress/shop svc/cart endpointslice/cart-1 pod/cart-a pod/cart-b | there is no ingress class nginx: did you mean ngnix? | ingressclass/ngnix | " +
				"change spec.ingressClassName of ingress/shop from nginx to ngnix",
		},
		"no class": {
			cart(class("nginx"), classless), shopIngress,
			"broken | [ingressclass/] ingress/shop svc/cart endpointslice/cart-1 pod/cart-a pod/cart-b | ingress/shop names no class and there is no default | ingressclass/nginx | " +
				"set spec.ingressClassName of ingress/shop to nginx",
		},
		"secret": {
			cart(class("nginx"), ingress("cart", named("http"), secure), secret(t, "shop-cert", 90, "*.example.com")), shopIngress,
			"broken | " + shown + " | there is no TLS secret shop-tls in shop | secret/shop-cert | change spec.tls[0].secretName of ingress/shop from shop-tls to shop-cert",
		},
		"no other secret": {
			cart(class("nginx"), ingress("cart", named("http"), secure), secret(t, "other", 90, "www.example.org")), shopIngress,
			"broken | " + shown + " | there is no TLS secret shop-tls in shop |  | ",
		},
		"expired": {
			cart(class("nginx"), ingress("cart", named("http"), secure), secret(t, "shop-tls", -1, "shop.example.com")), shopIngress,
			"broken | " + shown + " | the certificate of secret/shop-tls has expired: it was valid until 2027-01-14 08:00 UTC |  | ",
		},
		"for other hosts": {
			cart(class("nginx"), ingress("cart", named("http"), secure), secret(t, "shop-tls", 90, "www.example.com")), shopIngress,
			"broken | " + shown + " | the certificate of secret/shop-tls is for www.example.com and not shop.example.com |  | ",
		},
		"expires soon": {
			cart(class("nginx"), ingress("cart", named("http"), secure), secret(t, "shop-tls", 5, "shop.example.com")), shopIngress,
			"degraded | ingressclass/nginx ingress/shop secret/shop-tls svc/cart endpointslice/cart-1 pod/cart-a pod/cart-b | the certificate of secret/shop-tls expires 2027-01-20 08:00 UTC |  | ",
		},
	})
}

const (
	gatewayClass = `{"kind":"GatewayClass","metadata":{"name":"edge"},"spec":{"controllerName":"example.com/edge"},"status":{"conditions":[{"type":"Accepted","status":"True"}]}}`
	gateway      = `{"kind":"Gateway","metadata":{"namespace":"shop","name":"public"},
		"spec":{"gatewayClassName":"edge","listeners":[{"name":"web","port":80,"protocol":"HTTP","hostname":"*.example.com"},{"name":"db","port":5432,"protocol":"TCP"}]},
		"status":{"addresses":[{"value":"203.0.113.9"}],"conditions":[{"type":"Programmed","status":"True"}]}}`
	accepted = `"status":{"parents":[{"parentRef":{"name":"public","sectionName":"web"},"conditions":[{"type":"Accepted","status":"True"}]}]}`
)

// httpRoute returns an HTTPRoute of shop.example.com to a backend.
func httpRoute(section, backend string) string {
	return `{"kind":"HTTPRoute","metadata":{"namespace":"shop","name":"cart"},"spec":{"hostnames":["shop.example.com"],
		"parentRefs":[{"name":"public","sectionName":"` + section + `"}],
		"rules":[{"matches":[{"path":{"value":"/cart"}}],"backendRefs":[` + backend + `]}]},` + accepted + `}`
}

func TestGatewayBreaks(t *testing.T) {
	const head = "gatewayclass/edge gateway/public "
	const tail = " svc/cart endpointslice/cart-1 pod/cart-a pod/cart-b"
	good := httpRoute("web", `{"name":"cart","port":80}`)
	elsewhere := httpRoute("web", `{"name":"pay","namespace":"bank","port":80}`)
	inBank := func(s *corev1.Service) { s.Namespace = "bank" }
	grant := `{"kind":"ReferenceGrant","metadata":{"namespace":"bank","name":"shops"},"spec":{
		"from":[{"group":"gateway.networking.k8s.io","kind":"HTTPRoute","namespace":"shop"}],"to":[{"group":"","kind":"Service"}]}}`
	pay := pod("pay", "pay-a", func(p *corev1.Pod) { p.Namespace = "bank" })
	paid := endpoints("pay", pay)
	paid.Namespace = "bank"
	refused := `{"kind":"GatewayClass","metadata":{"name":"edge"},"spec":{"controllerName":"x/y"},"status":{"conditions":[{"type":"Accepted","status":"False","reason":"InvalidParameters","message":"no"}]}}`
	traced(t, map[string]broken{
		"works":   {cart(gatewayClass, gateway, good), cartHTTP, "reachable | " + head + "httproute/cart" + tail + " |  |  | "},
		"gateway": {cart(gatewayClass, gateway, good), publicGate, "reachable | " + head + "httproute/cart" + tail + " |  |  | "},
		"no class": {
			cart(gateway, good), cartHTTP,
			"broken | [gatewayclass/edge] gateway/public httproute/cart" + tail + " | there is no gateway class edge |  | ",
		},
		"refused class": {
			cart(refused, gateway, good), cartHTTP,
			"broken | [gatewayclass/edge] gateway/public httproute/cart" + tail + " | gatewayclass/edge Accepted=False InvalidParameters: no |  | ",
		},
		"no gateway": {cart(gatewayClass, good), cartHTTP, "broken | [gateway/public] httproute/cart" + tail + " | there is no gateway public in shop |  | "},
		"no listener": {
			cart(gatewayClass, gateway, httpRoute("wbe", `{"name":"cart","port":80}`)), cartHTTP,
			"broken | gatewayclass/edge [gateway/public] httproute/cart" + tail + " | gateway/public has no listener wbe: did you mean web? | listener web | " +
				"change spec.parentRefs[0].sectionName of httproute/cart from wbe to web",
		},
		"wrong listener": {
			cart(gatewayClass, gateway, httpRoute("db", `{"name":"cart","port":80}`)), cartHTTP,
			"broken | " + head + "[httproute/cart]" + tail + " | listener db of gateway/public takes no HTTPRoute |  | ",
		},
		"no service": {
			cart(gatewayClass, gateway, httpRoute("web", `{"name":"crat","port":80}`)), cartHTTP,
			"broken | " + head + "httproute/cart [svc/crat] | there is no service crat in shop: did you mean cart? | svc/cart | change spec.rules[0].backendRefs[0].name of httproute/cart from crat to cart",
		},
		"no port": {
			cart(gatewayClass, gateway, httpRoute("web", `{"name":"cart","port":8080}`)), cartHTTP,
			"broken | " + head + "[httproute/cart] svc/cart | svc/cart has no port 8080, but 80 http | http 80 | change spec.rules[0].backendRefs[0].port of httproute/cart from 8080 to 80",
		},
		"no grant": {
			[]any{gatewayClass, gateway, elsewhere, service("pay", "pay", inBank), pay, paid},
			cartHTTP,
			"broken | " + head + "httproute/cart [referencegrant/httproutes-of-shop] svc/pay endpointslice/pay-1 pod/pay-a | no ReferenceGrant in bank lets httproute/cart in shop refer to Service pay |  | " +
				"create referencegrant/httproutes-of-shop in bank, which lets every HTTPRoute in shop refer to Service pay",
		},
		"grant": {
			[]any{gatewayClass, gateway, elsewhere, grant, service("pay", "pay", inBank), pay, paid},
			cartHTTP,
			"reachable | " + head + "httproute/cart referencegrant/shops svc/pay endpointslice/pay-1 pod/pay-a |  |  | ",
		},
	})
}

// What may not be read is named, and nothing that depends on it is said to be
// reachable.
func TestUnread(t *testing.T) {
	for r, of := range map[network.Resource]kube.Ref{
		network.Secrets: shopIngress, network.IngressClasses: shopIngress, network.Pods: cartService, network.EndpointSlices: cartService,
		network.GatewayClasses: cartHTTP, network.HTTPRoutes: cartService, network.Ingresses: cartPod,
	} {
		w := newWorld(t, cart(class("nginx"), ingress("cart", named("http"), secure), secret(t, "shop-tls", 90, "shop.example.com"), gatewayClass, gateway,
			httpRoute("web", `{"name":"cart","port":80}`))...)
		if ways := w.g.Traces(of, now); ways.State() != network.Reachable {
			t.Fatalf("%s: before: %s\n%s", r, ways.State(), lines(ways))
		}
		w.without(r)
		switch r { // as the stores do, which drop what may not be read any more
		case network.Secrets:
			w.g.Certificates(reset[*objectCertificate]())
		case network.IngressClasses:
			w.g.IngressClasses(reset[*objectIngressClass]())
		case network.Pods:
			w.g.Pods(reset[*objectPod]())
		case network.EndpointSlices:
			w.g.EndpointSlices(reset[*objectEndpointSlice]())
		case network.GatewayClasses:
			w.g.GatewayClasses(reset[*objectGatewayClass]())
		}
		ways := w.g.Traces(of, now)
		missed := len(ways.NotRead) > 0 || len(ways.Traces) > 0 && len(ways.Traces[0].NotRead) > 0
		if ways.State() != network.Unknown || !missed {
			t.Errorf("without %s: %s\n%s", r, ways.State(), lines(ways))
		}
	}
}
