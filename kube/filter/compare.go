package filter

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"quarterdeck/kube/field"
)

type operator string

// Longer operators stand before their prefixes.
const operators = "!= !~ >= <= == = > < ~"

// unknown is the value that matches what is not known.
const unknown = "n/a"

// compareTerm compares one column with a value.
type compareTerm struct {
	index  int
	column Column
	op     operator
	raw    string // the value as written
	quoted bool   // the value was quoted: * and ? mean themselves

	number  float64 // the value in the unit of the column
	numeric bool    // the value is a number
	unit    int64   // ages: = means the same number of these
	pattern pattern // ~ and !~
	lower   string  // = and != on texts
}

// newCompare reads value as the kind of the column.
func newCompare(index int, column Column, op operator, value string, quoted bool) (compareTerm, error) {
	if op == "==" {
		op = "="
	}
	t := compareTerm{index: index, column: column, op: op, raw: value, quoted: quoted, lower: strings.ToLower(value)}
	if op == "~" || op == "!~" {
		var err error
		t.pattern, err = compile(value)
		return t, err
	}
	if column.Words != nil && t.ordered() {
		rank := slices.Index(column.Words, t.lower)
		if rank < 0 {
			return t, fmt.Errorf("%q is none of %s", value, strings.Join(column.Words, ", "))
		}
		t.number = float64(rank)
		return t, nil
	}
	if column.Kind == field.Text || column.Kind == field.None || t.wantsUnknown() {
		return t, nil
	}
	t.number, t.unit, t.numeric = parseValue(column.Kind, value)
	if !t.numeric && op != "=" && op != "!=" {
		return t, fmt.Errorf("%q is no %s, as in %s%s%s", value, kindName(column.Kind), column.ID, op, column.example())
	}
	return t, nil
}

func (t compareTerm) wantsUnknown() bool {
	return strings.EqualFold(t.raw, unknown) && !t.quoted && (t.op == "=" || t.op == "!=")
}

// ordered reports whether the operator asks for more or less.
func (t compareTerm) ordered() bool {
	return t.op != "=" && t.op != "!=" && t.op != "~" && t.op != "!~"
}

func (t compareTerm) match(row Row, now int64) bool {
	v := row.Value(t.index)
	if t.wantsUnknown() {
		return v.IsNone() == (t.op == "=")
	}
	if v.IsNone() {
		return false
	}
	switch t.op {
	case "=":
		return t.equal(v, now)
	case "!=":
		return !t.equal(v, now)
	case "~":
		return t.pattern.match(text(v, now))
	case "!~":
		return !t.pattern.match(text(v, now))
	}
	var c int
	switch {
	case t.column.Words != nil:
		rank := slices.Index(t.column.Words, v.Raw())
		if rank < 0 {
			return false
		}
		c = compareFloat(float64(rank), t.number)
	case v.Kind() == field.Text:
		if t.numeric {
			return false // the column has a number elsewhere, here it has none
		}
		c = strings.Compare(v.Raw(), t.raw)
	case t.numeric:
		c = compareFloat(amount(v, now), t.number)
	default:
		c = strings.Compare(text(v, now), t.raw)
	}
	switch t.op {
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	case "<":
		return c < 0
	}
	return c <= 0
}

func (t compareTerm) equal(v field.Value, now int64) bool {
	if t.numeric && v.Kind() != field.Text {
		have := amount(v, now)
		switch {
		case have == t.number:
			return true
		case t.unit > 1:
			return math.Floor(have/float64(t.unit)) == t.number/float64(t.unit)
		case v.Kind() != field.CPU && v.Kind() != field.Bytes:
			return false
		case math.Abs(have-t.number) > t.number/10:
			return false // too far to be shown as the same
		}
	}
	s := text(v, now)
	if t.quoted {
		return strings.EqualFold(s, t.raw)
	}
	return glob(t.lower, s)
}

// amount returns the number that v is compared by.
func amount(v field.Value, now int64) float64 {
	if v.Kind() == field.Since {
		return float64(now - v.Num())
	}
	return float64(v.Num())
}

// text returns v as it is shown.
func text(v field.Value, now int64) string {
	if s := v.Raw(); s != "" || v.Kind() == field.Text {
		return s
	}
	return v.Format(time.Unix(now, 0))
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (t compareTerm) String() string {
	name, value := t.column.ID, t.raw
	if !isName(name) {
		name = quote(name)
	}
	switch {
	case t.pattern.re != nil && value != "":
		value = "/" + escapeSlashes(value) + "/"
	case t.quoted || value == "":
		value = quote(value)
	case strings.ContainsAny(value[:1], "=~"):
		value = " " + value // would make another operator
	}
	return name + string(t.op) + value
}

// parseValue reads s as a value of this kind, in the unit that field uses. unit
// is the smallest unit of time written in s, in seconds.
func parseValue(kind field.Kind, s string) (number float64, unit int64, ok bool) {
	switch kind {
	case field.Since, field.Length:
		return parseDuration(s)
	case field.Percent:
		number, ok = scaled(strings.TrimSuffix(s, "%"), "", 1)
	case field.CPU:
		if milli, found := strings.CutSuffix(s, "m"); found {
			number, ok = scaled(milli, "", 1)
			break
		}
		number, ok = scaled(s, "", 1000)
	case field.Bytes:
		number, ok = parseBytes(s)
	case field.Number:
		number, ok = parseCount(s)
	case field.None, field.Text:
	}
	return number, 0, ok
}

// scaled reads a number that ends in suffix and multiplies it.
func scaled(s, suffix string, by float64) (float64, bool) {
	digits, ok := strings.CutSuffix(s, suffix)
	if !ok || digits == "" || strings.Trim(digits, "0123456789.") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(digits, 64)
	return n * by, err == nil
}

func parseCount(s string) (float64, bool) {
	if neg, ok := strings.CutPrefix(s, "-"); ok {
		n, ok := parseCount(neg)
		return -n, ok && !strings.HasPrefix(neg, "-")
	}
	lower := strings.ToLower(s)
	if n, ok := scaled(lower, "k", 1e3); ok {
		return n, true
	}
	if n, ok := scaled(lower, "m", 1e6); ok {
		return n, true
	}
	return scaled(s, "", 1)
}

// parseBytes reads 512, 64Mi, 1.5Gi, 2G, 2GB in any case: nobody means the
// thousandth part of a byte by m.
func parseBytes(s string) (float64, bool) {
	s = strings.ToLower(s)
	if len(s) > 1 {
		s = strings.TrimSuffix(s, "b")
	}
	decimal, binary := 1.0, 1.0
	for _, unit := range []string{"k", "m", "g", "t", "p", "e"} {
		decimal, binary = decimal*1000, binary*1024
		if n, ok := scaled(s, unit+"i", binary); ok {
			return n, true
		}
		if n, ok := scaled(s, unit, decimal); ok {
			return n, true
		}
	}
	return scaled(s, "", 1)
}

// parseDuration reads 90, 90s, 10m, 1h30m, 2d, 1w, 2y30d in seconds.
func parseDuration(s string) (seconds float64, unit int64, ok bool) {
	if n, ok := scaled(s, "", 1); ok {
		return n, 1, true
	}
	for s != "" {
		i := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if i <= 0 {
			return 0, 0, false
		}
		switch s[i] {
		case 's':
			unit = 1
		case 'm':
			unit = 60
		case 'h':
			unit = 60 * 60
		case 'd':
			unit = 24 * 60 * 60
		case 'w':
			unit = 7 * 24 * 60 * 60
		case 'y':
			unit = 365 * 24 * 60 * 60
		default:
			return 0, 0, false
		}
		n, ok := scaled(s[:i], "", float64(unit))
		if !ok {
			return 0, 0, false
		}
		seconds += n
		s = s[i+1:]
	}
	return seconds, unit, unit > 0
}

func kindName(k field.Kind) string {
	switch k {
	case field.Since:
		return "age"
	case field.Length:
		return "length of time"
	case field.CPU:
		return "amount of CPU"
	case field.Bytes:
		return "amount of bytes"
	case field.Percent:
		return "percentage"
	case field.None, field.Text, field.Number:
	}
	return "number"
}

// example returns a value that the column may have.
func (c Column) example() string {
	if len(c.Words) > 0 {
		return c.Words[len(c.Words)-1]
	}
	return kindExample(c.Kind)
}

func kindExample(k field.Kind) string {
	switch k {
	case field.Since, field.Length:
		return "10m"
	case field.CPU:
		return "500m"
	case field.Bytes:
		return "1Gi"
	case field.Percent:
		return "80%"
	case field.None, field.Text, field.Number:
	}
	return "3"
}
