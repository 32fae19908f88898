package views

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/guard"
)

// tills is what is edited: argocd applies its replicas.
func tills() *appsv1.Deployment {
	replicas := int32(2)
	return &appsv1.Deployment{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "web", Name: "tills", UID: "tills-1", CreationTimestamp: metav1.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC),
			Labels: map[string]string{"app": "tills", "argocd.argoproj.io/instance": "shop"},
			ManagedFields: []metav1.ManagedFieldsEntry{{
				Manager: "argocd-controller", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "apps/v1", FieldsType: "FieldsV1",
				FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{},"f:paused":{}}}`),
			}},
		},
		Spec: appsv1.DeploymentSpec{Replicas: &replicas, Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "app", Image: "registry/tills:v1"}},
		}}},
	}
}

// writes answers requests that change something, and notes those that are no dry
// runs.
type writes struct {
	kept   []apitest.Request
	answer func(apitest.Request) *apitest.Answer
}

func (w *writes) serve(r apitest.Request) *apitest.Answer {
	if r.Verb != http.MethodPatch {
		return nil
	}
	if r.Query.Get("dryRun") == "" {
		w.kept = append(w.kept, r)
	}
	return w.answer(r)
}

// accepted answers with an object as it would be.
func accepted(o any) *apitest.Answer {
	body, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return &apitest.Answer{Body: string(body), ContentType: "application/json"}
}

// owned answers that others own the replicas, unless they are taken over.
func replicasOwned(r apitest.Request) *apitest.Answer {
	if r.Query.Get("force") == "true" {
		changed := tills()
		*changed.Spec.Replicas = 5
		return accepted(changed)
	}
	return apitest.Fail(&apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusConflict, Reason: metav1.StatusReasonConflict, Message: "Apply failed with 1 conflict",
		Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{
			Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "argocd-controller"`, Field: ".spec.replicas",
		}}},
	}})
}

// editing returns the draft that is in the editor. Its file gets a fixed name,
// for the goldens.
func (b *bench) editing() *draft {
	b.t.Helper()
	if len(b.program.drafts) != 1 {
		b.t.Fatalf("%d drafts; the screen is:\n%s", len(b.program.drafts), b.screen())
	}
	var d *draft
	for _, d = range b.program.drafts {
	}
	const dir, path = "qd-1", "qd-1/edit.yaml"
	if d.path == path {
		return d
	}
	for _, err := range []error{
		os.RemoveAll(dir), os.Rename(filepath.Dir(d.path), dir), os.Rename(filepath.Join(dir, filepath.Base(d.path)), path),
	} {
		if err != nil {
			b.t.Fatal(err)
		}
	}
	d.path = path
	return d
}

// saves ends the editor after replacing parts of the text.
func (b *bench) saves(pairs ...string) {
	b.t.Helper()
	d := b.editing()
	text, err := os.ReadFile(d.path)
	if err != nil {
		b.t.Fatal(err)
	}
	changed := strings.NewReplacer(pairs...).Replace(string(text))
	if changed == string(text) && len(pairs) > 0 {
		b.t.Fatalf("%q are not in the text:\n%s", pairs, text)
	}
	if err := os.WriteFile(d.path, []byte(changed), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.ends(nil)
}

// ends ends the editor.
func (b *bench) ends(err error) {
	b.t.Helper()
	b.send(b.editing().returned(err, time.Minute))
	b.settle()
}

// withTills starts with a list of one deployment, and server as what answers
// writes.
func withTills(server *writes) func(*settings) {
	return func(set *settings) {
		set.start, set.context, set.empty, set.namespace, set.all = "deployments", "staging", true, "web", false
		set.prepare = func(s *apitest.Server) { s.Put(tills()) }
		set.answer = server.serve
	}
}

func TestEdit(t *testing.T) {
	var seen screens
	server := &writes{answer: replicasOwned}
	pipe(t, withTills(server), func(b *bench) {
		b.t.Chdir(b.t.TempDir())
		b.press("e")
		if text, err := os.ReadFile(b.editing().path); err != nil || !strings.Contains(string(text), "## Edit deploy/tills in namespace web, context staging.") {
			t.Fatal(string(text), err)
		}
		if info, err := os.Stat(b.editing().path); err != nil || info.Mode().Perm() != 0o600 {
			t.Error(info.Mode(), err)
		}

		b.saves("kind: Deployment", "kind Deployment")
		b.want("edit deploy/tills again?", "line ", "Your text is in qd-1/edit.yaml")
		seen.both(b, "invalid")
		b.resize(80, 24)
		b.press("y")
		if text, _ := os.ReadFile(b.editing().path); !strings.Contains(string(text), "could not find expected") || !strings.Contains(string(text), "kind Deployment") {
			t.Fatal(string(text))
		}

		b.saves("kind Deployment", "kind: Deployment", "replicas: 2", "replicas: 5")
		seen.both(b, "conflict")
		b.resize(80, 24)
		b.press("y")
		b.want("take the fields over first (right), or edit again")
		b.press("esc")
		b.want("e goes on with your text, in qd-1/edit.yaml")
		if len(server.kept) != 0 {
			t.Fatal(server.kept)
		}

		b.press("e")
		b.want("go on", "begin anew")
		b.press("enter")
		b.saves()
		b.press("right")
		b.want("take the fields from argocd-controller")
		seen.both(b, "taken-over")
		b.resize(80, 24)
		b.press("y")
		b.want("done: deploy/tills: spec.replicas 2 → 5, u undoes it")
		if len(server.kept) != 1 || server.kept[0].Query.Get("fieldManager") != "quarterdeck-edit" || server.kept[0].Query.Get("force") != "true" {
			t.Errorf("%+v", server.kept)
		}
		if _, err := os.Stat("qd-1"); !os.IsNotExist(err) || len(b.program.drafts) > 0 {
			t.Error("the text is still there", err)
		}
		entries := b.program.Journal.Entries()
		if len(entries) != 1 || entries[0].Verb != "edit" || entries[0].Summary != "spec.replicas 2 → 5" {
			t.Errorf("%+v", entries)
		}
		if last, ok := b.program.history.last(b.session.Client); !ok || last.changes[0].ID == 0 {
			t.Error("it cannot be undone")
		}
	})
	seen.compare(t)
}

// What was typed is there until the change is made.
func TestEditKeepsText(t *testing.T) {
	server := &writes{answer: func(apitest.Request) *apitest.Answer {
		return apitest.Fail(apierrors.NewInternalError(errors.New(`admission webhook "no.example.com" denied the request: not at night`)))
	}}
	pipe(t, withTills(server), func(b *bench) {
		b.t.Chdir(b.t.TempDir())
		kept := func(what string) {
			b.t.Helper()
			text, err := os.ReadFile("qd-1/edit.yaml")
			if err != nil || !strings.Contains(string(text), "registry/tills:v2") {
				b.t.Fatalf("%s: %v, %s", what, err, text)
			}
		}
		b.press("e")
		b.saves("tills:v1", "tills:v2")
		b.want("refused: ", "not at night", "the server refuses it")
		b.press("y")
		kept("refused")
		b.press("e")
		b.editing()
		kept("edited again")
		b.ends(errors.New("exit status 1"))
		b.want("the editor true failed: exit status 1", "Your text is in")
		kept("an editor that failed")
		b.press("esc")

		b.Delete(tills())
		b.press("esc")
		b.send(b.editing().launch())
		b.ends(nil)
		b.want("deleted meanwhile")
		b.press("esc")
		kept("deleted meanwhile")
		if len(server.kept) > 0 {
			t.Error(server.kept)
		}
	})
}

// Nothing typed is nothing done, and no file is left.
func TestEditNothing(t *testing.T) {
	server := &writes{answer: replicasOwned}
	for name, test := range map[string]struct {
		end  func(b *bench)
		says string
	}{
		"unchanged":  {func(b *bench) { b.saves() }, "edit deploy/tills: nothing was changed"},
		"comments":   {func(b *bench) { b.saves("apiVersion", "# apiVersion", "\n", "\n#") }, "cancelled: the text is empty"},
		"no editing": {func(b *bench) { b.ends(errors.New("exit status 1")) }, "nothing was changed: the editor true failed: exit status 1"},
		"at once":    {func(b *bench) { b.send(b.editing().returned(nil, time.Millisecond)) }, "the editor ended at once"},
	} {
		pipe(t, withTills(server), func(b *bench) {
			b.t.Chdir(b.t.TempDir())
			b.press("e")
			b.editing()
			test.end(b)
			b.want(test.says)
			if _, err := os.Stat("qd-1"); !os.IsNotExist(err) || len(b.program.drafts) > 0 || len(server.kept) > 0 {
				t.Errorf("%s: %v, %v, %v", name, err, b.program.drafts, server.kept)
			}
		})
	}
}

func TestEditSecret(t *testing.T) {
	var seen screens
	secret := &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "key", UID: "key-1"}, Data: map[string][]byte{"token": []byte("hidden-old")},
	}
	changed := secret.DeepCopy()
	changed.Data["token"] = []byte("hidden-new")
	server := &writes{answer: func(apitest.Request) *apitest.Answer { return accepted(changed) }}
	pipe(t, func(set *settings) {
		withTills(server)(set)
		set.start = "secrets"
		set.prepare = func(s *apitest.Server) { s.PutRow(secret, "key", "Opaque", 1, "1d") }
	}, func(b *bench) {
		b.t.Chdir(b.t.TempDir())
		b.press("e")
		b.saves("aGlkZGVuLW9sZA==", "aGlkZGVuLW5ldw==")
		seen.both(b, "secret")
		b.resize(160, 50)
		hidden := func() { b.t.Helper(); b.wantNot("aGlkZGVu", "hidden-") }
		hidden()
		b.press("y")
		b.want("done: secret/key: data.token <10 bytes masked>")
		hidden()
		b.Put(changed)
		b.press("u")
		b.want("undo: data.token <masked> → <masked>")
		hidden()
		if text := fmt.Sprintf("%+v", b.program.Journal.Entries()); strings.Contains(text, "aGlkZGVu") || strings.Contains(text, "hidden-") {
			t.Error(text)
		}
	})
	seen.compare(t)
}

// Who may not edit is told why, and no editor opens.
func TestEditRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*settings)
		says   string
	}{
		"read-only": {func(set *settings) {
			set.guard = func(string) *guard.Guard {
				g := &guard.Guard{}
				g.Refuse("started with --readonly")
				return g
			}
		}, "read-only: started with --readonly"},
		"no such editor": {func(set *settings) { set.Editor = "no-such-editor --wait" }, `the editor "no-such-editor --wait" is not there: set KUBE_EDITOR, VISUAL or EDITOR`},
		"no command":     {func(set *settings) { set.Editor = `vi "` }, `the editor "vi \"" is no command`},
	} {
		server := &writes{answer: replicasOwned}
		pipe(t, func(set *settings) {
			withTills(server)(set)
			test.change(set)
		}, func(b *bench) {
			b.resize(200, 24)
			b.press("e")
			b.want(test.says)
			if len(b.program.drafts) > 0 || len(server.kept) > 0 {
				t.Error(name, b.program.drafts, server.kept)
			}
		})
	}
}

func TestSplitCommand(t *testing.T) {
	for line, want := range map[string][]string{
		"vi":                            {"vi"},
		"  code  --wait ":               {"code", "--wait"},
		`"/opt/my editor/ed" -f ''`:     {"/opt/my editor/ed", "-f", ""},
		`C:\vim\vim.exe`:                {`C:\vim\vim.exe`},
		`emacs --eval='(message "hi")'`: {"emacs", `--eval=(message "hi")`},
		"":                              nil,
	} {
		if got, err := splitCommand(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", line, got, err)
		}
	}
	if _, err := splitCommand(`vi "x`); err == nil {
		t.Error("a quote is not closed")
	}
}
