//go:build e2e

package network_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/kubetest"
	"quarterdeck/kube/network"
)

// app is a shop that works, in a namespace of its own: a pod of Service cart
// behind Ingress shop and behind HTTPRoute cart of Gateway public.
type app struct {
	*cluster
	t         *testing.T
	namespace string
	feed      *network.Feed
	of        kube.Ref // what is traced
}

// breakage is one way to break it. In words, NS stands for the namespace.
type breakage struct {
	name   string
	of     kube.Ref // what is traced
	breaks func(a *app)
	reason string // that the controller of a gateway gives, of ResolvedRefs
	want   network.State
	hop    string // that is broken
	cause  string
	fix    string                 // that the trace offers, which is made
	mend   func(a *app)           // what the trace says to do, where no change of an object is known to mend it
	extra  func() []metav1.Object // besides the app, from the start
}

func breakages() []breakage {
	return []breakage{
		{
			name: "service selector", of: cartService, want: network.Broken, hop: "svc/cart",
			breaks: func(a *app) { a.patch(cartService, `[{"op":"replace","path":"/spec/selector/app","value":"crat"}]`) },
			cause:  "selector app=crat matches no pod; app=cart: 1 pod",
			fix:    "change spec.selector.app of svc/cart from crat to cart",
		},
		{
			name: "target port by name", of: cartService, want: network.Broken, hop: "svc/cart",
			breaks: func(a *app) {
				a.patch(cartService, `[{"op":"replace","path":"/spec/ports/0/targetPort","value":"htp"}]`)
			},
			cause: `targetPort "htp" is no port of its pods: pod/cart-a declares 8080 http`,
			fix:   "change spec.ports[0].targetPort of svc/cart from htp to http",
		},
		{
			name: "target port by number", of: cartService, want: network.Doubtful, hop: "svc/cart",
			breaks: func(a *app) {
				a.patch(cartService, `[{"op":"replace","path":"/spec/ports/0/targetPort","value":9090}]`)
			},
			cause: "targetPort 9090 is none of the ports that pod/cart-a declares (8080 http); it may listen there all the same",
			fix:   "change spec.ports[0].targetPort of svc/cart from 9090 to 8080",
		},
		{
			name: "no ready pod", of: cartService, want: network.Broken, hop: "pod/cart-a",
			breaks: func(a *app) { a.pod("cart-a", unready) },
			cause:  "none of 1 pod is ready: pod/cart-a CrashLoopBackOff, 10.0.0.1 on edge-a",
			mend:   func(a *app) { a.pod("cart-a", ready) },
		},
		{
			name: "terminating endpoints only", of: cartService, want: network.Broken, hop: "endpointslice/cart",
			breaks: func(a *app) { a.remove(cartPod) },
			cause:  "all endpoints are on their way out: 1 still serving until then",
			mend:   func(a *app) { a.apply(a.t, a.namespace, pod("cart", "cart-b")) },
		},
		{
			name: "missing Service", of: shopIngress, want: network.Broken, hop: "svc/cart",
			extra:  func() []metav1.Object { return []metav1.Object{service("carts", "cart")} },
			breaks: func(a *app) { a.remove(cartService) },
			cause:  "there is no service cart in NS: did you mean carts?",
			fix:    "change spec.rules[0].http.paths[0].backend.service.name of ingress/shop from cart to carts",
		},
		{
			name: "wrong port on the backend", of: shopIngress, want: network.Broken, hop: "ingress/shop",
			breaks: func(a *app) {
				a.patch(shopIngress, `[{"op":"replace","path":"/spec/rules/0/http/paths/0/backend/service/port","value":{"number":8080}}]`)
			},
			cause: "svc/cart has no port 8080, but 80 http",
			fix:   "change spec.rules[0].http.paths[0].backend.service.port.number of ingress/shop from 8080 to 80",
		},
		{
			name: "wrong port name on the backend", of: shopIngress, want: network.Broken, hop: "ingress/shop",
			breaks: func(a *app) {
				a.patch(shopIngress, `[{"op":"replace","path":"/spec/rules/0/http/paths/0/backend/service/port/name","value":"htp"}]`)
			},
			cause: "svc/cart has no port htp, but 80 http",
			fix:   "change spec.rules[0].http.paths[0].backend.service.port.name of ingress/shop from htp to http",
		},
		{
			name: "missing TLS Secret", of: shopIngress, want: network.Broken, hop: "secret/shop-tls",
			breaks: func(a *app) {
				a.apply(a.t, a.namespace, secretAsOf(a.t, time.Now(), "shop-cert", 90, "*.example.com"))
				a.remove(refTo("Secret", "secrets", "shop-tls"))
			},
			cause: "there is no TLS secret shop-tls in NS",
			fix:   "change spec.tls[0].secretName of ingress/shop from shop-tls to shop-cert",
		},
		{
			name: "expired certificate", of: shopIngress, want: network.Broken, hop: "secret/shop-tls",
			breaks: func(a *app) { a.certificate(time.Now().AddDate(0, 0, -2), 1) },
			cause:  "the certificate of secret/shop-tls has expired: it was valid until UNTIL",
			mend:   func(a *app) { a.certificate(time.Now(), 90) },
		},
		{
			name: "missing IngressClass", of: shopIngress, want: network.Broken, hop: "ingressclass/ngnix",
			breaks: func(a *app) {
				a.patch(shopIngress, `[{"op":"replace","path":"/spec/ingressClassName","value":"ngnix"}]`)
			},
			cause: "there is no ingress class ngnix: did you mean nginx?",
			fix:   "change spec.ingressClassName of ingress/shop from ngnix to nginx",
		},
		{
			name: "missing ReferenceGrant", of: cartHTTP, want: network.Broken, hop: "referencegrant/httproutes-of-NS",
			breaks: func(a *app) { a.moves() }, reason: "RefNotPermitted",
			cause: "no ReferenceGrant in NS-bank lets httproute/cart in NS refer to Service pay",
			fix:   "create referencegrant/httproutes-of-NS in NS-bank, which lets every HTTPRoute in NS refer to Service pay",
		},
		{
			name: "missing Gateway", of: cartHTTP, want: network.Broken, hop: "gateway/pubic",
			breaks: func(a *app) { a.route(`{"op":"replace","path":"/spec/parentRefs/0/name","value":"pubic"}`) },
			cause:  "there is no gateway pubic in NS: did you mean public?",
			fix:    "change spec.parentRefs[0].name of httproute/cart from pubic to public",
		},
		{
			name: "missing listener", of: cartHTTP, want: network.Broken, hop: "gateway/public",
			breaks: func(a *app) { a.route(`{"op":"replace","path":"/spec/parentRefs/0/sectionName","value":"wbe"}`) },
			cause:  "gateway/public has no listener wbe: did you mean web?",
			fix:    "change spec.parentRefs[0].sectionName of httproute/cart from wbe to web",
		},
		{
			name: "missing Service of a route", of: cartHTTP, want: network.Broken, hop: "svc/crat",
			breaks: func(a *app) { a.route(`{"op":"replace","path":"/spec/rules/0/backendRefs/0/name","value":"crat"}`) },
			reason: "BackendNotFound",
			cause:  "there is no service crat in NS: did you mean cart?",
			fix:    "change spec.rules[0].backendRefs[0].name of httproute/cart from crat to cart",
		},
		{
			name: "wrong port of a route", of: cartHTTP, want: network.Broken, hop: "httproute/cart",
			breaks: func(a *app) { a.route(`{"op":"replace","path":"/spec/rules/0/backendRefs/0/port","value":8080}`) },
			cause:  "svc/cart has no port 8080, but 80 http",
			fix:    "change spec.rules[0].backendRefs[0].port of httproute/cart from 8080 to 80",
		},
	}
}

// testBreakage sees a shop that works, breaks it, looks at what the trace says of
// it, does that, and sees it work again.
func (c *cluster) testBreakage(t *testing.T, b *breakage) {
	namespace := strings.ToLower("break-" + strings.ReplaceAll(b.name, " ", "-"))
	c.namespace(t, namespace)
	a := &app{cluster: c, t: t, namespace: namespace, feed: c.feed(t), of: b.of}
	a.of.Namespace = namespace
	a.open()
	if b.extra != nil {
		a.apply(t, namespace, b.extra()...)
	}
	a.until("it works", func(tr *network.Trace) string {
		if tr.State != network.Reachable || tr.Broken >= 0 {
			return tr.State.String()
		}
		return ""
	})
	b.breaks(a)
	if b.reason != "" {
		a.resolved("False", b.reason)
	}
	in := func(words string) string { return strings.ReplaceAll(words, "NS", namespace) }
	w := a.until("it is broken", func(tr *network.Trace) string {
		cause := tr.Cause
		if before, _, ok := strings.Cut(in(b.cause), "UNTIL"); ok && strings.HasPrefix(cause, before) {
			cause = in(b.cause)
		}
		switch {
		case tr.State != b.want || tr.Broken < 0:
			return tr.State.String()
		case cause != in(b.cause):
			return "cause " + tr.Cause
		}
		if hop := tr.Hops[tr.Broken].Ref; !strings.HasPrefix(hop.String(), in(b.hop)) {
			return "broken hop " + hop.String()
		}
		return ""
	})
	for _, tr := range w.Traces {
		if fix := fixWords(tr.Fix); fix != in(b.fix) {
			t.Fatalf("%s: the fix is %q, not %q", tr.By, fix, in(b.fix))
		}
	}
	if b.mend == nil {
		a.mend(t, w.Traces[0].Fix)
	} else {
		b.mend(a)
	}
	if b.reason != "" {
		a.resolved("True", "ResolvedRefs")
	}
	a.until("it works again", func(tr *network.Trace) string {
		if tr.State != network.Reachable {
			return tr.State.String()
		}
		return ""
	})
}

func fixWords(f *network.Fix) string {
	if f == nil {
		return ""
	}
	return f.Words
}

// until waits until nothing is missing of any of the ways to what is traced.
func (a *app) until(what string, missing func(*network.Trace) string) *network.Ways {
	a.t.Helper()
	over := time.NewTimer(kubetest.Patience)
	defer over.Stop()
	for {
		a.feed.Take()
		w := a.feed.Traces(a.of, time.Now())
		why := "there is no way"
		for i, tr := range w.Traces {
			if why = missing(tr); why != "" {
				why = fmt.Sprintf("way %d: %s", i, why)
				break
			}
		}
		if why == "" && !a.feed.Loading() {
			return w
		}
		select {
		case <-a.feed.Changed():
		case <-over.C:
			a.t.Fatalf("waited in vain until %s: %s; not read: %v\n%s", what, why, w.NotRead, lines(w))
		}
	}
}

// open makes the shop.
func (a *app) open() {
	a.t.Helper()
	here := func(text string) *unstructured.Unstructured {
		return custom(a.t, strings.NewReplacer(`"edge"`, `"`+a.namespace+`"`, `"shop"`, `"`+a.namespace+`"`).Replace(text))
	}
	a.apply(
		a.t, a.namespace, pod("cart", "cart-a"), service("cart", "cart"), ingress("cart", named("http"), secure),
		secretAsOf(a.t, time.Now(), "shop-tls", 90, "shop.example.com"),
		here(gatewayClass), here(gateway), here(httpRoute("web", `{"name":"cart","port":80}`)),
	)
}

// patch changes an object of the shop.
func (a *app) patch(ref kube.Ref, steps string) {
	a.t.Helper()
	_, err := a.actions.Objects().Resource(ref.GVR).Namespace(a.namespace).Patch(a.t.Context(), ref.Name, types.JSONPatchType, []byte(steps), metav1.PatchOptions{})
	must(a.t, err)
}

// route changes the HTTPRoute.
func (a *app) route(step string) {
	a.t.Helper()
	a.patch(cartHTTP, "["+step+"]")
}

// resolved says whether a gateway has found what the HTTPRoute names, as its
// controller would.
func (a *app) resolved(status, reason string) {
	a.t.Helper()
	routes := a.actions.Objects().Resource(cartHTTP.GVR).Namespace(a.namespace)
	said := fmt.Sprintf(`[{"op":"add","path":"/status/parents/0/conditions/1","value":{"type":"ResolvedRefs","status":%q,"reason":%q}}]`, status, reason)
	if status == "True" {
		said = strings.Replace(said, `"add"`, `"replace"`, 1)
	}
	_, err := routes.Patch(a.t.Context(), cartHTTP.Name, types.JSONPatchType, []byte(said), metav1.PatchOptions{}, "status")
	must(a.t, err)
}

// remove deletes an object of the shop.
func (a *app) remove(ref kube.Ref) {
	a.t.Helper()
	must(a.t, a.actions.Objects().Resource(ref.GVR).Namespace(a.namespace).Delete(a.t.Context(), ref.Name, metav1.DeleteOptions{}))
}

// pod writes another status of a pod, as its kubelet would.
func (a *app) pod(name string, change func(*corev1.Pod)) {
	a.t.Helper()
	kubetest.Succeeds(a.t, func(ctx context.Context) error {
		pods := a.CoreV1().Pods(a.namespace)
		p, err := pods.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(p)
		happened(p)
		_, err = pods.UpdateStatus(ctx, p, metav1.UpdateOptions{})
		return err
	})
}

func ready(p *corev1.Pod) { p.Status = pod("cart", "cart-a").Status }

// certificate renews that of the shop, as of a moment, for some days.
func (a *app) certificate(asOf time.Time, days int) {
	a.t.Helper()
	secrets := a.CoreV1().Secrets(a.namespace)
	s, err := secrets.Get(a.t.Context(), "shop-tls", metav1.GetOptions{})
	must(a.t, err)
	s.Data = secretAsOf(a.t, asOf, s.Name, days, "shop.example.com").Data
	_, err = secrets.Update(a.t.Context(), s, metav1.UpdateOptions{})
	must(a.t, err)
}

// moves leads the HTTPRoute to a service of another namespace, which works.
func (a *app) moves() {
	a.t.Helper()
	bank := a.namespace + "-bank"
	a.cluster.namespace(a.t, bank)
	a.apply(a.t, bank, pod("pay", "pay-a"), service("pay", "pay"))
	a.route(fmt.Sprintf(`{"op":"replace","path":"/spec/rules/0/backendRefs/0","value":{"name":"pay","namespace":%q,"port":80}}`, bank))
}
