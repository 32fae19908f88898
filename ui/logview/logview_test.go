package logview_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"quarterdeck/ui/logview"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// buffer is a log that is all in memory.
type buffer struct {
	first uint64
	lines []logview.Line
	kin   []logview.Kin
}

func (b *buffer) First() uint64 { return b.first }
func (b *buffer) Next() uint64  { return b.first + uint64(len(b.lines)) }

func (b *buffer) Line(pos uint64) (logview.Line, bool) {
	if pos < b.first || pos >= b.Next() {
		return logview.Line{}, false
	}
	return b.lines[pos-b.first], true
}

func (b *buffer) Kin(pos uint64) logview.Kin {
	if pos < b.first || pos >= b.Next() {
		return logview.Alone
	}
	return b.kin[pos-b.first]
}

// add appends a line; its position is its ID unless it has one.
func (b *buffer) add(l logview.Line, kin logview.Kin) {
	if l.ID == 0 {
		l.ID = b.Next()
	}
	b.lines, b.kin = append(b.lines, l), append(b.kin, kin)
}

// drop gives up the oldest lines before pos.
func (b *buffer) drop(pos uint64) {
	n := pos - b.first
	b.lines, b.kin, b.first = b.lines[n:], b.kin[n:], pos
}

// number appends n lines that say their position.
func (b *buffer) number(n int) {
	for range n {
		b.add(logview.Line{Text: fmt.Sprintf("line %d", b.Next())}, logview.Alone)
	}
}

func noon() time.Time { return time.Date(2026, 8, 9, 12, 0, 0, 0, time.UTC) }

// open returns a window that shows nothing but texts, so that what is tested is
// easily read.
func open(b *buffer, width, height int) *logview.Window {
	w := logview.New(theme.Plain(theme.Options{}), noon)
	w.SetClock(logview.NoClock)
	w.SetSourceColumn(logview.SourceNever)
	w.SetSize(width, height)
	w.SetLines(b)
	return w
}

// shown returns the rows below the status without blanks at their ends.
func shown(w *logview.Window) []string {
	rows := strings.Split(ansi.Strip(w.View()), "\n")[1:]
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], " ")
	}
	return rows
}

func expect(t *testing.T, w *logview.Window, step string, want ...string) {
	t.Helper()
	if got := shown(w); !slices.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", step, strings.Join(got, "|"), strings.Join(want, "|"))
	}
}

func TestFollowAndPause(t *testing.T) {
	b := &buffer{}
	w := open(b, 30, 4)
	expect(t, w, "empty", "", "", "")
	b.number(5)
	expect(t, w, "follows", " line 2", " line 3", " line 4")
	w.Down()
	b.number(1)
	expect(t, w, "down at the end", " line 3", " line 4", " line 5")
	w.Up()
	b.number(1000)
	expect(t, w, "up pauses", " line 3", "▌line 4", " line 5")
	if w.Following() || w.New() != 1000 {
		t.Errorf("following %v, %d new", w.Following(), w.New())
	}
	w.PageDown()
	expect(t, w, "page down", " line 6", "▌line 7", " line 8")
	if w.New() != 997 {
		t.Errorf("%d new", w.New())
	}
	w.Home()
	expect(t, w, "home", "▌line 0", " line 1", " line 2")
	w.End()
	expect(t, w, "end", " line 1003", " line 1004", " line 1005")
	if w.New() != 0 || !w.Following() {
		t.Errorf("following %v, %d new", w.Following(), w.New())
	}
}

// What is on screen stays, even if the log gives it up, and what is gone behind
// it is said.
func TestPausedOverEviction(t *testing.T) {
	b := &buffer{}
	b.number(10)
	w := open(b, 40, 4)
	w.Up()
	expect(t, w, "paused", " line 7", "▌line 8", " line 9")
	b.number(1000)
	b.drop(8)
	expect(t, w, "partly gone", " line 7", "▌line 8", " line 9")
	b.drop(500)
	expect(t, w, "gone", " line 7", "▌line 8", " line 9")
	if got := w.New(); got != 510 {
		t.Errorf("%d new", got)
	}
	w.SetSize(41, 4)
	w.Move(2)
	expect(t, w, "a gap", " line 8", " line 9", "▌── 490 lines went out of the buffer ──")
	b.drop(600)
	w.Move(1)
	expect(t, w, "a gap grows", " line 9", " ── 590 lines went out of the buffer ──", "▌line 600")
	w.Move(1)
	expect(t, w, "beyond", " ── 590 lines went out of the buffer ──", " line 600", "▌line 601")
	b.drop(1009)
	expect(t, w, "gone again", " ── 590 lines went out of the buffer ──", " line 600", "▌line 601")
	w.Up()
	w.Up()
	w.Up()
	expect(t, w, "no way back", "▌── 590 lines went out of the buffer ──", " line 600", " line 601")
	b.drop(1010)
	w.PageDown()
	expect(t, w, "nothing left", " line 600", " line 601", "▌── 408 lines went out of the buffer ──")
	w.End()
	expect(t, w, "end", "", "", "")
	b.number(1)
	expect(t, w, "again", " line 1010", "", "")
}

func TestRepeated(t *testing.T) {
	b := &buffer{}
	b.number(2)
	for i := range 12 {
		kin := logview.Repeats
		if i == 0 {
			kin = logview.Alone
		}
		b.add(logview.Line{Text: "retry"}, kin)
	}
	b.number(1)
	w := open(b, 30, 6)
	w.SetFold(true)
	expect(t, w, "folded", " line 0", " line 1", " retry  12 times", " line 14", "")
	w.SetFold(false)
	expect(t, w, "all", " retry", " retry", " retry", " retry", " line 14")
	w.SetFold(true)
	w.GoTo(9)
	expect(t, w, "cursor in the fold", " line 0", " line 1", "▌retry  12 times", " line 14", "")
	if first, last, ok := w.Block(); first != 2 || last != 13 || !ok {
		t.Errorf("block %d-%d %v", first, last, ok)
	}
	next := func(from uint64) (uint64, bool) { return from + 1, true }
	if !w.Jump(next) {
		t.Error("no jump")
	}
	if pos, _ := w.Cursor(); pos != 14 {
		t.Errorf("jumped to %d", pos)
	}
	b.add(logview.Line{Text: "line 14"}, logview.Repeats)
	expect(t, w, "one more", " line 0", " line 1", " retry  12 times", "▌line 14  2 times", "")
	b.drop(6)
	expect(t, w, "kept", " line 0", " line 1", " retry  12 times", "▌line 14  2 times", "")
	w.Refresh()
	expect(t, w, "kept after a refresh", " line 0", " line 1", " retry  12 times", "▌line 14  2 times", "")
}

// However long lines repeat, only a bounded number is looked at for a frame.
func TestEndlessRepetition(t *testing.T) {
	b := &buffer{}
	for range 100_000 {
		b.add(logview.Line{Text: "ping"}, logview.Repeats)
	}
	w := open(b, 30, 4)
	w.SetFold(true)
	expect(t, w, "end", " ping  1024 times", " ping  1024 times", " ping  672 times")
	w.Home()
	expect(t, w, "start", "▌ping  1024 times", " ping  1024 times", " ping  1024 times")
	w.End()
	b.add(logview.Line{Text: "ping"}, logview.Repeats)
	expect(t, w, "one more", " ping  1024 times", " ping  1024 times", " ping  673 times")
	b.drop(50_000)
	w.GoTo(50_001)
	expect(t, w, "the oldest", "▌ping  1200 times", " ping  1024 times", " ping  1024 times")
}

func TestRecord(t *testing.T) {
	b := &buffer{}
	b.number(1)
	b.add(logview.Line{Text: "panic: no"}, logview.Alone)
	for i := range 3 {
		b.add(logview.Line{Text: fmt.Sprintf("  at %d", i)}, logview.Continues)
	}
	b.number(1)
	w := open(b, 24, 7)
	expect(t, w, "joined", " line 0", " panic: no  +3 lines", " line 5", "", "", "")
	w.GoTo(1)
	if !w.Toggle() {
		t.Fatal("cannot be expanded")
	}
	expanded := []string{" line 0", "▌panic: no  +3 lines", "   at 0", "   at 1", "   at 2", " line 5"}
	expect(t, w, "expanded", expanded...)
	w.Move(2)
	if pos, _ := w.Cursor(); pos != 3 {
		t.Errorf("cursor at %d", pos)
	}
	if l, ok := w.Current(); !ok || l.Text != "  at 1" {
		t.Errorf("current %q", l.Text)
	}
	b.drop(6)
	expanded[1], expanded[3] = " "+expanded[1][len("▌"):], "▌"+expanded[3][1:]
	expect(t, w, "gone and kept", expanded...)
	w.Toggle()
	expect(t, w, "collapsed", " line 0", "▌panic: no  +3 lines", " line 5", "", "", "")
	w.SetJoin(false)
	w.End()
	b.number(2)
	expect(t, w, "lines", " line 6", " line 7", "", "", "", "")
	if w.Toggle() {
		t.Error("expanded a line")
	}
}

// A jump into a record expands it.
func TestGoToLineOfRecord(t *testing.T) {
	b := &buffer{}
	b.number(10)
	for i := range 3 {
		b.add(logview.Line{Text: fmt.Sprintf("  at %d", i), Matches: []logview.Span{{Start: 2, End: 4}}}, logview.Continues)
	}
	b.number(10)
	w := open(b, 24, 6)
	w.Jump(func(uint64) (uint64, bool) { return 11, true })
	expect(t, w, "found", "   at 0", "▌  at 1", "   at 2", " line 13", " line 14")
	if pos, _ := w.Cursor(); pos != 11 {
		t.Errorf("cursor at %d", pos)
	}
	w.SetWrap(true)
	w.SetSize(8, 8)
	w.GoTo(12)
	expect(t, w, "wrapped", " +3 lin…", "   at 0", "   at 1", "▌  at 2", " line 13", " line 14", " line 15")
}

func TestDetails(t *testing.T) {
	b := &buffer{}
	b.number(2)
	w := open(b, 24, 6)
	w.SetDetail(func(l logview.Line) []textview.Line {
		if l.ID == 0 {
			return nil
		}
		return []textview.Line{{{Text: "level: ", Tone: theme.Field}, {Text: "info"}}, {{Text: "a: 1"}}}
	})
	if !w.Toggle() {
		t.Fatal("cannot be expanded")
	}
	expect(t, w, "expanded", " line 0", "▌line 1", " level: info", " a: 1", "")
	w.Up()
	if w.Toggle() {
		t.Error("nothing was expanded")
	}
}

func TestWrap(t *testing.T) {
	b := &buffer{}
	b.add(logview.Line{Text: "0123456789abcdefghij"}, logview.Alone)
	b.add(logview.Line{Text: "결제-서비스-결제"}, logview.Alone)
	b.add(logview.Line{Text: "end"}, logview.Alone)
	w := open(b, 8, 6)
	w.SetWrap(true)
	expect(t, w, "end", " efghij", " 결제-서", " 비스-결", " 제", " end")
	w.Home()
	expect(t, w, "home", "▌0123456", " 789abcd", " efghij", " 결제-서", " 비스-결")
	w.Move(4)
	w.SetSize(22, 6)
	expect(t, w, "wider", " 0123456789abcdefghij", "▌결제-서비스-결제", " end", "", "")
	w.SetWrap(false)
	w.SetSize(8, 6)
	expect(t, w, "cut", " 012345›", "▌결제- ›", " end", "", "")
	w.Right()
	expect(t, w, "a step to the right", " 123456›", "▌ 제-서›", " nd", "", "")
	for range 20 {
		w.Right()
		w.View()
	}
	expect(t, w, "as far as it goes", " defghij", "▌ 제", "", "", "")
}

// The place is kept when other lines are shown, also if they are found later.
func TestSetLinesKeepsPlace(t *testing.T) {
	all := &buffer{}
	all.number(1000)
	w := open(all, 24, 4)
	w.GoTo(500)
	even := &buffer{first: 1 << 32}
	for id := uint64(700); id < 1000; id += 2 {
		even.add(logview.Line{ID: id, Text: fmt.Sprintf("line %d", id)}, logview.Alone)
	}
	w.SetLines(even)
	expect(t, w, "not found yet", "▌line 700", " line 702", " line 704")
	var older []logview.Line
	for id := uint64(2); id < 700; id += 2 {
		older = append(older, logview.Line{ID: id, Text: fmt.Sprintf("line %d", id)})
	}
	even.first -= uint64(len(older))
	even.lines = append(older, even.lines...)
	even.kin = make([]logview.Kin, len(even.lines))
	expect(t, w, "found", " line 498", "▌line 500", " line 502")
	w.Down()
	w.SetLines(all)
	expect(t, w, "all again", " line 500", " line 501", "▌line 502")
	w.SetLines(&buffer{})
	expect(t, w, "none", "", "", "")
	w.SetLines(all)
	expect(t, w, "still known", " line 500", " line 501", "▌line 502")
}

func TestGoToTime(t *testing.T) {
	b := &buffer{}
	for i := range 100 {
		b.add(logview.Line{Time: noon().Add(time.Duration(i) * time.Second), Text: fmt.Sprintf("line %d", i)}, logview.Alone)
	}
	w := open(b, 24, 4)
	for _, test := range []struct {
		after time.Duration
		want  uint64
	}{{-time.Hour, 0}, {0, 0}, {41500 * time.Millisecond, 42}, {time.Hour, 99}} {
		w.GoToTime(noon().Add(test.after))
		if pos, ok := w.Cursor(); pos != test.want || !ok {
			t.Errorf("%v after: at %d, want %d", test.after, pos, test.want)
		}
	}
}

func TestBlock(t *testing.T) {
	b := &buffer{}
	b.number(10)
	w := open(b, 24, 6)
	w.GoTo(7)
	w.Mark()
	w.Move(-2)
	expect(t, w, "marked", "▌line 5", "●line 6", "●line 7", " line 8", " line 9")
	if first, last, ok := w.Block(); first != 5 || last != 7 || !ok {
		t.Errorf("%d-%d %v", first, last, ok)
	}
	w.SelectRow(5)
	expect(t, w, "the other way", " line 5", " line 6", "●line 7", "●line 8", "▌line 9")
	w.Mark()
	if first, last, _ := w.Block(); first != 9 || last != 9 {
		t.Errorf("%d-%d", first, last)
	}
	if w.SelectRow(0) || w.SelectRow(6) {
		t.Error("selected what is no line")
	}
}
