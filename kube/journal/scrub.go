package journal

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"quarterdeck/kube/sanitize"
)

// secretWords are what names of credentials have in them.
const secretWords = `pass(?:word|wd|phrase)|secret|token|credential|api[-_.]?key|private[-_.]?key|access[-_.]?key|signing[-_.]?key|connection[-_.]?string|dsn`

// What is nobody's business wherever it stands.
var (
	secretNames = regexp.MustCompile(`(?i)` + secretWords)
	// password=x, "token": "x", --api-key x, "--api-key","x"
	assignment = regexp.MustCompile(`(?i)([\w.-]*(?:` + secretWords + `)[\w.-]*\\*["']?\s*[=:]\s*|--[\w-]*(?:` + secretWords + `)[\w-]*(?:\s+|",\s*"))` +
		`(\\*"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;"'(){}\[\]][^\s,;"')}\]]*)`)
	inURL      = regexp.MustCompile(`(://)[^/\s"'@]+@`)
	authScheme = regexp.MustCompile(`(?i)\b((?:bearer|basic)\s+)[^\s"',;]+`)
	jwt        = regexp.MustCompile(`\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?`)
	pem        = regexp.MustCompile(`-----BEGIN.*`)
	excerpt    = regexp.MustCompile(`\.\.\.\|.*`) // of a body that cannot be decoded; it goes on to the end
	// spec.replicas: Invalid value: -1
	rejected  = regexp.MustCompile(`([^\s:]+): ((?:Invalid|Duplicate|Unsupported) value: )("(?:[^"\\]|\\.)*"?|[^\s:]+)`)
	composite = regexp.MustCompile(`((?:Invalid|Duplicate|Unsupported) value: )(?:"?\{|"?\[|map\[|[\w.*&]+\{).*`) // with all its contents
	pathPart  = regexp.MustCompile(`\[([^\]]*)\]|\.?([^.\[\]]+)`)
)

// secretName reports whether a part of a path is called like a credential, and
// not like the name of one.
func secretName(path []string) bool {
	reference := func(part string) bool {
		part = strings.ToLower(part)
		return strings.HasSuffix(part, "name") || strings.HasSuffix(part, "ref") || strings.HasSuffix(part, "refs")
	}
	return len(path) > 0 && !reference(path[len(path)-1]) && slices.ContainsFunc(path, func(part string) bool {
		return !reference(part) && secretNames.MatchString(part)
	})
}

// words returns a text that somebody wrote, without what was left out before
// and what looks like a credential.
func (r *redaction) words(s string) string {
	s = r.withoutQuoted(s)
	return short(r.scrub(r.withoutQuoted(sanitize.Line(s)))) // a quote may show only when the text is safe
}

// withoutQuoted replaces what was left out.
func (r *redaction) withoutQuoted(s string) string {
	var forms []string
	for _, q := range r.quoted {
		for _, form := range []string{q, sanitize.Line(q)} {
			if strings.TrimSpace(form) != "" {
				forms = append(forms, form)
			}
		}
	}
	if len(forms) == 0 {
		return s
	}
	slices.SortFunc(forms, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // one may be a part of another
	for i, form := range forms {
		forms[i] = regexp.QuoteMeta(form)
		if len(form) < 4 { // which is a part of many words
			forms[i] = wordEdge(form[0]) + forms[i] + wordEdge(form[len(form)-1])
		}
	}
	quotes, err := regexp.Compile(strings.Join(forms, "|"))
	if err != nil {
		return Hidden // too much to look for
	}
	return quotes.ReplaceAllLiteralString(s, Hidden)
}

// wordEdge matches at the side of a word that has the character c there.
func wordEdge(c byte) string {
	if c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
		return `\b`
	}
	return ""
}

// scrub takes what looks like a credential out of a text of one line.
func (r *redaction) scrub(s string) string {
	const enough = 16 * maxText // of which a part is shown
	s = s[:min(len(s), enough)]
	s = rejected.ReplaceAllStringFunc(s, func(found string) string {
		parts := rejected.FindStringSubmatch(found)
		var path []string
		for _, part := range pathPart.FindAllStringSubmatch(parts[1], -1) {
			path = append(path, strings.Trim(part[1]+part[2], `"`))
		}
		if r.secretPlace(path) || secretName(path) {
			return parts[1] + ": " + parts[2] + Hidden
		}
		return found
	})
	s = composite.ReplaceAllString(s, "${1}"+Hidden)
	s = pem.ReplaceAllString(s, Hidden)
	s = excerpt.ReplaceAllString(s, Hidden)
	s = authScheme.ReplaceAllString(s, "${1}"+Hidden)
	s = assignment.ReplaceAllString(s, "${1}"+Hidden)
	s = inURL.ReplaceAllString(s, "${1}"+Hidden+"@")
	return strings.ToValidUTF8(jwt.ReplaceAllString(s, Hidden), "")
}
