// Package sizing compares what containers ask for with what they use, over a
// time that it always says, and proposes other requests where that time is long
// enough. Three sources know of use: what the metrics API said while somebody
// looked (History), VerticalPodAutoscalers (Recommendations), and an endpoint
// that speaks the API of Prometheus.
package sizing

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"quarterdeck/kube/headroom"
	"quarterdeck/kube/object"
)

// How requests follow from use. A pod that wants more CPU than it asks for gets
// slower when others want theirs; one that wants more memory may be killed. So
// CPU goes by what was enough 95 % of the time, memory by the most that there
// was, and more.
const (
	memoryMargin = 15 // percent above the most that was used
	killedMargin = 25 // percent, if it was killed for want of memory: it would have used more
	leastCPU     = 10 // millicores
	cpuStep      = 5
	leastMemory  = 32 << 20 // bytes
	memoryStep   = 1 << 20

	p95       = 0.95
	nearLimit = 90 // percent of a limit

	defaultHistory = 24 * time.Hour
	leastSamples   = 100 // less are no history, however far apart
)

// Key names a container of a workload.
type Key struct {
	headroom.Workload
	Container string
}

// Source says who knows of the use.
type Source string

// The sources.
const (
	Seen       Source = "seen" // by us, from the metrics API, since start
	VPA        Source = "VerticalPodAutoscaler"
	Prometheus Source = "prometheus"
)

// Use is what one source knows of the use of a container, in all pods of its
// workload. The numbers are of one pod.
type Use struct {
	Source  Source
	Span    time.Duration    // for how long there are observations, gaps left out
	Samples int              // how many there are; 0 if the source does not say
	P95     object.Resources // 95 % of the samples are below
	Max     object.Resources
	Target  *object.Resources // what a VerticalPodAutoscaler recommends, 0 where it says nothing; P95 and Max are then not known
}

// Sizing is what there is to say of one container of a workload.
type Sizing struct {
	Key
	Sidecar          bool             // it is an init container that keeps running
	Pods             int              // that run it now
	Requests, Limits object.Resources // in the newest of them; 0 if not set

	Use      *Use              // by the source that knows longest, nil if none knows anything
	Proposed *object.Resources // requests; nil if TooShort
	TooShort string            // "4m of 24h": the history that there is, of that which there must be; "" if it is enough

	Risks      []Risk // the worst first
	Autoscaled bool   // a HorizontalPodAutoscaler scales the workload, by shares of its requests

	// Waste is what all pods ask for beyond what Proposed is, or would be if the
	// history were long enough. Never below zero.
	Waste object.Resources
	share float64 // that Waste is of the cluster
}

// Risk is what may go wrong as things are.
type Risk struct {
	Kind RiskKind `json:"kind"`
	Text string   `json:"text"`
}

// RiskKind names a risk. The higher, the worse.
type RiskKind uint8

// The risks.
const (
	NoCPURequest RiskKind = iota
	NearCPULimit
	AboveMemoryRequest
	NoMemoryRequest
	NearMemoryLimit
	OOMKilled
)

// String returns the risk as a word for programs.
func (k RiskKind) String() string {
	return [...]string{"no-cpu-request", "near-cpu-limit", "above-memory-request", "no-memory-request", "near-memory-limit", "oom-killed"}[k]
}

// MarshalText returns the word for JSON.
func (k RiskKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Options say how to size.
type Options struct {
	MinHistory time.Duration              // no proposal from less; default 24 h
	Whole      object.Resources           // of the cluster: how CPU is weighed against memory; if not known, by what all pods request
	Autoscaled map[headroom.Workload]bool // workloads that a HorizontalPodAutoscaler scales by use
}

// Size compares the containers of the pods that have a node with what use says
// of them. The most waste comes first; see ByRisk.
func Size(pods iter.Seq[*object.Pod], use func(Key) []Use, opts Options) []Sizing {
	if opts.MinHistory <= 0 {
		opts.MinHistory = defaultHistory
	}
	found := map[Key]*gathered{}
	var asked object.Resources
	for p := range pods {
		if p.Terminal() || p.Node == "" {
			continue
		}
		r := p.Requests()
		asked.CPU += r.CPU
		asked.Memory += r.Memory
		gather(found, p)
	}
	if opts.Whole.CPU == 0 || opts.Whole.Memory == 0 {
		opts.Whole = asked
	}
	out := make([]Sizing, 0, len(found))
	for key, g := range found {
		g.Key, g.Autoscaled = key, opts.Autoscaled[key.Workload]
		g.judge(use(key), g.killed, opts)
		out = append(out, g.Sizing)
	}
	slices.SortFunc(out, func(a, b Sizing) int { return cmp.Or(-cmp.Compare(a.share, b.share), a.compare(&b)) })
	return out
}

// ByRisk returns the containers that have risks, the worst first.
func ByRisk(all []Sizing) []Sizing {
	out := slices.DeleteFunc(slices.Clone(all), func(s Sizing) bool { return len(s.Risks) == 0 })
	slices.SortStableFunc(out, func(a, b Sizing) int {
		return cmp.Or(-cmp.Compare(a.Risks[0].Kind, b.Risks[0].Kind), -cmp.Compare(len(a.Risks), len(b.Risks)), -cmp.Compare(a.Pods, b.Pods), a.compare(&b))
	})
	return out
}

// compare orders by name.
func (s *Sizing) compare(to *Sizing) int {
	return cmp.Or(cmp.Compare(s.Namespace, to.Namespace), cmp.Compare(s.Kind, to.Kind), cmp.Compare(s.Name, to.Name), cmp.Compare(s.Container, to.Container))
}

// gathered is a Sizing while the pods are gone through.
type gathered struct {
	Sizing
	newest int64 // when the newest pod was made
	killed bool
}

func gather(found map[Key]*gathered, p *object.Pod) {
	w := headroom.WorkloadOf(p)
	for i := range p.Containers {
		c := &p.Containers[i]
		if c.Type != object.App && c.Type != object.Sidecar {
			continue // what runs for a moment has no use to go by
		}
		key := Key{w, c.Name}
		g := found[key]
		if g == nil {
			g = &gathered{}
			found[key] = g
		}
		g.Pods++
		if g.Pods == 1 || p.Created > g.newest {
			g.newest = p.Created
			g.Requests, g.Limits, g.Sidecar = c.Requests, c.Limits, c.Type == object.Sidecar
		}
		const killed = "OOMKilled"
		g.killed = g.killed || c.Reason == killed || c.Last != nil && c.Last.Reason == killed
	}
}

// judge fills in what follows from the use.
func (s *Sizing) judge(uses []Use, killed bool, opts Options) {
	for i := range uses {
		if s.Use == nil || uses[i].Span > s.Use.Span {
			s.Use = &uses[i]
		}
	}
	s.Risks = s.risks(killed)
	if s.Use == nil {
		s.TooShort = "0s of " + short(opts.MinHistory)
		return
	}
	target := s.target(killed)
	if s.Use.enough(opts.MinHistory) {
		s.Proposed = &target
	} else {
		s.TooShort = short(s.Use.Span) + " of " + short(opts.MinHistory)
	}
	n := int64(s.Pods)
	s.Waste = object.Resources{CPU: max(0, s.Requests.CPU-target.CPU) * n, Memory: max(0, s.Requests.Memory-target.Memory) * n}
	for _, r := range [][2]int64{{s.Waste.CPU, opts.Whole.CPU}, {s.Waste.Memory, opts.Whole.Memory}} {
		if r[1] > 0 {
			s.share += float64(r[0]) / float64(r[1])
		}
	}
}

// enough reports whether there is history enough to propose anything.
func (u *Use) enough(least time.Duration) bool {
	return u.Span >= least && (u.Target != nil || u.Samples >= leastSamples)
}

// target returns the requests that fit the use.
func (s *Sizing) target(killed bool) object.Resources {
	u := s.Use
	if t := u.Target; t != nil {
		return object.Resources{CPU: cmp.Or(t.CPU, s.Requests.CPU), Memory: cmp.Or(t.Memory, s.Requests.Memory)}
	}
	margin := int64(memoryMargin)
	if killed {
		margin = killedMargin
	}
	return object.Resources{
		CPU:    max(leastCPU, upTo(u.P95.CPU, cpuStep)),
		Memory: max(leastMemory, upTo(u.Max.Memory+u.Max.Memory/100*margin, memoryStep)),
	}
}

// upTo rounds n up to whole steps.
func upTo(n, step int64) int64 { return (n + step - 1) / step * step }

func (s *Sizing) risks(killed bool) []Risk {
	var out []Risk
	add := func(k RiskKind, format string, args ...any) { out = append(out, Risk{k, fmt.Sprintf(format, args...)}) }
	if killed {
		add(OOMKilled, "was killed for want of memory")
	}
	if u := s.Use; u != nil && u.Target == nil {
		span := short(u.Span)
		if l := s.Limits.Memory; l > 0 && percent(u.Max.Memory, l) >= nearLimit {
			add(NearMemoryLimit, "used up to %d%% of its memory limit in %s", percent(u.Max.Memory, l), span)
		}
		if r := s.Requests.Memory; r > 0 && u.Max.Memory > r {
			add(AboveMemoryRequest, "used up to %d%% of the memory that it asks for in %s: evicted early where memory runs short", percent(u.Max.Memory, r), span)
		}
		if l := s.Limits.CPU; l > 0 && percent(u.P95.CPU, l) >= nearLimit {
			add(NearCPULimit, "used %d%% of its CPU limit in %s: held back at times", percent(u.P95.CPU, l), span)
		}
	}
	if s.Requests.Memory == 0 {
		add(NoMemoryRequest, "asks for no memory: among the first to be evicted")
	}
	if s.Requests.CPU == 0 {
		add(NoCPURequest, "asks for no CPU: gets what others leave")
	}
	slices.SortStableFunc(out, func(a, b Risk) int { return -cmp.Compare(a.Kind, b.Kind) })
	return out
}

func percent(part, whole int64) int64 { return int64(float64(part)/float64(whole)*100 + 0.5) }

// short returns a time in one unit: 4m, 24h, 7d.
func short(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
