package views

import (
	"fmt"
	"testing"
	"time"
)

// logsOpen opens the logs of the shop's deployment.
func (b *bench) openLogs() {
	b.t.Helper()
	b.press("l")
	time.Sleep(3 * time.Second)
	b.settle()
}

// Filters stand one on the other, with lines around what matches.
func TestLogFilters(t *testing.T) {
	var seen screens
	s := shopLogs()
	const app = "payments/checkout-68cb6c9f4-"
	for i := range 20 {
		s.say(app+"p1m2n/app", 2*time.Minute-time.Duration(i)*time.Second, fmt.Sprintf("INFO charge ok order=82%02d ms=41", i))
	}
	s.say(app+"t7r8s/app", 110*time.Second, "ERROR cannot reach ledger order=8217", "java.net.ConnectException: timeout", "\tat shop.Ledger.call(Ledger.java:17)")
	pipe(t, withLogs(s, "deployments"), func(b *bench) {
		b.openLogs()
		b.press("&")
		b.text("level>=")
		b.want("character 1: the value is missing after level>=", "charge ok")
		b.press("enter")
		b.want("character 1: the value is missing after level>=")
		b.text("wran")
		b.want(`"wran" is no level`, "charge ok")
		for range 4 {
			b.press("backspace")
		}
		b.text("warn")
		b.wantNot("charge ok", "character")
		b.press("enter")
		b.want("only level>=warn", "retry 1 of 5", "charge failed", "+2 lines")
		b.wantNot("charge ok")
		b.press("&")
		b.text("~(")
		b.want("character 1: not a regular expression", "retry 1 of 5") // what was in force still is
		b.press("esc", "&")
		b.text("timeout")
		b.want("and only timeout")
		b.wantNot("retry 1 of 5")
		b.press("enter")
		b.want("only level>=warn & timeout", "charge failed", "cannot reach ledger", "+2 lines")
		seen.both(b, "two-filters")
		b.press("+", "+")
		b.want("only level>=warn & timeout ±2")
		seen.both(b, "with-lines-around")
		b.press("-", "-")
		b.wantNot("±")
		b.press("-")
		b.want("only lines that match are shown")
		b.press("&")
		b.text("nowhere")
		b.press("enter")
		b.want("no line matches level>=warn & timeout & nowhere")
		b.press("backspace")
		b.want("only level>=warn & timeout ·", "cannot reach ledger")
		b.press("esc")
		b.want("only level>=warn ·", "retry 1 of 5")
		b.press("&")
		b.text("retry")
		b.press("enter", "0")
		b.wantNot("only level")
		b.want("charge ok")
		b.press("0")
		b.want("all lines are shown: & filters")
		b.press("+")
		b.want("all lines are shown: & filters")
		b.press("esc", "esc")
		b.want("deployments")
	})
	seen.compare(t)
}

// The line under the cursor stays where it is when filters come and go.
func TestLogFilterKeepsPlace(t *testing.T) {
	s := newLogServer()
	for i := range 200 {
		s.say("payments/checkout-68cb6c9f4-p1m2n/app", 10*time.Minute-time.Duration(i)*time.Second, fmt.Sprintf("INFO line %d of %d", i, i%7))
	}
	pipe(t, withLogs(s, "deployments"), func(b *bench) {
		b.openLogs()
		b.press("/")
		b.text("line 100")
		b.press("enter", "esc")
		b.want("▌04:57:47.000", "INFO  line 100 of 2")
		b.press("&")
		b.text("~of.2")
		b.press("enter")
		b.want("line 100 of 2")
		b.wantNot("of 3")
		b.press("+")
		b.want("▌04:57:47.000", "│04:57:48.000", "─04:57:53.000", "line 101 of 3")
		b.wantNot(" new")
		s.say("payments/checkout-68cb6c9f4-p1m2n/app", -4*time.Second, "INFO this is 1 of 2", "INFO this is 1 of 3", "INFO this is 1 of 4")
		b.settle()
		time.Sleep(time.Second)
		b.settle()
		b.want("2 new") // the one that matches and the one after it
		b.press("0")
		b.want("line 103 of 5")
	})
}
