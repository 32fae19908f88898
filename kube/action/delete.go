package action

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/sanitize"
)

// DeleteOptions say how to delete.
type DeleteOptions struct {
	// Propagation is what becomes of the objects that it owns; "" is the
	// server's default, which is in the background.
	Propagation metav1.DeletionPropagation
	// Grace is how many seconds a pod has to end, nil for its own wish. 0 without
	// Force is 1, as with kubectl, so that no pod is forced by accident.
	Grace *int64
	// Force takes a pod out of the API at once, whether or not its node says that
	// it has ended.
	Force bool
}

// Delete prepares to delete an object: the one that was shown, not a later one of
// its name.
func (c *Client) Delete(ctx context.Context, ref kube.Ref, o DeleteOptions) (Change, error) {
	obj, err := c.get(ctx, ref)
	if err != nil {
		return Change{}, err
	}
	uid := obj.GetUID()
	ref.UID = uid
	opts := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}, GracePeriodSeconds: o.Grace}
	if o.Grace != nil && *o.Grace <= 0 && !o.Force {
		opts.GracePeriodSeconds = new(int64(1))
	}
	words := []string{"delete", resource(ref), ref.Name}
	summary := "delete"
	if o.Propagation != "" {
		opts.PropagationPolicy = &o.Propagation
		word := map[metav1.DeletionPropagation]string{
			metav1.DeletePropagationBackground: "background", metav1.DeletePropagationForeground: "foreground",
			metav1.DeletePropagationOrphan: "orphan",
		}[o.Propagation]
		words = append(words, "--cascade="+word)
		if o.Propagation == metav1.DeletePropagationOrphan {
			summary = "delete, and leave what it owns"
		}
	}
	if o.Force {
		opts.GracePeriodSeconds = new(int64(0))
		words = append(words, "--force")
		summary = "delete by force"
	}
	if g := opts.GracePeriodSeconds; g != nil {
		words = append(words, "--grace-period="+strconv.FormatInt(*g, 10))
	}
	change := c.Identify(Change{
		Verb: "delete", Ref: ref, Summary: summary, Object: obj, Kubectl: c.kubectl(ref, words...),
		do: func(ctx context.Context, dryRun bool) (string, error) {
			opts := opts
			opts.DryRun = dry(dryRun)
			err := c.resource(ref).Delete(ctx, ref.Name, opts)
			switch {
			case apierrors.IsNotFound(err):
				return "it was gone already", nil
			case err != nil:
				return "", fmt.Errorf("delete %s: %w", ref.Where(), c.precondition(ctx, ref, err))
			}
			return "", nil
		},
	})
	if o.Force {
		change.Warnings = append(change.Warnings, "force: its containers may run on while another takes its name")
	}
	if f := obj.GetFinalizers(); len(f) > 0 {
		change.Warnings = append(change.Warnings, "it goes only after its finalizers: "+strings.Join(f, ", "))
	}
	if obj.GetDeletionTimestamp() != nil {
		change.Warnings = append(change.Warnings, "it is being deleted already")
	}
	return change, nil
}

// precondition returns why a request that names the UID failed.
func (c *Client) precondition(ctx context.Context, ref kube.Ref, err error) error {
	if apierrors.IsConflict(err) { // which has other reasons too
		if _, err := c.read(ctx, ref, ""); errors.Is(err, ErrReplaced) || errors.Is(err, ErrGone) {
			return err
		}
	}
	return err
}

// Evict prepares to evict a pod, which the server refuses as long as a
// disruption budget would be broken.
func (c *Client) Evict(ctx context.Context, ref kube.Ref, grace *int64) (Change, error) {
	obj, err := c.get(ctx, ref)
	if err != nil {
		return Change{}, err
	}
	uid := obj.GetUID()
	ref.UID = uid
	return c.Identify(Change{
		Verb: "evict", Ref: ref, Summary: "evict, if its disruption budgets allow", Object: obj,
		Kubectl: fmt.Sprintf("echo '{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":%q,\"namespace\":%q}}' | ", ref.Name, ref.Namespace) +
			c.kubectl(kube.Ref{}, "create", "--raw", "/api/v1/namespaces/"+ref.Namespace+"/pods/"+ref.Name+"/eviction", "-f", "-"),
		do: func(ctx context.Context, dryRun bool) (string, error) {
			err := c.evict(ctx, ref, metav1.DeleteOptions{
				Preconditions: &metav1.Preconditions{UID: &uid}, GracePeriodSeconds: grace, DryRun: dry(dryRun),
			})
			switch {
			case errors.Is(err, ErrGone):
				return "it was gone already", nil
			case err != nil:
				return "", fmt.Errorf("evict %s: %w", ref.Where(), err)
			}
			return "", nil
		},
	}), nil
}

// Blocked is the error for an eviction that a disruption budget does not allow
// now.
type Blocked struct{ Reason string }

func (b *Blocked) Error() string { return "its disruption budget does not allow it: " + b.Reason }

// evict asks the server to evict a pod. The error is ErrGone if it went before.
func (c *Client) evict(ctx context.Context, ref kube.Ref, opts metav1.DeleteOptions) error {
	eviction, err := unstructuredOf(&policyv1.Eviction{
		TypeMeta:   metav1.TypeMeta{APIVersion: policyv1.SchemeGroupVersion.String(), Kind: "Eviction"},
		ObjectMeta: metav1.ObjectMeta{Name: ref.Name, Namespace: ref.Namespace}, DeleteOptions: &opts,
	})
	if err != nil {
		return err
	}
	_, err = c.resource(ref).Create(ctx, eviction, metav1.CreateOptions{DryRun: opts.DryRun}, "eviction")
	switch {
	case err == nil:
		return nil
	case apierrors.IsNotFound(err):
		return ErrGone
	case apierrors.HasStatusCause(err, policyv1.DisruptionBudgetCause):
		return &Blocked{Reason: cause(err)}
	}
	return c.precondition(ctx, ref, err)
}

// cause returns what the server says of an error, with its details.
func cause(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		if sent := (*url.Error)(nil); errors.As(err, &sent) { // whose address says nothing to the user
			err = sent.Err
			if passing(err) {
				err = fmt.Errorf("no answer from the server: %w", err)
			}
		}
		return sanitize.Line(err.Error())
	}
	if d := status.Status().Details; d != nil {
		for _, c := range d.Causes {
			if c.Message != "" {
				return sanitize.Line(c.Message)
			}
		}
	}
	return sanitize.Line(status.Status().Message)
}
