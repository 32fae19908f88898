package logs

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
	"unsafe"

	"quarterdeck/kube/sanitize"
)

const (
	esc = 0x1b
	del = 0x7f
	// A tab is shown as wide as this. Columns cannot be kept: what stands
	// before them on the screen differs.
	tab = "    "
	// Longer SGR sequences than any real one.
	maxSGR = 48
)

// appendClean appends the text of a line, safe to show: as package sanitize
// makes it, but for SGR sequences, which stay. coloured says whether there are
// any.
func appendClean(dst, line []byte) (out []byte, coloured bool) {
	for {
		n := plainPrefix(line)
		dst = append(dst, line[:n]...)
		line = line[n:]
		if len(line) == 0 {
			return dst, coloured
		}
		switch line[0] {
		case '\t':
			dst = append(dst, tab...)
			line = line[1:]
			continue
		case esc:
			if n := sgr(line); n > 0 {
				dst = append(dst, line[:n]...)
				coloured = true
				line = line[n:]
				continue
			}
		}
		// The rest up to the next tab or SGR sequence goes through the general
		// sanitiser, which has the last word on where a sequence ends.
		n = 1
		for n < len(line) && line[n] != '\t' && (line[n] != esc || sgr(line[n:]) == 0) {
			n++
		}
		dst = append(dst, safe(line[:n])...)
		line = line[n:]
	}
}

// safe returns what sanitize makes of b, valid as long as b is.
func safe(b []byte) string {
	return sanitize.Line(unsafe.String(unsafe.SliceData(b), len(b))) // nobody writes b while the string is in use
}

// plainPrefix returns how many bytes at the start of b are printable ASCII.
func plainPrefix(b []byte) int {
	i := 0
	// Eight at a time: a byte is not plain if it is below ' ', DEL or above.
	const (
		ones = 0x0101010101010101
		high = 0x8080808080808080
	)
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		if (w|(w-' '*ones)|(w+ones))&high != 0 {
			break
		}
	}
	for i < len(b) && b[i] >= ' ' && b[i] < del {
		i++
	}
	return i
}

// sgr returns the length of the SGR sequence that b begins with, 0 if it does
// not: ESC [ digits and separators m.
func sgr(b []byte) int {
	if len(b) < 3 || b[0] != esc || b[1] != '[' {
		return 0
	}
	for i := 2; i < len(b) && i < maxSGR; i++ {
		switch c := b[i]; {
		case c == 'm':
			return i + 1
		case (c < '0' || c > '9') && c != ';' && c != ':':
			return 0
		}
	}
	return 0
}

// cut returns line without what is beyond n bytes, not in the middle of a
// character or an escape sequence.
func cut(line []byte, n int) []byte {
	if len(line) <= n {
		return line
	}
	line = line[:n]
	for i := 1; i < utf8.UTFMax && i <= len(line); i++ {
		if c := line[len(line)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(line[len(line)-i:]) {
				line = line[:len(line)-i]
			}
			break
		}
	}
	if i := bytes.LastIndexByte(line[max(0, len(line)-maxSGR):], esc); i >= 0 {
		if rest := line[max(0, len(line)-maxSGR)+i:]; bytes.IndexByte(rest, 'm') < 0 {
			line = line[:len(line)-len(rest)]
		}
	}
	return line
}
