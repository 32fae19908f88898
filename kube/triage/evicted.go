package triage

import (
	"strings"

	"quarterdeck/kube/object"
)

// evicted finds pods that their node threw out because it ran out of something.
// Their controllers replace them and leave them as they are, so that they are
// worth a word only while the workload is not whole again. See
// https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/.
func evicted() Rule {
	return rule(Rule{ID: "evicted", On: Pods, Checks: "pods are not evicted by their nodes", Depth: Cause},
		func(c *Cluster, p *object.Pod) *Finding {
			if p.Phase != "Failed" || p.Deleted != 0 || !isEvicted(p) || !c.missed(p) {
				return nil
			}
			return &Finding{
				Severity: Warn, What: "evicted", Why: evictionWhy(p.Node, p.Message), Since: ended(p), Blame: c.blameNode(p),
				Evidence: []Evidence{{Text: "Evicted: " + p.Message, Source: FromField, Where: c.Pod(p).String() + " status.message", On: c.Pod(p), At: ended(p)}},
				Actions:  []Action{{Do: ShowHeadroom, On: c.Pod(p), Words: "shows where there is room"}},
			}
		})
}

// isEvicted reports whether a failed pod was thrown out by its node. The reason
// Evicted is its status unless a container has ended in some way, which then is;
// the kubelet's message stays. See pkg/kubelet/eviction/helpers.go of Kubernetes.
func isEvicted(p *object.Pod) bool {
	if p.Status == "Evicted" {
		return true
	}
	for _, start := range []string{"The node was low on resource: ", "The node had condition: ", "Usage of EmptyDir volume ", "Pod ephemeral local storage usage exceeds "} {
		if strings.HasPrefix(p.Message, start) {
			return true
		}
	}
	return strings.HasPrefix(p.Message, "Container ") && strings.Contains(p.Message, " exceeded its local ephemeral storage limit ")
}

// missed reports whether somebody may still wait for what a failed pod did: it
// has no controller, or its workload has not made up for it. Jobs count their
// failures themselves, and what other controllers do is not known.
func (c *Cluster) missed(p *object.Pod) bool {
	const recent = 3600 // what failed before that explains nothing that is missing now
	if p.Owner == nil {
		return true
	}
	if c.Now-ended(p) >= recent {
		return false
	}
	w, on, ok := c.Workload(p.Owner.UID)
	if !ok || on == Jobs {
		return false
	}
	c.Later(ended(p) + recent)
	c.Depends(on, p.Namespace)
	return w.Avail < w.Desired
}

// ended returns when a pod failed: its containers tell, if they have run.
func ended(p *object.Pod) int64 {
	at := p.Created
	for i := range p.Containers {
		at = max(at, p.Containers[i].Since)
	}
	return at
}

// evictionWhy shortens what the kubelet says of an eviction.
func evictionWhy(node, message string) string {
	what, _, _ := strings.Cut(message, ". ")
	if r, ok := strings.CutPrefix(what, "The node was low on resource: "); ok {
		return node + " ran low on " + strings.TrimSuffix(r, ".")
	}
	if r, ok := strings.CutPrefix(what, "The node had condition: "); ok {
		return node + " has " + strings.Trim(r, "[].")
	}
	if what == "" {
		return "evicted by " + node
	}
	return strings.TrimSuffix(strings.TrimSpace(what), ".")
}
