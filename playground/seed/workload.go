package seed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// podsPerWorkload of every Deployment; the last one gets what is left.
const podsPerWorkload = 25

// failEvery is how many pods there are to one in a crash loop.
const failEvery = 1000

// workload is a Deployment with its ReplicaSet and pods.
type workload struct {
	deployment *appsv1.Deployment
	replicaSet *appsv1.ReplicaSet
	pods       []*corev1.Pod
}

// source gives an object its random values. They depend on the name it was
// made for only.
type source struct{ *rand.Rand }

func newSource(name string) source {
	seed := sha256.Sum256([]byte(name))
	return source{rand.New(rand.NewChaCha8(seed))}
}

func (s source) uid() types.UID {
	var id uuid.UUID
	for i := range id {
		id[i] = byte(s.UintN(256))
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4
	return types.UID(id.String())
}

// suffix is n characters as Kubernetes ends generated names with.
func (s source) suffix(n int) string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	text := make([]byte, n)
	for i := range text {
		text[i] = alphabet[s.IntN(len(alphabet))]
	}
	return string(text)
}

func (s source) digest() string {
	sum := make([]byte, 32)
	for i := range sum {
		sum[i] = byte(s.UintN(256))
	}
	return hex.EncodeToString(sum)
}

// before is a moment up to most before now.
func (s source) before(now time.Time, most time.Duration) metav1.Time {
	return metav1.NewTime(now.Add(-time.Duration(s.Int64N(int64(most)))).Truncate(time.Second))
}

// newWorkload makes the index-th workload of a cluster, whose pods are those
// from first to first+count.
func newWorkload(size Size, index, first, count int, now time.Time) (workload, error) {
	name, namespace := workloadName(index), namespaceName(index%size.namespaces())
	random := newSource(name)
	labels := map[string]string{
		"app.kubernetes.io/name":     name,
		"app.kubernetes.io/instance": name,
		"app.kubernetes.io/part-of":  namespace,
		"team":                       namespace,
	}
	version := fmt.Sprintf("v%d.%d.%d", 1+random.IntN(4), random.IntN(30), random.IntN(10))
	template := podTemplate(name, version, labels)
	created := random.before(now, 200*24*time.Hour)
	rolled := metav1.NewTime(created.Add(now.Sub(created.Time) / 2))
	hash := random.suffix(10)

	w := workload{}
	failing := 0
	for i := first; i < first+count; i++ {
		if fails(i) {
			failing++
		}
	}
	var err error
	if w.deployment, err = deployment(name, namespace, random.uid(), created, template, labels, count, count-failing); err != nil {
		return w, err
	}
	if w.replicaSet, err = replicaSet(w.deployment, hash, random.uid(), rolled, count-failing); err != nil {
		return w, err
	}
	pattern, err := podOf(w.replicaSet)
	if err != nil {
		return w, err
	}
	for i := first; i < first+count; i++ {
		w.pods = append(w.pods, pattern.make(random, i, i%size.Nodes, rolled, now))
	}
	return w, nil
}

// fails says whether the i-th pod of the cluster is in a crash loop.
func fails(i int) bool { return i%failEvery == failEvery/2 }

func deployment(name, namespace string, uid types.UID, created metav1.Time, template corev1.PodTemplateSpec, labels map[string]string, replicas, ready int) (*appsv1.Deployment, error) {
	want, have := int32(replicas), int32(ready)
	d := &appsv1.Deployment{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: namespace, UID: uid, CreationTimestamp: created, Generation: 1,
			Labels:      labels,
			Annotations: map[string]string{"deployment.kubernetes.io/revision": "1"},
		},
		Spec: appsv1.DeploymentSpec{
			Replicas: &want,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/name": name}},
			Template: template,
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: percent("25%"), MaxUnavailable: percent("25%")},
			},
			RevisionHistoryLimit:    pointer(int32(10)),
			ProgressDeadlineSeconds: pointer(int32(600)),
		},
		Status: appsv1.DeploymentStatus{
			ObservedGeneration: 1,
			Replicas:           want, UpdatedReplicas: want, ReadyReplicas: have, AvailableReplicas: have, UnavailableReplicas: want - have,
			Conditions: []appsv1.DeploymentCondition{
				{
					Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable",
					Message: "Deployment has minimum availability.", LastUpdateTime: created, LastTransitionTime: created,
				},
				{
					Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable",
					Message: "The Deployment has progressed.", LastUpdateTime: created, LastTransitionTime: created,
				},
			},
		},
	}
	entry, err := managedFields(d,
		metav1.ManagedFieldsEntry{Manager: "helm", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1", Time: &created},
		map[string][]string{"metadata": {"labels"}, "spec": nil})
	if err != nil {
		return nil, err
	}
	d.ManagedFields = []metav1.ManagedFieldsEntry{entry}
	return d, nil
}

func replicaSet(d *appsv1.Deployment, hash string, uid types.UID, created metav1.Time, ready int) (*appsv1.ReplicaSet, error) {
	template := *d.Spec.Template.DeepCopy()
	template.Labels["pod-template-hash"] = hash
	want, have := *d.Spec.Replicas, int32(ready)
	rs := &appsv1.ReplicaSet{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"},
		ObjectMeta: metav1.ObjectMeta{
			Name: d.Name + "-" + hash, Namespace: d.Namespace, UID: uid, CreationTimestamp: created, Generation: 1,
			Labels: template.Labels,
			Annotations: map[string]string{
				"deployment.kubernetes.io/desired-replicas": fmt.Sprint(want),
				"deployment.kubernetes.io/max-replicas":     fmt.Sprint(want + (want+3)/4),
				"deployment.kubernetes.io/revision":         "1",
			},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment"))},
		},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &want,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{
				"app.kubernetes.io/name": d.Name, "pod-template-hash": hash,
			}},
			Template: template,
		},
		Status: appsv1.ReplicaSetStatus{
			ObservedGeneration: 1, Replicas: want, FullyLabeledReplicas: want, ReadyReplicas: have, AvailableReplicas: have,
		},
	}
	entry, err := managedFields(rs,
		metav1.ManagedFieldsEntry{Manager: "kube-controller-manager", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1", Time: &created},
		map[string][]string{"metadata": {"annotations", "labels", "ownerReferences"}, "spec": nil})
	if err != nil {
		return nil, err
	}
	rs.ManagedFields = []metav1.ManagedFieldsEntry{entry}
	return rs, nil
}

// podPattern is what the pods of one ReplicaSet have in common.
type podPattern struct {
	pod    *corev1.Pod
	status string // fields the kubelet owns, with patternIP for the pod's address
}

// patternIP stands for a pod's address in what its kubelet owns.
const patternIP = "255.255.255.255"

func podOf(rs *appsv1.ReplicaSet) (*podPattern, error) {
	pod := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			GenerateName:    rs.Name + "-",
			Namespace:       rs.Namespace,
			Labels:          rs.Spec.Template.Labels,
			Annotations:     rs.Spec.Template.Annotations,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(rs, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))},
		},
		Spec: *rs.Spec.Template.Spec.DeepCopy(),
	}
	spec, err := managedFields(pod,
		metav1.ManagedFieldsEntry{Manager: "kube-controller-manager", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1"},
		map[string][]string{"metadata": {"annotations", "generateName", "labels", "ownerReferences"}, "spec": nil})
	if err != nil {
		return nil, err
	}
	admit(pod)
	running(pod, patternIP, patternIP, metav1.Now())
	status, err := managedFields(pod,
		metav1.ManagedFieldsEntry{Manager: "kubelet", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", Subresource: "status"},
		map[string][]string{"status": nil})
	if err != nil {
		return nil, err
	}
	pod.ManagedFields = []metav1.ManagedFieldsEntry{spec, status}
	return &podPattern{pod: pod, status: status.FieldsV1.GetRawString()}, nil
}

// make returns the i-th pod of the cluster.
func (p *podPattern) make(random source, i, node int, rolled metav1.Time, now time.Time) *corev1.Pod {
	pod := p.pod.DeepCopy()
	pod.Name = pod.GenerateName + random.suffix(5)
	pod.UID = random.uid()
	pod.CreationTimestamp = random.before(now, now.Sub(rolled.Time)+time.Second)
	pod.Spec.NodeName = nodeName(node)
	started := metav1.NewTime(pod.CreationTimestamp.Add(2 * time.Second))
	ip := podIP(i)
	running(pod, ip, nodeIP(node), started)
	for c := range pod.Status.ContainerStatuses {
		status := &pod.Status.ContainerStatuses[c]
		status.ContainerID = "containerd://" + random.digest()
		status.ImageID = status.Image + "@sha256:" + random.digest()
	}
	if fails(i) {
		crashLoop(pod, int32(3+random.IntN(60)), now)
	}
	pod.ManagedFields[0].Time = &pod.CreationTimestamp
	pod.ManagedFields[1].Time = &started
	pod.ManagedFields[1].FieldsV1 = metav1.NewFieldsV1(strings.ReplaceAll(p.status, patternIP, ip))
	return pod
}
