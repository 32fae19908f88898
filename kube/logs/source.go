package logs

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/object"
)

// Source is one container of the log, as it is now.
type Source struct {
	ID        SourceID
	Namespace string
	Pod       string
	Container string
	UID       types.UID // of the pod
	Type      object.ContainerType
	State     State
	Err       error  // why State is Broken or Refused
	Lines     uint64 // read, whether they are still in the ring or not
	Errors    uint64 // of them, of level error or worse
	Capped    uint64 // lines that were cut because of their length
	Cut       uint64 // bytes cut off them
	Latest    int64  // the time of its newest line, nanoseconds since 1970
}

// State is what becomes of a container's log.
type State uint8

// The states of a source.
const (
	Waiting State = iota // the container has not started, or waits for its turn
	Opening              // the log is asked for
	Live                 // it is followed
	Broken               // the connection was lost; it is resumed
	Ended                // the container has ended and may start again
	Gone                 // the pod is gone
	Refused              // the user may not read it
)

// String returns the state as a word.
func (s State) String() string {
	return [...]string{"waiting", "opening", "live", "reconnecting", "ended", "gone", "forbidden"}[s]
}

// Buckets of rates.
const (
	BucketWidth = 2 * time.Second
	bucketCount = 150
)

// Rates counts lines over time, in buckets of BucketWidth, oldest first.
type Rates struct {
	End    time.Time // of the last bucket
	Lines  []uint32
	Errors []uint32 // of level error or worse
}

// rates is a ring of buckets by the lines' own time.
type rates struct {
	newest int64 // number of the newest bucket
	lines  [bucketCount]uint32
	errors [bucketCount]uint32
}

func (r *rates) count(at int64, failure bool) {
	bucket := at / int64(BucketWidth)
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

// upTo returns the n buckets that end with the one of end.
func (r *rates) upTo(end time.Time, n int) Rates {
	n = min(n, bucketCount)
	last := end.UnixNano() / int64(BucketWidth)
	out := Rates{End: time.Unix(0, (last+1)*int64(BucketWidth)), Lines: make([]uint32, n), Errors: make([]uint32, n)}
	for i := range n {
		if b := last - int64(n-1-i); b > r.newest-bucketCount && b <= r.newest && b >= 0 {
			out.Lines[i], out.Errors[i] = r.lines[b%bucketCount], r.errors[b%bucketCount]
		}
	}
	return out
}

// book holds what is known of the sources. The merger counts in it, streams
// and the live set note states.
type book struct {
	mu      sync.Mutex
	sources []Source
	each    []*rates // by source, nil for those that are gone
	all     rates
}

func (b *book) add(s Source) SourceID {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.ID = SourceID(len(b.sources))
	b.sources = append(b.sources, s)
	b.each = append(b.each, &rates{})
	return s.ID
}

func (b *book) set(id SourceID, state State, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sources[id].State, b.sources[id].Err = state, err
	if state == Gone {
		b.each[id] = nil // pods come and go; what they did is in the rates of all
	}
}

func (b *book) capped(id SourceID, lines, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sources[id].Capped += uint64(lines)
	b.sources[id].Cut += uint64(bytes)
}

func (b *book) list() []Source {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.sources)
}

// countLocked counts a line. b.mu is held.
func (b *book) countLocked(at int64, m meta) {
	if m.flags()&Marker != 0 {
		return
	}
	s := &b.sources[m.source()]
	s.Lines++
	s.Latest = max(s.Latest, at)
	// The lines of a stack trace are one error.
	failure := m.level() >= Error && m.flags()&Continued == 0
	if failure {
		s.Errors++
	}
	if r := b.each[m.source()]; r != nil {
		r.count(at, failure)
	}
	b.all.count(at, failure)
}
