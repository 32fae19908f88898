package logs

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
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
	source string
	terms  []term
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
		if t != nil {
			q.terms = append(q.terms, t)
		}
	}
	q.order()
	return q, nil
}

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

// candidate is a line that is looked at.
type candidate struct {
	text []byte // without colours
	meta meta
	from func(SourceID) Source
}

// term is one condition.
type term interface {
	match(c *candidate) bool
	// needs returns texts of which one is in every line that matches, none if
	// that cannot be said.
	needs() []literal
	spans(text string) [][2]int
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

// notTerm matches what its term does not.
type notTerm struct{ term }

func (t notTerm) match(c *candidate) bool { return !t.term.match(c) }
func (notTerm) needs() []literal          { return nil }
func (notTerm) spans(string) [][2]int     { return nil }

// textTerm looks for a text.
type textTerm struct {
	literal
	slow string // for folding beyond ASCII, else ""
}

func newText(s string) term {
	if s == "" {
		return nil
	}
	fold := strings.ToLower(s) == s
	t := textTerm{literal: newLiteral(s, fold && isASCII(s))}
	if fold && !isASCII(s) && strings.ToUpper(s) != s {
		t.slow = s
	}
	return t
}

func (t textTerm) match(c *candidate) bool {
	if t.slow != "" {
		return bytes.Contains(bytes.ToLower(c.text), []byte(t.slow))
	}
	return t.index(c.text) >= 0
}

func (t textTerm) needs() []literal {
	if t.slow != "" {
		return nil
	}
	return []literal{t.literal}
}

func (t textTerm) spans(text string) (spans [][2]int) {
	t.each([]byte(text), func(at int) int {
		spans = append(spans, [2]int{at, at + len(t.text)})
		return len(t.text)
	})
	return spans
}

// regexTerm looks for a regular expression.
type regexTerm struct {
	re   *regexp.Regexp
	need *need
}

func newRegex(source string) (term, error) {
	if source == "" {
		return nil, nil
	}
	if !strings.HasPrefix(source, "(?") && strings.ToLower(withoutEscapes(source)) == withoutEscapes(source) {
		source = "(?i)" + source
	}
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil, regexError(err)
	}
	re, err := regexp.Compile(source)
	if err != nil {
		return nil, regexError(err)
	}
	return regexTerm{re: re, need: needOf(tree.Simplify())}, nil
}

func regexError(err error) error {
	var bad *syntax.Error
	if errors.As(err, &bad) {
		return fmt.Errorf("not a regular expression: %s %q; quote it to search for it as text", bad.Code, bad.Expr)
	}
	return fmt.Errorf("not a regular expression: %w", err)
}

// withoutEscapes returns a regular expression without what follows backslashes:
// the capital of \S is none.
func withoutEscapes(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func (t regexTerm) match(c *candidate) bool { return t.need.in(c.text) && t.re.Match(c.text) }
func (t regexTerm) needs() []literal        { return t.need.literals() }

func (t regexTerm) spans(text string) (spans [][2]int) {
	for _, m := range t.re.FindAllStringIndex(text, -1) {
		if m[1] > m[0] {
			spans = append(spans, [2]int{m[0], m[1]})
		}
	}
	return spans
}

// fieldTerm compares the value of a field.
type fieldTerm struct {
	key    string
	op     string
	value  string
	number float64
	isNum  bool
	re     *regexp.Regexp // of ~ and !~
	level  Level          // of the field level, NoLevel for others
}

func newField(key, op, value string) (term, error) {
	if op == "==" {
		op = "="
	}
	t := fieldTerm{key: key, op: op, value: value}
	t.number, t.isNum = number([]byte(value))
	if strings.HasSuffix(op, "~") {
		re, err := regexp.Compile("(?i)" + value)
		if err != nil {
			return nil, regexError(err)
		}
		t.re = re
		return t, nil
	}
	if key == "level" {
		if t.level = levelOf([]byte(value)); t.level == NoLevel {
			return nil, fmt.Errorf("%q is no level: choose one of trace, debug, info, warn, error, fatal", value)
		}
	}
	return t, nil
}

func (t fieldTerm) match(c *candidate) bool {
	if t.level != NoLevel {
		return t.ordered(int(c.meta.level()) - int(t.level))
	}
	switch t.key {
	case "level":
		return t.compare([]byte(c.meta.level().String()))
	case "namespace", "pod", "container":
		if c.from != nil {
			s := c.from(c.meta.source())
			return t.compare([]byte(map[string]string{"namespace": s.Namespace, "pod": s.Pod, "container": s.Container}[t.key]))
		}
	}
	value, ok := fieldOf(c.text, c.meta.format(), t.key)
	if !ok {
		return false // also !=: a line without the field is not what is looked for
	}
	return t.compare(value)
}

func (t fieldTerm) compare(value []byte) bool {
	switch t.op {
	case "~":
		return t.re.Match(value)
	case "!~":
		return !t.re.Match(value)
	}
	if t.isNum {
		if n, ok := number(value); ok {
			switch {
			case n < t.number:
				return t.ordered(-1)
			case n > t.number:
				return t.ordered(1)
			}
			return t.ordered(0)
		}
	}
	switch t.op {
	case "=":
		return strings.EqualFold(view(value), t.value)
	case "!=":
		return !strings.EqualFold(view(value), t.value)
	}
	return !t.isNum && t.ordered(strings.Compare(view(value), t.value))
}

func (t fieldTerm) ordered(c int) bool {
	switch t.op {
	case "=":
		return c == 0
	case "!=":
		return c != 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	case "<":
		return c < 0
	}
	return c <= 0
}

// needs: a field that is compared stands in the line by its name, but for what
// is known of a line beside its text, and for access logs.
func (t fieldTerm) needs() []literal {
	switch t.key {
	case "level", "namespace", "pod", "container":
		return nil
	}
	if isAccessField(t.key) {
		return nil
	}
	key := t.key
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		key = key[i+1:]
	}
	if key == "" {
		return nil
	}
	return []literal{newLiteral(key, false)}
}

func (t fieldTerm) spans(text string) (spans [][2]int) {
	if t.op == "!=" || t.op == "!~" {
		return nil
	}
	value, ok := fieldOf([]byte(text), formatOf(text), t.key)
	if !ok || len(value) == 0 || !t.compare(value) {
		return nil
	}
	if i := strings.Index(text, string(value)); i >= 0 {
		return [][2]int{{i, i + len(value)}}
	}
	return nil
}

func formatOf(text string) Format {
	_, f := classify([]byte(text))
	return f
}

// number reads a number, with a unit of time after it if there is one, in
// seconds: 41ms, 1.5s.
func number(b []byte) (float64, bool) {
	n := 0
	for n < len(b) && (b[n] >= '0' && b[n] <= '9' || b[n] == '.' || b[n] == '-' || b[n] == '+') {
		n++
	}
	if n == 0 {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(b[:n]), 64)
	if err != nil {
		return 0, false
	}
	switch string(b[n:]) {
	case "", "s":
		return v, true
	case "ns":
		return v / 1e9, true
	case "us", "µs":
		return v / 1e6, true
	case "ms":
		return v / 1e3, true
	case "m":
		return v * 60, true
	case "h":
		return v * 3600, true
	}
	return 0, false
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
