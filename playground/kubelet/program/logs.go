package program

import (
	"iter"
	"math/rand/v2"
	"slices"
	"time"
)

// Line is one line of a container's log.
type Line struct {
	Time time.Time
	Text string
}

// Run is one run of a container, of which a log is asked.
type Run struct {
	Program Program
	// Seed tells this run from all others.
	Seed  uint64
	Start time.Time
	// Stop is when the run ended, zero while it goes on, and Words what it
	// said last.
	Stop  time.Time
	Words []string
	// Brief runs end before the program gets to its work.
	Brief bool
}

// second is the length of the pieces in which a log is computed.
const second = time.Second

// Lines yields the lines written from the time from (inclusive) to the time to
// (exclusive), oldest first.
func (r Run) Lines(from, to time.Time) iter.Seq[Line] { return new(Reader).Lines(r, from, to) }

// Reader reads on in the log of one run, and computes no second twice that it
// reads in small steps.
type Reader struct {
	at, stop time.Time
	lines    []Line
}

// Lines yields lines as Run.Lines does. The run may have ended since the call
// before, but must be the same.
func (f *Reader) Lines(r Run, from, to time.Time) iter.Seq[Line] {
	if start := r.Start.Truncate(second); from.Before(start) {
		from = start
	}
	if !r.Stop.IsZero() && to.After(r.Stop.Add(second)) {
		to = r.Stop.Add(second)
	}
	return func(yield func(Line) bool) {
		for at := from.Truncate(second); at.Before(to); at = at.Add(second) {
			if !f.at.Equal(at) || !f.stop.Equal(r.Stop) {
				f.at, f.stop, f.lines = at, r.Stop, r.piece(at)
			}
			for _, line := range f.lines {
				if line.Time.Before(from) || !line.Time.Before(to) {
					continue
				}
				if !yield(line) {
					return
				}
			}
		}
	}
}

// Tail returns the last n lines written before the time to.
func (r Run) Tail(n int, to time.Time) []Line {
	var lines []Line
	if !r.Stop.IsZero() && to.After(r.Stop.Add(second)) {
		to = r.Stop.Add(second)
	}
	for at := to.Truncate(second); len(lines) < n && !at.Before(r.Start.Truncate(second)); at = at.Add(-second) {
		piece := r.piece(at)
		for _, line := range slices.Backward(piece) {
			if line.Time.Before(to) && len(lines) < n {
				lines = append(lines, line)
			}
		}
	}
	slices.Reverse(lines)
	return lines
}

// piece computes the lines of the second that begins at the time at.
func (r Run) piece(at time.Time) []Line {
	p := r.Program
	rng := rand.New(rand.NewPCG(r.Seed, uint64(at.Unix())))
	start := r.Start.Truncate(second)

	var texts [][]string
	if at.Equal(start) {
		for _, m := range p.greetings() {
			texts = append(texts, p.Style.render(rng, at, p.Name, m))
		}
	}
	ended := !r.Stop.IsZero() && at.After(r.Stop)
	if !r.Brief && !ended && !at.Before(start) {
		for range count(rng, p.Rate) {
			texts = append(texts, p.Style.render(rng, at, p.Name, p.pick(rng)))
		}
	}
	if !r.Stop.IsZero() && at.Equal(r.Stop.Truncate(second)) && len(r.Words) > 0 {
		texts = append(texts, r.Words)
	}

	// Spread the entries over the second, in order; the lines of one entry are
	// some microseconds apart.
	var lines []Line
	gap := second / time.Duration(len(texts)+1)
	for i, entry := range texts {
		when := at.Add(gap*time.Duration(i) + time.Duration(rng.Int64N(int64(gap)*3/4)+1))
		for j, text := range entry {
			lines = append(lines, Line{Time: when.Add(time.Duration(j) * 7 * time.Microsecond), Text: text})
		}
	}
	return lines
}

// count draws how many entries fall into one second.
func count(rng *rand.Rand, rate float64) int {
	n := int(rate)
	if rng.Float64() < rate-float64(n) {
		n++
	}
	// Bursts make the log look alive without changing its average much.
	if n > 0 && rng.IntN(20) == 0 {
		n += rng.IntN(2*n + 1)
	}
	return n
}

func (p Program) pick(rng *rand.Rand) Message {
	messages := p.Messages
	if len(messages) == 0 {
		messages = quiet()
	}
	total := 0
	for _, m := range messages {
		total += m.weight()
	}
	n := rng.IntN(total)
	for _, m := range messages {
		if n -= m.weight(); n < 0 {
			return m
		}
	}
	return messages[0]
}
