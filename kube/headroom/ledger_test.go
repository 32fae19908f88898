package headroom

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

func (v Vector) String() string {
	s := fmt.Sprintf("%dm %dGi %d pods", v.CPU, v.Memory/gib, v.Pods)
	if v.Ephemeral != 0 {
		s += fmt.Sprintf(" %d bytes", v.Ephemeral)
	}
	for _, o := range v.Others {
		s += fmt.Sprintf(" %d %s", o.Value, o.Name)
	}
	return s
}

// Each case is a mistake that is easily made.
func TestNodeRow(t *testing.T) {
	gpus := func(n int64) object.Amount { return object.Amount{Name: "example.com/gpu", Value: n} }
	for name, test := range map[string]struct {
		node            *object.Node
		pods            []*object.Pod
		requested, free string
	}{
		"allocatable counts, not capacity": {node("a", 4000, 8), nil, "0m 0Gi 0 pods", "4000m 8Gi 110 pods"},
		"pods that have ended do not count": {
			node("a", 4000, 8),
			[]*object.Pod{pod("x", "a", 1000, 1, phase("Succeeded")), pod("y", "a", 1000, 1, phase("Failed")), pod("z", "a", 500, 1)},
			"500m 1Gi 1 pods", "3500m 7Gi 109 pods",
		},
		"those being deleted do, and those nobody hears of": {
			node("a", 4000, 8),
			[]*object.Pod{pod("x", "a", 1000, 1, func(p *object.Pod) { p.Deleted = 1 }), pod("y", "a", 1000, 1, phase("Unknown"))},
			"2000m 2Gi 2 pods", "2000m 6Gi 108 pods",
		},
		"those that have a node count before they run": {
			node("a", 4000, 8), []*object.Pod{pod("x", "a", 1000, 1, phase("Pending"))}, "1000m 1Gi 1 pods", "3000m 7Gi 109 pods",
		},
		"those without a node do not": {node("a", 4000, 8), []*object.Pod{pod("x", "", 1000, 1)}, "0m 0Gi 0 pods", "4000m 8Gi 110 pods"},
		"a pod that asks for nothing takes a slot": {
			node("a", 4000, 8), []*object.Pod{pod("x", "a", 0, 0, bestEffort)}, "0m 0Gi 1 pods", "4000m 8Gi 109 pods",
		},
		"extended resources": {
			node("a", 4000, 8, func(n *object.Node) {
				n.Allocatable.Others = []object.Amount{gpus(2), {Name: "hugepages-2Mi", Value: 64 << 20}}
			}),
			[]*object.Pod{pod("x", "a", 0, 0, others(gpus(2)))},
			"0m 0Gi 1 pods 2 example.com/gpu", "4000m 8Gi 109 pods 0 example.com/gpu 67108864 hugepages-2Mi",
		},
		"an extended resource that the node has no more": {
			node("a", 4000, 8), []*object.Pod{pod("x", "a", 0, 0, others(gpus(1)))}, "0m 0Gi 1 pods 1 example.com/gpu", "4000m 8Gi 109 pods -1 example.com/gpu",
		},
		"more promised than there is": {node("a", 1000, 1), []*object.Pod{pod("x", "a", 1500, 2)}, "1500m 2Gi 1 pods", "-500m -1Gi 109 pods"},
		"no slots left": {
			node("a", 1000, 1, func(n *object.Node) { n.Pods = 1 }), []*object.Pod{pod("x", "a", 0, 0)}, "0m 0Gi 1 pods", "1000m 1Gi 0 pods",
		},
	} {
		r := row(t, ledgerOf([]*object.Node{test.node}, test.pods), ByNode, "a")
		if got := r.Requested.String(); got != test.requested {
			t.Errorf("%s: requested %s, want %s", name, got, test.requested)
		}
		if got := r.Free.String(); got != test.free {
			t.Errorf("%s: free %s, want %s", name, got, test.free)
		}
	}
}

func TestRowOfNode(t *testing.T) {
	n := node("a", 4000, 8, zone("b"), label("cloud.google.com/gke-nodepool", "std"), cordoned)
	l := ledgerOf([]*object.Node{n}, []*object.Pod{
		pod("x", "a", 1000, 1, limits(5000, 2)), pod("y", "a", 0, 0, bestEffort), pod("z", "a", 0, 0, bestEffort, phase("Failed")),
	})
	r := row(t, l, ByNode, "a")
	if r.UID != n.UID || r.Node != n || r.Zone != "b" || r.Pool != "std" || r.Closed != 1 || r.BestEffort != 1 || r.Partly {
		t.Errorf("%+v", r)
	}
	if r.Limits.CPU <= r.Allocatable.CPU || r.Limits.Pods != 0 {
		t.Errorf("limits are %s", r.Limits)
	}
	if r.Used != nil {
		t.Errorf("without metrics %+v is used", r.Used)
	}
}

// A pod may be known before its node, and after it.
func TestNodesComeAndGo(t *testing.T) {
	a, again := node("a", 4000, 8), node("a", 2000, 4)
	again.UID = "another"
	l := ledgerOf(nil, []*object.Pod{pod("x", "a", 1000, 1)})
	if r := row(t, l, ByNode, "a"); r.Allocatable != nil || r.Free != nil || r.Requested.CPU != 1000 || r.Nodes != 0 {
		t.Errorf("of a node that is not there: %+v", r)
	}
	l.Nodes(store.Delta[*object.Node]{Added: []*object.Node{a}}, live(1))
	if r := row(t, l, ByNode, "a"); r.Free.CPU != 3000 {
		t.Errorf("once it is there: %+v", r)
	}
	l.Nodes(store.Delta[*object.Node]{Added: []*object.Node{again}}, live(2))
	l.Nodes(store.Delta[*object.Node]{Removed: []*object.Node{a}}, live(1))
	if r := row(t, l, ByNode, "a"); r.Node != again || r.Free.CPU != 1000 {
		t.Errorf("made anew under its name: %+v", r)
	}
	l.Nodes(store.Delta[*object.Node]{Reset: true}, live(0))
	if r := row(t, l, ByNode, "a"); r.Node != nil || r.Requested.CPU != 1000 {
		t.Errorf("after it went: %+v", r)
	}
	l.Pods("", store.Delta[*object.Pod]{Reset: true}, live(0))
	if rows := l.Rows(ByNode); len(rows) != 0 {
		t.Errorf("after its pods went: %+v", rows[0])
	}
}

// What is free on a node that takes no pods, and what is missing on one, is not
// for others to have.
func TestFreeOfGroups(t *testing.T) {
	std := label("pool", "std")
	l := ledgerOf([]*object.Node{
		node("a", 4000, 8, zone("z1"), std), node("b", 4000, 8, zone("z1"), std, cordoned), node("c", 1000, 8, zone("z1")), node("d", 4000, 8),
		node("e", 4000, 8, zone("z1"), tainted("gpu=yes:NoSchedule")), node("f", 4000, 8, zone("z1"), tainted("node.kubernetes.io/not-ready:NoSchedule")),
	}, []*object.Pod{pod("x", "a", 1000, 1), pod("y", "c", 3000, 1)})
	z1 := row(t, l, ByZone, "z1")
	if z1.Nodes != 5 || z1.Closed != 2 || z1.Allocatable.CPU != 17000 || z1.Requested.CPU != 4000 || z1.Free.CPU != 3000+4000 {
		t.Errorf("zone: %d nodes, %d closed, allocatable %s, requested %s, free %s", z1.Nodes, z1.Closed, z1.Allocatable, z1.Requested, z1.Free)
	}
	if r := row(t, l, ByZone, None); r.Nodes != 1 || r.Free.CPU != 4000 {
		t.Errorf("nodes without a zone: %+v", r)
	}
	if r := row(t, l, ByPool, "std"); r.Nodes != 2 || r.Closed != 1 || r.Free.CPU != 3000 {
		t.Errorf("pool: %+v", r)
	}
	s := l.Summary()
	if s.Nodes != 6 || s.Closed != 2 || s.Dedicated != 1 || s.Free.CPU != 3000+4000+4000 || s.Allocatable.CPU != 21000 {
		t.Errorf("all: %+v", s)
	}
}

func TestNamespaceAndWorkloadRows(t *testing.T) {
	hashed := func(p *object.Pod) { p.Labels = store.NewLabels(map[string]string{"pod-template-hash": "7f9c"}) }
	web := func(name, on string) *object.Pod {
		return pod("shop/"+name, on, 500, 1, ownedBy("apps/v1", "ReplicaSet", "web-7f9c"), hashed, limits(1000, 1))
	}
	l := ledgerOf(nil, []*object.Pod{web("web-7f9c-a", "n1"), web("web-7f9c-b", "n2"), web("web-7f9c-c", ""), pod("shop/one", "n1", 100, 1), pod("batch/x", "n1", 0, 0, phase("Succeeded"))})
	q := &object.Quota{Meta: store.Meta{UID: "q", Namespace: "empty", Name: "all"}, Items: []object.QuotaItem{{Name: "pods", Used: 3, Hard: 4}}}
	l.Quotas("", store.Delta[*object.Quota]{Added: []*object.Quota{q}}, live(1))

	shop := row(t, l, ByNamespace, "shop")
	if shop.Requested.String() != "1100m 3Gi 3 pods" || shop.Pending != 1 || shop.Waiting.String() != "500m 1Gi 1 pods" || shop.Allocatable != nil || shop.Free != nil {
		t.Errorf("%+v", shop)
	}
	if r := row(t, l, ByNamespace, "empty"); len(r.Quotas) != 1 || r.Quotas[0] != q {
		t.Errorf("a namespace with a quota and no pods: %+v", r)
	}
	if slices.ContainsFunc(l.Rows(ByNamespace), func(r *Row) bool { return r.Name == "batch" }) {
		t.Error("there is a row for a namespace in which all pods have ended")
	}
	w := row(t, l, ByWorkload, "web")
	if w.Kind != "Deployment" || w.Namespace != "shop" || w.Requested.String() != "1000m 2Gi 2 pods" || w.Limits.CPU != 2000 || w.Pending != 1 {
		t.Errorf("%+v", w)
	}
	l.Quotas("", store.Delta[*object.Quota]{Removed: []*object.Quota{q}}, live(0))
	if len(l.Rows(ByNamespace)) != 1 {
		t.Error("the row of a quota outlives it")
	}
}

func TestUse(t *testing.T) {
	l := ledgerOf([]*object.Node{node("n1", 4000, 8), node("n2", 4000, 8)}, []*object.Pod{
		pod("shop/a", "n1", 500, 1), pod("shop/b", "n1", 500, 1), pod("shop/c", "", 500, 1), pod("shop/d", "n1", 1, 1, phase("Failed")),
	})
	l.Usage(use(t, map[string][2]int64{"n1": {700, 3}, "shop/a": {300, 2}, "shop/d": {9, 9}, "shop/gone": {9, 9}}))
	if r := row(t, l, ByNode, "n1"); r.Used == nil || r.Used.CPU != 700 || r.Used.Memory != 3*gib || r.Used.Known != 1 {
		t.Errorf("n1: %+v", r.Used)
	}
	if r := row(t, l, ByNode, "n2"); r.Used == nil || r.Used.Known != 0 || r.Used.Of != 1 {
		t.Errorf("n2, of which nothing is known: %+v", r.Used)
	}
	if s := l.Summary(); s.Used.CPU != 700 || s.Used.Known != 1 || s.Used.Of != 2 {
		t.Errorf("all: %+v", s.Used)
	}
	want := Used{Resources: object.Resources{CPU: 300, Memory: 2 * gib}, Known: 1, Of: 2}
	if r := row(t, l, ByNamespace, "shop"); *r.Used != want {
		t.Errorf("shop: %+v", r.Used)
	}
	if r := row(t, l, ByWorkload, "b"); r.Used.Known != 0 {
		t.Errorf("b: %+v", r.Used)
	}
	l.Usage(&metrics.Snapshot{}, nil)
	if row(t, l, ByNamespace, "shop").Used != nil || row(t, l, ByNode, "n1").Used != nil || l.Summary().Used != nil {
		t.Error("something is used though nothing is known any more")
	}
}

// What could not be read is named, and what would follow from it is absent.
func TestNotRead(t *testing.T) {
	refused := store.Status{Phase: store.Forbidden}
	notes := func(l *Ledger) string { return strings.Join(l.NotRead(), "; ") }

	l := ledgerOf([]*object.Node{node("n1", 4000, 8)}, nil)
	if got := notes(l); got != "" {
		t.Errorf("all was read, but %s", got)
	}
	l.Pods("", store.Delta[*object.Pod]{Reset: true, Added: []*object.Pod{pod("x", "n1", 1, 1)}}, store.Status{Phase: store.Syncing, Loaded: 100})
	if r := row(t, l, ByNode, "n1"); r.Free != nil || !r.Partly || r.Requested.CPU != 1 || l.Summary().Largest != nil || notes(l) != "pods (loading: 100 so far)" {
		t.Errorf("while pods are loading: %+v; %s", r, notes(l))
	}
	l.Pods("shop", store.Delta[*object.Pod]{Reset: true, Added: []*object.Pod{pod("shop/x", "n1", 1, 1)}}, live(1))
	if r := row(t, l, ByNode, "n1"); r.Free != nil || !r.Partly || l.Summary().Free != nil ||
		notes(l) != "pods of other namespaces than shop (forbidden: list pods of all)" {
		t.Errorf("pods of one namespace only: %+v; %s", r, notes(l))
	}
	if r := row(t, l, ByNamespace, "shop"); r.Partly {
		t.Error("the namespace that could be read is said to be a part")
	}
	l.Nodes(store.Delta[*object.Node]{Reset: true}, refused)
	l.Quotas("", store.Delta[*object.Quota]{Reset: true}, refused)
	l.Usage(&metrics.Snapshot{State: metrics.Absent}, &metrics.Snapshot{State: metrics.Forbidden})
	want := "nodes (forbidden: list nodes); pods of other namespaces than shop (forbidden: list pods of all); " +
		"resource quotas (forbidden: list resource quotas); use of nodes (no metrics API); use of pods (forbidden)"
	if got := notes(l); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if s := l.Summary(); s.Allocatable != nil || s.Free != nil || s.Largest != nil || s.Rest != nil || !s.Partly || s.Requested.CPU != 1 {
		t.Errorf("without nodes: %+v", s)
	}
	l.Pods("", store.Delta[*object.Pod]{Reset: true}, store.Status{Phase: store.Failed, Err: fmt.Errorf("no\x1b[2J route")})
	if got := notes(l); strings.ContainsRune(got, '\x1b') || !strings.Contains(got, "route") {
		t.Errorf("%q", got)
	}
}

func TestClosed(t *testing.T) {
	for name, test := range map[string]struct {
		node      *object.Node
		closed    string
		dedicated bool
	}{
		"a plain one":             {node("a", 1, 1), "", false},
		"cordoned":                {node("a", 1, 1, cordoned, tainted("node.kubernetes.io/unschedulable:NoSchedule")), "cordoned", false},
		"not ready":               {node("a", 1, 1, tainted("node.kubernetes.io/not-ready:NoExecute")), "not-ready", false},
		"under pressure":          {node("a", 1, 1, tainted("node.kubernetes.io/disk-pressure:NoSchedule")), "disk-pressure", false},
		"not yet set up":          {node("a", 1, 1, tainted("node.cloudprovider.kubernetes.io/uninitialized=true:NoSchedule")), "uninitialized", false},
		"about to go":             {node("a", 1, 1, tainted("ToBeDeletedByClusterAutoscaler=1700000000:NoSchedule")), "ToBeDeletedByClusterAutoscaler", false},
		"kept for some":           {node("a", 1, 1, tainted("pool=mem:NoSchedule")), "", true},
		"of the control plane":    {node("a", 1, 1, tainted("node-role.kubernetes.io/control-plane:NoSchedule")), "", true},
		"liked less":              {node("a", 1, 1, tainted("node.kubernetes.io/odd:PreferNoSchedule"), tainted("x:PreferNoSchedule")), "", false},
		"kept for some, and gone": {node("a", 1, 1, tainted("pool=mem:NoSchedule"), tainted("node.kubernetes.io/unreachable:NoSchedule")), "unreachable", true},
		"no taint at all":         {node("a", 1, 1, tainted("odd")), "", false},
	} {
		if got := Closed(test.node); got != test.closed {
			t.Errorf("%s: closed %q, want %q", name, got, test.closed)
		}
		if got := Dedicated(test.node); got != test.dedicated {
			t.Errorf("%s: dedicated %v", name, got)
		}
	}
}

func TestWorkloadOf(t *testing.T) {
	labelled := func(key, hash string) func(*object.Pod) {
		return func(p *object.Pod) { p.Labels = store.NewLabels(map[string]string{key: hash}) }
	}
	created := func(at int64) func(*object.Pod) { return func(p *object.Pod) { p.Created = at } }
	const hash, rollouts, minute = "pod-template-hash", "rollouts-pod-template-hash", 29_000_000
	for name, test := range map[string]struct {
		pod  *object.Pod
		want string
	}{
		"nobody's":                        {pod("x", "", 0, 0), "v1 pod/x"},
		"a static pod":                    {pod("x", "", 0, 0, ownedBy("v1", "Node", "n1")), "v1 pod/x"},
		"a DaemonSet's":                   {pod("x", "", 0, 0, ownedBy("apps/v1", "DaemonSet", "d")), "apps/v1 daemonset/d"},
		"a Deployment's":                  {pod("x", "", 0, 0, ownedBy("apps/v1", "ReplicaSet", "a-b-7f9c"), labelled(hash, "7f9c")), "apps/v1 deployment/a-b"},
		"a replica set's own":             {pod("x", "", 0, 0, ownedBy("apps/v1", "ReplicaSet", "a-7f9c")), "apps/v1 replicaset/a-7f9c"},
		"one that only looks like it":     {pod("x", "", 0, 0, ownedBy("apps/v1", "ReplicaSet", "a-7f9c"), labelled(hash, "9c")), "apps/v1 replicaset/a-7f9c"},
		"a hash and nothing before it":    {pod("x", "", 0, 0, ownedBy("apps/v1", "ReplicaSet", "-7f9c"), labelled(hash, "7f9c")), "apps/v1 replicaset/-7f9c"},
		"a Rollout's":                     {pod("x", "", 0, 0, ownedBy("apps/v1", "ReplicaSet", "a-7f9c"), labelled(rollouts, "7f9c")), "argoproj.io/v1alpha1 rollout/a"},
		"somebody else's ReplicaSet":      {pod("x", "", 0, 0, ownedBy("example.com/v1", "ReplicaSet", "a-7f9c"), labelled(hash, "7f9c")), "example.com/v1 replicaset/a-7f9c"},
		"a CronJob's":                     {pod("x", "", 0, 0, ownedBy("batch/v1", "Job", "etl-29000000"), created(minute*60+20)), "batch/v1 cronjob/etl"},
		"a job with a number of its own":  {pod("x", "", 0, 0, ownedBy("batch/v1", "Job", "etl-20260101"), created(minute*60)), "batch/v1 job/etl-20260101"},
		"a job with a number and no name": {pod("x", "", 0, 0, ownedBy("batch/v1", "Job", "-29000000"), created(minute*60)), "batch/v1 job/-29000000"},
		"a job":                           {pod("x", "", 0, 0, ownedBy("batch/v1", "Job", "migrate"), created(minute*60)), "batch/v1 job/migrate"},
	} {
		w := WorkloadOf(test.pod)
		if got := w.APIVersion + " " + w.String(); got != test.want || w.Namespace != "default" {
			t.Errorf("%s is of %s in %q, want %s", name, got, w.Namespace, test.want)
		}
	}
}

func TestPool(t *testing.T) {
	l := New(Options{PoolLabels: []string{"team", "pool"}})
	l.Nodes(store.Delta[*object.Node]{Added: []*object.Node{
		node("a", 1, 1, label("pool", "std")), node("b", 1, 1, label("karpenter.sh/nodepool", "x")),
		node("c", 1, 1, func(n *object.Node) { n.Labels = store.NewLabels(map[string]string{"pool": "std", "team": "red"}) }),
	}}, live(3))
	for name, want := range map[string]string{"a": "std", "b": "", "c": "red"} {
		if got := row(t, l, ByNode, name).Pool; got != want {
			t.Errorf("%s is of the pool %q, want %q", name, got, want)
		}
	}
}
