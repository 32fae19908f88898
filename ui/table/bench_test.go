package table_test

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"quarterdeck/ui/cell"
	"quarterdeck/ui/table"
	"quarterdeck/ui/theme"
	"quarterdeck/ui/uitest"
)

const many = 50_000

// load returns a table of 50,000 rows in ten columns on a screen of 160x50.
func load(tb testing.TB) (*table.Table[ship], fleet) {
	tb.Helper()
	rows := make(fleet, many)
	for i := range rows {
		rows[i] = ship{key: fmt.Sprintf("%08x-0000-4000-8000-%012x", i*7919, i), name: fmt.Sprintf("checkout-service-%06x-x%04x", i*31, i), status: "Running", guns: i}
		if i%50 == 0 {
			rows[i].status = "CrashLoopBackOff"
		}
	}
	text := func(s string) func(ship) string { return func(ship) string { return s } }
	cols := []table.Column[ship]{
		{ID: "ns", Title: "NAMESPACE", Min: 8, Text: text("payments")},
		{ID: "name", Title: "NAME", Min: 20, Flex: 1, Pin: true, Middle: true, Text: func(s ship) string { return s.name }},
		{ID: "ready", Title: "READY", Align: cell.Right, Text: text("1/1")},
		{ID: "status", Title: "STATUS", Min: 10, Text: func(s ship) string { return s.status }, Tone: func(s ship) theme.Tone {
			if s.status != "Running" {
				return theme.Error
			}
			return theme.Text
		}},
		{ID: "restarts", Title: "RESTARTS", Align: cell.Right, Text: text("31 (20s)")},
		{ID: "cpu", Title: "CPU/REQ", Align: cell.Right, Text: text("4%")},
		{ID: "mem", Title: "MEM/REQ", Align: cell.Right, Text: text("61%")},
		{ID: "ip", Title: "IP", Text: text("10.244.117.203")},
		{ID: "node", Title: "NODE", Min: 8, Middle: true, Text: text("node-00017"), Tone: func(ship) theme.Tone { return theme.Muted }},
		{ID: "age", Title: "AGE", Align: cell.Right, Text: text("41d"), Tone: func(ship) theme.Tone { return theme.Muted }},
	}
	th, err := theme.New(nil, theme.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	t := table.New[ship](th)
	t.SetColumns(cols)
	t.SetSize(160, 50)
	t.SetRows(rows)
	t.MoveTo(many / 2)
	return t, rows
}

func BenchmarkMoveAndView(b *testing.B) {
	t, _ := load(b)
	b.ReportAllocs()
	for b.Loop() {
		t.Down()
		_ = t.View()
	}
}

// TestAllocations keeps a frame free of work for the garbage collector.
func TestAllocations(t *testing.T) {
	tb, _ := load(t)
	tb.View()
	if got := testing.AllocsPerRun(100, func() {
		tb.Down()
		tb.View()
	}); got > 5 {
		t.Errorf("%.0f allocations a frame, more than 5", got)
	}
}

func BenchmarkSetRows(b *testing.B) {
	t, rows := load(b)
	for name, next := range map[string]fleet{
		"same": rows,
		"gone": append(append(fleet(nil), rows[:many/2]...), rows[many/2+1:]...),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				t.SetRows(rows)
				t.Select(rows[many/2].key)
				t.SetRows(next)
			}
		})
	}
}

func BenchmarkMarked(b *testing.B) {
	t, _ := load(b)
	t.ToggleMark()
	t.Move(100)
	t.MarkRange()
	b.ReportAllocs()
	for b.Loop() {
		t.Marked()
	}
}

// screen is a program that shows a table.
type screen struct{ table *table.Table[ship] }

func (s screen) Init() tea.Cmd { return nil }

func (s screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if key, ok := msg.(tea.KeyPressMsg); ok {
		switch key.String() {
		case "j":
			s.table.Down()
		case "k":
			s.table.Up()
		case "pgdown":
			s.table.PageDown()
		}
	}
	return s, nil
}

func (s screen) View() tea.View {
	v := tea.NewView(s.table.View())
	v.AltScreen = true
	return v
}

// TestBytesPerKey keeps what a key costs a slow line within its budget.
func TestBytesPerKey(t *testing.T) {
	tb, rows := load(t)
	m := uitest.Program(t, screen{tb}, 160, 50)
	at := func(i int) {
		m.WaitForFunc(t, fmt.Sprintf("the bar at row %d", i), func(text string) bool {
			_, line, _ := strings.Cut(text, "▌")
			line, _, _ = strings.Cut(line, "\n")
			return strings.Contains(line, rows[i].name)
		})
	}
	cursor := many / 2
	at(cursor)
	for _, step := range []struct {
		what, key  string
		by, budget int
	}{
		{"the cursor up", "k", -1, 400},
		{"the cursor down", "j", 1, 400},
		{"scrolling by a line", "j", 1, 700},
		{"a page down", uitest.PageDown, 49, 8000},
	} {
		before := m.BytesWritten()
		cursor += step.by
		m.Type(step.key)
		at(cursor)
		used := m.BytesWritten() - before
		t.Logf("%s: %d bytes", step.what, used)
		if used > int64(step.budget) {
			t.Errorf("%s writes %d bytes, more than %d", step.what, used, step.budget)
		}
	}
}
