package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/klog/v2"

	"quarterdeck/kube"
	"quarterdeck/views"
)

func TestEnvironment(t *testing.T) {
	for _, test := range []struct {
		env     []string
		fps     int
		refresh time.Duration
		mono    bool
	}{
		{nil, 120, 250 * time.Millisecond, false},
		{[]string{"SSH_TTY=/dev/pts/0"}, 15, 500 * time.Millisecond, false},
		{[]string{"SSH_CONNECTION=192.0.2.1 1 192.0.2.2 22", "NO_COLOR=1"}, 15, 500 * time.Millisecond, true},
		{[]string{"NO_COLOR=", "TERM=xterm"}, 120, 250 * time.Millisecond, false},
	} {
		if got := fps(0, test.env); got != test.fps {
			t.Errorf("%v: %d frames a second", test.env, got)
		}
		if got := fps(30, test.env); got != 30 {
			t.Errorf("%v: %d frames a second, asked for 30", test.env, got)
		}
		if got := refresh(test.env); got != test.refresh {
			t.Errorf("%v: refresh %s", test.env, got)
		}
		if got := noColor(test.env); got != test.mono {
			t.Errorf("%v: no colour: %v", test.env, got)
		}
	}
}

// What the libraries log is not for the terminal, nor for who reads our errors.
func TestQuiet(t *testing.T) {
	original := os.Stderr
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stderr = w
	t.Cleanup(func() { os.Stderr = original })
	quiet()
	klog.Error("a connection broke")
	klog.Info("a word")
	klog.Flush()
	_ = w.Close()
	if said, err := io.ReadAll(r); err != nil || len(said) > 0 {
		t.Errorf("%v: %q", err, said)
	}
}

// What a plugin writes to the standard error is kept for the footer, however
// much and however long it is.
func TestCaptureStderr(t *testing.T) {
	original := os.Stderr
	c := captureStderr(original)
	t.Cleanup(c.restore)
	fmt.Fprintln(os.Stderr, "  please log in\x1b[2J at example.com  ")
	fmt.Fprintln(os.Stderr)
	long := strings.Repeat("x", 1<<20)
	for range 3 {
		if _, err := fmt.Fprintln(os.Stderr, long); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintln(os.Stderr, "the end")
	var lines []string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if lines = append(lines, c.take()...); len(lines) > 0 && lines[len(lines)-1] == "the end" {
			break
		}
	}
	if len(lines) == 0 || lines[len(lines)-1] != "the end" {
		t.Fatalf("%d lines", len(lines))
	}
	for _, l := range lines {
		if strings.ContainsAny(l, "\x1b\n") || l == "" {
			t.Errorf("%q", l)
		}
	}
	for range 10 * captureLimit {
		c.add("line")
	}
	if n := len(c.take()); n != captureLimit {
		t.Errorf("%d lines are kept", n)
	}
	news := notices([]string{"a problem of the configuration"}, &views.Program{Connector: &kube.Connector{}}, c)
	c.add("from a plugin")
	if got := fmt.Sprint(news(), news()); got != "[a problem of the configuration from a plugin] []" {
		t.Error(got)
	}
	c.restore()
	c.restore()
	if os.Stderr != original {
		t.Error("the standard error was not given back")
	}
}
