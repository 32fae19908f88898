package seed

import (
	"fmt"
	"time"

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
	name := nodeName(i)
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
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				corev1.LabelHostname:           name,
				corev1.LabelOSStable:           "linux",
				corev1.LabelArchStable:         "amd64",
				corev1.LabelInstanceTypeStable: "standard-16",
				corev1.LabelTopologyRegion:     "region-1",
				corev1.LabelTopologyZone:       "zone-" + string(rune('a'+i%3)),
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
				// The pretend kubelets write it into YAML without quotes:
				// it must not look like a number.
				MachineID:               fmt.Sprintf("f%031x", i),
				SystemUUID:              fmt.Sprintf("00000000-0000-4000-8000-%012x", i),
				BootID:                  fmt.Sprintf("00000000-0000-4000-9000-%012x", i),
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

func nodeName(i int) string { return fmt.Sprintf("node-%05d", i) }

// nodeIP is the address of the i-th node, outside of the range of pods.
func nodeIP(i int) string { return fmt.Sprintf("172.16.%d.%d", i>>8&255, i&255) }

// readyNode is a Node as its kubelet would report it: a static cluster has
// none to do so.
func readyNode(i int, now time.Time) *corev1.Node {
	node := Node(i)
	node.UID = newSource(node.Name).uid()
	node.CreationTimestamp = metav1.NewTime(now.Add(-90 * 24 * time.Hour))
	node.Status.Addresses = []corev1.NodeAddress{
		{Type: corev1.NodeInternalIP, Address: nodeIP(i)},
		{Type: corev1.NodeHostName, Address: node.Name},
	}
	healthy := []struct {
		condition corev1.NodeConditionType
		status    corev1.ConditionStatus
		reason    string
		message   string
	}{
		{corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"},
		{corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"},
		{corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", "kubelet has sufficient PID available"},
		{corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", "kubelet is posting ready status"},
	}
	for _, h := range healthy {
		node.Status.Conditions = append(node.Status.Conditions, corev1.NodeCondition{
			Type:               h.condition,
			Status:             h.status,
			Reason:             h.reason,
			Message:            h.message,
			LastHeartbeatTime:  metav1.NewTime(now),
			LastTransitionTime: node.CreationTimestamp,
		})
	}
	return node
}
