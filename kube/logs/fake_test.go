package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"quarterdeck/kube/object"
)

// node is a kubelet with one container, and an API server that breaks off.
type node struct {
	mu     sync.Mutex
	runs   [][]written
	up     bool       // the container runs
	epoch  int        // connections of earlier ones are broken
	flaky  *rand.Rand // connections break after a while, unless this is nil
	opened int
}

type written struct {
	at   time.Time
	text string
}

var errBroken = errors.New("connection lost")

func (n *node) start() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.runs, n.up = append(n.runs, nil), true
}

func (n *node) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.up = false
}

func (n *node) breakAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.epoch++
}

func (n *node) write(at time.Time, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	last := len(n.runs) - 1
	n.runs[last] = append(n.runs[last], written{at, text})
}

func (n *node) calm() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.flaky = nil
}

// sight is what the API server says at the moment.
func (n *node) sight() sight {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := sight{state: object.Running, restarts: int32(len(n.runs) - 1)}
	if len(n.runs) > 1 || !n.up {
		s.end = "exit 1"
	}
	if !n.up {
		s.state = object.Waiting
	}
	return s
}

func (n *node) alive(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

func (n *node) open(ctx context.Context, o *corev1.PodLogOptions) (io.ReadCloser, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.opened++
	run := len(n.runs) - 1
	if o.Previous {
		if n.up {
			run--
		}
		if run < 0 || len(n.runs) < 2 && n.up {
			return nil, apierrors.NewBadRequest("previous terminated container not found")
		}
	}
	r := &nodeBody{ctx: ctx, node: n, run: run, epoch: n.epoch, follow: o.Follow, left: -1}
	if n.flaky != nil && n.flaky.IntN(3) > 0 {
		r.left = 1 + n.flaky.IntN(3000)
	}
	if o.SinceTime != nil {
		r.since = o.SinceTime.Truncate(time.Second)
	}
	if o.TailLines != nil {
		r.next = max(0, len(n.runs[run])-int(*o.TailLines))
	}
	return r, nil
}

type nodeBody struct {
	ctx    context.Context
	node   *node
	run    int
	next   int
	epoch  int
	follow bool
	since  time.Time
	left   int // bytes until the connection breaks, negative for never
	rest   string
}

func (b *nodeBody) Close() error { return nil }

func (b *nodeBody) Read(p []byte) (int, error) {
	for {
		if err := b.ctx.Err(); err != nil {
			return 0, err
		}
		b.node.mu.Lock()
		if b.epoch != b.node.epoch || b.left == 0 {
			b.node.mu.Unlock()
			return 0, errBroken
		}
		for b.rest == "" && b.next < len(b.node.runs[b.run]) {
			w := b.node.runs[b.run][b.next]
			b.next++
			if !w.at.Before(b.since) {
				b.rest = w.at.UTC().Format("2006-01-02T15:04:05.000000000Z") + " " + w.text + "\n"
			}
		}
		over := !b.follow || !b.node.up || b.run != len(b.node.runs)-1
		b.node.mu.Unlock()
		if b.rest != "" {
			n := min(len(p), len(b.rest), 1+rand.IntN(200))
			if b.left > 0 {
				n = min(n, b.left)
				b.left -= n
			}
			copy(p, b.rest[:n])
			b.rest = b.rest[n:]
			return n, nil
		}
		if over {
			return 0, io.EOF
		}
		select {
		case <-b.ctx.Done():
		case <-time.After(10 * time.Millisecond): // of a clock that only tests have
		}
	}
}

// free is turns without bounds.
type free struct{}

func (free) begin(context.Context) error { return nil }
func (free) end()                        {}
func (free) admit(context.Context) error { return nil }

// collector is a merger with a ring behind it.
func collector(ctx context.Context, window time.Duration) (*merger, *Ring, *book) {
	m, r, b := newMerger(window), NewRing(0), newBook()
	w := writer{ring: r, book: b}
	m.append, m.flush, m.show = w.append, w.flush, r.Publish
	go m.run(ctx)
	return m, r, b
}

func text(s *Snapshot) string {
	var b strings.Builder
	s.Range(0, s.End(), func(l Line) bool {
		if l.Flags&Marker != 0 {
			b.WriteString("── ")
		}
		b.WriteString(l.Text() + "\n")
		return true
	})
	return b.String()
}

func newTestStream(m *merger, b *book, o opener, span Span) *stream {
	id := b.add(Source{Pod: fmt.Sprint("p", len(b.sources)), Container: "app"})
	return &stream{
		id: id, opener: o, lane: m.lane(id), book: b, turns: free{}, gone: context.Background(), span: span, follow: true,
		changed: make(chan struct{}, 1),
	}
}
