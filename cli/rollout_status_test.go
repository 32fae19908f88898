package cli

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/apitest"
)

const stuckOn = "stuck: image registry.example/web:v3 of container app cannot be pulled"

func TestRolloutStatusOnce(t *testing.T) {
	s := fleet(t)
	rolloutQD(t, "status deploy/done --watch=false").ends(t, 0, []string{`deployment "done" successfully rolled out`})
	rolloutQD(t, "status deploy/web --watch=false").ends(t, exitFailed, []string{
		`Waiting for deployment "web" rollout to finish: 1 out of 4 new replicas have been updated...` + "\n" + stuckOn,
		"  field pod/web-3-x status.containerStatuses[app].state.waiting\n    ImagePullBackOff: Back-off pulling image\n", "next: ",
	})
	rolloutQD(t, "status deploy/done deploy/web -w=false").ends(t, exitFailed, []string{`deploy/done: deployment "done" successfully`, "deploy/web: " + stuckOn})

	s.Delete(webPod()) // nothing is known to be in the way now
	rolloutQD(t, "status web --watch=false").ends(t, exitUnderway, []string{"1 out of 4 new replicas"})
	paused := webDeployment()
	paused.Spec.Paused = true
	s.Put(paused)
	rolloutQD(t, "status web --watch=false").ends(t, exitUnderway, []string{"1 out of 4 new replicas", "waits: the rollout is paused"})
	s.Put(late())
	rolloutQD(t, "status web --watch=false").ends(t, exitFailed, []string{"stuck: the rollout has made no progress for 10m"}, `qd: deployment "web" exceeded its progress deadline`)
	list := items(t, rolloutQD(t, "status web done --watch=false -o json"))
	if len(list) != 2 || list[0]["state"] != "stuck" || at(t, list[0], "deadline", "passed") != true || list[1]["state"] != "complete" {
		t.Errorf("%v", list)
	}
	onDelete := daemonSet("agent")
	onDelete.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: "OnDelete"}
	onDelete.Status.UpdatedNumberScheduled = 1
	s.Put(onDelete)
	rolloutQD(t, "status ds/agent -w=false").ends(t, exitUnderway, []string{"ds/agent: waiting for deletes: 1 old", "waits: its update strategy is OnDelete"})
}

// background runs a command until it watches the deployments, and returns the
// function that waits for its end.
func background(t *testing.T, s *apitest.Server, args string) func() result {
	t.Helper()
	s.WaitWatches(t, 0, "deployments") // those of the command before end a moment after it
	ended := make(chan result, 1)
	go func() { ended <- rolloutQD(t, args) }()
	s.WaitWatches(t, 1, "deployments")
	return func() result {
		t.Helper()
		select {
		case r := <-ended:
			return r
		case <-time.After(time.Minute):
			t.Fatalf("qd rollout %s did not end", args)
			return result{}
		}
	}
}

func TestRolloutStatusFollows(t *testing.T) {
	s := fleet(t)
	end := background(t, s, "status web")
	s.Put(complete())
	end().ends(t, 0, []string{"1 out of 4 new replicas", stuckOn, `deployment "web" successfully rolled out`})

	s.Put(webDeployment())
	end = background(t, s, "status web done")
	s.Put(late())
	end().ends(t, exitFailed, []string{`deploy/done: deployment "done" successfully rolled out`, "deploy/web: " + stuckOn}, `qd: deployment "web" exceeded its progress deadline`)

	s.Put(webDeployment())
	end = background(t, s, "status web -o json")
	s.Delete(webDeployment())
	end().ends(t, exitFailed, []string{`"state": "stuck"`}, "qd: deploy/web in shop was deleted meanwhile")

	s.Put(webDeployment())
	rolloutQD(t, "status web --timeout 1s").ends(t, exitFailed, []string{stuckOn}, "deploy/web in shop is not complete after 1s: stuck: image cannot be pulled: web:v3")
}

// TestRolloutStatusUnread: what is not known is said, and what is known is said
// all the same.
func TestRolloutStatusUnread(t *testing.T) {
	s := fleet(t)
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.GVR.Resource != "deployments" {
			return r.Forbid("eve")
		}
		return nil
	})
	rolloutQD(t, "status deploy/web --watch=false").ends(t, exitUnderway, []string{"1 out of 4 new replicas"}, "may not all be said: you may not list events, pods, replicasets in namespace shop")
	rolloutQD(t, "status sts/db --watch=false").fails(t, "you (eve) may not list statefulsets in namespace shop")
	s.OnRequest(func(apitest.Request) *apitest.Answer { return apitest.Unavailable() })
	rolloutQD(t, "status deploy/web").fails(t, "etcdserver: request timed out")
}

// TestRolloutFollowsWhatItBegan: that the rollout before had failed says nothing
// of the one that a change has just begun.
func TestRolloutFollowsWhatItBegan(t *testing.T) {
	s := fleet(t)
	before := late()
	before.Spec.Template = webTemplate(2)
	s.Put(before)
	end := background(t, s, "restart web --yes")
	s.WaitWatches(t, 1, "deployments")
	after := complete()
	after.Spec.Template = webTemplate(2)
	s.Put(after)
	end().ends(t, 0, []string{
		"restart, context shop, namespace shop\n\ndeploy/web: restart 4 pods\n", "server   would accept it\n", "$ kubectl --context shop -n shop rollout restart deployments/web",
		"done: deploy/web: restart 4 pods", stuckOn, `deployment "web" successfully rolled out`,
	})

	before.Spec.ProgressDeadlineSeconds = new(int32(1)) // after which what it says is about the new one
	s.Put(before)
	rolloutQD(t, "restart web --yes").ends(t, exitFailed, []string{"done: deploy/web"}, `deployment "web" exceeded its progress deadline`)

	before = progressing(before, corev1.ConditionTrue, "ReplicaSetUpdated", minutesAgo(0))
	s.Put(before)
	end = background(t, s, "restart web --yes")
	s.Put(progressing(before.DeepCopy(), corev1.ConditionFalse, "ProgressDeadlineExceeded", metav1.Now()))
	end().ends(t, exitFailed, []string{"done: deploy/web"}, `deployment "web" exceeded its progress deadline`)
	if n := len(s.Writes()); n != 3 {
		t.Errorf("%d writes", n)
	}
}

// TestRolloutWithoutWatch: who may list but not watch is told so once, and told
// of the end.
func TestRolloutWithoutWatch(t *testing.T) {
	s := fleet(t)
	s.OnRequest(func(r apitest.Request) *apitest.Answer {
		if r.GVR.Resource == "deployments" && r.Verb == "watch" {
			return r.Forbid("eve")
		}
		return nil
	})
	ended := make(chan result, 1)
	go func() { ended <- rolloutQD(t, "status deploy/web") }()
	s.WaitRequests(t, 2, "watch", "deployments")
	s.Put(complete())
	r := <-ended
	r.ends(t, 0, []string{stuckOn, "successfully rolled out"}, "followed with delays: you (eve) may not watch deployments in namespace shop")
	if n := strings.Count(r.errOut, "\n"); n != 1 {
		t.Errorf("%d lines: %s", n, r.errOut)
	}
}
