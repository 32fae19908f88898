package logview_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"quarterdeck/ui/logview"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
	"quarterdeck/ui/uitest"
)

// checkout returns a log as it may be.
func checkout() *buffer {
	b := &buffer{}
	start := noon().Add(-time.Hour).Add(7*time.Second + 113*time.Millisecond)
	say := func(ms int, source string, level logview.Level, text, fields string) logview.Line {
		l := logview.Line{Time: start.Add(time.Duration(ms) * time.Millisecond), Source: source, Level: level, Text: text}
		if fields != "" {
			l.Quiet = len(text)
			l.Text += "  " + fields
		}
		return l
	}
	for i := range 60 {
		b.add(say(i*7, "7f9c-x2 app", logview.Info, "charge ok", fmt.Sprintf("order=%d ms=41", 8000+i)), logview.Alone)
	}
	b.add(say(500, "68cb-p1 istio-proxy", logview.Unknown, `"GET /healthz HTTP/1.1" 200 - "-" "kube-probe/1.36"`, ""), logview.Alone)
	for i := range 11 {
		b.add(say(510+i, "68cb-p1 istio-proxy", logview.Unknown, `"GET /healthz HTTP/1.1" 200 - "-" "kube-probe/1.36"`, ""), logview.Repeats)
	}
	failed := say(607, "7f9c-k9 app", logview.Error, "panic: missing env DB_URL", "")
	failed.Matches = []logview.Span{{Start: 7, End: 14}}
	b.add(failed, logview.Alone)
	for i := range 14 {
		b.add(say(607, "7f9c-k9 app", logview.Unknown, fmt.Sprintf("    main.step%d(0xc000, 0x%x) /src/checkout/main.go:%d", i, i, 40+i), ""), logview.Continues)
	}
	b.add(logview.Line{Time: start.Add(700 * time.Millisecond), Marker: true, Level: logview.Error, Text: "7f9c-k9 app restarted (exit 1), previous log above"}, logview.Alone)
	b.add(say(889, "68cb-p1 app", logview.Warn, "retry 2 of 5", "upstream=ledger"), logview.Alone)
	b.add(say(890, "68cb-p1 app", logview.Debug, "결제 재시도: 원장 서비스에서 응답이 없습니다", "시도=2"), logview.Alone)
	long := say(891, "68cb-p1 app", logview.Info, "request", "path=/api/v1/charge?order=8123&currency=EUR&idempotency=0190f3c2-7b1e-7cc3-98b1-7a3d1d6a2f10 status=200 bytes=51234 user_agent=\"curl/8.5.0\"")
	b.add(long, logview.Alone)
	colourful := say(895, "68cb-p1 app", logview.Info, "ready in 41 ms", "")
	colourful.Styles = []logview.Style{{At: 0, SGR: "1;32"}, {At: 5}, {At: 9, SGR: "33"}}
	b.add(colourful, logview.Alone)
	return b
}

func status() logview.Status {
	s := logview.Status{
		Facts:   []logview.Fact{{Text: "12 containers"}, {Text: "live", Tone: theme.OK}},
		Sources: 12, Lines: 48_210, Rate: 1204, ErrorRate: 3,
	}
	for _, n := range []float64{3, 4, 10, 2, 1, 48, 50, 49} {
		s.Rates = append(s.Rates, logview.Rate{Lines: n, Errors: max(0, n-47)})
	}
	return s
}

func TestLook(t *testing.T) {
	plain := theme.Plain(theme.Options{})
	for _, size := range []struct{ width, height int }{{80, 24}, {160, 50}} {
		t.Run(fmt.Sprintf("%dx%d", size.width, size.height), func(t *testing.T) {
			w := logview.New(plain, noon)
			w.SetSize(size.width, size.height)
			w.SetLines(checkout())
			w.SetFold(true)
			w.SetStatus(status())
			t.Run("follow", func(t *testing.T) { uitest.Golden(t, w.View()) })
			w.GoTo(72)
			w.Toggle()
			s := status()
			s.Gone, s.Limit, s.Dropped, s.Cut = 1_204_311, "256 MiB", 17, 3
			s.Search, s.Match, s.Matches, s.More = true, 3, 1200, true
			w.SetStatus(s)
			t.Run("expanded", func(t *testing.T) { uitest.Golden(t, w.View()) })
			w.Toggle()
			w.SetWrap(true)
			w.End()
			w.SetClock(logview.UTC)
			w.SetSourceColumn(logview.SourceNever)
			t.Run("wrapped", func(t *testing.T) { uitest.Golden(t, w.View()) })
			w.SetClock(logview.Relative)
			w.SetSourceColumn(logview.SourceIfMany)
			s.Sources, s.Filter = 1, "level>=warn"
			w.SetStatus(s)
			w.SetWrap(false)
			w.GoTo(90)
			w.SetDetail(func(logview.Line) []textview.Line {
				return []textview.Line{{{Text: "path: ", Tone: theme.Field}, {Text: "/api/v1/charge"}}, {{Text: "status: ", Tone: theme.Field}, {Text: "200"}}}
			})
			w.Toggle()
			w.Mark()
			w.Up()
			t.Run("one source", func(t *testing.T) { uitest.Golden(t, w.View()) })
		})
	}
}

// A narrow screen gives up what says least; the ASCII theme has no other glyphs.
func TestNarrow(t *testing.T) {
	w := logview.New(theme.Plain(theme.Options{ASCII: true}), noon)
	w.SetLines(checkout())
	w.SetStatus(status())
	for _, width := range []int{50, 30, 16, 3} {
		w.SetSize(width, 8)
		w.End()
		t.Run(fmt.Sprint(width), func(t *testing.T) { uitest.Golden(t, w.View()) })
	}
}

func TestEmpty(t *testing.T) {
	w := logview.New(theme.Plain(theme.Options{}), noon)
	w.SetSize(60, 4)
	w.SetStatus(logview.Status{Empty: "No lines yet: nothing was written in the last 5 minutes."})
	want := " 0 lines" + strings.Repeat(" ", 60-8-6) + "follow\n No lines yet: nothing was written in the last 5 minutes.   \n" +
		strings.Repeat(" ", 60) + "\n" + strings.Repeat(" ", 60)
	if got := w.View(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if w.Toggle() || w.Jump(func(uint64) (uint64, bool) { return 0, true }) {
		t.Error("something was done to nothing")
	}
	w.Mark()
	w.PageUp()
	w.GoTo(3)
	w.GoToTime(noon())
	if _, _, ok := w.Block(); ok || w.Marked() {
		t.Error("a block of nothing")
	}
}

func TestTones(t *testing.T) {
	th, err := theme.New(map[string]string{"match": "reverse", "current": "bold", "selected": "reverse", "muted": "8", "accent": "cyan"}, theme.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &buffer{}
	b.add(logview.Line{
		Text: "ready 결제 in 41 ms", Quiet: len("ready 결제"),
		Styles:  []logview.Style{{At: 0, SGR: "1;32"}, {At: 5}, {At: 6, SGR: "31m\x1b]0;no\a"}},
		Matches: []logview.Span{{Start: 2, End: 7}, {Start: len("ready 결제 in "), End: 1 << 40}},
	}, logview.Alone)
	w := logview.New(th, noon)
	w.SetClock(logview.NoClock)
	w.SetSourceColumn(logview.SourceNever)
	w.SetSize(24, 1)
	w.SetLines(b)
	for _, test := range []struct {
		do   func()
		want string
	}{
		{func() {}, " re\x1b[7mady 결\x1b[m제\x1b[90m in \x1b[m\x1b[7m41 ms\x1b[m    "},
		{func() { w.SetStyled(true) }, " \x1b[1;32mre\x1b[m\x1b[7mady 결\x1b[m제\x1b[90m in \x1b[m\x1b[7m41 ms\x1b[m    "},
		{w.Pause, "\x1b[36m▌\x1b[m\x1b[1;32mre\x1b[m\x1b[1mady 결\x1b[m제\x1b[90m in \x1b[m\x1b[1m41 ms\x1b[m    "},
	} {
		test.do()
		if got := w.View(); got != test.want {
			t.Errorf("got  %q\nwant %q", got, test.want)
		}
	}
}

func TestRelative(t *testing.T) {
	for age, want := range map[time.Duration]string{
		-time.Second: "0.0s", 1234 * time.Millisecond: "1.2s", 59999 * time.Millisecond: "59.9s", 4*time.Minute + 2*time.Second: "4m02s",
		3*time.Hour + 7*time.Minute: "3h07m", 52 * time.Hour: "2d04h", 2400 * time.Hour: "100d",
	} {
		b := &buffer{}
		b.add(logview.Line{Time: noon().Add(-age), Text: "x"}, logview.Alone)
		w := open(b, 24, 1)
		w.SetClock(logview.Relative)
		if got := strings.Fields(ansi.Strip(w.View()))[0]; got != want {
			t.Errorf("%v: %s, want %s", age, got, want)
		}
	}
}

// What is only near a match differs from it without colours, too.
func TestContext(t *testing.T) {
	b := &buffer{}
	for _, l := range []logview.Line{{Text: "before", Context: true}, {Text: "match"}, {Text: "after", Context: true}, {Text: "far", Context: true, Skip: true}, {Text: "other"}} {
		b.add(l, logview.Alone)
	}
	w := open(b, 20, 6)
	w.SetClock(logview.NoClock)
	w.SetSourceColumn(logview.SourceNever)
	expect(t, w, "context", "│before", " match", "│after", "─far", " other")
	w.GoTo(2)
	expect(t, w, "the cursor covers it", "│before", " match", "▌after", "─far", " other")
}

// A time of another day is shown with its date.
func TestDate(t *testing.T) {
	b := &buffer{}
	b.add(logview.Line{Time: noon().Add(-13 * time.Hour), Text: "x"}, logview.Alone)
	b.add(logview.Line{Time: noon(), Text: "y"}, logview.Alone)
	w := open(b, 60, 3)
	w.SetClock(logview.UTC)
	expect(t, w, "two days", " 08-08 23:00:00.000Z  x", " 08-09 12:00:00.000Z  y")
}
