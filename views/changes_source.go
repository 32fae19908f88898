package views

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/changes"
	"quarterdeck/kube/store"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// changesSource makes rows of a recording.
type changesSource struct {
	recording *recording
	watch     *triageWatch // nil where nobody looks for incidents
	of        kube.Ref
	folds     *folds
	changed   store.Signal
	rows      map[string]*changedRow // handed out last
}

func newChangesSource(s *Session, scope Scope, of kube.Ref) *changesSource {
	src := &changesSource{recording: s.recordChanges(), of: of, folds: scope.folds, changed: store.NewSignal()}
	src.recording.Deepen()
	src.recording.Listen(src.changed)
	if src.watch = s.watched(); src.watch == nil && s.Settings.Triage {
		src.watch = s.triaging()
	}
	if src.watch != nil {
		src.watch.changed.add(src.changed)
	}
	return src
}

func (s *changesSource) Changed() <-chan struct{} { return s.changed }
func (s *changesSource) Status() store.Status     { return s.recording.status() }

// Close ends the listening; what is changed is recorded on.
func (s *changesSource) Close() {
	s.recording.Forget(s.changed)
	if s.watch != nil {
		s.watch.changed.remove(s.changed)
	}
}

// Take returns a row for each burst, and those of what followed for those that
// are unfolded.
func (s *changesSource) Take() (store.Delta[*changedRow], store.Status) {
	d := store.Delta[*changedRow]{Reset: true}
	report := s.recording.Report()
	if report == nil {
		return d, s.Status()
	}
	rows := map[string]*changedRow{}
	add := func(e *changes.Entry, head *changes.Head, root *changedRow, rank int) *changedRow {
		r := &changedRow{
			Meta:  store.Meta{UID: types.UID(e.ID), Namespace: e.On.Namespace, Name: e.On.Name, Created: e.At, Owner: e.Owner},
			Entry: e, head: head, root: root, rank: rank,
		}
		if root == nil {
			r.root = r
		}
		d.Added = append(d.Added, r)
		rows[e.ID] = r
		return r
	}
	for _, h := range changes.Heads(report.Within(time.Time{}, s.of).Entries) {
		root := add(h.Entry, h, nil, 0)
		if s.folds != nil && s.folds.isOpen(root.UID) {
			for i, e := range h.Echoes {
				add(e, nil, root, i+1)
			}
		}
	}
	if s.watch != nil {
		for _, m := range s.watch.marks() {
			if m.concerns(s.of) {
				add(m.entry(), nil, nil, 0).mark = m
			}
		}
	}
	s.rows = rows
	return d, s.Status()
}

// Has reports whether a change is there, whether it is unfolded or not.
func (s *changesSource) Has(uid types.UID) bool {
	_, ok := s.rows[string(uid)]
	return ok
}

// noticeable is how far looks may be apart before that is said.
const noticeable = time.Second

// recordedLines say since when what happens is seen, and what is missing.
func recordedLines(r *changes.Report) []textview.Line {
	if r == nil || r.Loading {
		return nil
	}
	words := "nothing is seen as it happens"
	if since := r.Since(changes.KeptValues); !since.IsZero() {
		words = "seen since " + since.Format(time.TimeOnly)
	}
	if since := r.Since(changes.KeptMetadata); !since.IsZero() {
		words += " (who wrote what: since " + since.Format(time.TimeOnly) + ")"
	}
	lines := []textview.Line{{{Text: words + ", inferred before", Tone: theme.Muted}}}
	warn := func(format string, args ...any) {
		lines = append(lines, textview.Line{{Text: fmt.Sprintf(format, args...), Tone: theme.Warn}})
	}
	if r.Pause > noticeable {
		warn("much is changing: looks are %s apart, and what an object was in between is not known", r.Pause.Round(time.Second/10))
	}
	if r.Dropped > 0 {
		warn("%s until %s let go for want of room", counted(r.Dropped, "change", "changes"), time.Unix(r.DroppedTo, 0).Format(time.DateTime))
	}
	if len(r.NotRead) > 0 {
		words := make([]string, len(r.NotRead))
		for i, n := range r.NotRead {
			words[i] = n.Words()
		}
		warn("not read: %s", strings.Join(words, "; "))
	}
	return lines
}
