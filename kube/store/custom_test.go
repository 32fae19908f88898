package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"quarterdeck/kube/apitest"
)

// paint is what is kept of a widget.
type paint struct {
	Meta
	colour string
}

func (p *paint) String() string { return p.Name + " " + p.colour }

// paintFields are the fields of a widget that are read.
type paintFields struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Colour string `json:"colour"`
	} `json:"spec"`
}

func paints() Kind[*paint] {
	return Custom(widgets(), "Widget", true, func(w *paintFields, in *Interner) *paint {
		return &paint{in.Meta(&w.ObjectMeta), in.String(w.Spec.Colour)}
	})
}

func painted(name, colour string) *unstructured.Unstructured {
	u, _ := widget(name, nil)
	u.Object["spec"] = map[string]any{"colour": colour, "more": []any{"that", "is", "not", "read"}}
	return u
}

// A custom resource is listed in pages, followed, listed anew after a gap, and
// made safe to show.
func TestCustom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := apitest.NewPipe(t)
		s.Define(widgets(), apitest.Kind{Kind: "Widget", Namespaced: true})
		for i := range 150 {
			s.Put(painted(fmt.Sprintf("w%03d", i), "red"))
		}
		hub := NewHub(s.REST, Options{})
		defer hub.Close()
		f := follow(Open(hub, paints(), Scope{}))
		wantPhase(t, settle(t, f), Live, 150)
		for _, r := range requestsOf(s, "list") {
			if accept := r.Header.Get("Accept"); accept != "application/json" {
				t.Errorf("asked for %s", accept)
			}
		}
		s.Put(painted("w000", "dark\x1b[31m"), painted("new", "blue"))
		s.Delete(painted("w001", ""))
		s.Bookmark()
		time.Sleep(time.Second)
		wantPhase(t, settle(t, f), Live, 150)
		has := func(name, colour string) bool {
			for p := range f.have {
				if p.Name == name {
					return p.colour == colour && p.Labels.Get("app") == name
				}
			}
			return false
		}
		if !has("new", "blue") || has("w001", "red") || has("w000", "dark\x1b[31m") || !slices.ContainsFunc(f.names(), func(n string) bool { return strings.HasPrefix(n, "w000 dark") }) {
			t.Errorf("%v", f.names()[:5])
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
		wantPhase(t, settle(t, f), Live, 150)
		if n := s.Count("list", "widgets"); n != 4 {
			t.Errorf("%d pages, want 2 and 2", n)
		}
	})
}

// What is no widget is an error that says so.
func TestCustomMalformed(t *testing.T) {
	for _, body := range []string{`[]`, `{"items":[{"spec":{"colour":7}}]}`, `{"items":`} {
		if _, err := paints().Decode([]byte(body)); err == nil || !strings.Contains(err.Error(), "Widget") {
			t.Errorf("%s: %v", body, err)
		}
	}
}
