package filter

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"quarterdeck/nearest"
)

// find returns the index of the column called name.
func find(columns []Column, name string) (int, error) {
	if i, ok := whole(columns, name); ok {
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
		if id := near(columns, name); id != "" {
			return 0, fmt.Errorf("there is no column %q; did you mean %s?", name, id)
		}
		return 0, fmt.Errorf("there is no column %q", name)
	}
	ids := make([]string, len(found))
	for i, c := range found {
		ids[i] = columns[c].ID
	}
	return 0, fmt.Errorf("%q could be any of the columns %s", name, strings.Join(ids, ", "))
}

// whole finds a column by its whole name or by the short one that it has.
func whole(columns []Column, name string) (int, bool) {
	if strings.EqualFold(name, "ns") {
		if i, ok := exact(columns, "namespace"); ok {
			return i, true
		}
	}
	return exact(columns, name)
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

// near returns the ID of the column whose name is most like name, "" if none is
// much like it.
func near(columns []Column, name string) string {
	var words []string // two of each column
	for _, c := range columns {
		words = append(words, squeeze(c.ID), squeeze(c.Title))
	}
	if i := nearest.Index(len(name)/2, squeeze(name), words); i >= 0 {
		return columns[i/2].ID
	}
	return ""
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
