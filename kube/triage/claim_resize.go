package triage

import "quarterdeck/kube/object"

// claimResize finds claims whose volumes do not grow as asked; see
// https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims.
func claimResize() Rule {
	const lasting = 300
	type words struct {
		why   string
		grace int64
	}
	stages := map[string]words{
		"Resizing":                {"its driver has not made the volume larger", lasting},
		"FileSystemResizePending": {"the file system grows when a node mounts it: no running pod uses it, or the pod has to be started again", lasting},
		"ControllerResizeError":   {}, "NodeResizeError": {}, "ModifyVolumeError": {},
		"ModifyingVolume": {"its driver has not changed the volume", lasting},
	}
	return rule(Rule{ID: "pvc-resize", On: Claims, Checks: "volumes grow when they should", Depth: Cause},
		func(c *Cluster, k *object.Claim) *Finding {
			for i := len(k.Conditions) - 1; i >= 0; i-- {
				cond := &k.Conditions[i]
				w, ok := stages[cond.Type]
				if !ok || k.Deleted != 0 || !c.Lasted(cond.Changed, w.grace) {
					continue
				}
				on := c.Ref(Claims, &k.Meta)
				f := &Finding{
					Severity: Warn, What: "is not resized", Why: w.why, Since: cond.Changed,
					Evidence: []Evidence{conditionOf(on, cond, "status.conditions["+cond.Type+"]")},
					Actions:  []Action{{Do: ShowEvents, On: on, Words: "shows what was tried to resize " + on.String()}},
				}
				if f.Why == "" {
					f.Why = said(cond)
				}
				for _, e := range c.Warnings(k.UID, "VolumeResizeFailed", "FileSystemResizeFailed", "VolumeModifyFailed") {
					f.Why = e.Message
					f.Evidence = append(f.Evidence, fromEvent(on, e))
					break
				}
				return f
			}
			return nil
		})
}
