package triage

import (
	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// target returns what an autoscaler scales.
func (c *Cluster) target(a *object.Autoscaler) kube.Ref {
	r, ok := c.owner(a.Namespace, &store.Owner{APIVersion: a.TargetAPI, Kind: a.TargetKind, Name: a.Target})
	if !ok {
		return kube.Ref{Kind: a.TargetKind, Namespace: a.Namespace, Name: a.Target}
	}
	if w, ok := c.workloadNamed(r); ok {
		r.UID = w.UID
	}
	return r
}

// workloadNamed returns the workload that a reference names.
func (c *Cluster) workloadNamed(r kube.Ref) (*object.Workload, bool) {
	switch on := Resource(r.GVR.Resource); on {
	case Deployments, ReplicaSets, StatefulSets:
		return Find[*object.Workload](c, on, r.Namespace, r.Name)
	default:
		return nil, false
	}
}
