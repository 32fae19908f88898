//go:build e2e

package action

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube"
	"quarterdeck/kube/kubetest"
)

// podsOf returns the pods of a node by namespace and name, without those of
// DaemonSets.
func (s *cluster) podsOf(t *testing.T, node string) map[string]corev1.Pod {
	t.Helper()
	list, err := s.kube.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]corev1.Pod{}
	for _, p := range list.Items {
		if daemonSetOf(&p) == nil {
			found[p.Namespace+"/"+p.Name] = p
		}
	}
	return found
}

func (s *cluster) cordoned(t *testing.T, node string) bool {
	t.Helper()
	n, err := s.kube.CoreV1().Nodes().Get(t.Context(), node, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return n.Spec.Unschedulable
}

// busiest returns the node with most pods that all have a controller.
func (s *cluster) busiest(t *testing.T) (node string, there map[string]corev1.Pod) {
	t.Helper()
	list, err := s.kube.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{LabelSelector: "pool=std"})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range list.Items {
		on, bare := s.podsOf(t, n.Name), false
		for _, p := range on {
			bare = bare || metav1.GetControllerOf(&p) == nil
		}
		if !bare && len(on) > len(there) {
			node, there = n.Name, on
		}
	}
	return node, there
}

// planBusiest plans to drain the busiest node, once all pods of it are where they
// stay: rollouts and autoscalers are at work, and DaemonSets start their pods again.
func (s *cluster) planBusiest(t *testing.T) (node string, there map[string]corev1.Pod, plan DrainPlan) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("plan of %s with %d pods: %+v", node, len(there), plan)
		}
	}()
	kubetest.Eventually(t, "a plan without blocks that leaves every pod where it is, three of DaemonSets too", func(ctx context.Context) (ok bool, err error) {
		node, there = s.busiest(t)
		plan, err = s.admin.Drain(ctx, nodeRef(node), DrainOptions{DeleteEmptyDir: true, Timeout: 3 * time.Minute})
		if err != nil || plan.Count(PodGoes)+plan.Count(PodWaits) != len(there) || plan.Count(PodBlocks) > 0 || plan.Count(PodStays) < 3 {
			return false, err
		}
		now := s.podsOf(t, node)
		for name, p := range there {
			if now[name].UID != p.UID || now[name].DeletionTimestamp != nil {
				return false, nil
			}
		}
		return true, nil
	})
	if plan.Cordon == nil {
		t.Fatal("the node is cordoned already")
	}
	return node, there, plan
}

// testDrain drains a node whose pods are started again elsewhere.
func (s *cluster) testDrain(t *testing.T) {
	node, there, plan := s.planBusiest(t)
	if want := "kubectl drain " + node + " --ignore-daemonsets --delete-emptydir-data --timeout=3m0s"; plan.Kubectl != want {
		t.Errorf("kubectl: %s, want %s", plan.Kubectl, want)
	}
	if s.cordoned(t, node) {
		t.Error("the plan cordoned the node")
	}
	var whole []types.NamespacedName // what others left broken will not be whole elsewhere either
	for _, p := range there {
		rs := types.NamespacedName{Namespace: p.Namespace, Name: metav1.GetControllerOf(&p).Name}
		if ok, err := s.whole(t.Context(), rs); err == nil && ok {
			whole = append(whole, rs)
		}
	}
	if len(whole) == 0 {
		t.Fatalf("no ReplicaSet on %s is whole", node)
	}
	last := map[string]PodState{}
	if err := plan.Run(t.Context(), func(p PodProgress) { last[p.Pod.Namespace+"/"+p.Pod.Name] = p.State }); err != nil {
		t.Fatal(err)
	}
	left := s.podsOf(t, node)
	for name, p := range there {
		if state, told := last[name]; left[name].UID == p.UID || told && state != PodGone {
			t.Errorf("%s is %s", name, last[name])
		}
	}
	for _, rs := range whole {
		defer func() {
			if t.Failed() {
				s.tellOf(t, rs)
			}
		}()
		kubetest.Eventually(t, rs.Name+" to be whole elsewhere", func(ctx context.Context) (bool, error) {
			ok, err := s.whole(ctx, rs)
			if apierrors.IsNotFound(err) { // a rollout has replaced it, and only so many old ones are kept
				return true, nil
			}
			return ok, err
		})
	}
	if !s.cordoned(t, node) {
		t.Error("not cordoned")
	}
	s.made(t)(s.admin.Undo(t.Context(), *plan.Cordon))
	if s.cordoned(t, node) {
		t.Error("still cordoned after undo")
	}
}

// whole reports whether all pods of a ReplicaSet are available.
func (s *cluster) whole(ctx context.Context, name types.NamespacedName) (bool, error) {
	rs, err := s.kube.AppsV1().ReplicaSets(name.Namespace).Get(ctx, name.Name, metav1.GetOptions{})
	return err == nil && rs.Status.AvailableReplicas >= *rs.Spec.Replicas, err
}

// tellOf logs how the pods of an owner stand.
func (s *cluster) tellOf(t *testing.T, owner types.NamespacedName) {
	pods, err := s.kube.CoreV1().Pods(owner.Namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Log(err)
		return
	}
	for _, p := range pods.Items {
		if o := metav1.GetControllerOf(&p); o != nil && o.Name == owner.Name {
			t.Logf("%s on %q is %s, deleted %v: %+v %+v", p.Name, p.Spec.NodeName, p.Status.Phase, p.DeletionTimestamp, p.Status.InitContainerStatuses, p.Status.ContainerStatuses)
		}
	}
}

// siteNode is where the tests put pods of their own: they drain no others.
const siteNode = "std-b-01"

func (s *cluster) podThere(t *testing.T, name string, edit func(*corev1.Pod)) kube.Ref {
	t.Helper()
	return s.newPod(t, name, siteNode, func(p *corev1.Pod) {
		p.Labels["drain"] = "test"
		if edit != nil {
			edit(p)
		}
	})
}

func (s *cluster) planThere(t *testing.T, o DrainOptions) DrainPlan {
	t.Helper()
	o.PodSelector = "drain=test"
	plan, err := s.admin.Drain(t.Context(), nodeRef(siteNode), o)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func (s *cluster) dropBudget(t *testing.T, name string) {
	t.Helper()
	if err := s.kube.PolicyV1().PodDisruptionBudgets("web").Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

func (s *cluster) testDrainRefused(t *testing.T) {
	pods := []kube.Ref{s.podThere(t, "loose", nil), s.podThere(t, "scratch", func(p *corev1.Pod) {
		p.Spec.Volumes = []corev1.Volume{{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	})}
	plan := s.planThere(t, DrainOptions{})
	var got []string
	for _, p := range plan.Pods {
		got = append(got, p.Ref.Name+" "+p.Fate.String()+": "+p.Why)
	}
	const bare = "no controller would start it again (force lets it go)"
	if want := []string{"loose blocks: " + bare, "scratch blocks: would lose what is in emptyDir scratch; " + bare}; !slices.Equal(got, want) {
		t.Errorf("plan %q, want %q", got, want)
	}
	err := plan.Run(t.Context(), func(p PodProgress) { t.Errorf("told of %v", p) })
	if !says(err, "2 pods cannot go, such as pod/loose in web: "+bare+"; nothing was changed") || s.cordoned(t, siteNode) {
		t.Errorf("it began nevertheless: %v", err)
	}
	if _, err := s.admin.Drain(t.Context(), nodeRef(siteNode), DrainOptions{PodSelector: "a in"}); !says(err, `"a in" selects no pods`) {
		t.Errorf("an odd selector: %v", err)
	}
	for _, p := range pods {
		s.made(t)(s.admin.Delete(t.Context(), p, DeleteOptions{}))
		s.goneSoon(t, p)
	}
}

// testDrainCancelled cancels a drain while a pod waits for its budget.
func (s *cluster) testDrainCancelled(t *testing.T) {
	loose, guarded := s.podThere(t, "loose", nil), s.podThere(t, "guarded", nil)
	s.newBudget(t, "web", "guarded", "guarded", 1)
	plan := s.planThere(t, DrainOptions{Force: true})
	if plan.Count(PodWaits) != 1 || plan.Pods[0].Ref.Name != "guarded" || !strings.Contains(plan.Pods[0].Why, "disruption budget guarded needs 1 healthy pods") {
		t.Errorf("plan: %+v", plan.Pods)
	}
	if got := inWords(plan.Notes); !slices.Contains(got, "2 pdb/guarded in web allows no disruption even while all its pods are healthy: its 1 pod here would wait for ever") {
		t.Errorf("notes: %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	waits := false
	err := plan.Run(ctx, func(p PodProgress) {
		waits = waits || p.State == PodWaiting && strings.Contains(p.Why, "disruption budget guarded")
		if waits && p.Gone == 1 {
			cancel()
		}
	})
	if !errors.As(err, new(*Undrained)) || !errors.Is(err, context.Canceled) ||
		!says(err, "node/std-b-01 is not drained: it was cancelled; 1 of 2 pods gone, 0 terminating, 1 still there; the node stays cordoned") {
		t.Errorf("cancelled: %v", err)
	}
	if now := s.podsOf(t, siteNode); !s.cordoned(t, siteNode) || now["web/guarded"].UID != guarded.UID || now["web/loose"].UID == loose.UID {
		t.Errorf("after the cancel: %v", now)
	}
	s.dropBudget(t, "guarded")
	s.made(t)(s.admin.Delete(t.Context(), guarded, DeleteOptions{}))
	s.goneSoon(t, guarded)
}

// testDrainWaits drains a node that is cordoned already, of a pod whose budget
// allows it only after a while.
func (s *cluster) testDrainWaits(t *testing.T) {
	guarded := s.podThere(t, "guarded", nil)
	s.newBudget(t, "web", "guarded", "guarded", 1)
	plan := s.planThere(t, DrainOptions{Force: true})
	if plan.Cordon != nil {
		t.Error("it would cordon again")
	}
	freed := false
	if err := plan.Run(t.Context(), func(p PodProgress) {
		if p.State == PodWaiting && !freed {
			freed = true
			s.dropBudget(t, "guarded")
		}
	}); err != nil || !freed {
		t.Errorf("once the budget is gone: %v", err)
	}
	if now := s.podsOf(t, siteNode); now["web/guarded"].UID == guarded.UID {
		t.Error("the pod is still there")
	}
	s.made(t)(s.admin.Uncordon(t.Context(), nodeRef(siteNode)))
}

// testDrainDeletes drains past a budget.
func (s *cluster) testDrainDeletes(t *testing.T) {
	guarded := s.podThere(t, "guarded", nil)
	s.newBudget(t, "web", "guarded", "guarded", 1)
	plan := s.planThere(t, DrainOptions{Force: true, DisableEviction: true, Timeout: kubetest.Patience})
	if plan.Count(PodGoes) != 1 {
		t.Errorf("plan: %+v", plan.Pods)
	}
	if err := plan.Run(t.Context(), func(PodProgress) {}); err != nil {
		t.Error(err)
	}
	if now := s.podsOf(t, siteNode); now["web/guarded"].UID == guarded.UID {
		t.Error("the pod is still there")
	}
	s.dropBudget(t, "guarded")
	s.made(t)(s.admin.Undo(t.Context(), *plan.Cordon))
}

func (s *cluster) testDrainForbidden(t *testing.T) {
	_, err := s.dev.Drain(t.Context(), nodeRef(siteNode), DrainOptions{})
	if !apierrors.IsForbidden(err) || !says(err, `node/std-b-01: nodes "std-b-01" is forbidden: User "payments-dev" cannot get resource "nodes"`) {
		t.Errorf("drain as payments-dev: %v", err)
	}

	// Who may read all of it sees the plan, with what is forbidden in it.
	there := s.podThere(t, "seen", nil)
	defer func() { s.made(t)(s.admin.Delete(t.Context(), there, DeleteOptions{})) }()
	plan, err := s.user(t, "viewer").Drain(t.Context(), nodeRef(siteNode), DrainOptions{DeleteEmptyDir: true, Force: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := inWords(plan.Notes); !slices.ContainsFunc(got, func(n string) bool {
		return strings.HasPrefix(n, "2 ") && strings.Contains(n, `cannot patch resource "nodes"`)
	}) {
		t.Errorf("notes: %q", got)
	}
	if plan.Count(PodGoes) > 0 || plan.Count(PodBlocks) == 0 || !strings.Contains(plan.Pods[0].Why, `cannot create resource "pods/eviction"`) {
		t.Errorf("plan: %+v", plan.Pods)
	}
	if err := plan.Run(t.Context(), func(PodProgress) {}); !says(err, "nothing was changed") || s.cordoned(t, siteNode) {
		t.Errorf("it began nevertheless: %v", err)
	}
}

// testDrainUnanswered kills the API server while a drain is under way.
func (s *cluster) testDrainUnanswered(t *testing.T) {
	order := func(order string) {
		cmd := exec.CommandContext(t.Context(), os.Getenv("QD_PLAYGROUND"), order+"-part", "kube-apiserver", "--dir", filepath.Dir(s.kubeconfig)) // the tester's own program
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s the API server: %v: %s", order, err, out)
		}
	}
	guarded := s.podThere(t, "guarded", nil)
	s.newBudget(t, "web", "guarded", "guarded", 1)
	plan := s.planThere(t, DrainOptions{Force: true, Timeout: kubetest.Patience})
	var steps sync.WaitGroup
	stage := 0
	err := plan.Run(t.Context(), func(p PodProgress) {
		budget := strings.Contains(p.Why, "disruption budget guarded")
		switch {
		case stage == 0 && p.State == PodWaiting && budget:
			stage = 1
			steps.Go(func() { order("stop") })
		case stage == 1 && p.State == PodWaiting && strings.HasPrefix(p.Why, "no answer from the server: "):
			stage = 2
			steps.Go(func() { order("start") })
		case stage == 2 && p.State == PodWaiting && budget:
			stage = 3
			steps.Go(func() { s.dropBudget(t, "guarded") })
		}
	})
	steps.Wait()
	if now := s.podsOf(t, siteNode); err != nil || stage != 3 || now["web/guarded"].UID == guarded.UID {
		t.Errorf("at stage %d: %v; %d pods there", stage, err, len(now))
	}
}
