//go:build e2e

package apply

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"quarterdeck/kube"
	"quarterdeck/kube/action"
)

// cluster is a playground, which the tests below share.
type cluster struct {
	kubeconfig string
	objects    dynamic.Interface // as another program
	client     *Client
	mapper     meta.RESTMapper
}

func (c *cluster) as(t *testing.T, cfg *rest.Config) *Client {
	t.Helper()
	http, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	client, err := New(cfg, http, func() (meta.RESTMapper, error) { return c.mapper, nil }, "playground")
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func gvr(kind string) schema.GroupVersionResource {
	group, version, _ := strings.Cut(map[string]string{
		"Deployment": "apps/v1", "Role": "rbac.authorization.k8s.io/v1", "RoleBinding": "rbac.authorization.k8s.io/v1",
		"ValidatingAdmissionPolicy":        "admissionregistration.k8s.io/v1",
		"ValidatingAdmissionPolicyBinding": "admissionregistration.k8s.io/v1",
	}[kind], "/")
	if version == "" {
		version = "v1"
	}
	plural := strings.ToLower(kind) + "s"
	if strings.HasSuffix(kind, "Policy") {
		plural = strings.ToLower(strings.TrimSuffix(kind, "y")) + "ies"
	}
	return schema.GroupVersionResource{Group: group, Version: version, Resource: plural}
}

// create makes the objects of a manifest as kubectl create does, and returns
// the last.
func (c *cluster) create(ctx context.Context, t *testing.T, manifest string) kube.Ref {
	t.Helper()
	var ref kube.Ref
	for _, d := range split(manifest) {
		object, err := parse(d)
		if err != nil {
			t.Fatal(err)
		}
		obj := &unstructured.Unstructured{Object: object}
		ref = kube.Ref{GVR: gvr(obj.GetKind()), Kind: obj.GetKind(), Namespace: obj.GetNamespace(), Name: obj.GetName()}
		made, err := c.objects.Resource(ref.GVR).Namespace(ref.Namespace).Create(ctx, obj, metav1.CreateOptions{FieldManager: "kubectl-create"})
		if err != nil {
			t.Fatal(err)
		}
		ref.UID = made.GetUID()
	}
	return ref
}

// applies declares fields of an object as another program.
func (c *cluster) applies(ctx context.Context, t *testing.T, manager string, ref kube.Ref, fields map[string]any) {
	t.Helper()
	obj := &unstructured.Unstructured{Object: fields}
	obj.SetAPIVersion(ref.GVR.GroupVersion().String())
	obj.SetKind(ref.Kind)
	obj.SetName(ref.Name)
	_, err := c.objects.Resource(ref.GVR).Namespace(ref.Namespace).Apply(ctx, ref.Name, obj, metav1.ApplyOptions{FieldManager: manager, Force: true})
	if err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) read(ctx context.Context, t *testing.T, ref kube.Ref) *unstructured.Unstructured {
	t.Helper()
	obj, err := c.objects.Resource(ref.GVR).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func (c *cluster) namespace(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	c.create(ctx, t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+name+"}\n")
	c.create(ctx, t, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: made, namespace: "+name+"}\n")
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout, namespace: %s, labels: {app: checkout}}
spec:
  replicas: 0
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      containers:
      - name: app
        image: registry/checkout:v1
        env: [{name: LOG, value: info}]
        resources: {requests: {cpu: 100m}}
      - {name: proxy, image: registry/proxy:v1}
`

func (c *cluster) deployment(ctx context.Context, t *testing.T, namespace string) kube.Ref {
	t.Helper()
	c.namespace(ctx, t, namespace)
	return c.create(ctx, t, fmt.Sprintf(deployment, namespace))
}

// edit opens an object and plans a text that differs by the pairs of old and new.
func (c *cluster) edit(ctx context.Context, t *testing.T, client *Client, ref kube.Ref, pairs ...string) (*Edit, string, *Plan) {
	t.Helper()
	e, err := client.Open(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	text := e.Text
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("no %q in:\n%s", pairs[i], text)
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	p, err := e.Plan(text)
	if err != nil {
		t.Fatal(err)
	}
	return e, text, p
}

func (c *cluster) expect(ctx context.Context, t *testing.T, ref kube.Ref, want map[string]any) {
	t.Helper()
	obj := c.read(ctx, t, ref)
	for path, v := range want {
		if got, _ := action.At(obj.Object, strings.Split(path, " ")); !same(got, v) {
			t.Errorf("%s is %v, not %v", path, got, v)
		}
	}
}
