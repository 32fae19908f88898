//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/ui/uitest"
)

// scripted is an environment with an editor that does what the scenario has
// written: the file that it edits is $1, in the scenario's directory.
func scripted() []string { return []string{"EDITOR=sh ./editor", "TMPDIR=."} }

// editing changes objects in an editor.
func editing() []scenario {
	return []scenario{
		{
			name: "edit an object and take it back", cluster: workshop,
			args: []string{"configmaps", "-n", "editing"}, env: scripted(), size: size{80, 24},
			run: func(t *terminal) {
				t.notes("first")
				t.editor("s/colour: blue/colour: red/")
				t.Live().Select("first").Press("e").Sees("change cm/first?", "data.colour  blue → red", "the server would accept it", "+  colour: red")
				t.colour("first", "blue")
				t.Press("y").Footer("done: cm/first: data.colour blue → red, u undoes it")
				t.colour("first", "red")
				t.noText()
				t.Press("u").Sees("undo edit of cm/first?", "the server would accept it").Press("y").Footer("done: cm/first: undo")
				t.colour("first", "blue")
				t.Press(":", "journal", uitest.Enter).Live().Row("edit", "cm/first", "done").Row("edit", "cm/first", "undone")
			},
		},
		{
			name: "an edit that changes nothing, or cancels, does nothing", cluster: workshop,
			args: []string{"configmaps", "-n", "editing"}, env: scripted(),
			run: func(t *terminal) {
				t.notes("nothing")
				version := t.note("nothing").ResourceVersion
				t.script(`: > "$1"`)
				t.Live().Select("nothing").Press("e").Footer("edit cm/nothing: cancelled: the text is empty")
				t.script("true")
				t.Press("e").Footer("nothing was changed") // and that it ended at once, if it did
				t.script("exit 3")
				t.Press("e").Footer("nothing was changed: the editor sh failed: exit status 3")
				t.noText()
				if now := t.note("nothing").ResourceVersion; now != version {
					t.Errorf("version %s, was %s", now, version)
				}
			},
		},
		{
			name: "a wrong text comes back with what is wrong", cluster: workshop,
			args: []string{"configmaps", "-n", "editing"}, env: scripted(), size: size{80, 24},
			run: func(t *terminal) {
				t.notes("wrong")
				t.editor("s/colour: blue/colour: [blue/")
				t.Live().Select("wrong").Press("e").Sees("edit cm/wrong again?", "did not find expected", "Nothing was changed. Your text is in")
				t.editor("s/colour: .blue/colour: 7/")
				t.Press("y").Sees("change cm/wrong?", "refused: ", "the server refuses it").Press("y").Sees("change cm/wrong?")
				if text := t.seen(); !strings.Contains(text, "## line ") || !strings.Contains(text, "colour: [blue") {
					t.Errorf("the editor was opened with:\n%s", text)
				}
				t.editor(`s/colour: 7/colour: green/`)
				t.Press("e").Sees("blue → green", "y change it").Press("y").Footer("done: cm/wrong")
				if text := t.seen(); !strings.Contains(text, "## edit cm/wrong in editing: ") {
					t.Errorf("the editor was opened with:\n%s", text)
				}
				t.colour("wrong", "green")
				t.noText()
			},
		},
		{
			name: "fields that others own are taken over when that is said", cluster: workshop,
			args: []string{"configmaps", "-n", "editing"}, env: scripted(), size: size{80, 24},
			run: func(t *terminal) {
				t.notes("owned")
				t.applies("argocd-controller", "owned", "yellow")
				t.editor("s/colour: yellow/colour: red/")
				t.Live().Select("owned").Press("e").Sees("others own these fields:", "argocd-controller applies them", "data.colour", "take the fields over ‹no›")
				t.Press("y").Sees("take the fields over first")
				t.Press(uitest.Esc).Footer("goes on with your text")
				t.colour("owned", "yellow")
				t.script("true")
				t.Press("e").Sees("go on").Press(uitest.Enter).Sees("take the fields over ‹no›").Press(uitest.Right).
					Sees("take the fields from argocd-controller").Press("y").Footer("done: cm/owned: data.colour yellow → red")
				t.colour("owned", "red")
				t.noText()
			},
		},
		{
			name: "what others change meanwhile is not taken back", cluster: workshop,
			args: []string{"configmaps", "-n", "editing"}, env: scripted(), size: size{80, 24},
			run: func(t *terminal) {
				t.notes("meanwhile")
				t.editor("s/colour: blue/colour: red/")
				t.Live().Select("meanwhile").Press("e").Sees("the server would accept it")
				t.applies("rival", "meanwhile", "white")
				t.Press("y").Sees("edit cm/meanwhile again?", "data.colour is white now, not blue: rival")
				t.colour("meanwhile", "white")
				t.script("true")
				t.Press(uitest.Ctrl('y')).Sees("data.colour  white → red")
			},
		},
		{
			name: "the text outlives an object that is deleted, and makes it anew", cluster: workshop,
			args: []string{"configmaps", "-n", "editing"}, env: scripted(), size: size{200, 30},
			run: func(t *terminal) {
				t.notes("gone")
				t.editor("s/colour: blue/colour: red/")
				t.Live().Select("gone").Press("e").Sees("the server would accept it")
				t.remove("gone")
				t.Press("y").Sees("edit cm/gone again?", "deleted meanwhile", ":apply "+t.path())
				t.Press(uitest.Esc).Misses("again?")
				if text, err := os.ReadFile(t.path()); err != nil || !strings.Contains(string(text), "colour: red") {
					t.Fatalf("%v: %s", err, text)
				}
				t.Press(":", "apply "+t.path(), uitest.Enter).Header("apply edit-cm-gone").Row("create", "cm/gone").
					Press("A").Sees("apply cm/gone", "y apply").Press("y").Sees("1 created")
				t.colour("gone", "red")
			},
		},
		{
			name: "ctrl+c is the editor's, and the text outlives qd", cluster: workshop,
			args: []string{"configmaps", "-n", "editing"}, env: scripted(), size: size{80, 24},
			run: func(t *terminal) {
				t.notes("interrupted")
				t.script(`echo run >> runs; sed 's/colour: blue/colour: red/' "$1" > new; cat new > "$1"; printf %s "$1" > path
					while [ "$(wc -l < runs)" -gt 1 ] && ! [ -e seen ]; do sleep 0.05; done; kill -INT $PPID`)
				t.Live().Select("interrupted").Press("e").Sees("data.colour  blue → red").Press("e")
				t.eventually(func() bool {
					runs, _ := os.ReadFile(filepath.Join(t.dir, "runs"))
					return len(strings.Fields(string(runs))) == 2
				}, func() string { return "the editor was not opened again" })
				t.Misses("the server would accept it") // as it did before
				t.file("seen", "")
				t.Sees("the server would accept it")
				t.script(`kill -KILL $PPID`)
				t.Press("e")
				t.await("the end", patience, func(string) bool { return syscall.Kill(t.screen.PID(), 0) != nil })
				if text, err := os.ReadFile(t.path()); err != nil || !strings.Contains(string(text), "colour: red") {
					t.Errorf("%v: %s", err, text)
				}
				if info, err := os.Stat(t.path()); err != nil {
					t.Error(err)
				} else if info.Mode().Perm() != 0o600 {
					t.Error(info.Mode())
				}
				t.colour("interrupted", "blue")
			},
		},
		{
			name: "who may not edit is told why", cluster: workshop,
			context: "viewer", args: []string{"deployments", "-n", "payments"}, env: scripted(),
			run: func(t *terminal) {
				t.editor("s/replicas: ./replicas: 9/")
				t.Live().Select("checkout").Press("e").Sees("not patch") // by what is known, or by the server
			},
		},
		{
			name: "payments-dev edits in the one namespace", cluster: workshop,
			context: "payments-dev", args: []string{"deployments"}, env: scripted(),
			run: func(t *terminal) {
				t.Live().Select("checkout")
				t.editor("s/minReadySeconds: .*//;s/progressDeadlineSeconds: .*/progressDeadlineSeconds: 601/")
				t.Press("e").Sees("spec.progressDeadlineSeconds").Press(uitest.Esc).Footer("goes on with your text").Press("q").Sees("qd: the text that you edited is in " + t.path()[:20]).Ends(0)
			},
		},
		{
			name: "nothing is edited or applied in read-only mode", cluster: workshop,
			args: []string{"configmaps", "-n", "editing", "--readonly"}, env: scripted(),
			run: func(t *terminal) {
				t.notes("safe")
				t.editor("s/colour: blue/colour: red/")
				t.Live().Select("safe").Press("e").Footer("read-only: ")
				t.Press(":", "apply .", uitest.Enter).Footer("read-only: ").Press(uitest.Esc)
				t.colour("safe", "blue")
			},
		},
		{
			name: "no editor is said, with what to set", cluster: workshop,
			args: []string{"configmaps", "-n", "editing"}, env: []string{"EDITOR=no-such-editor"},
			run: func(t *terminal) {
				t.notes("plain")
				t.Live().Select("plain").Press("e").Footer(`the editor "no-such-editor" is not there: set KUBE_EDITOR, VISUAL or EDITOR`)
			},
		},
	}
}

// editor lets the editor change the text as a script of sed says. It keeps what
// it was opened with, and where that is.
func (t *terminal) editor(sed string) {
	t.Helper()
	t.script(fmt.Sprintf(`cat "$1" > seen; printf %%s "$1" > path; sed '%s' "$1" > new; cat new > "$1"`, sed))
}

// script lets the editor be a script of the shell.
func (t *terminal) script(text string) {
	t.Helper()
	t.file("editor", text+"\n")
}

// file writes a file into the directory that the program runs in.
func (t *terminal) file(name, text string) {
	t.Helper()
	path := filepath.Join(t.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (t *terminal) read(name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(t.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// seen is what the editor was opened with last, path the file.
func (t *terminal) seen() string { t.Helper(); return t.read("seen") }
func (t *terminal) path() string { t.Helper(); return t.read("path") }

// noText checks that the text of an edit that is over is not kept.
func (t *terminal) noText() {
	t.Helper()
	if name := filepath.Join(t.dir, "path"); !exists(name) {
		return
	}
	if dir := filepath.Dir(t.path()); exists(dir) {
		t.Errorf("%s is still there", dir)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// notes makes a ConfigMap whose colour is blue, in a namespace for them.
func (t *terminal) notes(name string) {
	t.Helper()
	_, err := t.api.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "editing"}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	t.remove(name)
	_, err = t.api.CoreV1().ConfigMaps("editing").Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"colour": "blue", "size": "small"},
	}, metav1.CreateOptions{FieldManager: "kubectl-create"})
	if err != nil {
		t.Fatal(err)
	}
}

func (t *terminal) remove(name string) {
	t.Helper()
	if err := t.api.CoreV1().ConfigMaps("editing").Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
}

func (t *terminal) note(name string) *corev1.ConfigMap {
	t.Helper()
	found, err := t.api.CoreV1().ConfigMaps("editing").Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// colour checks a ConfigMap behind the program's back.
func (t *terminal) colour(name, want string) {
	t.Helper()
	if got := t.note(name).Data["colour"]; got != want {
		t.Errorf("%s is %s, not %s", name, got, want)
	}
}

// applies applies a colour as another program.
func (t *terminal) applies(manager, name, colour string) {
	t.Helper()
	body := fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q},"data":{"colour":%q}}`, name, colour)
	force := true
	_, err := t.api.CoreV1().ConfigMaps("editing").Patch(t.Context(), name, types.ApplyPatchType, []byte(body), metav1.PatchOptions{FieldManager: manager, Force: &force})
	if err != nil {
		t.Fatal(err)
	}
}

// applying applies files.
func applying() []scenario {
	return []scenario{
		{
			name: "apply a directory of which a part cannot be", cluster: workshop,
			args: []string{"configmaps", "-n", "editing"}, size: size{80, 24},
			run: func(t *terminal) {
				t.notes("plain")
				for _, name := range []string{"same", "changes", "conflicts", "made"} {
					t.remove(name)
				}
				t.applies("quarterdeck", "same", "blue")
				t.applies("quarterdeck", "changes", "blue")
				t.applies("argocd-controller", "conflicts", "blue")
				t.manifest("m/a.yaml", "same", "editing", "blue")
				t.manifest("m/b.yaml", "changes", "editing", "red")
				t.manifest("m/c.yaml", "conflicts", "", "red")
				t.manifest("m/below/d.yaml", "made", "editing", "red")
				t.manifest("m/below/e.yaml", "nowhere", "missing", "red")
				t.file("m/f.yaml", "kind: [\n")
				t.Live().Press(":", "apply m", uitest.Enter).Header("apply m").Sees("dry run of ", "2 not possible, 1 conflict, 1 create, 1 change, 1 same").
					Row("not possible", "f.yaml").Row("not possible", "cm/nowhere").Row("conflict", "cm/conflicts").Row("create", "cm/made").Row("change", "cm/changes", "data.colour")
				t.colour("changes", "blue")
				t.Select("change", "cm/changes").Press(uitest.Enter).Sees("m/b.yaml:1", "-  colour: blue", "+  colour: red").Press(uitest.Esc)
				t.Press("A").Sees("apply 4 configmaps of m?", "will fail, owned by others", "y apply").Press("y").
					Sees("applied  1 failed, 2 not possible, 1 created, 1 changed, 1 unchanged").Row("failed", "cm/conflicts").Row("created", "cm/made")
				t.colour("changes", "red")
				t.colour("made", "red")
				t.colour("conflicts", "blue")
				t.Press(uitest.Ctrl('r')).Sees("2 not possible, 1 conflict, 3 same").Press("A").Sees("take over fields that others own ‹no›").
					Press(uitest.Right).Sees("takes over", "y apply").Press("y").Sees("applied  2 not possible, 1 changed, 3 unchanged")
				t.colour("conflicts", "red")
				t.Press(":", "journal", uitest.Enter).Live().Row("apply", "cm/conflicts", "failed").Row("apply", "cm/conflicts", "done").Row("apply", "cm/made", "create", "done")
			},
		},
		{
			name: "payments-dev applies what is in the one namespace", cluster: workshop,
			context: "payments-dev", args: []string{"configmaps"},
			run: func(t *terminal) {
				t.manifest("m/a.yaml", "till", "payments", "red")
				t.manifest("m/b.yaml", "till", "web", "red")
				t.Live().Press(":", "apply m", uitest.Enter).Sees("1 not possible, 1 create").Row("not possible", "web", "not").
					Press("A").Sees("apply cm/till of m?", "y apply").Press("y").Sees("applied  1 not possible, 1 created")
				if _, err := t.api.CoreV1().ConfigMaps("payments").Get(t.Context(), "till", metav1.GetOptions{}); err != nil {
					t.Error(err)
				}
				if _, err := t.api.CoreV1().ConfigMaps("web").Get(t.Context(), "till", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
					t.Error(err)
				}
				if err := t.api.CoreV1().ConfigMaps("payments").Delete(t.Context(), "till", metav1.DeleteOptions{}); err != nil {
					t.Error(err)
				}
			},
		},
		{
			name: "a path that is not there, and one that is completed", cluster: workshop,
			args: []string{"configmaps", "-n", "editing"},
			run: func(t *terminal) {
				t.manifest("night/till.yaml", "till", "editing", "red")
				t.Live().Press(":", "apply nowhere", uitest.Enter).Footer("nothing applied: ", "no such file")
				t.Press("a", "apply", uitest.Enter).Footer("apply the file or directory:").Press("ni", uitest.Tab).Footer("night/").
					Press(uitest.Tab).Footer("night/till.yaml").Press(uitest.Enter).Header("apply till.yaml").Row("create", "cm/till")
			},
		},
	}
}

// manifest writes a ConfigMap into a file.
func (t *terminal) manifest(path, name, namespace, colour string) {
	t.Helper()
	t.file(path, fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %q}\ndata: {colour: %s}\n", name, namespace, colour))
}
