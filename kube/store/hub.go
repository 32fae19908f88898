package store

import (
	"context"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
)

// Scope is the part of a resource that a store holds.
type Scope struct {
	Namespace string // "" for all
	Labels    string // label selector
	Fields    string // field selector
}

// Hub hands out the stores of one cluster. Subscribers of the same resource and
// scope share one.
type Hub struct {
	client func(schema.GroupVersion) (rest.Interface, error)
	opts   Options
	ctx    context.Context // ends all stores
	cancel context.CancelFunc

	mu     sync.Mutex
	stores map[storeKey]*entry
}

// Options are a hub's settings. Zero values are sensible.
type Options struct {
	PageSize int64            // objects a page after the first; default 2000
	Linger   time.Duration    // how long a store outlives its last subscriber; default 60 s, negative: not at all
	Timeout  time.Duration    // how long a page may take; default 60 s
	Now      func() time.Time // for tests
}

type storeKey struct {
	gvr    schema.GroupVersionResource
	accept string
	scope  Scope
	object reflect.Type // a resource may be kept in more than one compact form
}

// entry is a store in use. Guarded by Hub.mu.
type entry struct {
	store any // *Store[T]
	refs  int
	timer *time.Timer // ends the store, nil while refs > 0
	stop  func()
	again func() // asks for a new list
}

// NewHub returns a hub that reads through the clients that client returns.
func NewHub(client func(schema.GroupVersion) (rest.Interface, error), opts Options) *Hub {
	if opts.PageSize <= 0 {
		opts.PageSize = 2000
	}
	if opts.Linger == 0 {
		opts.Linger = time.Minute
	}
	if opts.Timeout <= 0 {
		opts.Timeout = pageTimeout
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Hub{client: client, opts: opts, ctx: ctx, cancel: cancel, stores: map[storeKey]*entry{}}
}

// Client returns the client through which the hub reads an API group and version.
func (h *Hub) Client(gv schema.GroupVersion) (rest.Interface, error) { return h.client(gv) }

// Close ends all stores.
func (h *Hub) Close() { h.cancel() }

// Open subscribes to the objects of kind in scope. The caller closes the
// subscription.
func Open[T Object](h *Hub, kind Kind[T], scope Scope) *Subscription[T] {
	if !kind.Namespaced {
		scope.Namespace = ""
	}
	key := storeKey{gvr: kind.GVR, accept: kind.accept, scope: scope, object: reflect.TypeFor[T]()}
	h.mu.Lock()
	defer h.mu.Unlock()
	e, ok := h.stores[key]
	if !ok {
		ctx, cancel := context.WithCancel(h.ctx)
		s := newStore[T](h.opts.Now)
		r := &reflector[T]{
			kind: kind, codec: kind.newCodec(), scope: scope, store: s, client: h.client,
			pageSize: h.opts.PageSize, timeout: h.opts.Timeout, in: newInterner(), again: make(chan struct{}, 1),
			silence: pingSilence(),
		}
		e = &entry{store: s, stop: cancel, again: r.relist}
		h.stores[key] = e
		go r.run(ctx)
	}
	e.refs++
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
	return e.store.(*Store[T]).subscribe(func() { h.release(key, e) })
}

// Again lists anew what has subscribers: what ctrl+r does.
func (h *Hub) Again() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.stores {
		if e.refs > 0 {
			e.again()
		}
	}
}

func (h *Hub) release(key storeKey, e *entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.refs--; e.refs > 0 {
		return
	}
	end := func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if e.refs > 0 || h.stores[key] != e {
			return
		}
		delete(h.stores, key)
		e.stop()
	}
	if h.opts.Linger < 0 {
		go func() {
			defer utilruntime.HandleCrash()
			end()
		}()
		return
	}
	e.timer = time.AfterFunc(h.opts.Linger, func() {
		end()
		debug.FreeOSMemory() // a store of 50,000 pods is worth giving back
	})
}
