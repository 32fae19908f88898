package network_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube"
	"quarterdeck/kube/network"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// now is the moment at which the tests look.
var now = time.Unix(1_800_000_000, 0)

// world is a cluster of objects that a Graph looks at.
type world struct {
	t    testing.TB
	g    *network.Graph
	have map[string]any // compact objects by resource, namespace and name
	drop map[string]func()
	last string // of have, what was put in last
}

// gatewayAPI is the Gateway API in the versions of the tests.
func gatewayAPI() map[network.Resource]string {
	return map[network.Resource]string{
		network.GatewayClasses: "v1", network.Gateways: "v1", network.HTTPRoutes: "v1", network.ReferenceGrants: "v1beta1",
		network.TLSRoutes: "v1alpha2", network.TCPRoutes: "v1alpha2", network.GRPCRoutes: "v1",
	}
}

func everything() []network.Resource {
	return []network.Resource{
		network.Pods, network.Deployments, network.StatefulSets, network.DaemonSets, network.Services, network.EndpointSlices, network.Ingresses,
		network.IngressClasses, network.Secrets, network.Namespaces, network.GatewayClasses, network.Gateways, network.HTTPRoutes, network.GRPCRoutes,
		network.TLSRoutes, network.TCPRoutes, network.ReferenceGrants,
	}
}

func newWorld(t testing.TB, objects ...any) *world {
	t.Helper()
	w := &world{t: t, g: network.NewGraph(gatewayAPI()), have: map[string]any{}, drop: map[string]func(){}}
	for _, r := range everything() {
		w.g.Read(r, store.Status{Phase: store.Live, Since: now})
	}
	w.put(objects...)
	return w
}

// without forbids a resource.
func (w *world) without(r network.Resource) {
	w.g.Read(r, store.Status{Phase: store.Forbidden, Since: now, Err: fmt.Errorf("%s is forbidden", r)})
}

// put adds objects, or replaces those of the same name.
func (w *world) put(objects ...any) {
	w.t.Helper()
	g := w.g
	for _, o := range objects {
		switch o := o.(type) {
		case *corev1.Pod:
			put(w, object.Pods(), o, g.Pods)
		case *corev1.Service:
			put(w, object.Services(), o, g.Services)
		case *discoveryv1.EndpointSlice:
			put(w, object.EndpointSlices(), o, g.EndpointSlices)
		case *networkingv1.Ingress:
			put(w, object.Ingresses(), o, g.Ingresses)
		case *networkingv1.IngressClass:
			put(w, object.IngressClasses(), o, g.IngressClasses)
		case *corev1.Secret:
			put(w, object.Certificates(), o, g.Certificates)
		case *corev1.Namespace:
			put(w, object.Namespaces(), o, g.Namespaces)
		case *appsv1.Deployment:
			put(w, object.Deployments(), o, func(d store.Delta[*object.Workload]) { g.Workloads(network.Deployments, d) })
		case string: // YAML of the Gateway API would be nicer, JSON needs no library
			w.putCustom(o)
		default:
			w.t.Fatalf("a world has no %T", o)
		}
	}
}

func (w *world) putCustom(text string) {
	w.t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		w.t.Fatalf("%v: %s", err, text)
	}
	g := w.g
	meta := o["metadata"].(map[string]any)
	meta["uid"] = fmt.Sprint(o["kind"], meta["name"])
	switch o["kind"] {
	case "GatewayClass":
		put(w, object.GatewayClasses("v1"), o, g.GatewayClasses)
	case "Gateway":
		put(w, object.Gateways("v1"), o, g.Gateways)
	case "HTTPRoute":
		put(w, object.GatewayRoutes("httproutes", "HTTPRoute", "v1"), o, func(d store.Delta[*object.GatewayRoute]) { g.GatewayRoutes(network.HTTPRoutes, d) })
	case "TCPRoute":
		put(w, object.GatewayRoutes("tcproutes", "TCPRoute", "v1alpha2"), o, func(d store.Delta[*object.GatewayRoute]) { g.GatewayRoutes(network.TCPRoutes, d) })
	case "ReferenceGrant":
		put(w, object.ReferenceGrants("v1beta1"), o, g.ReferenceGrants)
	default:
		w.t.Fatalf("a world has no %v", o["kind"])
	}
}

func put[T store.Object](w *world, kind store.Kind[T], o any, into func(store.Delta[T])) {
	w.t.Helper()
	made := decode(w.t, kind, o)[0]
	m := made.Head()
	key := kind.GVR.Resource + "/" + m.Namespace + "/" + m.Name
	d := store.Delta[T]{Added: []T{made}}
	if old, ok := w.have[key]; ok {
		d.Removed = []T{old.(T)}
	}
	w.have[key], w.last = made, key
	w.drop[key] = func() {
		delete(w.have, key)
		delete(w.drop, key)
		into(store.Delta[T]{Removed: []T{made}})
	}
	into(d)
}

// decode returns what a store would keep of API objects.
func decode[T store.Object](t testing.TB, kind store.Kind[T], objects ...any) []T {
	t.Helper()
	items := make([]any, len(objects))
	for i, o := range objects {
		m, ok := o.(map[string]any)
		if !ok {
			var err error
			if m, err = runtime.DefaultUnstructuredConverter.ToUnstructured(o); err != nil {
				t.Fatal(err)
			}
		}
		m["apiVersion"], m["kind"] = kind.GVR.GroupVersion().String(), kind.Kind
		items[i] = m
	}
	list, err := json.Marshal(map[string]any{"apiVersion": kind.GVR.GroupVersion().String(), "kind": kind.Kind + "List", "metadata": map[string]any{}, "items": items})
	if err != nil {
		t.Fatal(err)
	}
	got, err := kind.Decode(list)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name), CreationTimestamp: metav1.Unix(now.Unix()-3600, 0)}
}

func with[T any](o *T, change ...func(*T)) *T {
	for _, f := range change {
		f(o)
	}
	return o
}

// pod returns a pod of app=APP that is ready and has the port 8080 http.
func pod(app, name string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: meta(name),
		Spec: corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{
			Name: "app", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP}},
		}}},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: "10.0.0.1",
			Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "app", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}},
		},
	}
	p.Labels = map[string]string{"app": app}
	return with(p, change...)
}

func unready(p *corev1.Pod) {
	p.Status.Conditions[0].Status = corev1.ConditionFalse
	p.Status.ContainerStatuses[0] = corev1.ContainerStatus{Name: "app", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}}
}

func leaving(p *corev1.Pod) {
	at := metav1.Unix(now.Unix()-5, 0)
	p.DeletionTimestamp = &at
}

// service returns a service of the pods of app=APP, port 80 http to http.
func service(name, app string, change ...func(*corev1.Service)) *corev1.Service {
	return with(&corev1.Service{ObjectMeta: meta(name), Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.96.0.1", Selector: map[string]string{"app": app},
		Ports: []corev1.ServicePort{{Name: "http", Port: 80, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("http")}},
	}}, change...)
}

// endpoints returns the slice that the controller makes of pods, on port http.
func endpoints(service string, pods ...*corev1.Pod) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{
		ObjectMeta: meta(service + "-1"), AddressType: discoveryv1.AddressTypeIPv4,
		Ports: []discoveryv1.EndpointPort{{Name: new("http"), Port: new(int32(8080))}},
	}
	s.Labels = map[string]string{discoveryv1.LabelServiceName: service}
	for _, p := range pods {
		serving := p.Status.Conditions[0].Status == corev1.ConditionTrue
		out := p.DeletionTimestamp != nil
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{"10.0.0.1"}, Zone: new("a"),
			Conditions: discoveryv1.EndpointConditions{Ready: new(serving && !out), Serving: &serving, Terminating: &out},
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Name: p.Name, UID: p.UID},
		})
	}
	return s
}

// cart is a service of two pods that works.
func cart(more ...any) []any {
	a, b := pod("cart", "cart-a"), pod("cart", "cart-b")
	return append([]any{service("cart", "cart"), a, b, endpoints("cart", a, b)}, more...)
}

// ingress returns an ingress of class nginx that leads shop.example.com/cart to a
// port of a service.
func ingress(to string, port networkingv1.ServiceBackendPort, change ...func(*networkingv1.Ingress)) *networkingv1.Ingress {
	return with(&networkingv1.Ingress{
		ObjectMeta: meta("shop"),
		Spec: networkingv1.IngressSpec{IngressClassName: new("nginx"), Rules: []networkingv1.IngressRule{{
			Host: "shop.example.com", IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
				Path: "/cart", PathType: new(networkingv1.PathTypePrefix), Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: to, Port: port}},
			}}}},
		}}},
		Status: networkingv1.IngressStatus{LoadBalancer: networkingv1.IngressLoadBalancerStatus{Ingress: []networkingv1.IngressLoadBalancerIngress{{IP: "203.0.113.1"}}}},
	}, change...)
}

func named(port string) networkingv1.ServiceBackendPort {
	return networkingv1.ServiceBackendPort{Name: port}
}

func secure(i *networkingv1.Ingress) {
	i.Spec.TLS = []networkingv1.IngressTLS{{Hosts: []string{"shop.example.com"}, SecretName: "shop-tls"}}
}

func class(name string) *networkingv1.IngressClass {
	c := &networkingv1.IngressClass{ObjectMeta: meta(name), Spec: networkingv1.IngressClassSpec{Controller: "example.com/" + name}}
	c.Namespace = ""
	return c
}

// secret returns a TLS secret whose certificate is valid from a while ago until
// some days from now.
func secret(t testing.TB, name string, days int, hosts ...string) *corev1.Secret {
	t.Helper()
	return secretAsOf(t, now, name, days, hosts...)
}

// secretAsOf is secret at another moment.
func secretAsOf(t testing.TB, now time.Time, name string, days int, hosts ...string) *corev1.Secret {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: hosts, NotBefore: now.AddDate(0, 0, -80), NotAfter: now.AddDate(0, 0, days)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{ObjectMeta: meta(name), Type: corev1.SecretTypeTLS, Data: map[string][]byte{
		corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}}
}

func refTo(kind string, gvr, name string) kube.Ref {
	r := kube.Ref{Kind: kind, Namespace: "shop", Name: name}
	r.GVR.Resource = gvr
	switch kind {
	case "Ingress":
		r.GVR.Group, r.GVR.Version = "networking.k8s.io", "v1"
	case "Deployment":
		r.GVR.Group, r.GVR.Version = "apps", "v1"
	case "Gateway", "HTTPRoute", "TCPRoute":
		r.GVR.Group, r.GVR.Version = "gateway.networking.k8s.io", "v1"
	default:
		r.GVR.Version = "v1"
	}
	return r
}

var (
	cartService  = refTo("Service", "services", "cart")
	shopIngress  = refTo("Ingress", "ingresses", "shop")
	cartHTTP     = refTo("HTTPRoute", "httproutes", "cart")
	publicGate   = refTo("Gateway", "gateways", "public")
	cartPod      = refTo("Pod", "pods", "cart-a")
	cartDeployed = refTo("Deployment", "deployments", "cart")
)

// line is a trace as a row: state, hops with the broken one between brackets,
// cause, nearest, fix.
func line(t *network.Trace) string {
	var hops []string
	for i, h := range t.Hops {
		word := h.Ref.String()
		if i == t.Broken {
			word = "[" + word + "]"
		}
		hops = append(hops, word)
	}
	fix := ""
	if t.Fix != nil {
		fix = t.Fix.Words
	}
	return strings.Join([]string{t.State.String(), strings.Join(hops, " "), t.Cause, t.Nearest, fix}, " | ")
}

func lines(w *network.Ways) string {
	var all []string
	for _, t := range w.Traces {
		all = append(all, line(t))
	}
	return strings.Join(all, "\n")
}

type (
	objectPod           = object.Pod
	objectCertificate   = object.Certificate
	objectIngressClass  = object.IngressClass
	objectEndpointSlice = object.EndpointSlice
	objectGatewayClass  = object.GatewayClass
)

func reset[T store.Object]() store.Delta[T] { return store.Delta[T]{Reset: true} }
