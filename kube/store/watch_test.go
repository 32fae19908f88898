package store

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/apitest"
)

func TestFollowsChanges(t *testing.T) {
	inBubble(t, 3, Options{}, func(t *testing.T, c *cluster) {
		f := follow(Open(c.hub, podKind(), Scope{Namespace: "shop", Labels: "app=web"}))
		defer f.sub.Close()
		pods := corePods(8)
		wantPhase(t, settle(t, f), Live, 1)
		wantPods(t, f, pods[0])
		step := func(what string, want ...*corev1.Pod) {
			t.Helper()
			time.Sleep(batchTime)
			wantPhase(t, settle(t, f), Live, len(want))
			if wantPods(t, f, want...); t.Failed() {
				t.Fatal("after ", what)
			}
		}
		c.Put(pods[6], pods[7]) // 6 is in the scope
		step("an addition", pods[0], pods[6])
		pods[0].Status.Phase = corev1.PodFailed
		c.Put(pods[0])
		step("a change", pods[0], pods[6])
		gone := newCorePod(6)
		gone.Labels["app"] = "api"
		c.Put(gone)
		step("leaving the selection", pods[0])
		c.Put(pods[6])
		step("coming back", pods[0], pods[6])
		c.Delete(pods[0])
		step("a deletion", pods[6])
		if n := c.Count("list", "pods"); n != 1 {
			t.Errorf("%d lists", n)
		}
	})
}

// Many changes at once are told as few.
func TestChangesCoalesce(t *testing.T) {
	inBubble(t, 10, Options{}, func(t *testing.T, c *cluster) {
		f := follow(Open(c.hub, podKind(), Scope{}))
		defer f.sub.Close()
		settle(t, f)
		var told atomic.Int64
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-f.sub.Changed():
					told.Add(1)
				case <-stop:
					return
				}
			}
		}()
		for round := range 20 {
			for i := range 50 {
				p := newCorePod(i % 10)
				p.Spec.NodeName = fmt.Sprint(round, "-", i)
				c.Put(p)
			}
		}
		time.Sleep(time.Second)
		close(stop)
		st := settle(t, f)
		wantPhase(t, st, Live, 10)
		if n := told.Load(); n > 100 {
			t.Errorf("1000 changes were told as %d", n)
		}
	})
}

// The server has forgotten the version: a new list, and nobody notices.
func TestWatchTooOld(t *testing.T) {
	expired := apierrors.NewResourceExpired("too old resource version")
	for name, fault := range map[string]func(*cluster){
		"event": func(c *cluster) { c.FailWatches(expired.ErrStatus) },
		"gone": func(c *cluster) {
			c.FailWatches(metav1.Status{Status: metav1.StatusFailure, Code: http.StatusGone, Reason: metav1.StatusReasonGone, Message: "gone"})
		},
		"http": func(c *cluster) {
			var once sync.Once
			c.OnRequest(func(r apitest.Request) (a *apitest.Answer) {
				if r.Verb == "watch" {
					once.Do(func() { a = apitest.Fail(expired) })
				}
				return a
			})
			time.Sleep(time.Second)
			c.EndWatches()
		},
		"after a silence": func(c *cluster) {
			c.CutWatches()
			c.Compact()
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 150, Options{}, func(t *testing.T, c *cluster) {
				sub := Open(c.hub, podKind(), Scope{})
				synctest.Wait()
				seen := watchPhases(t, sub)
				fault(c)
				time.Sleep(time.Second)
				c.Put(newCorePod(150))
				time.Sleep(time.Second)
				f := follow(sub)
				wantPhase(t, settle(t, f), Live, 151)
				for _, p := range []Phase{Syncing, Stale, Failed} {
					if seen.has(p) {
						t.Errorf("the screen said %s", p)
					}
				}
				if n := len(requestsOf(c.Server, "list")); n != 4 {
					t.Errorf("%d pages were read, want 2 and 2", n)
				}
			})
		})
	}
}

// A lost connection is resumed from the last version seen.
func TestResumes(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		f := follow(Open(c.hub, podKind(), Scope{}))
		settle(t, f)
		for i := range 5 {
			c.Put(newCorePod(20 + i))
			time.Sleep(time.Second)
			at := fmt.Sprint(c.Version())
			if i == 4 {
				c.Bookmark()
				at = fmt.Sprint(c.Version())
				synctest.Wait()
			}
			if i%2 == 0 {
				c.CutWatches()
			} else {
				c.EndWatches()
			}
			time.Sleep(time.Second)
			wantPhase(t, settle(t, f), Live, 21+i)
			watches := requestsOf(c.Server, "watch")
			last := watches[len(watches)-1].Query
			if got := last.Get("resourceVersion"); got != at {
				t.Errorf("watch %d from version %s, want %s", i, got, at)
			}
			if last.Get("allowWatchBookmarks") != "true" || last.Get("timeoutSeconds") == "" {
				t.Errorf("watch asked with %v", last)
			}
		}
		if n := c.Count("list", "pods"); n != 1 {
			t.Errorf("%d lists", n)
		}
	})
}

// While the server is away the rows stay, and since when is told.
func TestServerAway(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		f := follow(Open(c.hub, podKind(), Scope{}))
		settle(t, f)
		c.OnRequest(func(apitest.Request) *apitest.Answer { return &apitest.Answer{Cut: true} })
		c.CutWatches()
		went := time.Now()
		time.Sleep(30 * time.Second)
		st := settle(t, f)
		wantPhase(t, st, Stale, 20)
		if st.Err == nil || st.Since.Sub(went) > time.Second {
			t.Errorf("stale since %s, %v", st.Since.Sub(went), st.Err)
		}
		if n := len(requestsOf(c.Server, "watch")); n > 40 {
			t.Errorf("%d tries in 30 s", n)
		}
		c.OnRequest(nil)
		c.Put(newCorePod(20))
		time.Sleep(5 * time.Second)
		wantPhase(t, settle(t, f), Live, 21)
		if n := c.Count("list", "pods"); n != 1 {
			t.Errorf("%d lists", n)
		}
	})
}

// A server that takes connections and says nothing is noticed.
func TestServerSilent(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		f := follow(Open(c.hub, podKind(), Scope{}))
		settle(t, f)
		never := make(chan struct{})
		c.OnRequest(func(apitest.Request) *apitest.Answer { return &apitest.Answer{Until: never} })
		c.EndWatches()
		time.Sleep(headersTimeout + time.Second)
		st := settle(t, f)
		wantPhase(t, st, Stale, 20)
		if !strings.Contains(st.Err.Error(), "did not answer") {
			t.Error(st.Err)
		}
		close(never)
		time.Sleep(5 * time.Second)
		wantPhase(t, settle(t, f), Live, 20)
	})
}

// Who may list but not watch sees a list of now and then.
func TestMayNotWatch(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		c.OnRequest(func(r apitest.Request) *apitest.Answer {
			if r.Verb == "watch" {
				return r.Forbid("eve")
			}
			return nil
		})
		f := follow(Open(c.hub, podKind(), Scope{}))
		st := settle(t, f)
		wantPhase(t, st, Stale, 20)
		if !apierrors.IsForbidden(st.Err) {
			t.Error(st.Err)
		}
		c.Put(newCorePod(20))
		time.Sleep(minForbiddenBackoff)
		wantPhase(t, settle(t, f), Stale, 21)
	})
}

// A gateway that takes watches and drops them at once is not "live".
func TestWatchEndsAtOnce(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		f := follow(Open(c.hub, podKind(), Scope{}))
		settle(t, f)
		c.OnRequest(func(apitest.Request) *apitest.Answer {
			return &apitest.Answer{Body: "\x00", ContentType: "application/vnd.kubernetes.protobuf;stream=watch", Cut: true}
		})
		c.CutWatches()
		time.Sleep(10 * time.Second)
		st := settle(t, f)
		wantPhase(t, st, Stale, 20)
		if n := len(requestsOf(c.Server, "watch")); n > 20 {
			t.Errorf("%d tries in 10 s", n)
		}
	})
}

func TestBrokenWatches(t *testing.T) {
	for name, body := range map[string]string{
		"garbage":     "\x00\x00\x00\x03abc",
		"huge frame":  "\xff\xff\xff\xff",
		"half frame":  "\x00\x00\x00\xffab",
		"no envelope": "\x00\x00\x00\x05\x0a\x03ADD",
		"login page":  "<html>please log in</html>",
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
				c.OnRequest(func(r apitest.Request) *apitest.Answer {
					if r.Verb == "watch" {
						return &apitest.Answer{Body: body, ContentType: "application/vnd.kubernetes.protobuf;stream=watch"}
					}
					return nil
				})
				f := follow(Open(c.hub, podKind(), Scope{}))
				time.Sleep(10 * time.Second)
				if st := settle(t, f); st.Loaded != 20 {
					t.Errorf("%s with %d objects", st.Phase, st.Loaded)
				}
				if n := len(requestsOf(c.Server, "watch")); n > 30 {
					t.Errorf("%d tries in 10 s", n)
				}
				c.OnRequest(nil)
				c.Put(newCorePod(20))
				time.Sleep(maxBackoff + time.Second)
				wantPhase(t, settle(t, f), Live, 21)
			})
		})
	}
}

// What the server says of itself is no error of ours.
func TestServerError(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		f := follow(Open(c.hub, podKind(), Scope{}))
		settle(t, f)
		c.OnRequest(func(apitest.Request) *apitest.Answer { return apitest.Unavailable() })
		c.FailWatches(metav1.Status{Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Message: "etcd"})
		time.Sleep(time.Second)
		st := settle(t, f)
		wantPhase(t, st, Stale, 20)
		var status apierrors.APIStatus
		if !errors.As(st.Err, &status) || status.Status().Code != http.StatusInternalServerError {
			t.Error(st.Err)
		}
		c.OnRequest(nil)
		time.Sleep(5 * time.Second)
		wantPhase(t, settle(t, f), Live, 20)
	})
}
