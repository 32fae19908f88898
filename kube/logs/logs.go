// Package logs reads the logs of many containers as one: each container's is
// followed over restarts and lost connections, and all are merged by the
// server's timestamps into one Ring of lines, of which the oldest make room for
// the newest and are counted. What reads the ring (a view, a search, a pipe)
// works on snapshots and never makes the writer wait.
//
//	stream, one a container  ──batches──▶  merger  ──▶  Ring  ──▶  Snapshot, Search
//	     ▲ started and ended by the live set, which follows the pods
//
// All goroutines end with Log.Close.
package logs

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/store"
)

// DefaultStreams is how many logs are read at once unless told otherwise.
const DefaultStreams = 200

// Options are the settings of a log.
type Options struct {
	Selections []Selection // the pods, and which of their containers
	Span       Span
	Follow     bool          // go on with what comes, instead of ending at what is there
	Previous   bool          // only the logs of the runs before
	Bytes      int           // of the ring; DefaultBytes if not positive
	Window     time.Duration // how long a line waits for earlier ones; DefaultWindow if not positive
	Streams    int           // at once; DefaultStreams if not positive
	// Each, if not nil, is given every line in order, by one goroutine. While
	// it takes its time nothing more is read, and nothing is lost.
	Each func(Line)
}

// Log is the merged log of many containers. Its methods may be called by any
// goroutine.
type Log struct {
	ring   *Ring
	book   *book
	set    *set
	cancel context.CancelFunc
	ended  chan struct{}  // closed when all there is was read
	group  sync.WaitGroup // of set and merger
}

// Status is how a log does.
type Status struct {
	Pods    store.Status // how far the pods are known, the worst of all selections
	Sources int          // containers, those that are gone included
	Live    int          // whose log is followed
	Broken  int          // whose connection was lost and is resumed
	Refused int          // that the user may not read
	Waiting int          // that have not started, or wait for their turn
	Lines   uint64       // read so far
	Errors  uint64       // of them, of level error or worse
	Capped  uint64       // lines that were cut because of their length
	Cut     uint64       // bytes cut off them
	Latest  int64        // the time of the newest line, nanoseconds since 1970; 0 if there is none
	Evicted Evicted      // what had to make room for newer lines
	Err     error        // why one of the broken or refused is so
}

// Open begins to read. The caller closes the log.
func Open(c *kube.Client, o Options) *Log {
	ctx, cancel := context.WithCancel(context.Background())
	l := newLog(o)
	l.cancel = cancel
	l.set = newSet(c, l.book, o)
	server := newServer(ctx, c)
	l.start(ctx, o, func(namespace, pod, container string) opener {
		return podServer{server: server, namespace: namespace, pod: pod, container: container}
	})
	return l
}

func newLog(o Options) *Log {
	return &Log{ring: NewRing(o.Bytes), book: newBook(), ended: make(chan struct{})}
}

// start runs the merger and the live set.
func (l *Log) start(ctx context.Context, o Options, open func(namespace, pod, container string) opener) {
	window := o.Window
	if window <= 0 {
		window = DefaultWindow
	}
	m := newMerger(window)
	w := writer{ring: l.ring, book: l.book, each: o.Each}
	m.append, m.flush, m.show = w.append, w.flush, l.ring.Publish
	l.set.merger, l.set.open = m, open
	l.group.Go(func() {
		defer utilruntime.HandleCrash()
		m.run(ctx)
	})
	l.group.Go(func() {
		defer utilruntime.HandleCrash()
		l.set.run(ctx)
		if ctx.Err() != nil {
			return
		}
		merged := make(chan struct{})
		select {
		case m.in <- delivery{done: merged}:
		case <-ctx.Done():
			return
		}
		select {
		case <-merged:
			close(l.ended)
		case <-ctx.Done():
		}
	})
}

// Ring returns the lines.
func (l *Log) Ring() *Ring { return l.ring }

// Ended is closed when all lines that there were are in the ring, if the log is
// not followed.
func (l *Log) Ended() <-chan struct{} { return l.ended }

// Sources returns the containers, by their ID.
func (l *Log) Sources() []Source { return l.book.list() }

// Source returns one container.
func (l *Log) Source(id SourceID) Source {
	l.book.mu.Lock()
	defer l.book.mu.Unlock()
	return l.book.sources[id]
}

// Status returns how the log does.
func (l *Log) Status() Status {
	st := Status{Pods: l.set.status(), Evicted: l.ring.Snapshot().Evicted()}
	l.book.mu.Lock()
	defer l.book.mu.Unlock()
	st.Sources = len(l.book.sources)
	for i := range l.book.sources {
		s := &l.book.sources[i]
		switch s.State {
		case Live:
			st.Live++
		case Broken:
			st.Broken++
		case Refused:
			st.Refused++
		case Waiting:
			st.Waiting++
		}
		if s.Err != nil && st.Err == nil {
			st.Err = s.Err
		}
		st.Lines += s.Lines
		st.Errors += s.Errors
		st.Capped += s.Capped
		st.Cut += s.Cut
		st.Latest = max(st.Latest, s.Latest)
	}
	return st
}

// Close ends all connections. The lines stay readable.
func (l *Log) Close() {
	l.cancel()
	l.group.Wait()
	go debug.FreeOSMemory() // by then nobody may look at the ring any more
}

// writer is what the merger writes to. It belongs to the merger's goroutine.
type writer struct {
	ring *Ring
	book *book
	each func(Line)
	last SourceID // of the last line, if there is any
	any  bool
	held bool // the book is locked
}

func (w *writer) append(at int64, m meta, text []byte) {
	if m.flags()&Continued != 0 && (!w.any || w.last != m.source()) {
		m &^= meta(Continued) // another's line came between
	}
	w.last, w.any = m.source(), true
	if !w.held {
		w.book.mu.Lock()
		w.held = true
	}
	w.book.countLocked(at, m)
	w.ring.add(at, m, text)
	if w.each != nil {
		w.book.mu.Unlock()
		w.held = false
		w.each(Line{
			Seq: w.ring.next - 1, Time: at, Source: m.source(), Level: m.level(), Format: m.format(), Flags: m.flags(), Raw: string(text),
		})
	}
}

// flush ends a run of lines.
func (w *writer) flush() {
	if w.held {
		w.book.mu.Unlock()
		w.held = false
	}
}
