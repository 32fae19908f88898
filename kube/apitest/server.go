// Package apitest is an API server for tests: it holds objects in memory and
// gets, lists, pages, watches and writes them over HTTP as kube-apiserver does,
// in protobuf, in JSON and as tables, and it fails in the ways that a real one
// fails. Nothing is validated or defaulted, and there are no controllers: tests
// change its objects by its methods.
package apitest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// Object is an object that a Server can hold: a type of client-go, or
// unstructured.
type Object interface {
	runtime.Object
	metav1.Object
}

// Server is an API server. Its methods are safe for concurrent use.
type Server struct {
	URL string

	client *http.Client // that reaches the server
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	done   chan struct{} // closed when the test ends

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced when anything below changes
	version  int64         // of the last change
	oldest   int64         // version from which on changes are remembered
	objects  map[schema.GroupVersionResource]map[string]entry
	kinds    map[schema.GroupVersionResource]Kind
	columns  map[schema.GroupVersionResource][]metav1.TableColumnDefinition
	log      []change
	pages    map[string]page // by continue token
	static   map[string][]byte
	answer   func(Request) *Answer
	requests []Request
	watches  map[*watch]schema.GroupVersionResource
	jsonOnly bool
	noTables bool
	rules    []authorizationv1.ResourceRule // what the user may do
}

// Kind is what discovery says of a resource.
type Kind struct {
	Kind       string
	Namespaced bool
	Short      []string
}

// entry is an object and, if it has any of its own, its cells in a table.
type entry struct {
	object Object
	cells  []any
}

// change is one event of the history that watches follow.
type change struct {
	version  int64
	gvr      schema.GroupVersionResource
	old, new entry // the object before and after; none of both is a bookmark
}

// New returns a server on a port of this machine, which runs until the test
// ends. It speaks HTTP/1.1 without TLS.
func New(t testing.TB) *Server { return start(t, nil, (*httptest.Server).Start) }

// NewHTTP2 is New of a server that speaks HTTP/2, as kube-apiserver does. It is
// reached by REST.
func NewHTTP2(t testing.TB) *Server {
	return start(t, nil, func(srv *httptest.Server) {
		srv.EnableHTTP2 = true
		srv.StartTLS()
	})
}

// NewPipe returns a server that is reached through memory, by REST and Dial. It
// works in the bubbles of testing/synctest.
func NewPipe(t testing.TB) *Server { return start(t, newPipe(), (*httptest.Server).Start) }

func start(t testing.TB, p *pipe, begin func(*httptest.Server)) *Server {
	s := &Server{
		client: &http.Client{Transport: &http.Transport{}},
		dial:   new(net.Dialer).DialContext,
		done:   make(chan struct{}), changed: make(chan struct{}), version: 100,
		objects: map[schema.GroupVersionResource]map[string]entry{},
		kinds:   map[schema.GroupVersionResource]Kind{},
		columns: map[schema.GroupVersionResource][]metav1.TableColumnDefinition{},
		pages:   map[string]page{}, static: map[string][]byte{},
		watches: map[*watch]schema.GroupVersionResource{},
		rules:   []authorizationv1.ResourceRule{{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}}},
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	if p != nil {
		_ = srv.Listener.Close()
		srv.Listener = p
		s.dial = p.dial
		s.client.Transport = &http.Transport{DialContext: p.dial}
	}
	begin(srv)
	s.URL = srv.URL
	if srv.TLS != nil {
		s.client = srv.Client()
	}
	t.Cleanup(func() {
		close(s.done)
		s.client.CloseIdleConnections()
		srv.CloseClientConnections()
		srv.Close()
	})
	return s
}

// Dial connects to the server.
func (s *Server) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return s.dial(ctx, network, address)
}

// REST returns a client of one API group and version.
func (s *Server) REST(gv schema.GroupVersion) (rest.Interface, error) {
	cfg := &rest.Config{Host: s.URL, QPS: -1, APIPath: "/apis"}
	if gv.Group == "" {
		cfg.APIPath = "/api"
	}
	cfg.GroupVersion = &gv
	cfg.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	return rest.RESTClientForConfigAndClient(cfg, s.client)
}

// change runs f, which changes the server, and wakes whoever waits for it.
func (s *Server) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// Define makes a resource known that client-go has no types for, or says more
// of one than its objects do.
func (s *Server) Define(gvr schema.GroupVersionResource, kind Kind, columns ...metav1.TableColumnDefinition) {
	s.change(func() {
		s.kinds[gvr] = kind
		if len(columns) > 0 {
			s.columns[gvr] = columns
		}
	})
}

// Put creates objects or replaces them. Those without a UID get one made of
// their name, and keep it.
func (s *Server) Put(objects ...Object) {
	for _, o := range objects {
		s.PutRow(o)
	}
}

// PutRow is Put of one object with its cells in a table of its kind. Without
// cells it has its name and its age.
func (s *Server) PutRow(o Object, cells ...any) {
	s.change(func() {
		gvr := s.learn(o)
		o = o.DeepCopyObject().(Object)
		old := s.objects[gvr][key(o)]
		if o.GetUID() == "" {
			o.SetUID(types.UID(strings.ReplaceAll(gvr.Resource+"-"+key(o), "/", "-")))
		}
		s.version++
		o.SetResourceVersion(strconv.FormatInt(s.version, 10))
		e := entry{o, cells}
		s.objects[gvr][key(o)] = e
		s.log = append(s.log, change{s.version, gvr, old, e})
	})
}

// Delete removes objects, which need no more than a name.
func (s *Server) Delete(objects ...Object) {
	for _, o := range objects {
		s.change(func() {
			gvr := s.learn(o)
			old, ok := s.objects[gvr][key(o)]
			if !ok {
				return
			}
			delete(s.objects[gvr], key(o))
			s.version++
			last := old.object.DeepCopyObject().(Object)
			last.SetResourceVersion(strconv.FormatInt(s.version, 10))
			s.log = append(s.log, change{version: s.version, gvr: gvr, old: entry{last, old.cells}})
		})
	}
}

// Bookmark tells all watches that nothing happened up to a new version.
func (s *Server) Bookmark() {
	s.change(func() {
		s.version++
		s.log = append(s.log, change{version: s.version})
	})
}

// Compact forgets all changes so far and all pages under way: who asks for them
// is told that they are gone.
func (s *Server) Compact() {
	s.change(func() {
		s.version++
		s.oldest, s.log = s.version, nil
		clear(s.pages)
	})
}

// Version returns the version of the last change.
func (s *Server) Version() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// Serve answers requests of a path with JSON.
func (s *Server) Serve(path, body string) {
	s.change(func() { s.static[path] = []byte(body) })
}

// JSONOnly makes the server answer in JSON where it is asked for protobuf, as
// some proxies do.
func (s *Server) JSONOnly() { s.change(func() { s.jsonOnly = true }) }

// NoTables makes the server send objects where it is asked for tables, as some
// aggregated ones.
func (s *Server) NoTables() { s.change(func() { s.noTables = true }) }

// OnRequest lets f answer requests; where it returns nil the server answers
// itself. A nil f ends that. f is called by many goroutines at once.
func (s *Server) OnRequest(f func(Request) *Answer) { s.change(func() { s.answer = f }) }

// Requests returns the requests so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Count returns how many requests so far were of verb, for resource.
func (s *Server) Count(verb, resource string) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Verb == verb && r.GVR.Resource == resource {
			n++
		}
	}
	return n
}

// Wait waits until ok is true; desc says what that means.
func (s *Server) Wait(t testing.TB, desc string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if ok() {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", desc)
		}
	}
}

// WaitRequests waits until n requests were of verb, for resource.
func (s *Server) WaitRequests(t testing.TB, n int, verb, resource string) {
	t.Helper()
	s.Wait(t, fmt.Sprintf("%d %s of %s", n, verb, resource), func() bool { return s.Count(verb, resource) >= n })
}

// WaitWatches waits until n watches of resource are open.
func (s *Server) WaitWatches(t testing.TB, n int, resource string) {
	t.Helper()
	s.Wait(t, fmt.Sprintf("%d watches of %s", n, resource), func() bool { return s.Watches(resource) == n })
}

// Watches returns how many watches of resource are open.
func (s *Server) Watches(resource string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, gvr := range s.watches {
		if gvr.Resource == resource {
			n++
		}
	}
	return n
}

// CutWatches breaks the connections of all watches.
func (s *Server) CutWatches() { s.endWatches(func(w *watch) { w.cut = true }) }

// EndWatches ends all watches properly, as happens every few minutes.
func (s *Server) EndWatches() { s.endWatches(func(*watch) {}) }

// HangWatches makes all watches that are open say nothing any more, not even
// that they have ended: as when somebody on the way has forgotten them.
func (s *Server) HangWatches() {
	s.change(func() {
		for w := range s.watches {
			w.hung = true
		}
	})
}

// FailWatches ends all watches with an ERROR event.
func (s *Server) FailWatches(status metav1.Status) {
	s.endWatches(func(w *watch) { w.failed = &status })
}

func (s *Server) endWatches(how func(*watch)) {
	s.change(func() {
		for w := range s.watches {
			how(w)
			w.ended = true
		}
	})
}

// key is an object's place in the order of a list.
func key(o Object) string { return o.GetNamespace() + "/" + o.GetName() }

// learn notes the resource of an object and returns it. s.mu must be held.
func (s *Server) learn(o Object) schema.GroupVersionResource {
	gvk := o.GetObjectKind().GroupVersionKind()
	if _, ok := o.(*unstructured.Unstructured); !ok {
		if kinds, _, err := scheme.Scheme.ObjectKinds(o); err == nil {
			gvk = kinds[0]
		}
	}
	gvr, _ := meta.UnsafeGuessKindToResource(gvk)
	for known, k := range s.kinds {
		if known.GroupVersion() == gvk.GroupVersion() && k.Kind == gvk.Kind {
			gvr = known
		}
	}
	if s.objects[gvr] == nil {
		s.objects[gvr] = map[string]entry{}
	}
	if _, ok := s.kinds[gvr]; !ok {
		s.kinds[gvr] = Kind{Kind: gvk.Kind, Namespaced: o.GetNamespace() != ""}
	}
	return gvr
}

// sorted returns the entries of a resource that match, in order. s.mu must be
// held.
func (s *Server) sorted(gvr schema.GroupVersionResource, match func(Object) bool) []entry {
	var list []entry
	for _, k := range slices.SortedFunc(maps.Keys(s.objects[gvr]), cmp.Compare[string]) {
		if e := s.objects[gvr][k]; match(e.object) {
			list = append(list, e)
		}
	}
	return list
}
