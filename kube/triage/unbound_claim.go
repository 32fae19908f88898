package triage

import (
	"regexp"
	"slices"
	"strings"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// unboundClaim finds pods that wait for claims to be bound; see
// https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding.
func unboundClaim() Rule {
	return unplacedRule(Rule{On: Pods, ID: "unbound-claim", Checks: "the volume claims of pods are bound"}, unbound,
		func(c *Cluster, p *object.Pod, _ refused, _ int) *Finding {
			f := &Finding{Why: "waits for volume claims that are not bound", Blame: c.pendingClaims(p)}
			for _, r := range f.Blame {
				f.Why = "waits for " + f.Blame[0].String() + ", which is not bound"
				f.Actions = append(f.Actions, Action{Do: ShowEvents, On: r, Words: "shows why " + r.String() + " is not bound"})
			}
			return f
		})
}

// pendingClaims returns the claims that a pod may wait for. Which ones it mounts
// is not read, so they are told by their names: those of a StatefulSet end in
// the pod's. The only one that waits must be it.
func (c *Cluster) pendingClaims(p *object.Pod) []kube.Ref {
	c.Depends(Claims, p.Namespace)
	var all, named []kube.Ref
	home := c.Home(c.Pod(p), p.Owner).Name
	for claim := range In[*object.Claim](c, Claims, p.Namespace) {
		if claim.Status != "Pending" && claim.Status != "Lost" {
			continue
		}
		r := c.Ref(Claims, &claim.Meta)
		all = append(all, r)
		if strings.HasSuffix(claim.Name, "-"+p.Name) || strings.HasPrefix(claim.Name, p.Name+"-") || strings.Contains(claim.Name, home) {
			named = append(named, r)
		}
	}
	if len(all) > 1 {
		all = named
	}
	slices.SortFunc(all, func(a, b kube.Ref) int { return strings.Compare(a.Name, b.Name) })
	return all
}

var claimName = regexp.MustCompile(`persistentvolumeclaim "([^"\s]+)"`)

// missingClaim finds pods whose volume claim does not exist, or is on its way
// out. The claim is the root, whoever waits for it.
func missingClaim() Rule {
	return unplacedRule(Rule{On: Pods, ID: "missing-claim", Checks: "the volume claims of pods exist"}, noClaim,
		func(c *Cluster, p *object.Pod, near refused, _ int) *Finding {
			m := claimName.FindStringSubmatch(near.words)
			if m == nil {
				return &Finding{Why: near.words}
			}
			claim := c.Named(Claims, p.Namespace, m[1])
			f := &Finding{Home: claim, What: "cannot be scheduled without " + claim.String(), Why: claim.String() + " does not exist"}
			if !strings.Contains(near.words, "not found") {
				if known, ok := Find[*object.Claim](c, Claims, p.Namespace, m[1]); ok {
					f.Home.UID = known.UID
				}
				_, says, _ := strings.Cut(near.words, `" `)
				f.Why = claim.String() + " " + says
			}
			f.Actions = c.undo(c.Home(c.Pod(p), p.Owner))
			return f
		})
}
