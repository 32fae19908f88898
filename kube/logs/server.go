package logs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/util/flowcontrol"

	"quarterdeck/kube"
	qstream "quarterdeck/kube/stream"
)

const (
	// Connections are opened at this rate, so that two hundred at once are no
	// burden; the first so many need not wait.
	opensPerSecond = 100
	opensAtOnce    = 100
	// Over HTTP/1.1 nothing tells a dead connection from a container that says
	// nothing. There a log that is silent for so long is opened anew.
	silentFor = 2 * time.Minute
)

// server opens logs, and watches that the API server is there: all streams
// share one watch, since two hundred asking each for itself would be a burden.
type server struct {
	client *kube.Client
	heard  atomic.Int64 // when any log last brought something, nanoseconds since 1970

	mu    sync.Mutex
	epoch context.Context // ends when the server is silent
}

func newServer(ctx context.Context, c *kube.Client) *server {
	s := &server{client: c}
	next := func() context.CancelFunc {
		epoch, cancel := qstream.UntilSilent(ctx, c, func() time.Time { return time.Unix(0, s.heard.Load()) })
		s.mu.Lock()
		defer s.mu.Unlock()
		s.epoch = epoch
		return cancel
	}
	cancel := next()
	go func() {
		defer utilruntime.HandleCrash()
		for ctx.Err() == nil {
			s.mu.Lock()
			epoch := s.epoch
			s.mu.Unlock()
			<-epoch.Done()
			cancel()
			if ctx.Err() == nil {
				cancel = next()
			}
		}
		cancel()
	}()
	return s
}

func (s *server) alive(ctx context.Context) (context.Context, context.CancelFunc) {
	s.mu.Lock()
	epoch := s.epoch
	s.mu.Unlock()
	ctx, end := context.WithCancelCause(ctx)
	stop := context.AfterFunc(epoch, func() { end(context.Cause(epoch)) })
	return ctx, func() {
		stop()
		end(context.Canceled)
	}
}

// podServer opens the logs of one container.
type podServer struct {
	*server
	namespace, pod, container string
}

func (s podServer) open(ctx context.Context, o *corev1.PodLogOptions) (io.ReadCloser, error) {
	r, err := s.client.REST(corev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	o.Container = s.container
	pings := false
	ctx, cancel := context.WithCancelCause(ctx)
	trace := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		secure, ok := info.Conn.(interface{ ConnectionState() tls.ConnectionState })
		pings = ok && secure.ConnectionState().NegotiatedProtocol == "h2"
	}})
	rc, err := r.Get().Namespace(s.namespace).Resource("pods").Name(s.pod).SubResource("log").
		VersionedParams(o, scheme.ParameterCodec).Stream(trace)
	if err != nil {
		err = fmt.Errorf("read the log of %s in pod/%s of %s: %w", s.container, s.pod, s.namespace, because(ctx, err))
		cancel(nil)
		return nil, err
	}
	h := &heardBody{ReadCloser: rc, ctx: ctx, end: cancel, server: s.server}
	if !pings && o.Follow {
		h.silence = time.AfterFunc(silentFor, func() { cancel(errQuiet) })
	}
	return h, nil
}

// errQuiet ends a connection that may be dead. The log is resumed at once.
var errQuiet = errors.New("nothing came for a while")

// because returns why ctx ended, if it did, else err.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// heardBody is the body of an answer that tells when it brings something.
type heardBody struct {
	io.ReadCloser
	ctx     context.Context
	end     context.CancelCauseFunc
	server  *server
	silence *time.Timer // nil where the connection itself is watched
}

func (b *heardBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.server.heard.Store(time.Now().UnixNano())
		if b.silence != nil {
			b.silence.Reset(silentFor)
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = because(b.ctx, err)
	}
	return n, err
}

func (b *heardBody) Close() error {
	if b.silence != nil {
		b.silence.Stop()
	}
	b.end(nil)
	return b.ReadCloser.Close()
}

// bounds implements turns.
type bounds struct {
	places chan struct{}
	rate   flowcontrol.RateLimiter
}

func newBounds(streams int) *bounds {
	return &bounds{places: make(chan struct{}, streams), rate: flowcontrol.NewTokenBucketRateLimiter(opensPerSecond, opensAtOnce)}
}

func (b *bounds) begin(ctx context.Context) error {
	select {
	case b.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *bounds) end() { <-b.places }

func (b *bounds) admit(ctx context.Context) error { return b.rate.Wait(ctx) }
