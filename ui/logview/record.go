package logview

import (
	"fmt"
	"strings"

	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// record is what is drawn for a line, for several that repeat each other, or for
// a gap where lines are gone.
type record struct {
	first, last uint64
	line        Line
	gap         bool
	until       uint64 // the last position that was looked at for repetitions

	layout  int // that of the window when the rest was made
	room    int // cells for the text
	rows    int
	main    body
	below   []body          // what is shown when it is expanded
	details []textview.Line // the same as it was read
}

// at returns the record that starts at a position, laid out.
func (w *Window) at(pos uint64) *record {
	r := w.records[pos]
	switch {
	case r == nil && pos < w.first:
		r = &record{first: pos, last: pos, gap: true, layout: -1}
	case r == nil:
		r = &record{first: pos, last: pos, layout: -1}
		if w.lines != nil && pos < w.next {
			l, ok := w.lines.Line(pos)
			r.line, r.gap = l, !ok
		}
	}
	w.records[pos] = r
	w.extend(r)
	if r.layout != w.layout {
		w.lay(r)
		r.layout = w.layout
	}
	return r
}

// extend lets a record reach as far as it does now: a gap to the first line
// there is, a line to the last that repeats it.
func (w *Window) extend(r *record) {
	last := r.last
	switch {
	case r.gap:
		if r.last+1 < w.first && w.records[r.last+1] == nil {
			last = w.first - 1
		}
	case w.fold && !r.line.Marker && r.until+1 < w.next:
		last = w.repeated(r)
		r.until = w.next - 1
	}
	if last != r.last {
		r.last, r.layout = last, -1
	}
}

// repeated returns the last position whose line repeats the record: those in
// between do too, and each says how many came before it.
func (w *Window) repeated(r *record) uint64 {
	if r.until > r.last { // what follows is known not to repeat it
		return r.last
	}
	same := func(pos uint64) bool {
		if pos >= w.next {
			return false
		}
		l, ok := w.lines.Line(pos)
		return ok && l.Repeats >= 0 && uint64(l.Repeats) >= pos-r.first
	}
	last, step := max(r.last, w.first), uint64(1)
	if last > r.last && !same(last) { // all that repeated it are gone too
		return r.last
	}
	for same(last + step) {
		last += step
		step *= 2
	}
	for step /= 2; step > 0; step /= 2 {
		if same(last + step) {
			last += step
		}
	}
	return last
}

// previous returns where the record before a position starts, false if there is
// none.
func (w *Window) previous(pos uint64) (start uint64, ok bool) {
	if pos > w.first {
		return w.start(pos - 1), true
	}
	for start, r := range w.records { // those that are gone from the log
		if start < pos && r.last == pos-1 {
			return start, true
		}
	}
	return 0, false
}

// start returns where the record starts of which pos is a part.
func (w *Window) start(pos uint64) uint64 {
	if !w.fold || pos < w.first || pos >= w.next || w.lines == nil {
		return pos
	}
	l, _ := w.lines.Line(pos)
	start := pos - min(pos, uint64(max(0, l.Repeats)))
	if start < w.first && w.records[start] == nil {
		return w.first
	}
	return start
}

// forget drops the records that are not near the screen.
func (w *Window) forget() {
	if len(w.records) <= 4*w.height+64 {
		return
	}
	for pos := range w.records {
		if pos < w.from || pos >= w.to {
			delete(w.records, pos)
		}
	}
}

// read returns what else the record says.
func (w *Window) read(r *record) []textview.Line {
	if r.details == nil && w.detail != nil {
		r.details = w.detail(r.line)
	}
	return r.details
}

// lay makes the texts of a record and counts its rows.
func (w *Window) lay(r *record) {
	r.room = w.columns.room
	if r.gap || r.line.Marker {
		r.room = w.width - w.columns.gutter
	}
	r.main = w.text(r)
	r.below = r.below[:0]
	if _, open := w.expanded[r.line.ID]; open && !r.gap {
		for _, line := range w.read(r) {
			r.below = append(r.below, detail(line))
		}
	}
	r.rows = 1 + len(r.below)
	if w.wrap {
		r.rows = r.main.wrap(r.room)
		for i := range r.below {
			r.rows += r.below[i].wrap(r.room)
		}
	}
}

// text returns the text of the first row.
func (w *Window) text(r *record) body {
	l := &r.line
	if r.gap {
		return w.rule(fmt.Sprintf("%s lines went out of the buffer", Count(r.last-r.first+1)), theme.Warn)
	}
	if l.Marker {
		b := w.rule(l.Text, l.Level.tone())
		b.paint(nil, l.Matches)
		return b
	}
	b := body{text: l.Text}
	var notes []string
	if r.last > r.first {
		notes = append(notes, Count(r.last-r.first+1)+" times")
	}
	if l.More > 0 {
		notes = append(notes, fmt.Sprintf("+%d lines", l.More))
	}
	base := theme.Text
	if l.Context || l.Level == Trace || l.Level == Debug {
		base = theme.Muted
	}
	end := len(l.Text)
	if l.Quiet > 0 && l.Quiet < end {
		b.runs = append(b.runs, run{end: l.Quiet, tone: base}, run{end: end, tone: theme.Muted})
	} else {
		b.runs = append(b.runs, run{end: end, tone: base})
	}
	if len(notes) > 0 {
		b.note = "  " + strings.Join(notes, "  ")
	}
	var styles []Style
	if w.styled {
		styles = l.Styles
	}
	b.paint(styles, l.Matches)
	return b
}

// rule returns a text set in a rule.
func (w *Window) rule(text string, tone theme.Tone) body {
	line := strings.Repeat(w.theme.Glyphs.Rule, 2)
	b := body{text: line + " " + text + " " + line, lead: len(line) + 1}
	b.runs = []run{{end: b.lead, tone: theme.Rule}, {end: b.lead + len(text), tone: tone}, {end: len(b.text), tone: theme.Rule}}
	return b
}

// detail returns the text of a line below a record.
func detail(line textview.Line) body {
	var b body
	var text strings.Builder
	for _, span := range line {
		text.WriteString(span.Text)
		b.runs = append(b.runs, run{end: text.Len(), tone: span.Tone})
	}
	b.text = text.String()
	return b
}
