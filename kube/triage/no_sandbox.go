package triage

import "quarterdeck/kube/object"

// sandboxGrace is how long a node may fail to set up a pod before it is an
// incident, in seconds: network plugins come up after their node.
const sandboxGrace = 30

// noSandbox finds pods for which their node cannot set up what containers run
// in, their network above all. Nothing of the pod's own is wrong then.
func noSandbox() Rule {
	return podRule(Rule{ID: "no-sandbox", Checks: "nodes can set up network and sandbox of their pods", Depth: Cause},
		func(c *Cluster, p *object.Pod) *Finding {
			if !starting(p) {
				return nil
			}
			said := c.Warnings(p.UID, "FailedCreatePodSandBox", "FailedStatusPodSandBox")
			if len(said) == 0 || !c.Lasted(said[0].First, sandboxGrace) {
				return nil
			}
			return &Finding{
				Severity: Warn, What: "not set up by the node", Why: p.Node + ": " + lastPart(said[0].Message), Since: said[0].First,
				Blame: c.blameNode(p), Evidence: []Evidence{fromEvent(c.Pod(p), said[0])},
				Actions: []Action{{Do: ShowEvents, On: c.blameNode(p)[0], Words: "shows what happens on " + p.Node}},
			}
		})
}
