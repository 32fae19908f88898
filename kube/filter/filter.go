// Package filter is the language of the / prompt and of --filter. A filter is a
// list of terms separated by spaces; an object passes if every term matches.
//
//	checkout            text: any text column contains it, in any case
//	"time out"          the same with spaces or signs in it
//	/v[0-9]+$/ ^pay|web a regular expression; a bare word is one if it contains
//	                    any of ^ $ * + ? ( ) [ ] { } | \
//	!canary             not; before any term
//	-l app=web,tier!=db labels, as kubectl's selectors; quote one with spaces
//	restarts>3          a column compared: = != > >= < <= ~ (expression) !~
//
// A column is named by its ID or title in any case, or by a prefix that is its
// alone; a name with spaces is quoted. The value is read as the column's kind:
// ages and lengths 90s 10m 1h30m 2d, CPU 500m 2 1.5, bytes 512Mi 1.5Gi 2G,
// percentages 80%, counts 3 10k, texts with * and ? (unless quoted), severities
// and the like as words that have an order. A value that is not known matches no comparison but =n/a. Regular expressions care
// for case only if they contain a capital.
package filter

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube/field"
)

// Column is one column that a filter may name. IDs are unique; a text term
// looks into every column of kind field.Text.
type Column struct {
	ID    string // a word: "restarts"
	Title string // as it stands over the column: "RESTARTS"
	Kind  field.Kind
	// Words are the texts that the column may have, the least first: < and > go by
	// their order. Nil for a text that may be anything.
	Words []string
}

// Row is one object as a filter sees it. Match keeps no row: a caller may use
// one value again and again and so have no allocation for each object.
type Row interface {
	// Value returns the value in the column with this index in the columns
	// given to Parse.
	Value(column int) field.Value
	// Labels returns the object's labels, nil if they are not known.
	Labels() labels.Labels
}

// Filter is a parsed filter. It does not change and may be used by several
// goroutines. A nil Filter matches everything.
type Filter struct {
	terms []term
}

// term is one condition; now is in seconds since 1970.
type term interface {
	match(row Row, now int64) bool
	String() string // in the language, so that it parses to the same term
}

// Empty reports whether f has no terms.
func (f *Filter) Empty() bool { return f == nil || len(f.terms) == 0 }

// Match reports whether row passes f at the instant now, which ages refer to.
func (f *Filter) Match(row Row, now time.Time) bool {
	if f.Empty() {
		return true
	}
	unix := now.Unix()
	for _, t := range f.terms {
		if !t.match(row, unix) {
			return false
		}
	}
	return true
}

// Selector returns the label selectors of f as one, for the server to apply.
func (f *Filter) Selector() labels.Selector {
	sel := labels.NewSelector()
	if f.Empty() {
		return sel
	}
	for _, t := range f.terms {
		if t, ok := t.(labelTerm); ok {
			reqs, _ := t.selector.Requirements()
			sel = sel.Add(reqs...)
		}
	}
	return sel
}

// Narrows reports whether everything that f matches is known to be matched by
// prev as well, so that f has only to look at what prev left. It says so while
// somebody types on; filters on ages never narrow, because time goes on too.
func (f *Filter) Narrows(prev *Filter) bool {
	if prev.Empty() {
		return true
	}
	if f.Empty() {
		return false
	}
	for _, p := range prev.terms {
		implied := false
		for _, t := range f.terms {
			if implied = implies(t, p); implied {
				break
			}
		}
		if !implied {
			return false
		}
	}
	return true
}

// implies reports whether what t matches is known to be matched by p.
func implies(t, p term) bool {
	if a, ok := t.(textTerm); ok {
		if b, ok := p.(textTerm); ok {
			return strings.Contains(a.needle.lower, b.needle.lower)
		}
		return false
	}
	return !timely(p) && t.String() == p.String()
}

// timely reports whether t depends on the time.
func timely(t term) bool {
	switch t := t.(type) {
	case notTerm:
		return timely(t.term)
	case compareTerm:
		return t.column.Kind == field.Since
	}
	return false
}

// String returns f in the language: parsed again, it is the same filter.
func (f *Filter) String() string {
	if f.Empty() {
		return ""
	}
	words := make([]string, len(f.terms))
	for i, t := range f.terms {
		words[i] = t.String()
	}
	return strings.Join(words, " ")
}

// notTerm matches what its term does not.
type notTerm struct{ term }

func (t notTerm) match(row Row, now int64) bool { return !t.term.match(row, now) }
func (t notTerm) String() string                { return "!" + t.term.String() }

// labelTerm is -l.
type labelTerm struct{ selector labels.Selector }

func (t labelTerm) match(row Row, _ int64) bool {
	set := row.Labels()
	return set != nil && t.selector.Matches(set)
}

func (t labelTerm) String() string {
	s := t.selector.String()
	if strings.ContainsAny(s, " \"") {
		s = quote(s)
	}
	return "-l " + s
}

// textTerm is a text in any of the text columns.
type textTerm struct {
	raw    string
	needle needle
	in     []int // the text columns
}

func (t textTerm) match(row Row, _ int64) bool {
	for _, i := range t.in {
		if t.needle.in(row.Value(i).Raw()) {
			return true
		}
	}
	return false
}

func (t textTerm) String() string {
	if bareText(t.raw) {
		return t.raw
	}
	return quote(t.raw)
}

// regexTerm is a regular expression on any of the text columns.
type regexTerm struct {
	pattern pattern
	in      []int
}

func (t regexTerm) match(row Row, _ int64) bool {
	for _, i := range t.in {
		if t.pattern.match(row.Value(i).Raw()) {
			return true
		}
	}
	return false
}

func (t regexTerm) String() string { return "/" + escapeSlashes(t.pattern.source) + "/" }
