package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"quarterdeck/kube/apitest"
)

func newCoreNode() *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1"}}
}

// whole keeps a copy of all that was decoded.
type whole struct {
	Meta
	pod *corev1.Pod
}

func wholeKind() Kind[*whole] {
	return Typed(corev1.SchemeGroupVersion.WithResource("pods"), "Pod", true, func(p *corev1.Pod, in *Interner) *whole {
		return &whole{in.Meta(&p.ObjectMeta), p.DeepCopy()}
	})
}

// A page is decoded to the same objects as by client-go, but for managedFields.
func TestPageDecodesAsClientGoDoes(t *testing.T) {
	s := apitest.New(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		s.Put(richPod(r))
	}
	c, err := s.REST(corev1.SchemeGroupVersion)
	if err != nil {
		t.Fatal(err)
	}
	body, err := c.Get().Resource("pods").SetHeader("Accept", wholeKind().accept).Do(context.Background()).Raw()
	if err != nil || !isProtobuf(body) {
		t.Fatalf("%q %v", body[:min(20, len(body))], err)
	}
	decoded, err := runtime.Decode(scheme.Codecs.UniversalDeserializer(), body)
	if err != nil {
		t.Fatal(err)
	}
	want := decoded.(*corev1.PodList)
	codec := wholeKind().newCodec()
	meta, err := codec.meta(body)
	if err != nil || !equality.Semantic.DeepEqual(meta, want.ListMeta) {
		t.Errorf("%v %v", meta, err)
	}
	var got []*whole
	if err := codec.page(body, newInterner(), func(w *whole) { got = append(got, w) }); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want.Items) {
		t.Fatalf("%d objects, want %d", len(got), len(want.Items))
	}
	for i := range got {
		want.Items[i].ManagedFields = nil
		if !equality.Semantic.DeepEqual(got[i].pod, &want.Items[i]) {
			t.Errorf("got %v\nwant %v", got[i].pod, &want.Items[i])
		}
	}
}

func widgets() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgets"}
}

func widget(name string, color any) (*unstructured.Unstructured, []any) {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion("example.com/v1")
	u.SetKind("Widget")
	u.SetNamespace("shop")
	u.SetName(name)
	u.SetLabels(map[string]string{"app": name})
	return u, []any{name, color, int64(len(name)), "1d"}
}

func (r *Row) String() string { return fmt.Sprint(r.Name, r.Cells) }

// withWidgets runs f with a follower of a custom resource read as a table.
func withWidgets(t *testing.T, n int, prepare func(*apitest.Server), f func(t *testing.T, s *apitest.Server, rows *follower[*Row])) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := apitest.NewPipe(t)
		s.Define(widgets(), apitest.Kind{Kind: "Widget", Namespaced: true}, metav1.TableColumnDefinition{Name: "Name", Type: "string"},
			metav1.TableColumnDefinition{Name: "Colour", Type: "string"}, metav1.TableColumnDefinition{Name: "Size", Type: "integer"},
			metav1.TableColumnDefinition{Name: "Age", Type: "date"})
		for i := range n {
			u, cells := widget(fmt.Sprintf("w%03d", i), "red")
			s.PutRow(u, cells...)
		}
		if prepare != nil {
			prepare(s)
		}
		hub := NewHub(s.REST, Options{})
		defer hub.Close()
		rows := follow(Open(hub, Table(widgets(), "Widget", true), Scope{}))
		f(t, s, rows)
	})
}

func TestTable(t *testing.T) {
	withWidgets(t, 250, nil, func(t *testing.T, s *apitest.Server, rows *follower[*Row]) {
		wantPhase(t, settle(t, rows), Live, 250)
		for _, r := range requestsOf(s, "list") {
			if !strings.HasPrefix(r.Header.Get("Accept"), "application/json;as=Table;v=v1;g=meta.k8s.io") {
				t.Errorf("asked for %s", r.Header.Get("Accept"))
			}
		}
		u, cells := widget("w000", map[string]any{"shade": "dark\x1b[31m"})
		s.PutRow(u, cells...)
		u, cells = widget("w001", nil)
		s.PutRow(u, cells...)
		u, _ = widget("w002", "")
		s.Delete(u)
		u, cells = widget("new", 1.5)
		s.PutRow(u, cells...)
		s.Bookmark()
		time.Sleep(time.Second)
		wantPhase(t, settle(t, rows), Live, 250)
		got := rows.names()
		for _, want := range []string{`w000[w000 {"shade":"dark\u001b[31m"} 4 1d]`, "w001[w001 <nil> 4 1d]", "new[new 1.5 3 1d]"} {
			if !slices.Contains(got, want) {
				t.Errorf("no row %s in %v", want, got[:5])
			}
		}
		for r := range rows.have {
			if r.Columns == nil || len(*r.Columns) != 4 || r.Labels.Get("app") != r.Name {
				t.Fatalf("%+v", r)
			}
		}
		at := fmt.Sprint(s.Version())
		s.EndWatches()
		time.Sleep(time.Second)
		watches := requestsOf(s, "watch")
		if v := watches[len(watches)-1].Query.Get("resourceVersion"); v != at {
			t.Errorf("watched again from %s, want %s", v, at)
		}
		s.FailWatches(apierrors.NewResourceExpired("old").ErrStatus)
		time.Sleep(time.Second)
		wantPhase(t, settle(t, rows), Live, 250)
		if n := s.Count("list", "widgets"); n != 4 {
			t.Errorf("%d pages, want 2 and 2", n)
		}
	})
}

// The columns of a custom resource may change while it is looked at: the cells
// must not stand below the old ones.
func TestTableColumnsChange(t *testing.T) {
	withWidgets(t, 1, nil, func(t *testing.T, s *apitest.Server, rows *follower[*Row]) {
		settle(t, rows)
		s.Define(widgets(), apitest.Kind{Kind: "Widget", Namespaced: true},
			metav1.TableColumnDefinition{Name: "Name"}, metav1.TableColumnDefinition{Name: "Age"})
		u, _ := widget("w000", nil)
		s.PutRow(u, "w000", "2d")
		s.FailWatches(apierrors.NewResourceExpired("old").ErrStatus)
		time.Sleep(time.Second)
		wantPhase(t, settle(t, rows), Live, 1)
		for r := range rows.have {
			if len(*r.Columns) != len(r.Cells) {
				t.Errorf("%d columns for %d cells", len(*r.Columns), len(r.Cells))
			}
		}
	})
}

// Some aggregated servers make no tables.
func TestNoTables(t *testing.T) {
	withWidgets(t, 150, (*apitest.Server).NoTables, func(t *testing.T, s *apitest.Server, rows *follower[*Row]) {
		wantPhase(t, settle(t, rows), Live, 150)
		u, _ := widget("w000", nil)
		s.Delete(u)
		u, _ = widget("new", nil)
		s.PutRow(u)
		s.Bookmark()
		time.Sleep(time.Second)
		wantPhase(t, settle(t, rows), Live, 150)
		for r := range rows.have {
			if r.Name == "w000" || r.Labels.Get("app") != r.Name || len(*r.Columns) != 2 {
				t.Fatalf("%+v", r)
			}
		}
		if n := s.Count("list", "widgets"); n != 2 {
			t.Errorf("%d pages, want 2", n)
		}
	})
}

// A kind that is not there is an error with its name.
func TestUnknownResource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := apitest.NewPipe(t)
		hub := NewHub(s.REST, Options{})
		defer hub.Close()
		f := follow(Open(hub, Table(widgets(), "Widget", true), Scope{}))
		st := settle(t, f)
		wantPhase(t, st, Failed, 0)
		if !apierrors.IsNotFound(st.Err) {
			t.Error(st.Err)
		}
	})
}

func TestCells(t *testing.T) {
	in := newInterner()
	for raw, want := range map[string]any{
		`"text"`: "text", `"a\u001b[2Jb"`: "ab", `12`: int64(12), `-1`: int64(-1), `1.5`: 1.5, `1e3`: 1000.0, `true`: true, `null`: nil,
		`["a",1]`: `["a",1]`, `{"b":2}`: `{"b":2}`, `99999999999999999999`: 1e20,
	} {
		dec := json.NewDecoder(bytes.NewReader([]byte(raw)))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		if got := compactCell(v, in); got != want {
			t.Errorf("%s is %#v, want %#v", raw, got, want)
		}
	}
}
