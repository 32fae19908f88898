package kube

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/store"
)

// alone keeps the environment of whoever runs the tests out of them.
func alone(t *testing.T) {
	t.Helper()
	home := t.TempDir()
	for name, value := range map[string]string{
		"HOME": home, "KUBECONFIG": filepath.Join(home, ".kube", "config"), "KUBERNETES_SERVICE_HOST": "", "KUBERNETES_SERVICE_PORT": "",
		"HTTPS_PROXY": "", "HTTP_PROXY": "", "POD_NAMESPACE": "",
	} {
		t.Setenv(name, value)
	}
}

// kubeconfig writes a file with contexts good and bare, and returns its path.
// user is YAML of the user, cluster of the cluster, indented by four spaces.
func kubeconfig(t *testing.T, server, cluster, user string) string {
	t.Helper()
	return file(t, fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: good
contexts:
- name: good
  context: {cluster: c, user: u, namespace: payments}
- name: bare
  context: {cluster: c, user: u}
- name: no-cluster
  context: {cluster: missing, user: u}
- name: no-user
  context: {cluster: c, user: missing}
clusters:
- name: c
  cluster:
    server: %s
%s
users:
- name: u
  user:
%s
`, server, cluster, user))
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func connector(path string) *Connector {
	flags := genericclioptions.NewConfigFlags(true)
	if path != "" {
		flags.KubeConfig = &path
	}
	return &Connector{Flags: flags, UserAgent: "quarterdeck/test", Store: store.Options{Linger: -1}}
}

// oneSentence checks that an error is one line that says everything in want.
func oneSentence(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	if strings.ContainsAny(text, "\n\r\x1b") {
		t.Errorf("not one line: %q", text)
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not say %q", text, w)
		}
	}
}

func TestConnectProblems(t *testing.T) {
	const server = "https://192.0.2.1:6443"
	for _, test := range []struct {
		name    string
		path    func(t *testing.T) string
		context string
		want    []string
	}{
		{"none", func(*testing.T) string { return "" }, "", []string{"no kubeconfig found at ", "KUBECONFIG", "--kubeconfig"}},
		{"missing", func(t *testing.T) string { return filepath.Join(t.TempDir(), "gone") }, "", []string{"gone", "does not exist", "check --kubeconfig"}},
		{"empty", func(t *testing.T) string { return file(t, "") }, "", []string{"config", "KUBECONFIG"}},
		{"directory", func(t *testing.T) string { return t.TempDir() }, "", []string{"cannot be used", "directory"}},
		{"malformed", func(t *testing.T) string { return file(t, "apiVersion: v1\nkind: Config\ncontexts: [\n") }, "", []string{"cannot be used", "yaml: line 3"}},
		{"not a kubeconfig", func(t *testing.T) string { return file(t, "hello") }, "", []string{"cannot be used", "it is no kubeconfig"}},
		{"other kind", func(t *testing.T) string { return file(t, "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n") }, "", []string{"cannot be used", "it is no kubeconfig"}},
		{"wrong type", func(t *testing.T) string { return file(t, "apiVersion: v1\nkind: Config\ncontexts: 5\n") }, "", []string{"cannot be used"}},
		{"no current context", func(t *testing.T) string {
			return file(t, strings.Replace(read(t, kubeconfig(t, server, "", "    token: t")), "current-context: good", "", 1))
		}, "", []string{"no current context", "--context", "bare, good, no-cluster, no-user"}},
		{"unknown current context", func(t *testing.T) string {
			return file(t, strings.Replace(read(t, kubeconfig(t, server, "", "    token: t")), "current-context: good", "current-context: god", 1))
		}, "", []string{`context "god" is not in the kubeconfig`, "bare, good, no-cluster, no-user"}},
		{"unknown context", func(t *testing.T) string { return kubeconfig(t, server, "", "    token: t") }, "prod", []string{
			`context "prod" is not in the kubeconfig`, "bare, good, no-cluster, no-user",
		}},
		{"escapes in an unknown context", func(t *testing.T) string { return kubeconfig(t, server, "", "    token: t") }, "a\x1b[2Jb\nc", []string{"is not in the kubeconfig"}},
		{"context without a cluster", func(t *testing.T) string { return kubeconfig(t, server, "", "    token: t") }, "no-cluster", []string{`context "no-cluster"`, `cluster "missing"`}},
		{"context without a user", func(t *testing.T) string { return kubeconfig(t, server, "", "    token: t") }, "no-user", []string{`context "no-user"`, `user "missing"`}},
		{"no server", func(t *testing.T) string { return kubeconfig(t, `""`, "", "    token: t") }, "", []string{`cluster "c"`, "server"}},
		{"broken server", func(t *testing.T) string { return kubeconfig(t, `"https://a b:c"`, "", "    token: t") }, "", []string{"https://a b:c"}},
		{"no certificate file", func(t *testing.T) string {
			return kubeconfig(t, server, "    certificate-authority: /nowhere/ca.crt", "    token: t")
		}, "", []string{"/nowhere/ca.crt"}},
		{"no client certificate", func(t *testing.T) string {
			return kubeconfig(t, server, "", "    client-certificate: /nowhere/me.crt\n    client-key: /nowhere/me.key")
		}, "", []string{"/nowhere/me.crt"}},
		{"broken CA", func(t *testing.T) string {
			return kubeconfig(t, server, "    certificate-authority-data: "+base64.StdEncoding.EncodeToString([]byte("no PEM")), "    token: t")
		}, "", []string{"certificate"}},
		{"CA that is no base64", func(t *testing.T) string {
			return kubeconfig(t, server, "    certificate-authority-data: '%%'", "    token: t")
		}, "", []string{"cannot be used"}},
		{"no token file", func(t *testing.T) string { return kubeconfig(t, server, "", "    tokenFile: /nowhere/token") }, "", []string{"/nowhere/token"}},
		{"unknown auth provider", func(t *testing.T) string {
			return kubeconfig(t, server, "", "    auth-provider: {name: gcp}")
		}, "", []string{"gcp"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			alone(t)
			client, err := connector(test.path(t)).Connect(test.context)
			if err == nil {
				client.Close()
			}
			oneSentence(t, err, test.want...)
		})
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A file that may not be read says so, and who can change it.
func TestUnreadableKubeconfig(t *testing.T) {
	alone(t)
	path := file(t, "apiVersion: v1\nkind: Config\n")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(path); err == nil {
		t.Skip("root may read every file")
	}
	_, err := connector(path).Connect("")
	oneSentence(t, err, path, "cannot be read", "who owns")
}

// Connecting reads no network: a cluster that is gone is no reason to wait.
func TestConnectDoesNotWait(t *testing.T) {
	alone(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	asked := make(chan struct{}, 1)
	go func() {
		if _, err := l.Accept(); err == nil {
			asked <- struct{}{}
		}
	}()
	c, err := connector(kubeconfig(t, "https://"+l.Addr().String(), "", "    token: t")).Connect("")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	select {
	case <-asked:
		t.Error("connecting asked the server")
	default:
	}
	if c.Context != "good" || c.Cluster != "c" || c.User != "u" || c.Namespace != "payments" || c.Server != "https://"+l.Addr().String() {
		t.Errorf("%+v", c)
	}
	if cfg := c.Config(); cfg.Timeout != 0 || cfg.QPS != -1 || cfg.UserAgent != "quarterdeck/test" {
		t.Errorf("%+v", cfg)
	}
}

func TestNamespaceOfContext(t *testing.T) {
	alone(t)
	path := kubeconfig(t, "https://192.0.2.1", "", "    token: t")
	for _, test := range []struct{ flag, context, want string }{
		{"", "", "payments"}, {"", "good", "payments"}, {"", "bare", ""}, {"shop", "", "shop"}, {"shop", "bare", ""},
	} {
		con := connector(path)
		con.Flags.Namespace = &test.flag
		c, err := con.Connect(test.context)
		if err != nil {
			t.Fatal(err)
		}
		if c.Namespace != test.want {
			t.Errorf("-n %q, context %q: %q, want %q", test.flag, test.context, c.Namespace, test.want)
		}
		c.Close()
	}
}

// What was said about one connection is not said about another.
func TestFlagsBelongToOneContext(t *testing.T) {
	alone(t)
	con := connector(kubeconfig(t, "https://192.0.2.1", "", "    token: t"))
	server, token, as, ctx := "https://192.0.2.2", "secret", "boss", "good"
	con.Flags.APIServer, con.Flags.BearerToken, con.Flags.Impersonate, con.Flags.Context = &server, &token, &as, &ctx
	for context, want := range map[string][2]string{
		"": {server, "secret"}, "good": {server, "secret"}, "bare": {"https://192.0.2.1", "t"},
	} {
		c, err := con.Connect(context)
		if err != nil {
			t.Fatal(err)
		}
		cfg := c.Config()
		if cfg.Host != want[0] || cfg.BearerToken != want[1] || cfg.Impersonate.UserName != "boss" {
			t.Errorf("context %q: %s %s as %s", context, cfg.Host, cfg.BearerToken, cfg.Impersonate.UserName)
		}
		c.Close()
	}
}

func TestContexts(t *testing.T) {
	alone(t)
	con := connector(kubeconfig(t, "https://192.0.2.1", "", "    token: t"))
	list, err := con.Contexts()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range list {
		got = append(got, fmt.Sprint(c))
	}
	want := "{bare c u  https://192.0.2.1 false} {good c u payments https://192.0.2.1 true} {no-cluster missing u   false} {no-user c missing  https://192.0.2.1 false}"
	if strings.Join(got, " ") != want {
		t.Errorf("%v", got)
	}
	other := "bare"
	con.Flags.Context = &other
	if list, _ = con.Contexts(); !list[0].Current || list[1].Current {
		t.Errorf("--context bare: %v", list)
	}
	_, err = connector(file(t, "contexts: [")).Contexts()
	oneSentence(t, err, "cannot be used")
}

// The guard of a context is under everything that its client does.
func TestGuarded(t *testing.T) {
	alone(t)
	s := apitest.New(t)
	con := connector(kubeconfig(t, s.URL, "", "    token: t"))
	con.Guard = func(context string) *guard.Guard {
		g := &guard.Guard{}
		g.Refuse(context + " is read-only")
		return g
	}
	c, err := con.Connect("")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.REST(schema.GroupVersion{Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	err = r.Delete().Resource("pods").Namespace("shop").Name("a").Do(t.Context()).Error()
	oneSentence(t, err, "good is read-only", "delete pods/a in shop")
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestClient(t *testing.T) {
	alone(t)
	s := apitest.New(t)
	s.Put(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "a"}}, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}})
	s.Define(schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgets"}, Kind("Widget"))
	con := connector(kubeconfig(t, s.URL, "", "    token: t"))
	cache := t.TempDir()
	con.Flags.CacheDir = &cache
	c, err := con.Connect("")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	v, err := c.ServerVersion(t.Context())
	if err != nil || v.GitVersion != "v1.36.3" {
		t.Errorf("%+v %v", v, err)
	}
	kinds, err := c.Kinds(false)
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name+"."+k.Group)
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); err != nil || got != "nodes. pods. widgets.example.com" {
		t.Errorf("%s %v", got, err)
	}
	// A kind that comes up later is found when discovery is asked anew.
	s.Define(schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "gears"}, Kind("Gear"))
	if kinds, _ = c.Kinds(false); len(kinds) != 3 {
		t.Errorf("%d kinds from the cache", len(kinds))
	}
	if kinds, _ = c.Kinds(true); len(kinds) != 4 {
		t.Errorf("%d kinds anew", len(kinds))
	}
	mapper, err := c.Mapper()
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapper.RESTMapping(schema.GroupKind{Group: "example.com", Kind: "Gear"})
	if err != nil || m.Resource.Resource != "gears" {
		t.Errorf("%v %v", m, err)
	}
	first, _ := c.REST(corev1.SchemeGroupVersion)
	second, _ := c.REST(corev1.SchemeGroupVersion)
	if first != second {
		t.Error("two clients for one group")
	}
}

// Kind is what the fake server is told of a kind.
func Kind(name string) apitest.Kind { return apitest.Kind{Kind: name, Namespaced: true} }

// One group that is down leaves the others.
func TestPartialDiscovery(t *testing.T) {
	alone(t)
	s := apitest.New(t)
	s.Put(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "a"}})
	s.Define(schema.GroupVersionResource{Group: "metrics.example.com", Version: "v1", Resource: "gauges"}, Kind("Gauge"))
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if strings.Contains(r.Path, "metrics.example.com") {
			return apitest.Unavailable()
		}
		return nil
	})
	con := connector(kubeconfig(t, s.URL, "", "    token: t"))
	cache := t.TempDir()
	con.Flags.CacheDir = &cache
	c, err := con.Connect("")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	kinds, err := c.Kinds(false)
	if len(kinds) != 1 {
		t.Errorf("%v", kinds)
	}
	oneSentence(t, err, "metrics.example.com")
}

// What a server warns of reaches who asks, once, and not the terminal.
func TestWarnings(t *testing.T) {
	alone(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Warning", `299 - "extensions/v1beta1 is \u001b[31m deprecated"`)
		w.Header().Add("Warning", `299 - "second"`)
		w.Header().Add("Warning", `199 - "not of Kubernetes"`)
		fmt.Fprint(w, `{"gitVersion":"v1.36.3"}`)
	}))
	defer srv.Close()
	c, err := connector(kubeconfig(t, srv.URL, "", "    token: t")).Connect("")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 3 {
		if _, err := c.ServerVersion(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.Warnings().Take(); len(got) != 2 || strings.Contains(got[0], "\x1b") || got[1] != "second" {
		t.Errorf("%q", got)
	}
	if got := c.Warnings().Take(); got != nil {
		t.Errorf("again %q", got)
	}
}

func TestWarningsAreBounded(t *testing.T) {
	w := &Warnings{}
	for i := range 10 * warningLimit {
		w.HandleWarningHeaderWithContext(context.Background(), 299, "", fmt.Sprint("warning ", i))
		if len(w.seen) > warningLimit || len(w.news) > warningLimit {
			t.Fatalf("%d texts are remembered, %d wait for somebody to read them", len(w.seen), len(w.news))
		}
	}
}

// A call ends when a user stops waiting for it.
func TestCallEnds(t *testing.T) {
	alone(t)
	con := connector(kubeconfig(t, "https://192.0.2.1", "", "    token: t"))
	for _, test := range []struct {
		flag string
		want time.Duration
	}{{"0", 15 * time.Second}, {"3s", 3 * time.Second}} {
		con.Flags.Timeout = &test.flag
		c, err := con.Connect("")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx, cancel := c.Call(t.Context())
		defer cancel()
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); !ok || left > test.want || left < test.want/2 {
			t.Errorf("%s is left of %s", left, test.want)
		}
	}
}

func TestRef(t *testing.T) {
	for want, r := range map[string]Ref{
		"deploy/a":  {GVR: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, Kind: "Deployment", Name: "a"},
		"pod/a":     {GVR: schema.GroupVersionResource{Version: "v1", Resource: "pods"}, Kind: "Pod", Name: "a"},
		"svc/a":     {GVR: schema.GroupVersionResource{Version: "v1", Resource: "services"}, Kind: "Service", Name: "a"},
		"widgets/a": {GVR: schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgets"}, Name: "a"},
	} {
		if got := r.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	r := Ref{GVR: schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, Kind: "Deployment"}
	if got := r.GVK().String(); got != "apps/v1, Kind=Deployment" {
		t.Error(got)
	}
}
