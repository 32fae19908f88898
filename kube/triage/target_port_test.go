package triage_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestTargetPort(t *testing.T) {
	with := func(ports ...corev1.ContainerPort) *corev1.Pod {
		return pod("cart", "a", func(p *corev1.Pod) { p.Spec.Containers[0].Ports = ports })
	}
	web := corev1.ContainerPort{Name: "web", ContainerPort: 8080}
	number := func(n int32) *corev1.Service {
		s := service("cart", "app", "cart")
		s.Spec.Ports[0].TargetPort = intstr.FromInt32(n)
		return s
	}
	two := service("cart", "app", "cart")
	two.Spec.Ports = append(two.Spec.Ports, corev1.ServicePort{Name: "metrics", Port: 9090, TargetPort: intstr.FromString("metrix")})
	made := service("cart", "app", "cart")
	made.CreationTimestamp = ago(1)
	ready := []*corev1.Pod{with()}
	judged(t, map[string]scenery{
		"no such name": {
			[]runtime.Object{service("cart", "app", "cart"), with(web), endpoints("cart", ready, nil)},
			`crit | service leads to no port of its pods | svc/cart in shop | no container has a port "http" (8080 web) | target-port`,
		},
		"one of two": {
			[]runtime.Object{two, with(corev1.ContainerPort{Name: "http", ContainerPort: 80}, corev1.ContainerPort{Name: "metrics", ContainerPort: 9090}), endpoints("cart", ready, nil, "http")},
			`warn | service port 9090 leads nowhere | svc/cart in shop | no container has a port "metrix": did you mean metrics? | target-port`,
		},
		"another number": {
			[]runtime.Object{number(8081), with(web), endpoints("cart", ready, nil, "http")},
			"info | service port 80 may lead nowhere | svc/cart in shop | targetPort 8081 is none of the ports that its pods declare: 8080 web | target-port",
		},
		"nothing declared": {[]runtime.Object{number(8081), with(), endpoints("cart", ready, nil, "http")}, ""},
		"declared":         {[]runtime.Object{number(8080), with(web), endpoints("cart", ready, nil, "http")}, ""},
		"named":            {[]runtime.Object{service("cart", "app", "cart"), with(corev1.ContainerPort{Name: "http", ContainerPort: 80}), endpoints("cart", ready, nil, "http")}, ""},
		"just made":        {[]runtime.Object{made, with(web), endpoints("cart", ready, nil)}, ""},
	})
}
