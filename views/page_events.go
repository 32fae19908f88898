package views

import (
	"context"
	"strconv"
	"strings"
	"time"

	"quarterdeck/kube/detail"
	"quarterdeck/kube/field"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

func loadEvents(ctx context.Context, p *page) (pageText, error) {
	r, err := p.session.reader()
	if err != nil {
		return pageText{}, err
	}
	found, err := r.Events(ctx, p.ref)
	if err != nil {
		return pageText{}, err
	}
	detail.WarningsFirst(found.Events)
	head := countOf(len(found.Events), "event") + " of " + p.ref.String()
	if children := found.Objects - 1; children > 0 {
		head += " and " + countOf(children, "object") + " that belong to it"
	}
	text := pageText{lines: []textview.Line{{{Text: head + ", warnings first", Tone: theme.Muted}}}}
	if len(found.Events) == 0 {
		text.lines = append(text.lines, textview.Line{{Text: "no events: the server keeps them for an hour or so"}})
	} else {
		table, hang := eventTable(found.Events, p.session.Now())
		text.lines, text.hang = append(text.lines, table...), hang
	}
	if len(found.Partial) > 0 { // the others say the same of other kinds
		text.partial = "some events may be missing: " + p.session.explain(found.Partial[0], "list "+p.kind.title, placeOf(p.ref))
	}
	return text, nil
}

// eventColumns are the titles over events; the message, which may be long, is
// the last.
var eventColumns = [...]struct {
	title string
	align cell.Align
}{{"AGE", cell.Right}, {"TYPE", cell.Left}, {"REASON", cell.Left}, {"OBJECT", cell.Left}, {"COUNT", cell.Right}, {"MESSAGE", cell.Left}}

// objectWidth is how long the name of an event's object may be before its middle
// is left out: the message should have room beside it.
const objectWidth = 30

// eventTable returns events in aligned columns under their titles, and the
// column at which the messages begin.
func eventTable(events []detail.Event, now time.Time) (lines []textview.Line, message int) {
	type row [len(eventColumns)]string
	var titles row
	for i, c := range eventColumns {
		titles[i] = c.title
	}
	rows := []row{titles}
	for _, e := range events {
		about := cell.Middle(shortKind(e.Kind)+"/"+e.Name, objectWidth)
		if e.Gone {
			about += " (deleted)"
		}
		rows = append(rows, row{
			field.Age(now.Unix() - e.Last.Unix()), e.Type, e.Reason, about, strconv.Itoa(max(1, e.Count)), strings.TrimSpace(e.Message),
		})
	}
	var widths [len(eventColumns)]int
	for _, r := range rows {
		for i, text := range r {
			widths[i] = max(widths[i], cell.Width(text))
		}
	}
	const last = len(eventColumns) - 1
	for _, w := range widths[:last] {
		message += w + 2
	}
	for n, r := range rows {
		tones := [len(eventColumns)]theme.Tone{theme.Muted, theme.Text, theme.Text, theme.Field, theme.Muted, theme.Text}
		switch {
		case n == 0:
			for i := range tones {
				tones[i] = theme.Title
			}
		case events[n-1].Warning():
			tones[1], tones[2] = theme.Warn, theme.Warn
		}
		var line textview.Line
		for i, text := range r[:last] {
			line = append(line, textview.Span{Text: cell.Pad(text, widths[i], eventColumns[i].align) + "  ", Tone: tones[i]})
		}
		lines = append(lines, append(line, textview.Span{Text: r[last], Tone: tones[last]}))
	}
	return lines, message
}
