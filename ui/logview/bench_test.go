package logview_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"quarterdeck/ui/logview"
	"quarterdeck/ui/theme"
)

// stream is a log without end, of which any part may be there.
type stream struct {
	first, next uint64
	lines       [1000]logview.Line
	kin         func(pos uint64) logview.Kin
}

func newStream(n uint64, width int, plain bool) *stream {
	s := &stream{next: n, kin: func(uint64) logview.Kin { return logview.Alone }}
	filler := strings.Repeat(" lorem ipsum=dolor", width/18+1)
	if !plain {
		filler = strings.Repeat(" 결제 서비스에서 응답", width/18+1)
	}
	for i := range s.lines {
		text := fmt.Sprintf("charge %d%s", i, filler)[:width]
		if !plain {
			text = strings.ToValidUTF8(text, "")
		}
		s.lines[i] = logview.Line{
			Time: noon().Add(time.Duration(i) * time.Millisecond), Source: fmt.Sprintf("7f9c-x%d app", i%20), Level: logview.Level(1 + i%5),
			Text: text, Quiet: 20, Matches: []logview.Span{{Start: 3, End: 6}},
		}
	}
	return s
}

func (s *stream) First() uint64 { return s.first }
func (s *stream) Next() uint64  { return s.next }

func (s *stream) Line(pos uint64) (logview.Line, bool) {
	l := s.lines[pos%uint64(len(s.lines))]
	l.ID = pos
	return l, pos >= s.first && pos < s.next
}

func (s *stream) Kin(pos uint64) logview.Kin { return s.kin(pos) }

// window returns a window of 160x50 over a log.
func window(tb testing.TB, s *stream, wrap bool) *logview.Window {
	tb.Helper()
	th, err := theme.New(nil, theme.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	w := logview.New(th, noon)
	w.SetSize(160, 50)
	w.SetStatus(status())
	w.SetWrap(wrap)
	w.SetLines(s)
	w.View()
	return w
}

const million = 1_000_000

// A frame of a paused window.
func BenchmarkView(b *testing.B) {
	for _, test := range []struct {
		name        string
		plain, wrap bool
	}{{"cut", true, false}, {"wrapped", true, true}, {"cjk/cut", false, false}, {"cjk/wrapped", false, true}} {
		b.Run(test.name, func(b *testing.B) {
			w := window(b, newStream(million, 150, test.plain), test.wrap)
			w.GoTo(million / 2)
			b.ReportAllocs()
			for b.Loop() {
				_ = w.View()
			}
		})
	}
}

// A frame of lines that were not on screen before: the worst that a key can do.
func BenchmarkPageAndView(b *testing.B) {
	for _, wrap := range []bool{false, true} {
		b.Run(fmt.Sprintf("wrap=%v", wrap), func(b *testing.B) {
			w := window(b, newStream(million, 150, true), wrap)
			b.ReportAllocs()
			for b.Loop() {
				w.PageUp()
				_ = w.View()
			}
		})
	}
}

// 1,000 more lines and a frame, while the oldest make room.
func BenchmarkFollow(b *testing.B) {
	for _, wrap := range []bool{false, true} {
		b.Run(fmt.Sprintf("wrap=%v", wrap), func(b *testing.B) {
			s := newStream(million, 150, true)
			w := window(b, s, wrap)
			b.ReportAllocs()
			for b.Loop() {
				s.first, s.next = s.first+1000, s.next+1000
				_ = w.View()
			}
		})
	}
}

// The same with one line repeated for ever, and with one record for ever.
func BenchmarkFollowGrouped(b *testing.B) {
	for name, kin := range map[string]logview.Kin{"repeats": logview.Repeats, "continues": logview.Continues} {
		b.Run(name, func(b *testing.B) {
			s := newStream(million, 150, true)
			s.kin = func(uint64) logview.Kin { return kin }
			w := window(b, s, false)
			w.SetFold(true)
			for b.Loop() {
				s.first, s.next = s.first+1000, s.next+1000
				_ = w.View()
			}
		})
	}
}

// The keys that change everything.
func BenchmarkToggle(b *testing.B) {
	for name, toggle := range map[string]func(w *logview.Window){
		"wrap": func(w *logview.Window) { w.SetWrap(!w.Wrapped()) },
		"fold": func(w *logview.Window) { w.SetFold(!w.Folded()) },
		"home": func(w *logview.Window) { w.Home(); w.End() },
		"time": func(w *logview.Window) { w.GoToTime(noon().Add(time.Second / 2)) },
	} {
		b.Run(name, func(b *testing.B) {
			w := window(b, newStream(million, 150, true), false)
			w.GoTo(million / 2)
			for b.Loop() {
				toggle(w)
				_ = w.View()
			}
		})
	}
}

// Lines of 1 MB on a whole screen.
func BenchmarkHugeLines(b *testing.B) {
	for _, plain := range []bool{true, false} {
		for _, wrap := range []bool{false, true} {
			b.Run(fmt.Sprintf("plain=%v/wrap=%v", plain, wrap), func(b *testing.B) {
				s := newStream(million, 150, true)
				huge := newStream(0, 1<<20, plain).lines[0].Text
				for i := range s.lines {
					s.lines[i].Text = huge
				}
				w := window(b, s, wrap)
				w.GoTo(million / 2)
				for b.Loop() {
					w.Down()
					_ = w.View()
				}
			})
		}
	}
}

// TestAllocations keeps a frame free of work for the garbage collector.
func TestAllocations(t *testing.T) {
	w := window(t, newStream(million, 150, true), true)
	w.GoTo(million / 2)
	if got := testing.AllocsPerRun(100, func() { w.View() }); got > 40 {
		t.Errorf("%.0f allocations a frame, more than 40", got)
	}
}
