package cli

import (
	"strings"
	"testing"

	"quarterdeck/kube/apitest"
)

func TestRolloutHistory(t *testing.T) {
	s := fleet(t)
	rolloutQD(t, "history deploy/web").prints(t, `
deploy/web in shop
REV  AGE  READY  BY           IMAGES  NOTES
  3  15m    0/1  kubectl-set  web:v3  current
  2  60m    3/3  n/a          web:v2  last complete
  1   3d    0/0  n/a          web:v1  "first"`)
	rolloutQD(t, "history web --revision 2").prints(t, `
# deploy/web in shop, revision 2, 60m old, last complete
metadata:
  labels:
    app: web
spec:
  containers:
  - env:
    - name: MODE
      value: fast
    envFrom:
    - configMapRef:
        name: settings
    image: registry.example/web:v2
    name: app`)
	rolloutQD(t, "history deploy/done").ends(t, 0, []string{"no revision is kept"})
	rolloutQD(t, "history deploy/web deploy/done").ends(t, 0, []string{"deploy/web in shop", "\n\ndeploy/done in shop\n"})

	list := items(t, rolloutQD(t, "history web -o json"))
	for _, want := range []struct {
		value any
		path  []any
	}{
		{"web", []any{"name"}},
		{3.0, []any{"revisions", 0, "revision"}},
		{true, []any{"revisions", 0, "current"}},
		{"kubectl-set", []any{"revisions", 0, "by"}},
		{true, []any{"revisions", 1, "complete"}},
		{3.0, []any{"revisions", 1, "pods", "available"}},
		{"first", []any{"revisions", 2, "cause"}},
		{"registry.example/web:v1", []any{"revisions", 2, "images", "app"}},
	} {
		if got := at(t, list[0], want.path...); got != want.value {
			t.Errorf("%v is %v, want %v", want.path, got, want.value)
		}
	}
	one := items(t, rolloutQD(t, "history web --revision 1 -o json"))
	if got := at(t, one[0], "revisions", 0, "template", "spec", "containers", 0, "image"); got != "registry.example/web:v1" {
		t.Errorf("the template has %v", got)
	}

	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.GVR.Resource == "replicasets" || r.GVR.Resource == "pods" {
			return r.Forbid("eve")
		}
		return nil
	})
	rolloutQD(t, "history web").fails(t, "deploy/web in shop: you (eve) may not list replicasets in namespace shop")
	rolloutQD(t, "undo deploy/web --yes").fails(t, "deploy/web in shop: you (eve) may not list replicasets in namespace shop")
	rolloutQD(t, "history sts/db").ends(t, 1, []string{"sts/db in shop"}, "the pods of the revisions are not known: you (eve) may not list pods")
}

func TestRolloutDiff(t *testing.T) {
	s := fleet(t)
	rolloutQD(t, "diff deploy/web").prints(t, `
deploy/web in shop: revision 2 → revision 3

containers[app].image
- registry.example/web:v2
+ registry.example/web:v3

not in any revision:
  cm/settings was changed by kubectl-edit after revision 2; its earlier contents are not kept`)
	rolloutQD(t, "diff web --revisions 3,1").ends(t, 0, []string{
		"revision 3 → revision 1", "- registry.example/web:v3\n+ registry.example/web:v1", "\ncontainers[app].env\n- [{\"name\":\"MODE\",\"value\":\"fast\"}]",
	})
	rolloutQD(t, "diff web --revisions 3").prints(t, "deploy/web in shop: revision 3 → revision 3\n\nno field differs")
	const unified = `
--- revision 1
+++ revision 3
@@ -3,8 +3,11 @@
     app: web
 spec:
   containers:
-  - envFrom:
+  - env:
+    - name: MODE
+      value: fast
+    envFrom:
     - configMapRef:
         name: settings
-    image: registry.example/web:v1
+    image: registry.example/web:v3
     name: app`
	rolloutQD(t, "diff web --revisions 1,3 --unified").prints(t, unified)
	rolloutQD(t, "diff web --revisions 1,3 -o yaml").prints(t, unified)

	one := items(t, rolloutQD(t, "diff deploy/web -o json"))[0]
	for _, want := range []struct {
		value any
		path  []any
	}{
		{2.0, []any{"from"}},
		{3.0, []any{"to"}},
		{"containers[app].image", []any{"fields", 0, "field"}},
		{"registry.example/web:v2", []any{"fields", 0, "before"}},
		{"registry.example/web:v3", []any{"fields", 0, "after"}},
		{"ConfigMap", []any{"referents", 0, "kind"}},
		{"changed", []any{"referents", 0, "state"}},
		{"kubectl-edit", []any{"referents", 0, "by"}},
	} {
		if got := at(t, one, want.path...); got != want.value {
			t.Errorf("%v is %v, want %v", want.path, got, want.value)
		}
	}

	// A paused Deployment may ask for what its controller has made no revision of.
	changed := webDeployment()
	changed.Spec.Paused, changed.Spec.Template.Spec.Containers[0].Image = true, "registry.example/web:v4\x1b[2J"
	s.Put(changed)
	rolloutQD(t, "diff deploy/web").ends(t, 0, []string{"revision 3 → the template of now", "+ registry.example/web:v4\n"})
	if r := rolloutQD(t, "diff deploy/web -o json"); strings.Contains(r.out, `[2J`) || at(t, items(t, r)[0], "fields", 0, "after") != "registry.example/web:v4" {
		t.Errorf("%s", r.out)
	}
	rolloutQD(t, "history deploy/web").ends(t, 0, []string{"the template that it asks for now is none of them"})
}
