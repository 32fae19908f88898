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
func load(tb testing.TB, specs map[string]string) (*table.Table[ship], fleet) {
	tb.Helper()
	rows := make(fleet, many)
	for i := range rows {
		rows[i] = ship{key: fmt.Sprintf("%08x-0000-4000-8000-%012x", i*7919, i), name: fmt.Sprintf("checkout-service-%06x-x%04x", i*31, i), status: "Running", guns: i}
		if i%50 == 0 {
			rows[i].status = "CrashLoopBackOff"
		}
	}
	text := func(f func(ship) string) func(ship) string { return f }
	cols := []table.Column[ship]{
		{ID: "ns", Title: "NAMESPACE", Min: 8, Text: text(func(ship) string { return "payments" })},
		{ID: "name", Title: "NAME", Min: 20, Flex: 1, Pin: true, Middle: true, Text: text(func(s ship) string { return s.name })},
		{ID: "ready", Title: "READY", Align: cell.Right, Text: text(func(ship) string { return "1/1" })},
		{ID: "status", Title: "STATUS", Min: 10, Text: text(func(s ship) string { return s.status }), Tone: func(s ship) theme.Tone {
			if s.status != "Running" {
				return theme.Error
			}
			return theme.Text
		}},
		{ID: "restarts", Title: "RESTARTS", Align: cell.Right, Text: text(func(ship) string { return "31 (20s)" })},
		{ID: "cpu", Title: "CPU/REQ", Align: cell.Right, Text: text(func(ship) string { return "4%" })},
		{ID: "mem", Title: "MEM/REQ", Align: cell.Right, Text: text(func(ship) string { return "61%" })},
		{ID: "ip", Title: "IP", Text: text(func(ship) string { return "10.244.117.203" })},
		{ID: "node", Title: "NODE", Min: 8, Middle: true, Text: text(func(ship) string { return "node-00017" }), Tone: func(ship) theme.Tone { return theme.Muted }},
		{ID: "age", Title: "AGE", Align: cell.Right, Text: text(func(ship) string { return "41d" }), Tone: func(ship) theme.Tone { return theme.Muted }},
	}
	th, err := theme.New(specs, theme.Options{})
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
	t, _ := load(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		t.Down()
		_ = t.View()
	}
}

func BenchmarkSetRows(b *testing.B) {
	t, rows := load(b, nil)
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
	t, _ := load(b, nil)
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
	tb, rows := load(t, nil)
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
