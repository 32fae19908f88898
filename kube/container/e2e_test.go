//go:build e2e

package container

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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
	t.Run("copy", s.copy)
	t.Run("copy 100 MB", s.copyBig)
	t.Run("copy without tar", s.copyWithoutTar)
	t.Run("no programs at all", s.bare)
	t.Run("pod deleted", s.deleted)
	t.Run("attach", s.attach)
	t.Run("debug", s.debug)
	t.Run("debug a node", s.debugNode)
	t.Run("read-only", s.readOnly)
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

// run runs a script in the pod and returns what it says.
func (s scene) run(t *testing.T, pod kube.Ref, script string) string {
	t.Helper()
	var out bytes.Buffer
	err := command{client: s.client, target: Target{Pod: pod, Container: "app"}, args: []string{"sh", "-c", script}, out: &out}.run(t.Context())
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return out.String()
}

func (s scene) copy(t *testing.T) {
	web, dir := Target{Pod: s.pod("web")}, t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("src/a.txt", "one", 0o640)
	write("src/bin/run", "#!/bin/sh", 0o755)
	write("src/empty", "", 0o600)

	got, err := Upload(t.Context(), s.client, web, filepath.Join(dir, "src"), "/tmp", CopyOptions{})
	if err != nil || got.To != "/tmp/src" || got.Files != 3 || got.Bytes != 12 {
		t.Fatalf("%+v, %v", got, err)
	}
	if out := s.run(t, web.Pod, "cat /tmp/src/a.txt; ls -l /tmp/src/bin"); !strings.HasPrefix(out, "one-rwxr-xr-x") {
		t.Errorf("in the container: %q", out)
	}
	got, err = Download(t.Context(), s.client, web, "/tmp/src", filepath.Join(dir, "back"), CopyOptions{})
	if err != nil || got.Files != 3 || got.Bytes != 12 {
		t.Fatalf("%+v, %v", got, err)
	}
	if here := tree(t, filepath.Join(dir, "back")); here != "a.txt bin/ bin/run empty" {
		t.Errorf("it brought %q", here)
	}
	if info, err := os.Stat(filepath.Join(dir, "back", "bin", "run")); err != nil || info.Mode() != 0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	// Again: into the directory that is there now, and not over what is in it.
	if got, err = Download(t.Context(), s.client, web, "/tmp/src/", filepath.Join(dir, "back"), CopyOptions{}); err != nil || got.To != filepath.Join(dir, "back", "src") {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err = Download(t.Context(), s.client, web, "/tmp/src", filepath.Join(dir, "back"), CopyOptions{}); !errors.Is(err, ErrExists) {
		t.Errorf("a second time: %v", err)
	}
	if _, err = Download(t.Context(), s.client, web, "/tmp/src/a.txt", filepath.Join(dir, "back", "a.txt"), CopyOptions{Replace: true}); err != nil {
		t.Errorf("replace: %v", err)
	}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{second(Download(t.Context(), s.client, web, "/nope", filepath.Join(dir, "x"), CopyOptions{})), "no such file"},
		{second(Upload(t.Context(), s.client, web, filepath.Join(dir, "src", "a.txt"), "/nope/deep/f", CopyOptions{})), "no such file"},
		{second(Upload(t.Context(), s.client, web, filepath.Join(dir, "nope"), "/tmp", CopyOptions{})), "no such file"},
		{second(Upload(t.Context(), s.client, Target{Pod: s.pod("nope")}, dir, "/tmp", CopyOptions{})), "is gone"},
		{second(Upload(t.Context(), s.client, Target{Pod: web.Pod, Container: "nope"}, dir, "/tmp", CopyOptions{})), "has no container"},
		{second(Upload(t.Context(), s.client, Target{Pod: kube.Ref{Namespace: "default", Name: "web", UID: "old"}}, dir, "/tmp", CopyOptions{})), "no longer the one"},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("error %v, want %q", tt.err, tt.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

const big = 100_000_000

// bigFile makes a file whose every part differs.
func bigFile(t *testing.T) (name, sum string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "big")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.NewChaCha8([32]byte{})
	if _, err := io.CopyN(f, random, big); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return name, sumOf(t, name)
}

func sumOf(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func (s scene) copyBig(t *testing.T) {
	web := Target{Pod: s.pod("web")}
	file, sum := bigFile(t)
	var last Progress
	calls := 0
	progress := CopyOptions{Progress: func(p Progress) {
		if p.Bytes < last.Bytes {
			t.Errorf("progress went back from %d to %d", last.Bytes, p.Bytes)
		}
		last, calls = p, calls+1
	}}
	start := time.Now()
	if got, err := Upload(t.Context(), s.client, web, file, "/tmp/big", progress); err != nil || got.Bytes != big {
		t.Fatalf("%+v, %v", got, err)
	}
	t.Logf("up in %v, %d reports", time.Since(start).Round(time.Millisecond), calls)
	if last.Bytes != big || last.Total != big || last.Files != 1 {
		t.Errorf("the last report is %+v", last)
	}
	last, calls, start = Progress{}, 0, time.Now()
	back := filepath.Join(t.TempDir(), "back")
	if got, err := Download(t.Context(), s.client, web, "/tmp/big", back, progress); err != nil || got.Bytes != big {
		t.Fatalf("%+v, %v", got, err)
	}
	t.Logf("down in %v, %d reports", time.Since(start).Round(time.Millisecond), calls)
	if last.Bytes != big || last.Total != big || last.Files != 1 || sumOf(t, back) != sum {
		t.Errorf("the last report is %+v, or something else came back", last)
	}

	// Stopped in the middle: at once, and nothing is left.
	for what, run := range map[string]func(context.Context, CopyOptions) error{
		"up": func(ctx context.Context, o CopyOptions) error {
			return second(Upload(ctx, s.client, web, file, "/tmp/big2", o))
		},
		"down": func(ctx context.Context, o CopyOptions) error {
			return second(Download(ctx, s.client, web, "/tmp/big", back+"2", o))
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		err := run(ctx, CopyOptions{Progress: func(p Progress) {
			if p.Bytes > big/10 {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "not complete") {
			t.Errorf("%s: %v", what, err)
		}
		cancel()
	}
	if left, err := filepath.Glob(filepath.Dir(back) + "/*"); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func (s scene) copyWithoutTar(t *testing.T) {
	pod := Target{Pod: s.create(t, "no-tar", "no-tar:1")}
	s.run(t, pod.Pod, "rm /bin/tar; mkdir /d")
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, []byte("some text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Upload(t.Context(), s.client, pod, file, "/tmp/", CopyOptions{}); err != nil || got.To != "/tmp/f" || got.Bytes != 9 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := Download(t.Context(), s.client, pod, "/tmp/f", filepath.Join(dir, "g"), CopyOptions{}); err != nil || got.Bytes != 9 {
		t.Errorf("%+v, %v", got, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "g")); string(text) != "some text" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := Upload(t.Context(), s.client, pod, dir, "/tmp", CopyOptions{}); !errors.Is(err, ErrNoProgram) {
		t.Errorf("a directory: %v", err)
	}
	if _, err := Download(t.Context(), s.client, pod, "/d", filepath.Join(dir, "d"), CopyOptions{}); err == nil {
		t.Error("a directory came by cat")
	}
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

func (s scene) debug(t *testing.T) {
	var said []string
	session, err := Debug(t.Context(), s.client, Target{Pod: s.pod("bare")}, DebugOptions{Said: func(words string) { said = append(said, words) }})
	if err != nil {
		t.Fatal(err)
	}
	if len(said) == 0 || said[0] != "starting busybox:1.37 in pod bare" {
		t.Errorf("it said %q", said)
	}
	v := show(t, session)
	v.await("debugging app, exit or ctrl+d ends it")
	v.await(" # ")
	v.typeKeys("exit\r")
	if err := v.ended(); err != nil {
		t.Error(err)
	}
	name := session.Target().Container
	await(t, "the container ends with its shell", func(ctx context.Context) (bool, error) {
		p, err := s.admin.CoreV1().Pods("default").Get(ctx, "bare", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		if c := p.Spec.EphemeralContainers; len(c) != 1 || c[0].TargetContainerName != "app" {
			t.Fatalf("the pod has %+v", c)
		}
		state, _ := stateOf(p, name)
		return state.Terminated != nil, nil
	})
	if err := Attach(t.Context(), s.client, session.Target()).Run(); err == nil || !strings.Contains(err.Error(), "is not running (ended with exit code 0)") {
		t.Errorf("attach to what ended: %v", err)
	}
	old := s.pod("bare")
	old.UID = "another"
	if _, err := Debug(t.Context(), s.client, Target{Pod: old}, DebugOptions{}); err == nil || !strings.Contains(err.Error(), "no longer the one") {
		t.Errorf("another pod: %v", err)
	}
	// A pod that was made anew between the look and the patch.
	err = addEphemeral(t.Context(), s.client, old, map[string]any{"metadata": map[string]any{"uid": "another"}})
	if err == nil || !strings.Contains(err.Error(), "no longer the one") {
		t.Errorf("patch of another pod: %v", err)
	}
}

func (s scene) debugNode(t *testing.T) {
	nodes, err := s.admin.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	node := kube.Ref{Kind: "Node", Name: nodes.Items[0].Name, UID: nodes.Items[0].UID}
	session, err := DebugNode(t.Context(), s.client, node, DebugOptions{})
	if err != nil {
		t.Fatal(err)
	}
	v := show(t, session)
	v.await("on node " + node.Name)
	v.await(" # ")
	p, err := s.admin.CoreV1().Pods("default").Get(t.Context(), session.Target().Pod.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Spec.NodeName != node.Name || !p.Spec.HostPID || p.Spec.ActiveDeadlineSeconds == nil || !p.Spec.Containers[0].StdinOnce {
		t.Errorf("the pod is %+v", p.Spec)
	}
	s.leftovers(t, 1)
	v.typeKeys("exit\r")
	if err := v.ended(); err != nil {
		t.Error(err)
	}
	s.leftovers(t, 0)

	// One that is never run, and one whose program died with it.
	if session, err = DebugNode(t.Context(), s.client, node, DebugOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := session.Discard(); err != nil {
		t.Error(err)
	}
	s.leftovers(t, 0)
	if session, err = DebugNode(t.Context(), s.client, node, DebugOptions{}); err != nil {
		t.Fatal(err)
	}
	s.guard.Refuse("test")
	if err := session.Discard(); !errors.Is(err, guard.ErrReadOnly) || !strings.Contains(err.Error(), "still there") {
		t.Errorf("a pod that may not be deleted: %v", err)
	}
	s.guard.Permit()
	s.leftovers(t, 1)
	node.UID = "another"
	if _, err := DebugNode(t.Context(), s.client, node, DebugOptions{}); err == nil || !strings.Contains(err.Error(), "no longer the one") {
		t.Errorf("another node: %v", err)
	}
}

func (s scene) leftovers(t *testing.T, want int) {
	t.Helper()
	await(t, fmt.Sprintf("%d leftovers", want), func(ctx context.Context) (bool, error) {
		left, err := Leftovers(ctx, s.client, "")
		return len(left) == want, err
	})
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
