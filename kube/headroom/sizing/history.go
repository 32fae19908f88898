package sizing

import (
	"iter"
	"sync"
	"time"

	"quarterdeck/kube/headroom"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
)

const (
	// mostContainers bounds a history, to less than ten megabytes.
	mostContainers = 10_000
	// longestGap is how far apart two samples of a container may be for the time
	// between them to count: the metrics API is asked only while somebody looks.
	longestGap = 5 * time.Minute
	// forgotten is after how long without a pod a container makes room for another.
	forgotten = time.Hour
)

// History remembers what the metrics API said of containers since the program
// started: of each container of a workload its distribution, not the samples. It
// is safe for concurrent use.
type History struct {
	mu      sync.Mutex
	at      time.Time // of the last snapshot
	of      map[Key]*observed
	dropped int
	limit   int
}

type observed struct {
	cpu, memory sketch
	last        time.Time
	span        time.Duration
}

// NewHistory returns an empty history.
func NewHistory() *History { return &History{of: map[Key]*observed{}, limit: mostContainers} }

// Add takes over what a snapshot says of the use of pods. One that it has, or
// that is older, is passed over.
func (h *History) Add(s *metrics.Snapshot, pods iter.Seq[*object.Pod]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s == nil || s.State != metrics.Current || !s.At.After(h.at) {
		return
	}
	h.at = s.At
	h.dropped = 0
	for p := range pods {
		if p.Terminal() || p.Node == "" {
			continue
		}
		w := headroom.WorkloadOf(p)
		for container, u := range s.Containers(p.Namespace, p.Name) {
			if o := h.entry(Key{w, container}); o != nil {
				o.add(s.At, u)
			}
		}
	}
}

// entry returns what is known of a container, nil if there is no room.
func (h *History) entry(key Key) *observed {
	if o := h.of[key]; o != nil {
		return o
	}
	if len(h.of) >= h.limit {
		if h.dropped == 0 { // once for each snapshot
			for k, o := range h.of {
				if h.at.Sub(o.last) > forgotten {
					delete(h.of, k)
				}
			}
		}
		if len(h.of) >= h.limit {
			h.dropped++
			return nil
		}
	}
	o := &observed{}
	h.of[key] = o
	return o
}

func (o *observed) add(at time.Time, u metrics.Usage) {
	// Pods of one workload come with one snapshot, and so at the same time.
	if gap := at.Sub(o.last); !o.last.IsZero() && gap <= longestGap {
		o.span += gap
	}
	o.last = at
	o.cpu.add(u.MilliCPU)
	o.memory.add(u.Bytes)
}

// Use returns what is known of a container.
func (h *History) Use(key Key) (Use, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o := h.of[key]
	if o == nil {
		return Use{}, false
	}
	return Use{
		Source: Seen, Span: o.span, Samples: o.cpu.samples,
		P95: object.Resources{CPU: o.cpu.quantile(p95), Memory: o.memory.quantile(p95)},
		Max: object.Resources{CPU: o.cpu.max, Memory: o.memory.max},
	}, true
}

// Dropped returns how many containers of the last snapshot there was no room
// for.
func (h *History) Dropped() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dropped
}
