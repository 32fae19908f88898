package triage

import (
	"regexp"
	"strings"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// mountGrace is how long a volume may fail to be attached and mounted, in
// seconds: it may have to leave another node first.
const mountGrace = 60

// mountFailed finds pods that wait for a volume which cannot be attached or
// mounted; see https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding.
func mountFailed() Rule {
	return podRule(Rule{ID: "mount-failed", Checks: "volumes can be attached and mounted", Depth: Cause},
		func(c *Cluster, p *object.Pod) *Finding {
			if !starting(p) {
				return nil
			}
			for _, e := range c.Warnings(p.UID, "FailedMount", "FailedAttachVolume", "FailedMapVolume") {
				if missingIn(e.Message).name != "" {
					continue
				}
				if !c.Lasted(e.First, mountGrace) {
					return nil
				}
				claim, what := c.claimOf(p, e.Message)
				f := &Finding{
					Severity: Warn, What: "cannot mount a volume", Why: what + mountWhy(e.Message), Since: e.First, Evidence: []Evidence{fromEvent(c.Pod(p), e)},
					Blame: append(claim, c.blameNode(p)...),
				}
				for _, r := range claim {
					f.Actions = append(f.Actions, Action{Do: ShowEvents, On: r, Words: "shows what happens to " + r.String()})
				}
				return f
			}
			return nil
		})
}

var volumeName = regexp.MustCompile(`volume "([^"\s]+)"`)

// claimOf returns the claim of the volume that a message names, and what the
// volume is best called.
func (c *Cluster) claimOf(p *object.Pod, message string) ([]kube.Ref, string) {
	m := volumeName.FindStringSubmatch(message)
	if m == nil {
		return nil, ""
	}
	c.Depends(Claims, p.Namespace)
	for claim := range In[*object.Claim](c, Claims, p.Namespace) {
		if claim.Volume == m[1] {
			r := c.Ref(Claims, &claim.Meta)
			return []kube.Ref{r}, r.String() + ": "
		}
	}
	return nil, "volume " + m[1] + ": "
}

// mountWhy shortens what is said of a failed mount to its cause.
func mountWhy(message string) string {
	switch {
	case strings.Contains(message, "Multi-Attach"):
		return "still attached to another node"
	case strings.Contains(message, "timed out waiting for the condition"), strings.Contains(message, "context deadline exceeded"):
		return "its driver does not answer in time"
	case strings.Contains(message, "non-existent config key"), strings.Contains(message, "non-existent secret key"):
		return "it has no key " + lastPart(message)
	case strings.Contains(message, "driver name") && strings.Contains(message, "not found in the list of registered CSI drivers"):
		return "its driver does not run on the node"
	}
	return lastPart(message)
}
