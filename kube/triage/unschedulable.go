package triage

import (
	"fmt"
	"slices"
	"strings"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// scheduleGrace is how long a pod may be without a node, in seconds: the
// scheduler tries at once, and again when something changes.
const scheduleGrace = 15

// unplacedRule is a rule about pods for which the scheduler found no node, by the
// predicate that the nodes failed which came closest. The verdict of the
// scheduler is in the pod's condition PodScheduled; see
// https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/.
func unplacedRule(r Rule, by predicate, judge func(c *Cluster, p *object.Pod, near refused, all int) *Finding) Rule {
	r.Depth = Cause
	return podRule(r, func(c *Cluster, p *object.Pod) *Finding {
		if p.Node != "" || p.Message == "" || p.Status == gatedStatus || !c.Lasted(p.Created, scheduleGrace) {
			return nil
		}
		near, all := nearest(p.Message)
		if near.by == unmatched {
			near = c.wanted(p, near)
		}
		if near.by != by {
			return nil
		}
		f := judge(c, p, near, all)
		if f == nil {
			return nil
		}
		on := c.Pod(p)
		f.Severity, f.Since = Warn, p.Created
		if f.What == "" {
			f.What = "cannot be scheduled"
		}
		f.Evidence = append(f.Evidence, Evidence{Text: "False Unschedulable: " + p.Message, Source: FromCondition, Where: on.String() + " status.conditions[PodScheduled]", On: on})
		for _, e := range c.Warnings(p.UID, "FailedScheduling") {
			f.Evidence = append(f.Evidence, fromEvent(on, e))
			break
		}
		return f
	})
}

// wanted returns the taint or cordon in a scheduler's message if it is on nodes that a pod
// selects: the others do not come close, they are not meant at all. Of a pod of
// a DaemonSet it returns what its one node says.
func (c *Cluster) wanted(p *object.Pod, near refused) refused {
	if p.Owner != nil && p.Owner.Kind == "DaemonSet" { // made for one node, which says something else
		for r := range schedulerSays(p.Message) {
			if r.by != unmatched {
				return r
			}
		}
		return near
	}
	if p.Selector == "" || !c.nodeRoom().has(c, p.Selector) {
		return near
	}
	shut := tainted
	if c.nodeRoom().taintsOf(c, p.Selector) == cordonTaint {
		shut = cordoned
	}
	for r := range schedulerSays(p.Message) {
		if r.by == shut {
			return r
		}
	}
	return near
}

// unschedulable returns the rules that have nothing more to say than the
// scheduler, in other words.
func unschedulable() []Rule {
	var rules []Rule
	for _, r := range []struct {
		id, checks string
		by         predicate
		why        string // of n of all nodes
	}{
		{"no-matching-node", "pods find nodes that match their selector and affinity", unmatched, "no node matches its node selector or affinity"},
		{"pod-slots", "nodes take as many pods as there are", noSlot, "no free pod slot"},
		{"host-port", "host ports that pods ask for are free", portTaken, "its host port is taken"},
		{"pod-affinity", "pods find nodes beside the pods they want, and apart from others", notBeside, "ruled out by pod affinity or anti-affinity"},
		{"topology-spread", "pods can be spread as they ask for", uneven, "ruled out by its topology spread constraints"},
		{"volume-node", "pods find nodes that reach their volumes", volumes, ""},
		{"no-nodes", "there are nodes", noNodes, "the cluster has no nodes"},
		{"unschedulable", "the scheduler finds a node for each pod", anything, ""},
	} {
		rules = append(rules, unplacedRule(Rule{ID: r.id, Checks: r.checks}, r.by, func(c *Cluster, p *object.Pod, near refused, all int) *Finding {
			why := r.why
			switch {
			case why == "":
				why = strings.TrimPrefix(near.words, "node(s) ")
			case r.by == unmatched && p.Selector != "" && !c.nodeRoom().has(c, p.Selector):
				why = "no node has " + p.Selector
			}
			home := c.Home(c.Pod(p), p.Owner)
			var blame []kube.Ref
			if r.by == noSlot {
				blame = c.nodeRoom().full
			}
			return &Finding{
				Blame:   blame,
				Why:     why + onNodes(near, all) + others(p.Message, near),
				Actions: append(c.back(home), c.headroom(p), Action{Do: Edit, On: home, Words: "opens " + home.String() + " to change what it asks of its nodes"}),
			}
		}))
	}
	return rules
}

// onNodes says of how many nodes something is true.
func onNodes(near refused, all int) string {
	switch {
	case all == 0 || near.nodes == 0:
		return ""
	case near.nodes >= all:
		return fmt.Sprintf(" (all %s)", plural(all, "node"))
	}
	return fmt.Sprintf(" (%d of %d nodes)", near.nodes, all)
}

// others says what keeps the pod from the other nodes, in few words.
func others(message string, near refused) string {
	var words []string
	for r := range schedulerSays(message) {
		if r.words == near.words || r.nodes == 0 {
			continue
		}
		word := map[predicate]string{
			cordoned: "cordoned", tainted: "tainted", unmatched: "not matching its selector", portTaken: "with the port taken",
			noRoom: "full", noSlot: "without a pod slot", volumes: "away from its volumes", uneven: "ruled out by spread", notBeside: "ruled out by affinity",
		}[r.by]
		if word == "" || r.by == near.by {
			continue
		}
		words = append(words, fmt.Sprintf("%d %s", r.nodes, word))
	}
	if len(words) == 0 {
		return ""
	}
	return "; " + strings.Join(slices.Compact(words), ", ")
}

// headroom proposes to look where there is room.
func (c *Cluster) headroom(p *object.Pod) Action {
	return Action{Do: ShowHeadroom, On: c.Home(c.Pod(p), p.Owner), Words: "shows how much room each node has"}
}
