package fit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"quarterdeck/kube/sanitize"
	"quarterdeck/nearest"
)

// Ask is a question: what would happen if all of this happened together.
type Ask struct {
	Pods    []Want   // new pods
	Drain   []string // nodes to be drained: what can move is evicted
	Lose    []string // nodes that stop answering
	Zone    string   // a zone of which all nodes stop answering, "" for none
	Add     []Like   // new nodes
	Waiting bool     // place the pods too that wait for a node now
}

// Like asks for nodes that are like one of the cluster, with the pods that its
// DaemonSets put on every such node.
type Like struct {
	Node  string
	Count int
}

// Want asks for new pods that are all the same but for their claims.
type Want struct {
	Pod    *corev1.Pod // namespace, labels and spec; not changed
	Name   string      // of the workload, for the names in the answer
	Count  int
	Claims []corev1.PersistentVolumeClaim // templates of a StatefulSet: each pod gets claims of its own
	First  int                            // ordinal of the first pod, with Claims
}

// Most is how many pods and nodes one question may be about.
const Most = 100_000

// WhatIf answers a question. It changes nothing in c.
func (c *Cluster) WhatIf(ctx context.Context, ask Ask) (Answer, error) {
	ctx = klog.NewContext(ctx, logr.Discard())
	lose, err := c.check(ask)
	if err != nil {
		return Answer{}, err
	}
	s, err := newScheduler(ctx, c)
	if err != nil {
		return Answer{}, err
	}
	t := &trial{scheduler: s, c: c, placed: map[int32]int{}, notes: notes{}}
	if err := t.change(ctx, ask, lose); err != nil {
		return Answer{}, err
	}
	if err := t.place(ctx, queue(t.moved)); err != nil {
		return Answer{}, err
	}
	if ask.Waiting {
		if err := t.place(ctx, queue(candidatesOf(c.idle))); err != nil {
			return Answer{}, err
		}
	}
	for _, w := range ask.Pods {
		if err := t.want(ctx, w); err != nil {
			return Answer{}, err
		}
	}
	t.budgets(ask)
	return t.answer(ask), nil
}

// check returns the nodes that would be lost, or why the question makes no
// sense.
func (c *Cluster) check(ask Ask) (lose []string, err error) {
	total := 0
	for _, w := range ask.Pods {
		switch {
		case w.Pod == nil:
			return nil, fmt.Errorf("which pods to place is not said: give a size, a file or a workload")
		case w.Count < 1:
			return nil, fmt.Errorf("%d pods of %s cannot be placed: ask for at least one", w.Count, w.name())
		}
		total += min(w.Count, Most+1)
	}
	for _, l := range ask.Add {
		if l.Count < 1 {
			return nil, fmt.Errorf("%d nodes like %s cannot be added: ask for at least one", l.Count, l.Node)
		}
		total += min(l.Count, Most+1)
	}
	if total > Most {
		return nil, fmt.Errorf("more than %d pods and nodes at once: ask for fewer", Most)
	}
	names := slices.Concat(ask.Drain, ask.Lose)
	for _, l := range ask.Add {
		names = append(names, l.Node)
	}
	for _, name := range names {
		if _, ok := c.index[name]; !ok {
			return nil, c.unknown("node", name, c.nodeNames())
		}
	}
	lose = slices.Clone(ask.Lose)
	if ask.Zone != "" {
		inZone := c.nodesOf(ask.Zone)
		if len(inZone) == 0 {
			return nil, c.unknown("zone", ask.Zone, c.Zones())
		}
		lose = append(lose, inZone...)
	}
	if len(ask.Pods)+len(ask.Drain)+len(lose)+len(ask.Add) == 0 && !ask.Waiting {
		return nil, fmt.Errorf("nothing is asked: say which pods come, or which nodes go or come")
	}
	return lose, nil
}

func (c *Cluster) unknown(what, name string, known []string) error {
	if len(known) == 0 {
		return fmt.Errorf("%s %s is not in the cluster, as far as it could be read", what, sanitize.Line(name))
	}
	return fmt.Errorf("%s %s is not in the cluster%s", what, sanitize.Line(name), nearest.Hint(name, known))
}

func (c *Cluster) nodeNames() []string {
	names := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		names[i] = n.Node().Name
	}
	return names
}

// Zones returns the zones of the nodes, in order.
func (c *Cluster) Zones() []string {
	var zones []string
	for _, n := range c.nodes {
		if z := n.Node().Labels[corev1.LabelTopologyZone]; z != "" {
			zones = append(zones, z)
		}
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}

func (c *Cluster) nodesOf(zone string) []string {
	var names []string
	for _, n := range c.nodes {
		if n.Node().Labels[corev1.LabelTopologyZone] == zone {
			names = append(names, n.Node().Name)
		}
	}
	return names
}

func (w *Want) name() string {
	return cmp.Or(w.Name, w.Pod.Name, strings.TrimSuffix(w.Pod.GenerateName, "-"), "pod")
}

// change makes the nodes come and go, and collects the pods that have to move.
func (t *trial) change(ctx context.Context, ask Ask, lose []string) error {
	for _, l := range ask.Add {
		t.like(l)
	}
	for _, name := range ask.Drain {
		if err := t.leave(ctx, t.c.index[name], drained); err != nil {
			return err
		}
	}
	for _, name := range lose {
		if err := t.leave(ctx, t.c.index[name], lost); err != nil {
			return err
		}
	}
	return nil
}

// like adds nodes.
func (t *trial) like(l Like) {
	from := t.c.index[l.Node]
	for k := 1; k <= l.Count; k++ {
		node := t.c.nodes[from].Node().DeepCopy()
		node.Name = fmt.Sprintf("%s+%d", l.Node, k)
		if _, ok := node.Labels[corev1.LabelHostname]; ok {
			node.Labels[corev1.LabelHostname] = node.Name
		}
		node.Spec.Unschedulable = false
		node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, func(t corev1.Taint) bool {
			return strings.HasPrefix(t.Key, "node.kubernetes.io/") // how the other is just now
		})
		n := framework.NewNodeInfo()
		n.SetNode(node)
		i := t.view.add(n)
		for _, p := range t.c.pods[from] {
			if p.Tied() {
				t.view.put(p.shape, i)
			}
		}
	}
}

// way is how a node goes.
type way uint8

const (
	drained way = iota // cordoned, and its pods evicted
	lost               // without an answer; all its pods are gone
)

// leave takes a node out of service.
func (t *trial) leave(ctx context.Context, i int32, how way) error {
	if t.view.closed[i] {
		return nil // named twice
	}
	n := t.view.own(i)
	node := n.Node().DeepCopy()
	effects := []corev1.TaintEffect{corev1.TaintEffectNoSchedule}
	key := corev1.TaintNodeUnschedulable
	if how == lost {
		key, effects = corev1.TaintNodeUnreachable, append(effects, corev1.TaintEffectNoExecute)
	} else {
		node.Spec.Unschedulable = true
	}
	for _, effect := range effects {
		if !slices.ContainsFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == key && t.Effect == effect }) {
			node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: key, Effect: effect})
		}
	}
	n.SetNode(node)
	t.view.closed[i] = true
	for _, p := range t.c.pods[i] {
		if err := ctx.Err(); err != nil {
			return err
		}
		if p.Tied() && how == drained {
			continue
		}
		if err := t.view.take(p.shape, i); err != nil {
			return err
		}
		switch {
		case p.Tied() || p.Deleted != 0: // it goes, or its successor is there already
		case p.Owner == nil:
			t.gone = append(t.gone, Pod{Namespace: p.Namespace, Name: p.Name})
		default:
			t.moved = append(t.moved, candidate{pod: p, Pod: Pod{Namespace: p.Namespace, Name: p.Name}, drained: how == drained})
		}
	}
	return nil
}
