package store

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
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

func requestsOf(s *apitest.Server, verb string) []apitest.Request {
	var of []apitest.Request
	for _, r := range s.Requests() {
		if r.Verb == verb {
			of = append(of, r)
		}
	}
	return of
}

// serverPods are the server's pods as the followers name them.
func wantPods(t *testing.T, f *follower[*pod], pods ...*corev1.Pod) {
	t.Helper()
	var want []string
	for _, p := range pods {
		want = append(want, fmt.Sprint(p.Namespace, "/", p.Name, " ", p.Spec.NodeName, " ", p.Status.Phase))
	}
	slices.Sort(want)
	if got := f.names(); !slices.Equal(got, want) {
		t.Errorf("objects %v\nwant %v", got, want)
	}
}

func corePods(n int) []*corev1.Pod {
	var pods []*corev1.Pod
	for i := range n {
		pods = append(pods, newCorePod(i))
	}
	return pods
}

func TestRowsFromTheFirstPageOn(t *testing.T) {
	inBubble(t, 350, Options{PageSize: 200}, func(t *testing.T, c *cluster) {
		slow := make(chan struct{})
		c.OnRequest(func(r apitest.Request) *apitest.Answer {
			if r.Continues() {
				return &apitest.Answer{Until: slow}
			}
			return nil
		})
		f := follow(Open(c.hub, podKind(), Scope{}))
		defer f.sub.Close()
		st := settle(t, f)
		wantPhase(t, st, Syncing, 100)
		if st.Total != 350 {
			t.Errorf("total %d", st.Total)
		}
		close(slow)
		wantPhase(t, settle(t, f), Live, 350)
		wantPods(t, f, corePods(350)...)
		lists := requestsOf(c.Server, "list")
		if len(lists) != 3 || lists[0].Query.Get("limit") != "100" || lists[1].Query.Get("limit") != "200" {
			t.Errorf("lists %+v", lists)
		}
	})
}

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

// phases notes every status of a subscription until the bubble is done.
type phases struct {
	mu   sync.Mutex
	seen []Status
}

func watchPhases[T Object](t *testing.T, sub *Subscription[T]) *phases {
	p := &phases{}
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	go func() {
		for {
			select {
			case <-sub.Changed():
				st := sub.Status()
				p.mu.Lock()
				p.seen = append(p.seen, st)
				p.mu.Unlock()
			case <-stop:
				return
			}
		}
	}()
	return p
}

func (p *phases) has(phase Phase) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.seen, func(st Status) bool { return st.Phase == phase })
}

func TestExpiredPage(t *testing.T) {
	inBubble(t, 250, Options{PageSize: 50}, func(t *testing.T, c *cluster) {
		c.OnRequest(func(r apitest.Request) *apitest.Answer {
			if r.Continues() {
				c.Compact()
			}
			return nil
		})
		sub := Open(c.hub, podKind(), Scope{})
		seen := watchPhases(t, sub)
		synctest.Wait()
		f := follow(sub)
		wantPhase(t, f.take(t), Live, 250)
		wantPods(t, f, corePods(250)...)
		for _, st := range seen.seen {
			if st.Phase == Live && st.Loaded != 250 {
				t.Errorf("%d objects were shown as all", st.Loaded)
			}
		}
		lists := requestsOf(c.Server, "list")
		if len(lists) != 3 || lists[2].Query.Get("limit") != "" || lists[2].Continues() {
			t.Errorf("lists %v", lists)
		}
	})
}

// A page that fails later leaves what was read, and says that it is a part.
func TestFailingPage(t *testing.T) {
	inBubble(t, 250, Options{PageSize: 50}, func(t *testing.T, c *cluster) {
		var broken atomic.Bool
		broken.Store(true)
		c.OnRequest(func(r apitest.Request) *apitest.Answer {
			if r.Continues() && broken.Load() {
				return apitest.Unavailable()
			}
			return nil
		})
		f := follow(Open(c.hub, podKind(), Scope{}))
		wantPhase(t, settle(t, f), Failed, 100)
		broken.Store(false)
		time.Sleep(maxBackoff)
		wantPhase(t, settle(t, f), Live, 250)
	})
}

// A new list removes what is gone, and what is shown meanwhile is whole.
func TestNewListRemovesWhatIsGone(t *testing.T) {
	inBubble(t, 300, Options{PageSize: 50}, func(t *testing.T, c *cluster) {
		f := follow(Open(c.hub, podKind(), Scope{}))
		wantPhase(t, settle(t, f), Live, 300)
		page := make(chan struct{})
		c.OnRequest(func(r apitest.Request) *apitest.Answer {
			if r.Verb == "watch" {
				return apitest.Unavailable()
			}
			if r.Continues() {
				return &apitest.Answer{Until: page}
			}
			return nil
		})
		c.CutWatches()
		time.Sleep(time.Second)
		for _, p := range corePods(150) {
			c.Delete(p)
		}
		changed := newCorePod(200)
		changed.Spec.NodeName = "elsewhere"
		c.Put(changed)
		c.Compact()
		c.hub.Again()
		if st := settle(t, f); st.Phase != Stale || st.Loaded < 300 {
			t.Errorf("half way through the new list: %s with %d objects", st.Phase, st.Loaded)
		}
		c.OnRequest(nil)
		close(page)
		wantPhase(t, settle(t, f), Live, 150)
		want := corePods(300)[150:]
		want[50] = changed
		wantPods(t, f, want...)
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

// A first list that never comes fails at last.
func TestListSilent(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Second} {
		testListSilent(t, timeout)
	}
}

func testListSilent(t *testing.T, timeout time.Duration) {
	inBubble(t, 20, Options{Timeout: timeout}, func(t *testing.T, c *cluster) {
		never := make(chan struct{})
		defer close(never)
		c.OnRequest(func(apitest.Request) *apitest.Answer { return &apitest.Answer{Until: never} })
		f := follow(Open(c.hub, podKind(), Scope{}))
		wantPhase(t, settle(t, f), Syncing, 0)
		if timeout == 0 {
			timeout = pageTimeout
		}
		time.Sleep(timeout + time.Second)
		wantPhase(t, settle(t, f), Failed, 0)
	})
}

func TestMayNotList(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		c.OnRequest(func(r apitest.Request) *apitest.Answer { return r.Forbid("eve") })
		f := follow(Open(c.hub, podKind(), Scope{}))
		st := settle(t, f)
		wantPhase(t, st, Forbidden, 0)
		if !apierrors.IsForbidden(st.Err) || !strings.Contains(st.Err.Error(), `"eve" cannot list`) {
			t.Error(st.Err)
		}
		seen := watchPhases(t, f.sub)
		time.Sleep(10 * time.Minute)
		if n := c.Count("list", "pods"); n > 25 {
			t.Errorf("%d tries in 10 minutes", n)
		}
		if seen.has(Syncing) {
			t.Error("the screen said loading in between")
		}
		if again := f.sub.Status(); again.Since != st.Since {
			t.Errorf("forbidden since %s, then %s", st.Since, again.Since)
		}
		c.OnRequest(nil)
		c.hub.Again()
		wantPhase(t, settle(t, f), Live, 20)
	})
}

// A server that has just started does not know the rights yet.
func TestForbiddenForAMoment(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		c.OnRequest(func(r apitest.Request) *apitest.Answer { return r.Forbid("eve") })
		f := follow(Open(c.hub, podKind(), Scope{}))
		wantPhase(t, settle(t, f), Forbidden, 0)
		c.OnRequest(nil)
		time.Sleep(minForbiddenBackoff)
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

func TestUnauthorized(t *testing.T) {
	refuse := func(apitest.Request) *apitest.Answer {
		return apitest.Fail(apierrors.NewUnauthorized("Unauthorized"))
	}
	t.Run("at first", func(t *testing.T) {
		inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
			c.OnRequest(refuse)
			f := follow(Open(c.hub, podKind(), Scope{}))
			st := settle(t, f)
			wantPhase(t, st, Forbidden, 0)
			if !apierrors.IsUnauthorized(st.Err) {
				t.Error(st.Err)
			}
			c.OnRequest(nil)
			time.Sleep(maxBackoff)
			wantPhase(t, settle(t, f), Live, 20)
		})
	})
	t.Run("later", func(t *testing.T) {
		inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
			f := follow(Open(c.hub, podKind(), Scope{}))
			settle(t, f)
			c.OnRequest(refuse)
			c.EndWatches()
			time.Sleep(time.Second)
			st := settle(t, f)
			wantPhase(t, st, Stale, 20)
			if !apierrors.IsUnauthorized(st.Err) {
				t.Error(st.Err)
			}
		})
	})
}

// A server that asks to slow down is left alone for as long as it asks.
func TestTooManyRequests(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		busy := time.Now().Add(20 * time.Second)
		c.OnRequest(func(apitest.Request) *apitest.Answer {
			if time.Now().Before(busy) {
				a := apitest.Fail(apierrors.NewTooManyRequests("slow down", 5))
				a.RetryAfter = "5"
				return a
			}
			return nil
		})
		f := follow(Open(c.hub, podKind(), Scope{}))
		time.Sleep(19 * time.Second)
		settle(t, f)
		if n := c.Count("list", "pods"); n > 5 {
			t.Errorf("%d tries in 19 s", n)
		}
		time.Sleep(10 * time.Second)
		wantPhase(t, settle(t, f), Live, 20)
	})
}

// The same if it goes on for longer than client-go has patience.
func TestTooManyRequestsForLong(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		c.OnRequest(func(apitest.Request) *apitest.Answer {
			a := apitest.Fail(apierrors.NewTooManyRequests("slow down", 20))
			a.RetryAfter = "20"
			return a
		})
		f := follow(Open(c.hub, podKind(), Scope{}))
		time.Sleep(10 * time.Minute)
		st := settle(t, f)
		wantPhase(t, st, Failed, 0)
		if n := c.Count("list", "pods"); n > 40 {
			t.Errorf("%d tries in 10 minutes", n)
		}
		c.OnRequest(nil)
		time.Sleep(40 * time.Second)
		wantPhase(t, settle(t, f), Live, 20)
	})
}

// Since when the first list fails stays the same from try to try.
func TestFirstListFails(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		c.OnRequest(func(apitest.Request) *apitest.Answer { return apitest.Unavailable() })
		f := follow(Open(c.hub, podKind(), Scope{}))
		first := settle(t, f)
		wantPhase(t, first, Failed, 0)
		seen := watchPhases(t, f.sub)
		time.Sleep(time.Minute)
		synctest.Wait()
		st := f.sub.Status()
		if st.Phase != Failed || st.Since != first.Since {
			t.Errorf("%s for %s", st.Phase, time.Since(st.Since))
		}
		if seen.has(Syncing) {
			t.Error("the screen said loading in between")
		}
		c.OnRequest(nil)
		time.Sleep(maxBackoff)
		wantPhase(t, settle(t, f), Live, 20)
	})
}

// What comes after half a page, garbage or another kind is an error, never rows.
func TestBrokenAnswers(t *testing.T) {
	for name, answer := range map[string]*apitest.Answer{
		"cut":          {Body: "k8s\x00\x0a", ContentType: "application/vnd.kubernetes.protobuf", Cut: true},
		"no protobuf":  {Body: "k8s\x00\xff\xff\xff", ContentType: "application/vnd.kubernetes.protobuf"},
		"a login page": {Body: "<html>please log in</html>", ContentType: "text/html"},
		"empty JSON":   {Body: "{}", ContentType: "application/json"},
		"other kind":   {Body: `{"apiVersion":"v1","kind":"NodeList","items":[{"metadata":{"name":"a"}}]}`, ContentType: "application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
				c.OnRequest(func(apitest.Request) *apitest.Answer { return answer })
				f := follow(Open(c.hub, podKind(), Scope{}))
				st := settle(t, f)
				wantPhase(t, st, Failed, 0)
				if st.Err == nil {
					t.Error("no error")
				}
				c.OnRequest(nil)
				time.Sleep(maxBackoff)
				wantPhase(t, settle(t, f), Live, 20)
			})
		})
	}
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

// A proxy may have turned protobuf into JSON.
func TestJSON(t *testing.T) {
	inBubble(t, 250, Options{}, func(t *testing.T, c *cluster) {
		c.JSONOnly()
		f := follow(Open(c.hub, podKind(), Scope{}))
		wantPhase(t, settle(t, f), Live, 250)
		wantPods(t, f, corePods(250)...)
		changed := newCorePod(7)
		changed.Spec.NodeName = "elsewhere"
		c.Put(changed)
		c.Delete(newCorePod(8))
		c.Bookmark()
		time.Sleep(time.Second)
		wantPhase(t, settle(t, f), Live, 249)
		want := slices.Delete(corePods(250), 8, 9)
		want[7] = changed
		wantPods(t, f, want...)
		c.FailWatches(apierrors.NewResourceExpired("old").ErrStatus)
		time.Sleep(time.Second)
		if n := len(requestsOf(c.Server, "list")); n != 4 {
			t.Errorf("%d pages, want 2 and 2", n)
		}
	})
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
