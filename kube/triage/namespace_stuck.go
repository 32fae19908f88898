package triage

import (
	"strings"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
)

// namespaceGrace is how long a namespace may take to go away, in seconds: its pods
// are given half a minute to end.
const namespaceGrace = 120

// namespaceStuck finds namespaces that were deleted and do not go away, with
// what their controller says holds them: objects with finalizers, or an API that
// nobody can ask for its objects; see
// https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/.
func namespaceStuck() Rule {
	return rule(Rule{ID: "namespace-stuck", On: Namespaces, Checks: "namespaces that are deleted go away", Depth: Progress},
		func(c *Cluster, n *object.Plain) *Finding {
			if n.Deleted == 0 || !c.Lasted(n.Deleted, namespaceGrace) {
				return nil
			}
			on := c.Ref(Namespaces, &n.Meta)
			f := &Finding{
				Severity: Warn, What: "namespace stuck Terminating", Why: n.Message, Since: n.Deleted,
				Actions: []Action{
					{Do: ShowYAML, On: on, Words: "shows the conditions of " + on.String() + ", which tell what is left in it"},
					{Do: DropFinalizer, On: on, Words: "takes the finalizers from what is left, which then is not cleaned up"},
				},
			}
			if n.Message != "" {
				f.Evidence = []Evidence{{Text: n.Message, Source: FromCondition, Where: on.String() + " status.conditions", On: on, At: n.Deleted}}
			}
			if strings.Contains(n.Message, "iscovery") { // of an API whose server does not answer
				c.Depends(APIServices, "")
				f.Blame = c.unavailable()
			}
			return f
		})
}

// unavailable returns the APIs that do not answer.
func (c *Cluster) unavailable() []kube.Ref {
	var refs []kube.Ref
	for a := range In[*object.APIService](c, APIServices, "") {
		if a.Trouble != nil {
			refs = append(refs, c.Ref(APIServices, &a.Meta))
		}
	}
	return sortedRefs(refs)
}
