package triage

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
)

// Severity says how bad something is.
type Severity uint8

// The severities, the mildest first.
const (
	Info Severity = iota + 1 // worth knowing
	Warn                     // degraded or at risk
	Crit                     // serving is broken or about to be
)

// String returns the severity as a word.
func (s Severity) String() string { return [...]string{"", "info", "warn", "crit"}[s] }

// MarshalText returns the severity's word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Depth says how close to the cause of an incident what a rule finds is. The
// shallowest finding says what is wrong, the deepest one why.
type Depth uint8

// The depths.
const (
	Effect   Depth = iota // what others notice: a service that nobody answers, an autoscaler at its limit
	Progress              // a workload that is not as it should be
	Symptom               // a pod that is not as it should be
	Cause                 // what keeps it from that: an exit code, a quota, a node
)

// Finding is one thing that is wrong with one object.
type Finding struct {
	Rule     string
	Severity Severity
	Depth    Depth
	On       kube.Ref // the object that shows it
	// Home is the object to which the finding belongs if nothing of Blame is in
	// trouble itself: On, or the workload of a pod.
	Home kube.Ref
	// Blame are objects that may be behind it: if one of them is in trouble, the
	// finding belongs to what that belongs to. The first counts most.
	Blame []kube.Ref
	// What says what is wrong. On Home it is a phrase of its own, "rollout stuck,
	// 2 of 10 ready"; on a pod it follows the number of pods: "cannot be scheduled".
	What string
	// Why says why in one line; "" if the finding does not know.
	Why      string
	Since    int64 // when it began to fail, seconds since 1970; 0 if it is not known
	Evidence []Evidence
	// Actions are what may help, the safest first.
	Actions []Action
}

// Evidence is one fact with its source.
type Evidence struct {
	Text   string
	Source string // "field", "condition", "event", "log", "metrics", "spec"
	Where  string // "pod/checkout-7f9c-x2 status.containerStatuses[app].state.waiting"
	On     kube.Ref
	At     int64 // seconds since 1970, 0 if it has no time
	First  int64 // when the first of several events was, seconds since 1970; 0 if it is not known
	Count  int32 // how often, of an event
}

// The sources of evidence.
const (
	FromField     = "field"
	FromCondition = "condition"
	FromEvent     = "event"
	FromLog       = "log"
	FromMetrics   = "metrics"
)

// Do is something that can be done about an incident, the safest first: what
// only looks, what can be taken back, what cannot.
type Do uint8

// What can be done.
const (
	UndoRollout   Do = iota // of On, to the last good revision; shows what would change first
	ShowLogs                // of Container of On, of the instance before if Previous
	ShowRollout             // of On
	WhatIf                  // more replicas of On, the loss of the node On
	ShowHeadroom            // where there is room
	ShowEvents              // of On
	ShowYAML                // of On
	Resume                  // a paused rollout, a suspended job
	Uncordon                // a node
	Scale                   // On
	Edit                    // On
	RunAgain                // a Job, a CronJob
	Restart                 // a workload
	Delete                  // a pod, which its controller replaces
	Drain                   // a node
	DropFinalizer           // of what does not go away
)

// String returns the word by which a program knows it.
func (d Do) String() string {
	return [...]string{
		"undo", "logs", "rollout", "what-if", "headroom", "events", "yaml", "resume", "uncordon", "scale", "edit", "run", "restart", "delete", "drain", "finalizer",
	}[d]
}

// MarshalText returns the action's word.
func (d Do) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Action is something that may help, with what it is done to.
type Action struct {
	Do        Do
	On        kube.Ref
	Container string // of ShowLogs, "" for all
	Previous  bool   // of ShowLogs: of the instance before
	Words     string // what it will do, a sentence
}

// key tells objects apart by name, also those that do not exist.
type key struct {
	schema.GroupResource
	namespace, name string
}

func keyOf(r kube.Ref) key { return key{r.GVR.GroupResource(), r.Namespace, r.Name} }

// String is what an incident is known by: resource.group/namespace/name.
func (k key) String() string {
	return strings.Join([]string{k.GroupResource.String(), k.namespace, k.name}, "/")
}

// subject is an object that rules judge.
type subject struct {
	resource Resource
	uid      types.UID
}
