package views

import (
	"strings"
	"testing"

	"quarterdeck/kube/apitest"
)

// Whatever is typed that makes no sense is answered in words, and nothing is
// sent.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		list Opener
		menu string // of the action
		text string
		want string
	}{
		{deployments(), "scale", "-5", "leaves less than 0 replicas"},
		{deployments(), "scale", "three", `"three" is no count of replicas`},
		{deployments(), "scale", "1.5", `"1.5" is no count of replicas`},
		{deployments(), "scale", "99999999999", "more than anybody can have"},
		{deployments(), "scale", "20000", "more than 10000"},
		{deployments(), "scale", "", "nothing scaled"},
		{deployments(), "scale", "+", "nothing scaled"},
		{deployments(), "label", "=x", "neither key=value nor key-"},
		{deployments(), "label", "nonsense", "neither key=value nor key-"},
		{deployments(), "label", "bad key!=x", "neither key=value nor key-"},
		{deployments(), "label", "a=" + strings.Repeat("x", 64), "63"},
		{deployments(), "label", "", "nothing typed"},
		{deployments(), "annotate", "UPPER/a/b=x", "annotation"},
		{nodes(), "taint", "spot", "says no effect"},
		{nodes(), "taint", "spot=yes:Nope", "the effect is NoSchedule"},
		{nodes(), "taint", "-bad-=yes:NoSchedule", "no key of a taint"},
		{nodes(), "taint", "", "nothing typed"},
		{pods(), "forward", "http:80", `"http" is no local port`},
		{pods(), "forward", "70000", "up to 65535"},
		{pods(), "forward", "8080:0", "from 1 to 65535"},
		{pods(), "forward", "1:2:3", "type local:remote"},
		{pods(), "forward", "a b", "type local:remote"},
		{pods(), "debug", "Bad Image", "image"},
		{pods(), "copy from", "  ", "nothing copied"},
		{pods(), "copy to", "", "nothing copied"},
	} {
		t.Run(strings.ReplaceAll(tc.menu+" "+tc.text, "/", "|"), func(t *testing.T) {
			pipe(t, small("pods", nil), func(b *bench) {
				b.open(tc.list)
				b.resize(300, 24)
				sent := len(b.Requests())
				b.menu(tc.menu)
				for range 60 { // what a prompt begins with
					b.tap("backspace")
				}
				b.text(tc.text)
				b.press("enter")
				b.want(tc.want)
				b.press("esc")
				b.wantNot("esc cancel")
				for _, r := range b.Requests()[sent:] {
					if r.Verb != "get" && r.Verb != "list" && r.Verb != "watch" && r.GVR.Group != "authorization.k8s.io" {
						t.Errorf("%s %s was sent", r.Verb, r.Path)
					}
				}
			})
		})
	}
	t.Run("image", func(t *testing.T) {
		pipe(t, small("deployments", nil), func(b *bench) {
			b.resize(160, 24)
			b.press("i")
			b.text("app")
			b.press("enter")
			b.text("registry.example.com/UPPER:v1")
			b.want("is no image")
			b.press("enter")
			b.wantNot("esc cancel")
			b.wantWrites()
		})
	})
	t.Run("upload of nothing", func(t *testing.T) {
		pipe(t, small("pods", nil), func(b *bench) {
			b.resize(160, 24)
			b.menu("copy to")
			b.text(dir + "/not-there")
			b.press("enter", "enter", "y")
			b.want("not copied: ", "not-there")
			b.wantWrites()
		})
	})
	t.Run("what is typed anew is read anew", func(t *testing.T) {
		pipe(t, small("deployments", nil), func(b *bench) {
			b.press("space", "down", "space", "s") // two, of which each has its own count
			b.text("-1")
			b.press("backspace", "backspace")
			b.text("+1")
			b.press("enter")
			b.want("scale 2 deployments?", "replicas 3 → 4")
		})
	})
}

// The page of an object does not know what the list knew of it.
func TestPageToggles(t *testing.T) {
	paused, cordoned := web(0), workNode()
	paused.Spec.Paused, cordoned.Spec.Unschedulable = true, true
	pipe(t, small("deployments", func(set *settings) {
		prepare := set.prepare
		set.prepare = func(s *apitest.Server) { prepare(s); s.Put(paused, cordoned) }
	}), func(b *bench) {
		b.press("y")
		b.press("z")
		b.want("done: deploy/web-0: resume")
		b.press("z")
		b.want("done: deploy/web-0: pause")
		b.open(nodes())
		b.press("y")
		b.press("C")
		b.want("done: node/node-1: pods are placed here again")
		b.press("C")
		b.want("no new pods are placed here")
		b.wantWrites("PATCH deployments/web-0", "PATCH deployments/web-0", "PATCH nodes/node-1", "PATCH nodes/node-1")
	})
}
