package network

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// Answer is how sure something is. They are ordered: of two conditions that must
// both hold the answer is the lesser, of alternatives the greater.
type Answer int8

// The answers.
const (
	No      Answer = iota - 1
	Unclear        // what it depends on is not known, or not specified
	Yes
)

// String returns the answer as a word.
func (a Answer) String() string { return [...]string{"no", "unclear", "yes"}[a+1] }

func answer(yes bool) Answer {
	if yes {
		return Yes
	}
	return No
}

// Direction is a direction of traffic, as a pod sees it.
type Direction string

// The directions.
const (
	Inbound  Direction = "ingress"
	Outbound Direction = "egress"
)

// Party is one end of a connection: a pod, or an address that is no pod's.
type Party struct {
	Namespace, Name string // "" for an address
	Labels          labels.Labels
	Addresses       []netip.Addr // of a pod at most one of each family, none before it has one
	Ports           []PartyPort
	HostNetwork     bool
	Node            string
}

// PartyPort is a port that a container of a pod declares.
type PartyPort struct {
	Name     string // "" if it has none
	Protocol string
	Number   int32
}

// NewParty returns a pod as an end of connections.
func NewParty(pod *corev1.Pod) *Party {
	out := &Party{
		Namespace: sanitize.Line(pod.Namespace), Name: sanitize.Line(pod.Name), Labels: labels.Set(pod.Labels),
		HostNetwork: pod.Spec.HostNetwork, Node: sanitize.Line(pod.Spec.NodeName),
	}
	for _, ip := range pod.Status.PodIPs {
		if a, err := netip.ParseAddr(ip.IP); err == nil {
			out.Addresses = append(out.Addresses, a)
		}
	}
	declare := func(c *corev1.Container) {
		for _, p := range c.Ports {
			kept := PartyPort{Name: sanitize.Line(p.Name), Protocol: sanitize.Line(string(p.Protocol)), Number: p.ContainerPort}
			if kept.Protocol == "" {
				kept.Protocol = string(corev1.ProtocolTCP)
			}
			out.Ports = append(out.Ports, kept)
		}
	}
	for i := range pod.Spec.Containers {
		declare(&pod.Spec.Containers[i])
	}
	for i := range pod.Spec.InitContainers { // those that stay, as sidecars
		if c := &pod.Spec.InitContainers[i]; c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			declare(c)
		}
	}
	return out
}

// NewAddress returns an address that is no pod's as an end of connections.
func NewAddress(address netip.Addr) *Party { return &Party{Addresses: []netip.Addr{address.Unmap()}} }

// IsPod reports whether it is a pod.
func (p *Party) IsPod() bool { return p.Name != "" }

// String names the party in a sentence.
func (p *Party) String() string {
	switch {
	case p.IsPod():
		return "pod " + p.Namespace + "/" + p.Name
	case len(p.Addresses) > 0:
		return p.Addresses[0].String()
	}
	return "an address"
}

func (p *Party) same(other *Party) bool {
	return p.IsPod() && p.Namespace == other.Namespace && p.Name == other.Name
}

// Port is the port that is connected to.
type Port struct {
	Protocol string // TCP, UDP or SCTP
	Number   int32
}

// String returns the port as 8080/TCP.
func (p Port) String() string { return strconv.Itoa(int(p.Number)) + "/" + p.Protocol }

// Policies are the network policies of a cluster and the labels of its
// namespaces, as far as they are known. They belong to one goroutine at a time.
type Policies struct {
	namespaces map[string]*store.Labels
	policies   map[string][]*object.NetworkPolicy // by namespace, ordered by name
	unread     map[string]string                  // why those of a namespace are not known; of "" for all
}

// NewPolicies returns no policies.
func NewPolicies() *Policies {
	return &Policies{namespaces: map[string]*store.Labels{}, policies: map[string][]*object.NetworkPolicy{}, unread: map[string]string{}}
}

// PutNamespace makes a namespace known, or its new labels.
func (p *Policies) PutNamespace(name string, its *store.Labels) { p.namespaces[name] = its }

// RemoveNamespace forgets a namespace.
func (p *Policies) RemoveNamespace(name string) { delete(p.namespaces, name) }

// Put makes a policy known, or replaces the one of its name.
func (p *Policies) Put(n *object.NetworkPolicy) {
	list := p.policies[n.Namespace]
	i, found := findPolicy(list, n.Name)
	if found {
		list[i] = n
		return
	}
	p.policies[n.Namespace] = slices.Insert(list, i, n)
}

// Remove forgets a policy.
func (p *Policies) Remove(n *object.NetworkPolicy) {
	list := p.policies[n.Namespace]
	if i, found := findPolicy(list, n.Name); found {
		p.policies[n.Namespace] = slices.Delete(list, i, i+1)
	}
}

func findPolicy(list []*object.NetworkPolicy, name string) (int, bool) {
	return slices.BinarySearchFunc(list, name, func(n *object.NetworkPolicy, name string) int { return strings.Compare(n.Name, name) })
}

// Unread says why the policies of a namespace are not known, "" when they are
// again. Namespace "" stands for all.
func (p *Policies) Unread(namespace, why string) {
	if why == "" {
		delete(p.unread, namespace)
		return
	}
	p.unread[namespace] = why
}

func (p *Policies) whyUnread(namespace string) string {
	if why := p.unread[namespace]; why != "" {
		return why
	}
	return p.unread[""]
}

// PolicyRef names a network policy.
func PolicyRef(n *object.NetworkPolicy) kube.Ref {
	kind := object.NetworkPolicies()
	return kube.Ref{GVR: kind.GVR, Kind: kind.Kind, Namespace: n.Namespace, Name: n.Name, UID: n.UID}
}
