package nearest

import "testing"

func TestHint(t *testing.T) {
	kinds := []string{"pods", "deployments", "statefulsets", "nodes"}
	for written, want := range map[string]string{
		"pods":        ": did you mean pods?",
		"pod":         ": did you mean pods?",
		"deploments":  ": did you mean deployments?",
		"statfulsest": ": did you mean statefulsets?",
		"ndoes":       ": did you mean nodes?",
		"x":           "",
		"ingresses":   "",
		"":            "",
	} {
		if got := Hint(written, kinds); got != want {
			t.Errorf("Hint(%q) = %q, want %q", written, got, want)
		}
	}
}

func TestIndexTakesTheFirstOfEquals(t *testing.T) {
	if got := Index(1, "ab", []string{"xyz", "abc", "abd"}); got != 1 {
		t.Errorf("Index = %d, want 1", got)
	}
	if got := Index(0, "ab", []string{"abc"}); got != -1 {
		t.Errorf("Index with nothing allowed to differ = %d, want -1", got)
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"same", "same", 0},
		{"restrats", "restarts", 1}, // two neighbours swapped
		{"kitten", "sitting", 3},
		{"ca", "abc", 3}, // a swapped pair is not edited again
	} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("edits(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := edits(c.b, c.a); got != c.want {
			t.Errorf("edits(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
