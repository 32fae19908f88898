package logs

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
)

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
