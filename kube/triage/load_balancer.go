package triage

import "quarterdeck/kube/object"

const (
	externalName = "ExternalName"
	// balancerGrace is how long a cloud may take to make a load balancer, in
	// seconds.
	balancerGrace = 300
)

// loadBalancerPending finds services of type LoadBalancer that have no address
// yet; see https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer.
func loadBalancerPending() Rule {
	return rule(Rule{ID: "load-balancer-pending", On: Services, Checks: "load balancers have addresses", Depth: Progress},
		func(c *Cluster, s *object.Service) *Finding {
			if s.Type != "LoadBalancer" || s.External != "<pending>" || s.Deleted != 0 || !c.Lasted(s.Created, balancerGrace) {
				return nil
			}
			on := c.Ref(Services, &s.Meta)
			f := &Finding{
				Severity: Warn, What: "load balancer has no address", Why: "no controller has given it one", Since: s.Created,
				Evidence: []Evidence{{Text: "no ingress point", Source: FromField, Where: on.String() + " status.loadBalancer.ingress", On: on}},
				Actions: []Action{
					{Do: ShowEvents, On: on, Words: "shows what the load balancers' controller reported"},
					{Do: Edit, On: on, Words: "opens " + on.String() + ", to give it another class or type"},
				},
			}
			if said := c.Warnings(s.UID); len(said) > 0 {
				f.Why = saying(said[0].Reason, said[0].Message)
				f.Evidence = append(f.Evidence, fromEvent(on, said[0]))
			}
			return f
		})
}
