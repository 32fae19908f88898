package logs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// rated returns a book whose clock stands at noon.
func rated() (*book, time.Time) {
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	return &book{now: func() time.Time { return noon }}, noon
}

func (b *book) say(id SourceID, at time.Time, level Level, flags Flags) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.countLocked(at.UnixNano(), packMeta(id, level, Plain, flags))
}

func TestRates(t *testing.T) {
	b, noon := rated()
	web, db := b.add(Source{Pod: "web"}), b.add(Source{Pod: "db"})
	for i := range 10 {
		b.say(web, noon.Add(-time.Duration(i)*time.Second), Info, 0)
	}
	b.say(db, noon.Add(-4*time.Second), Error, 0)
	b.say(db, noon.Add(-4*time.Second), Error, Continued) // one error of two lines
	b.say(db, noon, NoLevel, Marker)                      // said by us
	for _, test := range []struct {
		what          string
		rates         *rates
		end           time.Time
		n             int
		each          time.Duration
		lines, errors string
	}{
		{"all", &b.all, noon, 6, BucketWidth, "[1 2 2 4 2 1]", "[0 0 0 1 0 0]"},
		{"one", b.each[db], noon, 6, BucketWidth, "[0 0 0 2 0 0]", "[0 0 0 1 0 0]"},
		{"wide cells begin at multiples of their width", &b.all, noon, 3, 5 * BucketWidth, "[0 11 1]", "[0 1 0]"},
		{"later", &b.all, noon.Add(2 * time.Second), 3, BucketWidth, "[2 1 0]", "[0 0 0]"},
		{"long after", &b.all, noon.Add(RateSpan), 3, BucketWidth, "[0 0 0]", "[0 0 0]"},
		{"nothing ever written", nil, noon, 2, BucketWidth, "[0 0]", "[0 0]"},
		{"no cells", &b.all, noon, 0, BucketWidth, "[]", "[]"},
	} {
		got := test.rates.upTo(test.end, test.n, test.each)
		if fmt.Sprint(got.Lines) != test.lines || fmt.Sprint(got.Errors) != test.errors || got.Each != test.each {
			t.Errorf("%s: %+v, want %s and %s", test.what, got, test.lines, test.errors)
		}
	}
	if lines, errors := b.all.upTo(noon, 6, BucketWidth).PerSecond(); lines != 1.1 || errors != 0.1 {
		t.Errorf("%v lines and %v errors a second", lines, errors)
	}
	if s := b.list()[db]; s.Lines != 2 || s.Errors != 1 {
		t.Errorf("%+v", s)
	}
}

// Lines of clocks that are wrong are counted as lines, and spoil no graph.
func TestRatesOfWrongClocks(t *testing.T) {
	b, noon := rated()
	id := b.add(Source{})
	for _, at := range []time.Time{noon, {}, time.Unix(-70, 0), time.Unix(0, 0), noon.AddDate(40, 0, 0), noon.Add(-time.Hour), noon} {
		b.say(id, at, Error, 0)
	}
	if got := b.all.upTo(noon, 2, BucketWidth); fmt.Sprint(got.Lines, got.Errors) != "[0 2] [0 2]" {
		t.Errorf("%+v", got)
	}
	if s := b.list()[id]; s.Lines != 7 {
		t.Errorf("%d lines", s.Lines)
	}
}

// Whatever comes when, the buckets say what counting the lines says.
func TestRatesProperty(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		b, noon := rated()
		id := b.add(Source{})
		var newest int64
		var kept []int64 // buckets of lines
		at := noon.Add(-2 * time.Hour)
		for range 2000 {
			at = at.Add(time.Duration(rng.Int64N(int64(4 * time.Second))))
			late := at.Add(-time.Duration(rng.Int64N(int64(time.Minute))))
			b.say(id, late, Info, 0)
			newest = max(newest, bucketOf(late.UnixNano()))
			kept = append(kept, bucketOf(late.UnixNano()))
		}
		k := 1 + rng.Int64N(6)
		end := time.Unix(0, newest*int64(BucketWidth))
		got := b.each[id].upTo(end, bucketCount, time.Duration(k)*BucketWidth)
		want := make([]uint32, bucketCount)
		for _, bucket := range kept {
			if bucket > newest-bucketCount {
				want[bucket/k-newest/k+bucketCount-1]++
			}
		}
		if !slices.Equal(got.Lines, want) {
			t.Fatalf("seed %d: %v, want %v", seed, got.Lines, want)
		}
	}
}

// Rates of containers that are gone stay as long as they show something, but not
// of any number of them.
func TestRatesFade(t *testing.T) {
	b, noon := rated()
	kept := func() (n int) {
		for _, r := range b.each {
			if r != nil {
				n++
			}
		}
		return n
	}
	gone := func(at time.Time) SourceID {
		id := b.add(Source{})
		b.say(id, at, Info, 0)
		b.set(id, Gone, nil)
		b.set(id, Gone, nil)
		return id
	}
	stays := b.add(Source{})
	b.say(stays, noon.Add(-2*RateSpan), Info, 0)
	silent := b.add(Source{})
	b.set(silent, Gone, nil)
	first := gone(noon.Add(-2 * RateSpan))
	if b.each[first] == nil || b.each[silent] != nil {
		t.Error("the rates of who is just gone are not there, or those of who never wrote are")
	}
	if gone(noon); b.each[first] != nil {
		t.Error("rates of long ago are kept")
	}
	for range 3 * fadingCount {
		gone(noon)
	}
	late := b.add(Source{})
	b.set(late, Gone, nil)
	b.say(late, noon, Info, 0)
	if n := kept(); n != fadingCount+1 || len(b.fading) != fadingCount || b.each[late] == nil || b.each[stays] == nil {
		t.Errorf("%d rates are kept, %d fade", n, len(b.fading))
	}
}
