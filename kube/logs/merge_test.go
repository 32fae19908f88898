package logs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// say sends lines of a source with these times, in milliseconds.
func say(t *testing.T, l *lane, times ...int) {
	t.Helper()
	b, err := l.batch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := parser{source: l.source}
	for _, ms := range times {
		p.line(b, int64(ms)*int64(time.Millisecond), fmt.Appendf(nil, "%d.%d", l.source, ms), 0)
	}
	if err := l.send(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// merging runs do with a merger of n lanes and returns what is merged after it.
func merging(t *testing.T, n int, do func(t *testing.T, lanes []*lane, sofar func() string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		m, ring, b := collector(ctx, DefaultWindow)
		lanes := make([]*lane, n)
		for i := range lanes {
			lanes[i] = m.lane(b.add(Source{}))
			say(t, lanes[i]) // nothing, so that the merger knows of all before the first line
		}
		synctest.Wait()
		do(t, lanes, func() string {
			synctest.Wait()
			return text(ring.Snapshot())
		})
	})
}

func TestMergeOneSourceDoesNotWait(t *testing.T) {
	merging(t, 1, func(t *testing.T, lanes []*lane, sofar func() string) {
		say(t, lanes[0], 1, 2, 3)
		if got := sofar(); got != "0.1\n0.2\n0.3\n" {
			t.Error(got)
		}
	})
}

func TestMergeWindow(t *testing.T) {
	merging(t, 2, func(t *testing.T, lanes []*lane, sofar func() string) {
		say(t, lanes[0], 10, 30)
		say(t, lanes[1], 20)
		if got := sofar(); got != "0.10\n1.20\n" { // up to what all have brought
			t.Errorf("at once: %q", got)
		}
		time.Sleep(DefaultWindow / 2)
		say(t, lanes[1], 25)
		time.Sleep(DefaultWindow)
		if got := sofar(); got != "0.10\n1.20\n1.25\n0.30\n" {
			t.Errorf("after the window: %q", got)
		}
		say(t, lanes[1], 5) // too late
		time.Sleep(2 * DefaultWindow)
		if got := sofar(); got != "0.10\n1.20\n1.25\n0.30\n1.5\n" {
			t.Errorf("late: %q", got)
		}
	})
}

// Readers are not woken for each of many lines, and see all of them soon.
func TestMergeShowsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		m, ring, b := collector(ctx, DefaultWindow)
		l, shown := m.lane(b.add(Source{})), 0
		changed, unsubscribe := ring.Subscribe()
		defer unsubscribe()
		look := func() {
			synctest.Wait()
			select {
			case <-changed:
				shown++
			default:
			}
		}
		say(t, l, 0)
		look()
		if got := text(ring.Snapshot()); got != "0.0\n" || shown != 1 {
			t.Errorf("the first is shown %d times: %q", shown, got)
		}
		const lines = 1000
		for i := range lines {
			time.Sleep(100 * time.Microsecond)
			say(t, l, i+1)
			look()
		}
		time.Sleep(showEvery)
		look()
		if n := ring.Snapshot().Len(); n != lines+1 || shown > 1+int(lines*100*time.Microsecond/showEvery)+1 {
			t.Errorf("%d lines are shown in %d steps", n, shown)
		}
	})
}

// A container that was just opened is waited for, but not for long.
func TestMergeWaitsForWhoIsBehind(t *testing.T) {
	merging(t, 3, func(t *testing.T, lanes []*lane, sofar func() string) {
		for _, l := range lanes {
			if err := l.opening(t.Context(), firstWait); err != nil {
				t.Fatal(err)
			}
		}
		say(t, lanes[0], 100, 200)
		time.Sleep(firstWait / 2)
		if got := sofar(); got != "" {
			t.Errorf("before all have begun: %q", got)
		}
		say(t, lanes[1], 50, 150)
		time.Sleep(firstWait)
		if got := sofar(); got != "1.50\n0.100\n1.150\n0.200\n" {
			t.Errorf("without the third: %q", got)
		}
	})
}

// The lines of a record stay together whatever others write at the time.
func TestMergeKeepsRecordsTogether(t *testing.T) {
	merging(t, 2, func(t *testing.T, lanes []*lane, sofar func() string) {
		b, err := lanes[0].batch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p := parser{source: lanes[0].source}
		for i, s := range []string{"panic: x", "", "goroutine 1 [running]:", "\tat y"} {
			p.line(b, int64(i+1)*int64(10*time.Millisecond), []byte(s), 0)
		}
		if err := lanes[0].send(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		say(t, lanes[1], 5, 15, 25)
		time.Sleep(2 * DefaultWindow)
		if got, want := sofar(), "1.5\npanic: x\n\ngoroutine 1 [running]:\n    at y\n1.15\n1.25\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// Whatever comes when, all lines come out once; those of one source in their
// order; and all in order, if they come within the window.
func TestMergeProperty(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 3))
		n := 1 + rng.IntN(5)
		merging(t, n, func(t *testing.T, lanes []*lane, sofar func() string) {
			want := make([]string, n) // by source
			now := 0
			for range 200 {
				step := rng.IntN(30)
				now += step
				time.Sleep(time.Duration(step) * time.Millisecond)
				l := rng.IntN(n)
				say(t, lanes[l], now)
				want[l] += fmt.Sprintf("%d.%d\n", l, now)
				if rng.IntN(20) == 0 {
					if err := lanes[l].opening(t.Context(), pause); err != nil {
						t.Fatal(err)
					}
				}
			}
			time.Sleep(2 * time.Second)
			got, last := make([]string, n), 0
			for line := range strings.Lines(sofar()) {
				var source, at int
				if _, err := fmt.Sscanf(line, "%d.%d", &source, &at); err != nil {
					t.Fatal(err)
				}
				if at < last {
					t.Errorf("seed %d: %d after %d", seed, at, last)
				}
				last = at
				got[source] += line
			}
			if !slices.Equal(got, want) {
				t.Errorf("seed %d: got %q, want %q", seed, got, want)
			}
		})
	}
}
