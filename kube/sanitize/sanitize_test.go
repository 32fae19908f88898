package sanitize

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "checkout-7f9c", "checkout-7f9c"},
		{"hangul and accents", "결제-café-日本", "결제-café-日本"},
		{"combining mark stays", "e\u0301", "e\u0301"},
		{"arabic and hebrew stay", "مرحبا שלום", "مرحبا שלום"},
		{"arabic number sign is visible", "\u0600123", "\u0600123"},
		{"colour", "\x1b[1;31mred\x1b[0m", "red"},
		{"private mode and intermediates", "a\x1b[?25lb\x1b[0 qc", "abc"},
		{"clear screen by C1", "a\u009b2Jb", "ab"},
		{"reset", "a\x1bcb", "ab"},
		{"charset", "a\x1b(0b", "ab"},
		{"hyperlink keeps its words", "\x1b]8;;http://evil\x1b\\here\x1b]8;;\x07", "here"},
		{"clipboard", "a\x1b]52;c;ZXZpbA==\x07b", "ab"},
		{"clipboard by C1", "a\u009d52;c;ZXZpbA==\u009cb", "ab"},
		{"DCS, SOS, PM, APC", "a\x1bPq\x1b\\b\x1bXs\x1b\\c\x1b^p\x1b\\d\x1b_q\x1b\\e", "abcde"},
		{"unterminated title hides nothing", "a\x1b]0;pay attention", "a0;pay attention"},
		{"string cut by a line break", "a\x1b]0;b\nc\x07", "a0;b c"},
		{"escape in escape", "a\x1b\x1b[31mb", "ab"},
		{"escape at the end", "a\x1b", "a"},
		{"unfinished CSI", "a\x1b[31", "a"},
		{"raw eight-bit control", "a\x9b31mb", "a\ufffd31mb"},
		{"controls", "a\x00\a\b\v\f\x7fb", "ab"},
		{"tabs and line breaks", "a\tb\nc\r\nd\re", "a b c d e"},
		{"overrides show", "user\u202egnp.exe", "user\ufffdgnp.exe"},
		{"a run shows once", "a\u2066\u200b\u2069b", "a\ufffdb"},
		{"zero-width space shows", "a\u200bb", "a\ufffdb"},
		{"byte order mark shows", "\ufeffkey", "\ufffdkey"},
		{"tag characters show", "a\U000e0041\U000e0042b", "a\ufffdb"},
		{"invisible Hangul shows", "a\u3164b", "a\ufffdb"},
		{"joined emoji fall apart", "👩\u200d🚀❤\ufe0f", "👩🚀❤"},
		{"invalid bytes show once", "a\xff\xfeb", "a\ufffdb"},
		{"a replacement in the source stays", "a\ufffd\ufffdb", "a\ufffd\ufffdb"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Line(tc.in); got != tc.want {
				t.Errorf("Line(%q) = %q, want %q", tc.in, got, tc.want)
			}
		})
	}
}

func TestTextKeepsLines(t *testing.T) {
	in := "a:\tb\r\n  c: \x1b[31md\rlast\n"
	if got, want := Text(in), "a:    b\n  c: d\nlast\n"; got != want {
		t.Errorf("Text(%q) = %q, want %q", in, got, want)
	}
}

// TestJudgeAgainstUnicode holds the hand-written ranges against Unicode's own
// tables: every format character is dealt with, but for those that are seen.
func TestJudgeAgainstUnicode(t *testing.T) {
	hidden := []*unicode.RangeTable{
		unicode.Cf, unicode.Zl, unicode.Zp, unicode.Bidi_Control,
		unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point,
	}
	for r := rune(0xa0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) || unicode.Is(unicode.Prepended_Concatenation_Mark, r) {
			continue
		}
		if unicode.In(r, hidden...) && judge(r) == keep {
			if r >= 0x13430 && r <= 0x1343f { // hieroglyph joiners: they neither hide nor reorder
				continue
			}
			t.Errorf("%U is kept", r)
		}
		if unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S, unicode.M) && judge(r) != keep &&
			!unicode.In(r, hidden...) && r != 0x034f && r != 0x17b4 && r != 0x17b5 && r != utf8.RuneError && r != 0xfffc {
			t.Errorf("%U is not kept", r)
		}
	}
}

func TestSafeTextIsNotCopied(t *testing.T) {
	for _, s := range []string{strings.Repeat("plain ascii ", 20), strings.Repeat("한글과 漢字 ", 20)} {
		if n := testing.AllocsPerRun(100, func() { Line(s); Text(s) }); n != 0 {
			t.Errorf("%q: %v allocations", s[:12], n)
		}
	}
}

func checkSafe(t *testing.T, in, out string, lines bool) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Fatalf("%q became invalid UTF-8 %q", in, out)
	}
	for _, r := range out {
		if unicode.Is(unicode.Cc, r) && (r != '\n' || !lines) || unicode.Is(unicode.Bidi_Control, r) {
			t.Fatalf("%q became %q with %U", in, out, r)
		}
	}
}

func FuzzSanitize(f *testing.F) {
	for _, s := range []string{
		"plain", "\x1b[31m\u009b2J\x1b]52;c;x\x07", "\x1b]8;;\x1b\\", "a\r\r\n\tb", "\xff\u202e\u200b", "한e\u0301👩\u200d🚀", "\x1bP\u009c", "\x1b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		line, text := Line(s), Text(s)
		checkSafe(t, s, line, false)
		checkSafe(t, s, text, true)
		if again := Line(line); again != line {
			t.Fatalf("Line is not idempotent: %q, %q, %q", s, line, again)
		}
		if again := Text(text); again != text {
			t.Fatalf("Text is not idempotent: %q, %q, %q", s, text, again)
		}
	})
}

func BenchmarkLine(b *testing.B) {
	for _, bc := range []struct{ name, s string }{
		{"ascii", "2024-05-01T10:00:00Z INFO charge ok order=8123 ms=41 customer=12345 region=eu"},
		{"hangul", "결제 서비스가 주문 8123을 41밀리초에 처리했습니다 고객 12345"},
		{"colour", "\x1b[32m2024-05-01T10:00:00Z\x1b[0m INFO charge ok order=8123 ms=41 customer=12345"},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.SetBytes(int64(len(bc.s)))
			b.ReportAllocs()
			for b.Loop() {
				Line(bc.s)
			}
		})
	}
}
