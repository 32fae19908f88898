package filter

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube/field"
)

// Error says what in a filter is not understood.
type Error struct {
	Pos int // where, in bytes from the start of the input
	Err error
}

func (e *Error) Error() string { return fmt.Sprintf("filter, character %d: %v", e.Pos+1, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Parse reads a filter over rows with these columns. Its error is an *Error.
func Parse(input string, columns []Column) (*Filter, error) {
	return newParser(input, columns).filter()
}

// Settled returns the part of input that can be applied while input is still
// being typed: the terms before the one that is not understood, or that is so
// far only the name of a column. column is the ID of that, "" if there is none.
func Settled(input string, columns []Column) (text, column string) {
	// What ends in ! may go on with =.
	begun := strings.TrimRightFunc(input, func(r rune) bool { return r == '!' || unicode.IsSpace(r) })
	p := newParser(begun, columns)
	if _, err := p.filter(); err == nil {
		if i, ok := p.named(strings.TrimLeft(begun[p.last:], "!")); ok {
			return strings.TrimRightFunc(begun[:p.last], unicode.IsSpace), columns[i].ID
		}
	}
	p = newParser(input, columns)
	if _, err := p.filter(); err != nil {
		return strings.TrimRightFunc(input[:p.last], unicode.IsSpace), ""
	}
	return input, ""
}

type parser struct {
	input   string
	pos     int
	last    int // where the term that was read last begins
	columns []Column
	texts   []int // the columns that text terms look into
}

func newParser(input string, columns []Column) *parser {
	p := &parser{input: input, columns: columns}
	for i, c := range columns {
		if c.Kind == field.Text {
			p.texts = append(p.texts, i)
		}
	}
	return p
}

// filter reads the whole input.
func (p *parser) filter() (*Filter, error) {
	f := new(Filter)
	for p.skipSpace(); p.pos < len(p.input); p.skipSpace() {
		p.last = p.pos
		t, err := p.term()
		if err != nil {
			var at *Error
			if !errors.As(err, &at) {
				err = &Error{Pos: p.last, Err: err}
			}
			return nil, err
		}
		if t != nil {
			f.terms = append(f.terms, t)
		}
	}
	return f, nil
}

// named returns the index of the column that is called word.
func (p *parser) named(word string) (int, bool) {
	if !isName(word) {
		return 0, false
	}
	return whole(p.columns, word)
}

func (p *parser) skipSpace() {
	p.pos = len(p.input) - len(strings.TrimLeftFunc(p.input[p.pos:], unicode.IsSpace))
}

// word returns the rest up to the next space.
func (p *parser) word() string {
	rest := p.input[p.pos:]
	if i := strings.IndexFunc(rest, unicode.IsSpace); i >= 0 {
		return rest[:i]
	}
	return rest
}

// term reads one term; nil if it says nothing, as "".
func (p *parser) term() (term, error) {
	rest := p.input[p.pos:]
	switch {
	case rest[0] == '!':
		p.pos++
		if p.word() == "" {
			return nil, errors.New("! stands before nothing")
		}
		t, err := p.term()
		if t == nil || err != nil {
			return nil, err
		}
		return notTerm{t}, nil
	case p.word() == "-l":
		return p.labels()
	}
	if source, size := delimited(rest); size > 0 {
		p.pos += size
		return p.regex(source)
	}
	t, err := p.comparison()
	if t != nil || err != nil {
		return t, err
	}
	if rest[0] == '"' {
		s := p.quoted()
		return p.text(s), nil
	}
	word := p.word()
	p.pos += len(word)
	if strings.ContainsAny(word, metacharacters) {
		return p.regex(word)
	}
	return p.text(word), nil
}

func (p *parser) text(s string) term {
	if s == "" {
		return nil
	}
	return textTerm{raw: s, needle: newNeedle(s), in: p.texts}
}

func (p *parser) regex(source string) (term, error) {
	re, err := compile(source)
	if err != nil {
		return nil, explainRegex(err)
	}
	return regexTerm{pattern: re, in: p.texts}, nil
}

func explainRegex(err error) error {
	var bad *syntax.Error
	if errors.As(err, &bad) {
		return fmt.Errorf("not a regular expression: %s %q; quote it to search for it as text", bad.Code, bad.Expr)
	}
	return fmt.Errorf("not a regular expression: %w", err)
}

func (p *parser) labels() (term, error) {
	p.pos += len("-l")
	p.skipSpace()
	start := p.pos
	s := p.word()
	if strings.HasPrefix(s, `"`) {
		s = p.quoted()
	} else {
		p.pos += len(s)
	}
	if s == "" {
		return nil, errors.New("a label selector must follow -l, as in -l app=web")
	}
	sel, err := labels.Parse(s)
	if err != nil {
		return nil, &Error{Pos: start, Err: fmt.Errorf("not a label selector: %w", err)}
	}
	if sel.Empty() {
		return nil, &Error{Pos: start, Err: errors.New("a label selector must follow -l, as in -l app=web")}
	}
	return labelTerm{sel}, nil
}

// comparison reads column, operator and value; nil if no operator follows what
// could be a column.
func (p *parser) comparison() (term, error) {
	start := p.pos
	name := ""
	if p.input[p.pos] == '"' {
		name = p.quoted()
	} else {
		name = p.name()
	}
	p.skipSpace()
	op := p.operator()
	if op == "" || strings.HasPrefix(name, "/") && p.input[start] == '/' {
		p.pos = start
		return nil, nil
	}
	if name == "" {
		return nil, fmt.Errorf("a column must stand before %s; quote it to search for it as text", op)
	}
	index, err := find(p.columns, name)
	if err != nil {
		if op == "=" || op == "==" || op == "!=" {
			err = fmt.Errorf("%w; a label is asked for by -l", err)
		}
		return nil, err
	}
	p.skipSpace()
	valueAt := p.pos
	var value string
	quoted := strings.HasPrefix(p.input[p.pos:], `"`)
	source, size := delimited(p.input[p.pos:])
	switch {
	case quoted:
		value = p.quoted()
	case (op == "~" || op == "!~") && size > 0:
		value = source
		p.pos += size
	default:
		value = p.word()
		p.pos += len(value)
	}
	column := p.columns[index]
	if value == "" && !quoted {
		return nil, &Error{Pos: valueAt, Err: fmt.Errorf("a value must follow %s%s, as in %[1]s%[2]s%[3]s", column.ID, op, column.example())}
	}
	t, err := newCompare(index, column, op, value, quoted)
	if err != nil {
		if op == "~" || op == "!~" {
			err = explainRegex(err)
		}
		return nil, &Error{Pos: valueAt, Err: err}
	}
	return t, nil
}

// name reads what could be the name of a column.
func (p *parser) name() string {
	rest := p.input[p.pos:]
	n := strings.IndexFunc(rest, func(r rune) bool { return !isNameRune(r) })
	if n < 0 {
		n = len(rest)
	}
	p.pos += n
	return rest[:n]
}

func (p *parser) operator() operator {
	for op := range strings.FieldsSeq(operators) {
		if strings.HasPrefix(p.input[p.pos:], op) {
			p.pos += len(op)
			return operator(op)
		}
	}
	return ""
}

// quoted reads a text in quotes; without the closing one it goes to the end, as
// it does while somebody types.
func (p *parser) quoted() string {
	var b strings.Builder
	rest := p.input[p.pos+1:]
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		if c == '\\' && i+1 < len(rest) && (rest[i+1] == '"' || rest[i+1] == '\\') {
			i++
			c = rest[i]
		} else if c == '"' {
			p.pos += i + 2
			return b.String()
		}
		b.WriteByte(c)
	}
	p.pos = len(p.input)
	return b.String()
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// delimited reads a regular expression between slashes, of which the second
// ends the term. It returns the expression and the bytes it took, 0 for none.
func delimited(s string) (source string, size int) {
	if !strings.HasPrefix(s, "/") {
		return "", 0
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			if s[i+1] != '/' {
				b.WriteByte(c)
			}
			i++
			b.WriteByte(s[i])
		case c == '/' && i > 1:
			if next, _ := utf8.DecodeRuneInString(s[i+1:]); i+1 == len(s) || unicode.IsSpace(next) {
				return b.String(), i + 1
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return "", 0
}

// escapeSlashes is the inverse of what delimited does inside the slashes.
func escapeSlashes(source string) string {
	var b strings.Builder
	for i := 0; i < len(source); i++ {
		switch c := source[i]; {
		case c == '\\' && i+1 < len(source):
			b.WriteByte(c)
			i++
			b.WriteByte(source[i])
		case c == '/':
			b.WriteString(`\/`)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

const metacharacters = `^$*+?()[]{}|\`

// isNameRune reports whether r may stand in the name of a column that is not
// quoted.
func isNameRune(r rune) bool {
	return !unicode.IsSpace(r) && !strings.ContainsRune(`!=<>~"^$*+?[]{}|\`, r)
}

// isName reports whether s is read as the name of a column if an operator
// follows.
func isName(s string) bool {
	return s != "" && s != "-l" && s[0] != '/' && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !isNameRune(r) })
}

// bareText reports whether s, standing alone, is read as this text.
func bareText(s string) bool {
	return isName(s) && !strings.ContainsAny(s, metacharacters)
}
