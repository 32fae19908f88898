package logs

import (
	"bytes"
	"time"
)

const (
	// Lines of one record are written at once; a later one is another.
	recordTime  = 2 * time.Second
	recordLines = 4096

	pythonTrace = "Traceback (most recent call last):"
)

// records tells which lines of one container belong to the line before, as
// those of a stack trace do. It knows those of Go, Java, Python and Node, and
// what is indented.
type records struct {
	mode  traceMode
	head  Level // of the record's first line
	lines int   // of the record so far
	time  int64 // of the line before
}

// traceMode is what kind of trace a record is in.
type traceMode uint8

const (
	noTrace traceMode = iota
	goTrace
	pythonFrames
	pythonEnd // after the line that names the exception
)

// continues reports whether a line, without colours, belongs to the record of
// the one before, and takes note of it.
func (r *records) continues(text []byte, at int64, level Level, format Format) bool {
	joined := r.lines > 0 && r.lines < recordLines && format == Plain &&
		at-r.time < int64(recordTime) && at-r.time > -int64(recordTime) && r.joins(text)
	r.time = at
	if joined {
		r.lines++
	} else {
		r.lines, r.head, r.mode = 1, level, noTrace
	}
	switch {
	case bytes.HasPrefix(text, []byte(pythonTrace)):
		r.mode = pythonFrames
	case bytes.HasPrefix(text, []byte("fatal error: ")), bytes.HasPrefix(text, []byte("goroutine ")):
		r.mode = goTrace
	case !joined && format == Plain && bytes.Contains(text, []byte("panic")):
		r.mode = goTrace
	}
	return joined
}

func (r *records) joins(text []byte) bool {
	if len(text) == 0 {
		return r.mode != noTrace
	}
	if text[0] == ' ' {
		return true
	}
	for _, p := range [...]string{"Caused by: ", "Suppressed: ", "... "} {
		if bytes.HasPrefix(text, []byte(p)) {
			return true
		}
	}
	switch text[0] {
	case '}', ']', ')': // of what was indented
		if r.lines > 1 && len(bytes.TrimLeft(text, "}]),;")) == 0 {
			return true
		}
	}
	switch r.mode {
	case goTrace:
		return ofGoTrace(text)
	case pythonFrames:
		r.mode = pythonEnd
		return true
	case pythonEnd:
		return bytes.HasPrefix(text, []byte("During handling of ")) || bytes.HasPrefix(text, []byte("The above exception ")) ||
			bytes.HasPrefix(text, []byte(pythonTrace))
	}
	// What an error was logged with follows it.
	return r.lines == 1 && r.head >= Warn && (isException(text) || bytes.HasPrefix(text, []byte(pythonTrace)) || bytes.HasPrefix(text, []byte("goroutine ")))
}

// ofGoTrace reports whether a line that is not indented is one of Go's stack
// traces.
func ofGoTrace(text []byte) bool {
	for _, p := range [...]string{"goroutine ", "created by ", "[signal ", "panic: ", "exit status ", "runtime stack:"} {
		if bytes.HasPrefix(text, []byte(p)) {
			return true
		}
	}
	// A call, main.(*T).f(0x1, ...), or a register, rax    0x0.
	if call := bytes.IndexByte(text, '('); call > 0 && text[len(text)-1] == ')' && bytes.IndexByte(text[:call], ' ') < 0 {
		return true
	}
	return len(text) < 30 && bytes.Contains(text, []byte("  0x"))
}
