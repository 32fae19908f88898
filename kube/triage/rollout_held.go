package triage

import (
	"fmt"
	"strconv"
	"strings"

	"quarterdeck/kube/object"
)

// idle is how long an update may change no pod before it counts as held, in
// seconds: as long as a Deployment's deadline is unless it says otherwise.
const idle = 600

// rolloutHeld finds updates that cannot go on because as many pods are
// unavailable as may be: DaemonSets, and Deployments without a deadline, wait for
// those for ever and say so nowhere; see
// https://kubernetes.io/docs/tasks/manage-daemon/update-daemon-set/#troubleshooting.
func rolloutHeld() []Rule {
	return rolling(Rule{ID: "rollout-held", Checks: "updates are not held by pods that are unavailable", Needs: []Resource{Pods}, Depth: Progress},
		func(c *Cluster, w *object.Workload) *Finding {
			left := w.Outdated()
			if w.Kind == "StatefulSet" && !w.Rolling.Parallel {
				return nil // which pod the others wait for is told by what is missing
			}
			if left == 0 || w.Paused || w.Deleted != 0 || w.Behind || w.Kind == "Deployment" && w.Rolling.Deadline != 0 {
				return nil
			}
			spent := unavailable(w)
			if spent == "" {
				return nil
			}
			since, troubled := w.Created, false
			for _, p := range c.PodsOf(w.UID) {
				since = max(since, p.Created, p.ReadySince)
				troubled = troubled || c.Troubled(p)
			}
			if !troubled && !c.Lasted(since, idle) {
				return nil
			}
			on := c.Ref(resourceOf(w), &w.Meta)
			return &Finding{
				Severity: unserved(w), What: fmt.Sprintf("update held, %d of %d updated", w.Updated, w.Desired), Why: spent, Since: since,
				Blame: c.blamePods(w), Actions: c.undo(on),
				Evidence: []Evidence{{Text: spent, Source: FromField, Where: on.String() + " spec." + strategyField(w) + ".rollingUpdate.maxUnavailable", On: on}},
			}
		})
}

func strategyField(w *object.Workload) string {
	if w.Kind == "Deployment" {
		return "strategy"
	}
	return "updateStrategy"
}

// unavailable says that as many pods of a workload are unavailable as an update
// may make, "" if there are fewer.
func unavailable(w *object.Workload) string {
	n := w.Desired - w.Avail
	if allowed := mayMiss(w); n > 0 && n >= allowed {
		return fmt.Sprintf("%d of %d unavailable, %d may be", n, w.Desired, allowed)
	}
	return ""
}

// mayMiss returns how many pods of a workload may be unavailable in an update. A
// Deployment rounds shares down, the others up; see intstr.GetScaledValueFromIntOrPercent.
func mayMiss(w *object.Workload) int32 {
	given := w.Rolling.MaxUnavailable
	if given == "" {
		return 1 // of StatefulSets, as long as nobody says otherwise
	}
	digits, share := strings.CutSuffix(given, "%")
	n, err := strconv.ParseInt(digits, 10, 32)
	switch {
	case err != nil:
		return 1
	case !share:
		return int32(n)
	case w.Kind == "Deployment":
		return int32(n * int64(w.Desired) / 100)
	}
	return int32((n*int64(w.Desired) + 99) / 100)
}
