package logview_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"quarterdeck/ui/logview"
	"quarterdeck/ui/textview"
	"quarterdeck/ui/theme"
)

// player does random things to a window and checks the screen after each.
type player struct {
	*rand.Rand
	t             *testing.T
	window        *logview.Window
	log           *buffer
	text          string // what lines are made of
	width, height int
	grouped       bool // the number of lines shown as one may grow on screen
}

// FuzzView checks that every row has its width whatever the text, the size and
// what is done, and that in a paused window nothing moves by itself.
func FuzzView(f *testing.F) {
	f.Add(uint64(1), "GET /healthz 200 결제-서비스 e\u0301\u0327 שלום مرحبا 👨\u200d👩\u200d👧\tend", 80, 24)
	f.Add(uint64(2), "결제서비스에서응답이없습니다", 3, 5)
	f.Add(uint64(3), "plain text only, which is wrapped without being measured", 17, 9)
	f.Add(uint64(4), "\x1b[31m\xff\r\n\u0600\u202e\u1100\u1161", 1, 1)
	f.Add(uint64(5), "", 500, 200)
	f.Add(uint64(6), "🇰🇷🇩🇪👍🏽 x\ufe0f", 2, 3)
	f.Fuzz(func(t *testing.T, seed uint64, text string, width, height int) {
		p := &player{Rand: rand.New(rand.NewPCG(seed, seed)), t: t, text: text, width: max(0, width%501), height: max(0, height%201), log: &buffer{}}
		p.window = logview.New(theme.Plain(theme.Options{ASCII: seed%5 == 0}), noon)
		p.window.SetDetail(func(l logview.Line) []textview.Line {
			return make([]textview.Line, l.ID%3)
		})
		p.grouped = true
		p.window.SetSize(p.width, p.height)
		p.window.SetLines(p.log)
		for range 25 {
			p.step()
		}
	})
}

func (p *player) line() (logview.Line, logview.Kin) {
	piece := func() string {
		from, to := p.IntN(len(p.text)+1), p.IntN(len(p.text)+1)
		return p.text[min(from, to):max(from, to)]
	}
	l := logview.Line{
		ID: p.log.Next(), Time: noon().Add(time.Duration(p.IntN(100_000_000)) * time.Millisecond), Source: piece(), Level: logview.Level(p.IntN(9)),
		Text: strings.Repeat(piece(), 1+p.IntN(4)), Quiet: p.IntN(20), Marker: p.IntN(9) == 0, Context: p.IntN(9) == 0,
	}
	for range p.IntN(4) {
		l.Matches = append(l.Matches, logview.Span{Start: p.IntN(40) - 5, End: p.IntN(40)})
		l.Styles = append(l.Styles, logview.Style{At: p.IntN(40) - 5, SGR: []string{"", "0", "1;31", "38:5:1", piece()}[p.IntN(5)]})
	}
	return l, logview.Kin(p.IntN(3))
}

func (p *player) append(n int) {
	for range n {
		p.log.add(p.line())
	}
}

func (p *player) step() {
	w := p.window
	switch op := p.IntN(24); op {
	case 0:
		p.width, p.height = p.IntN(1+p.IntN(501)), p.IntN(1+p.IntN(201)) // mostly small
		w.SetSize(p.width, p.height)
	case 1:
		w.SetWrap(!w.Wrapped())
	case 2:
		w.SetFold(!w.Folded())
		p.grouped = w.Folded() || w.Joined()
	case 3:
		w.SetJoin(!w.Joined())
		p.grouped = w.Folded() || w.Joined()
	case 4:
		w.SetClock(logview.Clock(p.IntN(4)))
	case 5:
		w.SetSourceColumn(logview.SourceColumn(p.IntN(3)))
	case 6:
		w.SetStyled(!w.Styled())
	case 7:
		w.SetStatus(logview.Status{
			Facts: []logview.Fact{{Text: p.text, Tone: theme.Warn}}, Sources: p.IntN(3), Lines: p.Uint64(), Rate: 1e9 * p.Float64(), ErrorRate: p.Float64(),
			Gone: p.Uint64(), Dropped: 1, Cut: p.Uint64(), Limit: p.text, Filter: p.text, Search: p.IntN(2) > 0, Matches: p.Int(), Rates: make([]logview.Rate, p.IntN(100)), Empty: p.text,
		})
	case 8:
		if !w.Toggle() && p.log.Next() > p.log.First() {
			w.Mark()
		}
	case 9:
		w.SetLines(p.log)
	case 10:
		w.Refresh()
	case 11:
		w.Follow()
	case 12:
		w.GoTo(p.Uint64N(p.log.Next() + 2))
	case 13:
		w.GoToTime(noon().Add(time.Duration(p.IntN(100_000)) * time.Second))
	case 14:
		w.SelectRow(p.IntN(201))
	case 15:
		w.Jump(func(from uint64) (uint64, bool) { return from + 1, p.IntN(3) > 0 })
	case 16, 17, 18:
		move := []func(){w.Up, w.Down, w.PageUp, w.PageDown, w.HalfPageUp, w.HalfPageDown, w.Home, w.End, w.Left, w.Right}
		move[p.IntN(len(move))]()
	case 19:
		w.Move(p.IntN(100) - 50)
	default:
		p.arrive()
	}
	p.look()
	if _, _, ok := w.Block(); !ok && p.log.First() < p.log.Next() {
		p.t.Fatal("no line under the cursor")
	}
}

// arrive lets lines come and go.
func (p *player) arrive() {
	before := p.look()
	p.append(p.IntN(120))
	if p.IntN(2) == 0 {
		p.log.drop(p.log.First() + p.Uint64N(p.log.Next()-p.log.First()+1))
	}
	after := p.look()
	if p.window.Following() || p.grouped || p.width < 40 || len(before) == 0 || strings.TrimSpace(before[len(before)-1]) == "" {
		return // or lines may fill what was empty, or a gap is not recognised
	}
	for i, row := range before[1:] {
		if row != after[i+1] && !strings.Contains(row, "out of the buffer ") {
			p.t.Fatalf("row %d was %q and is %q", i+1, row, after[i+1])
		}
	}
}

// look returns the rows of the screen.
func (p *player) look() []string {
	p.t.Helper()
	view := p.window.View()
	if p.height == 0 {
		return nil
	}
	rows := strings.Split(view, "\n")
	if len(rows) != p.height {
		p.t.Fatalf("%d rows, want %d", len(rows), p.height)
	}
	for _, row := range rows {
		if got := ansi.StringWidth(row); got != p.width {
			p.t.Fatalf("%q takes %d cells, want %d", row, got, p.width)
		}
		if strings.ContainsRune(strings.ReplaceAll(ansi.Strip(row), "\x1b", "?"), '\x1b') {
			p.t.Fatalf("%q has escape sequences", row)
		}
	}
	return rows
}
