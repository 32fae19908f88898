package views

import (
	"slices"
	"strings"
	"time"

	"quarterdeck/kube/logs"
	"quarterdeck/ui/logview"
)

// logLines are the lines of a log that are shown, as they were at one moment:
// all of them, or those that a search has found. It belongs to the goroutine of
// the screen.
type logLines struct {
	log    *logs.Log
	snap   *logs.Snapshot
	only   *logs.Matches // what is shown, nil for all
	around bool          // only has more than what matches
	marked *logs.Query   // what is highlighted, nil for nothing
	folder *logs.Folder  // makes one readable line of fields, nil to show them as written

	sources []logs.Source
	labels  []string // by source
	renamed bool     // lines that were shown have other labels now
}

// look takes over what came since.
func (x *logLines) look(only *logs.Search) {
	x.snap = x.log.Ring().Snapshot()
	x.only = nil
	if only != nil {
		x.only = only.Matches()
	}
	x.sources = x.log.Sources()
	x.label()
}

// label names the sources as shortly as they can be told apart: by their pods,
// by containers and namespaces if there are several.
func (x *logLines) label() {
	if len(x.labels) == len(x.sources) {
		return
	}
	namespaces, workloads, containers := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, s := range x.sources {
		workload, _ := podParts(s.Pod)
		namespaces[s.Namespace], workloads[s.Namespace+"/"+workload], containers[s.Container] = true, true, true
	}
	labels := make([]string, 0, len(x.sources))
	for _, s := range x.sources {
		name := s.Pod
		if len(workloads) == 1 {
			_, name = podParts(s.Pod)
		}
		if len(namespaces) > 1 {
			name = s.Namespace + "/" + name
		}
		if len(containers) > 1 {
			name += " " + s.Container
		}
		labels = append(labels, name)
	}
	x.renamed = x.renamed || !slices.Equal(x.labels, labels[:len(x.labels)])
	x.labels = labels
}

// podParts takes the name of a pod apart into that of its workload, most
// probably, and what tells it from others of that: checkout and 7f9cdd-x2abc;
// nothing and web-0.
func podParts(name string) (workload, rest string) {
	parts := strings.Split(name, "-")
	if n := len(parts) - 2; n > 0 {
		return strings.Join(parts[:n], "-"), strings.Join(parts[n:], "-")
	}
	return "", name
}

// First returns the position of the oldest line.
func (x *logLines) First() uint64 {
	if x.only != nil {
		return x.only.First()
	}
	return x.snap.First()
}

// Next returns the position after that of the newest line.
func (x *logLines) Next() uint64 {
	if x.only != nil {
		return x.only.End()
	}
	return x.snap.End()
}

// at returns the line of the ring at a position, and whether it is there only
// because of one near it.
func (x *logLines) at(pos uint64) (l logs.Line, near, ok bool) {
	seq := pos
	if x.only != nil {
		match := false
		if seq, match, ok = x.only.At(pos); !ok {
			return l, false, false
		}
		near = !match
	}
	l, ok = x.snap.At(seq)
	return l, near, ok
}

// Line returns the line at a position.
func (x *logLines) Line(pos uint64) (logview.Line, bool) {
	l, near, ok := x.at(pos)
	if !ok {
		return logview.Line{}, false
	}
	out := logview.Line{
		ID: l.Seq, Time: time.Unix(0, l.Time), Level: logview.Level(l.Level), Text: l.Raw,
		Marker: l.Flags&logs.Marker != 0, Context: near && !x.recordMatches(pos),
		Skip: x.around && x.skips(pos),
	}
	if int(l.Source) < len(x.labels) {
		out.Source = x.labels[l.Source]
	}
	switch {
	case out.Marker && len(x.labels) > 1: // it has no column for its source
		out.Text = out.Source + " " + l.Raw
	case x.folder != nil && (l.Format == logs.JSON || l.Format == logs.Logfmt):
		out.Text, out.Quiet = x.folder.Line(&l)
	case l.Flags&logs.Coloured != 0:
		out.Text, out.Styles = logview.Split(l.Raw)
	}
	if !x.marked.Empty() {
		for _, span := range x.marked.Spans(out.Text) {
			out.Matches = append(out.Matches, logview.Span{Start: span[0], End: span[1]})
		}
	}
	return out, true
}

// longestRecord is how many lines of a record are looked at for what matches.
const longestRecord = 1000

// recordMatches reports whether any line of a line's record matches.
func (x *logLines) recordMatches(pos uint64) bool {
	for at := pos; pos-at < longestRecord; at-- {
		l, near, ok := x.at(at)
		if ok && !near {
			return true
		}
		if !ok || l.Flags&logs.Continued == 0 || at == x.First() {
			break
		}
	}
	for at := pos + 1; at-pos < longestRecord; at++ {
		l, near, ok := x.at(at)
		if !ok || l.Flags&logs.Continued == 0 {
			break
		}
		if !near {
			return true
		}
	}
	return false
}

// skips reports whether lines before a line are not shown.
func (x *logLines) skips(pos uint64) bool {
	return x.only != nil && pos > x.First() && x.seq(pos) != x.seq(pos-1)+1
}

// Kin says how a line goes with the one before.
func (x *logLines) Kin(pos uint64) logview.Kin {
	l, _, ok := x.at(pos)
	if !ok || pos == x.First() || l.Flags&logs.Marker != 0 {
		return logview.Alone
	}
	before, _, ok := x.at(pos - 1)
	switch {
	case !ok:
		return logview.Alone
	case l.Flags&logs.Continued != 0 && before.Seq == l.Seq-1:
		return logview.Continues
	case l.Source == before.Source && l.Raw == before.Raw:
		return logview.Repeats
	}
	return logview.Alone
}

// position returns where a line of the ring is shown, or the next one that is.
func (x *logLines) position(seq uint64) uint64 {
	if x.only != nil {
		return x.only.Find(seq)
	}
	return seq
}

// seq returns the line of the ring at a position.
func (x *logLines) seq(pos uint64) uint64 {
	if x.only != nil {
		if seq, _, ok := x.only.At(pos); ok {
			return seq
		}
	}
	return pos
}
