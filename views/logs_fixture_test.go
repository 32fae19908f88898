package views

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/logs"
)

// logServer has the logs of the containers of a server.
type logServer struct {
	mu    sync.Mutex
	lines map[string][]logLine // by NAMESPACE/POD/CONTAINER, with " previous" for those of the run before
	added chan struct{}        // closed when there are more
	ended bool                 // no answer goes on
	now   time.Time
	asked []apitest.Request
}

type logLine struct {
	at   time.Time
	text string
}

// logSettings are those of the benches of logs.
func logSettings() LogSettings { return LogSettings{Span: logs.Span{Tail: 1000}} }

// newLogServer returns logs as of the time that benches begin at.
func newLogServer() *logServer {
	return &logServer{lines: map[string][]logLine{}, now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
}

// say adds lines to the log of a container, the first so long before the bench
// began, a second between them.
func (s *logServer) say(container string, before time.Duration, texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, text := range texts {
		s.lines[container] = append(s.lines[container], logLine{s.now.Add(time.Duration(i)*time.Second - before), text})
	}
	if s.added != nil {
		close(s.added)
		s.added = nil
	}
}

// end ends all answers that go on.
func (s *logServer) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.added != nil {
		close(s.added)
		s.added = nil
	}
}

// answer answers for the logs. It is a bench's settings.answer.
func (s *logServer) answer(r apitest.Request) *apitest.Answer {
	pod, ok := strings.CutSuffix(r.Name, "/log")
	if !ok || r.GVR.Resource != "pods" {
		return nil
	}
	s.mu.Lock()
	s.asked = append(s.asked, r)
	s.mu.Unlock()
	key := r.Namespace + "/" + pod + "/" + r.Query.Get("container")
	if r.Query.Get("previous") == "true" {
		key += " previous"
	}
	return &apitest.Answer{ContentType: "text/plain", Stream: func(ctx context.Context, w io.Writer) { s.write(ctx, w, key, r) }}
}

func (s *logServer) write(ctx context.Context, w io.Writer, key string, r apitest.Request) {
	since := time.Time{}
	if at, err := time.Parse(time.RFC3339, r.Query.Get("sinceTime")); err == nil {
		since = at
	}
	if n, err := strconv.Atoi(r.Query.Get("sinceSeconds")); err == nil {
		since = s.now.Add(-time.Duration(n) * time.Second)
	}
	tail, err := strconv.Atoi(r.Query.Get("tailLines"))
	if err != nil {
		tail = 1 << 30
	}
	for sent := 0; ; {
		s.mu.Lock()
		lines := s.lines[key]
		if sent == 0 {
			sent = max(0, len(lines)-tail)
		}
		if s.added == nil {
			s.added = make(chan struct{})
		}
		more, ended := s.added, s.ended
		s.mu.Unlock()
		var b strings.Builder
		for _, l := range lines[sent:] {
			if !l.at.Before(since) {
				fmt.Fprintf(&b, "%s %s\n", l.at.Format(time.RFC3339Nano), l.text)
			}
		}
		sent = len(lines)
		if _, err := io.WriteString(w, b.String()); err != nil || ended || r.Query.Get("follow") != "true" {
			return
		}
		select {
		case <-more:
		case <-ctx.Done():
			return
		}
	}
}

// requests are those for logs, as NAMESPACE/POD/CONTAINER and the options.
func (s *logServer) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, r := range s.asked {
		out = append(out, fmt.Sprintf("%s/%s/%s tail=%s since=%s", r.Namespace, strings.TrimSuffix(r.Name, "/log"),
			r.Query.Get("container"), r.Query.Get("tailLines"), r.Query.Get("sinceSeconds")))
	}
	return out
}

func selectionsOf(namespace, labels string) []logs.Selection {
	return []logs.Selection{{Namespace: namespace, Labels: labels}}
}
