package triage_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/store"
	"quarterdeck/kube/triage"
)

// progressing replaces the conditions of a Deployment by that of its rollout.
func progressing(status corev1.ConditionStatus, reason string, since int64) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Status.Conditions = []appsv1.DeploymentCondition{{
			Type: appsv1.DeploymentProgressing, Status: status, Reason: reason, LastTransitionTime: ago(since), LastUpdateTime: ago(since),
		}}
	}
}

func TestRolloutStuckByItsBudget(t *testing.T) {
	objects := deployment("checkout", 4, 3, late, func(d *appsv1.Deployment) {
		d.Spec.ProgressDeadlineSeconds = ref(int32(120))
		d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxUnavailable: ref(intstr.FromString("25%"))}
	})
	is(t, newScene(t, objects...).one(),
		"warn | rollout stuck, 3 of 4 ready | deploy/checkout in shop | no progress within its deadline of 2m, 1 of 4 unavailable, 1 may be | rollout-stuck")
}

func TestRolloutInProgress(t *testing.T) {
	objects := deployment("checkout", 3, 2, progressing("True", "ReplicaSetUpdated", 20))
	young := pod("checkout", "a", func(p *corev1.Pod) {
		p.CreationTimestamp = ago(100)
		p.Status = corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "app", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}},
		}}}
	})
	s := newScene(t, append(objects, young)...)
	for _, i := range s.report().Incidents {
		for _, r := range i.Rules {
			if r == "replicas-missing" && len(i.Rules) == 1 {
				t.Errorf("within its deadline: %s", line(i))
			}
		}
	}
	// A pod that crashes is trouble at once, and names the workload.
	s = newScene(t, append(deployment("checkout", 3, 2, progressing("True", "ReplicaSetUpdated", 20)), pod("checkout", "a", crashes("Error", 1, "boom")))...)
	is(t, s.one(), "warn | 2 of 3 ready | deploy/checkout in shop | v2 exits 1: boom (6 restarts) | replicas-missing crash-loop")
}

func TestReplicasMissing(t *testing.T) {
	s := newScene(t, deployment("cart", 3, 2)...)
	s.none() // they are made in this moment
	if got := s.after(61); len(got.Incidents) != 1 || got.Incidents[0].Title != "2 of 3 ready" {
		t.Error(describe(got))
	}
	s.put(deployment("cart", 3, 3)[0])
	s.none()
	for _, o := range deployment("cart", 3, 2) { // it counts from now again
		s.put(o)
	}
	if got := s.after(90); len(got.Incidents) != 0 {
		t.Error(describe(got))
	}
}

func TestRolloutPaused(t *testing.T) {
	paused := func(updated int32, since int64) []runtime.Object {
		return deployment("cart", 4, 4, progressing("Unknown", "DeploymentPaused", since), func(d *appsv1.Deployment) {
			d.Spec.Paused, d.Status.UpdatedReplicas = true, updated
		})
	}
	i := newScene(t, paused(1, 4000)...).one()
	is(t, i, "info | paused in its rollout, 1 of 4 updated | deploy/cart in shop | paused and forgotten | rollout-paused")
	if last := i.Actions[len(i.Actions)-1]; last.Do != triage.Resume {
		t.Error(i.Actions)
	}
	newScene(t, paused(1, 600)...).none()
	newScene(t, paused(4, 4000)...).none() // nothing is under way
}

func TestNotObserved(t *testing.T) {
	s := newScene(t, deployment("cart", 2, 2, func(d *appsv1.Deployment) { d.Generation = 3 })...)
	s.none()
	if got := s.after(30); len(got.Incidents) != 1 {
		t.Fatal(describe(got))
	}
	is(t, s.after(30).Incidents[0], "warn | change not acted on | deploy/cart in shop | its controller does not work | not-observed")
	s.put(deployment("cart", 2, 2)[0])
	s.none()
}

// refusedSet is the ReplicaSet of a Deployment that may not create pods.
func refusedSet(app, message string) []runtime.Object {
	objects := deployment(app, 4, 2)
	s := objects[1].(*appsv1.ReplicaSet)
	s.Status.Replicas = 2
	s.Status.Conditions = []appsv1.ReplicaSetCondition{{
		Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: message, LastTransitionTime: ago(300),
	}}
	return objects
}

func TestCreateRefused(t *testing.T) {
	const quota = `pods "x" is forbidden: exceeded quota: compute, requested: limits.memory=1Gi, used: limits.memory=8Gi, limited: limits.memory=8Gi`
	why := "exceeded quota: compute, requested: limits.memory=1Gi, used: limits.memory=8Gi, limited: limits.memory=8Gi"
	i := newScene(t, append(refusedSet("cart", quota), refusedSet("search", quota)...)...).one()
	is(t, i, "warn | 2 replicasets may not create pods | resourcequota/compute in shop | "+why+" | replicas-missing create-refused")
	if i.Works != 2 || i.Actions[0].Do != triage.Edit {
		t.Errorf("%d workloads, %v", i.Works, i.Actions)
	}
	for message, want := range map[string]string{
		`admission webhook "policy.example.com" denied the request: no limits`:                   "webhook/policy.example.com",
		`Internal error occurred: failed calling webhook "inject.example.com": context deadline`: "webhook/inject.example.com",
		`pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot`:          "deploy/cart in shop",
		`pods "x" is forbidden: error looking up service account shop/till: "till" not found`:    "deploy/cart in shop",
		`pods "x" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi`:     "deploy/cart in shop",
		`pods "x" is forbidden: failed quota: compute: must specify limits.cpu for: app`:         "deploy/cart in shop",
		`Pod "x" is invalid: spec.containers[0].image: Required value`:                           "deploy/cart in shop",
	} {
		if i := newScene(t, refusedSet("cart", message)...).one(); i.Root.Where() != want || i.Cause == "" {
			t.Errorf("%s: %s", message, line(i))
		}
	}
}

// What a quota's status was written over is tried again at once.
func TestCreateConflicts(t *testing.T) {
	const conflict = `Operation cannot be fulfilled on resourcequotas "compute": the object has been modified; please apply your changes to the latest version and try again`
	for _, i := range newScene(t, refusedSet("cart", conflict)...).report().Incidents {
		if strings.Contains(line(i), "create-refused") {
			t.Error(line(i))
		}
	}
	for _, i := range newScene(t, stateful(3, 1), warning("StatefulSet", "shop", "db", "FailedCreate", "create Pod db-1 in StatefulSet db failed error: "+conflict, 5)).report().Incidents {
		if strings.Contains(line(i), "create-refused") {
			t.Error(line(i))
		}
	}
}

func stateful(replicas, ready int32) *appsv1.StatefulSet {
	return &appsv1.StatefulSet{
		ObjectMeta: meta("shop", "db"), Spec: appsv1.StatefulSetSpec{Replicas: &replicas},
		Status: appsv1.StatefulSetStatus{ObservedGeneration: 1, Replicas: ready, ReadyReplicas: ready, AvailableReplicas: ready, CurrentRevision: "a", UpdateRevision: "a"},
	}
}

func of(kind, name string, change ...func(*corev1.Pod)) func(string) *corev1.Pod {
	api := map[string]string{"Job": "batch/v1"}[kind]
	if api == "" {
		api = "apps/v1"
	}
	return func(podName string) *corev1.Pod {
		p := pod(name, podName, change...)
		owned(api, kind, name)(&p.ObjectMeta)
		return p
	}
}

func TestCreateRefusedByEvents(t *testing.T) {
	set := stateful(3, 1)
	message := `create Pod db-1 in StatefulSet db failed error: pods "db-1" is forbidden: exceeded quota: compute, requested: pods=1`
	s := newScene(t, set, warning("StatefulSet", "shop", "db", "FailedCreate", message, 20))
	is(t, s.one(), "crit | statefulset may not create pods | resourcequota/compute in shop | exceeded quota: compute, requested: pods=1 | replicas-missing create-refused")
	s.put(stateful(1, 1)) // it asks for no more
	s.none()
	// The controller has not tried for long: it is no news.
	old := newScene(t, set, warning("StatefulSet", "shop", "db", "FailedCreate", message, 2000))
	old.none()
	// It made one since.
	newScene(t, stateful(3, 1), warning("StatefulSet", "shop", "db", "FailedCreate", message, 200), of("StatefulSet", "db", func(p *corev1.Pod) {
		p.CreationTimestamp = ago(100)
	})("db-1")).none()
	// Or in the second of the refusal, on its next try.
	newScene(t, stateful(3, 1), warning("StatefulSet", "shop", "db", "FailedCreate", message, 200), of("StatefulSet", "db", func(p *corev1.Pod) {
		p.CreationTimestamp = ago(200)
	})("db-1")).none()
}

func TestHeldByOneOrdinal(t *testing.T) {
	set := stateful(3, 1)
	set.Status.Replicas = 2
	s := newScene(t, set, of("StatefulSet", "db")("db-0"), of("StatefulSet", "db", crashes("Error", 3, "no such table"))("db-1"))
	is(t, s.one(), "crit | held by db-1, 1 of 3 ready | sts/db in shop | v2 exits 3: no such table (6 restarts) | replicas-missing crash-loop")
	set.Spec.PodManagementPolicy = appsv1.ParallelPodManagement
	s.put(set)
	if got := s.one().Title; got != "1 of 3 ready" {
		t.Error(got)
	}
}

func daemons(desired, available, updated int32) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{
		ObjectMeta: meta("shop", "agent"),
		Spec: appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
			Type: appsv1.RollingUpdateDaemonSetStrategyType, RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: ref(intstr.FromInt32(1))},
		}},
		Status: appsv1.DaemonSetStatus{
			ObservedGeneration: 1, DesiredNumberScheduled: desired, CurrentNumberScheduled: desired, NumberReady: available, NumberAvailable: available, UpdatedNumberScheduled: updated,
		},
	}
}

func TestDaemonSetMissing(t *testing.T) {
	s := newScene(t, daemons(4, 3, 4), of("DaemonSet", "agent", crashes("Error", 1, ""))("agent-x"))
	is(t, s.one(), "warn | missing on 1 of 4 nodes | ds/agent in shop | v2 exits 1 (6 restarts) | replicas-missing crash-loop")
	newScene(t, daemons(4, 4, 4)).none()
}

// What was well until its node was lost is missing since then, not since it was
// made.
func TestMissingSinceItsNodeWasLost(t *testing.T) {
	fell := func(p *corev1.Pod) {
		p.Status.Conditions[0].Status, p.Status.Conditions[0].LastTransitionTime = corev1.ConditionFalse, ago(90)
	}
	s := newScene(t, daemons(4, 3, 4), of("DaemonSet", "agent", fell)("agent-x"), node("node-1", corev1.ConditionUnknown))
	found := 0
	for _, f := range s.one().Findings {
		if f.Rule == "replicas-missing" || f.Rule == "not-ready" {
			if found++; f.Since != clock.Unix()-90 {
				t.Errorf("%s since %d s, want %d", f.Rule, clock.Unix()-f.Since, 90)
			}
		}
	}
	if found != 2 {
		t.Error(describe(s.report()))
	}
}

// A node that joins has pods of every DaemonSet before its kubelet runs them.
func TestMissingOnJoiningNode(t *testing.T) {
	joining := &corev1.Node{ObjectMeta: meta("", "node-1", func(m *metav1.ObjectMeta) { m.CreationTimestamp = ago(20) })}
	waits := of("DaemonSet", "agent", func(p *corev1.Pod) {
		p.CreationTimestamp, p.Status = ago(18), corev1.PodStatus{Phase: corev1.PodPending}
	})
	s := newScene(t, daemons(4, 3, 4), waits("agent-x"), joining)
	s.none()
	if r := s.after(90); len(r.Incidents) > 0 { // 110 s old
		t.Error(describe(r))
	}
	r := s.after(120)
	if len(r.Incidents) != 1 || r.Incidents[0].Root.Name != "node-1" || r.Incidents[0].Works != 1 {
		t.Error(describe(r))
	}
	// Once it is there its pods have the time that others have.
	there := node("node-1", corev1.ConditionTrue)
	there.Status.Conditions[0].LastTransitionTime = ago(0)
	s = newScene(t, daemons(4, 3, 4), waits("agent-x"), joining)
	s.none()
	s.put(there)
	if r := s.after(59); len(r.Incidents) > 0 {
		t.Error(describe(r))
	}
	if r := s.after(61); len(r.Incidents) != 1 || r.Incidents[0].Root.Name != "agent" {
		t.Error(describe(r))
	}
	// One whose kubelet has gone silent is lost, however new.
	gone := node("node-1", corev1.ConditionUnknown)
	gone.CreationTimestamp = ago(20)
	if i := newScene(t, daemons(4, 3, 4), waits("agent-x"), gone).one(); i.Root.Name != "node-1" || i.Works != 1 {
		t.Error(line(i))
	}
}

func TestUpdateHeld(t *testing.T) {
	s := newScene(t, daemons(4, 3, 1))
	is(t, s.one(), "warn | update held, 1 of 4 updated | ds/agent in shop | 1 of 4 unavailable, 1 may be | rollout-held")
	fresh := of("DaemonSet", "agent", func(p *corev1.Pod) { p.CreationTimestamp = ago(30) })("agent-x")
	newScene(t, daemons(4, 3, 1), fresh).none() // it goes on
}

// job returns a Job, of a CronJob if that has a name.
func job(name, cron string, change ...func(*batchv1.Job)) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: meta("shop", name), Spec: batchv1.JobSpec{BackoffLimit: ref(int32(3))}, Status: batchv1.JobStatus{StartTime: ref(ago(3600))}}
	if cron != "" {
		owned("batch/v1", "CronJob", cron)(&j.ObjectMeta)
	}
	for _, f := range change {
		f(j)
	}
	return j
}

func gaveUp(reason, message string) func(*batchv1.Job) {
	return func(j *batchv1.Job) {
		j.Status.Failed = 4
		j.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: reason, Message: message, LastTransitionTime: ago(1000)}}
	}
}

func exited(code int32, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status = corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{Name: "app", State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error", Message: message, FinishedAt: ago(1000)},
		}}}}
	}
}

func TestJobFailed(t *testing.T) {
	i := newScene(t, job("import", "", gaveUp("BackoffLimitExceeded", "too many")), of("Job", "import", exited(2, "no table"))("import-x")).one()
	is(t, i, "warn | failed | job/import in shop | v2 exits 2: no table, gave up after 4 failed pods | job-failed")
	if i.Actions[0].Do != triage.ShowLogs || i.Actions[len(i.Actions)-1].Do != triage.RunAgain {
		t.Error(i.Actions)
	}
	is(t, newScene(t, job("import", "", gaveUp("DeadlineExceeded", "x"))).one(), "warn | failed | job/import in shop | took longer than its deadline | job-failed")
	newScene(t, job("import", "", func(j *batchv1.Job) { j.Status.CompletionTime, j.Status.Succeeded = ref(ago(5)), 1 })).none()
}

func TestJobRetrying(t *testing.T) {
	retrying := job("import", "", func(j *batchv1.Job) { j.Status.Failed, j.Status.Active = 1, 1 })
	is(t, newScene(t, retrying, of("Job", "import", exited(2, ""))("import-x")).one(),
		"warn | tries again, 1 pod failed | job/import in shop | v2 exits 2, failed 1 of 4 times | job-retrying")
	newScene(t, retrying).none() // its pod was drained away
}

func cronJob(schedule string, last, success int64, change ...func(*batchv1.CronJob)) *batchv1.CronJob {
	c := &batchv1.CronJob{ObjectMeta: meta("shop", "report", func(m *metav1.ObjectMeta) { m.CreationTimestamp = ago(40 * 24 * 3600) }), Spec: batchv1.CronJobSpec{Schedule: schedule}}
	if last > 0 {
		c.Status.LastScheduleTime = ref(ago(last))
	}
	if success > 0 {
		c.Status.LastSuccessfulTime = ref(ago(success))
	}
	for _, f := range change {
		f(c)
	}
	return c
}

func TestCronJobFailed(t *testing.T) {
	failed := job("report-1", "report", gaveUp("BackoffLimitExceeded", "too many"))
	i := newScene(t, cronJob("@daily", 3600, 90000), failed).one()
	is(t, i, "warn | last run failed | cronjob/report in shop | gave up after 4 failed pods | last-run-failed job-failed")
	s := newScene(t, cronJob("@daily", 3600, 90000), failed)
	s.put(cronJob("@daily", 3600, 100)) // it has succeeded since
	s.none()
}

func TestCronJobMissed(t *testing.T) {
	late := cronJob("* * * * *", 600, 590)
	s := newScene(t, late)
	s.none() // its controller may be about to notice
	got := s.after(20)
	if len(got.Incidents) != 1 {
		t.Fatal(describe(got))
	}
	is(t, got.Incidents[0], "warn | missed its run | cronjob/report in shop | no job was made when it was due | missed-runs")
	is(t, newScene(t, cronJob("* * 32 * *", 0, 0)).one(),
		`warn | never runs | cronjob/report in shop | its schedule "* * 32 * *" cannot be read: end of range (32) above maximum (31): 32 | missed-runs`)
	is(t, newScene(t, cronJob("0 0 31 2 *", 0, 0)).one(), "warn | never runs | cronjob/report in shop | its schedule never comes | missed-runs")

	running := cronJob("* * * * *", 600, 590, func(c *batchv1.CronJob) {
		c.Spec.ConcurrencyPolicy, c.Status.Active = batchv1.ForbidConcurrent, []corev1.ObjectReference{{Name: "report-1"}}
	})
	for name, healthy := range map[string]*batchv1.CronJob{
		"just ran": cronJob("* * * * *", 30, 20), "waits for the run before": running,
		// A run at three at night, wherever that is.
		"in another zone": cronJob("0 3 * * *", 20*3600, 19*3600),
	} {
		s := newScene(t, healthy)
		s.report()
		if got := s.after(25); len(got.Incidents) != 0 {
			t.Errorf("%s: %s", name, describe(got))
		}
	}
}

// What was seen last gets no later while nothing more is seen.
func TestNothingIsLateWhileTheConnectionIsLost(t *testing.T) {
	s := newScene(t, cronJob("* * * * *", 30, 20))
	s.none()
	follow := func(p store.Phase) {
		for _, r := range triage.Reads() {
			s.engine.Read(r, store.Status{Phase: p, Since: clock})
		}
	}
	follow(store.Stale)
	for _, later := range []int{60, 600, 630} {
		if got := s.after(later); len(got.Incidents) != 0 {
			t.Fatalf("after %d s: %s", later, describe(got))
		}
	}
	if next := s.engine.Next(); !next.IsZero() {
		t.Errorf("there is nothing to wait for until %s", next)
	}
	follow(store.Live)
	if got := s.after(631); len(got.Incidents) != 0 { // what happened meanwhile is on its way
		t.Fatal(describe(got))
	}
	s.after(636)
	if got := s.after(660); len(got.Incidents) != 1 {
		t.Fatalf("it is late indeed: %s", describe(got))
	}
}

func TestCronJobSuspended(t *testing.T) {
	suspended := func(last int64) *batchv1.CronJob {
		return cronJob("@hourly", last, last, func(c *batchv1.CronJob) { c.Spec.Suspend = ref(true) })
	}
	i := newScene(t, suspended(3*24*3600)).one()
	is(t, i, "info | suspended and forgotten | cronjob/report in shop | suspended, has not run for more than 24h | cron-suspended")
	if i.Actions[0].Do != triage.Resume {
		t.Error(i.Actions)
	}
	newScene(t, suspended(7200)).none()
	newScene(t, suspended(0)).none() // a template
}

func TestPodsThatWaitOnADeadNode(t *testing.T) {
	waits := func(p *corev1.Pod) { p.Status = corev1.PodStatus{Phase: corev1.PodPending} }
	s := newScene(t, append(deployment("cart", 2, 1), broken("node-1", "", silent), pod("cart", "a", waits))...)
	if i := s.one(); i.Root.Name != "node-1" || i.Works != 1 {
		t.Error(line(i))
	}
}
