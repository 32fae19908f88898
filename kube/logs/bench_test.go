package logs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// benchLines are lines of 150 bytes, with their time, of the formats that are
// common, as a server sends them.
func benchLines(n int, from time.Time, step time.Duration) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for i := range n {
		at := from.Add(time.Duration(i) * step)
		b.WriteString(at.UTC().Format("2006-01-02T15:04:05.000000000Z") + " ")
		text := b.Len()
		level := []string{"info", "info", "info", "info", "info", "debug", "warn", "error"}[rng.IntN(8)]
		ms, id := rng.IntN(400), rng.IntN(90000)
		switch i % 4 {
		case 0:
			fmt.Fprintf(&b, `{"time":"2026-11-22T08:00:00Z","level":%q,"logger":"catalog","msg":"request","method":"GET","path":"/api/v1/products/%d","status":%d,"ms":%d`, level, id, 200+rng.IntN(4)*100, ms)
		case 1:
			fmt.Fprintf(&b, `ts=2026-11-22T08:00:00.000Z level=%s component=cart msg="item added" user=chen sku=TEA-%d qty=2 ms=%d`, level, id, ms)
		case 2:
			fmt.Fprintf(&b, `10.42.3.7 - - [22/Nov/2026:08:00:00 +0000] "GET /product/%d HTTP/1.1" %d %d "-" "Mozilla/5.0 (X11; Linux x86_64)"`, id, 200+rng.IntN(4)*100, id)
		case 3:
			fmt.Fprintf(&b, `2026/11/22 08:00:00 INFO charge ok order=%d ms=%d upstream=ledger-%d.payments.svc.cluster.local`, id, ms, id%7)
		}
		for b.Len()-text < 148 {
			b.WriteByte('x')
		}
		if i%4 == 0 {
			b.WriteString(`}`)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

const benchCount = 1_000_000

// replay serves one log, once.
type replay struct{ log []byte }

func (r replay) alive(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

func (r replay) open(context.Context, *corev1.PodLogOptions) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(r.log)), nil
}

func benchIngest(b *testing.B, sources int) {
	start := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	log := benchLines(benchCount/sources, start, time.Millisecond)
	before := heap()
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithCancel(context.Background())
		m, r, book := collector(ctx, DefaultWindow)
		done := make(chan struct{})
		for range sources {
			s := newTestStream(m, book, replay{log}, Span{Tail: -1})
			s.follow = false
			if err := s.lane.opening(ctx, firstWait); err != nil {
				b.Fatal(err)
			}
			go func() {
				s.run(ctx)
				_ = s.lane.close(ctx)
				done <- struct{}{}
			}()
		}
		for range sources {
			<-done
		}
		merged := make(chan struct{})
		m.in <- delivery{done: merged}
		<-merged
		cancel()
		b.StopTimer()
		if n := r.Snapshot().Len(); n != benchCount/sources*sources {
			b.Fatalf("%d lines", n)
		}
		held := float64(heap() - before)
		raw := float64(150 * r.Snapshot().Len())
		b.ReportMetric(held/float64(r.Snapshot().Len()), "bytes/line")
		b.ReportMetric(held/raw, "held/raw")
		runtime.KeepAlive(r)
		b.StartTimer()
	}
	b.ReportMetric(benchCount*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A million lines of 150 bytes are read, parsed, merged and held, on one core.
// The budget is 300,000 lines/s, and 1.6 bytes for each of them.
func BenchmarkIngest(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, n := range []int{1, 20, 200} {
		b.Run(fmt.Sprint(n, " sources"), func(b *testing.B) { benchIngest(b, n) })
	}
}

// benchRing holds a million lines.
func benchRing(b *testing.B) *Ring {
	b.Helper()
	r := NewRing(0)
	p := parser{}
	var batch batch
	for line := range bytes.Lines(benchLines(benchCount, time.Unix(0, 0), time.Millisecond)) {
		at, text := p.stamp(line[:len(line)-1])
		batch.reset()
		p.line(&batch, at, text, 0)
		r.add(at, batch.lines[0].meta, batch.text)
	}
	r.Publish()
	return r
}

// A query over a million lines: until the first 50 that match are known, and
// until all are. The budget is 400 ms to the first.
func BenchmarkSearch(b *testing.B) {
	r := benchRing(b)
	for _, query := range []string{
		"products/4711", "nothinglikethis", `/ledger-[35]\.pay/`, "/refused|time.?out/", `/\d{5} "-" "Curl/`, `/(GET|PUT) .* 5\d\d /`, `/^\S+ \S+$/`, "level>=error", "status>=500", "ms>398 level>=warn",
	} {
		q, err := ParseQuery(query)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(query, func(b *testing.B) {
			first := time.Duration(0)
			count := 0
			for b.Loop() {
				start := time.Now()
				s := r.Search(q, SearchOptions{Context: 2})
				seen := false
				for {
					<-s.Changed()
					m := s.Matches()
					if count = m.Count(); !seen && (count >= 50 || m.Complete()) {
						seen = true
						first += time.Since(start)
					}
					if m.Complete() {
						break
					}
				}
				s.Close()
			}
			b.ReportMetric(float64(first.Milliseconds())/float64(b.N), "ms-to-first")
			b.ReportMetric(float64(count), "matches")
		})
	}
}

// How soon a search that is under way ends, as the next key wants it to.
func BenchmarkSearchCancel(b *testing.B) {
	r := benchRing(b)
	for _, query := range []string{"nothinglikethis", `/^\S+ \S+$/`, "status>=500"} {
		q, err := ParseQuery(query)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(query, func(b *testing.B) {
			var all, most time.Duration
			for b.Loop() {
				s := r.Search(q, SearchOptions{})
				<-s.Changed() // it has begun
				start := time.Now()
				s.Close()
				took := time.Since(start)
				all, most = all+took, max(most, took)
			}
			b.ReportMetric(all.Seconds()*1000/float64(b.N), "ms-to-cancel")
			b.ReportMetric(most.Seconds()*1000, "ms-at-most")
		})
	}
}

func BenchmarkSnapshotWindow(b *testing.B) {
	r := benchRing(b)
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i = i*7919 + 1 {
		s := r.Snapshot()
		from := i % uint64(s.Len())
		s.Range(from, from+50, func(Line) bool { return true })
	}
}

// A flood: twenty times what the ring holds goes through it. The memory that
// the process takes from the system must not grow with it.
func BenchmarkFlood(b *testing.B) {
	const limit, times = 64 << 20, 20
	text := []byte(benchLines(1, time.Unix(0, 0), 0)[31:])
	var most uint64
	for b.Loop() {
		r := NewRing(limit)
		var mem runtime.MemStats
		for i := range limit * times / len(text) {
			r.add(int64(i), 0, text)
			if i%100_000 == 0 {
				r.Publish()
				runtime.ReadMemStats(&mem)
				most = max(most, mem.HeapInuse)
			}
		}
	}
	b.ReportMetric(float64(most)/limit, "heap/limit")
}
