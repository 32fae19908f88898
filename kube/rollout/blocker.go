package rollout

import (
	"strings"

	"quarterdeck/kube/object"
)

// Reason is what keeps a rollout from going on, as a word for programs.
type Reason string

// The reasons. Those up to Scheduling need somebody to act.
const (
	CreateRefused    Reason = "CreateRefused"    // by admission: a webhook, a policy, a limit range, a missing service account
	Quota            Reason = "Quota"            // CreateRefused by a quota
	ImagePull        Reason = "ImagePull"        // no such image, or no access to it
	Config           Reason = "Config"           // a ConfigMap, Secret or key that is not there
	StartFailed      Reason = "StartFailed"      // the runtime cannot start the container
	Crash            Reason = "Crash"            // the container exits again and again
	PodFailed        Reason = "PodFailed"        // evicted, rejected by its node
	BrokenPod        Reason = "BrokenPod"        // of a StatefulSet that waits for it before it replaces it
	Unschedulable    Reason = "Unschedulable"    // no node for it
	Gated            Reason = "Gated"            // scheduling gates, readiness gates
	Volume           Reason = "Volume"           // it cannot be attached or mounted
	Terminating      Reason = "Terminating"      // a pod that does not go
	NodeDown         Reason = "NodeDown"         // the node of a pod does not answer
	Probe            Reason = "Probe"            // runs, and its readiness or startup probe fails
	DeadlineExceeded Reason = "DeadlineExceeded" // nothing else is known
	Degraded         Reason = "Degraded"         // says the controller of Argo Rollouts
	Disruption       Reason = "Disruption"       // a disruption budget refuses evictions that the rollout waits for
	PausedBySpec     Reason = "Paused"
	ByPartition      Reason = "Partition"
	ByDelete         Reason = "OnDelete"
	NotSeen          Reason = "NotObserved"
)

// Blocker is something that keeps a rollout from going on.
type Blocker struct {
	Reason   Reason
	Short    string // a few words, for a column: "image not found: checkout:v2.3.2"
	Words    string // a sentence
	Hard     bool   // it does not pass by itself
	Since    int64  // seconds since 1970, 0 if it is not known
	Pod      string // the first of the pods it is about, "" if it is about none
	Pods     int    // how many
	Evidence []Evidence
}

// Evidence is one fact behind a Blocker and where it is read.
type Evidence struct {
	Source string // "field", "condition" or "event"
	Where  string // "pod/checkout-7f9c-x2 status.containerStatuses[app].state.waiting"
	Words  string // as it is written there
	At     int64  // seconds since 1970, 0 if it has no time
	Count  int32  // how often, of an event
}

// The sources of evidence.
const (
	FromField     = "field"
	FromCondition = "condition"
	FromEvent     = "event"
)

// Stage is how far a pod has come.
type Stage uint8

// The stages of a pod, in the order of its life.
const (
	StagePending     Stage = iota // not on a node yet
	StageScheduled                // its node has not begun
	StagePulling                  // an image is on its way
	StageStarting                 // volumes, sandbox, init containers
	StageNotReady                 // runs
	StageReady                    // ready, but not yet for minReadySeconds
	StageAvailable                //
	StageTerminating              // on its way out
	StageFailed                   // does not run; Pod.Reason says why
	Stages           = iota
)

// String returns the stage in words.
func (s Stage) String() string {
	return [...]string{"pending", "scheduled", "pulling", "starting", "not ready", "ready", "available", "terminating", "failed"}[s]
}

// MarshalText returns the stage's words.
func (s Stage) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Pod is a pod and its stage.
type Pod struct {
	*object.Pod
	Stage   Stage
	Why     string // of StageFailed, StagePending and StageTerminating: "CrashLoopBackOff exit 1"
	Ordinal int32  // of a StatefulSet's pod, else -1
}

// PodGroup are the pods of one revision, and what is left of it.
type PodGroup struct {
	Name     string // of the ReplicaSet or ControllerRevision, the hash if that is not known
	Revision string // "12", "" if it is not known
	Hash     string
	New      bool // of the newest template
	Images   []string
	Created  int64 // of the revision, seconds since 1970, 0 if it is not known
	Desired  int32 // of a ReplicaSet, else Unknown
	ByStage  [Stages]int32
	Pods     []Pod // by stage, the failed first; of a StatefulSet by ordinal
}

// Count returns how many pods are at one of the stages.
func (g *PodGroup) Count(stages ...Stage) int32 {
	var n int32
	for _, s := range stages {
		n += g.ByStage[s]
	}
	return n
}

// Ready returns how many pods are ready, available or not.
func (g *PodGroup) Ready() int32 { return g.Count(StageReady, StageAvailable) }

// Reasons returns why pods of the group failed, as "3 × CrashLoopBackOff exit 1".
func (g *PodGroup) Reasons() string {
	var words []string
	count := map[string]int32{}
	for i := range g.Pods {
		if p := &g.Pods[i]; p.Stage == StageFailed {
			if count[p.Why]++; count[p.Why] == 1 {
				words = append(words, p.Why)
			}
		}
	}
	for i, w := range words {
		words[i] = times(count[w]) + w
	}
	return strings.Join(words, ", ")
}
