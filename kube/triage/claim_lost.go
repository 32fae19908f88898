package triage

import "quarterdeck/kube/object"

// claimLost finds claims whose volume is gone, and the data with it.
func claimLost() Rule {
	return rule(Rule{ID: "pvc-lost", On: Claims, Checks: "claims keep their volumes", Depth: Cause},
		func(c *Cluster, k *object.Claim) *Finding {
			if k.Status != "Lost" {
				return nil
			}
			on := c.Ref(Claims, &k.Meta)
			f := &Finding{
				Severity: Crit, What: "lost its volume", Why: "volume " + k.Volume + " is gone or no longer its own",
				Evidence: []Evidence{{Text: "Lost", Source: FromField, Where: on.String() + " status.phase", On: on}},
				Actions: []Action{
					{Do: ShowYAML, On: on, Words: "shows which volume it had"},
					{Do: Delete, On: on, Words: "deletes the claim, so that one with a new volume can be made; restore the data from a backup"},
				},
			}
			for _, e := range c.Warnings(k.UID, "ClaimLost", "ClaimMisbound") {
				f.Since = e.First
				f.Evidence = append(f.Evidence, fromEvent(on, e))
			}
			return f
		})
}
