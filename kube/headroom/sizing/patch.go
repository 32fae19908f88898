package sizing

import (
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// Command returns the line of kubectl that makes the proposed requests those of
// the workload, in a context of the kubeconfig unless it is "". "" if nothing is
// proposed, or kubectl knows no way for the kind.
func (s *Sizing) Command(context string) string {
	if s.Proposed == nil || !settable(s.Kind, s.APIVersion) {
		return ""
	}
	words := []string{"set", "resources", s.String(), "-c", s.Container, "--requests=" + pairs(*s.Proposed)}
	if l := s.limits(); l != (object.Resources{}) {
		words = append(words, "--limits="+pairs(l))
	}
	return kube.Kubectl(context, s.Namespace, words...)
}

// settable reports whether kubectl set resources knows the kind. Jobs and pods it
// knows too, but theirs cannot be changed.
func settable(kind, apiVersion string) bool {
	group, _, _ := strings.Cut(apiVersion, "/")
	switch kind {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
		return group == "apps"
	case "CronJob":
		return group == "batch"
	}
	return false
}

// limits returns the limits that have to be raised along with the requests,
// which must not be above them.
func (s *Sizing) limits() object.Resources {
	var l object.Resources
	if s.Limits.CPU > 0 && s.Limits.CPU < s.Proposed.CPU {
		l.CPU = s.Proposed.CPU
	}
	if s.Limits.Memory > 0 && s.Limits.Memory < s.Proposed.Memory {
		l.Memory = s.Proposed.Memory
	}
	return l
}

// quantities returns what is set of r, as people write it.
func quantities(r object.Resources) map[string]string {
	out := map[string]string{}
	if r.CPU > 0 {
		out["cpu"] = resource.NewMilliQuantity(r.CPU, resource.DecimalSI).String()
	}
	if r.Memory > 0 {
		out["memory"] = resource.NewQuantity(r.Memory, resource.BinarySI).String()
	}
	return out
}

func pairs(r object.Resources) string {
	var out []string
	q := quantities(r)
	for _, name := range []string{"cpu", "memory"} {
		if v, ok := q[name]; ok {
			out = append(out, name+"="+v)
		}
	}
	return strings.Join(out, ",")
}

// Patch returns the strategic merge patch that does what Command does, "" if
// there is no such command.
func (s *Sizing) Patch() string {
	if s.Proposed == nil || !settable(s.Kind, s.APIVersion) {
		return ""
	}
	resources := map[string]any{"requests": quantities(*s.Proposed)}
	if l := s.limits(); l != (object.Resources{}) {
		resources["limits"] = quantities(l)
	}
	list := "containers"
	if s.Sidecar {
		list = "initContainers"
	}
	var patch any = map[string]any{list: []any{map[string]any{"name": s.Container, "resources": resources}}}
	path := []string{"spec", "template", "spec"}
	if s.Kind == "CronJob" {
		path = []string{"spec", "jobTemplate", "spec", "template", "spec"}
	}
	for i := len(path) - 1; i >= 0; i-- {
		patch = map[string]any{path[i]: patch}
	}
	b, err := json.Marshal(patch)
	if err != nil { // maps of strings can be written
		panic(fmt.Sprintf("write patch: %v", err))
	}
	return string(b)
}
