//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
)

// traceTime is how long it may take until a way is broken, or not any more. It is
// far more than it does, for busy machines.
const traceTime = 2 * time.Minute

// trace looks with `qd trace` at ways that lead somewhere and at one that is
// broken and mended, by what users may read.
func (s *stage) trace(t *testing.T) {
	s.traceUntil(t, shop, 0, "reachable", "-A") // its pods may still be starting
	t.Run("ways that work", s.traceWorking)
	t.Run("a way that breaks", s.traceBreaking)
	t.Run("policies", s.tracePolicies)
	t.Run("probe", s.traceProbe)
	t.Run("with few rights", s.traceFewRights)
}

// traceDocument is what the tests read of a document.
type traceDocument struct {
	Routes []struct {
		From, By      traceRef
		Host, State   string
		Ready, Total  int
		Hops          []traceHop
		Broken        *int
		Cause         string
		Fix           *struct{ Words string }
		NotRead       []string
		TLSDaysLeft   *int
		Address, Path string
	}
	NotRead []string
}

type traceRef struct{ Kind, Namespace, Name string }

type traceHop struct {
	traceRef
	OK     *bool
	Detail string
}

// traces runs the command. A loaded machine may take long to read the cluster.
func (s *stage) traces(t *testing.T, kubeconfig string, args ...string) output {
	t.Helper()
	return s.execWithin(t, traceTime, kubeconfig, append([]string{"trace", "--timeout", "2m"}, args...)...)
}

func (s *stage) traceDocument(t *testing.T, which cluster, code int, args ...string) traceDocument {
	t.Helper()
	out := s.traces(t, s.playground(t, which).Kubeconfig(), append([]string{"-o", "json"}, args...)...)
	var d traceDocument
	if err := json.Unmarshal([]byte(out.stdout), &d); err != nil || out.code != code || out.stderr != "" {
		t.Fatalf("%q: %v: %+v", args, err, out)
	}
	return d
}

func (s *stage) traceWorking(t *testing.T) {
	kubeconfig := s.playground(t, shop).Kubeconfig()
	out := s.traces(t, kubeconfig, "-A")
	if out.code != 0 || out.stderr != "" || !strings.HasPrefix(out.stdout, "STATE") ||
		!containsAll(out.stdout, []string{"https://shop.example.com/api/cart", "ingress web/shop", "postgres.data.svc:5432", "beyond the cluster"}) {
		t.Errorf("%+v", out)
	}
	out = s.traces(t, kubeconfig, "svc/cart", "-n", "web")
	want := []string{"reachable: https://shop.example.com/api/cart, ingress/shop in web\n", "ok       ingressclass/nginx ", "ok       svc/cart ", " ready on port 8080, zones zone-"}
	if out.code != 0 || out.stderr != "" || !containsAll(out.stdout, want) {
		t.Errorf("%+v", out)
	}
	d := s.traceDocument(t, shop, 0, "ingress/shop", "-n", "web")
	var paths []string
	for _, r := range d.Routes {
		paths = append(paths, r.Path)
		var kinds []string
		for _, h := range r.Hops {
			if kinds = append(kinds, h.Kind); h.OK == nil || !*h.OK || h.Detail == "" {
				t.Errorf("%s: %+v", r.Address, h)
			}
		}
		if got := strings.Join(kinds, " "); !strings.HasPrefix(got, "IngressClass Ingress Secret Service EndpointSlice Pod") {
			t.Errorf("%s: hops %s", r.Address, got)
		}
		if r.Host != "shop.example.com" || r.From != (traceRef{"Ingress", "web", "shop"}) || r.Broken != nil || r.Fix != nil || r.TLSDaysLeft == nil || r.Ready == 0 {
			t.Errorf("%+v", r)
		}
	}
	if slices.Sort(paths); !slices.Equal(paths, []string{"/", "/api/cart", "/api/wishlist"}) || len(d.NotRead) > 0 {
		t.Errorf("%q, not read: %q", paths, d.NotRead)
	}
	oneSentence(t, s.traceFails(t, "svc/crat", "-n", "web"), []string{"there is no svc/crat in web: did you mean cart?"})
	oneSentence(t, s.traceFails(t, "cart", "-n", "web"), []string{"type KIND/NAME"})
}

// traceFails runs a command that nobody can answer, and returns why.
func (s *stage) traceFails(t *testing.T, args ...string) string {
	t.Helper()
	out := s.traces(t, s.playground(t, shop).Kubeconfig(), args...)
	if out.code != 1 || out.stdout != "" {
		t.Errorf("%q: %+v", args, out)
	}
	return out.stderr
}

// traceBreaking follows a service whose selector is misspelt, until it is not.
func (s *stage) traceBreaking(t *testing.T) {
	p := s.playground(t, workshop)
	config, err := p.Config("")
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{T: t, api: kubernetes.NewForConfigOrDie(config), playground: p, stage: s}
	const namespace = "traced"
	term.workspace(namespace)
	box := box("shop/toolbox:1.0")
	box[0].Ports[0].Name = "http"
	_, err = term.api.CoreV1().Pods(namespace).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "cart", Labels: map[string]string{"app": "cart"}}, Spec: corev1.PodSpec{Containers: box},
	}, metav1.CreateOptions{})
	term.must(err)
	services := term.api.CoreV1().Services(namespace)
	_, err = services.Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "cart"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "crat"}, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromString("http")}}},
	}, metav1.CreateOptions{})
	term.must(err)
	const fix = "change spec.selector.app of svc/cart from crat to cart"
	out := s.traceUntil(t, workshop, 2, fix, "svc/cart", "-n", namespace)
	if !containsAll(out.stdout, []string{"broken: cart.traced.svc:80, svc/cart in traced\n", "broken   svc/cart", "why      selector app=crat matches no pod; app=cart: 1 pod\n", "nearest  app=cart (1 pod)\n"}) {
		t.Errorf("%+v", out)
	}
	d := s.traceDocument(t, workshop, 2, "svc/cart", "-n", namespace)
	if len(d.Routes) != 1 || d.Routes[0].Broken == nil || d.Routes[0].Fix == nil {
		t.Fatalf("%+v", d)
	}
	r := &d.Routes[0]
	if h := r.Hops[*r.Broken]; h.traceRef != (traceRef{"Service", namespace, "cart"}) || h.OK == nil || *h.OK || r.Fix.Words != fix || r.State != "broken" {
		t.Errorf("%+v", r)
	}
	d = s.traceDocument(t, workshop, 2, "pod/cart", "-n", namespace)
	if len(d.Routes) != 0 {
		t.Errorf("%+v", d)
	}
	_, err = services.Patch(t.Context(), "cart", types.JSONPatchType, []byte(`[{"op":"replace","path":"/spec/selector/app","value":"cart"}]`), metav1.PatchOptions{})
	term.must(err)
	s.traceUntil(t, workshop, 0, "1 of 1 ready on port 8080", "svc/cart", "-n", namespace)
	out = s.traces(t, p.Kubeconfig(), "pod/cart", "-n", namespace)
	if out.code != 0 || !containsAll(out.stdout, []string{"reachable: cart.traced.svc:80", "ok       pod/cart"}) {
		t.Errorf("%+v", out)
	}
}

// traceUntil repeats a command until it says something, with an exit code.
func (s *stage) traceUntil(t *testing.T, which cluster, code int, says string, args ...string) output {
	t.Helper()
	deadline := time.Now().Add(traceTime)
	for {
		out := s.traces(t, s.playground(t, which).Kubeconfig(), args...)
		if out.code == code && strings.Contains(out.stdout, says) {
			return out
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q never says %q with exit code %d: %+v", args, says, code, out)
		}
	}
}

// tracePolicies asks what the shop's network policies let pass.
func (s *stage) tracePolicies(t *testing.T) {
	p := s.playground(t, shop)
	config, err := p.Config("")
	if err != nil {
		t.Fatal(err)
	}
	api := kubernetes.NewForConfigOrDie(config)
	pod := func(namespace, app string) string {
		list, err := api.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + app})
		if err != nil || len(list.Items) == 0 {
			t.Fatalf("%s/%s has no pod: %v", namespace, app, err)
		}
		return namespace + "/" + list.Items[0].Name
	}
	cart := pod("web", "cart") + ":8080"
	for _, c := range []struct {
		user, from, to string
		code           int
		direction      string
		decidedBy      traceRef
	}{
		{"viewer", pod("kube-system", "ingress-nginx"), cart, 0, "", traceRef{"NetworkPolicy", "web", "cart-from-front"}},
		{"viewer", pod("web", "catalog"), cart, 2, "ingress", traceRef{"NetworkPolicy", "web", "cart-from-front"}},
		{"payments-dev", pod("payments", "checkout"), "payments/ledger-0:7000", 0, "", traceRef{"NetworkPolicy", "payments", "ledger-from-payments"}},
	} {
		out := s.traces(t, p.Kubeconfig(), "--context", c.user, "--from", c.from, "--to", c.to, "-o", "json")
		var answer struct {
			Allowed     *bool
			Direction   string
			DecidedBy   []traceRef
			NotModelled []string
		}
		var keys map[string]any
		if err := json.Unmarshal([]byte(out.stdout), &answer); err != nil || json.Unmarshal([]byte(out.stdout), &keys) != nil || out.code != c.code || out.stderr != "" {
			t.Fatalf("%s → %s: %v: %+v", c.from, c.to, err, out)
		}
		if answer.Allowed == nil || *answer.Allowed != (c.code == 0) || answer.Direction != c.direction || !slices.Equal(answer.DecidedBy, []traceRef{c.decidedBy}) {
			t.Errorf("%s → %s: %+v", c.from, c.to, answer)
		}
		for _, key := range []string{"allowed", "direction", "decidedBy", "notModelled"} {
			if _, ok := keys[key]; !ok {
				t.Errorf("%s is not in the answer, only %q", key, slices.Sorted(maps.Keys(keys)))
			}
		}
	}
	out := s.traces(t, p.Kubeconfig(), "--context", "viewer", "--from", pod("web", "catalog"), "--to", cart)
	if out.code != 2 || !containsAll(out.stdout, []string{"denied: pod web/catalog-", "direction   ingress\n", "decided by  networkpolicy web/cart-from-front\n"}) {
		t.Errorf("%+v", out)
	}
	for _, user := range []string{"payments-dev", "nobody"} {
		oneSentence(t, s.traceFails(t, "--context", user, "--from", pod("web", "catalog"), "--to", cart), []string{"could not be told", "you (" + user + ") may not get pods in namespace web"})
	}
	oneSentence(t, s.traceFails(t, "--from", "web/search"), []string{"--from and --to belong together"})
}

func (s *stage) traceFewRights(t *testing.T) {
	kubeconfig := s.playground(t, shop).Kubeconfig()
	d := s.traceDocument(t, shop, 0, "-n", "payments", "--context", "payments-dev")
	if len(d.Routes) < 3 || len(d.NotRead) > 0 {
		t.Errorf("%+v", d)
	}
	// viewer may read neither Secrets nor what is in no namespace: nothing of what
	// depends on these is said to work.
	d = s.traceDocument(t, shop, 1, "ingress/shop", "-n", "web", "--context", "viewer")
	for _, r := range d.Routes {
		if r.State != "unknown" || !slices.ContainsFunc(r.NotRead, func(n string) bool { return strings.HasPrefix(n, "list secrets") }) {
			t.Errorf("%+v", r)
		}
		for _, h := range r.Hops {
			if (h.OK == nil) != (h.Kind == "Secret" || h.Kind == "IngressClass") {
				t.Errorf("%+v", h)
			}
		}
	}
	out := s.traces(t, kubeconfig, "ingress/shop", "-n", "web", "--context", "viewer")
	if out.code != 1 || out.stderr != "" || !containsAll(out.stdout, []string{"unknown: https://shop.example.com/", "unknown  secret/shop-tls", "not read: you (viewer) may not list secrets in namespace web"}) {
		t.Errorf("%+v", out)
	}
	oneSentence(t, s.traceFails(t, "-A", "--context", "payments-dev"), []string{"nobody can tell", "you (payments-dev) may not list"})
	oneSentence(t, s.traceFails(t, "svc/checkout", "-n", "payments", "--context", "nobody"), []string{"nobody can tell", "you (nobody) may not list services in namespace payments"})
}
