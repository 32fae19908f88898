package views

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/guard"
)

// drainSite are two nodes with pods. What evicts and cordons there is answered
// as a test wants it.
type drainSite struct {
	server *apitest.Server

	mu       sync.Mutex
	refuse   map[string]*apitest.Answer // to evictions, by pod
	keep     map[string]bool            // pods that take their time to go
	cordoned map[string]bool            // nodes, by what was really asked
	evicted  []string
	deletes  int // of pods; the first is a dry run, which only its body says
}

func (s *drainSite) node(name string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), CreationTimestamp: metav1.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)},
		Spec:       corev1.NodeSpec{Unschedulable: s.cordoned[name]},
		Status:     corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}},
	}
}

// drainPodOn is a pod; one called daemon belongs to a DaemonSet, one called bare
// to nothing, and one called cache has an emptyDir.
func drainPodOn(node, name string) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "web", Name: name, UID: types.UID("pod-" + name), Labels: map[string]string{"app": "web"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web", UID: "rs", Controller: new(true)}},
		},
		Spec: corev1.PodSpec{NodeName: node},
	}
	switch kind, _, _ := strings.Cut(name, "-"); kind {
	case "daemon":
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "agent", UID: "ds", Controller: new(true)}}
	case "bare":
		p.OwnerReferences = nil
	case "cache":
		p.Spec.Volumes = []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	}
	return p
}

const drainDone = `{"kind":"Status","apiVersion":"v1","status":"Success"}`

func (s *drainSite) answer(r apitest.Request) *apitest.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := r.Query.Get("dryRun") == ""
	name, eviction := strings.CutSuffix(r.Name, "/eviction")
	switch {
	case r.Verb == "PATCH" && r.GVR.Resource == "nodes":
		if kept {
			s.cordoned[name] = !s.cordoned[name]
			s.server.Put(s.node(name))
		}
	case r.Verb == "POST" && eviction, r.Verb == "DELETE" && r.GVR.Resource == "pods":
		if !eviction {
			s.deletes++
			kept = s.deletes > 1
		}
		if a := s.refuse[name]; a != nil && eviction {
			return a
		}
		if kept {
			s.evicted = append(s.evicted, name)
			if !s.keep[name] {
				s.server.Delete(drainPodOn("", name))
			}
		}
	default:
		return nil
	}
	return &apitest.Answer{Body: drainDone, ContentType: "application/json"}
}

func (s *drainSite) set(name string, a *apitest.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse[name] = a
}

// gone returns the pods that were evicted, in this order.
func (s *drainSite) gone() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.evicted, " ")
}

func (s *drainSite) isCordoned(node string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cordoned[node]
}

// draining opens the nodes. Pods are on node-a but for those named after another
// node: "node-b/web-9".
func draining(t *testing.T, change func(*settings), f func(b *bench, s *drainSite), pods ...string) {
	t.Helper()
	site := &drainSite{refuse: map[string]*apitest.Answer{}, keep: map[string]bool{}, cordoned: map[string]bool{}}
	pipe(t, func(set *settings) {
		set.empty, set.start, set.answer, set.context = true, "nodes", site.answer, "staging"
		set.prepare = func(s *apitest.Server) {
			site.server = s
			s.Put(site.node("node-a"), site.node("node-b"))
			agent := `{"kind":"DaemonSet","apiVersion":"apps/v1","metadata":{"name":"agent","namespace":"web"}}`
			s.Serve("/apis/apps/v1/namespaces/web/daemonsets/agent", agent)
			for _, name := range pods {
				node, pod, ok := strings.Cut(name, "/")
				if !ok {
					node, pod = "node-a", name
				}
				s.Put(drainPodOn(node, pod))
			}
		}
		if change != nil {
			change(set)
		}
	}, func(b *bench) { f(b, site) })
}

func overBudget(name string) *apitest.Answer {
	err := apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0)
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{
		Type: policyv1.DisruptionBudgetCause, Message: "The disruption budget " + name + " needs 2 healthy pods and has 2 currently",
	}}
	return apitest.Fail(err)
}

// A drain from the question to the undo: what blocks is let go by an option, what
// waits is shown with its reason, and the node stays cordoned until that is taken
// back.
func TestDrain(t *testing.T) {
	var seen screens
	draining(t, nil, func(b *bench, site *drainSite) {
		site.set("web-1", overBudget("web"))
		site.keep["web-2"] = true
		b.press("D")
		seen.both(b, "blocked")
		b.resize(80, 24)
		b.want("drain node/node-a?", "blocks 2", "waits 1", "goes 1", "stays 1", "2 pods block it")
		b.press("y")
		if b.want("2 pods block it"); site.gone() != "" || site.isCordoned("node-a") {
			t.Fatal("done without a yes")
		}
		b.press("right", "tab", "right")
		b.want("waits 1  goes 3", "kubectl --context staging drain node-a --ignore-daemonsets", "--delete-emptydir-data --force")
		if site.gone() != "" || site.isCordoned("node-a") {
			t.Fatal("a preview changed something")
		}
		b.press("y")
		time.Sleep(3 * time.Second)
		b.settle()
		b.press("g") // the cursor is on the pod that was told of first
		seen.both(b, "running")
		b.resize(80, 24)
		b.want("drain node/node-a", "2 of 4 pods gone, 1 waiting, 1 terminating, 1 stays", "pdb/web needs 2 healthy pods")
		b.press("u")
		b.want("the drain still runs: X cancels it")
		b.press("esc") // it goes on
		b.want("Ready,cordoned", "2/4, waits: pdb/web")
		b.press("D") // of what is drained already
		b.want("1 waiting")
		site.set("web-1", nil)
		b.Delete(drainPodOn("", "web-2"))
		time.Sleep(10 * time.Second)
		b.settle()
		seen.both(b, "done")
		b.resize(80, 24)
		b.want("done, 4 of 4 pods gone", "the node stays cordoned, u")
		b.press("enter")
		b.want("web-1 is gone")
		b.press("u")
		b.want("undo cordon of node/node-a?")
		b.press("y")
		if b.want("which is", "undone"); site.isCordoned("node-a") {
			t.Error("still cordoned")
		}
		b.press("u")
		b.want("there is nothing to undo")
	}, "web-1", "web-2", "bare", "cache", "daemon-1")
	seen.compare(t)
}

// What a drain left behind can be looked at from the journal and from the list of
// drains.
func TestDrainCancelled(t *testing.T) {
	draining(t, nil, func(b *bench, site *drainSite) {
		site.set("web-1", overBudget("web"))
		b.press("D", "y")
		b.want("0 of 1 pod gone, 1 waiting")
		b.press("X")
		b.want("cancelled, 0 of 1 pod gone", "not evicted", "u uncordons it")
		time.Sleep(time.Minute)
		if site.gone() != "" || !site.isCordoned("node-a") {
			t.Errorf("evicted %q, cordoned %t", site.gone(), site.isCordoned("node-a"))
		}
		b.open(drainList())
		b.want("node-a", "cancelled", "0/1")
		b.press("enter")
		b.want("drain node/node-a", "not evicted")
		b.open(journalList())
		b.want("cordon", "drain", "failed: ")
		if strings.Contains(b.cursor(), "cordon") {
			b.press("down")
		}
		b.press("enter")
		b.want("drain node/node-a", "not evicted")
		b.press("u", "y")
		if site.isCordoned("node-a") {
			t.Error("still cordoned")
		}
	}, "web-1")
}

// Of several nodes all are cordoned before the first pod goes, and what goes
// wrong with one keeps from beginning with the next.
func TestDrainSeveral(t *testing.T) {
	pods := []string{"web-1", "node-b/web-2", "node-b/bare"}
	draining(t, nil, func(b *bench, site *drainSite) {
		b.press("space", "down", "space", "D")
		b.want("drain 2 nodes?", "node/node-a  goes 1", "node/node-b  blocks 1", "1 pod blocks it")
		b.press("tab", "right", "y")
		synctest.Wait()
		if first := site.gone(); !site.isCordoned("node-a") || !site.isCordoned("node-b") || !strings.HasPrefix(first, "web-1") {
			t.Errorf("evicted %q before all were cordoned", first)
		}
		time.Sleep(5 * time.Second)
		b.settle()
		b.want("done, 3 of 3 pods gone", "the nodes stay cordoned, u uncordons them")
		b.press("u")
		b.want("undo cordon of 2 nodes?")
		b.press("y")
		if site.isCordoned("node-a") || site.isCordoned("node-b") {
			t.Error("still cordoned")
		}
	}, pods...)
	draining(t, nil, func(b *bench, site *drainSite) {
		b.press("space", "down", "space", "D", "tab", "right")
		site.set("web-1", apitest.Fail(apierrors.NewForbidden(corev1.Resource("pods"), "web-1", nil)))
		b.press("y")
		time.Sleep(2 * time.Second)
		b.settle()
		b.want("failed, 0 of 3 pods gone", "failed", "not evicted")
		if site.gone() != "" {
			t.Errorf("evicted %s", site.gone())
		}
		b.open(drainList())
		b.want("node-a", "failed", "node-b", "not begun")
	}, pods...)
}

// Past the budgets pods are deleted, which is said loudly before.
func TestDrainPastBudgets(t *testing.T) {
	draining(t, nil, func(b *bench, site *drainSite) {
		site.set("web-1", overBudget("web"))
		b.press("D", "tab", "tab", "tab", "right")
		b.want("drain node/node-a PAST THE DISRUPTION BUDGETS?", "DISRUPTION BUDGETS ARE IGNORED", "y drain past budgets", "--disable-eviction")
		b.press("y")
		time.Sleep(3 * time.Second)
		b.settle()
		b.want("done, 1 of 1 pod gone")
	}, "web-1")
}

// Who may not, cannot; and where a protected context or a rule for the pods'
// namespace wants it, a name is typed.
func TestDrainNeeds(t *testing.T) {
	readOnly := func(set *settings) {
		set.guard = func(string) *guard.Guard {
			g := &guard.Guard{}
			g.Refuse("by configuration")
			return g
		}
	}
	draining(t, readOnly, func(b *bench, _ *drainSite) {
		b.press("D")
		b.want("read-only: by configuration")
	}, "web-1")
	draining(t, nil, func(b *bench, _ *drainSite) {
		b.Permit(authorizationv1.ResourceRule{Verbs: []string{"get", "list", "watch"}, APIGroups: []string{"*"}, Resources: []string{"*"}})
		b.press("D", "esc", "D")
		b.want("you may not patch nodes")
	}, "web-1")
	draining(t, func(set *settings) { set.context = "prod-eu" }, func(b *bench, site *drainSite) {
		b.press("D")
		b.want("context prod-eu is protected", "type node-a")
		b.press("ctrl+y")
		if b.want("type node-a, the name of the object"); site.gone() != "" {
			t.Error("evicted without the name")
		}
		b.text("node-a")
		b.press("ctrl+y")
		time.Sleep(3 * time.Second)
		b.settle()
		b.want("done, 1 of 1 pod gone")
	}, "web-1")
	rules := func(r guard.Rule) func(*settings) {
		return func(set *settings) {
			set.guard = func(string) *guard.Guard {
				g := &guard.Guard{}
				r.Namespaces, r.Kinds, r.Verbs, r.Reason = []string{"web"}, []string{"pods"}, []string{"evict"}, "the shop is open"
				g.SetRules("staging", []guard.Rule{r})
				return g
			}
		}
	}
	draining(t, rules(guard.Rule{Level: guard.Typed}), func(b *bench, _ *drainSite) {
		b.press("D", "y")
		b.want("a rule wants it in web: the shop is open", "type node-a")
		b.text("node-a")
		b.press("ctrl+y")
		time.Sleep(3 * time.Second)
		b.settle()
		b.want("done, 1 of 1 pod gone")
	}, "web-1")
	draining(t, rules(guard.Rule{Max: 1}), func(b *bench, _ *drainSite) {
		b.press("D", "y")
		b.want("a rule allows 1 pod at once in web")
	}, "web-1", "web-2")
	draining(t, rules(guard.Rule{Deny: true}), func(b *bench, _ *drainSite) {
		b.press("D", "y")
		b.want("a rule denies it in web: the shop is open")
	}, "web-1")
}
