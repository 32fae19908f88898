package logs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Query finds lines. Its terms stand one after the other, and a line matches if
// all of them do:
//
//	timeout           the text, in any case unless it has capitals
//	"no such host"    the text with its spaces
//	/GET .*\.js/      the regular expression; also ~GET.*js, without spaces
//	level>=warn       trace, debug, info, warn, error or fatal
//	pod=web-1         where the line is from: namespace, pod, container
//	status>=500       a field of a JSON or logfmt line, or of an access log
//	path~^/api        the operators are = != > >= < <= ~ !~
//	!healthz          not
type Query struct {
	source     string
	terms      []term
	unfinished error // of the first term that lacks its rest
}

// QueryError says what in a query is not understood.
type QueryError struct {
	Pos int // where, in bytes from the start
	Err error
}

func (e *QueryError) Error() string { return fmt.Sprintf("character %d: %v", e.Pos+1, e.Err) }
func (e *QueryError) Unwrap() error { return e.Err }

// ParseQuery reads a query. Its error is a *QueryError.
func ParseQuery(source string) (*Query, error) {
	q := &Query{source: source}
	p := queryParser{in: source}
	for p.space(); p.pos < len(p.in); p.space() {
		start := p.pos
		t, err := p.term()
		if err != nil {
			return nil, &QueryError{Pos: start, Err: err}
		}
		switch {
		case t != nil:
			q.terms = append(q.terms, t)
		case q.unfinished == nil:
			q.unfinished = &QueryError{Pos: start, Err: lacks(source[start:p.pos])}
		}
	}
	q.order()
	return q, nil
}

// lacks says what a term does without that says nothing yet.
func lacks(term string) error {
	switch {
	case strings.HasPrefix(term, "!"):
		return errors.New("after ! there is nothing that must not match")
	case strings.HasPrefix(term, "~"):
		return errors.New("the regular expression is missing after ~")
	case strings.HasPrefix(term, `"`):
		return errors.New("there is no text between the quotes")
	}
	return fmt.Errorf("the value is missing after %s", term)
}

// Unfinished says which term lacks its rest, as while it is typed, nil if none
// does. Every line matches such a term. The error is a *QueryError.
func (q *Query) Unfinished() error { return q.unfinished }

// order puts what is quickly said no to first.
func (q *Query) order() {
	cost := func(t term) int {
		if n, ok := t.(notTerm); ok {
			t = n.term
		}
		switch t := t.(type) {
		case fieldTerm:
			if t.key == "level" {
				return 0
			}
			return 2
		case textTerm:
			return 1
		}
		return 3
	}
	slices.SortStableFunc(q.terms, func(a, b term) int { return cost(a) - cost(b) })
}

// driver returns the texts to look for first: one of them is in every line that
// matches. There may be none.
func (q *Query) driver() []literal {
	var best []literal
	for _, t := range q.terms {
		if found := t.needs(); found != nil && better(found, best) {
			best = found
		}
	}
	return best
}

// String returns the query as it was written.
func (q *Query) String() string { return q.source }

// Empty reports whether every line matches.
func (q *Query) Empty() bool { return q == nil || len(q.terms) == 0 }

// With returns a query that matches what both match.
func (q *Query) With(other *Query) *Query {
	if q.Empty() {
		return other
	}
	if other.Empty() {
		return q
	}
	terms := append(append([]term(nil), q.terms...), other.terms...)
	both := &Query{source: q.source + " " + other.source, terms: terms}
	both.order()
	return both
}

// Spans returns which parts of a text the query looks for, as pairs of start
// and end in their order: what to highlight.
func (q *Query) Spans(text string) [][2]int {
	var spans [][2]int
	if q == nil {
		return nil
	}
	for _, t := range q.terms {
		spans = append(spans, t.spans(text)...)
	}
	return merged(spans)
}

// Match reports whether a line matches. from says where the line is from.
func (q *Query) Match(l *Line, from func(SourceID) Source) bool {
	if q.Empty() {
		return true
	}
	text := []byte(l.Text())
	c := candidate{text: text, meta: packMeta(l.Source, l.Level, l.Format, l.Flags), from: from}
	return q.match(&c)
}

func (q *Query) match(c *candidate) bool {
	for _, t := range q.terms {
		if !t.match(c) {
			return false
		}
	}
	return true
}

type queryParser struct {
	in  string
	pos int
}

func (p *queryParser) space() {
	p.pos = len(p.in) - len(strings.TrimLeftFunc(p.in[p.pos:], unicode.IsSpace))
}

// term reads one term; nil if it says nothing yet.
func (p *queryParser) term() (term, error) {
	switch c := p.in[p.pos]; c {
	case '!':
		p.pos++
		if p.pos == len(p.in) || unicode.IsSpace(rune(p.in[p.pos])) {
			return nil, nil // about to be typed
		}
		t, err := p.term()
		if t == nil || err != nil {
			return nil, err
		}
		return notTerm{t}, nil
	case '"':
		return newText(p.quoted()), nil
	case '/':
		if source, ok := p.slashes(); ok {
			return newRegex(source)
		}
	case '~':
		p.pos++
		return newRegex(p.word())
	}
	start := p.pos
	if n := keyLen([]byte(p.in[p.pos:])); n > 0 && p.in[p.pos] != '/' {
		key := p.in[p.pos : p.pos+n]
		p.pos += n
		if op := p.operator(); op != "" {
			return p.comparison(key, op)
		}
		p.pos = start
	}
	return newText(p.word()), nil
}

func (p *queryParser) operator() string {
	for _, op := range [...]string{"!=", "!~", ">=", "<=", "==", "=", ">", "<", "~"} {
		if strings.HasPrefix(p.in[p.pos:], op) {
			p.pos += len(op)
			return op
		}
	}
	return ""
}

func (p *queryParser) comparison(key, op string) (term, error) {
	var value string
	switch {
	case p.pos < len(p.in) && p.in[p.pos] == '"':
		value = p.quoted()
	case strings.HasSuffix(op, "~"):
		var ok bool
		if value, ok = p.slashes(); !ok {
			value = p.word()
		}
	default:
		value = p.word()
	}
	if value == "" {
		return nil, nil // about to be typed
	}
	return newField(key, op, value)
}

func (p *queryParser) word() string {
	rest := p.in[p.pos:]
	if i := strings.IndexFunc(rest, unicode.IsSpace); i >= 0 {
		rest = rest[:i]
	}
	p.pos += len(rest)
	return rest
}

// quoted reads a text in quotes; without the closing one it goes to the end, as
// it does while somebody types.
func (p *queryParser) quoted() string {
	var b strings.Builder
	for p.pos++; p.pos < len(p.in); p.pos++ {
		c := p.in[p.pos]
		switch {
		case c == '\\' && p.pos+1 < len(p.in) && (p.in[p.pos+1] == '"' || p.in[p.pos+1] == '\\'):
			p.pos++
			c = p.in[p.pos]
		case c == '"':
			p.pos++
			return b.String()
		}
		b.WriteByte(c)
	}
	return b.String()
}

// slashes reads what stands between two slashes, of which the second is
// followed by a space or nothing. A path, /api/v1, is none.
func (p *queryParser) slashes() (string, bool) {
	if p.pos >= len(p.in) || p.in[p.pos] != '/' {
		return "", false
	}
	rest := p.in[p.pos+1:]
	for i := 0; i < len(rest); i++ {
		switch {
		case rest[i] == '\\':
			i++
		case rest[i] == '/' && i > 0 && (i+1 == len(rest) || unicode.IsSpace(rune(rest[i+1]))):
			p.pos += i + 2
			return strings.ReplaceAll(rest[:i], `\/`, "/"), true
		}
	}
	return "", false
}

// merged orders spans and joins those that overlap.
func merged(spans [][2]int) [][2]int {
	for i := 1; i < len(spans); i++ {
		for k := i; k > 0 && spans[k][0] < spans[k-1][0]; k-- {
			spans[k], spans[k-1] = spans[k-1], spans[k]
		}
	}
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s[0] <= out[n-1][1] {
			out[n-1][1] = max(out[n-1][1], s[1])
			continue
		}
		out = append(out, s)
	}
	return out
}
