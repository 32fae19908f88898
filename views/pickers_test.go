package views

import (
	"strings"
	"testing"

	"quarterdeck/kube/apitest"
)

// slowNamespaces holds the list of namespaces back until the channel is closed.
func slowNamespaces(set *settings) chan struct{} {
	ready := make(chan struct{}) // of the bubble
	set.answer = func(r apitest.Request) *apitest.Answer {
		if r.Verb == "list" && r.GVR.Resource == "namespaces" {
			return &apitest.Answer{Until: ready}
		}
		return nil
	}
	return ready
}

// What is typed before the names are there is not taken for a name.
func TestNamespaceTypedAhead(t *testing.T) {
	var ready chan struct{}
	slow := func(set *settings) { set.start, ready = "pods", slowNamespaces(set) }
	pipe(t, slow, func(b *bench) {
		b.press("n")
		b.text("paym")
		b.press("enter")
		b.want("namespace› paym", "loading namespaces…")
		b.wantNot(`use "paym"`)
		b.OnRequest(nil)
		close(ready)
		b.settle()
		b.want(" prod-eu  payments ", "ledger-0")
		b.wantNot("namespace›")
	})
	pipe(t, slow, func(b *bench) {
		b.press("n")
		b.text("nowhere")
		b.press("enter")
		b.OnRequest(nil)
		close(ready)
		b.settle()
		b.want(`▌use "nowhere"`, "the server did not list it", "nothing matches", " prod-eu  all ")
		b.press("enter")
		b.want(" prod-eu  nowhere ", "no pods in namespace nowhere")
	})
	pipe(t, slow, func(b *bench) { // nobody is kept waiting
		b.press("n")
		b.text("paym")
		b.press("enter", "esc")
		b.want(" prod-eu  all ", "debug-shell")
		b.OnRequest(nil)
		close(ready)
		b.settle()
		b.want(" prod-eu  all ", "debug-shell")
	})
}

// Who may not list namespaces types the name, and sees that it is taken as typed.
func TestNamespaceNotListed(t *testing.T) {
	pipe(t, func(set *settings) {
		set.start, set.namespace, set.all = "pods", "web", false
		set.answer = func(r apitest.Request) *apitest.Answer {
			if r.GVR.Resource == "namespaces" {
				return r.Forbid("eve")
			}
			return nil
		}
	}, func(b *bench) {
		b.press("n")
		b.text("payments")
		b.want(`▌use "payments"`, "not listed")
		b.press("enter")
		b.want(" prod-eu  payments ", "ledger-0")
		b.press("n")
		b.text("Not A Name")
		b.want("no namespace can have this name")
		b.press("enter")
		b.want(" prod-eu  payments ", "namespace› Not A Name")
	})
}

// The palette has namespaces and contexts by their names.
func TestPaletteNames(t *testing.T) {
	pipe(t, func(set *settings) { set.start = "pods" }, func(b *bench) {
		b.press(":")
		b.text("paymen")
		b.want("▌payments", "namespace")
		b.press("enter")
		b.want(" prod-eu  payments ", "2 workloads", "checkout")
		b.press(":")
		b.text("stag")
		b.want("▌staging", "context http")
		b.press("enter")
		b.want(" staging  web ", "storefront")
		b.press(":") // what was chosen last comes first
		b.want("▌staging", " payments")
		b.press("esc", ":")
		b.text("pod") // a kind before all that merely begins so
		b.want("▌pods")
		b.press("esc", ":")
		b.text("sts")
		b.want("▌statefulsets")
		b.press("esc", ":")
		b.text("po web /restarts=0")
		b.want("▌po web /restarts=0", "Pod in namespace web, filtered by restarts=0")
		b.press("esc", ":")
		b.text("po web rest")
		b.press("enter")
		b.want(`"rest" is too much`, ":› po web rest")
	})
}

// Namespaces that do not come keep nobody from a kind or a context; for a name
// that may be one of them, the palette waits.
func TestPaletteWhileLoading(t *testing.T) {
	var ready chan struct{}
	pipe(t, func(set *settings) { set.start, ready = "pods", slowNamespaces(set) }, func(b *bench) {
		for _, test := range [][2]string{
			{"no", "std-a-01"},
			{"svc", "services"},
			{"databases", "card-vault"},
			{"po web", " prod-eu  web "},
			{"ns payments", " prod-eu  payments "},
			{"ctx staging", " staging  web "},
		} {
			typed, want := test[0], test[1]
			b.press(":")
			b.text(typed)
			b.want("loading…")
			b.press("enter")
			b.want(want)
			if strings.Contains(b.screen(), ":›") {
				t.Errorf("%s: the palette is still open", typed)
			}
		}
		b.press(":")
		b.text("paym")
		b.press("enter")
		b.want("loading names…")
		b.OnRequest(nil)
		close(ready)
		b.settle()
		b.want("  payments ", "checkout")
	})
}
