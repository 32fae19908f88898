package logs

import "sort"

// scanner looks for what matches a query. It belongs to one goroutine.
type scanner struct {
	query   *Query
	driver  []literal
	from    func(SourceID) Source
	sources map[SourceID]Source // asked for once
	plain   []byte              // scratch
	cand    candidate
}

func newScanner(q *Query, from func(SourceID) Source) *scanner {
	s := &scanner{query: q, driver: q.driver(), sources: map[SourceID]Source{}}
	if from != nil {
		s.from = func(id SourceID) Source {
			found, ok := s.sources[id]
			if !ok {
				found = from(id)
				s.sources[id] = found
			}
			return found
		}
	}
	s.cand.from = s.from
	return s
}

// scan adds to hits the lines of g from the number first on that match.
func (s *scanner) scan(g *segment, first int, hits bitset) {
	if first >= len(g.lines) {
		return
	}
	if s.driver == nil || g.coloured {
		for i := first; i < len(g.lines); i++ {
			if s.match(g, i) {
				hits.set(i)
			}
		}
		return
	}
	base := int(g.start(first))
	text := g.text[base:g.lines[len(g.lines)-1].end]
	for i := range s.driver {
		line := first // the places of a pass are in order
		last := -1
		s.driver[i].each(text, func(at int) int {
			at += base
			if at < last {
				line = first
			}
			last = at
			line += sort.Search(len(g.lines)-line, func(i int) bool { return int(g.lines[line+i].end) > at })
			if !hits.has(line) && s.match(g, line) {
				hits.set(line)
			} else if !hits.has(line) && at+1 < int(g.lines[line].end) && int(g.lines[line].end)-at < len(s.driver[i].text) {
				return 1 // it reaches into the next line
			}
			return int(g.lines[line].end) - at
		})
	}
}

// match reports whether one line of g does.
func (s *scanner) match(g *segment, i int) bool {
	m := g.lines[i].meta
	if m.flags()&Marker != 0 {
		return false
	}
	s.cand.meta = m
	s.cand.text = g.text[g.start(i):g.lines[i].end]
	if m.flags()&Coloured != 0 {
		s.plain = appendPlain(s.plain[:0], view(s.cand.text))
		s.cand.text = s.plain
	}
	return s.query.match(&s.cand)
}
