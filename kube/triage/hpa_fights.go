package triage

import (
	"fmt"

	"quarterdeck/kube/object"
)

// hpaFights finds autoscalers that somebody else takes the number of replicas
// from: it is written into the manifest of what they scale, and applied again.
func hpaFights() Rule {
	return rule(Rule{ID: "hpa-fights", On: Autoscalers, Checks: "nobody else scales what an autoscaler scales", Depth: Cause},
		func(c *Cluster, a *object.Autoscaler) *Finding {
			if a.LastScale == 0 || a.Trouble || a.Deleted != 0 {
				return nil
			}
			target := c.target(a)
			w, ok := c.workloadNamed(target)
			if !ok || w.Rolling == nil {
				return nil
			}
			c.Depends(Resource(target.GVR.Resource), a.Namespace)
			by := w.Rolling.ReplicasBy
			// Autoscalers are a part of the controller manager. Somebody who sets the
			// number once, long after the autoscaler did, does not fight.
			const soon = 600
			if by.Manager == "" || by.Manager == "kube-controller-manager" || by.At < a.LastScale || by.At > a.LastScale+soon || w.Desired == a.Desired {
				return nil
			}
			on := c.Ref(Autoscalers, &a.Meta)
			return &Finding{
				Severity: Warn, What: "fights for the number of replicas", Since: by.At,
				Why: fmt.Sprintf("%s sets %s to %d, the autoscaler to %d", by.Manager, target, w.Desired, a.Desired),
				Evidence: []Evidence{
					{Text: by.Manager + " wrote the number of replicas", Source: FromField, Where: target.String() + " metadata.managedFields", On: target, At: by.At},
					{Text: "the autoscaler did before", Source: FromField, Where: on.String() + " status.lastScaleTime", On: on, At: a.LastScale},
				},
				Actions: []Action{
					{Do: ShowYAML, On: target, Words: "shows who wrote what; the replicas should not be in its manifest"},
					{Do: Edit, On: on, Words: "opens the autoscaler to raise its minimum instead"},
				},
			}
		})
}
