package views

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/apitest"
)

// floodLogs has more lines than the least buffer holds.
func floodLogs() *logServer {
	s := newLogServer()
	long := strings.Repeat("0123456789", 20)
	for i := range 12_000 {
		s.say("payments/checkout-68cb6c9f4-p1m2n/app", 4*time.Hour-time.Duration(i)*time.Second, fmt.Sprintf("INFO line %d %s", i, long))
	}
	return s
}

// forbidLogs answers for everything but the logs of some pods.
func forbidLogs(s *logServer, pods ...string) func(apitest.Request) *apitest.Answer {
	return func(r apitest.Request) *apitest.Answer {
		if pod, ok := strings.CutSuffix(r.Name, "/log"); ok {
			for _, p := range pods {
				if p == "*" || p == pod {
					return r.Forbid("eve")
				}
			}
		}
		return s.answer(r)
	}
}

// A log in its various states of knowing.
func TestLogStates(t *testing.T) {
	var seen screens
	deployments := func(change func(*settings)) func(*settings) {
		return func(set *settings) {
			withLogs(shopLogs(), "deployments")(set)
			if change != nil {
				change(set)
			}
		}
	}
	never := func(hold func(apitest.Request) bool, s *logServer) func(*settings) {
		return deployments(func(set *settings) {
			until := make(chan struct{}) // of the bubble
			set.answer = func(r apitest.Request) *apitest.Answer {
				if hold(r) {
					return &apitest.Answer{Until: until}
				}
				return s.answer(r)
			}
		})
	}
	opened := func(name string, change func(*settings), f func(b *bench)) {
		t.Helper()
		pipe(t, change, func(b *bench) {
			b.openLogs()
			b.want("logs › ") // what is not drawn has no size
			if f != nil {
				f(b)
			}
			seen.both(b, name)
		})
	}

	opened("loading-pods", never(func(r apitest.Request) bool { return r.GVR.Resource == "pods" && r.Verb == "list" }, shopLogs()), nil)
	opened("loading-lines", never(func(r apitest.Request) bool { return r.Subresource() == "log" }, shopLogs()), nil)
	opened("live", deployments(nil), nil)
	opened("paused", deployments(nil), func(b *bench) { b.press("up", "up") })
	s := countedLogs()
	opened("paused-with-new", deployments(func(set *settings) { set.answer = s.answer }), func(b *bench) {
		b.press("up", "up")
		s.say("payments/checkout-68cb6c9f4-t7r8s/app", -4*time.Second, "INFO one more", "WARN and another", "INFO and the last")
		b.settle()
	})
	opened("nothing-written", deployments(func(set *settings) { set.answer = newLogServer().answer }), nil)
	opened("forbidden", deployments(func(set *settings) { set.answer = forbidLogs(shopLogs(), "*") }), nil)
	opened("partly-forbidden", deployments(func(set *settings) { set.answer = forbidLogs(shopLogs(), "checkout-68cb6c9f4-p1m2n") }), nil)
	opened("pods-forbidden", deployments(func(set *settings) {
		set.answer = func(r apitest.Request) *apitest.Answer {
			if r.GVR.Resource == "pods" && r.Verb == "list" {
				return r.Forbid("eve")
			}
			return nil
		}
	}), nil)
	cut := shopLogs()
	opened("reconnecting", deployments(func(set *settings) { set.answer = cut.answer }), func(b *bench) {
		b.OnRequest(func(apitest.Request) *apitest.Answer { return &apitest.Answer{Cut: true} })
		b.CutWatches()
		cut.end()
		time.Sleep(42 * time.Second)
	})
	opened("evicted", deployments(func(set *settings) {
		set.answer = floodLogs().answer
		set.Logs.Bytes, set.Logs.Span.Tail = 1<<20, -1
	}), nil)
	opened("single-source", func(set *settings) {
		withLogs(shopLogs(), "pods")(set)
		set.prepare = func(server *apitest.Server) {
			server.Put(&corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: "aaa", Name: "one", CreationTimestamp: metav1.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}},
				Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{
					{Name: "app", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
				}},
			})
		}
		one := newLogServer()
		one.say("aaa/one/app", time.Minute, `{"level":"info","msg":"ready","port":8080}`, `level=warn msg="slow query" ms=412`, "panic: no way", "", "goroutine 1 [running]:", "main.main()")
		set.answer = one.answer
	}, nil)
	previous := newLogServer()
	previous.say("payments/checkout-68cb6c9f4-t7r8s/app previous", 48*time.Hour, "INFO serving", "FATAL out of memory")
	pipe(t, deployments(func(set *settings) { set.answer = previous.answer }), func(b *bench) {
		b.press("p")
		time.Sleep(3 * time.Second)
		b.settle()
		seen.both(b, "previous")
	})
	pipe(t, deployments(nil), func(b *bench) {
		b.send(b.session.openLogs("app=nobody", false, selectionsOf("payments", "app=nobody")))
		time.Sleep(3 * time.Second)
		b.settle()
		seen.both(b, "no-pods")
	})
	seen.compare(t)
}
