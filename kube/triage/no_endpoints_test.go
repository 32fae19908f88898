package triage_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/triage"
)

// service returns a service in shop with a port, selected by key, value, …
func service(name string, pairs ...string) *corev1.Service {
	var m metav1.ObjectMeta
	labelled(pairs...)(&m)
	return &corev1.Service{
		ObjectMeta: meta("shop", name),
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, Selector: m.Labels,
			Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("http")}},
		},
	}
}

// endpoints returns the slice of a service: pods that are ready, and pods that
// are not.
func endpoints(name string, ready, unready []*corev1.Pod, ports ...string) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{ObjectMeta: meta("shop", name+"-x", labelled(discoveryv1.LabelServiceName, name)), AddressType: discoveryv1.AddressTypeIPv4}
	add := func(pods []*corev1.Pod, ok bool) {
		for _, p := range pods {
			s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
				Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: &ok},
				TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Name, UID: p.UID},
			})
		}
	}
	add(ready, true)
	add(unready, false)
	for _, p := range ports {
		s.Ports = append(s.Ports, discoveryv1.EndpointPort{Name: ref(p), Port: ref(int32(8080))})
	}
	return s
}

func TestNoEndpoints(t *testing.T) {
	four := []runtime.Object{pod("search", "a"), pod("search", "b"), pod("search", "c"), pod("search", "d")}
	young := func(p *corev1.Pod) {
		p.CreationTimestamp = ago(20)
		p.Status.Conditions[0].LastTransitionTime, p.Status.ContainerStatuses[0].State.Running.StartedAt = ago(20), ago(15)
	}
	leaving := func(p *corev1.Pod) { p.DeletionTimestamp = ref(ago(10)) }
	done := func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }
	zero := func(d *appsv1.Deployment) { d.Spec.Replicas = ref(int32(0)) }
	judged(t, map[string]scenery{
		"near": {
			append([]runtime.Object{service("search", "app", "serch")}, four...),
			"crit | service has no ready endpoints | svc/search in shop | selector app=serch matches no pod (app=search: 4) | no-endpoints",
		},
		"one label of two": {
			[]runtime.Object{service("cart", "app", "cart", "track", "stable"), pod("cart", "a", func(p *corev1.Pod) { p.Labels["track"] = "canary" })},
			"crit | service has no ready endpoints | svc/cart in shop | selector app=cart,track=stable matches no pod (app=cart,track=canary: 1) | no-endpoints",
		},
		"left over": {
			append([]runtime.Object{service("legacy", "app", "warehouse")}, four...),
			"warn | service has no ready endpoints | svc/legacy in shop | selector app=warehouse matches no pod | no-endpoints",
		},
		"answered":             {[]runtime.Object{service("cart", "app", "cart"), pod("cart", "a"), endpoints("cart", []*corev1.Pod{pod("cart", "a")}, nil, "http")}, ""},
		"pods start":           {[]runtime.Object{service("cart", "app", "cart"), pod("cart", "a", unready, young), endpoints("cart", nil, []*corev1.Pod{pod("cart", "a")}, "http")}, ""},
		"scaled to zero":       {append(deployment("cart", 0, 0, zero), service("cart", "app", "cart")), ""},
		"scaling to zero":      {append(deployment("cart", 0, 0, zero), service("cart", "app", "cart"), pod("cart", "a", leaving)), ""},
		"its job is done":      {[]runtime.Object{service("report", "app", "report"), pod("report", "a", done)}, ""},
		"kept by somebody":     {[]runtime.Object{service("external")}, ""},
		"pods are made":        {append(deployment("cart", 1, 1), service("cart", "app", "cart")), ""},
		"endpoints will be up": {[]runtime.Object{service("cart", "app", "cart"), pod("cart", "a", func(p *corev1.Pod) { p.Status.Conditions[0].LastTransitionTime = ago(2) })}, ""},
	})
}

func TestNoEndpointsWithTime(t *testing.T) {
	made := func(name string, pairs ...string) *corev1.Service {
		s := service(name, pairs...)
		s.CreationTimestamp = ago(5)
		return s
	}
	s := newScene(t, made("search", "app", "serch"), pod("search", "a"))
	s.none()
	if got := s.after(10).Incidents; len(got) != 1 || got[0].Actions[0].Do != triage.Edit {
		t.Error(describe(s.after(10)))
	}
	s = newScene(t, made("legacy", "app", "warehouse"), pod("search", "a"))
	s.none()
	if len(s.after(290).Incidents) != 0 || len(s.after(300).Incidents) != 1 {
		t.Error(describe(s.after(300)))
	}
}

// Pods of a service that are in trouble are what it is about, however young.
func TestServiceOfPodsInTrouble(t *testing.T) {
	objects := append(deployment("cart", 1, 0), service("cart", "app", "cart"), pod("cart", "a", crashes("Error", 1, "no DB"), func(p *corev1.Pod) { p.CreationTimestamp = ago(20) }))
	i := newScene(t, objects...).one()
	if i.Services != 1 || i.Root.Kind != "Deployment" {
		t.Error(line(i), i.Affected)
	}
}
