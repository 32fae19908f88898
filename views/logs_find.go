package views

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/kube/logs"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// searching is a search of the log that goes on.
type searching struct {
	*logs.Search
	query  *logs.Query
	forget context.CancelFunc // ends the wait for its changes
	from   uint64             // the end of the log when it began
	begun  bool               // some lines were looked at
}

func (s *searching) end() {
	if s != nil {
		s.forget()
		s.Close()
	}
}

// find begins to search, nil for a query that everything matches.
func (p *logPage) find(query *logs.Query, o logs.SearchOptions) *searching {
	if query.Empty() {
		return nil
	}
	o.From = p.log.Source
	s := &searching{Search: p.log.Ring().Search(query, o), query: query, from: p.log.Ring().Snapshot().End()}
	var ctx context.Context
	ctx, s.forget = context.WithCancel(p.ctx)
	go p.changed.Relay(s.Changed(), ctx.Done())
	return s
}

// beginSearches looks in the log for what is searched for and filtered by.
func (p *logPage) beginSearches() {
	p.errors = p.find(errorQuery(), logs.SearchOptions{})
	p.filter = p.find(p.shown.query(), p.shown.options())
	p.search = nil
	if p.marked != "" {
		p.search = p.find(p.lines.marked, logs.SearchOptions{})
	}
}

func (p *logPage) endSearches() {
	for _, s := range []*searching{p.filter, p.search, p.errors} {
		s.end()
	}
}

// wrong says what of a query is wrong or not typed to its end, and where; nil if
// nothing is.
func wrong(text string) error {
	query, err := logs.ParseQuery(text)
	if err == nil {
		err = query.Unfinished()
	}
	return err
}

func notQuery(text string) string {
	if err := wrong(text); err != nil {
		return err.Error()
	}
	return ""
}

// right is what of a query stands before what is wrong in it.
func right(text string) string {
	var bad *logs.QueryError
	if errors.As(wrong(text), &bad) {
		return strings.TrimSpace(text[:bad.Pos])
	}
	return text
}

// askQuery asks for a query. What of it is right is in force while it is typed.
func (p *logPage) askQuery(label, before string, set func(string), accept func(string) tea.Msg) tea.Msg {
	return ui.Ask(ui.Prompt{
		Label: label, Text: before, Hint: "text  /regex/  !not  level>=warn status>=500", Problem: notQuery, History: p.queries,
		Changed: func(text string) tea.Msg { set(right(text)); return nil },
		Cancel:  func() tea.Msg { set(before); return nil },
		Accept: func(text string) tea.Msg {
			set(text)
			if text != "" {
				p.queries = append(slices.DeleteFunc(p.queries, func(s string) bool { return s == text }), text)
			}
			return accept(text)
		},
	})
}

func (p *logPage) askSearch() tea.Msg {
	return p.askQuery("/", p.marked, p.setSearch, func(text string) tea.Msg {
		if text == "" {
			return nil
		}
		return p.jumpMatch(-1)
	})
}

func (p *logPage) setSearch(text string) {
	if text == p.marked {
		return
	}
	p.search.end()
	query, err := logs.ParseQuery(text)
	if err != nil {
		return // what is wrong is not set
	}
	p.marked, p.search = text, p.find(query, logs.SearchOptions{})
	p.lines.marked = nil
	if p.search != nil {
		p.lines.marked = p.search.query
	}
	p.window.Refresh()
}

// errorQuery finds what jumpError goes to.
func errorQuery() *logs.Query {
	query, err := logs.ParseQuery("level>=error")
	if err != nil {
		panic(err) // it is known to be right
	}
	return query
}

func (p *logPage) jumpError(step int) tea.Msg {
	return p.jump(p.errors, step, "error")
}

func (p *logPage) jumpMatch(step int) tea.Msg { return p.jump(p.search, step, "match") }

// jump goes to the next line that a search has found, up if step is negative.
func (p *logPage) jump(in *searching, step int, word string) tea.Msg {
	if in == nil {
		return nil
	}
	m := in.Matches()
	ok := p.window.Jump(func(from uint64) (uint64, bool) {
		seq := p.lines.seq(from)
		for {
			var ok bool
			if step > 0 {
				seq, ok = m.Next(seq)
			} else {
				seq, ok = m.Previous(seq)
			}
			if !ok {
				return 0, false
			}
			// A filter may hide it.
			if pos := p.lines.position(seq); pos < p.lines.Next() && p.lines.seq(pos) == seq {
				return pos, true
			}
		}
	})
	if ok {
		return nil
	}
	where := "after this line"
	if step < 0 {
		where = "before this line"
	}
	if !m.Complete() {
		where += " so far: still looking"
	}
	return ui.Toast(theme.Muted, "no "+word+" "+where)
}

func (p *logPage) askTime() tea.Msg {
	return ui.Ask(ui.Prompt{
		Label: "go to ", Hint: "14:05, 14:05:30, or 10m ago",
		Problem: func(text string) string {
			if _, err := p.parseTime(text); err != nil && text != "" {
				return err.Error()
			}
			return ""
		},
		Accept: func(text string) tea.Msg {
			if at, err := p.parseTime(text); err == nil {
				p.window.GoToTime(at)
			}
			return nil
		},
	})
}

// parseTime reads a time of today or yesterday, whichever was last, or an age.
func (p *logPage) parseTime(text string) (time.Time, error) {
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "ago"))
	now := p.session.Now()
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{"15:04:05", "15:04", time.DateTime, time.RFC3339} {
		at, err := time.ParseInLocation(layout, text, now.Location())
		if err != nil {
			continue
		}
		if at.Year() == 0 {
			at = time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), at.Second(), 0, now.Location())
			if at.After(now) {
				at = at.AddDate(0, 0, -1)
			}
		}
		return at, nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: type 14:05, 2026-03-04 14:05:00, or 10m ago", text)
}
