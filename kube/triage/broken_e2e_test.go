//go:build e2e

package triage_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"quarterdeck/kube/kubetest"
	"quarterdeck/kube/triage"
)

// breaks adds all incidents at once. Each is one row, at its root, with its
// cause and what to do first.
func (s shop) breaks(t *testing.T, now, later, developer, viewer *follower) {
	shown := s.observe(t)
	now.forget()
	// First what the others meet: nodes where nothing more is placed, and what
	// has to be within a quota before that is cut.
	first := []string{"unschedulable-too-big"}
	for _, e := range expectedNodes() {
		first = append(first, e.incident)
	}
	s.cordon(t, silentNode, true)
	s.incident(t, "add", first...)
	s.until(t, "nodes and quota are ready for the rest", func(context.Context) (bool, error) {
		return !slices.ContainsFunc(first, func(incident string) bool { return incident != "node-not-ready" && shown.at(incident).IsZero() }), nil
	})
	s.incident(t, "add", slices.DeleteFunc(incidents(), func(name string) bool { return slices.Contains(first, name) })...)
	t.Run("found", func(t *testing.T) {
		defer logLatencies(t, shown, now)
		defer func() {
			if t.Failed() {
				for _, i := range now.current().Incidents {
					t.Log(rowOf(i))
				}
			}
		}()
		now.await(t, "all incidents are found", mismatches)
		// The signs come by watches of their own, which may be behind.
		kubetest.Until(t, "the sign of each incident is seen", func() bool {
			return !slices.ContainsFunc(expectations(), func(e expectation) bool { return !e.forgotten && shown.at(e.incident).IsZero() })
		})
	})
	t.Run("found when forgotten", func(t *testing.T) { later.await(t, "all incidents are found", forgotten) })
	t.Run("few rights", func(t *testing.T) {
		developer.await(t, "the incidents of payments", withoutCluster)
		viewer.await(t, "the incidents without Secrets", withoutSecrets)
	})
}

// silentNode is the node whose kubelet goes silent, which takes the controllers 40 s
// to notice: until then it would be given pods.
const silentNode = "std-c-02"

func (s shop) cordon(t *testing.T, node string, on bool) {
	t.Helper()
	patch := fmt.Sprintf(`{"spec":{"unschedulable":%t}}`, on)
	if _, err := s.admin.CoreV1().Nodes().Patch(t.Context(), node, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// mismatches compares a report with what is expected: every row, and no other.
// What takes long to be an incident may be there, or not yet.
func mismatches(r *triage.Report) []string {
	return missing(r, func(expectation) bool { return true })
}

// missing compares a report with what is expected where it can be seen.
func missing(r *triage.Report, sees func(expectation) bool) []string {
	wrong, roots := compare(r, func(e expectation) bool { return !e.forgotten && sees(e) }), map[string]bool{}
	for _, e := range expectations() {
		roots[e.root] = roots[e.root] || sees(e)
	}
	for _, i := range r.Incidents {
		if !roots[i.Root.Where()] {
			wrong = append(wrong, "one too many: "+rowOf(i))
		}
	}
	return wrong
}

// forgotten compares what is expected of incidents that nobody cared for.
func forgotten(r *triage.Report) []string {
	return compare(r, func(e expectation) bool { return e.forgotten })
}

// compare reports which of the expected rows are missing or different.
func compare(r *triage.Report, expected func(expectation) bool) []string {
	var wrong []string
	for _, e := range expectations() {
		if !expected(e) {
			continue
		}
		i := slices.IndexFunc(r.Incidents, func(i *triage.Incident) bool { return i.Root.Where() == e.root })
		if i < 0 {
			wrong = append(wrong, fmt.Sprintf("%s: nothing at %s", e.incident, e.root))
			continue
		}
		wrong = append(wrong, e.differs(r.Incidents[i])...)
	}
	return wrong
}

// differs reports what is not as expected of a row.
func (e expectation) differs(i *triage.Incident) []string {
	var wrong []string
	if !slices.Contains(i.Rules, e.rule) {
		wrong = append(wrong, "its rules")
	}
	if !strings.Contains(i.Cause, e.cause) {
		wrong = append(wrong, fmt.Sprintf("its cause without %q", e.cause))
	}
	if len(i.Actions) == 0 || i.Actions[0].Do != e.first {
		wrong = append(wrong, fmt.Sprintf("its first action, not %q", e.first))
	}
	for n, w := range wrong {
		wrong[n] = fmt.Sprintf("%s: %s: %s (want %s)", e.incident, w, rowOf(i), e.rule)
	}
	return wrong
}

// logLatencies tells how long after the API showed an incident it was found. It
// asserts nothing: the machine may be busy.
func logLatencies(t *testing.T, shown *signs, f *follower) {
	var all []time.Duration
	for _, e := range expectations() {
		if e.forgotten {
			continue
		}
		api, found := shown.at(e.incident), f.at(e.root, e.rule)
		switch {
		case api.IsZero():
			t.Errorf("%s: its sign was not seen: %+v", e.incident, e.shows)
		case found.IsZero():
			t.Logf("%-28s not found by %s at %s", e.incident, e.rule, e.root)
		default:
			took := found.Sub(api)
			note := ""
			if e.grace > 0 {
				note = fmt.Sprintf(" (%v of it grace)", e.grace)
				took -= e.grace
			}
			all = append(all, took)
			t.Logf("%-28s found after %v%s", e.incident, found.Sub(api).Round(time.Millisecond), note)
		}
	}
	slices.Sort(all)
	if n := len(all); n > 0 {
		t.Logf("%d incidents, without their grace: median %v, worst %v", n, all[n/2].Round(time.Millisecond), all[n-1].Round(time.Millisecond))
	}
}

// withoutCluster reports what is not as payments-dev should see it: the rows of
// that namespace, and that nothing of the cluster's own was read. A workload
// with a pod on a dead node is a row too, for who cannot see the node.
func withoutCluster(r *triage.Report) []string {
	ours := func(root string) bool { return strings.HasSuffix(root, " in payments") }
	wrong := compare(r, func(e expectation) bool { return !e.forgotten && ours(e.root) })
	for _, i := range r.Incidents {
		if !ours(i.Root.Where()) {
			wrong = append(wrong, "of another namespace: "+rowOf(i))
		}
	}
	return append(wrong, unread(r,
		triage.Nodes, triage.Namespaces, triage.Volumes, triage.StorageClasses, triage.IngressClasses, triage.APIServices,
		triage.ValidatingWebhooks, triage.MutatingWebhooks, triage.Definitions, triage.SigningRequests, triage.Leases,
	)...)
}

// withoutSecrets is the same for viewer, who sees what the role "view" shows and
// the cluster's nodes and volumes: neither Secrets nor custom resources.
func withoutSecrets(r *triage.Report) []string {
	wrong := missing(r, func(e expectation) bool {
		return !slices.Contains([]string{"certificate-expiry", "ingress-class", "custom-resource"}, e.rule)
	})
	return append(wrong, unread(r, triage.Secrets, triage.CustomResources, triage.IngressClasses, triage.SigningRequests)...)
}

// unread reports whether other resources than some were not read.
func unread(r *triage.Report, not ...triage.Resource) []string {
	var wrong []string
	for _, n := range r.NotRead {
		if !slices.Contains(not, n.Resource) {
			wrong = append(wrong, fmt.Sprintf("%s is not read", n.Resource))
		}
	}
	for _, n := range not {
		if !slices.ContainsFunc(r.NotRead, func(have triage.NotRead) bool { return have.Resource == n }) {
			wrong = append(wrong, fmt.Sprintf("it does not tell that %s is not read", n))
		}
	}
	return wrong
}
