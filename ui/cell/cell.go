// Package cell fits plain text into a fixed number of terminal cells.
//
// Terminals disagree about how wide some graphemes are: one that groups code
// points draws a family emoji in two cells, one that adds up code points in
// six, and the renderer starts with the second opinion and may learn of the
// first. Text is therefore reduced to graphemes on which both agree, so that a
// column never moves: an emoji sequence keeps its first code point, and what
// has no width of its own becomes "?". Hangul is composed. Tabs and line ends become spaces, so
// the result is always one line without escape sequences.
package cell

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/text/unicode/norm"
)

// Align is the side of a cell to which text is pushed.
type Align uint8

// The alignments.
const (
	Left Align = iota
	Right
)

// Ellipsis is the one-cell mark that stands for text left out.
type Ellipsis string

// The ellipses.
const (
	Unicode Ellipsis = "…"
	ASCII   Ellipsis = "~"
)

const substitute = "?"

// Width returns the number of cells that s takes.
func Width(s string) int {
	if plain(s) {
		return len(s)
	}
	width := 0
	for len(s) > 0 {
		_, n, w := Next(s)
		s, width = s[n:], width+w
	}
	return width
}

// WidthUpTo is Width for a caller to whom everything wider than limit is the
// same: it returns at most limit and reads no more of s than that takes.
func WidthUpTo(s string, limit int) int {
	if limit <= 0 {
		return 0
	}
	if plain(s[:min(len(s), limit+1)]) {
		return min(len(s), limit)
	}
	width := 0
	for len(s) > 0 && width < limit {
		_, n, w := Next(s)
		s, width = s[n:], width+w
	}
	return min(width, limit)
}

// Next takes the first grapheme off s, which must not be empty: text is what to
// print for it, n how many bytes of s it was, and width, 1 or 2, how many cells
// text takes.
func Next(s string) (text string, n, width int) {
	if c := s[0]; c < utf8.RuneSelf && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		switch {
		case c >= ' ' && c <= '~':
			return s[:1], 1, 1
		case c == '\t' || c == '\n' || c == '\r':
			return " ", 1, 1
		}
		return substitute, 1, 1
	}
	if n := wide(s); n > 0 {
		return s[:n], n, 2
	}
	cluster, w := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
	n = len(cluster)
	if agreed(cluster, w) {
		return cluster, n, w
	}
	cluster = norm.NFC.String(cluster) // Hangul in conjoining letters becomes a syllable
	if w := ansi.StringWidth(cluster); agreed(cluster, w) {
		return cluster, n, w
	}
	switch first, size := utf8.DecodeRuneInString(cluster); {
	case first == '\t' || first == '\n' || first == '\r':
		return " ", n, 1
	case unicode.Is(unicode.Regional_Indicator, first) || unicode.Is(unicode.Hangul, first):
		// Alone they would join with what follows.
	default:
		base := cluster[:size]
		if w := ansi.StringWidth(base); agreed(base, w) {
			return base, n, w
		}
	}
	return substitute, n, 1
}

// wide returns the length of the first rune of s if it is of the common two-cell
// scripts and certainly a grapheme of its own, else 0. It spares CJK text the
// search for grapheme boundaries.
func wide(s string) int {
	r, n := utf8.DecodeRuneInString(s)
	if !wideRune(r) {
		return 0
	}
	if n < len(s) && (s[n] < ' ' || s[n] > '~') {
		if next, _ := utf8.DecodeRuneInString(s[n:]); !wideRune(next) {
			return 0
		}
	}
	return n
}

func wideRune(r rune) bool {
	return r >= 0xac00 && r <= 0xd7a3 || // Hangul syllables
		r >= 0x4e00 && r <= 0x9fff || // CJK ideographs
		r >= 0x3041 && r <= 0x3096 || r >= 0x30a1 && r <= 0x30fa // kana
}

// agreed reports whether a terminal that groups code points and one that adds
// them up both draw cluster in width cells, whatever stands next to it.
func agreed(cluster string, width int) bool {
	return (width == 1 || width == 2) && utf8.ValidString(cluster) &&
		ansi.StringWidthWc(cluster) == width &&
		ansi.StringWidth("x"+cluster+"x") == width+2
}

// plain reports whether s is printable ASCII, one cell a byte.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Truncate returns s in at most width cells, its end replaced by … if need be.
func Truncate(s string, width int) string { return Unicode.Truncate(s, width) }

// Middle returns s in at most width cells, its middle replaced by … if need be:
// the start of a generated name says what it belongs to, the end which it is.
func Middle(s string, width int) string { return Unicode.Middle(s, width) }

// Fit returns s in exactly width cells, truncated or padded with spaces.
func Fit(s string, width int, align Align) string { return Unicode.Fit(s, width, align) }

// Pad returns s padded with spaces to at least width cells.
func Pad(s string, width int, align Align) string {
	gap := strings.Repeat(" ", max(0, width-WidthUpTo(s, width)))
	if align == Right {
		return gap + s
	}
	return s + gap
}

// Truncate is the function Truncate with the ellipsis e.
func (e Ellipsis) Truncate(s string, width int) string {
	if len(s) <= width && plain(s) {
		return s
	}
	out, _ := e.Append(nil, s, width, false)
	return string(out)
}

// Middle is the function Middle with the ellipsis e.
func (e Ellipsis) Middle(s string, width int) string {
	if len(s) <= width && plain(s) {
		return s
	}
	out, _ := e.Append(nil, s, width, true)
	return string(out)
}

// Fit is the function Fit with the ellipsis e.
func (e Ellipsis) Fit(s string, width int, align Align) string {
	if len(s) == width && plain(s) {
		return s
	}
	short, used := e.Append(nil, s, width, false)
	gap := strings.Repeat(" ", max(0, width-used))
	if align == Right {
		return gap + string(short)
	}
	return string(short) + gap
}

// AppendSpaces appends n spaces to dst.
func AppendSpaces(dst []byte, n int) []byte {
	const blank = "                                                                "
	for ; n > len(blank); n -= len(blank) {
		dst = append(dst, blank...)
	}
	return append(dst, blank[:max(0, n)]...)
}

// Append appends s in at most width cells to dst and returns how many it took;
// middle says whether s is shortened in the middle or at its end.
func (e Ellipsis) Append(dst []byte, s string, width int, middle bool) ([]byte, int) {
	if width <= 0 {
		return dst, 0
	}
	tail := 0
	if middle {
		tail = (width - 1) / 3
	}
	head := width - 1 - tail
	// A cut in printable ASCII with printable ASCII on both sides of it never
	// splits a grapheme, so that what was left out need not be read.
	if plain(s[:min(len(s), width+1)]) && plain(s[max(0, len(s)-tail-1):]) {
		if len(s) <= width {
			return append(dst, s...), len(s)
		}
		dst = append(dst, s[:head]...)
		dst = append(dst, e...)
		return append(dst, s[len(s)-tail:]...), width
	}
	mark, used, rest := len(dst), 0, s
	var headEnd, headUsed int // where dst ends if s turns out to be too wide
	for len(rest) > 0 {
		text, n, w := Next(rest)
		if used+w > width {
			break
		}
		dst, rest, used = append(dst, text...), rest[n:], used+w
		if used <= head {
			headEnd, headUsed = len(dst)-mark, used
		}
	}
	if len(rest) == 0 {
		return dst, used
	}
	dst = append(dst[:mark+headEnd], e...)
	used = headUsed + 1
	if tail == 0 {
		return dst, used
	}
	skip := Width(s) - tail
	for skip > 0 {
		_, n, w := Next(s)
		s, skip = s[n:], skip-w
	}
	tail += skip // a wide grapheme across the border is left out whole
	for len(s) > 0 {
		text, n, _ := Next(s)
		dst, s = append(dst, text...), s[n:]
	}
	return dst, used + tail
}
