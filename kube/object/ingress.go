package object

import (
	"cmp"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"quarterdeck/kube/store"
)

// Ingresses declares how ingresses are read.
func Ingresses() store.Kind[*Ingress] {
	return store.Typed(networkingv1.SchemeGroupVersion.WithResource("ingresses"), "Ingress", true, newIngress)
}

// Ingress is a compact ingress.
type Ingress struct {
	store.Meta
	Class    string // "" if it names none
	Legacy   bool   // Class is in the annotation of before IngressClasses, and need not be one
	Served   bool   // a controller has given it an address
	Address  string // those, separated by commas
	Backends []IngressBackend
	TLS      []IngressTLS
}

// IngressBackend is a service to which an ingress leads.
type IngressBackend struct {
	Path    string // "shop.example.com/cart", "" for the default backend
	Host    string // "" for all
	Rule    int16  // its place in the ingress: of the rule, and of the path in it; -1 for the default backend
	At      int16
	Service string // "" if it is no service
	Port    string // its name, "" if it is told by number
	Number  int32
}

// IngressTLS is a certificate that an ingress shows for some hosts.
type IngressTLS struct {
	Secret string // "" for the controller's own
	Hosts  []string
}

// legacyClass is the annotation that named a class before IngressClasses; see
// https://kubernetes.io/docs/concepts/services-networking/ingress/#deprecated-annotation.
const legacyClass = "kubernetes.io/ingress.class"

func newIngress(i *networkingv1.Ingress, in *store.Interner) *Ingress {
	out := &Ingress{Meta: in.Meta(&i.ObjectMeta), Served: len(i.Status.LoadBalancer.Ingress) > 0}
	if i.Spec.IngressClassName != nil {
		out.Class = in.String(*i.Spec.IngressClassName)
	} else if class := i.Annotations[legacyClass]; class != "" {
		out.Class, out.Legacy = in.String(class), true
	}
	var addresses []string
	for _, a := range i.Status.LoadBalancer.Ingress {
		addresses = append(addresses, cmp.Or(a.IP, a.Hostname))
	}
	out.Address = in.String(strings.Join(addresses, ","))
	add := func(host, path string, rule, at int, b *networkingv1.IngressBackend) {
		if b.Service != nil {
			out.Backends = append(out.Backends, IngressBackend{
				Path: in.String(host + path), Host: in.String(host), Rule: int16(rule), At: int16(at), Service: in.String(b.Service.Name), Port: in.String(b.Service.Port.Name), Number: b.Service.Port.Number,
			})
		}
	}
	if i.Spec.DefaultBackend != nil {
		add("", "", -1, -1, i.Spec.DefaultBackend)
	}
	for r := range i.Spec.Rules {
		rule := &i.Spec.Rules[r]
		if rule.HTTP == nil {
			continue
		}
		for p := range rule.HTTP.Paths {
			add(rule.Host, rule.HTTP.Paths[p].Path, r, p, &rule.HTTP.Paths[p].Backend)
		}
	}
	for _, t := range i.Spec.TLS {
		kept := IngressTLS{Secret: in.String(t.SecretName)}
		for _, h := range t.Hosts {
			kept.Hosts = append(kept.Hosts, in.String(h))
		}
		out.TLS = append(out.TLS, kept)
	}
	return out
}

// IngressClasses declares how ingress classes are read.
func IngressClasses() store.Kind[*IngressClass] {
	return store.Typed(networkingv1.SchemeGroupVersion.WithResource("ingressclasses"), "IngressClass", false,
		func(c *networkingv1.IngressClass, in *store.Interner) *IngressClass {
			return &IngressClass{
				Meta: in.Meta(&c.ObjectMeta), Controller: in.String(c.Spec.Controller),
				Default: c.Annotations[networkingv1.AnnotationIsDefaultIngressClass] == "true",
			}
		})
}

// IngressClass is a compact ingress class.
type IngressClass struct {
	store.Meta
	Controller string
	Default    bool // of ingresses that name none
}
