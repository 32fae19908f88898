package filter

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// needle is a text to be found in others, whatever the case. Finding runs over
// every row at every key, so it searches for its rarest byte first, which the
// processor does many bytes at a time.
type needle struct {
	lower string
	ascii bool
	rare  int  // index of the rarest byte of lower
	upper byte // that byte as a capital, or itself
}

// byCommonness lists the bytes of Kubernetes' names from the commonest on;
// those not in it are rarer than all of them.
const byCommonness = "-e0a1otirs2nc3l4d5p6m7u8gb9fhkvyw.x"

func newNeedle(s string) needle {
	n := needle{lower: strings.ToLower(s)}
	n.ascii = isASCII(n.lower)
	if !n.ascii || n.lower == "" {
		return n
	}
	best := -1
	for i := range len(n.lower) {
		rank := strings.IndexByte(byCommonness, n.lower[i])
		if rank < 0 {
			rank = len(byCommonness)
		}
		if rank > best {
			best, n.rare = rank, i
		}
	}
	n.upper = n.lower[n.rare]
	if 'a' <= n.upper && n.upper <= 'z' {
		n.upper -= 'a' - 'A'
	}
	return n
}

// in reports whether s contains n.
func (n needle) in(s string) bool {
	if n.lower == "" {
		return true
	}
	if !n.ascii {
		if isASCII(s) {
			return false
		}
		for i := range s {
			if hasPrefixFold(s[i:], n.lower) {
				return true
			}
		}
		return false
	}
	c := n.lower[n.rare]
	return n.around(s, c) || n.upper != c && n.around(s, n.upper)
}

// around looks for n in s where its rarest byte is c.
func (n needle) around(s string, c byte) bool {
	for start := 0; len(s)-start >= len(n.lower); start++ {
		i := strings.IndexByte(s[start+n.rare:], c)
		if i < 0 {
			return false
		}
		start += i
		if len(s)-start < len(n.lower) {
			return false
		}
		if equalASCIIFold(s[start:start+len(n.lower)], n.lower) {
			return true
		}
	}
	return false
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func equalASCIIFold(s, lower string) bool {
	for i := range len(lower) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func hasPrefixFold(s, lower string) bool {
	for _, want := range lower {
		r, size := utf8.DecodeRuneInString(s)
		if size == 0 || unicode.ToLower(r) != want {
			return false
		}
		s = s[size:]
	}
	return true
}

// pattern is a regular expression that cares for case only if it contains a
// capital.
type pattern struct {
	source string
	re     *regexp.Regexp
	needs  []needle // if there are any, what matches contains one of them
}

func compile(source string) (pattern, error) {
	expr := source
	if !hasCapital(source) {
		expr = "(?i)" + source
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return pattern{}, err
	}
	p := pattern{source: source, re: re}
	if tree, err := syntax.Parse(expr, syntax.Perl); err == nil {
		for _, s := range required(tree) {
			p.needs = append(p.needs, newNeedle(s))
		}
	}
	return p, nil
}

func (p pattern) match(s string) bool {
	if len(p.needs) > 0 && !slices.ContainsFunc(p.needs, func(n needle) bool { return n.in(s) }) {
		return false
	}
	return p.re.MatchString(s)
}

// required returns texts one of which, in some case, is in everything that re
// matches; nil if there are none that help.
func required(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		if s := string(re.Rune); isASCII(s) { // folding has more rules beyond it
			return []string{s}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if s := required(sub); shortest(s) > shortest(best) {
				best = s
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			s := required(sub)
			if s == nil {
				return nil
			}
			all = append(all, s...)
		}
		return all
	}
	return nil
}

func shortest(texts []string) int {
	if len(texts) == 0 {
		return 0
	}
	return len(slices.MinFunc(texts, func(a, b string) int { return len(a) - len(b) }))
}

// hasCapital reports whether a regular expression contains a capital that
// stands for itself, unlike that of \S or \p{Greek}.
func hasCapital(source string) bool {
	for i := 0; i < len(source); {
		r, size := utf8.DecodeRuneInString(source[i:])
		i += size
		switch {
		case r == '\\' && i < len(source):
			class := source[i]
			i++
			if (class == 'p' || class == 'P') && strings.HasPrefix(source[i:], "{") {
				if end := strings.IndexByte(source[i:], '}'); end >= 0 {
					i += end
				}
			}
		case unicode.IsUpper(r):
			return true
		}
	}
	return false
}

// glob reports whether all of s matches a pattern of * (any characters) and ?
// (one character), whatever the case; lower is the pattern in lower case.
func glob(lower, s string) bool {
	retryPattern, retryText := -1, 0 // where to go on if the last * took one more
	p, i := 0, 0
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		want, wantSize := utf8.DecodeRuneInString(lower[p:])
		switch {
		case wantSize > 0 && want == '*':
			retryPattern, retryText = p+1, i
			p++
		case wantSize > 0 && (want == '?' || want == unicode.ToLower(r)):
			p += wantSize
			i += size
		case retryPattern >= 0:
			_, size := utf8.DecodeRuneInString(s[retryText:])
			retryText += size
			p, i = retryPattern, retryText
		default:
			return false
		}
	}
	return strings.Trim(lower[p:], "*") == ""
}
