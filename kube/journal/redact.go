package journal

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/sanitize"
)

// Hidden stands for what is not written down.
const Hidden = "(hidden)"

// maxText is how long a text gets, in characters.
const maxText = 300

// Redact returns what the journal says of a value of a field: the value on one
// short line, without what is nobody's business. Lists and mappings are JSON.
func Redact(of schema.GroupResource, path []string, value any) string {
	r := redaction{of: of}
	return r.text(path, value)
}

// redaction makes what was done to an object of one resource fit to be kept.
type redaction struct {
	of schema.GroupResource
	// hidden says that something was left out; quoted are the forms in which
	// an error may quote it.
	hidden bool
	quoted []string
}

// edits returns the values of fields before and after.
func (r *redaction) edits(edits []Edit) (before, after string) {
	var b, a []string
	for _, e := range edits {
		name := ""
		if len(edits) > 1 {
			name = fieldName(e.Path) + " "
		}
		b = append(b, name+r.text(e.Path, e.Before))
		a = append(a, name+r.text(e.Path, e.After))
	}
	return short(strings.Join(b, ", ")), short(strings.Join(a, ", "))
}

// summary returns the words for what was done, which may quote values: if one
// was left out, only the fields are named.
func (r *redaction) summary(words string, edits []Edit) string {
	if !r.hidden {
		return r.words(words)
	}
	fields := make([]string, len(edits))
	for i, e := range edits {
		fields[i] = fieldName(e.Path)
	}
	return short(sanitize.Line("set " + strings.Join(fields, ", ")))
}

// failure returns the words of an error.
func (r *redaction) failure(err error) string {
	if reason := apierrors.ReasonForError(err); reason != "" && r.confidential() {
		return "the server answered " + string(reason) // its message may quote the contents
	}
	return r.words(err.Error())
}

// confidential reports whether objects of the resource are mostly contents that
// are not written down.
func (r *redaction) confidential() bool {
	return r.of.Group == "" && (r.of.Resource == "secrets" || r.of.Resource == "configmaps")
}

// text returns a value for one line, and remembers what it left out.
func (r *redaction) text(path []string, value any) string {
	switch v := r.visible(path, plain(value)).(type) {
	case nil:
		return "none"
	case string:
		return short(r.scrub(sanitize.Line(v)))
	default:
		return short(r.scrub(sanitize.Line(compact(v))))
	}
}

// plain returns a value as JSON has it, whatever type of Go it is.
func plain(value any) any {
	switch value.(type) {
	case nil, string, bool, int64, float64, map[string]any, []any:
		return value
	}
	data, err := json.Marshal(value)
	if err != nil {
		return Hidden
	}
	var v any
	if json.Unmarshal(data, &v) != nil {
		return Hidden
	}
	return v
}

func compact(v any) string {
	var s strings.Builder
	encoder := json.NewEncoder(&s)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(v) != nil {
		return Hidden
	}
	return strings.TrimSpace(s.String())
}

// visible returns a copy of a value with what is hidden replaced.
func (r *redaction) visible(path []string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, below := range v {
			out[key] = r.visible(append(path[:len(path):len(path)], key), below)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, below := range v {
			out[i] = r.visible(append(path[:len(path):len(path)], strconv.Itoa(i)), below)
		}
		return out
	case nil:
		return nil
	case string:
		if r.secret(path, v) {
			r.remember(v)
			return Hidden
		}
		if lines := strings.Count(strings.TrimSuffix(v, "\n"), "\n") + 1; lines > 1 {
			return fmt.Sprintf("(%d lines)", lines)
		}
		return v
	}
	if r.secretPlace(path) { // true, or a number
		r.remember(fmt.Sprint(value))
		return Hidden
	}
	return value
}

// remember keeps a value that is left out.
func (r *redaction) remember(v string) {
	r.hidden = true
	r.quoted = append(r.quoted, v)
	if escaped := strconv.Quote(v); escaped != `"`+v+`"` {
		r.quoted = append(r.quoted, escaped[1:len(escaped)-1])
	}
	for line := range strings.Lines(v) { // of which a message may have but one
		if line = strings.TrimSpace(line); len(line) >= 8 && line != v {
			r.quoted = append(r.quoted, line)
		}
	}
	if decoded, err := base64.StdEncoding.DecodeString(v); err == nil && len(decoded) > 3 {
		r.quoted = append(r.quoted, string(decoded))
	}
}

// secret reports whether a text at a path is not written down.
func (r *redaction) secret(path []string, v string) bool {
	if r.secretPlace(path) || secretName(path) {
		return true
	}
	if len(path) < 2 || path[len(path)-2] != "annotations" {
		return false
	}
	v = strings.TrimSpace(v)
	return strings.HasPrefix(v, "{") || strings.HasPrefix(v, "[") // a document, often the whole object
}

// secretPlace reports whether nothing at a path is written down, whatever it is.
func (r *redaction) secretPlace(path []string) bool {
	if r.confidential() && len(path) > 0 && slices.Contains([]string{"data", "stringData", "binaryData"}, path[0]) {
		return true
	}
	for i, part := range path {
		below := path[i+1:]
		switch strings.ToLower(part) {
		case "annotations":
			if len(below) > 0 && strings.Contains(below[0], "last-applied") {
				return true
			}
		case "managedfields":
			return true
		case "env", "envs", "envvars", "environment", "extraenv", "extraenvs", "extraenvvars", "httpheaders":
			if variable(below) {
				return true
			}
		}
	}
	return false
}

// variable reports whether what is at a path below a list or a mapping of
// variables is a value: not the name of a variable in a list, nor where its
// value comes from.
func variable(below []string) bool {
	if len(below) == 0 {
		return false // the list itself, which is looked into
	}
	if _, err := strconv.Atoi(below[0]); err != nil || len(below) == 1 {
		return true
	}
	return below[1] != "name" && below[1] != "valueFrom"
}

// fieldName writes a path in words: spec.template.spec.containers[0].image.
func fieldName(path []string) string {
	var b strings.Builder
	for i, part := range path {
		switch _, err := strconv.Atoi(part); {
		case err == nil || strings.ContainsAny(part, "./"):
			b.WriteString("[" + part + "]")
		case i > 0:
			b.WriteString("." + part)
		default:
			b.WriteString(part)
		}
	}
	return sanitize.Line(b.String())
}

// short cuts a text.
func short(s string) string {
	n := 0
	for i := range s {
		if n++; n > maxText {
			return s[:i] + "…"
		}
	}
	return s
}
