package triage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// A cluster may have hundreds of kinds of custom resources, and nothing is
// looked at of most but whether their controller is content. They are not
// watched: that would be a connection and a copy each. They are listed now and
// then, a few kinds at once, and only those in trouble are kept.
const (
	customsEvery   = time.Minute
	customsAtOnce  = 4 // requests
	customsPage    = 500
	customsMost    = 5000 // of one kind: more are not read
	customsTimeout = 30 * time.Second
	// Rights change rarely: who may not list a kind asks for it again after so
	// many rounds.
	customsRefused = 10
)

// customs declares how custom resources are read.
func customs() source {
	return source{
		resource: CustomResources, gvr: kube.Local(string(CustomResources)), namespaced: true,
		empty: func() index { return newTable[*object.Custom]() },
		open: func(f *Feed, s store.Scope) store.Source[Resource] {
			p := newPoller(f.hub, s.Namespace, customsEvery)
			return store.Source[Resource]{
				Key: CustomResources, Changed: p.changed, Close: p.close, Status: p.Status,
				Take: func() store.Status {
					d, status := p.take()
					Change(f.Engine, CustomResources, d)
					return status
				},
			}
		},
	}
}

// poller lists custom resources again and again in a goroutine of its own,
// until it is closed.
type poller struct {
	hub       *store.Hub
	namespace string // "" for all
	every     time.Duration
	changed   store.Signal
	stop      context.CancelFunc
	done      chan struct{}

	mu     sync.Mutex
	kinds  map[types.UID]*polled // by their definition
	status store.Status
	given  map[types.UID]*object.Custom // that take has returned
}

// polled is a kind of custom resources and what was read of it. Guarded by
// poller.mu, but for what never changes.
type polled struct {
	def  *object.Definition
	of   *object.CustomKind
	bad  map[types.UID]*object.Custom
	err  error // why it was not read
	wait int   // rounds until it is asked for again
}

func newPoller(hub *store.Hub, namespace string, every time.Duration) *poller {
	ctx, cancel := context.WithCancel(context.Background())
	p := &poller{
		hub: hub, namespace: namespace, every: every, changed: store.NewSignal(), stop: cancel, done: make(chan struct{}),
		kinds: map[types.UID]*polled{}, given: map[types.UID]*object.Custom{},
	}
	go func() {
		defer utilruntime.HandleCrash()
		defer close(p.done)
		p.run(ctx)
	}()
	return p
}

func (p *poller) close() {
	p.stop()
	<-p.done
}

// Status tells how well custom resources are known. It is safe for concurrent
// use.
func (p *poller) Status() store.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// take returns what is different since the last call.
func (p *poller) take() (store.Delta[*object.Custom], store.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var d store.Delta[*object.Custom]
	now := map[types.UID]*object.Custom{}
	for _, k := range p.kinds {
		for uid, o := range k.bad {
			now[uid] = o
			if p.given[uid] != o {
				d.Added = append(d.Added, o)
			}
		}
	}
	for uid, o := range p.given {
		if now[uid] != o {
			d.Removed = append(d.Removed, o)
		}
	}
	p.given = now
	return d, p.status
}

// run follows which kinds there are, and lists them.
func (p *poller) run(ctx context.Context) {
	definitions := store.Open(p.hub, object.Definitions(), store.Scope{})
	defer definitions.Close()
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	for {
		select {
		case <-definitions.Changed():
			d, status := definitions.Take()
			p.define(d)
			switch status.Phase {
			case store.Live, store.Stale:
				p.round(ctx, func(k *polled) bool { return k.bad == nil && k.err == nil })
			case store.Syncing, store.Partial:
			case store.Forbidden, store.Failed: // which the status of the definitions tells
				p.finish()
			}
		case <-tick.C:
			p.round(ctx, func(k *polled) bool { k.wait--; return k.wait < 0 })
		case <-ctx.Done():
			return
		}
	}
}

// define takes over which kinds there are.
func (p *poller) define(d store.Delta[*object.Definition]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.kinds
	if d.Reset {
		p.kinds = map[types.UID]*polled{}
	}
	for _, old := range d.Removed {
		if k := p.kinds[old.UID]; k != nil && k.def == old && !slices.ContainsFunc(d.Added, func(n *object.Definition) bool { return n.UID == old.UID }) {
			delete(p.kinds, old.UID)
		}
	}
	for _, def := range d.Added {
		if !def.Established || def.Of.Version == "" || p.namespace != "" && !def.Namespaced {
			delete(p.kinds, def.UID)
			continue
		}
		k := before[def.UID]
		if k == nil || k.of.GVR != def.Of {
			k = &polled{of: &object.CustomKind{GVR: def.Of, Kind: def.Kind}}
		}
		k.def = def
		p.kinds[def.UID] = k
	}
	p.changed.Send()
}

// round lists the kinds that are due.
func (p *poller) round(ctx context.Context, due func(*polled) bool) {
	p.mu.Lock()
	var list []*polled
	for _, k := range p.kinds {
		if due(k) {
			list = append(list, k)
		}
	}
	p.mu.Unlock()
	var wait sync.WaitGroup
	room := make(chan struct{}, customsAtOnce)
	for _, k := range list {
		room <- struct{}{}
		wait.Go(func() {
			defer utilruntime.HandleCrash()
			defer func() { <-room }()
			bad, err := p.list(ctx, k.of)
			if ctx.Err() == nil {
				p.keep(k, bad, err)
			}
		})
	}
	wait.Wait()
	if ctx.Err() == nil {
		p.finish()
	}
}

// keep takes over what was read of a kind. What could not be read this time is
// known as it was.
func (p *poller) keep(k *polled, bad []*object.Custom, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k.err, k.wait = err, 0
	if apierrors.IsForbidden(err) {
		k.wait = customsRefused
	}
	if err != nil {
		return
	}
	now := make(map[types.UID]*object.Custom, len(bad))
	for _, o := range bad {
		if old := k.bad[o.UID]; old != nil && reflect.DeepEqual(old, o) {
			o = old
		}
		now[o.UID] = o
	}
	k.bad = now
}

// finish tells how well all kinds are known.
func (p *poller) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	var unread []*polled
	for _, k := range p.kinds {
		if k.err != nil {
			unread = append(unread, k)
		}
	}
	status := store.Status{Phase: store.Live, Since: p.status.Since}
	if err := unreadKinds(unread); err != nil {
		status.Phase, status.Err = store.Partial, err
	}
	if status.Phase != p.status.Phase || status.Since.IsZero() {
		status.Since = time.Now()
	} else if status.Err != nil && p.status.Err != nil && status.Err.Error() == p.status.Err.Error() {
		status.Err = p.status.Err
	}
	p.status = status
	p.changed.Send()
}

// unreadKinds says in one line which kinds were not read, and why.
func unreadKinds(unread []*polled) error {
	if len(unread) == 0 {
		return nil
	}
	name := func(k *polled) string { return k.of.GVR.GroupResource().String() }
	slices.SortFunc(unread, func(a, b *polled) int { return cmp.Compare(name(a), name(b)) })
	const most = 3
	var words []string
	for i, k := range unread {
		if i == most {
			words = append(words, fmt.Sprintf("and %d more kinds", len(unread)-most))
			break
		}
		why := sanitize.Line(k.err.Error())
		if apierrors.IsForbidden(k.err) {
			why = "may not be listed"
		}
		words = append(words, name(k)+" "+why)
	}
	return errors.New(strings.Join(words, "; "))
}

// tooMany is the error of a kind with more objects than are read.
type tooMany int

func (n tooMany) Error() string {
	return fmt.Sprintf("has %d objects, more than the %d that are looked at", int(n), customsMost)
}

// list returns what is wrong among the custom resources of a kind.
func (p *poller) list(ctx context.Context, of *object.CustomKind) ([]*object.Custom, error) {
	client, err := p.hub.Client(schema.GroupVersion{Group: of.GVR.Group, Version: of.GVR.Version})
	if err != nil {
		return nil, err
	}
	page := func(next string) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, customsTimeout)
		defer cancel()
		req := client.Get().Resource(of.GVR.Resource).Param("limit", fmt.Sprint(customsPage)).SetHeader("Accept", "application/json")
		if p.namespace != "" {
			req = req.Namespace(p.namespace)
		}
		if next != "" {
			req = req.Param("continue", next)
		}
		return req.Do(ctx).Raw()
	}
	var all []*object.Custom
	var list metav1.ListMeta
	for read := 0; ; {
		body, err := page(list.Continue)
		if apierrors.IsNotFound(err) { // its definition has just gone
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		bad, n, meta, err := object.ReadCustoms(of, body)
		if err != nil {
			return nil, err
		}
		all, list = append(all, bad...), meta
		read += n
		whole := read
		if list.RemainingItemCount != nil {
			whole += int(*list.RemainingItemCount)
		}
		if whole > customsMost {
			return nil, tooMany(whole)
		}
		if list.Continue == "" {
			return all, nil
		}
	}
}
