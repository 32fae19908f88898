package triage

import (
	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// volumeFailed finds volumes that could not be reclaimed after their claims were
// deleted.
func volumeFailed() Rule {
	return rule(Rule{ID: "pv-failed", On: Volumes, Checks: "volumes are reclaimed", Depth: Cause},
		func(c *Cluster, v *object.Volume) *Finding {
			stuck := v.Phase == "Released" && !v.Keeps && c.Lasted(max(v.Changed, v.Created), missingGrace)
			if v.Phase != "Failed" && !stuck {
				return nil
			}
			on := c.Ref(Volumes, &v.Meta)
			f := &Finding{
				Severity: Warn, What: "cannot be reclaimed", Why: v.Message, Since: v.Changed, Evidence: []Evidence{phaseOf(on, v)},
				Actions: []Action{
					{Do: ShowYAML, On: on, Words: "shows what the volume is, and why it is not reclaimed"},
					{Do: Delete, On: on, Words: "deletes the volume's entry; what is behind it may have to be deleted by hand"},
				},
			}
			if f.Why == "" {
				f.Why = "its claim is gone, nobody deletes it"
			}
			for _, e := range c.Warnings(v.UID, "VolumeFailedDelete", "VolumeFailedRecycle") {
				f.Why, f.Evidence = e.Message, append(f.Evidence, fromEvent(on, e))
				break
			}
			return f
		})
}

func phaseOf(on kube.Ref, v *object.Volume) Evidence {
	return Evidence{Text: v.Phase, Source: FromField, Where: on.String() + " status.phase", On: on, At: v.Changed}
}
