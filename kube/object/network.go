package object

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

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
}

func newService(s *corev1.Service, in *store.Interner) *Service {
	out := &Service{
		Meta: in.Meta(&s.ObjectMeta), Type: in.String(string(s.Spec.Type)), ClusterIP: in.String(s.Spec.ClusterIP),
		External: in.String(externalAddress(s)), Selector: in.String(store.NewLabels(s.Spec.Selector).String()),
	}
	words := make([]string, 0, len(s.Spec.Ports))
	for _, p := range s.Spec.Ports {
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
