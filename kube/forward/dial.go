package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/streaming/pkg/httpstream"

	"quarterdeck/kube"
)

// Conn is one connection to a port of a pod, without a port on this machine. It
// has no deadlines: closing it ends what reads or writes.
type Conn struct {
	Pod     *corev1.Pod
	Port    int                 // of the pod
	Service *corev1.ServicePort // that led to it, nil if none did

	backend     *backend
	data, words httpstream.Stream
	said        chan string // what the node says when it ends its side, "" for nothing
	closing     sync.Once
}

// RefusedError is what the node says of a connection that it could not make, or
// not keep.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

// Dial opens one connection to a port of what ref names: a pod, or one that is
// ready of a service or workload. remote is the port as in a Spec. ctx bounds the
// opening alone, and its approval is what the guard sees. That nobody listens on
// the port does not show before the connection is read from: as a RefusedError.
func Dial(ctx context.Context, c *kube.Client, ref kube.Ref, remote string) (*Conn, error) {
	t, err := one(ctx, c, ref, remote)
	if err != nil {
		return nil, err
	}
	r, err := c.REST(corev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	list, err := (&follower{client: c, target: t}).list(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("look for the pods of %s: %w", t.what, err)
	}
	pods := make([]*corev1.Pod, len(list.Items))
	for i := range list.Items {
		pods[i] = &list.Items[i]
	}
	p := t.choose(pods)
	if p == nil {
		why, _ := t.waiting(pods)
		return nil, errors.New(why)
	}
	port, err := t.port(p)
	if err != nil {
		return nil, err
	}
	b, err := newBackend(ctx, c, p, port)
	if err != nil {
		return nil, err
	}
	go func() {
		defer utilruntime.HandleCrash()
		<-b.conn.CloseChan() // at the latest when the Conn is closed
		close(b.ended)
	}()
	data, words, err := b.open(ctx)
	if err != nil {
		b.close()
		return nil, fmt.Errorf("connect to pod/%s: %w", p.Name, err)
	}
	conn := &Conn{Pod: p, Port: port, Service: t.service, backend: b, data: data, words: words, said: make(chan string, 1)}
	go func() {
		defer utilruntime.HandleCrash()
		text, _ := io.ReadAll(io.LimitReader(words, 4<<10)) // what there is of it
		conn.said <- plain(string(text))
	}()
	return conn, nil
}

// one resolves what is connected to once: of a pod that is named no other.
func one(ctx context.Context, c *kube.Client, ref kube.Ref, remote string) (target, error) {
	if ref.GVR.GroupResource() != (schema.GroupResource{Resource: "pods"}) {
		return resolve(ctx, c, Spec{Ref: ref, Remote: remote})
	}
	ctx, cancel := c.Call(ctx)
	defer cancel()
	p := &corev1.Pod{}
	if err := get(ctx, c, ref, p); err != nil {
		return target{}, err
	}
	return target{what: ref.String(), namespace: ref.Namespace, port: podPort(remote)}.alone(p), nil
}

// Read reads what the pod sends. At its end it asks what the node says of it.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.data.Read(p)
	if err == nil || n > 0 {
		return n, nil
	}
	select {
	case text := <-c.said:
		c.said <- text // for who reads again
		if text != "" {
			return 0, &RefusedError{text}
		}
	case <-time.After(time.Second): // the node ends its side late, if ever
	case <-c.backend.ended:
	}
	return 0, err
}

// Write sends to the pod.
func (c *Conn) Write(p []byte) (int, error) { return c.data.Write(p) }

// CloseWrite lets the pod see the end of what is sent.
func (c *Conn) CloseWrite() error { return c.data.Close() }

// Close ends the connection and all that carries it.
func (c *Conn) Close() error {
	c.closing.Do(func() {
		c.backend.forget(c.data)
		c.backend.forget(c.words)
		c.backend.close()
	})
	return nil
}

// LocalAddr names this end, which has no address.
func (c *Conn) LocalAddr() net.Addr { return place("here") }

// RemoteAddr names the port of the pod.
func (c *Conn) RemoteAddr() net.Addr { return place(fmt.Sprintf("pod/%s:%d", c.Pod.Name, c.Port)) }

// place is an end of a Conn as an address.
type place string

// Network returns what leads there.
func (place) Network() string  { return "port-forward" }
func (p place) String() string { return string(p) }

// SetDeadline does not work.
func (*Conn) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// SetReadDeadline does not work.
func (*Conn) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

// SetWriteDeadline does not work.
func (*Conn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
