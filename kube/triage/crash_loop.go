package triage

import (
	"fmt"

	"quarterdeck/kube/object"
)

// The kubelet forgets how often a container crashed after it ran for so long; see
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy.
const backOffReset = 600 // seconds

// crashLoop finds containers that exit again and again. The kubelet starts a
// container again after 10 s, 20 s, … 5 min, and calls the time between
// CrashLoopBackOff; see
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy.
func crashLoop() Rule {
	return crashRule(Rule{ID: "crash-loop", Checks: "containers do not exit again and again"}, crashed,
		func(c *Cluster, p *object.Pod, k *object.Container, end *object.Termination) *Finding {
			why := fmt.Sprintf("%s exits %d%s", called(p, k), end.Exit, meaning(end.Exit))
			if end.Message != "" {
				why += ": " + end.Message
			}
			if k.Restarts > 0 {
				why += " (" + plural(int(k.Restarts), "restart") + ")"
			}
			return &Finding{What: "in a crash loop", Why: why, Actions: crashActions(c, p, k)}
		})
}

// ending is the kind of way in which a container exits again and again. Each has
// a rule, and a container is found by one of them.
type ending uint8

const (
	crashed   ending = iota
	finished         // exits 0, and is started again
	outOfMem         // killed by the kernel
	notAlive         // killed by the kubelet: its liveness or startup probe failed
	unstarted        // the runtime could not start it at all
)

// endingOf tells how a container ended.
func (c *Cluster) endingOf(p *object.Pod, end *object.Termination) ending {
	switch {
	case end.Reason == "OOMKilled":
		return outOfMem
	case end.Reason == "StartError" || end.Reason == "ContainerCannotRun":
		return unstarted
	case c.killedByProbe(p, end) != nil:
		return notAlive
	case end.Exit == 0 && end.Reason == "Completed":
		return finished
	}
	return crashed
}

// crashRule is a rule about containers that exit again and again in one way.
func crashRule(r Rule, way ending, judge func(c *Cluster, p *object.Pod, k *object.Container, end *object.Termination) *Finding) Rule {
	r.On, r.Depth = Pods, Cause
	return rule(r, func(c *Cluster, p *object.Pod) *Finding {
		k, end := c.looping(p)
		if k == nil || c.endingOf(p, end) != way {
			return nil
		}
		f := judge(c, p, k, end)
		f.Severity, f.Since = Warn, crashedSince(p, k, end)
		f.Evidence = append(crashEvidence(c, p, k, end), f.Evidence...)
		return f
	})
}

// looping returns the container of a pod that exits again and again, and how it
// did the last time; nil if there is none. One that has just been started again
// has not recovered yet, ready or not.
func (c *Cluster) looping(p *object.Pod) (*object.Container, *object.Termination) {
	if p.Restarts == 0 && sound(p) || p.Deleted != 0 || p.Terminal() {
		return nil, nil
	}
	if p.ReadySince == 0 {
		k, end := crashing(p)
		if k == nil || k.State != object.Running {
			return k, end
		}
		if now := c.Now - k.Since; now < backOffReset {
			c.Later(k.Since + backOffReset)
			return k, end
		}
	}
	const moment = 60
	for i := range p.Containers {
		k := &p.Containers[i]
		if k.State == object.Running && k.Restarts > 0 && k.Last != nil && k.Type != object.Ephemeral &&
			c.Now-k.Since < moment && (k.Since-k.Last.Finished >= 15 || c.looped(p)) { // the kubelet paused before it
			c.Later(k.Since + moment)
			return k, k.Last
		}
	}
	return nil, nil
}

// looped reports whether a container of a pod was found to exit again and again
// when the pod was judged last: a moment in which it runs is no recovery.
func (c *Cluster) looped(p *object.Pod) bool {
	for _, f := range c.found[subject{Pods, p.UID}] {
		switch f.Rule {
		case "crash-loop", "completes", "oom-killed", "probe-kills":
			return true
		}
	}
	return false
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

// meaning says what an exit code stands for where that is settled: 126 and 127
// by shells, 128 and more by the signal that ended the process.
func meaning(exit int32) string {
	switch exit {
	case 126:
		return " (command cannot be executed)"
	case 127:
		return " (command not found)"
	case 130:
		return " (interrupted)"
	case 132:
		return " (illegal instruction: built for another processor?)"
	case 134:
		return " (aborted)"
	case 137:
		return " (killed)"
	case 139:
		return " (segmentation fault)"
	case 143:
		return " (told to terminate)"
	}
	return ""
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
	if end.Reason == "Error" { // which says nothing
		said = fmt.Sprintf("%s exited %d", k.Name, end.Exit)
	}
	if end.Message != "" {
		said += ": " + end.Message
	}
	field := "lastState.terminated"
	if k.State == object.Terminated {
		field = "state.terminated"
	}
	ev := []Evidence{{Text: said, Source: FromField, Where: c.containerField(p, k, field), On: on, At: end.Finished}}
	if k.State == object.Waiting {
		ev = append(ev, c.waits(p, k))
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
