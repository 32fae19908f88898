package triage

import (
	"slices"

	"quarterdeck/kube"
	"quarterdeck/kube/changes"
	"quarterdeck/kube/object"
)

// Failure says of an incident what tells which changes may be behind it: what is
// in trouble, what that needs, and the nodes of its pods. found is what was read
// about the incident, nil for nothing.
func (c *Cluster) Failure(i *Incident, found *Inspection) changes.Failure {
	f := changes.Failure{At: i.Since, Of: i.Root, With: i.Affected}
	need := func(r kube.Ref) {
		same := func(o kube.Ref) bool { return keyOf(o) == keyOf(r) }
		if r.Name != "" && !same(i.Root) && !slices.ContainsFunc(f.With, same) && !slices.ContainsFunc(f.Needs, same) {
			f.Needs = append(f.Needs, r)
		}
	}
	for _, finding := range i.Findings {
		for _, r := range finding.Blame {
			if r.GVR.Resource != string(Nodes) {
				need(r)
			}
		}
		for _, e := range finding.Evidence {
			if e.On.GVR.Resource != string(Nodes) {
				need(e.On)
			}
		}
	}
	if found != nil {
		for _, r := range found.Needs {
			need(r)
		}
	}
	for _, r := range append([]kube.Ref{i.Root}, i.Affected...) {
		if r.GVR.Resource != string(Pods) {
			continue
		}
		if p, ok := Find[*object.Pod](c, Pods, r.Namespace, r.Name); ok && p.Node != "" && !slices.Contains(f.Nodes, p.Node) {
			f.Nodes = append(f.Nodes, p.Node)
		}
	}
	return f
}
