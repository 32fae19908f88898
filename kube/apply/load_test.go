package apply

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// files writes files, by their names, below a new directory.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func yamlOf(apiVersion, kind, name string) string {
	return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: %s}\n", apiVersion, kind, name)
}

func TestLoad(t *testing.T) {
	dir := files(t, map[string]string{
		"a.yaml":        "# first\n---\n" + yamlOf("apps/v1", "Deployment", "d") + "---\n\n---\n" + yamlOf("v1", "ConfigMap", "c") + "...\n",
		"b/list.yml":    "apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(yamlOf("v1", "Service", "s"), "\n", "\n  ") + "\n- {apiVersion: v1, kind: Namespace, metadata: {name: ns}}\n",
		"b/c/d.JSON":    `{"apiVersion":"example.org/v1","kind":"Namespace","metadata":{"name":"own","uid":"u","resourceVersion":"3"},"status":{}}` + "\n\n" + `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"},"n":1}`,
		"b/z.yaml":      yamlOf("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "w") + "---\n" + yamlOf("apiextensions.k8s.io/v1", "CustomResourceDefinition", "crd"),
		"notes.txt":     "not: yaml: at all",
		".git/x.yaml":   "hidden",
		"b/.hidden.yml": "hidden",
	})
	objects, problems := Load(dir)
	if len(problems) > 0 {
		t.Error(problems)
	}
	var got []string
	for _, o := range objects {
		got = append(got, fmt.Sprintf("%s:%d %s", filepath.Base(o.Path), o.Line, o.Manifest.GetName()))
		if o.Manifest.GetUID() != "" || o.Manifest.GetResourceVersion() != "" || o.Manifest.Object["status"] != nil {
			t.Errorf("%v", o.Manifest)
		}
	}
	want := []string{"list.yml:1 ns", "z.yaml:5 crd", "a.yaml:9 c", "d.JSON:3 x", "list.yml:1 s", "a.yaml:3 d", "d.JSON:1 own", "z.yaml:1 w"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	again, problems := Load(filepath.Join(dir, "a.yaml"), filepath.Join(dir, "notes.txt"))
	if len(again) != 2 || len(problems) != 1 {
		t.Error(again, problems)
	}
}

func TestLoadProblems(t *testing.T) {
	object := yamlOf("v1", "ConfigMap", "c")
	for name, test := range map[string]struct{ file, text, want string }{
		"syntax":         {"a.yaml", object + "---\na: [\n", ":5: did not find"},
		"tab":            {"a.yaml", "a:\n\tb: c\n", ":2: found character that cannot start any token"},
		"duplicate":      {"a.yaml", object + "kind: Secret\n", `:4: key "kind" already set`},
		"template":       {"a.yaml", object + "data: {{ .Values.data }}\n", "a.yaml:"},
		"scalar":         {"a.yaml", "text\n", ":1: this is no object"},
		"no version":     {"a.yaml", "kind: ConfigMap\nmetadata: {name: a}\n", ":1: it has no apiVersion"},
		"no kind":        {"a.yaml", object + "---\napiVersion: v1\nmetadata: {name: a}\n", ":5: it has no kind"},
		"no name":        {"a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", "it has no metadata.name"},
		"no metadata":    {"a.yaml", "apiVersion: v1\nkind: ConfigMap\n", "it has no metadata"},
		"bool":           {"a.yaml", yamlOf("v1", "ConfigMap", "n"), "metadata.name is false, which is no text: put it into quotes"},
		"generated":      {"a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}\n", "can be created, not applied"},
		"kustomization":  {"a.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n", "it is for kustomize"},
		"namespace":      {"a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: 3}\n", "metadata.namespace is 3, which is no text"},
		"labels":         {"a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: [b]}\n", "metadata.labels is no map"},
		"item":           {"a.yaml", "apiVersion: v1\nkind: List\nitems: [3]\n", "item 1 of the list is no object"},
		"empty":          {"a.yaml", "# nothing\n", "it has no object"},
		"empty json":     {"a.json", " ", "it has no object"},
		"json":           {"a.json", "{}\n{\"a\":,}\n", ":2: invalid character"},
		"json array":     {"a.json", "\n[]", ":2: this is no object"},
		"json duplicate": {"a.json", `{"apiVersion":"v1","apiVersion":"v1"}`, `duplicate field "apiVersion"`},
		"twice":          {"a.yaml", object + "---\n" + object, "a.yaml:5: ConfigMap c is in"},
		"large":          {"a.yaml", object + "data: {a: " + strings.Repeat("x", maxObject) + "}\n", "more than 3 MiB"},
		"larger":         {"a.yaml", strings.Repeat("#", maxFile+1), "more than 16 MiB"},
		"escape":         {"a.json", "{\"\x1b]0;owned\x07\": 1}", "invalid character"},
		"not there":      {"", "", "no such file"},
		"nothing":        {"a.txt", "", "no *.yaml, *.yml or *.json file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := "/there/is/no/such"
			if test.file != "" {
				dir = files(t, map[string]string{test.file: test.text})
			}
			_, problems := Load(dir)
			if len(problems) == 0 {
				t.Fatal("none")
			}
			for _, p := range problems {
				if strings.Contains(p.Error(), test.want) && !strings.Contains(p.Error(), "\x1b") {
					return
				}
			}
			t.Error(problems)
		})
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(yamlOf("v1", "ConfigMap", "c") + "---\n--- {a: b}\n%YAML 1.1\n...\n")
	f.Add("kind: List\nitems: [{}, 1, {items: []}]\n")
	f.Add(`{"a":[1,2e9,null]} {"b":"\u0000"}`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"a.yaml", "a.json"} {
			var l loader
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			l.file(path)
			if len(l.objects)+len(l.problems) == 0 {
				t.Error("neither an object nor a problem")
			}
			for _, o := range l.objects {
				if o.Manifest.GetName() == "" || o.Line < 1 {
					t.Errorf("%+v", o)
				}
			}
			for _, p := range l.problems {
				if p.Error() == "" || p.Line < 0 {
					t.Errorf("%+v", p)
				}
			}
		}
	})
}
