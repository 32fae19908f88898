package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"quarterdeck/kube"
	"quarterdeck/kube/apitest"
	qstream "quarterdeck/kube/stream"
)

// connected returns a client of a server. It must be called in the bubble of s.
func connected(t *testing.T, s *apitest.Server, dir string) *kube.Client {
	t.Helper()
	path := filepath.Join(dir, "config")
	config := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c"}}],
		"clusters":[{"name":"c","cluster":{"server":%q}}]}`, s.URL)
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := genericclioptions.NewConfigFlags(true)
	flags.KubeConfig, flags.CacheDir = &path, &dir
	c, err := (&kube.Connector{Flags: flags, Dial: s.Dial}).Connect("")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ran is a container that was restarted some times, and whose last run ended
// with exit code 1.
func ran(name string, restarts int32) corev1.ContainerStatus {
	st := corev1.ContainerStatus{
		Name: name, RestartCount: restarts, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Unix(1000, 0)}},
	}
	if restarts > 0 {
		st.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", FinishedAt: metav1.Unix(999, 0)}
	}
	return st
}

func podOf(name string, containers ...corev1.ContainerStatus) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: name, UID: types.UID(name), Labels: map[string]string{"app": strings.Split(name, "-")[0]}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: containers},
	}
	for _, c := range containers {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: c.Name})
	}
	return p
}

// Logs that are read once, from the list of pods to the lines.
func TestOpen(t *testing.T) {
	web := podOf("web-0", ran("app", 2), ran("proxy", 0))
	done := podOf("job-0", corev1.ContainerStatus{Name: "run", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{FinishedAt: metav1.Unix(1000, 0)}}})
	young := podOf("young-0", corev1.ContainerStatus{Name: "app", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}})
	for _, test := range []struct {
		name   string
		opts   Options
		forbid bool
		lines  []string
		asked  []string // the logs that are asked for, sorted
		status Status   // Sources, Waiting and Refused are compared
	}{
		{
			name: "all of a namespace", opts: Options{Selections: []Selection{{Namespace: "web"}}, Span: Span{Tail: -1}},
			lines: []string{"web-0/app previous", "── restarted (exit 1), previous log above", "job-0/run", "web-0/app", "web-0/proxy"},
			asked: []string{"job-0/run", "web-0/app", "web-0/app previous", "web-0/proxy"}, status: Status{Sources: 4, Waiting: 1},
		},
		{
			name: "a tail of nothing", opts: Options{Selections: []Selection{{Namespace: "web", Pod: "web-0"}}, Span: Span{Tail: 0}},
			asked: []string{"web-0/app tail=1", "web-0/proxy tail=1"}, status: Status{Sources: 2},
		},
		{
			name: "since", opts: Options{Selections: []Selection{{Namespace: "web", Pod: "web-0", Container: "proxy"}}, Span: Span{Tail: 7, Since: time.Minute}},
			lines: []string{"web-0/proxy"}, asked: []string{"web-0/proxy tail=7 since=60"}, status: Status{Sources: 1},
		},
		{
			name: "previous", opts: Options{Selections: []Selection{{Namespace: "web"}}, Span: Span{Tail: -1}, Previous: true},
			lines: []string{"web-0/app previous"}, asked: []string{"web-0/app previous"}, status: Status{Sources: 1},
		},
		{
			name: "the end of previous", opts: Options{Selections: []Selection{{Namespace: "web"}}, Span: Span{Tail: 5}, Previous: true},
			lines: []string{"web-0/app previous"}, asked: []string{"web-0/app previous tail=5"}, status: Status{Sources: 1},
		},
		{
			name: "previous of who never ended", opts: Options{Selections: []Selection{{Namespace: "web", Labels: "app=job"}}, Span: Span{Tail: -1}, Previous: true},
		},
		{
			name: "no pods", opts: Options{Selections: []Selection{{Namespace: "web", Labels: "app=none"}}, Span: Span{Tail: -1}},
		},
		{
			name: "forbidden", opts: Options{Selections: []Selection{{Namespace: "web", Pod: "web-0"}}, Span: Span{Tail: 9}}, forbid: true,
			asked: []string{"web-0/app previous tail=9", "web-0/proxy tail=9"}, status: Status{Sources: 2, Refused: 2},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				s := apitest.NewPipe(t)
				s.Put(web, done, young)
				var mu sync.Mutex
				var asked []string
				s.OnRequest(func(r apitest.Request) *apitest.Answer {
					pod, ok := strings.CutSuffix(r.Name, "/log")
					if !ok {
						return nil
					}
					q := r.Query
					name := pod + "/" + q.Get("container")
					at := time.Unix(1000, map[string]int64{"run": 1e6, "app": 2e6, "proxy": 3e6}[q.Get("container")])
					if q.Get("previous") == "true" {
						name += " previous"
						at = time.Unix(900, 0)
					}
					said := name
					if v := q.Get("tailLines"); v != "" {
						said += " tail=" + v
					}
					if v := q.Get("sinceSeconds"); v != "" {
						said += " since=" + v
					}
					mu.Lock()
					defer mu.Unlock()
					asked = append(asked, said)
					switch {
					case test.forbid:
						return r.Forbid("eve")
					case name == "job-0/run previous":
						return apitest.Fail(apierrors.NewBadRequest("previous terminated container not found"))
					}
					return &apitest.Answer{Body: at.UTC().Format("2006-01-02T15:04:05.000000000Z") + " " + name + "\n", ContentType: "text/plain"}
				})
				c := connected(t, s, dir)
				defer c.Close()
				l := Open(c, test.opts)
				<-l.Ended()
				st := l.Status()
				l.Close()
				mu.Lock()
				defer mu.Unlock()
				slices.Sort(asked)
				lines := strings.Split(strings.TrimSuffix(text(l.Ring().Snapshot()), "\n"), "\n")
				if len(lines) == 1 && lines[0] == "" {
					lines = nil
				}
				if !slices.Equal(lines, test.lines) || !slices.Equal(asked, test.asked) {
					t.Errorf("lines %q, want %q; asked for %q, want %q", lines, test.lines, asked, test.asked)
				}
				if st.Sources != test.status.Sources || st.Waiting != test.status.Waiting || st.Refused != test.status.Refused || (st.Err != nil) != test.forbid {
					t.Errorf("%+v, want %+v", st, test.status)
				}
			})
		})
	}
}

// A server that stops answering while nothing else shows it: no container says
// anything, and the connections stand. That is told within the promised 15 s,
// and what was written meanwhile is there once the server is back.
func TestSilentServer(t *testing.T) {
	for _, into := range []time.Duration{0, 3 * time.Second, 7 * time.Second, 10 * time.Minute} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			s := apitest.NewPipe(t)
			s.Put(podOf("web-0", ran("app", 0)))
			at := func(i int) string {
				return time.Unix(1000, 0).Add(time.Duration(i)*time.Hour).UTC().Format("2006-01-02T15:04:05.000000000Z") + " line " + strconv.Itoa(i) + "\n"
			}
			written := 1
			serve := func(r apitest.Request) *apitest.Answer {
				if !strings.HasSuffix(r.Name, "/log") {
					return nil
				}
				said := ""
				for i := range written {
					said += at(i)
				}
				return &apitest.Answer{ContentType: "text/plain", Stream: func(ctx context.Context, w io.Writer) {
					_, _ = io.WriteString(w, said)
					<-ctx.Done()
				}}
			}
			s.OnRequest(serve)
			c := connected(t, s, dir)
			defer c.Close()
			l := Open(c, Options{Selections: []Selection{{Namespace: "web"}}, Span: Span{Tail: -1}, Follow: true})
			defer l.Close()
			time.Sleep(time.Second + into)
			synctest.Wait()
			if st := l.Status(); st.Live != 1 || st.Lines != 1 {
				t.Fatalf("before: %+v", st)
			}
			never := make(chan struct{})
			s.OnRequest(func(apitest.Request) *apitest.Answer { return &apitest.Answer{Until: never} })
			s.HangWatches()
			time.Sleep(15 * time.Second)
			synctest.Wait()
			if st := l.Status(); st.Live != 0 || st.Broken != 1 || !errors.Is(st.Err, qstream.ErrSilent) {
				t.Errorf("silent after %v, and 15 s later: %+v", into, st)
			}
			written = 3
			s.OnRequest(serve)
			close(never)
			time.Sleep(20 * time.Second)
			synctest.Wait()
			if st := l.Status(); st.Live != 1 || text(l.Ring().Snapshot()) != "line 0\nline 1\nline 2\n" {
				t.Errorf("back: %+v, %q", st, text(l.Ring().Snapshot()))
			}
		})
	}
}
