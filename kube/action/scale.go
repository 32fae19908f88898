package action

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"quarterdeck/kube"
)

// MaxReplicas keeps a slip of the finger from asking for a million pods.
const MaxReplicas = 10_000

// ParseReplicas reads a count of replicas as a user types it: a number, or +n
// and -n relative to current.
func ParseReplicas(text string, current int64) (int64, error) {
	text = strings.TrimSpace(text)
	n, err := strconv.ParseInt(text, 10, 32)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%s replicas are more than anybody can have: qd goes to %d", text, MaxReplicas)
	case err != nil:
		return 0, fmt.Errorf("%q is no count of replicas: type a number such as 3, or +1 or -1", text)
	case text[0] == '+' || text[0] == '-':
		n += current
	}
	switch {
	case n < 0:
		return 0, fmt.Errorf("%s from %d leaves less than 0 replicas: type 0 for none", text, current)
	case n > MaxReplicas:
		return 0, fmt.Errorf("%d replicas are more than %d, which is as far as qd goes", n, MaxReplicas)
	}
	return n, nil
}

// Scale prepares a change of the count of replicas, through the subresource
// scale: it works for every kind that has one, custom resources included. text
// is read by ParseReplicas.
func (c *Client) Scale(ctx context.Context, ref kube.Ref, text string) (Change, error) {
	// What surrounds the object is looked at by Check, which needs the object.
	obj, err := c.get(ctx, ref)
	if err != nil {
		return Change{}, err
	}
	ref.UID = obj.GetUID()
	scale, err := c.read(ctx, ref, "scale")
	switch {
	case errors.Is(err, ErrGone): // it was there a moment ago
		return Change{}, fmt.Errorf("%s cannot be scaled: its kind has no replicas", ref.Where())
	case err != nil:
		return Change{}, fmt.Errorf("read the scale of %s: %w", ref.Where(), err)
	}
	spec := []string{"spec", "replicas"}
	before, _ := At(scale.Object, spec) // 0 is left out
	current, _ := before.(int64)
	n, err := ParseReplicas(text, current)
	if err != nil {
		return Change{}, err
	}
	if n == current {
		return Change{}, fmt.Errorf("%s: %w: it has %s already", ref.Where(), ErrNothingToDo, counted(n, "replica"))
	}
	change, err := c.edits("scale", ref, scale, "scale", Edit{Path: spec, Before: current, After: n})
	if err != nil {
		return Change{}, err
	}
	change.Object = obj
	change.Summary = fmt.Sprintf("replicas %d → %d", current, n)
	change.Kubectl = c.kubectl(ref, "scale", object(ref), fmt.Sprintf("--replicas=%d", n), fmt.Sprintf("--current-replicas=%d", current))
	return change, nil
}
