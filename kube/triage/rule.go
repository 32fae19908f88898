package triage

import "quarterdeck/kube/store"

// Rule is one thing that can be wrong with the objects of a resource. Each is
// declared in a file of its own and listed in Rules.
type Rule struct {
	ID     string   // "crash-loop": the same for ever, people filter by it
	On     Resource // whose objects it judges
	Checks string   // what it makes sure of: "containers do not exit again and again"
	// Needs is what else has to be read whole for it: without that it is not
	// applied, and Report.NotRead says so.
	Needs []Resource
	Depth Depth

	judge func(*Cluster, known) *Finding
}

// rule completes a Rule by how it judges: judge returns what is wrong with an
// object, nil if that is nothing. It may change nothing and keep nothing. What
// it returns need not have Rule, Depth, On and Home: On is the object, Home what
// Cluster.Home says of it.
func rule[T store.Object](r Rule, judge func(c *Cluster, o T) *Finding) Rule {
	r.judge = func(c *Cluster, o known) *Finding {
		t, ok := o.(T)
		if !ok {
			return nil
		}
		return judge(c, t)
	}
	return r
}
