package logs

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

const (
	// maxContext bounds the lines around a match.
	maxContext = 100
	// maxScanners bounds the processors that a search takes.
	maxScanners = 4
	// origin is the position of what is found first. What is older, found
	// later, has positions below.
	origin = 1 << 48
)

// SearchOptions say what a search finds beside the lines that match.
type SearchOptions struct {
	Context int  // lines before and after each match, 100 at most
	Records bool // the whole record of each match, such as a stack trace
	// From says where lines are from, for queries that ask. It may be nil.
	From func(SourceID) Source
}

// Search keeps the lines of a ring that match a query, while lines come and go.
// The newest are looked at first. Its methods may be called by any goroutine.
type Search struct {
	ring    *Ring
	opts    SearchOptions
	state   atomic.Pointer[Matches]
	changed chan struct{}
	cancel  context.CancelFunc
	done    chan struct{}

	// Of the goroutine that runs it:
	scanners []*scanner
	blocks   []*block // of the segments that were looked at, oldest first
	first    uint64   // the position of the first line of blocks
}

// block is what was found in one segment. It never changes; when the segment
// grows, another takes its place.
type block struct {
	seg     *segment // as it was when it was looked at
	hits    bitset   // lines that match
	shown   bitset   // those, and what is around them
	matches int
	count   int // of shown
}

// Search begins to look for what matches q. The caller closes it.
func (r *Ring) Search(q *Query, o SearchOptions) *Search {
	o.Context = min(max(o.Context, 0), maxContext)
	ctx, cancel := context.WithCancel(context.Background())
	s := &Search{
		ring: r, opts: o, changed: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}),
		scanners: make([]*scanner, min(runtime.GOMAXPROCS(0), maxScanners)), first: origin,
	}
	for i := range s.scanners {
		s.scanners[i] = newScanner(q, o.From)
	}
	s.state.Store(&Matches{first: origin, end: origin})
	go s.run(ctx)
	return s
}

// Matches returns what is found so far. It costs nothing.
func (s *Search) Matches() *Matches { return s.state.Load() }

// Changed receives a value after Matches has changed. Changes coalesce.
func (s *Search) Changed() <-chan struct{} { return s.changed }

// Close ends the search. What it found stays readable.
func (s *Search) Close() {
	s.cancel()
	<-s.done
}

func (s *Search) run(ctx context.Context) {
	defer utilruntime.HandleCrash()
	defer close(s.done)
	changed, cancel := s.ring.Subscribe()
	defer cancel()
	for {
		more := s.step(ctx, s.ring.Snapshot())
		if ctx.Err() != nil {
			return
		}
		if more {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// step looks at the lines that are new, and at some that are older than what
// was looked at before. It reports whether there are more of those.
func (s *Search) step(ctx context.Context, snap *Snapshot) (more bool) {
	if snap.Len() == 0 {
		return false
	}
	s.forget(snap)
	last := len(snap.segments) - 1
	newer := last // index of the first segment with lines that are new
	if n := len(s.blocks); n > 0 {
		newer = snap.find(s.blocks[n-1].seg.first)
	}
	s.grow(ctx, snap.segments[newer:])
	if ctx.Err() != nil {
		return false
	}
	oldest := snap.find(s.blocks[0].seg.first)
	// At least one besides, so that what is around the matches in the oldest
	// is known when it is published.
	from := max(0, oldest-2*len(s.scanners))
	older := s.scan(ctx, snap.segments[from:oldest], nil)
	if ctx.Err() != nil {
		return false
	}
	s.first += uint64(s.blocks[0].count) // what is found of older lines does not move what follows
	s.blocks = append(older, s.blocks...)
	s.show(0, len(older)+1)
	for _, b := range s.blocks[:len(older)+1] {
		s.first -= uint64(b.count)
	}
	s.publish(snap, from == 0)
	return from > 0
}

// forget drops what was found in lines that made room.
func (s *Search) forget(snap *Snapshot) {
	n := 0
	for n < len(s.blocks) && s.blocks[n].seg.first < snap.First() {
		s.first += uint64(s.blocks[n].count)
		n++
	}
	s.blocks = s.blocks[n:]
	if n > 0 && len(s.blocks) == 0 {
		s.first += 1 << 32 // older ones found from here on do not reach down to those
	}
}

// grow looks at new lines: of the newest segment that was looked at, which is
// the first of segments if there is one, and of those after it.
func (s *Search) grow(ctx context.Context, segments []*segment) {
	var known *block
	at := len(s.blocks)
	if at > 0 {
		known = s.blocks[at-1]
		if len(segments) == 1 && len(known.seg.lines) == len(segments[0].lines) {
			return
		}
		at--
	}
	fresh := s.scan(ctx, segments, known)
	if ctx.Err() != nil {
		return // not all of fresh were looked at
	}
	s.blocks = s.blocks[:at]
	s.blocks = append(s.blocks, fresh...)
	s.show(max(0, at-1), len(s.blocks))
}

// scan looks at segments, of the first only at what is not in known.
func (s *Search) scan(ctx context.Context, segments []*segment, known *block) []*block {
	blocks := make([]*block, len(segments))
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range min(len(s.scanners), len(segments)) {
		work := func() {
			// The newest first, which are the most wanted.
			for i := len(segments) - int(next.Add(1)); i >= 0 && ctx.Err() == nil; i = len(segments) - int(next.Add(1)) {
				g := segments[i]
				b := &block{seg: g, hits: newBitset(len(g.lines))}
				from := 0
				if i == 0 && known != nil {
					copy(b.hits, known.hits)
					from, b.shown = len(known.seg.lines), known.shown
				}
				s.scanners[w].scan(g, from, b.hits)
				b.matches = b.hits.count()
				blocks[i] = b
			}
		}
		if len(segments) == 1 {
			work() // no need for another goroutine
			break
		}
		wg.Go(func() {
			defer utilruntime.HandleCrash()
			work()
		})
	}
	wg.Wait()
	return blocks
}

// show works out what is around the matches of blocks from (inclusive) to
// (exclusive), and takes the place of those that change.
func (s *Search) show(from, to int) {
	for i := from; i < min(to, len(s.blocks)); i++ {
		var before, after *block
		if i > 0 {
			before = s.blocks[i-1]
		}
		if i+1 < len(s.blocks) {
			after = s.blocks[i+1]
		}
		b := *s.blocks[i]
		b.shown = s.around(before, &b, after)
		b.count = b.shown.count()
		s.blocks[i] = &b
	}
}

// around returns the lines of b to be shown.
func (s *Search) around(before, b, after *block) bitset {
	if s.opts.Context == 0 && !s.opts.Records {
		return b.hits
	}
	n := len(b.seg.lines)
	shown := newBitset(n)
	copy(shown, b.shown) // the lines around which they are may be gone meanwhile
	add := func(i int) {
		shown.setRange(max(0, i-s.opts.Context), min(n, i+s.opts.Context+1))
		if s.opts.Records {
			from, to := b.seg.record(i)
			shown.setRange(from, to)
		}
	}
	for i := range b.hits.each {
		add(i)
	}
	if before != nil {
		m := len(before.seg.lines)
		for i := range before.hits.each {
			if c := i + s.opts.Context + 1 - m; c > 0 {
				shown.setRange(0, min(n, c))
			}
			if s.opts.Records && b.seg.continued(0) {
				if _, to := before.seg.record(i); to == m {
					_, to := b.seg.record(0)
					shown.setRange(0, to)
				}
			}
		}
	}
	if after != nil {
		for i := range after.hits.each {
			if c := s.opts.Context - i; c > 0 {
				shown.setRange(max(0, n-c), n)
			}
			if from, _ := after.seg.record(i); s.opts.Records && from == 0 && after.seg.continued(0) {
				from, _ := b.seg.record(n - 1)
				shown.setRange(from, n)
			}
			if i > s.opts.Context && (!s.opts.Records || !after.seg.continued(i)) {
				break // nothing further on reaches back
			}
		}
	}
	return shown
}

// continued reports whether a line belongs to the record of the one before.
func (g *segment) continued(i int) bool { return g.lines[i].meta.flags()&Continued != 0 }

// record returns the lines of the record that a line belongs to, as far as
// they are in the segment.
func (g *segment) record(i int) (from, to int) {
	from, to = i, i+1
	for from > 0 && g.continued(from) {
		from--
	}
	for to < len(g.lines) && g.continued(to) {
		to++
	}
	return from, to
}

// publish shows readers what was found. Of the oldest block it is not yet known
// what the one before adds, unless there is none.
func (s *Search) publish(snap *Snapshot, complete bool) {
	blocks, first := s.blocks, s.first
	if !complete {
		first += uint64(blocks[0].count)
		blocks = blocks[1:]
	}
	m := &Matches{blocks: append([]*block(nil), blocks...), starts: make([]uint64, len(blocks)), first: first, complete: complete}
	at := first
	for i, b := range blocks {
		m.starts[i] = at
		at += uint64(b.count)
		m.count += b.matches
		m.scanned += len(b.seg.lines)
	}
	m.end, m.total = at, snap.Len()
	s.state.Store(m)
	select {
	case s.changed <- struct{}{}:
	default:
	}
}
