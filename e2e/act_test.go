//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/util/retry"

	"quarterdeck/kube/kubetest"
	"quarterdeck/ui/uitest"
)

// in are the arguments for a kind in the namespace of these scenarios.
func in(kind string) []string { return []string{kind, "-n", "acting"} }

// acting changes workloads.
func acting() []scenario {
	return []scenario{
		{
			name: "scale a deployment and take it back", cluster: workshop, args: in("deployments"),
			run: func(t *terminal) {
				t.deploy("scaled", 2)
				t.Live().Select("scaled", "2/2").Press("s").Sees("replicas of deploy/scaled (now 2)").
					Press("4").Sees("2 → 4: 2 more pods").Press(uitest.Enter)
				t.Sees("scale deploy/scaled?", "replicas 2 → 4", "the server would accept it", "what if  all 2 pods fit", "kubectl --context playground -n acting scale deployments/scaled --replicas=4")
				t.Press(uitest.Enter).Footer("enter does not say yes")
				t.wantReplicas("scaled", 2)
				t.Press("y").Footer("done: deploy/scaled: replicas 2 → 4, u undoes it").wantReplicas("scaled", 4)
				t.Press("u").Sees("undo scale of deploy/scaled?", "the server would accept it").Press("y").Footer("done: deploy/scaled: undo")
				t.wantReplicas("scaled", 2)
				t.Press(":", "journal", uitest.Enter).Live().Row("scale", "deploy/scaled", "replicas 2 → 4", "undone")
			},
		},
		{
			name: "an undo stops where somebody else went on", cluster: workshop, args: in("deployments"),
			run: func(t *terminal) {
				t.deploy("contested", 1)
				t.Live().Select("contested").Press("s").Sees("(now 1)").Press("+1", uitest.Enter).Sees("y scale").Press("y").Footer("u undoes it")
				t.setReplicas("contested", 3)
				t.Press("u").Sees("spec.replicas is 3 now, not 2", "nothing that the server would take").Press("y", uitest.Esc)
				t.wantReplicas("contested", 3)
			},
		},
		{
			name: "restart, pause and resume, and another image", cluster: workshop, args: in("deployments"),
			run: func(t *terminal) {
				t.deploy("rolled", 1)
				t.Live().Select("rolled", "1/1").Press("r").Sees("restart deploy/rolled?", "restart 1 pod", "y restart").Press("y").Footer("done: deploy/rolled")
				if t.deployment("rolled").Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] == "" {
					t.Error("it was not restarted")
				}
				t.Press("z").Footer("done: deploy/rolled: pause").Row("rolled", "paused")
				if !t.deployment("rolled").Spec.Paused {
					t.Error("it is not paused")
				}
				t.Press("z").Footer("done: deploy/rolled: resume")
				if t.deployment("rolled").Spec.Paused {
					t.Error("it is paused")
				}
				t.Press("i").Sees("container›", "app").Press(uitest.Enter).Sees("image of app›").
					Press("registry.example.com/web:v2", uitest.Enter).Sees("set image deploy/rolled?", "y set image").Press("y").Footer("done: deploy/rolled")
				t.wantImage("rolled", "registry.example.com/web:v2")
				t.Press("i").Sees("container›", "app").Press(uitest.Enter).Sees("registry.example.com/web:v1", "in its history").
					Press("v1", uitest.Enter).Sees("y set image").Press("y").Footer("done: deploy/rolled")
				t.wantImage("rolled", "registry.example.com/web:v1")
				t.Press("u").Sees("y undo").Press("y").Footer("done: deploy/rolled: undo")
				t.wantImage("rolled", "registry.example.com/web:v2")
			},
		},
		{
			name: "trigger and suspend a cronjob, run its job again", cluster: workshop, args: in("cronjobs"),
			run: func(t *terminal) {
				t.workspace("acting")
				_, err := t.api.BatchV1().CronJobs("acting").Create(t.Context(), &batchv1.CronJob{
					ObjectMeta: metav1.ObjectMeta{Name: "yearly"},
					Spec: batchv1.CronJobSpec{Schedule: "@yearly", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{
						Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: box("job:v1")}},
					}}},
				}, metav1.CreateOptions{})
				t.must(err)
				t.Live().Select("yearly").Press("t").Sees("trigger cronjob/yearly?", "create job yearly-manual-", "y trigger").Press("y").Footer("done: cronjob/yearly", "job yearly-manual-")
				t.wantJobs(1)
				t.Press("z").Footer("done: cronjob/yearly: suspend, u undoes it")
				t.wantSuspended("yearly", true)
				t.Press("u").Sees("y undo").Press("y").Footer("done: cronjob/yearly: undo")
				t.wantSuspended("yearly", false)
				t.Press(":", "jobs", uitest.Enter).Header("  jobs").Live().Select("yearly-manual-").Press("t").Sees("run again job/yearly-manual-", "-rerun-", "y run again").Press("y").Footer("done: job/yearly-manual-")
				t.wantJobs(2)
			},
		},
	}
}

// tending deletes, evicts, cordons and labels, and is told what keeps it from that.
func tending() []scenario {
	return []scenario{
		{
			name: "delete with options, many at once, and a namespace by its name", cluster: workshop, args: in("pods"),
			run: func(t *terminal) {
				for _, name := range []string{"gone-a", "gone-b", "gone-c", "stays"} {
					t.create(name, "box:v1", nil)
				}
				t.Live().Press("/", "gone-", uitest.Enter).Rows("gone-a", "gone-b", "gone-c").Select("gone-a").Press(uitest.Space, uitest.Down, uitest.Space, "/", uitest.Ctrl('u'), "gone-b", uitest.Enter).Rows("●gone-b")
				t.Press(uitest.Ctrl('d')).Sees("delete 2 pods?", "1 of them", "hidden by the filter", "y delete").Press(uitest.Tab, uitest.Right).
					Sees("force ‹yes›", "delete by force", "y delete").Press("y").Footer("done: delete 2 pods")
				t.wantPods("gone-c", "stays")
				t.workspace("doomed")
				t.Press(":", "namespaces", uitest.Enter).Header("namespaces").Live().Press("/", "doomed", uitest.Enter).Rows("doomed").Select("doomed").Press(uitest.Ctrl('d')).Sees("type doomed, the name of the object")
				t.Press("dooned", uitest.Ctrl('y')).Footer(`"dooned" is not doomed`)
				if t.namespace("doomed").DeletionTimestamp != nil {
					t.Error("the namespace goes although another name was typed")
				}
				t.Press(uitest.Ctrl('u'), "doomed").Sees("ctrl+y delete").Press(uitest.Ctrl('y')).Footer("done: ns/doomed: delete")
				t.eventually(func() bool {
					ns, err := t.api.CoreV1().Namespaces().Get(t.Context(), "doomed", metav1.GetOptions{})
					return apierrors.IsNotFound(err) || err == nil && ns.DeletionTimestamp != nil
				}, func() string { return "the namespace is still there" })
			},
		},
		{
			name: "delete a deployment and leave its pods", cluster: workshop, args: in("deployments"),
			run: func(t *terminal) {
				t.deploy("orphans", 1)
				t.Live().Select("orphans", "1/1").Press(uitest.Ctrl('d')).Sees("delete deploy/orphans?", "what it owns ‹goes after it›", "y delete").
					Press(uitest.Left).Sees("‹stays›", "leave what it owns", "y delete").Press("y").Footer("done: deploy/orphans").Misses("rolling")
				t.eventually(func() bool {
					_, err := t.api.AppsV1().Deployments("acting").Get(t.Context(), "orphans", metav1.GetOptions{})
					return apierrors.IsNotFound(err)
				}, func() string { return "the deployment is still there" })
				sets, err := t.api.AppsV1().ReplicaSets("acting").List(t.Context(), metav1.ListOptions{LabelSelector: "app=orphans"})
				t.must(err)
				if len(sets.Items) != 1 || len(sets.Items[0].OwnerReferences) > 0 {
					t.Errorf("%d replicasets are left: %v", len(sets.Items), sets.Items)
				}
			},
		},
		{
			name: "evict pods as far as their disruption budget allows", cluster: workshop, args: in("pods"),
			run: func(t *terminal) {
				guarded := map[string]string{"app": "guarded"}
				held, free := t.pod("held", "box:v1", guarded), t.pod("free", "box:v1", nil)
				_, err := t.api.PolicyV1().PodDisruptionBudgets("acting").Create(t.Context(), &policyv1.PodDisruptionBudget{
					ObjectMeta: metav1.ObjectMeta{Name: "guarded"},
					Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: new(intstr.FromInt32(1)), Selector: &metav1.LabelSelector{MatchLabels: guarded}},
				}, metav1.CreateOptions{})
				t.must(err)
				t.eventually(func() bool {
					pdb, err := t.api.PolicyV1().PodDisruptionBudgets("acting").Get(t.Context(), "guarded", metav1.GetOptions{})
					return err == nil && pdb.Status.ObservedGeneration > 0 && pdb.Status.DesiredHealthy == 1
				}, func() string { return "nobody has looked at the budget" })
				t.Live().Select("held").menu("evict").Sees("evict pod/held?", "refused: ", "blocked", "pdb/guarded allows no disruption", "nothing that the server would take")
				t.Press("y", uitest.Esc).Misses("esc cancel")
				t.Select("free").Press(uitest.Space).Select("held").Press(uitest.Space).menu("evict").Sees("evict 2 pods?", "the server would accept it", "y evict").
					Press("y").Footer("evict 2 pods: 1 done, 1 left out")
				t.eventually(func() bool {
					p, err := t.api.CoreV1().Pods("acting").Get(t.Context(), "free", metav1.GetOptions{})
					return apierrors.IsNotFound(err) || err == nil && (p.UID != free.UID || p.DeletionTimestamp != nil)
				}, func() string { return "the pod is still there" })
				p, err := t.api.CoreV1().Pods("acting").Get(t.Context(), "held", metav1.GetOptions{})
				if err != nil || p.UID != held.UID || p.DeletionTimestamp != nil {
					t.Errorf("the pod that is held by its budget: %v, %v", p, err)
				}
			},
		},
		{
			name: "cordon, taint and label a node", cluster: workshop, args: []string{"nodes"},
			run: func(t *terminal) {
				name, _ := t.nodeWith("")
				t.Live().Select(name).Press("C").Footer("done: node/"+name+": no new pods are placed here, u undoes it").Row(name, "cordoned")
				if !t.unschedulable(name) {
					t.Error("the node is not cordoned")
				}
				t.keepsAway(name, true)
				t.Press("C").Footer("pods are placed here again")
				if t.unschedulable(name) {
					t.Error("the node is cordoned")
				}
				t.keepsAway(name, false) // or the taints change while they are asked about
				t.menu("taint").Sees("taints of node/").Press("acting", uitest.Enter).Footer("says no effect").
					Press("=yes:NoSchedule", uitest.Enter).Sees("taint node/"+name+"?", "y taint").Press("y").Footer("done: node/" + name)
				if !t.tainted(name) {
					t.Error("the node has no such taint")
				}
				t.Press("u").Sees("y undo").Press("y").Footer("done: node/" + name + ": undo")
				if t.tainted(name) {
					t.Error("the node has the taint")
				}
				t.menu("label").Sees("labels of node/").Press("acting=yes", uitest.Enter).Footer("done: node/"+name, "acting=yes")
				t.wantLabel(name, "yes")
				t.menu("label").Sees("labels of node/").Press("acting-", uitest.Enter).Footer("done: node/"+name, "labels -acting")
				t.wantLabel(name, "")
			},
		},
		{
			name: "annotate anything, and free what its finalizer holds", cluster: workshop, args: in("configmaps"),
			run: func(t *terminal) {
				t.workspace("acting")
				maps := t.api.CoreV1().ConfigMaps("acting")
				_, err := maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "stuck", Finalizers: []string{"example.com/hold"}}}, metav1.CreateOptions{})
				t.must(err)
				t.Live().Select("stuck").menu("annotate").Press(`example.com/why="two words"`, uitest.Enter).Footer("done: cm/stuck")
				m, err := maps.Get(t.Context(), "stuck", metav1.GetOptions{})
				t.must(err)
				if m.Annotations["example.com/why"] != "two words" {
					t.Errorf("annotations %v", m.Annotations)
				}
				t.must(maps.Delete(t.Context(), "stuck", metav1.DeleteOptions{}))
				t.menu("remove finalizer").Sees("finalizer of cm/stuck›", "example.com/hold").Press(uitest.Enter).Sees("type stuck, the name of the object").
					Press("stuck").Sees("ctrl+y remove finalizer").Press(uitest.Ctrl('y')).Footer("done: cm/stuck")
				t.eventually(func() bool {
					_, err := maps.Get(t.Context(), "stuck", metav1.GetOptions{})
					return apierrors.IsNotFound(err)
				}, func() string { return "it is still there" })
			},
		},
		{
			name: "a quota that will keep pods from starting is told of before", cluster: workshop, args: []string{"deployments", "-n", "narrow"},
			run: func(t *terminal) {
				t.workspace("narrow")
				_, err := t.api.CoreV1().ResourceQuotas("narrow").Create(t.Context(), &corev1.ResourceQuota{
					ObjectMeta: metav1.ObjectMeta{Name: "few"},
					Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("2")}},
				}, metav1.CreateOptions{})
				t.must(err)
				t.counted("narrow", "few")
				t.deployIn("narrow", "squeezed", 1)
				t.Live().Select("squeezed", "1/1").Press("s").Sees("(now 1)").Press("5", uitest.Enter).
					Sees("blocked", "quota/few has room for 1 of 4 more pods").Press(uitest.Esc)
				d, err := t.api.AppsV1().Deployments("narrow").Get(t.Context(), "squeezed", metav1.GetOptions{})
				t.must(err)
				if *d.Spec.Replicas != 1 {
					t.Errorf("%d replicas after esc", *d.Spec.Replicas)
				}
			},
		},
		{
			name: "what goes while it is asked about is left alone", cluster: workshop, args: in("deployments"),
			run: func(t *terminal) {
				t.deploy("fleeting", 1)
				t.Live().Select("fleeting", "1/1").Press("r").Sees("y restart")
				t.must(t.api.AppsV1().Deployments("acting").Delete(t.Context(), "fleeting", metav1.DeleteOptions{}))
				t.eventually(func() bool {
					_, err := t.api.AppsV1().Deployments("acting").Get(t.Context(), "fleeting", metav1.GetOptions{})
					return apierrors.IsNotFound(err)
				}, func() string { return "the deployment is still there" })
				again := t.deploy("fleeting", 1)
				t.Press("y").Footer("not done: ", "it was deleted and another")
				if now := t.deployment("fleeting"); now.UID != again.UID || len(now.Spec.Template.Annotations) > 0 {
					t.Errorf("the later one was changed: %v", now.Spec.Template.Annotations)
				}
			},
		},
		{
			name: "read-only mode comes and goes", cluster: workshop, args: in("deployments"),
			run: func(t *terminal) {
				t.deploy("switched", 1)
				t.Live().Select("switched", "1/1").Press("!").Header(" RO ").Footer("read-only: nothing is changed in playground")
				t.Press("z").Footer("read-only: switched on with !").Press("s").Footer("read-only: switched on with !")
				t.Press("!").Sees("allow changes in playground?").Press(uitest.Enter).Footer("enter does not say yes").Press(uitest.Esc).Header(" RO ")
				if t.deployment("switched").Spec.Paused {
					t.Error("it was paused in read-only mode")
				}
				t.Press("!").Sees("y allow changes").Press("y").Footer("changes in playground are allowed").Press("z").Footer("done: deploy/switched: pause")
				if !t.deployment("switched").Spec.Paused {
					t.Error("it is not paused")
				}
			},
		},
	}
}

// menu chooses an action in the menu.
func (t *terminal) menu(title string) *terminal {
	t.Helper()
	return t.Press("a").Sees("actions›").Press(title).Sees("actions› " + title).Press(uitest.Enter).Misses("actions›")
}

func (t *terminal) node(name string) *corev1.Node {
	t.Helper()
	n, err := t.api.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
	t.must(err)
	return n
}

// tainted reports whether a node has the taint of these scenarios.
func (t *terminal) tainted(name string) bool {
	t.Helper()
	return slices.ContainsFunc(t.node(name).Spec.Taints, func(x corev1.Taint) bool { return x.Key == "acting" })
}

// keepsAway waits until the node controller has followed a node's cordon with the
// taint for it, or taken that away.
func (t *terminal) keepsAway(node string, want bool) {
	t.Helper()
	t.eventually(func() bool {
		return want == slices.ContainsFunc(t.node(node).Spec.Taints, func(x corev1.Taint) bool { return x.Key == corev1.TaintNodeUnschedulable })
	}, func() string {
		return fmt.Sprintf("the taint of node %s that is cordoned %t does not follow", node, want)
	})
}

// counted waits until a quota was counted: a pod that is made before may be left
// out for minutes.
func (t *terminal) counted(namespace, quota string) {
	t.Helper()
	t.eventually(func() bool {
		q, err := t.api.CoreV1().ResourceQuotas(namespace).Get(t.Context(), quota, metav1.GetOptions{})
		return err == nil && len(q.Status.Used) > 0
	}, func() string { return "quota/" + quota + " is not counted" })
}

// wantLabel checks the label of these scenarios on a node, "" for none.
func (t *terminal) wantLabel(name, want string) {
	t.Helper()
	if got := t.node(name).Labels["acting"]; got != want {
		t.Fatalf("label %q, want %q", got, want)
	}
}

func (t *terminal) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// workspace makes a namespace, if it is not there.
func (t *terminal) workspace(name string) {
	t.Helper()
	_, err := t.api.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	kubetest.ReadyForPods(t, t.api, name)
}

func (t *terminal) namespace(name string) *corev1.Namespace {
	t.Helper()
	ns, err := t.api.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{})
	t.must(err)
	return ns
}

// box is one container of an image.
func box(image string) []corev1.Container {
	return []corev1.Container{{Name: "app", Image: "registry.example.com/" + image, Ports: []corev1.ContainerPort{{ContainerPort: 8080}}}}
}

// deploy makes a Deployment and waits until its pods are ready.
func (t *terminal) deploy(name string, replicas int32) *appsv1.Deployment {
	t.Helper()
	t.workspace("acting")
	return t.deployIn("acting", name, replicas)
}

func (t *terminal) deployIn(namespace, name string, replicas int32) *appsv1.Deployment {
	t.Helper()
	labels := map[string]string{"app": name}
	deployments := t.api.AppsV1().Deployments(namespace)
	made, err := deployments.Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: box("web:v1")}},
		},
	}, metav1.CreateOptions{})
	t.must(err)
	t.eventually(func() bool {
		d, err := deployments.Get(t.Context(), name, metav1.GetOptions{})
		return err == nil && d.Status.ReadyReplicas == replicas
	}, func() string { return "deploy/" + name + " is not ready" })
	return made
}

func (t *terminal) deployment(name string) *appsv1.Deployment {
	t.Helper()
	d, err := t.api.AppsV1().Deployments("acting").Get(t.Context(), name, metav1.GetOptions{})
	t.must(err)
	return d
}

func (t *terminal) wantReplicas(name string, want int32) {
	t.Helper()
	if got := *t.deployment(name).Spec.Replicas; got != want {
		t.Fatalf("%d replicas of %s, want %d", got, name, want)
	}
}

func (t *terminal) setReplicas(name string, n int32) {
	t.Helper()
	t.must(retry.RetryOnConflict(retry.DefaultRetry, func() error { // its controller writes too
		scale, err := t.api.AppsV1().Deployments("acting").GetScale(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		scale.Spec.Replicas = n
		_, err = t.api.AppsV1().Deployments("acting").UpdateScale(t.Context(), name, scale, metav1.UpdateOptions{})
		return err
	}))
}

func (t *terminal) wantImage(name, want string) {
	t.Helper()
	if got := t.deployment(name).Spec.Template.Spec.Containers[0].Image; got != want {
		t.Fatalf("image %s, want %s", got, want)
	}
}

func (t *terminal) wantJobs(want int) {
	t.Helper()
	jobs, err := t.api.BatchV1().Jobs("acting").List(t.Context(), metav1.ListOptions{})
	t.must(err)
	if len(jobs.Items) != want {
		t.Fatalf("%d jobs, want %d", len(jobs.Items), want)
	}
}

func (t *terminal) wantSuspended(name string, want bool) {
	t.Helper()
	c, err := t.api.BatchV1().CronJobs("acting").Get(t.Context(), name, metav1.GetOptions{})
	t.must(err)
	if *c.Spec.Suspend != want {
		t.Fatalf("suspended %t, want %t", *c.Spec.Suspend, want)
	}
}

// create makes a pod that nothing owns.
func (t *terminal) create(name, image string, labels map[string]string) *corev1.Pod {
	t.Helper()
	t.workspace("acting")
	made, err := t.api.CoreV1().Pods("acting").Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec:       corev1.PodSpec{Containers: box(image), TerminationGracePeriodSeconds: new(int64(1))},
	}, metav1.CreateOptions{})
	t.must(err)
	// Drains want nodes without such pods. It may be gone, and the server with it.
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = t.api.CoreV1().Pods("acting").Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0)), Preconditions: &metav1.Preconditions{UID: &made.UID}})
	})
	return made
}

// pod is create of a pod that is ready then.
func (t *terminal) pod(name, image string, labels map[string]string) *corev1.Pod {
	t.Helper()
	made := t.create(name, image, labels)
	t.eventually(func() bool {
		p, err := t.api.CoreV1().Pods("acting").Get(t.Context(), name, metav1.GetOptions{})
		return err == nil && slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
	}, func() string { return "pod " + name + " is not ready" })
	return made
}

// wantPods waits until these are the pods without an owner.
func (t *terminal) wantPods(want ...string) {
	t.Helper()
	var names []string
	t.eventually(func() bool {
		list, err := t.api.CoreV1().Pods("acting").List(t.Context(), metav1.ListOptions{})
		t.must(err)
		names = nil
		for _, p := range list.Items {
			if len(p.OwnerReferences) == 0 && (strings.HasPrefix(p.Name, "gone-") || p.Name == "stays") {
				names = append(names, p.Name)
			}
		}
		return slices.Equal(names, want)
	}, func() string { return fmt.Sprintf("the pods are %q, and should be %q", names, want) })
}
