package apply

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"quarterdeck/kube/sanitize"
)

// SyntaxError is the error for text that is no manifest.
type SyntaxError struct {
	Line   int // from 1, 0 if it is not known
	Reason string
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

// document is one document of a YAML stream.
type document struct {
	line int // of the stream, from 1, at which text begins
	text string
}

// split takes a YAML stream apart. Only a separator can stand at the beginning
// of a line, whatever the text around it.
func split(text string) []document {
	var docs []document
	var b strings.Builder
	begin, line := 1, 0
	end := func() {
		if text := b.String(); !blank(text) {
			docs = append(docs, document{begin, text})
		}
		b.Reset()
		begin = line + 1
	}
	for l := range strings.Lines(text) {
		line++
		switch mark := strings.TrimRight(l, " \t\r\n"); {
		case mark == "---" || mark == "...":
			end()
		case strings.HasPrefix(l, "--- "):
			end()
			begin = line
			b.WriteString("   " + l[3:])
		case strings.HasPrefix(l, "%") && blank(b.String()): // a directive, such as %YAML
			b.WriteString("\n")
		default:
			b.WriteString(l)
		}
	}
	end()
	return docs
}

// blank reports whether a YAML text has nothing but comments.
func blank(text string) bool {
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			return false
		}
	}
	return true
}

// parse reads one document. Keys without a value are dropped.
func parse(d document) (map[string]any, error) {
	data, err := yaml.YAMLToJSONStrict([]byte(d.text))
	if err != nil {
		return nil, syntaxError(err, d.line)
	}
	var value any
	if err := utiljson.Unmarshal(data, &value); err != nil {
		return nil, syntaxError(err, d.line)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, &SyntaxError{d.line, "this is no object: it has no kind, apiVersion and metadata"}
	}
	prune(object)
	return object, nil
}

// syntaxError makes a sentence of what a parser says of a text that begins at
// line begin.
func syntaxError(err error, begin int) error {
	text := sanitize.Line(err.Error())
	for _, prefix := range []string{"error converting YAML to JSON: ", "yaml: ", "unmarshal errors: ", " "} {
		text = strings.TrimPrefix(text, prefix)
	}
	text = strings.TrimSpace(text)
	m := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(text)
	if m == nil {
		return &SyntaxError{0, text}
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return &SyntaxError{0, text}
	}
	return &SyntaxError{begin + n - 1, strings.TrimSpace(text[len(m[0]):])}
}

// mark begins the lines that are written above a manifest. It tells them from
// the user's own comments.
const mark = "##"

// body returns text without the lines above it, and how many they were.
func body(text string) (rest string, lines int) {
	for strings.HasPrefix(text, mark) {
		_, text, _ = strings.Cut(text, "\n")
		lines++
	}
	return text, lines
}

// comment writes lines above a manifest.
func comment(b *strings.Builder, text string) {
	for l := range strings.Lines(sanitize.Text(text)) {
		b.WriteString(strings.TrimRight(mark+" "+strings.TrimRight(l, "\n"), " ") + "\n")
	}
}

// withReason returns text, as it came from the editor, with what is wrong with
// it on top, below head.
func withReason(head, text string, reason error) string {
	rest, was := body(text)
	message := func(lines int) string {
		var syntax *SyntaxError
		if errors.As(reason, &syntax) && syntax.Line > 0 { // the line moves with the lines above
			return (&SyntaxError{syntax.Line + lines - was, syntax.Reason}).Error()
		}
		return reason.Error()
	}
	var b strings.Builder
	comment(&b, head)
	b.WriteString(mark + "\n")
	above := strings.Count(b.String(), "\n") + strings.Count(sanitize.Text(message(0)), "\n") + 1
	comment(&b, message(above))
	return b.String() + rest
}

// serverSet are the fields that are the server's to set: an edit shows them not
// and takes them not.
func serverSet() [][]string {
	return [][]string{
		{"status"},
		{"metadata", "managedFields"},
		{"metadata", "resourceVersion"},
		{"metadata", "uid"},
		{"metadata", "generation"},
		{"metadata", "creationTimestamp"},
		{"metadata", "selfLink"},
		{"metadata", "deletionTimestamp"},
		{"metadata", "deletionGracePeriodSeconds"},
	}
}

// plain returns a copy of obj with nothing but what users set.
func plain(obj *unstructured.Unstructured) map[string]any {
	object := obj.DeepCopy().Object
	for _, path := range serverSet() {
		unstructured.RemoveNestedField(object, path...)
	}
	prune(object)
	return object
}

// write prints an object.
func write(object map[string]any) (string, error) {
	text, err := yaml.Marshal(object)
	if err != nil {
		return "", fmt.Errorf("write manifest: %w", err)
	}
	return string(text), nil
}
