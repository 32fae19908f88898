//go:build e2e

package fit

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// world is one random cluster.
type world struct {
	id        int
	namespace string
	nodes     []*corev1.Node
	volumes   []*corev1.PersistentVolume
	r         *rand.Rand
}

// wish is a pod to come, with its claims.
type wish struct {
	pod    *corev1.Pod
	claims []*corev1.PersistentVolumeClaim
}

const gpu = "example.com/gpu"

func newWorld(id int, r *rand.Rand) *world {
	w := &world{id: id, namespace: fmt.Sprint("case-", id), r: r}
	for k := range 2 + r.IntN(4) {
		w.nodes = append(w.nodes, w.node(k))
	}
	for k := range r.IntN(3) {
		w.volumes = append(w.volumes, w.volume(k))
	}
	return w
}

func (w *world) chance(percent int) bool { return w.r.IntN(100) < percent }

func pick[T any](w *world, from ...T) T { return from[w.r.IntN(len(from))] }

func (w *world) node(k int) *corev1.Node {
	name := fmt.Sprintf("case-%d-node-%d", w.id, k)
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		"case": strconv.Itoa(w.id), corev1.LabelHostname: name, "disk": pick(w, "ssd", "hdd"), "size": strconv.Itoa(w.r.IntN(5)),
	}}}
	if w.chance(85) {
		n.Labels[corev1.LabelTopologyZone] = fmt.Sprintf("%d-%s", w.id, pick(w, "a", "b", "c"))
	}
	if w.chance(25) {
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: "dedicated", Value: pick(w, "x", "y"), Effect: pick(w,
			corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute)})
	}
	n.Spec.Unschedulable = w.chance(12)
	list := corev1.ResourceList{
		"cpu": *resource.NewMilliQuantity(int64(500*(1+w.r.IntN(8))), resource.DecimalSI), "memory": *resource.NewQuantity(int64(1+w.r.IntN(8))<<29, resource.BinarySI),
		"ephemeral-storage": *resource.NewQuantity(int64(1+w.r.IntN(4))<<30, resource.BinarySI), "pods": *resource.NewQuantity(int64(1+w.r.IntN(6)), resource.DecimalSI),
	}
	if w.chance(40) {
		list[gpu] = *resource.NewQuantity(int64(1+w.r.IntN(2)), resource.DecimalSI)
	}
	n.Status = corev1.NodeStatus{Capacity: list, Allocatable: list}
	return n
}

// volume is a local one: it is on one node.
func (w *world) volume(k int) *corev1.PersistentVolume {
	node := pick(w, w.nodes...)
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("case-%d-volume-%d", w.id, k), Labels: map[string]string{"case": strconv.Itoa(w.id)}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: corev1.ResourceList{"storage": resource.MustParse("1Gi")}, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain, StorageClassName: "local",
			PersistentVolumeSource: corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: "/mnt"}},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelHostname, Operator: "In", Values: []string{node.Name}}},
			}}}},
		},
	}
}

// pod returns a random pod that wants a node of w.
func (w *world) pod(k int) wish {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.namespace, Name: fmt.Sprint("pod-", k), Labels: map[string]string{"app": pick(w, "a", "b", "c"), "version": pick(w, "1", "2"), "track": pick(w, "stable", "canary")},
		},
		Spec: corev1.PodSpec{NodeSelector: map[string]string{"case": strconv.Itoa(w.id)}},
	}
	c := corev1.Container{Name: "app", Image: "registry.example.com/app:v1", Resources: w.resources()}
	if w.chance(20) {
		c.Ports = []corev1.ContainerPort{{
			ContainerPort: 80, HostPort: pick[int32](w, 8080, 8081), HostIP: pick(w, "", "127.0.0.1", "0.0.0.0"), Protocol: pick(w, corev1.ProtocolTCP, corev1.ProtocolUDP),
		}}
	}
	p.Spec.Containers = []corev1.Container{c}
	if w.chance(25) {
		init := corev1.Container{Name: "init", Image: c.Image, Resources: w.resources()}
		if always := corev1.ContainerRestartPolicyAlways; w.chance(50) {
			init.RestartPolicy = &always
		}
		p.Spec.InitContainers = []corev1.Container{init}
	}
	if w.chance(20) {
		p.Spec.NodeSelector["disk"] = "ssd"
	}
	if w.chance(30) {
		p.Spec.Tolerations = append(p.Spec.Tolerations, w.toleration())
	}
	if w.chance(55) {
		p.Spec.Affinity = w.affinity()
	}
	if w.chance(35) {
		p.Spec.TopologySpreadConstraints = append(p.Spec.TopologySpreadConstraints, w.spread())
		if other := w.spread(); w.chance(30) && other.TopologyKey != p.Spec.TopologySpreadConstraints[0].TopologyKey {
			p.Spec.TopologySpreadConstraints = append(p.Spec.TopologySpreadConstraints, other)
		}
	}
	out := wish{pod: p}
	if w.chance(15) {
		out.claims = append(out.claims, w.claim(k, p))
	}
	return out
}

func (w *world) resources() corev1.ResourceRequirements {
	list := corev1.ResourceList{}
	if w.chance(80) {
		list["cpu"] = *resource.NewMilliQuantity(int64(100*w.r.IntN(20)), resource.DecimalSI)
	}
	if w.chance(70) {
		list["memory"] = *resource.NewQuantity(int64(w.r.IntN(10))<<27, resource.BinarySI)
	}
	if w.chance(15) {
		list["ephemeral-storage"] = *resource.NewQuantity(int64(w.r.IntN(4))<<29, resource.BinarySI)
	}
	r := corev1.ResourceRequirements{Requests: list}
	if w.chance(12) {
		list[gpu] = resource.MustParse("1")
		r.Limits = corev1.ResourceList{gpu: list[gpu]}
	}
	return r
}

func (w *world) toleration() corev1.Toleration {
	switch w.r.IntN(4) {
	case 0:
		return corev1.Toleration{Operator: corev1.TolerationOpExists}
	case 1:
		return corev1.Toleration{Key: "dedicated", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}
	case 2:
		return corev1.Toleration{Key: corev1.TaintNodeUnschedulable, Operator: corev1.TolerationOpExists}
	}
	return corev1.Toleration{Key: "dedicated", Operator: corev1.TolerationOpEqual, Value: "x"}
}

func (w *world) key() string {
	return pick(w, corev1.LabelHostname, corev1.LabelTopologyZone, corev1.LabelTopologyZone, "disk")
}

func (w *world) selector() *metav1.LabelSelector {
	switch w.r.IntN(4) {
	case 0:
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"c"}}}}
	case 1:
		return &metav1.LabelSelector{MatchLabels: map[string]string{"version": "1"}}
	}
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": pick(w, "a", "b", "c")}}
}

func (w *world) affinity() *corev1.Affinity {
	a := &corev1.Affinity{}
	term := func() []corev1.PodAffinityTerm {
		t := corev1.PodAffinityTerm{TopologyKey: w.key(), LabelSelector: w.selector()}
		if w.chance(25) {
			t.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"case": strconv.Itoa(w.id)}}
		}
		if w.chance(15) {
			t.MatchLabelKeys = []string{"track"}
		}
		return []corev1.PodAffinityTerm{t}
	}
	if w.chance(35) {
		a.NodeAffinity = &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{w.nodeTerm()}}}
	}
	if w.chance(35) {
		a.PodAffinity = &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: term()}
	}
	if w.chance(50) {
		a.PodAntiAffinity = &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: term()}
	}
	return a
}

func (w *world) nodeTerm() corev1.NodeSelectorTerm {
	expression := func(key string, op corev1.NodeSelectorOperator, values ...string) corev1.NodeSelectorTerm {
		return corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: op, Values: values}}}
	}
	switch w.r.IntN(5) {
	case 0:
		return expression(corev1.LabelTopologyZone, corev1.NodeSelectorOpExists)
	case 1:
		return expression("size", corev1.NodeSelectorOpGt, "2")
	case 2:
		return expression("disk", corev1.NodeSelectorOpNotIn, "hdd")
	case 3:
		return expression(corev1.LabelTopologyZone, corev1.NodeSelectorOpIn, fmt.Sprint(w.id, "-a"), fmt.Sprint(w.id, "-b"))
	}
	return corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{{
		Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{pick(w, w.nodes...).Name},
	}}}
}

func (w *world) spread() corev1.TopologySpreadConstraint {
	c := corev1.TopologySpreadConstraint{MaxSkew: int32(1 + w.r.IntN(2)), TopologyKey: w.key(), WhenUnsatisfiable: corev1.DoNotSchedule, LabelSelector: w.selector()}
	if w.chance(20) {
		domains := int32(1 + w.r.IntN(4))
		c.MinDomains = &domains
	}
	if w.chance(30) {
		policy := pick(w, corev1.NodeInclusionPolicyHonor, corev1.NodeInclusionPolicyIgnore)
		c.NodeAffinityPolicy = &policy
	}
	if w.chance(30) {
		policy := pick(w, corev1.NodeInclusionPolicyHonor, corev1.NodeInclusionPolicyIgnore)
		c.NodeTaintsPolicy = &policy
	}
	if w.chance(15) {
		c.MatchLabelKeys = []string{"track"}
	}
	return c
}

// claim gives p a volume: a local one, one that will be made where p goes, or one
// that nobody has claimed.
func (w *world) claim(k int, p *corev1.Pod) *corev1.PersistentVolumeClaim {
	class := pick(w, "local", "local", "made")
	c := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: fmt.Sprint("claim-", k)},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{"storage": resource.MustParse(pick(w, "1Gi", "512Mi", "2Gi"))}},
		},
	}
	if class == "local" {
		c.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"case": strconv.Itoa(w.id)}}
	}
	p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: c.Name},
	}})
	return c
}
