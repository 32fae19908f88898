package triage

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	similar "quarterdeck/nearest"
)

// targetPort finds services whose ports lead nowhere though their pods are
// ready: to a name that no container gives a port, or, as a hint, to a number
// that none declares where they declare others. Containers need not declare the
// ports that they listen on.
func targetPort() Rule {
	return rule(Rule{
		ID: "target-port", On: Services, Checks: "services lead to ports that their pods have", Needs: []Resource{EndpointSlices, Pods}, Depth: Cause,
	}, func(c *Cluster, s *object.Service) *Finding {
		if s.Selector == "" || s.Deleted != 0 || s.Type == externalName || !c.Lasted(s.Created, endpointsLag) {
			return nil
		}
		var wrong []*object.ServicePort
		for i := range s.Targets {
			if t := &s.Targets[i]; t.Target != "" && !c.leads(s, t) {
				wrong = append(wrong, t)
			}
		}
		pod := c.endpointPod(s)
		if pod == nil { // which is what another rule is about
			return nil
		}
		on := c.Ref(Services, &s.Meta)
		edit := []Action{{Do: Edit, On: on, Words: "opens " + on.String() + " to mend its targetPort"}}
		if len(wrong) == 0 {
			t := undeclared(s, pod)
			if t == nil {
				return nil
			}
			f := portFinding(c, on, t, pod, strconv.Itoa(int(t.Number)))
			f.Severity, f.What, f.Actions = Info, fmt.Sprintf("service port %d may lead nowhere", t.Port), edit
			f.Why = fmt.Sprintf("targetPort %d is none of the ports that its pods declare: %s", t.Number, declaredPorts(pod))
			return f
		}
		t := wrong[0]
		f := portFinding(c, on, t, pod, t.Target)
		f.Severity, f.What, f.Actions = Warn, fmt.Sprintf("service port %d leads nowhere", t.Port), edit
		if len(wrong) == len(s.Targets) {
			f.Severity, f.What = Crit, "service leads to no port of its pods"
		}
		var names []string
		for _, n := range portsOf(pod) {
			if n != "" {
				names = append(names, n)
			}
		}
		f.Why = fmt.Sprintf("no container has a port %q%s", t.Target, similar.Hint(t.Target, names))
		if similar.Hint(t.Target, names) == "" {
			f.Why = fmt.Sprintf("no container has a port %q (%s)", t.Target, declaredPorts(pod))
		}
		return f
	})
}

func portFinding(c *Cluster, on kube.Ref, t *object.ServicePort, pod *object.Pod, target string) *Finding {
	p := c.Pod(pod)
	return &Finding{Evidence: []Evidence{
		{Text: "targetPort " + target, Source: FromField, Where: fmt.Sprintf("%s spec.ports[%d].targetPort", on, t.Port), On: on},
		{Text: "declares " + declaredPorts(pod), Source: FromField, Where: p.String() + " spec.containers[].ports", On: p},
	}}
}

// leads reports whether a ready endpoint of a service has one of its ports, or
// there is none to tell by.
func (c *Cluster) leads(s *object.Service, t *object.ServicePort) bool {
	some := false
	for _, e := range c.endpoints[place{s.Namespace, s.Name}] {
		ready := slices.ContainsFunc(e.Endpoints, func(p object.Endpoint) bool { return p.Ready })
		if ready && strings.Contains(e.Ports, ","+t.Name+",") {
			return true
		}
		some = some || ready
	}
	return !some
}

// endpointPod returns the first by name of the pods that are ready endpoints of
// a service, nil if there is none.
func (c *Cluster) endpointPod(s *object.Service) *object.Pod {
	pods := c.endpointPods(s)
	if len(pods) == 0 {
		return nil
	}
	return slices.MinFunc(pods, func(a, b *object.Pod) int { return strings.Compare(a.Name, b.Name) })
}

// undeclared returns a port of a service whose number a pod does not declare
// though it declares others, nil if there is none.
func undeclared(s *object.Service, pod *object.Pod) *object.ServicePort {
	declared := map[int32]bool{}
	for number := range portsOf(pod) {
		declared[number] = true
	}
	if len(declared) == 0 {
		return nil
	}
	for i := range s.Targets {
		if t := &s.Targets[i]; t.Number != 0 && !t.UDP && !declared[t.Number] {
			return t
		}
	}
	return nil
}

// portsOf yields the ports that the containers of a pod declare, with their
// names.
func portsOf(p *object.Pod) iter.Seq2[int32, string] {
	return func(yield func(int32, string) bool) {
		for i := range p.Containers {
			if p.Containers[i].Ports == "" {
				continue
			}
			for word := range strings.SplitSeq(p.Containers[i].Ports, ", ") {
				number, name, _ := strings.Cut(word, " ")
				number, _, _ = strings.Cut(number, "/")
				n, err := strconv.ParseInt(number, 10, 32)
				if err == nil && !yield(int32(n), name) {
					return
				}
			}
		}
	}
}

// declaredPorts lists the ports of a pod in words.
func declaredPorts(p *object.Pod) string {
	var words []string
	for i := range p.Containers {
		if p.Containers[i].Ports != "" {
			words = append(words, p.Containers[i].Ports)
		}
	}
	if len(words) == 0 {
		return "no ports"
	}
	return strings.Join(words, ", ")
}
