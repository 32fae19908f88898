package triage

import (
	"fmt"

	"quarterdeck/kube/object"
)

// leaseGrace is the least time after which a leader is missed, in seconds: one
// that ends properly leaves a lease of a second for the next to take.
const leaseGrace = 30

// leaseStale finds leases of the control plane that nobody renews: its scheduler
// or its controllers do not work. See
// https://kubernetes.io/docs/concepts/architecture/leases/#leader-election.
func leaseStale() Rule {
	return rule(Rule{ID: "lease-stale", On: Leases, Checks: "the scheduler and the controller manager are at work", Depth: Cause},
		func(c *Cluster, l *object.Lease) *Finding {
			what := ""
			switch l.Name {
			case "kube-scheduler":
				what = "scheduler does not work: nothing new gets a node"
			case "kube-controller-manager":
				what = "controller manager does not work: nothing is scaled, replaced or cleaned up"
			case "cloud-controller-manager":
				what = "cloud controller manager does not work: no nodes or load balancers are set up"
			default:
				return nil
			}
			if l.Renewed == 0 || l.Deleted != 0 {
				return nil
			}
			lasts := max(2*int64(l.Lasts), leaseGrace)
			if !c.Lasted(l.Renewed, lasts) {
				return nil
			}
			// The time is told by another clock. Where others renew their leases, they
			// tell what it shows now.
			if now := c.renewed(l); now != 0 && now-l.Renewed < lasts {
				c.Later(c.Now + 5)
				return nil
			}
			on := c.Ref(Leases, &l.Meta)
			return &Finding{
				Severity: Crit, What: what, Why: fmt.Sprintf("%s has not renewed its lease", holder(l)), Since: l.Renewed,
				Evidence: []Evidence{{
					Text: fmt.Sprintf("last renewed by %s, lasts %d s", holder(l), l.Lasts), Source: FromField, Where: on.String() + " spec.renewTime", On: on, At: l.Renewed,
				}},
				Actions: []Action{{Do: ShowYAML, On: on, Words: "shows who held " + on.String() + " and until when"}},
			}
		})
}

func holder(l *object.Lease) string {
	if l.Holder == "" {
		return "nobody"
	}
	return l.Holder
}

// renewed returns when the last of the other leases was renewed, 0 if there is
// none.
func (c *Cluster) renewed(l *object.Lease) int64 {
	last := int64(0)
	for o := range In[*object.Lease](c, Leases, l.Namespace) {
		if o != l {
			last = max(last, o.Renewed)
		}
	}
	return last
}
