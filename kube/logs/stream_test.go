package logs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// follow runs a stream over a node; do acts, and the lines are returned. The
// clock is one that only tests have.
func followed(t *testing.T, span Span, n *node, do func(see func())) string {
	t.Helper()
	var out string
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m, ring, b := collector(ctx, DefaultWindow)
		s := newTestStream(m, b, n, span)
		see := func() { s.see(n.sight()) }
		see()
		go s.run(ctx)
		do(see)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		cancel()
		synctest.Wait()
		out = text(ring.Snapshot())
	})
	return out
}

func TestStreamRestarts(t *testing.T) {
	start := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	n := &node{}
	n.start()
	n.write(start, "one")
	n.write(start, "one")
	got := followed(t, Span{Tail: -1}, n, func(see func()) {
		time.Sleep(time.Second)
		n.write(start.Add(time.Second), "two")
		n.stop()
		time.Sleep(time.Second)
		see()
		time.Sleep(5 * time.Second)
		n.start()
		n.write(start.Add(7*time.Second), "three")
		see()
	})
	want := "one\none\ntwo\n── ended (exit 1)\n── restarted (exit 1), previous log above\nthree\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A restart during an outage: the rest of the run before comes first.
func TestStreamRestartsWhileAway(t *testing.T) {
	start := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	n := &node{}
	n.start()
	n.write(start, "one")
	got := followed(t, Span{Tail: -1}, n, func(see func()) {
		time.Sleep(time.Second)
		n.breakAll()
		n.write(start.Add(time.Millisecond), "two")
		n.stop()
		n.start()
		n.write(start.Add(2*time.Millisecond), "three")
		time.Sleep(time.Second)
		see()
	})
	want := "one\ntwo\n── restarted (exit 1), previous log above\nthree\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestStreamBegins(t *testing.T) {
	start := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	crashed := func() *node {
		n := &node{}
		n.start()
		n.write(start, "old 1")
		n.write(start.Add(time.Second), "old 2")
		n.stop()
		n.start()
		n.write(start.Add(time.Second+time.Millisecond), "new 1")
		n.write(start.Add(2*time.Second), "new 2")
		return n
	}
	waiting := crashed()
	waiting.stop()
	for _, tt := range []struct {
		name string
		node *node
		span Span
		want string
	}{
		{"all", crashed(), Span{Tail: -1}, "old 1\nold 2\n── restarted (exit 1), previous log above\nnew 1\nnew 2\n"},
		{"tail", crashed(), Span{Tail: 1}, "old 2\n── restarted (exit 1), previous log above\nnew 2\n"},
		{"between two runs", waiting, Span{Tail: -1}, "new 1\nnew 2\n── ended (exit 1)\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := followed(t, tt.span, tt.node, func(func()) {}); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

// Whatever happens to connections and containers, the lines come once each and
// in their order.
func TestStreamLosesAndRepeatsNothing(t *testing.T) {
	for seed := range uint64(25) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := &node{flaky: rand.New(rand.NewPCG(seed, 2))}
		var want []string
		at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
		n.start()
		got := followed(t, Span{Tail: -1}, n, func(see func()) {
			for i := range 400 {
				if rng.IntN(3) > 0 { // several lines have the same time
					at = at.Add(time.Duration(rng.IntN(int(300 * time.Millisecond))))
				}
				line := fmt.Sprint("line ", i/3*rng.IntN(2)) // and the same words
				want = append(want, line)
				written := at
				if rng.IntN(4) == 0 { // a thread that was late
					written = at.Add(-time.Duration(rng.IntN(int(500 * time.Millisecond))))
				}
				n.write(written, line)
				if rng.IntN(4) == 0 {
					time.Sleep(time.Duration(rng.IntN(int(time.Second))))
				}
				switch rng.IntN(60) {
				case 0, 1:
					n.breakAll()
				case 2:
					n.stop()
					at = at.Add(2 * time.Second)
					time.Sleep(3 * time.Second)
					see()
					time.Sleep(20 * time.Second) // the node keeps one run only
					n.start()
					see()
					time.Sleep(20 * time.Second)
				}
			}
			n.calm()
			time.Sleep(30 * time.Second)
		})
		var have []string
		for line := range strings.Lines(got) {
			if !strings.HasPrefix(line, "── ") {
				have = append(have, strings.TrimSuffix(line, "\n"))
			}
		}
		if strings.Join(have, "\n") != strings.Join(want, "\n") {
			t.Fatalf("seed %d: got %d lines, want %d, first difference at %d", seed, len(have), len(want), firstDifference(have, want))
		}
	}
}

func firstDifference(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
