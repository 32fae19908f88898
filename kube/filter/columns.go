package filter

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// find returns the index of the column called name.
func find(columns []Column, name string) (int, error) {
	if strings.EqualFold(name, "ns") {
		if i, ok := exact(columns, "namespace"); ok {
			return i, nil
		}
	}
	if i, ok := exact(columns, name); ok {
		return i, nil
	}
	var found []int
	prefix := squeeze(name)
	for i, c := range columns {
		if prefix != "" && (strings.HasPrefix(squeeze(c.ID), prefix) || strings.HasPrefix(squeeze(c.Title), prefix)) {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		if near := nearest(columns, name); near != "" {
			return 0, fmt.Errorf("there is no column %q; did you mean %s?", name, near)
		}
		return 0, fmt.Errorf("there is no column %q", name)
	}
	ids := make([]string, len(found))
	for i, c := range found {
		ids[i] = columns[c].ID
	}
	return 0, fmt.Errorf("%q could be any of the columns %s", name, strings.Join(ids, ", "))
}

// exact finds a column by its whole name, the better match first.
func exact(columns []Column, name string) (int, bool) {
	for _, same := range []func(Column) bool{
		func(c Column) bool { return c.ID == name },
		func(c Column) bool { return strings.EqualFold(c.ID, name) },
		func(c Column) bool { return strings.EqualFold(c.Title, name) },
		func(c Column) bool { return squeeze(name) != "" && squeeze(c.ID) == squeeze(name) },
		func(c Column) bool { return squeeze(name) != "" && squeeze(c.Title) == squeeze(name) },
	} {
		if i := slices.IndexFunc(columns, same); i >= 0 {
			return i, true
		}
	}
	return 0, false
}

// squeeze leaves the letters and digits of a name, in lower case.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// nearest returns the ID of the column whose name is most like name, "" if none
// is much like it.
func nearest(columns []Column, name string) string {
	best, id := 1+len(name)/2, ""
	for _, c := range columns {
		for _, s := range []string{c.ID, c.Title} {
			if d := distance(squeeze(name), squeeze(s)); d < best {
				best, id = d, c.ID
			}
		}
	}
	return id
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// Completion is what may stand for input[From:To].
type Completion struct {
	From, To int
	Words    []string
}

// Complete returns the columns that the word before the cursor, a byte offset
// into input, may be the beginning of.
func Complete(input string, cursor int, columns []Column) Completion {
	cursor = max(0, min(cursor, len(input)))
	from := strings.LastIndexFunc(input[:cursor], func(r rune) bool { return !isNameRune(r) }) + 1
	c := Completion{From: from, To: cursor}
	prefix := squeeze(input[from:cursor])
	if prefix == "" || from > 0 && !isStart(input[from-1]) { // nothing yet, or a value
		return c
	}
	for _, col := range columns {
		if isName(col.ID) && (strings.HasPrefix(squeeze(col.ID), prefix) || strings.HasPrefix(squeeze(col.Title), prefix)) {
			c.Words = append(c.Words, col.ID)
		}
	}
	return c
}

// isStart reports whether a term may begin after c.
func isStart(c byte) bool { return c == '!' || unicode.IsSpace(rune(c)) }
