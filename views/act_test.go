package views

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/keymap"
	"quarterdeck/kube"
	"quarterdeck/kube/apitest"
	"quarterdeck/kube/guard"
)

// web is one of the Deployments that these tests change.
func web(i int) *appsv1.Deployment {
	labels := map[string]string{"app": fmt.Sprint("web-", i)}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprint("web-", i), Labels: labels, CreationTimestamp: metav1.Unix(1772600000, 0)},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(3)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.example.com/web:v1"}}}},
		},
		Status: appsv1.DeploymentStatus{Replicas: 3, ReadyReplicas: 3, UpdatedReplicas: 3, AvailableReplicas: 3},
	}
}

func nightly() *batchv1.CronJob {
	return &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "nightly", CreationTimestamp: metav1.Unix(1772600000, 0)},
		Spec: batchv1.CronJobSpec{Schedule: "@daily", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.example.com/job:v1"}}},
		}}}},
	}
}

func workNode() *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1", CreationTimestamp: metav1.Unix(1772600000, 0)}}
}

// small is a cluster of a few objects, in a context that is not protected.
func small(start string, change func(*settings)) func(*settings) {
	return func(set *settings) {
		set.empty, set.context, set.start = true, "staging", start
		set.prepare = func(s *apitest.Server) {
			for i := range 3 {
				s.Put(web(i))
			}
			for i := range 5 {
				s.Put(plainPod(i))
			}
			s.Put(nightly(), workNode(),
				&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "spare"}})
		}
		if change != nil {
			change(set)
		}
	}
}

// ruled is a small cluster with rules.
func ruled(start string, rules ...guard.Rule) func(*settings) {
	return small(start, func(set *settings) {
		set.guard = func(context string) *guard.Guard {
			g := &guard.Guard{}
			g.SetRules(context, rules)
			return g
		}
	})
}

// writes returns what was written, each as method and path from the namespace on.
func (b *bench) writes() []string {
	var list []string
	for _, r := range b.Writes() {
		list = append(list, r.Verb+" "+r.GVR.Resource+"/"+r.Name)
	}
	slices.Sort(list)
	return list
}

// wantWrites checks what was written, in any order.
func (b *bench) wantWrites(want ...string) {
	b.t.Helper()
	if got := b.writes(); !slices.Equal(got, want) {
		b.t.Fatalf("written %q, want %q; the screen is:\n%s", got, want, b.screen())
	}
}

// menu chooses an action in the menu.
func (b *bench) menu(title string) {
	b.t.Helper()
	b.press("a")
	b.text(title)
	b.press("enter")
}

func TestRuleDenies(t *testing.T) {
	rule := guard.Rule{Kinds: []string{"Deployment"}, Verbs: []string{"delete", "scale"}, Deny: true, Reason: "the pipeline does that"}
	pipe(t, ruled("deployments", rule, guard.Rule{Verbs: []string{"exec"}, Deny: true}), func(b *bench) {
		for _, key := range []string{"ctrl+d", "s"} {
			b.press(key)
			b.want("denied by a rule: the pipeline does that")
			b.wantNot("esc cancel")
		}
		b.press("a")
		b.text("delete")
		b.want("denied by a rule: the pipeline does that")
		b.press("esc")
		b.open(pods())
		b.press("s")
		b.want("denied by a rule")
		b.menu("copy from") // is an exec too
		b.want("denied by a rule")
		// The transport knows of it too.
		b.open(deployments())
		w := &walker{bench: b, answers: []string{"5"}}
		sel := b.chosenIn(b.show(deployments()))
		for _, id := range []keymap.ActionID{keymap.ObjectScale, keymap.ObjectDelete} {
			v := verbOf(t, id)
			w.do(v.Start(v, b.session, sel))
		}
		if n := strings.Count(strings.Join(w.said, "\n"), "a rule denies it (the pipeline does that)"); n != 2 {
			t.Errorf("it says %q", w.said)
		}
		b.wantWrites()
	})
}

func verbOf(t *testing.T, id keymap.ActionID) *verb {
	t.Helper()
	all := verbs()
	i := slices.IndexFunc(all, func(v verb) bool { return v.ID == id })
	if i < 0 {
		t.Fatalf("there is no verb %s", id)
	}
	return &all[i]
}

// What a rule wants is what the dialog asks for, and that is enough for the
// transport.
func TestRuleWantsMore(t *testing.T) {
	pipe(t, ruled("deployments", guard.Rule{Verbs: []string{"scale"}, Level: guard.Typed, Reason: "ask the owners"}), func(b *bench) {
		b.press("s")
		b.text("5")
		b.press("enter")
		b.want("a rule wants it: ask the owners", "type web-0, the name of the object")
		b.press("enter")
		b.text("y")
		b.press("ctrl+y")
		b.wantWrites()
		b.press("backspace")
		b.text("web-0")
		b.press("ctrl+y")
		b.want("done: deploy/web-0: replicas 3 → 5")
		b.wantWrites("PATCH deployments/web-0/scale")
		// To take it back is to scale.
		b.press("u")
		b.want("undo scale of deploy/web-0?", "a rule wants it: ask the owners", "type web-0, the name of the object")
		b.text("web-0")
		b.press("ctrl+y")
		b.want("replicas 5 → 3")
		b.wantWrites("PATCH deployments/web-0/scale", "PATCH deployments/web-0/scale")
	})
	pipe(t, ruled("nodes", guard.Rule{Kinds: []string{"nodes"}, Level: guard.Confirmed}), func(b *bench) {
		b.press("C") // which asks for nothing by itself
		b.want("cordon node/node-1?", "a rule wants it", "y cordon")
		b.press("esc")
		b.wantWrites()
		b.press("C", "y")
		b.wantWrites("PATCH nodes/node-1")
	})
	pipe(t, ruled("pods", guard.Rule{Verbs: []string{"exec"}, Level: guard.Typed, Reason: "shells are watched"}), func(b *bench) {
		b.press("s")
		b.want("shell in pod/pod-0?", "a rule wants it: shells are watched", "type pod-0")
	})
	pipe(t, ruled("namespaces", guard.Rule{Namespaces: []string{"shop"}, Deny: true, Reason: "it is the shop"}), func(b *bench) {
		b.press("ctrl+d") // a namespace is in the one that it is
		b.want("denied by a rule: it is the shop")
		b.press("down", "ctrl+d")
		b.want("delete ns/spare?", "type spare, the name of the object")
		b.text("spare")
		b.press("ctrl+y")
		b.wantWrites("DELETE namespaces/spare")
	})
}

func TestRuleLimits(t *testing.T) {
	pipe(t, ruled("pods", guard.Rule{Verbs: []string{"delete"}, Max: 2, Reason: "slowly"}), func(b *bench) {
		b.press("space", "down", "space", "down", "space", "ctrl+d")
		b.want("a rule allows 2 at once, not 3: slowly")
		b.wantNot("esc cancel")
		b.press("space", "ctrl+d")
		b.want("delete 2 pods?")
		b.press("y")
		b.want("done: delete 2 pods")
		b.wantWrites("DELETE pods/pod-0", "DELETE pods/pod-1")
	})
}

// look draws the screen, which asks for rights, and waits for the answers.
func (b *bench) look() {
	b.t.Helper()
	b.screen()
	b.settle()
}

// looker is the rule for who may only look.
func looker() authorizationv1.ResourceRule {
	return authorizationv1.ResourceRule{Verbs: []string{"get", "list", "watch"}, APIGroups: []string{"*"}, Resources: []string{"*"}}
}

func TestRights(t *testing.T) {
	pipe(t, small("deployments", func(set *settings) {
		prepare := set.prepare
		set.prepare = func(s *apitest.Server) {
			prepare(s)
			s.Permit(looker(), authorizationv1.ResourceRule{Verbs: []string{"patch"}, APIGroups: []string{"apps"}, Resources: []string{"deployments"}})
		}
	}), func(b *bench) {
		b.press("down")
		b.look()
		b.press("s")
		b.want("you may not patch deployments/scale in shop")
		b.press("ctrl+d")
		b.want("you may not delete deployments in shop")
		b.press("r") // this is the one thing that is allowed
		b.want("restart deploy/web-1?")
		b.press("esc", "a")
		b.text("scale")
		b.want("you may not patch deployments/scale in shop")
		b.press("esc")
		b.open(nodes())
		b.look()
		b.press("C")
		b.want("you may not patch nodes")
		// What is known is not forgotten while somebody looks.
		for range 10 {
			time.Sleep(13 * time.Second)
			b.settle()
			b.press("C")
			b.want("you may not patch nodes")
			b.press("j")
		}
		b.wantWrites()
	})
}

// A review that failed is no answer: the server has the last word.
func TestRightsUnknown(t *testing.T) {
	pipe(t, small("deployments", func(set *settings) {
		set.answer = func(r apitest.Request) *apitest.Answer {
			switch {
			case r.GVR.Group == "authorization.k8s.io":
				return apitest.Unavailable()
			case r.Verb == "PATCH":
				return r.Forbid("eve")
			}
			return nil
		}
	}), func(b *bench) {
		b.press("down")
		b.look()
		b.press("s")
		b.want("replicas of deploy/web-1")
		b.text("5")
		b.press("enter")
		b.want("refused: ", "nothing that the server would take")
		b.wantNot("you may not patch deployments/scale in shop ")
		b.press("y", "esc")
		b.wantWrites()
	})
}

// The pod of a shell on a node is made in a namespace, where one needs the right.
func TestRightsNodeShell(t *testing.T) {
	pipe(t, ruled("nodes", guard.Rule{Namespaces: []string{"web"}, Kinds: []string{"pods"}, Verbs: []string{"create"}, Deny: true, Reason: "no pods here"}), func(b *bench) {
		b.press("s") // the namespace of the context
		b.want("denied by a rule: no pods here")
	})
	pipe(t, small("nodes", nil), func(b *bench) {
		b.Permit(looker(), authorizationv1.ResourceRule{Verbs: []string{"create"}, APIGroups: []string{""}, Resources: []string{"pods"}})
		b.look()
		b.press("s")
		b.want("shell on node/node-1?")
		b.press("esc")
		b.Permit(looker())
		time.Sleep(2 * time.Minute)
		b.look()
		b.press("s")
		b.want("you may not create pods in web")
	})
}

// Rows that are marked and hidden by the filter are told of.
func TestMarkedAndHidden(t *testing.T) {
	pipe(t, small("pods", nil), func(b *bench) {
		b.press("space", "down", "space", "down", "space", "/")
		b.text("pod-1")
		b.press("enter", "ctrl+d")
		b.want("delete 3 pods?", "2 of them are marked but hidden by the filter", "pod/pod-0", "pod/pod-1", "pod/pod-2")
		b.press("y")
		b.wantWrites("DELETE pods/pod-0", "DELETE pods/pod-1", "DELETE pods/pod-2")
	})
}

func TestMixedKinds(t *testing.T) {
	pipe(t, small("workloads", nil), func(b *bench) {
		b.row("nightly")
		b.press("space", "down", "space")
		b.press("s")
		b.want("1 of the 2 marked are of a kind that this is not for")
		b.press("i")
		b.wantNot("esc cancel")
		b.press("ctrl+d")
		b.want("delete 2 objects?", "cronjob/nightly", "what it owns")
		b.press("y")
		b.want("done: delete 2 objects")
		if got := b.writes(); len(got) != 2 || !slices.Contains(got, "DELETE cronjobs/nightly") {
			t.Error(got)
		}
	})
	pipe(t, small("deployments", nil), func(b *bench) {
		b.press("space", "down", "space", "i")
		b.want("one at a time: 2 are marked")
	})
}

// In a protected context everything asks for more than elsewhere.
func TestProtectedContext(t *testing.T) {
	pipe(t, small("deployments", func(set *settings) { set.context = "prod-eu" }), func(b *bench) {
		b.press("z") // asks for nothing elsewhere
		b.want("pause deploy/web-0?", "context prod-eu is protected", "y pause")
		b.press("esc", "r")
		b.want("context prod-eu protected", "type web-0, the name of the object")
		b.text("web-1")
		b.want(`"web-1" is not web-0`)
		b.press("ctrl+y", "y", "enter", "esc")
		b.press("space", "down", "space", "r")
		b.want("restart 2 deployments?", "type prod-eu, the name of the context")
		b.wantWrites()
		b.text("prod-eu")
		b.press("ctrl+y")
		b.want("done: restart 2 deployments")
		b.wantWrites("PATCH deployments/web-0", "PATCH deployments/web-1")
		b.open(pods())
		b.press("s")
		b.want("shell in pod/pod-0?", "y shell", "$ kubectl --context prod-eu -n shop exec -it pod-0")
	})
}

// refuses answers the writes that are dry runs, or those that are not.
func refuses(dry bool, name, why string) func(apitest.Request) *apitest.Answer {
	return func(r apitest.Request) *apitest.Answer {
		if r.Verb == "PATCH" && r.DryRun() == dry && strings.HasPrefix(r.Name, name) {
			return apitest.Fail(apierrors.NewForbidden(schema.GroupResource{Group: "apps", Resource: "deployments"}, r.Name, fmt.Errorf("%s", why)))
		}
		return nil
	}
}

func TestDryRunRefused(t *testing.T) {
	pipe(t, small("deployments", func(set *settings) {
		set.answer = refuses(true, "web-", `admission webhook "owners.example.com" denied the request: ask the owners`)
	}), func(b *bench) {
		b.press("r")
		b.want("restart 3 pods", "refused: ", "ask the owners", "nothing that the server would take")
		b.press("y", "ctrl+y", "enter")
		b.want("restart deploy/web-0?")
		b.press("esc")
		b.wantWrites()
	})
	pipe(t, small("deployments", func(set *settings) { set.answer = refuses(true, "web-1", "not this one") }), func(b *bench) {
		b.press("space", "down", "space", "r")
		b.want("the server would accept it", "refused: ", "not this one")
		b.press("y")
		b.want("1 done, 1 left out")
		b.wantWrites("PATCH deployments/web-0") // the one that it would not take is not asked for
	})
	pipe(t, small("deployments", func(set *settings) {
		set.answer = refuses(true, "web-", `admission webhook "old.example.com" does not support dry run`)
	}), func(b *bench) {
		b.press("r")
		b.want("not tried: ")
		b.press("y")
		b.wantWrites("PATCH deployments/web-0")
	})
}

// Of many, some may fail; it is said how many, why, and the journal has each.
func TestPartialFailure(t *testing.T) {
	pipe(t, small("deployments", func(set *settings) { set.answer = refuses(false, "web-1", "not this one") }), func(b *bench) {
		b.press("space", "down", "space", "down", "space", "r")
		b.want("restart 3 deployments?")
		b.press("y")
		b.want("restart 3 deployments: 2 done, 1 not: ")
		b.open(journalList())
		b.want("deploy/web-0", "deploy/web-1", "deploy/web-2")
		if _, line := b.row("deploy/web-1"); !strings.Contains(line, "failed") {
			t.Error(line)
		}
		if _, line := b.row("deploy/web-2"); strings.Contains(line, "failed") {
			t.Error(line)
		}
		b.press("u")
		b.want("this cannot be undone")
	})
}

func TestUndo(t *testing.T) {
	pipe(t, small("deployments", nil), func(b *bench) {
		b.press("u")
		b.want("nothing was done here that can be undone")
		b.press("s")
		b.text("5")
		b.want("3 → 5: 2 more pods")
		b.press("enter")
		b.want("scale deploy/web-0?", "replicas 3 → 5", "the server would accept it", "$ kubectl --context staging -n shop scale")
		b.press("y")
		b.want("done: deploy/web-0: replicas 3 → 5, u undoes it")
		b.press("u")
		b.want("undo scale of deploy/web-0?", "spec.replicas 5 → 3")
		b.press("y")
		b.want("done: deploy/web-0: undo")
		if n := b.replicas("web-0"); n != 3 {
			t.Errorf("%d replicas", n)
		}
		b.press("u")
		b.want("nothing was done here that can be undone")
		b.open(journalList())
		b.want("undone", "replicas 3 → 5")
	})
	pipe(t, small("deployments", nil), func(b *bench) { // somebody else scaled since
		b.press("s")
		b.text("+2")
		b.press("enter", "y")
		other := web(0)
		other.Spec.Replicas = new(int32(7))
		other.ManagedFields = []metav1.ManagedFieldsEntry{{
			Manager: "kubectl-edit", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1", Time: new(metav1.NewTime(b.program.Now())),
			FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{}}}`),
		}}
		b.Put(other)
		b.settle()
		b.resize(160, 24)
		b.press("u")
		b.want("spec.replicas is 7 now, not 5: kubectl-edit changed it", "nothing that the server would take")
		b.press("y", "esc")
		b.wantWrites("PATCH deployments/web-0/scale")
		if n := b.replicas("web-0"); n != 7 {
			t.Errorf("%d replicas", n)
		}
	})
}

// replicas returns how many replicas a Deployment has on the server.
func (b *bench) replicas(name string) int64 {
	b.t.Helper()
	client, err := b.session.changer()
	if err != nil {
		b.t.Fatal(err)
	}
	o, err := client.Object(b.t.Context(), kube.Ref{GVR: appsv1.SchemeGroupVersion.WithResource("deployments"), Namespace: "shop", Name: name})
	if err != nil {
		b.t.Fatal(err)
	}
	n, _ := o.Object["spec"].(map[string]any)["replicas"].(int64)
	return n
}

// The object that was shown is changed, or none.
func TestReplacedMeanwhile(t *testing.T) {
	pipe(t, small("deployments", nil), func(b *bench) {
		b.resize(160, 24)
		b.press("r")
		b.want("the server would accept it")
		b.Delete(web(0))
		again := web(0)
		again.UID = "another"
		b.Put(again)
		b.press("y")
		b.want("not done: ", "another object of its name")
		b.press("j", "ctrl+d")
		b.want("delete deploy/web-1?")
		b.Delete(web(1))
		b.press("y")
		b.want("it was gone already")
		b.Delete(again)
		if n := b.Count("list", "deployments"); n != 1 {
			t.Errorf("%d lists", n)
		}
	})
}

// Whatever is typed that makes no sense is answered in words, and nothing is
// sent.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		list Opener
		menu string // of the action
		text string
		want string
	}{
		{deployments(), "scale", "-5", "leaves less than 0 replicas"},
		{deployments(), "scale", "three", `"three" is no count of replicas`},
		{deployments(), "scale", "1.5", `"1.5" is no count of replicas`},
		{deployments(), "scale", "99999999999", "more than anybody can have"},
		{deployments(), "scale", "20000", "more than 10000"},
		{deployments(), "scale", "", "nothing scaled"},
		{deployments(), "scale", "+", "nothing scaled"},
		{deployments(), "label", "=x", "neither key=value nor key-"},
		{deployments(), "label", "nonsense", "neither key=value nor key-"},
		{deployments(), "label", "bad key!=x", "neither key=value nor key-"},
		{deployments(), "label", "a=" + strings.Repeat("x", 64), "63"},
		{deployments(), "label", "", "nothing typed"},
		{deployments(), "annotate", "UPPER/a/b=x", "annotation"},
		{nodes(), "taint", "spot", "says no effect"},
		{nodes(), "taint", "spot=yes:Nope", "the effect is NoSchedule"},
		{nodes(), "taint", "-bad-=yes:NoSchedule", "no key of a taint"},
		{nodes(), "taint", "", "nothing typed"},
		{pods(), "forward", "http:80", `"http" is no local port`},
		{pods(), "forward", "70000", "up to 65535"},
		{pods(), "forward", "8080:0", "from 1 to 65535"},
		{pods(), "forward", "1:2:3", "type local:remote"},
		{pods(), "forward", "a b", "type local:remote"},
		{pods(), "debug", "Bad Image", "image"},
		{pods(), "copy from", "  ", "nothing copied"},
		{pods(), "copy to", "", "nothing copied"},
	} {
		t.Run(strings.ReplaceAll(tc.menu+" "+tc.text, "/", "|"), func(t *testing.T) {
			pipe(t, small("pods", nil), func(b *bench) {
				b.open(tc.list)
				b.resize(300, 24)
				sent := len(b.Requests())
				b.menu(tc.menu)
				for range 60 { // what a prompt begins with
					b.tap("backspace")
				}
				b.text(tc.text)
				b.press("enter")
				b.want(tc.want)
				b.press("esc")
				b.wantNot("esc cancel")
				for _, r := range b.Requests()[sent:] {
					if r.Verb != "get" && r.Verb != "list" && r.Verb != "watch" && r.GVR.Group != "authorization.k8s.io" {
						t.Errorf("%s %s was sent", r.Verb, r.Path)
					}
				}
			})
		})
	}
	t.Run("image", func(t *testing.T) {
		pipe(t, small("deployments", nil), func(b *bench) {
			b.resize(160, 24)
			b.press("i")
			b.text("app")
			b.press("enter")
			b.text("registry.example.com/UPPER:v1")
			b.want("is no image")
			b.press("enter")
			b.wantNot("esc cancel")
			b.wantWrites()
		})
	})
	t.Run("upload of nothing", func(t *testing.T) {
		pipe(t, small("pods", nil), func(b *bench) {
			b.resize(160, 24)
			b.menu("copy to")
			b.text(dir + "/not-there")
			b.press("enter", "enter", "y")
			b.want("not copied: ", "not-there")
			b.wantWrites()
		})
	})
	t.Run("what is typed anew is read anew", func(t *testing.T) {
		pipe(t, small("deployments", nil), func(b *bench) {
			b.press("space", "down", "space", "s") // two, of which each has its own count
			b.text("-1")
			b.press("backspace", "backspace")
			b.text("+1")
			b.press("enter")
			b.want("scale 2 deployments?", "replicas 3 → 4")
		})
	})
}

// The page of an object does not know what the list knew of it.
func TestPageToggles(t *testing.T) {
	paused, cordoned := web(0), workNode()
	paused.Spec.Paused, cordoned.Spec.Unschedulable = true, true
	pipe(t, small("deployments", func(set *settings) {
		prepare := set.prepare
		set.prepare = func(s *apitest.Server) { prepare(s); s.Put(paused, cordoned) }
	}), func(b *bench) {
		b.press("y")
		b.press("z")
		b.want("done: deploy/web-0: resume")
		b.press("z")
		b.want("done: deploy/web-0: pause")
		b.open(nodes())
		b.press("y")
		b.press("C")
		b.want("done: node/node-1: pods are placed here again")
		b.press("C")
		b.want("no new pods are placed here")
		b.wantWrites("PATCH deployments/web-0", "PATCH deployments/web-0", "PATCH nodes/node-1", "PATCH nodes/node-1")
	})
}

// Read-only mode is switched while running: on at once, off by yes.
func TestReadOnlySwitch(t *testing.T) {
	pipe(t, small("deployments", nil), func(b *bench) {
		b.press("z", "!")
		b.want("RO", "read-only: nothing is changed in staging until ! is pressed again")
		b.press("s")
		b.want("read-only: switched on with !")
		b.press("u") // there is something to undo, and yet
		b.want("read-only: switched on with !")
		b.press("!")
		b.want("allow changes in staging?", "y allow changes")
		b.press("enter", "esc")
		b.want("RO")
		b.press("!", "y")
		b.want("changes in staging are allowed")
		b.wantNot("RO")
		b.press("s")
		b.want("replicas of deploy/web-0")
	})
	pipe(t, small("deployments", func(set *settings) {
		set.guard = func(string) *guard.Guard {
			g := &guard.Guard{}
			g.Refuse("started with --readonly")
			return g
		}
	}), func(b *bench) {
		b.press("!")
		b.want("read-only now: started with --readonly", "type staging, the name of the context")
		b.press("ctrl+y", "y", "esc")
		b.want("RO")
	})
}

// A dialog that is open when read-only mode comes on does nothing any more.
func TestReadOnlyMeanwhile(t *testing.T) {
	pipe(t, small("deployments", nil), func(b *bench) {
		b.press("r")
		b.want("the server would accept it")
		b.session.Client.Guard.Refuse("somebody was quicker")
		b.press("y")
		b.want("not done: ", "read-only")
		b.wantWrites()
	})
}

// Many marks do not make keys slow: what a verb needs is looked at once for each
// namespace and kind.
func BenchmarkActionsOfMany(b *testing.B) {
	var sel chosen
	for i := range 50_000 {
		sel.targets = append(sel.targets, target{Ref: kube.Ref{
			GVR: corev1.SchemeGroupVersion.WithResource("pods"), Kind: "Pod", Namespace: fmt.Sprint("ns-", i%100), Name: fmt.Sprint("pod-", i),
		}})
	}
	s := &Session{Program: &Program{}, Client: &kube.Client{Guard: &guard.Guard{}}}
	s.Client.Guard.SetRules("", []guard.Rule{{Max: 10}})
	b.ReportAllocs()
	for b.Loop() {
		if len(s.actions(sel)) == 0 {
			b.Fatal("no actions")
		}
	}
}
