package rollout

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/sanitize"
)

// Reference is a ConfigMap or Secret that a template refers to.
type Reference struct {
	Ref      kube.Ref
	Optional bool // everywhere: pods start without it
}

// ReferenceState is how a referenced object stands beside a revision.
type ReferenceState uint8

// The states of references, what matters most first.
const (
	Missing    ReferenceState = iota // it is not there now
	Unreadable                       // Err says why
	Changed                          // its contents may have changed since
	Untold                           // the server keeps no record of when it changed
	Same                             // it is as it was
)

// String returns the state as a word for programs.
func (s ReferenceState) String() string {
	return [...]string{"missing", "unreadable", "changed", "untold", "same"}[s]
}

// Referent is what became of a referenced object since a revision began.
// Kubernetes keeps no earlier contents of ConfigMaps and Secrets, so going back
// to a revision does not bring them back.
type Referent struct {
	Reference
	State ReferenceState
	// Since is when its contents were last written, as its managedFields tell. A
	// program that writes contents and labels has one time for both, so Changed
	// may mean labels alone.
	Since time.Time
	By    string // the program that did, safe to show
	Made  bool   // the object itself is newer than the revision
	Err   error  // of Unreadable
}

// References returns the ConfigMaps and Secrets that pods of the template take
// something from, in a namespace, sorted by kind and name.
func (t Template) References(namespace string) []Reference {
	found := map[kube.Ref]bool{} // whether it is optional
	note := func(kind, name string, optional bool) {
		if name == "" {
			return
		}
		ref := kube.Ref{
			GVR:  corev1.SchemeGroupVersion.WithResource(strings.ToLower(kind) + "s"),
			Kind: kind, Namespace: namespace, Name: name,
		}
		before, seen := found[ref]
		found[ref] = optional && (before || !seen)
	}
	spec, _ := t.fields["spec"].(map[string]any)
	for _, part := range []string{"containers", "initContainers", "volumes"} {
		walkReferences(spec[part], note)
	}
	for _, e := range list(spec["imagePullSecrets"]) {
		note("Secret", raw(e, "name"), true) // an image may be public
	}
	refs := make([]Reference, 0, len(found))
	for ref, optional := range found {
		refs = append(refs, Reference{ref, optional})
	}
	slices.SortFunc(refs, func(a, b Reference) int {
		return cmp.Or(strings.Compare(a.Ref.Kind, b.Ref.Kind), strings.Compare(a.Ref.Name, b.Ref.Name))
	})
	return refs
}

// walkReferences finds references by the names that the API gives the fields in
// which they stand: environment, volumes of every type, projected sources.
func walkReferences(value any, note func(kind, name string, optional bool)) {
	for _, e := range list(value) {
		walkReferences(e, note)
	}
	fields, _ := value.(map[string]any)
	for name, below := range fields {
		optional, _ := action.At(below, []string{"optional"})
		switch name {
		case "configMap", "configMapRef", "configMapKeyRef":
			note("ConfigMap", raw(below, "name"), optional == true)
		case "secret", "secretRef", "secretKeyRef", "nodePublishSecretRef", "azureFile":
			note("Secret", raw(below, "name"), optional == true)
			note("Secret", raw(below, "secretName"), optional == true)
		}
		walkReferences(below, note)
	}
}

func list(value any) []any {
	l, _ := value.([]any)
	return l
}

func raw(value any, field string) string {
	found, _ := action.At(value, []string{field})
	s, _ := found.(string)
	return s
}

// ReadReferents returns what became of the references since a moment, what
// matters most first. It reads their metadata only, never their contents.
func ReadReferents(ctx context.Context, r Reader, refs []Reference, since time.Time) []Referent {
	out := make([]Referent, len(refs))
	slots := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for i, ref := range refs {
		slots <- struct{}{}
		wg.Go(func() {
			defer utilruntime.HandleCrash()
			defer func() { <-slots }()
			out[i] = readReferent(ctx, r, ref, since)
		})
	}
	wg.Wait()
	slices.SortStableFunc(out, func(a, b Referent) int { return cmp.Compare(a.State, b.State) })
	return out
}

func readReferent(ctx context.Context, r Reader, ref Reference, since time.Time) Referent {
	found := Referent{Reference: ref}
	meta, err := r.Metadata().Resource(ref.Ref.GVR).Namespace(ref.Ref.Namespace).Get(ctx, ref.Ref.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return found
	case err != nil:
		found.State, found.Err = Unreadable, err
		return found
	}
	found.Ref.UID = meta.UID
	found.Made = meta.CreationTimestamp.After(since)
	found.Since, found.By = lastWrite(meta.ManagedFields)
	if found.Since.Before(meta.CreationTimestamp.Time) {
		found.Since = meta.CreationTimestamp.Time
	}
	switch {
	case found.Since.After(since):
		found.State = Changed
	case found.By == "":
		found.State = Untold
	default:
		found.State = Same
	}
	return found
}

// lastWrite returns when and by whom the contents of a ConfigMap or Secret were
// last written.
func lastWrite(entries []metav1.ManagedFieldsEntry) (when time.Time, by string) {
	for _, e := range entries {
		var fields map[string]json.RawMessage
		if e.FieldsV1 == nil || e.Time == nil || json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		for _, part := range []string{"f:data", "f:binaryData", "f:stringData"} {
			if _, writes := fields[part]; writes && e.Time.After(when) {
				when, by = e.Time.Time, sanitize.Line(e.Manager)
			}
		}
	}
	return when, by
}

// Words says what became of the object since a revision, "" if nothing.
func (r Referent) Words(revision int64) string {
	name := sanitize.Line(r.Ref.String())
	switch {
	case r.State == Missing && r.Optional:
		return name + " is not there; it is optional"
	case r.State == Missing:
		return name + " is not there: pods cannot start without it"
	case r.State == Unreadable:
		return fmt.Sprintf("%s could not be read, so it may have changed: %s", name, refused(r.Err, "get", r.Ref.GVR, r.Ref.Namespace))
	case r.State == Changed && r.Made:
		return fmt.Sprintf("%s was made after revision %d; its earlier contents are not kept", name, revision)
	case r.State == Changed:
		return fmt.Sprintf("%s was changed by %s after revision %d; its earlier contents are not kept", name, r.By, revision)
	case r.State == Untold:
		return fmt.Sprintf("%s may have changed after revision %d: the server keeps no record of its writes", name, revision)
	}
	return ""
}

// refused says in words why something could not be read.
func refused(err error, verb string, gvr schema.GroupVersionResource, namespace string) string {
	if apierrors.IsForbidden(err) {
		return fmt.Sprintf("forbidden: %s %s in %s", verb, gvr.Resource, namespace)
	}
	return sanitize.Line(err.Error())
}
