package triage

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// missingGrace is how long pods of a workload may take to become available
// before it is an incident, in seconds. A rollout that makes progress has as
// long as its deadline allows.
const missingGrace = 60

// replicasMissing finds Deployments, StatefulSets and DaemonSets with fewer
// available pods than they should have: at once if something is found wrong with
// the pods or they may not be made, else when they have had the time to start.
func replicasMissing() []Rule {
	return rolling(Rule{ID: "replicas-missing", Checks: "workloads have the pods they ask for", Needs: []Resource{Pods}, Depth: Progress},
		func(c *Cluster, w *object.Workload) *Finding {
			if w.Deleted != 0 || w.Avail >= w.Desired || w.Paused || w.Behind {
				return nil
			}
			since, ok := c.missingSince(w)
			if !ok {
				return nil
			}
			on := c.Ref(resourceOf(w), &w.Meta)
			f := &Finding{
				Severity: unserved(w), What: readyOf(w), Since: since, Blame: c.blamePods(w), Actions: c.undo(on),
				Evidence: []Evidence{{
					Text:   fmt.Sprintf("%d of %d available, %d ready", w.Avail, w.Desired, w.Ready),
					Source: FromField, Where: on.String() + " " + availableField(w), On: on,
				}},
			}
			if r := c.barred(w); r != nil {
				f.Home, f.Actions = r.by, nil // another revision would be refused as well
			}
			switch w.Kind {
			case "StatefulSet":
				heldBy(c, w, f)
			case "DaemonSet":
				f.What = fmt.Sprintf("missing on %d of %s", w.Desired-w.Avail, plural(int(w.Desired), "node"))
				if names := nodesOf(c.PodsOf(w.UID)); len(names) > 0 {
					f.Why = "not on " + list(names)
				}
			}
			return f
		})
}

// missingSince reports whether pods of a workload have been missing for too long,
// and since when they are, as far as it is told.
func (c *Cluster) missingSince(w *object.Workload) (int64, bool) {
	var since int64
	earlier := func(at int64) {
		if since == 0 || at < since {
			since = at
		}
	}
	troubled, early := c.barred(w) != nil, int32(0)
	for _, p := range c.PodsOf(w.UID) {
		n := c.Node(p.Node)
		switch {
		case sound(p) || p.Deleted != 0:
		case c.Troubled(p) || c.lost(p):
			troubled = true
			earlier(max(p.Created, p.LastRestart, p.UnreadySince))
		case n != nil && !n.Ready:
			c.Depends(Nodes, "")
			early++
		case p.Phase == "Pending":
			at := p.Created
			if n != nil { // which may have joined later
				at = max(at, n.ReadySince)
			}
			earlier(at)
		}
	}
	if cond := w.Rolling.Condition("Available"); cond != nil && cond.Status == "False" {
		earlier(cond.Changed)
	}
	if troubled {
		return since, true
	}
	if early > 0 && w.Avail+early >= w.Desired {
		return 0, false // their nodes join
	}
	if cond := w.Rolling.Condition(string(appsv1.DeploymentProgressing)); cond != nil && cond.Status == "True" && cond.Reason != "NewReplicaSetAvailable" {
		return 0, false // its controller says when it takes too long
	}
	if since != 0 {
		return since, c.Lasted(since, missingGrace+int64(w.Rolling.MinReady))
	}
	return c.Lasts(missingGrace + int64(w.Rolling.MinReady))
}

// heldBy tells which pod of a StatefulSet the others wait for: without
// podManagementPolicy Parallel none is made or replaced before all before it are
// ready; see
// https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#deployment-and-scaling-guarantees.
func heldBy(c *Cluster, w *object.Workload, f *Finding) {
	if w.Rolling.Parallel || w.Current >= w.Desired && w.Outdated() == 0 {
		return
	}
	var first *object.Pod
	lowest := w.Desired + w.Rolling.FirstOrdinal
	for _, p := range c.PodsOf(w.UID) {
		if n, ok := ordinal(w, p.Name); ok && n < lowest && !sound(p) {
			first, lowest = p, n
		}
	}
	if first == nil {
		return
	}
	on := c.Pod(first)
	f.What = "held by " + first.Name + ", " + readyOf(w)
	f.Why = first.Name + " is not ready: the others wait for it"
	f.Blame = append([]kube.Ref{on}, f.Blame...)
	f.Evidence = append(f.Evidence, Evidence{Text: first.Name + " is " + first.Status, Source: FromField, Where: on.String() + " status", On: on, At: first.Created})
	f.Actions = append(f.Actions, Action{Do: ShowEvents, On: on, Words: "shows what was reported of " + first.Name})
}

// ordinal returns the number of a pod of a StatefulSet.
func ordinal(w *object.Workload, pod string) (int32, bool) {
	digits, ok := strings.CutPrefix(pod, w.Name+"-")
	if !ok || digits == "" {
		return 0, false
	}
	n := int32(0)
	for _, d := range digits {
		if d < '0' || d > '9' || n > 1<<24 {
			return 0, false
		}
		n = 10*n + d - '0'
	}
	return n, true
}

// nodesOf returns the nodes of the pods that are not sound, in order.
func nodesOf(pods []*object.Pod) []string {
	var names []string
	for _, p := range pods {
		if !sound(p) && p.Node != "" {
			names = append(names, p.Node)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// list writes names one after the other, the first few of many.
func list(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func availableField(w *object.Workload) string {
	if w.Kind == "DaemonSet" {
		return "status.numberAvailable"
	}
	return "status.availableReplicas"
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
