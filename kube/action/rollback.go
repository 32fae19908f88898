package action

import (
	"context"
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"quarterdeck/kube"
)

// The verbs that give a workload an earlier template.
const (
	UndoRollout  = "undo rollout"
	AbortRollout = "abort rollout"
)

// Rollback is what a workload is to be again.
type Rollback struct {
	Verb     string // UndoRollout or AbortRollout
	Revision int64
	Template map[string]any // of its pods
	// Annotations are those that the workload itself is to have, nil to leave
	// them as they are.
	Annotations map[string]string
	Resume      bool // ends its pause too
}

// Rollback prepares an earlier template for obj. The whole template is replaced,
// and only the one that obj has: a rollback that somebody's later change is
// mixed into would be no revision that ever ran.
func (c *Client) Rollback(ref kube.Ref, obj *unstructured.Unstructured, to Rollback) (Change, error) {
	edits := []Edit{set(obj, to.Template, "spec", "template")}
	if to.Annotations != nil {
		now := obj.GetAnnotations()
		for _, k := range slices.Sorted(maps.Keys(now)) {
			if _, stays := to.Annotations[k]; !stays {
				edits = append(edits, set(obj, nil, "metadata", "annotations", k))
			}
		}
		for _, k := range slices.Sorted(maps.Keys(to.Annotations)) {
			if v, has := now[k]; !has || v != to.Annotations[k] {
				edits = append(edits, set(obj, to.Annotations[k], "metadata", "annotations", k))
			}
		}
	}
	command := c.kubectl(ref, "rollout", "undo", object(ref), "--to-revision="+strconv.FormatInt(to.Revision, 10))
	if to.Resume {
		edits = append(edits, set(obj, nil, "spec", "paused"))
		command = c.kubectl(ref, "rollout", "resume", object(ref)) + " && " + command
	}
	change, err := c.edits(to.Verb, ref, obj, "", edits...)
	if err != nil {
		return Change{}, err
	}
	change.Kubectl = command
	return change, nil
}

// rollback notes what stands beside a rollback.
func (s *surroundings) rollback(change *Change, add func(Weight, string, ...any)) {
	template := change.Edits[0] // see Client.Rollback
	labels, _ := At(template.After, []string{"metadata", "labels"})
	entries, _ := labels.(map[string]any)
	of := make(map[string]string, len(entries))
	for k, v := range entries {
		of[k], _ = v.(string)
	}
	for _, pdb := range s.budgetsOf(change.Ref.Namespace, of) {
		if pdb.Status.DisruptionsAllowed == 0 {
			add(Warn, "pdb/%s allows no disruption now, and a rollout passes it by: what limits it is its own strategy", pdb.Name)
		}
	}
	before, after := asksFor(template.Before), asksFor(template.After)
	for _, hpa := range s.autoscalersOf(change.Ref) {
		if !equality.Semantic.DeepEqual(before, after) {
			add(Warn, "hpa/%s keeps the replicas (%s) by what pods request, and that changes", hpa.Name, bounds(hpa))
			continue
		}
		add(Info, "hpa/%s keeps the replicas (%s): they stay as they are", hpa.Name, bounds(hpa))
	}
	if _, applied := change.Object.GetAnnotations()[corev1.LastAppliedConfigAnnotation]; applied {
		add(Info, "%s was made by kubectl apply: the next apply of its manifest takes this back", change.Ref)
	}
}

// asksFor is what a pod of a template requests and is limited to.
func asksFor(template any) corev1.ResourceList {
	return requests(&unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"template": template}}})
}

// Then returns the change with words of its own for what is to be said once it
// is made.
func (c Change) Then(said string) Change {
	do := c.do
	c.do = func(ctx context.Context, dryRun bool) (string, error) {
		words, err := do(ctx, dryRun)
		if err == nil && !dryRun && words == "" {
			words = said
		}
		return words, err
	}
	return c
}
