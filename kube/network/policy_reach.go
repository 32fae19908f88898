package network

import (
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// NetworkPolicies is read for policies alone, not for the ways in.
const NetworkPolicies Resource = "networkpolicies"

// Reach is what network policies let reach a pod, and what they let it reach, as
// far as that is known now.
type Reach struct {
	Pod     *Party // as it was last, nil as long as it is not known
	Gone    bool   // the pod is not there, or not any more
	Loading bool   // its policies, or the pod itself, are still being read
	In, Out Access // of Pod
	NotRead []Unread
}

// ReachFeed follows what network policies make of one pod. Changed and Statuses may
// be called by anybody; Take and Close belong to one goroutine at a time.
type ReachFeed struct {
	hub      *store.Hub
	pod      kube.Ref
	policies *Policies
	last     *object.Pod               // the pod, as it was last
	near     map[*object.Pod]struct{}  // pods of its namespace
	all      map[*object.Pod]struct{}  // pods of all, nil as long as nobody needs them
	status   map[reachKey]store.Status // as taken last
	sources  *store.Sources[reachKey]
}

// reachKey names what one subscription of a ReachFeed reads.
type reachKey struct {
	resource  Resource
	namespace string // "" for all
}

// OpenReach subscribes to what is needed to say who may reach a pod, and whom it
// may reach: the policies and the pods of its namespace. Other pods, and the labels
// of namespaces, are read as soon as a policy speaks of them. The caller closes the
// feed.
func OpenReach(hub *store.Hub, pod kube.Ref) *ReachFeed {
	f := &ReachFeed{
		hub: hub, pod: pod, policies: NewPolicies(), near: map[*object.Pod]struct{}{},
		status: map[reachKey]store.Status{}, sources: store.NewSources[reachKey](),
	}
	here := store.Scope{Namespace: pod.Namespace}
	followReach(f, object.NetworkPolicies(), here, func(d store.Delta[*object.NetworkPolicy]) {
		if d.Reset {
			delete(f.policies.policies, pod.Namespace)
		}
		for _, n := range d.Removed {
			f.policies.Remove(n)
		}
		for _, n := range d.Added {
			f.policies.Put(n)
		}
	})
	followReach(f, object.Pods(), here, func(d store.Delta[*object.Pod]) { f.near = keep(f.near, d) })
	return f
}

// followReach adds the objects of a kind to a feed.
func followReach[T store.Object](f *ReachFeed, kind store.Kind[T], scope store.Scope, into func(store.Delta[T])) {
	f.sources.Add(store.SourceOf(reachKey{Resource(kind.GVR.Resource), scope.Namespace}, f.hub, kind, scope, into))
}

// widen reads what policies that speak of other namespaces need, if that is not read
// yet.
func (f *ReachFeed) widen() {
	if f.all != nil {
		return
	}
	f.all = map[*object.Pod]struct{}{}
	followReach(f, object.Namespaces(), store.Scope{}, func(d store.Delta[*object.Plain]) {
		if d.Reset {
			clear(f.policies.namespaces)
		}
		for _, n := range d.Removed {
			f.policies.RemoveNamespace(n.Name)
		}
		for _, n := range d.Added {
			f.policies.PutNamespace(n.Name, n.Labels)
		}
	})
	followReach(f, object.Pods(), store.Scope{}, func(d store.Delta[*object.Pod]) { f.all = keep(f.all, d) })
}

// keep takes a change over into a set.
func keep(set map[*object.Pod]struct{}, d store.Delta[*object.Pod]) map[*object.Pod]struct{} {
	if d.Reset {
		set = make(map[*object.Pod]struct{}, len(d.Added))
	}
	for _, p := range d.Removed {
		delete(set, p)
	}
	for _, p := range d.Added {
		set[p] = struct{}{}
	}
	return set
}

// Changed receives a value after a change of anything that matters.
func (f *ReachFeed) Changed() <-chan struct{} { return f.sources.Changed() }

// Statuses returns how well each resource is known now, by what it is in words:
// "pods of shop".
func (f *ReachFeed) Statuses() map[string]store.Status {
	known := f.sources.Statuses()
	all := make(map[string]store.Status, len(known))
	for k, status := range known {
		words := string(k.resource)
		switch {
		case k.namespace != "":
			words += " of " + k.namespace
		case k.resource != Namespaces:
			words += " of all namespaces"
		}
		all[words] = status
	}
	return all
}

// Take returns how things stand now.
func (f *ReachFeed) Take() *Reach {
	f.take()
	r := f.reach()
	if f.all == nil && (spansNamespaces(r.In) || spansNamespaces(r.Out)) {
		f.widen()
		f.take()
		r = f.reach()
	}
	return r
}

func (f *ReachFeed) take() {
	f.sources.Take(func(k reachKey, status store.Status) { f.status[k] = status })
}

func (f *ReachFeed) reach() *Reach {
	here := f.pod.Namespace
	policies, pods := f.status[reachKey{NetworkPolicies, here}], f.status[reachKey{Pods, here}]
	r := &Reach{Loading: policies.Phase == store.Syncing || pods.Phase == store.Syncing && f.last == nil}
	f.policies.Unread(here, "")
	if !isRead(policies) {
		f.policies.Unread(here, policies.Phase.String())
	}
	r.NotRead = f.notRead()
	found := f.find()
	if found != nil {
		f.last = found
	}
	r.Gone = found == nil && isRead(pods)
	if f.last == nil {
		return r
	}
	r.Pod = newPartyOf(f.last)
	r.In, r.Out = f.access(r.Pod, Inbound), f.access(r.Pod, Outbound)
	return r
}

// find returns the pod, nil if it is not there.
func (f *ReachFeed) find() *object.Pod {
	for p := range f.near {
		if p.Name == f.pod.Name && (f.pod.UID == "" || p.UID == f.pod.UID) {
			return p
		}
	}
	return nil
}

// access counts peers among all pods, or only those of its own namespace where no
// others are known.
func (f *ReachFeed) access(pod *Party, d Direction) Access {
	everywhere := f.all != nil && isRead(f.status[reachKey{Pods, ""}])
	var pods iter.Seq[*object.Pod]
	switch {
	case everywhere:
		pods = maps.Keys(f.all)
	case isRead(f.status[reachKey{Pods, f.pod.Namespace}]):
		pods = maps.Keys(f.near)
	}
	a := f.policies.Access(pod, d, pods)
	for i := range a.Lines {
		if l := &a.Lines[i]; l.peer != nil && l.peer.Namespaces != nil && !everywhere {
			l.Pods = -1
		}
	}
	return a
}

func spansNamespaces(a Access) bool {
	return slices.ContainsFunc(a.Lines, func(l Line) bool { return l.peer != nil && l.peer.Namespaces != nil })
}

// notRead returns what is not known, those that matter most first.
func (f *ReachFeed) notRead() []Unread {
	var list []Unread
	for _, k := range f.sources.Keys() {
		if status := f.status[k]; status.Phase == store.Forbidden || status.Phase == store.Failed {
			list = append(list, Unread{Resource: k.resource, Namespace: k.namespace, Status: status})
		}
	}
	return list
}

func isRead(s store.Status) bool { return s.Phase == store.Live || s.Phase == store.Stale }

// Close gives the subscriptions back.
func (f *ReachFeed) Close() { f.sources.Close() }

// AboutPods reports whether a line is about pods alone, so that they could be
// counted.
func (l Line) AboutPods() bool {
	return l.peer != nil && l.peer.Unclear == "" && !l.peer.Block.IsValid()
}

// newPartyOf returns a pod as an end of connections, with what a compact pod keeps:
// of its addresses the first.
func newPartyOf(p *object.Pod) *Party {
	out := &Party{Namespace: p.Namespace, Name: p.Name, Labels: p.Labels, HostNetwork: p.HostNetwork, Node: p.Node}
	if a, err := netip.ParseAddr(p.IP); err == nil {
		out.Addresses = []netip.Addr{a}
	}
	for i := range p.Containers {
		if t := p.Containers[i].Type; t == object.App || t == object.Sidecar {
			out.Ports = append(out.Ports, partyPorts(p.Containers[i].Ports)...)
		}
	}
	return out
}

// partyPorts reads the ports of a compact container: "8080 http, 9090/UDP".
func partyPorts(text string) []PartyPort {
	var list []PartyPort
	for word := range strings.SplitSeq(text, ", ") {
		number, name, _ := strings.Cut(word, " ")
		number, protocol, ok := strings.Cut(number, "/")
		if !ok {
			protocol = string(corev1.ProtocolTCP)
		}
		if n, err := strconv.ParseInt(number, 10, 32); err == nil {
			list = append(list, PartyPort{Name: name, Protocol: protocol, Number: int32(n)})
		}
	}
	return list
}
