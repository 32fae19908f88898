package logs

import (
	"hash/maphash"
	"time"
)

// overlap is how much of a log is read again when it is resumed, beside the
// part of a second that the server cannot tell apart: containers write from
// several threads and to two outputs, so that times in a log may step back a
// little.
const overlap = time.Second

// resume finds the place in a log that is read again after a connection broke:
// the server takes a time in whole seconds, and several lines may have the same
// time. It remembers each line of the last seconds, and knows those again.
type resume struct {
	seed     maphash.Seed
	first    int64 // the time of the first line ever: what is older was not asked for
	begun    bool
	from     int64         // lines from this time on are remembered
	seen     []fingerprint // those lines, in their order
	last     fingerprint   // the last line
	complete bool          // and it ended its log

	// While a part is read again:
	known  map[fingerprint]int
	until  int64 // the time of the newest of them
	frozen bool  // what was seen is not forgotten
	met    bool  // one of them was met
	lost   bool  // the last line was not yet met
}

// fingerprint tells a line from others.
type fingerprint struct {
	time int64
	hash uint64
}

func newResume() *resume { return &resume{seed: maphash.MakeSeed()} }

// since returns the time from which on the log must be read again, false if
// nothing of it was ever read.
func (r *resume) since() (time.Time, bool) {
	return time.Unix(0, r.from), r.begun
}

// again prepares for reading from since() on. If more follows that is read
// again too, keep is set.
func (r *resume) again(keep bool) {
	r.known = make(map[fingerprint]int, len(r.seen))
	r.until = r.last.time
	for _, p := range r.seen {
		r.known[p]++
		r.until = max(r.until, p.time)
	}
	r.frozen, r.met = keep, false
}

// broken notes that a connection broke: the last line must be met again, or
// lines may be missing.
func (r *resume) broken() { r.lost = r.begun && !r.complete }

// ended notes that nothing can follow the last line in its log.
func (r *resume) ended() { r.complete = true }

// verdict is what resume says of a line.
type verdict uint8

const (
	fresh    verdict = iota
	repeated         // it was read before
	afterGap         // it is new, and lines before it may be missing
)

// meet says whether a line is new, and remembers it.
func (r *resume) meet(at int64, line []byte, missing int) verdict {
	p := fingerprint{time: at, hash: maphash.Bytes(r.seed, line) + uint64(missing)}
	if !r.begun {
		r.begun, r.first = true, at
		r.from = floor(at)
	}
	if r.known != nil {
		if r.known[p] > 0 {
			r.known[p]--
			r.met = true
			if p == r.last {
				r.lost = false
			}
			return repeated
		}
		if at < r.first && !r.met {
			return repeated // before what was asked for at first
		}
		if at > r.until+int64(overlap) && !r.frozen {
			r.known = nil // none of them follows
		}
	}
	v := fresh
	if r.lost {
		r.lost = false
		v = afterGap
	}
	r.last, r.complete = p, false
	if from := floor(at); !r.frozen && (from > r.from+int64(time.Second) || from < r.from-int64(overlap)) {
		r.move(from)
	}
	r.seen = append(r.seen, p)
	return v
}

// move forgets what is older than from, which is later than before unless the
// clock of the node was set back.
func (r *resume) move(from int64) {
	r.from = from
	kept := r.seen[:0]
	for _, p := range r.seen {
		if p.time >= from {
			kept = append(kept, p)
		}
	}
	r.seen = kept
}

// floor returns from where on to read again if the last line was written at
// the time at.
func floor(at int64) int64 {
	second := int64(time.Second)
	at -= int64(overlap)
	return at - ((at%second)+second)%second
}
