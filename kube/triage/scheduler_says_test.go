package triage

import (
	"slices"
	"strings"
	"testing"
)

func TestSchedulerSays(t *testing.T) {
	const message = "0/12 nodes are available: 1 Too many pods, 3 Insufficient cpu, 8 node(s) had untolerated taint {pool: db}. preemption: 0/12 nodes are available: 12 Preemption is not helpful for scheduling."
	got := slices.Collect(schedulerSays(message))
	want := []refused{{noSlot, 1, "Too many pods"}, {noRoom, 3, "Insufficient cpu"}, {tainted, 8, "node(s) had untolerated taint {pool: db}"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if near, all := nearest(message); near != want[0] || all != 12 {
		t.Errorf("%v of %d", near, all)
	}
}

// FuzzSchedulerSays holds the parser to what follows from any message: reasons
// have words, those are in the message, and the nearest is one of them.
func FuzzSchedulerSays(f *testing.F) {
	for _, s := range []string{
		"", "0/4 nodes are available: 4 Insufficient cpu.", "0/0 nodes are available: .", "no nodes available to schedule pods",
		"0/3 nodes are available: 1 node(s) had untolerated taint {a: b}, 2 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
		"0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: none", "0/99999999999999999999 nodes are available: , , 5 .",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, message string) {
		var all []refused
		for r := range schedulerSays(message) {
			if r.words == "" || r.nodes < 0 || r.by >= predicates || !strings.Contains(message, r.words) {
				t.Errorf("%+v of %q", r, message)
			}
			all = append(all, r)
		}
		near, nodes := nearest(message)
		if nodes < 0 {
			t.Errorf("%d nodes in %q", nodes, message)
		}
		if near.by == noNodes && strings.HasPrefix(message, "0/0 ") {
			return
		}
		if len(all) > 0 != slices.Contains(all, near) {
			t.Errorf("nearest %+v is not one of %v", near, all)
		}
		for _, r := range all {
			if r.by > near.by {
				t.Errorf("%+v is nearer than %+v", r, near)
			}
		}
	})
}
