package apply

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube"
)

const manifest = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
  namespace: payments
  uid: u-1
  resourceVersion: "7"
  creationTimestamp: "2026-01-02T03:04:05Z"
  labels:
    app: checkout
spec:
  replicas: 3
  nodeSelector:
    disk: fast
    zone: a
  template:
    spec:
      containers:
      - name: app
        image: registry/checkout:v1
        args: [--a, --b]
        env:
        - name: LOG
          value: info
      - name: proxy
        image: registry/proxy:v1
status:
  replicas: 3
`

// owned is what a manager of the manifest owns.
const owned = `{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:replicas":{},"f:nodeSelector":{},
"f:template":{"f:spec":{"f:containers":{".":{},
"k:{\"name\":\"app\"}":{".":{},"f:name":{},"f:image":{},"f:args":{},"f:env":{".":{},"k:{\"name\":\"LOG\"}":{".":{},"f:name":{},"f:value":{}}}},
"k:{\"name\":\"proxy\"}":{".":{},"f:name":{},"f:image":{}}}}}}}`

func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	o, err := parse(document{1, text})
	if err != nil {
		t.Fatal(err)
	}
	obj := &unstructured.Unstructured{Object: o}
	obj.SetManagedFields([]metav1.ManagedFieldsEntry{{
		Manager: "helm", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1",
		FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(owned),
	}})
	return obj
}

func deploymentRef() kube.Ref {
	return kube.Ref{
		GVR:  schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"},
		Kind: "Deployment", Namespace: "payments", Name: "checkout",
	}
}

func opened(t testing.TB) *Edit {
	t.Helper()
	e, err := (&Client{context: "prod-eu"}).open(deploymentRef(), object(t, manifest))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestText(t *testing.T) {
	e := opened(t)
	for _, want := range []string{"## Edit deploy/checkout in namespace payments, context prod-eu.\n", "    app: checkout\n", "replicas: 3\n"} {
		if !strings.Contains(e.Text, want) {
			t.Errorf("no %q in\n%s", want, e.Text)
		}
	}
	for _, gone := range []string{"managedFields", "status", "resourceVersion", "uid", "creationTimestamp"} {
		if strings.Contains(e.Text, gone) {
			t.Errorf("%s in\n%s", gone, e.Text)
		}
	}
}

func TestPlan(t *testing.T) {
	for name, test := range map[string]struct {
		old, new string
		fields   []string
		edits    []string // their paths
		declared bool     // it can be an apply
	}{
		"scalar":  {"replicas: 3", "replicas: 5", []string{"spec.replicas 3 → 5"}, []string{"spec.replicas"}, true},
		"element": {"checkout:v1", "checkout:v2", []string{"spec.template.spec.containers[app].image registry/checkout:v1 → registry/checkout:v2"}, []string{"spec.template.spec.containers[0].image"}, true},
		"element of an element": {
			"value: info", "value: debug",
			[]string{"spec.template.spec.containers[app].env[LOG].value info → debug"},
			[]string{"spec.template.spec.containers[0].env[0].value"},
			true,
		},
		"list of one value": {
			"--b", "--c",
			[]string{`spec.template.spec.containers[app].args ["--a","--b"] → ["--a","--c"]`},
			[]string{"spec.template.spec.containers[0].args"},
			true,
		},
		"map of one value": {
			"zone: a", "zone: b",
			[]string{"spec.nodeSelector.zone a → b"},
			[]string{"spec.nodeSelector"},
			true,
		},
		"new labels":      {"labels:\n", "labels:\n    team: shop\n", []string{"metadata.labels.team unset → shop"}, []string{"metadata.labels.team"}, true},
		"new annotations": {"  labels:\n", "  annotations:\n    a/b: c\n  labels:\n", []string{`metadata.annotations {"a/b":"c"}`}, []string{"metadata.annotations[a/b]"}, true},
		"removed":         {"  replicas: 3\n", "", []string{"spec.replicas 3 → unset"}, []string{"spec.replicas"}, false},
		"null":            {"  replicas: 3\n", "  replicas:\n", []string{"spec.replicas 3 → unset"}, []string{"spec.replicas"}, false},
		"new element": {
			"value: info\n", "value: info\n        - name: MORE\n",
			[]string{`spec.template.spec.containers[app].env[MORE] unset → {"name":"MORE"}`},
			[]string{"spec.template.spec.containers[0].env"},
			false,
		},
		"other element": {
			"name: LOG", "name: LEVEL",
			[]string{
				`spec.template.spec.containers[app].env[LOG] {"name":"LOG","value":"info"} → unset`,
				`spec.template.spec.containers[app].env[LEVEL] unset → {"name":"LEVEL","value":"info"}`,
			},
			[]string{"spec.template.spec.containers[0].env"},
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := opened(t)
			text := strings.Replace(e.Text, test.old, test.new, 1)
			p, err := e.Plan(text)
			if err != nil {
				t.Fatal(err)
			}
			var shown, paths []string
			for _, f := range p.Fields(false) {
				shown = append(shown, f.String())
			}
			for _, e := range p.Edits {
				paths = append(paths, e.Field())
			}
			if name == "new annotations" {
				shown[0] = strings.Replace(shown[0], "unset → ", "", 1)
			}
			if !slices.Equal(shown, test.fields) || !slices.Equal(paths, test.edits) {
				t.Errorf("%q by %q", shown, paths)
			}
			config, ok := declare(e.live, p.Edits)
			if ok != test.declared {
				t.Errorf("an apply can say it: %v, %v", ok, config)
			}
			if ok {
				for _, edit := range p.Edits {
					last := edit.Path[len(edit.Path)-1]
					if text, _ := write(config); !strings.Contains(text, last) {
						t.Errorf("%s", text)
					}
				}
			}
			if !strings.HasPrefix(p.Diff(false), "--- deploy/checkout in payments\n+++ ") {
				t.Error(p.Diff(false))
			}
			if want := "kubectl --context prod-eu -n payments edit deployments.apps checkout"; p.Kubectl != want {
				t.Error(p.Kubectl)
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	e := opened(t)
	replaced := func(was, is string) string { return strings.Replace(e.Text, was, is, 1) }
	for name, test := range map[string]struct{ text, want string }{
		"empty":        {"", "cancelled"},
		"comments":     {"## a\n# b\n\n", "cancelled"},
		"unchanged":    {e.Text, "nothing was changed"},
		"layout":       {replaced("replicas: 3", "replicas:   3 # three"), "nothing was changed"},
		"name":         {replaced("name: checkout", "name: other"), "metadata.name was changed from checkout to other; an edit keeps"},
		"no name":      {replaced("  name: checkout\n", ""), "metadata.name is gone; it must stay checkout"},
		"namespace":    {replaced("namespace: payments", "namespace: web"), "metadata.namespace was changed from payments to web"},
		"kind":         {replaced("kind: Deployment", "kind: StatefulSet"), "kind was changed"},
		"version":      {replaced("apps/v1", "apps/v2"), "apiVersion was changed"},
		"status":       {e.Text + "status: {replicas: 4}\n", "status is set by the cluster"},
		"uid":          {replaced("  name:", "  uid: u-2\n  name:"), "metadata.uid is set by the cluster"},
		"two":          {e.Text + "---\na: b\n", "a second object begins here"},
		"list":         {"- a\n", "this is no object"},
		"syntax":       {replaced("replicas: 3", "replicas: [3"), "line 1"},
		"duplicate":    {replaced("  replicas: 3", "  replicas: 3\n  replicas: 4"), `key "replicas" already set`},
		"no metadata":  {"apiVersion: apps/v1\nkind: Deployment\n", "metadata must be there"},
		"other object": {"a: b\n", "apiVersion is gone"},
		"control":      {"a: \x01b\n", "control characters are not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := e.Plan(test.text)
			if err == nil {
				t.Fatalf("%+v", p.Edits)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Error(err)
			}
		})
	}
}

// TestAgain shows that an error stands above the text, names its line there,
// and does not pile up.
func TestAgain(t *testing.T) {
	e := opened(t)
	text := "# mine\n" + strings.Replace(e.Text, "replicas: 3", "replicas: : 3", 1)
	for range 2 {
		_, err := e.Plan(text)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(strings.Split(text, "\n")[syntax.Line-1], "replicas: : 3") {
			t.Fatal(err)
		}
		again := e.Again(t.Context(), text, err)
		above, _, _ := strings.Cut(again.Text, "# mine")
		if strings.Count(again.Text, "mapping values") != 1 || !strings.HasPrefix(above, "## Edit deploy/checkout") {
			t.Fatal(again.Text)
		}
		text = again.Text
	}
}

func TestSave(t *testing.T) {
	e := opened(t)
	e.Ref.Name = `system:../a\b`
	dir := t.TempDir() + "/edits"
	path, err := e.Save(dir, "text")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "text" || !strings.HasPrefix(path, dir+"/edit-deploy-system-") {
		t.Error(path, err)
	}
	if _, err := e.Save(path, "text"); err == nil || !strings.Contains(err.Error(), "save the edited text") {
		t.Error(err)
	}
}

func TestMask(t *testing.T) {
	secret := func(token, annotation string) map[string]any {
		return map[string]any{
			"data":       map[string]any{"token": token, "same": "c2FtZS1hbmQtbG9uZw=="},
			"stringData": map[string]any{"plain": "typed-by-hand"},
			"metadata":   map[string]any{"annotations": map[string]any{"copy": annotation, "harmless": "yes"}},
		}
	}
	ref := kube.Ref{GVR: schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, Kind: "Secret", Name: "s"}
	before, after := secret("b2xkLXZhbHVl", "old-value"), secret("bmV3LXZhbHVl", "has new-value")
	text := unified(ref, before, after, false)
	for _, leak := range []string{"b2xk", "bmV3", "old-value", "new-value", "c2Ft", "typed-by-hand"} {
		if strings.Contains(text, leak) {
			t.Errorf("%s in\n%s", leak, text)
		}
	}
	if !strings.Contains(text, "-  token: <9 bytes masked>\n+  token: <9 bytes masked, another value>\n") || !strings.Contains(text, "harmless: \"yes\"") {
		t.Error(text)
	}
	if text := unified(ref, before, after, true); !strings.Contains(text, "+  token: bmV3LXZhbHVl\n") {
		t.Error(text)
	}
}
