// Package incident breaks the shop in ways that happen, and mends it again.
//
// An incident changes or creates what a person or a pipeline would: an image, a
// limit, a selector, a quota. Everything that follows is the work of the real
// controllers and of what a kubelet can know. Where only a controller that a
// playground does not have could tell, such as a node's problem detector or the
// operator of a custom resource, the incident reports in its place. All
// incidents may be there at the same time: no two of them change the same field,
// and some nodes of each zone stay sound.
package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	extras []extra
}

// change is a patch and the one that takes it back: strategic merge patches, and
// merge patches of custom resources.
type change struct {
	object
	manager  string
	do, undo map[string]any
	// status is set for what the manager reports; its conditions changed when
	// the patch is sent.
	status bool
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
	if left, err := client.left(ctx, incident.extras); left || err != nil {
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
		if err := client.create(ctx, extra); err != nil {
			return err
		}
	}
	for _, extra := range incident.extras {
		if err := client.leave(ctx, extra); err != nil {
			return err
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
	for _, extra := range slices.Backward(incident.extras) {
		if err := client.remove(ctx, extra); err != nil {
			return err
		}
	}
	return nil
}
