//go:build e2e

package forward

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"

	"quarterdeck/kube"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/kubetest"
	"quarterdeck/kube/rig"
)

// scene is a playground with two web servers behind a service in it.
type scene struct {
	rig    *rig.Playground
	admin  kubernetes.Interface
	client *kube.Client
	guard  *guard.Guard
}

func TestAgainstAPIServer(t *testing.T) {
	p := kubetest.Playground(t, "--scenario", "empty", "--nodes", "2")
	cfg := kubetest.Config(t, p.Kubeconfig(), "")
	s := scene{rig: p, guard: &guard.Guard{}, admin: kubernetes.NewForConfigOrDie(cfg)}
	s.client = s.connect(t, "")
	s.deploy(t)

	t.Run("kinds", s.kinds)
	t.Run("refused", s.refused)
	t.Run("100 MB", s.big)
	t.Run("pod ends", s.podEnds)
	t.Run("no pod", s.noPod)
	t.Run("read-only", s.readOnly)
	t.Run("approval", s.approval)
	t.Run("few rights", s.fewRights)
	t.Run("stop", s.stop)
	t.Run("API server restarts", s.restart) // the last two: they harm the API server
	t.Run("API server hangs", s.hang)
}

// connect returns the client of the administrator, or of who he acts for.
func (s scene) connect(t *testing.T, user string) *kube.Client {
	t.Helper()
	flags, kubeconfig := genericclioptions.NewConfigFlags(true), s.rig.Kubeconfig()
	flags.KubeConfig, flags.Impersonate = &kubeconfig, &user
	connector := &kube.Connector{Flags: flags, Guard: func(string) *guard.Guard { return s.guard }}
	client, err := connector.Connect("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func (s scene) deploy(t *testing.T) {
	t.Helper()
	replicas := int32(2)
	labels := map[string]string{"app": "web"}
	_, err := s.admin.AppsV1().Deployments("default").Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "app", Image: "web:1",
					Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}, {Name: "admin", ContainerPort: 9090}},
				}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.admin.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{
			{Name: "web", Port: 80, TargetPort: intstr.FromString("http")},
			{Name: "admin", Port: 81, TargetPort: intstr.FromInt32(9090)},
			{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.scale(t, 2)
}

// scale waits until so many pods are ready, and no others are there.
func (s scene) scale(t *testing.T, replicas int32) {
	t.Helper()
	body := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
	if _, err := s.admin.AppsV1().Deployments("default").Patch(t.Context(), "web", "application/merge-patch+json", body, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	kubetest.Until(t, fmt.Sprintf("%d pods are ready", replicas), func() bool {
		pods := s.pods(t)
		for _, p := range pods {
			if !ready(&p) {
				return false
			}
		}
		return len(pods) == int(replicas)
	})
}

func (s scene) pods(t *testing.T) []corev1.Pod {
	t.Helper()
	list, err := s.admin.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app=web"})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func ref(group, resource, kind, name string) kube.Ref {
	return kube.Ref{GVR: schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}, Kind: kind, Namespace: "default", Name: name}
}

func service() kube.Ref { return ref("", "services", "Service", "web") }

// start begins a forward that ends with the test.
func (s scene) start(t *testing.T, spec Spec) (*Forwards, Info) {
	t.Helper()
	f := New()
	t.Cleanup(f.Close)
	info, err := f.Start(t.Context(), s.client, spec)
	if err != nil {
		t.Fatal(err)
	}
	return f, info
}

// web is a client that opens a connection for every request.
func web() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: kubetest.Patience}
}

func ask(port int, path string) (string, error) {
	res, err := web().Get(fmt.Sprintf("http://127.0.0.1:%d%s", port, path))
	if err != nil {
		return "", err
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

func (s scene) kinds(t *testing.T) {
	pod := s.pods(t)[0]
	rs := metav1.GetControllerOf(&pod).Name
	for _, tt := range []struct {
		ref    kube.Ref
		remote string
		want   string
	}{
		{ref("", "pods", "Pod", pod.Name), "8080", "pod default/" + pod.Name},
		{ref("", "pods", "Pod", pod.Name), "admin", "port 9090 (admin)"},
		{service(), "", "port 8080 (http)"},
		{service(), "80", "port 8080 (http)"},
		{service(), "admin", "port 9090 (admin)"},
		{ref("apps", "deployments", "Deployment", "web"), "http", "port 8080 (http)"},
		{ref("apps", "replicasets", "ReplicaSet", rs), "9090", "port 9090 (admin)"},
	} {
		f, info := s.start(t, Spec{Ref: tt.ref, Remote: tt.remote})
		if info.State != Ready || info.Pod == "" || info.Local == 0 {
			t.Errorf("%s %s: %+v", tt.ref, tt.remote, info)
		}
		got, err := ask(info.Local, "/hello")
		if err != nil || !strings.Contains(got, tt.want) {
			t.Errorf("%s %s: %q, %v", tt.ref, tt.remote, got, err)
		}
		kubetest.Until(t, "the connection is over", func() bool { return f.List()[0].Connections == 0 })
		if now := f.List()[0]; now.In == 0 || now.Out == 0 || now.Total != 1 || now.Problem != "" {
			t.Errorf("%s: %+v", now, now)
		}
	}
}

func (s scene) refused(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // at the end
	deleted := service()
	deleted.UID = "another"
	for _, tt := range []struct {
		spec Spec
		want string
	}{
		{Spec{Ref: service(), Local: portOf(taken)}, "is in use on this machine"},
		{Spec{Ref: service(), Local: 70000}, "does not exist"},
		{Spec{Ref: service(), Address: "192.0.2.1"}, "no address of this machine"},
		{Spec{Ref: service(), Remote: "82"}, "svc/web has no port 82: it has web 80, admin 81, dns 53"},
		{Spec{Ref: service(), Remote: "dns"}, "only TCP"},
		{Spec{Ref: ref("", "services", "Service", "nope")}, "svc/nope is gone from default"},
		{Spec{Ref: ref("", "services", "Service", "kubernetes")}, "selects no pods"},
		{Spec{Ref: ref("", "pods", "Pod", s.pods(t)[0].Name), Remote: "https"}, "it has http 8080, admin 9090"},
		{Spec{Ref: ref("", "configmaps", "ConfigMap", "kube-root-ca.crt")}, "selects no pods"},
		{Spec{Ref: deleted}, "no longer the one"},
	} {
		f := New()
		if _, err := f.Start(t.Context(), s.client, tt.spec); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.spec, err, tt.want)
		}
		if len(f.List()) != 0 {
			t.Errorf("%+v: left %v", tt.spec, f.List())
		}
	}
	// A port that nothing listens on shows at the first connection.
	f, info := s.start(t, Spec{Ref: ref("apps", "deployments", "Deployment", "web"), Remote: "1234"})
	if got, err := ask(info.Local, "/"); err == nil {
		t.Errorf("an answer from a port without a listener: %q", got)
	}
	kubetest.Until(t, "the problem is told", func() bool { return strings.Contains(f.List()[0].Problem, "connection refused") })
	if f.List()[0].State != Ready {
		t.Errorf("%+v", f.List())
	}
}

const megabytes = 100_000_000

func (s scene) big(t *testing.T) {
	f, info := s.start(t, Spec{Ref: service()})
	start := time.Now()
	res, err := web().Get(fmt.Sprintf("http://127.0.0.1:%d/bytes/%d", info.Local, megabytes))
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, res.Body)
	if err != nil || n != megabytes {
		t.Errorf("%d bytes down, %v", n, err)
	}
	_ = res.Body.Close() // it was read
	t.Logf("down in %v", time.Since(start).Round(time.Millisecond))
	start = time.Now()
	res, err = web().Post(fmt.Sprintf("http://127.0.0.1:%d/", info.Local), "text/plain", io.LimitReader(zero{}, megabytes))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(text), fmt.Sprintf("received %d bytes", megabytes)) {
		t.Errorf("up: %q, %v", text, err)
	}
	_ = res.Body.Close() // it was read
	t.Logf("up in %v", time.Since(start).Round(time.Millisecond))
	if now := f.List()[0]; now.In < megabytes || now.Out < megabytes || now.Total != 2 {
		t.Errorf("%+v", now)
	}
}

type zero struct{}

func (zero) Read(p []byte) (int, error) { return len(p), nil }

func (s scene) podEnds(t *testing.T) {
	f, info := s.start(t, Spec{Ref: service()})
	before := info.Pod
	// A download is under way, of which much is still to come.
	res, err := web().Get(fmt.Sprintf("http://127.0.0.1:%d/bytes/%d", info.Local, 100*megabytes))
	if err != nil {
		t.Fatal(err)
	}
	now := int64(0)
	if err := s.admin.CoreV1().Pods("default").Delete(t.Context(), before, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if n, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Errorf("the download of a pod that ended is whole: %d bytes", n)
	}
	_ = res.Body.Close() // it broke off
	t.Logf("the broken connection showed after %v", time.Since(start).Round(time.Millisecond))
	kubetest.Until(t, "another pod is found", func() bool { now := f.List()[0]; return now.State == Ready && now.Pod != before })
	text, err := ask(info.Local, "/")
	if err != nil || strings.Contains(text, before) || !strings.Contains(text, "pod default/web-") {
		t.Errorf("after the end of pod %s: %q, %v", before, text, err)
	}
	if list := f.List(); list[0].Local != info.Local {
		t.Errorf("%+v", list)
	}
	// A pod that was named is followed too, by its owner's selector.
	s.scale(t, 1)
	name := s.pods(t)[0].Name
	f, info = s.start(t, Spec{Ref: ref("", "pods", "Pod", name)})
	if err := s.admin.CoreV1().Pods("default").Delete(t.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		t.Fatal(err)
	}
	kubetest.Until(t, "the pod is gone", func() bool {
		_, err := s.admin.CoreV1().Pods("default").Get(t.Context(), name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	// The next pod is on its way: the connection waits for it, though not for ever.
	kubetest.Until(t, "the next pod answers", func() bool { text, err = ask(info.Local, "/"); return err == nil })
	if strings.Contains(text, name) {
		t.Errorf("after the end of pod %s: %q; %+v", name, text, f.List())
	}
}

func (s scene) noPod(t *testing.T) {
	s.scale(t, 0)
	f, info := s.start(t, Spec{Ref: service()})
	if info.State != Waiting || !strings.Contains(info.Reason, "svc/web has no pods") {
		t.Errorf("%+v", info)
	}
	<-f.Changed() // the start
	s.scale(t, 2)
	kubetest.Until(t, "it is ready", func() bool { return f.List()[0].State == Ready })
	<-f.Changed()
	if _, err := ask(info.Local, "/"); err != nil {
		t.Error(err)
	}
}

func (s scene) readOnly(t *testing.T) {
	s.guard.Refuse("test")
	defer s.guard.Permit()
	f := New()
	if _, err := f.Start(t.Context(), s.client, Spec{Ref: service()}); !errors.Is(err, guard.ErrReadOnly) {
		t.Errorf("error %v", err)
	}
	if len(f.List()) != 0 {
		t.Errorf("left %v", f.List())
	}
}

// The user's approval reaches the guard, although the library that opens the
// connection takes no context.
func (s scene) approval(t *testing.T) {
	s.guard.SetRules("", []guard.Rule{{Verbs: []string{"portforward"}, Level: guard.Confirmed, Reason: "test"}})
	defer s.guard.SetRules("", nil)
	f := New()
	defer f.Close()
	var blocked *guard.Blocked
	if _, err := f.Start(t.Context(), s.client, Spec{Ref: service()}); !errors.As(err, &blocked) {
		t.Errorf("without: %v", err)
	}
	ctx := guard.Approve(t.Context(), guard.Approval{Level: guard.Confirmed})
	if _, err := f.Start(ctx, s.client, Spec{Ref: service()}); err != nil {
		t.Errorf("with: %v", err)
	}
}

// Who may read pods by name only can still forward to one.
func (s scene) fewRights(t *testing.T) {
	few := s.connect(t, "few")
	f := New()
	defer f.Close()
	pod := ref("", "pods", "Pod", s.pods(t)[0].Name)
	if _, err := f.Start(t.Context(), few, Spec{Ref: pod}); !apierrors.IsForbidden(err) {
		t.Errorf("without any right: %v", err)
	}
	meta := metav1.ObjectMeta{Name: "few", Namespace: "default"}
	rules := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}}
	roles, bindings := s.admin.RbacV1().Roles("default"), s.admin.RbacV1().RoleBindings("default")
	if _, err := roles.Create(t.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := bindings.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "few"},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "few"}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	kubetest.Until(t, "it is the stream that is forbidden", func() bool {
		_, err := f.Start(t.Context(), few, Spec{Ref: pod})
		return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "pods/portforward")
	})
	rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods/portforward"}, Verbs: []string{"create"}})
	if _, err := roles.Update(t.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: rules}, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	var info Info
	kubetest.Until(t, "it is allowed", func() bool {
		info, err = f.Start(t.Context(), few, Spec{Ref: pod})
		return err == nil
	})
	if text, err := ask(info.Local, "/"); err != nil || !strings.Contains(text, pod.Name) {
		t.Errorf("%q, %v", text, err)
	}
	now := int64(0)
	if err := s.admin.CoreV1().Pods("default").Delete(t.Context(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		t.Fatal(err)
	}
	kubetest.Until(t, "it says that the pod is gone", func() bool {
		return strings.Contains(f.List()[0].Reason, "pod/"+pod.Name+" is gone")
	})
	s.scale(t, 2)
}

func (s scene) stop(t *testing.T) {
	before := runtime.NumGoroutine()
	f, info := s.start(t, Spec{Ref: service()})
	local, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", info.Local))
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close() //nolint:errcheck // it ends by the other side
	kubetest.Until(t, "it is connected", func() bool { return f.List()[0].Connections == 1 })
	start := time.Now()
	f.Stop(info.ID)
	t.Logf("stopped in %v", time.Since(start).Round(time.Millisecond))
	if n, err := local.Read(make([]byte, 1)); err == nil {
		t.Errorf("the connection is still there: %d", n)
	}
	if again, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", info.Local)); err != nil {
		t.Error(err)
	} else {
		_ = again.Close() // it was free
	}
	if len(f.List()) != 0 {
		t.Errorf("left %v", f.List())
	}
	kubetest.Until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
	f.Stop(info.ID)
	f.Close()
	if _, err := f.Start(t.Context(), s.client, Spec{Ref: service()}); err == nil {
		t.Error("it started after the end")
	}
}

func (s scene) restart(t *testing.T) {
	f, info := s.start(t, Spec{Ref: service()})
	s.order(t, "stop")
	kubetest.Until(t, "it waits", func() bool { return f.List()[0].State == Waiting })
	t.Logf("meanwhile: %s", f.List()[0].Reason)
	s.order(t, "start")
	start := time.Now()
	kubetest.Until(t, "it is ready again", func() bool { return f.List()[0].State == Ready })
	t.Logf("ready %v after the API server", time.Since(start).Round(time.Millisecond))
	if _, err := ask(info.Local, "/"); err != nil {
		t.Error(err)
	}
}

func (s scene) hang(t *testing.T) {
	f, info := s.start(t, Spec{Ref: service()})
	res, err := web().Get(fmt.Sprintf("http://127.0.0.1:%d/bytes/%d", info.Local, 100*megabytes))
	if err != nil {
		t.Fatal(err)
	}
	s.order(t, "pause")
	start := time.Now()
	if n, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Errorf("%d bytes came from a server that hangs", n)
	}
	_ = res.Body.Close() // it broke off
	t.Logf("the connection ended after %v", time.Since(start).Round(time.Millisecond))
	start = time.Now()
	f.Stop(info.ID)
	t.Logf("stopped in %v", time.Since(start).Round(time.Millisecond))
	s.order(t, "resume")
}

func (s scene) order(t *testing.T, order string) {
	t.Helper()
	if err := s.rig.Order(t.Context(), order, "kube-apiserver"); err != nil {
		t.Error(err)
	}
}
