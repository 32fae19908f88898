package network

import (
	"net/netip"
	"slices"
	"strings"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// Decision is what network policies make of a connection.
type Decision struct {
	Allowed   Answer
	Direction Direction  // that refuses it, or in which nobody can tell; "" if it is allowed
	DecidedBy []kube.Ref // policies that allow it; where it is refused, those that isolate the pod
	Why       string     // in words
	Notes     []string   // what of it the specification leaves to the network plugin
	Out, In   Side       // leaving the one end, and arriving at the other
}

// Side is what the policies of one end make of a connection.
type Side struct {
	Allowed  Answer
	Isolated Answer     // whether policies are about the pod in this direction
	By       []kube.Ref // as DecidedBy of a Decision
	Why      string
}

// Decide returns what the policies make of a connection between two parties,
// neither of which need be a pod. Where both have addresses of both families
// and these are treated differently, the decision is that of the worse one.
//
// It follows https://kubernetes.io/docs/concepts/services-networking/network-policies/:
// everything is allowed but to or from pods that are isolated in that direction,
// and for them what a rule of any policy about them allows. Both ends must allow
// it.
func (p *Policies) Decide(from, to *Party, port Port) Decision {
	var worst Decision
	differ := false
	pairs := addressPairs(from, to)
	over := 0
	for i, pair := range pairs {
		d := p.decide(&connection{from: from, to: to, fromAddress: pair[0], toAddress: pair[1], port: port})
		differ = differ || i > 0 && d.Allowed != worst.Allowed
		if i == 0 || d.Allowed < worst.Allowed {
			worst, over = d, i
		}
	}
	switch {
	case len(pairs) == 0:
		worst.Why = from.String() + " and " + to.String() + " have no addresses of the same family: one has IPv4, the other IPv6"
	case differ:
		worst.Why = "over " + addressFamily(pairs[over]) + ", unlike over " + addressFamily(pairs[1-over]) + ": " + worst.Why
	}
	worst.Notes = hostNotes(from, to)
	return worst
}

// addressPairs returns the addresses between which two parties talk, one pair a
// family. What has no address yet may get one of each family that the other has.
func addressPairs(from, to *Party) [][2]netip.Addr {
	var pairs [][2]netip.Addr
	for _, is := range []func(netip.Addr) bool{netip.Addr.Is4, netip.Addr.Is6} {
		pick := func(p *Party) (a netip.Addr, ok bool) {
			if i := slices.IndexFunc(p.Addresses, is); i >= 0 {
				return p.Addresses[i], true
			}
			return a, len(p.Addresses) == 0
		}
		a, aOK := pick(from)
		b, bOK := pick(to)
		if aOK && bOK {
			pairs = append(pairs, [2]netip.Addr{a, b})
		}
	}
	return pairs
}

func addressFamily(pair [2]netip.Addr) string {
	if pair[0].Is4() || pair[1].Is4() {
		return "IPv4"
	}
	return "IPv6"
}

func (p *Policies) decide(c *connection) Decision {
	d := Decision{Out: p.side(Outbound, c), In: p.side(Inbound, c)}
	d.Allowed = min(d.Out.Allowed, d.In.Allowed)
	switch d.Allowed {
	case d.Out.Allowed:
		d.Direction, d.DecidedBy, d.Why = Outbound, d.Out.By, d.Out.Why
	default:
		d.Direction, d.DecidedBy, d.Why = Inbound, d.In.By, d.In.Why
	}
	switch {
	case d.Allowed == Yes:
		d.Direction, d.DecidedBy = "", slices.Concat(d.Out.By, d.In.By)
		if d.Out.Why != d.In.Why {
			d.Why += "; " + d.In.Why
		}
	case d.Out.Allowed == d.In.Allowed:
		d.Why += "; and " + d.In.Why
	}
	return d
}

// side returns what the policies of one end say.
func (p *Policies) side(d Direction, c *connection) Side {
	pod, peer, _ := c.ends(d)
	switch {
	case !pod.IsPod():
		return Side{Allowed: Yes, Isolated: No, Why: "network policies are about pods, and " + pod.String() + " is none"}
	case pod.same(peer):
		return Side{Allowed: Yes, Isolated: No, Why: "a pod always reaches itself"}
	case c.local():
		return Side{Allowed: Yes, Isolated: No, Why: "a pod and the node that it is on always reach each other"}
	}
	if why := p.whyUnread(pod.Namespace); why != "" {
		return Side{Why: "the network policies of " + pod.Namespace + " could not be read: " + why}
	}
	var about, may verdicts // policies about the pod, and those that may be
	for _, n := range p.policies[pod.Namespace] {
		if !isolates(n, d) {
			continue
		}
		switch selects(n, pod) {
		case Yes:
			about.add(n, p.allows(n, d, c))
		case Unclear:
			may.add(n, p.allows(n, d, c))
		case No:
		}
	}
	return side(d, c, about, may)
}

// verdicts are policies and what each says of one connection.
type verdicts struct {
	no, unclear, yes []kube.Ref
}

func (v *verdicts) add(n *object.NetworkPolicy, says Answer) {
	switch says {
	case No:
		v.no = append(v.no, PolicyRef(n))
	case Unclear:
		v.unclear = append(v.unclear, PolicyRef(n))
	case Yes:
		v.yes = append(v.yes, PolicyRef(n))
	}
}

func (v *verdicts) all() []kube.Ref { return slices.Concat(v.yes, v.unclear, v.no) }

// side returns what follows of the policies that are about a pod, and of those
// that may be: all or none of them where it is on the host network, any of them
// where their selectors make no sense.
func side(d Direction, c *connection, about, may verdicts) Side {
	pod, _, _ := c.ends(d)
	isolated := No
	switch {
	case len(about.all()) > 0:
		isolated = Yes
	case len(may.all()) > 0:
		isolated = Unclear
	}
	s := Side{Isolated: isolated}
	what := c.words(d)
	switch {
	case isolated == No:
		s.Allowed, s.Why = Yes, "no policy isolates "+pod.String()+" for "+string(d)
	case len(about.yes) > 0:
		s.Allowed, s.By, s.Why = Yes, slices.Concat(about.yes, may.yes), policyNames(about.yes)+" "+agree(about.yes, "allows", "allow")+" "+what
	case isolated == Unclear && len(may.no)+len(may.unclear) == 0, isolated == Unclear && pod.HostNetwork && len(may.yes) > 0:
		s.Allowed, s.By, s.Why = Yes, may.yes, policyNames(may.yes)+", if about "+pod.String()+" at all, "+agree(may.yes, "allows", "allow")+" "+what
	case isolated == Yes && len(about.unclear)+len(may.unclear)+len(may.yes) == 0:
		s.Allowed, s.By = No, about.all()
		s.Why = policyNames(s.By) + " " + agree(s.By, "isolates", "isolate") + " " + pod.String() + " for " + string(d) + ", and no policy allows " + what
	default:
		s.By = slices.Concat(may.all(), about.all())
		s.Why = "whether " + policyNames(s.By) + " " + agree(s.By, "allows", "allow") + " " + what + " is not clear" + reason(pod, &may, c)
	}
	return s
}

// reason returns why it is not clear what policies do.
func reason(pod *Party, may *verdicts, c *connection) string {
	switch {
	case pod.HostNetwork:
		return ": " + pod.String() + " is on the host network, about which policies need not be"
	case len(may.all()) > 0:
		return ": a pod selector is not valid"
	case c.from.HostNetwork, c.to.HostNetwork:
		return ": pods on the host network are not always told from their nodes"
	case c.from.IsPod() && !c.fromAddress.IsValid(), c.to.IsPod() && !c.toAddress.IsValid():
		return ": it goes by an address, which the pod does not have yet"
	}
	return ": it goes by what could not be read or is not valid"
}

// words names the connection as the pod of a direction sees it.
func (c *connection) words(d Direction) string {
	_, peer, _ := c.ends(d)
	if d == Inbound {
		return c.port.String() + " from " + peer.String()
	}
	return c.port.String() + " to " + peer.String()
}

func agree(of []kube.Ref, one, many string) string {
	if len(of) == 1 {
		return one
	}
	return many
}

// policyNames returns the policies as one says them: three of them, and how many more.
func policyNames(refs []kube.Ref) string {
	const shown = 3
	words := make([]string, 0, shown+1)
	for i, r := range refs {
		if i == shown {
			words = append(words, "others")
			break
		}
		words = append(words, r.String())
	}
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " and " + words[n]
	}
	return strings.Join(words, "")
}

// hostNotes returns what of a connection the specification leaves open.
func hostNotes(from, to *Party) []string {
	var out []string
	for _, p := range []*Party{from, to} {
		if p.HostNetwork {
			out = append(out, p.String()+" is on the host network: what policies do about it depends on the network plugin")
		}
	}
	return out
}
