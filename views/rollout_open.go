package views

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/theme"
)

// rolloutAction is the action that opens the rollout of an object; false if no
// object of its kind is of one.
func (s *Session) rolloutAction(ref kube.Ref, owner *store.Owner) (ui.Action, bool) {
	a := ui.Action{ID: keymap.GoRollout, Quiet: true}
	switch resource := ref.GVR.GroupResource().String(); {
	case isRolling(ref), ref.GVR.GroupResource() == object.ArgoRollouts().GVR.GroupResource():
		a.Run = func() tea.Msg { return ui.Push(rolloutFrame(s, ref)) }
	case resource == "pods", resource == "replicasets.apps":
		if owner == nil {
			a.Disabled = "nothing rolls out " + ref.String() + ": it has no controller"
		}
		a.Run = func() tea.Msg { return s.openRolloutOf(ref, owner) }
	default:
		return a, false
	}
	return a, true
}

// openRolloutOf opens the rollout of what owns an object.
func (s *Session) openRolloutOf(ref kube.Ref, owner *store.Owner) tea.Msg {
	to, rolled := ownerRef(ref.Namespace, owner)
	switch {
	case rolled:
		return ui.Push(rolloutFrame(s, to))
	case owner.Kind != "ReplicaSet":
		return ui.Toast(theme.Warn, fmt.Sprintf("nothing rolls out %s: it belongs to a %s", ref, owner.Kind))
	}
	return ui.Start(ui.Task{Title: "rollout of " + ref.String(), Run: func(ctx context.Context, _ func(string)) tea.Msg {
		client, err := s.changer()
		if err != nil {
			return ui.Toast(theme.Error, Cause(err))
		}
		ctx, cancel := s.Client.Call(ctx)
		defer cancel()
		set, err := client.Metadata().Resource(appsv1.SchemeGroupVersion.WithResource("replicasets")).Namespace(ref.Namespace).Get(ctx, owner.Name, metav1.GetOptions{})
		if err != nil {
			return ui.Toast(theme.Error, s.explain(err, "get rs/"+owner.Name, placeOf(ref)))
		}
		by := metav1.GetControllerOf(set)
		if by == nil {
			return ui.Toast(theme.Warn, fmt.Sprintf("nothing rolls out %s: rs/%s has no controller", ref, owner.Name))
		}
		to, rolled := ownerRef(ref.Namespace, &store.Owner{APIVersion: by.APIVersion, Kind: by.Kind, Name: by.Name, UID: by.UID})
		if !rolled {
			return ui.Toast(theme.Warn, fmt.Sprintf("nothing that is known here rolls out %s: rs/%s belongs to a %s", ref, owner.Name, by.Kind))
		}
		return ui.Push(rolloutFrame(s, to))
	}})
}

// ownerRef names a controller that rolls out pods; false for any other.
func ownerRef(namespace string, o *store.Owner) (kube.Ref, bool) {
	gv, err := schema.ParseGroupVersion(o.APIVersion)
	if err != nil {
		return kube.Ref{}, false
	}
	for _, k := range []store.Kind[*object.Workload]{object.Deployments(), object.StatefulSets(), object.DaemonSets(), object.ArgoRollouts()} {
		if k.Kind == o.Kind && k.GVR.Group == gv.Group {
			return kube.Ref{GVR: k.GVR, Kind: k.Kind, Namespace: namespace, Name: o.Name, UID: o.UID}, true
		}
	}
	return kube.Ref{}, false
}
