package logs

import "unsafe"

const (
	batchBytes = 64 << 10 // a batch goes when it has so much text,
	batchLines = 2048     // or so many lines, or when the next line is not there yet
)

// batch is a run of lines of one container on its way to the merger.
type batch struct {
	text  []byte
	lines []pending
	next  int // the first that is not merged yet
}

// pending is a line that is not merged yet.
type pending struct {
	key  int64 // by which it is merged: the time of its record, never less than before
	time int64
	end  uint32 // of its text in the batch
	meta meta
}

func (b *batch) add(key, at int64, m meta) {
	b.lines = append(b.lines, pending{key: key, time: at, end: uint32(len(b.text)), meta: m})
}

func (b *batch) full() bool { return len(b.text) >= batchBytes || len(b.lines) >= batchLines }

func (b *batch) last() int64 { return b.lines[len(b.lines)-1].key }

func (b *batch) textOf(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = b.lines[i-1].end
	}
	return b.text[start:b.lines[i].end]
}

func (b *batch) reset() { b.text, b.lines, b.next = b.text[:0], b.lines[:0], 0 }

// view returns b as a string without a copy. It is valid until b is written.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
