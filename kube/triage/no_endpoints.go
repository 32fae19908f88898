package triage

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube/object"
	similar "quarterdeck/nearest"
)

const (
	// endpointsLag is how long the endpoints of a service may take to follow its
	// pods, in seconds.
	endpointsLag = 10
	// unusedGrace is how long a service may be without anything that it could be
	// for, in seconds: it is made before its pods, or goes after them.
	unusedGrace = 300
)

// noEndpoints finds services with a selector and nothing behind them that takes
// traffic; see https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/.
func noEndpoints() Rule {
	return rule(Rule{
		ID: "no-endpoints", On: Services, Checks: "services have endpoints that are ready", Needs: []Resource{EndpointSlices, Pods}, Depth: Effect,
	}, func(c *Cluster, s *object.Service) *Finding {
		if s.Selector == "" || s.Deleted != 0 || s.Type == externalName || c.answered(s.Namespace, s.Name) {
			return nil
		}
		selector, err := labels.Parse(s.Selector)
		if err != nil {
			return nil
		}
		// Pods that come and go change the endpoints, and with them this verdict.
		// Before they get an address, nothing but time tells.
		c.Later(c.Now + endpointsLag)
		b := c.backed(s, selector)
		on := c.Ref(Services, &s.Meta)
		f := &Finding{Severity: Crit, What: "service has no ready endpoints", Blame: b.blame(c), Since: max(b.since, s.Created)}
		f.Evidence = []Evidence{{
			Text: fmt.Sprintf("selector %s matches %s, %d ready", s.Selector, plural(len(b.pods), "pod"), b.ready), Source: FromField,
			Where: on.String() + " spec.selector", On: on,
		}}
		switch {
		case len(b.pods) == b.leaving && len(b.workloads) == 0 && len(b.pods)+b.ended+len(b.idle) > 0:
			return nil // scaled to zero, or its Job is done
		case len(b.pods) == 0 && len(b.workloads) > 0:
			if !c.Lasted(s.Created, missingGrace) || !c.podless(&b) {
				return nil
			}
			f.Why = b.workloads[0].String() + " has no pods"
		case len(b.pods) == 0:
			return c.unmatched(s, f)
		case b.ready > 0:
			if !c.Lasted(f.Since, endpointsLag) {
				return nil
			}
			f.Why = plural(b.ready, "ready pod") + " not among its endpoints yet"
		case b.leaving == len(b.pods):
			if !c.Lasted(f.Since, missingGrace) {
				return nil
			}
			f.Why = fmt.Sprintf("%s, all being deleted", plural(len(b.pods), "pod"))
		default:
			if !b.troubled && !c.Lasted(f.Since, missingGrace) {
				return nil
			}
			f.Why = fmt.Sprintf("%s, none ready", plural(len(b.pods), "pod"))
		}
		return f
	})
}

// podless reports whether the workloads behind a service have been without pods
// for longer than it takes to make them. Their own conditions know more; here it
// is about what nobody tells.
func (c *Cluster) podless(b *backing) bool {
	for _, r := range b.workloads {
		if len(c.found[subject{Resource(r.GVR.Resource), r.UID}]) > 0 {
			return true
		}
	}
	_, long := c.Lasts(missingGrace)
	return long
}

// unmatched completes what is found of a service whose selector is that of no
// pod and no workload, by what it may be meant to be.
func (c *Cluster) unmatched(s *object.Service, f *Finding) *Finding {
	on := c.Ref(Services, &s.Meta)
	f.Since = 0 // nobody tells when the labels became others
	meant, n := c.meant(s)
	if meant == "" {
		// It may be left over: nobody is known to be missed.
		if !c.Lasted(s.Created, unusedGrace) {
			return nil
		}
		f.Severity = Warn
		f.Why = "selector " + s.Selector + " matches no pod"
		f.Actions = []Action{{Do: ShowYAML, On: on, Words: "shows " + on.String() + " whole"}, {Do: Edit, On: on, Words: "opens " + on.String() + " to mend its selector"}}
		return f
	}
	if !c.Lasted(s.Created, endpointsLag) {
		return nil
	}
	f.Why = fmt.Sprintf("selector %s matches no pod (%s: %d)", s.Selector, meant, n)
	f.Actions = []Action{{Do: Edit, On: on, Words: fmt.Sprintf("opens %s to change its selector to %s, which %s", on, meant, have(n))}}
	return f
}

func have(n int) string {
	if n == 1 {
		return "1 pod has"
	}
	return fmt.Sprintf("%d pods have", n)
}

// meant returns the labels of pods that the selector of a service is most like,
// and how many pods have them: those that are as it says but for one label, or
// whose value of it is spelled much like the one asked for.
func (c *Cluster) meant(s *object.Service) (words string, pods int) {
	pairs := strings.Split(s.Selector, ",")
	count := map[string]int{} // pods by the selector that would match them
	for p := range In[*object.Pod](c, Pods, s.Namespace) {
		if p.Terminal() || p.Deleted != 0 {
			continue
		}
		odd, has := -1, ""
		for i, pair := range pairs {
			k, v, _ := strings.Cut(pair, "=")
			is, ok := p.Labels.Lookup(k)
			if ok && is == v {
				continue
			}
			if odd >= 0 || !ok {
				odd = -2
				break
			}
			odd, has = i, k+"="+is
		}
		if odd < 0 {
			continue
		}
		_, wanted, _ := strings.Cut(pairs[odd], "=")
		_, value, _ := strings.Cut(has, "=")
		if len(pairs) == 1 && similar.Index(len(wanted)/3+1, wanted, []string{value}) < 0 {
			continue // it has nothing in common with the pod
		}
		with := append(append(append([]string{}, pairs[:odd]...), has), pairs[odd+1:]...)
		count[strings.Join(with, ",")]++
	}
	var candidates []string
	for k := range count {
		candidates = append(candidates, k)
	}
	if len(candidates) == 0 {
		return "", 0
	}
	slices.Sort(candidates)
	best := candidates[max(0, similar.Index(len(s.Selector), s.Selector, candidates))]
	return best, count[best]
}
