package fit

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	fwk "k8s.io/kube-scheduler/framework"
)

// trial is a question under way. It belongs to one goroutine.
type trial struct {
	*scheduler
	c      *Cluster
	moved  []candidate // pods that have to find a new node
	gone   []Pod
	placed map[int32]int // pods of the question on each node
	asked  int
	fit    int
	lacks  []Pending
	beyond int // pending pods that are not in lacks
	block  *Block
	notes  notes
	brief  bool // nobody wants to know the reasons

	reserved []reservation
}

// candidate is a pod for which a node is looked for.
type candidate struct {
	Pod
	pod
	drained bool
	fits    bool
}

// reservation is a pod that took volumes.
type reservation struct {
	state fwk.CycleState
	pod   *corev1.Pod
	node  string
}

func candidatesOf(pods []pod) []candidate {
	list := make([]candidate, len(pods))
	for i, p := range pods {
		list[i] = candidate{pod: p, Pod: Pod{Namespace: p.Namespace, Name: p.Name}}
	}
	return list
}

// queue orders pods as the scheduler takes them, by priority; among equals the
// largest first, and those of one shape together. It returns the same slice.
func queue(pods []candidate) []candidate {
	size := func(p *candidate) int64 { return max(p.room.cpu, p.room.memory>>22) } // 4 MiB weigh as much as a millicore
	slices.SortStableFunc(pods, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.priority(), a.priority()), cmp.Compare(size(&b), size(&a)),
			strings.Compare(string(a.shape.pod().UID), string(b.shape.pod().UID)))
	})
	return pods
}

// place finds nodes for pods one after the other.
func (t *trial) place(ctx context.Context, pods []candidate) error {
	for len(pods) > 0 {
		n := 1
		for n < len(pods) && pods[n].shape == pods[0].shape {
			n++
		}
		if err := t.run(ctx, pods[:n]); err != nil {
			return err
		}
		pods = pods[n:]
	}
	return nil
}

// run finds nodes for pods of one shape.
func (t *trial) run(ctx context.Context, pods []candidate) error {
	sh := pods[0].shape
	t.asked += len(pods)
	t.notes.about(t.c, sh.pod(), pods[0].Occupant)
	if status := t.gates.PreEnqueue(ctx, sh.pod()); !status.IsSuccess() {
		for i := range pods {
			t.lack(pods[i].Pod, []Reason{{Reason: status.Message()}})
		}
		return nil
	}
	q, err := t.search(ctx, sh)
	if err != nil {
		return err
	}
	var reasons []Reason // of the first that did not fit, and so of all after it
	none := false
	for i := range pods {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !none {
			node, ok, err := q.next(ctx)
			if err != nil {
				return err
			}
			if ok {
				if err := t.take(ctx, q, node); err != nil {
					return err
				}
				pods[i].fits = true
				continue
			}
			none = true
			if !t.brief && len(t.lacks) < PendingLimit {
				if reasons, err = q.reasons(ctx); err != nil {
					return err
				}
				t.notes.preemption(t.c, sh)
			}
		}
		t.lack(pods[i].Pod, reasons)
	}
	return nil
}

// take gives a pod of q its node.
func (t *trial) take(ctx context.Context, q *search, node int32) error {
	if q.volumes && !q.state.GetSkipFilterPlugins().Has(t.binder.Name()) {
		r := reservation{state: q.state, pod: q.pod(), node: q.view.nodes[node].Node().Name}
		if status := t.binder.Reserve(ctx, r.state, r.pod, r.node); !status.IsSuccess() {
			return fmt.Errorf("take the volumes of pod %s/%s: %w", r.pod.Namespace, r.pod.Name, status.AsError())
		}
		t.reserved = append(t.reserved, r)
	}
	t.view.put(q.shape, node)
	t.placed[node]++
	t.fit++
	return nil
}

// undo makes everything as it was.
func (t *trial) undo(ctx context.Context) {
	for _, r := range t.reserved {
		t.binder.Unreserve(ctx, r.state, r.pod, r.node)
	}
	t.view.undo()
	t.moved, t.gone, t.lacks, t.reserved = nil, nil, nil, nil
	t.asked, t.fit, t.beyond = 0, 0, 0
	clear(t.placed)
}

func (t *trial) lack(p Pod, reasons []Reason) {
	if len(t.lacks) >= PendingLimit {
		t.beyond++
		return
	}
	t.lacks = append(t.lacks, Pending{Pod: p, Reasons: reasons})
}

// budgets finds the disruption budget that stops a drain first. A pod that has
// found another node gives its place in the budget back.
func (t *trial) budgets(ask Ask) {
	if len(ask.Drain) == 0 || t.block != nil {
		return
	}
	if t.c.state.Budgets == nil {
		t.notes.add("pod disruption budgets, which could not be read")
	}
	left := map[string]int32{}
	for done, p := range t.moved {
		if !p.drained {
			continue
		}
		for _, b := range t.c.state.Budgets {
			if b.Namespace != p.Occupant.Namespace || !selects(b.Selector, p.Labels) {
				continue
			}
			key := b.Namespace + "/" + b.Name
			if _, ok := left[key]; !ok {
				left[key] = b.Allowed
			}
			if left[key] <= 0 {
				t.block = &Block{
					Kind: "PodDisruptionBudget", Namespace: b.Namespace, Name: b.Name, After: done,
					Why: fmt.Sprintf("%s: %d of %d pods are healthy, %d may be disrupted", b.Rule, b.Healthy, b.Expected, b.Allowed),
				}
				return
			}
			if !p.fits {
				left[key]--
			}
		}
	}
}

// selects reports whether a selector, as metav1.FormatLabelSelector writes it,
// selects a set of labels.
func selects(selector string, set labels.Labels) bool {
	switch selector {
	case "":
		return false
	case "<none>":
		return true
	}
	s, err := labels.Parse(selector)
	return err == nil && s.Matches(set)
}

func (t *trial) answer(ask Ask) Answer {
	a := Answer{
		Asked: t.asked, Fit: t.fit, Pending: t.lacks, PendingBeyond: t.beyond, BlockedFirst: t.block, NotReplaced: t.gone,
		Placements: make([]Placement, 0, len(t.placed)), NotModelled: t.notes.list(t.c, ask),
	}
	if a.Pending == nil {
		a.Pending = []Pending{}
	}
	for i := range maps.Keys(t.placed) {
		a.Placements = append(a.Placements, Placement{Node: t.view.nodes[i].Node().Name, Count: t.placed[i]})
	}
	slices.SortFunc(a.Placements, func(x, y Placement) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), strings.Compare(x.Node, y.Node))
	})
	return a
}
