package metrics

import (
	"iter"
	"time"
)

// State says what a Snapshot is worth.
type State uint8

// The states of a Snapshot.
const (
	Waiting     State = iota // nothing has been answered yet
	Current                  // the last poll succeeded
	Absent                   // the cluster has no metrics API
	Forbidden                // the user may not read it
	Unavailable              // the API is registered, but nothing serves it
	Failed                   // it could not be read for another reason
)

func (s State) String() string {
	switch s {
	case Waiting:
		return "waiting"
	case Current:
		return "current"
	case Absent:
		return "no metrics API"
	case Forbidden:
		return "forbidden"
	case Unavailable:
		return "unavailable"
	case Failed:
	}
	return "failed"
}

// Usage is what something uses.
type Usage struct {
	MilliCPU int64
	Bytes    int64 // of memory, the working set
}

// Snapshot is what was known of a scope at one instant. The values of the last
// answer stay when a later poll fails.
type Snapshot struct {
	State State
	Err   error     // why State is not Current
	At    time.Time // when the values arrived; zero if they never did
	Since time.Time // since when State holds; zero while waiting
	*usage
}

// usage holds the values of a scope. A cluster may have 50,000 pods, so names
// of containers are numbers here and pods are ranges of one slice. A nil usage
// is empty.
type usage struct {
	window     time.Duration
	items      map[key]span
	containers []container
	names      []string // of containers
}

// key is the namespace and name of a pod, or the name of a node.
type key struct{ namespace, name string }

// span is a range of containers; a node has one of its own, without a name.
type span struct{ first, n uint32 }

type container struct {
	name  uint32
	milli uint32
	bytes int64
}

func (c container) usage() Usage { return Usage{int64(c.milli), c.bytes} }

// Window returns the length of time that the values were measured over.
func (u *usage) Window() time.Duration {
	if u == nil {
		return 0
	}
	return u.window
}

// Len returns the number of pods or nodes with values.
func (u *usage) Len() int {
	if u == nil {
		return 0
	}
	return len(u.items)
}

// Pod returns what a pod uses, false if that is not known.
func (u *usage) Pod(namespace, name string) (Usage, bool) {
	var sum Usage
	found := u.find(namespace, name)
	for _, c := range found {
		sum.MilliCPU += int64(c.milli)
		sum.Bytes += c.bytes
	}
	return sum, len(found) > 0
}

// Container returns what a container of a pod uses, false if that is not known.
func (u *usage) Container(namespace, pod, name string) (Usage, bool) {
	for n, c := range u.Containers(namespace, pod) {
		if n == name {
			return c, true
		}
	}
	return Usage{}, false
}

// Containers returns the containers of a pod by name.
func (u *usage) Containers(namespace, pod string) iter.Seq2[string, Usage] {
	return func(yield func(string, Usage) bool) {
		for _, c := range u.find(namespace, pod) {
			if !yield(u.names[c.name], c.usage()) {
				return
			}
		}
	}
}

// Node returns what a node uses, false if that is not known.
func (u *usage) Node(name string) (Usage, bool) {
	if found := u.find("", name); len(found) > 0 {
		return found[0].usage(), true
	}
	return Usage{}, false
}

func (u *usage) find(namespace, name string) []container {
	if u == nil {
		return nil
	}
	s := u.items[key{namespace, name}]
	return u.containers[s.first : s.first+s.n]
}
