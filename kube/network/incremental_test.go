package network_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/network"
)

// A graph that follows changes one by one knows what one knows that is given the
// outcome at once: nothing that depends on a change is forgotten. What it lists is
// what it traces.
func TestIncremental(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 8))
		secrets := []*corev1.Secret{secret(t, "web-tls", 90, "*.example.com"), secret(t, "old-tls", -1, "*.example.com")}
		w, have := newWorld(t), map[string]any{}
		for step := range 120 {
			var key string
			if r.IntN(4) == 0 && len(have) > 0 {
				keys := slices.Sorted(maps.Keys(have))
				key = keys[r.IntN(len(keys))]
				w.drop[key]()
				delete(have, key)
			} else {
				o := anyObject(r, secrets)
				if seed%2 == 1 && step > 20 { // then about gateways alone
					o = anyGatewayObject(r)
				}
				w.put(o)
				key = w.last
				have[key] = o
			}
			if step%3 > 0 { // more than one change at a time
				continue
			}
			fresh := newWorld(t)
			for _, o := range have {
				fresh.put(o)
			}
			got := rows(w.g.Routes(now))
			if want := rows(fresh.g.Routes(now)); got != want {
				t.Fatalf("seed %d, step %d, after %s: got\n%s\nwant\n%s", seed, step, key, got, want)
			}
			var traced []*network.Route
			for _, tr := range w.g.All(now).Traces {
				traced = append(traced, &tr.Route)
			}
			if want := rows(traced); got != want {
				t.Fatalf("seed %d, step %d, after %s: listed\n%s\ntraced\n%s", seed, step, key, got, want)
			}
		}
	}
}

// rows are routes in words.
func rows(list []*network.Route) string {
	var all []string
	for _, r := range list {
		all = append(all, fmt.Sprintf("%s %s %s%s %s → %s:%s %d/%d %v %d: %s", r.State, r.By, r.Host, r.Path, r.Listen, r.Target, r.TargetPort, r.Ready, r.Total, r.Zones, r.Expires, r.Cause))
	}
	return strings.Join(all, "\n")
}

// anyObject returns an object of few names, so that what is made refers to each
// other now and then.
func anyObject(r *rand.Rand, secrets []*corev1.Secret) any {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	apps := []string{"cart", "carts", "web"}
	uid := types.UID(fmt.Sprint(r.Uint64()))
	switch r.IntN(11) {
	case 0, 1:
		return with(service(pick("cart", "web", "pay"), pick("cart", "crat", "web"), to(intstr.FromString(pick("http", "htp")))), func(s *corev1.Service) {
			switch r.IntN(7) {
			case 3:
				s.Namespace = "bank"
			case 0:
				s.Spec.Selector = nil
			case 1:
				s.Spec.Selector["tier"] = pick("front", "back")
			case 2:
				s.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: pick("web", "cart") + ".shop.svc.cluster.local"}
			}
		})
	case 2, 3, 4:
		return anyPod(r, uid, pick(apps...))
	case 5:
		return anySlice(r, pick("cart", "web"), anyPod(r, uid, pick(apps...)))
	case 6:
		return ingress(pick("cart", "web", "crat"), named(pick("http", "htp")), func(i *networkingv1.Ingress) {
			i.Name = pick("shop", "site")
			if r.IntN(2) == 0 {
				secure(i)
				i.Spec.TLS[0].SecretName = pick("web-tls", "old-tls", "no-tls")
			}
		})
	case 7:
		return []any{class("nginx"), class("ngnix"), secrets[0], secrets[1]}[r.IntN(4)]
	case 8:
		return &appsv1.Deployment{ObjectMeta: meta(pick("cart", "crat")), Spec: appsv1.DeploymentSpec{
			Replicas: new(r.Int32N(2)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "x"}},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": pick("cart", "crat"), "tier": "front"}}},
		}}
	}
	return anyGatewayObject(r)
}

// anyGatewayObject returns one of the Gateway API, or one that it depends on.
func anyGatewayObject(r *rand.Rand) any {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	switch pick("class", "gateway", "route", "grant", "namespace", "service") {
	case "namespace":
		n := &corev1.Namespace{ObjectMeta: meta("shop")}
		n.Namespace, n.Labels = "", map[string]string{"open": pick("yes", "no")}
		return n
	case "service":
		return service(pick("cart", "pay"), "cart", func(s *corev1.Service) { s.Namespace = pick("shop", "bank") })
	case "class":
		return strings.Replace(gatewayClass, `"True"`, pick(`"True"`, `"False"`), 1)
	case "gateway":
		listeners := pick(`"hostname":"*.example.com"`, `"hostname":"*.example.org"`,
			`"hostname":"*.example.com","allowedRoutes":{"namespaces":{"from":"Selector","selector":{"matchLabels":{"open":"yes"}}}}`,
			`"tls":{"certificateRefs":[{"name":"web-tls","namespace":"`+pick("shop", "bank")+`"}]},"hostname":"*.example.com"`)
		g := strings.Replace(gateway, `"hostname":"*.example.com"`, listeners, 1)
		if strings.Contains(g, "certificateRefs") {
			g = strings.Replace(g, `"HTTP"`, `"HTTPS"`, 1)
		}
		return strings.Replace(strings.Replace(g, `"edge"`, pick(`"edge"`, `"egde"`), 1), `"public"`, pick(`"public"`, `"pubic"`), 1)
	case "route":
		route := httpRoute(pick("web", "wbe"), pick(`{"name":"cart","port":80}`, `{"name":"crat","port":80}`, `{"name":"pay","namespace":"bank","port":80}`, `{"name":"web","port":81}`))
		return strings.Replace(route, `"name":"cart"`, `"name":"`+pick("cart", "other")+`"`, 1)
	}
	return `{"kind":"ReferenceGrant","metadata":{"namespace":"bank","name":"` + pick("shops", "all") + `"},"spec":{
		"from":[{"group":"gateway.networking.k8s.io","kind":"` + pick("HTTPRoute", "Gateway") + `","namespace":"shop"}],"to":[{"group":"","kind":"` + pick("Service", "Secret") + `"}]}}`
}

func anyPod(r *rand.Rand, uid types.UID, app string) *corev1.Pod {
	return pod(app, fmt.Sprintf("%s-%d", app, r.IntN(3)), func(p *corev1.Pod) {
		p.UID = uid
		p.Labels["tier"] = []string{"front", "back"}[r.IntN(2)]
		switch r.IntN(5) {
		case 0:
			unready(p)
		case 1:
			leaving(p)
		case 2:
			p.Status.Phase = corev1.PodSucceeded
		}
	})
}

func anySlice(r *rand.Rand, service string, p *corev1.Pod) *discoveryv1.EndpointSlice {
	s := endpoints(service, p)
	s.Name = fmt.Sprintf("%s-%d", service, r.IntN(2))
	s.UID = types.UID(s.Name)
	if r.IntN(4) == 0 {
		s.Ports = nil
	}
	return s
}
