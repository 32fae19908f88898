package table_test

import (
	"fmt"
	"strings"
	"testing"

	"quarterdeck/ui/cell"
	"quarterdeck/ui/table"
	"quarterdeck/ui/theme"
	"quarterdeck/ui/uitest"
)

// podLike returns a table with the columns of a list of pods, ten of them.
func podLike(width, height int) *table.Table[ship] {
	text := func(s string) func(ship) string { return func(ship) string { return s } }
	t := table.New[ship](theme.Plain(theme.Options{}))
	t.SetColumns([]table.Column[ship]{
		{ID: "namespace", Title: "NAMESPACE", Min: 8, Text: text("payments")},
		{ID: "name", Title: "NAME", Min: 16, Flex: 1, Pin: true, Middle: true, Text: func(s ship) string { return s.name }},
		{ID: "ready", Title: "READY", Align: cell.Right, Text: text("2/10")},
		{ID: "status", Title: "STATUS", Min: 12, Text: func(s ship) string { return s.status }},
		{ID: "restarts", Title: "RESTARTS", Align: cell.Right, Text: text("31 (20s)")},
		{ID: "cpu", Title: "CPU/REQ", Align: cell.Right, Text: text("4%")},
		{ID: "mem", Title: "MEM/REQ", Align: cell.Right, Text: text("61%")},
		{ID: "ip", Title: "IP", Text: text("10.244.117.203")},
		{ID: "node", Title: "NODE", Min: 8, Middle: true, Text: text("node-00017")},
		{ID: "age", Title: "AGE", Align: cell.Right, Text: text("41d")},
	})
	t.SetSize(width, height)
	t.SetRows(fleet{
		{"1", "checkout-7f9c8d6b5-x2k4p", "CrashLoopBackOff", 0}, {"2", "ledger-0", "Running", 0}, {"3", "a-very-long-name-of-a-pod-7f9c8d6b5-x2k4p", "Running", 0},
	})
	return t
}

func TestNarrow(t *testing.T) {
	for _, width := range []int{160, 120, 80, 60, 40, 20} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			uitest.Golden(t, podLike(width, 4).View())
		})
	}
}

// Scrolling to the right shows every column in turn, beside the name, and stops
// when the last one is on screen.
func TestScrollRight(t *testing.T) {
	for _, width := range []int{80, 40, 30, 24} {
		tb := podLike(width, 4)
		seen := map[string]bool{}
		steps := 0
		for ; steps < 20; steps++ {
			title, _, _ := strings.Cut(tb.View(), "\n")
			if !strings.Contains(title, "NAME ") && !strings.HasPrefix(strings.TrimLeft(title, " ‹"), "NAM") {
				t.Errorf("width %d: no name in %q", width, title)
			}
			for _, word := range strings.Fields(title) {
				seen[strings.TrimRight(word, "…")] = true
			}
			if !strings.Contains(title, "›") {
				break
			}
			tb.Right()
		}
		if seen["NAMESPA"] { // shortened
			seen["NAMESPACE"] = true
		}
		for _, want := range []string{"NAMESPACE", "READY", "STATUS", "RESTARTS", "CPU/REQ", "IP", "NODE", "AGE"} {
			if !seen[want] {
				t.Errorf("width %d: %s is never seen, only %v", width, want, seen)
			}
		}
		last := tb.View()
		tb.Right()
		if got := tb.View(); got != last {
			t.Errorf("width %d: Right beyond the last column changes\n%s\nto\n%s", width, last, got)
		}
		for range steps {
			tb.Left()
		}
		if got, want := tb.View(), podLike(width, 4).View(); got != want {
			t.Errorf("width %d: back at the left there is\n%s\nnot\n%s", width, got, want)
		}
	}
}

// Columns do not move while rows scroll past, but a new size starts afresh.
func TestWidthsOnlyGrow(t *testing.T) {
	rows := fleet{{"1", "a", "ok", 1}, {"2", "b", "ok", 2}, {"3", "c", "taking on water fast", 3}, {"4", "d", "ok", 4}, {"5", "e", "ok", 5}}
	tb := newTable(60, 3, rows)
	tb.SetWide(true)
	at := func() int {
		title, _, _ := strings.Cut(tb.View(), "\n")
		return strings.Index(title, "KEY")
	}
	before := at()
	tb.End()
	if got := at(); got != before {
		t.Errorf("the last column moved from %d to %d", before, got)
	}
	tb.Move(-2)
	wide := at()
	tb.End()
	if got := at(); got != wide {
		t.Errorf("the last column moved back from %d to %d", wide, got)
	}
	tb.SetSize(61, 3)
	tb.SetSize(60, 3)
	if got := at(); got != before {
		t.Errorf("after a resize the last column is at %d, want %d", got, before)
	}
}

func TestColumnsOfMode(t *testing.T) {
	tb := podLike(80, 4)
	if tb.Wide() || len(tb.Columns()) != 10 {
		t.Errorf("%d columns", len(tb.Columns()))
	}
	narrow := newTable(80, 4, nil)
	if got := len(narrow.Columns()); got != 3 {
		t.Errorf("%d columns, want 3", got)
	}
	narrow.SetWide(true)
	if got := len(narrow.Columns()); got != 4 || !narrow.Wide() {
		t.Errorf("%d columns in wide mode, want 4", got)
	}
}
