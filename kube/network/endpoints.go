package network

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"quarterdeck/kube/object"
)

// endpoints is what stands behind one port of a service.
type endpoints struct {
	slices      []*object.EndpointSlice
	total       int
	ready       int            // that take traffic on this port
	elsewhere   int            // that take traffic, but not on this port
	terminating int            // on their way out
	serving     int            // of those, that answer until they are gone
	zones       map[string]int // of those that are ready
	hinted      bool           // to zones
	numbers     []string       // of the port, at its endpoints
	list        []object.Endpoint
}

// endpoints counts what stands behind one port of a service. What has addresses
// of both families counts once.
func (g *Graph) endpoints(s *object.Service, at int) endpoints {
	e := endpoints{slices: g.slices[place{s.Namespace, s.Name}], zones: map[string]int{}}
	var seen map[string]bool // nil where nothing can be there twice
	if len(e.slices) > 1 {
		slices.SortFunc(e.slices, func(a, b *object.EndpointSlice) int { return strings.Compare(a.Name, b.Name) })
		seen = map[string]bool{}
	}
	var without []*object.EndpointSlice
	for _, slice := range e.slices {
		if e.has(slice, s, at) {
			e.addAll(slice, true, seen)
		} else {
			without = append(without, slice)
		}
	}
	for _, slice := range without { // last: another slice of the same endpoints may have the port
		e.addAll(slice, false, seen)
	}
	return e
}

// has reports whether the endpoints of a slice have a port of a service, and notes
// its number.
func (e *endpoints) has(slice *object.EndpointSlice, s *object.Service, at int) bool {
	if at >= len(s.Targets) {
		return true
	}
	has := false
	for _, p := range slice.Targets {
		if p.Name != s.Targets[at].Name {
			continue
		}
		has = true
		if n := strconv.Itoa(int(p.Number)); p.Number != 0 && !slices.Contains(e.numbers, n) {
			e.numbers = append(e.numbers, n)
		}
	}
	return has
}

func (e *endpoints) addAll(slice *object.EndpointSlice, has bool, seen map[string]bool) {
	for i := range slice.Endpoints {
		p := &slice.Endpoints[i]
		if seen != nil {
			key := cmp.Or(string(p.Pod), p.Name, p.Address)
			if seen[key] {
				continue
			}
			seen[key] = true
		}
		e.add(p, has)
	}
}

func (e *endpoints) add(p *object.Endpoint, has bool) {
	e.total++
	e.list = append(e.list, *p)
	switch {
	case p.Ready && has:
		e.ready++
		if p.Zone != "" {
			e.zones[p.Zone]++
		}
		e.hinted = e.hinted || p.Hints != ""
	case p.Ready:
		e.elsewhere++
	case p.Terminating:
		e.terminating++
		if p.Serving {
			e.serving++
		}
	}
}

// sliceHop adds the endpoint slices of a service.
func (t *tracer) sliceHop(s *object.Service, e endpoints) {
	if len(e.slices) == 0 {
		t.hop(t.ref(EndpointSlices, s.Namespace, s.Name), "there is none for the service")
		return
	}
	ref := t.ref(EndpointSlices, s.Namespace, e.slices[0].Name)
	detail := fmt.Sprintf("%d of %d ready", e.ready, e.total)
	if len(e.numbers) > 0 {
		detail += " on port " + strings.Join(e.numbers, ", ")
	}
	if e.terminating > 0 {
		detail += fmt.Sprintf(", %d on their way out", e.terminating)
	}
	if len(e.zones) > 0 {
		var list []string
		for _, z := range sorted(e.zones) {
			list = append(list, fmt.Sprintf("%s %d", z, e.zones[z]))
		}
		detail += ", zones " + strings.Join(list, " ")
		if e.hinted {
			detail += ", kept in their zones"
		}
	}
	if len(e.slices) > 1 {
		detail += ", and " + plural(len(e.slices)-1, "more slice")
	}
	t.hop(ref, detail, Evidence{fmt.Sprintf("%d of %d endpoints are ready", e.ready, e.total), ref.String() + " endpoints[].conditions"})
}

// maxPods is how many pods of a way are hops of their own.
const maxPods = 8

// answered follows a port of a service that something answers.
func (t *tracer) answered(s *object.Service, at int, e endpoints) {
	if at < len(s.Targets) {
		t.undeclared(s, at, e)
	}
	t.sliceHop(s, e)
	if e.elsewhere > 0 {
		t.warn(fmt.Sprintf("%d of %s have no such port", e.elsewhere, plural(e.total, "endpoint")))
	}
	if away := e.total - e.ready - e.terminating - e.elsewhere; away > 0 {
		t.warn(fmt.Sprintf("%d of %s not ready", away, plural(e.total, "endpoint")))
	}
	switch {
	case t.pod != "":
		t.onePod(s, e)
	case !t.listed: // none of them changes how the way stands
		t.podHops(s, e)
	}
}

// podHops adds the pods behind a service, those in trouble first.
func (t *tracer) podHops(s *object.Service, e endpoints) {
	list := slices.Clone(e.list)
	slices.SortStableFunc(list, func(a, b object.Endpoint) int {
		if a.Ready != b.Ready {
			if b.Ready {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	shown := 0
	for i := range list {
		p := &list[i]
		if p.Name == "" || t.pod != "" && p.Name != t.pod {
			continue
		}
		if shown++; shown > maxPods {
			continue
		}
		ref := t.ref(Pods, s.Namespace, p.Name)
		ref.UID = p.Pod
		pod := t.pods[s.Namespace][p.Name]
		detail, verdict := p.Address, Leads
		switch {
		case pod != nil:
			detail = podWords(pod)
		case !t.sees(Pods, s.Namespace):
			verdict = Untold
		}
		if !p.Ready && verdict == Leads {
			verdict = Suspect
		}
		t.hop(ref, detail)
		t.last().Verdict = verdict
	}
	if shown > maxPods {
		t.last().Detail += ", and " + plural(shown-maxPods, "more pod")
	}
}

// podWords says how a pod stands.
func podWords(p *object.Pod) string {
	detail := p.Status
	switch {
	case p.Deleted != 0:
		detail = "being deleted"
	case p.ReadySince != 0:
		detail = "ready"
	case p.Node == "":
		detail = "waits for a node"
	case p.Status == "Running":
		detail = fmt.Sprintf("%d of %d containers ready", p.Ready, p.Total)
	}
	if p.Message != "" && p.ReadySince == 0 {
		detail += ": " + p.Message
	}
	if p.IP != "" {
		detail += ", " + p.IP
	}
	if p.Node != "" {
		detail += " on " + p.Node
	}
	if p.HostNetwork {
		detail += ", on its network"
	}
	return detail
}

// undeclared doubts a port of a service whose number none of its pods declares
// though they declare others. They need not.
func (t *tracer) undeclared(s *object.Service, at int, e endpoints) {
	port := &s.Targets[at]
	if port.Number == 0 || port.UDP || s.ClusterIP == headless || s.Selector == "" {
		return
	}
	pod := t.answering(s, e)
	if pod == nil {
		return
	}
	some := false
	for d := range portsOf(pod) {
		if d.number == port.Number {
			return
		}
		some = some || !d.udp
	}
	if !some {
		return
	}
	t.portFix(s, at, pod, func(fix *Fix) {
		t.doubts(fmt.Sprintf("targetPort %d is none of the ports that pod/%s declares (%s); it may listen there all the same", port.Number, pod.Name, portWords(pod)), fix)
	})
}

// answering returns the first of the pods of a service that take traffic, nil if
// none is known.
func (t *tracer) answering(s *object.Service, e endpoints) *object.Pod {
	var first *object.Pod
	for i := range e.list {
		p := t.pods[s.Namespace][e.list[i].Name]
		if e.list[i].Ready && p != nil && (first == nil || p.Name < first.Name) && selected(s.Selector, p.Labels) {
			first = p
		}
	}
	return first
}

// misdirected breaks a port of a service that its pods, which are ready, do not
// have.
func (t *tracer) misdirected(s *object.Service, at int, e endpoints) {
	port, pod := &s.Targets[at], t.answering(s, e)
	if pod == nil || port.Target == "" {
		t.sliceHop(s, e)
		t.breaks(fmt.Sprintf("none of its endpoints has port %s", cmp.Or(port.Name, strconv.Itoa(int(port.Port)))), nil)
		return
	}
	t.portFix(s, at, pod, func(fix *Fix) {
		t.breaks(fmt.Sprintf("targetPort %q is no port of its pods: pod/%s declares %s", port.Target, pod.Name, portWords(pod)), fix)
	})
	t.sliceHop(s, e)
	t.podHops(s, e)
}

// portFix finds the port of a pod that was probably meant by one of a service, and
// lets say what is wrong.
func (t *tracer) portFix(s *object.Service, at int, pod *object.Pod, say func(*Fix)) {
	ref, port := t.last().Ref, &s.Targets[at]
	path := []string{"spec", "ports", strconv.Itoa(at), "targetPort"}
	var from any = port.Target
	if port.Target == "" {
		from = int64(port.Number)
	}
	t.last().Evidence = append(t.last().Evidence,
		Evidence{fmt.Sprintf("targetPort %v", from), ref.String() + " " + field(path)},
		Evidence{"declares " + portWords(pod), "pod/" + pod.Name + " spec.containers[].ports"})
	d, ok := portMeant(pod, cmp.Or(port.Target, port.Name))
	if !ok {
		say(nil)
		return
	}
	var to any = int64(d.number)
	if port.Target != "" && d.name != "" {
		to = d.name
	}
	say(edit(ref, from, to, path...))
	t.meant(strings.TrimSpace(strconv.Itoa(int(d.number)) + " " + d.name))
}

// unanswered finds out why nothing answers a service, and breaks the way there.
func (t *tracer) unanswered(s *object.Service, e endpoints) {
	ref := t.last().Ref
	if s.Selector == "" {
		t.sliceHop(s, e)
		if e.total > 0 {
			t.breaks(fmt.Sprintf("none of %s is ready; the service selects no pods, somebody else keeps its endpoints", plural(e.total, "endpoint")), nil)
			return
		}
		t.breaks("the service selects no pods, and nobody has given it endpoints", nil)
		return
	}
	if !t.sees(Pods, s.Namespace) {
		t.sliceHop(s, e)
		t.breaks("it has no ready endpoints", nil)
		return
	}
	pods := t.podsOf(s)
	if len(pods) == 0 && e.total == 0 {
		t.unmatched(s, e)
		return
	}
	ready, leaving := 0, 0
	for _, p := range pods {
		switch {
		case p.Deleted != 0:
			leaving++
		case p.ReadySince != 0:
			ready++
		}
	}
	t.sliceHop(s, e)
	switch {
	case ready > 0:
		t.breaks(fmt.Sprintf("%s not among the endpoints of %s", plural(ready, "ready pod"), ref), nil)
		t.podList(pods)
	case leaving == len(pods) || e.terminating > 0 && e.terminating == e.total && len(pods) <= e.total:
		why := "all endpoints are on their way out"
		if e.serving > 0 {
			why += fmt.Sprintf(": %d still serving until then", e.serving)
		}
		t.breaks(why, nil)
		t.podList(pods)
	default:
		at := len(t.Hops)
		t.last().Verdict = Suspect
		t.podList(pods)
		worst := pods[slices.IndexFunc(pods, func(p *object.Pod) bool { return p.Deleted == 0 })]
		rest := t.Hops[at+1:]
		t.Hops = t.Hops[:at+1]
		t.breaks(fmt.Sprintf("none of %s is ready: pod/%s %s", plural(len(pods)-leaving, "pod"), worst.Name, podWords(worst)), nil)
		t.Hops = append(t.Hops, rest...)
	}
}

// podList adds the pods that a service selects, those that stay first.
func (t *tracer) podList(pods []*object.Pod) {
	list := slices.Clone(pods)
	slices.SortStableFunc(list, func(a, b *object.Pod) int { return cmp.Compare(min(a.Deleted, 1), min(b.Deleted, 1)) })
	shown := 0
	for _, p := range list {
		if t.pod != "" && p.Name != t.pod {
			continue
		}
		if shown++; shown > maxPods {
			continue
		}
		ref := t.ref(Pods, p.Namespace, p.Name)
		ref.UID = p.UID
		t.hop(ref, podWords(p), Evidence{podWords(p), ref.String() + " status"})
		if p.ReadySince == 0 || p.Deleted != 0 {
			t.last().Verdict = Suspect
		}
	}
	if shown > maxPods {
		t.last().Detail += ", and " + plural(shown-maxPods, "more pod")
	}
}

// unmatched breaks a way at a service that selects no pod.
func (t *tracer) unmatched(s *object.Service, e endpoints) {
	t.depend(kindred, s.Namespace, s.Name)
	if t.strays[s.Namespace] == nil {
		t.strays[s.Namespace] = map[string]string{}
	}
	t.strays[s.Namespace][s.Name] = s.Selector
	ref := t.last().Ref
	if makers := t.makersOf(s); len(makers) > 0 {
		m := makers[0]
		t.sliceHop(s, e)
		t.last().Verdict = Suspect
		t.hop(m.ref, fmt.Sprintf("%d of %d pods", m.work.Current, m.work.Desired), Evidence{fmt.Sprintf("replicas %d", m.work.Desired), m.ref.String() + " spec.replicas"})
		if m.work.Desired > 0 {
			t.breaks(m.ref.String()+" has no pods", nil)
			return
		}
		var fix *Fix
		if m.ref.GVR.Resource != string(DaemonSets) {
			fix = edit(m.ref, int64(0), int64(1), "spec", "replicas")
		}
		t.idle = t.Broken < 0
		t.breaks(m.ref.String()+" is scaled to zero", fix)
		return
	}
	if m, ok := t.selectorMeant(s); ok {
		meant := m.key + "=" + m.has
		t.breaks(fmt.Sprintf("selector %s matches no pod; %s: %s", s.Selector, meant, plural(m.pods, "pod")),
			edit(ref, m.wanted, m.has, "spec", "selector", m.key))
		t.meant(fmt.Sprintf("%s (%s)", meant, plural(m.pods, "pod")))
	} else {
		t.breaks(fmt.Sprintf("selector %s matches no pod", s.Selector), nil)
	}
	t.sliceHop(s, e)
	t.last().Verdict = Suspect
}
