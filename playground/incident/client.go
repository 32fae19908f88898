package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// client changes objects of a cluster.
type client struct{ dynamic dynamic.Interface }

func newClient(cfg *rest.Config) (client, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1 // a limit would turn the end of a wait into an error of its own
	d, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return client{}, fmt.Errorf("build client: %w", err)
	}
	return client{dynamic: d}, nil
}

func (c client) resource(o object) dynamic.ResourceInterface {
	all := c.dynamic.Resource(o.kind.resource())
	if o.namespace == "" {
		return all
	}
	return all.Namespace(o.namespace)
}

func (c client) patch(ctx context.Context, change change, patch map[string]any, options metav1.PatchOptions) (*unstructured.Unstructured, error) {
	var subresources []string
	if change.status {
		subresources = []string{"status"}
		patch = stamped(patch, time.Now())
	}
	data, err := json.Marshal(patch)
	if err != nil {
		return nil, fmt.Errorf("encode the change of %s: %w", change.object, err)
	}
	changed, err := c.resource(change.object).Patch(ctx, change.name, change.kind.patchType(), data, options, subresources...)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("%s does not exist: incidents need the shop (up --scenario shop)", change.object)
	}
	if err != nil {
		return nil, fmt.Errorf("change %s: %w", change.object, err)
	}
	return changed, nil
}

// patchType is the strategic one where the server knows how lists are merged.
func (k kind) patchType() types.PatchType {
	if u := (&unstructured.Unstructured{Object: k.typeMeta()}); scheme.Scheme.Recognizes(u.GroupVersionKind()) {
		return types.StrategicMergePatchType
	}
	return types.MergePatchType
}

// stamped returns a copy of the patch of a status in which every condition
// changed at the time now.
func stamped(patch map[string]any, now time.Time) map[string]any {
	patch = (&unstructured.Unstructured{Object: patch}).DeepCopy().Object
	conditions, _, _ := unstructured.NestedSlice(patch, "status", "conditions") // absent is none
	for _, condition := range conditions {
		condition.(map[string]any)["lastTransitionTime"] = now.UTC().Format(time.RFC3339)
	}
	if len(conditions) > 0 {
		patch["status"].(map[string]any)["conditions"] = conditions
	}
	return patch
}

// creator is who applies what incidents create.
const creator = "kubectl"

// left reports whether objects that are to leave do so already.
func (c client) left(ctx context.Context, extras []extra) (bool, error) {
	for _, e := range extras {
		if !e.leaving {
			continue
		}
		manifest, err := e.manifest()
		if err != nil {
			return false, err
		}
		have, err := c.resource(objectOf(manifest)).Get(ctx, manifest.GetName(), metav1.GetOptions{})
		if err == nil && have.GetDeletionTimestamp() != nil {
			return true, nil
		}
		if err != nil && !apierrors.IsNotFound(err) {
			return false, fmt.Errorf("look at %s: %w", objectOf(manifest), err)
		}
	}
	return false, nil
}

// leave deletes an object that is to leave.
func (c client) leave(ctx context.Context, e extra) error {
	if !e.leaving {
		return nil
	}
	manifest, err := e.manifest()
	if err != nil {
		return err
	}
	o := objectOf(manifest)
	if err := c.resource(o).Delete(ctx, o.name, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("delete %s: %w", o, err)
	}
	return nil
}

// create creates an object if it does not exist, and reports the status that it
// is to have.
func (c client) create(ctx context.Context, e extra) error {
	manifest, err := e.manifest()
	if err != nil {
		return err
	}
	o := objectOf(manifest)
	status, reported := manifest.Object["status"]
	delete(manifest.Object, "status")
	if err := c.apply(ctx, o, manifest); err != nil {
		return err
	}
	if reported {
		report := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": manifest.GetAPIVersion(), "kind": manifest.GetKind(),
			"metadata": map[string]any{"name": o.name},
			"status":   status,
		}}
		if o.namespace != "" {
			report.SetNamespace(o.namespace)
		}
		report.Object = stamped(report.Object, time.Now())
		if _, err := c.resource(o).ApplyStatus(ctx, o.name, report, metav1.ApplyOptions{FieldManager: creator, Force: true}); err != nil {
			return fmt.Errorf("report the status of %s: %w", o, err)
		}
	}
	return c.settled(ctx, o)
}

// apply applies a manifest. What was deleted a moment ago may have to go first.
func (c client) apply(ctx context.Context, o object, manifest *unstructured.Unstructured) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, settling, true, func(ctx context.Context) (bool, error) {
		_, last = c.resource(o).Apply(ctx, o.name, manifest, metav1.ApplyOptions{FieldManager: creator, Force: true})
		switch {
		case last == nil:
			return true, nil
		case apierrors.IsForbidden(last), apierrors.IsNotFound(last), apierrors.IsConflict(last):
			return false, nil // its namespace is leaving, its service account or kind is to come
		}
		return false, last
	})
	if err != nil {
		return fmt.Errorf("create %s: %w", o, last)
	}
	return nil
}

// settled waits until what follows may build on an object: pods can be created
// in a namespace, a pod runs.
func (c client) settled(ctx context.Context, o object) error {
	var done func(context.Context) (bool, error)
	switch o.kind {
	case "v1/Namespace":
		done = func(ctx context.Context) (bool, error) {
			_, err := c.resource(object{kind: "v1/ServiceAccount", namespace: o.name, name: "default"}).Get(ctx, "default", metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return false, nil
			}
			return err == nil, err
		}
	case "v1/Pod":
		done = func(ctx context.Context) (bool, error) {
			pod, err := c.resource(o).Get(ctx, o.name, metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			phase, _, err := unstructured.NestedString(pod.Object, "status", "phase")
			return phase != "" && phase != "Pending", err
		}
	default:
		return nil
	}
	if err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, settling, true, done); err != nil {
		return fmt.Errorf("wait for %s: %w", o, err)
	}
	return nil
}

// remove deletes an object that an incident created, whatever holds it.
func (c client) remove(ctx context.Context, e extra) error {
	manifest, err := e.manifest()
	if err != nil {
		return err
	}
	o := objectOf(manifest)
	if len(manifest.GetFinalizers()) > 0 {
		_, err := c.resource(o).Patch(ctx, o.name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{FieldManager: creator})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("let go of %s: %w", o, err)
		}
	}
	background := metav1.DeletePropagationBackground
	err = c.resource(o).Delete(ctx, o.name, metav1.DeleteOptions{PropagationPolicy: &background})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete %s: %w", o, err)
	}
	return nil
}

const (
	// settling is how long Add waits for what it cannot do without. On a loaded
	// machine controllers and scheduler take long.
	settling = 4 * time.Minute
	// patience is how long it waits for a workload to be healthy first.
	patience = 30 * time.Second
)

// await waits until a Deployment that the change would alter is healthy. If it
// does not become so, because something else is wrong with it, that is that.
func (c client) await(ctx context.Context, change change) error {
	if change.kind != deployment || change.status {
		return nil
	}
	before, err := c.resource(change.object).Get(ctx, change.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("%s does not exist: incidents need the shop (up --scenario shop)", change.object)
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", change.object, err)
	}
	after, err := c.patch(ctx, change, change.do, metav1.PatchOptions{FieldManager: change.manager, DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return err
	}
	if before.GetGeneration() == after.GetGeneration() {
		return nil // it is broken already
	}
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		now, err := c.resource(change.object).Get(ctx, change.name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		return healthy(now), nil
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return nil
	}
	return err
}

// healthy reports whether a Deployment has all the replicas that it should.
func healthy(d *unstructured.Unstructured) bool {
	number := func(path ...string) int64 {
		n, _, _ := unstructured.NestedInt64(d.Object, path...) // absent is 0
		return n
	}
	want := number("spec", "replicas")
	return number("status", "observedGeneration") >= d.GetGeneration() &&
		number("status", "updatedReplicas") == want && number("status", "availableReplicas") == want &&
		number("status", "replicas") == want
}
