package logs

import (
	"bytes"
	"strconv"
	"time"
)

// parser turns what the server sends of one container into lines. It belongs
// to one goroutine.
type parser struct {
	source  SourceID
	records records
	minute  [17]byte // the last date and minute read, "2026-11-22T08:00:"
	base    int64    // and what it is, in seconds since 1970
	last    int64    // the time of the last line
	key     int64    // by which the last line was merged
	plain   []byte   // scratch
	capped  int      // lines that were cut since somebody asked
	cut     int      // bytes cut off them
}

// line appends a line to b as it came: its time, a space, its text. missing is
// how many bytes of it were not even kept.
func (p *parser) line(b *batch, at int64, text []byte, missing int) {
	start := len(b.text)
	var coloured bool
	b.text, coloured = appendClean(b.text, text)
	clean := b.text[start:]
	var flags Flags
	plain := clean
	if coloured {
		flags |= Coloured
		p.plain = appendPlain(p.plain[:0], view(clean))
		plain = p.plain
	}
	level, format := classify(plain)
	if p.records.continues(plain, at, level, format) {
		flags |= Continued
		level = p.records.head
	} else {
		p.key = max(p.key, at) // what a container wrote stays in its order
	}
	if missing > 0 {
		flags |= Capped
		p.capped++
		p.cut += missing
		b.text = append(b.text, " … "...)
		b.text = strconv.AppendInt(b.text, int64(missing), 10)
		b.text = append(b.text, " bytes cut"...)
	}
	b.add(p.key, at, packMeta(p.source, level, format, flags))
}

// marker appends words of ours, after everything before and not before at.
func (p *parser) marker(b *batch, at int64, text string) {
	p.records = records{}
	p.last = max(p.last, at)
	p.key = max(p.key, at)
	b.text = append(b.text, text...)
	b.add(p.key, p.key, packMeta(p.source, NoLevel, Plain, Marker))
}

// stamp reads the time that the server puts before a line. A line without one
// (the kubelet's own words on a log that it cannot read) is as old as the one
// before.
func (p *parser) stamp(line []byte) (at int64, text []byte) {
	space := bytes.IndexByte(line[:min(len(line), len("2006-01-02T15:04:05.000000000+00:00")+1)], ' ')
	if space < 0 { // an empty line may have lost its space
		space = len(line)
	}
	at, ok := p.parseTime(line[:space])
	if !ok {
		return p.last, line
	}
	p.last = at
	return at, line[min(space+1, len(line)):]
}

// parseTime reads a time of RFC 3339. time.Parse takes as long as everything
// else that is done for a line.
func (p *parser) parseTime(b []byte) (int64, bool) {
	const upToSeconds = len("2006-01-02T15:04:05")
	if len(b) <= upToSeconds {
		return 0, false
	}
	if !bytes.Equal(b[:len(p.minute)], p.minute[:]) {
		t, err := time.Parse(time.RFC3339, string(b[:len(p.minute)])+"00Z")
		if err != nil {
			return 0, false
		}
		copy(p.minute[:], b)
		p.base = t.Unix()
	}
	if !digits(b[17:19]) {
		return 0, false
	}
	at := (p.base + int64(b[17]-'0')*10 + int64(b[18]-'0')) * int64(time.Second)
	rest := b[upToSeconds:]
	if rest[0] == '.' {
		unit := int64(time.Second)
		for rest = rest[1:]; len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9'; rest = rest[1:] {
			unit /= 10
			at += int64(rest[0]-'0') * unit
		}
	}
	switch {
	case len(rest) == 1 && rest[0] == 'Z':
		return at, true
	case len(rest) == len("+00:00") && (rest[0] == '+' || rest[0] == '-') && digits(rest[1:3]) && digits(rest[4:6]):
		offset := (int64(rest[1]-'0')*10+int64(rest[2]-'0'))*3600 + (int64(rest[4]-'0')*10+int64(rest[5]-'0'))*60
		if rest[0] == '+' {
			offset = -offset
		}
		return at + offset*int64(time.Second), true
	}
	return 0, false
}

// takeCapped returns how many lines were cut, and by how much, since the last
// call.
func (p *parser) takeCapped() (lines, bytes int) {
	lines, bytes = p.capped, p.cut
	p.capped, p.cut = 0, 0
	return lines, bytes
}
