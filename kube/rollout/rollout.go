package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// The kinds whose rollouts Kubernetes itself makes.
const (
	Deployment  = "Deployment"
	StatefulSet = "StatefulSet"
	DaemonSet   = "DaemonSet"
)

// State is how a rollout stands.
type State uint8

// The states, what needs a look first.
const (
	Stuck       State = iota // it does not go on by itself; Blocker says why
	Progressing              // under way
	Unobserved               // its controller has not seen the newest spec
	Paused                   // by its spec
	OnDelete                 // old pods remain until somebody deletes them
	Partitioned              // a partition keeps the first pods at their revision
	Deleting                 // the workload itself is being deleted
	Zero                     // scaled to zero: there is nothing to roll out
	Complete
)

// String returns the state as a word.
func (s State) String() string {
	return [...]string{
		"stuck", "progressing", "not observed", "paused", "waiting for deletes", "waiting for partition", "deleting", "scaled to zero", "complete",
	}[s]
}

// MarshalText returns the state's word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Unknown stands for a count that could not be read.
const Unknown = -1

// Counts are pods, of a DaemonSet nodes with a pod. New and Old add up to Total;
// pods on their way out are in Terminating only.
type Counts struct {
	Desired      int32
	Total        int32
	New          int32 // of the newest revision
	Old          int32
	Ready        int32
	Available    int32 // ready for at least minReadySeconds
	Unavailable  int32 // missing to Desired
	NewReady     int32 // of New, or Unknown
	NewAvailable int32 // of New, or Unknown
	Terminating  int32 // or Unknown
}

// Start is what is known of who started a rollout, and when.
type Start struct {
	By     string // the manager that wrote the pod template, "" if none is noted
	At     int64  // seconds since 1970, 0 if it is not known
	Source string // where At is from: "managedFields", "ReplicaSet", "ControllerRevision" or ""
	Back   bool   // the revision had been there before: it was taken back
}

// Status is how the rollout of one workload stands.
type Status struct {
	store.Meta
	Kind string
	GVR  schema.GroupVersionResource

	Generation int64 // of the spec
	State      State
	Paused     bool   // by its spec, whatever its State
	Done       bool   // in the words of kubectl rollout status; always false for a strategy that it does not judge
	Settled    bool   // one revision only: if something is missing, it is replicas of that
	Percent    int    // of the pods that are to be replaced, or to be there; 100 only if nothing is left to do
	Revision   string // of the newest template, "" if it is not known
	Images     []string
	Counts     Counts
	Strategy   string // "RollingUpdate", "Recreate", "OnDelete"; of an Argo Rollout "canary", "blueGreen"

	Partition int32  // of a StatefulSet
	Deadline  int64  // when a rollout that does not progress counts as failed, seconds since 1970; 0 if it never does
	Late      bool   // that time is over
	Step      string // of an Argo Rollout: "step 3/7: weight 40%"
	Started   Start
	Cause     string   // the change cause that somebody noted
	Blocker   *Blocker // the first of what is in the way, nil if nothing is known to be
}

// Ref names the workload.
func (s *Status) Ref() kube.Ref {
	return kube.Ref{GVR: s.GVR, Kind: s.Kind, Namespace: s.Namespace, Name: s.Name, UID: s.UID}
}

// Image returns the last part of the first image, and how many more there are.
func (s *Status) Image() string {
	if len(s.Images) == 0 {
		return ""
	}
	word := object.ShortImage(s.Images[0])
	if more := len(s.Images) - 1; more > 0 {
		word += " +" + strconv.Itoa(more)
	}
	return word
}

// Over reports whether a rollout that somebody waits for has come to an end by
// itself, and whether it is a good one. A stuck rollout is not over as long as
// its deadline is ahead: somebody may push the image that is missing. Nothing is
// over before its controller has seen the newest spec: a deadline that has passed
// was that of the rollout before.
func (s *Status) Over() (good, over bool) {
	switch {
	case s.State == Unobserved:
		return false, false
	case s.State == Complete, s.State == Zero, s.State == Partitioned:
		return true, true
	case s.Late, s.State == Deleting:
		return false, true
	}
	return false, false
}

// Words says in one short line how the rollout stands.
func (s *Status) Words(now time.Time) string {
	c := s.Counts
	switch s.State {
	case Stuck:
		word := "stuck"
		if s.Settled { // there is no rollout, only pods that fail
			word = fmt.Sprintf("%d of %d available", c.Available, c.Desired)
		}
		if s.Blocker != nil {
			word += ": " + s.Blocker.Short
		}
		return word
	case Progressing:
		word := fmt.Sprintf("progressing %d%%", s.Percent)
		switch {
		case s.Step != "":
			word += ", " + s.Step
		case s.Settled:
			word = fmt.Sprintf("%d of %d available", c.Available, c.Desired)
		}
		if left := s.Deadline - now.Unix(); s.Deadline != 0 && left >= 0 {
			word += ", deadline in " + span(left)
		}
		if s.Blocker != nil {
			word += ": " + s.Blocker.Short
		}
		return word
	case Paused:
		if s.Step != "" {
			return "paused, " + s.Step
		}
		if c.Old > 0 && c.New > 0 {
			return fmt.Sprintf("paused at %d%%", s.Percent)
		}
		return "paused"
	case OnDelete:
		return fmt.Sprintf("waiting for deletes: %d old", c.Old)
	case Partitioned:
		return fmt.Sprintf("waiting for partition %d: %d old", s.Partition, c.Old)
	case Unobserved, Deleting, Zero, Complete:
	}
	return s.State.String()
}

// span writes seconds in the largest unit that says enough.
func span(seconds int64) string {
	switch {
	case seconds < 100:
		return strconv.FormatInt(seconds, 10) + "s"
	case seconds < 100*60:
		return strconv.FormatInt(seconds/60, 10) + "m"
	case seconds < 48*3600:
		return strconv.FormatInt(seconds/3600, 10) + "h"
	}
	return strconv.FormatInt(seconds/86400, 10) + "d"
}

// Sort puts what needs a look first, else by namespace and name.
func Sort(list []*Status) {
	slices.SortFunc(list, func(a, b *Status) int {
		return cmp.Or(
			cmp.Compare(a.State, b.State), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name),
			strings.Compare(a.Kind, b.Kind), strings.Compare(string(a.UID), string(b.UID)),
		)
	})
}

// resourceOf returns the resource of a workload.
func resourceOf(w *object.Workload) schema.GroupVersionResource {
	if w.Kind == ArgoRollout {
		return object.ArgoRollouts().GVR
	}
	return appsv1.SchemeGroupVersion.WithResource(strings.ToLower(w.Kind) + "s")
}
