package triage

import (
	"fmt"

	"quarterdeck/kube/object"
)

// claimPending finds claims that get no volume; see
// https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding.
// Claims of a class that waits for its first consumer are as they should be until
// a pod is to run somewhere.
func claimPending() Rule {
	return rule(Rule{ID: "pvc-pending", On: Claims, Checks: "claims get their volumes", Needs: []Resource{StorageClasses}, Depth: Cause},
		func(c *Cluster, k *object.Claim) *Finding {
			if k.Status != "Pending" || k.Deleted != 0 {
				return nil
			}
			on := c.Ref(Claims, &k.Meta)
			c.Depends(StorageClasses, "")
			class, known := Find[*object.StorageClass](c, StorageClasses, "", k.Class)
			f := &Finding{
				Severity: Warn, What: "no volume", Since: k.Created,
				Evidence: []Evidence{{Text: "Pending", Source: FromField, Where: on.String() + " status.phase", On: on}},
				Actions:  []Action{{Do: ShowEvents, On: on, Words: "shows what was tried to bind " + on.String()}},
			}
			grace := int64(missingGrace)
			const settled = 10 // who makes claims may make what they name right after
			recreate := Action{Do: ShowYAML, On: on, Words: "shows the claim: to be of another class it has to be made anew"}
			switch {
			case k.Volume != "":
				f.Why, grace = c.awaited(k), settled
			case k.Class == "":
				f.Why, grace = "it names no storage class, there is no default, and no volume fits it", settled
				if d := c.defaultClass(); d != "" {
					f.Why = "it asks for no storage class, and no volume without one fits it"
				}
				f.Actions = append(f.Actions, recreate)
			case !known:
				f.Why, grace = "storage class "+k.Class+" does not exist", settled
				f.Actions = append(f.Actions, recreate)
			case class.Waits && k.Node == "":
				f.Why = ""
			case class.Static():
				f.Why, grace = "no free volume of class "+k.Class+" fits it", settled
			default:
				f.Why = "provisioner " + class.Provisioner + " has not made a volume"
			}
			if warnings := c.Warnings(k.UID, "ProvisioningFailed", "FailedBinding", "VolumeMismatch"); len(warnings) > 0 {
				e := warnings[0]
				if known || e.Reason != "ProvisioningFailed" { // which else says the same in more words
					f.Why, f.Since, grace = e.Message, e.First, 0
				}
				f.Evidence = append(f.Evidence, fromEvent(on, e))
			}
			if f.Why == "" || !c.Lasted(k.Created, grace) {
				return nil
			}
			return f
		})
}

// awaited tells what is the matter with the volume that a claim names.
func (c *Cluster) awaited(k *object.Claim) string {
	c.Depends(Volumes, "")
	v, ok := Find[*object.Volume](c, Volumes, "", k.Volume)
	switch {
	case !ok && !c.Knows(Volumes):
		return "waits for volume " + k.Volume
	case !ok:
		return "volume " + k.Volume + " does not exist"
	case v.Claim != "" && (v.Claim != k.Name || v.ClaimNamespace != k.Namespace):
		return fmt.Sprintf("volume %s is for claim %s in %s", k.Volume, v.Claim, v.ClaimNamespace)
	case v.ClaimUID != "" && v.ClaimUID != k.UID:
		return "volume " + k.Volume + " was for an earlier claim of this name"
	case v.Class != k.Class:
		return fmt.Sprintf("volume %s is of class %q", k.Volume, v.Class)
	case v.Capacity < k.Asked:
		return "volume " + k.Volume + " is too small"
	}
	return "volume " + k.Volume + " is " + v.Phase
}

// defaultClass returns the name of the storage class of claims that name none.
func (c *Cluster) defaultClass() string {
	for s := range In[*object.StorageClass](c, StorageClasses, "") {
		if s.Default {
			return s.Name
		}
	}
	return ""
}
