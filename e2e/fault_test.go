//go:build e2e

package e2e

import (
	"context"
	"regexp"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/ui/uitest"
)

// faults are what clusters do to programs that look at them. How soon it is noticed
// over HTTP/1.1, and that they are back, is shown beside the stores, by a clock of
// the tests' own; over HTTP/2 it follows from the times of its pings, see package
// cli. A machine that does other things as well keeps no promise of seconds.
func faults() []scenario {
	return []scenario{
		{
			name: "the API server dies and comes back", cluster: fragile,
			args: []string{"pods", "-A"},
			run: func(t *terminal) {
				t.Live().Header("30").Press(uitest.Down)
				t.apiServer("stop")
				t.Sees("○ stale ").Sees("refuses the connection").Row("Running")
				t.Press("?").Header("help").Press(uitest.Esc).Header("stale")
				t.await("the age of what is shown", patience, func(string) bool { return staleFor(t.screen.Line(0)) >= 3*time.Second })
				t.apiServer("start")
				t.Sees("● live").Header("30").Misses("refuses the connection")
				t.changed("LiveAgain")
			},
		},
		{
			name: "the API server freezes and goes on", cluster: fragile,
			args: []string{"pods", "-A"},
			edit: addContext("dead", "https://127.0.0.1:1"),
			run: func(t *terminal) {
				t.Live().Header("30")
				t.apiServer("pause")
				t.Sees("○ stale ").Row("Running")
				t.Press("?").Header("help").Press(uitest.Esc).Header("stale")
				t.Press("@", "dead", uitest.Enter).Header("dead").Sees("refuses the connection")
				t.Press("[").Header("playground", "pods", "stale").Row("Running")
				t.apiServer("resume")
				t.Sees("● live").Header("30")
				t.changed("Thawed")
			},
		},
		{
			name: "the API server freezes and goes on, behind a proxy without HTTP/2", cluster: fragile,
			args: []string{"pods", "-A"}, env: []string{"DISABLE_HTTP2=1"},
			run: func(t *terminal) {
				t.Live().Header("30")
				t.apiServer("pause")
				t.Sees("○ stale ").Sees("does not answer").Row("Running")
				t.apiServer("resume")
				t.Sees("● live").Header("30").Misses("does not answer")
				t.changed("Answered")
			},
		},
		{
			name: "a program that starts while the server is away waits for it", cluster: fragile,
			args: []string{"nodes"},
			run: func(t *terminal) {
				t.Live().Rows("node-00000", "node-00001", "node-00002")
				t.apiServer("stop")
				t.Sees("○ stale ").Press(":", "deployments", uitest.Enter).
					Header("deployments", "no answer").Sees("refuses the connection").Misses("no deployments")
				t.apiServer("start")
				t.Sees("● live")
			},
		},
	}
}

// apiServer orders the playground to do something to its API server. Should the
// scenario fail before it undoes that, it is undone for those that follow.
func (t *terminal) apiServer(order string) {
	t.Helper()
	const part = "kube-apiserver"
	if err := t.playground.Order(t.Context(), order, part); err != nil {
		t.Fatal(err)
	}
	if undo, ok := map[string]string{"stop": "start", "pause": "resume"}[order]; ok {
		t.Cleanup(func() {
			if !t.Failed() {
				return
			}
			if err := t.playground.Order(context.Background(), undo, part); err != nil {
				t.Log(err)
			}
		})
	}
}

var staleAge = regexp.MustCompile(`stale (\d+)s`)

// staleFor returns for how long the header says that the rows have been stale.
func staleFor(header string) time.Duration {
	found := staleAge.FindStringSubmatch(header)
	if found == nil {
		return 0
	}
	seconds, err := strconv.Atoi(found[1])
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// changed changes a pod behind the program's back and waits until it shows
// that: the rows are not only called live.
func (t *terminal) changed(reason string) {
	t.Helper()
	pods, err := t.api.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	pod := &pods.Items[0]
	patch := []byte(`{"status":{"phase":"Failed","reason":"` + reason + `"}}`)
	if _, err := t.api.CoreV1().Pods(pod.Namespace).Patch(t.Context(), pod.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	t.Press("g").Row(pod.Name[len(pod.Name)-5:], reason)
}
