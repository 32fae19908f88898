package triage

import (
	"quarterdeck/kube/field"
	"quarterdeck/kube/object"
)

// initGrace is how long an init container may run, in seconds. Migrations may
// take their time.
const initGrace = 600

// initStuck finds init containers that do not come to an end, and sidecars that
// do not start: nothing after them starts either. See
// https://kubernetes.io/docs/concepts/workloads/pods/init-containers/.
func initStuck() Rule {
	return podRule(Rule{ID: "init-stuck", Checks: "init containers come to an end", Depth: Cause},
		func(c *Cluster, p *object.Pod) *Finding {
			for i := range p.Containers {
				k := &p.Containers[i]
				if k.State != object.Running || k.Type != object.Init && (k.Type != object.Sidecar || k.Started) {
					continue
				}
				if !c.Lasted(k.Since, initGrace) {
					return nil
				}
				does := " runs for more than "
				if k.Type == object.Sidecar {
					does = " has not started for more than "
				}
				return &Finding{
					Severity: Warn, What: "stuck before the start", Why: called(p, k) + does + field.Age(initGrace), Since: k.Since,
					Evidence: []Evidence{{Text: "running, started false", Source: FromField, Where: c.containerField(p, k, "state.running"), On: c.Pod(p), At: k.Since}},
					Actions: append([]Action{{Do: ShowLogs, On: c.Pod(p), Container: k.Name, Words: "shows what " + k.Name + " waits for"}},
						c.undo(c.Home(c.Pod(p), p.Owner))...),
				}
			}
			return nil
		})
}
