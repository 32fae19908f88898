package container

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// gate passes writes on until it is closed: what a connection still brings
// after its session ended must not reach the screen of somebody else.
type gate struct {
	mu    sync.Mutex
	to    io.Writer // nil after close
	lines bool      // a raw terminal needs a carriage return before a new line
	last  byte
	heard atomic.Int64 // when something came last, in nanoseconds of Unix time
}

func (g *gate) Write(p []byte) (int, error) {
	g.heard.Store(time.Now().UnixNano())
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.to == nil {
		return 0, io.ErrClosedPipe
	}
	text := p
	if g.lines {
		text = g.returns(p)
	}
	if _, err := g.to.Write(text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// returns puts the carriage returns in that are missing.
func (g *gate) returns(p []byte) []byte {
	text := make([]byte, 0, len(p)+8)
	for _, b := range p {
		if b == '\n' && g.last != '\r' {
			text = append(text, '\r')
		}
		text = append(text, b)
		g.last = b
	}
	return text
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.to = nil
}

// heardAt returns when something came last.
func (g *gate) heardAt() time.Time { return time.Unix(0, g.heard.Load()) }
