package action

import (
	"context"
	"fmt"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube"
)

// MaxReplicas keeps a slip of the finger from asking for a million pods.
const MaxReplicas = 10_000

// ParseReplicas reads a count of replicas as a user types it: a number, or +n
// and -n relative to current.
func ParseReplicas(text string, current int64) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is no count of replicas: type a number such as 3, or +1 or -1", text)
	}
	if text[0] == '+' || text[0] == '-' {
		n += current
	}
	switch {
	case n < 0:
		return 0, fmt.Errorf("%d replicas are less than none", n)
	case n > MaxReplicas:
		return 0, fmt.Errorf("%d replicas are more than %d, which is as far as qd goes", n, MaxReplicas)
	}
	return n, nil
}

// Scale prepares a change of the count of replicas, through the subresource
// scale: it works for every kind that has one, custom resources included. text
// is read by ParseReplicas.
func (c *Client) Scale(ctx context.Context, ref kube.Ref, text string) (Change, error) {
	scale, err := c.resource(ref).Get(ctx, ref.Name, metav1.GetOptions{}, "scale")
	if err != nil {
		return Change{}, fmt.Errorf("read the scale of %s: %w", where(ref), err)
	}
	if ref.UID != "" && scale.GetUID() != ref.UID {
		return Change{}, fmt.Errorf("%s: %w", where(ref), ErrReplaced)
	}
	spec := []string{"spec", "replicas"}
	before, _ := at(scale.Object, spec) // 0 is left out
	current, _ := before.(int64)
	n, err := ParseReplicas(text, current)
	if err != nil {
		return Change{}, err
	}
	change, err := c.edits("scale", ref, scale, "scale", Edit{Path: spec, Before: before, After: n})
	if err != nil {
		return Change{}, err
	}
	change.Summary = fmt.Sprintf("replicas %d → %d", current, n)
	change.Kubectl = c.kubectl(ref, "scale", object(ref), fmt.Sprintf("--replicas=%d", n), fmt.Sprintf("--current-replicas=%d", current))
	// What surrounds the object is looked at by Check, which needs the object.
	if change.Object, err = c.get(ctx, ref); err != nil {
		return Change{}, err
	}
	return change, nil
}
