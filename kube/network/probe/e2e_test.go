//go:build e2e

package probe

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"

	"quarterdeck/kube"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/kubetest"
)

// site is a playground with a web server behind a service in it.
type site struct {
	kubeconfig string
	admin      kubernetes.Interface
	guard      *guard.Guard
	client     *kube.Client
	pod        string // that serves
}

func TestAgainstAPIServer(t *testing.T) {
	p := kubetest.Playground(t, "--scenario", "empty", "--nodes", "1")
	s := &site{
		kubeconfig: p.Kubeconfig(), guard: &guard.Guard{},
		admin: kubernetes.NewForConfigOrDie(kubetest.Config(t, p.Kubeconfig(), "")),
	}
	s.client = s.connect(t, "")
	s.deploy(t)
	t.Run("answers", s.answers)
	t.Run("not made", s.notMade)
	t.Run("read-only", s.readOnly)
	t.Run("rule", s.rule)
	t.Run("forbidden", s.forbidden)
	t.Run("cancelled", s.cancelled)
}

// connect returns the client of the administrator, or of who he acts for.
func (s *site) connect(t *testing.T, user string) *kube.Client {
	t.Helper()
	flags := genericclioptions.NewConfigFlags(true)
	flags.KubeConfig, flags.Impersonate = &s.kubeconfig, &user
	client, err := (&kube.Connector{Flags: flags, Guard: func(string) *guard.Guard { return s.guard }}).Connect("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func (s *site) deploy(t *testing.T) {
	t.Helper()
	labels := map[string]string{"app": "web"}
	_, err := s.admin.AppsV1().Deployments("default").Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "app", Image: "web:1",
					Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}, {Name: "db", ContainerPort: 5432}},
				}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	service := func(name string, selector map[string]string) {
		_, err := s.admin.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: corev1.ServiceSpec{Selector: selector, Ports: []corev1.ServicePort{
				{Name: "web", Port: 80, TargetPort: intstr.FromString("http")},
				{Name: "db", Port: 5432},
				{Name: "wrong", Port: 81, TargetPort: intstr.FromInt32(8081)},
				{Name: "wrong-tcp", Port: 82, TargetPort: intstr.FromInt32(8082)},
				{Name: "secure", Port: 443, TargetPort: intstr.FromString("http")},
			}},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	service("web", labels)
	service("nobody", map[string]string{"app": "wbe"})
	kubetest.Until(t, "the pod is ready", func() bool {
		list, err := s.admin.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app=web"})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list.Items {
			for _, c := range p.Status.Conditions {
				if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
					s.pod = p.Name
				}
			}
		}
		return s.pod != ""
	})
}

func ref(resource, kind, name string) kube.Ref {
	gvr := schema.GroupVersionResource{Version: "v1", Resource: resource}
	if resource == "deployments" {
		gvr.Group = "apps"
	}
	return kube.Ref{GVR: gvr, Kind: kind, Namespace: "default", Name: name}
}

// patient makes a question that a slow machine has time for.
func patient(q Question) Question {
	q.Wait = 2 * time.Minute
	return q
}

func (s *site) answers(t *testing.T) {
	pod, web := ref("pods", "Pod", s.pod), ref("services", "Service", "web")
	for _, tt := range []struct {
		q      Question
		ok     bool
		scheme Scheme
		port   int
		want   string
	}{
		{Question{Ref: web}, true, HTTP, 8080, "200 OK"},
		{Question{Ref: web, Port: "80", Path: "/bytes/100000000"}, true, HTTP, 8080, "200 OK"},
		{Question{Ref: pod, Port: "http"}, true, HTTP, 8080, "200 OK"},
		{Question{Ref: pod, Port: "5432"}, true, TCP, 5432, "connected"},
		{Question{Ref: web, Port: "db", Scheme: HTTP}, true, HTTP, 5432, "200 OK"},
		{Question{Ref: ref("deployments", "Deployment", "web")}, true, HTTP, 8080, "200 OK"},
		{Question{Ref: web, Port: "81", Scheme: HTTP}, false, HTTP, 8081, "refused: connection refused"},
		{Question{Ref: web, Port: "82"}, false, TCP, 8082, "refused: connection refused"},
		{Question{Ref: pod, Port: "1234"}, false, TCP, 1234, "refused: connection refused"},
		{Question{Ref: pod, Port: "1234", Scheme: HTTPS}, false, HTTPS, 1234, "refused: connection refused"},
		{Question{Ref: web, Port: "443"}, false, HTTPS, 8080, "no "},
	} {
		a, err := Ask(t.Context(), s.client, patient(tt.q))
		if err != nil {
			t.Errorf("%s port %q: %v", tt.q.Ref, tt.q.Port, err)
			continue
		}
		if a.OK != tt.ok || a.Scheme != tt.scheme || a.Port != tt.port || a.Pod != s.pod || !strings.HasPrefix(a.Words, tt.want) {
			t.Errorf("%s port %q: %+v, want %v %s %d %q", tt.q.Ref, tt.q.Port, a, tt.ok, tt.scheme, tt.port, tt.want)
		}
		if a.Connect == 0 || a.Status != 0 && a.FirstByte < a.Connect {
			t.Errorf("%s port %q: connected after %v, the first byte after %v", tt.q.Ref, tt.q.Port, a.Connect, a.FirstByte)
		}
		t.Logf("%s port %q: %s, connected after %v, first byte after %v", tt.q.Ref, tt.q.Port, a, a.Connect.Round(time.Microsecond), a.FirstByte.Round(time.Microsecond))
	}
}

func (s *site) notMade(t *testing.T) {
	for _, tt := range []struct {
		q    Question
		want string
	}{
		{Question{Ref: ref("services", "Service", "nobody")}, "svc/nobody has no pods"},
		{Question{Ref: ref("services", "Service", "web"), Port: "99"}, "svc/web has no port 99"},
		{Question{Ref: ref("services", "Service", "gone")}, "svc/gone is gone"},
		{Question{Ref: ref("pods", "Pod", "gone")}, "pod/gone is gone"},
		{Question{Ref: ref("services", "Service", "kubernetes")}, "selects no pods"},
	} {
		if a, err := Ask(t.Context(), s.client, patient(tt.q)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s port %q: %+v, %v, want %q", tt.q.Ref, tt.q.Port, a, err, tt.want)
		}
	}
}

func (s *site) readOnly(t *testing.T) {
	s.guard.Refuse("test")
	defer s.guard.Permit()
	a, err := Ask(t.Context(), s.client, patient(Question{Ref: ref("services", "Service", "web")}))
	if !errors.Is(err, guard.ErrReadOnly) {
		t.Errorf("%+v, %v", a, err)
	}
}

// What the user agreed to reaches the guard.
func (s *site) rule(t *testing.T) {
	s.guard.SetRules("", []guard.Rule{{Verbs: []string{"portforward"}, Level: guard.Confirmed, Reason: "test"}})
	defer s.guard.SetRules("", nil)
	q := patient(Question{Ref: ref("services", "Service", "web")})
	var blocked *guard.Blocked
	if a, err := Ask(t.Context(), s.client, q); !errors.As(err, &blocked) {
		t.Errorf("without: %+v, %v", a, err)
	}
	if a, err := Ask(guard.Approve(t.Context(), guard.Approval{Level: guard.Confirmed}), s.client, q); err != nil || !a.OK {
		t.Errorf("with: %+v, %v", a, err)
	}
}

func (s *site) forbidden(t *testing.T) {
	eve := s.connect(t, "eve")
	q := patient(Question{Ref: ref("pods", "Pod", s.pod)})
	if a, err := Ask(t.Context(), eve, q); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "pods") {
		t.Errorf("without any right: %+v, %v", a, err)
	}
}

func (s *site) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a, err := Ask(ctx, s.client, patient(Question{Ref: ref("pods", "Pod", s.pod)})); !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", a, err)
	}
	q := Question{Ref: ref("pods", "Pod", s.pod), Wait: time.Nanosecond}
	if a, err := Ask(t.Context(), s.client, q); err == nil || !strings.Contains(err.Error(), "was not reached within 1ns") {
		t.Errorf("%+v, %v", a, err)
	}
}
