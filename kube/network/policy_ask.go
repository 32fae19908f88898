package network

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/sanitize"
	"quarterdeck/kube/store"
)

// End names one end of a connection: a pod, or an address that is no pod's.
type End struct {
	Namespace, Pod string
	Address        netip.Addr
}

// Question asks whether network policies allow a connection.
type Question struct {
	From, To End
	Port     string // of To: its number, or the name that a container has for it
	Protocol string // TCP, UDP or SCTP; "" for that of the name, else TCP
}

// Reply answers a Question.
type Reply struct {
	Decision
	From, To    *Party
	Port        Port
	NotModelled []string // what else may decide
	Unread      []*UnreadError
}

// UnreadError says what could not be read.
type UnreadError struct {
	Verb, Resource string
	Namespace      string // "" for what is in none
	Err            error
}

func (u *UnreadError) Error() string {
	words := u.Verb + " " + u.Resource
	if u.Namespace != "" {
		words += " in " + u.Namespace
	}
	return words + ": " + u.Err.Error()
}

// Unwrap returns the error of the server.
func (u *UnreadError) Unwrap() error { return u.Err }

// Ask reads from a cluster what a question is about, and answers it. What of
// policies and namespaces may not be read is in the reply; without one of the
// pods there is none.
func Ask(ctx context.Context, c *kube.Client, q Question) (*Reply, error) {
	core, err := c.REST(corev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.Call(ctx)
	defer cancel()
	r := &Reply{}
	if r.From, err = readEnd(ctx, core, q.From); err != nil {
		return nil, err
	}
	if r.To, err = readEnd(ctx, core, q.To); err != nil {
		return nil, err
	}
	if r.Port, err = r.To.port(q.Port, q.Protocol); err != nil {
		return nil, err
	}
	r.NotModelled = notModelled(c, r)
	policies, err := r.read(ctx, c, core)
	if err != nil {
		return nil, err
	}
	r.Decision = policies.Decide(r.From, r.To, r.Port)
	r.NotModelled = append(r.NotModelled, r.Notes...)
	return r, nil
}

func readEnd(ctx context.Context, core rest.Interface, end End) (*Party, error) {
	if end.Pod == "" {
		return NewAddress(end.Address), nil
	}
	var pod corev1.Pod
	err := core.Get().Namespace(end.Namespace).Resource("pods").Name(end.Pod).Do(ctx).Into(&pod)
	switch {
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("there is no pod %s in namespace %s: name one that is there", sanitize.Line(end.Pod), sanitize.Line(end.Namespace))
	case err != nil:
		return nil, &UnreadError{Verb: "get", Resource: "pods", Namespace: end.Namespace, Err: err}
	}
	return NewParty(&pod), nil
}

// port returns the port of a party that a number or a name means.
func (p *Party) port(port, protocol string) (Port, error) {
	if n, err := strconv.ParseUint(port, 10, 16); err == nil && n > 0 {
		if protocol == "" {
			protocol = string(corev1.ProtocolTCP)
		}
		return Port{Protocol: protocol, Number: int32(n)}, nil
	}
	if !p.IsPod() {
		return Port{}, fmt.Errorf("port %q of %s has to be a number from 1 to 65535", sanitize.Line(port), p)
	}
	var found []Port
	var named []string
	for _, declared := range p.Ports {
		if declared.Name == port && (protocol == "" || declared.Protocol == protocol) {
			found = append(found, Port{Protocol: declared.Protocol, Number: declared.Number})
		}
		if declared.Name != "" {
			named = append(named, declared.Name)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return Port{}, fmt.Errorf("%s has more than one port named %q: say its number", p, sanitize.Line(port))
	case len(named) > 0:
		return Port{}, fmt.Errorf("%s has no port named %q: it has %s", p, sanitize.Line(port), strings.Join(named, ", "))
	}
	return Port{}, fmt.Errorf("%s has no port named %q, nor any other with a name: say a number from 1 to 65535", p, sanitize.Line(port))
}

// read reads the policies of both ends, and the labels of their namespaces.
func (r *Reply) read(ctx context.Context, c *kube.Client, core rest.Interface) (*Policies, error) {
	api, err := c.REST(networkingv1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	policies := NewPolicies()
	seen := map[string]bool{}
	for _, end := range []*Party{r.From, r.To} {
		namespace := end.Namespace
		if !end.IsPod() || seen[namespace] {
			continue
		}
		seen[namespace] = true
		var n corev1.Namespace
		if err := core.Get().Resource("namespaces").Name(namespace).Do(ctx).Into(&n); err != nil {
			r.Unread = append(r.Unread, &UnreadError{Verb: "get", Resource: "namespaces", Namespace: namespace, Err: err})
		} else {
			policies.PutNamespace(namespace, store.NewLabels(n.Labels))
		}
		list, err := readPolicies(ctx, api, namespace)
		if err != nil {
			r.Unread = append(r.Unread, err)
			policies.Unread(namespace, sanitize.Line(err.Err.Error()))
		}
		for _, p := range list {
			policies.Put(p)
		}
	}
	return policies, nil
}

func readPolicies(ctx context.Context, api rest.Interface, namespace string) ([]*object.NetworkPolicy, *UnreadError) {
	kind := object.NetworkPolicies()
	accept := runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	body, err := api.Get().Namespace(namespace).Resource(kind.GVR.Resource).SetHeader("Accept", accept).Do(ctx).Raw()
	if err == nil {
		var list []*object.NetworkPolicy
		if list, err = kind.Decode(body); err == nil {
			return list, nil
		}
	}
	return nil, &UnreadError{Verb: "list", Resource: kind.GVR.Resource, Namespace: namespace, Err: err}
}

// notModelled returns what besides network policies may decide.
func notModelled(c *kube.Client, r *Reply) []string {
	kinds, err := c.Kinds(false)
	out := OtherPolicies(kinds)
	if err != nil {
		out = append(out, "policies of APIs that could not be discovered: "+sanitize.Line(err.Error()))
	}
	for _, end := range []*Party{r.From, r.To} {
		if !end.IsPod() {
			out = append(out, end.String()+" is taken for an address of no pod: the policies of a pod count where it is named")
		}
	}
	return out
}
