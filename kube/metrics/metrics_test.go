package metrics

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// answers is a metrics API that gives one answer after the other, the last one
// for ever.
type answers struct {
	calls atomic.Int64
	errs  []error
}

func (a *answers) fetch(ctx context.Context, _ Scope, _ *usage) (*usage, error) {
	n := int(a.calls.Add(1))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(a.errs) == 0 {
		return &usage{items: map[key]span{{"", "node"}: {0, 1}}, containers: []container{{0, uint32(n), 0}}}, nil
	}
	err := a.errs[min(n, len(a.errs))-1]
	if err != nil {
		return nil, err
	}
	return &usage{items: map[key]span{{"", "node"}: {0, 1}}, containers: []container{{0, uint32(n), 0}}}, nil
}

var nodes = schema.GroupResource{Group: "metrics.k8s.io", Resource: "nodes"}

const interval = 15 * time.Second

func TestPollsWhileSubscribed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := new(answers)
		s := newSource(api.fetch, interval)
		sub := s.Subscribe(t.Context(), Nodes())
		if got := sub.Snapshot(); got.State != Waiting || got.Len() != 0 || !got.At.IsZero() {
			t.Errorf("before the first answer: %+v", got)
		}
		<-sub.Changed()
		if got := sub.Snapshot(); got.State != Current || got.Err != nil || got.At != time.Now() {
			t.Errorf("after the first answer: %+v", got)
		}
		time.Sleep(10 * interval)
		if n := api.calls.Load(); n < 9 || n > 11 {
			t.Errorf("%d polls in ten intervals", n)
		}
		second := s.Subscribe(t.Context(), Nodes())
		if second.Snapshot().State != Current {
			t.Error("a second subscriber has to wait for values that are there")
		}
		sub.Close()
		sub.Close()
		before := api.calls.Load()
		time.Sleep(10 * interval)
		if api.calls.Load() == before {
			t.Error("polling ended with a subscriber left")
		}
		second.Close()
		synctest.Wait()
		before = api.calls.Load()
		time.Sleep(linger / 2)
		if n := api.calls.Load(); n != before {
			t.Errorf("%d polls without a subscriber", n-before)
		}
		third := s.Subscribe(t.Context(), Nodes())
		if third.Snapshot().State != Current {
			t.Error("values were forgotten at once")
		}
		third.Close()
		time.Sleep(2 * linger)
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.pollers) != 0 {
			t.Error("values are never forgotten")
		}
	})
}

func TestComingBackDoesNotPollAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := new(answers)
		s := newSource(api.fetch, interval)
		for range 100 {
			sub := s.Subscribe(t.Context(), Nodes())
			synctest.Wait()
			sub.Close()
		}
		if n := api.calls.Load(); n != 1 {
			t.Errorf("%d polls", n)
		}
	})
}

func TestContextEndsSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := new(answers)
		s := newSource(api.fetch, interval)
		ctx, cancel := context.WithCancel(t.Context())
		s.Subscribe(ctx, Nodes())
		synctest.Wait()
		cancel()
		time.Sleep(10 * interval)
		if n := api.calls.Load(); n != 1 {
			t.Errorf("%d polls", n)
		}
	})
}

func TestFailures(t *testing.T) {
	forbidden := apierrors.NewForbidden(nodes, "", errors.New("no"))
	for _, tc := range []struct {
		name     string
		err      error
		state    State
		min, max int64 // polls in ten minutes
	}{
		{"no metrics server", apierrors.NewNotFound(nodes, ""), Absent, 5, 6},
		{"no rights", forbidden, Forbidden, 5, 6},
		{"no backend", apierrors.NewServiceUnavailable("down"), Unavailable, 8, 14},
		{"no network", errors.New("connection refused"), Failed, 8, 14},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := &answers{errs: []error{tc.err}}
				sub := newSource(api.fetch, interval).Subscribe(t.Context(), Nodes())
				start := time.Now()
				time.Sleep(10 * time.Minute)
				got := sub.Snapshot()
				if got.State != tc.state || !errors.Is(got.Err, tc.err) || got.Since != start || !got.At.IsZero() {
					t.Errorf("%+v", got)
				}
				if n := api.calls.Load(); n < tc.min || n > tc.max {
					t.Errorf("%d polls in ten minutes", n)
				}
				sub.Close()
			})
		})
	}
}

func TestValuesStayWhenAPollFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &answers{errs: []error{nil, errors.New("reset"), nil}}
		sub := newSource(api.fetch, interval).Subscribe(t.Context(), Nodes())
		defer sub.Close()
		<-sub.Changed()
		first := sub.Snapshot().At
		<-sub.Changed()
		got := sub.Snapshot()
		if u, ok := got.Node("node"); got.State != Failed || !got.At.Equal(first) || got.Since.Equal(first) || !ok || u.MilliCPU != 1 {
			t.Errorf("after a failure: %+v, %v", got, u)
		}
		<-sub.Changed()
		got = sub.Snapshot()
		if u, _ := got.Node("node"); got.State != Current || got.At.Equal(first) || u.MilliCPU != 3 {
			t.Errorf("after recovery: %+v, %v", got, u)
		}
	})
}

func client(t *testing.T, h http.HandlerFunc) rest.Interface {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := rest.UnversionedRESTClientFor(&rest.Config{
		Host: server.URL, ContentConfig: rest.ContentConfig{NegotiatedSerializer: scheme.Codecs.WithoutConversion()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFetch(t *testing.T) {
	body := encode(t, podList(10), "PodMetricsList")
	api := client(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/apis/metrics.k8s.io/v1beta1/namespaces/team-00/pods" || r.Header.Get("Accept") == "" {
			t.Errorf("asked for %s as %q", r.URL, r.Header.Get("Accept"))
		}
		w.Header().Set("Content-Type", "application/vnd.kubernetes.protobuf")
		_, _ = w.Write(body)
	})
	got, err := fetch(t.Context(), api, Pods("team-00"), nil)
	if err != nil || got.Len() != 10 {
		t.Errorf("%d pods, %v", got.Len(), err)
	}
}

func TestFetchErrors(t *testing.T) {
	for status, want := range map[int]State{
		http.StatusNotFound: Absent, http.StatusForbidden: Forbidden, http.StatusUnauthorized: Forbidden,
		http.StatusServiceUnavailable: Unavailable, http.StatusInternalServerError: Failed, http.StatusTooManyRequests: Failed,
	} {
		calls := 0
		api := client(t, func(w http.ResponseWriter, _ *http.Request) {
			calls++
			w.Header().Set("Retry-After", "1")
			http.Error(w, "no", status)
		})
		_, err := fetch(t.Context(), api, Pods(""), nil)
		if got := stateOf(err); got != want || err == nil {
			t.Errorf("%d: %s, %v, want %s", status, got, err, want)
		}
		if calls != 1 {
			t.Errorf("%d: asked %d times", status, calls)
		}
	}
	api := client(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) })
	if _, err := fetch(t.Context(), api, Pods(""), nil); stateOf(err) != Failed {
		t.Errorf("a login page: %v", err)
	}
}
