package triage

import (
	"fmt"

	"quarterdeck/kube/object"
)

// crashLoop finds containers that exit again and again. The kubelet starts a
// container again after 10 s, 20 s, … 5 min, and calls the time between
// CrashLoopBackOff; see
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy.
func crashLoop() Rule {
	return podRule(Rule{ID: "crash-loop", Checks: "containers do not exit again and again", Depth: Cause},
		func(c *Cluster, p *object.Pod) *Finding {
			k, end := crashing(p)
			if k == nil || end.Reason == "OOMKilled" {
				return nil
			}
			why := fmt.Sprintf("%s exits %d", called(p, k), end.Exit)
			if end.Message != "" {
				why += ": " + end.Message
			}
			if k.Restarts > 0 {
				why += " (" + plural(int(k.Restarts), "restart") + ")"
			}
			return &Finding{
				Severity: Warn, What: "crash", Why: why, Since: crashedSince(p, k, end),
				Evidence: crashEvidence(c, p, k, end), Actions: crashActions(c, p, k),
			}
		})
}

// crashing returns the container of a pod that exits again and again, and how it
// did the last time; nil if there is none.
func crashing(p *object.Pod) (*object.Container, *object.Termination) {
	for i := range p.Containers {
		k := &p.Containers[i]
		switch {
		case k.Type == object.Ephemeral:
		case k.State == object.Waiting && k.Reason == "CrashLoopBackOff":
			if k.Last == nil {
				return k, &object.Termination{Reason: k.Reason}
			}
			return k, k.Last
		case k.State == object.Terminated && k.Exit != 0 && k.Restarts > 0:
			return k, &object.Termination{Reason: k.Reason, Message: k.Message, Exit: k.Exit, Finished: k.Since}
		case k.State == object.Running && !k.Ready && k.Restarts > 0 && k.Last != nil && k.Last.Exit != 0:
			return k, k.Last // up again for a moment
		}
	}
	return nil, nil
}

// crashedSince returns when a container must have begun to crash, from the
// pauses that the kubelet made between its starts.
func crashedSince(p *object.Pod, k *object.Container, end *object.Termination) int64 {
	at, pause := end.Finished, int64(10)
	for range k.Restarts - 1 {
		at -= pause
		if pause = min(2*pause, 300); at <= p.Created {
			return p.Created
		}
	}
	return max(at, p.Created)
}

func crashEvidence(c *Cluster, p *object.Pod, k *object.Container, end *object.Termination) []Evidence {
	on := c.Pod(p)
	said := end.String()
	if end.Message != "" {
		said += ": " + end.Message
	}
	ev := []Evidence{{Text: said, Source: FromField, Where: c.containerField(p, k, "lastState.terminated"), On: on, At: end.Finished}}
	if k.State == object.Waiting {
		ev = append(ev, Evidence{Text: k.Reason + ": " + k.Message, Source: FromField, Where: c.containerField(p, k, "state.waiting"), On: on})
	}
	return ev
}

func crashActions(c *Cluster, p *object.Pod, k *object.Container) []Action {
	home := c.Home(c.Pod(p), p.Owner)
	actions := []Action{{
		Do: ShowLogs, On: c.Pod(p), Container: k.Name, Previous: k.Restarts > 0,
		Words: "shows what " + k.Name + " wrote before it exited",
	}}
	return append(actions, c.undo(home)...)
}
