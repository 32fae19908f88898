package filter

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube/field"
)

// pod is a row as a store would keep it: values are made when asked for.
type pod struct {
	namespace, name, status, node, ready string
	restarts, readyCount                 int32
	milli, bytes, created                int64
	labels                               labels.Set
}

type podRow struct{ *pod }

func (p podRow) Value(i int) field.Value {
	switch columns[i].ID {
	case "namespace":
		return field.Of(p.namespace)
	case "name":
		return field.Of(p.name)
	case "ready":
		return field.Int(p.readyCount).WithText(p.ready)
	case "status":
		return field.Of(p.status)
	case "restarts":
		return field.Int(p.restarts)
	case "cpu":
		return field.Millicores(p.milli)
	case "mem":
		return field.ByteCount(p.bytes)
	case "node":
		return field.Of(p.node)
	case "age":
		return field.SinceUnix(p.created)
	}
	return field.Value{}
}

func (p podRow) Labels() labels.Labels { return p.labels }

func BenchmarkMatch50000(b *testing.B) {
	pods := make([]pod, 50_000)
	for i := range pods {
		app := fmt.Sprintf("service-%03d", i%700)
		pods[i] = pod{
			namespace: fmt.Sprintf("team-%02d", i%40), name: fmt.Sprintf("%s-%08x-%05x", app, i*2654435761%(1<<32), i),
			status: "Running", node: fmt.Sprintf("node-%05d", i%5000), ready: "2/2", restarts: int32(i % 5), readyCount: 2,
			milli: int64(i % 4000), bytes: int64(i) << 16, created: now.Unix() - int64(i), labels: labels.Set{"app": app, "tier": "web"},
		}
	}
	for _, input := range []string{
		"service-123", "checkout", "e", "결제", "team-01 !node-00041",
		"restarts>3", "restarts>3 age<10m node=node-1* status!=Running", "cpu>500m mem>=1Gi", "ns=team-0?", "node~17$",
		"^service-12.*f$", "alpha|beta|gamma", "[0-9]x[0-9]", "-l app=service-123,tier!=db",
	} {
		f := parse(b, input)
		b.Run(input, func(b *testing.B) {
			b.ReportAllocs()
			r := new(podRow)
			for b.Loop() {
				n := 0
				for i := range pods {
					r.pod = &pods[i]
					if f.Match(r, now) {
						n++
					}
				}
				b.ReportMetric(float64(n), "rows")
			}
		})
	}
}
