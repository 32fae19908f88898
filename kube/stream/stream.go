// Package stream opens the long connections into containers: exec, attach and
// port-forward, over WebSocket and, where that fails, SPDY. Both go through the
// client's own transport, and with it through its guard.
package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/transport/websocket"
	"k8s.io/streaming/pkg/httpstream"

	"quarterdeck/kube"
)

// patience is how long a server may take to open a connection.
const patience = 15 * time.Second

// Executor runs a command in a container, or attaches to it. It is for one use.
type Executor struct{ ws, old remotecommand.Executor }

// StreamWithContext connects, and returns when the other side ended or ctx did.
func (e *Executor) StreamWithContext(ctx context.Context, o remotecommand.StreamOptions) error {
	err := e.ws.StreamWithContext(ctx, o)
	if err == nil || !fallBack(err) {
		return err
	}
	return clearer(err, e.old.StreamWithContext(ctx, o))
}

// NewExecutor returns what runs a command in a container of a pod, or attaches
// to it: subresource is exec or attach, and options are its parameters. opened,
// if not nil, is called when the connection stands.
func NewExecutor(ctx context.Context, c *kube.Client, pod kube.Ref, subresource string, options runtime.Object, opened func()) (*Executor, error) {
	u, err := address(c, pod, subresource, options)
	if err != nil {
		return nil, err
	}
	cfg := config(c, &carrier{ctx: ctx, opened: opened})
	// The server takes a WebSocket from a GET only.
	ws, err := remotecommand.NewWebSocketExecutor(cfg, http.MethodGet, u.String())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", subresource, err)
	}
	old, err := newSPDYExecutor(cfg, u)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", subresource, err)
	}
	return &Executor{ws: ws, old: old}, nil
}

// Dial opens a connection that carries connections to the ports of a pod. ctx
// bounds the opening only.
func Dial(ctx context.Context, c *kube.Client, pod kube.Ref) (httpstream.Connection, error) {
	u, err := address(c, pod, "portforward", nil)
	if err != nil {
		return nil, err
	}
	opening := &carrier{ctx: ctx}
	cfg := config(c, opening)
	transport, upgrader, err := spdy.RoundTripperFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("forward a port of %s: %w", pod, err)
	}
	old := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, u)
	ws, err := portforward.NewSPDYOverWebsocketDialerForStreaming(u, cfg)
	if err != nil {
		return nil, fmt.Errorf("forward a port of %s: %w", pod, err)
	}
	conn, protocol, err := ws.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil && fallBack(err) {
		first := err
		conn, protocol, err = old.Dial(portforward.PortForwardProtocolV1Name)
		err = clearer(first, err)
	}
	if err != nil {
		return nil, err
	}
	if protocol != portforward.PortForwardProtocolV1Name {
		_ = conn.Close() // it is of no use
		return nil, fmt.Errorf("forward a port of %s: the server speaks %q, not %q", pod, protocol, portforward.PortForwardProtocolV1Name)
	}
	return &connection{Connection: conn, raw: opening.raw}, nil
}

// connection is one that can be closed whatever state it is in.
type connection struct {
	httpstream.Connection
	raw io.Closer // beneath it, nil if that is not known
}

// Close says goodbye, for a second at most, and ends all streams. The library's
// own would wait for a server that takes nothing, and for streams that it has
// not agreed to.
func (c *connection) Close() error {
	if c.raw == nil {
		return c.Connection.Close()
	}
	impatient := time.AfterFunc(time.Second, func() { _ = c.raw.Close() })
	defer impatient.Stop()
	return errors.Join(c.Connection.Close(), c.raw.Close())
}

// fallBack reports whether SPDY may work where WebSocket did not. That includes
// a refusal: servers before 1.35 ask for another verb for each of them.
func fallBack(err error) bool {
	return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
}

// clearer returns the better error of two tries, the one by WebSocket and the
// one by SPDY, if the second failed too: of a refusal SPDY keeps only the words.
func clearer(first, second error) error {
	var upgrade *httpstream.UpgradeFailureError
	var status apierrors.APIStatus
	if second != nil && strings.Contains(second.Error(), "unable to upgrade connection") &&
		errors.As(first, &upgrade) && errors.As(upgrade.Cause, &status) {
		return upgrade.Cause
	}
	return second
}

func address(c *kube.Client, pod kube.Ref, subresource string, options runtime.Object) (*url.URL, error) {
	r, err := c.REST(corev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	req := r.Post().Namespace(pod.Namespace).Resource("pods").Name(pod.Name).SubResource(subresource)
	if options != nil {
		req = req.VersionedParams(options, scheme.ParameterCodec)
	}
	return req.URL(), nil
}

// config returns the client's settings for one connection that t opens.
func config(c *kube.Client, t *carrier) *rest.Config {
	cfg := c.Config()
	cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper {
		own := *t
		own.next, own.shared = rt, t
		return &own
	})
	return cfg
}

// carrier gives requests a context, which the libraries do not pass on
// everywhere and the guard reads, and a deadline. Neither ends the connection
// that a request was upgraded to.
type carrier struct {
	ctx    context.Context
	opened func()
	next   http.RoundTripper
	shared *carrier  // what it was made from
	raw    io.Closer // of shared: the WebSocket that was opened
}

// WrappedRoundTripper lets client-go find the transport beneath.
func (t *carrier) WrappedRoundTripper() http.RoundTripper { return t.next }

func (t *carrier) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeoutCause(t.ctx, patience, errSlow)
	defer cancel()
	res, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		if errors.Is(context.Cause(ctx), errSlow) {
			err = errSlow
		}
		return nil, err
	}
	t.shared.raw = socket(t.next)
	if t.opened != nil && res.StatusCode == http.StatusSwitchingProtocols {
		t.opened()
	}
	return res, nil
}

// socket returns the WebSocket that rt opened, nil if it did not.
func socket(rt http.RoundTripper) io.Closer {
	for {
		if ws, ok := rt.(*websocket.RoundTripper); ok && ws.Conn != nil {
			return ws.Conn
		}
		outer, ok := rt.(utilnet.RoundTripperWrapper)
		if !ok {
			return nil
		}
		rt = outer.WrappedRoundTripper()
	}
}

var errSlow = fmt.Errorf("the server did not open the connection within %v: check that it is reachable", patience)

// Lost reports whether err, of a connection that stood, means that it broke off
// and not that the other side ended it.
func Lost(err error) bool {
	return errors.Is(err, ErrSilent) || errors.Is(err, errUntold) || strings.Contains(err.Error(), "error reading from error stream")
}
