package triage

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/object"
)

// quotaSteady is how long a quota must be as full as it is, in seconds: a rollout
// needs room for a moment for the pods of both revisions.
const quotaSteady = 30

// quotaFull finds quotas of compute resources and pods that are exhausted, or
// nearly so. Quotas of other objects are limits on their number that are meant
// to be reached, and a device that nobody uses is a waste: of those it is told
// when they refuse something. See https://kubernetes.io/docs/concepts/policy/resource-quotas/.
func quotaFull() Rule {
	return rule(Rule{ID: "quota-full", On: Quotas, Checks: "quotas of compute resources leave room", Depth: Progress},
		func(c *Cluster, q *object.Quota) *Finding {
			if q.Deleted != 0 {
				return nil
			}
			var full []string
			exhausted := 0
			for i := range q.Items {
				item := &q.Items[i]
				if item.Hard <= 0 || !compute(item.Name) || 10*item.Used <= 9*item.Hard {
					continue
				}
				if item.Used >= item.Hard {
					exhausted++
				}
				full = append(full, item.Words) // the fullest comes first
			}
			since := max(q.Counted, q.Created)
			if len(full) == 0 || !c.Lasted(since, quotaSteady) {
				return nil
			}
			on := c.Ref(Quotas, &q.Meta)
			f := &Finding{
				Severity: Warn, What: "quota exhausted", Why: strings.Join(full, ", "), Since: since,
				Evidence: []Evidence{{Text: q.Used, Source: FromField, Where: on.String() + " status.used", On: on, At: q.Counted}},
				Actions:  []Action{{Do: Edit, On: on, Words: "opens " + on.String() + " to raise what it allows"}},
			}
			if exhausted == 0 {
				f.Severity, f.What = Info, "quota above 90 %"
			}
			return f
		})
}

// compute reports whether a quota of a resource limits what pods use rather than
// how many objects of a kind there are.
func compute(name string) bool {
	switch corev1.ResourceName(name) {
	case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage, corev1.ResourcePods,
		corev1.ResourceRequestsCPU, corev1.ResourceRequestsMemory, corev1.ResourceRequestsEphemeralStorage, corev1.ResourceRequestsStorage,
		corev1.ResourceLimitsCPU, corev1.ResourceLimitsMemory, corev1.ResourceLimitsEphemeralStorage:
		return true
	}
	return strings.HasSuffix(name, ".storageclass.storage.k8s.io/requests.storage")
}
