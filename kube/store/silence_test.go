package store

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"quarterdeck/kube/apitest"
)

// noticed is how soon the screen must say that a server has gone silent.
const noticed = 15 * time.Second

// silence makes a server take connections and say nothing, also to those who
// watch it, until the returned function is called.
func silence(s *apitest.Server) (end func()) {
	never := make(chan struct{})
	s.OnRequest(func(apitest.Request) *apitest.Answer { return &apitest.Answer{Until: never} })
	s.HangWatches()
	return func() {
		s.OnRequest(nil)
		close(never)
	}
}

// A server that falls silent under a watch is noticed without HTTP/2, whose
// pings would tell, and what it did meanwhile is there once it speaks again.
func TestSilentWatch(t *testing.T) {
	for _, into := range []time.Duration{0, time.Second, 8 * time.Second, time.Hour} { // the watch
		inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
			f := follow(Open(c.hub, podKind(), Scope{}))
			settle(t, f)
			time.Sleep(into)
			wantPhase(t, settle(t, f), Live, 20)
			end := silence(c.Server)
			went := time.Now()
			time.Sleep(noticed)
			st := settle(t, f)
			wantPhase(t, st, Stale, 20)
			if st.Err == nil || !strings.Contains(st.Err.Error(), "did not answer") {
				t.Error(st.Err)
			}
			if before := went.Sub(st.Since); before < 0 || before > shortWatch {
				t.Errorf("stale since %s before the silence", before)
			}
			time.Sleep(2 * time.Minute)
			if again := settle(t, f); again.Phase != Stale || again.Since != st.Since {
				t.Errorf("%s since %s after the silence began", again.Phase, again.Since.Sub(went))
			}
			c.Put(newCorePod(20))
			end()
			time.Sleep(5 * time.Second)
			wantPhase(t, settle(t, f), Live, 21)
			if n := c.Count("list", "pods"); n != 1 {
				t.Errorf("%d lists", n)
			}
		})
	}
}

// Over HTTP/2 the pings end the watch. What is shown is as old as the silence then.
func TestSilentHTTP2(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		lost := make(chan struct{}) // one for each that is lost
		hub := NewHub(func(gv schema.GroupVersion) (rest.Interface, error) {
			r, err := c.REST(gv)
			if err == nil {
				client := r.(*rest.RESTClient)
				client.Client = &http.Client{Transport: pinged{client.Client.Transport, lost}}
			}
			return r, err
		}, Options{})
		defer hub.Close()
		f := follow(Open(hub, podKind(), Scope{}))
		settle(t, f)
		time.Sleep(8 * time.Minute) // of a clock that only tests have
		c.Put(newCorePod(20))
		time.Sleep(time.Second)
		wantPhase(t, settle(t, f), Live, 21)
		end := silence(c.Server)
		went := time.Now()
		time.Sleep(pingSilence())
		lost <- struct{}{}
		st := settle(t, f)
		wantPhase(t, st, Stale, 21)
		if st.Since != went {
			t.Errorf("stale since %s after the silence began", st.Since.Sub(went))
		}
		end()
		time.Sleep(5 * time.Second)
		wantPhase(t, settle(t, f), Live, 21)
	})
}

// pinged is a transport that says it is HTTP/2, and loses connections when told.
type pinged struct {
	http.RoundTripper
	lost <-chan struct{}
}

func (p pinged) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := p.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	httptrace.ContextClientTrace(req.Context()).GotConn(httptrace.GotConnInfo{Conn: secure{}})
	body, w := io.Pipe()
	done := make(chan struct{})
	go func(from io.ReadCloser) {
		defer close(done)
		_, err := io.Copy(w, from)
		_ = w.CloseWithError(err)
	}(res.Body)
	go func(from io.ReadCloser) {
		select {
		case <-p.lost:
			_ = w.CloseWithError(errors.New("http2: client connection lost"))
		case <-done:
		case <-req.Context().Done():
		}
		_ = from.Close()
	}(res.Body)
	res.Body = body
	return res, nil
}

type secure struct{ net.Conn }

func (secure) ConnectionState() tls.ConnectionState {
	return tls.ConnectionState{NegotiatedProtocol: "h2"}
}

// The same while everything is listed anew.
func TestSilentNewList(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		f := follow(Open(c.hub, podKind(), Scope{}))
		settle(t, f)
		end := silence(c.Server)
		c.hub.Again()
		time.Sleep(noticed)
		wantPhase(t, settle(t, f), Stale, 20)
		end()
		time.Sleep(5 * time.Second)
		wantPhase(t, settle(t, f), Live, 20)
	})
}

// One watch is forgotten on the way while the server goes on answering others:
// the changes come all the same, and nobody notices.
func TestForgottenWatch(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		sub := Open(c.hub, podKind(), Scope{})
		synctest.Wait()
		seen := watchPhases(t, sub)
		c.HangWatches()
		c.Put(newCorePod(20))
		time.Sleep(noticed)
		wantPhase(t, settle(t, follow(sub)), Live, 21)
		if seen.has(Stale) {
			t.Error("the screen said stale")
		}
	})
}

// A server that is slow to take a watch is called stale, and is not left.
func TestSlowWatch(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		f := follow(Open(c.hub, podKind(), Scope{}))
		settle(t, f)
		slow := make(chan struct{})
		c.OnRequest(func(apitest.Request) *apitest.Answer { return &apitest.Answer{Until: slow} })
		c.EndWatches()
		time.Sleep(headersTimeout - time.Second)
		wantPhase(t, settle(t, f), Stale, 20)
		close(slow)
		wantPhase(t, settle(t, f), Live, 20)
	})
}

// Where nothing happens, nobody is woken, and the server is asked little.
func TestQuietWatch(t *testing.T) {
	inBubble(t, 20, Options{}, func(t *testing.T, c *cluster) {
		sub := Open(c.hub, podKind(), Scope{})
		settle(t, follow(sub))
		for len(sub.Changed()) > 0 {
			<-sub.Changed()
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if len(sub.Changed()) > 0 {
			t.Error("the subscriber was told of a change")
		}
		if lists, watches := c.Count("list", "pods"), len(requestsOf(c.Server, "watch")); lists != 1 || watches > 70 {
			t.Errorf("%d lists, %d watches in 10 minutes", lists, watches)
		}
	})
}

// HTTP/2 has pings, so a watch is left alone for minutes.
func TestWatchOverHTTP2(t *testing.T) {
	for name, test := range map[string]struct {
		server func(testing.TB) *apitest.Server
		long   bool
	}{
		"HTTP/1.1": {apitest.New, false},
		"HTTP/2":   {apitest.NewHTTP2, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := test.server(t)
			s.Put(&corev1.Pod{})
			hub := NewHub(s.REST, Options{})
			defer hub.Close()
			sub := Open(hub, podKind(), Scope{})
			defer sub.Close()
			s.WaitWatches(t, 1, "pods")
			seconds := requestsOf(s, "watch")[0].Query.Get("timeoutSeconds")
			if long := len(seconds) > 2; long != test.long {
				t.Errorf("asked for %s seconds", seconds)
			}
		})
	}
}
