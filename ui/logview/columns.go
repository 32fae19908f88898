package logview

import (
	"time"

	"quarterdeck/ui/cell"
)

const (
	levelWidth  = 5
	sourceMin   = 8  // cells of a source before the time gives way
	sourceStart = 12 // cells of a source before one was seen
)

// columns are what is left of the text. They grow with what they show, and do
// not shrink again, so that the text does not jump.
type columns struct {
	clock  Clock
	show   SourceColumn
	dated  bool // a time of another day was shown
	level  bool // a level was shown
	widest int  // the widest source that was shown

	gutter, time, source, levels int // their cells, with what follows them
	room                         int // for the text
}

// arrange lays the columns out in the width of the window. At most three fifths
// are theirs: first the sources are shortened, then the columns go that say
// least.
func (w *Window) arrange() {
	c, before := &w.columns, w.columns
	c.gutter, c.time, c.source, c.levels = 0, 0, 0, 0
	if w.width > 3 {
		c.gutter = 1
	}
	switch {
	case c.clock == Relative:
		c.time = 8
	case c.clock == NoClock:
	case c.dated:
		c.time = len("01-02 15:04:05.000") + 2
	default:
		c.time = len("15:04:05.000") + 2
	}
	if c.clock == UTC {
		c.time++
	}
	if c.show == SourceAlways || c.show == SourceIfMany && w.status.Sources != 1 {
		c.source = min(max(c.widest, sourceMin), max(sourceMin, w.width/4)) + 2
	}
	if c.level {
		c.levels = levelWidth + 1
	}
	limit := w.width * 3 / 5
	over := func() int { return c.gutter + c.time + c.source + c.levels - limit }
	if excess := over(); excess > 0 && c.source > 0 {
		c.source = max(sourceMin+2, c.source-excess)
	}
	for _, column := range []*int{&c.time, &c.source, &c.levels, &c.gutter} {
		if over() > 0 {
			*column = 0
		}
	}
	c.room = w.width - c.gutter - c.time - c.source - c.levels
	if before != *c || w.width != w.laid {
		w.laid = w.width
		w.layout++
	}
}

// look lets the columns grow with a line that is shown, and reports whether they
// have.
func (w *Window) look(l *Line, today time.Time) bool {
	c := &w.columns
	grown := false
	if l.Level != Unknown && !l.Marker && !c.level {
		c.level, grown = true, true
	}
	if c.show != SourceNever && len(l.Source) > c.widest {
		if width := cell.WidthUpTo(l.Source, w.width); width > c.widest {
			c.widest, grown = width, true
		}
	}
	if c.clock <= UTC && !c.dated && !l.Time.IsZero() && !sameDay(w.zoned(l.Time), today) {
		c.dated, grown = true, true
	}
	if grown {
		w.arrange()
	}
	return grown
}

// zoned returns t in the zone in which it is shown.
func (w *Window) zoned(t time.Time) time.Time {
	if w.columns.clock == UTC {
		return t.UTC()
	}
	return t.In(w.now().Location())
}

func sameDay(a, b time.Time) bool {
	return a.YearDay() == b.YearDay() && a.Year() == b.Year()
}

// appendTime appends the time of a line as the clock shows it.
func (w *Window) appendTime(dst []byte, t, now time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	layout := "15:04:05.000"
	if w.columns.dated {
		layout = "01-02 15:04:05.000"
	}
	switch w.columns.clock {
	case NoClock:
	case Relative:
		return appendAge(dst, now.Sub(t))
	case UTC:
		return append(t.UTC().AppendFormat(dst, layout), 'Z')
	case Local:
		return t.In(now.Location()).AppendFormat(dst, layout)
	}
	return dst
}
