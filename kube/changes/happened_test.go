package changes

import (
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// find has a follower read an object that was there before, and returns what is
// known by that.
func find[T store.Object](f *follower[T], objects ...T) []string {
	l := NewTimeline(0)
	f.take(l, store.Delta[T]{Reset: true, Added: objects}, store.Status{Phase: store.Live}, at(0))
	return said(l, at(0))
}

func helmRecord(status string) *Written {
	labels := store.NewLabels(map[string]string{"owner": "helm", "name": "shop", "version": "3", "status": status})
	return &Written{Meta: store.Meta{UID: "r", Namespace: "shop", Name: "sh.helm.release.v1.shop.v3", Created: noon - 50, Labels: labels}}
}

// What statuses tell of the time before.
func TestWhatHappenedBefore(t *testing.T) {
	meta := func(name string) store.Meta {
		return store.Meta{UID: types.UID("uid-" + name), Namespace: "shop", Name: name, Created: noon - 9000}
	}
	noOwner := func(types.UID) *store.Owner { return nil }
	every := func(*object.Event) bool { return true }
	for _, c := range []struct {
		name string
		got  []string
		want []string
	}{
		{
			"node",
			find(nodes(), &object.Node{
				Meta: store.Meta{UID: "n", Name: "n1"}, Cordoned: true, CordonedAt: noon - 100,
				Conditions: []object.Condition{{Type: "Ready", Status: "Unknown", Reason: "NodeStatusUnknown", Message: "Kubelet stopped posting node status.", Changed: noon - 60}},
			}),
			[]string{"-60 inferred node/n1 by : Ready=Unknown NodeStatusUnknown: Kubelet stopped posting node status.", "-100 inferred node/n1 by : cordoned"},
		},
		{
			"job that failed",
			find(owning(object.Jobs()), &object.Workload{Meta: meta("import"), Kind: "Job", Started: noon - 300, Finished: noon - 200, Trouble: "BackoffLimitExceeded"}),
			[]string{"-200 inferred job/import by : failed: BackoffLimitExceeded", "-300 inferred job/import by : started"},
		},
		{
			"cron job",
			find(owning(object.CronJobs()), &object.Workload{Meta: meta("nightly"), Kind: "CronJob", Started: noon - 300, Finished: noon - 200}),
			[]string{"-200 inferred cronjob/nightly by : a run of it completed last", "-300 inferred cronjob/nightly by : ran last"},
		},
		{
			"rollout that is stuck, and what is as it should be",
			find(deployments(), &object.Workload{Meta: meta("web"), Kind: "Deployment", Rolling: &object.Rolling{Conditions: []object.Condition{
				{Type: "Progressing", Status: "False", Reason: "ProgressDeadlineExceeded", Changed: noon - 30},
				{Type: "Available", Status: "True", Reason: "MinimumReplicasAvailable", Changed: noon - 40},
				{Type: "ReplicaFailure", Status: "False", Changed: noon - 50},
			}}}),
			[]string{"-30 inferred deploy/web by : Progressing=False ProgressDeadlineExceeded"},
		},
		{
			"autoscaler",
			find(autoscalers(), &object.Autoscaler{Meta: meta("web"), TargetKind: "Deployment", Target: "web", Desired: 7, LastScale: noon - 90}),
			[]string{"-90 inferred hpa/web by : scaled Deployment/web last, which is to have 7 replicas now"},
		},
		{
			"container that started again",
			find(pods(), &object.Pod{Meta: meta("web-1"), Containers: []object.Container{{
				Name: "app", State: object.Running, Since: noon - 20, Restarts: 3, Last: &object.Termination{Reason: "OOMKilled", Exit: 137, Finished: noon - 30},
			}, {Name: "quiet", State: object.Running, Since: noon - 8000}}}),
			[]string{"-20 inferred pod/web-1 by : container app started again", "-30 inferred pod/web-1 by : container app ended: OOMKilled 137, restarted 3×"},
		},
		{
			"event",
			find(events(every, noOwner), &object.Event{Meta: meta("e"), Kind: "Pod", About: "web-1", UID: "p", Reason: "BackOff", Message: "back-off", Source: "kubelet", Count: 4, Last: noon - 10}),
			[]string{"-10 inferred pod/web-1 by kubelet: BackOff: back-off (4×)"},
		},
		{"record of Helm", find(releases(coreRef("", "secrets", "", "").GVR, "Secret"), helmRecord("deployed")), []string{"-50 inferred secret/sh.helm.release.v1.shop.v3 by helm: helm release shop revision 3: deployed"}},
		{
			"Argo CD",
			find(syncing(object.ArgoApplications(), "argocd"), &object.Synced{Meta: meta("shop"), Syncs: []object.Sync{
				{At: noon - 500, Revision: "abc1234", By: "ann"}, {At: noon - 400, Revision: "def5678"}, {At: noon - 5, Revision: "bad", State: "Failed"},
			}}),
			[]string{
				"-5 inferred application/shop by argocd: brought to bad, Failed", "-400 inferred application/shop by argocd: brought to def5678",
				"-500 inferred application/shop by argocd for ann: brought to abc1234",
			},
		},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s:\n%q\n%q", c.name, c.got, c.want)
		}
	}
}

// An event that is told again is one entry, and the server forgets events.
func TestEventsAreToldOnce(t *testing.T) {
	f := events(func(e *object.Event) bool { return e.Reason != "Pulled" }, func(types.UID) *store.Owner { return nil })
	l := NewTimeline(0)
	told := func(count int32, second int64) *object.Event {
		return &object.Event{Meta: store.Meta{UID: "e", Namespace: "shop"}, Kind: "Pod", About: "web", UID: "p", Reason: "Unhealthy", Message: "probe", Count: count, Last: noon + second}
	}
	live := store.Status{Phase: store.Live}
	f.take(l, store.Delta[*object.Event]{Reset: true}, live, at(0))
	first, again := told(1, 1), told(2, 9)
	noise := &object.Event{Meta: store.Meta{UID: "n", Namespace: "shop"}, Kind: "Pod", About: "web", Reason: "Pulled", Last: noon}
	f.take(l, store.Delta[*object.Event]{Added: []*object.Event{first, noise}}, live, at(1))
	f.take(l, store.Delta[*object.Event]{Added: []*object.Event{again}, Removed: []*object.Event{first}}, live, at(9))
	f.take(l, store.Delta[*object.Event]{Removed: []*object.Event{again, noise}}, live, at(100))
	if got, want := said(l, at(100)), []string{"9 seen pod/web by : Unhealthy: probe (2×)"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// That another release follows one is no change of that one's record; how an
// upgrade ended is.
func TestHelmRecordsThatChange(t *testing.T) {
	f := releases(coreRef("", "secrets", "", "").GVR, "Secret")
	l := NewTimeline(0)
	live := store.Status{Phase: store.Live}
	f.take(l, store.Delta[*Written]{Reset: true}, live, at(0))
	last := helmRecord("pending-upgrade")
	f.take(l, store.Delta[*Written]{Added: []*Written{last}}, live, at(0))
	for _, status := range []string{"deployed", "superseded"} {
		next := helmRecord(status)
		f.take(l, store.Delta[*Written]{Added: []*Written{next}, Removed: []*Written{last}}, live, at(int64(time.Minute/time.Second)))
		last = next
	}
	if got, want := said(l, at(100)), []string{"-50 seen secret/sh.helm.release.v1.shop.v3 by helm: helm release shop revision 3: deployed"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
