//go:build e2e

package network_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/kubetest"
	"quarterdeck/kube/network"
)

// testEndpoints compares what stands behind every port of every service with what
// the controllers of Kubernetes have made of it, and again after changes.
func (c *cluster) testEndpoints(t *testing.T) {
	const namespace = "variety"
	c.namespace(t, namespace)
	for _, p := range variety() {
		c.apply(t, namespace, p)
	}
	for _, s := range varied() {
		c.apply(t, namespace, s)
	}
	c.applyByHand(t, namespace)
	feed := c.feed(t)
	seen := c.same(t, feed)
	if seen.services < 30 || seen.ports < 30 || seen.endpoints < 150 || seen.ready == seen.endpoints {
		t.Errorf("too little to tell: %+v", seen)
	}
	a := &app{cluster: c, t: t, namespace: namespace}
	for i, p := range variety() { // each is another one now
		switch {
		case p.DeletionTimestamp != nil:
		case i%4 == 0:
			a.pod(p.Name, unready)
		case i%4 == 1:
			a.pod(p.Name, func(p *corev1.Pod) { p.Status = shown(1000 + i).Status })
		case i%4 == 2:
			must(t, c.CoreV1().Pods(namespace).Delete(t.Context(), p.Name, metav1.DeleteOptions{}))
		}
	}
	a.patch(refTo("Service", "services", "named"), `[{"op":"replace","path":"/spec/selector/app","value":"two"}]`)
	a.remove(refTo("Service", "services", "numbered"))
	c.same(t, feed)
}

// seen is how much was compared.
type seen struct{ services, ports, endpoints, ready int }

// same waits until a feed says of every service what its endpoint slices say.
func (c *cluster) same(t *testing.T, feed *network.Feed) seen {
	t.Helper()
	var s seen
	kubetest.Succeeds(t, func(ctx context.Context) error {
		s = seen{}
		services, err := c.CoreV1().Services("").List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		list, err := c.DiscoveryV1().EndpointSlices("").List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		feed.Take()
		if feed.Loading() {
			return fmt.Errorf("loading: %v", feed.Statuses())
		}
		got := map[string]*network.Route{}
		for _, r := range feed.Routes(time.Now()) {
			if r.By.Kind == "Service" {
				got[r.By.Namespace+"/"+r.By.Name+" "+r.Listen] = r
			}
		}
		for i := range services.Items {
			if err := s.compare(&services.Items[i], list.Items, got, feed); err != nil {
				return err
			}
		}
		for key := range got {
			return fmt.Errorf("%s is no port of any service", key)
		}
		return nil
	})
	return s
}

// compare looks at one service, and takes what is said of it out of got.
func (s *seen) compare(service *corev1.Service, list []discoveryv1.EndpointSlice, got map[string]*network.Route, feed *network.Feed) error {
	s.services++
	var own []discoveryv1.EndpointSlice
	for i := range list {
		if list[i].Namespace == service.Namespace && list[i].Labels[discoveryv1.LabelServiceName] == service.Name {
			own = append(own, list[i])
		}
	}
	ports := service.Spec.Ports
	if len(ports) == 0 {
		ports = []corev1.ServicePort{{}}
	}
	for i := range ports {
		s.ports++
		key := service.Namespace + "/" + service.Name + " "
		if p := &ports[i]; p.Port != 0 {
			key += strings.TrimSpace(fmt.Sprintf("%s %d", p.Name, p.Port))
		}
		ready, total, zones := count(own, &ports[i])
		r := got[key]
		if r == nil {
			return fmt.Errorf("nothing is said of %s", key)
		}
		delete(got, key)
		if r.Ready != ready || r.Total != total || !slices.Equal(r.Zones, zones) {
			return fmt.Errorf("%s: %d of %d ready in zones %q, by the slices %d of %d in %q", key, r.Ready, r.Total, r.Zones, ready, total, zones)
		}
		s.ready, s.endpoints = s.ready+ready, s.endpoints+total
	}
	if len(service.Spec.Selector) == 0 || service.Spec.Type == corev1.ServiceTypeExternalName {
		return nil
	}
	pods := map[string]bool{}
	for i := range own {
		for _, e := range own[i].Endpoints {
			pods[e.TargetRef.Name] = true
		}
	}
	if selected, want := feed.PodsOf(service.Namespace, service.Name), slices.Sorted(maps.Keys(pods)); !slices.Equal(selected, want) {
		return fmt.Errorf("%s/%s selects %q, by the slices %q", service.Namespace, service.Name, selected, want)
	}
	return nil
}

// count reads from the slices of a service what stands behind one of its ports. A
// pod or an address in several of them is one.
func count(own []discoveryv1.EndpointSlice, port *corev1.ServicePort) (ready, total int, zones []string) {
	in, all, taking := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i := range own {
		has := port.Port == 0
		for _, p := range own[i].Ports {
			has = has || *p.Name == port.Name
		}
		for _, e := range own[i].Endpoints {
			name := e.Addresses[0]
			if e.TargetRef != nil {
				name = string(e.TargetRef.UID)
			}
			all[name] = true
			if !has || e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			taking[name] = true
			if e.Zone != nil {
				in[*e.Zone] = true
			}
		}
	}
	return len(taking), len(all), slices.Sorted(maps.Keys(in))
}

// shown returns a pod with a status of its own, by its number.
func shown(i int) *corev1.Pod {
	return pod([]string{"one", "two", "three"}[i%3], fmt.Sprintf("pod-%03d", i), func(p *corev1.Pod) {
		p.Spec.NodeName = "edge-" + zones()[i/3%3]
		p.Labels["tier"] = []string{"front", "back"}[i/2%2]
		p.Status.PodIP = fmt.Sprintf("10.99.%d.%d", i/200, i%200+1)
		switch ports := &p.Spec.Containers[0].Ports; i / 3 % 4 {
		case 0:
			*ports = append(*ports, corev1.ContainerPort{Name: "admin", ContainerPort: 9090})
		case 1:
			(*ports)[0].ContainerPort = 8081
		case 2:
			*ports = append(*ports, corev1.ContainerPort{Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP})
		}
		switch i % 10 {
		case 3:
			unready(p)
		case 4:
			leaving(p)
		case 5:
			unready(p)
			leaving(p)
		case 6:
			p.Status.Phase = []corev1.PodPhase{corev1.PodSucceeded, corev1.PodFailed}[i/10%2]
			p.Status.Conditions[0].Status = corev1.ConditionFalse
		case 7:
			p.Status = corev1.PodStatus{Phase: corev1.PodPending}
		}
		if i%25 == 8 {
			p.Spec.HostNetwork = true
		}
	})
}

// variety are pods in every state that a pod can be in.
func variety() []*corev1.Pod {
	var all []*corev1.Pod
	for i := range 120 {
		all = append(all, shown(i))
	}
	return all
}

// varied are services of every type.
func varied() []*corev1.Service {
	port := func(name string, number int32, to intstr.IntOrString) corev1.ServicePort {
		return corev1.ServicePort{Name: name, Port: number, TargetPort: to}
	}
	ports := func(list ...corev1.ServicePort) func(*corev1.Service) {
		return func(s *corev1.Service) { s.Spec.Ports = list }
	}
	typed := func(kind corev1.ServiceType) func(*corev1.Service) {
		return func(s *corev1.Service) { s.Spec.Type = kind }
	}
	headless := func(s *corev1.Service) { s.Spec.ClusterIP = corev1.ClusterIPNone }
	unready := func(s *corev1.Service) { s.Spec.PublishNotReadyAddresses = true }
	dns := port("dns", 53, intstr.FromString("dns"))
	dns.Protocol = corev1.ProtocolUDP
	http := port("http", 80, intstr.FromString("http"))
	admin := port("admin", 90, intstr.FromString("admin"))
	return []*corev1.Service{
		service("named", "one"),
		service("numbered", "one", to(intstr.FromInt32(8080))),
		service("nameless", "two", ports(port("", 80, intstr.FromString("http")))),
		service("same", "two", ports(port("http", 8080, intstr.IntOrString{}))),
		service("two-ports", "three", ports(http, admin)),
		service("misnamed", "three", ports(admin, port("nothing", 91, intstr.FromString("nothing")))),
		service("datagrams", "two", ports(http, dns)),
		service("headless", "one", headless),
		service("portless", "two", headless, ports()),
		service("early", "one", unready),
		service("early-headless", "three", headless, unready),
		service("node-port", "two", typed(corev1.ServiceTypeNodePort)),
		service("balanced", "three", typed(corev1.ServiceTypeLoadBalancer)),
		service("narrow", "one", func(s *corev1.Service) { s.Spec.Selector["tier"] = "front" }),
		service("wide", "", func(s *corev1.Service) { s.Spec.Selector = map[string]string{"tier": "back"} }),
		service("nobody", "nobody"),
		service("by-hand", "", ports(http, admin), func(s *corev1.Service) { s.Spec.Selector = nil }),
		service("elsewhere", "", func(s *corev1.Service) {
			s.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "shop.example.com"}
		}),
	}
}

// applyByHand gives the service without a selector its endpoints: a pod, an
// address that is none, one that does not say whether it is ready, and one that
// is not.
func (c *cluster) applyByHand(t *testing.T, namespace string) {
	t.Helper()
	p, err := c.CoreV1().Pods(namespace).Get(t.Context(), "pod-000", metav1.GetOptions{})
	must(t, err)
	yes, no := true, false
	slice := func(name, port string, number int32, list ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
		return &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
				discoveryv1.LabelServiceName: "by-hand", discoveryv1.LabelManagedBy: "network.test",
			}},
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Name: &port, Port: &number}},
			Endpoints:   list,
		}
	}
	itself := discoveryv1.Endpoint{
		Addresses: []string{p.Status.PodIP}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}, Zone: new("a"),
		TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: p.Name, UID: p.UID},
	}
	away := discoveryv1.Endpoint{Addresses: []string{"192.0.2.1"}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}, Zone: new("d")}
	c.apply(
		t, namespace,
		slice("by-hand-1", "http", 8080, itself, away, discoveryv1.Endpoint{Addresses: []string{"192.0.2.2"}},
			discoveryv1.Endpoint{Addresses: []string{"192.0.2.3"}, Conditions: discoveryv1.EndpointConditions{Ready: &no}, Zone: new("e")}),
		slice("by-hand-2", "admin", 9090, itself, away),
	)
}
