package triage_test

import (
	"slices"
	"testing"

	"quarterdeck/kube"
	"quarterdeck/kube/triage"
)

// What tells which changes may be behind an incident: what its pods need and where
// they run.
func TestFailure(t *testing.T) {
	_, client, i := badRelease(t)
	found := triage.Inspect(t.Context(), client, i, triage.Options{Now: atClock, NoLog: true})
	s := newScene(t, deployment("checkout", 2, 1)[0], pod("checkout", "checkout-1-a", crashes("Error", 1, "")))
	f := s.engine.Failure(i, found)
	if f.At != i.Since || f.Of != i.Root || !slices.Equal(f.With, i.Affected) || !slices.Equal(f.Nodes, []string{"node-1"}) {
		t.Errorf("%+v of %+v", f, i)
	}
	for _, name := range []string{"cm/settings", "secret/gateway"} {
		if !slices.ContainsFunc(f.Needs, func(r kube.Ref) bool { return r.String() == name && r.Namespace == "shop" }) {
			t.Errorf("nobody knows that it needs %s: %v", name, f.Needs)
		}
	}
	if before := s.engine.Failure(i, nil); len(before.Needs) != 0 {
		t.Errorf("nothing was read, but it needs %v", before.Needs)
	}
}
