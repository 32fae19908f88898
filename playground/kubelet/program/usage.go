package program

import (
	"math"
	"time"
)

// Usage is what a container uses at one moment.
type Usage struct {
	// CPU in millicores, Memory in bytes.
	CPU    float64
	Memory int64
}

// Use returns what a container uses at the time now. share is how many
// containers divide the program's load, limit the CPU limit in millicores (0
// for none), and seed tells containers apart.
func (p Program) Use(seed uint64, started, now time.Time, share int, limit int64) Usage {
	phase := float64(seed%1000) / 1000 * 2 * math.Pi
	t := float64(now.UnixMilli()) / 1000
	// A slow wave that is its own for every container, and a fast small one.
	own := 1 + 0.18*math.Sin(t/97+phase) + 0.06*math.Sin(t/7.3+3*phase)
	cpu := float64(p.CPU) * own
	if p.Load > 0 {
		// All containers of a program see the same demand.
		demand := float64(p.Load) * (1 + 0.06*math.Sin(t/211) + 0.02*math.Sin(t/31))
		cpu += demand / float64(max(share, 1)) * (1 + 0.03*math.Sin(t/11+phase))
	}
	if limit > 0 {
		cpu = min(cpu, 0.99*float64(limit))
	}
	// Memory climbs to its level within the first minute and then breathes.
	warm := min(1, 0.6+0.4*now.Sub(started).Seconds()/60)
	memory := float64(p.Memory) * warm * (0.93 + 0.05*math.Sin(t/173+phase))
	return Usage{CPU: max(cpu, 0.5), Memory: int64(memory)}
}
