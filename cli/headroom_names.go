package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/headroom/whatif"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
	"quarterdeck/nearest"
	"quarterdeck/views"
)

// scaledKinds returns the kinds of workloads that have replicas.
func scaledKinds() []rolledKind {
	return []rolledKind{
		{object.Deployments().GVR, "Deployment", "deploy"},
		{object.StatefulSets().GVR, "StatefulSet", "sts"},
		{object.ReplicaSets().GVR, "ReplicaSet", "rs"},
	}
}

func findScaled(word string) (rolledKind, bool) {
	return findAmong(scaledKinds(), word)
}

// notLike says why a workload could not be read: the server's reason, and the
// name that comes nearest to one that is not there.
func (r *room) notLike(ctx context.Context, s *whatif.Scale, err error) error {
	k, ok := findScaled(s.Kind)
	cause := errors.Unwrap(err)
	if !ok || cause == nil || errors.Is(err, whatif.ErrNoPods) { // it is not the server that says so
		return err
	}
	if !apierrors.IsNotFound(cause) {
		return errors.New(r.Explain(cause, "get "+k.gvr.Resource, s.Namespace))
	}
	hint := ""
	if changer, err := r.Changer(); err == nil {
		list, err := changer.Metadata().Resource(k.gvr).Namespace(s.Namespace).List(ctx, metav1.ListOptions{Limit: completionLimit})
		if err == nil {
			hint = nearest.Hint(s.Name, namesOf(list))
		}
	}
	return fmt.Errorf("there is no %s in namespace %s%s", sanitize.Line(k.short+"/"+s.Name), sanitize.Line(s.Namespace), hint)
}

// namesOf returns the names in a list that are safe to show.
func namesOf(list *metav1.PartialObjectMetadataList) []string {
	var names []string
	for i := range list.Items {
		if name := list.Items[i].Name; sanitize.Line(name) == name {
			names = append(names, name)
		}
	}
	return names
}

// completeScaled completes KIND/NAME of what has replicas.
func (c *command) completeScaled(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	kinds, prefix := scaledKinds()[:2], func(k rolledKind) string { return k.short + "/" } // who wants a replica set says so
	if word, _, ok := strings.Cut(typed, "/"); ok {
		k, known := findScaled(word)
		if !known {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		kinds, prefix = []rolledKind{k}, func(rolledKind) string { return word + "/" }
	}
	return c.complete(cmd.Context(), func(ctx context.Context, s *views.Session) []string {
		return workloadWords(ctx, s, kinds, prefix)
	})
}

// nodesOf returns the nodes that may be listed, nil if none may be.
func nodesOf(ctx context.Context, s *views.Session) *metav1.PartialObjectMetadataList {
	none := &metav1.PartialObjectMetadataList{}
	changer, err := s.Changer()
	if err != nil {
		return none
	}
	list, err := changer.Metadata().Resource(object.Nodes().GVR).List(ctx, metav1.ListOptions{})
	if err != nil {
		return none
	}
	return list
}

func (c *command) completeNodes(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if cmd.Args(cmd, append(slices.Clone(args), "x")) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.complete(cmd.Context(), func(ctx context.Context, s *views.Session) []string {
		return slices.DeleteFunc(namesOf(nodesOf(ctx, s)), func(name string) bool { return slices.Contains(args, name) })
	})
}

func (c *command) completeZones(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return c.complete(cmd.Context(), func(ctx context.Context, s *views.Session) []string {
		var zones []string
		list := nodesOf(ctx, s)
		for i := range list.Items {
			if zone := list.Items[i].Labels[corev1.LabelTopologyZone]; zone != "" && sanitize.Line(zone) == zone {
				zones = append(zones, zone)
			}
		}
		slices.Sort(zones)
		return slices.Compact(zones)
	})
}
