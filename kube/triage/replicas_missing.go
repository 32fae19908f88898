package triage

import (
	"fmt"

	"quarterdeck/kube/object"
)

// missingGrace is how long pods of a workload may take to become available
// before it is an incident, in seconds. A rollout that makes progress has as
// long as its deadline allows.
const missingGrace = 60

// replicasMissing finds Deployments, StatefulSets and DaemonSets with fewer
// available pods than they should have, for longer than pods take to start.
func replicasMissing() []Rule {
	return rolling(Rule{ID: "replicas-missing", Checks: "workloads have the pods they ask for", Needs: []Resource{Pods}, Depth: Progress},
		func(c *Cluster, w *object.Workload) *Finding {
			if w.Deleted != 0 || w.Avail >= w.Desired || w.Paused || w.Behind {
				return nil
			}
			blame := c.blamePods(w)
			since := missingSince(c, w)
			// A pod that is known to be in trouble needs no grace: nobody waits for it.
			troubled := false
			for _, p := range c.PodsOf(w.UID) {
				if k, _ := crashing(p); k != nil {
					troubled = true
				}
			}
			if !troubled && !c.Lasted(since, missingGrace+int64(w.Rolling.MinReady)) {
				return nil
			}
			on := c.Ref(resourceOf(w), &w.Meta)
			return &Finding{
				Severity: unserved(w), What: readyOf(w), Since: since, Blame: blame, Actions: c.undo(on),
				Evidence: []Evidence{{
					Text:   fmt.Sprintf("%d of %d available, %d ready", w.Avail, w.Desired, w.Ready),
					Source: FromField, Where: on.String() + " status.availableReplicas", On: on,
				}},
			}
		})
}

// missingSince returns when the oldest of the pods that are not available became
// so, as far as it is told.
func missingSince(c *Cluster, w *object.Workload) int64 {
	since := c.Now
	if cond := w.Rolling.Condition("Available"); cond != nil && cond.Status == "False" {
		since = min(since, cond.Changed)
	}
	for _, p := range c.PodsOf(w.UID) {
		if !sound(p) {
			since = min(since, max(p.Created, p.LastRestart))
		}
	}
	return since
}

func resourceOf(w *object.Workload) Resource {
	switch w.Kind {
	case "Deployment":
		return Deployments
	case "StatefulSet":
		return StatefulSets
	case "DaemonSet":
		return DaemonSets
	case "Job":
		return Jobs
	case "CronJob":
		return CronJobs
	}
	return ReplicaSets
}
