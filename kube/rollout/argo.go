package rollout

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/object"
)

// ArgoRollout is the kind of the custom resources of Argo Rollouts. Its
// controller says itself how a rollout stands; only the pods are looked at here.
const ArgoRollout = object.ArgoRollout

// The phases that the controller of Argo Rollouts writes.
const (
	argoHealthy  = "Healthy"
	argoDegraded = "Degraded"
	argoPaused   = "Paused"
)

// ServesArgo reports whether a server that has these resources has the custom
// resources of Argo Rollouts in the version that is read.
func ServesArgo(served []metav1.APIResource) bool {
	k := object.ArgoRollouts()
	return slices.ContainsFunc(served, func(r metav1.APIResource) bool {
		return r.Group == k.GVR.Group && r.Version == k.GVR.Version && r.Name == k.GVR.Resource
	})
}

// argoState takes over the phase.
func argoState(s *Status, a *object.Argo) State {
	switch a.Phase {
	case argoHealthy:
		return Complete
	case argoDegraded:
		return Stuck
	case argoPaused:
		return Paused
	case "":
		return Unobserved
	}
	if s.Blocker != nil && s.Blocker.Hard {
		return Stuck
	}
	return Progressing
}

// degraded tells why the controller of Argo Rollouts gave up.
func (f *family) degraded() (Blocker, bool) {
	a := f.work.Argo
	if a == nil || a.Phase != argoDegraded {
		return Blocker{}, false
	}
	b := Blocker{Reason: Degraded, Hard: true, Short: joined("degraded", a.Message), Words: joined("Argo Rollouts calls it degraded", a.Message)}
	b.Evidence = []Evidence{{Source: FromField, Where: f.where("status.phase"), Words: joined(a.Phase, a.Message)}}
	for _, c := range f.work.Rolling.Conditions {
		if c.Status == "False" && (c.Type == "Progressing" || c.Type == "Available") {
			b.Evidence = append(b.Evidence, Evidence{
				Source: FromCondition, Where: strings.ToLower(f.work.Kind) + "/" + f.work.Name + " " + c.Type + "=False " + c.Reason, Words: c.Message, At: c.Changed,
			})
			b.Since = max(b.Since, c.Changed)
		}
	}
	return b, true
}

// argoNext says what the controller of Argo Rollouts says.
func argoNext(a *object.Argo) string {
	switch {
	case a.Step != "" && a.Message != "":
		return a.Step + ": " + a.Message
	case a.Step != "":
		return a.Step
	}
	return a.Message
}
