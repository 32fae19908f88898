package triage

import (
	"fmt"
	"slices"
	"strings"

	"quarterdeck/kube/object"
	similar "quarterdeck/nearest"
)

// namedLater is how long what an ingress names may be made after it, in seconds:
// all of an application is applied at once, in any order.
const namedLater = 30

// ingressBackend finds ingresses that lead to services or ports that do not
// exist; see https://kubernetes.io/docs/concepts/services-networking/ingress/#ingress-rules.
func ingressBackend() Rule {
	return rule(Rule{
		ID: "ingress-backend", On: Ingresses, Checks: "ingresses lead to services and ports that exist", Needs: []Resource{Services}, Depth: Cause,
	}, func(c *Cluster, i *object.Ingress) *Finding {
		if i.Deleted != 0 || len(i.Backends) == 0 {
			return nil
		}
		c.Depends(Services, i.Namespace)
		if !c.Lasted(i.Created, namedLater) {
			return nil
		}
		on := c.Ref(Ingresses, &i.Meta)
		var broken []object.IngressBackend
		f := &Finding{Severity: Warn, What: "leads nowhere"}
		for _, b := range i.Backends {
			why := c.nowhere(i.Namespace, b)
			if why == "" {
				continue
			}
			broken = append(broken, b)
			if f.Why == "" {
				f.Why = why
			}
			path := b.Path
			if path == "" {
				path = "the default backend"
			}
			f.Evidence = append(f.Evidence, Evidence{Text: path + ": " + why, Source: FromField, Where: on.String() + " spec.rules", On: on})
		}
		if len(broken) == 0 {
			return nil
		}
		if len(broken) == len(i.Backends) {
			f.Severity = Crit
		} else {
			f.What = fmt.Sprintf("%d of %s lead nowhere", len(broken), plural(len(i.Backends), "path"))
		}
		f.Actions = []Action{
			{Do: ShowYAML, On: on, Words: "shows " + on.String() + " whole"},
			{Do: Edit, On: on, Words: "opens " + on.String() + " to mend the service that it names"},
		}
		return f
	})
}

// nowhere returns why a backend of an ingress leads nowhere, "" if it leads
// somewhere.
func (c *Cluster) nowhere(namespace string, b object.IngressBackend) string {
	s, ok := Find[*object.Service](c, Services, namespace, b.Service)
	if !ok {
		return "there is no service " + b.Service + similar.Hint(b.Service, c.serviceNames(namespace))
	}
	if s.Type == externalName {
		return "" // which has ports of its own accord
	}
	var names []string
	for i := range s.Targets {
		t := &s.Targets[i]
		if b.Port != "" && t.Name == b.Port || b.Port == "" && t.Port == b.Number {
			return ""
		}
		if t.Name != "" {
			names = append(names, t.Name)
		}
	}
	if b.Port != "" {
		return fmt.Sprintf("service %s has no port %q%s", b.Service, b.Port, similar.Hint(b.Port, names))
	}
	return fmt.Sprintf("service %s has no port %d, but %s", b.Service, b.Number, s.Ports)
}

// ingressClass finds ingresses that no controller takes: their class does not
// exist, or they have none and there is no default; see
// https://kubernetes.io/docs/concepts/services-networking/ingress/#ingress-class.
func ingressClass() Rule {
	return rule(Rule{
		ID: "ingress-class", On: Ingresses, Checks: "ingresses have a class and with it a controller", Needs: []Resource{IngressClasses}, Depth: Cause,
	}, func(c *Cluster, i *object.Ingress) *Finding {
		// A controller that has given it an address may well take ingresses without
		// a class.
		if i.Deleted != 0 || i.Legacy || i.Class == "" && i.Served {
			return nil
		}
		c.Depends(IngressClasses, "")
		if !c.Lasted(i.Created, namedLater) {
			return nil
		}
		var classes []string
		for k := range In[*object.IngressClass](c, IngressClasses, "") {
			if k.Name == i.Class || i.Class == "" && k.Default {
				return nil
			}
			classes = append(classes, k.Name)
		}
		slices.Sort(classes)
		on := c.Ref(Ingresses, &i.Meta)
		f := &Finding{
			Severity: Warn, What: "no controller takes it", Why: "it names no class and there is no default", Since: i.Created,
			Evidence: []Evidence{{
				Text: fmt.Sprintf("class %q of %s", i.Class, listOr(classes, "none")), Source: FromField, Where: on.String() + " spec.ingressClassName", On: on,
			}},
			Actions: []Action{{Do: Edit, On: on, Words: "opens " + on.String() + " to give it a class that exists"}},
		}
		if i.Class != "" {
			f.Why = "there is no ingress class " + i.Class + similar.Hint(i.Class, classes)
		}
		return f
	})
}

// listOr joins words, or returns what to say if there is none.
func listOr(list []string, none string) string {
	if len(list) == 0 {
		return none
	}
	return strings.Join(list, ", ")
}

// ingressTLS finds ingresses whose certificate is missing, unusable or for other
// hosts; see https://kubernetes.io/docs/concepts/services-networking/ingress/#tls.
func ingressTLS() Rule {
	return rule(Rule{
		ID: "ingress-tls", On: Ingresses, Checks: "the certificates of ingresses exist and cover their hosts", Needs: []Resource{Secrets}, Depth: Cause,
	}, func(c *Cluster, i *object.Ingress) *Finding {
		if i.Deleted != 0 || len(i.TLS) == 0 {
			return nil
		}
		c.Depends(Secrets, i.Namespace)
		on := c.Ref(Ingresses, &i.Meta)
		for n, t := range i.TLS {
			if t.Secret == "" {
				continue
			}
			what, why := c.uncovered(i, &t)
			if why == "" {
				continue
			}
			return &Finding{
				Severity: Warn, What: what, Why: why, Blame: nil,
				Evidence: []Evidence{{
					Text: fmt.Sprintf("secret %s for %s", t.Secret, listOr(t.Hosts, "all hosts")), Source: FromField, Where: fmt.Sprintf("%s spec.tls[%d]", on, n), On: on,
				}},
				Actions: []Action{
					{Do: ShowEvents, On: on, Words: "shows what was reported about " + on.String()},
					{Do: Edit, On: on, Words: "opens " + on.String() + " to mend the secret that it names"},
				},
			}
		}
		return nil
	})
}

// certificateLater is how long a certificate may be issued after the ingress
// that it is for, in seconds.
const certificateLater = 120

// uncovered returns what is wrong with the certificate of an ingress and why, ""
// if nothing is.
func (c *Cluster) uncovered(i *object.Ingress, t *object.IngressTLS) (what, why string) {
	cert, ok := Find[*object.Certificate](c, Secrets, i.Namespace, t.Secret)
	if !ok {
		if !c.Lasted(i.Created, certificateLater) {
			return "", ""
		}
		var names []string
		for k := range In[*object.Certificate](c, Secrets, i.Namespace) {
			names = append(names, k.Name)
		}
		slices.Sort(names)
		return "no certificate", "there is no TLS secret " + t.Secret + similar.Hint(t.Secret, names)
	}
	if cert.Broken != "" { // which is told of the secret itself
		return "", ""
	}
	for _, h := range t.Hosts {
		if !cert.Covers(h) {
			return "certificate is for other hosts", fmt.Sprintf("%s is for %s and not %s", t.Secret, listOr(cert.Names, "no host"), h)
		}
	}
	return "", ""
}
