package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"quarterdeck/kube/apitest"
)

// configured writes a configuration file for the runs that follow.
func configured(t *testing.T, text string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("QD_CONFIG", path)
}

// patches returns what was written, and fails if that is anything but patches of
// one resource.
func patches(t *testing.T, s *apitest.Server, resource string) []string {
	t.Helper()
	var bodies []string
	for _, r := range s.Writes() {
		if r.Verb != "PATCH" || r.GVR.Resource != resource {
			t.Errorf("%s of %s was sent", r.Verb, r.GVR.Resource)
		}
		bodies = append(bodies, string(r.Body))
	}
	return bodies
}

const undoShown = `undo, context shop, namespace shop

deploy/web: revision 3 → revision 2

containers[app].image
- registry.example/web:v3
+ registry.example/web:v2

warning  deploy/web: cm/settings was changed by kubectl-edit after revision 2; its earlier contents are not kept
server   would accept it
$ kubectl --context shop -n shop rollout undo deployments/web --to-revision=2
`

func TestRolloutUndo(t *testing.T) {
	s := fleet(t)
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	configured(t, "journal:\n  file: true\n")
	rolloutQD(t, "undo web --dry-run").prints(t, undoShown)
	rolloutQD(t, "undo web").ends(t, 1, []string{undoShown}, "not done: there is no terminal to ask on: look at it with --dry-run, then pass --yes")
	rolloutQD(t, "undo web --yes=wob").ends(t, 1, nil, "not done: --yes=wob is not web, the name of the object")
	rolloutQD(t, "undo web --yes --readonly").ends(t, 1, []string{"server   would accept it"}, "qd: read-only (--readonly or the configuration says so): refused to patch deployments/web in shop\n")
	if sent := s.Writes(); len(sent) != 0 {
		t.Fatalf("%d writes", len(sent))
	}

	rolloutQD(t, "undo web --yes --no-wait").ends(t, 0, []string{
		undoShown, "done: deploy/web: revision 3 → 2: containers[app].image registry.example/web:v3 → registry.example/web:v2\n",
	})
	if sent := patches(t, s, "deployments"); len(sent) != 1 || !strings.Contains(sent[0], "registry.example/web:v2") {
		t.Errorf("sent %q", sent)
	}
	journal, err := os.ReadFile(filepath.Join(state, "quarterdeck", "journal.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"undo rollout", "deployments", "registry.example/web:v2", `"value\":\"(hidden)`} {
		if !strings.Contains(string(journal), want) {
			t.Errorf("the journal does not say %q:\n%s", want, journal)
		}
	}
	rolloutQD(t, "undo web --to-revision 2 --yes").fails(t, "nothing to do", "revision 2 already")
}

func TestRolloutUndoAsJSON(t *testing.T) {
	s := fleet(t)
	one := items(t, rolloutQD(t, "undo web --dry-run -o json"))[0]
	for _, want := range []struct {
		value any
		path  []any
	}{
		{"undo", []any{"verb"}},
		{3.0, []any{"from"}},
		{2.0, []any{"to"}},
		{"containers[app].image", []any{"fields", 0, "field"}},
		{"changed", []any{"referents", 0, "state"}},
		{"warning", []any{"notes", 0, "weight"}},
		{true, []any{"accepted"}},
		{"would accept it", []any{"server"}},
		{false, []any{"made"}},
	} {
		if got := at(t, one, want.path...); got != want.value {
			t.Errorf("%v is %v, want %v", want.path, got, want.value)
		}
	}
	rolloutQD(t, "undo web -o json").fails(t, "not done", "--yes")
	end := background(t, s, "undo web --yes -o json --timeout 1m")
	after := complete()
	after.Spec.Template = webTemplate(2)
	s.Put(after)
	r := end()
	r.ends(t, 0, nil)
	one = items(t, r)[0]
	if one["made"] != true || at(t, one, "rollout", "state") != "complete" {
		t.Errorf("%v", one)
	}
	r = rolloutQD(t, "restart done sts/nope sts/db --yes -o json")
	r.ends(t, 1, nil, "not done: there is no sts/nope in shop")
	list := items(t, r)
	if at(t, list[0], "rollout", "name") != "done" || list[1]["made"] != false || list[1]["rollout"] != nil || at(t, list[2], "rollout", "name") != "db" {
		t.Errorf("%v", list)
	}
}

// TestRolloutUndoDemands: what the context and the rules want is asked for here
// too.
func TestRolloutUndoDemands(t *testing.T) {
	s := fleet(t)
	configured(t, "contexts:\n- match: shop\n  protected: true\n")
	rolloutQD(t, "undo web --yes --no-wait").ends(t, 1, []string{"namespace shop, protected\n"},
		"not done: context shop is protected, and there is no terminal to type web, the name of the object: pass it as --yes=web")
	rolloutQD(t, "undo web --yes=done --no-wait").ends(t, 1, []string{"undo, "}, "not done: --yes=done is not web, the name of the object")
	if len(s.Writes()) != 0 {
		t.Fatal("it was done")
	}
	rolloutQD(t, "undo web --yes=web --no-wait").ends(t, 0, []string{"done: deploy/web"})
	configured(t, "rules:\n- {kinds: [deployments], verbs: [patch], effect: deny, reason: the pipeline does that}\n")
	rolloutQD(t, "restart web --yes --no-wait").ends(t, 1, []string{"restart, "}, "qd: refused to patch deployments/web in shop: a rule denies it (the pipeline does that)")
	configured(t, "rules:\n- {kinds: [deployments], verbs: [patch], max: 1}\n")
	rolloutQD(t, "restart web done --yes --no-wait").ends(t, 1, []string{"restart, "}, "a rule allows 1 object at once, not 2")
	if n := len(s.Writes()); n != 1 {
		t.Errorf("%d writes", n)
	}
}

func TestRolloutChanges(t *testing.T) {
	s := fleet(t)
	rolloutQD(t, "pause web --yes").ends(t, 0, []string{"deploy/web: pause\n", "done: deploy/web: pause"})
	rolloutQD(t, "pause web --yes").fails(t, "nothing to do: it is paused already")
	rolloutQD(t, "restart web --yes").fails(t, "deploy/web in shop is paused")
	rolloutQD(t, "undo web --yes").fails(t, "it is paused", "with --resume")
	rolloutQD(t, "undo web --yes --resume --dry-run").ends(t, 0, []string{"warning  deploy/web: it is paused, and is resumed with this"})
	rolloutQD(t, "resume web --yes --no-wait").ends(t, 0, []string{"done: deploy/web: resume"})
	rolloutQD(t, "abort web --yes --no-wait").ends(t, 0, []string{"abort, ", "revision 3 → revision 2", "back to revision 2: it still has 3 pods available", "done: deploy/web"})
	rolloutQD(t, "restart sts/db ds/agent --yes --no-wait").ends(t, 0, []string{"sts/db: restart 3 pods", "done: sts/db", "done: ds/agent"})
	verbs := 0
	for _, r := range s.Writes() {
		if r.Verb == "PATCH" {
			verbs++
		}
	}
	if verbs != 5 || len(s.Writes()) != 5 {
		t.Errorf("%d patches, %d writes", verbs, len(s.Writes()))
	}
	s.Put(complete())
	rolloutQD(t, "abort web --yes").fails(t, "the rollout is complete, so there is nothing to abort")
}

// TestRolloutUndoPartly: what can be done is done, and the rest is told.
func TestRolloutUndoPartly(t *testing.T) {
	s := fleet(t)
	rolloutQD(t, "undo web done --yes --no-wait").ends(t, 1,
		[]string{"deploy/done: not possible: deploy/done in shop: no revision to go back to", "done: deploy/web"}, "qd: not done: deploy/done in shop: no revision to go back to")
	s.Put(webDeployment())
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.Verb == "PATCH" {
			return r.Forbid("eve")
		}
		return nil
	})
	rolloutQD(t, "undo web --yes").ends(t, 1, []string{"server   refuses it: deploy/web in shop: you (eve) may not PATCH deployments in namespace shop"}, "qd: not done: deploy/web in shop: you (eve) may not PATCH deployments")
	rolloutQD(t, "undo web --dry-run").ends(t, 1, []string{"server   refuses it"}, "qd: not done: ")
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.DryRun() {
			return apitest.Fail(apierrors.NewBadRequest(`admission webhook "w" does not support dry run`))
		}
		if r.IsWrite() {
			return apitest.Fail(apierrors.NewInternalError(os.ErrDeadlineExceeded))
		}
		return nil
	})
	rolloutQD(t, "undo web --yes").ends(t, 1, []string{"server   was not asked: "}, "qd: not done: ")
}

// brokenSet is a StatefulSet whose second revision does not come up, with its
// revisions and pods.
func brokenSet(t *testing.T) []apitest.Object {
	t.Helper()
	ss := statefulSet("db")
	ss.Generation, ss.Status.ObservedGeneration = 2, 2
	ss.Spec.Template = webTemplate(2)
	ss.Status.UpdateRevision, ss.Status.UpdatedReplicas, ss.Status.ReadyReplicas = "db-2", 1, 2
	objects := []apitest.Object{ss}
	for n := 1; n <= 2; n++ {
		template, err := runtime.DefaultUnstructuredConverter.ToUnstructured(new(webTemplate(n)))
		if err != nil {
			t.Fatal(err)
		}
		template["$patch"] = "replace"
		data, err := json.Marshal(map[string]any{"spec": map[string]any{"template": template}})
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, &appsv1.ControllerRevision{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "shop", Name: ss.Name + "-" + string(rune('0'+n)), Labels: map[string]string{"app": "db"},
				OwnerReferences: controlled("StatefulSet", "db", ss.UID), CreationTimestamp: minutesAgo(100 - n),
			},
			Revision: int64(n), Data: runtime.RawExtension{Raw: data},
		})
	}
	for name, revision := range map[string]string{"db-0": "db-1", "db-1": "db-1", "db-2": "db-2"} {
		p := pod("shop", name, "CrashLoopBackOff", revision == "db-1")
		p.Labels = map[string]string{"app": "db", "controller-revision-hash": revision}
		p.OwnerReferences, p.CreationTimestamp = controlled("StatefulSet", "db", ss.UID), minutesAgo(10)
		if revision == "db-1" {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: minutesAgo(9)}}
		}
		objects = append(objects, p)
	}
	return objects
}

func TestRolloutUndoOfBrokenSet(t *testing.T) {
	s := fleet(t)
	s.Put(brokenSet(t)...)
	rolloutQD(t, "undo sts/db --yes --no-wait").ends(t, 0, []string{
		"warning  sts/db: a StatefulSet waits for pods that are not ready", "delete pod/db-2 after this", "done: sts/db: revision 2 → 1", "--delete-broken does that",
	})
	if n := s.Count("DELETE", "pods"); n != 0 {
		t.Errorf("%d pods were deleted", n)
	}
	s.Put(brokenSet(t)...)
	rolloutQD(t, "undo sts/db --yes --no-wait --delete-broken").ends(t, 0, []string{"done: sts/db: revision 2 → 1", "done: pod/db-2: delete"})
	var deleted []string
	for _, r := range s.Writes() {
		if r.Verb == "DELETE" {
			deleted = append(deleted, r.GVR.Resource+"/"+r.Name)
		}
	}
	if !slices.Equal(deleted, []string{"pods/db-2"}) {
		t.Errorf("deleted %q", deleted)
	}
}
