package logs

import (
	"math/bits"
	"sort"
)

// Matches is what a search has found at one moment. It never changes and may be
// used by any number of goroutines.
//
// The lines found, and those around them, have positions that follow each
// other, and stay with them as long as the search lasts: newer lines get higher
// positions, and older ones, which are found later, lower ones. Lines are named
// by the sequence numbers of the ring.
type Matches struct {
	blocks   []*block
	starts   []uint64 // position of the first line of each block
	first    uint64
	end      uint64
	count    int
	scanned  int
	total    int
	complete bool
}

// First returns the position of the oldest line.
func (m *Matches) First() uint64 { return m.first }

// End returns the position after that of the newest line.
func (m *Matches) End() uint64 { return m.end }

// Count returns how many lines match, those around them not counted.
func (m *Matches) Count() int { return m.count }

// Complete reports whether all lines were looked at.
func (m *Matches) Complete() bool { return m.complete }

// Progress returns how many lines were looked at, of how many.
func (m *Matches) Progress() (scanned, total int) { return m.scanned, m.total }

// At returns the line at a position, and whether it matches or is only near one
// that does; ok is false if there is none.
func (m *Matches) At(pos uint64) (seq uint64, match, ok bool) {
	if pos < m.first || pos >= m.end {
		return 0, false, false
	}
	// Blocks without a line have the start of the next.
	i := sort.Search(len(m.starts), func(i int) bool { return m.starts[i] > pos }) - 1
	b := m.blocks[i]
	line := b.shown.nth(int(pos - m.starts[i]))
	return b.seg.first + uint64(line), b.hits.has(line), true
}

// Find returns the position of the first line that is not before seq.
func (m *Matches) Find(seq uint64) uint64 {
	i := m.blockOf(seq)
	if i < 0 {
		return m.first
	}
	return m.starts[i] + uint64(m.blocks[i].shown.before(int(min(seq-m.blocks[i].seg.first, uint64(len(m.blocks[i].seg.lines))))))
}

// Rank returns how many lines before seq match.
func (m *Matches) Rank(seq uint64) int {
	i := m.blockOf(seq)
	if i < 0 {
		return 0
	}
	n := m.blocks[i].hits.before(int(min(seq-m.blocks[i].seg.first, uint64(len(m.blocks[i].seg.lines)))))
	for _, b := range m.blocks[:i] {
		n += b.matches
	}
	return n
}

// Next returns the first line after seq that matches.
func (m *Matches) Next(seq uint64) (uint64, bool) {
	for i := max(0, m.blockOf(seq)); i < len(m.blocks); i++ {
		b := m.blocks[i]
		from := 0
		if seq >= b.seg.first {
			from = int(min(seq-b.seg.first+1, uint64(len(b.seg.lines))))
		}
		if line := b.hits.next(from); line >= 0 {
			return b.seg.first + uint64(line), true
		}
	}
	return 0, false
}

// Previous returns the last line before seq that matches.
func (m *Matches) Previous(seq uint64) (uint64, bool) {
	for i := m.blockOf(seq); i >= 0; i-- {
		b := m.blocks[i]
		to := len(b.seg.lines)
		if seq-b.seg.first < uint64(to) {
			to = int(seq - b.seg.first)
		}
		if n := b.hits.before(to); n > 0 {
			return b.seg.first + uint64(b.hits.nth(n-1)), true
		}
	}
	return 0, false
}

// blockOf returns the index of the last block that does not begin after seq, -1
// if there is none.
func (m *Matches) blockOf(seq uint64) int {
	return sort.Search(len(m.blocks), func(i int) bool { return m.blocks[i].seg.first > seq }) - 1
}

// bitset is a set of line numbers of a segment.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) set(i int) { b[i/64] |= 1 << (i % 64) }

func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

// setRange adds the numbers from (inclusive) to (exclusive).
func (b bitset) setRange(from, to int) {
	for i := from; i < to; i++ {
		b.set(i)
	}
}

func (b bitset) count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// before returns how many numbers below i there are.
func (b bitset) before(i int) int {
	n := 0
	for _, w := range b[:i/64] {
		n += bits.OnesCount64(w)
	}
	if i%64 != 0 {
		n += bits.OnesCount64(b[i/64] & (1<<(i%64) - 1))
	}
	return n
}

// nth returns the number with n numbers below it, -1 if there are not so many.
func (b bitset) nth(n int) int {
	for k, w := range b {
		c := bits.OnesCount64(w)
		if n >= c {
			n -= c
			continue
		}
		for ; n > 0; n-- {
			w &= w - 1
		}
		return k*64 + bits.TrailingZeros64(w)
	}
	return -1
}

// next returns the first number that is not below i, -1 if there is none.
func (b bitset) next(i int) int {
	for k := i / 64; k < len(b); k++ {
		w := b[k]
		if k == i/64 {
			w &^= 1<<(i%64) - 1
		}
		if w != 0 {
			return k*64 + bits.TrailingZeros64(w)
		}
	}
	return -1
}

// each calls yield with all numbers, from the least on, until it returns false.
func (b bitset) each(yield func(int) bool) {
	for k, w := range b {
		for ; w != 0; w &= w - 1 {
			if !yield(k*64 + bits.TrailingZeros64(w)) {
				return
			}
		}
	}
}
