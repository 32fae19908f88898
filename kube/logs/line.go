package logs

import "strings"

// Line is one line of the merged log. Its text is harmless to a terminal.
type Line struct {
	Seq    uint64 // its number in the ring, 0 for the first ever; never given twice
	Time   int64  // the server's, nanoseconds since 1970
	Source SourceID
	Level  Level
	Format Format
	Flags  Flags
	Raw    string // the text, with the application's own colours if it is Coloured
}

// SourceID numbers the containers of a log, from 0 in the order they came.
type SourceID uint32

// Text returns the line without colours.
func (l *Line) Text() string {
	if l.Flags&Coloured == 0 {
		return l.Raw
	}
	return string(appendPlain(nil, l.Raw))
}

// Flags say what is special about a line.
type Flags uint8

// The flags of lines.
const (
	Marker    Flags = 1 << iota // said by us, not by the container: it restarted, is gone, …
	Continued                   // belongs to the line before it, as in a stack trace
	Coloured                    // Raw has SGR sequences in it, and no other escape sequences
	Capped                      // the end of it was cut off
)

// Level is how bad a line says it is.
type Level uint8

// The levels, from the least to the worst.
const (
	NoLevel Level = iota // none found
	Trace
	Debug
	Info
	Warn
	Error
	Fatal
)

// String returns the level as a word, "" for NoLevel.
func (l Level) String() string {
	return [...]string{"", "trace", "debug", "info", "warn", "error", "fatal"}[l]
}

// Format is how a line is written.
type Format uint8

// The formats of lines.
const (
	Plain  Format = iota
	JSON          // one object
	Logfmt        // key=value pairs only
	Klog          // I1122 08:00:00.000000       1 file.go:42] "text" key="value"
	Access        // the common or combined log of a web server
)

// String returns the format as a word.
func (f Format) String() string {
	return [...]string{"plain", "json", "logfmt", "klog", "access"}[f]
}

// appendPlain appends s without its SGR sequences, the only escape sequences
// that a line may have.
func appendPlain(dst []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, esc)
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		end := strings.IndexByte(s[i:], 'm')
		if end < 0 {
			return dst
		}
		s = s[i+end+1:]
	}
}
