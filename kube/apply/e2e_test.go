//go:build e2e

package apply

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"quarterdeck/kube/action"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/kubetest"
)

func TestAgainstAPIServer(t *testing.T) {
	kubeconfig := kubetest.Start(t, "--scenario", "empty", "--nodes", "1")
	cfg := kubetest.Config(t, kubeconfig, "")
	c := &cluster{kubeconfig: kubeconfig, objects: dynamic.NewForConfigOrDie(cfg)}
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discovery.NewDiscoveryClientForConfigOrDie(cfg)))
	c.client = c.as(t, cfg)
	for name, test := range map[string]func(context.Context, *testing.T, *cluster){
		"edit": testEdit, "second edit": testSecondEdit, "removal": testRemoval, "lists": testLists,
		"conflict": testConflict, "conflict of a removal": testRemovalConflict,
		"moved": testMoved, "gone": testGone, "refused": testRefused, "rights": testRights,
		"read-only": testReadOnly, "secret": testSecret, "undo": testUndo,
		"files": testFiles, "files in conflict": testFileConflict, "files that are late": testFileMoved, "files refused": testFileRefused,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			test(ctx, t, c)
		})
	}
}

const (
	appImage = "spec template spec containers 0 image"
	appEnv   = "spec template spec containers 0 env"
)

func testEdit(ctx context.Context, t *testing.T, c *cluster) {
	ref := c.deployment(ctx, t, "edit")
	_, _, p := c.edit(ctx, t, c.client, ref, "checkout:v1", "checkout:v2", "replicas: 0", "replicas: 1")
	if err := p.Try(ctx, false); err != nil {
		t.Fatal(err)
	}
	c.expect(ctx, t, ref, map[string]any{appImage: "registry/checkout:v1"})
	if _, err := p.Make(ctx, false); err != nil {
		t.Fatal(err)
	}
	c.expect(ctx, t, ref, map[string]any{appImage: "registry/checkout:v2", "spec replicas": 1.0, appEnv: []any{map[string]any{"name": "LOG", "value": "info"}}})
	owned := false
	for _, e := range c.read(ctx, t, ref).GetManagedFields() {
		if e.Manager == EditManager {
			owned = true
			const fields = `{"f:spec":{"f:replicas":{},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{".":{},"f:image":{},"f:name":{}}}}}}}`
			if e.Operation != metav1.ManagedFieldsOperationApply || e.FieldsV1.GetRawString() != fields {
				t.Errorf("the edit owns by %s %s", e.Operation, e.FieldsV1.GetRawString())
			}
		}
	}
	if !owned {
		t.Error("the edit owns nothing")
	}
}

// testSecondEdit shows that an edit keeps what an earlier one applied.
func testSecondEdit(ctx context.Context, t *testing.T, c *cluster) {
	ref := c.deployment(ctx, t, "second")
	for _, pair := range [][2]string{
		{"  labels:\n    app: checkout", "  labels:\n    team: shop\n    app: checkout"},
		{"cpu: 100m", "cpu: 200m"},
		{"checkout:v1", "checkout:v2"},
		{"team: shop", "team: tills"},
	} {
		_, _, p := c.edit(ctx, t, c.client, ref, pair[0], pair[1])
		if _, err := p.Make(ctx, false); err != nil {
			t.Fatal(err)
		}
	}
	c.expect(ctx, t, ref, map[string]any{
		"metadata labels team": "tills", "spec template spec containers 0 resources requests cpu": "200m", appImage: "registry/checkout:v2",
	})
	_, _, p := c.edit(ctx, t, c.client, ref, "    team: tills\n", "", "cpu: 200m", "cpu: 300m")
	if _, err := p.Make(ctx, false); err != nil {
		t.Fatal(err)
	}
	c.expect(ctx, t, ref, map[string]any{
		"metadata labels": map[string]any{"app": "checkout"}, "spec template spec containers 0 resources requests cpu": "300m", appImage: "registry/checkout:v2",
	})
}

// testRemoval makes a change that is only valid as a whole: a field goes while
// another is set.
func testRemoval(ctx context.Context, t *testing.T, c *cluster) {
	ref := c.deployment(ctx, t, "removal")
	_, _, p := c.edit(ctx, t, c.client, ref,
		"    rollingUpdate:\n      maxSurge: 25%\n      maxUnavailable: 25%\n", "", "type: RollingUpdate", "type: Recreate")
	if err := p.Try(ctx, false); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Make(ctx, false); err != nil {
		t.Fatal(err)
	}
	c.expect(ctx, t, ref, map[string]any{"spec strategy": map[string]any{"type": "Recreate"}})
}

// testLists adds and removes elements; others may add theirs meanwhile.
func testLists(ctx context.Context, t *testing.T, c *cluster) {
	ref := c.deployment(ctx, t, "lists")
	c.applies(ctx, t, "argocd-controller", ref, map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "app", "env": []any{map[string]any{"name": "LOG", "value": "info"}}}},
	}}}})
	_, _, p := c.edit(ctx, t, c.client, ref, "- name: LOG\n          value: info\n", "- name: LOG\n          value: info\n        - name: MORE\n          value: \"1\"\n")
	patch := `[{"op":"add","path":"/spec/template/spec/containers/0","value":{"name":"first","image":"registry/first"}}]`
	if _, err := c.objects.Resource(ref.GVR).Namespace(ref.Namespace).Patch(ctx, ref.Name, types.JSONPatchType, []byte(patch), metav1.PatchOptions{FieldManager: "injector"}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Make(ctx, false); err != nil { // argocd's element stays as it is
		t.Fatal(err)
	}
	c.expect(ctx, t, ref, map[string]any{
		"spec template spec containers 0 name": "first",
		"spec template spec containers 1 env":  []any{map[string]any{"name": "LOG", "value": "info"}, map[string]any{"name": "MORE", "value": "1"}},
	})
}

func testConflict(ctx context.Context, t *testing.T, c *cluster) {
	ref := c.deployment(ctx, t, "conflict")
	c.applies(ctx, t, "argocd-controller", ref, map[string]any{"spec": map[string]any{"replicas": int64(1)}})
	e, text, p := c.edit(ctx, t, c.client, ref, "replicas: 1", "replicas: 2", "checkout:v1", "checkout:v2")
	for _, run := range []func() error{
		func() error { return p.Try(ctx, false) },
		func() error { _, err := p.Make(ctx, false); return err },
	} {
		err := run()
		conflict, ok := errors.AsType[*Conflict](err)
		if !ok || len(conflict.Owners) != 1 {
			t.Fatal(err)
		}
		o := conflict.Owners[0]
		if o.Manager != "argocd-controller" || !o.Applies || o.Time.IsZero() || fmt.Sprint(o.Fields) != "[spec.replicas]" {
			t.Errorf("owner %q %v %v %q", o.Manager, o.Applies, o.Time, o.Fields)
		}
		again := e.Again(ctx, text, err)
		if !strings.Contains(again.Text, "## edit deploy/checkout in conflict: others own what would change: argocd-controller (applies them): spec.replicas") ||
			!strings.Contains(again.Text, "replicas: 2\n") || !strings.Contains(again.Text, "checkout:v2\n") {
			t.Error(again.Text)
		}
	}
	c.expect(ctx, t, ref, map[string]any{"spec replicas": 1.0, appImage: "registry/checkout:v1"})
	if err := p.Try(ctx, true); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Make(ctx, true); err != nil {
		t.Fatal(err)
	}
	c.expect(ctx, t, ref, map[string]any{"spec replicas": 2.0, appImage: "registry/checkout:v2"})
}

func testRemovalConflict(ctx context.Context, t *testing.T, c *cluster) {
	ref := c.deployment(ctx, t, "removalconflict")
	c.applies(ctx, t, "argocd-controller", ref, map[string]any{"metadata": map[string]any{"labels": map[string]any{"tier": "gold"}}})
	_, _, p := c.edit(ctx, t, c.client, ref, "    tier: gold\n", "")
	if err := p.Try(ctx, false); err == nil || !strings.Contains(err.Error(), "argocd-controller (applies them): metadata.labels.tier") {
		t.Fatal(err)
	}
	if _, err := p.Make(ctx, true); err != nil {
		t.Fatal(err)
	}
	c.expect(ctx, t, ref, map[string]any{"metadata labels": map[string]any{"app": "checkout"}})
}

// testMoved changes the same field, and others, while an object is edited.
func testMoved(ctx context.Context, t *testing.T, c *cluster) {
	ref := c.deployment(ctx, t, "moved")
	e, text, p := c.edit(ctx, t, c.client, ref, "checkout:v1", "checkout:v2")
	c.applies(ctx, t, "rival", ref, map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "app", "image": "registry/checkout:v9"}},
	}}}, "metadata": map[string]any{"labels": map[string]any{"rival": "here"}}})
	err := p.Try(ctx, true)
	moved, ok := errors.AsType[*action.Moved](err)
	if !ok || moved.By.Manager != "rival" || moved.Now != "registry/checkout:v9" {
		t.Fatal(err)
	}
	if _, err := p.Make(ctx, true); err == nil {
		t.Fatal("made")
	}
	c.expect(ctx, t, ref, map[string]any{appImage: "registry/checkout:v9"})

	again := e.Again(ctx, text, err)
	p, err = again.Plan(again.Text)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(p.Fields(false)); got != "[spec.template.spec.containers[app].image registry/checkout:v9 → registry/checkout:v2]" {
		t.Error(got)
	}
	if _, err := p.Make(ctx, true); err != nil {
		t.Fatal(err)
	}
	c.expect(ctx, t, ref, map[string]any{appImage: "registry/checkout:v2", "metadata labels rival": "here"})
}

func testGone(ctx context.Context, t *testing.T, c *cluster) {
	ref := c.deployment(ctx, t, "gone")
	e, text, p := c.edit(ctx, t, c.client, ref, "checkout:v1", "checkout:v2")
	deployments := c.objects.Resource(ref.GVR).Namespace(ref.Namespace)
	if err := deployments.Delete(ctx, ref.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	for { // it goes with its finalizers
		if _, err := deployments.Get(ctx, ref.Name, metav1.GetOptions{}); apierrors.IsNotFound(err) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	_, err := p.Make(ctx, true)
	if err == nil || !strings.Contains(err.Error(), "it was deleted meanwhile") {
		t.Fatal(err)
	}
	again := e.Again(ctx, text, err)
	if !strings.Contains(again.Text, "deleted meanwhile") || !strings.Contains(again.Text, "checkout:v2") {
		t.Error(again.Text)
	}
	path, err := e.Save(t.TempDir(), again.Text)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(path)
	if info, statErr := os.Stat(path); err != nil || statErr != nil || info.Mode().Perm() != 0o600 || string(kept) != again.Text {
		t.Errorf("%s: %v, %v, %v", path, info.Mode(), err, statErr)
	}

	c.create(ctx, t, fmt.Sprintf(deployment, "gone"))
	if _, err := p.Make(ctx, true); !errors.Is(err, action.ErrReplaced) {
		t.Error(err)
	}
	c.expect(ctx, t, ref, map[string]any{appImage: "registry/checkout:v1"})
}

const policy = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-latest}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]
  validations:
  - expression: "!object.spec.template.spec.containers.exists(c, c.image.endsWith(':latest'))"
    message: "images need a version"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-latest}
spec:
  policyName: no-latest
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: refused}}}
`

func testRefused(ctx context.Context, t *testing.T, c *cluster) {
	ref := c.deployment(ctx, t, "refused")
	c.create(ctx, t, policy)
	c.create(ctx, t, "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: few, namespace: refused}\nspec: {hard: {services: \"0\"}}\n")
	for what, test := range map[string]struct{ old, new, want string }{
		"typo":               {"replicas: 0", "replicsa: 0", `it has no field spec.replicsa`},
		"typo that is set":   {"  replicas: 0", "  replicas: 0\n  replicsa: 2", `it has no field spec.replicsa`},
		"value":              {"replicas: 0", "replicas: -1", "spec.replicas: Invalid value: -1"},
		"type":               {"replicas: 0", "replicas: many", "spec.replicas: expected numeric"},
		"type of an element": {"name: LOG\n", "name: LOG\n        - name: 7\n", "cannot unmarshal number into Go struct field EnvVar"},
		"immutable":          {"    matchLabels:\n      app: checkout", "    matchLabels:\n      app: checkout\n      more: \"1\"", "spec.selector"},
	} {
		e, text, p := c.edit(ctx, t, c.client, ref, test.old, test.new)
		err := p.Try(ctx, false)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "managedFields") {
			t.Errorf("%s: %v", what, err)
			continue
		}
		t.Logf("%s: %v", what, err)
		if again := e.Again(ctx, text, err); !strings.Contains(again.Text, test.new) {
			t.Errorf("%s:\n%s", what, again.Text)
		}
	}
	_, _, p := c.edit(ctx, t, c.client, ref, "checkout:v1", "checkout:latest")
	for { // a policy is in force some time after it was made
		err := p.Try(ctx, false)
		if err != nil && strings.Contains(err.Error(), "images need a version") {
			t.Log(err)
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Make(ctx, false); err == nil || !strings.Contains(err.Error(), "images need a version") {
		t.Error(err)
	}
	c.expect(ctx, t, ref, map[string]any{appImage: "registry/checkout:v1", "spec replicas": 0.0})
}

func testRights(ctx context.Context, t *testing.T, c *cluster) {
	ref := c.deployment(ctx, t, "rights")
	dev := c.as(t, kubetest.Config(t, c.kubeconfig, "payments-dev"))
	if _, err := dev.Open(ctx, ref); !apierrors.IsForbidden(err) {
		t.Error(err)
	}
	c.create(ctx, t, `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: look, namespace: rights}
rules: [{apiGroups: [apps], resources: [deployments], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: look, namespace: rights}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: look}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: payments-dev}]
`)
	for {
		if _, err := dev.Open(ctx, ref); err == nil {
			break
		} else if !apierrors.IsForbidden(err) {
			t.Fatal(err)
		}
	}
	for _, pair := range [][2]string{{"replicas: 0", "replicas: 3"}, {"    app: checkout\n", ""}} {
		_, _, p := c.edit(ctx, t, dev, ref, pair[0], pair[1])
		if err := p.Try(ctx, false); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), `cannot patch resource "deployments"`) {
			t.Error(err)
		}
	}
}

func testReadOnly(ctx context.Context, t *testing.T, c *cluster) {
	ref := c.deployment(ctx, t, "readonly")
	cfg := kubetest.Config(t, c.kubeconfig, "")
	g := new(guard.Guard)
	g.Refuse("started with --readonly")
	if err := g.Apply(cfg); err != nil {
		t.Fatal(err)
	}
	client := c.as(t, cfg)
	for _, pair := range [][2]string{{"checkout:v1", "checkout:v2"}, {"    app: checkout\n", ""}} {
		_, _, p := c.edit(ctx, t, client, ref, pair[0], pair[1])
		if err := p.Try(ctx, false); err != nil {
			t.Error(err)
		}
		if _, err := p.Make(ctx, false); !errors.Is(err, guard.ErrReadOnly) {
			t.Error(err)
		}
	}
	c.expect(ctx, t, ref, map[string]any{appImage: "registry/checkout:v1"})
}

func testSecret(ctx context.Context, t *testing.T, c *cluster) {
	c.namespace(ctx, t, "secret")
	ref := c.create(ctx, t, "apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: secret}\nstringData: {token: old-and-hidden, other: second-value}\n")
	for _, pairs := range [][]string{
		{"b2xkLWFuZC1oaWRkZW4=", "\"*\""},
		{"b2xkLWFuZC1oaWRkZW4=", "[1]"},
		{"  token: b2xkLWFuZC1oaWRkZW4=\n", "", "type: Opaque", "type: Opaque\ntpye: 3"},
		{"  token: b2xkLWFuZC1oaWRkZW4=\n", "", "c2Vjb25kLXZhbHVl", "\"*\""},
		{"b2xkLWFuZC1oaWRkZW4=", "MQ==", "type: Opaque", "type: 3"},
	} {
		_, _, p := c.edit(ctx, t, c.client, ref, pairs...)
		err := p.Try(ctx, false)
		if err == nil || strings.Contains(err.Error(), "c2Vjb25k") || strings.Contains(err.Error(), "b2xk") || strings.Contains(err.Error(), "second-value") {
			t.Errorf("%q: %v", pairs, err)
		}
		t.Log(err)
	}
	_, _, p := c.edit(ctx, t, c.client, ref, "b2xkLWFuZC1oaWRkZW4=", "bmV3LWFuZC1oaWRkZW4=")
	made, err := p.Make(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	if want := "data.token <14 bytes masked> → <14 bytes masked, another value>"; made.Summary != want {
		t.Error(made.Summary)
	}
	c.expect(ctx, t, ref, map[string]any{"data token": "bmV3LWFuZC1oaWRkZW4="})
	_, _, p = c.edit(ctx, t, c.client, ref, "bmV3LWFuZC1oaWRkZW4=", "MQ==")
	c.applies(ctx, t, "rival", ref, map[string]any{"data": map[string]any{"token": "Mg=="}})
	if err := p.Try(ctx, false); err == nil || strings.Contains(err.Error(), "==") {
		t.Error(err)
	}
}

func testUndo(ctx context.Context, t *testing.T, c *cluster) {
	ref := c.deployment(ctx, t, "undo")
	cfg := kubetest.Config(t, c.kubeconfig, "")
	http, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	undoer, err := action.New(cfg, http, "playground")
	if err != nil {
		t.Fatal(err)
	}
	content := func() map[string]any {
		object := plain(c.read(ctx, t, ref))
		put(object, []string{"metadata", "annotations"}, nil) // which counts the revisions
		return object
	}
	before := content()
	_, _, p := c.edit(ctx, t, c.client, ref, "checkout:v1", "checkout:v2",
		"      - image: registry/proxy:v1", "      - {name: third, image: registry/third}\n      - image: registry/proxy:v1",
		"    app: checkout\n", "    team: shop\n")
	done, err := p.Make(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	undo, err := undoer.Undo(ctx, done)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := undo.Make(ctx); err != nil {
		t.Fatal(err)
	}
	if d := diff(before, content(), nil, nil); len(d) > 0 {
		t.Errorf("%+v", d)
	}
}
