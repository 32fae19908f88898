// Package seed makes objects for clusters of any size and writes them past
// the API straight into etcd, where doing it through the API takes minutes.
package seed

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MetricsPathAnnotation tells metrics-server where on the pretend kubelet's
// server a node's metrics are.
const MetricsPathAnnotation = "metrics.k8s.io/resource-metrics-path"

// Node is the i-th node of a cluster without a scenario: three zones in turn,
// all of one size. It has no conditions: a kubelet has not seen it yet.
func Node(i int) *corev1.Node {
	name := fmt.Sprintf("node-%05d", i)
	zone := "zone-" + string(rune('a'+i%3))
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("16"),
		corev1.ResourceMemory:           resource.MustParse("64Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("200Gi"),
		corev1.ResourcePods:             resource.MustParse("110"),
	}
	allocatable := capacity.DeepCopy()
	allocatable[corev1.ResourceCPU] = resource.MustParse("15800m")
	allocatable[corev1.ResourceMemory] = resource.MustParse("61Gi")
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				corev1.LabelHostname:           name,
				corev1.LabelOSStable:           "linux",
				corev1.LabelArchStable:         "amd64",
				corev1.LabelInstanceTypeStable: "standard-16",
				corev1.LabelTopologyRegion:     "region-1",
				corev1.LabelTopologyZone:       zone,
				"pool":                         "standard",
			},
			Annotations: map[string]string{
				MetricsPathAnnotation: "/metrics/nodes/" + name + "/metrics/resource",
			},
		},
		Status: corev1.NodeStatus{
			Capacity:    capacity,
			Allocatable: allocatable,
			NodeInfo: corev1.NodeSystemInfo{
				MachineID:               fmt.Sprintf("%032x", i+1),
				SystemUUID:              fmt.Sprintf("00000000-0000-4000-8000-%012x", i+1),
				BootID:                  fmt.Sprintf("00000000-0000-4000-9000-%012x", i+1),
				KernelVersion:           "6.12.40",
				OSImage:                 "Example Linux 12",
				ContainerRuntimeVersion: "containerd://2.1.4",
				KubeletVersion:          "v1.36.3",
				OperatingSystem:         "linux",
				Architecture:            "amd64",
			},
		},
	}
}
