package cli

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"quarterdeck/kube/apitest"
)

// guarded is a server with three pods, of which db-0 is open to web-0 alone.
func guarded(t *testing.T) *apitest.Server {
	t.Helper()
	s := apitest.New(t)
	home(t, s.URL, "", "token: t")
	s.Put(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	for name, address := range map[string]string{"web-0": "10.0.0.1", "job-0": "10.0.0.2", "db-0": "10.0.0.3"} {
		p := pod("shop", name, "Running", true)
		p.Status.PodIPs = []corev1.PodIP{{IP: address}}
		p.Spec.Containers[0].Ports = []corev1.ContainerPort{{Name: "sql", ContainerPort: 5432}}
		s.Put(p)
	}
	s.Put(&networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db"}, Spec: networkingv1.NetworkPolicySpec{
		PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}},
		Ingress: []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{
			{NamespaceSelector: &metav1.LabelSelector{}, PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
			{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "ops"}}, PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "job"}}},
		}}},
	}})
	return s
}

// connect answers whether one end reaches another, as a command does with the
// namespace shop.
func connect(t *testing.T, output, from, to string) (printed string, err error) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	flags := genericclioptions.NewConfigFlags(true)
	flags.Context = new("shop")
	c := &command{version: "v9.9.9", streams: Streams{In: out, Out: out, Err: out}, env: os.Environ(), flags: flags}
	session, done, err := c.printing()
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	err = (&connects{Session: session, command: c, output: output}).print(t.Context(), from, to)
	text, readErr := os.ReadFile(out.Name())
	if readErr != nil || out.Close() != nil {
		t.Fatal(readErr)
	}
	return string(text), err
}

func TestConnects(t *testing.T) {
	guarded(t)
	printed, err := connect(t, "table", "web-0", "shop/db-0:sql")
	if want := `allowed: pod shop/web-0 to pod shop/db-0 port 5432/TCP

decided by  networkpolicy shop/db
why         no policy isolates pod shop/web-0 for egress; networkpolicy/db allows 5432/TCP from pod shop/web-0
`; err != nil || printed != want {
		t.Errorf("%v\n%s", err, printed)
	}
	for _, from := range []string{"shop/job-0", "192.0.2.1"} {
		printed, err = connect(t, "json", from, "db-0:5432")
		var exit *exitError
		var a connection
		if wrong := json.Unmarshal([]byte(printed), &a); wrong != nil || !errors.As(err, &exit) || exit.code != exitFailed {
			t.Fatalf("%v, %v: %s", err, wrong, printed)
		}
		if a.Allowed == nil || *a.Allowed || a.Direction != "ingress" || len(a.DecidedBy) != 1 || a.DecidedBy[0] != (policyID{"NetworkPolicy", "shop", "db"}) {
			t.Errorf("%s", printed)
		}
		if outside := from != "shop/job-0"; outside != (len(a.NotModelled) == 1) || !strings.Contains(printed, `"notRead": []`) {
			t.Errorf("%s", printed)
		}
	}
}

func TestConnectsCannotTell(t *testing.T) {
	s := guarded(t)
	forbid := func(resource string) {
		s.OnRequest(func(r apitest.Request) *apitest.Answer {
			if r.GVR.Resource == resource {
				return r.Forbid("dev")
			}
			return nil
		})
	}
	for resource, want := range map[string]string{
		"namespaces": "may not get namespaces", "networkpolicies": "may not list networkpolicies", "pods": "may not get pods",
	} {
		forbid(resource)
		printed, err := connect(t, "json", "job-0", "db-0:5432")
		var exit *exitError
		if err == nil || errors.As(err, &exit) || !strings.Contains(err.Error(), "could not be told") || !strings.Contains(err.Error(), want) {
			t.Errorf("without %s: %v", resource, err)
		}
		if resource != "pods" && (!strings.Contains(printed, `"allowed": null`) || !strings.Contains(printed, want)) {
			t.Errorf("without %s: %s", resource, printed)
		}
	}
	// What it does not take to know is told, and changes nothing.
	forbid("namespaces")
	printed, err := connect(t, "table", "web-0", "db-0:5432")
	if err != nil || !strings.HasPrefix(printed, "allowed: ") || !strings.Contains(printed, "may not get namespaces") {
		t.Errorf("%v\n%s", err, printed)
	}
}

func TestConnectsMistakes(t *testing.T) {
	guarded(t)
	for want, ends := range map[string][2]string{
		"has no port: type it as NAMESPACE/POD:PORT": {"web-0", "shop/db-0"},
		"is no protocol":              {"web-0", "db-0:5432/ICMP"},
		`--from "a/b/c" is no pod`:    {"a/b/c", "db-0:5432"},
		`--to "shop/" is no pod`:      {"web-0", "shop/:80"},
		"there is no pod db-7":        {"web-0", "db-7:80"},
		`no port named "http"`:        {"web-0", "db-0:http"},
		"has to be a number":          {"web-0", "[2001:db8::1]:http"},
		`--to "2001:db8::1" has no p`: {"web-0", "2001:db8::1"},
	} {
		if printed, err := connect(t, "table", ends[0], ends[1]); err == nil || printed != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v does not say %q\n%s", ends, err, want, printed)
		}
	}
}
