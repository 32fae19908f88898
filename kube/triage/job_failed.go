package triage

import (
	"fmt"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// jobFailed finds Jobs that have been given up: too many pods failed, or they
// took longer than their deadline; see
// https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-termination-and-cleanup.
// Those of a CronJob that has succeeded since are history.
func jobFailed() Rule {
	return rule(Rule{ID: "job-failed", On: Jobs, Checks: "jobs do not fail", Needs: []Resource{CronJobs}, Depth: Cause},
		func(c *Cluster, j *object.Workload) *Finding {
			if j.Trouble == "" || j.Deleted != 0 || c.history(j) {
				return nil
			}
			on := c.Ref(Jobs, &j.Meta)
			f := &Finding{
				Severity: Warn, What: "failed", Why: j.Message, Since: j.Finished,
				Evidence: []Evidence{{
					Text: "Failed " + j.Trouble + ": " + j.Message, Source: FromCondition, Where: on.String() + " status.conditions[Failed]", On: on, At: j.Finished,
				}},
			}
			switch j.Trouble {
			case "BackoffLimitExceeded":
				f.Why = "gave up after " + plural(int(j.Failed), "failed pod")
			case "DeadlineExceeded":
				f.Why = "took longer than its deadline"
			}
			c.lastExit(j, f)
			f.Actions = append(f.Actions, rerun(c.Home(on, j.Owner)))
			return f
		})
}

// history reports whether the CronJob of a job has succeeded since.
func (c *Cluster) history(j *object.Workload) bool {
	if j.Owner == nil {
		return false
	}
	cron, ok := Get[*object.Workload](c, CronJobs, j.Owner.UID)
	if !ok {
		return false
	}
	c.Depends(CronJobs, j.Namespace)
	return cron.Finished >= j.Created
}

// lastExit adds to what is wrong with a job how the last of its pods failed.
func (c *Cluster) lastExit(j *object.Workload, f *Finding) {
	p, k := c.failedPod(j)
	if p == nil {
		return
	}
	on := c.Pod(p)
	f.Actions = append(f.Actions, Action{Do: ShowLogs, On: on, Container: k.Name, Words: "shows what " + k.Name + " wrote before it failed"})
	why := fmt.Sprintf("%s exits %d", called(p, k), k.Exit)
	if k.Reason == "OOMKilled" {
		why = called(p, k) + " is killed: out of memory"
	} else if k.Message != "" {
		why += ": " + k.Message
	}
	end := object.Termination{Reason: k.Reason, Exit: k.Exit, Message: k.Message}
	f.Evidence = append(f.Evidence, Evidence{
		Text: end.String(), Source: FromField, Where: c.containerField(p, k, "state.terminated"), On: on, At: k.Since,
	})
	f.Why = why + ", " + f.Why
	f.Blame = append(f.Blame, on)
}

// failedPod returns the newest pod of a job that failed by itself, and its
// container that did; nil if there is none any more. Pods that were evicted or
// deleted have not.
func (c *Cluster) failedPod(j *object.Workload) (*object.Pod, *object.Container) {
	var pod *object.Pod
	var failed *object.Container
	for _, p := range c.PodsOf(j.UID) {
		if p.Phase != "Failed" || p.Deleted != 0 || pod != nil && (p.Created < pod.Created || p.Created == pod.Created && p.Name < pod.Name) {
			continue
		}
		for i := range p.Containers {
			if k := &p.Containers[i]; k.State == object.Terminated && k.Exit != 0 {
				pod, failed = p, k
				break
			}
		}
	}
	return pod, failed
}

func rerun(on kube.Ref) Action {
	return Action{Do: RunAgain, On: on, Words: "starts a new job of " + on.String() + ", once the cause is mended"}
}
