package table

import (
	"maps"
	"slices"
)

// ToggleMark marks the row under the cursor, or unmarks it.
func (t *Table[T]) ToggleMark() {
	row, ok := t.Selected()
	if !ok {
		return
	}
	t.moved = true
	t.anchor = t.cursorKey
	if _, marked := t.marks[t.cursorKey]; marked {
		delete(t.marks, t.cursorKey)
		return
	}
	t.marks[t.cursorKey] = row
}

// MarkRange marks the rows from the one last marked to the cursor.
func (t *Table[T]) MarkRange() {
	if t.len == 0 {
		return
	}
	t.moved = true
	from := t.find(t.anchor, t.cursor)
	if from < 0 {
		from = t.cursor
	}
	for i := min(from, t.cursor); i <= max(from, t.cursor); i++ {
		t.marks[t.rows.Key(i)] = t.rows.At(i)
	}
	t.anchor = t.cursorKey
}

// ClearMarks unmarks every row.
func (t *Table[T]) ClearMarks() {
	clear(t.marks)
	t.anchor = ""
}

// RetainMarks drops the marks for which keep is false, such as those of objects
// that are deleted.
func (t *Table[T]) RetainMarks(keep func(key string, row T) bool) {
	maps.DeleteFunc(t.marks, func(key string, row T) bool { return !keep(key, row) })
}

// MarkCount returns the number of marks.
func (t *Table[T]) MarkCount() int { return len(t.marks) }

// Marked returns what is marked: the rows that are there, as they are now and
// in their order, then those that are not among the rows any more, as they were
// last seen. hidden is the number of the latter.
func (t *Table[T]) Marked() (rows []T, hidden int) {
	if len(t.marks) == 0 {
		return nil, 0
	}
	rows = make([]T, 0, len(t.marks))
	seen := make(map[string]bool, len(t.marks))
	for i := 0; i < t.len && len(seen) < len(t.marks); i++ {
		key := t.rows.Key(i)
		if _, ok := t.marks[key]; ok {
			row := t.rows.At(i)
			rows, seen[key], t.marks[key] = append(rows, row), true, row
		}
	}
	for _, key := range slices.Sorted(maps.Keys(t.marks)) {
		if !seen[key] {
			rows, hidden = append(rows, t.marks[key]), hidden+1
		}
	}
	return rows, hidden
}
