//go:build e2e

package logs

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"

	"quarterdeck/kube"
	"quarterdeck/kube/kubetest"
	"quarterdeck/kube/rig"
	"quarterdeck/kube/store"
)

// scene is a playground with the shop in it, one of whose releases crashes.
type scene struct {
	rig   *rig.Playground
	admin kubernetes.Interface
}

func TestAgainstAPIServer(t *testing.T) {
	p := kubetest.Playground(t, "--scenario", "shop", "--incident", "crash-loop")
	cfg := kubetest.Config(t, p.Kubeconfig(), "")
	s := scene{rig: p, admin: kubernetes.NewForConfigOrDie(cfg)}
	t.Run("once", s.once)
	t.Run("few rights", s.fewRights)
	t.Run("crashes", s.crashes)
	t.Run("200 pods, which go", s.manyPods)
	t.Run("API server restarts", s.restart) // the last two: they harm the API server
	t.Run("API server hangs", s.hang)
}

func (s scene) connect(t *testing.T, user string) *kube.Client {
	t.Helper()
	flags, kubeconfig := genericclioptions.NewConfigFlags(true), s.rig.Kubeconfig()
	flags.KubeConfig, flags.Impersonate = &kubeconfig, &user
	client, err := (&kube.Connector{Flags: flags}).Connect("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func (s scene) open(t *testing.T, user string, o Options) *Log {
	t.Helper()
	l := Open(s.connect(t, user), o)
	t.Cleanup(l.Close)
	return l
}

// lines returns the lines of a source, and its markers, in their order.
func lines(l *Log, id SourceID) (said, markers []string) {
	snap := l.Ring().Snapshot()
	snap.Range(0, snap.End(), func(line Line) bool {
		switch {
		case line.Source != id:
		case line.Flags&Marker != 0:
			markers = append(markers, line.Text())
		default:
			said = append(said, time.Unix(0, line.Time).UTC().Format("15:04:05.000000000 ")+line.Text())
		}
		return true
	})
	return said, markers
}

// truth returns what the server has of a container's log, as lines does, and false
// if its pod has gone meanwhile.
func (s scene) truth(t *testing.T, src Source, previous bool) (said []string, found bool) {
	t.Helper()
	rc, err := s.admin.CoreV1().Pods(src.Namespace).GetLogs(src.Pod, &corev1.PodLogOptions{
		Container: src.Container, Timestamps: true, Previous: previous,
	}).Stream(t.Context())
	if apierrors.IsNotFound(err) {
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rc.Close() }()
	all, err := io.ReadAll(rc)
	if err != nil {
		t.Fatal(err)
	}
	var p parser
	for line := range strings.Lines(string(all)) {
		at, text := p.stamp([]byte(strings.TrimSuffix(line, "\n")))
		clean, _ := appendClean(nil, text)
		said = append(said, time.Unix(0, at).UTC().Format("15:04:05.000000000 ")+string(clean))
	}
	return said, true
}

// sameAs compares the log of every container that still runs with the server's:
// nothing may be missing and nothing be there twice.
func (s scene) sameAs(t *testing.T, l *Log) {
	t.Helper()
	checked := 0
	for _, src := range l.Sources() {
		said, markers := lines(l, src.ID)
		if src.State != Live || len(said) == 0 || slices.ContainsFunc(markers, func(m string) bool { return strings.HasPrefix(m, "restarted") }) {
			continue
		}
		want, found := s.truth(t, src, false)
		if !found {
			continue
		}
		start := slices.Index(want, said[0])
		if start < 0 && s.restarted(t, src) {
			continue // since it was looked at
		}
		if start < 0 {
			t.Errorf("%s/%s: the server does not know the line %q", src.Pod, src.Container, said[0])
			continue
		}
		want = want[start:]
		want = want[:min(len(want), len(said))] // the server has newer ones
		if !slices.Equal(said, want) {
			i := firstDifference(said, want)
			t.Errorf("%s/%s: %d lines, want %d, the first that differs is %d of %q", src.Pod, src.Container, len(said), len(want), i, said[i:min(i+2, len(said))])
		}
		checked += len(said)
	}
	if checked == 0 {
		t.Error("no log was compared with the server's")
	}
	t.Logf("%d lines of %d containers", checked, len(l.Sources()))
}

// restarted reports whether a container has run before, or soon says so: its log
// is known to its kubelet before its status is to the server. One whose pod has
// gone meanwhile counts as well.
func (s scene) restarted(t *testing.T, src Source) bool {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, kubetest.Patience, true, func(ctx context.Context) (bool, error) {
		pod, err := s.admin.CoreV1().Pods(src.Namespace).Get(ctx, src.Pod, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && pod.UID != src.UID {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		return slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool {
			return c.Name == src.Container && c.RestartCount > 0
		}), nil
	})
	if err != nil && !wait.Interrupted(err) {
		t.Fatal(err)
	}
	return err == nil
}

// ordered checks that lines come in the order of their times, but for a hundredth
// of them, or the lines of one container that answered late.
func ordered(t *testing.T, l *Log, allowed int) {
	t.Helper()
	last, late, n := int64(0), 0, 0
	snap := l.Ring().Snapshot()
	snap.Range(0, snap.End(), func(line Line) bool {
		if line.Flags&(Marker|Continued) == 0 {
			if line.Time < last {
				late++
			}
			last = max(last, line.Time)
			n++
		}
		return true
	})
	if late > max(n/100, allowed) {
		t.Errorf("%d of %d lines are not in order", late, n)
	}
}

func (s scene) once(t *testing.T) {
	ref := kube.Ref{GVR: appsv1.SchemeGroupVersion.WithResource("deployments"), Namespace: "web", Name: "search"}
	kubetest.Until(t, "search logs", func() bool {
		pods, err := s.admin.CoreV1().Pods("web").List(t.Context(), metav1.ListOptions{LabelSelector: "app=search", FieldSelector: "status.phase=Running"})
		return err == nil && len(pods.Items) > 0
	})
	c := s.connect(t, "")
	sel, err := Select(t.Context(), c, ref)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	l := s.open(t, "", Options{Selections: []Selection{sel}, Span: Span{Tail: 20}, Each: func(Line) { n++ }})
	select {
	case <-l.Ended():
	case <-time.After(kubetest.Patience):
		t.Fatalf("it does not end: %+v", l.Status())
	}
	ordered(t, l, 20)
	if st := l.Status(); n == 0 || n != l.Ring().Snapshot().Len() || st.Sources == 0 || st.Broken+st.Refused > 0 || st.Pods.Phase != store.Live {
		t.Errorf("%d lines, %d in the ring, %+v", n, l.Ring().Snapshot().Len(), st)
	}
}

// fewRights: without the right to read logs each container is named as
// forbidden; without the right to list pods, one pod is followed by its name.
func (s scene) fewRights(t *testing.T) {
	_, err := s.admin.RbacV1().Roles("web").Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "one-pod"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods", "pods/log"}, Verbs: []string{"get"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.admin.RbacV1().Roles("web").Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "no-logs"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one-pod", "no-logs"} {
		_, err := s.admin.RbacV1().RoleBindings("web").Create(t.Context(), &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: name}},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	pods, err := s.admin.CoreV1().Pods("web").List(t.Context(), metav1.ListOptions{FieldSelector: "status.phase=Running"})
	if err != nil || len(pods.Items) == 0 {
		t.Fatal(len(pods.Items), err)
	}

	l := s.open(t, "no-logs", Options{Selections: []Selection{{Namespace: "web"}}, Span: Span{Tail: 5}, Follow: true})
	kubetest.Until(t, "logs are refused", func() bool { st := l.Status(); return st.Refused > 0 && st.Live == 0 && st.Broken == 0 })
	if err := l.Status().Err; err == nil || !strings.Contains(err.Error(), "pods/log") {
		t.Errorf("it does not say what is forbidden: %v", err)
	}
	l = s.open(t, "one-pod", Options{Selections: []Selection{{Namespace: "web", Pod: pods.Items[0].Name}}, Span: Span{Tail: 5}, Follow: true})
	kubetest.Until(t, "one pod is followed", func() bool { return l.Status().Live > 0 && l.Ring().Snapshot().Len() > 0 })
	l = s.open(t, "one-pod", Options{Selections: []Selection{{Namespace: "web"}}, Span: Span{Tail: 5}, Follow: true})
	kubetest.Until(t, "listing is refused", func() bool { return l.Status().Pods.Phase == store.Forbidden })
}

// crashes: each run of a container that crashes is there once, whole, and
// between them stands that it was restarted.
func (s scene) crashes(t *testing.T) {
	ref := kube.Ref{GVR: appsv1.SchemeGroupVersion.WithResource("deployments"), Namespace: "payments", Name: "checkout"}
	c := s.connect(t, "")
	sel, err := Select(t.Context(), c, ref)
	if err != nil {
		t.Fatal(err)
	}
	l := s.open(t, "", Options{Selections: []Selection{sel}, Span: Span{Tail: -1}, Follow: true})
	crashing := func() (src Source, found bool) {
		for _, src = range l.Sources() {
			if _, markers := lines(l, src.ID); slices.ContainsFunc(markers, func(m string) bool { return strings.HasPrefix(m, "restarted (exit 1)") }) {
				return src, true
			}
		}
		return src, false
	}
	kubetest.Until(t, "a container is restarted", func() bool { _, found := crashing(); return found })
	src, _ := crashing()
	snap := l.Ring().Snapshot()
	var story []string
	snap.Range(0, snap.End(), func(line Line) bool {
		if line.Source == src.ID {
			story = append(story, fmt.Sprint(line.Flags&Marker != 0, line.Flags&Continued != 0, line.Level, " ", line.Text()))
		}
		return true
	})
	all := strings.Join(story, "\n")
	panics, restarts := strings.Count(all, "panic: missing env"), strings.Count(all, "restarted (exit 1)")
	if panics < restarts || restarts == 0 || panics > restarts+1 {
		t.Errorf("%d panics, %d restarts:\n%s", panics, restarts, all)
	}
	if !strings.Contains(all, "false false fatal panic: missing env") || !strings.Contains(all, "false true fatal goroutine 1 [running]:") {
		t.Errorf("the stack trace is not one record:\n%s", all)
	}
	t.Logf("\n%s", all)
	s.sameAs(t, l)
}

// manyPods: 200 pods come while they are followed, and go again.
func (s scene) manyPods(t *testing.T) {
	replicas := int32(200)
	labels := map[string]string{"app": "crowd"}
	_, err := s.admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "crowd"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.admin.AppsV1().Deployments("crowd").Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "crowd"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.example.com/shop/cart:v1.9.0"}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l := s.open(t, "", Options{Selections: []Selection{{Namespace: "crowd"}}, Span: Span{Tail: 100}, Follow: true})
	kubetest.Until(t, "200 are live", func() bool { return l.Status().Live == 200 })
	t.Logf("200 live: %+v", l.Status())

	again := time.Now()
	other := s.open(t, "", Options{Selections: []Selection{{Namespace: "crowd"}}, Span: Span{Tail: 100}, Follow: true})
	kubetest.Until(t, "200 are live at once", func() bool { return other.Status().Live == 200 })
	took := time.Since(again)
	t.Logf("200 that run already, live after %v", took)
	if took < 2*firstWait { // the lines of streams that answer later are late
		ordered(t, other, 100)
	}

	if err := s.admin.AppsV1().Deployments("crowd").Delete(t.Context(), "crowd", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	kubetest.Until(t, "all are gone", func() bool {
		return !slices.ContainsFunc(l.Sources(), func(s Source) bool { return s.State != Gone })
	})
	kubetest.Until(t, "each is said to be gone", func() bool {
		gone := 0
		snap := l.Ring().Snapshot()
		snap.Range(0, snap.End(), func(line Line) bool {
			if line.Flags&Marker != 0 && strings.HasPrefix(line.Text(), "pod gone") {
				gone++
			}
			return true
		})
		return gone == 200
	})
}

// outage is how long nothing can be read while containers write.
const outage = 8 * time.Second

// restart kills the API server, and starts it again a while later.
func (s scene) restart(t *testing.T) {
	l := s.open(t, "", Options{Selections: []Selection{{Namespace: "web"}, {Namespace: "data"}}, Span: Span{Tail: 50}, Follow: true})
	kubetest.Until(t, "logs are followed", func() bool { st := l.Status(); return st.Live > 5 && st.Lines > 100 })
	for range 2 {
		if err := s.rig.Order(t.Context(), "stop", "kube-apiserver"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		kubetest.Until(t, "the loss is noticed, and containers have gone on", func() bool { return l.Status().Broken > 0 && time.Since(start) > outage })
		if err := s.rig.Order(t.Context(), "start", "kube-apiserver"); err != nil {
			t.Fatal(err)
		}
		back := time.Now()
		kubetest.Until(t, "all is followed again", func() bool { st := l.Status(); return st.Live > 5 && st.Broken+st.Refused == 0 })
		t.Logf("live again %v after the API server: %+v", time.Since(back), l.Status())
	}
	lines := l.Status().Lines
	kubetest.Until(t, "lines come again", func() bool { return l.Status().Lines > lines+50 })
	s.sameAs(t, l)
}

// hang freezes the API server: connections stand and nothing comes.
func (s scene) hang(t *testing.T) {
	l := s.open(t, "", Options{Selections: []Selection{{Namespace: "web"}}, Span: Span{Tail: 50}, Follow: true})
	kubetest.Until(t, "logs are followed", func() bool { st := l.Status(); return st.Live > 2 && st.Lines > 50 })
	if err := s.rig.Order(t.Context(), "pause", "kube-apiserver"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	kubetest.Until(t, "the silence is noticed", func() bool { return l.Status().Live == 0 })
	t.Logf("noticed after %v: %v", time.Since(start), l.Status().Err)
	if err := s.rig.Order(t.Context(), "resume", "kube-apiserver"); err != nil {
		t.Fatal(err)
	}
	back := time.Now()
	kubetest.Until(t, "all is followed again", func() bool { st := l.Status(); return st.Live > 2 && st.Broken+st.Refused == 0 })
	t.Logf("live again %v after the API server", time.Since(back))
	lines := l.Status().Lines
	kubetest.Until(t, "lines come again", func() bool { return l.Status().Lines > lines+20 })
	s.sameAs(t, l)
}
