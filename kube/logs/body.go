package logs

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

const (
	readBytes = 32 << 10 // what is read of a connection at a time
	// A longer line is cut: nobody reads it, and it would push out thousands.
	maxLine = 256 << 10
)

// body reads what the server sends of a log line by line.
type body struct {
	r    *bufio.Reader
	long []byte // a line that is longer than the reader's buffer
}

func newBody(r io.Reader) *body { return &body{r: bufio.NewReaderSize(r, readBytes)} }

// next returns the next line without its end, valid until the next call, and
// how many bytes of it were beyond maxLine. whole is false for what the
// log ended with, or broke off in, before the end of a line; err says which.
func (b *body) next() (line []byte, missing int, whole bool, err error) {
	line, err = b.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, missing, err = b.rest(line)
	}
	if err != nil {
		return line, missing, false, err
	}
	if missing == 0 {
		line = line[:len(line)-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, missing, true, nil
}

// rest collects a line that begins with start.
func (b *body) rest(start []byte) (line []byte, missing int, err error) {
	b.long = append(b.long[:0], start...)
	for {
		more, err := b.r.ReadSlice('\n')
		room := maxLine - len(b.long)
		if keep := min(room, len(more)); keep > 0 {
			b.long = append(b.long, more[:keep]...)
			missing += len(more) - keep
		} else {
			missing += len(more)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if missing == 0 {
			return b.long, 0, err
		}
		if err == nil {
			missing-- // the end of the line
		}
		line = cut(b.long, maxLine-maxSGR)
		return line, missing + len(b.long) - len(line), err
	}
}

// waiting reports whether the next call of next may have to wait.
func (b *body) waiting() bool {
	n := b.r.Buffered()
	if n == 0 {
		return true
	}
	peeked, _ := b.r.Peek(n) // they are there
	return bytes.IndexByte(peeked, '\n') < 0
}
