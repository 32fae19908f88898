package logview

import (
	"fmt"
	"strings"

	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// longest is how many lines are shown as one at least, if they belong together;
// twice as many at most. More are shown as several, so that the screen never
// depends on more lines than that.
const longest = 1024

// record is what is drawn for a line and those that are shown with it as one,
// or for a gap where lines are gone.
type record struct {
	first, last uint64
	line        Line
	gap         bool
	source      theme.Tone // of its source
	closed      bool       // the next line does not belong to it
	repeats     int        // how many times the line was said again
	continued   int        // how many lines continue it

	layout int // that of the window when the rest was made
	room   int // cells for the text
	rows   int
	main   body
	below  []body // of members, then details, when it is expanded

	members []member        // the lines that continue it
	looked  uint64          // the position up to which members were read
	details []textview.Line // what else there is to say about it
	asked   bool            // for the details
}

// member is a line that continues a record.
type member struct {
	pos  uint64
	line Line
}

// at returns the record that starts at a position, laid out.
func (w *Window) at(pos uint64) *record {
	r := w.records[pos]
	if r == nil {
		r = &record{first: pos, last: pos, looked: pos + 1, gap: pos < w.first, layout: -1}
		if !r.gap && w.lines != nil && pos < w.next {
			l, ok := w.lines.Line(pos)
			r.line, r.gap, r.source = l, !ok, theme.ContextTone(l.Source)
		}
		w.records[pos], w.ends[pos] = r, r
	}
	w.extend(r)
	if r.layout != w.layout {
		w.lay(r)
		r.layout = w.layout
	}
	return r
}

// extend lets a record reach as far as it does now: a gap to the first line
// there is, a line to the last that belongs to it.
func (w *Window) extend(r *record) {
	last := r.last
	switch {
	case r.gap:
		if last+1 < w.first && w.records[last+1] == nil {
			last = w.first - 1
		}
	case !w.fold && !w.join || r.closed:
		return
	default:
		for end := cut(r.first); !r.closed && last+1 < w.next; last++ {
			kin := Alone
			if last+1 >= w.first && last+1 < end && w.records[last+1] == nil {
				kin = w.kin(last + 1)
			}
			switch kin {
			case Alone:
				r.closed = true
			case Continues:
				r.continued++
			case Repeats:
				r.repeats++
			}
			if r.closed {
				break
			}
		}
	}
	if last != r.last {
		delete(w.ends, r.last)
		r.last, r.layout = last, -1
		w.ends[last] = r
	}
}

// kin says how a line is shown with the one before it.
func (w *Window) kin(pos uint64) Kin {
	switch kin := w.lines.Kin(pos); {
	case kin == Continues && w.join:
		return Continues
	case kin == Repeats && w.fold:
		if w.join && pos > w.first && w.lines.Kin(pos-1) == Continues {
			return Alone
		}
		return Repeats
	}
	return Alone
}

// cut returns the position at which a record that starts at the given one is
// ended in any case: a multiple of longest, so that it does not matter from
// where one comes.
func cut(start uint64) uint64 { return (start + 2*longest - 1) / longest * longest }

// start returns where the record starts of which a position is a part.
func (w *Window) start(pos uint64) uint64 {
	if !w.fold && !w.join || w.lines == nil || pos < w.first || pos >= w.next {
		return pos
	}
	aligned := pos / longest * longest
	floor := max(w.first, aligned-min(aligned, longest))
	for p := pos; ; p-- {
		if r := w.ends[p]; r != nil && !r.gap {
			if p == pos || cut(r.first) > pos {
				return r.first
			}
			return p + 1
		}
		if p > floor && w.kin(p) != Alone {
			continue
		}
		// Here it starts, or so far back that it is cut in any case.
		if cut(p) > pos {
			return p
		}
		return aligned
	}
}

// previous returns where the record before a position starts, false if there is
// none.
func (w *Window) previous(pos uint64) (start uint64, ok bool) {
	if pos > w.first {
		return w.start(pos - 1), true
	}
	if r := w.ends[pos-1]; pos > 0 && r != nil { // kept, though it is gone from the log
		return r.first, true
	}
	return 0, false
}

// forget drops records.
func (w *Window) forget(which func(*record) bool) {
	for pos, r := range w.records {
		if which(r) {
			delete(w.records, pos)
			delete(w.ends, r.last)
		}
	}
}

// group changes which lines are shown as one.
func (w *Window) group(fold, join bool) {
	if fold == w.fold && join == w.join {
		return
	}
	w.keep(func() {
		w.fold, w.join = fold, join
		w.forget(func(r *record) bool { return r.first >= w.first })
		for _, r := range w.records {
			if !r.gap {
				delete(w.ends, r.last)
				r.last, r.closed, r.repeats, r.continued = r.first, false, 0, 0
				r.members, r.looked = nil, r.first+1
				w.ends[r.last] = r
			}
		}
		w.layout++
		w.top.pos, w.cursor.pos = w.start(w.top.pos), w.start(w.cursor.pos)
	})
}

// read reads what else a record says.
func (w *Window) read(r *record) {
	for ; r.looked <= r.last && len(r.members) < r.continued; r.looked++ {
		if r.looked < w.first || w.lines.Kin(r.looked) != Continues {
			continue
		}
		if l, ok := w.lines.Line(r.looked); ok {
			r.members = append(r.members, member{r.looked, l})
		}
	}
	if !r.asked && w.detail != nil {
		r.asked, r.details = true, w.detail(r.line)
	}
}

// lay makes the texts of a record and counts its rows.
func (w *Window) lay(r *record) {
	r.room = w.columns.room
	if r.gap || r.line.Marker {
		r.room = w.width - w.columns.gutter
	}
	r.main = w.text(r)
	r.below = nil
	if _, open := w.expanded[r.line.ID]; open && !r.gap {
		w.read(r)
		for i := range r.members {
			r.below = append(r.below, w.line(&r.members[i].line))
		}
		for _, line := range r.details {
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

// bodyOf returns which of the record's texts has a row: 0 is the first, the
// others are those below.
func (r *record) bodyOf(row int, wrapped bool) int {
	if !wrapped {
		return min(row, len(r.below))
	}
	row -= r.main.rows
	i := 0
	for ; row >= 0 && i < len(r.below); i++ {
		row -= r.below[i].rows
	}
	return i
}

// above returns how many rows the wrapped texts before text i take.
func (r *record) above(i int) int {
	if i == 0 {
		return 0
	}
	n := r.main.rows
	for k := range i - 1 {
		n += r.below[k].rows
	}
	return n
}

// text returns the first of the record's texts.
func (w *Window) text(r *record) body {
	l := &r.line
	if r.gap {
		return w.rule(lines(r.last-r.first+1)+" went out of the buffer", theme.Warn)
	}
	if l.Marker {
		b := w.rule(l.Text, l.Level.tone())
		b.paint(nil, l.Matches)
		return b
	}
	b := w.line(l)
	if r.repeats > 0 {
		b.note += fmt.Sprintf("  %d times", r.repeats+1)
	}
	if r.continued > 0 {
		b.note += "  +" + lines(uint64(r.continued))
	}
	return b
}

// line returns the text of a line.
func (w *Window) line(l *Line) body {
	base := theme.Text
	if l.Context || l.Level == Trace || l.Level == Debug {
		base = theme.Muted
	}
	b := body{text: l.Text, runs: make([]run, 0, 2)}
	if l.Quiet > 0 && l.Quiet < len(l.Text) {
		b.runs = append(b.runs, run{end: l.Quiet, tone: base})
		base = theme.Muted
	}
	b.runs = append(b.runs, run{end: len(l.Text), tone: base})
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
