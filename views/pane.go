package views

import (
	"strings"

	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// The detail pane stands beside the list where there is room for both, below it
// otherwise.
const (
	besideFrom = 140 // width from which it stands beside the list
	paneWidth  = 52
	paneHeight = 9

	paneHanging = 19 // cells that a pane of the resource leaves free before its texts
)

// split returns the size of the list, and a function that puts the detail pane
// to it, nil if none is shown.
func (l *list[T]) split(width, height int) (listWidth, listHeight int, pane func(string) string) {
	o, ok := l.table.Selected()
	beside := width >= besideFrom && l.res.Pane == nil
	before := l.paneShown
	l.paneShown = ok && (l.detail == DetailOn || (l.detail == DetailAuto && (beside || l.res.Pane != nil))) && height > 2*paneHeight
	if !l.paneShown {
		return width, height, nil
	}
	if !before {
		l.moved.Send() // nothing was read for it as long as it was not there
	}
	th := l.session.Theme
	p := textview.New(th)
	p.SetWrap(true)
	if l.res.Pane != nil {
		return l.below(p, o, width, height)
	}
	p.SetLines(l.details(o))
	if beside {
		p.SetSize(paneWidth, height)
		divider := th.Render(theme.Rule, th.Glyphs.Divider) + " "
		return width - paneWidth - 2, height, func(list string) string {
			left, right := strings.Split(list, "\n"), strings.Split(p.View(), "\n")
			for i := range left {
				left[i] += divider + right[i]
			}
			return strings.Join(left, "\n")
		}
	}
	p.SetSize(width, paneHeight-1)
	rule := th.Render(theme.Rule, strings.Repeat(th.Glyphs.Rule, width))
	return width, height - paneHeight, func(list string) string { return list + "\n" + rule + "\n" + p.View() }
}

// below puts a pane that a resource makes itself below the list: it has something
// to read, so it gets what the rows leave free.
func (l *list[T]) below(p *textview.Pager, o T, width, height int) (listWidth, listHeight int, pane func(string) string) {
	rows := max(paneHeight, min(height/2, height-l.table.Len()-2))
	var found any
	if l.studies.of == string(o.Head().UID) {
		found = l.studies.found
	}
	p.SetWrap(width >= besideFrom) // where there is little room, more facts say more than long ones
	p.SetHanging(paneHanging)
	p.SetLines(l.res.Pane(o, found, l.env))
	p.SetSize(width, rows-1)
	th := l.session.Theme
	rule := th.Render(theme.Rule, strings.Repeat(th.Glyphs.Rule, width))
	return width, height - rows, func(list string) string { return list + "\n" + rule + "\n" + p.View() }
}

// details returns what the pane says of an object: what the resource adds, the
// columns that have something to say, labels.
func (l *list[T]) details(o T) []textview.Line {
	m := o.Head()
	lines := []textview.Line{{
		{Text: l.res.ref(o).String(), Tone: theme.Title},
	}}
	if l.res.Detail != nil {
		lines = append(lines, l.res.Detail(o, l.env)...)
	}
	for _, c := range l.cols {
		if c.ID == "name" || c.ID == "labels" {
			continue
		}
		v := c.Value(o, l.env)
		if s := v.Format(l.env.Now); s != "" {
			tone := theme.Text
			if c.Tone != nil {
				tone = c.Tone(o, l.env)
			}
			lines = append(lines, fact(c.Title, s, tone))
		}
	}
	if m.Owner != nil {
		lines = append(lines, fact("owner", strings.ToLower(m.Owner.Kind)+"/"+m.Owner.Name, theme.Text))
	}
	if m.Created != 0 {
		lines = append(lines, fact("created", shortTime(m.Created), theme.Text))
	}
	for i, label := range strings.Split(m.Labels.String(), ",") {
		name := ""
		if i == 0 {
			name = "labels"
		}
		if label != "" {
			lines = append(lines, fact(name, label, theme.Text))
		}
	}
	return lines
}

// factHanging is how far the values of facts stand behind their names.
const factHanging = 13

// fact is one line of a name and a value.
func fact(name, value string, tone theme.Tone) textview.Line {
	return textview.Line{
		{Text: cell.Pad(strings.ToLower(name), factHanging-1, cell.Left) + " ", Tone: theme.Field},
		{Text: value, Tone: tone},
	}
}
