// Package nearest finds the word that somebody meant who wrote another.
package nearest

// Hint returns ": did you mean x?" with the candidate most like what was
// written, or "" if none is much like it: a third of the letters and one more
// may differ.
func Hint(written string, candidates []string) string {
	return HintWithin(len(written)/3+1, written, candidates)
}

// HintWithin is Hint with the number of letters that may differ.
func HintWithin(letters int, written string, candidates []string) string {
	if i := Index(letters, written, candidates); i >= 0 {
		return ": did you mean " + candidates[i] + "?"
	}
	return ""
}

// Index returns the position of the candidate most like what was written, the
// first of several, or -1 if more letters than given differ in all of them.
func Index(letters int, written string, candidates []string) int {
	best, distance := -1, letters+1
	for i, c := range candidates {
		if gap := len(c) - len(written); max(gap, -gap) >= distance {
			continue
		}
		if d := edits(written, c); d < distance {
			best, distance = i, d
		}
	}
	return best
}

// edits is the number of bytes to insert, delete, replace or swap with their
// neighbour to get from a to b.
func edits(a, b string) int {
	// The rows of the table for the first i-1, i and i+1 bytes of a.
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			replace := last[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
