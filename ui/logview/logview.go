// Package logview shows a window over a log of up to millions of lines that
// grows at its end and loses its oldest lines, as they arrive or held still.
//
// Only what is on screen is ever read, measured, wrapped and drawn: a place is
// a line and one of its rows, everything else is a few steps from there, and no
// total height is ever needed. So neither the number of lines nor wrapping them
// matters to the speed of a key.
//
// While it follows, the last lines are on screen. Once paused, nothing moves
// but by the user: the lines on screen are kept even if the log gives them up.
//
// A Window is not safe for concurrent use; it lives in the goroutine that
// updates the screen. What it reads may grow meanwhile.
package logview

import (
	"math"
	"time"

	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// Lines is a log. Its lines have consecutive positions, which stay with them;
// those that show only some lines of a log number just these.
type Lines interface {
	First() uint64 // the position of the oldest line; it may also go down, while older ones are still found
	Next() uint64  // the position after that of the newest line
	// Line returns the line at a position, false if it is gone. Its strings
	// and slices must not change any more.
	Line(pos uint64) (Line, bool)
	// Kin says how the line at a position belongs to the one at the position
	// before. It is asked for more lines than are shown.
	Kin(pos uint64) Kin
}

// Kin is how a line belongs to the one before it.
type Kin uint8

// The ways to belong.
const (
	Alone     Kin = iota
	Continues     // another line of its record, as in a stack trace
	Repeats       // a line that says the same
)

// Line is one line of a log.
type Line struct {
	ID     uint64 // whatever else is shown, the same; ascends with the position
	Time   time.Time
	Source string // who wrote it, short
	Level  Level
	// Text is what was written, without escape sequences. From the byte Quiet
	// on, unless that is 0, it is less important, such as fields.
	Text    string
	Quiet   int
	Marker  bool    // said about the log, not in it: drawn as a rule
	Context bool    // only near what is wanted: drawn muted, and marked
	Skip    bool    // lines between the one before and this are left out
	Matches []Span  // what is searched for, in their order
	Styles  []Style // the colours of whoever wrote it, in their order
}

// Span is a part of a text in bytes, the end not included.
type Span struct{ Start, End int }

// Style is how a text was to be drawn from the byte At on, up to the next one:
// the parameters of an SGR sequence, such as 1;31, and "" for none.
type Style struct {
	At  int
	SGR string
}

// Level is how serious a line is.
type Level uint8

// The levels.
const (
	Unknown Level = iota
	Trace
	Debug
	Info
	Warn
	Error
	Fatal
)

// word returns the level in at most levelWidth cells.
func (l Level) word() string {
	return [...]string{"", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}[min(l, Fatal)]
}

// tone returns the tone of the word.
func (l Level) tone() theme.Tone {
	switch {
	case l >= Error:
		return theme.Error
	case l == Warn:
		return theme.Warn
	}
	return theme.Muted
}

// Clock says how the times of lines are shown.
type Clock uint8

// The clocks.
const (
	Local Clock = iota
	UTC
	Relative // how long ago
	NoClock
)

// SourceColumn says when the column of sources is shown.
type SourceColumn uint8

// The ways to show it.
const (
	SourceIfMany SourceColumn = iota // if Status.Sources is not 1
	SourceAlways
	SourceNever
)

// Window shows a part of Lines.
type Window struct {
	theme  *theme.Theme
	now    func() time.Time
	lines  Lines
	detail func(Line) []textview.Line
	status Status

	first, next uint64 // of lines, when last looked

	width, height int
	columns       columns
	wrap          bool
	fold, join    bool
	styled        bool // the colours of whoever wrote the lines are shown

	follow      bool
	top, cursor place  // of a paused window
	seen        uint64 // the position after the newest line that was on screen, or there when it was paused
	from, to    uint64 // the positions on screen, to not included
	x           int    // how many cells are scrolled out to the left, if lines are not wrapped
	hiddenRight bool   // a line on screen goes on to the right
	sought      sought

	marking bool
	mark    uint64 // where the block starts

	expanded map[uint64]struct{} // by Line.ID
	records  map[uint64]*record  // those near the screen, by their first position
	ends     map[uint64]*record  // the same by their last
	layout   int                 // counts the changes after which records are laid out anew
	laid     int                 // the width for which the columns are laid out
	frame    []byte              // reused by View
}

// New returns a window that follows no lines yet. now says what time it is, for
// ages and to leave out today's date, and in which zone that is.
func New(th *theme.Theme, now func() time.Time) *Window {
	w := &Window{
		theme: th, now: now, follow: true, join: true,
		expanded: map[uint64]struct{}{}, records: map[uint64]*record{}, ends: map[uint64]*record{},
	}
	w.arrange()
	return w
}

// SetTheme changes how the lines are drawn.
func (w *Window) SetTheme(th *theme.Theme) { w.theme, w.layout = th, w.layout+1 }

// SetLines shows other lines, for example fewer of the same log. A paused
// window stays at the line with the same ID, or the next there is.
func (w *Window) SetLines(lines Lines) {
	w.settle()
	if !w.follow && !w.sought.on && !w.empty() {
		if r := w.at(w.cursor.pos); !r.gap {
			w.sought = sought{on: true, id: r.line.ID, row: max(0, w.distance(w.top, w.cursor))}
		}
	}
	w.renew(lines)
}

// Replace shows the lines of another log. A paused window stays at the line
// with the given ID, or the next there is.
func (w *Window) Replace(lines Lines, id uint64) {
	w.settle()
	w.sought = sought{}
	if !w.follow {
		w.sought = sought{on: true, id: id, row: max(0, w.distance(w.top, w.cursor))}
	}
	clear(w.expanded)
	w.renew(lines)
}

// renew takes other lines, of which none is known.
func (w *Window) renew(lines Lines) {
	w.sought.oldest = math.MaxUint64
	w.lines, w.marking = lines, false
	clear(w.records)
	clear(w.ends)
	w.from, w.to = 0, 0
	w.sync()
	w.seen = w.next
	w.settle()
}

// Refresh reads the lines on screen anew: what they say or what matches in them
// has changed.
func (w *Window) Refresh() {
	w.forget(func(r *record) bool { return r.first >= w.first })
}

// SetDetail sets where the lines come from that are shown below a record when it
// is expanded; none means that it cannot be.
func (w *Window) SetDetail(detail func(Line) []textview.Line) { w.detail = detail }

// SetSize sets the size in cells, the line of the status included.
func (w *Window) SetSize(width, height int) {
	width, height = max(0, width), max(0, height)
	if width == w.width && height == w.height {
		return
	}
	w.keep(func() {
		w.width, w.height = width, height
		w.arrange()
	})
}

// SetWrap says whether long lines are wrapped or cut.
func (w *Window) SetWrap(wrap bool) {
	w.keep(func() { w.wrap, w.x, w.layout = wrap, 0, w.layout+1 })
}

// Wrapped reports whether long lines are wrapped.
func (w *Window) Wrapped() bool { return w.wrap }

// SetFold says whether lines that repeat the one before are shown once, with
// their number.
func (w *Window) SetFold(fold bool) { w.group(fold, w.join) }

// Folded reports whether repeated lines are shown once.
func (w *Window) Folded() bool { return w.fold }

// SetJoin says whether the lines of a record are shown as one, with the number
// of the others, until it is expanded.
func (w *Window) SetJoin(join bool) { w.group(w.fold, join) }

// Joined reports whether the lines of a record are shown as one.
func (w *Window) Joined() bool { return w.join }

// SetStyled says whether the colours of whoever wrote the lines are shown.
func (w *Window) SetStyled(styled bool) { w.styled, w.layout = styled, w.layout+1 }

// Styled reports whether the colours of whoever wrote the lines are shown.
func (w *Window) Styled() bool { return w.styled }

// SetClock says how times are shown.
func (w *Window) SetClock(clock Clock) {
	w.keep(func() {
		w.columns.clock, w.columns.dated = clock, false
		w.arrange()
	})
}

// Clock returns how times are shown.
func (w *Window) Clock() Clock { return w.columns.clock }

// SetSourceColumn says when the column of sources is shown.
func (w *Window) SetSourceColumn(show SourceColumn) {
	w.keep(func() {
		w.columns.show = show
		w.arrange()
	})
}

// SetStatus changes what the first line says.
func (w *Window) SetStatus(s Status) {
	if s.Sources == w.status.Sources {
		w.status = s
		return
	}
	w.keep(func() {
		w.status = s
		w.arrange()
	})
}

// Following reports whether the last lines are on screen and new ones push them
// up.
func (w *Window) Following() bool { return w.follow }

// New returns how many lines have come since the window was paused and have not
// been on screen.
func (w *Window) New() uint64 {
	w.sync()
	if w.follow || w.seen >= w.next {
		return 0
	}
	return w.next - max(w.seen, w.first)
}

// See takes the lines before a position for seen: they are not New.
func (w *Window) See(pos uint64) { w.seen = max(w.seen, pos) }

// Cursor returns the position of the line under the cursor, the last one in a
// window that follows; false if there is none.
func (w *Window) Cursor() (pos uint64, ok bool) {
	w.settle()
	if w.empty() {
		return 0, false
	}
	r := w.at(w.cursor.pos)
	if i := r.bodyOf(w.cursor.row, w.wrap); i > 0 && i <= len(r.members) {
		return r.members[i-1].pos, true
	}
	return r.first, true
}

// Current returns the line under the cursor; false if there is none.
func (w *Window) Current() (Line, bool) {
	pos, ok := w.Cursor()
	if !ok {
		return Line{}, false
	}
	r := w.at(w.cursor.pos)
	for _, m := range r.members {
		if m.pos == pos {
			return m.line, true
		}
	}
	return r.line, !r.gap
}

// Toggle shows or hides what else the record under the cursor says, and pauses.
// It reports whether there is anything.
func (w *Window) Toggle() bool {
	w.Pause()
	if w.empty() {
		return false
	}
	r := w.at(w.cursor.pos)
	if r.gap {
		return false
	}
	if _, open := w.expanded[r.line.ID]; open {
		delete(w.expanded, r.line.ID)
	} else {
		if w.read(r); len(r.members) == 0 && len(r.details) == 0 {
			return false
		}
		w.expanded[r.line.ID] = struct{}{}
	}
	w.keep(func() { r.layout = -1 })
	// As much of what came is shown as there is room for.
	end := place{w.cursor.pos, w.at(w.cursor.pos).rows - 1}
	if low := w.back(end, max(0, w.body()-1)); w.top.before(low) {
		w.top = low
		if w.cursor.before(w.top) {
			w.top = w.cursor
		}
	}
	return true
}

// Mark starts a block of lines at the cursor, or forgets it, and pauses.
func (w *Window) Mark() {
	w.Pause()
	w.marking, w.mark = !w.marking && !w.empty(), w.cursor.pos
}

// Marked reports whether a block was started.
func (w *Window) Marked() bool { return w.marking }

// Block returns the positions from the start of the block to the cursor, both
// included, or those of the line under the cursor and what is shown with it as
// one; false if there is none.
func (w *Window) Block() (first, last uint64, ok bool) {
	w.settle()
	if w.empty() {
		return 0, 0, false
	}
	first, last = w.cursor.pos, w.at(w.cursor.pos).last
	if w.marking {
		first, last = min(first, w.mark), max(last, w.mark)
	}
	return first, last, true
}
