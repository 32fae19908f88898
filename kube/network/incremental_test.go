package network_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/network"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// A graph that follows changes one by one knows what one knows that is given the
// outcome at once: nothing that depends on a change is forgotten. What it lists is
// what it traces.
func TestIncremental(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 8))
		secrets := []*corev1.Secret{secret(t, "web-tls", 90, "*.example.com"), secret(t, "old-tls", -1, "*.example.com")}
		w, have := newWorld(t), map[string]any{}
		for step := range 90 {
			o := anyObject(r, secrets)
			key := fmt.Sprintf("%T %s", o, o.GetName())
			if _, ok := have[key]; ok && r.IntN(3) == 0 {
				w.remove(have[key])
				delete(have, key)
			} else {
				w.put(o)
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
func anyObject(r *rand.Rand, secrets []*corev1.Secret) metav1.Object {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	apps := []string{"cart", "carts", "web"}
	uid := types.UID(fmt.Sprint(r.Uint64()))
	switch r.IntN(8) {
	case 0, 1:
		return with(service(pick("cart", "web", "pay"), pick("cart", "crat", "web"), to(intstr.FromString(pick("http", "htp")))), func(s *corev1.Service) {
			switch r.IntN(5) {
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
	}
	if r.IntN(2) == 0 {
		return class(pick("nginx", "ngnix"))
	}
	return secrets[r.IntN(len(secrets))]
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

// remove takes an object out that was put in.
func (w *world) remove(o any) {
	w.t.Helper()
	g := w.g
	switch o := o.(type) {
	case *corev1.Pod:
		remove(w, object.Pods(), o, g.Pods)
	case *corev1.Service:
		remove(w, object.Services(), o, g.Services)
	case *discoveryv1.EndpointSlice:
		remove(w, object.EndpointSlices(), o, g.EndpointSlices)
	case *networkingv1.Ingress:
		remove(w, object.Ingresses(), o, g.Ingresses)
	case *networkingv1.IngressClass:
		remove(w, object.IngressClasses(), o, g.IngressClasses)
	case *corev1.Secret:
		remove(w, object.Certificates(), o, g.Certificates)
	default:
		w.t.Fatalf("nothing removes a %T", o)
	}
}

func remove[T store.Object](w *world, kind store.Kind[T], o any, from func(store.Delta[T])) {
	w.t.Helper()
	m := decode(w.t, kind, o)[0].Head()
	key := kind.GVR.Resource + "/" + m.Namespace + "/" + m.Name
	from(store.Delta[T]{Removed: []T{w.have[key].(T)}})
	delete(w.have, key)
}
