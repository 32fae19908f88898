package views

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

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
