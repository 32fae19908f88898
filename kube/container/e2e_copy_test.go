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
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"quarterdeck/kube"
)

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

func (s scene) copyCutOff(t *testing.T) {
	web := Target{Pod: s.pod("web")}
	file, _ := bigFile(t)
	dir := t.TempDir()
	for _, tt := range []struct {
		what string
		run  func(CopyOptions) error
	}{
		{"up", func(o CopyOptions) error { return second(Upload(t.Context(), s.client, web, file, "/tmp/big", o)) }},
		{"down", func(o CopyOptions) error {
			return second(Download(t.Context(), s.client, web, "/tmp/big", filepath.Join(dir, "big"), o))
		}},
	} {
		if tt.what == "down" {
			if _, err := Upload(t.Context(), s.client, web, file, "/tmp/big", CopyOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		var once sync.Once
		var cut time.Time
		err := tt.run(CopyOptions{Progress: func(p Progress) {
			if p.Bytes > big/10 {
				once.Do(func() { s.order(t, "stop"); cut = time.Now() })
			}
		}})
		t.Logf("%s, %v after the cut: %v", tt.what, time.Since(cut).Round(time.Millisecond), err)
		if !errors.Is(err, ErrLost) {
			t.Errorf("%s: %v", tt.what, err)
		}
		s.order(t, "start")
	}
	if left, err := filepath.Glob(dir + "/*"); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
