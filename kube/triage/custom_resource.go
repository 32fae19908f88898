package triage

import (
	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

const (
	// readyGrace is how long a custom resource may take to become ready, in
	// seconds; reconcileGrace if its controller says that it is at work.
	readyGrace     = 60
	reconcileGrace = 600
)

// customResource finds custom resources of which their controller says that
// they are not as they should be, by the conditions that kstatus knows and those
// of the Gateway API; see object.ReadCustoms.
func customResource() Rule {
	return rule(Rule{
		ID: "custom-resource", On: CustomResources, Checks: "custom resources are ready and not stalled",
		Needs: []Resource{Definitions}, Depth: Progress,
	}, func(c *Cluster, o *object.Custom) *Finding {
		b := &o.Bad
		since := max(b.Changed, o.Created)
		if b.Changed == 0 {
			since = o.Created
		}
		grace := int64(readyGrace)
		if o.Reconciling {
			grace = reconcileGrace
		}
		if b.Type == "Ready" && !c.Lasted(since, grace) {
			return nil
		}
		on := refOf(o)
		f := &Finding{
			Severity: Warn, What: customWords(b), Why: saying(b.Reason, b.Message), Since: since, Home: c.customHome(o), Blame: c.owned(&o.Meta),
			Evidence: []Evidence{{
				Text: b.Type + "=" + b.Status + " " + saying(b.Reason, b.Message), Source: FromCondition, Where: on.String() + " " + o.Where, On: on, At: b.Changed,
			}},
			Actions: []Action{
				{Do: ShowEvents, On: on, Words: "shows what was reported about " + on.String()},
				{Do: ShowYAML, On: on, Words: "shows all of " + on.String() + ", its conditions included"},
			},
		}
		c.Later(c.Now + readyGrace) // what it owns may be in trouble by then
		return f
	})
}

func customWords(b *object.Condition) string {
	switch b.Type {
	case "Ready":
		return "not ready"
	case "Stalled":
		return "stalled"
	case "Accepted":
		return "not accepted"
	case "ResolvedRefs":
		return "refers to what is not there"
	case "Programmed":
		return "not programmed"
	}
	return b.Type + " is " + b.Status
}

// saying joins a reason and its message, either of which may be empty.
func saying(reason, message string) string {
	if reason == "" || message == "" {
		return reason + message
	}
	return reason + ": " + message
}

// customHome returns the topmost owner of a custom resource among those in
// trouble.
func (c *Cluster) customHome(o *object.Custom) kube.Ref {
	for range 4 {
		if o.Owner == nil {
			break
		}
		up, ok := Get[*object.Custom](c, CustomResources, o.Owner.UID)
		if !ok {
			break
		}
		o = up
	}
	return refOf(o)
}

// owned returns the workloads and pods that an object controls.
func (c *Cluster) owned(m *store.Meta) []kube.Ref {
	var refs []kube.Ref
	for _, r := range []Resource{Deployments, StatefulSets, DaemonSets, Jobs, CronJobs} {
		for w := range In[*object.Workload](c, r, m.Namespace) {
			if w.Owner != nil && w.Owner.UID == m.UID {
				refs = append(refs, c.Ref(r, &w.Meta))
			}
		}
	}
	for _, p := range c.PodsOf(m.UID) {
		refs = append(refs, c.Pod(p))
	}
	return sortedRefs(refs)
}

func refOf(o *object.Custom) kube.Ref {
	return kube.Ref{GVR: o.Of.GVR, Kind: o.Of.Kind, Namespace: o.Namespace, Name: o.Name, UID: o.UID}
}

// refOf names an object of a resource.
func (c *Cluster) refOf(r Resource, o known) kube.Ref {
	if custom, ok := o.(*object.Custom); ok {
		return refOf(custom)
	}
	return c.Ref(r, o.Head())
}
