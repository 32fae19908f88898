package views

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/keymap"
	"quarterdeck/kube/logs"
	"quarterdeck/ui"
)

// logFilter is what of a log is shown: the lines that match all of the stack,
// and those around them.
type logFilter struct {
	stack  []string // queries as they were typed, the oldest first
	typed  string   // the one that is being typed, which counts already
	around int      // lines before and after each match
}

// queries are those in force.
func (f *logFilter) queries() []string {
	if f.typed == "" {
		return f.stack
	}
	return append(slices.Clone(f.stack), f.typed)
}

func (f *logFilter) String() string {
	text := strings.Join(f.queries(), " & ")
	if text != "" && f.around > 0 {
		text += fmt.Sprintf(" ±%d", f.around)
	}
	return text
}

// query joins those in force to one, nil if there is none.
func (f *logFilter) query() *logs.Query {
	var all *logs.Query
	for _, text := range f.queries() {
		q, err := logs.ParseQuery(text)
		if err != nil {
			continue // wrong ones are not accepted
		}
		all = all.With(q)
	}
	return all
}

// options say what is shown beside the lines that match.
func (f *logFilter) options() logs.SearchOptions {
	return logs.SearchOptions{Records: true, Context: f.around}
}

// arounds are the counts of lines around matches that one can go through.
func arounds() []int { return []int{0, 1, 2, 3, 5, 10, 20, 50, 100} }

// filterActions are what can be done with the filters.
func (p *logPage) filterActions() []ui.Action {
	unfiltered, most, least := "", "", ""
	if len(p.shown.stack) == 0 {
		unfiltered = "all lines are shown: " + p.session.Keys.Label(keymap.LogFilter) + " filters"
	}
	if p.shown.around == slices.Max(arounds()) {
		most = fmt.Sprintf("%d lines around each match are the most", p.shown.around)
	}
	if p.shown.around == 0 {
		least = "only lines that match are shown"
	}
	filter := ui.Action{ID: keymap.LogFilter, Run: p.askFilter}
	if unfiltered == "" {
		filter.Title = "and only"
	}
	actions := []ui.Action{
		filter,
		{ID: keymap.LogUnfilter, Quiet: true, Disabled: unfiltered, Run: func() tea.Msg { return p.unfilter(1) }},
		{ID: keymap.LogAll, Quiet: unfiltered != "", Disabled: unfiltered, Run: func() tea.Msg { return p.unfilter(len(p.shown.stack)) }},
		{ID: keymap.LogMore, Quiet: unfiltered != "", Disabled: cmp.Or(unfiltered, most), Run: func() tea.Msg { return p.setAround(1) }},
		{ID: keymap.LogLess, Quiet: true, Disabled: cmp.Or(unfiltered, least), Run: func() tea.Msg { return p.setAround(-1) }},
	}
	return actions
}

// askFilter asks for one more filter, in force while it is typed.
func (p *logPage) askFilter() tea.Msg {
	label := "only "
	if len(p.shown.stack) > 0 {
		label = "and only "
	}
	try := func(text string) {
		p.shown.typed = strings.TrimSpace(text)
		p.refilter()
	}
	return p.askQuery(label, "", try, func(text string) tea.Msg {
		p.shown.typed = ""
		p.push(text)
		p.refilter()
		return nil
	})
}

// push adds a filter, unless it is in force already.
func (p *logPage) push(text string) {
	if text = strings.TrimSpace(text); text != "" && !slices.Contains(p.shown.stack, text) {
		p.shown.stack = append(p.shown.stack, text)
	}
}

// alsoOnly adds a filter.
func (p *logPage) alsoOnly(text string) {
	p.push(text)
	p.refilter()
}

// unfilter takes the last n filters away.
func (p *logPage) unfilter(n int) tea.Msg {
	p.shown.stack = slices.Clone(p.shown.stack[:len(p.shown.stack)-n])
	p.refilter()
	return nil
}

// setAround shows more lines around each match, or fewer.
func (p *logPage) setAround(step int) tea.Msg {
	counts := arounds()
	at := slices.Index(counts, p.shown.around)
	p.shown.around = counts[max(0, min(at+step, len(counts)-1))]
	p.refilter()
	return nil
}

// refilter looks for what the filters in force match, unless that is shown.
func (p *logPage) refilter() {
	if now := p.shown.String(); now != p.filtered {
		p.filtered = now
		p.showFiltered()
	}
}

func (p *logPage) showFiltered() {
	p.filter.end()
	p.filter = p.find(p.shown.query(), p.shown.options())
	lines := &logLines{log: p.log.Log, marked: p.lines.marked, folder: p.lines.folder, around: p.shown.around > 0}
	p.lines = lines
	p.look()
	p.window.SetLines(lines)
}
