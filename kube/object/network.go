package object

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// Services declares how services are read.
func Services() store.Kind[*Service] {
	return store.Typed(corev1.SchemeGroupVersion.WithResource("services"), "Service", true, newService, noAnnotations)
}

// Service is a compact service.
type Service struct {
	store.Meta
	Type      string
	ClusterIP string
	External  string // addresses from outside, or the name of an ExternalName
	Ports     string
	Selector  string // "" if somebody else keeps its endpoints
	Targets   []ServicePort
	Unready   bool // publishes pods that are not ready too
}

// ServicePort is where one port of a service leads.
type ServicePort struct {
	Name   string
	Port   int32
	Target string // of the pods' ports, "" if it is told by number
	Number int32  // 0 if it is told by name
	Node   int32  // at every node, 0 if it is at none
	UDP    bool   // or another protocol that is not TCP
}

func newService(s *corev1.Service, in *store.Interner) *Service {
	out := &Service{
		Meta: in.Meta(&s.ObjectMeta), Type: in.String(string(s.Spec.Type)), ClusterIP: in.String(s.Spec.ClusterIP),
		External: in.String(externalAddress(s)), Selector: in.String(store.NewLabels(s.Spec.Selector).String()),
	}
	out.Unready = s.Spec.PublishNotReadyAddresses
	words := make([]string, 0, len(s.Spec.Ports))
	for _, p := range s.Spec.Ports {
		t := ServicePort{Name: in.String(p.Name), Port: p.Port, Number: p.Port, Node: p.NodePort, UDP: p.Protocol != "" && p.Protocol != corev1.ProtocolTCP}
		if p.TargetPort.Type == intstr.String {
			t.Target, t.Number = in.String(p.TargetPort.StrVal), 0
		} else if p.TargetPort.IntVal != 0 {
			t.Number = p.TargetPort.IntVal
		}
		out.Targets = append(out.Targets, t)
		w := strconv.Itoa(int(p.Port))
		if p.NodePort != 0 {
			w += ":" + strconv.Itoa(int(p.NodePort))
		}
		if p.Protocol != "" && p.Protocol != corev1.ProtocolTCP {
			w += "/" + string(p.Protocol)
		}
		words = append(words, w)
	}
	out.Ports = in.String(strings.Join(words, ","))
	return out
}

func externalAddress(s *corev1.Service) string {
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		return s.Spec.ExternalName
	}
	addresses := slices.Clone(s.Spec.ExternalIPs)
	for _, i := range s.Status.LoadBalancer.Ingress {
		if i.IP != "" {
			addresses = append(addresses, i.IP)
		} else {
			addresses = append(addresses, i.Hostname)
		}
	}
	if len(addresses) == 0 && s.Spec.Type == corev1.ServiceTypeLoadBalancer {
		return "<pending>"
	}
	return strings.Join(addresses, ",")
}

// EndpointSlices declares how endpoint slices are read.
func EndpointSlices() store.Kind[*EndpointSlice] {
	return store.Typed(discoveryv1.SchemeGroupVersion.WithResource("endpointslices"), "EndpointSlice", true, newEndpointSlice, noAnnotations)
}

// EndpointSlice is a compact endpoint slice.
type EndpointSlice struct {
	store.Meta
	Service   string // "" if it belongs to none
	Family    string // IPv4, IPv6 or FQDN
	Ports     string // the names of the service's ports that its endpoints have, each between commas: ",http,metrics,"
	Targets   []EndpointPort
	Endpoints []Endpoint
}

// EndpointPort is where one port of a service leads at all endpoints of a slice.
type EndpointPort struct {
	Name   string // of the service's port
	Number int32  // 0 for all
}

// Endpoint is one address behind a service.
type Endpoint struct {
	Address     string    // the first; the others are of the same thing
	Pod         types.UID // "" if it is no pod
	Name        string    // of the pod
	Zone        string    // "" if it is not told
	Hints       string    // zones that it is meant for, separated by commas; "" for all
	Ready       bool      // gets traffic
	Serving     bool      // would be ready if it were not on its way out
	Terminating bool
}

func newEndpointSlice(s *discoveryv1.EndpointSlice, in *store.Interner) *EndpointSlice {
	out := &EndpointSlice{Meta: in.Meta(&s.ObjectMeta), Service: in.String(s.Labels[discoveryv1.LabelServiceName]), Family: in.String(string(s.AddressType))}
	names := ","
	for _, p := range s.Ports {
		if p.Name != nil {
			names += *p.Name
		}
		names += ","
		t := EndpointPort{}
		if p.Name != nil {
			t.Name = in.String(*p.Name)
		}
		if p.Port != nil {
			t.Number = *p.Port
		}
		out.Targets = append(out.Targets, t)
	}
	out.Ports = in.String(names)
	out.Endpoints = make([]Endpoint, 0, len(s.Endpoints))
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		ready := e.Conditions.Ready == nil || *e.Conditions.Ready // unknown is ready, says the API
		kept := Endpoint{
			Ready: ready, Serving: ready, Terminating: e.Conditions.Terminating != nil && *e.Conditions.Terminating,
		}
		if e.Conditions.Serving != nil {
			kept.Serving = *e.Conditions.Serving
		}
		if e.Zone != nil {
			kept.Zone = in.String(*e.Zone)
		}
		if e.Hints != nil {
			var zones []string
			for _, z := range e.Hints.ForZones {
				zones = append(zones, z.Name)
			}
			kept.Hints = in.String(strings.Join(zones, ","))
		}
		if len(e.Addresses) > 0 {
			kept.Address = sanitize.Line(e.Addresses[0])
		}
		if e.TargetRef != nil && e.TargetRef.Kind == "Pod" {
			kept.Pod, kept.Name = e.TargetRef.UID, sanitize.Line(e.TargetRef.Name)
		}
		out.Endpoints = append(out.Endpoints, kept)
	}
	return out
}
