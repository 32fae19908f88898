// Package field holds the typed value of one field of one object. A column
// produces values; sorting, filters, tables and JSON all read the same value,
// so that they can never disagree.
package field

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Kind says what a Value measures.
type Kind uint8

// The kinds of values.
const (
	None    Kind = iota // not known, not applicable or not readable
	Text                // a string
	Number              // a count
	Since               // an instant, shown as the age since then
	Length              // a length of time, in seconds
	CPU                 // millicores
	Bytes               // bytes
	Percent             // hundredths
)

// Value is one field of one object. The zero Value is None.
type Value struct {
	kind Kind
	num  int64
	text string
}

// Of returns s as a text.
func Of(s string) Value { return Value{kind: Text, text: s} }

// Int returns n as a count.
func Int[N ~int | ~int32 | ~int64](n N) Value { return Value{kind: Number, num: int64(n)} }

// SinceUnix returns the instant sec, in seconds since 1970; 0 is None.
func SinceUnix(sec int64) Value {
	if sec == 0 {
		return Value{}
	}
	return Value{kind: Since, num: sec}
}

// Seconds returns a length of time.
func Seconds(n int64) Value { return Value{kind: Length, num: n} }

// Millicores returns an amount of CPU.
func Millicores(n int64) Value { return Value{kind: CPU, num: n} }

// ByteCount returns an amount of memory or storage.
func ByteCount(n int64) Value { return Value{kind: Bytes, num: n} }

// PercentOf returns part/whole in percent, None if whole is not positive.
func PercentOf(part, whole int64) Value {
	if whole <= 0 {
		return Value{}
	}
	return Value{kind: Percent, num: (part*100 + whole/2) / whole}
}

// WithText returns v shown as s; it still compares and filters by its number.
// A pair such as READY 2/10 sorts by its first number and reads as written.
func (v Value) WithText(s string) Value { v.text = s; return v }

// Kind returns what v measures.
func (v Value) Kind() Kind { return v.kind }

// Num returns v's number in the unit of its kind, 0 for texts.
func (v Value) Num() int64 { return v.num }

// Raw returns the text that v was made with, if any.
func (v Value) Raw() string { return v.text }

// IsNone reports whether v is not known.
func (v Value) IsNone() bool { return v.kind == None }

// Compare orders values of one column: unknown ones last, texts by bytes,
// numbers by size, ages from young to old.
func Compare(a, b Value) int {
	if a.kind == None || b.kind == None {
		return cmp.Compare(boolInt(a.kind == None), boolInt(b.kind == None))
	}
	switch {
	case a.kind == Text || b.kind == Text:
		return strings.Compare(a.text, b.text)
	case a.kind == Since:
		return cmp.Compare(b.num, a.num)
	}
	return cmp.Compare(a.num, b.num)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Format returns v as it stands in a cell at the instant now.
func (v Value) Format(now time.Time) string {
	if v.text != "" {
		return v.text
	}
	switch v.kind {
	case Number:
		return strconv.FormatInt(v.num, 10)
	case Since:
		return Age(now.Unix() - v.num)
	case Length:
		return Age(v.num)
	case CPU:
		return Cores(v.num)
	case Bytes:
		return Size(v.num)
	case Percent:
		return strconv.FormatInt(v.num, 10) + "%"
	case None, Text:
	}
	return ""
}

// MarshalJSON writes texts as strings, instants as RFC 3339, numbers as numbers
// (CPU in millicores, lengths in seconds) and None as null. A number that is
// shown differently from itself is written as it is shown.
func (v Value) MarshalJSON() ([]byte, error) {
	switch {
	case v.kind == None:
		return []byte("null"), nil
	case v.kind == Since:
		return json.Marshal(time.Unix(v.num, 0).UTC().Format(time.RFC3339))
	case v.kind == Text || v.text != "":
		return json.Marshal(v.text)
	}
	return strconv.AppendInt(nil, v.num, 10), nil
}
