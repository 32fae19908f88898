package logs

import (
	"context"
	"math"
	"slices"
	"time"
)

// How lines of several containers are put in order.
const (
	// A line waits so long for earlier ones of other containers.
	DefaultWindow = 250 * time.Millisecond
	// It does not wait if it is older than the newest line by this: containers
	// that are followed live do not bring such lines any more.
	settled = 5 * time.Second
	// A container that is behind, since its connection was just opened, makes
	// the others wait for as long as it brings lines without a longer pause.
	pause = 250 * time.Millisecond
	// Batches of a container that may wait for others, before its connection
	// is not read any further.
	laneBatches = 4
	// How often the merger looks at the clock while lines wait.
	mergeTick = 20 * time.Millisecond
	// Lines are shown to readers so often at most. What comes after a longer
	// pause is shown at once; in a flood each time costs all readers.
	showEvery = 5 * time.Millisecond
)

// lane is the way of one container's lines into the merger.
type lane struct {
	source SourceID
	out    chan<- delivery
	tokens chan *batch // empty batches: who has none waits

	// Of the merger:
	queue  []arrived
	behind time.Time // until then it is waited for, unless it brings lines
	closed bool
}

type arrived struct {
	*batch
	at time.Time
}

// delivery is a batch, or word that a lane opens or closes.
type delivery struct {
	lane   *lane
	batch  *batch
	behind time.Duration // how long to wait for its lines
	closed bool
	done   chan<- struct{} // closed when all before it is merged
}

// merger puts the lines of all lanes in order. One goroutine runs it.
type merger struct {
	in     chan delivery
	window time.Duration
	now    func() time.Time
	append func(at int64, m meta, text []byte)
	flush  func() // after some were appended, by the same goroutine
	show   func() // readers see what was appended

	lanes  []*lane // those that are open or have lines left
	open   int
	heap   []*lane // of release
	newest int64   // key
	waits  []chan<- struct{}
}

func newMerger(window time.Duration) *merger {
	return &merger{in: make(chan delivery, 64), window: window, now: time.Now, newest: math.MinInt64}
}

// lane returns a new way in.
func (m *merger) lane(source SourceID) *lane {
	l := &lane{source: source, out: m.in, tokens: make(chan *batch, laneBatches)}
	for range laneBatches {
		l.tokens <- &batch{}
	}
	return l
}

// batch returns an empty batch, when there is one.
func (l *lane) batch(ctx context.Context) (*batch, error) {
	select {
	case b := <-l.tokens:
		return b, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// send hands over what batch gave out. The batch is no longer the caller's.
func (l *lane) send(ctx context.Context, b *batch) error {
	return l.deliver(ctx, delivery{lane: l, batch: b})
}

// opening says that lines of some time ago may come, the first within a time.
func (l *lane) opening(ctx context.Context, within time.Duration) error {
	return l.deliver(ctx, delivery{lane: l, behind: within})
}

// close says that nothing more comes.
func (l *lane) close(ctx context.Context) error {
	return l.deliver(ctx, delivery{lane: l, closed: true})
}

func (l *lane) deliver(ctx context.Context, d delivery) error {
	select {
	case l.out <- d:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run merges until ctx is done.
func (m *merger) run(ctx context.Context) {
	tick, soon := time.NewTicker(mergeTick), time.NewTimer(0)
	defer tick.Stop()
	defer soon.Stop()
	shown, hidden := time.Time{}, false // when lines were shown last, and whether there are more
	for {
		var clock <-chan time.Time
		if m.pending() || len(m.waits) > 0 {
			clock = tick.C
		}
		var again <-chan time.Time
		if hidden {
			again = soon.C
		}
		due := false
		select {
		case <-ctx.Done():
			return
		case d := <-m.in:
			m.accept(d)
			for range len(m.in) {
				m.accept(<-m.in)
			}
		case <-clock:
		case <-again:
			due = true
		}
		if m.release() {
			m.flush()
			if !hidden {
				hidden = true
				soon.Reset(time.Until(shown.Add(showEvery)))
			}
		}
		done := !m.pending()
		if hidden && (due || time.Since(shown) >= showEvery || done && len(m.waits) > 0) {
			m.show()
			shown, hidden = time.Now(), false
		}
		if done {
			for _, w := range m.waits {
				close(w)
			}
			m.waits = nil
		}
	}
}

func (m *merger) pending() bool {
	return slices.ContainsFunc(m.lanes, func(l *lane) bool { return len(l.queue) > 0 })
}

func (m *merger) accept(d delivery) {
	if d.done != nil {
		m.waits = append(m.waits, d.done)
		return
	}
	l, now := d.lane, m.now()
	if !slices.Contains(m.lanes, l) {
		m.lanes = append(m.lanes, l)
		m.open++
		l.closed = false
	}
	switch {
	case d.behind > 0:
		l.behind = now.Add(d.behind)
	case d.closed:
		if !l.closed {
			l.closed = true
			m.open--
		}
	case len(d.batch.lines) == 0:
		l.give(d.batch)
	default:
		l.queue = append(l.queue, arrived{d.batch, now})
		if l.behind.After(now) {
			l.behind = now.Add(pause)
		}
		m.newest = max(m.newest, d.batch.last())
	}
}

// give lets the lane use a batch again.
func (l *lane) give(b *batch) {
	if cap(b.text) > 4*batchBytes { // after one huge line
		*b = batch{}
	}
	b.reset()
	l.tokens <- b // there is room: the lane has no more than it began with
}

// release appends the lines before which none is to be expected, in order.
func (m *merger) release() (some bool) {
	upTo := m.horizon()
	m.heap = m.heap[:0]
	for _, l := range m.lanes {
		if len(l.queue) > 0 {
			m.heap = append(m.heap, l)
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	for len(m.heap) > 0 && m.heap[0].key() <= upTo {
		some = true
		l := m.heap[0]
		limit := upTo // the lane goes on until another has an earlier line
		for i := 1; i <= 2 && i < len(m.heap); i++ {
			limit = min(limit, m.heap[i].key()-1)
		}
		m.move(l, limit)
		if len(l.queue) == 0 {
			last := len(m.heap) - 1
			m.heap[0] = m.heap[last]
			m.heap = m.heap[:last]
		}
		m.down(0)
	}
	m.lanes = slices.DeleteFunc(m.lanes, func(l *lane) bool { return l.closed && len(l.queue) == 0 })
	return some
}

// move appends the lines of l with the key of its first, and then up to limit.
func (m *merger) move(l *lane, limit int64) {
	b := l.queue[0].batch
	limit = max(limit, b.lines[b.next].key)
	// Of two lanes with the same key one goes first, all of it, so that the
	// lines of a record stay together.
	for b.next < len(b.lines) && b.lines[b.next].key <= limit {
		p := &b.lines[b.next]
		m.append(p.time, p.meta, b.textOf(b.next))
		b.next++
	}
	if b.next == len(b.lines) {
		l.queue = slices.Delete(l.queue, 0, 1)
		l.give(b)
	}
}

// horizon returns the key up to which lines can be released.
func (m *merger) horizon() int64 {
	if m.open == 0 || len(m.lanes) == 1 {
		return math.MaxInt64
	}
	now := m.now()
	upTo := int64(math.MinInt64)
	if m.newest != math.MinInt64 {
		upTo = m.newest - int64(settled)
	}
	heads, bound := int64(math.MaxInt64), int64(math.MaxInt64)
	for _, l := range m.lanes {
		reach := int64(math.MinInt64) // up to here the lane's lines are known
		for _, a := range l.queue {
			if now.Sub(a.at) >= m.window {
				upTo = max(upTo, a.last())
			}
			reach = a.last()
		}
		if l.closed {
			continue
		}
		heads = min(heads, reach)
		if l.behind.After(now) {
			bound = min(bound, reach)
		}
	}
	return min(max(upTo, heads), bound)
}

// less orders lanes by their first line, and those with the same key by their
// number.
func (l *lane) less(o *lane) bool {
	a, b := l.key(), o.key()
	return a < b || a == b && l.source < o.source
}

func (l *lane) key() int64 {
	b := l.queue[0].batch
	return b.lines[b.next].key
}

// down restores the heap's order below i.
func (m *merger) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(m.heap) {
			return
		}
		if c+1 < len(m.heap) && m.heap[c+1].less(m.heap[c]) {
			c++
		}
		if !m.heap[c].less(m.heap[i]) {
			return
		}
		m.heap[i], m.heap[c] = m.heap[c], m.heap[i]
		i = c
	}
}
