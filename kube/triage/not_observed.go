package triage

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// notObserved finds workloads whose controller does not act on what they ask for
// now: status.observedGeneration is behind metadata.generation.
func notObserved() []Rule {
	return rolling(Rule{ID: "not-observed", Checks: "controllers act on changes", Depth: Progress},
		func(c *Cluster, w *object.Workload) *Finding {
			if !w.Behind || w.Deleted != 0 {
				return nil
			}
			const grace = 30
			since, ok := c.Lasts(grace)
			if !ok {
				return nil
			}
			on := c.Ref(resourceOf(w), &w.Meta)
			return &Finding{
				Severity: Warn, What: "change not acted on", Why: "its controller does not work", Since: since,
				Blame: []kube.Ref{c.Named(Leases, metav1.NamespaceSystem, "kube-controller-manager")},
				Evidence: []Evidence{{
					Text:   fmt.Sprintf("generation %d, its controller has seen %d", w.Rolling.Generation, w.Rolling.Observed),
					Source: FromField, Where: on.String() + " status.observedGeneration", On: on,
				}},
				Actions: []Action{{Do: ShowYAML, On: on, Words: "shows what it asks for and what its controller has seen"}},
			}
		})
}
