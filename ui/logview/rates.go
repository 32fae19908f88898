package logview

import (
	"strconv"
	"strings"

	"quarterdeck/ui/theme"
)

// Rate is how many lines there were in a while, and how many of them errors.
type Rate struct{ Lines, Errors float64 }

// Sparkline draws how many there were of something over time, a count in a cell,
// without tones.
func Sparkline(g *theme.Glyphs, counts []uint32) string {
	var most uint32
	for _, n := range counts {
		most = max(most, n)
	}
	var b strings.Builder
	for _, n := range counts {
		b.WriteString(spark(g, float64(n), float64(most)))
	}
	return b.String()
}

func highest(rates []Rate) float64 {
	most := 0.0
	for _, r := range rates {
		most = max(most, r.Lines)
	}
	return most
}

// spark returns the bar of a value. The lowest stands for none: of whatever
// there is, however little beside the most, something is seen.
func spark(g *theme.Glyphs, value, most float64) string {
	if value <= 0 || most <= 0 {
		return g.Sparks[0]
	}
	n := len(g.Sparks) - 1
	return g.Sparks[min(n, 1+int(value/most*float64(n)))]
}

// PerSecond writes how many there are a second with as many digits as matter.
func PerSecond(rate float64) string {
	switch {
	case rate <= 0:
		return "0"
	case rate >= 10:
		return Count(uint64(rate + 0.5))
	}
	return strings.TrimSuffix(strconv.FormatFloat(max(rate, 0.1), 'f', 1, 64), ".0")
}
