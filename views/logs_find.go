package views

import (
	"context"
	"fmt"
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
}

func (s *searching) end() {
	if s != nil {
		s.forget()
		s.Close()
	}
}

// find begins to search, nil for an empty text.
func (p *logPage) find(text string, o logs.SearchOptions) *searching {
	query, err := logs.ParseQuery(text)
	if err != nil || query.Empty() {
		return nil
	}
	o.From = p.log.Source
	s := &searching{Search: p.log.Ring().Search(query, o), query: query}
	var ctx context.Context
	ctx, s.forget = context.WithCancel(p.ctx)
	p.pass(ctx, s.Changed())
	return s
}

func notQuery(text string) string {
	if _, err := logs.ParseQuery(text); err != nil {
		return err.Error()
	}
	return ""
}

// askQuery asks for a query that is in force while it is typed.
func askQuery(label, before string, set func(string), accept func(string) tea.Msg) tea.Msg {
	return ui.Ask(ui.Prompt{
		Label: label, Text: before, Hint: "text  /regex/  !not  level>=warn status>=500", Problem: notQuery,
		Changed: func(text string) tea.Msg {
			if notQuery(text) == "" {
				set(text)
			}
			return nil
		},
		Cancel: func() tea.Msg { set(before); return nil },
		Accept: func(text string) tea.Msg { set(text); return accept(text) },
	})
}

func (p *logPage) askSearch() tea.Msg {
	return askQuery("/", p.marked, p.setSearch, func(text string) tea.Msg {
		if text == "" {
			return nil
		}
		return p.jumpMatch(-1)
	})
}

func (p *logPage) askFilter() tea.Msg {
	return askQuery("only ", p.only, p.setFilter, func(string) tea.Msg { return nil })
}

func (p *logPage) setSearch(text string) {
	if text == p.marked {
		return
	}
	p.search.end()
	p.marked, p.search = text, p.find(text, logs.SearchOptions{})
	p.lines.marked = nil
	if p.search != nil {
		p.lines.marked = p.search.query
	}
	p.window.Refresh()
}

// setFilter shows only the records in which something matches.
func (p *logPage) setFilter(text string) {
	if text == p.only {
		return
	}
	p.filter.end()
	p.only, p.filter = text, p.find(text, logs.SearchOptions{Records: true})
	lines := &logLines{log: p.log, marked: p.lines.marked, folder: p.lines.folder}
	p.lines = lines
	p.look()
	p.window.SetLines(lines)
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
