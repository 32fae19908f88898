package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
	exec "k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
	spdystream "k8s.io/streaming/pkg/httpstream/spdy"
)

// spdyPings is how often a SPDY connection is asked whether it lives, as often
// as client-go asks.
const spdyPings = 5 * time.Second

// errUntold is why nobody knows how a command ended.
var errUntold = errors.New("the connection ended before the server said how the command did")

// spdyExecutor runs a command over SPDY. A server tells the end of each, the good
// one too, and client-go takes an end that was not told for a good one. That comes
// about: the API server's proxy lets go of a connection as soon as one direction
// fails, as it does when the command ends before its input, and what was not
// passed on yet is lost.
type spdyExecutor struct {
	exec.Executor
	told atomic.Bool // how it ended, or the server is one that does not tell
}

func newSPDYExecutor(cfg *rest.Config, u *url.URL) (*spdyExecutor, error) {
	tlsConfig, err := rest.TLSConfigFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("TLS for SPDY: %w", err)
	}
	proxy := http.ProxyFromEnvironment
	if cfg.Proxy != nil {
		proxy = cfg.Proxy
	}
	transport, err := spdystream.NewRoundTripperWithConfig(spdystream.RoundTripperConfig{TLS: tlsConfig, Proxier: proxy, PingPeriod: spdyPings})
	if err != nil {
		return nil, fmt.Errorf("transport for SPDY: %w", err)
	}
	outer, err := rest.HTTPWrappersForConfig(cfg, transport)
	if err != nil {
		return nil, fmt.Errorf("transport for SPDY: %w", err)
	}
	e := &spdyExecutor{}
	e.Executor, err = exec.NewSPDYExecutorForTransports(outer, spdy.NewUpgraderForStreaming(upgrader{transport, &e.told}), http.MethodPost, u)
	if err != nil {
		return nil, fmt.Errorf("SPDY: %w", err)
	}
	return e, nil
}

// StreamWithContext connects, and returns when the other side ended or ctx did.
func (e *spdyExecutor) StreamWithContext(ctx context.Context, o exec.StreamOptions) error {
	err := e.Executor.StreamWithContext(ctx, o)
	if err == nil && !e.told.Load() {
		return errUntold
	}
	return err
}

// upgrader notes whether the end of a command is told on the connection it makes.
type upgrader struct {
	httpstream.UpgradeRoundTripper
	told *atomic.Bool
}

func (u upgrader) NewConnection(res *http.Response) (httpstream.Connection, error) {
	c, err := u.UpgradeRoundTripper.NewConnection(res)
	if err != nil {
		return nil, err
	}
	// Those before the fourth version of the protocol tell of failures only.
	tells := []string{remotecommand.StreamProtocolV4Name, remotecommand.StreamProtocolV5Name}
	if !slices.Contains(tells, res.Header.Get(httpstream.HeaderProtocolVersion)) {
		u.told.Store(true)
		return c, nil
	}
	return listened{c, u.told}, nil
}

// listened is a connection whose error stream is listened to.
type listened struct {
	httpstream.Connection
	told *atomic.Bool
}

func (l listened) CreateStream(headers http.Header) (httpstream.Stream, error) {
	s, err := l.Connection.CreateStream(headers)
	if err != nil || headers.Get(corev1.StreamType) != corev1.StreamTypeError {
		return s, err
	}
	return ending{s, l.told}, nil
}

// ending is a stream on which the server says how a command ended.
type ending struct {
	httpstream.Stream
	told *atomic.Bool
}

func (e ending) Read(p []byte) (int, error) {
	n, err := e.Stream.Read(p)
	if n > 0 {
		e.told.Store(true)
	}
	return n, err
}
