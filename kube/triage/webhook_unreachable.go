package triage

import (
	"fmt"

	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
	similar "quarterdeck/nearest"
)

// webhookUnreachable finds admission webhooks that nobody answers for and that
// fail closed: everything that they are to be asked about is refused. See
// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#failure-policy.
func webhookUnreachable() []Rule {
	var rules []Rule
	for _, on := range []Resource{ValidatingWebhooks, MutatingWebhooks} {
		rules = append(rules, rule(Rule{
			ID: "webhook-unreachable", On: on, Checks: "admission webhooks that fail closed are answered", Needs: []Resource{Services, EndpointSlices}, Depth: Cause,
		}, func(c *Cluster, w *object.Webhooks) *Finding { return c.unansweredHook(on, w) }))
	}
	return rules
}

func (c *Cluster) unansweredHook(r Resource, w *object.Webhooks) *Finding {
	if w.Deleted != 0 {
		return nil
	}
	on := c.Ref(r, &w.Meta)
	var f *Finding
	for i := range w.Hooks {
		h := &w.Hooks[i]
		if !h.Fails || h.Service == "" || !c.reaches(h.Namespace) {
			continue
		}
		c.Depends(Services, h.Namespace)
		c.Depends(EndpointSlices, h.Namespace)
		why := c.unanswered(h, &w.Meta)
		if why == "" {
			continue
		}
		service := c.Named(Services, h.Namespace, h.Service)
		if f == nil {
			f = &Finding{
				Severity: Crit, What: "webhook refuses everything it is asked", Why: why, Blame: []kube.Ref{service},
				Actions: []Action{
					{Do: ShowEvents, On: service, Words: "shows what was reported about the service behind it"},
					{Do: Edit, On: on, Words: "opens " + on.String() + ", to let through what it cannot be asked about (failurePolicy: Ignore)"},
				},
			}
		}
		f.Evidence = append(f.Evidence, Evidence{
			Text: fmt.Sprintf("%s has failurePolicy Fail and is answered by %s: %s", h.Name, service.Where(), why), Source: FromField,
			Where: fmt.Sprintf("%s webhooks[%s]", on, h.Name), On: on,
		})
	}
	return f
}

// unanswered returns why nobody answers for a webhook, "" if somebody does or
// may do so soon.
func (c *Cluster) unanswered(h *object.Webhook, m *store.Meta) string {
	if c.answered(h.Namespace, h.Service) {
		return ""
	}
	s, ok := Find[*object.Service](c, Services, h.Namespace, h.Service)
	if !ok {
		if !c.Lasted(m.Created, missingGrace) {
			return ""
		}
		return fmt.Sprintf("there is no service %s in %s%s", h.Service, h.Namespace, similar.Hint(h.Service, c.serviceNames(h.Namespace)))
	}
	since := max(s.Created, m.Created)
	if selector, err := labels.Parse(s.Selector); err == nil && s.Selector != "" {
		since = max(since, c.backed(s, selector).since)
	}
	if !c.Lasted(since, missingGrace) {
		return ""
	}
	return fmt.Sprintf("service %s in %s has no ready endpoints", h.Service, h.Namespace)
}
