// Package nearest finds the word that somebody meant who wrote another.
package nearest

// Word returns the candidate that takes the fewest changed letters to get from
// written, "" if none is near: a third of the letters and one more may differ.
func Word(written string, candidates []string) string {
	best, distance := "", len(written)/3+2
	for _, c := range candidates {
		if d := edits(written, c); d < distance {
			best, distance = c, d
		}
	}
	return best
}

// Hint returns ": did you mean x?" with the nearest candidate, or "".
func Hint(written string, candidates []string) string {
	if word := Word(written, candidates); word != "" {
		return ": did you mean " + word + "?"
	}
	return ""
}

// edits is the number of bytes to insert, delete or replace to get from a to b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
