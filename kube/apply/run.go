package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
	"quarterdeck/kube/sanitize"
)

// Result is what became of one step.
type Result struct {
	Step  Step
	Did   Verdict // Unknown if Err is not nil
	Err   error
	Began time.Time
	Took  time.Duration
}

// How long what was just made may take to be there.
const (
	definitionWait = 30 * time.Second
	pollInterval   = 100 * time.Millisecond
)

// Apply applies the steps of a Preview in their order, and calls report with
// each result. force takes over the fields that others own. What fails does not
// stop the others, except those that need it. When ctx ends the rest is
// reported with its error.
func (c *Client) Apply(ctx context.Context, steps []Step, force bool, report func(i int, r Result)) {
	broken := map[schema.GroupKind]bool{} // kinds whose definition failed
	defined := false
	for i, s := range steps {
		r := Result{Step: s, Began: time.Now()}
		switch {
		case ctx.Err() != nil:
			r.Err = failed("apply", s.Ref, fmt.Errorf("not begun: %w", ctx.Err()))
		case s.Err != nil:
			r.Err = s.Err
		case broken[s.crd]:
			r.Err = failed("apply", s.Ref, errors.New("not begun, since the definition of its kind failed"))
		default:
			r.Did, r.Err = c.apply(ctx, s, force)
		}
		if isDefinition(s) {
			kind, _ := defines(s.Manifest)
			defined = defined || r.Err == nil
			if r.Err == nil && s.Verdict != Same {
				r.Err = c.established(ctx, s)
			}
			broken[kind] = r.Err != nil
		}
		if r.Err != nil {
			r.Did = Unknown
		}
		r.Took = time.Since(r.Began)
		report(i, r)
	}
	if defined {
		c.forget()
	}
}

func isDefinition(s Step) bool {
	return s.Ref.GVR.GroupResource() == schema.GroupResource{Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions"}
}

// forget makes the mapper ask the server again which kinds it has.
func (c *Client) forget() {
	if mapper, err := c.mapper(); err == nil {
		meta.MaybeResetRESTMapper(mapper)
	}
}

// apply applies one object, if it is still there, or still not, as it was shown.
func (c *Client) apply(ctx context.Context, s Step, force bool) (Verdict, error) {
	live, err := c.get(ctx, s.Ref)
	switch {
	case err == nil && s.Verdict == Create:
		return Unknown, failed("apply", s.Ref, fmt.Errorf("it was made meanwhile%s; look at what would change first", maker(live)))
	case apierrors.IsNotFound(err) && s.Verdict != Create:
		return Unknown, failed("apply", s.Ref, said{"it was deleted meanwhile; look at what would change first", err})
	case err != nil && !apierrors.IsNotFound(err):
		return Unknown, failed("apply", s.Ref, err)
	}
	now, err := c.send(ctx, s, force, false)
	if s.crd.Kind != "" { // its definition is new: the server may not serve it yet
		deadline := time.Now().Add(definitionWait)
		for apierrors.IsNotFound(err) && time.Now().Before(deadline) && wait(ctx) == nil {
			now, err = c.send(ctx, s, force, false)
		}
	}
	if owners := conflictOf(err, live); len(owners) > 0 {
		err = &Conflict{owners}
	}
	switch {
	case err != nil:
		return Unknown, failed("apply", s.Ref, err)
	case live == nil:
		return Create, nil
	case same(plain(live), plain(now)):
		return Same, nil
	}
	return Change, nil
}

// maker names who made an object, as far as the server knows.
func maker(live *unstructured.Unstructured) string {
	for _, e := range live.GetManagedFields() {
		return " by " + sanitize.Line(e.Manager)
	}
	return ""
}

// wait waits for the next poll.
func wait(ctx context.Context) error {
	timer := time.NewTimer(pollInterval)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// established waits until the server has taken a definition for good.
func (c *Client) established(ctx context.Context, s Step) error {
	ctx, cancel := context.WithTimeoutCause(ctx, definitionWait, fmt.Errorf("not established within %s", definitionWait))
	defer cancel()
	for {
		crd, err := c.resource(s.Ref).Get(ctx, s.Ref.Name, metav1.GetOptions{})
		if err != nil {
			return failed("await", s.Ref, err)
		}
		conditions, _ := action.At(crd.Object, []string{"status", "conditions"})
		list, _ := conditions.([]any)
		for _, e := range list {
			condition, _ := e.(map[string]any)
			switch {
			case condition["type"] == "Established" && condition["status"] == "True":
				return nil
			case condition["type"] == "NamesAccepted" && condition["status"] == "False":
				return failed("await", s.Ref, fmt.Errorf("its names were not accepted: %v", condition["message"]))
			}
		}
		if wait(ctx) != nil {
			return failed("await", s.Ref, context.Cause(ctx))
		}
	}
}

// Kubectl returns the command that does the same as Load and Apply, for a POSIX
// shell.
func (c *Client) Kubectl(namespace string, force bool, paths ...string) string {
	words := append(inNamespace(namespace), "apply", "--server-side", "--field-manager", action.FieldManager)
	if force {
		words = append(words, "--force-conflicts")
	}
	words = append(words, "-R")
	for _, p := range paths {
		words = append(words, "-f", p)
	}
	return kube.Kubectl(c.context, "", words...)
}
