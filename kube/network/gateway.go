package network

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	similar "quarterdeck/nearest"
)

// judgeRoute traces every way through a route of the Gateway API: of every
// listener that it belongs to, every rule and every backend.
func (g *Graph) judgeRoute(r Resource, o *object.GatewayRoute, trace func(start func(*tracer))) {
	for p := range o.Parents {
		parent := &o.Parents[p]
		if parent.Kind != "Gateway" {
			continue // of a mesh, which is not modelled
		}
		listeners := g.listeners(o, parent)
		for _, l := range listeners {
			for n := range o.Rules {
				for b := range max(1, len(o.Rules[n].Backends)) {
					trace(func(t *tracer) { t.gatewayRoute(r, o, p, l, n, b) })
				}
			}
		}
	}
}

// listeners returns those of a gateway that a route may belong to by what it
// names; nil stands for one that could not be told.
func (g *Graph) listeners(o *object.GatewayRoute, parent *object.GatewayParent) []*object.Listener {
	gateway := g.gateways[parent.Namespace][parent.Name]
	if gateway == nil {
		return []*object.Listener{nil}
	}
	var list, named []*object.Listener
	for i := range gateway.Listeners {
		l := &gateway.Listeners[i]
		if parent.Section != "" && l.Name != parent.Section || parent.Port != 0 && l.Port != parent.Port {
			continue
		}
		named = append(named, l)
		if speaks(l, o.Kind) && len(common(l.Host, o.Hosts)) > 0 {
			list = append(list, l)
		}
	}
	switch {
	case len(list) > 0:
		return list
	case len(named) > 0:
		return named[:1] // which is where it breaks
	}
	return []*object.Listener{nil}
}

// speaks reports whether a listener takes routes of a kind.
func speaks(l *object.Listener, kind string) bool {
	if l.Kinds != "" {
		return slices.Contains(strings.Split(l.Kinds, ","), kind)
	}
	switch l.Protocol {
	case "HTTP", "HTTPS":
		return kind == "HTTPRoute" || kind == "GRPCRoute"
	case "TLS":
		return kind == "TLSRoute" || kind == "TCPRoute"
	case "TCP":
		return kind == "TCPRoute"
	}
	return true // a protocol of somebody's own
}

// common returns the hosts of a route that a listener takes; "" is all.
func common(listener string, hosts []string) []string {
	if len(hosts) == 0 {
		return []string{listener}
	}
	var list []string
	for _, h := range hosts {
		switch {
		case listener == "" || strings.EqualFold(listener, h) || within(listener, h):
			list = append(list, h)
		case within(h, listener):
			list = append(list, listener)
		}
	}
	return list
}

// within reports whether a host, which may be a wildcard too, is one of those of
// a wildcard. In the Gateway API, it stands for any number of names.
func within(wildcard, host string) bool {
	suffix, ok := strings.CutPrefix(strings.ToLower(wildcard), "*")
	return ok && len(host) > len(suffix) && strings.HasSuffix(strings.ToLower(strings.TrimPrefix(host, "*")), suffix)
}

func (t *tracer) gatewayRoute(r Resource, o *object.GatewayRoute, p int, l *object.Listener, rule, backend int) {
	parent, by := &o.Parents[p], t.ref(r, o.Namespace, o.Name)
	t.From, t.By = t.ref(Gateways, parent.Namespace, parent.Name), by
	t.Path = strings.Join(o.Rules[rule].Paths, " ")
	t.Host = strings.Join(o.Hosts, " ")
	if l != nil {
		t.Listen = l.Name + " " + strconv.Itoa(int(l.Port))
		t.Secure = l.Protocol == "HTTPS" || l.Protocol == "TLS"
		if hosts := common(l.Host, o.Hosts); len(hosts) > 0 {
			t.Host = strings.Join(hosts, " ")
		}
		t.url = gatewayURL(l, t.Host, o.Rules[rule].Paths)
	}
	t.gateway(by, o, p, l)
	t.hop(by, "rule "+strconv.Itoa(rule+1)+" of "+strconv.Itoa(len(o.Rules)))
	t.by = len(t.Hops) - 1
	t.accepted(o, p, l)
	if len(o.Rules[rule].Backends) == 0 {
		if o.Rules[rule].Answers {
			t.last().Detail += ", answers with a redirect"
			return
		}
		t.breaks("rule "+strconv.Itoa(rule+1)+" of "+by.String()+" names no backend", nil)
		return
	}
	path := []string{"spec", "rules", strconv.Itoa(rule), "backendRefs", strconv.Itoa(backend)}
	t.backend(o, &o.Rules[rule].Backends[backend], path)
}

func gatewayURL(l *object.Listener, hosts string, paths []string) string {
	scheme, usual := strings.ToLower(l.Protocol), int32(0)
	switch l.Protocol {
	case "HTTP":
		usual = 80
	case "HTTPS":
		usual = 443
	}
	host, _, _ := strings.Cut(hosts, " ")
	if host == "" {
		return ""
	}
	url := scheme + "://" + host
	if l.Port != usual {
		url += ":" + strconv.Itoa(int(l.Port))
	}
	if len(paths) > 0 {
		url += "/" + strings.TrimPrefix(paths[0], "/")
	}
	return url
}

// gateway adds the class of a gateway, the gateway with its listener and that
// one's certificates.
func (t *tracer) gateway(by kube.Ref, o *object.GatewayRoute, p int, l *object.Listener) {
	parent := &o.Parents[p]
	t.depend(Gateways, parent.Namespace, parent.Name)
	gateway := t.gateways[parent.Namespace][parent.Name]
	if gateway == nil {
		if !t.sees(Gateways, parent.Namespace) {
			t.hop(t.From, "not read")
			t.untold(Gateways, parent.Namespace)
			return
		}
		t.depend(Gateways, parent.Namespace, "")
		path := []string{"spec", "parentRefs", strconv.Itoa(p), "name"}
		t.hop(t.From, "does not exist", Evidence{by.String() + " names gateway " + parent.Name, by.String() + " " + field(path)})
		list := sorted(t.gateways[parent.Namespace])
		n := similar.Index(len(parent.Name)/3+1, parent.Name, list)
		var fix *Fix
		if n >= 0 {
			fix = edit(by, parent.Name, list[n], path...)
		}
		t.breaks("there is no gateway "+parent.Name+" in "+parent.Namespace+similar.Hint(parent.Name, list), fix)
		if n >= 0 {
			t.meant("gateway/" + list[n])
		}
		return
	}
	t.gatewayClass(gateway)
	detail := "listener " + t.Listen
	if gateway.Address != "" {
		detail += ", at " + gateway.Address
	}
	t.hop(t.From, detail)
	if l == nil {
		t.noListener(by, o, p, gateway)
		return
	}
	on := t.last().Ref
	if gateway.Address == "" {
		t.warn(on.String() + " has no address yet")
	}
	for _, c := range []*object.Condition{gateway.Refusal, l.Refusal} {
		// What its certificates are is looked at below, and said better.
		if c != nil && (c.Type != "ResolvedRefs" && c.Type != "Programmed" || len(l.Secrets) == 0) {
			t.refused(on, "status", c)
		}
	}
	if l.Passes || !t.Secure {
		return
	}
	host, _, _ := strings.Cut(t.Host, " ")
	for i, s := range l.Secrets {
		if s.Kind != "Secret" || s.Group != "" {
			continue
		}
		path := []string{"spec", "listeners", strconv.Itoa(index(gateway, l)), "tls", "certificateRefs", strconv.Itoa(i)}
		from := object.Named{Group: on.GVR.Group, Kind: "Gateway", Namespace: gateway.Namespace}
		t.granted(from, s, on, path)
		t.secretOf(on, s.Namespace, s.Name, strings.TrimPrefix(host, "*."), append(path, "name"))
	}
}

func index(g *object.Gateway, l *object.Listener) int {
	return slices.IndexFunc(g.Listeners, func(o object.Listener) bool { return o.Name == l.Name })
}

// refused breaks a way at the last hop for what a controller says of it.
func (t *tracer) refused(on kube.Ref, where string, c *object.Condition) {
	said := strings.TrimSuffix(c.Type+"="+c.Status+" "+c.Reason+": "+c.Message, ": ")
	t.last().Evidence = append(t.last().Evidence, Evidence{said, on.String() + " " + where + ".conditions[" + c.Type + "]"})
	t.breaks(on.String()+" "+said, nil)
}

func (t *tracer) gatewayClass(g *object.Gateway) {
	ref := t.ref(GatewayClasses, "", g.Class)
	t.depend(GatewayClasses, "", g.Class)
	class := t.gatewayClasses[""][g.Class]
	switch {
	case class != nil:
		t.hop(ref, "of controller "+class.Controller)
		if class.Refusal != nil {
			t.refused(ref, "status", class.Refusal)
		}
	case !t.sees(GatewayClasses, ""):
		t.hop(ref, "not read")
		t.untold(GatewayClasses, "")
	default:
		t.depend(GatewayClasses, "", "")
		list := sorted(t.gatewayClasses[""])
		path := []string{"spec", "gatewayClassName"}
		t.hop(ref, "does not exist", Evidence{t.From.String() + " names class " + g.Class, t.From.String() + " " + field(path)})
		n := similar.Index(len(g.Class)/3+1, g.Class, list)
		if n < 0 && len(list) == 1 {
			n = 0
		}
		var fix *Fix
		if n >= 0 {
			fix = edit(t.From, g.Class, list[n], path...)
		}
		t.breaks("there is no gateway class "+g.Class+similar.Hint(g.Class, list), fix)
		if n >= 0 {
			t.meant("gatewayclass/" + list[n])
		}
	}
}

// noListener breaks a way at a gateway that has no listener of the name or port
// that a route asks for.
func (t *tracer) noListener(by kube.Ref, o *object.GatewayRoute, p int, g *object.Gateway) {
	parent := &o.Parents[p]
	var list []string
	for i := range g.Listeners {
		list = append(list, g.Listeners[i].Name)
	}
	if t.last().Detail = "listeners " + listOr(list, "none"); parent.Section == "" {
		t.breaks(fmt.Sprintf("%s has no listener on port %d that %s asks for", t.From, parent.Port, by), nil)
		return
	}
	path := []string{"spec", "parentRefs", strconv.Itoa(p), "sectionName"}
	t.last().Evidence = append(t.last().Evidence, Evidence{"sectionName " + parent.Section, by.String() + " " + field(path)})
	n := similar.Index(len(parent.Section)/3+1, parent.Section, list)
	var fix *Fix
	if n >= 0 {
		fix = edit(by, parent.Section, list[n], path...)
	}
	t.breaks(fmt.Sprintf("%s has no listener %s%s", t.From, parent.Section, similar.Hint(parent.Section, list)), fix)
	if n >= 0 {
		t.meant("listener " + list[n])
	}
}

// accepted checks that a listener takes a route; the last hop is the route.
func (t *tracer) accepted(o *object.GatewayRoute, p int, l *object.Listener) {
	parent, by := &o.Parents[p], t.last().Ref
	if l != nil {
		t.admitted(o, parent, l)
		if !speaks(l, o.Kind) {
			t.breaks(fmt.Sprintf("listener %s of %s takes no %s", l.Name, t.From, o.Kind), nil)
		} else if len(common(l.Host, o.Hosts)) == 0 {
			t.breaks(fmt.Sprintf("listener %s of %s is for %s and not %s", l.Name, t.From, l.Host, strings.Join(o.Hosts, ", ")), nil)
		}
	}
	switch c := parent.Refusal; {
	case c != nil && c.Type == "ResolvedRefs": // what it names is looked at below
		t.last().Evidence = append(t.last().Evidence, Evidence{
			strings.TrimSuffix(c.Type+"="+c.Status+" "+c.Reason+": "+c.Message, ": "), by.String() + " status.parents[" + parent.Name + "].conditions[ResolvedRefs]",
		})
		t.warn(by.String() + " " + c.Type + "=" + c.Status + " " + c.Reason)
	case c != nil:
		t.refused(by, "status.parents["+parent.Name+"]", c)
	case !parent.Taken:
		t.warn("no controller has accepted " + by.String() + " at " + t.From.String())
	}
}

// admitted checks that a listener takes routes from the namespace of a route.
func (t *tracer) admitted(o *object.GatewayRoute, parent *object.GatewayParent, l *object.Listener) {
	where := fmt.Sprintf("%s spec.listeners[%s].allowedRoutes.namespaces", t.From, l.Name)
	switch l.From {
	case "Same":
		if o.Namespace != parent.Namespace {
			t.last().Evidence = append(t.last().Evidence, Evidence{"from Same", where})
			t.breaks(fmt.Sprintf("listener %s of %s takes routes from its own namespace %s only", l.Name, t.From, parent.Namespace), nil)
		}
	case "None":
		t.breaks(fmt.Sprintf("listener %s of %s takes no routes", l.Name, t.From), nil)
	case "Selector":
		t.depend(Namespaces, "", o.Namespace)
		n := t.namespaces[""][o.Namespace]
		if n == nil {
			t.untold(Namespaces, "")
			return
		}
		var have labels.Labels = n.Labels
		if s, err := l.Takes(); err == nil && !s.Matches(have) {
			t.last().Evidence = append(t.last().Evidence, Evidence{"selector " + l.Selector, where})
			t.breaks(fmt.Sprintf("listener %s of %s takes routes from namespaces with %s, and %s has not", l.Name, t.From, l.Selector, o.Namespace), nil)
		}
	}
}

// backend follows a route to one of its services.
func (t *tracer) backend(o *object.GatewayRoute, b *object.GatewayBackend, path []string) {
	by := t.last().Ref
	if b.Kind != "Service" || b.Group != "" {
		t.hop(kube.Ref{Kind: b.Kind, Namespace: b.Namespace, Name: b.Name}, "of another API, which is not modelled")
		t.last().Verdict = Untested
		t.warned = "it leads to " + b.Kind + " " + b.Name + ", which is not modelled"
		return
	}
	t.granted(object.Named{Group: by.GVR.Group, Kind: o.Kind, Namespace: o.Namespace}, b.Named, by, path)
	s, at := t.serviceNamed(b.Namespace, b.Name, "", b.Port, append(slices.Clone(path), "name"), append(slices.Clone(path), "port"))
	if s == nil {
		return
	}
	t.service(s, at)
	if b.Weight == 0 {
		t.Hops[t.by].Detail += ", weight 0"
		t.warn(by.String() + " gives " + t.Target.String() + " no traffic: weight 0")
	}
}

// granted adds the grant without which nothing may refer to what is in another
// namespace.
func (t *tracer) granted(from, to object.Named, by kube.Ref, path []string) {
	if from.Namespace == to.Namespace {
		return
	}
	t.depend(ReferenceGrants, to.Namespace, "")
	for _, name := range sorted(t.grants[to.Namespace]) {
		if t.grants[to.Namespace][name].Allows(from, to) {
			t.hop(t.ref(ReferenceGrants, to.Namespace, name), fmt.Sprintf("lets every %s in %s refer to %s", from.Kind, from.Namespace, to))
			return
		}
	}
	ref := t.ref(ReferenceGrants, to.Namespace, strings.ToLower(from.Kind)+"s-of-"+from.Namespace)
	if !t.sees(ReferenceGrants, to.Namespace) {
		t.hop(ref, "not read")
		t.untold(ReferenceGrants, to.Namespace)
		return
	}
	t.hop(ref, "there is none in "+to.Namespace, Evidence{by.String() + " names " + to.String() + " in " + to.Namespace, by.String() + " " + field(path)})
	words := fmt.Sprintf("create %s in %s, which lets every %s in %s refer to %s", ref, to.Namespace, from.Kind, from.Namespace, to)
	t.breaks(fmt.Sprintf("no ReferenceGrant in %s lets %s refer to %s", to.Namespace, by.Where(), to), &Fix{On: ref, Words: words, Make: grant(ref, from, to)})
}

// grant returns the ReferenceGrant that lets objects of a kind in a namespace
// refer to one object.
func grant(ref kube.Ref, from, to object.Named) map[string]any {
	return map[string]any{
		"apiVersion": ref.GVR.GroupVersion().String(), "kind": ref.Kind,
		"metadata": map[string]any{"namespace": ref.Namespace, "name": ref.Name},
		"spec": map[string]any{
			"from": []any{map[string]any{"group": from.Group, "kind": from.Kind, "namespace": from.Namespace}},
			"to":   []any{map[string]any{"group": to.Group, "kind": to.Kind, "name": to.Name}},
		},
	}
}
