package triage

import (
	"regexp"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// missingConfig finds pods that cannot start because a ConfigMap or Secret, or a
// key of one, is not there. What is missing is the root: every workload that
// waits for it is part of one incident. See makeEnvironmentVariables in
// pkg/kubelet/kubelet_pods.go of Kubernetes, and its volume plugins, for the words.
func missingConfig() Rule {
	return podRule(Rule{ID: "missing-config", Checks: "the ConfigMaps and Secrets that pods need exist", Depth: Cause},
		func(c *Cluster, p *object.Pod) *Finding {
			for k := range inWaiting(p) {
				if k.Reason != "CreateContainerConfigError" {
					continue
				}
				if m := missingIn(k.Message); m.name != "" {
					return c.lacks(p, m, c.waits(p, k), p.Created)
				}
			}
			if !starting(p) {
				return nil
			}
			for _, e := range c.Warnings(p.UID, "FailedMount") {
				if m := missingIn(e.Message); m.name != "" {
					if !c.Lasted(e.First, configGrace) {
						return nil
					}
					return c.lacks(p, m, fromEvent(c.Pod(p), e), e.First)
				}
			}
			return nil
		})
}

// configGrace is how much later than a pod its volumes' ConfigMaps and Secrets
// may be made, in seconds.
const configGrace = 10

func (c *Cluster) lacks(p *object.Pod, m missing, ev Evidence, since int64) *Finding {
	root := kube.Ref{GVR: schema.GroupVersionResource{Version: "v1", Resource: m.resource}, Kind: m.kind, Namespace: p.Namespace, Name: m.name}
	f := &Finding{
		Severity: Warn, Home: root, What: "cannot start without " + root.String(), Why: root.String() + " does not exist", Since: since,
		Evidence: []Evidence{ev}, Actions: c.undo(c.Home(c.Pod(p), p.Owner)),
	}
	if m.key != "" {
		f.Why = root.String() + " has no key " + m.key
		f.Actions = append(c.back(c.Home(c.Pod(p), p.Owner)), Action{Do: Edit, On: root, Words: "opens " + root.String() + " to add key " + m.key})
	}
	if len(f.Actions) == 0 {
		home := c.Home(c.Pod(p), p.Owner)
		f.Actions = []Action{{Do: ShowYAML, On: home, Words: "shows where " + home.String() + " refers to " + root.String()}}
	}
	return f
}

// missing names a ConfigMap or Secret that is not there, or a key that is not in
// it.
type missing struct{ resource, kind, name, key string }

var (
	noObject = regexp.MustCompile(`(configmaps?|secrets?) "([^"\s]+)" not found`)
	noKey    = regexp.MustCompile(`couldn't find key (\S+) in (ConfigMap|Secret) (?:[^/\s]+/)?([^/\s]+)`)
)

// missingIn returns what a message of the kubelet says is missing: configmap
// "web" not found, couldn't find key URL in Secret shop/db.
func missingIn(message string) missing {
	if m := noKey.FindStringSubmatch(message); m != nil {
		out := missing{resource: "secrets", kind: m[2], name: m[3], key: m[1]}
		if m[2] == "ConfigMap" {
			out.resource = "configmaps"
		}
		return out
	}
	if m := noObject.FindStringSubmatch(message); m != nil {
		if m[1][0] == 'c' {
			return missing{resource: "configmaps", kind: "ConfigMap", name: m[2]}
		}
		return missing{resource: "secrets", kind: "Secret", name: m[2]}
	}
	return missing{}
}
