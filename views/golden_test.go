package views

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/guard"
	"quarterdeck/ui"
	"quarterdeck/ui/uitest"
)

// usage is what the metrics API of the shop says.
func serveMetrics(s *apitest.Server) {
	type use struct{ ns, pod, container, cpu, memory string }
	var items []string
	for _, u := range []use{
		{"payments", "checkout-7f9c5d6b8-x2k9p", "app", "240m", "500Mi"},
		{"payments", "checkout-68cb6c9f4-p1m2n", "app", "12345678n", "130Mi"},
		{"payments", "checkout-68cb6c9f4-t7r8s", "app", "380m", "511Mi"},
		{"payments", "ledger-0", "db", "410m", "1800Mi"},
		{"payments", "ledger-0", "backup", "2m", "20Mi"},
		{"web", "debug-shell", "shell", "0", "1Mi"},
	} {
		items = append(items, fmt.Sprintf(
			`{"metadata":{"name":%q,"namespace":%q},"timestamp":"2026-03-04T05:06:00Z","window":"15s","containers":[{"name":%q,"usage":{"cpu":%q,"memory":%q}}]}`,
			u.pod, u.ns, u.container, u.cpu, u.memory))
	}
	list := func(kind string, items []string) string {
		return `{"kind":"` + kind + `","apiVersion":"metrics.k8s.io/v1beta1","metadata":{},"items":[` + strings.Join(items, ",") + `]}`
	}
	s.Serve("/apis/metrics.k8s.io/v1beta1/pods", list("PodMetricsList", items))
	s.Serve("/apis/metrics.k8s.io/v1beta1/namespaces/payments/pods", list("PodMetricsList", items[:5]))
	s.Serve("/apis/metrics.k8s.io/v1beta1/nodes", list("NodeMetricsList", []string{
		`{"metadata":{"name":"std-a-01"},"timestamp":"2026-03-04T05:06:00Z","window":"15s","usage":{"cpu":"12900m","memory":"58Gi"}}`,
		`{"metadata":{"name":"mem-b-02"},"timestamp":"2026-03-04T05:06:00Z","window":"15s","usage":{"cpu":"900m","memory":"100Gi"}}`,
	}))
}

// screens are what a scenario saw, by name.
type screens struct {
	names []string
	texts map[string]string
}

// both takes the screen in a narrow and in a wide terminal.
func (s *screens) both(b *bench, name string) {
	b.t.Helper()
	for _, size := range [][2]int{{80, 24}, {160, 50}} {
		b.resize(size[0], size[1])
		b.settle()
		s.take(b, fmt.Sprintf("%s-%dx%d", name, size[0], size[1]))
	}
}

func (s *screens) take(b *bench, name string) {
	b.t.Helper()
	if s.texts == nil {
		s.texts = map[string]string{}
	}
	if _, ok := s.texts[name]; ok {
		b.t.Fatalf("two screens called %s", name)
	}
	s.names = append(s.names, name)
	s.texts[name] = b.screen()
}

// compare compares the screens to testdata, after the bubble: there are no
// subtests in bubbles.
func (s *screens) compare(t *testing.T) {
	for _, name := range s.names {
		t.Run(name, func(t *testing.T) { uitest.Golden(t, s.texts[name]) })
	}
}

func withMetrics(set *settings) {
	set.Metrics = true
	set.prepare = serveMetrics
}

// Every resource of the catalog, and one that it does not have.
func TestLists(t *testing.T) {
	var seen screens
	pipe(t, withMetrics, func(b *bench) {
		for _, o := range Catalog() {
			b.open(o)
			seen.both(b, o.Names().Plural)
		}
		o, err := b.session.Find("databases")
		if err != nil {
			t.Fatal(err)
		}
		b.open(o)
		seen.both(b, "databases")
	})
	seen.compare(t)
}

// A list in its various states of knowing.
func TestListStates(t *testing.T) {
	var seen screens
	pods := func(change func(*settings)) func(*settings) {
		return func(set *settings) {
			set.start = "pods"
			if change != nil {
				change(set)
			}
		}
	}
	hold := func(when func(apitest.Request) bool) func(*settings) {
		return pods(func(set *settings) {
			never := make(chan struct{}) // of the bubble
			set.answer = func(r apitest.Request) *apitest.Answer {
				if when(r) {
					return &apitest.Answer{Until: never}
				}
				return nil
			}
		})
	}
	pipe(t, hold(func(apitest.Request) bool { return true }), func(b *bench) { seen.both(b, "loading-nothing-yet") })
	many := hold(apitest.Request.Continues)
	pipe(t, func(set *settings) {
		many(set)
		set.prepare = func(s *apitest.Server) {
			for i := range 1500 {
				s.Put(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "many", Name: fmt.Sprintf("pod-%04d", i), CreationTimestamp: metav1.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)}})
			}
		}
	}, func(b *bench) { seen.both(b, "loading-more") })
	pipe(t, pods(func(set *settings) { set.empty = true }), func(b *bench) { seen.both(b, "none") })
	pipe(t, pods(func(set *settings) { set.empty, set.namespace, set.all = true, "web", false }), func(b *bench) { seen.both(b, "none-in-namespace") })
	pipe(t, pods(nil), func(b *bench) {
		b.OnRequest(func(apitest.Request) *apitest.Answer { return &apitest.Answer{Cut: true} })
		b.CutWatches()
		time.Sleep(42 * time.Second)
		seen.both(b, "stale")
	})
	forbid := func(verbs ...string) func(*settings) {
		return func(set *settings) {
			set.answer = func(r apitest.Request) *apitest.Answer {
				if slices.Contains(verbs, r.Verb) {
					return r.Forbid("eve")
				}
				return nil
			}
		}
	}
	pipe(t, pods(forbid("list")), func(b *bench) { seen.both(b, "forbidden") })
	pipe(t, pods(forbid("watch")), func(b *bench) { seen.both(b, "watch-forbidden") })
	pipe(t, pods(func(set *settings) { // nobody asked for all namespaces: this falls back to one
		set.all = false
		set.answer = func(r apitest.Request) *apitest.Answer {
			if r.Verb == "list" && r.Namespace == "" {
				return r.Forbid("eve")
			}
			return nil
		}
		set.prepare = func(s *apitest.Server) {
			s.Put(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "mine"}})
		}
	}), func(b *bench) { seen.both(b, "fallback") })
	pipe(t, func(set *settings) {
		set.answer = func(r apitest.Request) *apitest.Answer {
			if r.GVR.Group == "batch" {
				return r.Forbid("eve")
			}
			return nil
		}
	}, func(b *bench) { seen.both(b, "partial") })
	pipe(t, pods(func(set *settings) {
		set.answer = func(apitest.Request) *apitest.Answer { return apitest.Unavailable() }
	}), func(b *bench) { seen.both(b, "failed") })
	pipe(t, pods(func(set *settings) {
		set.answer = func(apitest.Request) *apitest.Answer { return apitest.Fail(apierrors.NewUnauthorized("Unauthorized")) }
	}), func(b *bench) { seen.both(b, "unauthorized") })
	pipe(t, pods(func(set *settings) {
		set.guard = func(string) *guard.Guard {
			g := &guard.Guard{}
			g.Refuse("started with --readonly")
			return g
		}
	}), func(b *bench) { seen.both(b, "read-only") })
	seen.compare(t)
}

// What a user does to a list.
func TestListKeys(t *testing.T) {
	var seen screens
	pipe(t, withMetrics, func(b *bench) {
		b.press("down", "down", "down", "tab")
		seen.both(b, "workloads-unfolded")
		b.press("down", "down", "tab")
		seen.both(b, "workloads-unfolded-to-containers")
		b.press("2", "down", "down", "down", "enter")
		seen.both(b, "pods-of-a-deployment")
		b.press("down", "down", "down", "enter")
		seen.both(b, "containers-of-a-pod")
		b.press("esc", "N")
		seen.both(b, "node-of-a-pod")
		b.press("esc", "J")
		seen.both(b, "owner-of-a-pod")
		b.press("2", "/")
		seen.both(b, "filter-prompt")
		b.text("restarts>")
		seen.both(b, "filter-problem")
		b.text("1 !ledger")
		seen.both(b, "filter-typed")
		b.press("enter")
		seen.both(b, "filter-on")
		b.press("/")
		b.text(" nothing-like-this")
		b.press("enter")
		seen.both(b, "filter-matches-none")
		b.press("esc")
		b.open(pods())
		b.press(">", ">", ">", "R")
		seen.both(b, "sorted-by-restarts")
		b.press("w")
		seen.both(b, "wide")
		b.press("right", "right", "right")
		seen.both(b, "wide-scrolled")
		b.press("w", "space", "down", "down", "ctrl+space")
		seen.both(b, "marked")
		b.press(`ctrl+\`, "v")
		seen.both(b, "detail")
		b.press("v", "c")
		seen.both(b, "copied")
	})
	seen.compare(t)
}

func TestPickers(t *testing.T) {
	var seen screens
	pipe(t, func(set *settings) { set.start = "pods" }, func(b *bench) {
		open := func(name string, keys ...string) {
			b.press(keys...)
			seen.both(b, name)
			b.press("esc")
		}
		open("namespaces", "n")
		open("namespaces-typed", "n", "p", "a")
		open("namespace-unknown", "n", "x", "y", "z")
		open("contexts", "@")
		open("palette", ":")
		open("palette-typed", ":", "d", "e", "p")
		open("actions", "a")
		open("sort", "S")
		open("copy-cell", "Y")
		open("help", "?")
		b.press(":")
		b.text("nothing")
		b.press("enter")
		seen.both(b, "palette-unknown")
		b.press("esc", ":")
		b.text("po web /restarts=0")
		b.press("enter")
		seen.both(b, "palette-command")
	})
	pipe(t, func(set *settings) {
		set.start, set.context = "pods", "staging"
		set.all = false
		set.answer = func(r apitest.Request) *apitest.Answer {
			if r.GVR.Resource == "namespaces" {
				return r.Forbid("eve")
			}
			return nil
		}
	}, func(b *bench) {
		b.press("n")
		seen.both(b, "namespaces-forbidden")
	})
	seen.compare(t)
}

func TestPages(t *testing.T) {
	var seen screens
	pipe(t, func(set *settings) {
		set.prepare = func(s *apitest.Server) {
			s.PutRow(&corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: "aaa", Name: "db-credentials", CreationTimestamp: metav1.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
				Type:       corev1.SecretTypeOpaque, Data: map[string][]byte{"password": []byte("hunter2"), "user": []byte("ada")},
			}, "db-credentials", "Opaque", 2, "62d")
		}
	}, func(b *bench) {
		b.press("down", "down", "down", "y")
		seen.both(b, "yaml")
		b.resize(80, 24)
		b.press("w", "/")
		b.text("image")
		b.press("enter")
		seen.both(b, "yaml-searched")
		b.press("esc", "E")
		seen.both(b, "events")
		b.open(services())
		b.press("down", "d")
		seen.both(b, "describe")
		secrets, _ := known("secrets")
		b.open(secrets)
		b.press("y")
		seen.both(b, "secret")
		b.wantNot("hunter2", "aHVudGVyMg==", "YWRh")
		b.press("v")
		seen.both(b, "secret-revealed")
		b.press("esc", "d")
		b.settle()
		b.wantNot("hunter2", "aHVudGVyMg==", "YWRh")
	})
	var gone atomic.Bool
	pipe(t, func(set *settings) {
		set.start = "deployments"
		set.answer = func(r apitest.Request) *apitest.Answer {
			if r.Verb == "get" && gone.Load() {
				return r.Forbid("eve")
			}
			return nil
		}
	}, func(b *bench) {
		gone.Store(true)
		b.press("y")
		seen.both(b, "yaml-forbidden")
		gone.Store(false)
		b.press("esc")
		b.Delete(checkoutDeployment())
		b.send(ui.PushMsg{Frame: yamlFrame(b.session, workloadRefOf("payments", "checkout"))})
		b.settle()
		seen.both(b, "yaml-deleted")
	})
	seen.compare(t)
}
