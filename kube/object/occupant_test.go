package object

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func occupant(t *testing.T, p *corev1.Pod) *Occupant {
	t.Helper()
	return compact(t, Occupants(), p)[0]
}

func TestOccupant(t *testing.T) {
	seconds, yes, high := int64(300), true, int32(1000)
	always := corev1.ContainerRestartPolicyAlways
	p := corePod()
	p.Spec.SchedulerName = corev1.DefaultSchedulerName
	p.Spec.Tolerations = []corev1.Toleration{
		{Key: corev1.TaintNodeNotReady, Operator: "Exists", Effect: "NoExecute", TolerationSeconds: &seconds},
		{Key: corev1.TaintNodeUnreachable, Operator: "Exists", Effect: "NoExecute", TolerationSeconds: &seconds},
	}
	p.Spec.Volumes = []corev1.Volume{
		{Name: "token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}},
		{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data-0"}}},
	}
	if o := occupant(t, p); o.Rules != nil || !slices.Equal(o.Claims, []string{"data-0"}) || o.Tied() || o.Terminal() {
		t.Errorf("what every pod has is a rule, or its claim is not known: %+v", o)
	}
	p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: "scratch", VolumeSource: corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{}}})
	p.Spec.InitContainers = []corev1.Container{
		{Name: "init", Ports: []corev1.ContainerPort{{HostPort: 1}}}, // gone before others come
		{Name: "sidecar", RestartPolicy: &always, Ports: []corev1.ContainerPort{{HostPort: 9000, ContainerPort: 90}}},
	}
	p.Spec.Containers = []corev1.Container{{Name: "app", Ports: []corev1.ContainerPort{{ContainerPort: 80}, {HostPort: 8080, Protocol: "UDP"}}}}
	p.Spec.NodeSelector, p.Spec.Priority = map[string]string{"pool": "gpu"}, &high
	p.Spec.Tolerations = append(p.Spec.Tolerations, corev1.Toleration{Key: "gpu", Operator: "Exists"})
	p.Spec.Affinity = &corev1.Affinity{
		NodeAffinity:    &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{}},
		PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{TopologyKey: "zone"}}},
	}
	two := compact(t, Occupants(), p, p)
	r := two[0].Rules
	if r == nil || r != two[1].Rules {
		t.Fatal("pods with the same rules do not share them")
	}
	if s := r.Spec; len(s.Volumes) != 1 || len(s.Tolerations) != 1 || s.NodeSelector["pool"] != "gpu" || s.Affinity.NodeAffinity == nil || *s.Priority != high ||
		len(s.Containers) != 1 || len(s.Containers[0].Ports) != 2 || s.Containers[0].Ports[0].HostPort != 9000 || s.Containers[0].Ports[1].Protocol != "UDP" {
		t.Errorf("rules: %+v", s)
	}
	p.OwnerReferences = []metav1.OwnerReference{{Kind: "DaemonSet", Name: "agent", Controller: &yes}}
	o := occupant(t, p)
	if s := o.Rules.Spec; !o.Tied() || s.Affinity.NodeAffinity != nil || s.Affinity.PodAntiAffinity == nil || s.NodeSelector != nil || s.Tolerations != nil || len(s.Volumes) != 1 {
		t.Errorf("rules of a pod that stays: %+v", s)
	}
}
