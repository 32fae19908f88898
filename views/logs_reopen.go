package views

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube/logs"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

const (
	// When logs are read with another span, what was read before stays on the
	// screen until the new lines have caught up with it, but no longer than this
	// once they have come to the line that is looked at.
	catchUp = 5 * time.Second
	// So long that line is waited for.
	patience = time.Minute
)

// logReading is a log, and what ends with it.
type logReading struct {
	*logs.Log
	span   logs.Span
	ctx    context.Context // ends with it
	cancel context.CancelFunc
	began  time.Time
}

// read begins to read logs.
func (p *logPage) read(span logs.Span) *logReading {
	opts := p.opts
	opts.Span = span
	r := &logReading{Log: logs.Open(p.session.Client, opts), span: span, began: p.session.Now()}
	r.ctx, r.cancel = context.WithCancel(p.ctx)
	changed, unsubscribe := r.Ring().Subscribe()
	context.AfterFunc(r.ctx, unsubscribe)
	go p.changed.Relay(changed, r.ctx.Done())
	return r
}

// end ends it. Its lines stay readable.
func (r *logReading) end() {
	if r != nil {
		r.cancel()
		go func() {
			defer utilruntime.HandleCrash()
			r.Close() // waits for connections to end
		}()
	}
}

// words say how much of it was asked for.
func (r *logReading) words() string { return spanWords(r.span, r.began) }

// askSpan asks how far back to read.
func (p *logPage) askSpan() tea.Msg {
	return ui.Ask(ui.Prompt{
		Label: "read again ", Hint: "10m  2h  14:05  500 lines  all (now: " + p.log.words() + ")",
		Problem: func(text string) string {
			if _, err := p.parseSpan(text); err != nil && text != "" {
				return err.Error()
			}
			return ""
		},
		Accept: func(text string) tea.Msg {
			span, err := p.parseSpan(text)
			if err != nil {
				return nil // nothing was typed
			}
			return p.reopen(span)
		},
	})
}

type reopenMsg struct{ of *logReading }

// reopen reads the logs with another span, and shows them when they are there.
func (p *logPage) reopen(span logs.Span) tea.Msg {
	p.next.end()
	next := p.read(span)
	p.next = next
	return p.lookLater(next)
}

// lookLater looks after a second whether the next log is there: nothing tells of
// one in which no line comes.
func (p *logPage) lookLater(next *logReading) tea.Cmd {
	return ui.Deliver(p, func() tea.Msg {
		select {
		case <-time.After(time.Second):
			return reopenMsg{next}
		case <-next.ctx.Done():
			return nil
		}
	})
}

// watched is a line that the user looks at, named by what stays the same when
// its log is read again.
type watched struct {
	line   logs.Line
	source logs.Source
}

// watching returns the line under the cursor, false in a window that follows.
func (p *logPage) watching() (watched, bool) {
	pos, ok := p.window.Cursor()
	if !ok || p.window.Following() {
		return watched{}, false
	}
	line, _, ok := p.lines.at(pos)
	return watched{line, p.log.Source(line.Source)}, ok
}

// in returns where the line is in another log, or the first that is not older;
// found is false then.
func (w watched) in(r *logReading) (seq uint64, found bool) {
	snap := r.Ring().Snapshot()
	seq = snap.Since(w.line.Time)
	snap.Range(seq, snap.End(), func(l logs.Line) bool {
		if l.Raw == w.line.Raw && l.Time == w.line.Time {
			if s := r.Source(l.Source); s.UID == w.source.UID && s.Container == w.source.Container {
				seq, found = l.Seq, true
			}
		}
		return !found && l.Time <= w.line.Time
	})
	return seq, found
}

// newest returns the time of the newest line, 0 if there is none.
func (r *logReading) newest() int64 {
	snap := r.Ring().Snapshot()
	if snap.Len() == 0 {
		return 0
	}
	l, _ := snap.At(snap.End() - 1)
	return l.Time
}

// advance shows the next log, if that has as much to show as the one before.
func (p *logPage) advance() tea.Msg {
	next := p.next
	newest, age := next.newest(), p.session.Now().Sub(next.began)
	line, paused := p.watching()
	switch {
	case newest > 0 && newest >= p.log.newest():
	case p.log.newest() > 0 && newest == 0:
		if age < catchUp {
			return nil
		}
		if why := p.unread(next.Status()); why != "" {
			p.next = nil
			next.end()
			return ui.Toast(theme.Error, "what was read stays: "+why)
		}
	case age < catchUp, paused && newest < line.line.Time && age < patience:
		return nil
	}
	return p.turnTo(next)
}

// unread says why a log has no lines, "" if there just are none.
func (p *logPage) unread(st logs.Status) string {
	if why := p.problem(&st); why != "" || st.Pods.Phase != store.Syncing {
		return why
	}
	return "the server does not answer"
}

// turnTo shows a log instead of the one before, at the same line if it is there.
func (p *logPage) turnTo(next *logReading) tea.Msg {
	line, paused := p.watching()
	before := p.log
	p.endSearches()
	p.log, p.next = next, nil
	p.lines = &logLines{log: next.Log, marked: p.lines.marked, folder: p.lines.folder, around: p.shown.around > 0}
	p.beginSearches()
	p.look()
	at, found := uint64(0), true
	if paused {
		at, found = line.in(next)
	}
	p.window.Replace(p.lines, at)
	said := "read again " + next.words()
	tone := theme.Muted
	if n := leftOut(before.Sources(), next.Sources()); n > 0 {
		said, tone = said+", without "+counted(n, "container that is gone", "containers that are gone"), theme.Warn
	}
	if !found {
		said, tone = said+"; the line you were at is not among it", theme.Warn
	}
	before.end()
	return ui.Toast(tone, said)
}

// leftOut counts the sources with lines that others do not have.
func leftOut(sources, others []logs.Source) int {
	type name struct{ uid, container string }
	has := map[name]bool{}
	for _, s := range others {
		has[name{string(s.UID), s.Container}] = true
	}
	n := 0
	for _, s := range sources {
		if s.Lines > 0 && !has[name{string(s.UID), s.Container}] {
			n++
		}
	}
	return n
}
