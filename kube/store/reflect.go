package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// The reflector lists and watches by itself instead of through
// cache.Reflector, for three reasons (docs/adr/0002): rows appear from the
// first page on, a lost connection is resumed from the last version instead of
// listing everything again, and each state of the connection is told.
type reflector[T Object] struct {
	kind     Kind[T]
	codec    codec[T]
	scope    Scope
	store    *Store[T]
	client   func(schema.GroupVersion) (rest.Interface, error)
	pageSize int64
	timeout  time.Duration
	in       *Interner
	again    chan struct{} // capacity 1
	pings    atomic.Bool   // whether the connection last used is checked by HTTP/2 pings
	silence  time.Duration // how long those wait before they take it for dead
}

const (
	firstPage = 100 // a screenful, soon
	// A page is given up if it takes so long, unless Options say otherwise.
	pageTimeout = 60 * time.Second
	// The headers of a watch come at once.
	headersTimeout = 15 * time.Second
	// The server ends a watch after this time, so that load spreads over its
	// replicas; between half and the whole of it is asked for, and less where
	// silence could be a dead connection: see silence.go.
	watchTimeout = 10 * time.Minute

	minBackoff = 250 * time.Millisecond
	maxBackoff = 3 * time.Second
	// A server that has just started refuses everything for a moment. Otherwise
	// rights change rarely, and asking again and again fills the audit log.
	minForbiddenBackoff = time.Second
	maxForbiddenBackoff = 30 * time.Second
	// Events that arrive within this time go to the store together.
	batchTime = 100 * time.Millisecond
	batchSize = 256
	// After a first list of more objects than this, memory is given back.
	manyObjects = 500
)

var (
	errRelist = errors.New("the watch must start from a new list")
	errEnded  = errors.New("the server ended the watch at once")
)

// relist asks for a new list, soon.
func (r *reflector[T]) relist() {
	select {
	case r.again <- struct{}{}:
	default:
	}
}

// run keeps the store until ctx is done.
func (r *reflector[T]) run(ctx context.Context) {
	defer utilruntime.HandleCrash()
	backoff := newBackoff()
	for ctx.Err() == nil {
		version, err := r.list(ctx)
		if err != nil {
			r.fail(err)
			backoff.wait(ctx, err, r.again)
			continue
		}
		backoff.pause = minBackoff // refusals count on: who may list may still not watch
		r.watch(ctx, version, backoff)
	}
}

// fail tells the subscribers why there is no connection.
func (r *reflector[T]) fail(err error) {
	switch {
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err) && !r.store.synced():
		r.store.setPhase(Forbidden, err)
	case r.store.synced():
		r.store.setPhase(Stale, err)
	default:
		r.store.setPhase(Failed, err)
	}
}

// hear notes that the server was heard of now, or until it fell silent, if that is
// why a connection ended with err.
func (r *reflector[T]) hear(err error) {
	var ago time.Duration
	if utilnet.IsHTTP2ConnectionLost(err) {
		ago = r.silence
	}
	r.store.hear(ago)
}

func (r *reflector[T]) request(opts *metav1.ListOptions) (*rest.Request, error) {
	c, err := r.client(r.kind.GVR.GroupVersion())
	if err != nil {
		return nil, err
	}
	opts.LabelSelector, opts.FieldSelector = r.scope.Labels, r.scope.Fields
	// The options are core/v1's for every group; groups that client-go has no
	// types for do not know them.
	req := c.Get().Resource(r.kind.GVR.Resource).
		SpecificallyVersionedParams(opts, scheme.ParameterCodec, schema.GroupVersion{Version: "v1"})
	if r.scope.Namespace != "" {
		req = req.Namespace(r.scope.Namespace)
	}
	return req, nil
}

// get returns the body of one page, read into buf, which grows if need be.
func (r *reflector[T]) get(ctx context.Context, opts metav1.ListOptions, buf []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	req, err := r.request(&opts)
	if err != nil {
		return nil, err
	}
	body, err := r.stream(ctx, req.SetHeader("Accept", r.kind.accept))
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }() // all of it is read, or the error is told
	b := bytes.NewBuffer(buf[:0])
	if _, err := b.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("read list of %s: %w", r.kind.GVR.Resource, err)
	}
	return b.Bytes(), nil
}

type pageResult struct {
	body []byte
	err  error
}

// list reads all pages into the store and returns the version to watch from.
// While one page is decoded the next is on its way.
func (r *reflector[T]) list(ctx context.Context) (version string, err error) {
	version, err = r.listPages(ctx, firstPage)
	if apierrors.IsResourceExpired(err) {
		// The pages were read too slowly for the server's memory of that
		// version. Half a list must not be shown as whole: read it in one piece.
		version, err = r.listPages(ctx, 0)
	}
	return version, err
}

func (r *reflector[T]) listPages(ctx context.Context, limit int64) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // of a page that was asked for but is not needed
	seen := map[types.UID]struct{}{}
	first := !r.store.synced()
	var spare []byte // a page of 2,000 pods takes 16 MB; two are used in turn
	body, err := r.get(ctx, metav1.ListOptions{Limit: limit}, nil)
	for {
		if err != nil {
			return "", err
		}
		meta, err := r.codec.meta(body)
		if err != nil {
			return "", fmt.Errorf("decode list of %s: %w", r.kind.GVR.Resource, err)
		}
		next := make(chan pageResult, 1)
		if meta.Continue != "" {
			go func(buf []byte) {
				defer utilruntime.HandleCrash()
				b, err := r.get(ctx, metav1.ListOptions{Limit: r.pageSize, Continue: meta.Continue}, buf)
				next <- pageResult{b, err}
			}(spare)
		}
		var objects []T
		err = r.codec.page(body, r.in, func(o T) {
			objects = append(objects, o)
			seen[o.Head().UID] = struct{}{}
		})
		if err != nil {
			return "", err
		}
		if meta.RemainingItemCount != nil && first {
			r.store.setTotal(len(seen) + int(*meta.RemainingItemCount))
		}
		r.store.set(objects)
		if meta.Continue != "" && first {
			r.store.setPhase(Syncing, nil) // not before: who is refused each time is not loading in between
		}
		if meta.Continue == "" {
			r.store.keepOnly(seen)
			r.store.setPhase(Live, nil)
			if first && len(seen) > manyObjects {
				debug.FreeOSMemory()
			}
			return meta.ResourceVersion, nil
		}
		select {
		case res := <-next:
			spare, body, err = body, res.body, res.err
		case <-ctx.Done():
			return "", ctx.Err()
		}
		if err != nil {
			return "", err
		}
	}
}

// watch follows the changes from version on, over lost connections, until a
// new list is needed.
func (r *reflector[T]) watch(ctx context.Context, version string, backoff *backoff) {
	for ctx.Err() == nil {
		opened := time.Now()
		next, err := r.watchOnce(ctx, version)
		version = next
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errRelist), apierrors.IsResourceExpired(err), apierrors.IsGone(err):
			return
		case err == nil && time.Since(opened) > minBackoff: // the server ended the watch, as it does every few minutes
			backoff.reset()
			continue
		case err == nil:
			r.fail(errEnded)
		case apierrors.IsForbidden(err):
			// Who may list but not watch sees a list of now and then.
			r.store.setPhase(Stale, err)
			backoff.wait(ctx, err, r.again)
			return
		default:
			r.fail(err)
			if time.Since(opened) > maxBackoff {
				backoff.reset()
			}
		}
		if backoff.wait(ctx, err, r.again) {
			return
		}
	}
}

// watchOnce follows one watch and returns the version it came to. A nil error
// means that the server ended it properly.
func (r *reflector[T]) watchOnce(ctx context.Context, version string) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lasts := watchTimeout/2 + rand.N(watchTimeout/2)
	if !r.pings.Load() {
		lasts = shortWatch
	}
	timeout := int64(lasts.Seconds())
	req, err := r.request(&metav1.ListOptions{
		Watch: true, ResourceVersion: version, AllowWatchBookmarks: true, TimeoutSeconds: &timeout,
	})
	if err != nil {
		return version, err
	}
	// A server that accepts the connection and says nothing must not leave the
	// screen at "live".
	patience := min(headersTimeout, r.timeout)
	headers := time.AfterFunc(patience, cancel)
	body, err := r.stream(ctx, req.SetHeader("Accept", watched(r.kind.accept)))
	if !headers.Stop() && err != nil {
		err = noAnswer(patience)
	}
	if err != nil {
		return version, err
	}
	r.store.setPhase(Live, nil)

	events := make(chan received[T], batchSize)
	done := make(chan struct{})
	go func() {
		defer utilruntime.HandleCrash()
		defer close(done)
		r.read(ctx, body, events)
	}()
	defer func() { // the reader uses the interner, as does the next list
		cancel()
		_ = body.Close()
		<-done
	}()
	silent := time.NewTimer(shortWatch + overdue)
	defer silent.Stop()
	if r.pings.Load() {
		silent.Stop()
	}
	b := batch[T]{store: r.store}
	for {
		select {
		case ev := <-events:
			if ev.err == nil && ev.status != nil {
				ev.err = &apierrors.StatusError{ErrStatus: *ev.status}
			}
			if ev.err != nil {
				b.flush()
				r.hear(ev.err)
				if errors.Is(ev.err, io.EOF) || errors.Is(ev.err, io.ErrUnexpectedEOF) {
					ev.err = nil
				}
				return version, ev.err
			}
			version = ev.version
			r.hear(nil)
			if !r.pings.Load() {
				silent.Reset(shortWatch + overdue)
			}
			b.add(ev.event)
			if len(events) == 0 && b.size() > 0 && b.timer == nil {
				b.timer = time.After(batchTime)
			}
			if b.size() >= batchSize {
				b.flush()
			}
		case <-b.timer:
			b.flush()
		case <-silent.C: // dead, or the server does not heed how long it was to last: the next watch shows which
			b.flush()
			return version, nil
		case <-r.again:
			b.flush()
			r.hear(nil)
			return version, errRelist
		case <-ctx.Done():
			return version, ctx.Err()
		}
	}
}

const protobufType = "application/vnd.kubernetes.protobuf"

type received[T Object] struct {
	event[T]
	err error
}

// read sends the events of a watch's body until it ends.
func (r *reflector[T]) read(ctx context.Context, body io.Reader, events chan<- received[T]) {
	reader := r.codec.events(body)
	for {
		ev, err := reader.next(r.in)
		select {
		case events <- received[T]{ev, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// batch collects events for the store, so that subscribers are told once for
// many. Of an object changed twice it keeps the later.
type batch[T Object] struct {
	store   *Store[T]
	set     map[types.UID]T
	removed map[types.UID]struct{}
	timer   <-chan time.Time
}

func (b *batch[T]) size() int { return len(b.set) + len(b.removed) }

func (b *batch[T]) add(ev event[T]) {
	if b.set == nil {
		b.set, b.removed = map[types.UID]T{}, map[types.UID]struct{}{}
	}
	for _, o := range ev.objects {
		uid := o.Head().UID
		if ev.typ == "DELETED" {
			delete(b.set, uid)
			b.removed[uid] = struct{}{}
		} else {
			delete(b.removed, uid)
			b.set[uid] = o
		}
	}
}

func (b *batch[T]) flush() {
	b.timer = nil
	if len(b.set) > 0 {
		objects := make([]T, 0, len(b.set))
		for _, o := range b.set {
			objects = append(objects, o)
		}
		b.store.set(objects)
		clear(b.set)
	}
	if len(b.removed) > 0 {
		uids := make([]types.UID, 0, len(b.removed))
		for uid := range b.removed {
			uids = append(uids, uid)
		}
		b.store.remove(uids)
		clear(b.removed)
	}
}

// backoff is the pause between two tries, growing and random, so that many
// stores do not come back to a server at the same moment.
type backoff struct{ pause, refused time.Duration }

func newBackoff() *backoff { return &backoff{pause: minBackoff, refused: minForbiddenBackoff} }

func (b *backoff) reset() { *b = *newBackoff() }

// wait sleeps before the next try, or until it is asked to list again, or ctx
// is done. It reports whether it was asked.
func (b *backoff) wait(ctx context.Context, err error, again <-chan struct{}) bool {
	pause := b.pause/2 + rand.N(b.pause/2)
	b.pause = min(2*b.pause, maxBackoff)
	if apierrors.IsForbidden(err) {
		pause = b.refused
		b.refused = min(2*b.refused, maxForbiddenBackoff)
	}
	if s, ok := apierrors.SuggestsClientDelay(err); ok && !isConnection(err) {
		pause = max(pause, time.Duration(s)*time.Second)
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-again:
		return true
	case <-ctx.Done():
	}
	return false
}

// isConnection reports whether err did not come from the API server.
func isConnection(err error) bool {
	var status apierrors.APIStatus
	return !errors.As(err, &status) || status.Status().Code == http.StatusInternalServerError
}
