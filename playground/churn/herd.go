package churn

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// pod is what must be known of a pod to change its status with a patch.
type pod struct {
	namespace, name string
	restarts        int32
	ready           bool
	conditions      []condition // those that follow readiness
}

// condition is where a condition stands in a pod's list of them.
type condition struct {
	index int
	kind  corev1.PodConditionType
}

// newPod returns what to know of a pod. ok is false for one that is not
// running and ready: it would not go back to how it was.
func newPod(from *corev1.Pod) (p pod, ok bool) {
	if from.Status.Phase != corev1.PodRunning || len(from.Status.ContainerStatuses) == 0 || from.DeletionTimestamp != nil {
		return pod{}, false
	}
	p = pod{
		namespace: from.Namespace,
		name:      from.Name,
		restarts:  from.Status.ContainerStatuses[0].RestartCount,
		ready:     true,
	}
	for i, c := range from.Status.Conditions {
		if c.Type != corev1.PodReady && c.Type != corev1.ContainersReady {
			continue
		}
		if c.Status != corev1.ConditionTrue {
			return pod{}, false
		}
		p.conditions = append(p.conditions, condition{index: i, kind: c.Type})
	}
	return p, len(p.conditions) > 0
}

// flipped is the pod after its next change: its first container restarts and
// stops being ready, or becomes ready again.
func (p pod) flipped() pod {
	p.ready = !p.ready
	if !p.ready {
		p.restarts++
	}
	return p
}

// patch is the JSON patch that makes the status of a pod that of p.
func (p pod) patch(now time.Time) ([]byte, error) {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	const container = "/status/containerStatuses/0/"
	operations := []operation{
		{"replace", container + "restartCount", p.restarts},
		{"replace", container + "ready", p.ready},
	}
	status := corev1.ConditionFalse
	if p.ready {
		status = corev1.ConditionTrue
	}
	for _, c := range p.conditions {
		path := fmt.Sprintf("/status/conditions/%d/", c.index)
		operations = append(operations,
			// Somebody else may have moved it.
			operation{"test", path + "type", c.kind},
			operation{"replace", path + "status", status},
			operation{"replace", path + "lastTransitionTime", now.UTC().Format(time.RFC3339)},
		)
	}
	return json.Marshal(operations)
}

// herd deals out pods so that none is changed twice at the same time and only
// a few are broken at any moment.
type herd struct {
	mu        sync.Mutex
	healthy   []pod
	broken    []pod // the one broken first comes first
	maxBroken int
}

// take removes the next pod to change. ok is false if all are taken.
func (h *herd) take() (p pod, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.healthy); n > 0 && len(h.broken) < h.maxBroken {
		i := rand.IntN(n)
		p = h.healthy[i]
		h.healthy[i] = h.healthy[n-1]
		h.healthy = h.healthy[:n-1]
		return p, true
	}
	if len(h.broken) > 0 {
		p, h.broken = h.broken[0], h.broken[1:]
		return p, true
	}
	return pod{}, false
}

// put gives a pod back.
func (h *herd) put(p pod) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.ready {
		h.healthy = append(h.healthy, p)
	} else {
		h.broken = append(h.broken, p)
	}
}
