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

// literals returns texts of which one is in everything that re matches; none
// if that cannot be said.
func literals(re *syntax.Regexp) []literal {
	found, ok := required(re)
	if !ok {
		return nil
	}
	return found
}

// maxLiterals bounds the alternatives that are looked for one by one.
const maxLiterals = 8

func required(re *syntax.Regexp) ([]literal, bool) {
	switch re.Op {
	case syntax.OpLiteral:
		s := string(re.Rune)
		fold := re.Flags&syntax.FoldCase != 0
		// Beyond ASCII a letter has other forms than its capital: K, ſ.
		if !utf8.ValidString(s) || fold && !isASCII(s) {
			return nil, false
		}
		if fold && strings.ContainsAny(s, "kKsS") {
			return splitFold(s)
		}
		return []literal{newLiteral(s, fold)}, true
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []literal
		for _, sub := range re.Sub {
			if found, ok := required(sub); ok && better(found, best) {
				best = found
			}
		}
		return best, best != nil
	case syntax.OpAlternate:
		var all []literal
		for _, sub := range re.Sub {
			found, ok := required(sub)
			if !ok || len(all)+len(found) > maxLiterals {
				return nil, false
			}
			all = append(all, found...)
		}
		return all, true
	}
	return nil, false
}

// splitFold returns the longest part of s without k and s, which match letters
// beyond ASCII when their case does not matter.
func splitFold(s string) ([]literal, bool) {
	best := ""
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("kKsS", r) }) {
		if len(part) > len(best) {
			best = part
		}
	}
	return []literal{newLiteral(best, true)}, best != ""
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
