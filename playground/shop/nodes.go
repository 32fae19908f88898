package shop

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// size of a machine: what it has and what is left for pods.
type size struct {
	instance                           string
	cpu, memory, allocCPU, allocMemory string
	storage, allocStorage              string
}

// nodes returns the shop's twelve nodes: a standard pool and, tainted, one with
// much memory, spread over three zones.
func nodes() []*corev1.Node {
	small := size{"std-4", "4", "16Gi", "3920m", "14630Mi", "100Gi", "91Gi"}
	large := size{"std-8", "8", "32Gi", "7910m", "29880Mi", "100Gi", "91Gi"}
	memory := size{"mem-16", "16", "64Gi", "15890m", "60430Mi", "200Gi", "183Gi"}
	sizes := []size{
		small, small, small,
		small, small, small,
		large, large, small,
		memory, memory, memory,
	}
	all := make([]*corev1.Node, len(sizes))
	for i, s := range sizes {
		pool := "std"
		if s == memory {
			pool = "mem"
		}
		all[i] = node(i, pool, s)
	}
	return all
}

func node(i int, pool string, s size) *corev1.Node {
	zone := string(rune('a' + i%3))
	name := fmt.Sprintf("%s-%s-%02d", pool, zone, i/3+1)
	list := func(cpu, memory, storage string) corev1.ResourceList {
		return corev1.ResourceList{
			corev1.ResourceCPU:              resource.MustParse(cpu),
			corev1.ResourceMemory:           resource.MustParse(memory),
			corev1.ResourceEphemeralStorage: resource.MustParse(storage),
			corev1.ResourcePods:             resource.MustParse("110"),
		}
	}
	n := &corev1.Node{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				corev1.LabelHostname:           name,
				corev1.LabelOSStable:           "linux",
				corev1.LabelArchStable:         "amd64",
				corev1.LabelInstanceTypeStable: s.instance,
				corev1.LabelTopologyRegion:     "region-1",
				corev1.LabelTopologyZone:       "zone-" + zone,
				"node-role.kubernetes.io/" + map[string]string{"std": "worker", "mem": "memory"}[pool]: "",
				"pool": pool,
			},
			Annotations: map[string]string{
				// Where the pretend kubelets' one server has this node's metrics.
				"metrics.k8s.io/resource-metrics-path": "/metrics/nodes/" + name + "/metrics/resource",
			},
		},
		Spec: corev1.NodeSpec{
			PodCIDR:    fmt.Sprintf("10.42.%d.0/24", i),
			PodCIDRs:   []string{fmt.Sprintf("10.42.%d.0/24", i)},
			ProviderID: "playground:///zone-" + zone + "/" + name,
		},
		Status: corev1.NodeStatus{
			Capacity:    list(s.cpu, s.memory, s.storage),
			Allocatable: list(s.allocCPU, s.allocMemory, s.allocStorage),
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("10.20.%d.%d", i%3+1, 11+i/3)},
				{Type: corev1.NodeHostName, Address: name},
				// The address that the API server dials.
				{Type: corev1.NodeInternalDNS, Address: "127.0.0.1"},
			},
			NodeInfo: corev1.NodeSystemInfo{
				MachineID:               fmt.Sprintf("5a1c%028x", i+1),
				SystemUUID:              fmt.Sprintf("5a1c0000-0000-4000-8000-%012x", i+1),
				BootID:                  fmt.Sprintf("5a1c0000-0000-4000-9000-%012x", i+1),
				KernelVersion:           "6.12.57+deb13-cloud-amd64",
				OSImage:                 "Debian GNU/Linux 13 (trixie)",
				ContainerRuntimeVersion: "containerd://2.1.5",
				KubeletVersion:          "v1.36.3",
				OperatingSystem:         "linux",
				Architecture:            "amd64",
			},
		},
	}
	if pool == "mem" {
		n.Spec.Taints = []corev1.Taint{{Key: "pool", Value: "mem", Effect: corev1.TaintEffectNoSchedule}}
	}
	return n
}
