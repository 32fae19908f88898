package triage

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/changes"
	"quarterdeck/kube/journal"
	"quarterdeck/kube/sanitize"
)

// writes returns what programs wrote into an object since a time, as its
// managedFields tell (https://kubernetes.io/docs/reference/using-api/server-side-apply/):
// for each program the fields that it set, and when it last wrote any of them.
// What is reported rather than wanted, status, is left out. told are changes
// that are known already.
func writes(ref kube.Ref, obj *unstructured.Unstructured, since int64, told []Alteration) []Alteration {
	made := obj.GetCreationTimestamp().Unix()
	var found []Alteration
	for _, e := range obj.GetManagedFields() {
		if e.Time == nil || e.FieldsV1 == nil || e.Time.Unix() < since || e.Subresource == "status" {
			continue
		}
		paths := fieldsOf(e)
		if slices.ContainsFunc(paths, isTemplate) && explained(told, e.Time.Unix()) {
			paths = slices.DeleteFunc(paths, func(p []string) bool { return isTemplate(p) || p[0] == "metadata" })
			if e.Subresource != "scale" {
				paths = nil // the revision is what it wrote
			}
		}
		if changes.Machinery(e.Manager) {
			paths = slices.DeleteFunc(paths, func(p []string) bool { return p[0] == "metadata" })
		}
		if len(paths) == 0 {
			continue
		}
		c := Alteration{At: e.Time.Unix(), By: sanitize.Line(e.Manager), Source: FromManaged, On: ref}
		if e.Subresource != "" {
			c.By += " (" + sanitize.Line(e.Subresource) + ")"
		}
		var words []string
		for _, p := range paths {
			f := FieldChange{Name: sanitize.Line(strings.Join(p, "."))}
			if value, ok := action.At(obj.Object, p); ok && !isTemplate(p) && !secretive(ref) {
				f.Is = journal.Redact(ref.GVR.GroupResource(), p, value)
			}
			c.Fields = append(c.Fields, f)
			words = append(words, f.now(len(paths)))
		}
		c.Text = changes.Listed(words)
		if c.At-made <= 1 {
			c.Text = "was made"
		}
		found = append(found, c)
	}
	return found
}

// now names a field, and its value if there are few of them. What it was before
// nobody keeps.
func (c FieldChange) now(of int) string {
	name := strings.TrimPrefix(c.Name, "spec.")
	if c.Is == "" || of > changes.MostNamed || len(c.Is) > 80 {
		return name + " written"
	}
	return name + " is now " + c.Is
}

// secretive reports whether the contents of an object are never looked at.
func secretive(ref kube.Ref) bool {
	return ref.GVR.Group == "" && (ref.GVR.Resource == "secrets" || ref.GVR.Resource == "configmaps")
}

func isTemplate(p []string) bool { return len(p) > 1 && p[0] == "spec" && p[1] == "template" }

// fieldsOf returns the paths of the fields that an entry of managedFields names,
// as deep as they tell something to a reader: fields of the spec, single labels
// and annotations, and everything else by its first name.
func fieldsOf(e metav1.ManagedFieldsEntry) [][]string {
	top := changes.Set(e.FieldsV1.GetRawBytes())
	var paths [][]string
	for _, first := range changes.Names(top) {
		below := changes.Below(top, first)
		switch first {
		case "spec":
			for _, second := range changes.Names(below) {
				paths = append(paths, []string{first, second})
			}
		case "metadata":
			for _, kind := range []string{"labels", "annotations"} {
				for _, name := range changes.Names(changes.Below(below, kind)) {
					if !strings.Contains(name, "last-applied") && !strings.HasPrefix(name, "deployment.kubernetes.io/") {
						paths = append(paths, []string{first, kind, name})
					}
				}
			}
		case "status":
		default:
			paths = append(paths, []string{first})
		}
	}
	return paths
}
