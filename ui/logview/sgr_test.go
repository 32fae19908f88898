package logview_test

import (
	"slices"
	"strings"
	"testing"

	"quarterdeck/ui/logview"
)

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		line, text string
		styles     []logview.Style
	}{
		{"", "", nil},
		{"plain", "plain", nil},
		{"\x1b[32mok\x1b[0m done", "ok done", []logview.Style{{At: 0, SGR: "32"}, {At: 2}}},
		{"a\x1b[1m\x1b[31mb\x1b[mc", "abc", []logview.Style{{At: 1, SGR: "1;31"}, {At: 2}}},
		{"\x1b[1mb\x1b[0;4mu\x1b[38;5;0mk", "buk", []logview.Style{{At: 0, SGR: "1"}, {At: 1, SGR: "4"}, {At: 2, SGR: "4;38;5;0"}}},
		{"cut\x1b[3", "cut", nil},
	} {
		text, styles := logview.Split(test.line)
		if text != test.text || !slices.Equal(styles, test.styles) {
			t.Errorf("%q: %q %v, want %q %v", test.line, text, styles, test.text, test.styles)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("\x1b[1;31mpanic\x1b[0m: \x1b[38;2;1;2;3mno\x1b[m")
	f.Add(strings.Repeat("\x1b[1m\x1b[31mx", 100))
	f.Fuzz(func(t *testing.T, line string) {
		text, styles := logview.Split(line)
		if strings.Contains(text, "\x1b[") && !strings.Contains(strings.ReplaceAll(line, "\x1b[", ""), "\x1b") {
			t.Errorf("%q: %q has sequences", line, text)
		}
		at := -1
		for _, s := range styles {
			if s.At <= at || s.At > len(text) {
				t.Fatalf("%q: %v in %d bytes", line, styles, len(text))
			}
			at = s.At
		}
	})
}
