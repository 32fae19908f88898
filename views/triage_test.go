package views

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/apitest"
	"quarterdeck/ui"
)

// broken is a rollout whose new pods crash. What its variable says is nobody's
// business.
func broken() *rolledOut {
	return &rolledOut{
		namespace: "payments", name: "checkout", by: "argocd", images: []string{"checkout:v2", "checkout:v1"}, desired: 4,
		current: []rolledPods{{crashing: 2}, {ready: 3}}, late: true, env: []corev1.EnvVar{{Name: "DB_PASSWORD", Value: "hunter2"}},
	}
}

// mended is the same workload when all is well again.
func mended() *rolledOut {
	r := broken()
	r.late, r.current = false, []rolledPods{{ready: 4}}
	return r
}

// troubled serves a cluster of one workload that is broken and one that is not,
// on Triage with its pane.
func troubled(answer func(apitest.Request) *apitest.Answer) func(*settings) {
	return func(set *settings) {
		set.empty, set.Detail, set.Triage, set.answer = true, DetailAuto, true, answer
		set.prepare = func(s *apitest.Server) {
			well := &rolledOut{namespace: "web", name: "cart", by: "argocd", images: []string{"cart:v1"}, desired: 1, current: []rolledPods{{ready: 1}}}
			s.Put(broken().deployment()...)
			s.Put(well.deployment()...)
			s.Put(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "cart", UID: "cart-config", CreationTimestamp: ago(time.Hour)}})
		}
		set.start = "triage"
	}
}

// mend makes the broken workload well.
func (b *bench) mend() {
	b.t.Helper()
	b.Delete(broken().deployment()...)
	b.Put(mended().deployment()...)
	b.catchUp()
}

// catchUp lets the watch judge what has changed, and the list read about it.
func (b *bench) catchUp() {
	b.t.Helper()
	for range 3 {
		b.frame()
		time.Sleep(inspectEvery / 2)
		b.settle()
	}
}

func TestTriage(t *testing.T) {
	var seen screens
	pipe(t, troubled(nil), func(b *bench) {
		b.catchUp()
		seen.both(b, "list")
		b.wantNot("hunter2")
		b.press("v")
		seen.both(b, "without-pane")
		b.press("v", "enter")
		b.catchUp()
		seen.both(b, "incident")
		b.wantNot("hunter2")
		b.mend() // in several steps, the last of which the page may have seen or not
		b.want("this is over: nothing is wrong with it any more", "0 crit")
		b.wantNot("takes deploy/checkout back")
		b.press("esc")
		seen.both(b, "healthy")
	})
	seen.compare(t)
}

func TestTriageExplain(t *testing.T) {
	var seen screens
	config := kube.Ref{Kind: "ConfigMap", Namespace: "web", Name: "cart", UID: "cart-config"}
	config.GVR.Version, config.GVR.Resource = "v1", "configmaps"
	explain := func(b *bench, name string, ref kube.Ref) {
		b.send(ui.PushMsg{Frame: explainFrame(b.session, ref)})
		b.catchUp()
		seen.both(b, name)
		b.press("esc")
	}
	pipe(t, troubled(nil), func(b *bench) {
		explain(b, "broken", workloadRefOf("payments", "checkout"))
		explain(b, "healthy", workloadRefOf("web", "cart"))
		explain(b, "unruled", config)
		b.OnRequest(func(apitest.Request) *apitest.Answer { return &apitest.Answer{Cut: true} })
		b.CutWatches()
		time.Sleep(42 * time.Second)
		explain(b, "healthy-a-while-ago", workloadRefOf("web", "cart"))
	})
	seen.compare(t)
}

// What is not known is never said to be well.
func TestTriageNothingToShow(t *testing.T) {
	var seen screens
	nothing := func(answer func(apitest.Request) *apitest.Answer) func(*settings) {
		return func(set *settings) {
			set.empty, set.Triage, set.answer, set.start = true, true, answer, "triage"
		}
	}
	pipe(t, nothing(nil), func(b *bench) {
		b.catchUp()
		b.want("nothing is wrong in the cluster", "0 crit")
		b.wantNot("partial", "as far as")
		b.OnRequest(func(apitest.Request) *apitest.Answer { return &apitest.Answer{Cut: true} })
		b.CutWatches()
		time.Sleep(42 * time.Second)
		b.settle()
		b.want("nothing was wrong in the cluster", "what happened since is not known")
		b.wantNot("nothing is wrong")
		seen.both(b, "stale")
	})
	pipe(t, nothing(forbidding("nodes", "secrets")), func(b *bench) {
		b.catchUp()
		b.want("as far as could be read", "0 crit, partial")
		seen.both(b, "partly-forbidden")
		b.press("2")
		b.settle()
		b.want("0 crit, partial") // wherever one looks
	})
	pipe(t, nothing(func(r apitest.Request) *apitest.Answer {
		if r.Verb == "list" || r.Verb == "watch" {
			return r.Forbid("eve")
		}
		return nil
	}), func(b *bench) {
		b.catchUp()
		b.wantNot("nothing is wrong", "0 crit")
		seen.both(b, "forbidden")
	})
	seen.compare(t)
}

func TestTriageDismiss(t *testing.T) {
	pipe(t, troubled(nil), func(b *bench) {
		b.catchUp()
		b.want("1 warn", "deploy payments/checkout")
		b.press("m")
		b.catchUp()
		b.want("0 crit", "1 incident is dismissed (M)")
		b.wantNot("deploy payments/checkout")
		b.press("M")
		b.want("(dismissed) ", "deploy payments/checkout", "0 crit")
		b.press("M")
		b.wantNot("deploy payments/checkout")

		b.mend()
		b.want("nothing is wrong in the cluster")
		b.Delete(mended().deployment()...)
		b.Put(broken().deployment()...)
		b.catchUp()
		b.want("1 warn", "deploy payments/checkout") // it failed again
	})
}

// Dismissed is what was seen, not what became of it.
func TestTriageDismissedUntilItChanges(t *testing.T) {
	pipe(t, troubled(nil), func(b *bench) {
		b.catchUp()
		b.press("m")
		b.catchUp()
		b.wantNot("deploy payments/checkout")
		b.Put(&corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "payments", Name: "checkout", UID: "svc", CreationTimestamp: ago(time.Hour)},
			Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "checkout"}},
		})
		b.Delete(broken().deployment()...)
		r := broken()
		r.current = []rolledPods{{crashing: 4}} // nobody serves any more
		b.Put(r.deployment()...)
		time.Sleep(time.Minute)
		b.catchUp()
		b.want("deploy payments/checkout")
	})
}

// An incident of what may not be read any more is not over.
func TestTriageUnknown(t *testing.T) {
	pipe(t, troubled(nil), func(b *bench) {
		b.catchUp()
		b.press("enter")
		b.catchUp()
		b.OnRequest(func(r apitest.Request) *apitest.Answer {
			if r.GVR.Resource == "pods" || r.GVR.Resource == "deployments" {
				return r.Forbid("eve")
			}
			return nil
		})
		b.CutWatches()
		time.Sleep(time.Minute)
		b.settle()
		b.wantNot("this is over")
		b.want("v2")
	})
}

func TestTriageReport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "incident.md")
	pipe(t, troubled(nil), func(b *bench) {
		b.catchUp()
		write := func() {
			b.press("W")
			for range 100 {
				b.send(keyPress("backspace"))
			}
			b.text(path)
			b.press("enter")
			b.settle()
		}
		write()
		b.want("wrote ")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"# warn: ", "Deployment checkout in payments", "## Evidence", "## What changed", "checkout:v1 → v2", "## The same with kubectl", "kubectl --context prod-eu -n payments"} {
			if !strings.Contains(string(text), part) {
				t.Errorf("no %q in\n%s", part, text)
			}
		}
		if strings.Contains(string(text), "hunter2") {
			t.Errorf("a secret in\n%s", text)
		}
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		write()
		b.want("not written")
		if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
			t.Errorf("it was written over: %v %s", err, text)
		}
	})
}
