package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube/object"
)

const (
	minBackoff = 250 * time.Millisecond
	maxBackoff = 3 * time.Second
	// A server that has just started refuses everything for a moment. Otherwise
	// rights change rarely, and each refusal is in the server's audit log.
	minRefusedBackoff = time.Second
	maxRefusedBackoff = 30 * time.Second
	// A log ends a moment before the API server knows that its container did.
	statusLag = 2 * time.Second
	// A connection that lived so long was a good one.
	goodTime = 10 * time.Second
	// How long the lines of a container that was not read before are waited for.
	firstWait = time.Second
	// How often a log that is not followed is tried.
	tries = 4
)

// opener asks for the log of a container. Its error, or one of reading, is an
// APIStatus if the server said no.
type opener interface {
	open(ctx context.Context, opts *corev1.PodLogOptions) (io.ReadCloser, error)
	// alive returns a context that ends, besides with ctx, when the server is
	// found to be silent. cancel frees what it takes.
	alive(ctx context.Context) (_ context.Context, cancel context.CancelFunc)
}

// turns keeps the number of streams, and of requests a second, in bounds.
type turns interface {
	begin(ctx context.Context) error // waits for a place
	end()                            // gives it back
	admit(ctx context.Context) error // waits until a request may be sent
}

// Span is how much of the logs that are there already is read.
type Span struct {
	Tail  int64         // lines of each container; negative for all
	Since time.Duration // not older than this; 0 for any age
}

// sight is what the API server says of a container.
type sight struct {
	state    object.ContainerState
	restarts int32
	end      string // how the last run ended, "exit 1"; "" if none has
	ended    int64  // when, seconds since 1970
	started  int64  // the run that is on
	gone     bool   // the pod was deleted
}

// stream reads the log of one container, from run to run, and hands its lines
// to the merger. One goroutine runs it; see may be called by any.
type stream struct {
	id       SourceID
	opener   opener
	lane     *lane
	book     *book
	turns    turns
	gone     context.Context // ends some time after the pod was deleted
	span     Span
	follow   bool
	previous bool // only the log of the run before
	whole    bool // the container started while we looked: its log is read from the start

	mu      sync.Mutex
	latest  sight
	changed chan struct{} // capacity 1

	// Of run:
	parser   parser
	resume   *resume
	began    time.Time
	opened   bool  // at least once
	restarts int32 // of the run that was read last
	told     bool  // that this run ended
	swallow  bool  // the first line only shows where to begin
	unsaid   bool  // it was restarted, it seems
	placed   bool  // it is one of the streams that may run
	failed   bool  // the last connection was lost, and then the pod was gone
}

// see tells the stream what its container does now.
func (s *stream) see(now sight) {
	s.mu.Lock()
	same := s.latest == now
	s.latest = now
	s.mu.Unlock()
	if same {
		return
	}
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *stream) look() sight {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest
}

// run reads until ctx is done, the pod is gone, or, if the log is not followed,
// it is read.
func (s *stream) run(ctx context.Context) {
	s.parser.source = s.id
	s.resume = newResume()
	s.began = time.Now()
	s.restarts = s.look().restarts
	defer s.rest()
	if err := s.work(ctx); err != nil {
		return
	}
	s.book.set(s.id, Opening, nil)
	if s.whole {
		_ = s.mark(ctx, s.look().started, "started") // ctx is looked at next
	}
	backoff, refusal := minBackoff, minRefusedBackoff
	for try := 1; ; try++ {
		if err := s.turns.admit(ctx); err != nil {
			return
		}
		before, start := s.look(), time.Now()
		fresh, err := s.pass(ctx)
		if ctx.Err() != nil {
			return
		}
		if !s.follow && (err == nil || try == tries || refused(err)) {
			s.finish(err)
			return
		}
		if err == nil {
			s.await(ctx, before, statusLag)
		}
		if fresh > 0 || time.Since(start) > goodTime {
			backoff = minBackoff
		}
		now := s.look()
		switch {
		case now.gone:
			s.failed = err != nil
			s.book.set(s.id, Gone, nil)
			return
		case refused(err):
			s.book.set(s.id, Refused, err)
			s.await(ctx, now, refusal)
			refusal = min(refusal*2, maxRefusedBackoff)
			continue
		case err == nil && fresh == 0 && now.state != object.Running:
			s.book.set(s.id, Ended, nil)
			s.resume.ended()
			s.tellEnd(ctx, now)
			s.rest() // others may need the place meanwhile
			s.await(ctx, now, 0)
			if err := s.work(ctx); err != nil {
				return
			}
			backoff = minBackoff
		default:
			if err != nil {
				s.book.set(s.id, Broken, err)
			}
			s.await(ctx, now, backoff/2+rand.N(backoff))
			backoff = min(backoff*2, maxBackoff)
		}
		refusal = minRefusedBackoff
	}
}

// work waits for a place among the streams that run at once.
func (s *stream) work(ctx context.Context) error {
	err := s.turns.begin(ctx)
	s.placed = err == nil
	return err
}

// rest gives the place back.
func (s *stream) rest() {
	if s.placed {
		s.placed = false
		s.turns.end()
	}
}

// finish notes how reading a log that is not followed ended.
func (s *stream) finish(err error) {
	switch {
	case err == nil:
		s.book.set(s.id, Ended, nil)
	case refused(err):
		s.book.set(s.id, Refused, err)
	default:
		s.book.set(s.id, Broken, err)
	}
}

// await returns when the container does something else than in before, or after
// a time, if it is not 0.
func (s *stream) await(ctx context.Context, before sight, limit time.Duration) {
	var clock <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		clock = timer.C
	}
	for s.look() == before {
		select {
		case <-ctx.Done():
			return
		case <-s.changed:
		case <-clock:
			return
		}
	}
}

// pass opens the log and reads what is new in it, until its end. After a
// connection was lost the container may have been restarted, perhaps without
// the API server knowing yet; so the log of the run before is looked at as
// well, each time. The current one is asked for first: then no restart in
// between goes unnoticed.
func (s *stream) pass(ctx context.Context) (fresh int, err error) {
	conn, cancel := s.opener.alive(ctx)
	defer cancel()
	defer context.AfterFunc(s.gone, cancel)()
	if s.previous {
		return s.read(ctx, conn, s.options(true), true)
	}
	seen := s.look()
	if _, resumed := s.resume.since(); !resumed {
		return s.firstPass(ctx, conn, seen)
	}
	s.resume.broken()
	current := make(chan opening, 1)
	go func(o *corev1.PodLogOptions) { // a server may say nothing before the first line
		defer utilruntime.HandleCrash()
		rc, err := s.opener.open(conn, o)
		current <- opening{rc, err}
	}(s.options(false))
	taken := false
	defer func() {
		if taken {
			return
		}
		cancel()
		if res := <-current; res.body != nil {
			_ = res.body.Close() // nobody reads it
		}
	}()
	s.resume.again(true)
	if fresh, err = s.readPrevious(ctx, conn); err != nil {
		return fresh, err
	}
	if err := s.passRestart(ctx, fresh > 0); err != nil {
		return fresh, err
	}
	s.resume.again(false)
	res := <-current
	taken = true
	if res.err != nil {
		return fresh, res.err
	}
	n, err := s.consume(ctx, res.body, !s.follow)
	s.opened = true
	return fresh + n, err
}

// opening is a log that was asked for.
type opening struct {
	body io.ReadCloser
	err  error
}

// firstPass reads a log of which nothing is known yet.
func (s *stream) firstPass(ctx, conn context.Context, seen sight) (fresh int, err error) {
	// The log of a container that waits is the one of its last run.
	if seen.end != "" && seen.state == object.Running && (s.span.Tail != 0 || s.whole) {
		if fresh, err = s.readPrevious(ctx, conn); err != nil {
			return fresh, err
		}
	}
	if fresh > 0 {
		if err := s.mark(ctx, seen.started, s.restartText(seen, 0)); err != nil {
			return fresh, err
		}
		s.resume.again(false)
	}
	s.restarts = seen.restarts
	n, err := s.read(ctx, conn, s.options(false), !s.follow)
	return fresh + n, err
}

// passRestart announces that the container was restarted, if it was. more says
// that the log of the run before had new lines.
func (s *stream) passRestart(ctx context.Context, more bool) error {
	now := s.look()
	if more && now.restarts == s.restarts && now.state == object.Running {
		s.await(ctx, now, statusLag)
		now = s.look()
	}
	if now.restarts > s.restarts {
		missed := now.restarts - s.restarts - 1
		s.restarts = now.restarts
		return s.mark(ctx, now.started, s.restartText(now, missed))
	}
	// Nobody says so. A new line of the current run will be proof.
	s.unsaid = more && now.state == object.Running
	return nil
}

// restartText returns the marker between two runs. missed is how many runs
// between them nobody has the log of.
func (s *stream) restartText(now sight, missed int32) string {
	s.told, s.unsaid = false, false
	text := "restarted"
	if now.end != "" {
		text += " (" + now.end + ")"
	}
	text += ", previous log above"
	if missed > 0 {
		text += fmt.Sprintf("; of %d runs before that the log is lost, since the node keeps the last one only", missed)
	}
	return text
}

// tellEnd puts a marker after a run that ended, once.
func (s *stream) tellEnd(ctx context.Context, now sight) {
	if s.told || now.end == "" || now.state == object.Running {
		return
	}
	s.told = true
	_ = s.mark(ctx, now.ended, "ended ("+now.end+")") // ctx is looked at next
}

// mark puts words of ours into the log; at is in seconds since 1970.
func (s *stream) mark(ctx context.Context, at int64, text string) error {
	b, err := s.lane.batch(ctx)
	if err != nil {
		return err
	}
	s.parser.marker(b, at*int64(time.Second), text)
	return s.lane.send(ctx, b)
}

// options says which part of a log is asked for.
func (s *stream) options(previous bool) *corev1.PodLogOptions {
	o := &corev1.PodLogOptions{Timestamps: true, Previous: previous, Follow: s.follow && !previous}
	if since, resumed := s.resume.since(); resumed {
		at := metav1.NewTime(since)
		o.SinceTime = &at
		if s.opened {
			return o
		}
	}
	if s.whole {
		return o
	}
	if tail := s.span.Tail; tail >= 0 && !s.opened {
		s.swallow = tail == 0
		tail = max(tail, 1)
		o.TailLines = &tail
	}
	if s.span.Since > 0 && o.SinceTime == nil {
		seconds := int64((s.span.Since + time.Since(s.began) + time.Second - 1) / time.Second)
		o.SinceSeconds = &seconds
	}
	return o
}

// readPrevious reads the log of the run before, if there is one.
func (s *stream) readPrevious(ctx, conn context.Context) (int, error) {
	if err := s.turns.admit(ctx); err != nil {
		return 0, err
	}
	n, err := s.read(ctx, conn, s.options(true), true)
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		switch status.Status().Code {
		case http.StatusBadRequest, http.StatusNotFound:
			return n, nil // there is none, or not any more
		}
	}
	return n, err
}

// read opens a log over a connection that lasts as long as conn, and reads it
// to its end. ends says that what it ends with is whole even if the line is not.
func (s *stream) read(ctx, conn context.Context, o *corev1.PodLogOptions, ends bool) (int, error) {
	rc, err := s.opener.open(conn, o)
	if err != nil {
		return 0, err
	}
	n, err := s.consume(ctx, rc, ends)
	if !o.Previous || s.previous {
		s.opened = true
	}
	return n, err
}

// consume reads a log to its end and closes it. It returns how many lines of it
// were new. Whatever becomes of the connection, the lines that were taken for
// new reach the merger, unless ctx ends.
func (s *stream) consume(ctx context.Context, rc io.ReadCloser, ends bool) (fresh int, err error) {
	defer func() { _ = rc.Close() }() // what it brought is taken
	wait := firstWait
	if s.opened {
		wait = pause
	}
	if err := s.lane.opening(ctx, wait); err != nil {
		return 0, err
	}
	s.book.set(s.id, Live, nil)
	in := newBody(rc)
	b, err := s.lane.batch(ctx)
	if err != nil {
		return 0, err
	}
	for {
		if len(b.lines) > 0 && (b.full() || in.waiting()) {
			s.noteCapped()
			if err := s.lane.send(ctx, b); err != nil {
				return fresh, err
			}
			if b, err = s.lane.batch(ctx); err != nil {
				return fresh, err
			}
		}
		line, missing, whole, err := in.next()
		if !whole && (!errors.Is(err, io.EOF) || len(line) == 0 || !ends && s.look().state == object.Running) {
			line = nil // what it becomes is read later
		}
		if line != nil && s.take(b, line, missing) {
			fresh++
		}
		if err != nil {
			s.noteCapped()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return fresh, errors.Join(err, s.lane.send(ctx, b))
		}
	}
}

// take adds a line as the server sent it to b, unless it was read before.
func (s *stream) take(b *batch, line []byte, missing int) bool {
	before := s.parser.last
	at, text := s.parser.stamp(line)
	if len(text) == len(line) && s.resume.known != nil && len(line) > 0 {
		return false // the kubelet's words on a log that it does not have
	}
	switch s.resume.meet(at, text, missing) {
	case repeated:
		s.parser.last = before
		return false
	case afterGap:
		s.parser.marker(b, at, "lines may be missing here: the connection was lost, and the node does not have all of the log any more")
	}
	if s.swallow {
		s.swallow = false
		if at < s.began.UnixNano() {
			return false
		}
	}
	if s.unsaid && !s.resume.frozen {
		s.restarts++
		s.parser.marker(b, at, s.restartText(sight{}, 0))
	}
	s.parser.line(b, at, text, missing)
	return true
}

func (s *stream) noteCapped() {
	if lines, bytes := s.parser.takeCapped(); lines > 0 {
		s.book.capped(s.id, lines, bytes)
	}
}

// refused reports whether the server does not let the user read a log.
func refused(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)
}
