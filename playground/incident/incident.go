// Package incident breaks the shop in ways that happen, and mends it again.
//
// An incident changes what a person or a pipeline would change: an image, a
// limit, a selector, a quota. Everything that follows is the work of the real
// controllers and of what a kubelet can know. All incidents may be there at
// the same time: no two of them change the same field.
package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// Incident is one way to break the shop.
type Incident struct {
	Name string
	// Description says what was done to which object and what follows.
	Description string

	// changes are made by Add and taken back by Clear.
	changes []change
	// extras are created by Add and deleted by Clear.
	extras []object
}

// change is a strategic merge patch and the one that takes it back.
type change struct {
	object
	manager  string
	do, undo map[string]any
}

// find returns the incident called name.
func find(name string) (Incident, error) {
	var names []string
	for _, i := range All() {
		if i.Name == name {
			return i, nil
		}
		names = append(names, i.Name)
	}
	return Incident{}, fmt.Errorf("there is no incident %q: the incidents are %s", name, strings.Join(names, ", "))
}

// Add breaks what the incident called name breaks. Workloads are given a
// moment to be healthy first, as they were before most incidents. Doing it
// twice is doing it once.
func Add(ctx context.Context, cfg *rest.Config, name string) error {
	incident, err := find(name)
	if err != nil {
		return err
	}
	client, err := newClient(cfg)
	if err != nil {
		return err
	}
	for _, c := range incident.changes {
		if err := client.await(ctx, c); err != nil {
			return err
		}
	}
	for _, c := range incident.changes {
		if _, err := client.patch(ctx, c, c.do, metav1.PatchOptions{FieldManager: c.manager}); err != nil {
			return err
		}
	}
	for _, extra := range incident.extras {
		_, err := client.resource(extra).Apply(ctx, extra.name, extra.manifest(), metav1.ApplyOptions{FieldManager: "kubectl", Force: true})
		if err != nil {
			return fmt.Errorf("create %s: %w", extra, err)
		}
	}
	return nil
}

// Clear mends what the incident called name broke. It returns as soon as that
// is asked for; the controllers need their time.
func Clear(ctx context.Context, cfg *rest.Config, name string) error {
	incident, err := find(name)
	if err != nil {
		return err
	}
	client, err := newClient(cfg)
	if err != nil {
		return err
	}
	for _, c := range incident.changes {
		if _, err := client.patch(ctx, c, c.undo, metav1.PatchOptions{FieldManager: c.manager}); err != nil {
			return err
		}
	}
	for _, extra := range incident.extras {
		foreground := metav1.DeletePropagationForeground
		err := client.resource(extra).Delete(ctx, extra.name, metav1.DeleteOptions{PropagationPolicy: &foreground})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete %s: %w", extra, err)
		}
	}
	return nil
}

// client changes objects of a cluster.
type client struct{ dynamic dynamic.Interface }

func newClient(cfg *rest.Config) (client, error) {
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
	data, err := json.Marshal(patch)
	if err != nil {
		return nil, fmt.Errorf("encode the change of %s: %w", change.object, err)
	}
	changed, err := c.resource(change.object).Patch(ctx, change.name, types.StrategicMergePatchType, data, options)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("%s does not exist: incidents need the shop (up --scenario shop)", change.object)
	}
	if err != nil {
		return nil, fmt.Errorf("change %s: %w", change.object, err)
	}
	return changed, nil
}

// patience is how long Add waits for a workload to be healthy.
const patience = 30 * time.Second

// await waits until a Deployment that the change would alter is healthy. If it
// does not become so, because something else is wrong with it, that is that.
func (c client) await(ctx context.Context, change change) error {
	if change.kind != deployment {
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
