package fit

import (
	"fmt"
	"slices"

	"github.com/go-logr/logr"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// view is the cluster with what a question has changed of it so far. The plugins
// look at it. Undoing puts back what the cluster has.
type view struct {
	c       *Cluster
	nodes   []fwk.NodeInfo // of c, those in touched replaced by copies; new ones at the end
	room    []room
	load    []float64
	touched []int32
	mine    []bool           // whether a node is a copy
	closed  []bool           // takes no pods: drained or lost
	keepers []fwk.NodeInfo   // with the pods that may keep away the one that is asked about
	claims  map[string]int32 // more or less than in c

	moved   []move            // what was put on nodes and taken off, in this order
	spaces  map[string][]move // the same by namespace
	keeping map[string][]move // of them, pods that keep others away, by the namespaces of those; "" for any
}

// move is a pod that was put on a node or taken off it.
type move struct {
	spot
	off bool
}

func newView(c *Cluster) *view {
	v := &view{c: c, spaces: map[string][]move{}, keeping: map[string][]move{}}
	v.nodes, v.room, v.load = slices.Clone(c.nodes), slices.Clone(c.room), slices.Clone(c.load)
	v.mine, v.closed, v.claims = make([]bool, len(c.nodes)), make([]bool, len(c.nodes)), map[string]int32{}
	return v
}

// undo makes v what the cluster is.
func (v *view) undo() {
	n := len(v.c.nodes)
	for _, i := range v.touched {
		if int(i) < n {
			v.nodes[i], v.room[i], v.load[i], v.mine[i], v.closed[i] = v.c.nodes[i], v.c.room[i], v.c.load[i], false, false
		}
	}
	v.nodes, v.room, v.load, v.mine, v.closed = v.nodes[:n], v.room[:n], v.load[:n], v.mine[:n], v.closed[:n]
	v.touched, v.moved = v.touched[:0], v.moved[:0]
	clear(v.spaces)
	clear(v.keeping)
	clear(v.claims)
}

// own returns a node that may be changed.
func (v *view) own(i int32) *framework.NodeInfo {
	if n, ok := v.nodes[i].(*framework.NodeInfo); ok && v.mine[i] {
		return n
	}
	n, _ := v.nodes[i].Snapshot().(*framework.NodeInfo)
	v.nodes[i], v.mine[i] = n, true
	v.touched = append(v.touched, i)
	return n
}

// add appends a node without pods and returns its number.
func (v *view) add(n *framework.NodeInfo) int32 {
	i := int32(len(v.nodes))
	v.nodes, v.room, v.load = append(v.nodes, n), append(v.room, roomOn(n)), append(v.load, load(n))
	v.mine, v.closed, v.touched = append(v.mine, true), append(v.closed, false), append(v.touched, i)
	return i
}

// put puts a pod on a node.
func (v *view) put(s *shape, i int32) {
	n := v.own(i)
	n.AddPodInfo(s.info)
	v.room[i], v.load[i] = roomOn(n), load(n)
	v.count(s, 1)
	v.note(move{spot: spot{shape: s, node: i}})
}

// take takes a pod off a node.
func (v *view) take(s *shape, i int32) error {
	n := v.own(i)
	if err := n.RemovePod(logr.Discard(), s.pod()); err != nil {
		return fmt.Errorf("take pod %s/%s off node %s: %w", s.pod().Namespace, s.pod().Name, n.Node().Name, err)
	}
	v.room[i], v.load[i] = roomOn(n), load(n)
	v.count(s, -1)
	v.note(move{spot: spot{shape: s, node: i}, off: true})
	return nil
}

func (v *view) note(m move) {
	v.moved = append(v.moved, m)
	namespace := m.pod().Namespace
	v.spaces[namespace] = append(v.spaces[namespace], m)
	for _, other := range m.keeps {
		v.keeping[other] = append(v.keeping[other], m)
	}
}

// count counts the claims of a pod that has a node.
func (v *view) count(s *shape, by int32) {
	if !s.volumes {
		return
	}
	p := s.pod()
	for i := range p.Spec.Volumes {
		if c := p.Spec.Volumes[i].PersistentVolumeClaim; c != nil {
			v.claims[p.Namespace+"/"+c.ClaimName] += by
		}
	}
}

// NodeInfos implements the scheduler's SharedLister, as the next two do.
func (v *view) NodeInfos() fwk.NodeInfoLister { return v }

// StorageInfos returns v.
func (v *view) StorageInfos() fwk.StorageInfoLister { return v }

// PodGroupStates returns nil: no plugin here asks for groups.
func (v *view) PodGroupStates() fwk.PodGroupStateLister { return nil }

// List implements NodeInfoLister, as the next three do.
func (v *view) List() ([]fwk.NodeInfo, error) { return v.nodes, nil }

// HavePodsWithAffinityList returns all nodes: only scoring asks.
func (v *view) HavePodsWithAffinityList() ([]fwk.NodeInfo, error) { return v.nodes, nil }

// HavePodsWithRequiredAntiAffinityList returns the nodes with pods that may keep
// away the one that is asked about.
func (v *view) HavePodsWithRequiredAntiAffinityList() ([]fwk.NodeInfo, error) { return v.keepers, nil }

// Get returns a node by its name.
func (v *view) Get(name string) (fwk.NodeInfo, error) {
	if i, ok := v.c.index[name]; ok {
		return v.nodes[i], nil
	}
	for _, n := range v.nodes[len(v.c.nodes):] {
		if n.Node().Name == name {
			return n, nil
		}
	}
	return nil, fmt.Errorf("there is no node %s", name)
}

// IsPVCUsedByPods implements StorageInfoLister: key is namespace/name.
func (v *view) IsPVCUsedByPods(key string) bool { return v.c.claims[key]+v.claims[key] > 0 }
