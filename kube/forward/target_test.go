package forward

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// podOf makes a pod: "web-1 ready", "web-1 running deleted". Later pods are
// younger.
func podsOf(descriptions ...string) []*corev1.Pod {
	pods := make([]*corev1.Pod, len(descriptions))
	for i, d := range descriptions {
		words := strings.Fields(d)
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: words[0], UID: types.UID("uid-" + words[0])}}
		p.CreationTimestamp = metav1.NewTime(time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC))
		for _, word := range words[1:] {
			switch word {
			case "ready":
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
				p.Status.Phase = corev1.PodRunning
			case "running":
				p.Status.Phase = corev1.PodRunning
			case "deleted":
				p.DeletionTimestamp = &p.CreationTimestamp
			}
		}
		pods[i] = p
	}
	return pods
}

func TestChoose(t *testing.T) {
	service := target{what: "svc/web", selector: labels.Everything()}
	named := target{what: "pod/b", selector: labels.Everything(), unready: true, uid: "uid-b"}
	alone := target{what: "pod/b", name: "b", unready: true, uid: "uid-b"}
	tests := []struct {
		name   string
		target target
		pods   []*corev1.Pod
		want   string // the pod, or why there is none
	}{
		{"the oldest that is ready", service, podsOf("a running", "b ready", "c ready"), "b"},
		{"none", service, nil, "svc/web has no pods"},
		{"one that is not ready", service, podsOf("a running"), "its only pod is not ready"},
		{"none that is ready", service, podsOf("a running", "b ready deleted", "c"), "none of its 3 pods is ready"},
		{"the one that was named", named, podsOf("a ready", "b running"), "b"},
		{"another, when that goes", named, podsOf("b ready deleted", "c running", "d ready"), "d"},
		{"only the one", alone, podsOf("b running"), "b"},
		{"only the one, and it is gone", alone, nil, "pod/b is gone"},
		{"only the one, and it does not run", alone, podsOf("b"), "pod/b does not run"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := tt.target.waiting(tt.pods)
			if p := tt.target.choose(tt.pods); p != nil {
				got = p.Name
			}
			if got != tt.want && !strings.HasPrefix(got, tt.want+";") && !strings.HasPrefix(got, tt.want+" ") {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestPodPort(t *testing.T) {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Ports: []corev1.ContainerPort{
			{Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP}, {Name: "http", ContainerPort: 8080}, {ContainerPort: 9000},
		}}},
		InitContainers: []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "proxy", ContainerPort: 15001}}}},
	}}
	bare := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "bare"}}
	tests := []struct {
		pod    *corev1.Pod
		remote string
		want   int
		err    string
	}{
		{p, "", 8080, ""},
		{p, "http", 8080, ""},
		{p, "proxy", 15001, ""},
		{p, "1234", 1234, ""}, // what is not declared may be listened on
		{p, "dns", 0, "only TCP"},
		{p, "https", 0, "pod/web has no port https: it has dns 53, http 8080, 9000, proxy 15001"},
		{p, "0", 0, "does not exist"},
		{p, "-1", 0, "does not exist"},
		{p, "65536", 0, "does not exist"},
		{bare, "", 0, "declares no port"},
		{bare, "http", 0, "declares none"},
	}
	for _, tt := range tests {
		got, err := podPort(tt.remote)(tt.pod)
		if tt.err == "" && (got != tt.want || err != nil) || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s %q: %d, %v; want %d, %q", tt.pod.Name, tt.remote, got, err, tt.want, tt.err)
		}
	}
}

func TestServicePort(t *testing.T) {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{
		{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)}, {Port: 81},
	}}}
	for remote, want := range map[string]int32{"": 80, "http": 80, "80": 80, "81": 81} {
		if got, err := servicePort(s, remote); err != nil || got.Port != want {
			t.Errorf("%q: %d, %v; want %d", remote, got.Port, err, want)
		}
	}
	if _, err := servicePort(s, "8080"); err == nil || err.Error() != "svc/web has no port 8080: it has http 80, 81" {
		t.Errorf("error %v", err)
	}
}

func TestListen(t *testing.T) {
	all, err := listen(t.Context(), Spec{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		defer l.Close() //nolint:errcheck // at the end
		if portOf(l) != portOf(all[0]) || !l.Addr().(*net.TCPAddr).IP.IsLoopback() {
			t.Errorf("it listens on %v beside %v", l.Addr(), all[0].Addr())
		}
	}
	_, err = listen(t.Context(), Spec{Local: portOf(all[0])})
	var failure *listenFailure
	if !errors.As(err, &failure) || !strings.Contains(err.Error(), "choose another") {
		t.Errorf("error %v", err)
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"error forwarding port 80 to pod web, uid 1-2: connection refused\n": "connection refused",
		"something else": "something else",
	} {
		if got := plain(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
