package action

import (
	"context"
	"maps"
	"slices"
	"strconv"

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
