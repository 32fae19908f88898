package views

import (
	"strings"
	"testing"
	"time"

	"quarterdeck/kube/apitest"
)

// rolling opens the rollouts of a server that has some in every state.
func rolling(change func(*settings)) func(*settings) {
	return func(set *settings) {
		set.empty, set.context, set.start, set.prepare = true, "staging", "rollouts", rolloutSite
		if change != nil {
			change(set)
		}
	}
}

// forbidding answers that nobody may list some resources.
func forbidding(resources ...string) func(apitest.Request) *apitest.Answer {
	return func(r apitest.Request) *apitest.Answer {
		for _, name := range resources {
			if r.GVR.Resource == name && !r.IsWrite() {
				return r.Forbid("eve")
			}
		}
		return nil
	}
}

// to moves the cursor to the row that has a text.
func (b *bench) to(text string) {
	b.t.Helper()
	b.press("g")
	for range 50 {
		if strings.Contains(b.cursor(), text) {
			return
		}
		b.press("down")
	}
	b.t.Fatalf("no row %q:\n%s", text, b.screen())
}

// Rollouts in every state, what needs a look first.
func TestRollouts(t *testing.T) {
	var seen screens
	pipe(t, rolling(nil), func(b *bench) {
		seen.both(b, "list")
		b.press("enter")
		seen.both(b, "stuck")
		b.press("j", "j")
		seen.both(b, "oldest")
		b.press("tab")
		seen.both(b, "pods")
		b.press("tab")
		seen.both(b, "events")
		b.press("tab")
		seen.both(b, "details")
		b.press("tab", "g", "enter")
		seen.both(b, "diff")
	})
	pipe(t, rolling(nil), func(b *bench) {
		for _, name := range []string{"cart", "search", "ledger", "queue"} {
			b.to(name)
			b.press("enter")
			seen.both(b, name)
			b.press("esc")
		}
	})
	pipe(t, rolling(func(set *settings) { set.answer = forbidding("replicasets", "events") }), func(b *bench) {
		seen.both(b, "forbidden")
		b.to("checkout")
		b.press("enter")
		seen.both(b, "forbidden-one")
		b.press("tab")
		b.want("not read: replicasets: you (eve) may not list replicasets", "not known which pods are its own")
		b.press("tab")
		b.want("not read: events")
	})
	pipe(t, rolling(func(set *settings) { set.prepare = func(*apitest.Server) {} }), func(b *bench) { seen.both(b, "none") })
	pipe(t, rolling(func(set *settings) { set.prepare = argoSite }), func(b *bench) {
		seen.both(b, "argo")
		b.press("enter")
		seen.both(b, "argo-one")
	})
	pipe(t, rolling(nil), func(b *bench) {
		b.OnRequest(func(apitest.Request) *apitest.Answer { return &apitest.Answer{Cut: true} })
		b.CutWatches()
		time.Sleep(42 * time.Second)
		seen.both(b, "stale")
	})
	seen.compare(t)
}

// The page of a rollout is sound at every size, in every pane, whatever the texts
// of the cluster are.
func TestRolloutSizes(t *testing.T) {
	for name, site := range map[string]func(*apitest.Server){"site": rolloutSite, "argo": argoSite, "bombs": bombed} {
		pipe(t, rolling(func(set *settings) { set.prepare, set.theme = site, colourful(t) }), func(b *bench) {
			b.press("enter")
			for _, size := range [][2]int{{20, 4}, {20, 6}, {40, 9}, {60, 12}, {80, 24}, {109, 15}, {110, 30}, {160, 50}, {250, 8}} {
				b.resize(size[0], size[1])
				for range rolloutPanes {
					b.sound(size[0], size[1], name)
					b.tap("j")
					b.tap("v")
					b.sound(size[0], size[1], name+" j v")
					b.tap("tab")
				}
			}
			b.press("enter")
			b.sound(250, 8, name+" enter")
		})
	}
}

// A rollout is followed while it goes on.
func TestRolloutLive(t *testing.T) {
	pipe(t, rolling(nil), func(b *bench) {
		b.to("cart")
		b.press("enter")
		b.want("revision 2", "progressing 25%", "1 ready of 2", "1 starting")
		b.Put(atEnd("cart").deployment()...)
		time.Sleep(time.Second) // stores collect changes, and so does the page
		b.settle()
		b.want("4 ready of 4")
		b.wantNot("progressing")
		b.press("esc")
		time.Sleep(time.Second)
		b.settle()
		if _, line := b.row("cart"); !strings.Contains(line, "complete") {
			t.Error(line)
		}
	})
}

// atEnd is a Deployment of the site when its rollout is through.
func atEnd(name string) *rolledOut {
	return &rolledOut{namespace: "web", name: name, by: "kubectl-edit", images: []string{name + ":v7", name + ":v6"}, desired: 4, current: []rolledPods{{ready: 4}}}
}
