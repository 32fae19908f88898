package logview_test

import (
	"testing"

	"quarterdeck/ui/logview"
	"quarterdeck/ui/theme"
)

func TestSparkline(t *testing.T) {
	g := theme.Plain(theme.Options{}).Glyphs
	for _, test := range []struct {
		counts []uint32
		want   string
	}{
		{nil, ""},
		{[]uint32{0, 0}, "▁▁"},
		{[]uint32{0, 1, 2, 4, 8}, "▁▂▃▅█"},
		{[]uint32{0, 1, 1000}, "▁▂█"}, // one among thousands is not none
	} {
		if got := logview.Sparkline(&g, test.counts); got != test.want {
			t.Errorf("%v: %q, want %q", test.counts, got, test.want)
		}
	}
}
