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

// book holds what is known of the sources. The merger counts in it, streams
// and the live set note states.
type book struct {
	mu      sync.Mutex
	sources []Source
	all     rates
	each    []*rates         // by source, nil for those that have nothing to show
	fading  []SourceID       // containers that are gone and still have rates
	latest  int64            // the newest bucket that a line may be in
	now     func() time.Time // by which that is so
}

func newBook() *book { return &book{now: time.Now} }

func (b *book) add(s Source) SourceID {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.ID = SourceID(len(b.sources))
	b.sources = append(b.sources, s)
	b.each = append(b.each, nil)
	return s.ID
}

func (b *book) set(id SourceID, state State, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := &b.sources[id]; state == Gone && s.State != Gone {
		b.fadeLocked(id)
	}
	b.sources[id].State, b.sources[id].Err = state, err
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
	b.rateLocked(s.ID, at, failure)
}
