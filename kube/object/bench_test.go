package object

import (
	"fmt"
	"runtime"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"
)

// realPod returns a pod as large clusters have them: about 10 KB in protobuf, a
// third of it managedFields.
func realPod(i int) *corev1.Pod {
	yes := true
	name := fmt.Sprintf("checkout-7f9c5d%04x-x2k%02x", i/10, i%251)
	p := corePod(phase(corev1.PodRunning), initialized(), isReady(),
		initContainer("migrate", ended("Completed", 0)), sidecar("proxy", running(true)),
		container("app", restarted(int32(i%3), 1_700_000_000, running(true))), container("agent", running(true)))
	p.ObjectMeta = metav1.ObjectMeta{
		Name: name, Namespace: fmt.Sprint("team-", i%40), UID: "6c3cf1a5-5c0f-4f6a-9a9e-0242ac120002", ResourceVersion: fmt.Sprint(i),
		CreationTimestamp: metav1.Unix(1_700_000_000+int64(i), 0), GenerateName: "checkout-7f9c5d-",
		Labels: map[string]string{
			"app.kubernetes.io/name": "checkout", "app.kubernetes.io/instance": fmt.Sprint("team-", i%40), "app.kubernetes.io/version": "v2.3.1",
			"pod-template-hash": fmt.Sprintf("7f9c5d%04x", i/10), "tier": "backend",
		},
		Annotations: map[string]string{
			"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z", "prometheus.io/scrape": "true", "prometheus.io/port": "9090",
			"checksum/config": "0f343b0931126a20f133d67c2b018a3b0f343b0931126a20f133d67c2b018a3b",
		},
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: "apps/v1", Kind: "ReplicaSet", Name: fmt.Sprintf("checkout-7f9c5d%04x", i/10), UID: "7c3cf1a5-5c0f-4f6a-9a9e-0242ac120002", Controller: &yes,
		}},
	}
	for _, m := range []string{"kube-controller-manager", "kubelet", "argocd"} {
		p.ManagedFields = append(p.ManagedFields, metav1.ManagedFieldsEntry{
			Manager: m, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", FieldsType: "FieldsV1",
			FieldsV1: metav1.NewFieldsV1(string(make([]byte, 1100))),
		})
	}
	p.Spec.NodeName, p.Spec.ServiceAccountName, p.Spec.SchedulerName = fmt.Sprintf("node-%05d", i%5000), "checkout", "default-scheduler"
	p.Status.PodIP, p.Status.HostIP, p.Status.QOSClass = fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), "192.0.2.1", corev1.PodQOSBurstable
	p.Spec.Tolerations = []corev1.Toleration{{Key: "node.kubernetes.io/not-ready", Operator: "Exists", Effect: "NoExecute"}, {Key: "node.kubernetes.io/unreachable", Operator: "Exists", Effect: "NoExecute"}}
	for _, v := range []string{"config", "tls", "tmp", "kube-api-access-8x7fj"} {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: v, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
			Sources: []corev1.VolumeProjection{{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: v + "-settings"}}}},
		}}})
	}
	for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range list {
			fillContainer(&list[i])
		}
	}
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for i := range list {
			s := &list[i]
			s.Image = "registry.example.com/platform/checkout:v2.3.1"
			s.ImageID = "registry.example.com/platform/checkout@sha256:0f343b0931126a20f133d67c2b018a3b0f343b0931126a20f133d67c2b018a3b"
			s.Resources = p.Spec.Containers[0].Resources.DeepCopy()
			s.ContainerID = "containerd://0f343b0931126a20f133d67c2b018a3b0f343b0931126a20f133d67c2b018a3b"
		}
	}
	return p
}

func fillContainer(c *corev1.Container) {
	c.Image = "registry.example.com/platform/checkout:v2.3.1"
	c.Command = []string{"/usr/local/bin/checkout", "--config=/etc/checkout/config.yaml", "--listen=:8080", "--log-format=json"}
	c.Ports = []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: "TCP"}, {Name: "metrics", ContainerPort: 9090, Protocol: "TCP"}}
	for i := range 14 {
		c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprint("SERVICE_SETTING_", i), Value: "https://service.internal.example.com:8443/api"})
	}
	c.Resources = corev1.ResourceRequirements{
		Requests: corev1.ResourceList{"cpu": resource.MustParse("250m"), "memory": resource.MustParse("256Mi")},
		Limits:   corev1.ResourceList{"cpu": resource.MustParse("1"), "memory": resource.MustParse("512Mi")},
	}
	for _, v := range []string{"config", "tls", "tmp", "kube-api-access-8x7fj"} {
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: v, MountPath: "/var/run/" + v, ReadOnly: true})
	}
	c.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz"}}, PeriodSeconds: 10}
	c.LivenessProbe = c.ReadinessProbe
}

func realPods(b *testing.B, n int) []byte {
	pods := make([]k8sruntime.Object, n)
	for i := range pods {
		pods[i] = realPod(i)
	}
	return encode(b, k8sruntime.ContentTypeProtobuf, pods...)
}

// BenchmarkPods decodes pages of pods, and says what a pod costs.
func BenchmarkPods(b *testing.B) {
	const n = 2000
	page := realPods(b, n)
	kind := Pods()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := kind.Decode(page); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/pod")
	b.ReportMetric(float64(len(page))/n, "wire-B/pod")
}

// BenchmarkPodsKept says how much memory a pod takes once it is kept.
func BenchmarkPodsKept(b *testing.B) {
	const n = 10_000
	page := realPods(b, n)
	kind := Pods()
	var kept []*Pod
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		var err error
		if kept, err = kind.Decode(page); err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/pod")
	b.ReportMetric(float64(after.HeapObjects-before.HeapObjects)/n, "objects/pod")
	runtime.KeepAlive(kept)
	runtime.KeepAlive(page)
}

// BenchmarkOccupants decodes pages of pods to what the scheduler sees of them.
func BenchmarkOccupants(b *testing.B) {
	const n = 2000
	page := realPods(b, n)
	kind := Occupants()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := kind.Decode(page); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/pod")
}
