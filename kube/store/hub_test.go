package store

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/apitest"
)

func (h *Hub) open() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.stores)
}

func TestStoresAreShared(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		first := follow(Open(c.hub, podKind(), Scope{}))
		second := follow(Open(c.hub, podKind(), Scope{}))
		other := follow(Open(c.hub, podKind(), Scope{Namespace: "shop"}))
		wantPhase(t, settle(t, first), Live, 20)
		wantPhase(t, settle(t, second), Live, 20)
		wantPhase(t, settle(t, other), Live, 10)
		if n := c.Count("list", "pods"); n != 2 {
			t.Errorf("%d lists", n)
		}
		first.sub.Close()
		first.sub.Close() // twice is once
		time.Sleep(time.Hour)
		c.Put(newCorePod(20))
		time.Sleep(time.Second)
		wantPhase(t, settle(t, second), Live, 21)
		wantPhase(t, settle(t, other), Live, 11)
	})
}

// A store outlives its last subscriber for a minute, so that coming back finds
// its data, and then gives its watch back.
func TestLinger(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		f := follow(Open(c.hub, podKind(), Scope{}))
		settle(t, f)
		f.sub.Close()
		time.Sleep(59 * time.Second)
		c.Put(newCorePod(20))
		time.Sleep(time.Second / 2)
		f = follow(Open(c.hub, podKind(), Scope{}))
		if st := f.take(t); st.Phase != Live || st.Loaded != 21 {
			t.Errorf("after 59 s: %s with %d objects", st.Phase, st.Loaded)
		}
		time.Sleep(time.Hour)
		if c.hub.open() != 1 || c.Count("list", "pods") != 1 {
			t.Errorf("%d stores, %d lists", c.hub.open(), c.Count("list", "pods"))
		}
		f.sub.Close()
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if c.hub.open() != 0 || c.Watches("pods") != 0 {
			t.Errorf("after 61 s: %d stores, %d watches", c.hub.open(), c.Watches("pods"))
		}
		wantPhase(t, settle(t, follow(Open(c.hub, podKind(), Scope{}))), Live, 21)
	})
}

func TestNoLinger(t *testing.T) {
	inBubble(t, 20, Options{Linger: -1}, func(t *testing.T, c *cluster) {
		f := follow(Open(c.hub, podKind(), Scope{}))
		settle(t, f)
		f.sub.Close()
		synctest.Wait()
		if c.hub.open() != 0 || c.Watches("pods") != 0 {
			t.Errorf("%d stores, %d watches", c.hub.open(), c.Watches("pods"))
		}
	})
}

func TestAgain(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		f := follow(Open(c.hub, podKind(), Scope{}))
		lingers := Open(c.hub, podKind(), Scope{Namespace: "shop"})
		settle(t, f)
		lingers.Close()
		before, held := c.Count("list", "pods"), make(chan struct{})
		c.OnRequest(func(r apitest.Request) *apitest.Answer {
			if r.Verb == "list" {
				return &apitest.Answer{Until: held}
			}
			return nil
		})
		c.hub.Again()
		synctest.Wait() // its list is on its way
		for range 10 {  // an impatient user
			c.hub.Again()
			synctest.Wait()
		}
		if n := c.Count("list", "pods") - before; n != 1 {
			t.Errorf("%d lists at once", n)
		}
		close(held)
		wantPhase(t, settle(t, f), Live, 20)
		if n := c.Count("list", "pods") - before; n < 1 || n > 2 {
			t.Errorf("%d lists more, want one or two", n)
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		f := follow(Open(c.hub, podKind(), Scope{}))
		settle(t, f)
		c.hub.Close()
		synctest.Wait()
		if n := c.Watches("pods"); n != 0 {
			t.Errorf("%d watches", n)
		}
		wantPhase(t, f.take(t), Live, 20) // what was read stays readable
		f.sub.Close()
	})
}

// The scope of a cluster-wide kind has no namespace.
func TestClusterWideKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := apitest.NewPipe(t)
		s.Put(newCoreNode())
		hub := NewHub(s.REST, Options{})
		defer hub.Close()
		nodes := Table(schema.GroupVersionResource{Version: "v1", Resource: "nodes"}, "Node", false)
		f := follow(Open(hub, nodes, Scope{Namespace: "shop"}))
		wantPhase(t, settle(t, f), Live, 1)
	})
}

// Opening and closing from many goroutines neither loses a store nor leaks one.
func TestHubUnderConcurrency(t *testing.T) {
	inBubble(t, 150, Options{Linger: -1}, func(t *testing.T, c *cluster) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 10 {
					f := follow(Open(c.hub, podKind(), Scope{Namespace: []string{"", "shop"}[(i+j)%2]}))
					for range f.sub.Changed() {
						if f.take(t).Phase == Live {
							break
						}
					}
					c.hub.Again()
					f.sub.Close()
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		if c.hub.open() != 0 || c.Watches("pods") != 0 {
			t.Errorf("%d stores and %d watches are left", c.hub.open(), c.Watches("pods"))
		}
	})
}
