// Package table shows rows of which only the visible ones are ever rendered.
// The cursor and the marks belong to rows, not to positions: when the rows
// change under the user, they stay on the same objects.
//
// A Table is not safe for concurrent use; it lives in the goroutine that
// updates the screen.
package table

import (
	"slices"

	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// Column says how one column of rows of type T is shown.
type Column[T any] struct {
	ID, Title string
	// Min is the least width to which the column is shrunk before others are
	// hidden; 0 means that it is never narrower than its content, as numbers
	// must not be. Max, if positive, is the greatest width.
	Min, Max int
	Flex     int // share of the width that is left over
	Align    cell.Align
	Wide     bool // shown in wide mode only
	Middle   bool // shortened in the middle, not at the end
	Pin      bool // stays while the others scroll; if no column is pinned, the first is
	Text     func(T) string
	Tone     func(T) theme.Tone // nil = the tone of the row
}

// Rows are the rows of a table in their order. Keys are unique; a row whose
// content changes keeps its key. Rows handed to a table must not change.
type Rows[T any] interface {
	Len() int
	At(i int) T
	Key(i int) string
}

// Table is a scrolling list of rows in columns, with a cursor and marks.
type Table[T any] struct {
	theme   *theme.Theme
	rowTone func(T) theme.Tone
	rows    Rows[T]
	len     int // of rows

	width, height int
	wide, loading bool
	moved         bool // the user has moved the cursor

	cursor    int
	cursorKey string // the key of the row under the cursor, "" without rows
	top       int    // the first visible row

	marks  map[string]T
	anchor string // the key last marked, where a range starts

	desc bool // the rows are sorted from high to low

	columns columns[T]
	texts   []string // the visible cells, reused by View
	frame   []byte   // reused by View
}

// New returns an empty table.
func New[T any](th *theme.Theme) *Table[T] {
	return &Table[T]{theme: th, marks: map[string]T{}}
}

// SetTheme changes how the table is drawn.
func (t *Table[T]) SetTheme(th *theme.Theme) { t.theme = th }

// SetColumns replaces the columns.
func (t *Table[T]) SetColumns(columns []Column[T]) {
	t.columns.all = slices.Clone(columns)
	t.columns.choose(t.wide)
}

// SetWide shows or hides the columns of the wide mode.
func (t *Table[T]) SetWide(wide bool) {
	if t.wide != wide {
		t.wide = wide
		t.columns.choose(wide)
	}
}

// Wide reports whether the table is in wide mode.
func (t *Table[T]) Wide() bool { return t.wide }

// Columns returns the columns that may be shown now, in their order.
func (t *Table[T]) Columns() []Column[T] { return slices.Clone(t.columns.shown) }

// SetRowTone sets the tone of whole rows, for cells that have none of their
// own; nil makes it Text.
func (t *Table[T]) SetRowTone(tone func(T) theme.Tone) { t.rowTone = tone }

// SetSort shows by which column the rows were sorted; "" shows none.
func (t *Table[T]) SetSort(columnID string, desc bool) {
	t.desc = desc
	t.columns.sort(columnID)
}

// SetSize sets the size in cells, the line of titles included.
func (t *Table[T]) SetSize(width, height int) {
	if width != t.width {
		t.columns.forget()
	}
	t.width, t.height = max(0, width), max(0, height)
	t.follow()
}

// SetLoading says that rows are still arriving: until the user moves, the
// cursor then stays at the first row instead of following its row down.
func (t *Table[T]) SetLoading(loading bool) { t.loading = loading }

// SetRows replaces the rows; nil are none. The cursor stays on its row, on the
// same line of the screen if it can; if that row is gone, it stays at the same
// position.
func (t *Table[T]) SetRows(rows Rows[T]) {
	t.rows, t.len = rows, 0
	if rows != nil {
		t.len = rows.Len()
	}
	if t.len == 0 {
		t.cursor, t.cursorKey, t.top = 0, "", 0
		return
	}
	was := t.cursor
	switch i := t.find(t.cursorKey, was); {
	case t.loading && !t.moved:
		t.cursor, t.top = 0, 0
	case i < 0:
		t.cursor = min(was, t.len-1)
	default:
		t.cursor = i
		if t.top > 0 || i >= t.page() {
			t.top += i - was
		}
	}
	t.cursorKey = rows.Key(t.cursor)
	t.follow()
}

// find returns the position of the row with the key, -1 if there is none. It
// looks near the position where the row was first, because rows move little.
func (t *Table[T]) find(key string, near int) int {
	if key == "" {
		return -1
	}
	lo, hi := min(near, t.len)-1, min(near, t.len)
	for lo >= 0 || hi < t.len {
		if hi < t.len {
			if t.rows.Key(hi) == key {
				return hi
			}
			hi++
		}
		if lo >= 0 {
			if t.rows.Key(lo) == key {
				return lo
			}
			lo--
		}
	}
	return -1
}

// Len returns the number of rows.
func (t *Table[T]) Len() int { return t.len }

// page returns the number of rows that fit on the screen.
func (t *Table[T]) page() int { return max(1, t.height-1) }

// follow scrolls so that the cursor is visible and no line stays empty that
// could show a row.
func (t *Table[T]) follow() {
	t.top = max(0, min(t.top, t.len-t.page()))
	t.top = max(min(t.top, t.cursor), t.cursor-t.page()+1)
}

// MoveTo puts the cursor on the row at position i, or as near as there is one.
func (t *Table[T]) MoveTo(i int) {
	if t.len == 0 {
		return
	}
	t.moved = true
	t.cursor = max(0, min(i, t.len-1))
	t.cursorKey = t.rows.Key(t.cursor)
	t.follow()
}

// Move moves the cursor by n rows, up if n is negative.
func (t *Table[T]) Move(n int) { t.MoveTo(t.cursor + n) }

// Up moves the cursor up by a row.
func (t *Table[T]) Up() { t.Move(-1) }

// Down moves the cursor down by a row.
func (t *Table[T]) Down() { t.Move(1) }

// PageUp moves up by a screenful.
func (t *Table[T]) PageUp() { t.scroll(-t.page()) }

// PageDown moves down by a screenful.
func (t *Table[T]) PageDown() { t.scroll(t.page()) }

// HalfPageUp moves up by half a screenful.
func (t *Table[T]) HalfPageUp() { t.scroll(-max(1, t.page()/2)) }

// HalfPageDown moves down by half a screenful.
func (t *Table[T]) HalfPageDown() { t.scroll(max(1, t.page()/2)) }

// scroll moves the rows under the cursor by n, and the cursor with them.
func (t *Table[T]) scroll(n int) {
	t.top += n
	t.Move(n)
}

// Home moves to the first row.
func (t *Table[T]) Home() { t.MoveTo(0) }

// End moves to the last row.
func (t *Table[T]) End() { t.MoveTo(t.len - 1) }

// Left scrolls the columns back by one.
func (t *Table[T]) Left() { t.columns.first = max(0, t.columns.first-1) }

// Right scrolls the columns by one, if some are hidden to the right.
func (t *Table[T]) Right() {
	if t.columns.hiddenRight {
		t.columns.first++
	}
}

// Selected returns the row under the cursor, false if there are no rows.
func (t *Table[T]) Selected() (row T, ok bool) {
	if t.len == 0 {
		return row, false
	}
	return t.rows.At(t.cursor), true
}

// SelectedKey returns the key of the row under the cursor, "" without rows.
func (t *Table[T]) SelectedKey() string { return t.cursorKey }

// Cursor returns the position of the cursor, counted from 0.
func (t *Table[T]) Cursor() int { return t.cursor }

// Select moves the cursor to the row with the key and reports whether there is
// one.
func (t *Table[T]) Select(key string) bool {
	i := t.find(key, t.cursor)
	if i >= 0 {
		t.MoveTo(i)
	}
	return i >= 0
}

// SelectLine moves the cursor to the row on a line of the view, counted from 0
// with the titles, and reports whether there is one.
func (t *Table[T]) SelectLine(line int) bool {
	if first, last := t.Visible(); line < 1 || first+line-1 >= last {
		return false
	}
	t.MoveTo(t.top + line - 1)
	return true
}

// Visible returns the positions of the rows on screen: first included, last
// not.
func (t *Table[T]) Visible() (first, last int) {
	return t.top, min(t.len, t.top+max(0, t.height-1))
}
