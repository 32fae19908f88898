package object

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// Pods declares how pods are read.
func Pods() store.Kind[*Pod] {
	const ( // of core/v1 Container
		command, args, env, envFrom, mounts      = 3, 4, 7, 19, 9
		liveness, readiness, startup             = 10, 11, 22
		lifecycle, security                      = 12, 15
		containers, initContainers, ephemeral    = 2, 20, 34 // of PodSpec
		volumes, affinity, tolerations, spread   = 1, 18, 22, 33
		containerStatuses, initStatuses          = 8, 10 // of PodStatus
		imageID, containerID, statusMounts, user = 7, 8, 12, 13
	)
	drop := []path{
		noAnnotations,
		{specField, volumes},
		{specField, affinity},
		{specField, tolerations},
		{specField, spread},
		{specField, ephemeral, env},
		{specField, ephemeral, mounts},
	}
	for _, list := range []protoNumber{containers, initContainers} {
		for _, f := range []protoNumber{command, args, env, envFrom, mounts, liveness, readiness, startup, lifecycle, security} {
			drop = append(drop, path{specField, list, f})
		}
	}
	for _, list := range []protoNumber{containerStatuses, initStatuses} {
		for _, f := range []protoNumber{imageID, containerID, statusMounts, user} {
			drop = append(drop, path{statusField, list, f})
		}
	}
	return store.Typed(corev1.SchemeGroupVersion.WithResource("pods"), "Pod", true, newPod, drop...)
}

// Pod is a compact pod.
type Pod struct {
	store.Meta
	Node, IP       string
	Phase          string
	Status         string // the word of kubectl's STATUS column
	QoS            string
	ServiceAccount string
	Message        string // why it is not scheduled, or is preempted, or what the kubelet says of the whole pod, or which readiness gate is shut
	Finalizers     string // separated by commas
	Selector       string // of nodes, "pool=db,zone=a", while it has no node
	HostNetwork    bool   // it has the addresses and ports of its node
	Ready, Total   int16  // containers, sidecars included
	Restarts       int32
	LastRestart    int64       // seconds since 1970, 0 if none is known
	ReadySince     int64       // when the pod became ready, seconds since 1970, 0 while it is not
	UnreadySince   int64       // when it was ready last, or began if it never was; 0 while it is, or if that is not told
	Demand         *Demand     // of the whole pod; see Requests and Limits
	Containers     []Container // init, app, ephemeral, in the order of the pod's spec
}

// ContainerType tells the kinds of containers of a pod apart.
type ContainerType uint8

// The types of containers.
const (
	App ContainerType = iota
	Init
	Sidecar
	Ephemeral
)

// String returns the type as a word.
func (t ContainerType) String() string {
	return [...]string{"app", "init", "sidecar", "ephemeral"}[t]
}

// Container is one container of a pod, with its state.
type Container struct {
	Name, Image string
	Type        ContainerType
	State       ContainerState
	Ready       bool
	Started     bool // its startup probe, if it has one, has succeeded
	Restarts    int32
	Reason      string // of the state, such as CrashLoopBackOff
	Message     string // of the state
	Exit        int32  // exit code, if State is Terminated
	Since       int64  // when it started or finished, seconds since 1970
	Last        *Termination
	Requests    Resources
	Limits      Resources
	Ports       string // "8080 http, 9090/UDP"
}

// ContainerState is what a container does now.
type ContainerState uint8

// The states of a container.
const (
	Unknown ContainerState = iota // nothing reported yet
	Waiting
	Running
	Terminated
)

// String returns the state as a word.
func (s ContainerState) String() string {
	return [...]string{"Unknown", "Waiting", "Running", "Terminated"}[s]
}

// Termination is how a container ended the time before.
type Termination struct {
	Reason   string
	Message  string // what the program left in its termination log, or the end of its log
	Exit     int32
	Finished int64 // seconds since 1970
}

// String returns the termination in words: OOMKilled 137, Error 1.
func (t *Termination) String() string {
	if t == nil {
		return ""
	}
	if t.Exit == 0 && t.Reason != "" {
		return t.Reason
	}
	return strings.TrimSpace(t.Reason + " " + strconv.Itoa(int(t.Exit)))
}

func newPod(p *corev1.Pod, in *store.Interner) *Pod {
	out := &Pod{
		Meta: in.Meta(&p.ObjectMeta),
		Node: in.String(p.Spec.NodeName), IP: sanitize.Line(p.Status.PodIP),
		Phase: in.String(string(p.Status.Phase)), QoS: in.String(string(p.Status.QOSClass)),
		ServiceAccount: in.String(p.Spec.ServiceAccountName),
	}
	out.HostNetwork = p.Spec.HostNetwork
	out.Message = in.String(podMessage(p))
	out.ReadySince, out.UnreadySince = readiness(p)
	if p.Spec.NodeName == "" && len(p.Spec.NodeSelector) > 0 {
		out.Selector = in.String(labels.FormatLabels(p.Spec.NodeSelector))
	}
	if len(p.Finalizers) > 0 {
		out.Finalizers = in.String(strings.Join(p.Finalizers, ","))
	}
	out.Demand = newDemand(p, in)

	n := len(p.Spec.InitContainers) + len(p.Spec.Containers) + len(p.Spec.EphemeralContainers)
	out.Containers = make([]Container, 0, n)
	for i := range p.Spec.InitContainers {
		c := &p.Spec.InitContainers[i]
		typ := Init
		if isSidecar(c) {
			typ = Sidecar
		}
		out.Containers = append(out.Containers, newContainer(typ, c, p.Status.InitContainerStatuses, in))
	}
	for i := range p.Spec.Containers {
		out.Containers = append(out.Containers, newContainer(App, &p.Spec.Containers[i], p.Status.ContainerStatuses, in))
	}
	for i := range p.Spec.EphemeralContainers {
		c := corev1.Container(p.Spec.EphemeralContainers[i].EphemeralContainerCommon)
		out.Containers = append(out.Containers, newContainer(Ephemeral, &c, p.Status.EphemeralContainerStatuses, in))
	}
	line := printed(p)
	out.Ready, out.Total = line.ready, line.total
	out.Restarts, out.LastRestart = line.restarts, line.last
	out.Status = in.String(line.status)
	return out
}

// podMessage returns the scheduler's reason while there is one: why it finds no
// node, or why it takes the pod from its node.
func podMessage(p *corev1.Pod) string {
	for i := range p.Status.Conditions {
		c := &p.Status.Conditions[i]
		if c.Type == corev1.DisruptionTarget && c.Reason == corev1.PodReasonPreemptionByScheduler && c.Status == corev1.ConditionTrue {
			return c.Message
		}
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return c.Message
		}
		if c.Type == corev1.PodReady && c.Reason == "ReadinessGatesNotReady" && p.Status.Message == "" {
			return c.Message
		}
	}
	return p.Status.Message
}

// readiness returns since when a pod is ready, or is not.
func readiness(p *corev1.Pod) (ready, unready int64) {
	for i := range p.Status.Conditions {
		c := &p.Status.Conditions[i]
		switch {
		case c.Type != corev1.PodReady:
		case c.Status == corev1.ConditionTrue:
			return max(1, unix(&c.LastTransitionTime)), 0 // ready, if nobody says since when
		default:
			return 0, unix(&c.LastTransitionTime)
		}
	}
	return 0, 0
}

func newContainer(typ ContainerType, c *corev1.Container, statuses []corev1.ContainerStatus, in *store.Interner) Container {
	out := Container{
		Name: in.String(c.Name), Image: in.String(c.Image), Type: typ,
		Requests: resources(c.Resources.Requests), Limits: resources(c.Resources.Limits),
		Ports: in.String(ports(c.Ports)),
	}
	for i := range statuses {
		if s := &statuses[i]; s.Name == c.Name {
			out.observe(s, in)
		}
	}
	return out
}

// observe takes over what the kubelet said of a container.
func (c *Container) observe(s *corev1.ContainerStatus, in *store.Interner) {
	c.Ready, c.Started, c.Restarts = s.Ready, s.Started != nil && *s.Started, s.RestartCount
	switch st := s.State; {
	case st.Waiting != nil:
		c.State, c.Reason, c.Message = Waiting, in.String(st.Waiting.Reason), in.String(st.Waiting.Message)
	case st.Running != nil:
		c.State, c.Since = Running, unix(&st.Running.StartedAt)
	case st.Terminated != nil:
		c.State, c.Reason, c.Message = Terminated, in.String(terminationReason(st.Terminated)), in.String(st.Terminated.Message)
		c.Exit, c.Since = st.Terminated.ExitCode, unix(&st.Terminated.FinishedAt)
	}
	if t := s.LastTerminationState.Terminated; t != nil {
		c.Last = &Termination{Reason: in.String(terminationReason(t)), Message: in.String(t.Message), Exit: t.ExitCode, Finished: unix(&t.FinishedAt)}
	}
}

func terminationReason(t *corev1.ContainerStateTerminated) string {
	switch {
	case t.Reason != "":
		return t.Reason
	case t.Signal != 0:
		return "Signal:" + strconv.Itoa(int(t.Signal))
	}
	return "ExitCode:" + strconv.Itoa(int(t.ExitCode))
}

func ports(list []corev1.ContainerPort) string {
	var b strings.Builder
	for i, p := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(int(p.ContainerPort)))
		if p.Protocol != "" && p.Protocol != corev1.ProtocolTCP {
			b.WriteString("/" + string(p.Protocol))
		}
		if p.Name != "" {
			b.WriteString(" " + p.Name)
		}
	}
	return b.String()
}
