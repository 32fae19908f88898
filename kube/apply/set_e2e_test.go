//go:build e2e

package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube"
	"quarterdeck/kube/guard"
	"quarterdeck/kube/kubetest"
)

const shopFiles = `
apiVersion: shop.example.org/v1
kind: Till
metadata: {name: first, namespace: files}
spec: {drawers: 2}
---
apiVersion: shop.example.org/v1
kind: Till
metadata: {name: second, namespace: files}
spec: {drawers: many}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: tills.shop.example.org}
spec:
  group: shop.example.org
  scope: Namespaced
  names: {plural: tills, singular: till, kind: Till, listKind: TillList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {drawers: {type: integer}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: files}
data: {a: "1"}
---
apiVersion: v1
kind: Secret
metadata: {name: key, namespace: files}
stringData: {token: "hidden-from-all"}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: files}
spec: {ports: [{port: 80, protcol: TCP}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: files}
---
apiVersion: example.org/v1
kind: Nowhere
metadata: {name: here}
`

func verdicts(steps []Step) []string {
	var out []string
	for _, s := range steps {
		out = append(out, fmt.Sprintf("%s %s", s.Ref, s.Verdict))
	}
	return out
}

// applied returns what became of each step.
func applied(ctx context.Context, c *Client, steps []Step, force bool) (done []string, failed map[string]error) {
	failed = map[string]error{}
	c.Apply(ctx, steps, force, func(_ int, r Result) {
		if r.Err != nil {
			failed[r.Step.Ref.String()] = r.Err
			return
		}
		done = append(done, fmt.Sprintf("%s %s", r.Step.Ref, r.Did))
	})
	return done, failed
}

func testFiles(ctx context.Context, t *testing.T, c *cluster) {
	dir := files(t, map[string]string{"shop/all.yaml": shopFiles})
	objects, problems := Load(dir)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	count := 0
	steps := c.client.Preview(ctx, objects, "", func(done int) { count = done })
	if count != len(objects) {
		t.Errorf("%d of %d reported", count, len(objects))
	}
	for _, s := range steps {
		t.Log(s.Ref, s.Verdict, s.Note, s.Err)
		if strings.Contains(s.Diff(false), "hidden-from-all") || strings.Contains(s.Diff(false), "aGlkZGVu") {
			t.Error(s.Diff(false))
		}
	}
	want := []string{
		"ns/files create", "crd/tills.shop.example.org create", "cm/settings create", "secret/key create",
		"svc/web unknown", "till/first create", "till/second create", "nowhere/here unknown",
	}
	if got := verdicts(steps); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	done, failures := applied(ctx, c.client, steps, false)
	if want := []string{"ns/files create", "crd/tills.shop.example.org create", "cm/settings create", "secret/key create", "till/first create"}; !slices.Equal(done, want) {
		t.Errorf("%q, %v", done, failures)
	}
	for ref, words := range map[string]string{
		"svc/web": `it has no field spec.ports[port=80,protocol="TCP"].protcol`, "till/second": "spec.drawers", "nowhere/here": "the cluster has no kind Nowhere of example.org/v1",
	} {
		if err := failures[ref]; err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", ref, err)
		}
	}
	till := kube.Ref{GVR: schema.GroupVersionResource{Group: "shop.example.org", Version: "v1", Resource: "tills"}, Namespace: "files", Name: "first"}
	c.expect(ctx, t, till, map[string]any{"spec drawers": 2.0})

	// The mapper knows the kind by now.
	steps = c.client.Preview(ctx, objects, "", nil)
	if got := verdicts(steps); got[0] != "ns/files same" || got[3] != "secret/key same" || got[5] != "till/first same" || steps[5].Note != "" {
		t.Errorf("%q", got)
	}
	if done, _ := applied(ctx, c.client, steps, false); len(done) != 5 || slices.ContainsFunc(done, func(s string) bool { return !strings.HasSuffix(s, " same") }) {
		t.Errorf("%q", done)
	}
}

func settings(t *testing.T, namespace, value string) []Object {
	t.Helper()
	text := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: " + value + ", b: same}\n"
	if namespace != "" {
		text = strings.Replace(text, "}", ", namespace: "+namespace+"}", 1)
	}
	objects, problems := Load(files(t, map[string]string{"a.yaml": text}))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return objects
}

func testFileConflict(ctx context.Context, t *testing.T, c *cluster) {
	c.namespace(ctx, t, "fileconflict")
	steps := c.client.Preview(ctx, settings(t, "", "one"), "fileconflict", nil)
	if _, failures := applied(ctx, c.client, steps, false); len(failures) > 0 {
		t.Fatal(failures)
	}
	ref := steps[0].Ref
	_, _, p := c.edit(ctx, t, c.client, ref, "a: one", "a: edited") // by hand, so that the file is behind
	if err := p.Try(ctx, false); err == nil || !strings.Contains(err.Error(), "quarterdeck (applies them): data.a") {
		t.Error(err)
	}
	if _, err := p.Make(ctx, true); err != nil {
		t.Fatal(err)
	}
	steps = c.client.Preview(ctx, settings(t, "", "two"), "fileconflict", nil)
	s := steps[0]
	if s.Err != nil || s.Verdict != Change || len(s.Owners) != 1 || s.Owners[0].Manager != EditManager || fmt.Sprint(s.Fields(false)) != "[data.a edited → two]" {
		t.Errorf("%v %v %v %v", s.Err, s.Verdict, s.Owners, s.Fields(false))
	}
	_, failures := applied(ctx, c.client, steps, false)
	if _, ok := errors.AsType[*Conflict](failures["cm/settings"]); !ok {
		t.Error(failures)
	}
	c.expect(ctx, t, ref, map[string]any{"data a": "edited"})
	if done, failures := applied(ctx, c.client, steps, true); len(failures) > 0 || done[0] != "cm/settings change" {
		t.Error(done, failures)
	}
	c.expect(ctx, t, ref, map[string]any{"data a": "two"})
}

// testFileMoved deletes and makes objects between the preview and the apply.
func testFileMoved(ctx context.Context, t *testing.T, c *cluster) {
	c.namespace(ctx, t, "filemoved")
	steps := c.client.Preview(ctx, settings(t, "filemoved", "one"), "", nil)
	ref := c.create(ctx, t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: filemoved}\ndata: {c: d}\n")
	if _, failures := applied(ctx, c.client, steps, true); !strings.Contains(fmt.Sprint(failures["cm/settings"]), "it was made meanwhile by kubectl-create") {
		t.Error(failures)
	}
	steps = c.client.Preview(ctx, settings(t, "filemoved", "one"), "", nil)
	maps := c.objects.Resource(ref.GVR).Namespace(ref.Namespace)
	if err := maps.Delete(ctx, ref.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, failures := applied(ctx, c.client, steps, true); !strings.Contains(fmt.Sprint(failures["cm/settings"]), "it was deleted meanwhile") {
		t.Error(failures)
	}
	if _, err := maps.Get(ctx, ref.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, failures := applied(ended, c.client, steps, true); !errors.Is(failures["cm/settings"], context.Canceled) {
		t.Error(failures)
	}
}

func testFileRefused(ctx context.Context, t *testing.T, c *cluster) {
	c.namespace(ctx, t, "filerefused")
	c.create(ctx, t, "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none, namespace: filerefused}\nspec: {hard: {count/configmaps: \"0\"}}\n")
	var steps []Step
	for { // the quota is counted some time after it was made
		steps = c.client.Preview(ctx, settings(t, "filerefused", "one"), "", nil)
		if steps[0].Err != nil && strings.Contains(steps[0].Err.Error(), "exceeded quota: none") {
			break
		}
		if ctx.Err() != nil {
			t.Fatal(steps[0].Err)
		}
	}
	t.Log(steps[0].Err)

	dev := c.as(t, kubetest.Config(t, c.kubeconfig, "payments-dev"))
	steps = dev.Preview(ctx, settings(t, "filerefused", "one"), "", nil)
	if !apierrors.IsForbidden(steps[0].Err) {
		t.Error(steps[0].Err)
	}
	steps = c.client.Preview(ctx, settings(t, "nowhere", "one"), "", nil)
	if err := steps[0].Err; err == nil || !strings.Contains(err.Error(), `namespaces "nowhere" not found`) {
		t.Error(err)
	}

	cfg := kubetest.Config(t, c.kubeconfig, "")
	g := new(guard.Guard)
	g.Refuse("started with --readonly")
	if err := g.Apply(cfg); err != nil {
		t.Fatal(err)
	}
	c.namespace(ctx, t, "filereadonly")
	reader := c.as(t, cfg)
	steps = reader.Preview(ctx, settings(t, "filereadonly", "one"), "", nil)
	if steps[0].Err != nil || steps[0].Verdict != Create {
		t.Error(steps[0].Err)
	}
	began := time.Now()
	if _, failures := applied(ctx, reader, steps, true); !errors.Is(failures["cm/settings"], guard.ErrReadOnly) {
		t.Error(failures, time.Since(began))
	}
}
