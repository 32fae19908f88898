package object

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/store"
)

// Occupants declares how pods are read for who asks where there is room: without
// anything of their containers but what they request, with their rules about
// nodes and about each other.
func Occupants() store.Kind[*Occupant] {
	const ( // of core/v1 Container, Volume, PodSpec, PodStatus
		image, command, args, env, envFrom, mounts, devices = 2, 3, 4, 7, 19, 9, 21
		liveness, readiness, startup, lifecycle, security   = 10, 11, 22, 12, 15
		containers, initContainers, ephemeral               = 2, 20, 34
		volumes, source                                     = 1, 2
		conditions, ephemeralStatuses                       = 2, 13
		containerStatuses, initStatuses                     = 8, 10
		state, last, statusImage, imageID, containerID      = 2, 3, 6, 7, 8
		statusMounts, user                                  = 12, 13
	)
	drop := []path{noAnnotations, {specField, ephemeral}, {statusField, conditions}, {statusField, ephemeralStatuses}}
	for _, list := range []protoNumber{containers, initContainers} {
		for _, f := range []protoNumber{
			image, command, args, env, envFrom, mounts, devices, liveness, readiness, startup, lifecycle, security,
		} {
			drop = append(drop, path{specField, list, f})
		}
	}
	for _, list := range []protoNumber{containerStatuses, initStatuses} {
		for _, f := range []protoNumber{state, last, statusImage, imageID, containerID, statusMounts, user} {
			drop = append(drop, path{statusField, list, f})
		}
	}
	for _, f := range anywhere() {
		drop = append(drop, path{specField, volumes, source, f})
	}
	return store.Typed(corev1.SchemeGroupVersion.WithResource("pods"), "Pod", true, newOccupant, drop...)
}

// Occupant is a pod as the scheduler sees it.
type Occupant struct {
	store.Meta
	Node   string // "" while it waits for one
	Phase  string
	Demand *Demand // what it takes of its node
	Rules  *Rules  // nil if it has none, as most have
	Claims []string
}

// Rules are what besides labels, requests and claims the scheduler looks at when
// it finds a node for a pod. Pods of a store with the same rules share one; nobody
// changes it. Its strings are as the API has them, to be compared and not to be
// shown. Of a pod that is tied to its node there is only what other pods feel:
// anti-affinity, ports, volumes.
type Rules struct{ Spec corev1.PodSpec }

// Requests returns what the pod takes of its node, as the scheduler counts it.
func (o *Occupant) Requests() Amounts {
	if o.Demand == nil {
		return Amounts{}
	}
	return o.Demand.Requests
}

// Terminal reports whether the pod has ended for good and takes nothing more.
func (o *Occupant) Terminal() bool {
	return o.Phase == string(corev1.PodSucceeded) || o.Phase == string(corev1.PodFailed)
}

// Tied reports whether the pod is never placed anywhere else: it is one of a
// DaemonSet or made by the kubelet.
func (o *Occupant) Tied() bool { return o.Owner != nil && ties(o.Owner.Kind) }

func ties(ownerKind string) bool { return ownerKind == "DaemonSet" || ownerKind == "Node" }

func newOccupant(p *corev1.Pod, in *store.Interner) *Occupant {
	return &Occupant{
		Meta: in.Meta(&p.ObjectMeta), Node: in.String(p.Spec.NodeName), Phase: in.String(string(p.Status.Phase)),
		Demand: newDemand(p, in), Rules: newRules(p, in), Claims: claims(p, in),
	}
}

func newRules(p *corev1.Pod, in *store.Interner) *Rules {
	s := &p.Spec
	var kept corev1.PodSpec
	tied := slices.ContainsFunc(p.OwnerReferences, func(r metav1.OwnerReference) bool {
		return r.Controller != nil && *r.Controller && ties(r.Kind)
	})
	switch {
	case !tied:
		kept.NodeSelector, kept.Affinity, kept.Tolerations = s.NodeSelector, s.Affinity, ownTolerations(s.Tolerations)
		kept.TopologySpreadConstraints, kept.SchedulingGates, kept.ResourceClaims = s.TopologySpreadConstraints, s.SchedulingGates, s.ResourceClaims
		if s.SchedulerName != corev1.DefaultSchedulerName {
			kept.SchedulerName = s.SchedulerName
		}
		if s.Priority != nil && *s.Priority != 0 {
			kept.Priority = s.Priority
		}
	case s.Affinity != nil && s.Affinity.PodAntiAffinity != nil:
		kept.Affinity = &corev1.Affinity{PodAntiAffinity: s.Affinity.PodAntiAffinity}
	}
	if ports := hostPorts(s); len(ports) > 0 {
		kept.Containers = []corev1.Container{{Ports: ports}}
	}
	for i := range s.Volumes {
		if v := &s.Volumes[i]; Somewhere(v) {
			kept.Volumes = append(kept.Volumes, *v)
		}
	}
	if kept.Size() == new(corev1.PodSpec).Size() {
		return nil
	}
	key := []byte("rules")
	if encoded, err := kept.Marshal(); err == nil {
		key = append(key, encoded...)
	} else { // cannot be: it came in this encoding
		key = append(key, p.UID...)
	}
	return store.Share(in, key, func() *Rules { return &Rules{Spec: *kept.DeepCopy()} })
}

// ownTolerations leaves out the two that every pod is given.
func ownTolerations(all []corev1.Toleration) []corev1.Toleration {
	return slices.DeleteFunc(slices.Clone(all), func(t corev1.Toleration) bool {
		return t.TolerationSeconds != nil && t.Effect == corev1.TaintEffectNoExecute &&
			(t.Key == corev1.TaintNodeNotReady || t.Key == corev1.TaintNodeUnreachable)
	})
}

// hostPorts returns the ports that a pod takes of its node.
func hostPorts(s *corev1.PodSpec) []corev1.ContainerPort {
	var ports []corev1.ContainerPort
	add := func(c *corev1.Container) {
		for _, p := range c.Ports {
			if p.HostPort > 0 {
				ports = append(ports, corev1.ContainerPort{HostPort: p.HostPort, HostIP: p.HostIP, Protocol: p.Protocol})
			}
		}
	}
	for i := range s.InitContainers {
		if isSidecar(&s.InitContainers[i]) {
			add(&s.InitContainers[i])
		}
	}
	for i := range s.Containers {
		add(&s.Containers[i])
	}
	return ports
}

// Somewhere reports whether a volume cannot be had on every node. Claims are
// kept apart, in Occupant.Claims: they differ from pod to pod.
func Somewhere(v *corev1.Volume) bool {
	return v.Ephemeral != nil || v.GCEPersistentDisk != nil || v.AWSElasticBlockStore != nil || v.ISCSI != nil || v.RBD != nil ||
		v.AzureDisk != nil || v.Cinder != nil || v.PortworxVolume != nil || v.VsphereVolume != nil
}

// anywhere returns the protobuf fields of VolumeSource that most pods have and
// Somewhere does not look at: emptyDir, secret, downwardAPI, configMap,
// projected.
func anywhere() []protoNumber { return []protoNumber{2, 6, 16, 19, 26} }

// claims returns the names of the persistent volume claims of a pod.
func claims(p *corev1.Pod, in *store.Interner) []string {
	var names []string
	for i := range p.Spec.Volumes {
		if c := p.Spec.Volumes[i].PersistentVolumeClaim; c != nil {
			names = append(names, in.String(c.ClaimName))
		}
	}
	return names
}
