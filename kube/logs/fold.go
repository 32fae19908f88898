package logs

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"quarterdeck/kube/sanitize"
)

// Fold says how a line of fields becomes one that is quick to read.
type Fold struct {
	// First are the names of the fields whose values come first, in this order,
	// without their names. None means DefaultFirst.
	First []string
	// Hide are the names of fields that are left out. None means DefaultHide.
	Hide []string
}

// DefaultFirst are the fields that hold what a line says.
func DefaultFirst() []string {
	return []string{"message", "msg", "@message", "short_message", "event", "err", "error", "exception"}
}

// DefaultHide are fields that are shown otherwise: the time and the level.
func DefaultHide() []string {
	return []string{"time", "ts", "timestamp", "@timestamp", "t", "level", "lvl", "severity", "levelname", "log.level", "loglevel", "@level"}
}

// Folder folds lines. It may be used by one goroutine at a time.
type Folder struct {
	first []string
	hide  map[string]bool
	found [][]byte // scratch, by first
	rest  []byte
}

// NewFolder returns what folds lines as f says.
func NewFolder(f Fold) *Folder {
	if f.First == nil {
		f.First = DefaultFirst()
	}
	if f.Hide == nil {
		f.Hide = DefaultHide()
	}
	hide := make(map[string]bool, len(f.Hide))
	for _, name := range f.Hide {
		hide[name] = true
	}
	return &Folder{first: f.First, hide: hide, found: make([][]byte, len(f.First))}
}

// Line returns a line of JSON or logfmt with the chosen values first, then the
// other fields as name=value, those of objects within by names with dots. quiet
// is where in text the other fields begin. A line of another format, or with
// none of the chosen fields, is returned as it is, with quiet 0.
func (f *Folder) Line(l *Line) (text string, quiet int) {
	text = l.Text()
	clear(f.found)
	f.rest = f.rest[:0]
	switch {
	case l.Flags&Marker != 0:
		return text, 0
	case l.Format == JSON:
		f.object([]byte(text), "", 0)
	case l.Format == Logfmt:
		eachPair([]byte(text), func(key, value []byte) bool {
			f.field(string(key), value, Logfmt)
			return true
		})
	default:
		return text, 0
	}
	var b strings.Builder
	for _, v := range f.found {
		if len(v) == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.Write(v)
	}
	if b.Len() == 0 {
		return text, 0
	}
	if quiet = b.Len(); len(f.rest) > 0 {
		b.WriteByte(' ')
		b.Write(f.rest)
	} else {
		quiet = 0
	}
	return b.String(), quiet
}

func (f *Folder) object(b []byte, prefix string, depth int) {
	eachJSON(b, func(key, value []byte) bool {
		name := prefix + string(key)
		if len(value) > 0 && value[0] == '{' && depth < maxDepth && !f.hide[name] && !f.chosen(name) {
			f.object(value, name+".", depth+1)
			return true
		}
		f.field(name, value, JSON)
		return true
	})
}

func (f *Folder) chosen(name string) bool {
	for _, n := range f.first {
		if n == name {
			return true
		}
	}
	return false
}

// field takes a field over; value is as it was written.
func (f *Folder) field(name string, value []byte, format Format) {
	plain := sanitize.Line(meaning(value, format))
	for i, n := range f.first {
		if n == name && f.found[i] == nil {
			f.found[i] = []byte(plain)
			return
		}
	}
	if f.hide[name] {
		return
	}
	if len(f.rest) > 0 {
		f.rest = append(f.rest, ' ')
	}
	f.rest = append(f.rest, name...)
	f.rest = append(f.rest, '=')
	if len(value) > 0 && value[0] == '"' && plain != "" && !strings.ContainsAny(plain, ` "=`) {
		f.rest = append(f.rest, plain...)
		return
	}
	f.rest = append(f.rest, value...)
}

// meaning returns what a value of a field stands for, without quotes and
// escapes. Escapes may stand for what was not let through as a byte, so the
// result is not safe to show.
func meaning(value []byte, format Format) string {
	if len(value) == 0 || value[0] != '"' || bytes.IndexByte(value, '\\') < 0 {
		return string(unquoted(value))
	}
	var s string
	var err error
	if format == JSON {
		err = json.Unmarshal(value, &s)
	} else {
		s, err = strconv.Unquote(string(value))
	}
	if err != nil {
		return string(unquoted(value))
	}
	return s
}

// Node is one row of a line's fields as a tree.
type Node struct {
	Depth int
	Key   string   // the name, or the index in a list
	Value string   // "" for what has nodes below it
	Lines []string // of a value of several lines, such as a stack trace in a string; then Value is ""
}

const (
	maxNodes = 2000
	maxDepth = 32
)

// Tree returns the fields of a line row by row, nil if it has none.
func Tree(l *Line) []Node {
	text := []byte(l.Text())
	var nodes []Node
	switch l.Format {
	case JSON:
		nodes = appendTree(nodes, text, 0)
	case Access:
		for _, key := range [...]string{"remote", "method", "path", "status", "size"} {
			value, _ := accessField(text, key)
			nodes = append(nodes, Node{Key: key, Value: string(value)})
		}
	default:
		eachPair(text, func(key, value []byte) bool {
			nodes = append(nodes, leaf(0, key, value, l.Format))
			return len(nodes) < maxNodes
		})
	}
	return nodes
}

func appendTree(nodes []Node, b []byte, depth int) []Node {
	add := func(key, value []byte) bool {
		inner := len(value) > 2 && (value[0] == '{' || value[0] == '[') && depth < maxDepth
		if !inner {
			nodes = append(nodes, leaf(depth, key, value, JSON))
			return len(nodes) < maxNodes
		}
		nodes = append(nodes, Node{Depth: depth, Key: string(key)})
		nodes = appendTree(nodes, value, depth+1)
		return len(nodes) < maxNodes
	}
	if len(b) > 0 && b[0] == '[' {
		eachElement(b, add)
	} else {
		eachJSON(b, add)
	}
	return nodes
}

func leaf(depth int, key, value []byte, format Format) Node {
	n := Node{Depth: depth, Key: string(key)}
	text := strings.TrimRight(sanitize.Text(meaning(value, format)), "\n")
	if strings.Contains(text, "\n") {
		n.Lines = strings.Split(text, "\n")
	} else {
		n.Value = text
	}
	return n
}

// eachElement calls yield with the index and the raw value of each element of
// the list that b is.
func eachElement(b []byte, yield func(key, value []byte) bool) {
	i := skipBlank(b, 1)
	for n := int64(0); i < len(b) && b[i] != ']'; n++ {
		end := skipValue(b, i)
		if end <= i || !yield(strconv.AppendInt(nil, n, 10), b[i:end]) {
			return
		}
		i = skipBlank(b, end)
		if i >= len(b) || b[i] != ',' {
			return
		}
		i = skipBlank(b, i+1)
	}
}
