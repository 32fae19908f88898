package rollout_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kubectl/pkg/polymorphichelpers"

	"quarterdeck/kube/object"
	"quarterdeck/kube/rollout"
	"quarterdeck/kube/store"
)

// kubectlDone returns what kubectl rollout status says: whether it is finished,
// and whether it can tell.
func kubectlDone(t testing.TB, o runtime.Object) (finished, judged bool) {
	t.Helper()
	u := unstructuredOf(t, o)
	viewer, err := polymorphichelpers.StatusViewerFor(u.GroupVersionKind().GroupKind())
	if err != nil {
		t.Fatal(err)
	}
	_, finished, err = viewer.Status(u, 0)
	if err != nil && strings.Contains(err.Error(), "only available for") {
		return false, false
	}
	return finished, true
}

func TestState(t *testing.T) {
	healthy := func(d *appsv1.Deployment) {
		d.Status = appsv1.DeploymentStatus{ObservedGeneration: 5, Replicas: 4, UpdatedReplicas: 4, ReadyReplicas: 4, AvailableReplicas: 4}
	}
	newOnes := []any{replica(2, "a"), replica(2, "b", notReady)}
	for _, test := range []struct {
		name  string
		scene scene
		state rollout.State
		words string
	}{
		{"under way", scene{deployments: []any{deployment()}, replicaSets: []any{set(1, 3, 2), set(2, 2, 1)}}, rollout.Progressing, "progressing 25%, deadline in 9m"},
		{"complete", scene{deployments: []any{deployment(healthy, progressing("True", "NewReplicaSetAvailable", 100))}}, rollout.Complete, "complete"},
		{"replicas are missing", scene{deployments: []any{deployment(func(d *appsv1.Deployment) {
			healthy(d)
			d.Status.AvailableReplicas = 3
			progressing("True", "NewReplicaSetAvailable", 100)(d)
		})}}, rollout.Progressing, "3 of 4 available"},
		{"scaling down is no rollout", scene{deployments: []any{deployment(func(d *appsv1.Deployment) {
			healthy(d)
			d.Spec.Replicas = ref(int32(2))
			progressing("True", "NewReplicaSetAvailable", 100)(d)
		})}}, rollout.Complete, "complete"},
		{"past its deadline", scene{deployments: []any{deployment(progressing("False", "ProgressDeadlineExceeded", 100))}, replicaSets: []any{set(2, 2, 1)}, pods: newOnes}, rollout.Stuck, "stuck: runs, but is not ready: readiness probe"},
		{"past its deadline, nobody knows why", scene{deployments: []any{deployment(progressing("False", "ProgressDeadlineExceeded", 100))}}, rollout.Stuck, "stuck: deadline exceeded"},
		{"its probe fails", withPods(replica(2, "a", runsFor(90, true))), rollout.Progressing, "progressing 0%, deadline in 9m: runs, but is not ready: readiness probe"},
		{"pods fail long after", scene{
			deployments: []any{deployment(func(d *appsv1.Deployment) {
				healthy(d)
				d.Status.AvailableReplicas, d.Status.ReadyReplicas = 3, 3
				progressing("True", "NewReplicaSetAvailable", 100)(d)
			})},
			replicaSets: []any{set(2, 4, 3)}, pods: []any{replica(2, "a", crashed(4, corev1.ContainerStateTerminated{ExitCode: 2}))},
		}, rollout.Stuck, "3 of 4 available: web:v2 exits 2"},
		{"paused on the way", scene{deployments: []any{deployment(func(d *appsv1.Deployment) { d.Spec.Paused = true })}, replicaSets: []any{set(2, 2, 1)}}, rollout.Paused, "paused at 25%"},
		{"paused before", scene{deployments: []any{deployment(func(d *appsv1.Deployment) {
			d.Spec.Paused, d.Status.UpdatedReplicas = true, 0
		})}}, rollout.Paused, "paused"},
		{"not observed", scene{deployments: []any{deployment(healthy, func(d *appsv1.Deployment) { d.Generation = 6 })}}, rollout.Unobserved, "not observed"},
		{"never observed", scene{statefulSets: []any{statefulSet(func(s *appsv1.StatefulSet) { s.Status = appsv1.StatefulSetStatus{} })}}, rollout.Unobserved, "not observed"},
		{"scaled to zero", scene{deployments: []any{deployment(func(d *appsv1.Deployment) {
			d.Spec.Replicas = ref(int32(0))
			d.Status = appsv1.DeploymentStatus{ObservedGeneration: 5}
		})}}, rollout.Zero, "scaled to zero"},
		{"deleting", scene{deployments: []any{deployment(func(d *appsv1.Deployment) { d.DeletionTimestamp = ref(ago(5)) })}}, rollout.Deleting, "deleting"},

		{"stateful set under way", scene{statefulSets: []any{statefulSet()}, pods: []any{member(0, 1), member(1, 1), member(2, 2)}}, rollout.Progressing, "progressing 33%"},
		{"stateful set at its partition", scene{statefulSets: []any{statefulSet(func(s *appsv1.StatefulSet) {
			s.Spec.UpdateStrategy.RollingUpdate.Partition = ref(int32(2))
		})}}, rollout.Partitioned, "waiting for partition 2: 2 old"},
		{"stateful set on delete", scene{statefulSets: []any{statefulSet(func(s *appsv1.StatefulSet) {
			s.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{Type: "OnDelete"}
		})}}, rollout.OnDelete, "waiting for deletes: 2 old"},
		{"stateful set, all deleted", scene{statefulSets: []any{statefulSet(func(s *appsv1.StatefulSet) {
			s.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{Type: "OnDelete"}
			s.Status.UpdatedReplicas = 3
		})}}, rollout.Complete, "complete"},
		{"stateful set complete", scene{statefulSets: []any{statefulSet(func(s *appsv1.StatefulSet) {
			s.Status.UpdatedReplicas, s.Status.CurrentRevision = 3, "db-r2"
		})}}, rollout.Complete, "complete"},

		{"daemon set under way", scene{daemonSets: []any{daemonSet()}, revisions: []any{revision("DaemonSet", "agent", "ds", 1), revision("DaemonSet", "agent", "ds", 2)}, pods: []any{daemon("n1", 2), daemon("n2", 1)}}, rollout.Progressing, "progressing 25%"},
		{"daemon set whose newest revision is not read yet", scene{daemonSets: []any{daemonSet()}, revisions: []any{revision("DaemonSet", "agent", "ds", 1)}, pods: []any{daemon("n1", 2, notReady), daemon("n2", 1)}}, rollout.Progressing, "progressing 0%: runs, but is not ready: readiness probe"},
		{"daemon set on delete", scene{daemonSets: []any{daemonSet(func(d *appsv1.DaemonSet) {
			d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: "OnDelete"}
		})}}, rollout.OnDelete, "waiting for deletes: 3 old"},
		{"daemon set without nodes", scene{daemonSets: []any{daemonSet(func(d *appsv1.DaemonSet) {
			d.Status = appsv1.DaemonSetStatus{ObservedGeneration: 2}
		})}}, rollout.Zero, "scaled to zero"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := test.scene.one(t)
			if got := s.Words(clock); s.State != test.state || got != test.words {
				t.Errorf("%s: %q, want %s: %q; %+v", s.State, got, test.state, test.words, s)
			}
		})
	}
}

// Counts of the newest revision are unknown where nobody may look, not zero.
func TestCountsNotRead(t *testing.T) {
	blind := scene{deployments: []any{deployment()}, unread: []string{"replicasets", "pods"}}
	c := blind.one(t).Counts
	want := rollout.Counts{
		Desired: 4, Total: 5, New: 2, Old: 3, Ready: 3, Available: 3, Unavailable: 1,
		NewReady: rollout.Unknown, NewAvailable: rollout.Unknown, Terminating: rollout.Unknown,
	}
	if c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
	if p := blind.one(t).Percent; p != 0 {
		t.Errorf("%d%%, and three old pods may be all that is available", p)
	}
	seen := scene{deployments: []any{deployment()}, replicaSets: []any{set(1, 3, 2), set(2, 2, 1)}, pods: []any{replica(2, "a"), replica(1, "x", deleted(-20))}}
	c = seen.one(t).Counts
	if c.NewReady != 1 || c.NewAvailable != 1 || c.Terminating != 1 {
		t.Errorf("%+v", c)
	}
	sets := scene{statefulSets: []any{statefulSet()}, unread: []string{"pods"}}
	if c := sets.one(t).Counts; c.NewReady != rollout.Unknown || c.New != 1 || c.Old != 2 {
		t.Errorf("%+v", c)
	}
	if gaps := sets.detail(t).Gaps; len(gaps) != 1 || gaps[0].Resource != "pods" || gaps[0].Status.Phase != store.Forbidden {
		t.Errorf("%+v", gaps)
	}
}

func TestStarted(t *testing.T) {
	wrote := func(manager string, seconds int64) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) {
			d.ManagedFields = []metav1.ManagedFieldsEntry{
				{Manager: "kube-controller-manager", Operation: "Update", Subresource: "status", Time: ref(ago(1)), FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:status":{"f:template":{}}}`)},
				{Manager: "kubectl-create", Operation: "Update", Time: ref(ago(9000)), FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{},"f:template":{"f:spec":{}}}}`)},
				{Manager: "labeller", Operation: "Update", Time: ref(ago(2)), FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:template":{}}}}`)},
				{Manager: manager, Operation: "Update", Time: ref(ago(seconds)), FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:template":{"f:spec":{"f:containers":{}}}}}`)},
			}
		}
	}
	sets := []any{set(1, 3, 2), set(2, 2, 1)} // made 1000 and 500 seconds ago
	returned := set(3, 3, 2)
	returned.CreationTimestamp = ago(500)
	returned.Annotations["deployment.kubernetes.io/revision-history"] = "1"
	for _, test := range []struct {
		name  string
		scene scene
		want  rollout.Start
	}{
		{"write and ReplicaSet go together", scene{deployments: []any{deployment(wrote("kubectl-set", 502))}, replicaSets: sets}, rollout.Start{By: "kubectl-set", At: clock.Unix() - 502, Source: "managedFields"}},
		{"the manager wrote something else since", scene{deployments: []any{deployment(wrote("argocd", 40))}, replicaSets: sets}, rollout.Start{By: "argocd", At: clock.Unix() - 500, Source: "ReplicaSet"}},
		{"taken back to one that was there", scene{deployments: []any{deployment(wrote("kubectl-rollout", 40), func(d *appsv1.Deployment) {
			d.Annotations["deployment.kubernetes.io/revision"] = "1"
		})}, replicaSets: sets}, rollout.Start{By: "kubectl-rollout", At: clock.Unix() - 40, Source: "managedFields", Back: true}},
		{"taken back within the second in which both were made", scene{deployments: []any{deployment(wrote("kubectl-rollout", 40), func(d *appsv1.Deployment) {
			d.Annotations["deployment.kubernetes.io/revision"] = "3"
		})}, replicaSets: []any{returned, set(2, 2, 1)}}, rollout.Start{By: "kubectl-rollout", At: clock.Unix() - 40, Source: "managedFields", Back: true}},
		{"nobody noted", scene{deployments: []any{deployment()}, replicaSets: sets}, rollout.Start{At: clock.Unix() - 500, Source: "ReplicaSet"}},
		{"nothing known", scene{deployments: []any{deployment()}}, rollout.Start{}},
		{"no ReplicaSet read", scene{deployments: []any{deployment(wrote("kubectl-set", 502))}}, rollout.Start{By: "kubectl-set", At: clock.Unix() - 502, Source: "managedFields"}},
		{"stateful set", scene{statefulSets: []any{statefulSet()}, revisions: []any{revision("StatefulSet", "db", "sts", 1), revision("StatefulSet", "db", "sts", 2)}}, rollout.Start{At: clock.Unix() - 500, Source: "ControllerRevision"}},
	} {
		if got := test.scene.one(t).Started; got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
	s := scene{daemonSets: []any{daemonSet()}, revisions: []any{revision("DaemonSet", "agent", "ds", 1), revision("DaemonSet", "agent", "ds", 2)}}.one(t)
	if s.Revision != "2" || s.Started.Back {
		t.Errorf("revision %q, %+v", s.Revision, s.Started)
	}
	s = scene{daemonSets: []any{daemonSet()}, revisions: []any{revision("DaemonSet", "agent", "ds", 1)}}.one(t)
	if s.Revision != "" {
		t.Errorf("revision %q while the newest is not read yet", s.Revision)
	}
	again := revision("DaemonSet", "agent", "ds", 1)
	again.Revision, again.CreationTimestamp = 3, ago(500) // made in the same second as that which came between
	s = scene{
		daemonSets: []any{daemonSet(func(d *appsv1.DaemonSet) { d.Annotations[appsv1.DeprecatedTemplateGeneration] = "3" })},
		revisions:  []any{again, revision("DaemonSet", "agent", "ds", 2)},
	}.one(t)
	if s.Revision != "3" || !s.Started.Back {
		t.Errorf("taken back: revision %q, %+v", s.Revision, s.Started)
	}
}

func TestDeadline(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*appsv1.Deployment)
		want   int64
	}{
		{"ahead", progressing("True", "ReplicaSetUpdated", 30), clock.Unix() + 570},
		{"done", progressing("True", "NewReplicaSetAvailable", 30), 0},
		{"past", progressing("False", "ProgressDeadlineExceeded", 30), clock.Unix() - 30},
		{"none", func(d *appsv1.Deployment) { d.Spec.ProgressDeadlineSeconds = ref(int32(1<<31 - 1)) }, 0},
		{"paused", func(d *appsv1.Deployment) { d.Spec.Paused = true }, 0},
	} {
		if got := (scene{deployments: []any{deployment(test.change)}}).one(t).Deadline; got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

// Over is what a wait for a rollout ends by.
func TestOver(t *testing.T) {
	for _, test := range []struct {
		status     rollout.Status
		good, over bool
	}{
		{rollout.Status{State: rollout.Complete}, true, true},
		{rollout.Status{State: rollout.Zero}, true, true},
		{rollout.Status{State: rollout.Partitioned}, true, true},
		{rollout.Status{State: rollout.Progressing}, false, false},
		{rollout.Status{State: rollout.Stuck}, false, false},
		{rollout.Status{State: rollout.Stuck, Late: true}, false, true},
		{rollout.Status{State: rollout.Unobserved, Late: true}, false, false},
		{rollout.Status{State: rollout.Paused}, false, false},
		{rollout.Status{State: rollout.OnDelete}, false, false},
		{rollout.Status{State: rollout.Deleting}, false, true},
	} {
		if good, over := test.status.Over(); good != test.good || over != test.over {
			t.Errorf("%s, late %v: good %v, over %v", test.status.State, test.status.Late, good, over)
		}
	}
}

func TestSort(t *testing.T) {
	list := []*rollout.Status{
		{State: rollout.Complete, Meta: store.Meta{Namespace: "a", Name: "a"}},
		{State: rollout.Paused, Meta: store.Meta{Namespace: "a", Name: "b"}},
		{State: rollout.Progressing, Meta: store.Meta{Namespace: "b", Name: "a"}},
		{State: rollout.Progressing, Meta: store.Meta{Namespace: "a", Name: "z"}},
		{State: rollout.Stuck, Meta: store.Meta{Namespace: "z", Name: "z"}},
	}
	rollout.Sort(list)
	var got []string
	for _, s := range list {
		got = append(got, s.State.String()+" "+s.Namespace+"/"+s.Name)
	}
	want := []string{"stuck z/z", "progressing a/z", "progressing b/a", "paused a/b", "complete a/a"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Whatever a controller may report: the verdict is kubectl's, counts add up, and
// nothing is complete while pods of an old revision remain.
func TestAgreesWithKubectl(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[bool]int{}
	for range 1_000 {
		o, s := reported(r)
		got := s.one(t)
		finished, judged := kubectlDone(t, o)
		seen[finished]++
		c := got.Counts
		complete := got.State == rollout.Complete
		for wrong, is := range map[string]bool{
			"not what kubectl says":            got.Done != finished,
			"counts do not add up":             c.New+c.Old != c.Total || c.New < 0 || c.Old < 0,
			"more is ready than there is":      c.NewReady > c.New || c.NewAvailable > c.NewReady,
			"100% of what is not complete":     (got.Percent == 100) != (complete || got.State == rollout.Partitioned || got.State == rollout.Zero),
			"no percentage":                    got.Percent < 0 || got.Percent > 100,
			"complete with old pods":           complete && c.Old > 0,
			"complete, and kubectl waits":      complete && judged && !finished,
			"partitioned, and kubectl waits":   got.State == rollout.Partitioned && !finished,
			"stuck, and kubectl calls it done": got.State == rollout.Stuck && finished,
		} {
			if is {
				t.Fatalf("%s: %+v, kubectl says done %v", wrong, got, finished)
			}
		}
	}
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("kubectl said: %v", seen)
	}
}

// reported returns a workload with some numbers in its status, and the scene
// that it is in.
func reported(r *rand.Rand) (runtime.Object, scene) {
	few := func() int32 { return int32(r.IntN(5)) }
	spec, seen := int64(1+r.IntN(3)), int64(r.IntN(4))
	onDelete := r.IntN(6) == 0
	switch r.IntN(3) {
	case 0:
		d := deployment(func(d *appsv1.Deployment) {
			d.Generation, d.Spec.Replicas, d.Spec.Paused = spec, ref(few()), r.IntN(8) == 0
			d.Status = appsv1.DeploymentStatus{
				ObservedGeneration: seen, Replicas: few(), UpdatedReplicas: few(), ReadyReplicas: few(), AvailableReplicas: few(),
			}
		}, progressing("True", []string{"ReplicaSetUpdated", "NewReplicaSetAvailable", "ProgressDeadlineExceeded"}[r.IntN(3)], 40))
		return d, scene{deployments: []any{d}, replicaSets: []any{set(1, few(), few()), set(2, few(), few())}}
	case 1:
		s := statefulSet(func(s *appsv1.StatefulSet) {
			s.Generation, s.Spec.Replicas, s.Spec.UpdateStrategy.RollingUpdate.Partition = spec, ref(few()), ref(few())
			if onDelete {
				s.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{Type: "OnDelete"}
			}
			s.Status = appsv1.StatefulSetStatus{
				ObservedGeneration: seen, Replicas: few(), ReadyReplicas: few(), AvailableReplicas: few(), UpdatedReplicas: few(),
				CurrentRevision: "db-r1", UpdateRevision: "db-r2",
			}
		})
		return s, scene{statefulSets: []any{s}, pods: []any{member(0, 1), member(1, 2, notReady)}}
	}
	d := daemonSet(func(d *appsv1.DaemonSet) {
		d.Generation = spec
		if onDelete {
			d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: "OnDelete"}
		}
		d.Status = appsv1.DaemonSetStatus{
			ObservedGeneration: seen, DesiredNumberScheduled: few(), CurrentNumberScheduled: few(), UpdatedNumberScheduled: few(), NumberReady: few(), NumberAvailable: few(),
		}
	})
	return d, scene{daemonSets: []any{d}, pods: []any{daemon("n1", 1), daemon("n2", 2)}}
}

// The more pods of the newest revision are available, the further it is.
func TestPercentGrows(t *testing.T) {
	last := -1
	for available := range int32(11) {
		s := scene{
			deployments: []any{deployment(func(d *appsv1.Deployment) {
				d.Spec.Replicas = ref(int32(10))
				d.Status = appsv1.DeploymentStatus{ObservedGeneration: 5, Replicas: 12, UpdatedReplicas: 10, AvailableReplicas: 2 + available, ReadyReplicas: 2 + available}
			})},
			replicaSets: []any{set(1, 2, 2), set(2, 10, available)},
		}.one(t)
		if s.Percent < last || s.Percent >= 100 {
			t.Errorf("%d available: %d%% after %d%%", available, s.Percent, last)
		}
		last = s.Percent
	}
	if last != 99 {
		t.Errorf("%d%% when only old pods are left to go", last)
	}
}

// A Fleet that is told of changes says the same as one that is told everything
// at once, in whatever order things arrive, and hands out the same Status for
// what is as it was.
func TestDeltas(t *testing.T) {
	whole := scene{
		deployments: []any{deployment()}, replicaSets: []any{set(1, 3, 2), set(2, 2, 1)},
		pods: []any{replica(2, "a", crashed(3, corev1.ContainerStateTerminated{ExitCode: 1})), replica(1, "x")}, statefulSets: []any{statefulSet()},
		revisions: []any{revision("StatefulSet", "db", "sts", 2)},
	}
	want := whole.fleet(t).List(clock)

	f := rollout.NewFleet()
	pods := compact(t, object.Pods(), whole.pods...)
	f.Pods(all(pods[:1]))
	f.List(clock)
	f.Pods(store.Delta[*object.Pod]{Added: pods[1:]})
	for _, r := range []string{"pods", "replicasets", "controllerrevisions"} {
		f.Read(r, store.Status{Phase: store.Live})
	}
	f.Workloads(rollout.Deployment, all(compact(t, object.Deployments(), whole.deployments...)))
	f.List(clock)
	f.ReplicaSets(all(compact(t, object.ReplicaSets(), whole.replicaSets...)))
	f.Workloads(rollout.StatefulSet, all(compact(t, object.StatefulSets(), whole.statefulSets...)))
	f.ControllerRevisions(all(compact(t, object.ControllerRevisions(), whole.revisions...)))
	got := f.List(clock)
	same := func(what string) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %d rollouts, want %d", what, len(got), len(want))
		}
		for i := range want {
			a, b := *got[i], *want[i]
			if a.Words(clock) != b.Words(clock) || a.Counts != b.Counts || a.Revision != b.Revision {
				t.Errorf("%s:\n%+v\nwant\n%+v", what, a, b)
			}
		}
	}
	same("piece by piece")
	again := f.List(clock.Add(time.Second))
	for i := range again {
		if again[i] != got[i] {
			t.Errorf("%s is another Status though nothing changed", again[i].Name)
		}
	}

	// One pod is replaced by another version of it, and back.
	better := compact(t, object.Pods(), replica(2, "a"))
	f.Pods(store.Delta[*object.Pod]{Removed: pods[:1], Added: better})
	if s := f.List(clock)[0]; s.Blocker != nil {
		t.Errorf("still %s", s.Blocker.Words)
	}
	f.Pods(store.Delta[*object.Pod]{Removed: better, Added: pods[:1]})
	got = f.List(clock)
	same("back")

	f.Workloads(rollout.Deployment, store.Delta[*object.Workload]{Reset: true})
	if got := f.List(clock); len(got) != 1 || got[0].Kind != rollout.StatefulSet {
		t.Errorf("%d rollouts", len(got))
	}
	if _, ok := f.Detail("deploy", clock); ok {
		t.Error("there are details of what is gone")
	}
}
