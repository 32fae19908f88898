package views

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/guard"
)

// manifests are a directory: one object of each fate, and what is no object.
func manifests() map[string]string {
	return map[string]string{
		"broken.yaml": "kind: [",
		"night.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: made}
data: {a: "1"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: same}
data: {a: "1"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: late, namespace: missing}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: tills, namespace: web}
spec: {replicas: 5}
`,
	}
}

func configMap(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: name}, Data: map[string]string{"a": "1"},
	}
}

// appliedByServer answers as a server that has the objects of withManifests.
func appliedByServer(r apitest.Request) *apitest.Answer {
	switch {
	case r.Namespace == "missing":
		return apitest.Fail(apierrors.NewNotFound(corev1.Resource("namespaces"), "missing"))
	case r.Name == "tills":
		return replicasOwned(r)
	case r.Name == "made" && r.Query.Get("dryRun") == "":
		return apitest.Fail(apierrors.NewForbidden(corev1.Resource("configmaps"), "made", os.ErrPermission))
	}
	return accepted(configMap(r.Name))
}

// withManifests starts in a directory that has manifests in m.
func withManifests(t *testing.T, server *writes, change func(*settings), f func(b *bench)) {
	t.Helper()
	pipe(t, func(set *settings) {
		withTills(server)(set)
		set.prepare = func(s *apitest.Server) { s.Put(tills(), configMap("same")) }
		if change != nil {
			change(set)
		}
	}, func(b *bench) {
		b.t.Chdir(b.t.TempDir())
		for name, text := range manifests() {
			if err := os.MkdirAll("m", 0o700); err != nil {
				b.t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join("m", name), []byte(text), 0o600); err != nil {
				b.t.Fatal(err)
			}
		}
		f(b)
	})
}

func (b *bench) command(line string) {
	b.t.Helper()
	b.press(":")
	b.text(line)
	b.press("enter")
}

func TestApply(t *testing.T) {
	var seen screens
	server := &writes{answer: appliedByServer}
	withManifests(t, server, nil, func(b *bench) {
		b.command("apply m")
		b.want("dry run of 05:06:07  2 not possible, 1 conflict, 1 create, 1 same")
		seen.both(b, "list")
		b.resize(80, 24)
		b.press("G", "enter")
		seen.both(b, "object")
		b.resize(80, 24)
		b.press("esc", "A")
		seen.both(b, "dialog")
		b.resize(80, 24)
		b.want("will fail")
		if len(server.kept) > 0 {
			t.Fatal(server.kept)
		}
		b.press("right")
		b.want("takes over", "--force-conflicts")
		b.press("y")
		b.want("applied  1 failed, 2 not possible, 1 changed, 1 unchanged")
		seen.both(b, "applied")
		b.resize(80, 24)
		if len(server.kept) != 3 {
			t.Errorf("%+v", server.kept)
		}
		var journal []string
		for _, e := range b.program.Journal.Entries() {
			journal = append(journal, e.Verb+" "+e.Ref.String()+" "+e.Summary+" "+e.Err)
		}
		if text := strings.Join(journal, "\n"); len(journal) != 2 || !strings.Contains(text, "apply deploy/tills spec.replicas 2 → 5") || !strings.Contains(text, "apply cm/made create the server answered Forbidden") {
			t.Error(text)
		}
		b.press("A")
		b.want("it was applied; ctrl+r")

		if err := os.Remove(filepath.Join("m", "broken.yaml")); err != nil {
			t.Fatal(err)
		}
		b.press("ctrl+r")
		b.want("dry run of ", "1 not possible, 1 conflict, 1 create, 1 same")
		b.press("esc", "[")
		b.want("dry run of ", "  1 not possible")
	})
	seen.compare(t)
}

// What cannot be applied says why, and nothing is sent.
func TestApplyRefused(t *testing.T) {
	readOnly := func(set *settings) {
		set.guard = func(string) *guard.Guard {
			g := &guard.Guard{}
			g.Refuse("started with --readonly")
			return g
		}
	}
	denied := func(set *settings) {
		set.guard = func(string) *guard.Guard {
			g := &guard.Guard{}
			g.SetRules("staging", []guard.Rule{{Kinds: []string{"*"}, Deny: true, Reason: "it is night"}})
			return g
		}
	}
	for name, test := range map[string]struct {
		change func(*settings)
		line   string
		says   string
	}{
		"read-only": {readOnly, "apply m", "read-only: started with --readonly"},
		"no file":   {nil, "apply n", "nothing applied: stat n: no such file or directory"},
		"no rights": {denied, "apply m", "  5 not possible"},
	} {
		server := &writes{answer: appliedByServer}
		withManifests(t, server, test.change, func(b *bench) {
			b.command(test.line)
			b.want(test.says)
			b.press("A")
			if len(server.kept) > 0 || b.program.Journal.Entries() != nil {
				t.Error(name, server.kept)
			}
		})
	}
}

func TestApplyPrompt(t *testing.T) {
	withManifests(t, &writes{answer: appliedByServer}, nil, func(b *bench) {
		b.press("a")
		b.text("apply")
		b.press("enter", "enter")
		b.want("nothing applied: no path was typed")
		b.press("a")
		b.text("apply")
		b.press("enter", "m", "tab")
		b.want("apply the file or directory: m/")
		b.text("n")
		b.press("tab")
		b.want("m/night.yaml")
		b.press("enter")
		b.want("apply night.yaml", "  1 not possible")
	})
}
