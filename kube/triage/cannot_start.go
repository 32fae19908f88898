package triage

import (
	"regexp"
	"strings"

	"quarterdeck/kube/object"
)

// cannotStart finds containers that the runtime cannot create or start: a
// command that is not in the image, a user that the security context forbids, a
// hook that fails. See pkg/kubelet/kuberuntime/kuberuntime_container.go of
// Kubernetes for the reasons.
func cannotStart() Rule {
	return podRule(Rule{ID: "cannot-start", Checks: "containers can be started", Depth: Cause},
		func(c *Cluster, p *object.Pod) *Finding {
			k, said, ev := c.unstarted(p)
			if k == nil {
				return nil
			}
			home := c.Home(c.Pod(p), p.Owner)
			return &Finding{
				Severity: Warn, What: "cannot start", Why: called(p, k) + ": " + startWhy(said), Since: p.Created, Evidence: ev,
				Actions: append(c.back(home), Action{Do: Edit, On: home, Words: "opens the workload to mend how " + k.Name + " is started"}),
			}
		})
}

// unstarted returns the container of a pod that cannot be started, and what the
// runtime said of it.
func (c *Cluster) unstarted(p *object.Pod) (*object.Container, string, []Evidence) {
	for k := range inWaiting(p) {
		switch k.Reason {
		case "RunContainerError", "CreateContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError":
			return k, k.Message, []Evidence{c.waits(p, k)}
		case "CreateContainerConfigError":
			if missingIn(k.Message).name == "" {
				return k, k.Message, []Evidence{c.waits(p, k)}
			}
		}
	}
	for i := range p.Containers { // before the first back-off, and while it lasts
		k := &p.Containers[i]
		if k.State == object.Terminated && c.endingOf(p, &object.Termination{Reason: k.Reason, Exit: k.Exit, Finished: k.Since}) == unstarted {
			return k, k.Message, crashEvidence(c, p, k, &object.Termination{Reason: k.Reason, Message: k.Message, Exit: k.Exit, Finished: k.Since})
		}
	}
	if k, end := c.looping(p); k != nil && c.endingOf(p, end) == unstarted {
		return k, end.Message, crashEvidence(c, p, k, end)
	}
	return nil, "", nil
}

var execOf = regexp.MustCompile(`exec: "([^"]+)"`)

// startWhy shortens what the runtime says of a container that it cannot start to
// its cause; the words are those of runc and crun.
func startWhy(said string) string {
	command := "the command"
	if m := execOf.FindStringSubmatch(said); m != nil {
		command = "command " + m[1]
	}
	switch {
	case strings.Contains(said, "executable file not found"), strings.Contains(said, "exec") && strings.Contains(said, "no such file or directory"):
		return command + " is not in the image"
	case strings.Contains(said, "exec") && strings.Contains(said, "permission denied"):
		return command + " may not be executed (permission denied)"
	case strings.Contains(said, "exec format error"):
		return command + " is not built for the node's processor"
	case strings.Contains(said, "runAsNonRoot"):
		return "it would run as root, which runAsNonRoot forbids"
	case said == "":
		return "the runtime cannot start it"
	}
	return lastPart(said)
}
