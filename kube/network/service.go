package network

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	similar "quarterdeck/nearest"
)

const (
	externalName = string(corev1.ServiceTypeExternalName)
	loadBalancer = string(corev1.ServiceTypeLoadBalancer)
	headless     = corev1.ClusterIPNone
)

// judgeService traces every port of a service from inside the cluster.
func (g *Graph) judgeService(s *object.Service, trace func(start func(*tracer))) {
	n := max(1, len(s.Targets))
	for i := range n {
		trace(func(t *tracer) {
			t.From = t.ref(Services, s.Namespace, s.Name)
			t.By, t.Target = t.From, t.From
			t.url = s.Name + "." + s.Namespace + ".svc"
			var port *object.ServicePort
			if i < len(s.Targets) {
				port = &s.Targets[i]
				t.Listen = strings.TrimSpace(port.Name + " " + strconv.Itoa(int(port.Port)))
				t.TargetPort = strconv.Itoa(int(port.Port))
				t.url += ":" + t.TargetPort
			}
			t.service(s, i)
			if s.Type == loadBalancer && s.External == "<pending>" {
				t.Hops[0].Verdict = max(t.Hops[0].Verdict, Suspect)
				if t.warned == "" {
					t.warned = "its load balancer has no address yet"
				}
			}
		})
	}
}

// serviceNamed follows a way to a service by its name. It returns the service
// with the port of a number or a name, nil if the way ends here. fixName and
// fixPort lead to the fields of what declares the way that name them.
func (t *tracer) serviceNamed(namespace, name, port string, number int32, fixName, fixPort []string) (s *object.Service, at int) {
	t.Target, t.TargetPort = t.ref(Services, namespace, name), port
	if port == "" && number != 0 {
		t.TargetPort = strconv.Itoa(int(number))
	}
	by := t.Hops[t.by].Ref
	t.depend(Services, namespace, name)
	s = t.services[namespace][name]
	if s == nil {
		if !t.sees(Services, namespace) {
			t.hop(t.Target, "not read")
			t.untold(Services, namespace)
			return nil, 0
		}
		t.depend(Services, namespace, "")
		list := sorted(t.Graph.services[namespace])
		t.hop(t.Target, "does not exist", Evidence{by.String() + " names service " + name, by.String() + " " + field(fixName)})
		i := similar.Index(len(name)/3+1, name, list)
		var fix *Fix
		if i >= 0 {
			fix = edit(by, name, list[i], fixName...)
		}
		t.breaks(fmt.Sprintf("there is no service %s in %s%s", name, namespace, similar.Hint(name, list)), fix)
		if i >= 0 {
			t.meant("svc/" + list[i])
		}
		return nil, 0
	}
	if s.Type == externalName {
		return s, 0
	}
	at = slices.IndexFunc(s.Targets, func(p object.ServicePort) bool {
		return port != "" && p.Name == port || port == "" && p.Port == number
	})
	if at < 0 {
		t.noPort(s, by, port, number, fixPort)
		return nil, 0
	}
	return s, at
}

// noPort breaks a way at what declares it, which names a port that a service does
// not have.
func (t *tracer) noPort(s *object.Service, by kube.Ref, port string, number int32, fixPort []string) {
	asked := t.TargetPort
	var list []string
	for i := range s.Targets {
		list = append(list, s.Targets[i].Name)
	}
	i := similar.Index(len(port)/3+1, port, list)
	if (port == "" || i < 0) && len(s.Targets) == 1 {
		i = 0
	} else if port == "" { // the port of its pods is often taken for that of the service
		i = slices.IndexFunc(s.Targets, func(p object.ServicePort) bool { return p.Number == number })
	}
	var fix *Fix
	nearest := ""
	if i >= 0 {
		to := &s.Targets[i]
		nearest = strings.TrimSpace(to.Name + " " + strconv.Itoa(int(to.Port)))
		if port != "" && to.Name != "" {
			fix = edit(by, port, to.Name, fixPort...)
		} else if port == "" {
			fix = edit(by, int64(number), int64(to.Port), fixPort...)
		}
	}
	t.Hops[t.by].Evidence = append(t.Hops[t.by].Evidence, Evidence{"port " + asked, by.String() + " " + field(fixPort)})
	t.breaksAt(t.by, fmt.Sprintf("%s has no port %s, but %s", t.Target, asked, servicePorts(s)), fix)
	t.meant(nearest)
	t.hop(t.Target, "ports "+servicePorts(s), Evidence{"ports " + servicePorts(s), t.Target.String() + " spec.ports"})
}

func servicePorts(s *object.Service) string {
	var list []string
	for i := range s.Targets {
		list = append(list, strings.TrimSpace(strconv.Itoa(int(s.Targets[i].Port))+" "+s.Targets[i].Name))
	}
	return listOr(list, "none")
}

// field returns a path in words.
func field(path []string) string { return edit(kube.Ref{}, nil, nil, path...).Edit.Field() }

// service follows a way through a port of a service to its pods.
func (t *tracer) service(s *object.Service, at int) {
	ref := t.ref(Services, s.Namespace, s.Name)
	t.depend(Services, s.Namespace, s.Name)
	t.hop(ref, serviceWords(s, at))
	if s.Deleted != 0 {
		t.warn("svc/" + s.Name + " is being deleted")
	}
	if s.Type == externalName {
		t.external(s)
		return
	}
	if s.Selector != "" {
		t.last().Evidence = append(t.last().Evidence, Evidence{"selector " + s.Selector, ref.String() + " spec.selector"})
	}
	t.depend(EndpointSlices, s.Namespace, s.Name)
	t.depend(backing, s.Namespace, s.Name)
	if !t.sees(EndpointSlices, s.Namespace) {
		t.hop(t.ref(EndpointSlices, s.Namespace, s.Name), "not read")
		t.untold(EndpointSlices, s.Namespace)
		return
	}
	if !t.sees(Pods, s.Namespace) {
		t.miss(Pods, s.Namespace)
	}
	e := t.endpoints(s, at)
	t.Ready, t.Total, t.Zones = e.ready, e.total, sorted(e.zones)
	switch {
	case e.ready > 0:
		t.answered(s, at, e)
	case e.elsewhere > 0:
		t.misdirected(s, at, e)
	default:
		t.unanswered(s, e)
	}
}

func serviceWords(s *object.Service, at int) string {
	kind := s.Type
	if s.ClusterIP == headless {
		kind = "headless"
	} else if s.ClusterIP != "" {
		kind += " " + s.ClusterIP
	}
	if s.External != "" {
		kind += ", " + s.External
	}
	if at >= len(s.Targets) {
		return kind
	}
	p := &s.Targets[at]
	to := p.Target
	if to == "" {
		to = strconv.Itoa(int(p.Number))
	}
	words := fmt.Sprintf("%s, port %s → %s", kind, strings.TrimSpace(strconv.Itoa(int(p.Port))+" "+p.Name), to)
	if p.Node != 0 {
		words += ", node port " + strconv.Itoa(int(p.Node))
	}
	return words
}

// external follows a service that is another name, which leads out of the cluster
// or to another service.
func (t *tracer) external(s *object.Service) {
	on := t.last().Ref
	at := on.String() + " spec.externalName"
	name := strings.TrimSuffix(strings.ToLower(s.External), ".")
	t.last().Evidence = append(t.last().Evidence, Evidence{"externalName " + s.External, at})
	if name == "" {
		t.breaks("it has no externalName", nil)
		return
	}
	if _, err := netip.ParseAddr(name); err == nil {
		t.breaks(name+" is an address, and an externalName is a name for DNS", nil)
		return
	}
	parts := strings.Split(name, ".")
	if len(parts) < 3 || parts[2] != "svc" || len(parts) > 3 && strings.Join(parts[3:], ".") != "cluster.local" {
		t.last().Verdict = Untested
		t.warned = "it leads to " + name + ", beyond the cluster"
		return
	}
	namespace, service := parts[1], parts[0]
	t.depend(Services, namespace, service)
	to := t.ref(Services, namespace, service)
	switch {
	case t.services[namespace][service] != nil:
		t.hop(to, serviceWords(t.services[namespace][service], 1<<16))
	case !t.sees(Services, namespace):
		t.hop(to, "not read")
		t.untold(Services, namespace)
	default:
		list := sorted(t.Graph.services[namespace])
		t.depend(Services, namespace, "")
		var fix *Fix
		i := similar.Index(len(service)/3+1, service, list)
		if i >= 0 {
			fix = edit(on, s.External, strings.Replace(s.External, service, list[i], 1), "spec", "externalName")
		}
		t.hop(to, "does not exist")
		t.breaks(fmt.Sprintf("there is no service %s in %s%s", service, namespace, similar.Hint(service, list)), fix)
		if i >= 0 {
			t.meant("svc/" + list[i])
		}
	}
}
