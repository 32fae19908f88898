package filter

import (
	"strings"
	"testing"

	"quarterdeck/kube/field"
)

func TestWords(t *testing.T) {
	cols := []Column{{ID: "sev", Title: "SEV", Kind: field.Text, Words: []string{"info", "warn", "crit"}}}
	for _, tc := range []struct {
		input, value string
		want         bool
	}{
		{"sev>=warn", "crit", true},
		{"sev>=warn", "warn", true},
		{"sev>=warn", "info", false},
		{"sev>WARN", "crit", true},
		{"sev<crit", "crit", false},
		{"sev<crit", "info", true},
		{"sev=crit", "crit", true},
		{"sev!=crit", "warn", true},
		{"sev~^cr", "crit", true},
		{"sev>=info", "n/a", false},
	} {
		f, err := Parse(tc.input, cols)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Match(&row{values: []field.Value{field.Of(tc.value)}}, now); got != tc.want {
			t.Errorf("%s of %s: %v", tc.input, tc.value, got)
		}
	}
	if _, err := Parse("sev>=bad", cols); err == nil || !strings.Contains(err.Error(), "info, warn, crit") {
		t.Error(err)
	}
	if _, err := Parse("sev>=", cols); err == nil || !strings.Contains(err.Error(), "sev>=crit") {
		t.Error(err)
	}
}
