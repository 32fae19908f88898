package detail

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
)

// Options say what YAML shows in full.
type Options struct {
	ManagedFields bool // else they are folded to one line
	Reveal        bool // the values of Secrets, else they are masked
}

// Document is an object as text, to be read. To edit an object, get it anew:
// sanitising may have changed a character.
type Document struct {
	Text     string
	Masked   int  // values of a Secret that are hidden
	Folded   int  // entries of managedFields that are hidden
	Replaced bool // the object was deleted and another of its name is shown
}

// YAML returns the object as kubectl get -o yaml prints it.
func (r *Reader) YAML(ctx context.Context, ref kube.Ref, opts Options) (Document, error) {
	obj, replaced, err := r.object(ctx, ref)
	if err != nil {
		return Document{}, err
	}
	doc := Document{Replaced: replaced}
	if isSecret(ref) && !opts.Reveal {
		doc.Masked = maskSecret(obj)
	}
	managers := obj.GetManagedFields()
	folded := !opts.ManagedFields && len(managers) > 0
	if folded {
		doc.Folded = len(managers)
		unstructured.RemoveNestedField(obj.Object, "metadata", "managedFields")
	}
	text, err := yaml.Marshal(obj.Object)
	if err != nil {
		return Document{}, failed("print", ref, err)
	}
	doc.Text = string(text)
	if folded {
		names := make([]string, 0, len(managers))
		for _, m := range managers {
			if !slices.Contains(names, m.Manager) {
				names = append(names, m.Manager)
			}
		}
		doc.Text = addFold(doc.Text, doc.Folded, sanitize.Line(strings.Join(names, ", ")))
	}
	doc.Text = sanitize.Text(doc.Text)
	return doc, nil
}

// addFold writes a comment where managedFields stood among the other keys of
// metadata, which are sorted. Only a key of the object itself is not indented.
func addFold(text string, n int, managers string) string {
	const metadata = "metadata:\n"
	i := strings.Index("\n"+text, "\n"+metadata)
	if i < 0 {
		return text
	}
	at := i + len(metadata)
	for line := range strings.Lines(text[at:]) {
		if !strings.HasPrefix(line, "  ") || !strings.HasPrefix(line, "   ") && line > "  managedFields" {
			break
		}
		at += len(line)
	}
	return text[:at] + fmt.Sprintf("  # managedFields: %d entries of %s\n", n, managers) + text[at:]
}

// maskSecret hides the values of a Secret and returns how many. Annotations in
// which tools keep a copy of what they applied are hidden as well.
func maskSecret(obj *unstructured.Unstructured) int {
	values := secretValues(obj)
	masked := 0
	for _, part := range []string{"data", "stringData"} {
		entries, _ := obj.Object[part].(map[string]any)
		for k, v := range entries {
			s, _ := v.(string)
			size := len(s)
			if raw, err := base64.StdEncoding.DecodeString(s); err == nil && part == "data" {
				size = len(raw)
			}
			entries[k] = maskOf(size)
			masked++
		}
	}
	annotations := obj.GetAnnotations()
	for k, v := range annotations {
		if leaks(k, v, values) {
			annotations[k] = maskOf(len(v))
			masked++
		}
	}
	if annotations != nil {
		obj.SetAnnotations(annotations)
	}
	return masked
}

func maskOf(size int) string { return fmt.Sprintf("<%d bytes masked>", size) }

// leaks reports whether an annotation of a Secret holds any of its values.
func leaks(name, text string, values []string) bool {
	return name == corev1.LastAppliedConfigAnnotation || slices.ContainsFunc(values, func(v string) bool { return strings.Contains(text, v) })
}

// secretValues returns the values of a Secret, encoded and not, that are long
// enough to be recognised.
func secretValues(obj *unstructured.Unstructured) []string {
	const short = 4
	var values []string
	for _, part := range []string{"data", "stringData"} {
		entries, _ := obj.Object[part].(map[string]any)
		for _, v := range entries {
			s, _ := v.(string)
			raw, _ := base64.StdEncoding.DecodeString(s)
			for _, v := range []string{s, string(raw)} {
				if len(v) >= short {
					values = append(values, v)
				}
			}
		}
	}
	return values
}
