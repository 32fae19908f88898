//go:build e2e

package object

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"quarterdeck/kube/kubetest"
	"quarterdeck/kube/store"
)

// row is an object and the cells that the server itself makes of it, by the
// names of their columns.
type row[T any] struct {
	object T
	cells  map[string]string
}

// ask returns all objects of a kind in a cluster, each in what is kept of it and
// in the server's words.
func ask[T store.Object](t *testing.T, cfg *rest.Config, kind store.Kind[T]) []row[T] {
	t.Helper()
	cfg = rest.CopyConfig(cfg)
	gv := kind.GVR.GroupVersion()
	cfg.GroupVersion, cfg.APIPath, cfg.NegotiatedSerializer = &gv, "/apis", scheme.Codecs.WithoutConversion()
	if gv.Group == "" {
		cfg.APIPath = "/api"
	}
	client, err := rest.RESTClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	body, err := client.Get().Resource(kind.GVR.Resource).Param("includeObject", "Object").
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").Do(context.Background()).Raw()
	if err != nil {
		t.Fatal(err)
	}
	var table metav1.Table
	if err := json.Unmarshal(body, &table); err != nil {
		t.Fatal(err)
	}
	var rows []row[T]
	for _, r := range table.Rows {
		o, err := runtime.Decode(scheme.Codecs.UniversalDeserializer(), r.Object.Raw)
		if err != nil {
			t.Fatal(err)
		}
		cells := map[string]string{}
		for i, c := range table.ColumnDefinitions {
			cells[c.Name] = fmt.Sprint(r.Cells[i])
		}
		rows = append(rows, row[T]{compact(t, kind, o)[0], cells})
	}
	return rows
}

// agree compares what is kept, by columns, with the server's cells.
func agree[T store.Object](t *testing.T, cfg *rest.Config, kind store.Kind[T], ours func(T) map[string]string) {
	t.Helper()
	for _, r := range ask(t, cfg, kind) {
		for column, got := range ours(r.object) {
			want, ok := r.cells[column]
			want = strings.TrimPrefix(want, "<none>")
			if column == "Restarts" { // how long ago depends on when one asks
				want, _, _ = strings.Cut(want, " ")
			}
			if !ok || got != want {
				t.Errorf("%s %s/%s: %s is %q, the server says %q",
					kind.Kind, r.object.Head().Namespace, r.object.Head().Name, column, got, want)
			}
		}
	}
}

// The columns that both have say the same of every object in the cluster, from
// its first moments until a pod has crashed, been restarted and backed off.
func TestServerAgrees(t *testing.T) {
	cfg := kubetest.Config(t, kubetest.Start(t, "--scenario", "shop", "--incident", "crash-loop"), "playground")
	cfg.QPS = -1
	seen := map[string]bool{}
	for deadline := time.Now().Add(kubetest.Patience); !t.Failed() && !seen["CrashLoopBackOff"]; {
		if time.Now().After(deadline) {
			t.Fatalf("no pod has backed off; their states were %v", slices.Sorted(maps.Keys(seen)))
		}
		for _, r := range ask(t, cfg, Pods()) {
			seen[r.object.Status] = true
		}
		agreeOnAll(t, cfg)
	}
	t.Logf("states of pods: %v", slices.Sorted(maps.Keys(seen)))
}

func agreeOnAll(t *testing.T, cfg *rest.Config) {
	t.Helper()
	num := func(n int32) string { return strconv.Itoa(int(n)) }
	agree(t, cfg, Pods(), func(p *Pod) map[string]string {
		return map[string]string{
			"Ready": fmt.Sprintf("%d/%d", p.Ready, p.Total), "Status": p.Status, "Restarts": num(p.Restarts), "IP": p.IP, "Node": p.Node,
		}
	})
	agree(t, cfg, Deployments(), func(w *Workload) map[string]string {
		return map[string]string{
			"Ready": fmt.Sprintf("%d/%d", w.Ready, w.Desired), "Up-to-date": num(w.Updated), "Available": num(w.Avail),
			"Images": strings.Join(w.Images, ","), "Selector": w.Selector,
		}
	})
	agree(t, cfg, ReplicaSets(), func(w *Workload) map[string]string {
		return map[string]string{"Desired": num(w.Desired), "Current": num(w.Current), "Ready": num(w.Ready)}
	})
	agree(t, cfg, StatefulSets(), func(w *Workload) map[string]string {
		return map[string]string{"Ready": fmt.Sprintf("%d/%d", w.Ready, w.Desired)}
	})
	agree(t, cfg, DaemonSets(), func(w *Workload) map[string]string {
		return map[string]string{
			"Desired": num(w.Desired), "Current": num(w.Current), "Ready": num(w.Ready), "Up-to-date": num(w.Updated), "Available": num(w.Avail),
		}
	})
	agree(t, cfg, Jobs(), func(w *Workload) map[string]string {
		return map[string]string{"Completions": fmt.Sprintf("%d/%d", w.Ready, w.Desired)}
	})
	agree(t, cfg, CronJobs(), func(w *Workload) map[string]string {
		return map[string]string{"Active": num(w.Active), "Suspend": cases(w.Paused)}
	})
	agree(t, cfg, Nodes(), func(n *Node) map[string]string {
		words := []string{"Ready"}
		if !n.Ready {
			words[0] = "NotReady"
		}
		if n.Cordoned {
			words = append(words, "SchedulingDisabled")
		}
		return map[string]string{"Status": strings.Join(words, ","), "Roles": n.Roles, "Version": n.Version, "Internal-IP": n.InternalIP}
	})
	agree(t, cfg, Services(), func(s *Service) map[string]string {
		return map[string]string{"Type": s.Type, "Cluster-IP": s.ClusterIP, "External-IP": s.External, "Selector": s.Selector}
	})
	agree(t, cfg, Namespaces(), func(p *Plain) map[string]string { return map[string]string{"Status": p.Status} })
	agree(t, cfg, Claims(), func(c *Claim) map[string]string {
		columns := map[string]string{"Status": c.Status, "Volume": c.Volume, "StorageClass": c.Class}
		if c.Status == string(corev1.ClaimBound) { // before, the server tells not what is asked for
			columns["Access Modes"] = c.Modes
		}
		return columns
	})
	agree(t, cfg, Autoscalers(), func(a *Autoscaler) map[string]string {
		return map[string]string{"Reference": a.TargetKind + "/" + a.Target, "MinPods": num(a.Min), "MaxPods": num(a.Max), "Replicas": num(a.Current)}
	})
	agree(t, cfg, Budgets(), func(b *Budget) map[string]string {
		return map[string]string{"Allowed Disruptions": num(b.Allowed)}
	})
	agree(t, cfg, Events(), func(e *Event) map[string]string {
		return map[string]string{"Type": e.Type, "Reason": e.Reason, "Object": strings.ToLower(e.Kind) + "/" + e.About, "Name": e.Name}
	})
}

func cases(b bool) string {
	if b {
		return "True"
	}
	return "False"
}
