package table_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"quarterdeck/ui/cell"
	"quarterdeck/ui/table"
	"quarterdeck/ui/theme"
	"quarterdeck/ui/uitest"
)

// ship is a row for the tests.
type ship struct {
	key, name, status string
	guns              int
}

type fleet []ship

func (f fleet) Len() int         { return len(f) }
func (f fleet) At(i int) ship    { return f[i] }
func (f fleet) Key(i int) string { return f[i].key }

func ships(names ...string) fleet {
	f := make(fleet, len(names))
	for i, name := range names {
		f[i] = ship{key: name, name: name, status: "ok", guns: 10 * i}
	}
	return f
}

func columns() []table.Column[ship] {
	return []table.Column[ship]{
		{ID: "name", Title: "NAME", Min: 8, Flex: 1, Middle: true, Text: func(s ship) string { return s.name }},
		{ID: "guns", Title: "GUNS", Align: cell.Right, Text: func(s ship) string { return fmt.Sprint(s.guns) }},
		{ID: "status", Title: "STATUS", Min: 6, Max: 20, Text: func(s ship) string { return s.status }, Tone: func(s ship) theme.Tone {
			if s.status == "sunk" {
				return theme.Error
			}
			return theme.Text
		}},
		{ID: "key", Title: "KEY", Wide: true, Text: func(s ship) string { return s.key }},
	}
}

func newTable(width, height int, rows fleet) *table.Table[ship] {
	t := table.New[ship](theme.Plain(theme.Options{}))
	t.SetColumns(columns())
	t.SetSize(width, height)
	t.SetRows(rows)
	return t
}

func TestView(t *testing.T) {
	tb := newTable(40, 6, fleet{
		{"1", "victory", "ok", 104}, {"2", "결제-서비스-7f9c8d", "sunk", 8}, {"3", "royal-sovereign-of-the-seas-x2k4p", "refit in Chatham until spring", 100},
	})
	tb.SetSort("guns", true)
	tb.Down()
	tb.ToggleMark()
	tb.Down()
	uitest.Golden(t, tb.View())
}

func TestViewWide(t *testing.T) {
	tb := newTable(60, 4, ships("a", "b", "c", "d"))
	tb.SetWide(true)
	tb.SetSort("name", false)
	uitest.Golden(t, tb.View())
}

func TestStyles(t *testing.T) {
	th, err := theme.New(map[string]string{"error": "red", "marked": "magenta", "selected": "reverse", "title": "bold"}, theme.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tb := table.New[ship](th)
	tb.SetColumns(columns())
	tb.SetSize(26, 4)
	tb.SetRows(fleet{{"1", "victory", "sunk", 1}, {"2", "temeraire", "sunk", 2}, {"3", "bounty", "ok", 3}})
	tb.ToggleMark()
	tb.Down()
	tb.Down()
	want := []string{
		" \x1b[1mNAME\x1b[m         \x1b[1mGUNS\x1b[m  \x1b[1mSTATUS\x1b[m",
		"\x1b[35m●victory\x1b[m         \x1b[35m1\x1b[m  \x1b[31msunk\x1b[m  ",
		" temeraire       2  \x1b[31msunk\x1b[m  ",
		"\x1b[7;36m▌\x1b[m\x1b[7mbounty          3  ok    \x1b[m",
	}
	for i, got := range strings.Split(tb.View(), "\n") {
		if got != want[i] {
			t.Errorf("line %d:\n got %q\nwant %q", i, got, want[i])
		}
	}
}

// TestEveryLineFits walks the sizes and the keys.
func TestEveryLineFits(t *testing.T) {
	rows := fleet{
		{"1", "victory", "ok", 104},
		{"2", "결제-서비스-7f9c8d-아주-긴-이름", "支払い待ち", 8},
		{"3", "x\x1b[31m\ty\n", "👨\u200d👩\u200d👧 ❤\ufe0f", -1},
		{"4", strings.Repeat("e\u0301", 300), "שלום", 1 << 40},
		{"5", "", "", 0},
	}
	for i := range 40 {
		rows = append(rows, ship{fmt.Sprint("k", i), fmt.Sprint("ship-", i), "ok", i})
	}
	for _, ascii := range []bool{false, true} {
		th, err := theme.New(nil, theme.Options{ASCII: ascii})
		if err != nil {
			t.Fatal(err)
		}
		for width := 0; width < 90; width += 1 + width/10 {
			for _, height := range []int{0, 1, 2, 5, 24} {
				tb := table.New[ship](th)
				check := func(step string) {
					t.Helper()
					lines := strings.Split(tb.View(), "\n")
					if height > 0 && len(lines) != height {
						t.Fatalf("%dx%d %s: %d lines", width, height, step, len(lines))
					}
					for _, line := range lines {
						if g, wc := ansi.StringWidth(line), ansi.StringWidthWc(line); height > 0 && (g != width || wc != width) {
							t.Fatalf("%dx%d %s: %q takes %d, %d cells", width, height, step, line, g, wc)
						}
					}
				}
				tb.SetSize(width, height)
				check("without columns")
				tb.SetColumns(columns())
				check("without rows")
				tb.SetRows(rows)
				tb.SetWide(true)
				tb.SetSort("guns", true)
				for name, key := range map[string]func(){
					"right": tb.Right, "left": tb.Left, "down": tb.Down, "page": tb.PageDown, "end": tb.End, "mark": tb.ToggleMark,
					"range": tb.MarkRange, "half": tb.HalfPageUp,
				} {
					key()
					check(name)
				}
				for range 6 {
					tb.Right()
					check("right")
				}
			}
		}
	}
}

func TestCursorFollowsItsRow(t *testing.T) {
	tb := newTable(40, 6, ships("a", "b", "c", "d", "e", "f", "g", "h"))
	tb.Select("c")
	for _, step := range []struct {
		what, rows, key string
		cursor, top     int
	}{
		{"rows before it come", "1 2 a b c d e f g h", "c", 4, 0},
		{"so many that it would leave the screen", "1 2 3 4 5 a b c d e f g h", "c", 7, 3},
		{"rows after it go", "1 2 3 4 5 a b c d", "c", 7, 3},
		{"rows before it go", "1 2 3 4 5 c d", "c", 5, 1},
		{"it is sorted first", "c d 1 2 3 4 5", "c", 0, 0},
		{"it goes", "d 1 2 3 4 5", "d", 0, 0},
		{"everything goes", "", "", 0, 0},
		{"others come", "x y", "x", 0, 0},
	} {
		tb.SetRows(ships(strings.Fields(step.rows)...))
		first, _ := tb.Visible()
		if tb.SelectedKey() != step.key || tb.Cursor() != step.cursor || first != step.top {
			t.Errorf("%s: cursor on %q at %d, top %d; want %q at %d, top %d", step.what, tb.SelectedKey(), tb.Cursor(), first, step.key, step.cursor, step.top)
		}
	}
}

func TestCursorOfGoneRow(t *testing.T) {
	tb := newTable(40, 4, ships("a", "b", "c", "d"))
	tb.End()
	tb.SetRows(ships("a", "b"))
	if got := tb.SelectedKey(); got != "b" {
		t.Errorf("the last row went and the cursor is on %q, want b", got)
	}
	tb.SetRows(nil)
	if _, ok := tb.Selected(); ok || tb.SelectedKey() != "" {
		t.Error("a row is selected in an empty table")
	}
}

func TestCursorWhileLoading(t *testing.T) {
	tb := newTable(40, 4, fleet(nil))
	tb.SetLoading(true)
	tb.SetRows(ships("m", "n"))
	tb.SetRows(ships("a", "m", "n"))
	if got := tb.SelectedKey(); got != "a" {
		t.Errorf("while rows arrive the untouched cursor is on %q, want a", got)
	}
	tb.Down()
	tb.SetRows(ships("a", "b", "m", "n"))
	if got := tb.SelectedKey(); got != "m" {
		t.Errorf("once moved the cursor is on %q, want m", got)
	}
}

func TestMoving(t *testing.T) {
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprintf("s%02d", i)
	}
	tb := newTable(40, 11, ships(names...)) // ten rows
	for _, step := range []struct {
		name        string
		do          func()
		cursor, top int
	}{
		{"up at the top", tb.Up, 0, 0},
		{"down", tb.Down, 1, 0},
		{"page down", tb.PageDown, 11, 10},
		{"half page down", tb.HalfPageDown, 16, 15},
		{"up within the screen", tb.Up, 15, 15},
		{"up scrolls", tb.Up, 14, 14},
		{"end", tb.End, 99, 90},
		{"down at the end", tb.Down, 99, 90},
		{"page down at the end", tb.PageDown, 99, 90},
		{"half page up", tb.HalfPageUp, 94, 85},
		{"page up", tb.PageUp, 84, 75},
		{"home", tb.Home, 0, 0},
		{"page up at the top", tb.PageUp, 0, 0},
		{"far down", func() { tb.Move(1000) }, 99, 90},
		{"a line of the screen", func() { tb.SelectLine(3) }, 92, 90},
		{"the titles", func() { tb.SelectLine(0) }, 92, 90},
		{"a smaller screen", func() { tb.SetSize(40, 3) }, 92, 91},
		{"a larger screen", func() { tb.SetSize(40, 51) }, 92, 50},
	} {
		step.do()
		if first, _ := tb.Visible(); tb.Cursor() != step.cursor || first != step.top {
			t.Errorf("%s: cursor %d, top %d; want %d, %d", step.name, tb.Cursor(), first, step.cursor, step.top)
		}
	}
}

// Who sees no colours sees where the cursor is, and that the row is marked.
func TestMarkUnderCursor(t *testing.T) {
	long := ships("victory", "royal-sovereign")
	for _, test := range []struct {
		width       int
		first, both string
	}{
		{40, "▌●victory                      0  ok", "▌●royal-sovereign             10  ok"},
		{24, "▌●victory       0 ok", "▌●royal-…ign   10 ok"}, // the mark takes its cell from the name
		{2, "▌●", "▌●"},
		{1, "▌", "▌"},
	} {
		tb := newTable(test.width, 3, long)
		tb.ToggleMark()
		tb.Down()
		tb.MarkRange()
		lines := strings.Split(tb.View(), "\n")
		if !strings.HasPrefix(lines[1], "●") || !strings.HasPrefix(lines[2], test.both) {
			t.Errorf("in %d cells:\n%q\n%q", test.width, lines[1], lines[2])
		}
		tb.Up()
		lines = strings.Split(tb.View(), "\n")
		if !strings.HasPrefix(lines[1], test.first) || !strings.HasPrefix(lines[2], "●") {
			t.Errorf("in %d cells:\n%q\n%q", test.width, lines[1], lines[2])
		}
	}
}

func names(rows []ship) string {
	var out []string
	for _, r := range rows {
		out = append(out, r.name)
	}
	return strings.Join(out, " ")
}

func TestMarks(t *testing.T) {
	tb := newTable(40, 10, ships("a", "b", "c", "d", "e"))
	tb.Down()
	tb.ToggleMark() // b
	tb.Move(2)
	tb.MarkRange() // b c d
	tb.Up()
	tb.ToggleMark() // not c
	if rows, hidden := tb.Marked(); names(rows) != "b d" || hidden != 0 {
		t.Fatalf("marked %q, %d hidden", names(rows), hidden)
	}
	tb.SetRows(ships("d", "e", "f")) // a filter hides b
	if rows, hidden := tb.Marked(); names(rows) != "d b" || hidden != 1 || tb.MarkCount() != 2 {
		t.Errorf("with b hidden, marked %q, %d hidden of %d", names(rows), hidden, tb.MarkCount())
	}
	changed := ships("b", "d")
	changed[1].status = "sunk"
	tb.SetRows(changed)
	if rows, _ := tb.Marked(); names(rows) != "b d" || rows[1].status != "sunk" {
		t.Errorf("marked %+v: not as the rows are now", rows)
	}
	tb.RetainMarks(func(key string, _ ship) bool { return key != "b" })
	if rows, _ := tb.Marked(); names(rows) != "d" {
		t.Errorf("after b was deleted, marked %q", names(rows))
	}
	tb.ClearMarks()
	if rows, hidden := tb.Marked(); len(rows) != 0 || hidden != 0 || tb.MarkCount() != 0 {
		t.Errorf("marked %q after clearing", names(rows))
	}
	tb.MarkRange()
	if rows, _ := tb.Marked(); len(rows) != 1 {
		t.Errorf("a range without a start marks %q", names(rows))
	}
}

// The cursor and the marks stay on their rows whatever happens to the others.
func TestRandomUpdates(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2)) // repeatable
	rows := fleet(nil)
	for i := range 300 {
		rows = append(rows, ship{key: fmt.Sprint(i), name: fmt.Sprint("ship-", i)})
	}
	tb := newTable(80, 24, rows)
	tb.MoveTo(150)
	tb.ToggleMark()
	for range 500 {
		next := slices.Clone(rows)
		rng.Shuffle(len(next), func(i, j int) { next[i], next[j] = next[j], next[i] })
		next = next[:rng.IntN(len(next)+1)]
		key := tb.SelectedKey()
		tb.SetRows(next)
		there := slices.ContainsFunc(next, func(s ship) bool { return s.key == key })
		if there && tb.SelectedKey() != key {
			t.Fatalf("the cursor moved from %q to %q", key, tb.SelectedKey())
		}
		row, ok := tb.Selected()
		if ok != (len(next) > 0) || ok && row.key != tb.SelectedKey() {
			t.Fatalf("selected %+v, key %q", row, tb.SelectedKey())
		}
		if first, last := tb.Visible(); ok && (tb.Cursor() < first || tb.Cursor() >= last) {
			t.Fatalf("the cursor at %d is not between %d and %d", tb.Cursor(), first, last)
		}
		if marked, _ := tb.Marked(); len(marked) != 1 || marked[0].key != "150" {
			t.Fatalf("marked %+v", marked)
		}
		if rng.IntN(3) == 0 {
			tb.Move(rng.IntN(21) - 10)
		}
	}
}
