package views

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/apitest"
	"quarterdeck/kube/network"
)

// netMeta is the metadata of an object in namespace shop.
func netMeta(kind, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(kind + "-" + name), CreationTimestamp: ago(time.Hour)}
}

func netPod(app, name string) *corev1.Pod {
	p := talker("shop", name, app, "10.0.0.7")
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "app", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	return p
}

func netService(name, app string) *corev1.Service {
	return &corev1.Service{ObjectMeta: netMeta("services", name), Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.96.0.1", Selector: map[string]string{"app": app},
		Ports: []corev1.ServicePort{{Name: "http", Port: 80, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("http")}},
	}}
}

// netSlice is what the controller makes of a service and its pods.
func netSlice(service string, pods ...*corev1.Pod) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{ObjectMeta: netMeta("endpointslices", service+"-x7k2p"), AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Name: new("http"), Port: new(int32(8080))}}}
	s.Labels = map[string]string{discoveryv1.LabelServiceName: service}
	for i, p := range pods {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{p.Status.PodIP}, Zone: new(fmt.Sprint("zone-", string(rune('a'+i)))),
			Conditions: discoveryv1.EndpointConditions{Ready: new(true), Serving: new(true), Terminating: new(false)},
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Name: p.Name, UID: p.UID},
		})
	}
	return s
}

// reachable is a cluster of a front that leads to a cart.
func reachable(answer func(apitest.Request) *apitest.Answer, more ...apitest.Object) func(*settings) {
	return func(set *settings) {
		set.empty, set.Detail, set.answer, set.context, set.start = true, DetailAuto, answer, "staging", "network"
		set.prepare = func(s *apitest.Server) {
			a, b, db := netPod("cart", "cart-a"), netPod("cart", "cart-b"), netPod("db", "db-0")
			exact := networkingv1.PathTypePrefix
			s.Put(
				&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", UID: "shop"}}, a, b, db,
				netService("cart", "cart"), netSlice("cart", a, b), netService("db", "db"), netSlice("db", db),
				&networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: "nginx", UID: "nginx"}, Spec: networkingv1.IngressClassSpec{Controller: "k8s.io/ingress-nginx"}},
				&networkingv1.Ingress{ObjectMeta: netMeta("ingresses", "front"), Spec: networkingv1.IngressSpec{
					IngressClassName: new("nginx"),
					Rules: []networkingv1.IngressRule{{Host: "shop.example.com", IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
						Paths: []networkingv1.HTTPIngressPath{{Path: "/cart", PathType: &exact, Backend: networkingv1.IngressBackend{
							Service: &networkingv1.IngressServiceBackend{Name: "cart", Port: networkingv1.ServiceBackendPort{Name: "http"}},
						}}},
					}}}},
				}, Status: networkingv1.IngressStatus{LoadBalancer: networkingv1.IngressLoadBalancerStatus{Ingress: []networkingv1.IngressLoadBalancerIngress{{IP: "192.0.2.7"}}}}},
			)
			s.Put(more...)
		}
	}
}

// misspelt is what breaks the cart.
func misspelt() []apitest.Object {
	return []apitest.Object{netService("cart", "crat"), netSlice("cart")}
}

// judged lets what has changed be shown, and the hops of the way under the cursor.
func (b *bench) judged() {
	b.t.Helper()
	b.frame()
	time.Sleep(networkTick)
	b.settle()
	b.frame()
	b.settle()
}

// ask runs what an action returned.
func (b *bench) ask(msg tea.Msg) {
	b.t.Helper()
	if cmd, ok := msg.(tea.Cmd); ok {
		msg = cmd()
	}
	b.send(msg)
	b.settle()
}

func TestNetwork(t *testing.T) {
	var seen screens
	pipe(t, reachable(nil), func(b *bench) {
		b.judged()
		seen.both(b, "healthy")
		b.Put(misspelt()...)
		b.judged()
		seen.both(b, "broken")
		b.want("broken", "0/0", "change spec.selector.app of svc/cart from crat to cart")
	})
	pipe(t, func(set *settings) { set.empty, set.start = true, "network" }, func(b *bench) {
		b.want("there is no way in in the cluster")
		seen.both(b, "empty")
	})
	pipe(t, reachable(forbidding("ingressclasses", "endpointslices"), misspelt()...), func(b *bench) {
		b.judged()
		b.want("unknown", "you may not list endpointslices, ingressclasses")
		b.wantNot("0/0")
		seen.both(b, "partial")
	})
	pipe(t, reachable(func(r apitest.Request) *apitest.Answer {
		if r.Verb == "list" || r.Verb == "watch" {
			return r.Forbid("eve")
		}
		return nil
	}), func(b *bench) {
		b.want("it is not known who is reachable", "services")
		b.wantNot("no way in")
		seen.both(b, "forbidden")
	})
	pipe(t, reachable(nil), func(b *bench) {
		b.OnRequest(func(apitest.Request) *apitest.Answer { return &apitest.Answer{Cut: true} })
		b.CutWatches()
		time.Sleep(42 * time.Second)
		b.settle()
		b.want("stale", "cart.shop.svc:80")
		seen.both(b, "stale")
	})
	seen.compare(t)
}

// A pane for which there was no room is read for as soon as there is some.
func TestPaneThatComesLater(t *testing.T) {
	pipe(t, reachable(nil), func(b *bench) {
		b.resize(80, 12)
		b.judged()
		b.wantNot("zones zone-a")
		b.resize(80, 24)
		b.frame()
		b.settle()
		b.want("cart.shop.svc:80", "2 of 2 ready on port 8080, zones zone-a")
	})
}

func TestTrace(t *testing.T) {
	var seen screens
	pipe(t, reachable(nil, misspelt()...), func(b *bench) {
		b.to("cart.shop.svc")
		b.press("enter")
		seen.both(b, "broken")
		b.press("A")
		b.want("fix svc/cart?", "spec.selector.app", "- crat", "+ cart", "the server would accept it")
		b.wantWrites()
		seen.both(b, "fix")
		b.press("y")
		b.wantWrites("PATCH services/cart")
		b.want("done: svc/cart: spec.selector.app crat → cart, u undoes it")
		b.Put(netSlice("cart", netPod("cart", "cart-a"), netPod("cart", "cart-b"))) // as its controller does
		time.Sleep(10 * time.Second)
		b.settle()
		b.want("reachable  cart.shop.svc:80")
		seen.both(b, "fixed")
		b.press("u")
		b.want("undo")
		b.press("y")
		b.Put(netSlice("cart"))
		time.Sleep(10 * time.Second)
		b.settle()
		b.want("broken  cart.shop.svc:80", "change spec.selector.app of svc/cart from crat to cart")
	})
	pipe(t, reachable(nil), func(b *bench) {
		b.open(pods())
		b.to("cart-a")
		b.press("T")
		b.want("trace pod/cart-a", "2 ways lead to pod/cart-a: 2 reachable", "http://shop.example.com/cart")
		seen.both(b, "reverse")
		b.press("-")
		b.wantNot("endpointslice/cart")
		b.to("svc/cart")
		b.press("T")
		b.want("trace svc/cart", "2 ways lead to svc/cart")
	})
	seen.compare(t)
}

// A page stays on the way that it was opened for, and says so when it is gone.
func TestTraceGone(t *testing.T) {
	pipe(t, reachable(nil), func(b *bench) {
		b.to("http://shop.exam")
		b.press("enter")
		b.want("reachable  http://shop.example.com/cart", "ingressclass/nginx")
		b.Delete(&networkingv1.Ingress{ObjectMeta: netMeta("ingresses", "front")})
		time.Sleep(time.Second)
		b.settle()
		b.want("this way is gone", "http://shop.example.com/cart")
		b.press("A")
		b.want("this way is gone")
		b.wantWrites()
	})
}

// What leads to nobody says so, or that nobody can tell.
func TestTraceNobody(t *testing.T) {
	lonely := netPod("lonely", "lonely-0")
	trace := func(b *bench) {
		b.open(pods())
		b.to("lonely")
		b.press("T")
	}
	pipe(t, reachable(nil, lonely), func(b *bench) {
		trace(b)
		b.want("nothing leads to pod/lonely-0 in shop")
		b.wantNot("nothing of what was read")
	})
	pipe(t, reachable(forbidding("services"), lonely), func(b *bench) {
		trace(b)
		b.want("nothing of what was read leads to pod/lonely-0", "you (eve) may not list services")
	})
}

// The fix is dimmed for who may not make it, and refused in read-only mode.
func TestFixNotAllowed(t *testing.T) {
	pipe(t, reachable(nil, misspelt()...), func(b *bench) {
		b.session.Client.Guard.Refuse("started with --readonly")
		b.to("cart.shop.svc")
		b.press("A")
		b.want("read-only")
		b.press("enter", "A")
		b.want("read-only")
		b.wantWrites()
	})
}

// An object that somebody else has changed since is not changed again.
func TestFixOfWhatMoved(t *testing.T) {
	pipe(t, reachable(nil, misspelt()...), func(b *bench) {
		fix := &network.Fix{On: netRef("services", "Service", "cart"), Words: "w", Edit: action.Edit{Path: []string{"spec", "selector", "app"}, Before: "carrot", After: "cart"}}
		b.ask(b.session.proposeFix(fix))
		b.want("spec.selector.app is crat now, not carrot")
		b.press("y")
		b.wantWrites()
	})
}

func netRef(resource, kind, name string) kube.Ref {
	r := kube.Ref{Kind: kind, Namespace: "shop", Name: name}
	r.GVR.Version, r.GVR.Resource = "v1", resource
	return r
}

// A fix that is an object goes the way of a manifest.
func TestFixByAnObject(t *testing.T) {
	other := &corev1.ConfigMap{ObjectMeta: netMeta("configmaps", "other")} // so that the server has that kind
	answer := func(r apitest.Request) *apitest.Answer {
		if r.Verb == http.MethodPatch && r.GVR.Resource == "configmaps" {
			made := configMap(r.Name)
			made.Namespace = "shop"
			return accepted(made)
		}
		return nil
	}
	pipe(t, reachable(answer, other), func(b *bench) {
		on := netRef("configmaps", "ConfigMap", "grant")
		fix := &network.Fix{On: on, Words: "create cm/grant", Make: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": "shop", "name": "grant"}, "data": map[string]any{"allow": "all"},
		}}
		b.ask(b.session.proposeFix(fix))
		b.want("apply configmap-grant.yaml", "cm/grant", "create")
		b.wantWrites()
		b.press("A")
		b.settle()
		b.press("y")
		b.settle()
		if got := strings.Join(b.writes(), " "); !strings.Contains(got, "configmaps/grant") {
			t.Errorf("written: %q; the screen is\n%s", got, b.screen())
		}
	})
}

// Time alone makes certificates expire, and ends a watch that nobody looks at.
func TestNetworkWatchEnds(t *testing.T) {
	pipe(t, reachable(nil), func(b *bench) {
		count := func() int {
			b.program.mu.Lock()
			defer b.program.mu.Unlock()
			return len(b.program.networks)
		}
		b.press("enter")
		b.press("esc")
		if n := count(); n != 1 {
			t.Fatalf("%d watches of one scope", n)
		}
		b.press("2")
		time.Sleep(networkLinger / 2)
		b.settle()
		if n := count(); n != 1 {
			t.Fatalf("%d watches right after the view was left", n)
		}
		time.Sleep(networkLinger)
		b.settle()
		if n := count(); n != 0 {
			t.Fatalf("%d watches that nobody looks at", n)
		}
		b.press("5")
		b.want("cart.shop.svc:80")
	})
}

// Ways keep their rows whatever becomes of them.
func TestWayKeys(t *testing.T) {
	way := func(host, target string) *network.Route {
		return &network.Route{By: netRef("ingresses", "Ingress", "front"), Host: host, Target: netRef("services", "Service", target), TargetPort: "80"}
	}
	a, b, b2 := way("a", "one"), way("b", "one"), way("b", "two")
	keys := wayKeys([]*network.Route{a, b, b2})
	moved := *a
	moved.Target.Name, moved.State, moved.Cause = "other", network.Reachable, ""
	again := wayKeys([]*network.Route{b2, &moved, b})
	if keys[0] != again[1] || keys[1] != again[2] || keys[2] != again[0] || keys[1] == keys[2] {
		t.Errorf("%q\n%q", keys, again)
	}
	if twins := wayKeys([]*network.Route{b, b}); twins[0] == twins[1] {
		t.Errorf("two rows of one key %q", twins)
	}
}

// T on the rows of Headroom is what it was there.
func TestTraceKeyTaken(t *testing.T) {
	pipe(t, nil, func(b *bench) {
		b.press("4", "tab", "tab", "tab", "tab", "T")
		b.wantNot("› trace")
	})
}
