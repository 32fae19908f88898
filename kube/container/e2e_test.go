//go:build e2e

package container

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"

	"quarterdeck/kube"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/kubetest"
)

// scene is a playground with the pods of the tests in it.
type scene struct {
	dir    string // of the playground
	admin  kubernetes.Interface
	client *kube.Client
	guard  *guard.Guard
}

func TestAgainstAPIServer(t *testing.T) {
	kubeconfig := kubetest.Start(t, "--scenario", "empty", "--nodes", "2")
	s := scene{
		dir: filepath.Dir(kubeconfig), guard: &guard.Guard{},
		admin: kubernetes.NewForConfigOrDie(kubetest.Config(t, kubeconfig, "")),
	}
	flags := genericclioptions.NewConfigFlags(true)
	flags.KubeConfig = &kubeconfig
	connector := &kube.Connector{Flags: flags, Guard: func(string) *guard.Guard { return s.guard }}
	var err error
	if s.client, err = connector.Connect(""); err != nil {
		t.Fatal(err)
	}
	defer s.client.Close()
	s.create(t, "web", "web:1")

	t.Run("shell", s.shell)
	t.Run("connection lost", s.lost) // the last: it kills the API server
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
	await(t, name+" runs", func(ctx context.Context) (bool, error) {
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

func await(t *testing.T, what string, condition wait.ConditionWithContextFunc) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, condition); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
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
	err := wait.PollUntilContextTimeout(s.t.Context(), 20*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) {
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
	case <-time.After(time.Minute):
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
	await(t, "the new size arrives", func(context.Context) (bool, error) {
		v.typeKeys("stty size\r")
		return strings.Contains(v.String(), "33 101"), nil
	})
	v.typeKeys("sleep 600\r")
	v.await("sleep 600")
	v.typeKeys("\x03") // reaches the pod: the sleep ends and not the session
	v.typeKeys("echo still-h$((1))re\r")
	v.await("still-h1re")
	v.typeKeys("exit 3\r")
	if err := v.ended(); err != nil || session.ExitCode() != 3 {
		t.Errorf("ended with %v, exit code %d", err, session.ExitCode())
	}
	await(t, "no goroutine is left", func(context.Context) (bool, error) { return runtime.NumGoroutine() <= before+2, nil })
}

func (s scene) lost(t *testing.T) {
	v := show(t, Exec(t.Context(), s.client, Target{Pod: s.pod("web")}, nil))
	v.await(" # ")
	s.part(t, "stop", "kube-apiserver")
	start := time.Now()
	err := v.ended()
	t.Logf("after %v: %v", time.Since(start).Round(time.Millisecond), err)
	if !errors.Is(err, ErrLost) {
		t.Errorf("ended with %v", err)
	}
	s.part(t, "start", "kube-apiserver")
	v = show(t, Exec(t.Context(), s.client, Target{Pod: s.pod("web")}, nil))
	v.await(" # ")
	s.part(t, "pause", "kube-apiserver")
	start = time.Now()
	err = v.ended()
	t.Logf("after %v: %v", time.Since(start).Round(time.Millisecond), err)
	if !errors.Is(err, ErrLost) {
		t.Errorf("ended with %v", err)
	}
	s.part(t, "resume", "kube-apiserver")
}

func (s scene) part(t *testing.T, order, part string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), os.Getenv("QD_PLAYGROUND"), order+"-part", part, "--dir", s.dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", order, part, err, out)
	}
}
