package shop

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"quarterdeck/playground/kubelet"
	"quarterdeck/playground/kubelet/program"
)

// world is the decoded shop.
type world struct {
	objects map[string]runtime.Object // by kind, namespace and name
	// workloads are the pod templates by the name of what has them.
	workloads map[string]workloadInfo
}

type workloadInfo struct {
	namespace string
	selector  *metav1.LabelSelector
	template  corev1.PodTemplateSpec
	claims    []corev1.PersistentVolumeClaim
}

func load(t *testing.T) world {
	t.Helper()
	all, err := Objects()
	if err != nil {
		t.Fatal(err)
	}
	w := world{objects: map[string]runtime.Object{}, workloads: map[string]workloadInfo{}}
	for _, u := range all {
		key := fmt.Sprintf("%s %s/%s", u.GetKind(), u.GetNamespace(), u.GetName())
		if _, twice := w.objects[key]; twice {
			t.Errorf("%s is there twice", key)
		}
		if u.GetKind() == "CustomResourceDefinition" || u.GetKind() == "Database" {
			w.objects[key] = u
			continue
		}
		data, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		typed, err := scheme.Scheme.New(u.GroupVersionKind())
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		if err := yaml.UnmarshalStrict(data, typed); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		w.objects[key] = typed
		switch o := typed.(type) {
		case *appsv1.Deployment:
			w.workloads[key] = workloadInfo{o.Namespace, o.Spec.Selector, o.Spec.Template, nil}
		case *appsv1.StatefulSet:
			w.workloads[key] = workloadInfo{o.Namespace, o.Spec.Selector, o.Spec.Template, o.Spec.VolumeClaimTemplates}
		case *appsv1.DaemonSet:
			w.workloads[key] = workloadInfo{o.Namespace, o.Spec.Selector, o.Spec.Template, nil}
		case *batchv1.Job:
			w.workloads[key] = workloadInfo{o.Namespace, nil, o.Spec.Template, nil}
		case *batchv1.CronJob:
			w.workloads[key] = workloadInfo{o.Namespace, nil, o.Spec.JobTemplate.Spec.Template, nil}
		case *corev1.Pod:
			w.workloads[key] = workloadInfo{o.Namespace, nil, corev1.PodTemplateSpec{ObjectMeta: o.ObjectMeta, Spec: o.Spec}, nil}
		}
	}
	return w
}

func (w world) has(kind, namespace, name string) bool {
	_, ok := w.objects[fmt.Sprintf("%s %s/%s", kind, namespace, name)]
	return ok
}

func containersOf(spec *corev1.PodSpec) []corev1.Container {
	return slices.Concat(spec.InitContainers, spec.Containers)
}

func TestShopIsBigEnough(t *testing.T) {
	w := load(t)
	namespaces := map[string]bool{}
	kinds := map[string]int{}
	for key, info := range w.workloads {
		namespaces[info.namespace] = true
		kinds[strings.Fields(key)[0]]++
	}
	if len(w.workloads) < 20 || len(namespaces) < 5 || !namespaces["payments"] {
		t.Errorf("%d workloads in namespaces %v", len(w.workloads), slices.Sorted(maps.Keys(namespaces)))
	}
	for _, kind := range []string{"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"} {
		if kinds[kind] == 0 {
			t.Errorf("there is no %s", kind)
		}
	}
}

func TestSelectorsMatchTemplates(t *testing.T) {
	for key, info := range load(t).workloads {
		if info.selector == nil {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(info.selector)
		if err != nil {
			t.Fatal(err)
		}
		if selector.Empty() || !selector.Matches(labels.Set(info.template.Labels)) {
			t.Errorf("%s: selector %v does not match its template %v", key, selector, info.template.Labels)
		}
	}
}

// A Service must find pods that have its ports, and find them in one workload.
func TestServicesReachPods(t *testing.T) {
	w := load(t)
	for key, object := range w.objects {
		service, ok := object.(*corev1.Service)
		if !ok {
			continue
		}
		var behind []string
		for name, info := range w.workloads {
			if info.namespace != service.Namespace || !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(info.template.Labels)) {
				continue
			}
			behind = append(behind, name)
			for _, port := range service.Spec.Ports {
				if !declares(&info.template.Spec, port) {
					t.Errorf("%s: port %s has no target in %s", key, port.Name, name)
				}
			}
		}
		if len(behind) != 1 {
			t.Errorf("%s is served by %v", key, behind)
		}
	}
}

func declares(spec *corev1.PodSpec, port corev1.ServicePort) bool {
	for _, c := range containersOf(spec) {
		for _, p := range c.Ports {
			if p.Name == port.TargetPort.StrVal || p.ContainerPort == port.TargetPort.IntVal {
				return true
			}
		}
	}
	return false
}

// need reports a reference to something that is not there.
func (w world) need(t *testing.T, by, kind, namespace, name string) {
	t.Helper()
	if name != "" && !w.has(kind, namespace, name) {
		t.Errorf("%s refers to %s %s/%s, which is not there", by, kind, namespace, name)
	}
}

func TestTemplatesReferToWhatExists(t *testing.T) {
	w := load(t)
	for key, info := range w.workloads {
		spec := &info.template.Spec
		w.need(t, key, "ServiceAccount", info.namespace, spec.ServiceAccountName)
		if !strings.HasPrefix(spec.PriorityClassName, "system-") {
			w.need(t, key, "PriorityClass", "", spec.PriorityClassName)
		}
		mountable := map[string]bool{}
		for _, v := range spec.Volumes {
			mountable[v.Name] = true
			switch {
			case v.ConfigMap != nil:
				w.need(t, key, "ConfigMap", info.namespace, v.ConfigMap.Name)
			case v.Secret != nil:
				w.need(t, key, "Secret", info.namespace, v.Secret.SecretName)
			case v.PersistentVolumeClaim != nil:
				w.need(t, key, "PersistentVolumeClaim", info.namespace, v.PersistentVolumeClaim.ClaimName)
			}
		}
		for _, c := range info.claims {
			mountable[c.Name] = true
			w.need(t, key, "StorageClass", "", *c.Spec.StorageClassName)
		}
		for _, c := range containersOf(spec) {
			for _, m := range c.VolumeMounts {
				if !mountable[m.Name] {
					t.Errorf("%s mounts %s, which it does not have", key, m.Name)
				}
			}
			w.environmentExists(t, key, info.namespace, &c)
		}
	}
}

func (w world) environmentExists(t *testing.T, by, namespace string, c *corev1.Container) {
	t.Helper()
	for _, from := range c.EnvFrom {
		w.need(t, by, "ConfigMap", namespace, from.ConfigMapRef.Name)
	}
	for _, e := range c.Env {
		if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
			w.need(t, by, "Secret", namespace, e.ValueFrom.SecretKeyRef.Name)
		}
		if e.ValueFrom != nil && e.ValueFrom.ConfigMapKeyRef != nil {
			w.need(t, by, "ConfigMap", namespace, e.ValueFrom.ConfigMapKeyRef.Name)
		}
	}
}

func TestOthersReferToWhatExists(t *testing.T) {
	w := load(t)
	for key, object := range w.objects {
		switch o := object.(type) {
		case *autoscalingv2.HorizontalPodAutoscaler:
			w.need(t, key, o.Spec.ScaleTargetRef.Kind, o.Namespace, o.Spec.ScaleTargetRef.Name)
			if target, ok := w.objects[fmt.Sprintf("Deployment %s/%s", o.Namespace, o.Spec.ScaleTargetRef.Name)].(*appsv1.Deployment); ok && target.Spec.Replicas != nil {
				t.Errorf("%s fights the replicas of %s", key, target.Name)
			}
		case *networkingv1.Ingress:
			w.need(t, key, "IngressClass", "", *o.Spec.IngressClassName)
			for _, rule := range o.Spec.Rules {
				for _, p := range rule.HTTP.Paths {
					w.need(t, key, "Service", o.Namespace, p.Backend.Service.Name)
				}
			}
		case *policyv1.PodDisruptionBudget:
			if n := w.selected(t, o.Namespace, o.Spec.Selector); n != 1 {
				t.Errorf("%s protects %d workloads", key, n)
			}
		case *rbacv1.RoleBinding:
			w.need(t, key, o.RoleRef.Kind, o.Namespace, o.RoleRef.Name)
			for _, s := range o.Subjects {
				w.need(t, key, s.Kind, s.Namespace, s.Name)
			}
		}
	}
}

// selected counts the workloads whose pods a selector matches.
func (w world) selected(t *testing.T, namespace string, selector *metav1.LabelSelector) int {
	t.Helper()
	matcher, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, info := range w.workloads {
		if info.namespace == namespace && matcher.Matches(labels.Set(info.template.Labels)) {
			n++
		}
	}
	return n
}

// Each container has an image that can be pulled
// and a program that neither crashes nor is killed nor fails its probes.
func TestProgramsAreWell(t *testing.T) {
	for key, info := range load(t).workloads {
		for i, c := range containersOf(&info.template.Spec) {
			prog, err := program.Lookup(c.Image)
			if err != nil || !program.Known(c.Image) {
				t.Errorf("%s: image %s: known %v, %v", key, c.Image, program.Known(c.Image), err)
				continue
			}
			if _, ok := c.Resources.Requests[corev1.ResourceCPU]; !ok {
				t.Errorf("%s: container %s requests no CPU", key, c.Name)
			}
			role := program.Service
			if i < len(info.template.Spec.InitContainers) || info.template.Spec.RestartPolicy != "" {
				role = program.Task
			}
			if end, ends := prog.End(&c, role, 1); ends && (end.Code != 0 || role == program.Service) {
				t.Errorf("%s: container %s ends: %+v", key, c.Name, end)
			}
			if c.ReadinessProbe != nil {
				if answer := prog.Ready(c.ReadinessProbe); answer != "" {
					t.Errorf("%s: container %s is never ready: %s", key, c.Name, answer)
				}
			}
		}
	}
}

func TestHistory(t *testing.T) {
	pasts, err := history()
	if err != nil {
		t.Fatal(err)
	}
	managers, revisions := map[string]bool{}, 0
	for _, p := range pasts {
		for _, s := range p.Steps {
			managers[s.Manager] = true
			if s.Cause == "" || s.Patch["spec"] == nil {
				t.Errorf("%s: a step without cause or change: %+v", p.Target, s)
			}
			revisions++
		}
	}
	if len(managers) < 5 || revisions < 15 {
		t.Errorf("%d changes by %v", revisions, slices.Sorted(maps.Keys(managers)))
	}
}

func TestNodes(t *testing.T) {
	all := nodes()
	zones, pools, names, networks := map[string]int{}, map[string]int{}, map[string]bool{}, map[string]bool{}
	for _, n := range all {
		zones[n.Labels[corev1.LabelTopologyZone]]++
		pools[n.Labels["pool"]]++
		names[n.Name] = true
		networks[n.Spec.PodCIDR] = true
		if (n.Labels["pool"] == "mem") != (len(n.Spec.Taints) == 1) {
			t.Errorf("%s has taints %v", n.Name, n.Spec.Taints)
		}
		for name, capacity := range n.Status.Capacity {
			if allocatable := n.Status.Allocatable[name]; allocatable.Cmp(capacity) > 0 || allocatable.IsZero() {
				t.Errorf("%s: %s of %s %s can be allocated", n.Name, allocatable.String(), capacity.String(), name)
			}
		}
		if _, stopped := n.Labels[kubelet.StoppedLabel]; stopped {
			t.Errorf("%s has no kubelet", n.Name)
		}
	}
	if len(names) != 12 || len(networks) != 12 || len(zones) != 3 || len(pools) != 2 {
		t.Errorf("%d nodes in %d networks, zones %v, pools %v", len(names), len(networks), zones, pools)
	}
}

// Something is not in ASCII, to keep everybody honest.
func TestNotOnlyASCII(t *testing.T) {
	for _, file := range []string{"web.yaml", "history.yaml", "batch.yaml"} {
		data, err := manifests.ReadFile("manifests/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.ContainsFunc(string(data), func(r rune) bool { return r >= '가' && r <= '힣' }) {
			t.Errorf("%s has no Hangul", file)
		}
	}
}
