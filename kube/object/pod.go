package object

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/resource"

	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// Pods declares how pods are read.
func Pods() store.Kind[*Pod] {
	const ( // of core/v1 Container
		command, args, env, envFrom, mounts        = 3, 4, 7, 19, 9
		liveness, readiness, lifecycle, security   = 10, 11, 12, 15
		containers, initContainers, ephemeral      = 2, 20, 34 // of PodSpec
		volumes, affinity, tolerations, spread     = 1, 18, 22, 33
		containerStatuses, initStatuses            = 8, 10 // of PodStatus
		imageID, containerID, statusMounts, allocd = 7, 8, 12, 10
	)
	drop := []path{
		noAnnotations,
		{specField, volumes}, {specField, affinity}, {specField, tolerations}, {specField, spread},
		{specField, ephemeral, env}, {specField, ephemeral, mounts},
	}
	for _, list := range []protoNumber{containers, initContainers} {
		for _, f := range []protoNumber{command, args, env, envFrom, mounts, liveness, readiness, lifecycle, security} {
			drop = append(drop, path{specField, list, f})
		}
	}
	for _, list := range []protoNumber{containerStatuses, initStatuses} {
		for _, f := range []protoNumber{imageID, containerID, statusMounts, allocd} {
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
	Message        string // why it is not scheduled, or what the kubelet says of the whole pod
	Ready, Total   int16 // containers, sidecars included
	Restarts       int32
	LastRestart    int64     // seconds since 1970, 0 if none is known
	Requests       Resources // of the whole pod, as the scheduler counts
	Limits         Resources
	Containers     []Container // init, app, ephemeral, in the order of the pod's spec
}

// Resources are amounts of CPU and memory. Zero means not set.
type Resources struct {
	CPU    int64 // millicores
	Memory int64 // bytes
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
	out.Message = in.String(podMessage(p))
	req := resource.PodRequests(p, resource.PodResourcesOptions{})
	lim := resource.PodLimits(p, resource.PodResourcesOptions{})
	out.Requests, out.Limits = resources(req), resources(lim)

	n := len(p.Spec.InitContainers) + len(p.Spec.Containers) + len(p.Spec.EphemeralContainers)
	out.Containers = make([]Container, 0, n)
	for i := range p.Spec.InitContainers {
		c := &p.Spec.InitContainers[i]
		typ := Init
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
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
	for i := range out.Containers {
		c := &out.Containers[i]
		if c.Type == Sidecar || c.Type == App {
			out.Total++
			if c.Ready {
				out.Ready++
			}
		}
	}
	out.Restarts, out.LastRestart = restarts(out)
	out.Status = in.String(podStatus(p, out))
	return out
}

// podMessage returns the scheduler's reason while there is one.
func podMessage(p *corev1.Pod) string {
	for i := range p.Status.Conditions {
		c := &p.Status.Conditions[i]
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return c.Message
		}
	}
	return p.Status.Message
}

func resources(list corev1.ResourceList) Resources {
	return Resources{CPU: list.Cpu().MilliValue(), Memory: list.Memory().Value()}
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
	c.Ready, c.Restarts = s.Ready, s.RestartCount
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
		c.Last = &Termination{Reason: in.String(terminationReason(t)), Exit: t.ExitCode, Finished: unix(&t.FinishedAt)}
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

// restarts counts what kubectl counts: while init containers run, theirs; then
// those of sidecars and app containers.
func restarts(p *Pod) (n int32, last int64) {
	initializing := initializing(p) != nil
	for i := range p.Containers {
		c := &p.Containers[i]
		counts := c.Type == Sidecar || (c.Type == App && !initializing) || (c.Type == Init && initializing)
		if !counts {
			continue
		}
		n += c.Restarts
		if c.Last != nil {
			last = max(last, c.Last.Finished)
		}
	}
	return n, last
}

// initializing returns the init container that the pod waits for, nil if it is
// past its initialization.
func initializing(p *Pod) *Container {
	for i := range p.Containers {
		c := &p.Containers[i]
		switch c.Type {
		case Init:
			if c.State == Terminated && c.Exit == 0 {
				continue
			}
			return c
		case Sidecar:
			if c.State == Running { // started is enough for the next to begin
				continue
			}
			return c
		case App, Ephemeral:
		}
	}
	return nil
}

// podStatus returns the word that kubectl shows as a pod's status; see
// printPod in k8s.io/kubernetes/pkg/printers/internalversion. The word names
// the container that is in the way.
func podStatus(p *corev1.Pod, out *Pod) string {
	status := string(p.Status.Phase)
	if p.Status.Reason != "" {
		status = p.Status.Reason
	}
	for i := range p.Status.Conditions {
		c := &p.Status.Conditions[i]
		if c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonSchedulingGated {
			status = corev1.PodReasonSchedulingGated
		}
	}
	if c := initializing(out); c != nil && len(p.Status.InitContainerStatuses) > 0 && p.Status.Phase != corev1.PodSucceeded {
		status = initStatus(out, c)
	} else {
		status = appStatus(p, out, status)
	}
	if p.DeletionTimestamp != nil {
		switch {
		case p.Status.Reason == "NodeLost":
			return "Unknown"
		case p.Status.Phase != corev1.PodFailed && p.Status.Phase != corev1.PodSucceeded:
			return "Terminating"
		}
	}
	return status
}

func initStatus(p *Pod, c *Container) string {
	switch {
	case c.State == Terminated:
		return "Init:" + c.Reason
	case c.State == Waiting && c.Reason != "" && c.Reason != "PodInitializing":
		return "Init:" + c.Reason
	}
	var done, total int
	for i := range p.Containers {
		if t := p.Containers[i].Type; t == Init || t == Sidecar {
			if &p.Containers[i] == c {
				done = total
			}
			total++
		}
	}
	return "Init:" + strconv.Itoa(done) + "/" + strconv.Itoa(total)
}

func appStatus(p *corev1.Pod, out *Pod, status string) string {
	running := false
	for i := len(out.Containers) - 1; i >= 0; i-- { // the first container has the last word
		c := &out.Containers[i]
		if c.Type != App {
			continue
		}
		switch {
		case c.State == Waiting && c.Reason != "", c.State == Terminated:
			status = c.Reason
		case c.State == Running && c.Ready:
			running = true
		}
	}
	if status == "Completed" && running {
		if podReady(p) {
			return "Running"
		}
		return "NotReady"
	}
	return status
}

func podReady(p *corev1.Pod) bool {
	for i := range p.Status.Conditions {
		if c := &p.Status.Conditions[i]; c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
