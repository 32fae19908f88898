package rollout_test

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube/object"
	"quarterdeck/kube/rollout"
)

// argo returns an Argo Rollout of 4 replicas with two ReplicaSets, of which h2 is
// the newest, with more fields in its status.
func argo(t *testing.T, status string, pods ...any) scene {
	t.Helper()
	var r map[string]any
	if err := json.Unmarshal([]byte(`{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout",
		"metadata":{"name":"web","namespace":"shop","uid":"deploy","generation":2,"annotations":{"rollout.argoproj.io/revision":"2"}},
		"spec":{"replicas":4,"selector":{"matchLabels":{"app":"web"}},"strategy":{"canary":{"steps":[{"setWeight":25},{"pause":{}}]}}},
		"status":{"observedGeneration":"2","currentPodHash":"h2","stableRS":"h1","replicas":5,"updatedReplicas":2,"readyReplicas":4,"availableReplicas":4,`+status+`}}`), &r); err != nil {
		t.Fatal(err)
	}
	s := scene{argo: []any{r}, pods: pods}
	for n, ready := range []int32{3, 1} {
		rs := set(n+1, ready, ready)
		rs.Labels = map[string]string{"app": "web", object.ArgoHash: rs.Labels["pod-template-hash"]}
		s.replicaSets = append(s.replicaSets, rs)
	}
	return s
}

func TestArgoStates(t *testing.T) {
	failing := replica(2, "a", crashed(4, corev1.ContainerStateTerminated{ExitCode: 1}))
	for _, test := range []struct {
		scene  scene
		state  rollout.State
		words  string
		reason rollout.Reason
	}{
		{argo(t, `"phase":"Progressing","currentStepIndex":0`), rollout.Progressing, "progressing 25%, step 1/2: weight 25%", ""},
		{argo(t, `"phase":"Progressing","currentStepIndex":0`, failing), rollout.Stuck, "stuck: web:v2 exits 1", rollout.Crash},
		{argo(t, `"phase":"Paused","currentStepIndex":1,"pauseConditions":[{"reason":"CanaryPauseStep"}]`), rollout.Paused, "paused, step 2/2: pause until promoted", rollout.PausedBySpec},
		{argo(t, `"phase":"Degraded","message":"timed out"`), rollout.Stuck, "stuck: degraded: timed out", rollout.Degraded},
		{argo(t, `"phase":"Degraded","message":"timed out"`, failing), rollout.Stuck, "stuck: web:v2 exits 1", rollout.Crash},
		{argo(t, `"phase":"Healthy","currentStepIndex":2`), rollout.Complete, "complete", ""},
		{argo(t, `"message":"nobody has looked"`), rollout.Unobserved, "not observed", ""},
	} {
		s := test.scene.one(t)
		if got := s.Words(clock); s.State != test.state || got != test.words || s.Revision != "2" || s.Kind != rollout.ArgoRollout {
			t.Errorf("%s: %q, want %s: %q", s.State, got, test.state, test.words)
		}
		if test.reason != "" && (s.Blocker == nil || s.Blocker.Reason != test.reason) || test.reason == "" && s.Blocker != nil {
			t.Errorf("%s: %+v, want %s", test.words, s.Blocker, test.reason)
		}
		if s.Done != (test.state == rollout.Complete) {
			t.Errorf("%s: done %v", test.words, s.Done)
		}
	}
	d := argo(t, `"phase":"Progressing"`, replica(1, "x"), replica(2, "a")).detail(t)
	if g := d.Groups; len(g) != 2 || !g[0].New || g[0].Hash != "h2" || g[0].Ready() != 1 {
		t.Errorf("%+v", g)
	}
}

func TestServesArgo(t *testing.T) {
	gvr := object.ArgoRollouts().GVR
	served := metav1.APIResource{Group: gvr.Group, Version: gvr.Version, Name: gvr.Resource}
	other := served
	other.Version = "v2"
	if !rollout.ServesArgo([]metav1.APIResource{{Name: "pods"}, served}) || rollout.ServesArgo([]metav1.APIResource{other}) || rollout.ServesArgo(nil) {
		t.Error("it is seen where it is not, or not where it is")
	}
}
