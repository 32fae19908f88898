package network

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
	similar "quarterdeck/nearest"
)

// pairsOf yields the labels that a service selects.
func pairsOf(selector string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if selector == "" {
			return
		}
		for p := range strings.SplitSeq(selector, ",") {
			key, value, _ := strings.Cut(p, "=")
			if !yield(key, value) {
				return
			}
		}
	}
}

// selected reports whether a selector, which selects something, is that of
// labels.
func selected(selector string, by *store.Labels) bool {
	for key, value := range pairsOf(selector) {
		if v, ok := by.Lookup(key); !ok || v != value {
			return false
		}
	}
	return selector != ""
}

// selecting yields the services of a namespace that select some labels.
func (g *Graph) selecting(namespace string, labels *store.Labels) iter.Seq[*object.Service] {
	return func(yield func(*object.Service) bool) {
		for key, value := range labels.All() {
			for _, s := range g.wanting[pair{namespace, key, value}] {
				if selected(s.Selector, labels) && !yield(s) {
					return
				}
			}
		}
	}
}

// podsOf returns the pods that a service selects and that have not ended, by
// name.
func (g *Graph) podsOf(s *object.Service) []*object.Pod {
	var pods []*object.Pod
	for k := range g.families[s.Namespace].selected(s.Selector) {
		for _, p := range k.pods {
			if !p.Terminal() {
				pods = append(pods, p)
			}
		}
	}
	slices.SortFunc(pods, func(a, b *object.Pod) int { return strings.Compare(a.Name, b.Name) })
	return pods
}

// made is a workload whose pods a service would select.
type made struct {
	ref  kube.Ref
	work *object.Workload
}

// makersOf returns the workloads whose pods a service selects, by name, those
// that should have pods first.
func (g *Graph) makersOf(s *object.Service) []made {
	var list []made
	for r, t := range g.workloads {
		for _, w := range t[s.Namespace] {
			if w.PodLabels != nil && w.Deleted == 0 && selected(s.Selector, w.PodLabels) {
				list = append(list, made{g.ref(r, w.Namespace, w.Name), w})
			}
		}
	}
	slices.SortFunc(list, func(a, b made) int {
		if (a.work.Desired == 0) != (b.work.Desired == 0) {
			if b.work.Desired == 0 {
				return -1
			}
			return 1
		}
		return strings.Compare(a.ref.String(), b.ref.String())
	})
	return list
}

// meaning is the label that a selector asks for and that which pods have.
type meaning struct {
	key, wanted, has string
	pods             int
}

// selectorMeant returns what the selector of a service, which selects nothing,
// was probably meant to be: of pods that are as it says but for one label, the
// one that is spelled most like it. ok is false if none is.
func (g *Graph) selectorMeant(s *object.Service) (best meaning, ok bool) {
	count := g.meanings(s)
	if len(count) == 0 {
		return best, false
	}
	list := slices.Collect(maps.Keys(count))
	slices.SortFunc(list, func(a, b meaning) int { return strings.Compare(a.key+"="+a.has, b.key+"="+b.has) })
	texts := make([]string, len(list))
	for i, m := range list {
		texts[i] = strings.Replace(","+s.Selector+",", ","+m.key+"="+m.wanted+",", ","+m.key+"="+m.has+",", 1)
	}
	best = list[max(0, similar.Index(len(s.Selector), ","+s.Selector+",", texts))]
	best.pods = count[best]
	return best, true
}

// meanings counts the living pods that are as the selector of a service says but
// for one label, by that label.
func (g *Graph) meanings(s *object.Service) map[meaning]int {
	count := map[meaning]int{}
	f := g.families[s.Namespace]
	key, wanted, more := strings.Cut(s.Selector, "=")
	if more = more && strings.Contains(wanted, ","); more || f == nil {
		for k := range f.almost(s.Selector) {
			if m, ok := oddLabel(s.Selector, k.labels); ok && k.living > 0 {
				count[m] += k.living
			}
		}
		return count
	}
	for value, kins := range f.sharing(key) {
		if value == wanted || !spelledLike(wanted, value) {
			continue
		}
		for k := range kins {
			if k.living > 0 {
				count[meaning{key: key, wanted: wanted, has: value}] += k.living
			}
		}
	}
	return count
}

func spelledLike(wanted, has string) bool {
	return similar.Index(len(wanted)/3+1, wanted, []string{has}) >= 0
}

// oddLabel returns the only label in which some labels are not as a selector
// says. If it asks for one only, that must be spelled much like it.
func oddLabel(selector string, labels *store.Labels) (odd meaning, ok bool) {
	all := 0
	for key, value := range pairsOf(selector) {
		all++
		is, has := labels.Lookup(key)
		if has && is == value {
			continue
		}
		if ok || !has {
			return odd, false
		}
		odd, ok = meaning{key: key, wanted: value, has: is}, true
	}
	if ok && all == 1 && !spelledLike(odd.wanted, odd.has) {
		return odd, false
	}
	return odd, ok
}

// declared is a port of a container.
type declared struct {
	number int32
	name   string
	udp    bool
}

// portsOf yields the ports that the containers of a pod declare.
func portsOf(p *object.Pod) iter.Seq[declared] {
	return func(yield func(declared) bool) {
		for i := range p.Containers {
			if p.Containers[i].Ports == "" {
				continue
			}
			for word := range strings.SplitSeq(p.Containers[i].Ports, ", ") {
				number, name, _ := strings.Cut(word, " ")
				number, protocol, _ := strings.Cut(number, "/")
				n, err := strconv.ParseInt(number, 10, 32)
				if err == nil && !yield(declared{int32(n), name, protocol != ""}) {
					return
				}
			}
		}
	}
}

// portWords lists the ports of a pod.
func portWords(p *object.Pod) string {
	var list []string
	for i := range p.Containers {
		if p.Containers[i].Ports != "" {
			list = append(list, p.Containers[i].Ports)
		}
	}
	return listOr(list, "no ports")
}

// portMeant returns the port of a pod that was probably meant by a name, or the
// only one that there is.
func portMeant(p *object.Pod, name string) (declared, bool) {
	var all []declared
	var list []string
	for d := range portsOf(p) {
		if !d.udp {
			all, list = append(all, d), append(list, d.name)
		}
	}
	if i := similar.Index(len(name)/3+1, name, list); name != "" && i >= 0 && list[i] != "" {
		return all[i], true
	}
	if len(all) == 1 {
		return all[0], true
	}
	return declared{}, false
}
