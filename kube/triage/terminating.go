package triage

import "quarterdeck/kube/object"

// leavingGrace is how long after the end of its own grace a pod may take to go,
// in seconds.
const leavingGrace = 60

// terminating finds pods that are deleted and do not go: a finalizer holds them,
// their node is dead, or it cannot stop them. See
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination.
func terminating() Rule {
	return rule(Rule{ID: "terminating", On: Pods, Checks: "deleted pods go", Depth: Symptom},
		func(c *Cluster, p *object.Pod) *Finding {
			if p.Deleted == 0 || !c.Lasted(p.Deleted, leavingGrace) { // Deleted is the end of its grace
				return nil
			}
			on := c.Pod(p)
			f := &Finding{
				Severity: Warn, What: "stuck in deletion", Since: p.Deleted,
				Evidence: []Evidence{{Text: "past its grace", Source: FromField, Where: on.String() + " metadata.deletionTimestamp", On: on, At: p.Deleted}},
			}
			look := Action{Do: ShowYAML, On: on, Words: "shows what " + on.String() + " waits for"}
			switch {
			case p.Node != "" && c.Node(p.Node) == nil && c.Knows(Nodes):
				c.Depends(Nodes, "")
				f.Why = "node " + p.Node + " is gone"
				f.Actions = []Action{{Do: Delete, On: on, Words: "deletes " + on.String() + " by force, without asking its node, which is gone"}}
			case c.lost(p):
				c.Depends(Nodes, "")
				f.Why, f.Blame = "node "+p.Node+" does not answer", c.blameNode(p)
			case p.Finalizers != "":
				f.Why = "held by finalizer " + p.Finalizers
				if runs(p) {
					f.Why += ", and node " + p.Node + " has not stopped it"
				}
				f.Evidence = append(f.Evidence, Evidence{Text: p.Finalizers, Source: FromField, Where: on.String() + " metadata.finalizers", On: on})
				f.Actions = []Action{look, {Do: DropFinalizer, On: on, Words: "takes " + p.Finalizers + " away, whose owner then does not clean up after the pod"}}
			default:
				f.Why, f.Blame = "node "+p.Node+" has not stopped it", c.blameNode(p)
			}
			for _, e := range c.Warnings(p.UID, "FailedKillPod", "ExceededGracePeriod") {
				f.Evidence = append(f.Evidence, fromEvent(on, e))
			}
			return f
		})
}

// runs reports whether a container of a pod runs, as far as its node has told.
func runs(p *object.Pod) bool {
	for i := range p.Containers {
		if p.Containers[i].State == object.Running {
			return true
		}
	}
	return false
}
