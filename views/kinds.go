package views

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"quarterdeck/kube"
	"quarterdeck/kube/field"
	"quarterdeck/kube/metrics"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
	"quarterdeck/ui"
	"quarterdeck/ui/cell"
	"quarterdeck/ui/theme"
)

// workloadColumns are what the lists of all kinds that run pods share. READY is
// named by the caller, since a Job counts completions.
func workloadColumns(kind bool) []Column[*object.Workload] {
	cols := []Column[*object.Workload]{nameColumn[*object.Workload]()}
	if kind {
		cols = append(cols, text("kind", func(w *object.Workload) string { return w.Kind }).between(3, 12))
	}
	return append(cols,
		Column[*object.Workload]{
			ID: "ready", Kind: field.Number, Align: cell.Right,
			Value: func(w *object.Workload, _ *Env) field.Value { return pair(int64(w.Ready), int64(w.Desired)) },
		},
		Column[*object.Workload]{
			ID: "status", Kind: field.Text, Min: statusWidth, Max: 28,
			Value: func(w *object.Workload, _ *Env) field.Value {
				words, _ := w.Status()
				return field.Of(words)
			},
			Tone: workloadTone,
		},
		count("updated", func(w *object.Workload) int64 { return int64(w.Updated) }).wide(),
		count("available", func(w *object.Workload) int64 { return int64(w.Avail) }).wide(),
		text("rev", func(w *object.Workload) string { return w.Revision }).wide(),
		text("strategy", func(w *object.Workload) string { return w.Strategy }).wide(),
		text("image", (*object.Workload).Image).middle(8, 40),
		ageColumn[*object.Workload](),
		text("selector", func(w *object.Workload) string { return w.Selector }).wide().between(8, 40),
		labelsColumn[*object.Workload](),
	)
}

func workloadTone(w *object.Workload, _ *Env) theme.Tone {
	words, fine := w.Status()
	switch {
	case fine && words == "ok":
		return theme.Text
	case fine:
		return theme.Muted
	case w.Trouble != "" || w.Ready == 0:
		return theme.Error
	}
	return theme.Warn
}

// podsOf is the scope of the pods that a workload's selector matches.
func podsOf(w *object.Workload) (Scope, bool) {
	return Scope{Namespace: w.Namespace, Labels: w.Selector, Title: shortKind(w.Kind) + "/" + w.Name}, w.Selector != ""
}

func shortKind(kind string) string {
	switch kind {
	case "Deployment":
		return "deploy"
	case "StatefulSet":
		return "sts"
	case "DaemonSet":
		return "ds"
	case "ReplicaSet":
		return "rs"
	}
	return strings.ToLower(kind)
}

// enterPods opens the pods of a workload.
func enterPods(s *Session, w *object.Workload) tea.Msg {
	scope, ok := podsOf(w)
	if !ok {
		return ui.Push(yamlFrame(s, workloadRef(w)))
	}
	return s.openPods(scope)
}

func workload(kind store.Kind[*object.Workload], name string, short ...string) *Resource[*object.Workload] {
	return &Resource[*object.Workload]{
		Kind: kind, Name: name, Short: short,
		Columns: workloadColumns(false), Enter: enterPods, Pods: podsOf, Detail: workloadDetail,
	}
}

func deployments() Opener  { return workload(object.Deployments(), "deployments", "deploy") }
func statefulSets() Opener { return workload(object.StatefulSets(), "statefulsets", "sts") }
func daemonSets() Opener   { return workload(object.DaemonSets(), "daemonsets", "ds") }

// replicaSets lists those that have pods first: old revisions are history.
func replicaSets() Opener {
	r := workload(object.ReplicaSets(), "replicasets", "rs")
	r.Tone = func(w *object.Workload) theme.Tone {
		if w.Desired == 0 && w.Current == 0 {
			return theme.Muted
		}
		return theme.Text
	}
	return r
}

func jobs() *Resource[*object.Workload] {
	r := workload(object.Jobs(), "jobs", "job")
	r.Columns = []Column[*object.Workload]{
		nameColumn[*object.Workload](),
		{
			ID: "done", Kind: field.Number, Align: cell.Right,
			Value: func(w *object.Workload, _ *Env) field.Value { return pair(int64(w.Ready), int64(w.Desired)) },
		},
		{
			ID: "status", Kind: field.Text, Min: statusWidth, Max: 28,
			Value: func(w *object.Workload, _ *Env) field.Value { words, _ := w.Status(); return field.Of(words) },
			Tone:  workloadTone,
		},
		count("active", func(w *object.Workload) int64 { return int64(w.Active) }),
		count("failed", func(w *object.Workload) int64 { return int64(w.Failed) }),
		{
			ID: "took", Kind: field.Length, Align: cell.Right, Dynamic: true,
			Value: func(w *object.Workload, e *Env) field.Value {
				switch {
				case w.Started == 0:
					return field.Value{}.WithText("-")
				case w.Finished == 0:
					return field.Seconds(e.Now.Unix() - w.Started)
				}
				return field.Seconds(w.Finished - w.Started)
			},
		},
		text("image", (*object.Workload).Image).middle(8, 40),
		ageColumn[*object.Workload](),
		labelsColumn[*object.Workload](),
	}
	return r
}

func cronJobs() Opener {
	r := workload(object.CronJobs(), "cronjobs", "cj")
	r.Columns = []Column[*object.Workload]{
		nameColumn[*object.Workload](),
		text("schedule", func(w *object.Workload) string { return w.Schedule }).between(9, 24),
		{
			ID: "status", Kind: field.Text, Min: 8, Max: 20,
			Value: func(w *object.Workload, _ *Env) field.Value { words, _ := w.Status(); return field.Of(words) },
			Tone:  workloadTone,
		},
		count("active", func(w *object.Workload) int64 { return int64(w.Active) }),
		since("last", func(w *object.Workload) int64 { return w.Started }).titled("LAST RUN"),
		since("success", func(w *object.Workload) int64 { return w.Finished }).titled("LAST OK"),
		text("image", (*object.Workload).Image).middle(8, 40),
		ageColumn[*object.Workload](),
		labelsColumn[*object.Workload](),
	}
	r.Enter = func(s *Session, w *object.Workload) tea.Msg {
		return ui.Push(jobs().Frame(s, Scope{Namespace: w.Namespace, Owner: w.UID, Title: "cronjob/" + w.Name}))
	}
	r.Pods, r.MayHavePods = nil, true // by way of its jobs
	return r
}

// workloadRef names a workload of whatever kind.
func workloadRef(w *object.Workload) kube.Ref {
	kinds := map[string]store.Kind[*object.Workload]{
		"Deployment": object.Deployments(), "StatefulSet": object.StatefulSets(), "DaemonSet": object.DaemonSets(),
		"ReplicaSet": object.ReplicaSets(), "Job": object.Jobs(), "CronJob": object.CronJobs(),
	}
	return kube.Ref{GVR: kinds[w.Kind].GVR, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name, UID: w.UID}
}

func services() Opener {
	return &Resource[*object.Service]{
		Kind: object.Services(), Name: "services", Short: []string{"svc"},
		Columns: []Column[*object.Service]{
			nameColumn[*object.Service](),
			text("type", func(s *object.Service) string { return s.Type }).between(9, 12),
			text("cluster-ip", func(s *object.Service) string { return s.ClusterIP }).between(8, 18),
			text("external", func(s *object.Service) string { return s.External }).between(8, 32).toned(
				func(s *object.Service, _ *Env) theme.Tone { return statusTone(s.External) }),
			text("ports", func(s *object.Service) string { return s.Ports }).between(6, 24),
			text("selector", func(s *object.Service) string { return s.Selector }).flex(1, 10),
			ageColumn[*object.Service](),
			labelsColumn[*object.Service](),
		},
		Pods: servicePods,
		Enter: func(s *Session, o *object.Service) tea.Msg {
			if scope, ok := servicePods(o); ok {
				return s.openPods(scope)
			}
			return ui.Toast(theme.Warn, "svc/"+o.Name+" has no selector: its endpoints are kept by somebody else")
		},
	}
}

func servicePods(s *object.Service) (Scope, bool) {
	return Scope{Namespace: s.Namespace, Labels: s.Selector, Title: "svc/" + s.Name}, s.Selector != ""
}

func nodes() *Resource[*object.Node] {
	return &Resource[*object.Node]{
		Kind: object.Nodes(), Name: "nodes", Short: []string{"no"},
		Columns: append([]Column[*object.Node]{
			nameColumn[*object.Node](),
			text("status", func(n *object.Node) string { return n.Status }).between(statusWidth, 30).toned(nodeTone),
			text("zone", func(n *object.Node) string { return n.Zone }).between(4, 20),
			text("type", func(n *object.Node) string { return n.Instance }).between(4, 16),
			text("roles", func(n *object.Node) string { return n.Roles }).wide(),
		}, append(usageColumns(nodeUsage, nil, func(n *object.Node) object.Resources { return n.Allocatable.Resources }),
			count("taints", func(n *object.Node) int64 { return int64(len(n.Taints)) }),
			text("version", func(n *object.Node) string { return n.Version }).between(6, 16),
			text("ip", func(n *object.Node) string { return n.InternalIP }).wide(),
			text("external-ip", func(n *object.Node) string { return n.ExternalIP }).wide(),
			text("os", func(n *object.Node) string { return n.OS }).wide(),
			text("runtime", func(n *object.Node) string { return n.Runtime }).wide(),
			text("taint-list", func(n *object.Node) string { return strings.Join(n.Taints, ",") }).wide().between(8, 40),
			ageColumn[*object.Node](),
			labelsColumn[*object.Node](),
		)...),
		Pods:  nodePods,
		Usage: func(Scope) metrics.Scope { return metrics.Nodes() },
		Enter: func(s *Session, n *object.Node) tea.Msg {
			scope, _ := nodePods(n)
			return s.openPods(scope)
		},
	}
}

func nodePods(n *object.Node) (Scope, bool) {
	return Scope{Fields: "spec.nodeName=" + n.Name, Title: "node/" + n.Name, AllNamespaces: true}, true
}

func nodeTone(n *object.Node, _ *Env) theme.Tone {
	switch {
	case !n.Ready, len(n.Pressures) > 0:
		return theme.Error
	case n.Cordoned:
		return theme.Warn
	}
	return theme.Text
}

func events() Opener {
	return &Resource[*object.Event]{
		Kind: object.Events(), Name: "events", Short: []string{"ev"}, Sort: "last",
		Columns: []Column[*object.Event]{
			since("last", func(e *object.Event) int64 { return e.Last }),
			text("type", func(e *object.Event) string { return e.Type }).toned(func(e *object.Event, _ *Env) theme.Tone {
				if e.Type == "Warning" {
					return theme.Warn
				}
				return theme.Muted
			}),
			text("reason", func(e *object.Event) string { return e.Reason }).between(8, 24),
			text("object", func(e *object.Event) string { return strings.ToLower(e.Kind) + "/" + e.About }).middle(12, 40),
			count("count", func(e *object.Event) int64 { return int64(e.Count) }),
			text("message", func(e *object.Event) string { return e.Message }).flex(3, 20),
			text("source", func(e *object.Event) string { return e.Source }).wide().between(6, 24),
			since("first", func(e *object.Event) int64 { return e.First }).wide(),
			nameColumn[*object.Event]().wide(),
		},
		Enter: func(s *Session, e *object.Event) tea.Msg { return s.openNamed(e.Kind, "", e.Namespace, e.About, e.UID) },
	}
}

func namespaces() Opener {
	return &Resource[*object.Plain]{
		Kind: object.Namespaces(), Name: "namespaces", Short: []string{"ns"},
		Columns: []Column[*object.Plain]{
			nameColumn[*object.Plain](),
			text("status", func(n *object.Plain) string { return n.Status }).toned(
				func(n *object.Plain, _ *Env) theme.Tone { return statusTone(n.Status) }),
			ageColumn[*object.Plain](), labelsColumn[*object.Plain](),
		},
		Pods: func(n *object.Plain) (Scope, bool) { return Scope{Namespace: n.Name, Title: "ns/" + n.Name}, true },
		Enter: func(s *Session, n *object.Plain) tea.Msg {
			return ui.Root(s.home().Frame(s.In(n.Name), Scope{}))
		},
	}
}

func claims() Opener {
	return &Resource[*object.Claim]{
		Kind: object.Claims(), Name: "persistentvolumeclaims", Short: []string{"pvc"},
		Columns: []Column[*object.Claim]{
			nameColumn[*object.Claim](),
			text("status", func(c *object.Claim) string { return c.Status }).toned(
				func(c *object.Claim, _ *Env) theme.Tone { return statusTone(c.Status) }),
			{
				ID: "capacity", Kind: field.Bytes, Align: cell.Right,
				Value: func(c *object.Claim, _ *Env) field.Value {
					if c.Capacity == 0 {
						return field.Value{}.WithText("-") // not bound
					}
					return field.ByteCount(c.Capacity)
				},
			},
			{
				ID: "asked", Kind: field.Bytes, Align: cell.Right,
				Value: func(c *object.Claim, _ *Env) field.Value { return field.ByteCount(c.Asked) },
			},
			text("class", func(c *object.Claim) string { return c.Class }).between(6, 20),
			text("modes", func(c *object.Claim) string { return c.Modes }),
			text("volume", func(c *object.Claim) string { return c.Volume }).middle(8, 44),
			ageColumn[*object.Claim](), labelsColumn[*object.Claim](),
		},
	}
}

func autoscalers() Opener {
	return &Resource[*object.Autoscaler]{
		Kind: object.Autoscalers(), Name: "horizontalpodautoscalers", Short: []string{"hpa"},
		Columns: []Column[*object.Autoscaler]{
			nameColumn[*object.Autoscaler](),
			text("target", func(a *object.Autoscaler) string { return shortKind(a.TargetKind) + "/" + a.Target }).middle(10, 32),
			text("status", func(a *object.Autoscaler) string { return a.Status }).between(6, 28).toned(
				func(a *object.Autoscaler, _ *Env) theme.Tone {
					switch {
					case a.Trouble:
						return theme.Error
					case a.Current >= a.Max:
						return theme.Warn
					}
					return theme.Text
				}),
			text("metrics", func(a *object.Autoscaler) string { return a.Metrics }).between(8, 32),
			count("min", func(a *object.Autoscaler) int64 { return int64(a.Min) }),
			count("max", func(a *object.Autoscaler) int64 { return int64(a.Max) }),
			count("now", func(a *object.Autoscaler) int64 { return int64(a.Current) }),
			count("wanted", func(a *object.Autoscaler) int64 { return int64(a.Desired) }),
			since("scaled", func(a *object.Autoscaler) int64 { return a.LastScale }),
			ageColumn[*object.Autoscaler](), labelsColumn[*object.Autoscaler](),
		},
		Enter: func(s *Session, a *object.Autoscaler) tea.Msg {
			return s.openNamed(a.TargetKind, a.TargetAPI, a.Namespace, a.Target, "")
		},
	}
}

func budgets() Opener {
	return &Resource[*object.Budget]{
		Kind: object.Budgets(), Name: "poddisruptionbudgets", Short: []string{"pdb"},
		Columns: []Column[*object.Budget]{
			nameColumn[*object.Budget](),
			text("rule", func(b *object.Budget) string { return b.Rule }).between(8, 24),
			{
				ID: "healthy", Kind: field.Number, Align: cell.Right,
				Value: func(b *object.Budget, _ *Env) field.Value { return pair(int64(b.Healthy), int64(b.Expected)) },
			},
			{
				ID: "allowed", Kind: field.Number, Align: cell.Right,
				Value: func(b *object.Budget, _ *Env) field.Value { return field.Int(b.Allowed) },
				Tone: func(b *object.Budget, _ *Env) theme.Tone {
					if b.Allowed == 0 {
						return theme.Warn
					}
					return theme.Text
				},
			},
			text("selector", func(b *object.Budget) string { return b.Selector }).flex(1, 10),
			ageColumn[*object.Budget](), labelsColumn[*object.Budget](),
		},
		Pods: budgetPods,
		Enter: func(s *Session, b *object.Budget) tea.Msg {
			if scope, ok := budgetPods(b); ok {
				return s.openPods(scope)
			}
			return nil
		},
	}
}

func budgetPods(b *object.Budget) (Scope, bool) {
	return Scope{Namespace: b.Namespace, Labels: b.Selector, Title: "pdb/" + b.Name}, b.Selector != ""
}

func quotas() Opener {
	return &Resource[*object.Quota]{
		Kind: object.Quotas(), Name: "resourcequotas", Short: []string{"quota"},
		Columns: []Column[*object.Quota]{
			nameColumn[*object.Quota](),
			{
				ID: "fullest", Kind: field.Percent, Align: cell.Right,
				Value: func(q *object.Quota, _ *Env) field.Value {
					return field.PercentOf(int64(q.Fullest), 100)
				},
				Tone: func(q *object.Quota, _ *Env) theme.Tone {
					switch {
					case q.Fullest >= 100:
						return theme.Error
					case q.Fullest >= 90:
						return theme.Warn
					}
					return theme.Text
				},
			},
			text("used", func(q *object.Quota) string { return q.Used }).flex(3, 20),
			text("scopes", func(q *object.Quota) string { return q.Scopes }).wide(),
			ageColumn[*object.Quota](), labelsColumn[*object.Quota](),
		},
	}
}

func replicationControllers() Opener {
	r := genericResource(corev1.SchemeGroupVersion.WithResource("replicationcontrollers"), "ReplicationController", true, "rc")
	r.MayHavePods = true
	return r
}

func crds() Opener {
	r := genericResource(schema.GroupVersionResource{
		Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
	}, "CustomResourceDefinition", false, "crd", "crds")
	// The name of a definition is that of the resource it defines.
	r.Enter = func(s *Session, d *store.Row) tea.Msg {
		return s.with(d.Name, func(o Opener) tea.Msg { return ui.Push(o.Frame(s, Scope{})) })
	}
	return r
}
