package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/apitest"
)

// result is what one run of the program left.
type result struct {
	code        int
	out, errOut string
}

// qd runs the program with pipes for its files.
func qd(t *testing.T, args ...string) result {
	t.Helper()
	open := func() (r, w *os.File) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		return r, w
	}
	in, inW := open()
	outR, out := open()
	errR, errW := open()
	_ = inW.Close()
	var res result
	var reading sync.WaitGroup
	for r, to := range map[*os.File]*string{outR: &res.out, errR: &res.errOut} {
		reading.Go(func() {
			b, _ := io.ReadAll(r)
			*to = string(b)
		})
	}
	res.code = Main("v9.9.9", args, Streams{In: in, Out: out, Err: errW}, os.Environ())
	_, _ = out.Close(), errW.Close()
	reading.Wait()
	_, _, _ = in.Close(), outR.Close(), errR.Close()
	return res
}

// fails checks that a run ended with code 1, one sentence on the standard error
// that says everything in want, and nothing else.
func (r result) fails(t *testing.T, want ...string) {
	t.Helper()
	if r.code != 1 || r.out != "" {
		t.Errorf("exit code %d, output %q", r.code, r.out)
	}
	if !strings.HasPrefix(r.errOut, "qd: ") || strings.Count(r.errOut, "\n") != 1 || !strings.HasSuffix(r.errOut, "\n") {
		t.Errorf("not one sentence: %q", r.errOut)
	}
	if strings.ContainsAny(r.errOut, "\x1b\x07\r") {
		t.Errorf("control characters: %q", r.errOut)
	}
	for _, w := range want {
		if !strings.Contains(r.errOut, w) {
			t.Errorf("%q does not say %q", r.errOut, w)
		}
	}
}

// prints checks that a run went well and printed something.
func (r result) prints(t *testing.T, want string) {
	t.Helper()
	if r.code != 0 || r.errOut != "" {
		t.Fatalf("exit code %d, %s", r.code, r.errOut)
	}
	if got := strings.TrimSpace(r.out); got != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// home gives the program a home of its own, with a kubeconfig of one context
// for a server. cluster and user are YAML of those.
func home(t *testing.T, server, cluster, user string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "kubeconfig")
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
contexts:
- {name: test, context: {cluster: c, user: u}}
- {name: shop, context: {cluster: c, user: u, namespace: shop}}
clusters:
- {name: c, cluster: {server: %q, %s}}
users:
- {name: u, user: {%s}}
`, server, cluster, user)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env(t, dir)
	t.Setenv("KUBECONFIG", path)
}

// env keeps the environment of whoever runs the tests out of them.
func env(t *testing.T, dir string) {
	t.Helper()
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, "QD_") || strings.HasPrefix(name, "XDG_") || strings.HasPrefix(name, "KUBE") ||
			strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			t.Setenv(name, "")
			_ = os.Unsetenv(name)
		}
	}
	t.Setenv("HOME", dir)
}

func pod(namespace, name, status string, ready bool) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, Labels: map[string]string{"app": strings.Split(name, "-")[0]},
			CreationTimestamp: metav1.NewTime(time.Now().Add(-72 * time.Hour)),
		},
		Spec:   corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "app", Image: "registry.example/app:v1"}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1"},
	}
	s := corev1.ContainerStatus{Name: "app", Ready: ready}
	if ready {
		s.State.Running = &corev1.ContainerStateRunning{}
	} else {
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: status}
		s.RestartCount = 7
	}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{s}
	return p
}

// shop is a server with a few objects, and a home that knows it.
func shop(t *testing.T) *apitest.Server {
	t.Helper()
	s := apitest.New(t)
	home(t, s.URL, "", "token: t")
	for _, p := range []*corev1.Pod{
		pod("shop", "web-1", "", true), pod("shop", "web-2", "CrashLoopBackOff", false), pod("default", "tool-1", "", true),
	} {
		s.Put(p)
	}
	one := int32(1)
	s.Put(&appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", CreationTimestamp: metav1.NewTime(time.Now().Add(-72 * time.Hour))},
		Spec:       appsv1.DeploymentSpec{Replicas: &one},
		Status:     appsv1.DeploymentStatus{Replicas: 1, ReadyReplicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1},
	})
	s.Define(schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgets"}, apitest.Kind{Kind: "Widget", Namespaced: true, Short: []string{"wd"}})
	return s
}

func TestGet(t *testing.T) {
	shop(t)
	for _, test := range []struct{ args, want string }{
		{"pods", `
NAME    READY  STATUS   RESTARTS  CPU  CPU/REQ  MEM  MEM/REQ  NODE    AGE
tool-1    1/1  Running         0  n/a      n/a  n/a      n/a  node-1   3d`},
		{"po -A", `
NAMESPACE  NAME    READY  STATUS            RESTARTS  CPU  CPU/REQ  MEM  MEM/REQ  NODE    AGE
default    tool-1    1/1  Running                  0  n/a      n/a  n/a      n/a  node-1   3d
shop       web-1     1/1  Running                  0  n/a      n/a  n/a      n/a  node-1   3d
shop       web-2     0/1  CrashLoopBackOff         7  n/a      n/a  n/a      n/a  node-1   3d`},
		{"Pod -n shop web-2", `
NAME   READY  STATUS            RESTARTS  CPU  CPU/REQ  MEM  MEM/REQ  NODE    AGE
web-2    0/1  CrashLoopBackOff         7  n/a      n/a  n/a      n/a  node-1   3d`},
		{"pods --context shop --filter restarts>3", `
NAME   READY  STATUS            RESTARTS  CPU  CPU/REQ  MEM  MEM/REQ  NODE    AGE
web-2    0/1  CrashLoopBackOff         7  n/a      n/a  n/a      n/a  node-1   3d`},
		{"pods -n shop -l app=nothing", `NAME  READY  STATUS  RESTARTS  CPU  CPU/REQ  MEM  MEM/REQ  NODE  AGE`},
		{"deploy -n shop", `
NAME  READY  STATUS  IMAGE  AGE
web     1/1  ok              3d`},
		{"widgets -A", `NAMESPACE  NAME  AGE`},
		{"wd -A", `NAMESPACE  NAME  AGE`},
		{"widgets.example.com -A", `NAMESPACE  NAME  AGE`},
	} {
		t.Run(test.args, func(t *testing.T) {
			qd(t, append([]string{"get"}, strings.Fields(test.args)...)...).prints(t, test.want)
		})
	}
}

func TestGetJSON(t *testing.T) {
	shop(t)
	r := qd(t, "get", "pods", "-n", "shop", "-o", "json")
	var got struct {
		Kind, Resource string
		Items          []map[string]any
	}
	if err := json.Unmarshal([]byte(r.out), &got); err != nil || r.code != 0 || r.errOut != "" {
		t.Fatalf("%v %+v", err, r)
	}
	if got.Kind != "Pod" || got.Resource != "pods" || len(got.Items) != 2 {
		t.Errorf("%+v", got)
	}
	first := got.Items[0]
	for key, want := range map[string]any{
		"name": "web-1", "namespace": "shop", "status": "Running", "ready": "1/1", "restarts": 0.0, "node": "node-1", "cpu": nil, "uid": "pods-shop-web-1", "image": "app:v1",
	} {
		if first[key] != want {
			t.Errorf("%s is %v, want %v", key, first[key], want)
		}
	}
	if _, err := time.Parse(time.RFC3339, first["age"].(string)); err != nil {
		t.Error(err)
	}
	r = qd(t, "get", "widgets", "-o", "json")
	if r.code != 0 || !strings.Contains(r.out, `"items": []`) {
		t.Errorf("an empty list: %+v", r)
	}
}

func TestGetWide(t *testing.T) {
	shop(t)
	r := qd(t, "get", "pods", "-n", "shop", "-o", "wide")
	for _, want := range []string{"IP", "10.0.0.1", "LABELS", "app=web", "app:v1"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %s in\n%s", want, r.out)
		}
	}
}

func TestWrongUse(t *testing.T) {
	shop(t)
	for _, test := range []struct {
		args string
		want []string
	}{
		{"get", []string{"qd get needs a KIND", "type qd get KIND [NAME]"}},
		{"get pods a b", []string{`"b" is one word too many`, "type qd get KIND [NAME]"}},
		{"get pods a b c", []string{`"b c" are 2 words too many`, "type qd get KIND [NAME]"}},
		{"config extra", []string{`"extra" is one word too many`, "type qd config"}},
		{"version extra", []string{`"extra" is one word too many`, "type qd version"}},
		{"completion bash extra", []string{`"extra" is one word too many`, "type qd completion bash"}},
		{"completion tcsh", []string{`no completion for "tcsh"`, "type qd completion bash|fish|powershell|zsh"}},
		{"get podz", []string{`no kind "podz"`, "did you mean pods?"}},
		{"get zzzzzzzz", []string{`no kind "zzzzzzzz"`}},
		{"get pods -o yaml", []string{`-o "yaml"`, "table, wide or json"}},
		{"get pods missing -n shop", []string{`pods "missing" not found`}},
		{"get pods --filter restarts>", []string{"--filter"}},
		{"get pods --filter /[/", []string{"--filter"}},
		{"get pods -l !!", []string{"-l"}},
		{"get pods --nonsense", []string{"unknown flag: --nonsense", "qd get --help"}},
		{"--nonsense", []string{"unknown flag: --nonsense", "qd --help"}},
		{"pods payments", []string{`"payments" is one word too many`, "type qd [VIEW|KIND]", "-n NAMESPACE"}},
		{"pods", []string{"not a terminal", "qd get"}},
		{"", []string{"not a terminal", "qd get"}},
		{"get pods --context prod", []string{`context "prod" is not in the kubeconfig`, "shop, test"}},
		{"get pods --kubeconfig /nowhere/file", []string{"/nowhere/file", "does not exist"}},
		{"get pods --config /nowhere/config.yaml", []string{"/nowhere/config.yaml"}},
	} {
		t.Run(test.args, func(t *testing.T) {
			qd(t, strings.Fields(test.args)...).fails(t, test.want...)
		})
	}
}

func TestVersionAndHelp(t *testing.T) {
	env(t, t.TempDir())
	qd(t, "version").prints(t, "qd v9.9.9")
	qd(t, "--version").prints(t, "qd v9.9.9")
	for _, args := range [][]string{{"--help"}, {"get", "--help"}, {"completion", "bash"}, {"config"}} {
		if r := qd(t, args...); r.code != 0 || r.errOut != "" || len(r.out) < 200 {
			t.Errorf("%v: %d %q", args, r.code, r.errOut)
		}
	}
}

// A mistake in the configuration is told, and the rest of the run goes on.
func TestConfigProblem(t *testing.T) {
	shop(t)
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte("ui:\n  wyde: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := qd(t, "get", "deploy", "-n", "shop", "--config", path)
	if r.code != 0 || !strings.Contains(r.out, "web") || !strings.Contains(r.errOut, "wyde") || strings.Count(r.errOut, "\n") != 1 {
		t.Errorf("%+v", r)
	}
}

// What a cluster writes into names does not command the terminal of a script's
// reader either.
func TestGetIsHarmless(t *testing.T) {
	s := shop(t)
	p := pod("shop", "evil\x1b]0;owned\x07\u202e", "Crash\x1b[2J", false)
	s.Put(p)
	r := qd(t, "get", "pods", "-n", "shop", "-o", "wide")
	if r.code != 0 || strings.ContainsAny(r.out, "\x1b\x07\u202e") {
		t.Errorf("%+v", r)
	}
	qd(t, "get", "po\x1b[2Jds").fails(t, "no kind")
}

func TestCompletion(t *testing.T) {
	s := shop(t)
	s.Put(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	for args, want := range map[string]string{
		"get dep": "deployments\tDeployment", "--context s": "shop", "-n ": "shop", "get pods -o ": "json",
	} {
		r := qd(t, append([]string{"__complete"}, strings.Split(args, " ")...)...)
		if r.code != 0 || !strings.Contains(r.out, want) {
			t.Errorf("%s: %q does not have %q", args, r.out, want)
		}
	}
}
