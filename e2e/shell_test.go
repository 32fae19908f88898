//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"

	"quarterdeck/ui/uitest"
)

// reaching reaches into containers and nodes, and forwards ports.
func reaching() []scenario {
	args := []string{"pods", "-n", "acting"}
	return []scenario{
		{
			name: "a shell has the terminal, ctrl+c and all, and gives it back", cluster: workshop, args: args,
			run: func(t *terminal) {
				t.pod("box", "box:v1", nil)
				t.Live().Select("box", "Running").Press("s").prompt(1).Sees("acting/box app: exit or ctrl+d leaves")
				t.Press("echo $((40+2)) > /tmp/answer; cat /tmp/answer", uitest.Enter).Sees("\n42")
				if got := strings.TrimSpace(t.in("box", "cat", "/tmp/answer")); got != "42" {
					t.Errorf("the file in the pod has %q", got)
				}
				t.Resize(100, 30).Press(`while [ "$(stty size)" != "30 100" ]; do sleep 0.05; done; echo re''sized`, uitest.Enter).Sees("\nresized")
				t.Press("sleep 1000; echo slept", uitest.Enter).Sees("sleep 1000").Press(uitest.Ctrl('c'))
				t.Press("echo awake again", uitest.Enter).Sees("\nawake again").Misses("\nslept")
				t.Press("exit 3", uitest.Enter).Live().Footer("shell in acting/box app ended with exit code 3").Cursor("box")
				t.Press("s").prompt(2).Press(uitest.Ctrl('d')).Live().fits(100)
				t.Press(":", "journal", uitest.Enter).Live().Row("shell", "pod/box", "done")
				t.Press("q").Ends(0)
				if left := t.screen.Leftovers(); len(left) > 0 {
					t.Errorf("left after quitting: %v", left)
				}
			},
		},
		{
			name: "an image without a shell, and how to get one", cluster: workshop, args: args,
			run: func(t *terminal) {
				t.pod("bare", "distroless:v1", nil)
				t.Live().Select("bare", "Running").Press("s").Live().Footer("no shell in acting/bare app: its image has none", "debug")
				t.menu("debug").Sees("image to debug pod/bare with: ").Press(" nonsense!", uitest.Enter).Footer("is no image").Press(uitest.Esc).Misses("image to debug")
				t.menu("debug").Sees("image to debug pod/bare with: ").Press(uitest.Enter).Sees("debug pod/bare?", "Kubernetes keeps it in the pod's list", "y debug").
					Press("y").prompt(2).Sees("debugging app, exit or ctrl+d ends it")
				t.Press("echo in $((6*7))", uitest.Enter).Sees("\nin 42").Press("exit", uitest.Enter).Live()
				p, err := t.api.CoreV1().Pods("acting").Get(t.Context(), "bare", metav1.GetOptions{})
				t.must(err)
				if len(p.Spec.EphemeralContainers) != 1 || p.Spec.EphemeralContainers[0].TargetContainerName != "app" {
					t.Errorf("ephemeral containers %v", p.Spec.EphemeralContainers)
				}
			},
		},
		{
			name: "attach to a container and leave it running", cluster: workshop, args: args,
			run: func(t *terminal) {
				before := t.pod("attached", "web:v1", nil)
				t.Live().Select("attached", "Running").menu("attach").Sees("attached to its output, ctrl+c leaves").Press(uitest.Ctrl('c')).Live().Cursor("attached")
				p, err := t.api.CoreV1().Pods("acting").Get(t.Context(), "attached", metav1.GetOptions{})
				t.must(err)
				if p.UID != before.UID || p.Status.ContainerStatuses[0].RestartCount > 0 {
					t.Error("its container did not live on")
				}
			},
		},
		{
			name: "copy files both ways", cluster: workshop, args: args,
			run: func(t *terminal) {
				t.pod("store", "box:v1", nil)
				t.must(os.WriteFile(filepath.Join(t.dir, "up.txt"), []byte("from here\n"), 0o600))
				t.Live().Select("store", "Running").menu("copy to").Sees("local file or directory: ").Press("missing.txt", uitest.Enter).
					Sees("to the path in").Press(uitest.Enter).Sees("y copy to").Press("y").Footer("not copied: ", "missing.txt")
				t.menu("copy to").Sees("local file or directory: ").Press("up.txt", uitest.Enter).Sees("to the path in", "/tmp").Press(uitest.Enter).
					Sees("copy up.txt to pod/store?", "kubectl --context playground -n acting cp up.txt store:/tmp", "y copy to").Press("y").Footer("copied 1 file, 10 B")
				if got := t.in("store", "cat", "/tmp/up.txt"); got != "from here\n" {
					t.Errorf("the copy in the pod has %q", got)
				}
				from := func() *terminal {
					return t.menu("copy from").Sees("file or directory in acting/store").Press("/tmp/up.txt", uitest.Enter).
						Sees("to the local path: ").Press(uitest.Ctrl('u'), "down.txt", uitest.Enter)
				}
				from().Footer("copied 1 file, 10 B", "down.txt")
				if got, err := os.ReadFile(filepath.Join(t.dir, "down.txt")); err != nil || string(got) != "from here\n" {
					t.Errorf("the copy has %q, %v", got, err)
				}
				t.in("store", "sh", "-c", "echo changed > /tmp/up.txt")
				from().Sees("write over local files?", "ctrl+y replace").Press("y").Footer("y is typed too easily here").Press(uitest.Ctrl('y')).Footer("copied 1 file, 8 B")
				if got, err := os.ReadFile(filepath.Join(t.dir, "down.txt")); err != nil || string(got) != "changed\n" {
					t.Errorf("the copy has %q, %v", got, err)
				}
			},
		},
		{
			name: "a shell on a node leaves nothing behind", cluster: workshop, args: []string{"nodes"},
			run: func(t *terminal) {
				node, _ := t.nodeWith("")
				t.Live().Select(node).Press("s").Sees("shell on node/"+node+"?", "It is deleted when the shell ends", "y shell").Press("y").prompt(1).Sees(": on node "+node, "exit or ctrl+d ends it")
				if n := len(t.nodePods(node)); n != 1 {
					t.Errorf("%d pods debug the node", n)
				}
				t.Press("echo on $((6*7))", uitest.Enter).Sees("\non 42").Press("exit", uitest.Enter).Live().Cursor(node)
				t.eventually(func() bool { return len(t.nodePods(node)) == 0 }, func() string { return "the pod on the node is still there" })
			},
		},
		{
			name: "forward a port, list it, and stop it", cluster: workshop, args: []string{"deployments", "-n", "acting"},
			run: func(t *terminal) {
				t.deploy("served", 1)
				t.Live().Select("served", "1/1").Press("f").Sees("forward to deploy/served: ").Press("http:80", uitest.Enter).Footer(`"http" is no local port`).Press(uitest.Ctrl('u'))
				t.Press(":8080", uitest.Enter).Footer("F lists them")
				address := regexp.MustCompile(`127\.0\.0\.1:\d+`)
				t.Press("F").Header("forwards").Row("deploy/served", "8080")
				local := address.FindString(t.screen.Text())
				t.answers(local)
				t.Row("deploy/served").Press("q").Sees("quit? This still runs and would end:", "port-forward").Press(uitest.Esc)
				t.Select("deploy/served").Press(uitest.Ctrl('d')).Footer("stopped ")
				t.eventually(func() bool {
					resp, err := (&http.Client{Timeout: time.Second}).Get("http://" + local)
					if err == nil {
						_ = resp.Body.Close()
					}
					return err != nil
				}, func() string { return local + " still answers" })
				t.Press("q").Ends(0)
			},
		},
		{
			name: "the API server goes during a shell", cluster: workshop, args: args,
			run: func(t *terminal) {
				t.pod("cut", "box:v1", nil)
				t.Live().Select("cut", "Running").Press("s").prompt(1).Press("echo $((6*7))", uitest.Enter).Sees("\n42")
				t.apiServer("stop")
				t.Sees("lost the connection to acting/cut app").Row("cut")
				t.Press("?").Header("help").Press(uitest.Esc)
				t.apiServer("start")
				t.Live().Press("s").prompt(2).Press("echo back $((6*7))", uitest.Enter).Sees("\nback 42").Press("exit", uitest.Enter).Live()
				t.Press(":", "journal", uitest.Enter).Live().Row("shell", "pod/cut", "failed", "lost").Row("shell", "pod/cut", "done")
				t.Press("q").Ends(0)
				if left := t.screen.Leftovers(); len(left) > 0 {
					t.Errorf("left after quitting: %v", left)
				}
			},
		},
	}
}

// prompt waits until the shell of a visit, counted from 1, waits for a line: what
// earlier ones said may be on the screen still, or not any more.
func (t *terminal) prompt(visit int) *terminal {
	t.Helper()
	return t.await("the prompt of a shell", patience, func(string) bool {
		said := t.screen.Raw()
		// The screen of after that: one from before may end with the prompt of an earlier visit.
		screen := strings.TrimSpace(t.screen.Text())
		return strings.Count(said, ", exit or ctrl+d ")+strings.Count(said, ": exit or ctrl+d ") == visit && strings.HasSuffix(screen, "\n/ #")
	})
}

// in runs a command in a pod and returns what it says.
func (t *terminal) in(pod string, command ...string) string {
	t.Helper()
	config, err := t.playground.Config("")
	t.must(err)
	req := t.api.CoreV1().RESTClient().Post().Namespace("acting").Resource("pods").Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	exec, err := remotecommand.NewSPDYExecutor(config, "POST", req.URL())
	t.must(err)
	var out, problem bytes.Buffer
	if err := exec.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdout: &out, Stderr: &problem}); err != nil {
		t.Fatalf("%v: %v: %s", command, err, problem.String())
	}
	return out.String()
}

// nodePods returns the pods that debug a node.
func (t *terminal) nodePods(node string) []corev1.Pod {
	t.Helper()
	list, err := t.api.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{FieldSelector: "spec.nodeName=" + node, LabelSelector: "app.kubernetes.io/component=node-debug"})
	t.must(err)
	return list.Items
}

// answers waits until something answers HTTP at an address.
func (t *terminal) answers(address string) {
	t.Helper()
	client := &http.Client{Timeout: 5 * time.Second}
	var last error
	t.eventually(func() bool {
		resp, err := client.Get("http://" + address)
		if last = err; err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		_, last = io.Copy(io.Discard, resp.Body)
		return last == nil
	}, func() string { return fmt.Sprintf("nothing answers at %s: %v", address, last) })
}
