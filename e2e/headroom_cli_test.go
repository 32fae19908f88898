//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/component-helpers/resource"

	"quarterdeck/kube/headroom"
	"quarterdeck/kube/headroom/fit"
)

// roomTime is how long it may take until nothing comes and goes for as long as
// a command takes. It is far more than it does, for busy machines.
const roomTime = 2 * time.Minute

// headroom checks `qd headroom` against the API, by what users may read.
func (s *stage) headroom(t *testing.T) {
	p := s.playground(t, shop)
	config, err := p.Config("")
	if err != nil {
		t.Fatal(err)
	}
	api, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	r := &rooms{s, p.Kubeconfig(), api}
	t.Run("has the numbers of the API", r.numbers)
	t.Run("says what is too big", r.tooBig)
	t.Run("drains a node", r.drains)
	t.Run("with few rights", r.fewRights)
}

// rooms runs `qd headroom` in a playground.
type rooms struct {
	stage      *stage
	kubeconfig string
	api        kubernetes.Interface
}

func (r *rooms) run(t *testing.T, user, command string) output {
	t.Helper()
	return r.stage.execWithin(t, roomTime, r.kubeconfig, append([]string{"headroom", "--context", user}, strings.Fields(command)...)...)
}

// numbers compares what is free with the API, over a time in which that did not
// change.
func (r *rooms) numbers(t *testing.T) {
	same := func(a, b map[string]int64) bool { return maps.Equal(a, b) }
	deadline := time.Now().Add(roomTime)
	before := roomByAPI(t, r.api)
	out := r.run(t, "playground", "-o json")
	after := roomByAPI(t, r.api)
	for ; !maps.EqualFunc(before, after, same); before, after = after, roomByAPI(t, r.api) {
		if time.Now().After(deadline) {
			t.Fatal("pods come and go all the time")
		}
		out = r.run(t, "playground", "-o json")
	}
	var report headroom.Report
	if err := json.Unmarshal([]byte(out.stdout), &report); err != nil || out.code != 0 || out.stderr != "" {
		t.Fatalf("%v: %+v", err, out)
	}
	for _, n := range report.Nodes {
		for name, want := range after[n.Name] {
			if got := n.Free[name]; got != want {
				t.Errorf("%s has %d %s free, by the API %d", n.Name, got, name, want)
			}
		}
		if n.Zone == "" || n.Pool == "" || len(after[n.Name]) == 0 {
			t.Errorf("%+v, by the API %v", n, after[n.Name])
		}
	}
	if len(report.Nodes) != len(after) || len(report.NotRead) != 0 {
		t.Errorf("%d nodes, by the API %d; not read: %q", len(report.Nodes), len(after), report.NotRead)
	}
}

func (r *rooms) tooBig(t *testing.T) {
	a := answerOf(t, r.run(t, "viewer", "whatif scale deploy/storefront -n web --replicas +2000 -o json"), 2)
	if a.Asked != 2000 || a.Fit >= a.Asked || len(a.Pending) == 0 {
		t.Fatalf("%d of %d fit, %d are pending", a.Fit, a.Asked, len(a.Pending))
	}
	short := func(r fit.Reason) bool { return r.Reason == "Insufficient cpu" && r.Nodes > 0 }
	if !slices.ContainsFunc(a.Pending[0].Reasons, short) {
		t.Errorf("pending because of %v", a.Pending[0].Reasons)
	}
}

func (r *rooms) drains(t *testing.T) {
	const node = "std-a-01"
	out := r.run(t, "playground", "whatif drain "+node+" -o json")
	a := answerOf(t, out, out.code)
	placed := 0
	for _, p := range a.Placements {
		placed += p.Count
		if p.Node == node {
			t.Error("pods go back to the node that is drained")
		}
	}
	if placed != a.Fit || a.Asked == 0 || (out.code == 0) != (a.Fit == a.Asked) || out.code == 1 {
		t.Errorf("%d placed, %d of %d fit, exit code %d", placed, a.Fit, a.Asked, out.code)
	}
	if n, err := r.api.CoreV1().Nodes().Get(t.Context(), node, metav1.GetOptions{}); err != nil || n.Spec.Unschedulable {
		t.Errorf("%v: it was cordoned", err)
	}
}

func (r *rooms) fewRights(t *testing.T) {
	out := r.run(t, "payments-dev", "")
	if out.code != 1 || !containsAll(out.stdout, []string{"payments", "QUOTA", "nodes     n/a: they could not be read"}) || strings.Contains(out.stdout, "largest") {
		t.Errorf("%+v", out)
	}
	oneSentence(t, out.stderr, []string{"nodes (forbidden: list nodes)"})
	for user, command := range map[string]string{"payments-dev": "whatif lose --zone zone-a", "nobody": ""} {
		out := r.run(t, user, command)
		oneSentence(t, out.stderr, []string{"you (" + user + ") may not list nodes in the cluster"})
		if out.code != 1 || out.stdout != "" {
			t.Errorf("%s: %+v", user, out)
		}
	}
}

// answerOf reads what a question printed.
func answerOf(t *testing.T, out output, code int) fit.Answer {
	t.Helper()
	var a fit.Answer
	if err := json.Unmarshal([]byte(out.stdout), &a); err != nil || out.code != code || out.stderr != "" {
		t.Fatalf("%v: %+v", err, out)
	}
	return a
}

// roomByAPI returns what is free on each node: allocatable less what its pods
// request.
func roomByAPI(t *testing.T, api kubernetes.Interface) map[string]map[string]int64 {
	t.Helper()
	nodes, err := api.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pods, err := api.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	free := map[string]map[string]int64{}
	for _, n := range nodes.Items {
		a := n.Status.Allocatable
		free[n.Name] = map[string]int64{
			"cpu": a.Cpu().MilliValue(), "memory": a.Memory().Value(), "ephemeral-storage": a.StorageEphemeral().Value(), "pods": a.Pods().Value(),
		}
	}
	for i := range pods.Items {
		p := &pods.Items[i]
		of := free[p.Spec.NodeName]
		if of == nil || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		asks := resource.PodRequests(p, resource.PodResourcesOptions{UseStatusResources: true})
		of["cpu"] -= asks.Cpu().MilliValue()
		of["memory"] -= asks.Memory().Value()
		of["ephemeral-storage"] -= asks.StorageEphemeral().Value()
		of["pods"]--
	}
	return free
}
