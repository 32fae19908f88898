package kubelet

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"quarterdeck/playground/kubelet/program"
)

// How often a followed log is looked at: one that says much nearly as it is
// written.
const (
	followInterval = 200 * time.Millisecond
	loudInterval   = 10 * time.Millisecond
	loudRate       = 50 // lines a second
)

// logQuery is what a request for a log asks for.
type logQuery struct {
	follow, previous, timestamps bool
	tail                         int // -1 for everything
	since                        time.Time
	limit                        int64 // bytes, -1 for no limit
}

func parseLogQuery(r *http.Request, now time.Time) (logQuery, error) {
	q := logQuery{tail: -1, limit: -1}
	values := r.URL.Query()
	for name, target := range map[string]*bool{"follow": &q.follow, "previous": &q.previous, "timestamps": &q.timestamps} {
		if text := values.Get(name); text != "" {
			on, err := strconv.ParseBool(text)
			if err != nil {
				return q, fmt.Errorf("parameter %s: %w", name, err)
			}
			*target = on
		}
	}
	if text := values.Get("tailLines"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return q, fmt.Errorf("parameter tailLines: %q is not a number of lines", text)
		}
		q.tail = n
	}
	if text := values.Get("limitBytes"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			return q, fmt.Errorf("parameter limitBytes: %q is not a number of bytes", text)
		}
		q.limit = n
	}
	if text := values.Get("sinceSeconds"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return q, fmt.Errorf("parameter sinceSeconds: %w", err)
		}
		q.since = now.Add(-time.Duration(n) * time.Second)
	}
	if text := values.Get("sinceTime"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return q, fmt.Errorf("parameter sinceTime: %w", err)
		}
		q.since = at
	}
	return q, nil
}

func (s *server) logs(w http.ResponseWriter, r *http.Request) {
	where, err := s.container(r)
	if err != nil {
		fail(w, err)
		return
	}
	query, err := parseLogQuery(r, time.Now())
	if err != nil {
		fail(w, err)
		return
	}
	run, err := where.run(query.previous)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	out := &logWriter{to: w, timestamps: query.timestamps, left: query.limit}
	now := time.Now()
	if query.tail >= 0 {
		for _, line := range run.Tail(query.tail, now) {
			if !line.Time.Before(query.since) {
				out.write(line)
			}
		}
	} else {
		for line := range run.Lines(query.since, now) {
			if !out.write(line) {
				return
			}
		}
	}
	out.flush()
	if query.follow && !query.previous {
		s.follow(r, where, run, out, now)
	}
}

// follow writes what the container says from the time from on, until it ends
// or nobody listens any more.
func (s *server) follow(r *http.Request, where place, run program.Run, out *logWriter, from time.Time) {
	interval := followInterval
	if run.Program.Rate >= loudRate {
		interval = loudInterval
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var reader program.Reader
	for {
		ended := !run.Stop.IsZero()
		now := time.Now()
		for line := range reader.Lines(run, from, now) {
			if !out.write(line) {
				return
			}
		}
		from = now
		out.flush()
		if ended && now.After(run.Stop.Add(time.Second)) {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
		current, err := s.container(r)
		if err != nil || current.pod.UID != where.pod.UID {
			return
		}
		if run, err = current.sameRun(run); err != nil {
			return
		}
	}
}

// run returns the current or last run of a container, or the one before.
func (p place) run(previous bool) (program.Run, error) {
	state, restarts := p.status.State, p.status.RestartCount
	if previous {
		if p.status.LastTerminationState.Terminated == nil {
			return program.Run{}, fmt.Errorf("previous terminated container %q in pod %q not found", p.spec.Name, p.pod.Name)
		}
		state = p.status.LastTerminationState
		if p.status.State.Waiting == nil {
			restarts--
		}
	} else if state.Waiting != nil && p.status.LastTerminationState.Terminated != nil {
		// Between two runs the log is that of the last one.
		state = p.status.LastTerminationState
	}
	prog, _ := program.Lookup(p.spec.Image)
	run := program.Run{Program: prog, Seed: runID(p.pod.UID, p.spec.Name, restarts)}
	l := life{pod: p.pod}
	end, ends := prog.End(&p.spec, l.role(p.part()), run.Seed)
	run.Brief = ends && end.Brief
	switch {
	case state.Running != nil:
		run.Start = state.Running.StartedAt.Time
	case state.Terminated != nil:
		run.Start, run.Stop = state.Terminated.StartedAt.Time, state.Terminated.FinishedAt.Time
		if ends && state.Terminated.ExitCode == end.Code {
			run.Words = end.Words
		}
	default:
		reason := "ContainerCreating"
		if state.Waiting != nil {
			reason = state.Waiting.Reason
		}
		if reason == reasonPullFailed || reason == reasonPullBackOff {
			return run, fmt.Errorf("container %q in pod %q is waiting to start: trying and failing to pull image", p.spec.Name, p.pod.Name)
		}
		return run, fmt.Errorf("container %q in pod %q is waiting to start: %s", p.spec.Name, p.pod.Name, reason)
	}
	return run, nil
}

// sameRun returns the run that was followed as it is now; it has stopped if
// the container was restarted since.
func (p place) sameRun(was program.Run) (program.Run, error) {
	for _, previous := range []bool{false, true} {
		run, err := p.run(previous)
		if err == nil && run.Seed == was.Seed {
			return run, nil
		}
	}
	return program.Run{}, fmt.Errorf("container %q was restarted", p.spec.Name)
}

// part is the container's place in its pod.
func (p place) part() part {
	return part{
		init:    p.init,
		sidecar: p.init && p.spec.RestartPolicy != nil && *p.spec.RestartPolicy == corev1.ContainerRestartPolicyAlways,
	}
}

// logWriter writes log lines up to a number of bytes.
type logWriter struct {
	to         http.ResponseWriter
	timestamps bool
	left       int64 // -1 for no limit
}

// write reports whether more can be written.
func (w *logWriter) write(line program.Line) bool {
	text := line.Text + "\n"
	if w.timestamps {
		text = line.Time.UTC().Format("2006-01-02T15:04:05.000000000Z") + " " + text
	}
	if w.left >= 0 {
		if int64(len(text)) > w.left {
			text = text[:w.left]
		}
		w.left -= int64(len(text))
	}
	if _, err := w.to.Write([]byte(text)); err != nil {
		return false
	}
	return w.left != 0
}

func (w *logWriter) flush() {
	if f, ok := w.to.(http.Flusher); ok {
		f.Flush()
	}
}
