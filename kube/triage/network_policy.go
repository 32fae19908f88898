package triage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// policyGrace is how long a policy that allows something may be made after the
// one that allows nothing, in seconds.
const policyGrace = 15

// networkPolicyIsolates finds network policies that let nobody reach the pods of
// a service: what a policy does not allow and no other does is refused. Who may
// reach a pod where one allows something is a question of its own; see
// https://kubernetes.io/docs/concepts/services-networking/network-policies/.
func networkPolicyIsolates() Rule {
	return rule(Rule{
		ID: "network-policy-isolates", On: NetworkPolicies, Checks: "network policies let somebody reach the pods of services",
		Needs: []Resource{Services, EndpointSlices, Pods}, Depth: Cause,
	}, func(c *Cluster, p *object.NetworkPolicy) *Finding {
		if p.Deleted != 0 || !p.Isolates || p.Allows {
			return nil
		}
		c.Depends(NetworkPolicies, p.Namespace)
		c.Depends(Services, p.Namespace)
		if !c.Lasted(p.Created, policyGrace) {
			return nil
		}
		cut := c.cutOff(p)
		if len(cut) == 0 {
			return nil
		}
		on := c.Ref(NetworkPolicies, &p.Meta)
		f := &Finding{
			Severity: Warn, What: "lets nobody reach " + cut[0].String(), Why: "it allows no ingress, nor does another policy", Since: p.Created,
			Evidence: []Evidence{{
				Text: "selects " + cmp.Or(p.Selector, "all pods") + " and has no ingress rules", Source: FromField, Where: on.String() + " spec.ingress", On: on,
			}},
			Actions: []Action{
				{Do: ShowYAML, On: on, Words: "shows " + on.String() + " whole"},
				{Do: Edit, On: on, Words: "opens " + on.String() + " to allow those who call the service"},
			},
		}
		if len(cut) > 1 {
			f.What += fmt.Sprintf(" and %d more", len(cut)-1)
		}
		for _, s := range cut {
			f.Evidence = append(f.Evidence, Evidence{Text: "all of its pods are isolated", Source: FromField, Where: s.String() + " spec.selector", On: s})
		}
		return f
	})
}

// cutOff returns the services none of whose pods anybody may reach, because of a
// policy.
func (c *Cluster) cutOff(p *object.NetworkPolicy) []kube.Ref {
	isolated, err := p.Match()
	if err != nil {
		return nil
	}
	var allowed []labels.Selector
	for other := range In[*object.NetworkPolicy](c, NetworkPolicies, p.Namespace) {
		if other.Allows && other.Isolates {
			if s, err := other.Match(); err == nil {
				allowed = append(allowed, s)
			}
		}
	}
	var cut []kube.Ref
	for s := range In[*object.Service](c, Services, p.Namespace) {
		if s.Selector == "" || s.Deleted != 0 {
			continue
		}
		pods := c.endpointPods(s)
		open := func(pod *object.Pod) bool {
			return !isolated.Matches(pod.Labels) || slices.ContainsFunc(allowed, func(a labels.Selector) bool { return a.Matches(pod.Labels) })
		}
		if len(pods) > 0 && !slices.ContainsFunc(pods, open) {
			cut = append(cut, c.Ref(Services, &s.Meta))
		}
	}
	slices.SortFunc(cut, func(a, b kube.Ref) int { return strings.Compare(a.Name, b.Name) })
	return cut
}

// endpointPods returns the pods of the ready endpoints of a service.
func (c *Cluster) endpointPods(s *object.Service) []*object.Pod {
	var pods []*object.Pod
	for _, e := range c.endpoints[place{s.Namespace, s.Name}] {
		for i := range e.Endpoints {
			if p, ok := Get[*object.Pod](c, Pods, e.Endpoints[i].Pod); ok && e.Endpoints[i].Ready {
				pods = append(pods, p)
			}
		}
	}
	return pods
}
