package triage

import (
	"fmt"

	"quarterdeck/kube/field"
	"quarterdeck/kube/object"
)

// restarting finds pods that are ready at the moment and whose containers
// nevertheless exit often: on average every half an hour of the pod's life, or so
// often lately that the kubelet pauses between their starts.
func restarting() Rule {
	return rule(Rule{ID: "restarting", On: Pods, Checks: "pods that serve do not restart often", Depth: Cause}, func(c *Cluster, p *object.Pod) *Finding {
		const (
			few    = 3
			often  = 30 * 60
			recent = 10 * 60
		)
		if p.Restarts < few || p.ReadySince == 0 || p.Deleted != 0 || c.Now-p.LastRestart >= recent {
			return nil
		}
		if k, _ := c.looping(p); k != nil {
			return nil
		}
		c.Later(p.LastRestart + recent)
		var k *object.Container
		for i := range p.Containers {
			if o := &p.Containers[i]; o.Last != nil && (k == nil || o.Last.Finished > k.Last.Finished) {
				k = o
			}
		}
		if k == nil {
			return nil
		}
		var pauses *object.Event
		for _, e := range c.Warnings(p.UID, "BackOff") {
			if e.Count > 1 && c.Now-e.Last < recent {
				pauses = e
			}
		}
		if pauses == nil && (p.LastRestart-p.Created)/int64(p.Restarts) > often {
			return nil
		}
		f := &Finding{
			Severity: Warn, What: "restarting again and again", Since: p.LastRestart,
			Why:      fmt.Sprintf("%s: %s, %s ago by %s", called(p, k), plural(int(k.Restarts), "restart"), field.Age(c.Now-k.Last.Finished), k.Last.String()+meaning(k.Last.Exit)),
			Evidence: crashEvidence(c, p, k, k.Last), Actions: crashActions(c, p, k),
		}
		if e := c.killedByProbe(p, k.Last); e != nil {
			probe, said := probeSays(e)
			f.Why = fmt.Sprintf("%s probe of %s: %s (%s)", probe, called(p, k), said, plural(int(k.Restarts), "restart"))
			f.Evidence = append(f.Evidence, fromEvent(c.Pod(p), e))
		}
		if pauses != nil {
			f.Since = pauses.First
			f.Evidence = append(f.Evidence, fromEvent(c.Pod(p), pauses))
		}
		return f
	})
}
