package triage

import (
	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube/object"
)

// budgetIdle finds disruption budgets whose selector matches no pod: whatever
// they were made for is not protected. What is scaled to zero has none.
func budgetIdle() Rule {
	return rule(Rule{ID: "budget-idle", On: Budgets, Checks: "disruption budgets protect pods", Needs: []Resource{Pods, Deployments, StatefulSets}, Depth: Effect},
		func(c *Cluster, b *object.Budget) *Finding {
			if b.Deleted != 0 || b.Expected > 0 || b.Healthy > 0 {
				return nil
			}
			if !c.Lasted(b.Created, missingGrace) {
				return nil
			}
			match, err := b.Match()
			if err != nil || c.protects(b.Namespace, match) {
				return nil
			}
			on := c.Ref(Budgets, &b.Meta)
			f := &Finding{
				Severity: Info, What: "protects no pod", Why: "selector " + b.Selector + " matches none",
				Evidence: []Evidence{{Text: "selector " + b.Selector, Source: FromField, Where: on.String() + " spec.selector", On: on}},
				Actions:  []Action{{Do: Edit, On: on, Words: "opens the budget to mend its selector"}},
			}
			if b.Selector == "" {
				f.Why = "it has no selector"
			}
			return f
		})
}

// protects reports whether a selector matches pods, or those that a workload of
// the namespace would have.
func (c *Cluster) protects(namespace string, match labels.Selector) bool {
	c.Depends(Pods, namespace)
	for p := range In[*object.Pod](c, Pods, namespace) {
		if match.Matches(p.Labels) {
			return true
		}
	}
	for _, r := range []Resource{Deployments, StatefulSets} {
		c.Depends(r, namespace)
		for w := range In[*object.Workload](c, r, namespace) {
			if match.Matches(w.PodLabels) {
				return true
			}
		}
	}
	return false
}
