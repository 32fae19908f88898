package triage

import (
	"fmt"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// undo proposes to take a workload back to its last good revision, if there is
// one to go back to.
func (c *Cluster) undo(r kube.Ref) []Action {
	w, on, ok := c.Workload(r.UID)
	if !ok {
		return nil
	}
	rollout := Action{Do: ShowRollout, On: r, Words: "shows how " + r.String() + " is rolled out, live"}
	back := Action{Do: UndoRollout, On: r, Words: "takes " + r.String() + " back to its last good revision, after showing what changes"}
	switch on {
	case Deployments:
		if len(c.SetsOf(w.UID)) > 1 {
			return []Action{back, rollout}
		}
	case StatefulSets, DaemonSets: // whose revisions are not read here
		if w.Outdated() > 0 {
			return []Action{back, rollout}
		}
	}
	return nil
}

// rolling declares a rule about Deployments, StatefulSets and DaemonSets, which
// is one rule on three resources.
func rolling(r Rule, judge func(c *Cluster, w *object.Workload) *Finding) []Rule {
	var rules []Rule
	for _, on := range []Resource{Deployments, StatefulSets, DaemonSets} {
		r.On = on
		rules = append(rules, rule(r, judge))
	}
	return rules
}

// blamePods returns the pods of a workload that are not as they should be, and
// their nodes where those do not answer: what is behind them is behind the
// workload.
func (c *Cluster) blamePods(w *object.Workload) []kube.Ref {
	var refs []kube.Ref
	for _, p := range c.PodsOf(w.UID) {
		if !sound(p) {
			refs = append(refs, c.Pod(p))
			if c.lost(p) {
				refs = append(refs, c.blameNode(p)...)
			}
		}
	}
	return refs
}

// unserved returns how bad it is that pods of a workload are missing.
func unserved(w *object.Workload) Severity {
	if w.Avail == 0 || 2*w.Avail < w.Desired {
		return Crit
	}
	return Warn
}

// readyOf says how many pods of a workload are ready.
func readyOf(w *object.Workload) string { return fmt.Sprintf("%d of %d ready", w.Ready, w.Desired) }
