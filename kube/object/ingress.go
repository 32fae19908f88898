package object

import (
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube/sanitize"
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
	Backends []IngressBackend
	TLS      []IngressTLS
}

// IngressBackend is a service to which an ingress leads.
type IngressBackend struct {
	Path    string // "shop.example.com/cart", "" for the default backend
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
	add := func(path string, b *networkingv1.IngressBackend) {
		if b.Service != nil {
			out.Backends = append(out.Backends, IngressBackend{
				Path: in.String(path), Service: in.String(b.Service.Name), Port: in.String(b.Service.Port.Name), Number: b.Service.Port.Number,
			})
		}
	}
	if i.Spec.DefaultBackend != nil {
		add("", i.Spec.DefaultBackend)
	}
	for r := range i.Spec.Rules {
		rule := &i.Spec.Rules[r]
		if rule.HTTP == nil {
			continue
		}
		for p := range rule.HTTP.Paths {
			add(rule.Host+rule.HTTP.Paths[p].Path, &rule.HTTP.Paths[p].Backend)
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

// NetworkPolicies declares how network policies are read.
func NetworkPolicies() store.Kind[*NetworkPolicy] {
	return store.Typed(networkingv1.SchemeGroupVersion.WithResource("networkpolicies"), "NetworkPolicy", true, newNetworkPolicy, noAnnotations)
}

// NetworkPolicy is a compact network policy: whom it is about, and whether it
// lets anybody in.
type NetworkPolicy struct {
	store.Meta
	Selector string // of the pods, "" for all in its namespace
	Isolates bool   // nothing reaches its pods but what a policy allows
	Allows   bool   // it allows something to reach them
}

// Match returns which pods of the policy's namespace it is about.
func (p *NetworkPolicy) Match() (labels.Selector, error) { return labels.Parse(p.Selector) }

func newNetworkPolicy(p *networkingv1.NetworkPolicy, in *store.Interner) *NetworkPolicy {
	out := &NetworkPolicy{Meta: in.Meta(&p.ObjectMeta), Allows: len(p.Spec.Ingress) > 0}
	if len(p.Spec.PodSelector.MatchLabels)+len(p.Spec.PodSelector.MatchExpressions) > 0 {
		out.Selector = sanitize.Line(metav1.FormatLabelSelector(&p.Spec.PodSelector))
	}
	out.Isolates = len(p.Spec.PolicyTypes) == 0 // the API server fills it in; see NetworkPolicySpec
	for _, t := range p.Spec.PolicyTypes {
		out.Isolates = out.Isolates || t == networkingv1.PolicyTypeIngress
	}
	return out
}
