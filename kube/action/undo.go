package action

import (
	"context"
	"errors"
	"fmt"
)

// ErrNoUndo is the error for a change that cannot be taken back.
var ErrNoUndo = errors.New("it cannot be taken back")

// Undo prepares the change that takes done back: the fields get the values that
// they had before, if nobody has changed them since. Otherwise the error is a
// Moved, which says who did.
func (c *Client) Undo(ctx context.Context, done Change) (Change, error) {
	if !done.Undoable || len(done.Edits) == 0 {
		return Change{}, fmt.Errorf("%s of %s: %w", done.Verb, done.Ref.Where(), ErrNoUndo)
	}
	failed := func(err error) (Change, error) { return Change{}, fmt.Errorf("%s: %w", done.Ref.Where(), err) }
	obj, err := c.read(ctx, done.Ref, done.subresource)
	if err != nil {
		return failed(err)
	}
	edits := make([]Edit, len(done.Edits))
	for i, e := range done.Edits {
		edits[i] = Edit{Path: e.Path, Before: e.After, After: e.Before}
	}
	if moved := drift(done.Object, obj, edits); moved != nil {
		moved.By = c.author(ctx, done.Ref, done.subresource, obj, moved.Edit.Path)
		return failed(moved.masked(done.Ref))
	}
	change, err := c.edits(done.Verb, done.Ref, obj, done.subresource, edits...)
	if err != nil {
		return Change{}, err
	}
	change.Undoes = done.ID
	change.Summary = "undo: " + summary(masked(done.Ref, edits))
	if done.subresource != "" {
		if change.Object, err = c.read(ctx, done.Ref, ""); err != nil {
			return failed(err)
		}
	}
	return change, nil
}
