package object

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"quarterdeck/kube/store"
)

// Plain is an object of which only a state is kept.
type Plain struct {
	store.Meta
	Status  string
	Message string // what keeps a namespace that was deleted, in its controller's words
}

// Namespaces declares how namespaces are read.
func Namespaces() store.Kind[*Plain] {
	return store.Typed(corev1.SchemeGroupVersion.WithResource("namespaces"), "Namespace", false,
		func(n *corev1.Namespace, in *store.Interner) *Plain {
			return &Plain{Meta: in.Meta(&n.ObjectMeta), Status: in.String(string(n.Status.Phase)), Message: in.String(held(n))}
		}, noAnnotations)
}

// held returns what the conditions of a namespace say keeps it, the cause first:
// while an API cannot be discovered, nothing is known of its objects.
func held(n *corev1.Namespace) string {
	var words []string
	for _, t := range []corev1.NamespaceConditionType{
		corev1.NamespaceDeletionDiscoveryFailure, corev1.NamespaceDeletionGVParsingFailure, corev1.NamespaceDeletionContentFailure,
		corev1.NamespaceFinalizersRemaining, corev1.NamespaceContentRemaining,
	} {
		for i := range n.Status.Conditions {
			if c := &n.Status.Conditions[i]; c.Type == t && c.Status == corev1.ConditionTrue {
				words = append(words, c.Message)
			}
		}
	}
	return strings.Join(words, "; ")
}

// Claims declares how persistent volume claims are read.
func Claims() store.Kind[*Claim] {
	return store.Typed(corev1.SchemeGroupVersion.WithResource("persistentvolumeclaims"), "PersistentVolumeClaim", true,
		newClaim)
}

// Claim is a compact persistent volume claim.
type Claim struct {
	store.Meta
	Status   string
	Class    string // "" if the cluster's default was not set when it was made
	Volume   string
	Modes    string
	Asked    int64 // bytes
	Capacity int64 // bytes, 0 while it is not bound
	// Node is where the pod is to run for which a volume is waited for, "" if the
	// scheduler has not told.
	Node       string
	Conditions []Condition // those that are true: of a resize that is not done
}

func newClaim(c *corev1.PersistentVolumeClaim, in *store.Interner) *Claim {
	out := &Claim{
		Meta: in.Meta(&c.ObjectMeta), Status: in.String(string(c.Status.Phase)), Volume: in.String(c.Spec.VolumeName),
		Asked: c.Spec.Resources.Requests.Storage().Value(), Capacity: c.Status.Capacity.Storage().Value(),
	}
	if c.DeletionTimestamp != nil {
		out.Status = "Terminating"
	}
	if c.Spec.StorageClassName != nil {
		out.Class = in.String(*c.Spec.StorageClassName)
	}
	out.Node = in.String(c.Annotations["volume.kubernetes.io/selected-node"])
	for i := range c.Status.Conditions {
		if k := &c.Status.Conditions[i]; k.Status == corev1.ConditionTrue {
			out.Conditions = append(out.Conditions, newCondition(string(k.Type), string(k.Status), k.Reason, k.Message, &k.LastTransitionTime, in))
		}
	}
	short := map[corev1.PersistentVolumeAccessMode]string{
		corev1.ReadWriteOnce: "RWO", corev1.ReadOnlyMany: "ROX", corev1.ReadWriteMany: "RWX", corev1.ReadWriteOncePod: "RWOP",
	}
	var modes []string
	for _, m := range c.Spec.AccessModes {
		word, ok := short[m]
		if !ok {
			word = string(m)
		}
		modes = append(modes, word)
	}
	out.Modes = in.String(strings.Join(modes, ","))
	return out
}

// Autoscalers declares how horizontal pod autoscalers are read.
func Autoscalers() store.Kind[*Autoscaler] {
	return store.Typed(autoscalingv2.SchemeGroupVersion.WithResource("horizontalpodautoscalers"), "HorizontalPodAutoscaler", true,
		newAutoscaler, noAnnotations)
}

// Autoscaler is a compact horizontal pod autoscaler.
type Autoscaler struct {
	store.Meta
	TargetAPI, TargetKind, Target string
	Status                        string // "ok", "at max", or why it cannot work
	Trouble                       bool   // it cannot work
	Min, Max, Current, Desired    int32
	Metrics                       string     // "cpu 72%/80%"
	LastScale                     int64      // seconds since 1970
	Condition                     *Condition // that Status is of: it wants more than it may, or cannot work; nil if neither
}

func newAutoscaler(a *autoscalingv2.HorizontalPodAutoscaler, in *store.Interner) *Autoscaler {
	out := &Autoscaler{
		Meta: in.Meta(&a.ObjectMeta), TargetAPI: in.String(a.Spec.ScaleTargetRef.APIVersion),
		TargetKind: in.String(a.Spec.ScaleTargetRef.Kind), Target: in.String(a.Spec.ScaleTargetRef.Name),
		Min: replicas(a.Spec.MinReplicas), Max: a.Spec.MaxReplicas,
		Current: a.Status.CurrentReplicas, Desired: a.Status.DesiredReplicas, LastScale: unix(a.Status.LastScaleTime),
		Status: "ok",
	}
	limited := false
	for i := range a.Status.Conditions {
		c := &a.Status.Conditions[i]
		switch {
		case c.Type == autoscalingv2.ScalingLimited:
			if limited = c.Status == corev1.ConditionTrue && c.Reason == "TooManyReplicas"; limited && !out.Trouble {
				out.note(c, in)
			}
		case c.Status != corev1.ConditionFalse || out.Trouble: // the first trouble is what causes the others
		case c.Reason == "ScalingDisabled":
			out.Status = "off (0 replicas)"
		default:
			out.Status, out.Trouble = in.String(c.Reason), true
			out.note(c, in)
		}
	}
	if limited && !out.Trouble {
		out.Status = "at max, wants more"
	} else if out.Status == "ok" && out.Current >= out.Max {
		out.Status = "at max"
	}
	var words []string
	for i := range a.Spec.Metrics {
		words = append(words, metricWords(&a.Spec.Metrics[i], a.Status.CurrentMetrics))
	}
	out.Metrics = in.String(strings.Join(words, ", "))
	return out
}

func (a *Autoscaler) note(c *autoscalingv2.HorizontalPodAutoscalerCondition, in *store.Interner) {
	kept := newCondition(string(c.Type), string(c.Status), c.Reason, c.Message, &c.LastTransitionTime, in)
	a.Condition = &kept
}

// metricWords says how a metric stands: cpu 72%/80%.
func metricWords(m *autoscalingv2.MetricSpec, current []autoscalingv2.MetricStatus) string {
	name, target := wanted(m)
	var now autoscalingv2.MetricValueStatus
	for i := range current {
		if v := measured(m, &current[i]); v != nil {
			now = *v
		}
	}
	const unknown = "n/a"
	value := unknown
	switch {
	case target.AverageUtilization != nil:
		if now.AverageUtilization != nil {
			value = strconv.Itoa(int(*now.AverageUtilization)) + "%"
		}
		return fmt.Sprintf("%s %s/%d%%", name, value, *target.AverageUtilization)
	case target.AverageValue != nil:
		if now.AverageValue != nil {
			value = now.AverageValue.String()
		}
		return fmt.Sprintf("%s %s/%s", name, value, target.AverageValue)
	case target.Value != nil:
		if now.Value != nil {
			value = now.Value.String()
		}
		return fmt.Sprintf("%s %s/%s", name, value, target.Value)
	}
	return name
}

// wanted returns the name of a metric and what it should be.
func wanted(m *autoscalingv2.MetricSpec) (name string, target autoscalingv2.MetricTarget) {
	switch {
	case m.Resource != nil:
		return string(m.Resource.Name), m.Resource.Target
	case m.ContainerResource != nil:
		return string(m.ContainerResource.Name), m.ContainerResource.Target
	case m.Pods != nil:
		return m.Pods.Metric.Name, m.Pods.Target
	case m.Object != nil:
		return m.Object.Metric.Name, m.Object.Target
	case m.External != nil:
		return m.External.Metric.Name, m.External.Target
	}
	return strings.ToLower(string(m.Type)), target
}

// measured returns what c says of the metric m, nil if c is another one.
func measured(m *autoscalingv2.MetricSpec, c *autoscalingv2.MetricStatus) *autoscalingv2.MetricValueStatus {
	switch {
	case m.Resource != nil && c.Resource != nil && c.Resource.Name == m.Resource.Name:
		return &c.Resource.Current
	case m.ContainerResource != nil && c.ContainerResource != nil &&
		c.ContainerResource.Name == m.ContainerResource.Name && c.ContainerResource.Container == m.ContainerResource.Container:
		return &c.ContainerResource.Current
	case m.Pods != nil && c.Pods != nil && c.Pods.Metric.Name == m.Pods.Metric.Name:
		return &c.Pods.Current
	case m.Object != nil && c.Object != nil && c.Object.Metric.Name == m.Object.Metric.Name:
		return &c.Object.Current
	case m.External != nil && c.External != nil && c.External.Metric.Name == m.External.Metric.Name:
		return &c.External.Current
	}
	return nil
}

// Budgets declares how pod disruption budgets are read.
func Budgets() store.Kind[*Budget] {
	return store.Typed(policyv1.SchemeGroupVersion.WithResource("poddisruptionbudgets"), "PodDisruptionBudget", true,
		newBudget, noAnnotations)
}

// Budget is a compact pod disruption budget.
type Budget struct {
	store.Meta
	Rule              string // "min 2", "max unavailable 25%"
	Healthy, Expected int32
	Allowed           int32      // disruptions that would be let through now
	Selector          string     // as kubectl shows it
	Wanted            int32      // pods that must stay healthy
	Blocked           *Condition // why it lets none through, nil if it does
}

// Match returns which pods of the budget's namespace it protects.
func (b *Budget) Match() (labels.Selector, error) {
	switch b.Selector {
	case "": // there is none
		return labels.Nothing(), nil
	case "<none>": // an empty one
		return labels.Everything(), nil
	}
	return labels.Parse(b.Selector)
}

func newBudget(b *policyv1.PodDisruptionBudget, in *store.Interner) *Budget {
	out := &Budget{
		Meta: in.Meta(&b.ObjectMeta), Healthy: b.Status.CurrentHealthy, Expected: b.Status.ExpectedPods, Allowed: b.Status.DisruptionsAllowed,
	}
	out.Wanted = b.Status.DesiredHealthy
	for i := range b.Status.Conditions {
		if c := &b.Status.Conditions[i]; c.Type == policyv1.DisruptionAllowedCondition && c.Status == metav1.ConditionFalse {
			kept := newCondition(c.Type, string(c.Status), c.Reason, c.Message, &c.LastTransitionTime, in)
			out.Blocked = &kept
		}
	}
	switch {
	case b.Spec.MinAvailable != nil:
		out.Rule = in.String("min " + b.Spec.MinAvailable.String())
	case b.Spec.MaxUnavailable != nil:
		out.Rule = in.String("max unavailable " + b.Spec.MaxUnavailable.String())
	}
	if b.Spec.Selector != nil {
		out.Selector = in.String(metav1.FormatLabelSelector(b.Spec.Selector))
	}
	return out
}

// Quotas declares how resource quotas are read.
func Quotas() store.Kind[*Quota] {
	return store.TypedManaged(corev1.SchemeGroupVersion.WithResource("resourcequotas"), "ResourceQuota", true, newQuota, noAnnotations)
}

// Quota is a compact resource quota.
type Quota struct {
	store.Meta
	Used    string      // "pods 12/20, requests.cpu 3/4", the fullest first
	Fullest int         // percent of the fullest resource
	Scopes  string      // "NotTerminating", "PriorityClass in (high)": the pods that it counts; all if empty
	Items   []QuotaItem // in the same order as in Used
	Counted int64       // when Used was last another, seconds since 1970, 0 if nobody says
}

// QuotaItem is what a quota says of one resource: CPU in millicores, memory and
// storage in bytes, all else counted.
type QuotaItem struct {
	Name       string // "requests.cpu", "pods", "count/jobs.batch"
	Used, Hard int64
	Words      string // "requests.cpu 3/4"
}

func newQuota(q *corev1.ResourceQuota, in *store.Interner) *Quota {
	out := &Quota{Meta: in.Meta(&q.ObjectMeta)}
	for i := range q.ManagedFields {
		if m := &q.ManagedFields[i]; m.Subresource == "status" {
			out.Counted = max(out.Counted, unix(m.Time))
		}
	}
	type use struct {
		words   string
		percent int
		item    QuotaItem
	}
	var uses []use
	for name, hard := range q.Status.Hard {
		used := q.Status.Used[name]
		u := use{words: fmt.Sprintf("%s %s/%s", name, &used, &hard)}
		scale := quantity.Scale(0)
		if name == corev1.ResourceCPU || name == corev1.ResourceRequestsCPU || name == corev1.ResourceLimitsCPU {
			scale = quantity.Milli
		}
		u.item = QuotaItem{Name: in.String(string(name)), Used: units(&used, scale), Hard: units(&hard, scale)}
		switch {
		case hard.Sign() > 0:
			u.percent = int(100*used.AsApproximateFloat64()/hard.AsApproximateFloat64() + 0.5)
		case used.Sign() > 0:
			u.percent = 100
		}
		u.item.Words = in.String(u.words)
		uses = append(uses, u)
	}
	slices.SortFunc(uses, func(a, b use) int {
		if a.percent != b.percent {
			return b.percent - a.percent
		}
		return strings.Compare(a.words, b.words)
	})
	words := make([]string, len(uses))
	for i, u := range uses {
		words[i] = u.words
		out.Items = append(out.Items, u.item)
	}
	if len(uses) > 0 {
		out.Fullest = uses[0].percent
	}
	out.Used = in.String(strings.Join(words, ", "))
	var scopes []string
	for _, s := range q.Spec.Scopes {
		scopes = append(scopes, string(s))
	}
	if q.Spec.ScopeSelector != nil {
		for _, m := range q.Spec.ScopeSelector.MatchExpressions {
			words := string(m.ScopeName)
			if m.Operator != corev1.ScopeSelectorOpExists {
				words += " " + strings.ToLower(string(m.Operator)) + " (" + strings.Join(m.Values, ",") + ")"
			}
			scopes = append(scopes, words)
		}
	}
	out.Scopes = in.String(strings.Join(scopes, ","))
	return out
}
