package triage

import (
	"strings"

	"quarterdeck/kube/object"
)

// untolerated finds pods that would fit where a taint keeps them out; see
// https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/.
func untolerated() Rule {
	return unplacedRule(Rule{On: Pods, ID: "untolerated-taint", Checks: "pods tolerate the taints of nodes they need"}, tainted,
		func(c *Cluster, p *object.Pod, near refused, all int) *Finding {
			home := c.Home(c.Pod(p), p.Owner)
			taint := taintOf(near.words)
			if taint == "" { // newer schedulers do not name it
				taint = c.nodeRoom().taintsOf(c, p.Selector)
			}
			f := &Finding{
				Why:     strings.TrimSpace("does not tolerate taint "+taint) + onNodes(near, all) + others(p.Message, near),
				Actions: append(c.back(home), c.headroom(p), Action{Do: Edit, On: home, Words: "opens " + home.String() + " to add a toleration"}),
			}
			if strings.Contains(taint, troubleTaint) { // which tells of a node in trouble
				f.Blame = c.nodeRoom().troubled
			}
			return f
		})
}

// cordonedOff finds pods that are kept out by cordons alone; see
// https://kubernetes.io/docs/concepts/architecture/nodes/#manual-node-administration.
func cordonedOff() Rule {
	return unplacedRule(Rule{On: Pods, ID: "only-cordoned", Checks: "pods find nodes that are not cordoned"}, cordoned,
		func(c *Cluster, p *object.Pod, near refused, all int) *Finding {
			f := &Finding{Why: "nodes are cordoned" + onNodes(near, all) + others(p.Message, near), Blame: c.nodeRoom().cordoned}
			for _, n := range f.Blame {
				f.Actions = append(f.Actions, Action{Do: Uncordon, On: n, Words: "lets pods be scheduled on " + n.Name + " again"})
			}
			return f
		})
}

// taintOf returns the taint that a scheduler's words name, as kubectl writes it:
// pool=db of "node(s) had untolerated taint {pool: db}"; "" if they name none.
func taintOf(words string) string {
	_, after, ok := strings.Cut(words, "{")
	if !ok {
		return ""
	}
	taint, _, _ := strings.Cut(after, "}")
	key, value, _ := strings.Cut(taint, ": ")
	if key = strings.TrimSuffix(key, ":"); value == "" {
		return key
	}
	return key + "=" + value
}
