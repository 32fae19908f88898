//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"quarterdeck/kube/kubetest"
)

// printedLine is a line of `qd logs -o json`.
type printedLine struct{ Time, Namespace, Pod, Container, Line string }

// logPrinting checks `qd logs` against what the API has of each container.
type logPrinting struct {
	*stage
	api        kubernetes.Interface
	kubeconfig string
}

// logs checks what `qd logs` prints into pipes.
func (s *stage) logs(t *testing.T) {
	p := s.playground(t, workshop)
	config, err := p.Config("")
	if err != nil {
		t.Fatal(err)
	}
	l := logPrinting{s, kubernetes.NewForConfigOrDie(config), p.Kubeconfig()}
	crasher := l.crasher(t)
	t.Run("once", l.once)
	t.Run("followed", l.followed)
	t.Run("closed-pipe", l.closedPipe)
	t.Run("previous", func(t *testing.T) { l.previous(t, crasher) })
	t.Run("mistakes", l.mistakes)
}

// crasher makes a pod whose container exits at once, again and again, and a user
// who may read pods but not their logs.
func (l logPrinting) crasher(t *testing.T) *corev1.Pod {
	t.Helper()
	const namespace, user = "print", "no-logs"
	ctx, create := t.Context(), metav1.CreateOptions{}
	_, nsErr := l.api.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, create)
	kubetest.ReadyForPods(t, l.api, namespace)
	pod, podErr := l.api.CoreV1().Pods(namespace).Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "crasher", Labels: map[string]string{"app": "crasher"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "app", Image: "registry.example.com/shop/checkout:v2.3.1"}, // wants a variable that it does not get
			{Name: "fine", Image: "registry.example.com/shop/cart:v1.9.0"},
		}},
	}, create)
	_, roleErr := l.api.RbacV1().Roles(namespace).Create(ctx, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}}},
	}, create)
	_, bindErr := l.api.RbacV1().RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: user}},
	}, create)
	if err := errors.Join(nsErr, podErr, roleErr, bindErr); err != nil {
		t.Fatal(err)
	}
	return pod
}

// truth returns what the API has of a container's log.
func (l logPrinting) truth(t *testing.T, pod *corev1.Pod, container string, previous bool) []printedLine {
	t.Helper()
	rc, err := l.api.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container: container, Timestamps: true, Previous: previous,
	}).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rc.Close() }()
	all, err := io.ReadAll(rc)
	if err != nil {
		t.Fatal(err)
	}
	var lines []printedLine
	for line := range strings.Lines(string(all)) {
		at, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		lines = append(lines, printedLine{at, pod.Namespace, pod.Name, container, strings.ReplaceAll(text, "\t", "    ")})
	}
	return lines
}

// truths returns it for all containers of pods.
func (l logPrinting) truths(t *testing.T, pods []corev1.Pod) [][]printedLine {
	t.Helper()
	var all [][]printedLine
	for i := range pods {
		for _, c := range pods[i].Spec.Containers {
			all = append(all, l.truth(t, &pods[i], c.Name, false))
		}
	}
	return all
}

// running returns the pods of an app, once all of them have a log.
func (l logPrinting) running(t *testing.T, namespace, app string) (pods []corev1.Pod) {
	t.Helper()
	eventually(t, app+" runs", func() bool {
		list, err := l.api.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + app})
		if err != nil {
			t.Fatal(err)
		}
		pods = list.Items
		return len(pods) > 0 && !slices.ContainsFunc(pods, func(p corev1.Pod) bool { return p.Status.Phase != corev1.PodRunning })
	})
	return pods
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * patience); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// parse reads -o json, which has these fields and no others.
func parse(t *testing.T, text string) (lines []printedLine) {
	t.Helper()
	for line := range strings.Lines(text) {
		var fields map[string]string
		var p printedLine
		if err := errors.Join(json.Unmarshal([]byte(line), &fields), json.Unmarshal([]byte(line), &p)); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for _, key := range []string{"time", "namespace", "pod", "container", "line"} {
			if _, ok := fields[key]; !ok || len(fields) != 5 {
				t.Fatalf("%q has other fields than it should", line)
			}
		}
		if at, err := time.Parse("2006-01-02T15:04:05.000000000Z", p.Time); err != nil || at.IsZero() {
			t.Fatalf("%q: the time is not in nanoseconds: %v", line, err)
		}
		lines = append(lines, p)
	}
	return lines
}

// of returns the lines of the container that wrote the lines of like.
func of(lines, like []printedLine) (own []printedLine) {
	for _, line := range lines {
		if line.Pod == like[0].Pod && line.Container == like[0].Container && line.Namespace == like[0].Namespace {
			own = append(own, line)
		}
	}
	return own
}

// part checks that lines are a part of all without a gap, and reach at least as
// far as before did.
func part(t *testing.T, lines, all, before []printedLine) {
	t.Helper()
	if len(lines) == 0 {
		t.Errorf("nothing was printed of %s/%s", all[0].Pod, all[0].Container)
		return
	}
	start := slices.Index(all, lines[0])
	if start < 0 || len(lines) > len(all)-start || !slices.Equal(lines, all[start:start+len(lines)]) || start+len(lines) < len(before) {
		t.Errorf("%d lines from %+v to %+v are not what the server has: it has %d", len(lines), lines[0], lines[len(lines)-1], len(all))
	}
}

// prints runs `qd logs -o json`, which must go well.
func (l logPrinting) prints(t *testing.T, args ...string) []printedLine {
	t.Helper()
	out := l.exec(t, l.kubeconfig, append([]string{"logs", "-o", "json"}, args...)...)
	if out.code != 0 || out.stderr != "" {
		t.Fatalf("qd logs %q: exit code %d, %s", args, out.code, out.stderr)
	}
	return parse(t, out.stdout)
}

func (l logPrinting) once(t *testing.T) {
	pods := l.running(t, "web", "catalog")
	before := l.truths(t, pods)
	all := map[string][]printedLine{
		"KIND/NAME": l.prints(t, "deploy/catalog", "-n", "web"),
		"-l":        l.prints(t, "-l", "app=catalog", "-n", "web"),
		"-A":        l.prints(t, "-l", "app=catalog", "-A"),
		"service":   l.prints(t, "service/catalog", "-n", "web"),
	}
	start := time.Now()
	since := l.prints(t, "deploy/catalog", "-n", "web", "--since", "10s")
	tail := l.prints(t, "deploy/catalog", "-n", "web", "--tail", "3")
	one := l.prints(t, pods[0].Name, "-n", "web", "-c", pods[0].Spec.Containers[0].Name)
	after := l.truths(t, pods)
	for name, lines := range all {
		n := 0
		for i := range after {
			own := of(lines, after[i])
			part(t, own, after[i], before[i])
			if n += len(own); len(own) > 0 && own[0] != after[i][0] {
				t.Errorf("%s begins with %+v, the log with %+v", name, own[0], after[i][0])
			}
		}
		if n != len(lines) {
			t.Errorf("%s prints lines of others", name)
		}
	}
	for i := range after {
		own := of(tail, after[i])
		if part(t, own, after[i], before[i]); len(own) != 3 {
			t.Errorf("--tail 3 prints %d lines of %s", len(own), pods[i].Name)
		}
	}
	for _, line := range since {
		if at, _ := time.Parse(time.RFC3339Nano, line.Time); start.Sub(at) > 12*time.Second {
			t.Errorf("--since 10s prints %+v", line)
		}
	}
	if len(since) == 0 || len(of(one, after[0])) != len(one) {
		t.Errorf("%d lines since 10 s, %d of one container, of which %d are its own", len(since), len(one), len(of(one, after[0])))
	}
	text := l.exec(t, l.kubeconfig, "logs", "-l", "app=catalog", "-A", "--tail", "2", "--filter", "!no-such-word")
	for line := range strings.Lines(text.stdout) {
		if !strings.HasPrefix(line, "web/catalog-") || !strings.Contains(line, " {") {
			t.Errorf("printed %q", line)
		}
	}
	if text.code != 0 || text.stderr != "" || strings.Count(text.stdout, "\n") != 2*len(after) {
		t.Errorf("exit code %d, %s, printed\n%s", text.code, text.stderr, text.stdout)
	}
}

// printing is a `qd logs -f` that runs.
type printing struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    io.ReadCloser
	lines  *bufio.Scanner
	stderr bytes.Buffer
}

func (l logPrinting) follow(t *testing.T, args ...string) *printing {
	t.Helper()
	f := &printing{t: t, cmd: exec.CommandContext(t.Context(), l.qd, append([]string{"logs", "-f"}, args...)...)}
	f.cmd.Env, f.cmd.Stderr = l.environment(l.kubeconfig), &f.stderr
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if f.out, f.lines = out, bufio.NewScanner(out); f.cmd.Start() != nil {
		t.Fatal("qd does not start")
	}
	return f
}

// interrupt presses ctrl+c.
func (f *printing) interrupt() {
	f.t.Helper()
	if err := f.cmd.Process.Signal(os.Interrupt); err != nil {
		f.t.Fatal(err)
	}
}

// ends waits until the program has ended, and returns how.
func (f *printing) ends() error {
	f.t.Helper()
	late := time.AfterFunc(3*patience, func() { _ = f.cmd.Process.Kill() })
	err := f.cmd.Wait()
	if !late.Stop() {
		f.t.Fatal("it did not end")
	}
	if f.stderr.Len() > 0 {
		f.t.Errorf("it said %q", f.stderr.String())
	}
	return err
}

// followed: what containers write is printed as it comes, until ctrl+c.
func (l logPrinting) followed(t *testing.T) {
	pods := l.running(t, "web", "catalog")
	start := time.Now().UTC().Format("2006-01-02T15:04:05.000000000Z")
	f := l.follow(t, "deploy/catalog", "-n", "web", "--tail", "5", "-o", "json")
	var lines []printedLine
	for fresh := 0; fresh < 10 && f.lines.Scan(); {
		line := parse(t, f.lines.Text()+"\n")[0]
		if lines = append(lines, line); line.Time > start {
			fresh++
		}
	}
	f.interrupt()
	for f.lines.Scan() { // what was under way
		lines = append(lines, parse(t, f.lines.Text()+"\n")...)
	}
	if err := f.ends(); err != nil {
		t.Errorf("after ctrl+c: %v", err)
	}
	n := 0
	for _, all := range l.truths(t, pods) {
		own := of(lines, all)
		part(t, own, all, nil)
		n += len(own)
	}
	if n != len(lines) || n < 10 {
		t.Errorf("%d lines, %d of them of these pods", len(lines), n)
	}
}

// closedPipe: who reads the pipe has enough, as head does.
func (l logPrinting) closedPipe(t *testing.T) {
	f := l.follow(t, "deploy/catalog", "-n", "web", "--tail", "5")
	if !f.lines.Scan() {
		t.Error("nothing was printed")
	}
	if err := f.out.Close(); err != nil {
		t.Fatal(err)
	}
	_ = f.ends() // by the signal that the system sends
}

// previous: the log of the run before is printed whole, and only that of who
// was restarted.
func (l logPrinting) previous(t *testing.T, pod *corev1.Pod) {
	restarted := func() bool {
		p, err := l.api.CoreV1().Pods(pod.Namespace).Get(t.Context(), pod.Name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(p.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.LastTerminationState.Terminated != nil })
	}
	eventually(t, "the crasher was restarted", restarted)
	var lines, want []printedLine
	eventually(t, "no run ended while the one before was read", func() bool {
		want = l.truth(t, pod, "app", true)
		lines = l.prints(t, "crasher", "-n", pod.Namespace, "--previous")
		return slices.Equal(want, l.truth(t, pod, "app", true))
	})
	if !slices.Equal(lines, want) || !slices.ContainsFunc(lines, func(line printedLine) bool { return strings.Contains(line.Line, "missing env") }) {
		t.Errorf("printed\n%+v\nwant\n%+v", lines, want)
	}
	f := l.follow(t, "crasher", "-n", pod.Namespace, "-c", "app")
	told := false
	for !told && f.lines.Scan() {
		line := f.lines.Text()
		told = line == "crasher/app ── restarted (exit 1), previous log above ──" || line == "crasher/app ── ended (exit 1) ──"
	}
	f.interrupt()
	if err := f.ends(); !told || err != nil {
		t.Errorf("that it ended is told: %v; %v", told, err)
	}
}

// mistakes are told in one sentence, and end with exit code 1.
func (l logPrinting) mistakes(t *testing.T) {
	l.running(t, "web", "catalog")
	for args, says := range map[string][]string{
		"deploy/nope -n web":                                    {"deploy/nope", "web"},
		"nope -n web":                                           {"there is no pod/nope in namespace web"},
		"nope -n web -f":                                        {"there is no pod/nope in namespace web"},
		"podz/x -n web":                                         {`no kind "podz"`},
		"-l app=nope -n web":                                    {"there are no pods of -l app=nope in namespace web"},
		"deploy/catalog -n web -c nope":                         {"deploy/catalog in namespace web has no container called nope"},
		"deploy/catalog -n web -p":                              {"no container of deploy/catalog in namespace web was restarted"},
		"deploy/catalog -A":                                     {"-A with the name deploy/catalog"},
		"configmap/kube-root-ca.crt -n web":                     {"selects no pods"},
		"-l app=catalog -n web --context nobody":                {"pods could not be listed", "nobody"},
		"-l app=catalog -n web --context nobody -f":             {"pods could not be listed", "nobody"},
		"-l app=crasher -n print -c fine --as no-logs":          {"not all logs were read", "pods/log", "no-logs"},
		"-l app=crasher -n print -c fine --as no-logs -f":       {"pods/log", "no-logs"},
		"-l app=catalog -n web --server https://127.0.0.1:1":    {"127.0.0.1:1 refuses the connection"},
		"-l app=catalog -n web --server https://127.0.0.1:1 -f": {"127.0.0.1:1 refuses the connection"},
	} {
		t.Run(args, func(t *testing.T) {
			out := l.exec(t, l.kubeconfig, append([]string{"logs"}, strings.Fields(args)...)...)
			if out.code != 1 || out.stdout != "" {
				t.Errorf("exit code %d, printed %q", out.code, out.stdout)
			}
			oneSentence(t, out.stderr, says)
		})
	}
}
