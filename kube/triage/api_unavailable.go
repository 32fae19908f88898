package triage

import (
	"strings"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// apiGrace is how long an API may be unavailable while its server restarts, in
// seconds.
const apiGrace = 15

// apiUnavailable finds APIs whose own server the API server cannot reach; see
// https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/.
func apiUnavailable() Rule {
	return rule(Rule{ID: "api-unavailable", On: APIServices, Checks: "aggregated APIs are available", Depth: Symptom},
		func(c *Cluster, a *object.APIService) *Finding {
			t := a.Trouble
			if t == nil || a.Deleted != 0 || !c.Lasted(max(t.Changed, a.Created), apiGrace) {
				return nil
			}
			on := c.Ref(APIServices, &a.Meta)
			f := &Finding{
				Severity: Warn, What: "API " + groupVersion(a.Name) + " unavailable", Why: saying(t.Reason, t.Message), Since: max(t.Changed, a.Created),
				Evidence: []Evidence{{
					Text: "Available=False " + saying(t.Reason, t.Message), Source: FromCondition, Where: on.String() + " status.conditions[Available]", On: on, At: t.Changed,
				}},
				Actions: []Action{{Do: ShowYAML, On: on, Words: "shows " + on.String() + ", its conditions included"}},
			}
			if a.Service != "" {
				service := c.Named(Services, a.ServiceNamespace, a.Service)
				f.Blame = []kube.Ref{service}
				f.Evidence = append(f.Evidence, Evidence{Text: "served by " + service.Where(), Source: FromField, Where: on.String() + " spec.service", On: service})
			}
			return f
		})
}

// groupVersion writes the name of an APIService, "v1beta1.metrics.k8s.io", as
// everybody writes groups and versions.
func groupVersion(name string) string {
	version, group, ok := strings.Cut(name, ".")
	if !ok || group == "" {
		return name
	}
	return group + "/" + version
}
