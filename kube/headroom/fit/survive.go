package fit

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/go-logr/logr"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"
)

// Survival says what the loss of any one node, and of any one zone, would mean.
type Survival struct {
	Nodes       []Loss   `json:"nodes"` // those that cannot be lost without harm
	Zones       []Loss   `json:"zones"`
	Checked     int      `json:"checked"`     // losses that were tried
	NotReplaced int      `json:"notReplaced"` // pods without a controller, which are gone with their node
	NotModelled []string `json:"notModelled"`
}

// Loss is what the loss of a node or zone would leave without a place.
type Loss struct {
	Name    string `json:"name"`
	Moved   int    `json:"moved"`   // pods that look for a new node
	Pending int    `json:"pending"` // those that find none
	Pods    []Pod  `json:"pods"`    // of those, at most PendingLimit
}

// OK reports whether everything finds a place whatever one node or zone is lost.
func (s *Survival) OK() bool { return len(s.Nodes)+len(s.Zones) == 0 }

// Survive tries the loss of every node and of every zone. It calls progress, if
// that is not nil, now and then and from many goroutines, and ends with ctx's
// error when ctx ends. Why pods find no place, WhatIf says of one loss.
func (c *Cluster) Survive(ctx context.Context, progress func(done, total int)) (Survival, error) {
	ctx = klog.NewContext(ctx, logr.Discard())
	zones := c.Zones()
	losses := make([]Loss, 0, len(zones)+len(c.nodes))
	nodes := make([][]string, 0, cap(losses))
	for _, z := range zones {
		losses, nodes = append(losses, Loss{Name: z}), append(nodes, c.nodesOf(z))
	}
	for _, name := range c.nodeNames() {
		losses, nodes = append(losses, Loss{Name: name}), append(nodes, []string{name})
	}
	var next, done atomic.Int64
	var mu sync.Mutex // guards all and failed
	all, failed := notes{}, error(nil)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(losses)) {
		group.Go(func() {
			defer utilruntime.HandleCrash()
			t := &trial{c: c, placed: map[int32]int{}, notes: notes{}, brief: true}
			err := t.survive(ctx, losses, nodes, &next, func() {
				if n := int(done.Add(1)); progress != nil && (n%64 == 0 || n == len(losses)) {
					progress(n, len(losses))
				}
			})
			mu.Lock()
			defer mu.Unlock()
			for note := range t.notes {
				all[note] = true
			}
			if err != nil && failed == nil {
				failed = err
				cancel()
			}
		})
	}
	group.Wait()
	if failed != nil {
		return Survival{}, failed
	}
	s := Survival{Nodes: []Loss{}, Zones: []Loss{}, Checked: len(losses), NotModelled: all.list(c, Ask{})}
	for i, l := range losses {
		switch {
		case l.Pending == 0:
		case i < len(zones):
			s.Zones = append(s.Zones, l)
		default:
			s.Nodes = append(s.Nodes, l)
		}
	}
	for _, pods := range c.pods {
		for _, p := range pods {
			if p.Owner == nil && p.Deleted == 0 {
				s.NotReplaced++
			}
		}
	}
	return s, nil
}

// survive tries losses until none is left.
func (t *trial) survive(ctx context.Context, losses []Loss, nodes [][]string, next *atomic.Int64, done func()) error {
	var err error
	if t.scheduler, err = newScheduler(ctx, t.c); err != nil {
		return err
	}
	for {
		i := int(next.Add(1)) - 1
		if i >= len(losses) {
			return nil
		}
		if err := t.lose(ctx, nodes[i]); err != nil {
			return err
		}
		l := &losses[i]
		l.Moved, l.Pending, l.Pods = t.asked, t.asked-t.fit, []Pod{}
		for _, p := range t.lacks {
			l.Pods = append(l.Pods, p.Pod)
		}
		t.undo(ctx)
		done()
	}
}

// lose tries the loss of nodes.
func (t *trial) lose(ctx context.Context, names []string) error {
	if err := t.change(ctx, Ask{}, names); err != nil {
		return err
	}
	return t.place(ctx, queue(t.moved))
}
