package views

import (
	"slices"
	"strings"
	"testing"

	"quarterdeck/kube/apitest"
)

// An undo shows what it would change, and is followed on the page of the rollout.
func TestRolloutUndo(t *testing.T) {
	var seen screens
	pipe(t, rolling(nil), func(b *bench) {
		b.to("checkout")
		b.press("u")
		seen.both(b, "undo")
		b.resize(80, 24)
		b.want("undo rollout of deploy/checkout?", "- registry.example.com/checkout:v2.3.1", "+ registry.example.com/checkout:v2.3.0", "the server would accept it")
		b.wantWrites()
		b.press("y")
		b.want("rollouts › rollout deploy/checkout", "done: deploy/checkout: revision 3 → 2")
		b.wantWrites("PATCH deployments/checkout")
		b.open(journalList())
		if _, line := b.row("deploy/checkout"); !strings.Contains(line, "undo rollout") {
			t.Error(line)
		}
	})
	seen.compare(t)
}

// The revision under the cursor is the one that is gone back to.
func TestRolloutUndoTo(t *testing.T) {
	pipe(t, rolling(nil), func(b *bench) {
		b.to("checkout")
		b.press("enter", "G")
		b.want("u undo to rev 1", "1 → 3")
		b.press("u")
		b.want("undo to rev 1 of deploy/checkout?", "revision 3 → revision 1", "--to-revision=1", "cm/checkout was made after revision 1")
		b.press("y")
		b.want("done: deploy/checkout: revision 3 → 1")
		if got := strings.Count(b.screen(), "rollout deploy/checkout"); got != 1 {
			t.Errorf("the page was opened again:\n%s", b.screen())
		}
	})
	pipe(t, rolling(nil), func(b *bench) { // two marked are compared, wherever the cursor is
		b.to("checkout")
		b.press("enter", "j", "space", "j", "space", "g")
		b.want("1 → 2")
		b.press("enter")
		b.want("› 1 → 2", "- registry.example.com/checkout:v2.2.7", "+ registry.example.com/checkout:v2.3.0", "@@")
	})
}

func TestRolloutAbort(t *testing.T) {
	pipe(t, rolling(nil), func(b *bench) {
		b.to("queue")
		b.press("U")
		b.want("abort rollout of sts/queue?", "revision 2 → revision 1", "back to revision 1: the StatefulSet says that it was the")
		b.press("esc")
		b.to("storefront")
		b.press("U")
		b.want("complete, so there is nothing to abort")
		b.press("y")
		b.wantWrites()
	})
}

// What is paused is not rolled back before it is resumed, which can be done with it.
func TestRolloutUndoPaused(t *testing.T) {
	pipe(t, rolling(nil), func(b *bench) {
		b.to("search")
		b.press("u")
		b.want("not possible: ", "it is paused", "nothing that the server would take")
		b.press("y")
		b.wantWrites()
		b.press("right")
		b.want("resume it too ‹yes›", "the server would accept it", "rollout resume deployments/search && ")
		b.press("y")
		b.want("done: deploy/search")
		b.wantWrites("PATCH deployments/search")
	})
	pipe(t, rolling(nil), func(b *bench) {
		b.to("search")
		b.press("z")
		b.want("done: deploy/search: resume")
		b.wantWrites("PATCH deployments/search")
	})
}

// Many are taken back at once, each with its own result.
func TestRolloutUndoMany(t *testing.T) {
	pipe(t, rolling(func(set *settings) { set.answer = refuses(false, "cart", "not this one") }), func(b *bench) {
		b.to("checkout")
		b.press("space")
		b.to("cart")
		b.press("space")
		b.to("ledger")
		b.press("space", "u")
		b.want("undo rollout of 3 objects?", "payments/deploy/checkout", "web/deploy/cart", "payments/sts/ledger", "its partition is 2")
		b.press("y")
		b.want("2 done, 1 not: ", "3 rollouts") // and the list is still there
		b.open(journalList())
		if _, line := b.row("deploy/cart"); !strings.Contains(line, "failed") {
			t.Error(line)
		}
	})
}

// A StatefulSet does not replace a pod that is not ready: that is said before, and
// it is offered after.
func TestRolloutUndoBroken(t *testing.T) {
	pipe(t, rolling(nil), func(b *bench) {
		b.to("queue")
		b.press("u")
		b.want("undo rollout of sts/queue?", "delete pod/queue-2 after this")
		b.press("y")
		b.want("delete pod/queue-2?", "The undo is made.", "it replaces these only once they are deleted")
		b.wantWrites("PATCH statefulsets/queue")
		b.press("ctrl+y")
		b.want("rollout sts/queue", "done: pod/queue-2")
		if got := b.writes(); !slices.Contains(got, "DELETE pods/queue-2") {
			t.Error(got)
		}
	})
	pipe(t, rolling(nil), func(b *bench) { // who says no has his undo
		b.to("queue")
		b.press("u", "y", "esc")
		b.wantWrites("PATCH statefulsets/queue")
		b.want("rollout sts/queue")
	})
}

func TestRolloutRights(t *testing.T) {
	pipe(t, rolling(nil), func(b *bench) {
		b.session.Client.Guard.Refuse("for this test")
		b.to("checkout")
		for _, key := range []string{"u", "U", "r", "z"} {
			b.press("ctrl+l", key)
			b.want("read-only: for this test")
		}
		b.press("enter", "u")
		b.want("read-only: for this test")
	})
	pipe(t, rolling(func(set *settings) {
		set.answer = func(r apitest.Request) *apitest.Answer {
			if r.Verb == "PATCH" {
				return r.Forbid("eve")
			}
			return nil
		}
	}), func(b *bench) {
		b.to("checkout")
		b.press("u")
		b.want("refused: ", "nothing that the server would take")
	})
}

// From every object that belongs to a rollout there is a way to it.
func TestRolloutOf(t *testing.T) {
	for start, rows := range map[string]map[string]string{
		"workloads":    {"checkout": "rollout deploy/checkout", "queue": "rollout sts/queue"},
		"deployments":  {"cart": "rollout deploy/cart"},
		"replicasets":  {"checkout-68cb2": "rollout deploy/checkout"},
		"pods":         {"checkout-68cb3-c": "rollout deploy/checkout", "queue-2": "rollout sts/queue"},
		"statefulsets": {"ledger": "rollout sts/ledger"},
	} {
		for row, want := range rows {
			pipe(t, rolling(func(set *settings) { set.start = start }), func(b *bench) {
				b.to(row)
				b.press("o")
				b.want(want, "revision")
			})
		}
	}
	pipe(t, rolling(func(set *settings) { set.start, set.answer = "pods", forbidding("replicasets") }), func(b *bench) {
		b.to("checkout-68cb3-c")
		b.press("o")
		b.want("you (eve) may not get replicasets")
	})
}
