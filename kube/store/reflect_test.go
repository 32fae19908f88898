package store

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

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

// wantPods checks that a follower has just these pods.
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
