package triage

import (
	"fmt"

	"quarterdeck/kube/object"
)

// definitionGrace is how long a definition may take to be established, in
// seconds.
const definitionGrace = 30

// definitionRefused finds custom resource definitions that the API server does
// not serve; see
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/.
func definitionRefused() Rule {
	return rule(Rule{ID: "crd-not-established", On: Definitions, Checks: "custom resource definitions are established", Depth: Cause},
		func(c *Cluster, d *object.Definition) *Finding {
			if d.Deleted != 0 || d.Established && d.Trouble == nil || !c.Lasted(d.Created, definitionGrace) {
				return nil
			}
			on := c.Ref(Definitions, &d.Meta)
			f := &Finding{
				Severity: Warn, What: "not served", Why: "the API server has not taken it up", Since: d.Created,
				Actions: []Action{{Do: ShowYAML, On: on, Words: "shows " + on.String() + ", its conditions included"}},
			}
			if d.Established {
				f.What = "served under names that it did not ask for"
			}
			if t := d.Trouble; t != nil {
				f.Why, f.Since = saying(t.Reason, t.Message), max(t.Changed, d.Created)
				f.Evidence = []Evidence{{
					Text: t.Type + "=" + t.Status + " " + f.Why, Source: FromCondition, Where: on.String() + " status.conditions[" + t.Type + "]", On: on, At: t.Changed,
				}}
			}
			return f
		})
}

// deprecatedStored finds definitions whose objects are kept in a version that
// their author has deprecated: they have to be written anew before it goes. Who
// else still uses deprecated APIs, only the API server's metrics tell.
func deprecatedStored() Rule {
	return rule(Rule{ID: "deprecated-stored", On: Definitions, Checks: "custom resources are stored in a version that is not deprecated", Depth: Cause},
		func(c *Cluster, d *object.Definition) *Finding {
			if d.Deleted != 0 || d.Deprecated == "" {
				return nil
			}
			on := c.Ref(Definitions, &d.Meta)
			return &Finding{
				Severity: Info, What: "objects are stored in a deprecated version", Why: fmt.Sprintf("%s of %s is deprecated", d.Deprecated, d.Of.Group),
				Evidence: []Evidence{{
					Text: "storage and deprecated", Source: FromField, Where: fmt.Sprintf("%s spec.versions[%s]", on, d.Deprecated), On: on,
				}},
				Actions: []Action{{Do: ShowYAML, On: on, Words: "shows the versions of " + on.String()}},
			}
		})
}
