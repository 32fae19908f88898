package headroom

import (
	"strconv"
	"strings"

	"quarterdeck/kube/object"
)

// Workload names what keeps pods running: the object that somebody would change
// to change them.
type Workload struct {
	APIVersion, Kind, Namespace, Name string
}

// String returns the workload as kubectl takes it: deployment/checkout.
func (w Workload) String() string { return strings.ToLower(w.Kind) + "/" + w.Name }

// WorkloadOf returns the workload of a pod, the pod itself if nothing owns it.
// Two owners stand for their own, and the names tell which, so that no replica
// sets and jobs need to be read: a Deployment calls its replica sets after
// itself and the hash in the labels of their pods, a CronJob its jobs after
// itself and the minute they are for.
func WorkloadOf(p *object.Pod) Workload {
	w := Workload{APIVersion: "v1", Kind: "Pod", Namespace: p.Namespace, Name: p.Name}
	if p.Owner == nil || p.Owner.Kind == "Node" { // a static pod is the node's file
		return w
	}
	w.APIVersion, w.Kind, w.Name = p.Owner.APIVersion, p.Owner.Kind, p.Owner.Name
	switch group, _, _ := strings.Cut(w.APIVersion, "/"); {
	case group == "apps" && w.Kind == "ReplicaSet":
		if name, ok := cutHash(w.Name, p.Labels.Get("pod-template-hash")); ok {
			w.Kind, w.Name = "Deployment", name
		} else if name, ok := cutHash(w.Name, p.Labels.Get("rollouts-pod-template-hash")); ok {
			w.APIVersion, w.Kind, w.Name = "argoproj.io/v1alpha1", "Rollout", name
		}
	case group == "batch" && w.Kind == "Job":
		if name, ok := cutMinute(w.Name, p.Created); ok {
			w.Kind, w.Name = "CronJob", name
		}
	}
	return w
}

func cutHash(name, hash string) (string, bool) {
	before, ok := strings.CutSuffix(name, "-"+hash)
	return before, ok && hash != "" && before != ""
}

// cutMinute returns the name before the minute since 1970 that ends it, if that
// is less than a day from created, in seconds.
func cutMinute(name string, created int64) (string, bool) {
	i := strings.LastIndexByte(name, '-')
	if i <= 0 {
		return "", false
	}
	minute, err := strconv.ParseUint(name[i+1:], 10, 32)
	if err != nil {
		return "", false
	}
	const day = 24 * 60 * 60
	apart := created - int64(minute)*60
	return name[:i], -day < apart && apart < day
}
