package action

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quarterdeck/kube"
)

// restartedAt is the annotation by which kubectl rollout restart makes a new
// revision.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// Restart prepares a new revision of a Deployment, StatefulSet or DaemonSet
// whose pods differ in nothing but when they were started.
func (c *Client) Restart(ctx context.Context, ref kube.Ref) (Change, error) {
	obj, err := c.get(ctx, ref)
	if err != nil {
		return Change{}, err
	}
	if paused, _ := At(obj.Object, []string{"spec", "paused"}); paused == true {
		return Change{}, fmt.Errorf("%s is paused, and would not restart: resume it first", ref.Where())
	}
	now := c.now().Format(time.RFC3339)
	change, err := c.edits("restart", ref, obj, "", set(obj, now, "spec", "template", "metadata", "annotations", restartedAt))
	if err != nil {
		return Change{}, err
	}
	change.Undoable = false // to take it back would restart everything again
	change.Summary = "restart its pods"
	if n, ok := At(obj.Object, []string{"status", "replicas"}); ok {
		change.Summary = fmt.Sprintf("restart %s", counted(n, "pod"))
	}
	if t, _ := At(obj.Object, []string{"spec", "updateStrategy", "type"}); t == "OnDelete" {
		change.Warnings = append(change.Warnings, "its update strategy is OnDelete: pods restart only when you delete them")
	}
	change.Kubectl = c.kubectl(ref, "rollout", "restart", object(ref))
	return change, nil
}

func counted(n any, noun string) string {
	if n == int64(1) {
		return "1 " + noun
	}
	return Word(n) + " " + noun + "s"
}

// Pause prepares that changes of a Deployment's template make no new revision
// until it is resumed.
func (c *Client) Pause(ctx context.Context, ref kube.Ref) (Change, error) {
	return c.flag(ctx, ref, "pause", "paused", true, "rollout", "pause", object(ref))
}

// Resume prepares that a paused Deployment goes on.
func (c *Client) Resume(ctx context.Context, ref kube.Ref) (Change, error) {
	return c.flag(ctx, ref, "resume", "paused", false, "rollout", "resume", object(ref))
}

// Suspend prepares that a CronJob starts no jobs, or a Job no pods, until it is
// unsuspended. A Job that is suspended loses its running pods.
func (c *Client) Suspend(ctx context.Context, ref kube.Ref) (Change, error) {
	return c.flag(ctx, ref, "suspend", "suspend", true, "patch", object(ref), "--type=merge", "-p", `{"spec":{"suspend":true}}`)
}

// Unsuspend prepares that a suspended CronJob or Job goes on.
func (c *Client) Unsuspend(ctx context.Context, ref kube.Ref) (Change, error) {
	return c.flag(ctx, ref, "unsuspend", "suspend", false, "patch", object(ref), "--type=merge", "-p", `{"spec":{"suspend":false}}`)
}

// flag prepares to set a field of spec that is true or false.
func (c *Client) flag(ctx context.Context, ref kube.Ref, verb, field string, on bool, kubectl ...string) (Change, error) {
	obj, err := c.get(ctx, ref)
	if err != nil {
		return Change{}, err
	}
	now, _ := At(obj.Object, []string{"spec", field})
	if (now == true) == on {
		return Change{}, fmt.Errorf("%s: %w", ref.Where(), already(field, on))
	}
	change, err := c.edits(verb, ref, obj, "", Edit{Path: []string{"spec", field}, Before: now, After: on})
	if err != nil {
		return Change{}, err
	}
	change.Summary = verb
	change.Kubectl = c.kubectl(ref, kubectl...)
	return change, nil
}

// ErrNothingToDo is the error for a change that would change nothing.
var ErrNothingToDo = errors.New("nothing to do")

func already(word string, on bool) error {
	if on {
		return fmt.Errorf("%w: it is %s already", ErrNothingToDo, past(word))
	}
	return fmt.Errorf("%w: it is not %s", ErrNothingToDo, past(word))
}

// past is a field of spec as a state.
func past(word string) string {
	if word == "suspend" {
		return "suspended"
	}
	return word
}
