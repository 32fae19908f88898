//go:build e2e

package headroom_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/kubectl/pkg/describe"

	"quarterdeck/kube/headroom"
	"quarterdeck/kube/kubetest"
)

// described is what kubectl describe node says in numbers: of CPU in millicores,
// of memory in bytes.
type described struct {
	pods                int64
	requested, limits   map[string]int64 // of all, as in the table of totals
	cpu, memory         int64            // the requests of its pods, added up
	cpuLimit, memoryLim int64
}

func quantity(t *testing.T, name, s string) int64 {
	t.Helper()
	q, err := resource.ParseQuantity(s)
	if err != nil {
		t.Fatalf("%s of %q: %v", name, s, err)
	}
	if name == "cpu" {
		return q.MilliValue()
	}
	return q.Value()
}

func (c *cluster) describe(t *testing.T, node string) described {
	t.Helper()
	text, err := (&describe.NodeDescriber{Interface: c}).Describe("", node, describe.DescriberSettings{ChunkSize: 500})
	if err != nil {
		t.Fatal(err)
	}
	d := described{requested: map[string]int64{}, limits: map[string]int64{}}
	section := ""
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case !strings.HasPrefix(line, " "):
			section, _, _ = strings.Cut(line, ":")
			if section == "Non-terminated Pods" {
				_, err := fmt.Sscanf(line[strings.Index(line, "("):], "(%d in total)", &d.pods)
				if err != nil {
					t.Fatal(line, err)
				}
			}
		case section == "Non-terminated Pods" && len(f) == 11 && strings.HasSuffix(f[3], "%)"):
			d.cpu += quantity(t, "cpu", f[2])
			d.cpuLimit += quantity(t, "cpu", f[4])
			d.memory += quantity(t, "memory", f[6])
			d.memoryLim += quantity(t, "memory", f[8])
		case section == "Allocated resources" && len(f) == 5 && strings.HasSuffix(f[2], "%)"):
			d.requested[f[0]], d.limits[f[0]] = quantity(t, f[0], f[1]), quantity(t, f[0], f[3])
		case section == "Allocated resources" && len(f) == 3 && strings.Contains(f[0], "/"):
			d.requested[f[0]], d.limits[f[0]] = quantity(t, f[0], f[1]), quantity(t, f[0], f[2])
		}
	}
	if len(d.requested) < 3 {
		t.Fatalf("there is no table of totals in %s", text)
	}
	return d
}

func (c *cluster) testDescribe(t *testing.T) {
	f, _ := c.feed(t, "", "")
	names := map[string]bool{}
	for n := range c.ledger(t, f).AllNodes() {
		names[n.Name] = true
	}
	if len(names) < 10 {
		t.Fatalf("only %d nodes", len(names))
	}
	for name := range names {
		// Pods come and go in the shop: of the two that read it one may be ahead.
		kubetest.Succeeds(t, func(context.Context) error {
			d, l := c.describe(t, name), f.Take()
			for _, r := range l.Rows(headroom.ByNode) {
				if r.Name == name {
					return compare(r, d)
				}
			}
			return fmt.Errorf("no row for %s", name)
		})
	}
}

func compare(r *headroom.Row, d described) error {
	type pair struct {
		what      string
		ours, its int64
	}
	pairs := []pair{
		{"pods", r.Requested.Pods, d.pods},
		{"CPU of its pods", r.Requested.CPU, d.cpu},
		{"memory of its pods", r.Requested.Memory, d.memory},
		{"CPU limits of its pods", r.Limits.CPU, d.cpuLimit},
		{"memory limits of its pods", r.Limits.Memory, d.memoryLim},
		{"ephemeral storage", r.Requested.Ephemeral, d.requested["ephemeral-storage"]},
		{"GPUs", r.Requested.Other("example.com/gpu"), d.requested["example.com/gpu"]},
		{"limits of GPUs", r.Limits.Other("example.com/gpu"), d.limits["example.com/gpu"]},
	}
	if r.Name != room { // whose totals kubectl takes from the spec of the resized pod
		pairs = append(pairs,
			pair{"CPU", r.Requested.CPU, d.requested["cpu"]}, pair{"memory", r.Requested.Memory, d.requested["memory"]},
			pair{"CPU limits", r.Limits.CPU, d.limits["cpu"]}, pair{"memory limits", r.Limits.Memory, d.limits["memory"]})
	} else if r.Requested.CPU == d.requested["cpu"] {
		return fmt.Errorf("the pod that is being resized is counted by its spec alone: %d", r.Requested.CPU)
	}
	for _, p := range pairs {
		if p.ours != p.its {
			return fmt.Errorf("%s of %s: %d, kubectl says %d", p.what, r.Name, p.ours, p.its)
		}
	}
	return nil
}
