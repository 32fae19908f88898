package views

import (
	"strings"
	"testing"
	"time"

	"quarterdeck/ui"
)

// A wait goes on whatever the user looks at, and calls him in the end.
func TestRolloutWait(t *testing.T) {
	pipe(t, rolling(nil), func(b *bench) {
		b.to("cart")
		b.press("w")
		b.want("waiting for deploy/cart: you are told when it is over")
		b.press("w")
		b.want("deploy/cart is waited for already")
		b.open(pods())
		time.Sleep(10 * time.Second) // what was said before
		b.settle()
		b.want("wait for deploy/cart: progressing 25%", "X cancel")
		b.open(waitList())
		b.want("deploy/cart", "waiting", "progressing 25%")
		b.open(nodes())
		b.Put(atEnd("cart").deployment()...)
		time.Sleep(time.Minute)
		b.settle()
		b.want("rollout of deploy/cart in web: complete, after ") // still there
		b.press("down")
		b.wantNot("rollout of deploy/cart in web: complete")
		b.open(waitList())
		if _, line := b.row("deploy/cart"); !strings.Contains(line, "complete") || strings.Contains(line, "waiting") {
			t.Error(line)
		}
		b.press("X")
		b.want("it is over")
	})
}

// What is stuck is told of at once, and waited for until its deadline.
func TestRolloutWaitStuck(t *testing.T) {
	pipe(t, rolling(nil), func(b *bench) {
		b.to("queue")
		b.press("w")
		time.Sleep(6 * time.Second) // what was said before
		b.settle()
		b.want("sts/queue is stuck: queue:v2 exits 1; still waiting")
		b.open(waitList())
		b.press("X")
		b.want("not waiting for sts/queue any more", "cancelled")
		b.Delete(brokenQueue().statefulSet()[0])
	})
	pipe(t, rolling(nil), func(b *bench) {
		b.to("queue")
		b.press("w")
		b.Delete(brokenQueue().statefulSet()[0])
		b.settle()
		b.want("rollout of sts/queue in payments: it has been deleted meanwhile")
	})
	pipe(t, rolling(nil), func(b *bench) {
		b.to("checkout")
		b.press("w")
		b.want("there is nothing to wait for: deploy/checkout is stuck")
		b.to("search")
		b.press("w", "q")
		b.want("quit? This still runs and would end:", "wait for deploy/search")
		b.send(ui.ToastMsg{}) // the dialog stays
		b.press("esc")
	})
}
