package triage

import (
	"fmt"

	"quarterdeck/kube/object"
)

// skewAllowed is how many minor versions a kubelet may be behind the API server:
// https://kubernetes.io/releases/version-skew-policy/#kubelet.
const skewAllowed = 3

// nodeSkew finds nodes with kubelets too old for the newest ones: no kubelet may
// be newer than the API server, so that is at least as new.
func nodeSkew() Rule {
	return rule(Rule{ID: "node-skew", On: Nodes, Checks: "kubelets are not too old for the cluster", Depth: Cause},
		func(c *Cluster, n *object.Node) *Finding {
			minor, ok := minorOf(n.Version)
			newest := minor
			for m := range c.minors {
				newest = max(newest, m)
			}
			if !ok || newest-minor <= skewAllowed {
				return nil
			}
			on := c.Ref(Nodes, &n.Meta)
			return &Finding{
				Severity: Warn, What: "kubelet is too old",
				Why: fmt.Sprintf("%s is %d minor versions behind v1.%d, %d are supported", n.Version, newest-minor, newest, skewAllowed),
				Evidence: []Evidence{{
					Text: "kubelet " + n.Version, Source: FromField, Where: on.String() + " status.nodeInfo.kubeletVersion", On: on,
				}},
				Actions: leaving(on),
			}
		})
}
