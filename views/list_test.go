package views

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/apitest"
)

// row returns the line of the screen that has a text.
func (b *bench) row(text string) (int, string) {
	b.t.Helper()
	for i, l := range strings.Split(b.screen(), "\n") {
		if strings.Contains(l, text) {
			return i, l
		}
	}
	b.t.Fatalf("no %q on the screen:\n%s", text, b.screen())
	return 0, ""
}

// cursor returns the line on which the cursor is.
func (b *bench) cursor() string {
	b.t.Helper()
	_, line := b.row("▌")
	return line
}

func alone(change func(*settings)) func(*settings) {
	return func(set *settings) {
		set.empty, set.start = true, "pods"
		set.prepare = func(s *apitest.Server) {
			for i := range 5 {
				s.Put(plainPod(i))
			}
		}
		if change != nil {
			change(set)
		}
	}
}

func plainPod(i int) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprint("pod-", i), CreationTimestamp: metav1.Date(2026, 3, 4, 5, 0, i, 0, time.UTC)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app:v1"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}
}

// The cursor stays on its object while the list changes around it.
func TestCursorStays(t *testing.T) {
	pipe(t, alone(nil), func(b *bench) {
		b.press("down", "down")
		if got := b.cursor(); !strings.Contains(got, "pod-2") {
			t.Fatal(got)
		}
		above := plainPod(0)
		above.Name = "aaa"
		b.Put(above)
		b.Delete(plainPod(1))
		changed := plainPod(2)
		changed.Status.Phase = corev1.PodFailed
		b.Put(changed)
		b.settle()
		b.settle()
		if got := b.cursor(); !strings.Contains(got, "pod-2") || !strings.Contains(got, "Failed") {
			t.Errorf("%s\n%s", got, b.screen())
		}
		b.Delete(plainPod(2)) // the next takes its place
		b.settle()
		b.settle()
		if got := b.cursor(); !strings.Contains(got, "pod-3") {
			t.Errorf("%s\n%s", got, b.screen())
		}
		b.wantNot("pod-2")
		for _, i := range []int{0, 3, 4} {
			b.Delete(plainPod(i))
		}
		b.Delete(above)
		b.settle()
		b.settle()
		b.want("no pods in the cluster")
		b.press("enter") // on nothing
		b.want("no row is selected")
	})
}

// Who leaves a list does not go on asking for it, and finds it again in an
// instant.
func TestHiddenListReadsNothing(t *testing.T) {
	pipe(t, alone(nil), func(b *bench) {
		b.press("down", "down", "y")
		b.want("yaml pod/pod-2")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := b.Watches("pods"); n != 0 {
			t.Errorf("%d watches", n)
		}
		b.press("esc")
		b.want("live", "pod-4")
		if got := b.cursor(); !strings.Contains(got, "pod-2") {
			t.Error(got)
		}
		lists := b.Count("list", "pods")
		b.press("y", "esc")
		if n := b.Count("list", "pods"); n != lists {
			t.Errorf("%d more lists for a short look elsewhere", n-lists)
		}
	})
}

func TestMouse(t *testing.T) {
	pipe(t, alone(nil), func(b *bench) {
		line, _ := b.row("pod-3")
		click := tea.MouseClickMsg{Button: tea.MouseLeft, X: 10, Y: line}
		b.send(click)
		if got := b.cursor(); !strings.Contains(got, "pod-3") {
			t.Error(got)
		}
		b.send(click) // again: opens it
		b.settle()
		b.want("pods › pod/pod-3")
		b.send(tea.MouseClickMsg{Button: tea.MouseLeft, X: 10, Y: 20})
		b.sound(80, 24, "a click below the rows")
	})
}

func TestFilterPrompt(t *testing.T) {
	pipe(t, alone(nil), func(b *bench) {
		b.press("/")
		b.text("resta")
		b.press("tab")
		b.want("/restarts")
		b.text(">0")
		b.want("none of 5 pods matches")
		b.press("esc") // as before
		b.want("pod-0", "pod-4")
		b.press("/")
		b.text("pod-3")
		b.press("enter")
		b.want("1 of 5")
		b.press("y", "esc") // the filter stays with the list
		b.want("1 of 5")
		b.press("/", "up") // what was typed before
		b.want("pod-3")
		b.press("esc", "esc")
		b.want("pod-0", "pod-4")
	})
}

// The menu says what esc does now.
func TestEscInMenu(t *testing.T) {
	pipe(t, alone(nil), func(b *bench) {
		menu := func(typed string) {
			b.press("a")
			b.text(typed)
		}
		menu("back")
		b.want("Clear the filter or the search")
		b.press("esc", "/")
		b.text("pod-3")
		b.press("enter")
		menu("back")
		b.wantNot("Clear the filter or the search")
		b.press("esc")
		menu("clear filter")
		b.want("Clear the filter or the search")
		b.press("enter")
		b.want("pod-4")
	})
}

func TestMarksAndCopy(t *testing.T) {
	pipe(t, alone(nil), func(b *bench) {
		b.press("c")
		b.want("copied pod-0")
		b.press("space", "down", "space", "c")
		b.want("copied 2 names", "2 marked")
		b.Delete(plainPod(0))
		b.settle()
		b.settle()
		b.want("1 marked")
		b.press("Y")
		b.text("status")
		b.press("enter")
		b.want("copied status Running")
	})
}

// Marks outlast being folded away, but not what they are on.
func TestMarksInWorkloads(t *testing.T) {
	pipe(t, alone(func(set *settings) { set.start = "workloads" }), func(b *bench) {
		b.press("space", "down", "space", "tab", "down", "space", "up", "tab") // pods 0 and 1, and the container of 1
		b.want("3 marked")
		b.wantNot("app  ")
		b.Delete(plainPod(0))
		b.settle()
		b.settle()
		b.want("2 marked, 4 ")
		b.press("c")
		b.want("copied 2 names")
		b.Delete(plainPod(1))
		b.settle()
		b.settle()
		b.wantNot("marked")
		b.press("c")
		b.want("copied pod-")
	})
}

// So much changes at once that the store tells everything anew.
func TestWorkloadsAfterManyChanges(t *testing.T) {
	pods := make([]apitest.Object, 1500)
	for i := range pods {
		pods[i] = plainPod(i)
	}
	pipe(t, alone(func(set *settings) { set.start = "workloads" }), func(b *bench) {
		b.Put(pods...)
		b.settle()
		b.settle()
		b.want("1,500  ")
		b.Delete(pods[1:]...)
		b.settle()
		b.settle()
		b.want(" 1  ", "pod-0")
		b.wantNot("pod-1")
	})
}

func TestNamespacesAndContexts(t *testing.T) {
	pipe(t, func(set *settings) { set.start = "pods" }, func(b *bench) {
		b.press("down", ".")
		b.want("payments", "pod", "● live")
		b.wantNot("storefront")
		b.press("0")
		b.want("storefront")
		b.press("n", "w", "e", "b", "enter")
		b.want(" prod-eu  web ")
		b.press("@")
		b.text("stag")
		b.press("enter")
		b.want(" staging  web ")
		b.press("[")
		b.want(" prod-eu  web ")
		b.press(":")
		b.text("ns payments")
		b.press("enter")
		b.want(" prod-eu  payments ", "checkout")
		b.press(":")
		b.text("ctx nowhere")
		b.press("enter")
		b.want(`context "nowhere" is not in the kubeconfig`)
		b.press(":")
		b.text("databases")
		b.press("enter")
		b.want("card-vault")
		b.open(crds())
		b.press("enter") // opens the kind that it defines
		b.want("databases", "postgres")
		b.open(namespaces())
		b.press("end", "enter")
		b.want(" prod-eu  web ")
	})
}

func TestListAgain(t *testing.T) {
	pipe(t, alone(nil), func(b *bench) {
		b.press("ctrl+r")
		if n := b.Count("list", "pods"); n != 2 {
			t.Errorf("%d lists", n)
		}
		b.want("● live")
		if why := b.program.Unreached(); why != "" {
			t.Error(why)
		}
	})
	pipe(t, alone(func(set *settings) {
		set.answer = func(apitest.Request) *apitest.Answer { return apitest.Unavailable() }
	}), func(b *bench) {
		if why := b.program.Unreached(); !strings.Contains(why, "cannot list pods") {
			t.Error(why)
		}
	})
}

// What the metrics API says moves the rows of a list that is sorted by it.
func TestSortedByUse(t *testing.T) {
	usage := func(s *apitest.Server, cpu ...string) {
		var items []string
		for i, c := range cpu {
			items = append(items, fmt.Sprintf(`{"metadata":{"name":"pod-%d","namespace":"shop"},"containers":[{"name":"app","usage":{"cpu":%q,"memory":"1Mi"}}]}`, i, c))
		}
		s.Serve("/apis/metrics.k8s.io/v1beta1/pods", `{"kind":"PodMetricsList","apiVersion":"metrics.k8s.io/v1beta1","items":[`+strings.Join(items, ",")+`]}`)
	}
	pipe(t, alone(func(set *settings) { set.Metrics = true }), func(b *bench) {
		usage(b.Server, "10m", "50m", "20m")
		b.press("S")
		b.text("cpu")
		b.press("enter", "R")
		time.Sleep(5 * time.Minute) // it was not there when it was asked first
		b.settle()
		order := func() (names string) {
			for _, l := range strings.Split(b.screen(), "\n") {
				if _, rest, ok := strings.Cut(l, "pod-"); ok {
					names += rest[:1]
				}
			}
			return names
		}
		if got := order(); got != "12034" {
			t.Errorf("%s\n%s", got, b.screen())
		}
		usage(b.Server, "90m", "50m", "20m", "1m", "2m")
		time.Sleep(30 * time.Second)
		b.settle()
		if got := order(); got != "01243" {
			t.Errorf("%s\n%s", got, b.screen())
		}
	})
}

// Every part of the path says something else: a list of one object is not what
// is opened from it.
func TestPath(t *testing.T) {
	for start, test := range map[string]struct {
		keys []string
		want string
	}{
		"pods /x2k9p":     {[]string{"N", "P", "enter"}, "pods /x2k9p › nodes: std-a-01 › node/std-a-01 › pod/etl-29043-9x8y7"},
		"po /x2k9p":       {[]string{"J", "enter", "enter"}, "pods /x2k9p › replicasets: checkout-7f9c5d6b8 › rs/checkout-7f9c5d6b8 › pod/checkout-7f9c5d6b8-k9q4w"},
		"rs /7f9c5d6b8":   {[]string{"J", "P"}, "replicasets /7f9c5d6b8 › deployments: checkout › deploy/checkout"},
		"events /k9q4w":   {[]string{"enter", "enter"}, "events /k9q4w › pods: checkout-7f9c5d6b8-k9q4w › pod/checkout-7f9c5d6b8-k9q4w"},
		"hpa /checkout":   {[]string{"enter", "enter"}, "horizontalpodautoscalers /checkout › deployments: checkout › deploy/checkout"},
		"cj /etl":         {[]string{"enter", "down", "enter"}, "cronjobs /etl › cronjob/etl › job/etl-29043"},
		"workloads /chec": {[]string{"enter", "N", "enter"}, "workloads /chec › deploy/checkout › nodes: std-a-01 › node/std-a-01"},
	} {
		pipe(t, nil, func(b *bench) {
			b.resize(200, 40)
			b.press(":")
			b.text(start)
			b.press("enter")
			for _, key := range test.keys {
				b.press(key)
			}
			b.want(test.want + "  ")
		})
	}
}

// Columns that can only say n/a leave their room to others, but not while it is
// not known whether there is something to say.
func TestUsageColumns(t *testing.T) {
	lists := []string{"pods", "containers", "workloads", "nodes"}
	look := func(change func(*settings), check func(b *bench, list string)) {
		pipe(t, change, func(b *bench) {
			b.resize(160, 50)
			for _, list := range lists {
				o, _ := known(list)
				b.open(o)
				check(b, list)
			}
		})
	}
	without := func(b *bench, _ string) {
		b.wantNot("CPU", "MEM")
		b.press("w")
		b.wantNot("CPU", "MEM")
		b.press("w")
	}
	with := func(b *bench, _ string) { b.want("CPU") }
	look(nil, without)
	look(func(set *settings) { set.Metrics = true }, without) // a server that has no metrics API
	look(withMetrics, with)
	look(func(set *settings) { // it does not answer
		set.Metrics = true
		never := make(chan struct{}) // of the bubble
		set.answer = func(r apitest.Request) *apitest.Answer {
			if r.GVR.Group == "metrics.k8s.io" {
				return &apitest.Answer{Until: never}
			}
			return nil
		}
	}, with)
	pipe(t, alone(func(set *settings) { set.Metrics = true }), func(b *bench) {
		b.wantNot("CPU")
		serveMetrics(b.Server) // installed meanwhile
		time.Sleep(6 * time.Minute)
		b.settle()
		b.want("CPU")
		b.press("y", "esc")
		b.want("CPU")
	})
}

// The states that matter most are read whole in the narrowest terminal, beside
// names of usual length.
func TestStatusInNarrowTerminal(t *testing.T) {
	pod := func(status string) *corev1.Pod {
		p := plainPod(1)
		p.Name, p.Spec.NodeName = "checkout-7f9c5d6b8-x2k9p", "node-1"
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name: "app", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: status}}, RestartCount: 12,
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "OOMKilled", ExitCode: 137, FinishedAt: metav1.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)}},
		}}
		return p
	}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "ip-10-0-12-34.eu-central-1", Labels: map[string]string{"topology.kubernetes.io/zone": "eu-central-1a", "node.kubernetes.io/instance-type": "m7g.4xlarge"}},
		Spec:       corev1.NodeSpec{Unschedulable: true},
		Status: corev1.NodeStatus{
			Conditions: []corev1.NodeCondition{{Type: "Ready", Status: "False"}}, NodeInfo: corev1.NodeSystemInfo{KubeletVersion: "v1.36.3"},
		},
	}
	for _, measured := range []bool{false, true} {
		for _, status := range []string{"ContainerCreating", "CrashLoopBackOff", "ImagePullBackOff"} {
			pipe(t, func(set *settings) {
				set.empty, set.Metrics = true, measured
				set.prepare = func(s *apitest.Server) {
					s.Put(pod(status), node)
					if measured {
						serveMetrics(s)
					}
				}
			}, func(b *bench) {
				for _, list := range []string{"pods", "containers", "workloads", "nodes"} {
					o, _ := known(list)
					b.open(o)
					if list == "nodes" {
						b.want("NotReady,cordoned")
					} else {
						b.want(status)
					}
				}
			})
		}
	}
}

// A server's warnings are told once, one after the other.
func TestNotices(t *testing.T) {
	pipe(t, alone(nil), func(b *bench) {
		b.session.Client.Warnings().HandleWarningHeaderWithContext(t.Context(), 299, "", "v1 Endpoints is deprecated\x1b[2J")
		time.Sleep(2 * time.Second)
		b.settle()
		b.want("v1 Endpoints is deprecated")
		time.Sleep(10 * time.Second)
		b.settle()
		b.wantNot("v1 Endpoints is deprecated")
	})
}

// The object that was opened has been replaced by another of its name.
func TestReplacedObject(t *testing.T) {
	pipe(t, alone(nil), func(b *bench) {
		again := plainPod(0)
		again.UID = "another"
		never := make(chan struct{})
		b.OnRequest(func(r apitest.Request) *apitest.Answer {
			if r.Verb == "watch" {
				return &apitest.Answer{Until: never}
			}
			return nil
		})
		b.CutWatches()
		b.Put(again)
		b.press("y")
		b.want("the pod/pod-0 that was opened has been deleted")
	})
}
