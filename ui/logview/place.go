package logview

import (
	"sort"
	"time"
)

// place is a row of a record: pos is the record's first position.
type place struct {
	pos uint64
	row int
}

func (p place) before(q place) bool { return p.pos < q.pos || p.pos == q.pos && p.row < q.row }

// sought is where a window that was given other lines wants to be again, as
// long as they may still be found.
type sought struct {
	on  bool
	id  uint64 // of the line under the cursor
	row int    // of the screen on which it was

	oldest uint64 // the oldest position when it was last looked for
}

// body returns how many rows of the screen show lines.
func (w *Window) body() int {
	if w.height < headed {
		return w.height
	}
	return w.height - 1
}

// empty reports whether there is nothing to show.
func (w *Window) empty() bool { return w.first == w.next && len(w.records) == 0 }

// sync looks what lines there are. Of those that are gone only the ones on the
// screen of a paused window are kept.
func (w *Window) sync() {
	if w.lines == nil {
		return
	}
	was := w.first
	w.first = w.lines.First()
	w.next = max(w.first, w.lines.Next())
	if w.first <= was {
		return
	}
	w.forget(func(r *record) bool {
		return r.first < w.first && (w.follow || r.first < w.from || r.first >= w.to)
	})
}

// settle makes the places ones that exist, in a window that follows the last
// ones.
func (w *Window) settle() {
	w.sync()
	if w.empty() {
		w.top, w.cursor = place{pos: w.first}, place{pos: w.first}
		return
	}
	if w.follow {
		w.cursor = w.last()
		w.top = w.back(w.cursor, w.body()-1)
		w.seen = w.next
		return
	}
	w.seek()
	w.cursor, w.top = w.clamp(w.cursor), w.clamp(w.top)
	if w.cursor.before(w.top) {
		w.cursor = w.top
	}
}

// clamp returns p, or the next place that exists.
func (w *Window) clamp(p place) place {
	if p.pos >= w.next && w.records[p.pos] == nil {
		return w.last()
	}
	p.row = max(0, min(p.row, w.at(p.pos).rows-1))
	return p
}

// seek goes to the line that was under the cursor before the lines were
// replaced, until there can be no better one.
func (w *Window) seek() {
	if !w.sought.on || w.first == w.next {
		return
	}
	if w.first > w.sought.oldest { // lines go, so none are found any more
		w.sought = sought{}
		return
	}
	w.sought.oldest = w.first
	id := w.sought.id
	pos := w.search(func(l Line) bool { return l.ID >= id })
	w.cursor = place{pos: w.start(pos)}
	w.top = w.back(w.cursor, min(w.sought.row, max(0, w.body()-1)))
	if oldest, ok := w.lines.Line(w.first); ok && oldest.ID <= id {
		w.sought = sought{}
	}
}

// search returns the first position for whose line reached is true, given that
// it stays so; else the last one.
func (w *Window) search(reached func(Line) bool) uint64 {
	n := sort.Search(int(w.next-w.first), func(i int) bool {
		l, ok := w.lines.Line(w.first + uint64(i))
		return ok && reached(l)
	})
	return min(w.first+uint64(n), w.next-1)
}

// last returns the last row of all.
func (w *Window) last() place {
	pos, ok := w.previous(w.next)
	if !ok { // all lines are gone but those kept for the screen
		for start := range w.records {
			pos = max(pos, start)
		}
	}
	r := w.at(pos)
	for r.last+1 < w.next {
		r = w.at(r.last + 1)
	}
	return place{r.first, r.rows - 1}
}

// back returns the place n rows before p, or the first.
func (w *Window) back(p place, n int) place {
	for n > p.row {
		pos, ok := w.previous(p.pos)
		if !ok {
			return place{pos: p.pos}
		}
		n -= p.row + 1
		p = place{pos, w.at(pos).rows - 1}
	}
	p.row -= max(0, n)
	return p
}

// forward returns the place n rows after p, or the last.
func (w *Window) forward(p place, n int) place {
	for {
		r := w.at(p.pos)
		left := max(0, r.rows-1-p.row)
		if n <= left {
			p.row += n
			return p
		}
		if r.last+1 >= w.next {
			return place{p.pos, r.rows - 1}
		}
		n -= left + 1
		p = place{pos: r.last + 1}
	}
}

// distance returns how many rows q is after p, at most those of the screen; -1
// if it is before.
func (w *Window) distance(p, q place) int {
	if q.before(p) {
		return -1
	}
	n := 0
	for p.pos < q.pos && n < w.height {
		r := w.at(p.pos)
		n += r.rows - p.row
		p = place{pos: r.last + 1}
	}
	return min(n+q.row-p.row, w.height)
}

// keep does what changes the rows of records, and leaves the cursor on its line
// of the screen.
func (w *Window) keep(do func()) {
	if w.follow || w.lines == nil {
		do()
		return
	}
	w.settle()
	row := w.distance(w.top, w.cursor)
	do()
	w.cursor = w.clamp(w.cursor)
	w.top = w.back(w.cursor, max(0, min(row, w.body()-1)))
	w.fill()
}

// fill scrolls back if rows at the end of the screen are empty that need not be.
func (w *Window) fill() {
	if w.empty() {
		return
	}
	if bottom := w.back(w.last(), w.body()-1); bottom.before(w.top) {
		w.top = bottom
	}
}

// Pause stops following: what is on screen stays.
func (w *Window) Pause() {
	w.settle()
	w.follow = false
}

// Follow shows the last lines, and new ones as they come.
func (w *Window) Follow() {
	w.follow, w.sought = true, sought{}
	w.sync()
	w.forget(func(r *record) bool { return r.first < w.first })
	w.settle()
}

// Move moves the cursor down by n rows, up if n is negative, and pauses.
func (w *Window) Move(n int) {
	if w.follow && n >= 0 {
		return
	}
	w.Pause()
	w.sought = sought{}
	w.step(n)
	w.show()
}

// step moves the cursor without scrolling.
func (w *Window) step(n int) {
	switch {
	case w.empty():
	case n < 0:
		w.cursor = w.back(w.cursor, -n)
	default:
		w.cursor = w.forward(w.cursor, n)
	}
}

// show scrolls so that the cursor is on screen.
func (w *Window) show() {
	if w.cursor.before(w.top) {
		w.top = w.cursor
	} else if low := w.back(w.cursor, max(0, w.body()-1)); w.top.before(low) {
		w.top = low
	}
}

// scroll moves the lines under the cursor by n rows, and the cursor with them.
func (w *Window) scroll(n int) {
	if w.follow && n >= 0 {
		return
	}
	w.Pause()
	if w.empty() {
		return
	}
	w.sought = sought{}
	if n < 0 {
		w.top = w.back(w.top, -n)
	} else {
		w.top = w.forward(w.top, n)
	}
	w.step(n)
	w.fill()
	w.show()
}

// Up moves the cursor up by a row.
func (w *Window) Up() { w.Move(-1) }

// Down moves the cursor down by a row.
func (w *Window) Down() { w.Move(1) }

// PageUp moves up by a screenful.
func (w *Window) PageUp() { w.scroll(-max(1, w.body())) }

// PageDown moves down by a screenful.
func (w *Window) PageDown() { w.scroll(max(1, w.body())) }

// HalfPageUp moves up by half a screenful.
func (w *Window) HalfPageUp() { w.scroll(-max(1, w.body()/2)) }

// HalfPageDown moves down by half a screenful.
func (w *Window) HalfPageDown() { w.scroll(max(1, w.body()/2)) }

// Home moves to the oldest line, and pauses.
func (w *Window) Home() {
	w.Pause()
	w.sought, w.x = sought{}, 0
	w.cursor = place{pos: w.first}
	w.top = w.cursor
}

// End shows the last lines, and new ones as they come.
func (w *Window) End() { w.Follow() }

// Left scrolls to the left.
func (w *Window) Left() { w.x = max(0, w.x-w.stride()) }

// Right scrolls to the right, if a line on screen goes on there.
func (w *Window) Right() {
	if w.hiddenRight {
		w.x += w.stride()
	}
}

// stride returns how many cells Left and Right move by.
func (w *Window) stride() int { return max(1, w.columns.room/4) }

// GoTo moves the cursor to the line at a position, or as near as there is one,
// shows what matches in it, and pauses.
func (w *Window) GoTo(pos uint64) {
	w.Pause()
	w.sought = sought{}
	if w.first == w.next {
		return
	}
	pos = max(w.first, min(pos, w.next-1))
	start := w.start(pos)
	w.cursor = place{pos: start}
	r := w.at(start)
	b, line := &r.main, &r.line
	if pos > start && w.lines.Kin(pos) == Continues {
		w.expanded[r.line.ID] = struct{}{}
		w.lay(r)
		for i := range r.members {
			if w.cursor.row += b.height(w.wrap); r.members[i].pos == pos {
				b, line = &r.below[i], &r.members[i].line
				break
			}
			b = &r.below[i]
		}
	}
	if len(line.Matches) > 0 {
		w.reveal(b, line.Matches[0].Start+b.lead, r.room)
	}
	if row := w.distance(w.top, w.cursor); row < 0 || row >= w.body() {
		w.top = w.back(w.cursor, w.body()/3)
		w.fill()
	}
	w.show()
}

// reveal puts the cursor, which is on the first row of a text, on that of a byte
// of it, or scrolls sideways to it.
func (w *Window) reveal(b *body, offset, room int) {
	if w.wrap {
		w.cursor.row += b.rowOf(offset, room)
		return
	}
	switch column := b.column(offset); {
	case column < room-1:
		w.x = 0 // an earlier match may have been farther to the right
	case column < w.x || column >= w.x+room-1:
		w.x = column - room/2
	}
}

// GoToTime moves the cursor to the first line that is not older than t, or to
// the last, and pauses.
func (w *Window) GoToTime(t time.Time) {
	w.sync()
	if w.first == w.next {
		return
	}
	w.GoTo(w.search(func(l Line) bool { return !l.Time.Before(t) }))
}

// Jump moves the cursor where find says, which is given the position of the
// cursor, as the next match or the error before. It reports whether there is
// such a line. Those that are folded into the line under the cursor are passed.
func (w *Window) Jump(find func(from uint64) (pos uint64, ok bool)) bool {
	from, ok := w.Cursor()
	if !ok {
		return false
	}
	here := w.cursor.pos
	for range longest * 2 {
		pos, ok := find(from)
		if !ok {
			return false
		}
		if pos == from || w.start(pos) != here || pos == here || w.lines.Kin(pos) != Repeats {
			w.GoTo(pos)
			return true
		}
		from = pos
	}
	return false
}

// SelectRow moves the cursor to a line of the view, counted from 0 with the
// status, and pauses. It reports whether there is anything.
func (w *Window) SelectRow(row int) bool {
	w.Pause()
	row -= w.height - w.body()
	if w.empty() || row < 0 || row >= w.body() {
		return false
	}
	p := w.forward(w.top, row)
	if w.distance(w.top, p) < row {
		return false
	}
	w.cursor = p
	return true
}

// Percent returns how much of the log is on screen or above it.
func (w *Window) Percent() int {
	w.sync()
	if w.follow || w.first == w.next {
		return 100
	}
	done := min(max(w.to, w.first), w.next) - w.first
	return int(done * 100 / (w.next - w.first))
}
