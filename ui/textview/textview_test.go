package textview_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
	"quarterdeck/ui/uitest"
)

func newPager(width, height int, text string) *textview.Pager {
	p := textview.New(theme.Plain(theme.Options{}))
	p.SetSize(width, height)
	p.SetLines(textview.FromText(text, theme.Text))
	return p
}

// numbered returns n lines that say their number.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	return b.String()
}

// shown returns the rows of the view without blanks at their ends.
func shown(p *textview.Pager) []string {
	rows := strings.Split(ansi.Strip(p.View()), "\n")
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], " ")
	}
	return rows
}

const manifest = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: 결제-서비스
  annotations:
    note: a long line that tells in many words what this deployment is good for, and who runs it
	tabs: are	kept
spec:
  token: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
`

func TestView(t *testing.T) {
	p := newPager(40, 10, manifest)
	t.Run("cut", func(t *testing.T) { uitest.Golden(t, p.View()) })
	p.Right()
	t.Run("right", func(t *testing.T) { uitest.Golden(t, p.View()) })
	p.SetWrap(true)
	p.SetSize(40, 14)
	t.Run("wrapped", func(t *testing.T) { uitest.Golden(t, p.View()) })
}

func TestTones(t *testing.T) {
	th, err := theme.New(map[string]string{"field": "cyan", "muted": "8", "match": "reverse", "current": "bold"}, theme.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := textview.New(th)
	p.SetSize(20, 2)
	p.SetLines([]textview.Line{
		{{Text: "name: ", Tone: theme.Field}, {Text: "web web"}},
		{{Text: "a line that is too long for the screen"}},
	})
	p.SetSearchText("e: WEB") // nothing: capitals mean capitals
	if p.Next() {
		t.Error("found what is not there")
	}
	p.SetSearchText("e: web")
	p.Next()
	p.SetSearchText("web")
	p.Next()
	want := "\x1b[36mname: \x1b[m\x1b[1mweb\x1b[m \x1b[7mweb\x1b[m       \na line that is too \x1b[90m›\x1b[m"
	if got := p.View(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	p.SetSearchText("e: web") // across spans
	if got, want := p.View(), "\x1b[36mnam\x1b[m\x1b[7me: web\x1b[m web"; !strings.HasPrefix(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestScrolling(t *testing.T) {
	p := newPager(20, 10, numbered(100))
	for _, step := range []struct {
		name         string
		do           func()
		top, percent int
	}{
		{"nothing", func() {}, 0, 10},
		{"up at the top", p.Up, 0, 10},
		{"down", p.Down, 1, 11},
		{"page down", p.PageDown, 11, 21},
		{"half page down", p.HalfPageDown, 16, 26},
		{"up", p.Up, 15, 25},
		{"end", p.End, 90, 100},
		{"down at the end", p.Down, 90, 100},
		{"half page up", p.HalfPageUp, 85, 95},
		{"page up", p.PageUp, 75, 85},
		{"go to a line", func() { p.GoTo(40) }, 40, 50},
		{"go beyond the end", func() { p.GoTo(400) }, 90, 100},
		{"a larger screen", func() { p.SetSize(20, 20) }, 80, 100},
		{"the same text again", func() { p.SetLines(textview.FromText(numbered(100), theme.Text)) }, 80, 100},
		{"a shorter text", func() { p.SetLines(textview.FromText(numbered(30), theme.Text)) }, 10, 100},
		{"home", p.Home, 0, 66},
		{"no text", func() { p.SetLines(nil) }, 0, 100},
	} {
		step.do()
		if p.Top() != step.top || p.Percent() != step.percent {
			t.Errorf("%s: line %d, %d %%; want %d, %d %%", step.name, p.Top(), p.Percent(), step.top, step.percent)
		}
	}
}

func TestScrollingWrapped(t *testing.T) {
	p := newPager(10, 3, "one\naaaaaaaaaabbbbbbbbbbcccccccccc\nthe quick brown fox\nend")
	p.SetWrap(true)
	var tops []string
	for range 8 {
		tops = append(tops, shown(p)[0])
		p.Down()
	}
	want := "one|aaaaaaaaaa|bbbbbbbbbb|cccccccccc|the quick|the quick|the quick|the quick"
	if got := strings.Join(tops, "|"); got != want {
		t.Errorf("down:\n got %s\nwant %s", got, want)
	}
	if got := strings.Join(shown(p), "|"); got != "the quick|brown fox|end" || p.Percent() != 100 {
		t.Errorf("at the end %s, %d %%", got, p.Percent())
	}
	for range 8 {
		p.Up()
	}
	if got := strings.Join(shown(p), "|"); got != "one|aaaaaaaaaa|bbbbbbbbbb" {
		t.Errorf("at the top %s", got)
	}
	p.End()
	p.SetSize(40, 3)
	if got := strings.Join(shown(p), "|"); !strings.HasSuffix(got, "the quick brown fox|end") {
		t.Errorf("after widening %s", got)
	}
}

func TestSearch(t *testing.T) {
	p := newPager(20, 5, numbered(60))
	p.SetSearch(regexp.MustCompile(`^line \d*7$|5`))
	position := func() string {
		at, total, counted := p.Matches()
		return fmt.Sprintf("%d/%d %v", at, total, counted)
	}
	if got := position(); got != "0/21 true" {
		t.Fatalf("%s", got)
	}
	for _, step := range []struct {
		name, at string
		do       func() bool
		top      int
	}{
		{"next, after the start of the screen", "1/21 true", p.Next, 4},
		{"next, on screen", "2/21 true", p.Next, 4},
		{"next, further down", "3/21 true", p.Next, 14},
		{"prev", "2/21 true", p.Prev, 6},
		{"prev", "1/21 true", p.Prev, 4},
		{"prev, from the first to the last", "21/21 true", p.Prev, 55},
		{"next, from the last to the first", "1/21 true", p.Next, 4},
	} {
		if !step.do() || position() != step.at || p.Top() != step.top {
			t.Errorf("%s: %s at line %d, want %s at %d", step.name, position(), p.Top(), step.at, step.top)
		}
	}
	p.Next()
	p.SetLines(textview.FromText(numbered(56), theme.Text))
	if got := position(); got != "2/17 true" {
		t.Errorf("after an update %s", got)
	}
	p.SetLines(textview.FromText("nothing", theme.Text))
	if got := position(); got != "0/0 true" || p.Next() || p.Prev() {
		t.Errorf("in a text without matches %s", got)
	}
	p.SetSearch(nil)
	if p.Next() || p.Prev() || p.Advance() {
		t.Error("moved without a search")
	}
}

// Two matches in one line, one of them off the screen to the right, and then
// in a wrapped line.
func TestSearchInLongLine(t *testing.T) {
	p := newPager(20, 3, "one\n"+strings.Repeat("x", 100)+"here"+strings.Repeat("y", 50)+"here\nlast")
	p.SetSearchText("HERE")
	if p.Next() {
		t.Error("found what is not there")
	}
	p.SetSearchText("here")
	for range 2 {
		p.Next()
		if got := shown(p)[1]; !strings.Contains(got, "here") {
			t.Errorf("not on screen: %q", got)
		}
	}
	p.SetWrap(true)
	p.Home()
	for range 3 {
		p.Prev()
		if got := strings.Join(shown(p), ""); !strings.Contains(got, "here") {
			t.Errorf("not on screen: %q", got)
		}
	}
}

// A long text is counted in steps, but Next does not need to wait for that.
func TestSearchInSteps(t *testing.T) {
	const lines = 50_000
	p := newPager(20, 5, numbered(lines))
	p.SetSearchText("line")
	if _, total, counted := p.Matches(); counted || total == 0 {
		t.Fatalf("%d matches, all counted: %v", total, counted)
	}
	for p.Advance() {
	}
	if _, total, counted := p.Matches(); !counted || total != lines {
		t.Fatalf("%d matches, all counted: %v", total, counted)
	}
	p.SetSearchText("line 49999")
	if !p.Next() {
		t.Error("not found")
	}
	if at, total, _ := p.Matches(); at != 1 || total != 1 || p.Top()+5 < lines {
		t.Errorf("%d/%d at line %d", at, total, p.Top())
	}
	p.SetSearchText("line 1")
	p.GoTo(30_000)
	if !p.Prev() {
		t.Error("not found")
	}
	if at, _, _ := p.Matches(); p.Top() >= 30_000 || at == 0 {
		t.Errorf("match %d at line %d", at, p.Top())
	}
}

// The rows after the first of a wrapped line are indented, by half the width at
// most; what is found in them is there.
func TestHanging(t *testing.T) {
	p := textview.New(theme.Plain(theme.Options{}))
	p.SetLines([]textview.Line{{{Text: "NAME  what it is that was said"}}, {{Text: "x     a verylongwordindeed that goes on"}}})
	p.SetWrap(true)
	for _, test := range []struct {
		width int
		want  []string
	}{
		{16, []string{"NAME  what it is", "      that was  ", "      said      ", "x     a         ", "      verylongwo", "      rdindeed  ", "      that goes ", "      on        "}},
		{8, []string{"NAME    ", "    what", "    it  ", "    is  "}},
		{40, []string{"NAME  what it is that was said          ", "x     a verylongwordindeed that goes on ", strings.Repeat(" ", 40)}},
	} {
		p.SetHanging(6)
		p.SetSize(test.width, len(test.want))
		if got := strings.Split(p.View(), "\n"); !slices.Equal(got, test.want) {
			t.Errorf("width %d: %q, want %q", test.width, got, test.want)
		}
	}
}

func TestPlain(t *testing.T) {
	p := newPager(5, 1, manifest)
	if got := p.Plain(); got != manifest {
		t.Errorf("%q", got)
	}
}

// FuzzView checks that every row has its width, wrapped or not, and that a
// match is on screen after Next, whatever the text, the search and the size.
func FuzzView(f *testing.F) {
	f.Add(manifest, "서비스", 40, 10)
	f.Add(manifest, "a+", 7, 3)
	f.Add("e\u0301\t👨\u200d👩\u200d👧\x1b[31m\xff\r\n\u0600\n", "\u0301", 3, 2)
	f.Add(strings.Repeat("결제 ", 50), `\s`, 5, 4)
	f.Add("", "", 1, 1)
	f.Add(manifest, "서\xeb\xb9", 40, 10) // no regular expression
	f.Fuzz(func(t *testing.T, text, search string, width, height int) {
		width, height = max(0, width%120), max(0, height%50)
		p := newPager(width, height, text)
		check := func(step string) {
			t.Helper()
			view := p.View()
			if height == 0 {
				return
			}
			rows := strings.Split(view, "\n")
			if len(rows) != height {
				t.Fatalf("%s: %d rows, want %d", step, len(rows), height)
			}
			for _, row := range rows {
				if got := ansi.StringWidth(row); got != width {
					t.Fatalf("%s: %q takes %d cells, want %d", step, row, got, width)
				}
			}
		}
		if re, err := regexp.Compile(search); err == nil {
			p.SetSearch(re)
		} else {
			p.SetSearchText(search)
		}
		for _, wrap := range []bool{false, true} {
			p.SetHanging(len(text) % 9)
			p.SetWrap(wrap)
			for name, key := range map[string]func(){"right": p.Right, "down": p.Down, "end": p.End, "up": p.Up, "page": p.PageUp} {
				key()
				check(name)
			}
			_, total, _ := p.Matches()
			if p.Next() != (total > 0) || p.Prev() != (total > 0) {
				t.Fatalf("%d matches and Next or Prev says otherwise", total)
			}
			check("search")
		}
	})
}

func big(b *testing.B, wrap bool) *textview.Pager {
	b.Helper()
	lines := make([]textview.Line, 200_000)
	for i := range lines {
		lines[i] = textview.Line{{Text: "    field-of-a-long-manifest: ", Tone: theme.Field}, {Text: fmt.Sprintf("value %d of a text that is wider than it should be, by some words or by many more", i)}}
	}
	th, err := theme.New(nil, theme.Options{})
	if err != nil {
		b.Fatal(err)
	}
	p := textview.New(th)
	p.SetSize(100, 50)
	p.SetWrap(wrap)
	p.SetLines(lines)
	b.ReportAllocs()
	b.ResetTimer()
	return p
}

func BenchmarkDownAndView(b *testing.B) {
	for _, wrap := range []bool{false, true} {
		b.Run(fmt.Sprintf("wrap=%v", wrap), func(b *testing.B) {
			p := big(b, wrap)
			for b.Loop() {
				p.Down()
				_ = p.View()
			}
		})
	}
}

func BenchmarkEnd(b *testing.B) {
	p := big(b, true)
	for b.Loop() {
		p.Home()
		p.End()
		_ = p.View()
	}
}

func BenchmarkSetLines(b *testing.B) {
	p := big(b, true)
	lines := textview.FromText(numbered(200_000), theme.Text)
	for b.Loop() {
		p.SetLines(lines)
	}
}

// Counting all matches in 200,000 lines, in one go.
func BenchmarkSearchAll(b *testing.B) {
	for _, text := range []string{"value 199999", "Value 199999"} {
		b.Run(text, func(b *testing.B) {
			p := big(b, false)
			for b.Loop() {
				p.SetSearchText(text)
				for p.Advance() {
				}
			}
		})
	}
}
