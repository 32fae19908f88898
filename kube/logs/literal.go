package logs

import (
	"bytes"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// literal is a text that is looked for in many others. Looking for its rarest
// byte first lets the processor compare many at a time.
type literal struct {
	text string // in lower case if fold is set
	fold bool   // whatever the case, of ASCII letters
	rare int    // index of the rarest byte of text
}

// byCommonness lists the bytes of logs from the commonest on; those not in it
// are rarer than all of them.
const byCommonness = ` e0a1otirs2nc3l4d5"-:=.p6m7u8/gb9fhkvywxT,_[]IN`

func newLiteral(s string, fold bool) literal {
	l := literal{text: s, fold: fold}
	if fold {
		l.text = strings.ToLower(s)
		l.fold = l.text != strings.ToUpper(s)
	}
	best := -1
	for i := range len(l.text) {
		rank := strings.IndexByte(byCommonness, l.text[i])
		if rank < 0 {
			rank = len(byCommonness)
		}
		if rank > best {
			best, l.rare = rank, i
		}
	}
	return l
}

// index returns where l is in b for the first time, -1 if it is not.
func (l *literal) index(b []byte) int {
	if !l.fold {
		return bytes.Index(b, []byte(l.text))
	}
	first := -1
	l.each(b, func(at int) int {
		if first < 0 || at < first {
			first = at
		}
		return -1
	})
	return first
}

// each calls yield with the places in b where l is, until it returns a negative
// number; otherwise that is how many bytes from the place on to leave out. A
// literal in any case is looked for in two passes, so places are not in order.
func (l *literal) each(b []byte, yield func(at int) (skip int)) {
	if len(l.text) == 0 {
		return
	}
	if !l.fold {
		needle := []byte(l.text)
		for at := 0; ; {
			i := bytes.Index(b[at:], needle)
			if i < 0 {
				return
			}
			skip := yield(at + i)
			if skip < 0 {
				return
			}
			at += i + max(skip, 1)
			if at > len(b) {
				return
			}
		}
	}
	c := l.text[l.rare]
	if !l.pass(b, c, yield) {
		return
	}
	if 'a' <= c && c <= 'z' {
		l.pass(b, c-('a'-'A'), yield)
	}
}

// pass finds the places of l whose rarest byte is c.
func (l *literal) pass(b []byte, c byte, yield func(at int) (skip int)) bool {
	for at := 0; at+len(l.text) <= len(b); {
		i := bytes.IndexByte(b[at+l.rare:], c)
		if i < 0 {
			return true
		}
		at += i
		if at+len(l.text) > len(b) {
			return true
		}
		if !equalFold(b[at:at+len(l.text)], l.text) {
			at++
			continue
		}
		skip := yield(at)
		if skip < 0 {
			return false
		}
		at += max(skip, 1)
	}
	return true
}

func equalFold(b []byte, lower string) bool {
	for i := range len(lower) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// need is what a text must have for a regular expression to match: a literal,
// or all of, or one of, other needs. It is quicker to check than the expression.
type need struct {
	literal literal
	all     []*need
	one     []*need
}

// in reports whether b has what is needed.
func (n *need) in(b []byte) bool {
	switch {
	case n == nil:
		return true
	case n.all != nil:
		for _, sub := range n.all {
			if !sub.in(b) {
				return false
			}
		}
		return true
	case n.one != nil:
		for _, sub := range n.one {
			if sub.in(b) {
				return true
			}
		}
		return false
	}
	return n.literal.index(b) >= 0
}

// literals returns texts of which one is in everything that has what is needed;
// none if that cannot be said.
func (n *need) literals() []literal {
	switch {
	case n == nil:
		return nil
	case n.all != nil:
		var best []literal
		for _, sub := range n.all {
			if found := sub.literals(); found != nil && better(found, best) {
				best = found
			}
		}
		return best
	case n.one != nil:
		var each []literal
		for _, sub := range n.one {
			found := sub.literals()
			if found == nil || len(each)+len(found) > maxLiterals {
				return nil
			}
			each = append(each, found...)
		}
		return each
	}
	return []literal{n.literal}
}

// maxLiterals bounds the alternatives that are looked for one by one.
const maxLiterals = 8

// needOf returns what everything that re matches has, nil if that cannot be
// said.
func needOf(re *syntax.Regexp) *need {
	switch re.Op {
	case syntax.OpLiteral:
		s := string(re.Rune)
		fold := re.Flags&syntax.FoldCase != 0
		// Beyond ASCII a letter has other forms than its capital: K, ſ.
		if !utf8.ValidString(s) || fold && !isASCII(s) {
			return nil
		}
		if fold {
			s = withoutKS(s)
		}
		if s == "" {
			return nil
		}
		return &need{literal: newLiteral(s, fold)}
	case syntax.OpCapture, syntax.OpPlus:
		return needOf(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needOf(re.Sub[0])
		}
	case syntax.OpConcat:
		var all []*need
		for _, sub := range re.Sub {
			if n := needOf(sub); n != nil {
				all = append(all, n)
			}
		}
		if all != nil {
			return &need{all: all}
		}
	case syntax.OpAlternate:
		var one []*need
		for _, sub := range re.Sub {
			n := needOf(sub)
			if n == nil {
				return nil
			}
			one = append(one, n)
		}
		return &need{one: one}
	}
	return nil
}

// withoutKS returns the longest part of s without k and s, which match letters
// beyond ASCII when their case does not matter.
func withoutKS(s string) string {
	best := ""
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("kKsS", r) }) {
		if len(part) > len(best) {
			best = part
		}
	}
	return best
}

// better reports whether to look for a rather than for b.
func better(a, b []literal) bool {
	if b == nil {
		return true
	}
	shortest := func(list []literal) int {
		n := 1 << 30
		for _, l := range list {
			n = min(n, len(l.text))
		}
		return n*4 - len(list)
	}
	return shortest(a) > shortest(b)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
