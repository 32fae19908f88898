package views

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/store"
)

// A list of custom resources follows when somebody edits the columns in their
// definition.
func TestServerColumnsChange(t *testing.T) {
	gvr := schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgets"}
	define := func(s *apitest.Server, titles ...string) {
		defs := []metav1.TableColumnDefinition{{Name: "Name", Type: "string"}}
		for _, title := range titles {
			defs = append(defs, metav1.TableColumnDefinition{Name: title, Type: "string"})
		}
		s.Define(gvr, apitest.Kind{Kind: "Widget", Namespaced: true}, defs...)
	}
	redefine := func(b *bench, titles ...string) {
		define(b.Server, titles...)
		b.EndWatches() // as a server does when the definition changes
		b.settle()
	}
	put := func(s *apitest.Server, name string, cells ...any) {
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(gvr.GroupVersion().WithKind("Widget"))
		u.SetNamespace("shop")
		u.SetName(name)
		s.PutRow(u, append([]any{name}, cells...)...)
	}
	pipe(t, func(set *settings) {
		set.empty, set.start = true, "widgets"
		set.prepare = func(s *apitest.Server) {
			define(s, "Size", "Colour")
			put(s, "bolt", "small", "grey")
			put(s, "nut", "large", "brass")
		}
	}, func(b *bench) {
		b.want("SIZE", "COLOUR", "small", "brass")
		b.press("/")
		b.text("size=small")
		b.press("enter")
		b.want("1 of 2")
		redefine(b, "Phase", "Size")
		put(b.Server, "nut", "Ready", "large")
		put(b.Server, "bolt", "Ready", "small")
		b.settle()
		b.settle()
		b.want("PHASE", "SIZE", "1 of 2", "bolt")
		b.wantNot("COLOUR", "grey")
		if n := b.Count("list", "widgets"); n != 2 {
			t.Errorf("%d lists: what did not change would stay in the old columns", n)
		}
		if _, line := b.row("bolt"); !strings.HasSuffix(strings.TrimSpace(line), "Ready   small") {
			t.Error(line)
		}
		b.press("S")
		b.text("size")
		b.press("enter")
		b.want("SIZE↑")

		redefine(b, "Phase") // without what is filtered and sorted by
		put(b.Server, "bolt", "Broken")
		b.settle()
		b.settle()
		b.want("the filter /size=small is off", "Broken", "nut", "NAME↑")
		b.wantNot("SIZE")

		lists := b.Count("list", "widgets")
		redefine(b, "Phase", "Size") // and so on: not all the time
		put(b.Server, "bolt", "Ready", "small")
		b.settle()
		if n := b.Count("list", "widgets") - lists; n != 0 {
			t.Errorf("%d lists in a moment", n)
		}
		time.Sleep(columnsPause)
		b.settle()
		if n := b.Count("list", "widgets") - lists; n != 1 {
			t.Errorf("%d lists after a while", n)
		}
	})
}

// What is asked for by name before the columns are known.
func TestFilterByServerColumn(t *testing.T) {
	pipe(t, nil, func(b *bench) {
		b.press(":")
		b.text("databases /engine=postgres")
		b.press("enter")
		b.want("postgres", " of ")
	})
}

// A row keeps its own columns until it comes in the new ones.
func TestCellsOfOtherColumns(t *testing.T) {
	defs := func(names ...string) *[]metav1.TableColumnDefinition {
		var d []metav1.TableColumnDefinition
		for _, n := range names {
			d = append(d, metav1.TableColumnDefinition{Name: n, Type: "string"})
		}
		return &d
	}
	before := &store.Row{Columns: defs("Name", "Size", "Colour"), Cells: []any{"nut", "large", "brass"}}
	after := &store.Row{Columns: defs("Name", "Phase", "Size"), Cells: []any{"bolt", "Ready", "small"}}
	cols := serverColumns([]*store.Row{before}, nil)
	if again := serverColumns([]*store.Row{before, before}, cols); again != nil {
		t.Errorf("columns changed to the same %v", again)
	}
	cols = serverColumns([]*store.Row{before, after}, cols)
	env := &Env{}
	got := ""
	for _, r := range []*store.Row{before, after} {
		for _, id := range []string{"phase", "size"} {
			got += cellText(find(cols, id).Value(r, env), env) + " "
		}
	}
	if want := "n/a large Ready small "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
