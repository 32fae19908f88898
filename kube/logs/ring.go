package logs

import (
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"unsafe"
)

// DefaultBytes is how much a ring holds unless told otherwise.
const DefaultBytes = 256 << 20

const (
	segmentBytes = 1 << 20 // of text; so much goes at a time when room is made
	segmentLines = 1 << 16
	entryBytes   = int(unsafe.Sizeof(entry{}))
)

// Ring holds the newest lines, up to a number of bytes. One goroutine writes
// it; any number may take snapshots.
//
// Lines are kept in segments: their texts one after the other in one piece of
// memory, and an index of 16 bytes a line. Memory that is written is never
// written again, neither while it is in the ring nor after, so that snapshots
// need no copy and no lock, and stay valid as long as somebody has them.
type Ring struct {
	state atomic.Pointer[Snapshot]

	mu   sync.Mutex
	subs map[chan struct{}]struct{}

	// Of the writer:
	limit   int // bytes
	size    int // of the text and entries of each segment's capacity
	full    []*segment
	tail    *segment // being filled
	next    uint64   // sequence number of the next line
	evicted Evicted
	freed   int // bytes given up since the last collection
}

// Evicted counts what had to make room.
type Evicted struct {
	Lines uint64
	Bytes uint64 // of text
}

// entry is the index of one line.
type entry struct {
	time int64
	end  uint32 // of its text in the segment; it begins where the one before ends
	meta meta
}

// meta packs what else is known of a line: 20 bits source, 3 level, 3 format,
// 6 flags.
type meta uint32

const maxSources = 1 << 20

func packMeta(s SourceID, l Level, f Format, flags Flags) meta {
	return meta(s%maxSources)<<12 | meta(l)<<9 | meta(f)<<6 | meta(flags)
}

func (m meta) source() SourceID { return SourceID(m >> 12) }
func (m meta) level() Level     { return Level(m >> 9 & 7) }
func (m meta) format() Format   { return Format(m >> 6 & 7) }
func (m meta) flags() Flags     { return Flags(m & 63) }

// segment is a run of lines. Once in a snapshot it never changes; the writer
// appends to the same memory beyond what the snapshot knows.
type segment struct {
	first    uint64 // sequence number of its first line
	text     []byte
	lines    []entry
	coloured bool // some lines have colours
	latest   int64
}

// NewRing returns an empty ring that holds up to limit bytes, DefaultBytes if
// limit is not positive.
func NewRing(limit int) *Ring {
	if limit <= 0 {
		limit = DefaultBytes
	}
	r := &Ring{limit: limit, subs: map[chan struct{}]struct{}{}}
	r.state.Store(&Snapshot{})
	return r
}

// Subscribe returns a channel that receives a value after lines were added.
// Changes coalesce. cancel ends it.
func (r *Ring) Subscribe() (changed <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subs[c] = struct{}{}
	return c, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.subs, c)
	}
}

// Snapshot returns the lines that are there now. It costs nothing.
func (r *Ring) Snapshot() *Snapshot { return r.state.Load() }

// Append adds a line, and gives up the oldest if there is no room. Readers see
// it after Publish. The line's Seq is not looked at.
func (r *Ring) Append(l Line) {
	r.add(l.Time, packMeta(l.Source, l.Level, l.Format, l.Flags), unsafe.Slice(unsafe.StringData(l.Raw), len(l.Raw)))
}

func (r *Ring) add(time int64, m meta, text []byte) {
	s := r.tail
	if s == nil || len(s.text)+len(text) > cap(s.text) || len(s.lines) == cap(s.lines) {
		s = r.open(len(text))
	}
	s.text = append(s.text, text...)
	s.lines = append(s.lines, entry{time: time, end: uint32(len(s.text)), meta: m})
	s.coloured = s.coloured || m.flags()&Coloured != 0
	s.latest = max(s.latest, time)
	r.next++
}

// open begins a new segment, with room for a line of n bytes.
func (r *Ring) open(n int) *segment {
	textCap := min(segmentBytes, max(r.limit/16, 4<<10))
	lineCap := textCap / 96 // a guess, corrected by what came before
	latest := int64(0)
	if s := r.tail; s != nil {
		if len(s.text) > 0 {
			lineCap = int(float64(len(s.lines)) / float64(len(s.text)) * float64(textCap))
		}
		latest = s.latest
		r.full = append(r.full, s)
	}
	textCap = max(textCap, n)
	lineCap = min(max(lineCap+lineCap/16, 64), segmentLines)
	s := &segment{first: r.next, text: make([]byte, 0, textCap), lines: make([]entry, 0, lineCap), latest: latest}
	r.tail = s
	r.size += s.bytes()
	for r.size > r.limit && len(r.full) > 0 {
		old := r.full[0]
		r.full[0] = nil
		r.full = r.full[1:]
		r.size -= old.bytes()
		r.freed += old.bytes()
		r.evicted.Lines += uint64(len(old.lines))
		r.evicted.Bytes += uint64(len(old.text))
	}
	// Left alone, the collector lets garbage grow to the size of what is in
	// use before it looks: twice the limit. A ring has hardly a pointer to
	// follow, so looking more often is cheap.
	if r.freed > r.limit/8 {
		r.freed = 0
		go runtime.GC()
	}
	return s
}

func (g *segment) bytes() int { return cap(g.text) + cap(g.lines)*entryBytes }

// Publish shows readers what was added.
func (r *Ring) Publish() {
	if r.tail == nil {
		return
	}
	segments := make([]*segment, 0, len(r.full)+1)
	segments = append(segments, r.full...)
	seen := *r.tail
	segments = append(segments, &seen)
	r.state.Store(&Snapshot{segments: segments, end: r.next, evicted: r.evicted, bytes: r.size})
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.subs {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Snapshot is the content of a ring at one moment. It never changes and may be
// used by any number of goroutines.
type Snapshot struct {
	segments []*segment // none is empty
	end      uint64
	evicted  Evicted
	bytes    int
}

// First returns the sequence number of the oldest line that is there.
func (s *Snapshot) First() uint64 {
	if len(s.segments) == 0 {
		return 0
	}
	return s.segments[0].first
}

// End returns the sequence number after that of the newest line.
func (s *Snapshot) End() uint64 { return s.end }

// Len returns the number of lines.
func (s *Snapshot) Len() int { return int(s.end - s.First()) }

// Evicted returns what had to make room so far.
func (s *Snapshot) Evicted() Evicted { return s.evicted }

// Bytes returns how much memory the lines take.
func (s *Snapshot) Bytes() int { return s.bytes }

// At returns a line by its sequence number, false if it is not there: evicted,
// or yet to come.
func (s *Snapshot) At(seq uint64) (Line, bool) {
	if seq < s.First() || seq >= s.end {
		return Line{}, false
	}
	g := s.segments[s.find(seq)]
	return g.line(int(seq - g.first)), true
}

// Range calls yield with the lines from (inclusive) to (exclusive) that are
// there, oldest first, until it returns false.
func (s *Snapshot) Range(from, to uint64, yield func(Line) bool) {
	from, to = max(from, s.First()), min(to, s.end)
	if from >= to {
		return
	}
	for i := s.find(from); from < to; i++ {
		g := s.segments[i]
		for k := int(from - g.first); k < len(g.lines) && from < to; k++ {
			if !yield(g.line(k)) {
				return
			}
			from++
		}
	}
}

// Since returns the sequence number of the first line that is not older than
// time, in nanoseconds since 1970; End if all are.
func (s *Snapshot) Since(time int64) uint64 {
	i := sort.Search(len(s.segments), func(i int) bool { return s.segments[i].latest >= time })
	for ; i < len(s.segments); i++ {
		g := s.segments[i]
		for k := range g.lines {
			if g.lines[k].time >= time {
				return g.first + uint64(k)
			}
		}
	}
	return s.end
}

// find returns the index of the segment of a line that is there.
func (s *Snapshot) find(seq uint64) int {
	return sort.Search(len(s.segments), func(i int) bool { return s.segments[i].first > seq }) - 1
}

func (g *segment) line(i int) Line {
	e := &g.lines[i]
	return Line{
		Seq: g.first + uint64(i), Time: e.time, Source: e.meta.source(), Level: e.meta.level(),
		Format: e.meta.format(), Flags: e.meta.flags(), Raw: g.raw(i),
	}
}

// raw returns the text of a line, without a copy.
func (g *segment) raw(i int) string {
	start := g.start(i)
	b := g.text[start:g.lines[i].end]
	return unsafe.String(unsafe.SliceData(b), len(b)) // never written again
}

func (g *segment) start(i int) uint32 {
	if i == 0 {
		return 0
	}
	return g.lines[i-1].end
}
