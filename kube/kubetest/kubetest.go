//go:build e2e

// Package kubetest gives tests a real API server: the playground.
package kubetest

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Start brings up a playground for the length of the test and returns its
// kubeconfig. Its program is named by QD_PLAYGROUND; without it the test is
// skipped. args go to its command up, as in "--scenario", "shop".
func Start(t testing.TB, args ...string) (kubeconfig string) {
	t.Helper()
	program := os.Getenv("QD_PLAYGROUND")
	if program == "" {
		t.Skip("QD_PLAYGROUND names no program")
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program, append([]string{"up", "--dir", dir}, args...)...) // the caller's own program
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it has children to end
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "ready" {
			go func() { _, _ = io.Copy(io.Discard, out) }() // the pipe must not fill
			return filepath.Join(dir, "kubeconfig")
		}
	}
	t.Fatalf("the playground ended before it was ready: %v", lines.Err())
	return ""
}

// Config returns the connection of a context of kubeconfig.
func Config(t testing.TB, kubeconfig, context string) *rest.Config {
	t.Helper()
	cfg, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig},
		&clientcmd.ConfigOverrides{CurrentContext: context},
	).ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}
