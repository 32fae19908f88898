// Package sanitize makes text from a cluster harmless to a terminal. Names,
// labels, annotations, events, logs and YAML are written by whoever may write
// to the cluster, so all of it passes here once, on arrival, and nothing later
// has to ask again.
//
// What would command the terminal is removed: escape sequences with their whole
// payload, and control characters. What would deceive the reader is shown as
// U+FFFD, one for each run: bidirectional controls, invisible characters and
// bytes that are not UTF-8; a stray zero-width space in a ConfigMap is a fault
// worth seeing. Combining marks stay. Joiners and variation selectors, which
// only shape their neighbours, are removed, because terminals disagree on the
// width of what they make (a family emoji becomes its members); so a column
// stays as wide as the sum of its characters.
package sanitize

import (
	"strings"
	"unicode/utf8"
)

// Line returns s fit for one line: line breaks and tabs become spaces.
// Text that is safe already is returned as it is.
func Line(s string) string {
	if i := unsafeAt(s, false); i < len(s) {
		return clean(s, i, " ", " ")
	}
	return s
}

// Text returns s fit for several lines: \n stays, other line breaks become \n,
// and a tab becomes four spaces.
func Text(s string) string {
	if i := unsafeAt(s, true); i < len(s) {
		return clean(s, i, "\n", "    ")
	}
	return s
}

// unsafeAt returns the index of the first character of s to be changed, or
// len(s).
func unsafeAt(s string, lines bool) int {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c < ' ' && (c != '\n' || !lines) || c == del {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || judge(r) != keep {
			return i
		}
		i += size
	}
	return len(s)
}

const (
	bel = 0x07
	esc = 0x1b
	del = 0x7f
	// The eight-bit forms of ESC P, ESC X, ESC [, ESC \, ESC ], ESC ^ and ESC _.
	c1DCS, c1SOS, c1CSI, c1ST, c1OSC, c1PM, c1APC = 0x90, 0x98, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f
)

// clean rewrites s, whose first i bytes are known to be safe.
func clean(s string, i int, newline, tab string) string {
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:i])
	marked := false // the last thing written is a replacement
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		rest := s[i+size:]
		out := ""
		switch {
		case r == '\r' && strings.HasPrefix(rest, "\n"):
			// The \n that follows speaks for both.
		case r == '\n' || r == '\r':
			out = newline
		case r == '\t':
			out = tab
		case r == esc:
			size += escape(rest)
		case r >= 0x80 && r <= 0x9f:
			size += control(r, rest)
		case r < ' ' || r == del:
		default:
			v := judge(r)
			if r == utf8.RuneError && size == 1 {
				v = replace
			}
			switch {
			case v == keep:
				out = s[i : i+size]
			case v == replace && !marked:
				b.WriteRune(utf8.RuneError)
				marked = true
			}
		}
		if out != "" {
			b.WriteString(out)
			marked = false
		}
		i += size
	}
	return b.String()
}

// escape returns how many bytes of s, which follows an ESC, belong to its
// sequence.
func escape(s string) int {
	if s == "" {
		return 0
	}
	switch s[0] {
	case 'P', 'X', '[', ']', '^', '_':
		return 1 + control(rune(s[0])+0x40, s[1:])
	}
	n := span(s, ' ', '/')
	if n < len(s) && s[n] >= '0' && s[n] <= '~' {
		n++
	}
	return n
}

// control returns how many bytes of s, which follows the C1 control r, belong
// to the sequence that r begins.
func control(r rune, s string) int {
	switch r {
	case c1CSI:
		n := span(s, '0', '?')
		n += span(s[n:], ' ', '/')
		if n < len(s) && s[n] >= '@' && s[n] <= '~' {
			n++
		}
		return n
	case c1DCS, c1SOS, c1OSC, c1PM, c1APC:
		return payload(s)
	}
	return 0
}

// payload returns the length of a control string with its terminator. A string
// that is not terminated before the next control character is no string: it is
// left to be read, so that one stray byte cannot hide the rest of a text.
func payload(s string) int {
	for i, r := range s {
		switch {
		case r == bel:
			return i + 1
		case r == c1ST:
			return i + 2
		case r == esc:
			if strings.HasPrefix(s[i+1:], `\`) {
				return i + 2
			}
			return 0
		case r < ' ':
			return 0
		}
	}
	return 0
}

// span returns the length of the longest prefix of s made of bytes in [lo, hi].
func span(s string, lo, hi byte) int {
	n := 0
	for n < len(s) && s[n] >= lo && s[n] <= hi {
		n++
	}
	return n
}

type verdict uint8

const (
	keep verdict = iota
	drop
	replace
)

// judge says what becomes of a character that is not an ASCII control.
func judge(r rune) verdict {
	switch {
	case r < utf8.RuneSelf:
		return keep
	case r < 0xa0: // C1
		return drop
	case r < 0x034f:
		if r == 0x00ad { // soft hyphen
			return replace
		}
		return keep
	case r < 0x2000:
		switch r {
		case 0x034f, // combining grapheme joiner
			0x061c,         // Arabic letter mark
			0x115f, 0x1160, // Hangul fillers
			0x17b4, 0x17b5, // Khmer inherent vowels
			0x180e: // Mongolian vowel separator
			return replace
		case 0x180b, 0x180c, 0x180d, 0x180f: // Mongolian variation selectors
			return drop
		}
		return keep
	case r < 0x2070:
		switch {
		case r == 0x200c || r == 0x200d: // joiners
			return drop
		case r >= 0x200b && r <= 0x200f, // zero-width space, directional marks
			r >= 0x2028 && r <= 0x202e, // separators, embeddings, overrides
			r >= 0x2060:                // word joiner, invisible operators, isolates
			return replace
		}
		return keep
	case r < 0xfe00:
		if r == 0x3164 { // Hangul filler
			return replace
		}
		return keep
	case r <= 0xfe0f: // variation selectors
		return drop
	case r < 0xe0000:
		switch {
		case r == 0xfeff, // byte order mark
			r == 0xffa0,                  // Hangul filler
			r >= 0xfff0 && r <= 0xfffb,   // interlinear annotations and unassigned
			r >= 0x1bca0 && r <= 0x1bca3, // shorthand format controls
			r >= 0x1d173 && r <= 0x1d17a: // musical format controls
			return replace
		}
		return keep
	case r >= 0xe0100 && r <= 0xe01ef: // variation selectors
		return drop
	case r < 0xe1000: // tags, and default-ignorable reserves
		return replace
	}
	return keep
}
