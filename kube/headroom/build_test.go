package headroom

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/apitest"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

const gib = 1 << 30

func live(n int) store.Status { return store.Status{Phase: store.Live, Loaded: n} }

// node returns one with so much to give, in millicores and GiB, and 110 slots.
func node(name string, cpu, memory int64, change ...func(*object.Node)) *object.Node {
	n := &object.Node{
		Meta: store.Meta{UID: types.UID("uid-" + name), Name: name}, Ready: true, Pods: 110,
		Allocatable: object.Amounts{Resources: object.Resources{CPU: cpu, Memory: memory * gib}},
		Capacity:    object.Amounts{Resources: object.Resources{CPU: cpu + 1000, Memory: (memory + 1) * gib}},
	}
	for _, c := range change {
		c(n)
	}
	return n
}

func zone(z string) func(*object.Node) { return func(n *object.Node) { n.Zone = z } }

func label(key, value string) func(*object.Node) {
	return func(n *object.Node) { n.Labels = store.NewLabels(map[string]string{key: value}) }
}

func cordoned(n *object.Node) { n.Cordoned = true }

func tainted(taint string) func(*object.Node) {
	return func(n *object.Node) { n.Taints = append(n.Taints, taint) }
}

// pod returns a running one that asks for so much, in millicores and GiB. name
// may be NAMESPACE/NAME.
func pod(name, on string, cpu, memory int64, change ...func(*object.Pod)) *object.Pod {
	ns, short, ok := strings.Cut(name, "/")
	if !ok {
		ns, short = "default", name
	}
	asks := object.Amounts{Resources: object.Resources{CPU: cpu, Memory: memory * gib}}
	p := &object.Pod{
		Meta: store.Meta{UID: types.UID("uid-" + name), Namespace: ns, Name: short}, Node: on, Phase: "Running", QoS: "Burstable",
		Demand: &object.Demand{Requests: asks},
	}
	if on == "" {
		p.Phase = "Pending"
	}
	for _, c := range change {
		c(p)
	}
	return p
}

func phase(word string) func(*object.Pod) { return func(p *object.Pod) { p.Phase = word } }

func limits(cpu, memory int64) func(*object.Pod) {
	return func(p *object.Pod) { p.Demand.Limits.Resources = object.Resources{CPU: cpu, Memory: memory * gib} }
}

func others(amounts ...object.Amount) func(*object.Pod) {
	return func(p *object.Pod) { p.Demand.Requests.Others = amounts }
}

func bestEffort(p *object.Pod) { p.QoS, p.Demand = "BestEffort", &object.Demand{} }

func ownedBy(apiVersion, kind, name string) func(*object.Pod) {
	return func(p *object.Pod) {
		p.Owner = &store.Owner{APIVersion: apiVersion, Kind: kind, Name: name, UID: types.UID("uid-" + name)}
	}
}

// ledgerOf returns a ledger in which all of it has been read.
func ledgerOf(nodes []*object.Node, pods []*object.Pod) *Ledger {
	l := New(Options{})
	l.Nodes(store.Delta[*object.Node]{Reset: true, Added: nodes}, live(len(nodes)))
	l.Pods("", store.Delta[*object.Pod]{Reset: true, Added: pods}, live(len(pods)))
	l.Quotas("", store.Delta[*object.Quota]{Reset: true}, live(0))
	return l
}

// row returns one row of the table.
func row(t testing.TB, l *Ledger, by Grouping, name string) *Row {
	t.Helper()
	for _, r := range l.Rows(by) {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("there is no row for the %s %s", by, name)
	return nil
}

// use is what the metrics API says of the pods and the nodes: millicores and GiB
// by NAMESPACE/NAME, or by NAME.
func use(t *testing.T, of map[string][2]int64) (ofNodes, ofPods *metrics.Snapshot) {
	t.Helper()
	var nodes, pods []string
	for name, u := range of {
		amounts := fmt.Sprintf(`{"cpu":"%dm","memory":"%dGi"}`, u[0], u[1])
		const common = `{"metadata":{"name":%q,"namespace":%q},"timestamp":"2026-01-01T00:00:00Z","window":"15s",%s}`
		if ns, short, ok := strings.Cut(name, "/"); ok {
			pods = append(pods, fmt.Sprintf(common, short, ns, `"containers":[{"name":"app","usage":`+amounts+`}]`))
		} else {
			nodes = append(nodes, fmt.Sprintf(common, name, "", `"usage":`+amounts))
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s := apitest.NewPipe(t)
		for resource, items := range map[string][]string{"nodes": nodes, "pods": pods} {
			s.Serve("/apis/metrics.k8s.io/v1beta1/"+resource, `{"apiVersion":"metrics.k8s.io/v1beta1","items":[`+strings.Join(items, ",")+`]}`)
		}
		client, err := s.REST(schema.GroupVersion{Version: "v1"})
		if err != nil {
			t.Fatal(err)
		}
		src := metrics.New(client, time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		ofNodesSub, ofPodsSub := src.Subscribe(ctx, metrics.Nodes()), src.Subscribe(ctx, metrics.Pods(""))
		<-ofNodesSub.Changed()
		<-ofPodsSub.Changed()
		ofNodes, ofPods = ofNodesSub.Snapshot(), ofPodsSub.Snapshot()
		cancel()
		synctest.Wait()
	})
	if ofNodes.Err != nil || ofPods.Err != nil {
		t.Fatal(ofNodes.Err, ofPods.Err)
	}
	return ofNodes, ofPods
}
