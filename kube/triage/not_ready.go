package triage

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"quarterdeck/kube/object"
)

// How long pods that run may take to become ready, in seconds. A startup probe
// has its own end: the kubelet kills the container then.
const (
	fallenGrace  = 15 // for those that have been up for a while
	startupGrace = 600
)

// notReady finds pods that run and are not ready: a probe fails, a readiness
// gate is shut, or their node does not answer; see
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-readiness-status.
func notReady() Rule {
	return podRule(Rule{ID: "not-ready", Checks: "pods that run are ready", Depth: Symptom},
		func(c *Cluster, p *object.Pod) *Finding {
			if p.Phase != string(corev1.PodRunning) {
				return nil
			}
			if k, _ := c.looping(p); k != nil {
				return nil
			}
			if c.lost(p) {
				c.Depends(Nodes, "")
				return &Finding{
					Severity: Warn, What: "not ready", Since: max(p.Created, p.LastRestart, p.UnreadySince), Why: "its node does not answer", Blame: c.blameNode(p),
					Evidence: []Evidence{{Text: "node " + p.Node + " is " + c.Node(p.Node).Status, Source: FromField, Where: c.Pod(p).String() + " spec.nodeName", On: c.Pod(p)}},
				}
			}
			if k := unreadyContainer(p); k != nil {
				return c.probed(p, k)
			}
			return c.gated(p)
		})
}

// unreadyContainer returns the container that keeps a pod from being ready, nil
// if all of them are.
func unreadyContainer(p *object.Pod) *object.Container {
	for i := range p.Containers {
		k := &p.Containers[i]
		if k.State == object.Running && !k.Ready && (k.Type == object.App || k.Type == object.Sidecar) {
			return k
		}
	}
	return nil
}

// probed tells of a container that runs and whose probe does not succeed.
func (c *Cluster) probed(p *object.Pod, k *object.Container) *Finding {
	kind, grace, since := "readiness", int64(missingGrace), max(p.Created, k.Since)
	if !k.Started {
		kind, grace = "startup", startupGrace
	}
	var event *object.Event
	for _, e := range c.Warnings(p.UID, "Unhealthy") {
		if probe, _ := probeSays(e); probe == kind && e.Last >= k.Since {
			event = e
			break
		}
	}
	switch up := k.Since + missingGrace; { // it was up, and fell
	case p.UnreadySince > up:
		since, grace = p.UnreadySince, fallenGrace
	case event != nil && event.First > up:
		since, grace = event.First, fallenGrace
	}
	if !c.Lasted(since, grace) {
		return nil
	}
	on, home := c.Pod(p), c.Home(c.Pod(p), p.Owner)
	f := &Finding{
		Severity: Warn, What: "not ready", Since: since,
		Why: fmt.Sprintf("%s probe of %s has not succeeded", kind, called(p, k)),
		Evidence: []Evidence{{
			Text: "false, and the container runs", Source: FromField, Where: c.containerField(p, k, "ready"), On: on, At: k.Since,
		}},
		Actions: append([]Action{{Do: ShowLogs, On: on, Container: k.Name, Words: "shows what " + k.Name + " writes"}}, c.undo(home)...),
	}
	if event != nil {
		_, said := probeSays(event)
		f.Why = fmt.Sprintf("%s probe of %s: %s", kind, called(p, k), said)
		f.Evidence = append(f.Evidence, fromEvent(on, event))
	}
	return f
}

// gated tells of a pod whose containers are ready: a readiness gate is shut, or
// the control plane does not hear of its node.
func (c *Cluster) gated(p *object.Pod) *Finding {
	if p.Ready < p.Total {
		return nil // a container that does not run has a rule of its own
	}
	since := max(p.Created, p.UnreadySince)
	for i := range p.Containers {
		since = max(since, p.Containers[i].Since)
	}
	if !c.Lasted(since, missingGrace) {
		return nil
	}
	c.Depends(Nodes, "")
	f := &Finding{Severity: Warn, What: "not ready", Since: since, Blame: c.blameNode(p)}
	f.Evidence = []Evidence{{
		Text: fmt.Sprintf("False, %d of %d containers ready", p.Ready, p.Total), Source: FromCondition, Where: c.Pod(p).String() + " status.conditions[Ready]", On: c.Pod(p),
	}}
	if p.Message != "" {
		f.Why, f.Blame = "readiness gate: "+p.Message, nil
		f.Evidence[0].Text += ": " + p.Message
		f.Actions = []Action{{Do: ShowYAML, On: c.Pod(p), Words: "shows spec.readinessGates and the conditions that open them"}}
	}
	return f
}
