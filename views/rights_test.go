package views

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/apitest"
	"quarterdeck/kube/guard"
)

// ruled is a small cluster with rules.
func ruled(start string, rules ...guard.Rule) func(*settings) {
	return small(start, func(set *settings) {
		set.guard = func(context string) *guard.Guard {
			g := &guard.Guard{}
			g.SetRules(context, rules)
			return g
		}
	})
}

func TestRuleDenies(t *testing.T) {
	rule := guard.Rule{Kinds: []string{"Deployment"}, Verbs: []string{"delete", "scale"}, Deny: true, Reason: "the pipeline does that"}
	pipe(t, ruled("deployments", rule, guard.Rule{Verbs: []string{"exec"}, Deny: true}), func(b *bench) {
		for _, key := range []string{"ctrl+d", "s"} {
			b.press(key)
			b.want("denied by a rule: the pipeline does that")
			b.wantNot("esc cancel")
		}
		b.press("a")
		b.text("delete")
		b.want("denied by a rule: the pipeline does that")
		b.press("esc")
		b.open(pods())
		b.press("s")
		b.want("denied by a rule")
		b.menu("copy from") // is an exec too
		b.want("denied by a rule")
		// The transport knows of it too.
		b.open(deployments())
		w := &walker{bench: b, answers: []string{"5"}}
		sel := b.chosenIn(b.show(deployments()))
		for _, id := range []keymap.ActionID{keymap.ObjectScale, keymap.ObjectDelete} {
			v := verbOf(t, id)
			w.do(v.Start(v, b.session, sel))
		}
		if n := strings.Count(strings.Join(w.said, "\n"), "a rule denies it (the pipeline does that)"); n != 2 {
			t.Errorf("it says %q", w.said)
		}
		b.wantWrites()
	})
}

func verbOf(t *testing.T, id keymap.ActionID) *verb {
	t.Helper()
	all := verbs()
	i := slices.IndexFunc(all, func(v verb) bool { return v.ID == id })
	if i < 0 {
		t.Fatalf("there is no verb %s", id)
	}
	return &all[i]
}

// What a rule wants is what the dialog asks for, and that is enough for the
// transport.
func TestRuleWantsMore(t *testing.T) {
	pipe(t, ruled("deployments", guard.Rule{Verbs: []string{"scale"}, Level: guard.Typed, Reason: "ask the owners"}), func(b *bench) {
		b.press("s")
		b.text("5")
		b.press("enter")
		b.want("a rule wants it: ask the owners", "type web-0, the name of the object")
		b.press("enter")
		b.text("y")
		b.press("ctrl+y")
		b.wantWrites()
		b.press("backspace")
		b.text("web-0")
		b.press("ctrl+y")
		b.want("done: deploy/web-0: replicas 3 → 5")
		b.wantWrites("PATCH deployments/web-0/scale")
		// To take it back is to scale.
		b.press("u")
		b.want("undo scale of deploy/web-0?", "a rule wants it: ask the owners", "type web-0, the name of the object")
		b.text("web-0")
		b.press("ctrl+y")
		b.want("replicas 5 → 3")
		b.wantWrites("PATCH deployments/web-0/scale", "PATCH deployments/web-0/scale")
	})
	pipe(t, ruled("nodes", guard.Rule{Kinds: []string{"nodes"}, Level: guard.Confirmed}), func(b *bench) {
		b.press("C") // which asks for nothing by itself
		b.want("cordon node/node-1?", "a rule wants it", "y cordon")
		b.press("esc")
		b.wantWrites()
		b.press("C", "y")
		b.wantWrites("PATCH nodes/node-1")
	})
	pipe(t, ruled("pods", guard.Rule{Verbs: []string{"exec"}, Level: guard.Typed, Reason: "shells are watched"}), func(b *bench) {
		b.press("s")
		b.want("shell in pod/pod-0?", "a rule wants it: shells are watched", "type pod-0")
	})
	pipe(t, ruled("namespaces", guard.Rule{Namespaces: []string{"shop"}, Deny: true, Reason: "it is the shop"}), func(b *bench) {
		b.press("ctrl+d") // a namespace is in the one that it is
		b.want("denied by a rule: it is the shop")
		b.press("down", "ctrl+d")
		b.want("delete ns/spare?", "type spare, the name of the object")
		b.text("spare")
		b.press("ctrl+y")
		b.wantWrites("DELETE namespaces/spare")
	})
}

func TestRuleLimits(t *testing.T) {
	pipe(t, ruled("pods", guard.Rule{Verbs: []string{"delete"}, Max: 2, Reason: "slowly"}), func(b *bench) {
		b.press("space", "down", "space", "down", "space", "ctrl+d")
		b.want("a rule allows 2 at once, not 3: slowly")
		b.wantNot("esc cancel")
		b.press("space", "ctrl+d")
		b.want("delete 2 pods?")
		b.press("y")
		b.want("done: delete 2 pods")
		b.wantWrites("DELETE pods/pod-0", "DELETE pods/pod-1")
	})
}

// look draws the screen, which asks for rights, and waits for the answers.
func (b *bench) look() {
	b.t.Helper()
	b.screen()
	b.settle()
}

// looker is the rule for who may only look.
func looker() authorizationv1.ResourceRule {
	return authorizationv1.ResourceRule{Verbs: []string{"get", "list", "watch"}, APIGroups: []string{"*"}, Resources: []string{"*"}}
}

func TestRights(t *testing.T) {
	pipe(t, small("deployments", func(set *settings) {
		prepare := set.prepare
		set.prepare = func(s *apitest.Server) {
			prepare(s)
			s.Permit(looker(), authorizationv1.ResourceRule{Verbs: []string{"patch"}, APIGroups: []string{"apps"}, Resources: []string{"deployments"}})
		}
	}), func(b *bench) {
		b.press("down")
		b.look()
		b.press("s")
		b.want("you may not patch deployments/scale in shop")
		b.press("ctrl+d")
		b.want("you may not delete deployments in shop")
		b.press("r") // this is the one thing that is allowed
		b.want("restart deploy/web-1?")
		b.press("esc", "a")
		b.text("scale")
		b.want("you may not patch deployments/scale in shop")
		b.press("esc")
		b.open(nodes())
		b.look()
		b.press("C")
		b.want("you may not patch nodes")
		// What is known is not forgotten while somebody looks.
		for range 10 {
			time.Sleep(13 * time.Second)
			b.settle()
			b.press("C")
			b.want("you may not patch nodes")
			b.press("j")
		}
		b.wantWrites()
	})
}

// A review that failed is no answer: the server has the last word.
func TestRightsUnknown(t *testing.T) {
	pipe(t, small("deployments", func(set *settings) {
		set.answer = func(r apitest.Request) *apitest.Answer {
			switch {
			case r.GVR.Group == "authorization.k8s.io":
				return apitest.Unavailable()
			case r.Verb == "PATCH":
				return r.Forbid("eve")
			}
			return nil
		}
	}), func(b *bench) {
		b.press("down")
		b.look()
		b.press("s")
		b.want("replicas of deploy/web-1")
		b.text("5")
		b.press("enter")
		b.want("refused: ", "nothing that the server would take")
		b.wantNot("you may not patch deployments/scale in shop ")
		b.press("y", "esc")
		b.wantWrites()
	})
}

// The pod of a shell on a node is made in a namespace, where one needs the right.
func TestRightsNodeShell(t *testing.T) {
	pipe(t, ruled("nodes", guard.Rule{Namespaces: []string{"web"}, Kinds: []string{"pods"}, Verbs: []string{"create"}, Deny: true, Reason: "no pods here"}), func(b *bench) {
		b.press("s") // the namespace of the context
		b.want("denied by a rule: no pods here")
	})
	pipe(t, small("nodes", nil), func(b *bench) {
		b.Permit(looker(), authorizationv1.ResourceRule{Verbs: []string{"create"}, APIGroups: []string{""}, Resources: []string{"pods"}})
		b.look()
		b.press("s")
		b.want("shell on node/node-1?")
		b.press("esc")
		b.Permit(looker())
		time.Sleep(2 * time.Minute)
		b.look()
		b.press("s")
		b.want("you may not create pods in web")
	})
}

// Many marks do not make keys slow: what a verb needs is looked at once for each
// namespace and kind.
func BenchmarkActionsOfMany(b *testing.B) {
	var sel chosen
	for i := range 50_000 {
		sel.targets = append(sel.targets, target{Ref: kube.Ref{
			GVR: corev1.SchemeGroupVersion.WithResource("pods"), Kind: "Pod", Namespace: fmt.Sprint("ns-", i%100), Name: fmt.Sprint("pod-", i),
		}})
	}
	s := &Session{Program: &Program{}, Client: &kube.Client{Guard: &guard.Guard{}}}
	s.Client.Guard.SetRules("", []guard.Rule{{Max: 10}})
	b.ReportAllocs()
	for b.Loop() {
		if len(s.actions(sel)) == 0 {
			b.Fatal("no actions")
		}
	}
}
