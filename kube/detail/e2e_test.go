//go:build e2e

package detail

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"quarterdeck/kube"
	"quarterdeck/kube/kubetest"
)

// manifest is a web server that can never be scheduled.
const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: app, image: web:1, resources: {requests: {cpu: "4k"}}}]
`

func TestAgainstAPIServer(t *testing.T) {
	kubeconfig := kubetest.Start(t, "--scenario", "empty", "--nodes", "3")
	cfg := kubetest.Config(t, kubeconfig, "")
	r := newReader(t, cfg)
	client := kubernetes.NewForConfigOrDie(cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	if _, err := client.AppsV1().Deployments("default").Create(ctx, deploymentFrom(t, manifest), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := client.CoreV1().Secrets("default").Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "db"}, StringData: map[string]string{"password": "hunter2-hunter"},
	}, metav1.CreateOptions{FieldManager: "test"})
	if err != nil {
		t.Fatal(err)
	}
	web := ref("apps", "deployments", "Deployment", "web", "")
	web.Namespace = "default"
	c := scene{
		kubeconfig: kubeconfig, client: client, r: r, web: web,
		db: kube.Ref{GVR: corev1.SchemeGroupVersion.WithResource("secrets"), Kind: "Secret", Namespace: "default", Name: "db"},
	}
	t.Run("yaml", func(t *testing.T) { c.yaml(ctx, t) })
	t.Run("events", func(t *testing.T) { c.events(ctx, t) })
	t.Run("describe", func(t *testing.T) { c.describe(ctx, t) })
	t.Run("nobody", func(t *testing.T) { c.nobody(ctx, t) })
	t.Run("cancel", func(t *testing.T) { c.cancel(ctx, t) })
}

// scene is a playground with the objects of the tests in it.
type scene struct {
	kubeconfig string
	client     kubernetes.Interface
	r          *Reader
	web, db    kube.Ref
}

func (s scene) yaml(ctx context.Context, t *testing.T) {
	t.Helper()
	doc, err := s.r.YAML(ctx, s.web, Options{})
	if err != nil || doc.Folded == 0 || !strings.Contains(doc.Text, "\n  # managedFields: ") {
		t.Errorf("%v\n%s", err, doc.Text)
	}
	doc, err = s.r.YAML(ctx, s.db, Options{})
	if err != nil || doc.Masked != 1 || strings.Contains(doc.Text, "aHVudGVyMi1odW50ZXI") {
		t.Errorf("%v\n%s", err, doc.Text)
	}
	doc, err = s.r.YAML(ctx, s.db, Options{ManagedFields: true, Reveal: true})
	if want := kubectl(t, s.kubeconfig, "get", "secret", "db", "-o", "yaml", "--show-managed-fields"); err != nil || doc.Text != want {
		t.Errorf("%v, got\n%s\nkubectl says\n%s", err, doc.Text, want)
	}
}

func (s scene) events(ctx context.Context, t *testing.T) {
	t.Helper()
	var got Events
	err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		var err error
		got, err = s.r.Events(ctx, s.web)
		said := reasons(got.Events) // by several programs, in any order
		return strings.Count(said, "FailedScheduling") >= 2 && strings.Contains(said, "ScalingReplicaSet") && strings.Contains(said, "SuccessfulCreate"), err
	})
	if err != nil {
		t.Fatalf("%v, events %s", err, reasons(got.Events))
	}
	WarningsFirst(got.Events)
	first, last := got.Events[0], got.Events[len(got.Events)-1]
	if first.Reason != "FailedScheduling" || first.Kind != "Pod" || !first.Warning() || first.Gone || first.Last.IsZero() {
		t.Errorf("first %+v", first)
	}
	if last.Warning() || got.Objects != 4 || len(got.Partial) != 0 {
		t.Errorf("last %+v of %d objects, %v", last, got.Objects, got.Partial)
	}
}

func (s scene) describe(ctx context.Context, t *testing.T) {
	t.Helper()
	nodes, err := s.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil || len(nodes.Items) == 0 {
		t.Fatalf("%d nodes, %v", len(nodes.Items), err)
	}
	node := kube.Ref{GVR: corev1.SchemeGroupVersion.WithResource("nodes"), Kind: "Node", Name: nodes.Items[0].Name}
	text, err := s.r.Describe(ctx, node)
	if err != nil || !strings.Contains(text, "Allocated resources:") {
		t.Errorf("%v\n%s", err, text)
	}
	text, err = s.r.Describe(ctx, s.web)
	if err != nil || !strings.Contains(text, "StrategyType:") || !strings.Contains(text, "ScalingReplicaSet") {
		t.Errorf("%v\n%s", err, text)
	}
	lease := kube.Ref{GVR: schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}, Kind: "Lease", Namespace: "kube-node-lease", Name: node.Name}
	if text, err = s.r.Describe(ctx, lease); err != nil || !strings.Contains(text, "Lease Duration Seconds:") {
		t.Errorf("a kind without a describer: %v\n%s", err, text)
	}
	text, err = s.r.Describe(ctx, s.db)
	if want := kubectl(t, s.kubeconfig, "describe", "secret", "db"); err != nil || text != want {
		t.Errorf("%v, got\n%s\nkubectl says\n%s", err, text, want)
	}
	if _, err = s.r.Describe(ctx, kube.Ref{GVR: s.web.GVR, Kind: "Deployment", Namespace: "default", Name: "none"}); !apierrors.IsNotFound(err) {
		t.Errorf("describe what is not there: %v", err)
	}
}

func (s scene) nobody(ctx context.Context, t *testing.T) {
	t.Helper()
	r := newReader(t, kubetest.Config(t, s.kubeconfig, "nobody"))
	if _, err := r.YAML(ctx, s.web, Options{}); !apierrors.IsForbidden(err) {
		t.Errorf("yaml: %v", err)
	}
	if _, err := r.Describe(ctx, s.web); !apierrors.IsForbidden(err) {
		t.Errorf("describe: %v", err)
	}
	if _, err := r.Events(ctx, s.web); !apierrors.IsForbidden(err) {
		t.Errorf("events: %v", err)
	}
}

func (s scene) cancel(ctx context.Context, t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.r.Describe(ctx, s.web); !errors.Is(err, context.Canceled) {
		t.Errorf("describe: %v", err)
	}
}

func deploymentFrom(t *testing.T, text string) *appsv1.Deployment {
	t.Helper()
	d := new(appsv1.Deployment)
	if err := yaml.UnmarshalStrict([]byte(text), d); err != nil {
		t.Fatal(err)
	}
	return d
}

func newReader(t *testing.T, cfg *rest.Config) *Reader {
	t.Helper()
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	r, err := New(cfg, client)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func kubectl(t *testing.T, kubeconfig string, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("there is no kubectl to compare with")
	}
	out, err := exec.CommandContext(t.Context(), program, append([]string{"--kubeconfig", kubeconfig}, args...)...).Output() // a test
	if err != nil {
		t.Fatalf("kubectl %s: %v", args, err)
	}
	return string(out)
}
