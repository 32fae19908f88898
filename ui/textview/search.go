package textview

import (
	"bytes"
	"regexp"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// chunk is how many lines are searched at a time: some milliseconds of work.
const chunk = 10_000

// match is where in a line something was found, in bytes.
type match struct{ start, end int }

// finder appends the matches in text to found. A match is never empty.
type finder func(found []match, text []byte) []match

// search is what was searched for and where it was found. Lines are searched in
// their order, a chunk at a time.
type search struct {
	find    finder // nil searches nothing
	scanned int    // lines searched so far
	hits    []hit

	at, nth int // the match at which the search stands: the nth of hits[at]; at is -1 if there is none

	near  map[int][]match // the matches of the lines near the screen, by line
	text  []byte          // reused for the bytes of a line
	found []match         // reused for the matches in it
}

// hit is a line in which something was found.
type hit struct {
	line   int
	before int // matches in the lines before it
	count  int
}

// SetSearch searches for a regular expression; nil ends the search.
func (p *Pager) SetSearch(re *regexp.Regexp) {
	if re == nil {
		p.search = search{}
		return
	}
	p.search.begin(p.lines, func(found []match, text []byte) []match {
		for _, at := range re.FindAllIndex(text, -1) {
			if at[1] > at[0] { // x* also matches nothing, everywhere
				found = append(found, match{at[0], at[1]})
			}
		}
		return found
	})
}

// SetSearchText searches for a text, whatever its case unless it has capital
// letters; "" ends the search.
func (p *Pager) SetSearchText(s string) {
	switch {
	case s == "":
		p.search = search{}
	case strings.IndexFunc(s, unicode.IsUpper) >= 0 || !utf8.ValidString(s):
		p.search.begin(p.lines, literal([]byte(s)))
	case strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0:
		p.SetSearch(regexp.MustCompile("(?i)" + regexp.QuoteMeta(s)))
	default:
		// The general way takes twenty times as long.
		find := literal([]byte(s))
		var lower []byte
		p.search.begin(p.lines, func(found []match, text []byte) []match {
			lower = append(lower[:0], text...)
			for i, c := range lower {
				if c >= 'A' && c <= 'Z' {
					lower[i] = c + 'a' - 'A'
				}
			}
			return find(found, lower)
		})
	}
}

// literal returns a finder of needle itself.
func literal(needle []byte) finder {
	return func(found []match, text []byte) []match {
		for from := 0; ; {
			i := bytes.Index(text[from:], needle)
			if i < 0 {
				return found
			}
			from += i + len(needle)
			found = append(found, match{from - len(needle), from})
		}
	}
}

// Advance searches some more lines and reports whether there are still others
// to search. A caller that wants the count of the whole text calls it until it
// returns false, letting keys through in between.
func (p *Pager) Advance() bool { return p.search.advance(p.lines) }

// Matches returns at which match the search stands, counted from 1, or 0, and
// how many there are; counted is false as long as not all lines are searched.
func (p *Pager) Matches() (current, total int, counted bool) {
	s := &p.search
	if n := len(s.hits); n > 0 {
		total = s.hits[n-1].before + s.hits[n-1].count
		if s.at >= 0 {
			current = s.hits[s.at].before + s.nth + 1
		}
	}
	return current, total, s.scanned >= len(p.lines)
}

// Next goes to the next match, the first after the start of the screen if the
// search stands nowhere yet, and from the last to the first. It reports whether
// there is one.
func (p *Pager) Next() bool {
	s := &p.search
	if s.find == nil {
		return false
	}
	if s.at >= 0 && s.nth+1 < s.hits[s.at].count {
		s.nth++
	} else {
		from := p.top
		if s.at >= 0 {
			from = s.hits[s.at].line + 1
		}
		i := s.from(from)
		for i == len(s.hits) && s.advance(p.lines) {
			i = s.from(from)
		}
		// The last chunk may have found something too.
		if i = s.from(from); i == len(s.hits) {
			i = 0
		}
		s.stand(i, 0)
	}
	return p.reveal()
}

// Prev goes to the match before, from the first to the last.
func (p *Pager) Prev() bool {
	s := &p.search
	if s.find == nil {
		return false
	}
	if s.at >= 0 && s.nth > 0 {
		s.nth--
	} else {
		from := p.top
		if s.at >= 0 {
			from = s.hits[s.at].line
		}
		for s.scanned < from && s.advance(p.lines) {
		}
		i := s.from(from) - 1
		if i < 0 {
			for s.advance(p.lines) {
			}
			i = len(s.hits) - 1
		}
		if i >= 0 {
			s.stand(i, s.hits[i].count-1)
		}
	}
	return p.reveal()
}

// reveal scrolls so that the match at which the search stands is visible.
func (p *Pager) reveal() bool {
	s := &p.search
	if s.at < 0 {
		return false
	}
	line := s.hits[s.at].line
	found := s.matches(p.lines, line)
	if s.nth >= len(found) {
		return false
	}
	start, sub := found[s.nth].start, 0
	if p.wrap {
		ends := p.wrapped(line)
		for sub < len(ends)-1 && ends[sub] <= start {
			sub++
		}
	} else if column := p.lines[line].column(start); column < p.width-1 {
		p.x = 0 // an earlier match may have been farther to the right
	} else if column < p.x || column >= p.x+p.width-1 {
		p.x = column - p.width/2
	}
	if !p.visible(line, sub) {
		p.top, p.sub = line, sub
		p.Move(-p.height / 3)
	}
	return true
}

// visible reports whether a row of a line is on screen.
func (p *Pager) visible(line, sub int) bool {
	if line < p.top || line == p.top && sub < p.sub || line >= p.top+p.height {
		return false
	}
	row := sub - p.sub
	for i := p.top; i < line; i++ {
		row += p.rows(i)
	}
	return row < p.height
}

// begin searches for something else.
func (s *search) begin(lines []Line, find finder) {
	*s = search{find: find, at: -1, near: map[int][]match{}, text: s.text, found: s.found}
	s.advance(lines)
}

// restart searches lines that have replaced others, and stays where it stood if
// there still is a match.
func (s *search) restart(lines []Line) {
	if s.find == nil {
		return
	}
	line, nth := -1, s.nth
	if s.at >= 0 {
		line = s.hits[s.at].line
	}
	s.begin(lines, s.find)
	for line >= s.scanned && s.advance(lines) {
	}
	if i := s.from(line); line >= 0 && i < len(s.hits) && s.hits[i].line == line {
		s.stand(i, min(nth, s.hits[i].count-1))
	}
}

// stand makes the nth match of hit i the current one, if there is such a hit.
func (s *search) stand(i, nth int) {
	if i < len(s.hits) {
		s.at, s.nth = i, nth
	}
}

// from returns the first hit at or after a line.
func (s *search) from(line int) int {
	return sort.Search(len(s.hits), func(i int) bool { return s.hits[i].line >= line })
}

// advance searches the next chunk and reports whether there is another.
func (s *search) advance(lines []Line) bool {
	if s.find == nil {
		return false
	}
	for end := min(len(lines), s.scanned+chunk); s.scanned < end; s.scanned++ {
		s.text = lines[s.scanned].append(s.text[:0])
		s.found = s.find(s.found[:0], s.text)
		count := len(s.found)
		if count == 0 {
			continue
		}
		before := 0
		if n := len(s.hits); n > 0 {
			before = s.hits[n-1].before + s.hits[n-1].count
		}
		s.hits = append(s.hits, hit{s.scanned, before, count})
	}
	return s.scanned < len(lines)
}

// matches returns the matches in line i.
func (s *search) matches(lines []Line, i int) []match {
	if s.find == nil {
		return nil
	}
	if found, ok := s.near[i]; ok {
		return found
	}
	const most = 1000 // lines, more than any screen has
	if len(s.near) > most {
		clear(s.near)
	}
	s.text = lines[i].append(s.text[:0])
	found := s.find(nil, s.text)
	s.near[i] = found
	return found
}

// currentIn returns which match of line i the search stands at, -1 if none.
func (s *search) currentIn(i int) int {
	if s.find == nil || s.at < 0 || s.hits[s.at].line != i {
		return -1
	}
	return s.nth
}
