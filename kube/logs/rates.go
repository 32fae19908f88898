package logs

import (
	"slices"
	"time"
)

// What is kept of the rates of lines: so many buckets of this width, by the
// lines' own times, whether the ring still has the lines or not.
const (
	BucketWidth = 2 * time.Second
	bucketCount = 150
	// RateSpan is how far back rates reach.
	RateSpan = bucketCount * BucketWidth
	// Of so many containers that are gone the rates are kept, while they are not
	// older than RateSpan.
	fadingCount = 200
)

// Rates counts lines over time, in cells of the same width, the oldest first.
// The last cell is not over yet.
type Rates struct {
	Each   time.Duration // the width of a cell
	Lines  []uint32
	Errors []uint32 // of level error or worse
}

// PerSecond returns how many lines and errors there were a second, on average
// over the cells that are over.
func (r Rates) PerSecond() (lines, errors float64) {
	n := len(r.Lines) - 1
	if n <= 0 {
		return 0, 0
	}
	for i := range n {
		lines += float64(r.Lines[i])
		errors += float64(r.Errors[i])
	}
	seconds := float64(n) * r.Each.Seconds()
	return lines / seconds, errors / seconds
}

// rates is a ring of buckets.
type rates struct {
	newest int64 // number of the newest bucket
	lines  [bucketCount]uint32
	errors [bucketCount]uint32
}

func bucketOf(at int64) int64 { return at / int64(BucketWidth) }

func (r *rates) count(bucket int64, failure bool) {
	switch {
	case bucket <= r.newest-bucketCount:
		return
	case bucket > r.newest:
		for i := max(r.newest+1, bucket-bucketCount+1); i <= bucket; i++ {
			r.lines[i%bucketCount], r.errors[i%bucketCount] = 0, 0
		}
		r.newest = bucket
	}
	r.lines[bucket%bucketCount]++
	if failure {
		r.errors[bucket%bucketCount]++
	}
}

// upTo returns the n cells that end with the one of end. They begin at multiples
// of their width, so that a graph of them moves by whole cells.
func (r *rates) upTo(end time.Time, n int, each time.Duration) Rates {
	k := max(1, int64(each/BucketWidth)) // buckets in a cell
	n = max(0, n)
	out := Rates{Each: time.Duration(k) * BucketWidth, Lines: make([]uint32, n), Errors: make([]uint32, n)}
	if r == nil {
		return out
	}
	last := bucketOf(end.UnixNano()) / k
	for b := max(r.newest-bucketCount+1, 0); b <= r.newest; b++ {
		if i := b/k - last + int64(n) - 1; i >= 0 && i < int64(n) {
			out.Lines[i] += r.lines[b%bucketCount]
			out.Errors[i] += r.errors[b%bucketCount]
		}
	}
	return out
}

// Rates returns how many lines there were in the n cells of time up to the one
// of end. What is longer ago than RateSpan is not known, and counted as none.
func (l *Log) Rates(end time.Time, n int, each time.Duration) Rates {
	l.book.mu.Lock()
	defer l.book.mu.Unlock()
	return l.book.all.upTo(end, n, each)
}

// SourceRates is Rates of one container.
func (l *Log) SourceRates(id SourceID, end time.Time, n int, each time.Duration) Rates {
	l.book.mu.Lock()
	defer l.book.mu.Unlock()
	return l.book.each[id].upTo(end, n, each)
}

// rateLocked counts a line in the buckets. b.mu is held.
func (b *book) rateLocked(source SourceID, at int64, failure bool) {
	bucket := bucketOf(at)
	if bucket > b.latest {
		b.latest = bucketOf(b.now().UnixNano()) + bucketCount
	}
	// A line from a node whose clock is far ahead must not push out all others.
	if at < 0 || bucket > b.latest {
		return
	}
	b.all.count(bucket, failure)
	if b.each[source] == nil {
		b.each[source] = &rates{}
		if b.sources[source].State == Gone { // its last lines came after the word of that
			b.fadeLocked(source)
		}
	}
	b.each[source].count(bucket, failure)
}

// fadeLocked notes that a container is gone: it writes no more, and its rates
// are forgotten when there is nothing left to show of them. b.mu is held.
func (b *book) fadeLocked(id SourceID) {
	if b.each[id] == nil {
		return
	}
	b.fading = append(slices.DeleteFunc(b.fading, func(old SourceID) bool {
		over := b.each[old].newest <= b.all.newest-bucketCount
		if over {
			b.each[old] = nil
		}
		return over
	}), id)
	if len(b.fading) > fadingCount {
		b.each[b.fading[0]] = nil
		b.fading = slices.Delete(b.fading, 0, 1)
	}
}
