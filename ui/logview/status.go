package logview

import (
	"slices"
	"strconv"
	"time"

	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// headed is the least height at which the first line is that of the status.
const headed = 3

// Status is what the first line says of the log.
type Status struct {
	Facts   []Fact // such as how many sources there are and whether they are live
	Sources int    // that have written, or will
	Still   bool   // nothing more comes

	Lines           uint64  // read so far
	Rate, ErrorRate float64 // lines a second
	Gone            uint64  // oldest lines given up for newer ones
	Limit           string  // why, such as 256 MiB
	Dropped         uint64  // lines that were never kept
	Cut             uint64  // lines that were too long and are not whole

	Filter  string // what is shown of the log, "" for all
	Search  bool   // something is searched for
	Match   int    // which match the cursor is at, counted from 1; 0 for none
	Matches int    // how many there are
	More    bool   // not all lines are searched yet

	Rates []Rate // over time, the newest last
	Empty string // what the screen says while there are no lines
}

// Fact is a piece of the first line. What is Text or Muted goes first when there
// is no room.
type Fact struct {
	Text string
	Tone theme.Tone
}

// facts returns what the line says on its left.
func (w *Window) facts() []Fact {
	s := &w.status
	facts := slices.Clone(s.Facts)
	add := func(tone theme.Tone, text string) { facts = append(facts, Fact{text, tone}) }
	if s.Filter != "" {
		add(theme.Accent, "only "+s.Filter)
	}
	if s.ErrorRate > 0 {
		add(theme.Error, PerSecond(s.ErrorRate)+" err/s")
	}
	if s.Dropped > 0 {
		add(theme.Error, Count(s.Dropped)+" dropped")
	}
	if s.Cut > 0 {
		add(theme.Warn, Count(s.Cut)+" cut short")
	}
	add(theme.Text, lines(s.Lines))
	if s.Gone > 0 {
		gone := Count(s.Gone) + " oldest gone"
		if s.Limit != "" {
			gone += " (" + s.Limit + ")"
		}
		add(theme.Warn, gone)
	}
	if s.Rate > 0 {
		add(theme.Muted, PerSecond(s.Rate)+"/s")
	}
	return facts
}

// state returns what the line says on its right.
func (w *Window) state() []Fact {
	var facts []Fact
	if s := &w.status; s.Search {
		match := "match " + strconv.Itoa(s.Match) + "/" + Count(uint64(max(0, s.Matches)))
		if s.More {
			match += "+"
		}
		facts = append(facts, Fact{match, theme.Muted})
	}
	switch {
	case w.follow && w.status.Still:
		return append(facts, Fact{"end", theme.Muted})
	case w.follow:
		return append(facts, Fact{"follow", theme.Busy})
	}
	if n := w.New(); n > 0 {
		facts = append(facts, Fact{Count(n) + " new", theme.Accent})
	}
	return append(facts, Fact{"paused", theme.Warn})
}

// head draws the line of the status.
func (w *Window) head(p *painter) {
	const gap = 2
	between := " " + w.theme.Glyphs.Separator + " "
	state, facts := w.state(), w.facts()
	right := gap * len(state)
	for _, f := range state {
		right += cell.Width(f.Text)
	}
	// The graph needs the room that what is wrong leaves.
	sparks := min(len(w.status.Rates), w.width/8)
	loud := slices.DeleteFunc(slices.Clone(facts), Fact.quiet)
	if sparks > 0 && 1+length(loud, between)+gap+sparks+right <= w.width {
		right += gap + sparks
	} else {
		sparks = 0
	}
	p.put(theme.Text, " ")
	p.limit = max(0, w.width-right)
	for i, f := range shorten(facts, p.limit-1, between) {
		if i > 0 {
			p.put(theme.Muted, between)
		}
		p.put(f.Tone, f.Text)
	}
	p.limit = w.width
	p.space(w.width - right - p.used)
	p.space(gap)
	if sparks > 0 {
		rates := w.status.Rates[len(w.status.Rates)-sparks:]
		most := highest(rates)
		for _, r := range rates {
			tone := theme.Muted
			if r.Errors > 0 {
				tone = theme.Error
			}
			p.glyph(tone, spark(&w.theme.Glyphs, r.Lines, most))
		}
		p.space(gap)
	}
	for i, f := range state {
		if i > 0 {
			p.space(gap)
		}
		p.put(f.Tone, f.Text)
	}
	p.space(w.width - p.used)
}

// quiet reports whether a fact says that all is well.
func (f Fact) quiet() bool { return f.Tone == theme.Text || f.Tone == theme.Muted }

// length returns how many cells facts take.
func length(facts []Fact, between string) int {
	width := cell.Width(between) * max(0, len(facts)-1)
	for _, f := range facts {
		width += cell.Width(f.Text)
	}
	return width
}

// shorten leaves facts out until the others have the room: first those that are
// quiet, the last of them first.
func shorten(facts []Fact, room int, between string) []Fact {
	for _, quiet := range []bool{true, false} {
		for i := len(facts) - 1; i > 0 && length(facts, between) > room; i-- {
			if facts[i].quiet() == quiet {
				facts = slices.Delete(facts, i, i+1)
			}
		}
	}
	return facts
}

// Count writes a number so that its thousands can be read.
func Count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// lines writes a number of lines.
func lines(n uint64) string {
	if n == 1 {
		return "1 line"
	}
	return Count(n) + " lines"
}

// appendAge appends how long ago something was: 12.3s, 4m12s, 3h07m, 2d04h.
func appendAge(dst []byte, d time.Duration) []byte {
	if d < 0 {
		d = 0
	}
	pair := func(big, small int64, units string) []byte {
		dst = append(strconv.AppendInt(dst, big, 10), units[0])
		if small < 10 {
			dst = append(dst, '0')
		}
		return append(strconv.AppendInt(dst, small, 10), units[1])
	}
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		tenths := int64(d / (100 * time.Millisecond))
		dst = append(strconv.AppendInt(dst, tenths/10, 10), '.')
		return append(strconv.AppendInt(dst, tenths%10, 10), 's')
	case d < time.Hour:
		return pair(int64(d/time.Minute), int64(d%time.Minute/time.Second), "ms")
	case d < day:
		return pair(int64(d/time.Hour), int64(d%time.Hour/time.Minute), "hm")
	case d < 100*day:
		return pair(int64(d/day), int64(d%day/time.Hour), "dh")
	}
	return append(strconv.AppendInt(dst, int64(d/day), 10), 'd')
}
