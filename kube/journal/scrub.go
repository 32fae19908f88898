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
	inURL      = regexp.MustCompile(`(://)(?:[^/\s"']+|[^/\s"':]*:[^\s"']*)@`)
	authScheme = regexp.MustCompile(`(?i)\b((?:bearer|basic)\s+)[^\s"',;]+`)
	authHeader = regexp.MustCompile(`(?i)(authorization\\*["']?\s*[:=]\s*\\*["']?(?:(?:basic|bearer|digest|negotiate|token)\s+)?)[^\s"',;]+`)
	cookie     = regexp.MustCompile(`(?i)(cookie\\*["']?\s*[:=]\s*).*`)
	issued     = regexp.MustCompile(`\b(?:A(?:KI|SI|RO|ID)A[0-9A-Z]{12,}|gh[opsur]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{8,}|AIza[\w-]{30,}|[rs]k_(?:live|test)_\w{8,})`)
	keyLike    = regexp.MustCompile(`[A-Za-z0-9/+]{40,}={0,2}`)
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
	s = authHeader.ReplaceAllString(s, "${1}"+Hidden)
	s = cookie.ReplaceAllString(s, "${1}"+Hidden)
	s = authScheme.ReplaceAllString(s, "${1}"+Hidden)
	s = assignment.ReplaceAllString(s, "${1}"+Hidden)
	s = inURL.ReplaceAllString(s, "${1}"+Hidden+"@")
	s = issued.ReplaceAllString(s, Hidden)
	s = keyLike.ReplaceAllStringFunc(s, func(found string) string {
		if random(found) {
			return Hidden
		}
		return found
	})
	return strings.ToValidUTF8(jwt.ReplaceAllString(s, Hidden), "")
}

// random reports whether a long word is one that no person wrote: one of all
// kinds of characters, as keys are in base64. Digests, UIDs and paths have only
// some.
func random(s string) bool {
	return strings.ContainsAny(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") && strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyz") &&
		strings.ContainsAny(s, "0123456789") && strings.Count(s, "/") <= len(s)/10
}

// Scrub returns a text on one line without what looks like a credential, for
// what leaves the cluster: reports and the like. See Scrubber for texts of many
// lines.
func Scrub(s string) string {
	var r redaction
	return r.scrub(sanitize.Line(s))
}

// Scrubber is Scrub for lines that belong together: of a key that goes over
// several of them, none comes through. The zero value is ready for the first.
type Scrubber struct{ inKey bool }

var (
	keyBegins = regexp.MustCompile(`-----BEGIN[^-]*`)
	keyEnds   = regexp.MustCompile(`-----END[^-]*-----`)
	// keyBody is a line in the middle of a key, where the beginning of it is not
	// there.
	keyBody = regexp.MustCompile(`^[\s|>"'+]*[A-Za-z0-9+/]{40,}={0,2}[\s"',+\\n]*$`)
)

// Line returns the next line without what looks like a credential.
func (r *Scrubber) Line(s string) string {
	plain := sanitize.Line(s)
	begins, ends := keyBegins.MatchString(plain), keyEnds.MatchString(plain)
	was := r.inKey
	r.inKey = (was || begins) && !ends
	switch {
	case was:
		if at := keyEnds.FindStringIndex(plain); at != nil {
			return Hidden + Scrub(plain[at[1]:])
		}
		return Hidden
	case keyBody.MatchString(plain):
		return Hidden
	}
	return Scrub(plain)
}
