//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	utilexec "k8s.io/client-go/util/exec"
)

// podOf returns a pod with a label.
func (p playground) podOf(t *testing.T, namespace, selector string) *corev1.Pod {
	t.Helper()
	pods, err := p.client.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil || len(pods.Items) == 0 {
		t.Fatalf("pods of %s: %d, %v", selector, len(pods.Items), err)
	}
	return &pods.Items[0]
}

func (p playground) logs(t *testing.T) {
	pod := p.podOf(t, "payments", "app=checkout")
	read := func(options corev1.PodLogOptions) string {
		data, err := p.client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &options).DoRaw(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	five := int64(5)
	if n := strings.Count(read(corev1.PodLogOptions{TailLines: &five}), "\n"); n != 5 {
		t.Errorf("a tail of 5 has %d lines", n)
	}
	whole := read(corev1.PodLogOptions{Timestamps: true})
	first, _, _ := strings.Cut(whole, "\n")
	stamp, _, _ := strings.Cut(first, " ")
	if at, err := time.Parse(time.RFC3339Nano, stamp); err != nil || at.Before(pod.CreationTimestamp.Time) {
		t.Errorf("the first line is from %v, %v: %q", at, err, first)
	}
	if again := read(corev1.PodLogOptions{Timestamps: true}); !strings.HasPrefix(again, whole) {
		t.Error("the log of a moment ago is not the beginning of the log")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	none := int64(0)
	stream, err := p.client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Follow: true, TailLines: &none}).Stream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close() //nolint:errcheck // read to where it matters
	lines := bufio.NewScanner(stream)
	for i := range 3 {
		if !lines.Scan() {
			t.Fatalf("the followed log ended after %d lines: %v", i, lines.Err())
		}
	}
	_, err = p.client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Previous: true}).Stream(ctx)
	if err == nil || !strings.Contains(err.Error(), "previous terminated container") {
		t.Errorf("the log before the first: %v", err)
	}
}

func (p playground) exec(t *testing.T) {
	pod := p.podOf(t, "web", "app=cart")
	address := func(command ...string) *url.URL {
		return p.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("exec").
			VersionedParams(&corev1.PodExecOptions{Command: command, Stdin: true, Stdout: true, Stderr: true}, scheme.ParameterCodec).URL()
	}
	// It takes all input: what a SPDY client sends to a command that has ended makes
	// the API server drop what that said (its proxy ends with the first direction
	// that fails).
	script := "read line; cat > /dev/null; echo $HOSTNAME:$line; echo oops >&2; exit 7"
	webSocket, err := remotecommand.NewWebSocketExecutor(p.config, http.MethodGet, address("sh", "-c", script).String())
	if err != nil {
		t.Fatal(err)
	}
	spdyExecutor, err := remotecommand.NewSPDYExecutor(p.config, http.MethodPost, address("sh", "-c", script))
	if err != nil {
		t.Fatal(err)
	}
	for name, executor := range map[string]remotecommand.Executor{"websocket": webSocket, "spdy": spdyExecutor} {
		var out, errOut bytes.Buffer
		err := executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdin: strings.NewReader("hello\n"), Stdout: &out, Stderr: &errOut})
		var exit utilexec.ExitError
		if !errors.As(err, &exit) || exit.ExitStatus() != 7 {
			t.Errorf("%s: it ended with %v", name, err)
		}
		if want := pod.Name + ":hello\n"; out.String() != want || errOut.String() != "oops\n" {
			t.Errorf("%s: it said %q and %q", name, out.String(), errOut.String())
		}
	}
}

func (p playground) portForward(t *testing.T) {
	pod := p.podOf(t, "web", "app=catalog")
	transport, upgrader, err := spdy.RoundTripperFor(p.config)
	if err != nil {
		t.Fatal(err)
	}
	address := p.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("portforward").URL()
	stop, up := make(chan struct{}), make(chan struct{})
	forwarder, err := portforward.NewOnAddresses(
		spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, address),
		[]string{"127.0.0.1"}, []string{"0:8080"}, stop, up, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := forwarder.ForwardPorts(); err != nil {
			t.Errorf("forward: %v", err)
		}
	}()
	defer func() {
		close(stop)
		<-done
	}()
	select {
	case <-up:
	case <-done:
		t.FailNow()
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/healthz", ports[0].Local))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read below
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), pod.Name) {
		t.Errorf("%s: %q, %v", response.Status, body, err)
	}
}

func (p playground) metrics(t *testing.T) {
	client, err := dynamic.NewForConfig(p.config)
	if err != nil {
		t.Fatal(err)
	}
	p.await(t, "metrics of all nodes and running pods", func(ctx context.Context) error {
		for resource, least := range map[string]int{"nodes": 12, "pods": 60} {
			list, err := client.Resource(schema.GroupVersionResource{Group: "metrics.k8s.io", Version: "v1beta1", Resource: resource}).List(ctx, metav1.ListOptions{})
			if err != nil {
				return err
			}
			if len(list.Items) < least {
				return problem("metrics of %d %s", len(list.Items), resource)
			}
		}
		return nil
	})
}
