package object

import (
	"cmp"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// GatewayAPI returns a resource of the Gateway API, in clusters that have it, in
// the version that they serve: "gateways", "v1".
func GatewayAPI(resource, version string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: gatewayGroup, Version: version, Resource: resource}
}

// gatewayConditions are the conditions that say no.
type gatewayConditions []conditionFields

func (list gatewayConditions) refusal(in *store.Interner) *Condition {
	var worst *Condition
	for i := range list {
		if c := &list[i]; refusal(c) && (worst == nil || severe(c.Type) > severe(worst.Type)) {
			worst = c.compact(in.String)
		}
	}
	return worst
}

// GatewayClasses declares how gateway classes are read.
func GatewayClasses(version string) store.Kind[*GatewayClass] {
	return store.Custom(GatewayAPI("gatewayclasses", version), "GatewayClass", false, newGatewayClass)
}

// GatewayClass is a compact gateway class.
type GatewayClass struct {
	store.Meta
	Controller string
	Refusal    *Condition // why it is not taken, nil if it is or nobody said
}

type gatewayClassFields struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Controller string `json:"controllerName"`
	} `json:"spec"`
	Status struct {
		Conditions gatewayConditions `json:"conditions"`
	} `json:"status"`
}

func newGatewayClass(c *gatewayClassFields, in *store.Interner) *GatewayClass {
	return &GatewayClass{Meta: in.Meta(&c.ObjectMeta), Controller: in.String(c.Spec.Controller), Refusal: c.Status.Conditions.refusal(in)}
}

// Gateways declares how gateways are read.
func Gateways(version string) store.Kind[*Gateway] {
	return store.Custom(GatewayAPI("gateways", version), "Gateway", true, newGateway)
}

// Gateway is a compact gateway.
type Gateway struct {
	store.Meta
	Class     string
	Address   string // separated by commas
	Listeners []Listener
	Refusal   *Condition // why it is not programmed, nil if it is or nobody said
}

// Listener is one port of a gateway.
type Listener struct {
	Name, Host string // Host is "" for all
	Port       int32
	Protocol   string // HTTP, HTTPS, TLS, TCP, UDP
	Passes     bool   // TLS goes through to the backends
	From       string // namespaces whose routes it takes: Same, All or Selector
	Selector   string // of those namespaces, if From is Selector
	Kinds      string // of routes that it takes, separated by commas; "" for those of its protocol
	Secrets    []Named
	Refusal    *Condition
}

// Named is what a reference of the Gateway API names.
type Named struct {
	Group, Kind, Namespace, Name string // Namespace is never "" in what is kept
}

// namedFields is a reference. Group and Kind are nil where the field's own
// default is meant.
type namedFields struct {
	Group     *string `json:"group"`
	Kind      *string `json:"kind"`
	Namespace string  `json:"namespace"`
	Name      string  `json:"name"`
}

// compact fills in what is meant where nothing is said.
func (n *namedFields) compact(group, kind, namespace string, in *store.Interner) Named {
	if n.Group != nil {
		group = *n.Group
	}
	if n.Kind != nil {
		kind = *n.Kind
	}
	return Named{Group: in.String(group), Kind: in.String(kind), Namespace: in.String(cmp.Or(n.Namespace, namespace)), Name: in.String(n.Name)}
}

type gatewayFields struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Class     string `json:"gatewayClassName"`
		Listeners []struct {
			Name     string `json:"name"`
			Host     string `json:"hostname"`
			Port     int32  `json:"port"`
			Protocol string `json:"protocol"`
			TLS      struct {
				Mode         string        `json:"mode"`
				Certificates []namedFields `json:"certificateRefs"`
			} `json:"tls"`
			Allowed struct {
				Namespaces struct {
					From     string                `json:"from"`
					Selector *metav1.LabelSelector `json:"selector"`
				} `json:"namespaces"`
				Kinds []struct {
					Kind string `json:"kind"`
				} `json:"kinds"`
			} `json:"allowedRoutes"`
		} `json:"listeners"`
	} `json:"spec"`
	Status struct {
		Addresses []struct {
			Value string `json:"value"`
		} `json:"addresses"`
		Conditions gatewayConditions `json:"conditions"`
		Listeners  []struct {
			Name       string            `json:"name"`
			Conditions gatewayConditions `json:"conditions"`
		} `json:"listeners"`
	} `json:"status"`
}

func newGateway(g *gatewayFields, in *store.Interner) *Gateway {
	out := &Gateway{Meta: in.Meta(&g.ObjectMeta), Class: in.String(g.Spec.Class), Refusal: g.Status.Conditions.refusal(in)}
	var addresses []string
	for _, a := range g.Status.Addresses {
		addresses = append(addresses, a.Value)
	}
	out.Address = in.String(strings.Join(addresses, ","))
	for i := range g.Spec.Listeners {
		l := &g.Spec.Listeners[i]
		kept := Listener{
			Name: in.String(l.Name), Host: in.String(l.Host), Port: l.Port, Protocol: in.String(l.Protocol),
			Passes: l.TLS.Mode == "Passthrough", From: in.String(cmp.Or(l.Allowed.Namespaces.From, "Same")),
		}
		if s := l.Allowed.Namespaces.Selector; s != nil {
			kept.Selector = sanitize.Line(metav1.FormatLabelSelector(s))
			if len(s.MatchLabels)+len(s.MatchExpressions) == 0 {
				kept.Selector = ""
			}
		}
		var kinds []string
		for _, k := range l.Allowed.Kinds {
			kinds = append(kinds, k.Kind)
		}
		kept.Kinds = in.String(strings.Join(kinds, ","))
		for c := range l.TLS.Certificates {
			kept.Secrets = append(kept.Secrets, l.TLS.Certificates[c].compact("", "Secret", g.Namespace, in))
		}
		for s := range g.Status.Listeners {
			if g.Status.Listeners[s].Name == l.Name {
				kept.Refusal = g.Status.Listeners[s].Conditions.refusal(in)
			}
		}
		out.Listeners = append(out.Listeners, kept)
	}
	return out
}

// Takes returns which namespaces a listener takes routes from, by their labels,
// if From is Selector.
func (l *Listener) Takes() (labels.Selector, error) { return labels.Parse(l.Selector) }

// GatewayRoutes declares how the routes of a kind of the Gateway API are read:
// "httproutes", "HTTPRoute".
func GatewayRoutes(resource, kind, version string) store.Kind[*GatewayRoute] {
	return store.Custom(GatewayAPI(resource, version), kind, true, func(r *gatewayRouteFields, in *store.Interner) *GatewayRoute {
		return newGatewayRoute(kind, r, in)
	})
}

// GatewayRoute is a compact HTTPRoute, GRPCRoute, TLSRoute or TCPRoute.
type GatewayRoute struct {
	store.Meta
	Kind    string
	Hosts   []string // none for all
	Parents []GatewayParent
	Rules   []GatewayRule
}

// GatewayParent is a listener, or all of a gateway, to which a route belongs.
type GatewayParent struct {
	Named
	Section string // "" for all listeners
	Port    int32  // 0 for all
	Refusal *Condition
	Taken   bool // a controller has said that it is
}

// GatewayRule is where a route leads for some paths.
type GatewayRule struct {
	Paths    []string // "/cart" of HTTP, "shop.Cart/Add" of gRPC; none for all
	Backends []GatewayBackend
	Answers  bool // by itself, with a redirect
}

// GatewayBackend is a service to which a route leads.
type GatewayBackend struct {
	Named
	Port   int32
	Weight int32
}

type gatewayRouteFields struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Hosts   []string              `json:"hostnames"`
		Parents []gatewayParentFields `json:"parentRefs"`
		Rules   []struct {
			Matches []struct {
				Path struct {
					Value string `json:"value"`
				} `json:"path"`
				Method any `json:"method"` // a word of HTTP, an object of gRPC
			} `json:"matches"`
			Filters []struct {
				Type string `json:"type"`
			} `json:"filters"`
			Backends []struct {
				namedFields
				Port   int32  `json:"port"`
				Weight *int32 `json:"weight"`
			} `json:"backendRefs"`
		} `json:"rules"`
	} `json:"spec"`
	Status struct {
		Parents []struct {
			Ref        gatewayParentFields `json:"parentRef"`
			Conditions gatewayConditions   `json:"conditions"`
		} `json:"parents"`
	} `json:"status"`
}

type gatewayParentFields struct {
	namedFields
	Section string `json:"sectionName"`
	Port    int32  `json:"port"`
}

func (p *gatewayParentFields) compact(namespace string, in *store.Interner) GatewayParent {
	return GatewayParent{Named: p.namedFields.compact(gatewayGroup, "Gateway", namespace, in), Section: in.String(p.Section), Port: p.Port}
}

func newGatewayRoute(kind string, r *gatewayRouteFields, in *store.Interner) *GatewayRoute {
	out := &GatewayRoute{Meta: in.Meta(&r.ObjectMeta), Kind: kind}
	for _, h := range r.Spec.Hosts {
		out.Hosts = append(out.Hosts, in.String(h))
	}
	for i := range r.Spec.Parents {
		p := r.Spec.Parents[i].compact(r.Namespace, in)
		for s := range r.Status.Parents {
			st := &r.Status.Parents[s]
			if said := st.Ref.compact(r.Namespace, in); said.Named == p.Named && said.Section == p.Section && said.Port == p.Port {
				p.Refusal = st.Conditions.refusal(in)
				p.Taken = p.Refusal == nil && len(st.Conditions) > 0
			}
		}
		out.Parents = append(out.Parents, p)
	}
	for i := range r.Spec.Rules {
		rule := &r.Spec.Rules[i]
		kept := GatewayRule{}
		for _, m := range rule.Matches {
			path := m.Path.Value
			if call, ok := m.Method.(map[string]any); ok {
				service, _ := call["service"].(string)
				method, _ := call["method"].(string)
				path = service + "/" + method
			}
			if path != "" {
				kept.Paths = append(kept.Paths, in.String(path))
			}
		}
		for _, f := range rule.Filters {
			kept.Answers = kept.Answers || f.Type == "RequestRedirect"
		}
		for b := range rule.Backends {
			from := &rule.Backends[b]
			to := GatewayBackend{Named: from.namedFields.compact("", "Service", r.Namespace, in), Port: from.Port, Weight: 1}
			if from.Weight != nil {
				to.Weight = *from.Weight
			}
			kept.Backends = append(kept.Backends, to)
		}
		out.Rules = append(out.Rules, kept)
	}
	return out
}

// ReferenceGrants declares how reference grants are read.
func ReferenceGrants(version string) store.Kind[*ReferenceGrant] {
	return store.Custom(GatewayAPI("referencegrants", version), "ReferenceGrant", true, newReferenceGrant)
}

// ReferenceGrant is a compact reference grant: who may refer to what in its
// namespace.
type ReferenceGrant struct {
	store.Meta
	From []Named // Name is ""
	To   []Named // Name is "" for all; Namespace is the grant's
}

type referenceGrantFields struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		From []namedFields `json:"from"`
		To   []namedFields `json:"to"`
	} `json:"spec"`
}

func newReferenceGrant(g *referenceGrantFields, in *store.Interner) *ReferenceGrant {
	out := &ReferenceGrant{Meta: in.Meta(&g.ObjectMeta)}
	for i := range g.Spec.From {
		out.From = append(out.From, g.Spec.From[i].compact("", "", g.Namespace, in))
	}
	for i := range g.Spec.To {
		out.To = append(out.To, g.Spec.To[i].compact("", "", g.Namespace, in))
	}
	return out
}

// Allows reports whether the grant lets objects of a kind in a namespace refer
// to something.
func (g *ReferenceGrant) Allows(from, to Named) bool {
	if g.Namespace != to.Namespace {
		return false
	}
	for _, f := range g.From {
		if f.Group != from.Group || f.Kind != from.Kind || f.Namespace != from.Namespace {
			continue
		}
		for _, t := range g.To {
			if t.Group == to.Group && t.Kind == to.Kind && (t.Name == "" || t.Name == to.Name) {
				return true
			}
		}
	}
	return false
}

// String returns the kind and the name.
func (n Named) String() string { return fmt.Sprintf("%s %s", n.Kind, n.Name) }
