package action

import (
	"context"
	"fmt"
	"slices"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	resourcehelper "k8s.io/component-helpers/resource"

	"quarterdeck/kube/sanitize"
)

// Weight says how much a Note matters.
type Weight uint8

// The weights of notes.
const (
	Info  Weight = iota
	Warn         // will undo the change, or more comes of it than one sees
	Block        // the change will not come through
)

// Note is something to know before changes are made.
type Note struct {
	Weight Weight
	Text   string
}

// Check looks for what stands against the changes or will undo them: GitOps
// tools and Helm, owners, autoscalers, disruption budgets, quotas. What could
// not be looked at is a note as well.
func (c *Client) Check(ctx context.Context, changes []Change) []Note {
	var notes []Note
	add := func(weight Weight, format string, args ...any) {
		n := Note{weight, sanitize.Line(fmt.Sprintf(format, args...))}
		if !slices.Contains(notes, n) {
			notes = append(notes, n)
		}
	}
	look := &surroundings{client: c, ctx: ctx, lists: map[string][]unstructured.Unstructured{}, failed: func(what string, err error) {
		add(Warn, "not looked at: %s: %s", what, cause(err))
	}}
	for i := range changes {
		change := &changes[i]
		for _, w := range change.Warnings {
			add(Warn, "%s: %s", change.Ref, w)
		}
		if change.Object == nil {
			continue
		}
		if who := manager(change.Object); who != "" && reverted(change.Verb) {
			add(Warn, "%s is managed by %s, which will revert this: change it there", change.Ref, who)
		}
		owner(change, add)
		switch change.Verb {
		case "scale":
			look.autoscalers(change, add)
			look.quotas(change, grows(change), add)
		case "trigger", "rerun":
			look.quotas(change, 1, add)
		case "delete", "evict":
			if change.Ref.GVR == corev1.SchemeGroupVersion.WithResource("pods") {
				look.budgets(change, add)
			}
		}
	}
	slices.SortStableFunc(notes, func(a, b Note) int { return int(b.Weight) - int(a.Weight) })
	return notes
}

// reverted reports whether a tool that keeps objects as they are declared will
// take back what the verb does.
func reverted(verb string) bool {
	switch verb {
	case "restart", "trigger", "rerun", "evict", "cordon", "uncordon", "taint":
		return false
	}
	return true
}

// manager names the tool that keeps an object as it is declared elsewhere, "" if
// none is known. Argo CD: https://argo-cd.readthedocs.io (resource tracking);
// Flux: https://fluxcd.io (labels of the kustomize and helm controllers); Helm:
// https://helm.sh (labels and annotations).
func manager(obj *unstructured.Unstructured) string {
	l, a := obj.GetLabels(), obj.GetAnnotations()
	managers := map[string]bool{}
	for _, m := range obj.GetManagedFields() {
		managers[m.Manager] = true
	}
	named := func(tool, name string) string {
		if name == "" {
			return tool
		}
		return tool + " (" + name + ")"
	}
	switch {
	case a["argocd.argoproj.io/tracking-id"] != "":
		app, _, _ := strings.Cut(a["argocd.argoproj.io/tracking-id"], ":")
		return named("Argo CD", app)
	case l["argocd.argoproj.io/instance"] != "":
		return named("Argo CD", l["argocd.argoproj.io/instance"])
	case managers["argocd-controller"] || managers["argocd-application-controller"]:
		return named("Argo CD", l["app.kubernetes.io/instance"])
	case l["kustomize.toolkit.fluxcd.io/name"] != "":
		return named("Flux", l["kustomize.toolkit.fluxcd.io/namespace"]+"/"+l["kustomize.toolkit.fluxcd.io/name"])
	case l["helm.toolkit.fluxcd.io/name"] != "":
		return named("Flux", l["helm.toolkit.fluxcd.io/namespace"]+"/"+l["helm.toolkit.fluxcd.io/name"])
	case managers["kustomize-controller"] || managers["helm-controller"]:
		return "Flux"
	case a["meta.helm.sh/release-name"] != "":
		return named("Helm", a["meta.helm.sh/release-name"])
	case l["app.kubernetes.io/managed-by"] == "Helm" || managers["helm"]:
		return named("Helm", l["app.kubernetes.io/instance"])
	}
	return ""
}

// owner notes what the controller of the object will make of the change.
func owner(change *Change, add func(Weight, string, ...any)) {
	o := metav1.GetControllerOf(change.Object)
	if o == nil {
		return
	}
	by := strings.ToLower(o.Kind) + "/" + o.Name
	switch change.Verb {
	case "delete", "evict":
		add(Info, "%s owns %s and will make another", by, change.Ref)
	case "scale", "set image", "pause", "suspend":
		add(Warn, "%s owns %s and may undo this: change the owner", by, change.Ref)
	}
}

// surroundings reads what is around the objects, each list once.
type surroundings struct {
	client *Client
	ctx    context.Context //nolint:containedctx // lives as long as one call of Check
	lists  map[string][]unstructured.Unstructured
	failed func(what string, err error)
}

func (s *surroundings) list(gvr schema.GroupVersionResource, namespace string) []unstructured.Unstructured {
	key := gvr.String() + " " + namespace
	if items, ok := s.lists[key]; ok {
		return items
	}
	l, err := s.client.objects.Resource(gvr).Namespace(namespace).List(s.ctx, metav1.ListOptions{})
	if err != nil {
		s.failed(gvr.Resource+" in "+namespace, err)
		s.lists[key] = nil
		return nil
	}
	s.lists[key] = l.Items
	return l.Items
}

// typed reads an object of a built-in kind.
func typed[T any](obj *unstructured.Unstructured) (T, bool) {
	var out T
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &out)
	return out, err == nil
}

func (s *surroundings) autoscalers(change *Change, add func(Weight, string, ...any)) {
	for _, item := range s.list(autoscalingv2.SchemeGroupVersion.WithResource("horizontalpodautoscalers"), change.Ref.Namespace) {
		hpa, ok := typed[autoscalingv2.HorizontalPodAutoscaler](&item)
		target := hpa.Spec.ScaleTargetRef
		group, _, _ := strings.Cut(target.APIVersion, "/")
		if !ok || target.Kind != change.Ref.Kind || target.Name != change.Ref.Name || group != change.Ref.GVR.Group {
			continue
		}
		least := int32(1)
		if hpa.Spec.MinReplicas != nil {
			least = *hpa.Spec.MinReplicas
		}
		if n := change.After(); n == 0 {
			add(Warn, "hpa/%s stops working while %s has 0 replicas", hpa.Name, change.Ref)
			continue
		}
		add(Warn, "hpa/%s owns the replicas (%d to %d, wants %d now) and will change them again", hpa.Name, least, hpa.Spec.MaxReplicas, hpa.Status.DesiredReplicas)
	}
}

// After is the value that the change gives its only field, 0 if it is no
// number.
func (c *Change) After() int64 {
	if len(c.Edits) != 1 {
		return 0
	}
	n, _ := c.Edits[0].After.(int64)
	return n
}

// grows is how many pods a change of replicas adds.
func grows(c *Change) int64 {
	before, _ := c.Edits[0].Before.(int64)
	return c.After() - before
}

func (s *surroundings) budgets(change *Change, add func(Weight, string, ...any)) {
	for _, item := range s.list(policyv1.SchemeGroupVersion.WithResource("poddisruptionbudgets"), change.Ref.Namespace) {
		pdb, ok := typed[policyv1.PodDisruptionBudget](&item)
		if !ok {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(pdb.Spec.Selector)
		if err != nil || !selector.Matches(labels.Set(change.Object.GetLabels())) {
			continue
		}
		allowed := pdb.Status.DisruptionsAllowed
		switch {
		case allowed > 0:
			add(Info, "pdb/%s allows %d more disruptions now", pdb.Name, allowed)
		case change.Verb == "evict":
			add(Block, "pdb/%s allows no disruption now: %d of %d healthy pods are there", pdb.Name, pdb.Status.CurrentHealthy, pdb.Status.DesiredHealthy)
		default:
			add(Warn, "pdb/%s allows no disruption now, and a delete passes it by: evict asks it", pdb.Name)
		}
	}
}

// quotas notes the quotas that n more pods of the change's template would
// exceed.
func (s *surroundings) quotas(change *Change, n int64, add func(Weight, string, ...any)) {
	if n <= 0 {
		return
	}
	need := requests(change.Object)
	need["pods"] = *apiresource.NewQuantity(1, apiresource.DecimalSI)
	need["count/pods"] = need["pods"]
	for _, item := range s.list(corev1.SchemeGroupVersion.WithResource("resourcequotas"), change.Ref.Namespace) {
		quota, ok := typed[corev1.ResourceQuota](&item)
		if !ok || len(quota.Spec.Scopes) > 0 || quota.Spec.ScopeSelector != nil {
			continue
		}
		for name, hard := range quota.Status.Hard {
			each, ok := need[name]
			if !ok || each.IsZero() {
				continue
			}
			left := hard.DeepCopy()
			left.Sub(quota.Status.Used[name])
			fits := left.AsApproximateFloat64() / each.AsApproximateFloat64()
			if fits < 0 {
				fits = 0
			}
			if int64(fits) < n {
				add(Block, "quota/%s has room for %d of %d more pods: %s is %s of %s, each needs %s",
					quota.Name, int64(fits), n, name, text(quota.Status.Used[name]), text(hard), text(each))
			}
		}
	}
}

func text(q apiresource.Quantity) string { return q.String() }

// requests is what a pod of an object's template asks for, under the names that
// quotas have for it.
func requests(obj *unstructured.Unstructured) corev1.ResourceList {
	for _, path := range [][]string{{"spec", "template", "spec"}, {"spec", "jobTemplate", "spec", "template", "spec"}} {
		fields, ok := at(obj.Object, path)
		m, isMap := fields.(map[string]any)
		if !ok || !isMap {
			continue
		}
		spec, ok := typed[corev1.PodSpec](&unstructured.Unstructured{Object: m})
		if !ok {
			continue
		}
		pod := &corev1.Pod{Spec: spec}
		out := corev1.ResourceList{}
		for name, q := range resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{}) {
			out["requests."+name] = q
			if name == corev1.ResourceCPU || name == corev1.ResourceMemory || name == corev1.ResourceEphemeralStorage {
				out[name] = q
			}
		}
		for name, q := range resourcehelper.PodLimits(pod, resourcehelper.PodResourcesOptions{}) {
			out["limits."+name] = q
		}
		return out
	}
	return corev1.ResourceList{}
}
