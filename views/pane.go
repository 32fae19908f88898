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
)

// split returns the size of the list, and a function that puts the detail pane
// to it, nil if none is shown.
func (l *list[T]) split(width, height int) (listWidth, listHeight int, pane func(string) string) {
	o, ok := l.table.Selected()
	beside := width >= besideFrom
	l.paneShown = ok && (l.detail == DetailOn || (l.detail == DetailAuto && beside)) && height > 2*paneHeight
	if !l.paneShown {
		return width, height, nil
	}
	p := textview.New(l.session.Theme)
	p.SetLines(l.details(o))
	p.SetWrap(true)
	th := l.session.Theme
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

// fact is one line of a name and a value.
func fact(name, value string, tone theme.Tone) textview.Line {
	return textview.Line{
		{Text: cell.Pad(strings.ToLower(name), 12, cell.Left) + " ", Tone: theme.Field},
		{Text: value, Tone: tone},
	}
}
