package views

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/journal"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// journalRow is something that the user did, as a row.
type journalRow struct {
	store.Meta // of the object, but for the UID, which is the entry's
	journal.Entry
}

// result says what became of it.
func (r *journalRow) result() string {
	switch {
	case r.Err != "":
		return "failed: " + r.Err
	case r.UndoneBy != "":
		return "undone"
	}
	return "done"
}

// journalList lists what the user did to the cluster since qd was started.
func journalList() *Resource[*journalRow] {
	return &Resource[*journalRow]{
		Kind: store.Kind[*journalRow]{Kind: "Journal", GVR: kube.Local("journal")},
		Name: "journal", Sort: "time",
		Columns: []Column[*journalRow]{
			since("time", func(r *journalRow) int64 { return r.Created }),
			text("what", func(r *journalRow) string { return r.Verb }).between(6, 16),
			text("namespace", func(r *journalRow) string { return r.Ref.Namespace }).middle(9, 20),
			text("name", func(r *journalRow) string { return r.Ref.String() }).middle(16, 48),
			text("change", func(r *journalRow) string { return r.Summary }).flex(2, 16),
			text("result", (*journalRow).result).flex(1, 8).toned(func(r *journalRow, _ *Env) theme.Tone {
				switch {
				case r.Err != "":
					return theme.Error
				case r.UndoneBy != "":
					return theme.Muted
				}
				return theme.Text
			}),
		},
		Open: func(s *Session, _ Scope) source[*journalRow] { return &journalSource{session: s} },
		Ref:  func(r *journalRow) kube.Ref { return r.Entry.Ref },
		Enter: func(s *Session, r *journalRow) tea.Msg {
			if d, ok := s.drains.journaled(r.Entry); ok {
				return ui.Push(d.frame(s))
			}
			return ui.Push(readingFrame(s, r.Verb+" "+r.Entry.Ref.String(), r.lines()))
		},
		Detail: func(r *journalRow, _ *Env) []textview.Line { return r.lines() },
		Own: func(s *Session, r *journalRow) []ui.Action {
			if d, ok := s.drains.journaled(r.Entry); ok {
				return d.actions()
			}
			return []ui.Action{s.undoEntry(r.ID)}
		},
	}
}

// lines are all there is to say of the entry.
func (r *journalRow) lines() []textview.Line {
	var lines []textview.Line
	add := func(name, value string, tone theme.Tone) {
		if value != "" {
			lines = append(lines, textview.Line{{Text: name + strings.Repeat(" ", max(1, 11-len(name))), Tone: theme.Field}, {Text: value, Tone: tone}})
		}
	}
	add("what", r.Verb, theme.Title)
	add("object", r.Entry.Ref.String(), theme.Text)
	add("namespace", r.Entry.Ref.Namespace, theme.Text)
	add("context", r.Context, theme.Text)
	add("time", shortTime(r.Time.Unix())+", took "+r.Duration.Round(time.Millisecond).String(), theme.Text)
	add("change", r.Summary, theme.Text)
	add("before", r.Before, theme.Removed)
	add("after", r.After, theme.Added)
	tone := theme.Text
	if r.Err != "" {
		tone = theme.Error
	}
	add("result", r.result(), tone)
	return lines
}

// journalSource makes rows of the entries about the session's cluster: what can
// be done to a row is done there.
type journalSource struct {
	session *Session
	changed <-chan struct{}
	rows    []*journalRow
}

func (s *journalSource) Changed() <-chan struct{} {
	if s.changed == nil {
		return atOnce()
	}
	return s.changed
}

// atOnce returns the channel for who has not looked yet: there is something to
// take, if only that there is nothing.
func atOnce() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func (s *journalSource) Close() {}

func (s *journalSource) Status() store.Status {
	return store.Status{Phase: store.Live, Loaded: len(s.rows), Since: s.session.Now()}
}

// Take returns all entries anew: they are few.
func (s *journalSource) Take() (store.Delta[*journalRow], store.Status) {
	s.changed = s.session.Journal.Changed()
	s.rows = nil
	for _, e := range s.session.Journal.Entries() {
		if e.Context != s.session.Client.Context {
			continue
		}
		s.rows = append(s.rows, &journalRow{
			Meta:  store.Meta{UID: types.UID(e.ID), Namespace: e.Ref.Namespace, Name: e.Ref.String(), Created: e.Time.Unix()},
			Entry: e,
		})
	}
	return store.Delta[*journalRow]{Reset: true, Added: slices.Clone(s.rows)}, s.Status()
}

// record writes what became of a change into the journal.
func (s *Session) record(o action.Outcome) {
	done := journal.Done{
		Time: o.Began, Duration: o.Took, Context: s.Client.Context,
		Verb: o.Change.Verb, Ref: o.Change.Ref, Summary: o.Change.Summary, Err: o.Err,
	}
	for _, e := range o.Change.Edits {
		done.Edits = append(done.Edits, journal.Edit(e))
	}
	if o.Change.Undoes != 0 && o.Err == nil {
		done.Undoes = s.history.entry(s.Client, o.Change.Undoes)
	}
	entry, err := s.Journal.Add(done)
	if err != nil {
		s.warn(err.Error())
	}
	s.history.journaled(s.Client, o.Change.ID, entry.ID)
}

// deed writes what was done by other means than a change into the journal.
func (s *Session) deed(verb string, ref kube.Ref, summary string, began time.Time, err error) {
	s.record(action.Outcome{
		Change: action.Change{Verb: verb, Ref: ref, Summary: summary}, Err: err, Began: began, Took: time.Since(began),
	})
}
