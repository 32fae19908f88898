//go:build e2e

package metrics

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"

	"quarterdeck/kube/kubetest"
)

// types is a transport that remembers the content type of the last answer.
type types struct {
	next http.RoundTripper
	last *atomic.Value
}

func (c types) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusOK {
		c.last.Store(resp.Header.Get("Content-Type"))
	}
	return resp, err
}

func TestAgainstMetricsServer(t *testing.T) {
	kubeconfig := kubetest.Start(t, "--scenario", "empty", "--nodes", "3")
	cfg := kubetest.Config(t, kubeconfig, "")
	var contentType atomic.Value
	cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper { return types{rt, &contentType} })
	client := kubernetes.NewForConfigOrDie(cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()

	sub := New(client.Discovery().RESTClient(), 500*time.Millisecond).Subscribe(ctx, Nodes())
	defer sub.Close()
	for sub.Snapshot().State != Current || sub.Snapshot().Len() < 3 {
		select {
		case <-sub.Changed():
			t.Logf("%s: %d nodes, %v", sub.Snapshot().State, sub.Snapshot().Len(), sub.Snapshot().Err)
		case <-ctx.Done():
			t.Fatalf("%s: %d nodes, %v", sub.Snapshot().State, sub.Snapshot().Len(), sub.Snapshot().Err)
		}
	}
	if got := contentType.Load(); got != "application/vnd.kubernetes.protobuf" {
		t.Errorf("answered as %v", got)
	}
	for k := range sub.Snapshot().items {
		if u, ok := sub.Snapshot().Node(k.name); !ok || u.Bytes == 0 {
			t.Errorf("%s uses %+v, %v", k.name, u, ok)
		}
	}
	if sub.Snapshot().Window() == 0 {
		t.Error("no window")
	}

	nobody := kubernetes.NewForConfigOrDie(kubetest.Config(t, kubeconfig, "nobody"))
	refused := New(nobody.Discovery().RESTClient(), time.Minute).Subscribe(ctx, Pods(""))
	defer refused.Close()
	<-refused.Changed()
	if got := refused.Snapshot(); got.State != Forbidden || got.Err == nil {
		t.Errorf("nobody: %s, %v", got.State, got.Err)
	}
}
