package cell_test

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"quarterdeck/ui/cell"
)

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{
		"":                   0,
		"checkout-7f9c":      13,
		"결제-서비스":             11,
		"\u1100\u1161\u11a8": 2, // a Hangul syllable in conjoining letters
		"支払い":                6,
		"e\u0301tat":         4,
		"שלום":               4,
		"👨\u200d👩\u200d👧":    2,
		"❤\ufe0f":            1,
		"🇰🇷":                 2,
		"a\tb":               3,
		"\x1b[31mred":        8,
		"\xff":               1,
		"a\u200bb":           3,
	} {
		if got := cell.Width(s); got != want {
			t.Errorf("Width(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestTruncate(t *testing.T) {
	for _, tt := range []struct {
		s     string
		width int
		want  string
	}{
		{"checkout", 8, "checkout"},
		{"checkout", 7, "checko…"},
		{"checkout", 1, "…"},
		{"checkout", 0, ""},
		{"checkout", -1, ""},
		{"결제서비스", 10, "결제서비스"},
		{"결제서비스", 9, "결제서비…"},
		{"결제서비스", 8, "결제서…"},
		{"e\u0301tat", 3, "e\u0301t…"},
		{"two\nlines", 20, "two lines"},
		{"\x1b[31mred\x1b[m", 20, "?[31mred?[m"},
	} {
		if got := cell.Truncate(tt.s, tt.width); got != tt.want {
			t.Errorf("Truncate(%q, %d) = %q, want %q", tt.s, tt.width, got, tt.want)
		}
	}
}

func TestMiddle(t *testing.T) {
	for _, tt := range []struct {
		s     string
		width int
		want  string
	}{
		{"checkout-7f9c8d-x2k4p", 21, "checkout-7f9c8d-x2k4p"},
		{"checkout-7f9c8d-x2k4p", 16, "checkout-7…x2k4p"},
		{"checkout-7f9c8d-x2k4p", 2, "c…"},
		{"checkout-7f9c8d-x2k4p", 1, "…"},
		{"결제서비스-7f9c-x2", 13, "결제서비…9c-x2"[:len("결제서비…")] + "c-x2"},
		{"결제-청구-서비스", 9, "결제-…스"},
	} {
		if got := cell.Middle(tt.s, tt.width); got != tt.want {
			t.Errorf("Middle(%q, %d) = %q, want %q", tt.s, tt.width, got, tt.want)
		}
	}
}

func TestFitAndPad(t *testing.T) {
	for _, tt := range []struct {
		name, got, want string
	}{
		{"left", cell.Fit("ok", 5, cell.Left), "ok   "},
		{"right", cell.Fit("42", 5, cell.Right), "   42"},
		{"right, wide", cell.Fit("결제", 7, cell.Right), "   결제"},
		{"half a wide grapheme left over", cell.Fit("결제", 3, cell.Left), "결…"},
		{"ascii ellipsis", cell.ASCII.Fit("checkout", 4, cell.Left), "che~"},
		{"pad", cell.Pad("ok", 4, cell.Left), "ok  "},
		{"pad right", cell.Pad("42", 4, cell.Right), "  42"},
		{"pad what is too long", cell.Pad("checkout", 4, cell.Left), "checkout"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

// FuzzFit checks what tables rely on: whatever the text, the result has exactly
// the width asked for, in every terminal's opinion, even between other cells,
// and cutting keeps graphemes whole.
func FuzzFit(f *testing.F) {
	for _, s := range []string{
		"", "checkout-7f9c8d-x2k4p", "결제서비스", "\u1100\u1161\u11a8가", "支払い", "e\u0301\u0302tat", "שלום עולם", "مرحبا",
		"👨\u200d👩\u200d👧 family", "❤\ufe0f", "🇰🇷🇺🇸", "👍🏽", "#\ufe0f\u20e3", "นำ้", "नी क्षि", "a\u200bb", "\u0301x", "\u0600\n1",
		"\x1b[31mred\x1b[m", "\x1b]8;;http://x\x07l\x1b]8;;\x07", "\xff\xfe", "a\x80b", "\u202eevil", "\r\n\t", "🇰\u200d\u200b🇷", "\u1100\n\u1161",
	} {
		f.Add(s, 7)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		width = max(-1, width%200)
		want := max(0, width)
		for name, got := range map[string]string{
			"left":   cell.Fit(s, width, cell.Left),
			"right":  cell.Fit(s, width, cell.Right),
			"middle": cell.Pad(cell.Middle(s, width), width, cell.Left),
		} {
			row := " |" + got + "| "
			if g, wc := ansi.StringWidth(row), ansi.StringWidthWc(row); g != want+4 || wc != want+4 {
				t.Errorf("%s of %q in %d cells: %q takes %d by graphemes, %d by code points", name, s, width, got, g-4, wc-4)
			}
			if strings.ContainsAny(got, "\x1b\n\r\t\u009b") {
				t.Errorf("%s of %q: control characters in %q", name, s, got)
			}
		}
		if got, full := cell.Truncate(s, width), cell.Width(s); cell.Width(got) > want || full <= want && cell.Width(got) != full {
			t.Errorf("Truncate(%q, %d) = %q of %d cells", s, width, got, cell.Width(got))
		}
		if got := cell.WidthUpTo(s, want); got != min(want, cell.Width(s)) {
			t.Errorf("WidthUpTo(%q, %d) = %d of %d", s, want, got, cell.Width(s))
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	for name, s := range map[string]string{"ascii": "checkout-7f9c8d-x2k4p", "hangul": "결제서비스-파드-하나", "emoji": "👨\u200d👩\u200d👧 e\u0301tat"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, 256)
			for b.Loop() {
				buf, _ = cell.Unicode.Append(buf[:0], s, 14, true)
			}
		})
	}
}
