package triage

import (
	"fmt"

	"quarterdeck/kube/object"
)

// volumeReleased finds volumes that keep the data of a claim that was deleted:
// nobody can claim them before somebody has seen to it.
func volumeReleased() Rule {
	return rule(Rule{ID: "pv-released", On: Volumes, Checks: "no volume waits for somebody to see to its data", Depth: Cause},
		func(c *Cluster, v *object.Volume) *Finding {
			if v.Phase != "Released" || !v.Keeps || v.Deleted != 0 {
				return nil
			}
			on := c.Ref(Volumes, &v.Meta)
			return &Finding{
				Severity: Info, What: "released, its data is kept", Since: v.Changed, Evidence: []Evidence{phaseOf(on, v)},
				Why: fmt.Sprintf("claim %s in %s is gone", v.Claim, v.ClaimNamespace),
				Actions: []Action{
					{Do: ShowYAML, On: on, Words: "shows what the volume is and whose it was"},
					{Do: Edit, On: on, Words: "opens the volume; without its claimRef it can be claimed again, with its data"},
					{Do: Delete, On: on, Words: "deletes the volume's entry once its data is not needed any more"},
				},
			}
		})
}
