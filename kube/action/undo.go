package action

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ErrNoUndo is the error for a change that cannot be taken back.
var ErrNoUndo = errors.New("it cannot be taken back")

// Undo prepares the change that takes done back: the fields get the values that
// they had before, if nobody has changed them since. Otherwise the error is a
// Moved, which says who did.
func (c *Client) Undo(ctx context.Context, done Change) (Change, error) {
	if !done.Undoable || len(done.Edits) == 0 {
		return Change{}, fmt.Errorf("%s of %s: %w", done.Verb, where(done.Ref), ErrNoUndo)
	}
	var sub []string
	if done.subresource != "" {
		sub = []string{done.subresource}
	}
	obj, err := c.resource(done.Ref).Get(ctx, done.Ref.Name, metav1.GetOptions{}, sub...)
	if err != nil {
		return Change{}, fmt.Errorf("read %s: %w", where(done.Ref), err)
	}
	if obj.GetUID() != done.Ref.UID {
		return Change{}, fmt.Errorf("%s: %w", where(done.Ref), ErrReplaced)
	}
	edits := make([]Edit, len(done.Edits))
	for i, e := range done.Edits {
		now, _ := at(obj.Object, e.Path)
		edits[i] = Edit{Path: e.Path, Before: now, After: e.Before}
		if !same(now, e.After) {
			by := author(obj, e.Path)
			if done.subresource != "" { // which has no managers
				if whole, err := c.get(ctx, done.Ref); err == nil {
					by = author(whole, e.Path)
				}
			}
			return Change{}, fmt.Errorf("%s: %w", where(done.Ref), &Moved{Edit: Edit{Path: e.Path, Before: e.After}, Now: now, By: by})
		}
	}
	change, err := c.edits(done.Verb, done.Ref, obj, done.subresource, edits...)
	if err != nil {
		return Change{}, err
	}
	change.Summary = "undo: " + summary(edits)
	return change, nil
}

// same reports whether two values of a field mean the same: the server leaves
// out what is false, 0 or empty.
func same(a, b any) bool {
	return equality.Semantic.DeepEqual(a, b) || empty(a) && empty(b)
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case int64:
		return v == 0
	case string:
		return v == ""
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}
