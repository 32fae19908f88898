//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// table collects what was measured.
type table struct {
	title string
	rows  []row
}

type row struct {
	what, budget, measured, verdict string
}

// add adds a value that has a budget.
func (t *table) add(what, budget, measured string, ok bool) {
	verdict := "ok"
	if !ok {
		verdict = "**missed**"
	}
	t.rows = append(t.rows, row{what, budget, measured, verdict})
}

// note adds a value that is only told.
func (t *table) note(what, measured string) {
	t.rows = append(t.rows, row{what, "", measured, ""})
}

// String returns the table in Markdown.
func (t *table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n| | budget | measured | |\n|---|---|---|---|\n", t.title)
	for _, r := range t.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.what, r.budget, r.measured, r.verdict)
	}
	return b.String()
}

// samples are durations of the same thing.
type samples []time.Duration

// quantile returns the duration that a share q of the samples does not exceed.
func (s samples) quantile(q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func (s samples) median() time.Duration { return s.quantile(0.5) }

func (s samples) String() string {
	return fmt.Sprintf("p50 %s, p99 %s, most %s (%d)", ms(s.median()), ms(s.quantile(0.99)), ms(slices.Max(s)), len(s))
}

// ms returns a duration as people read it: three digits.
func ms(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 100*time.Millisecond:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

// thousands returns n with a comma between each three digits.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
