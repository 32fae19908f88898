package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/streaming/pkg/httpstream"

	"quarterdeck/kube"
	"quarterdeck/kube/stream"
)

// backend is a connection to a pod that carries connections to one of its
// ports.
type backend struct {
	pod  string
	uid  types.UID
	port int
	conn httpstream.Connection
	at   time.Time // when it was opened

	ended  chan struct{} // closed when conn has ended
	closed sync.Once
	ids    atomic.Int64
	heard  atomic.Int64 // when it last brought anything, in nanoseconds of Unix time

	mu    sync.Mutex
	users int
	calm  context.CancelFunc // ends the watch over the server, while there are users
}

// connect opens the connection to a pod.
func (f *forward) connect(p *corev1.Pod) (*backend, error) {
	port, err := f.target.port(p)
	if err != nil {
		return nil, err
	}
	b, err := newBackend(f.ctx, f.client, p, port)
	if err != nil {
		return nil, err
	}
	f.all.Go(func() {
		defer utilruntime.HandleCrash()
		select {
		case <-b.conn.CloseChan():
		case <-f.ctx.Done():
		}
		close(b.ended)
		select {
		case f.lost <- b:
		case <-f.ctx.Done():
		}
	})
	return b, nil
}

// newBackend opens a connection to a pod. The caller closes its ended.
func newBackend(ctx context.Context, c *kube.Client, p *corev1.Pod, port int) (*backend, error) {
	conn, err := stream.Dial(ctx, c, kube.Ref{Namespace: p.Namespace, Name: p.Name, Kind: "Pod"})
	if err != nil {
		return nil, fmt.Errorf("connect to pod/%s: %w", p.Name, err)
	}
	return &backend{pod: p.Name, uid: p.UID, port: port, conn: conn, at: time.Now(), ended: make(chan struct{})}, nil
}

func (b *backend) close() {
	b.closed.Do(func() { _ = b.conn.Close() }) // it is not used any more
}

// gone reports whether the pod is not among pods any more.
func (b *backend) gone(pods []*corev1.Pod) bool {
	for _, p := range pods {
		if p.UID == b.uid {
			return p.Status.Phase != corev1.PodRunning
		}
	}
	return true
}

// ending reports whether the pod is on its way out.
func (b *backend) ending(pods []*corev1.Pod) bool {
	for _, p := range pods {
		if p.UID == b.uid {
			return p.DeletionTimestamp != nil
		}
	}
	return true
}

// enter and leave count the connections of b. While there are any, a server
// that does not answer ends b.
func (b *backend) enter(ctx context.Context, c *kube.Client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.users++
	if b.users > 1 {
		return
	}
	ctx, cancel := stream.UntilSilent(ctx, c, func() time.Time { return time.Unix(0, b.heard.Load()) })
	b.calm = cancel
	context.AfterFunc(ctx, func() {
		if errors.Is(context.Cause(ctx), stream.ErrSilent) {
			b.close()
		}
	})
}

func (b *backend) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.users--
	if b.users == 0 {
		b.calm()
	}
}

// open makes the two streams of a connection: its data, and what the node says
// should it fail.
func (b *backend) open(ctx context.Context) (data, words httpstream.Stream, err error) {
	h := http.Header{}
	h.Set(corev1.PortHeader, strconv.Itoa(b.port))
	h.Set(corev1.PortForwardRequestIDHeader, strconv.FormatInt(b.ids.Add(1), 10))
	h.Set(corev1.StreamType, corev1.StreamTypeError)
	if words, err = b.create(ctx, h); err != nil {
		return nil, nil, err
	}
	_ = words.Close() // nothing is said to the node
	h.Set(corev1.StreamType, corev1.StreamTypeData)
	if data, err = b.create(ctx, h); err != nil {
		b.forget(words)
		return nil, nil, err
	}
	return data, words, nil
}

// create does not wait for a connection that ended, as the library does.
func (b *backend) create(ctx context.Context, h http.Header) (httpstream.Stream, error) {
	type made struct {
		stream httpstream.Stream
		err    error
	}
	header, result := h.Clone(), make(chan made, 1)
	go func() {
		defer utilruntime.HandleCrash()
		s, err := b.conn.CreateStream(header)
		result <- made{s, err}
	}()
	select {
	case m := <-result:
		return m.stream, m.err
	case <-b.ended:
		return nil, errEnded
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

var errEnded = errors.New("the connection to the pod ended")

func (b *backend) forget(s httpstream.Stream) {
	_ = s.Reset() // whoever reads it stops
	b.conn.RemoveStreams(s)
}

// serve carries one local connection.
func (f *forward) serve(local net.Conn) {
	b, data, words, err := f.open()
	if err != nil {
		f.problem(err)
		reset(local)
		return
	}
	defer b.leave()
	defer b.forget(data)

	said := make(chan string, 1)
	f.all.Go(func() {
		defer utilruntime.HandleCrash()
		text, _ := io.ReadAll(io.LimitReader(words, 4<<10)) // what there is of it
		said <- string(text)
	})
	sent := make(chan error, 1)
	f.all.Go(func() {
		defer utilruntime.HandleCrash()
		_, err := io.Copy(data, counted{local, &f.out, nil})
		_ = data.Close() // the pod sees the end of it
		sent <- err
	})
	received := make(chan error, 1)
	f.all.Go(func() {
		defer utilruntime.HandleCrash()
		_, err := io.Copy(local, counted{data, &f.in, &b.heard})
		received <- err
	})
	select {
	case err = <-received:
	case err = <-sent:
		if err == nil { // half closed: the answer may still come
			err = <-received
		}
	case <-b.ended:
		err = errEnded
	case <-f.ctx.Done():
	}
	b.forget(data)
	text := ""
	select {
	case text = <-said:
	case <-time.After(time.Second): // the node ends its side late, if ever
	case <-b.ended:
	case <-f.ctx.Done():
	}
	b.forget(words)
	select {
	case <-b.conn.CloseChan(): // which comes before the end of its streams
		err = errEnded
	default:
	}
	switch {
	case f.ctx.Err() != nil:
	case text != "":
		f.problem(errors.New(plain(text)))
		reset(local)
	case errors.Is(err, errEnded):
		f.problem(fmt.Errorf("%w in the middle of a connection", errEnded))
		reset(local)
	}
}

// open waits for a pod and connects to its port. What turns out to be dead
// meanwhile is given up for the next one.
func (f *forward) open() (b *backend, data, words httpstream.Stream, err error) {
	ctx, cancel := context.WithTimeout(f.ctx, podPatience)
	defer cancel()
	for {
		if b, err = f.await(ctx); err != nil {
			return nil, nil, nil, err
		}
		b.enter(f.ctx, f.client)
		if data, words, err = b.open(ctx); err == nil {
			return b, data, words, nil
		}
		b.leave()
		f.drop(b)
		if ctx.Err() != nil {
			return nil, nil, nil, fmt.Errorf("pod/%s was not reached within %v: %w", b.pod, podPatience, err)
		}
	}
}

// plain is the last part of what a node says, which tells the reason.
func plain(text string) string {
	text = strings.TrimSpace(text)
	if _, reason, ok := strings.Cut(text, "uid "); ok {
		if _, reason, ok = strings.Cut(reason, ": "); ok {
			return reason
		}
	}
	return text
}

// reset lets the other side know that it did not get all.
func reset(local net.Conn) {
	if tcp, ok := local.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it is closed right after
	}
}

// counted counts what is read, and notes when.
type counted struct {
	io.Reader
	n     *atomic.Int64
	heard *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	if c.heard != nil {
		c.heard.Store(time.Now().UnixNano())
	}
	return n, err
}
