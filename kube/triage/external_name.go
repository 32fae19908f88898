package triage

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"quarterdeck/kube/object"
	similar "quarterdeck/nearest"
)

// externalNameBroken finds services of type ExternalName whose name cannot be
// resolved: none, an IP address, which is no name for DNS, or a service of the
// cluster that does not exist; see
// https://kubernetes.io/docs/concepts/services-networking/service/#externalname.
func externalNameBroken() Rule {
	return rule(Rule{ID: "external-name", On: Services, Checks: "external names can be resolved", Depth: Cause},
		func(c *Cluster, s *object.Service) *Finding {
			if s.Type != externalName || s.Deleted != 0 {
				return nil
			}
			why := c.unresolvable(s)
			if why == "" {
				return nil
			}
			on := c.Ref(Services, &s.Meta)
			return &Finding{
				Severity: Crit, What: "external name is broken", Why: why, Since: s.Created,
				Evidence: []Evidence{{Text: fmt.Sprintf("externalName %q", s.External), Source: FromField, Where: on.String() + " spec.externalName", On: on}},
				Actions:  []Action{{Do: Edit, On: on, Words: "opens " + on.String() + " to mend its externalName"}},
			}
		})
}

// unresolvable returns why the name of a service cannot be resolved, "" if it
// may be.
func (c *Cluster) unresolvable(s *object.Service) string {
	name := strings.TrimSuffix(strings.ToLower(s.External), ".")
	if name == "" {
		return "it has no externalName"
	}
	if _, err := netip.ParseAddr(name); err == nil {
		if c.servesAPI(s) { // the API server does not ask DNS
			return ""
		}
		return name + " is an address and not a name"
	}
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return fmt.Sprintf("%q is no DNS name", s.External)
	}
	parts := strings.SplitN(name, ".", 4)
	if len(parts) < 3 || parts[2] != "svc" || len(parts) == 4 && parts[3] != "cluster.local" {
		return ""
	}
	if !c.reaches(parts[1]) || !c.Knows(Services) {
		return ""
	}
	c.Depends(Services, parts[1])
	if _, ok := Find[*object.Service](c, Services, parts[1], parts[0]); ok || !c.Lasted(s.Created, namedGrace) {
		return ""
	}
	return "there is no service " + parts[0] + " in " + parts[1] + similar.Hint(parts[0], c.serviceNames(parts[1]))
}

// servesAPI reports whether an API is registered to be served by a service.
func (c *Cluster) servesAPI(s *object.Service) bool {
	c.Depends(APIServices, "")
	for a := range In[*object.APIService](c, APIServices, "") {
		if a.Service == s.Name && a.ServiceNamespace == s.Namespace {
			return true
		}
	}
	return false
}

// namedGrace is how long after a service the one that it names may be made,
// in seconds.
const namedGrace = 60

// serviceNames returns the names of the services of a namespace, in order.
func (c *Cluster) serviceNames(namespace string) []string {
	var names []string
	for s := range In[*object.Service](c, Services, namespace) {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return names
}
