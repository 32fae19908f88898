//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// patience is how long anything may take; on a loaded machine it takes long.
const patience = 5 * time.Minute

// playground is one that runs the shop.
type playground struct {
	config *rest.Config
	client kubernetes.Interface
}

// start brings the shop up for the time of the test.
func start(t *testing.T) playground {
	t.Helper()
	binary := os.Getenv("QD_PLAYGROUND")
	if binary == "" {
		t.Fatal("QD_PLAYGROUND is not set: run `make e2e`, or build the playground and set it to the binary's path")
	}
	// A fresh directory that fits into the length of a path.
	dir, err := os.MkdirTemp("", "shop")
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "playground")
	var output strings.Builder
	cmd := exec.Command(binary, "up", "--dir", dir, "--scenario", "shop")
	cmd.Stderr = &output
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		err := cmd.Wait()
		if t.Failed() {
			t.Logf("the playground ended with %v and said:\n%s", err, output.String())
			t.Logf("its logs are in %s", filepath.Join(dir, "log"))
			return
		}
		_ = os.RemoveAll(filepath.Dir(dir))
	})
	began := time.Now()
	awaitLine(t, stdout, "ready")
	t.Logf("ready after %v", time.Since(began).Round(100*time.Millisecond))
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(dir, "kubeconfig"))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 100, 200
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return playground{config: config, client: client}
}

// await waits until a look finds nothing wrong any more, and says how long that took.
func (p playground) await(t *testing.T, what string, look func(context.Context) error) {
	t.Helper()
	began := time.Now()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 500*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		last = look(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("%s: still not after %v: %v", what, patience, last)
	}
	t.Logf("%s: after %v", what, time.Since(began).Round(100*time.Millisecond))
}

func TestShop(t *testing.T) {
	p := start(t)
	p.await(t, "healthy", p.health)
	p.noRestarts(t)
	t.Run("kubelet", func(t *testing.T) {
		t.Run("logs", p.logs)
		t.Run("exec", p.exec)
		t.Run("port-forward", p.portForward)
		t.Run("metrics", p.metrics)
	})
}

// noRestarts checks that the shop became healthy without an accident to a
// container: that none was restarted, and no kubelet had to warn.
func (p playground) noRestarts(t *testing.T) {
	pods, err := p.client.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods.Items {
		for _, s := range pod.Status.ContainerStatuses {
			if s.RestartCount > 0 {
				t.Errorf("container %s of %s/%s was restarted", s.Name, pod.Namespace, pod.Name)
			}
		}
	}
	events, err := p.client.CoreV1().Events("").List(t.Context(), metav1.ListOptions{FieldSelector: "type=" + corev1.EventTypeWarning})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events.Items {
		if e.Source.Component == "kubelet" || e.ReportingController == "kubelet" {
			t.Errorf("warning about %s %s/%s: %s: %s", e.InvolvedObject.Kind, e.Namespace, e.InvolvedObject.Name, e.Reason, e.Message)
			continue
		}
		// What a controller warns of it tries again, and health saw that this worked. An
		// autoscaler has no metrics for most of a minute. Others see one of two things
		// later than the other: the scheduler a claim than the pod that needs it, the
		// API server the IPAddress of a Service than the Service.
		t.Logf("warning about %s %s/%s: %s: %s", e.InvolvedObject.Kind, e.Namespace, e.InvolvedObject.Name, e.Reason, e.Message)
	}
}

func problem(format string, args ...any) error { return fmt.Errorf(format, args...) }
