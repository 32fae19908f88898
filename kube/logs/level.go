package logs

import "bytes"

// wordsWithin is how far into a line without a known format a level is looked
// for: beyond it, words are what the line is about.
const wordsWithin = 160

// classify says how a line is written, and how bad it says it is. text has no
// colours.
func classify(text []byte) (Level, Format) {
	b := bytes.TrimLeft(text, " ")
	switch {
	case len(b) == 0:
		return NoLevel, Plain
	case b[0] == '{' && bytes.HasSuffix(bytes.TrimRight(b, " "), []byte("}")):
		return jsonLevel(b), JSON
	case isKlog(b):
		return klogLevel(b[0]), Klog
	case isLogfmt(b):
		return logfmtLevel(b), Logfmt
	}
	if status := accessStatus(b); status > 0 {
		switch {
		case status >= 500:
			return Error, Access
		case status >= 400:
			return Warn, Access
		}
		return Info, Access
	}
	return wordLevel(b[:min(len(b), wordsWithin)]), Plain
}

// levelOf returns the level that a word stands for, whatever its case, NoLevel
// if it is none.
func levelOf(word []byte) Level {
	var buf [11]byte
	if len(word) < 3 || len(word) > len(buf) {
		return NoLevel
	}
	for i, c := range word {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	switch string(buf[:len(word)]) {
	case "trace", "trc", "verbose", "finest", "finer":
		return Trace
	case "debug", "dbg", "debu", "fine":
		return Debug
	case "info", "inf", "information", "notice", "log":
		return Info
	case "warn", "warning", "wrn":
		return Warn
	case "error", "err", "erro", "severe":
		return Error
	case "fatal", "ftl", "panic", "dpanic", "critical", "crit", "alert", "emerg", "emergency":
		return Fatal
	}
	return NoLevel
}

// fieldLevel returns the level that the value of a field stands for: a word,
// the numbers of pino and bunyan, or those of syslog.
func fieldLevel(v []byte) Level {
	if len(v) == 0 || v[0] < '0' || v[0] > '9' {
		if l := levelOf(v); l != NoLevel || len(v) != 1 {
			return l
		}
		return klogLevel(v[0])
	}
	n := 0
	for _, c := range v {
		if c < '0' || c > '9' || n > 1000 {
			return NoLevel
		}
		n = n*10 + int(c-'0')
	}
	switch {
	case n >= 10 && n%10 == 0 && n <= 60:
		return Level(n / 10)
	case len(v) > 1:
		return NoLevel
	case n <= 2:
		return Fatal
	case n == 7:
		return Debug
	case n <= 4:
		return Error + Level(3) - Level(n)
	}
	return Info
}

// isLevelKey reports whether a field of this name holds the level.
func isLevelKey(k []byte) bool {
	switch string(k) {
	case "level", "lvl", "severity", "loglevel", "log.level", "levelname", "log_level", "@level", "Level", "LEVEL", "s":
		return true
	}
	return false
}

func jsonLevel(b []byte) Level {
	found := NoLevel
	eachJSON(b, func(key, value []byte) bool {
		if !isLevelKey(key) {
			return true
		}
		found = fieldLevel(unquoted(value))
		return found == NoLevel
	})
	return found
}

// unquoted returns a JSON string without its quotes, anything else as it is.
func unquoted(v []byte) []byte {
	if len(v) >= 2 && v[0] == '"' {
		return v[1 : len(v)-1]
	}
	return v
}

// isKlog reports whether b begins as klog's lines do: I1122 08:00:00.
func isKlog(b []byte) bool {
	if len(b) < 15 || klogLevel(b[0]) == NoLevel || b[5] != ' ' || b[8] != ':' || b[11] != ':' {
		return false
	}
	return digits(b[1:5]) && digits(b[6:8]) && digits(b[9:11])
}

func klogLevel(c byte) Level {
	switch c {
	case 'D':
		return Debug
	case 'I':
		return Info
	case 'W':
		return Warn
	case 'E':
		return Error
	case 'F':
		return Fatal
	}
	return NoLevel
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// isLogfmt reports whether b begins with two pairs key=value, or is one.
func isLogfmt(b []byte) bool {
	rest, ok := skipPair(b)
	if !ok {
		return false
	}
	if rest = bytes.TrimLeft(rest, " "); len(rest) == 0 {
		return true
	}
	_, ok = skipPair(rest)
	return ok
}

func logfmtLevel(b []byte) Level {
	found := NoLevel
	eachPair(b, func(key, value []byte) bool {
		if !isLevelKey(key) {
			return true
		}
		found = fieldLevel(unquoted(value))
		return found == NoLevel
	})
	return found
}

// accessStatus returns the status in a line of a web server's access log, 0 if
// it is none: … "GET / HTTP/1.1" 200 …
func accessStatus(b []byte) int {
	i := bytes.IndexByte(b, '"')
	if i < 0 || i > 400 {
		return 0
	}
	request := b[i+1:]
	end := bytes.IndexByte(request, '"')
	if end < 0 || len(request) < end+5 || request[end+1] != ' ' || !bytes.Contains(request[:end], []byte(" HTTP/")) {
		return 0
	}
	status := request[end+2 : end+5]
	if !digits(status) {
		return 0
	}
	return int(status[0]-'0')*100 + int(status[1]-'0')*10 + int(status[2]-'0')
}

// wordLevel finds a level in the words of a line: one in capitals, or one that
// stands apart: [error], error:, between wide spaces or bars.
func wordLevel(b []byte) Level {
	if l := openingLevel(b); l != NoLevel {
		return l
	}
	for i := 0; i < len(b); {
		c := b[i] | 0x20
		if c < 'a' || c > 'z' {
			i++
			continue
		}
		start := i
		for i < len(b) && (b[i]|0x20 >= 'a' && b[i]|0x20 <= 'z') {
			i++
		}
		if i-start < 3 || i-start > 11 {
			continue
		}
		if l := levelOf(b[start:i]); l != NoLevel && standsApart(b, start, i) {
			return l
		}
	}
	return NoLevel
}

// standsApart reports whether the word b[start:end] is set as levels are.
func standsApart(b []byte, start, end int) bool {
	before, after := byte(' '), byte(' ')
	if start > 0 {
		before = b[start-1]
	}
	if end < len(b) {
		after = b[end]
	}
	switch {
	case before == '[' && (after == ']' || after == ' '), before == '<' && after == '>', before == '(' && after == ')', before == '|' && after == '|':
		return true
	case after == ':' && (before == ' ' || before == ']'):
		return true
	}
	if before != ' ' || after != ' ' && after != ']' && after != '|' {
		return false
	}
	capitals := b[start] < 'a' && b[end-1] < 'a'
	return capitals || bytes.HasPrefix(b[end:], []byte(tab)) || bytes.HasPrefix(b[end:], []byte(" | "))
}

// openingLevel knows lines by how they begin.
func openingLevel(b []byte) Level {
	switch b[0] {
	case 'p':
		if bytes.HasPrefix(b, []byte("panic: ")) {
			return Fatal
		}
	case 'f':
		if bytes.HasPrefix(b, []byte("fatal error: ")) {
			return Fatal
		}
	case 'T':
		if bytes.HasPrefix(b, []byte(pythonTrace)) {
			return Error
		}
	case 'E':
		if bytes.HasPrefix(b, []byte("Exception in thread ")) {
			return Error
		}
	case 'U':
		if bytes.HasPrefix(b, []byte("Unhandled ")) || bytes.HasPrefix(b, []byte("Uncaught ")) {
			return Error
		}
	}
	if isException(b) {
		return Error
	}
	return NoLevel
}

// isException reports whether b begins with the name of an exception:
// java.io.IOException: …, TypeError: …
func isException(b []byte) bool {
	n := 0
	for n < len(b) && (b[n] >= '0' && b[n] <= '9' || b[n]|0x20 >= 'a' && b[n]|0x20 <= 'z' || b[n] == '.' || b[n] == '$' || b[n] == '_') {
		n++
	}
	if n < len(b) && b[n] != ':' {
		return false
	}
	name := b[:n]
	return len(name) > len("Error") && (bytes.HasSuffix(name, []byte("Exception")) || bytes.HasSuffix(name, []byte("Error")))
}
