package triage

import (
	"regexp"
	"strings"

	"quarterdeck/kube/object"
)

// createRefused finds ReplicaSets whose pods the API server does not let be made:
// by a quota, a limit range, an admission webhook, pod security, a missing
// service account.
func createRefused() Rule {
	return rule(Rule{ID: "create-refused", On: ReplicaSets, Checks: "controllers may create their pods", Depth: Cause},
		func(c *Cluster, s *object.Workload) *Finding {
			if s.Trouble != "FailedCreate" || s.Deleted != 0 || s.Current >= s.Desired {
				return nil
			}
			on := c.Ref(ReplicaSets, &s.Meta)
			cond := s.Rolling.Condition("ReplicaFailure")
			f := &Finding{Severity: Warn, What: "cannot create its pods", Why: refusal(s.Message)}
			if cond != nil {
				f.Since = cond.Changed
				f.Evidence = []Evidence{{
					Text: cond.Reason + ": " + cond.Message, Source: FromCondition,
					Where: on.String() + " status.conditions[ReplicaFailure]", On: on, At: cond.Changed,
				}}
			}
			if q := quotaIn(s.Message); q != "" {
				quota := c.Named(Quotas, s.Namespace, q)
				if found, ok := Find[*object.Quota](c, Quotas, s.Namespace, q); ok {
					quota.UID = found.UID
				}
				f.Home, f.What = quota, "refuses pods"
				f.Actions = []Action{{Do: Edit, On: quota, Words: "opens quota " + q + " to raise what it allows"}, {Do: Scale, On: c.Home(on, s.Owner), Words: "asks for fewer pods"}}
			}
			return f
		})
}

var exceededQuota = regexp.MustCompile(`exceeded quota: ([^,\s]+)`)

// quotaIn returns the name of the quota that refused something, "" if it was
// none; see k8s.io/apiserver/pkg/admission/plugin/resourcequota.
func quotaIn(message string) string {
	if m := exceededQuota.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return ""
}

// refusal returns what is behind "forbidden": the reason alone.
func refusal(message string) string {
	if _, after, ok := strings.Cut(message, " is forbidden: "); ok {
		return after
	}
	return message
}
