package triage

import (
	"fmt"
	"strings"

	"quarterdeck/kube/object"
)

// probeKills finds containers that the kubelet kills again and again because
// their liveness or startup probe fails; see
// https://kubernetes.io/docs/concepts/workloads/pods/probes/.
func probeKills() Rule {
	return crashRule(Rule{ID: "probe-kills", Checks: "liveness and startup probes do not kill containers"}, notAlive,
		func(c *Cluster, p *object.Pod, k *object.Container, end *object.Termination) *Finding {
			e := c.killedByProbe(p, end)
			probe, said := probeSays(e)
			home := c.Home(c.Pod(p), p.Owner)
			return &Finding{
				What:     "killed by a " + probe + " probe",
				Why:      fmt.Sprintf("%s probe of %s: %s (%s)", probe, called(p, k), said, plural(int(k.Restarts), "restart")),
				Evidence: []Evidence{fromEvent(c.Pod(p), e)},
				Actions: append(crashActions(c, p, k), Action{
					Do: Edit, On: home, Words: "opens the workload to mend the " + probe + " probe of " + k.Name + ", or what it asks for",
				}),
			}
		})
}

// killedByProbe returns the kubelet's word of a failed liveness or startup probe
// that ended a container; nil if it ended by itself. One that is told to
// terminate exits with success, with the signal's code, or is killed.
func (c *Cluster) killedByProbe(p *object.Pod, end *object.Termination) *object.Event {
	if end.Exit != 0 && end.Exit != 137 && end.Exit != 143 {
		return nil
	}
	const stale = 600 // the kubelet may send an event of a kind every five minutes only
	for _, e := range c.Warnings(p.UID, "Unhealthy") {
		if probe, _ := probeSays(e); (probe == "liveness" || probe == "startup") && e.Last >= end.Finished-stale {
			return e
		}
	}
	return nil
}

// probeSays returns which probe an Unhealthy event is about and what went wrong:
// "Readiness probe failed: HTTP probe failed with statuscode: 503".
func probeSays(e *object.Event) (probe, said string) {
	for _, probe := range []string{"Liveness", "Readiness", "Startup"} {
		rest, ok := strings.CutPrefix(e.Message, probe+" probe ")
		if !ok {
			continue
		}
		rest = strings.TrimPrefix(rest, "failed: ")
		rest = strings.TrimPrefix(rest, "errored: ")
		rest = strings.Replace(rest, "HTTP probe failed with statuscode: ", "answers ", 1)
		return strings.ToLower(probe), rest
	}
	return "", e.Message
}
