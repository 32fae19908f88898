package triage

import (
	"regexp"
	"strings"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// createRefused finds controllers whose pods the API server does not let be
// made: by a quota, a limit range, an admission webhook, pod security, a missing
// service account. Only ReplicaSets say so in a condition, ReplicaFailure; the
// others in events.
func createRefused() []Rule {
	var rules []Rule
	for _, on := range []Resource{ReplicaSets, StatefulSets, DaemonSets, Jobs, CronJobs} {
		rules = append(rules, rule(Rule{ID: "create-refused", On: on, Checks: "controllers may create their pods", Depth: Cause},
			func(c *Cluster, w *object.Workload) *Finding {
				r := c.barred(w)
				if r == nil {
					return nil
				}
				f := &Finding{Severity: Warn, What: "may not create pods", Why: r.why, Since: r.since, Home: r.by, Evidence: []Evidence{r.evidence}, Actions: r.actions}
				if on == CronJobs {
					f.What = "may not create jobs"
				}
				return f
			}))
	}
	return rules
}

// barred is that pods of a workload may not be made.
type barred struct {
	by       kube.Ref // what refuses them, if it is an object of its own
	why      string
	since    int64
	evidence Evidence
	actions  []Action
}

// retried is how long ago a controller may have tried for the last time to make
// a pod, in seconds: the pauses between get longer, up to this.
const retried = 1000 + 60

// barred returns what keeps a workload from having all of its pods made, nil if
// nothing does.
func (c *Cluster) barred(w *object.Workload) *barred {
	on := c.Ref(resourceOf(w), &w.Meta)
	if w.Deleted != 0 {
		return nil
	}
	switch w.Kind {
	case "Deployment":
		for _, s := range c.SetsOf(w.UID) {
			if r := c.barred(s); r != nil {
				return r
			}
		}
	case "ReplicaSet":
		cond := w.Rolling.Condition("ReplicaFailure")
		if cond == nil || cond.Status != "True" || cond.Reason != "FailedCreate" || w.Current >= w.Desired || object.Contended(cond.Message) {
			return nil
		}
		return c.barredBy(on, w, cond.Message, cond.Changed, conditionOf(on, cond, "status.conditions[ReplicaFailure]"))
	case "StatefulSet", "DaemonSet", "Job", "CronJob":
		if !lacksPods(w) {
			return nil
		}
		warnings := c.Warnings(w.UID, "FailedCreate")
		if len(warnings) == 0 {
			return nil
		}
		e := warnings[0]
		if c.Now-e.Last >= retried || c.madeSince(w, e.Last) || object.Contended(e.Message) {
			return nil
		}
		c.Later(e.Last + retried)
		return c.barredBy(on, w, e.Message, max(e.First, w.Created), fromEvent(on, e))
	}
	return nil
}

// lacksPods reports whether there are fewer pods, or jobs, of a workload than its
// controller would have by now.
func lacksPods(w *object.Workload) bool {
	switch w.Kind {
	case "Job":
		return !w.Done() && !w.Paused && w.Active == 0
	case "CronJob":
		return !w.Paused && w.Active == 0
	}
	return w.Current < w.Desired
}

// madeSince reports whether a workload has a pod, or job, that was made since a
// time. Of two things in one second the refusal was first, or it is repeated.
func (c *Cluster) madeSince(w *object.Workload, at int64) bool {
	if w.Kind == "CronJob" {
		return w.Started >= at
	}
	for _, p := range c.PodsOf(w.UID) {
		if p.Created >= at {
			return true
		}
	}
	return false
}

var (
	exceededQuota = regexp.MustCompile(`exceeded quota: ([^,\s]+)`)
	refusingHook  = regexp.MustCompile(`admission webhook "([^"]+)" denied|failed calling webhook "([^"]+)"`)
	createFailed  = regexp.MustCompile(`^(?:Error creating: |Error creating job: |create .* failed error: )`)
)

// barredBy tells from the server's message who refuses the pods of a workload;
// for the words see k8s.io/apiserver/pkg/admission/plugin/resourcequota and
// .../webhook/errors.
func (c *Cluster) barredBy(on kube.Ref, w *object.Workload, message string, since int64, ev Evidence) *barred {
	message = createFailed.ReplaceAllString(message, "")
	r := &barred{why: message, since: since, evidence: ev}
	if _, after, ok := strings.Cut(message, " is forbidden: "); ok {
		r.why = after
	}
	home := c.Home(on, w.Owner)
	edit := Action{Do: Edit, On: home, Words: "opens " + home.String() + " to make its pods fit what is allowed"}
	if m := exceededQuota.FindStringSubmatch(message); m != nil {
		r.by = c.Named(Quotas, w.Namespace, m[1])
		if q, ok := Find[*object.Quota](c, Quotas, w.Namespace, m[1]); ok {
			r.by.UID = q.UID
		}
		r.actions = []Action{{Do: Edit, On: r.by, Words: "opens quota " + m[1] + " to raise what it allows"}}
		return r
	}
	if m := refusingHook.FindStringSubmatch(message); m != nil {
		r.by = c.hook(m[1] + m[2])
		r.actions = []Action{edit} // it says what it does not let through
		if m[1] == "" {
			r.actions = []Action{{Do: Edit, On: r.by, Words: "opens the webhook: where it is called, and whether what it cannot be asked about is let through"}}
		}
		return r
	}
	r.actions = []Action{edit}
	return r
}

// hook returns the configuration that an admission webhook is in, or the webhook
// by its own name where that is not known.
func (c *Cluster) hook(name string) kube.Ref {
	for _, r := range []Resource{ValidatingWebhooks, MutatingWebhooks} {
		for w := range In[*object.Webhooks](c, r, "") {
			for i := range w.Hooks {
				if w.Hooks[i].Name == name {
					return c.Ref(r, &w.Meta)
				}
			}
		}
	}
	return kube.Ref{GVR: kube.Local("webhooks"), Kind: "Webhook", Name: name}
}
