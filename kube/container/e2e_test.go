//go:build e2e

package container

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"

	"quarterdeck/kube"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/kubetest"
	"quarterdeck/kube/rig"
)

// scene is a playground with the pods of the tests in it.
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
	s.create(t, "web", "web:1")

	t.Run("shell", s.shell)
	t.Run("copy", s.copy)
	t.Run("copy 100 MB", s.copyBig)
	t.Run("copy without tar", s.copyWithoutTar)
	t.Run("no programs at all", s.bare)
	t.Run("pod deleted", s.deleted)
	t.Run("attach", s.attach)
	t.Run("debug", s.debug)
	t.Run("debug a node", s.debugNode)
	t.Run("cancelled", s.cancelled)
	t.Run("read-only", s.readOnly)
	t.Run("approval", s.approval)
	t.Run("viewer", s.viewer)
	t.Run("copy cut off", s.copyCutOff) // from here on the API server suffers
	t.Run("connection lost", s.lost)
	t.Run("left early", s.leftEarly)
}

// connect returns the client of a context of the playground.
func (s scene) connect(t *testing.T, context string) *kube.Client {
	t.Helper()
	flags, kubeconfig := genericclioptions.NewConfigFlags(true), s.rig.Kubeconfig()
	flags.KubeConfig = &kubeconfig
	connector := &kube.Connector{Flags: flags, Guard: func(string) *guard.Guard { return s.guard }}
	client, err := connector.Connect(context)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// create makes a pod of one container and waits until it runs.
func (s scene) create(t *testing.T, name, image string) kube.Ref {
	t.Helper()
	pods := s.admin.CoreV1().Pods("default")
	_, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ref := s.pod(name)
	kubetest.Eventually(t, name+" runs", func(ctx context.Context) (bool, error) {
		p, err := pods.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		ref.UID = p.UID
		return p.Status.Phase == corev1.PodRunning, nil
	})
	return ref
}

func (scene) pod(name string) kube.Ref {
	return kube.Ref{GVR: corev1.SchemeGroupVersion.WithResource("pods"), Kind: "Pod", Namespace: "default", Name: name}
}

// screen is a terminal with a session in it.
type screen struct {
	t      *testing.T
	keys   *os.File // what the user types into and sees
	tty    *os.File // what the session has
	before *term.State
	end    chan error

	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// show runs a session in a terminal of 80x24.
func show(t *testing.T, s *Session) *screen {
	t.Helper()
	keys, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	v := &screen{t: t, keys: keys, tty: tty, before: before, end: make(chan error, 1)}
	t.Cleanup(func() { _, _ = tty.Close(), keys.Close() })
	go func() { _, _ = io.Copy(v, keys) }()
	s.SetStdin(tty)
	s.SetStdout(tty)
	go func() { v.end <- s.Run() }()
	return v
}

func (s *screen) typeKeys(text string) {
	s.t.Helper()
	if _, err := s.keys.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) await(text string) {
	s.t.Helper()
	err := wait.PollUntilContextTimeout(s.t.Context(), 20*time.Millisecond, kubetest.Patience, true, func(context.Context) (bool, error) {
		return strings.Contains(s.String(), text), nil
	})
	if err != nil {
		s.t.Fatalf("the screen never showed %q:\n%s", text, s)
	}
}

// ended waits for the session, and makes sure that the terminal is as it was
// and that the next key goes to whoever reads it then.
func (s *screen) ended() error {
	s.t.Helper()
	var err error
	select {
	case err = <-s.end:
	case <-time.After(kubetest.Patience):
		s.t.Fatalf("the session did not end:\n%s", s)
	}
	after, stateErr := term.GetState(int(s.tty.Fd()))
	if stateErr != nil {
		s.t.Fatal(stateErr)
	}
	if *after != *s.before {
		s.t.Errorf("the terminal is not as it was: %+v, was %+v", after, s.before)
	}
	s.typeKeys("next\n")
	line := make([]byte, 16)
	n, readErr := s.tty.Read(line)
	if got := string(line[:n]); got != "next\n" {
		s.t.Errorf("the next line typed came as %q, %v", got, readErr)
	}
	return err
}

func (s scene) shell(t *testing.T) {
	before := runtime.NumGoroutine()
	session := Exec(t.Context(), s.client, Target{Pod: s.pod("web")}, nil)
	v := show(t, session)
	v.await("default/web app: exit or ctrl+d leaves")
	v.await(" # ")
	v.typeKeys("echo mar$((40+2))k\r")
	v.await("mar42k")
	v.typeKeys("stty size\r")
	v.await("24 80")
	if err := pty.Setsize(v.tty, &pty.Winsize{Rows: 33, Cols: 101}); err != nil {
		t.Fatal(err)
	}
	// The kernel tells the foreground job of a terminal; tests have none.
	self, _ := os.FindProcess(os.Getpid())
	_ = self.Signal(syscall.SIGWINCH)
	kubetest.Eventually(t, "the new size arrives", func(context.Context) (bool, error) {
		v.typeKeys("stty size\r")
		return strings.Contains(v.String(), "33 101"), nil
	})
	v.typeKeys("echo dra$((1))ned\r") // what was typed before is done
	v.await("dra1ned")
	v.typeKeys("sleep 600\r")
	v.await("sleep 600")
	v.typeKeys("\x03") // reaches the pod: the sleep ends and not the session
	v.typeKeys("echo still-h$((1))re\r")
	v.await("still-h1re")
	v.typeKeys("exit 3\r")
	if err := v.ended(); err != nil || session.ExitCode() != 3 {
		t.Errorf("ended with %v, exit code %d", err, session.ExitCode())
	}
	kubetest.Until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before+2 })
}

func (s scene) bare(t *testing.T) {
	pod := Target{Pod: s.create(t, "bare", "distroless:1")}
	v := show(t, Exec(t.Context(), s.client, pod, nil))
	if err := v.ended(); !errors.Is(err, ErrNoProgram) || !strings.Contains(err.Error(), "debug the pod") {
		t.Errorf("shell: %v", err)
	}
	_, err := Download(t.Context(), s.client, pod, "/etc/hosts", filepath.Join(t.TempDir(), "hosts"), CopyOptions{})
	if !errors.Is(err, ErrNoProgram) || !strings.Contains(err.Error(), "neither tar nor cat") {
		t.Errorf("copy: %v", err)
	}
}

func (s scene) deleted(t *testing.T) {
	pod := s.create(t, "short", "web:1")
	session := Exec(t.Context(), s.client, Target{Pod: pod}, nil)
	v := show(t, session)
	v.await(" # ")
	if err := s.admin.CoreV1().Pods("default").Delete(t.Context(), "short", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := v.ended(); err != nil || session.ExitCode() != 137 {
		t.Errorf("%v, exit code %d", err, session.ExitCode())
	}
}

func (s scene) attach(t *testing.T) {
	talker := s.create(t, "talker", "storefront:5.12.0")
	v := show(t, Attach(t.Context(), s.client, Target{Pod: talker}))
	v.await("attached to its output, ctrl+c leaves")
	v.await("HTTP/1.1")
	v.await("\"\r\n") // lines as a raw terminal shows them
	v.typeKeys("\x03")
	if err := v.ended(); err != nil {
		t.Error(err)
	}
}

// The program is told to end.
func (s scene) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	v := show(t, Exec(ctx, s.client, Target{Pod: s.pod("web")}, nil))
	v.await(" # ")
	cancel()
	if err := v.ended(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A user does not have to wait for a server that does not answer.
func (s scene) leftEarly(t *testing.T) {
	s.order(t, "pause")
	defer s.order(t, "resume")
	v := show(t, Exec(t.Context(), s.client, Target{Pod: s.pod("web")}, nil))
	kubetest.Eventually(t, "the session has the terminal", func(context.Context) (bool, error) {
		now, err := term.GetState(int(v.tty.Fd()))
		return err == nil && *now != *v.before, err
	})
	start := time.Now()
	v.typeKeys("x\x03")
	if err := v.ended(); err != nil {
		t.Error(err)
	}
	t.Logf("left after %v", time.Since(start).Round(time.Millisecond))
}

func (s scene) readOnly(t *testing.T) {
	node, err := s.admin.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.guard.Refuse("test")
	defer s.guard.Permit()
	web := Target{Pod: s.pod("web")}
	session := show(t, Exec(t.Context(), s.client, web, nil))
	attached := show(t, Attach(t.Context(), s.client, web))
	for what, err := range map[string]error{
		"exec":     session.ended(),
		"attach":   attached.ended(),
		"upload":   second(Upload(t.Context(), s.client, web, t.TempDir(), "/tmp/x", CopyOptions{})),
		"download": second(Download(t.Context(), s.client, web, "/etc", t.TempDir(), CopyOptions{})),
		"debug":    second(Debug(t.Context(), s.client, web, DebugOptions{})),
		"node":     second(DebugNode(t.Context(), s.client, kube.Ref{Kind: "Node", Name: node.Items[0].Name}, DebugOptions{})),
	} {
		if !errors.Is(err, guard.ErrReadOnly) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// The user's approval reaches the guard with every request.
func (s scene) approval(t *testing.T) {
	s.guard.SetRules("", []guard.Rule{{Level: guard.Confirmed, Reason: "test"}})
	defer s.guard.SetRules("", nil)
	web, dir := Target{Pod: s.pod("web")}, t.TempDir()
	var blocked *guard.Blocked
	if _, err := Upload(t.Context(), s.client, web, dir, "/tmp/y", CopyOptions{}); !errors.As(err, &blocked) {
		t.Errorf("without: %v", err)
	}
	ctx := guard.Approve(t.Context(), guard.Approval{Level: guard.Confirmed})
	if _, err := Upload(ctx, s.client, web, dir, "/tmp/y", CopyOptions{}); err != nil {
		t.Errorf("with: %v", err)
	}
	session, err := Debug(ctx, s.client, web, DebugOptions{})
	if err != nil {
		t.Fatal(err)
	}
	v := show(t, session)
	v.await(" # ")
	v.typeKeys("exit\r")
	if err := v.ended(); err != nil {
		t.Error(err)
	}
}

// Who may only look is told what is missing.
func (s scene) viewer(t *testing.T) {
	viewer, web := s.connect(t, "viewer"), Target{Pod: s.pod("web")}
	session := show(t, Exec(t.Context(), viewer, web, nil))
	for what, err := range map[string]error{
		"exec":     session.ended(),
		"download": second(Download(t.Context(), viewer, web, "/etc", t.TempDir(), CopyOptions{})),
		"debug":    second(Debug(t.Context(), viewer, web, DebugOptions{})),
		"node":     second(DebugNode(t.Context(), viewer, kube.Ref{Kind: "Node", Name: "n"}, DebugOptions{})),
	} {
		if what == "node" { // it is asked for first, and is not there
			if !apierrors.IsNotFound(err) {
				t.Errorf("%s: %v", what, err)
			}
		} else if !apierrors.IsForbidden(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func (s scene) lost(t *testing.T) {
	v := show(t, Exec(t.Context(), s.client, Target{Pod: s.pod("web")}, nil))
	v.await(" # ")
	s.order(t, "stop")
	start := time.Now()
	err := v.ended()
	t.Logf("after %v: %v", time.Since(start).Round(time.Millisecond), err)
	if !errors.Is(err, ErrLost) {
		t.Errorf("ended with %v", err)
	}
	s.order(t, "start")
	v = show(t, Exec(t.Context(), s.client, Target{Pod: s.pod("web")}, nil))
	v.await(" # ")
	s.order(t, "pause")
	start = time.Now()
	err = v.ended()
	t.Logf("after %v: %v", time.Since(start).Round(time.Millisecond), err)
	if !errors.Is(err, ErrLost) {
		t.Errorf("ended with %v", err)
	}
	s.order(t, "resume")
}

func (s scene) order(t *testing.T, order string) {
	t.Helper()
	if err := s.rig.Order(t.Context(), order, "kube-apiserver"); err != nil {
		t.Error(err)
	}
}
