package network

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

// Access is what network policies let reach a pod, or let a pod reach.
type Access struct {
	Direction Direction
	Isolated  Answer
	By        []kube.Ref // policies that isolate the pod, or may
	Lines     []Line     // what is allowed all the same, by port; not isolated is one line for everything
	Why       string     // in words
}

// Line is one thing that policies allow: some ports, from or to somebody.
type Line struct {
	Ports string     // "8080/TCP", "8080/TCP http", "all ports"
	Peer  string     // "pods app=web in shop", "10.0.0.0/8 except 10.1.0.0/16", "everybody"
	By    []kube.Ref // the policies that allow it
	Pods  int        // how many of the pods that are known this is now; -1 if it is not about pods alone, or not known

	first, last int32
	protocol    string
	namespace   string             // of the policies
	peer        *object.PolicyPeer // nil for everybody
}

// Access returns what the policies let a pod talk to in a direction. pods are
// those among which peers are counted, nil if nobody knows them all.
func (p *Policies) Access(pod *Party, d Direction, pods iter.Seq[*object.Pod]) Access {
	out := Access{Direction: d, Isolated: No}
	if why := p.whyUnread(pod.Namespace); why != "" {
		out.Isolated, out.Why = Unclear, "the network policies of "+pod.Namespace+" could not be read: "+why
		return out
	}
	lines := lineSet{}
	for _, n := range p.policies[pod.Namespace] {
		about := No
		if isolates(n, d) {
			about = selects(n, pod)
		}
		if about == No {
			continue
		}
		out.Isolated = max(out.Isolated, about)
		out.By = append(out.By, PolicyRef(n))
		for i := range policyRules(n, d) {
			lines.add(n, &policyRules(n, d)[i], pod, d)
		}
	}
	out.Lines = lines.sorted()
	switch {
	case out.Isolated == No:
		out.Why = "no policy isolates " + pod.String() + " for " + string(d)
		out.Lines = []Line{{Ports: allPorts, Peer: everybody, Pods: -1}}
	case pod.HostNetwork:
		out.Why = "whether policies isolate what is on the host network depends on the network plugin"
	case out.Isolated == Unclear:
		out.Why = "a pod selector of " + policyNames(out.By) + " is not valid"
	case len(out.Lines) == 0:
		out.Why = policyNames(out.By) + " " + agree(out.By, "isolates", "isolate") + " " + pod.String() + " for " + string(d) + ", and no policy allows anything"
	default:
		out.Why = policyNames(out.By) + " " + agree(out.By, "isolates", "isolate") + " " + pod.String() + " for " + string(d)
	}
	if pods != nil {
		p.count(out.Lines, pods)
	}
	return out
}

const (
	allPorts  = "all ports"
	everybody = "everybody"
)

// lineKey is what lines of several policies have in common that are one.
type lineKey struct{ ports, peer string }

type lineSet map[lineKey]*Line

// add adds what one rule of a policy allows.
func (s lineSet) add(n *object.NetworkPolicy, r *object.PolicyRule, pod *Party, d Direction) {
	ports := []Line{{Ports: allPorts}}
	if len(r.Ports) > 0 {
		ports = nil
		for i := range r.Ports {
			ports = append(ports, portLines(&r.Ports[i], pod, d)...)
		}
	}
	for _, line := range ports {
		line.namespace = n.Namespace
		if len(r.Peers) == 0 {
			line.Peer = everybody
			s.merge(line, n)
		}
		for i := range r.Peers {
			line.peer = &r.Peers[i]
			line.Peer = peerWords(n.Namespace, line.peer)
			s.merge(line, n)
		}
	}
}

func (s lineSet) merge(line Line, n *object.NetworkPolicy) {
	key := lineKey{line.Ports, line.Peer}
	kept, ok := s[key]
	if !ok {
		line.Pods = -1
		kept = &line
		s[key] = kept
	}
	if ref := PolicyRef(n); !slices.Contains(kept.By, ref) {
		kept.By = append(kept.By, ref)
	}
}

func (s lineSet) sorted() []Line {
	out := make([]Line, 0, len(s))
	for _, l := range s {
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.last, b.last), cmp.Compare(a.Ports, b.Ports), cmp.Compare(a.Peer, b.Peer))
	})
	return out
}

// portLines returns what a port of a policy stands for: one port, more where
// several containers call theirs so.
func portLines(p *object.PolicyPort, pod *Party, d Direction) []Line {
	slash := "/" + p.Protocol
	switch {
	case p.Name == "" && p.First == 0:
		return []Line{{Ports: "all ports" + slash, protocol: p.Protocol}}
	case p.Name == "" && p.First == p.Last:
		return []Line{{Ports: strconv.Itoa(int(p.First)) + slash, first: p.First, last: p.Last}}
	case p.Name == "":
		return []Line{{Ports: strconv.Itoa(int(p.First)) + "-" + strconv.Itoa(int(p.Last)) + slash, first: p.First, last: p.Last}}
	case d == Outbound:
		return []Line{{Ports: p.Name + slash}} // whatever number it has at the other end
	}
	var out []Line
	for _, declared := range pod.Ports {
		if declared.Name == p.Name && declared.Protocol == p.Protocol {
			out = append(out, Line{Ports: strconv.Itoa(int(declared.Number)) + slash + " " + p.Name, first: declared.Number, last: declared.Number})
		}
	}
	if out == nil {
		return []Line{{Ports: p.Name + slash + ", which no container has"}}
	}
	return out
}

// peerWords names a peer of a policy in a namespace.
func peerWords(namespace string, of *object.PolicyPeer) string {
	switch {
	case of.Unclear != "":
		return "nobody knows: " + of.Unclear + " is not valid"
	case of.Block.IsValid():
		words := of.Block.String()
		if len(of.Except) > 0 {
			except := make([]string, len(of.Except))
			for i, e := range of.Except {
				except[i] = e.String()
			}
			words += " except " + strings.Join(except, ", ")
		}
		return words
	}
	pods := "all pods"
	if of.Pods != nil && of.Pods.Text != "" {
		pods = "pods " + of.Pods.Text
	}
	switch {
	case of.Namespaces == nil:
		return pods + " in " + namespace
	case of.Namespaces.Text == "":
		return pods + " in all namespaces"
	}
	return pods + " in namespaces " + of.Namespaces.Text
}

// count notes how many pods each line is about, where that can be told. Pods of
// a namespace with equal labels share them, and are looked at together.
func (p *Policies) count(lines []Line, pods iter.Seq[*object.Pod]) {
	type group struct {
		namespace string
		labels    *store.Labels
	}
	groups := map[group]int{}
	for pod := range pods {
		if pod.Phase != string(corev1.PodSucceeded) && pod.Phase != string(corev1.PodFailed) {
			groups[group{pod.Namespace, pod.Labels}]++
		}
	}
	for i := range lines {
		if peer := lines[i].peer; peer != nil && peer.Unclear == "" && !peer.Block.IsValid() {
			lines[i].Pods = 0
		}
	}
	within := map[string][]Answer{} // by namespace: whether each line is about it
	for g, n := range groups {
		in, ok := within[g.namespace]
		if !ok {
			in = make([]Answer, len(lines))
			for i := range lines {
				in[i] = No
				if lines[i].Pods >= 0 {
					in[i] = p.inNamespaces(lines[i].namespace, lines[i].peer.Namespaces, g.namespace)
				}
			}
			within[g.namespace] = in
		}
		for i := range lines {
			l := &lines[i]
			switch {
			case in[i] == No || l.Pods < 0 || l.peer.Pods != nil && !l.peer.Pods.Matches(g.labels):
			case in[i] == Unclear:
				l.Pods = -1
			default:
				l.Pods += n
			}
		}
	}
}
