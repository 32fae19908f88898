package triage

import (
	"fmt"

	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// noEndpoints finds services with a selector and nothing behind them that
// answers.
func noEndpoints() Rule {
	return rule(Rule{
		ID: "no-endpoints", On: Services, Checks: "services have endpoints that are ready", Needs: []Resource{EndpointSlices, Pods}, Depth: Effect,
	}, func(c *Cluster, s *object.Service) *Finding {
		if s.Selector == "" || s.Deleted != 0 || s.Type == "ExternalName" {
			return nil
		}
		for e := range In[*object.EndpointSlice](c, EndpointSlices, s.Namespace) {
			if e.Service != s.Name {
				continue
			}
			for i := range e.Endpoints {
				if e.Endpoints[i].Ready {
					return nil
				}
			}
		}
		c.Depends(Pods, s.Namespace)
		selector, err := labels.Parse(s.Selector)
		if err != nil {
			return nil
		}
		var behind []kube.Ref
		since := s.Created
		for p := range In[*object.Pod](c, Pods, s.Namespace) {
			if selector.Matches(p.Labels) {
				behind = append(behind, c.Pod(p))
				since = max(since, p.Created)
			}
		}
		if !c.Lasted(since, missingGrace) {
			return nil
		}
		on := c.Ref(Services, &s.Meta)
		f := &Finding{
			Severity: Crit, What: "service has no ready endpoints", Why: fmt.Sprintf("%s, none ready", plural(len(behind), "pod")), Blame: behind,
			Evidence: []Evidence{{Text: "selector " + s.Selector + " matches " + plural(len(behind), "pod"), Source: FromField, Where: on.String() + " spec.selector", On: on}},
		}
		if len(behind) == 0 {
			f.Why = "selector " + s.Selector + " matches no pod"
			f.Actions = []Action{{Do: Edit, On: on, Words: "opens the service to mend its selector"}}
		}
		return f
	})
}
