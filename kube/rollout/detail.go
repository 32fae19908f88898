package rollout

import (
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Detail is all that is known of one rollout.
type Detail struct {
	Status   *Status
	Groups   []PodGroup // of every revision that still has pods, and of the newest; the newest first
	Budget   Budget
	Next     string    // what the next step is and what it waits for, in a sentence
	Blockers []Blocker // the first one first; the same as Status.Blocker
	Missing  int32     // pods of a DaemonSet that its nodes should have and do not, Unknown if pods cannot be read
	Services []Service
	Notes    []string        // what else bears on it: autoscalers, disruption budgets, quotas
	Events   []*object.Event // of the workload, its ReplicaSets and its pods; the newest first
	Gaps     []Gap           // what could not be read
}

// Budget is how many pods a rolling update may have too many and too few.
type Budget struct {
	Surge       int32  // pods above Desired
	Unavailable int32  // pods below Desired
	SurgeAs     string // as the spec gives it, "" if it has none
	AsGiven     string // of Unavailable
	Most        int32  // pods there may be
	Least       int32  // pods that must be available
	SpareSurge  int32  // how many more pods may be made now
	SpareDown   int32  // how many more pods may be missing now
}

// Service is a service that sends traffic to pods of a workload.
type Service struct {
	Name        string
	New, Old    int32 // ready endpoints of the newest revision and of older ones
	NotReady    int32
	Terminating int32 // of those that still get traffic
	Others      int32 // ready endpoints that are not of this workload
	Known       bool  // its endpoints could be read

	family string // of the addresses counted
}

// Gap is a resource that could not be read, or not yet.
type Gap struct {
	Resource string
	Status   store.Status
}
