package object

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/store"
)

// Nodes declares how nodes are read.
func Nodes() store.Kind[*Node] {
	const images, attached, inUse = 8, 10, 9 // of NodeStatus
	return store.Typed(corev1.SchemeGroupVersion.WithResource("nodes"), "Node", false, newNode,
		noAnnotations, path{statusField, images}, path{statusField, attached}, path{statusField, inUse})
}

// Node is a compact node.
type Node struct {
	store.Meta
	Status      string // Ready, NotReady or Unknown, then what else is wrong
	Ready       bool
	Cordoned    bool
	Roles       string
	Zone        string
	Instance    string // instance type
	Version     string // of the kubelet
	OS          string
	Runtime     string
	InternalIP  string
	ExternalIP  string
	Taints      []string // key=value:effect
	Pressures   []string // conditions that should not be true
	Allocatable Amounts  // what pods may ask for; what the system keeps for itself is not in it
	Capacity    Amounts
	Pods        int64       // how many pods it takes
	Conditions  []Condition // that are not as they should be
	Heard       int64       // when the kubelet last wrote that it is ready, seconds since 1970
	ReadySince  int64       // seconds since 1970, 0 if it is not ready
	CordonedAt  int64       // seconds since 1970, 0 if that is not known
}

func newNode(n *corev1.Node, in *store.Interner) *Node {
	out := &Node{
		Meta: in.Meta(&n.ObjectMeta), Cordoned: n.Spec.Unschedulable,
		Zone: in.String(n.Labels[corev1.LabelTopologyZone]), Instance: in.String(n.Labels[corev1.LabelInstanceTypeStable]),
		Version: in.String(n.Status.NodeInfo.KubeletVersion), OS: in.String(n.Status.NodeInfo.OSImage),
		Runtime: in.String(n.Status.NodeInfo.ContainerRuntimeVersion),
		Roles:   in.String(nodeRoles(n.Labels)),

		Allocatable: newAmounts(n.Status.Allocatable, in), Capacity: newAmounts(n.Status.Capacity, in),
		Pods: units(n.Status.Allocatable.Pods(), 0),
	}
	for _, a := range n.Status.Addresses {
		switch {
		case a.Type == corev1.NodeInternalIP && out.InternalIP == "":
			out.InternalIP = in.String(a.Address)
		case a.Type == corev1.NodeExternalIP && out.ExternalIP == "":
			out.ExternalIP = in.String(a.Address)
		}
	}
	for _, t := range n.Spec.Taints {
		out.Taints = append(out.Taints, in.String(t.ToString()))
		if t.Key == corev1.TaintNodeUnschedulable {
			out.CordonedAt = unix(t.TimeAdded)
		}
	}
	status := "Unknown" // no Ready condition: the kubelet has not reported yet
	for _, c := range n.Status.Conditions {
		switch {
		case c.Type == corev1.NodeReady:
			out.Ready, out.Heard = c.Status == corev1.ConditionTrue, unix(&c.LastHeartbeatTime)
			switch c.Status {
			case corev1.ConditionTrue:
				status, out.ReadySince = "Ready", unix(&c.LastTransitionTime)
			case corev1.ConditionFalse:
				status = "NotReady"
			case corev1.ConditionUnknown: // the node controller has not heard of it
				status = "NotReady"
			}
		case c.Status == corev1.ConditionTrue:
			out.Pressures = append(out.Pressures, in.String(string(c.Type)))
		}
		if (c.Type == corev1.NodeReady) != (c.Status == corev1.ConditionTrue) {
			out.Conditions = append(out.Conditions, newCondition(string(c.Type), string(c.Status), c.Reason, c.Message, &c.LastTransitionTime, in))
		}
	}
	words := append([]string{status}, out.Pressures...)
	if out.Cordoned {
		words = append(words, "cordoned")
	}
	out.Status = in.String(strings.Join(words, ","))
	return out
}

// Condition returns the condition of a type if it is not as it should be, nil
// otherwise.
func (n *Node) Condition(typ string) *Condition { return find(n.Conditions, typ) }

func nodeRoles(labels map[string]string) string {
	const prefix = "node-role.kubernetes.io/"
	var roles []string
	for k, v := range labels {
		switch {
		case strings.HasPrefix(k, prefix) && len(k) > len(prefix):
			roles = append(roles, k[len(prefix):])
		case k == "kubernetes.io/role" && v != "":
			roles = append(roles, v)
		}
	}
	slices.Sort(roles)
	return strings.Join(slices.Compact(roles), ",")
}
