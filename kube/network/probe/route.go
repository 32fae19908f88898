package probe

import (
	"strings"

	"quarterdeck/kube/network"
	"quarterdeck/kube/object"
)

// Of returns the question of what a way in leads to, as the way asks for it; ok is
// false where it leads to no service that is known.
func Of(r *network.Route) (q Question, ok bool) {
	if r.Target.Name == "" || r.Target.GVR.GroupResource() != object.Services().GVR.GroupResource() {
		return q, false
	}
	q = Question{Ref: r.Target, Port: r.TargetPort}
	if r.By.GVR == r.Target.GVR {
		return q, true // the host is the service itself
	}
	if !strings.Contains(r.Host, "*") {
		q.Host = r.Host
	}
	if strings.HasPrefix(r.Path, "/") && !strings.ContainsAny(r.Path, ` *()[]{}^$|+\`) { // else it is a pattern, or several
		q.Path = r.Path
	}
	return q, true
}
