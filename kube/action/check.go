package action

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gopkg.in/inf.v0"
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

	"quarterdeck/kube"
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
		// What a controller made has its labels from the template.
		if metav1.GetControllerOf(change.Object) == nil && reverted(change.Verb) {
			if who := manager(change.Object); who.tool != "" {
				add(Warn, "%s is managed by %s, %s: change it there", change.Ref, who, who.reverts())
			}
		}
		owner(change, add)
		switch change.Verb {
		case "scale":
			look.autoscalers(change, add)
			look.quotas(change, grows(change), 0, add)
		case UndoRollout, AbortRollout:
			look.rollback(change, add)
		case "trigger", "rerun":
			look.quotas(change, parallelism(change.Object), 1, add)
		case "delete", "evict":
			if change.Ref.GVR == pods() {
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

// tool keeps an object as it is declared elsewhere, under name there. The zero
// tool is none.
type tool struct{ tool, name string }

func (t tool) String() string {
	if t.name == "" {
		return t.tool
	}
	return t.tool + " (" + t.name + ")"
}

// reverts says when the tool takes back what is changed past it.
func (t tool) reverts() string {
	switch t.tool {
	case "Helm":
		return "whose next upgrade may revert this"
	case "Argo CD":
		return "which will revert this when it heals or syncs"
	}
	return "which will revert this when it reconciles"
}

// manager returns the tool that an object bears the marks of. Argo CD:
// https://argo-cd.readthedocs.io (resource tracking); Flux: https://fluxcd.io
// (labels of the kustomize and helm controllers); Helm: https://helm.sh (labels
// and annotations).
func manager(obj *unstructured.Unstructured) tool {
	l, a := obj.GetLabels(), obj.GetAnnotations()
	managers := map[string]bool{}
	for _, m := range obj.GetManagedFields() {
		managers[m.Manager] = true
	}
	instance := l["app.kubernetes.io/instance"]
	switch {
	case a["argocd.argoproj.io/tracking-id"] != "":
		app, _, _ := strings.Cut(a["argocd.argoproj.io/tracking-id"], ":")
		return tool{"Argo CD", app}
	case l["argocd.argoproj.io/instance"] != "":
		return tool{"Argo CD", l["argocd.argoproj.io/instance"]}
	case managers["argocd-controller"] || managers["argocd-application-controller"]:
		return tool{"Argo CD", instance}
	case l["kustomize.toolkit.fluxcd.io/name"] != "":
		return tool{"Flux", l["kustomize.toolkit.fluxcd.io/namespace"] + "/" + l["kustomize.toolkit.fluxcd.io/name"]}
	case l["helm.toolkit.fluxcd.io/name"] != "":
		return tool{"Flux", l["helm.toolkit.fluxcd.io/namespace"] + "/" + l["helm.toolkit.fluxcd.io/name"]}
	case managers["kustomize-controller"] || managers["helm-controller"]:
		return tool{"Flux", ""}
	case a["meta.helm.sh/release-name"] != "":
		return tool{"Helm", a["meta.helm.sh/release-name"]}
	case l["app.kubernetes.io/managed-by"] == "Helm" || managers["helm"]:
		return tool{"Helm", instance}
	}
	return tool{}
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
	case "scale", "set image", "pause", "suspend", UndoRollout, AbortRollout:
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
	for _, hpa := range s.autoscalersOf(change.Ref) {
		if change.After() == 0 {
			add(Warn, "hpa/%s stops working while %s has 0 replicas", hpa.Name, change.Ref)
			continue
		}
		add(Warn, "hpa/%s owns the replicas (%s) and will change them again", hpa.Name, bounds(hpa))
	}
}

// autoscalersOf returns the autoscalers that set the replicas of an object.
func (s *surroundings) autoscalersOf(ref kube.Ref) []autoscalingv2.HorizontalPodAutoscaler {
	var found []autoscalingv2.HorizontalPodAutoscaler
	for _, item := range s.list(autoscalingv2.SchemeGroupVersion.WithResource("horizontalpodautoscalers"), ref.Namespace) {
		hpa, ok := typed[autoscalingv2.HorizontalPodAutoscaler](&item)
		target := hpa.Spec.ScaleTargetRef
		gv, err := schema.ParseGroupVersion(target.APIVersion)
		if ok && err == nil && target.Kind == ref.Kind && target.Name == ref.Name && gv.Group == ref.GVR.Group {
			found = append(found, hpa)
		}
	}
	return found
}

// bounds says between what an autoscaler keeps the replicas.
func bounds(hpa autoscalingv2.HorizontalPodAutoscaler) string {
	least := int32(1)
	if hpa.Spec.MinReplicas != nil {
		least = *hpa.Spec.MinReplicas
	}
	return fmt.Sprintf("%d to %d, wants %d now", least, hpa.Spec.MaxReplicas, hpa.Status.DesiredReplicas)
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
	if len(c.Edits) != 1 {
		return 0
	}
	before, _ := c.Edits[0].Before.(int64)
	return c.After() - before
}

// budgetsOf returns the disruption budgets of a pod.
func (s *surroundings) budgetsOf(namespace string, of labels.Set) []policyv1.PodDisruptionBudget {
	var found []policyv1.PodDisruptionBudget
	for _, item := range s.list(policyv1.SchemeGroupVersion.WithResource("poddisruptionbudgets"), namespace) {
		pdb, ok := typed[policyv1.PodDisruptionBudget](&item)
		selector, err := metav1.LabelSelectorAsSelector(pdb.Spec.Selector)
		if ok && err == nil && selector.Matches(of) {
			found = append(found, pdb)
		}
	}
	return found
}

func (s *surroundings) budgets(change *Change, add func(Weight, string, ...any)) {
	for _, pdb := range s.budgetsOf(change.Ref.Namespace, change.Object.GetLabels()) {
		allowed := pdb.Status.DisruptionsAllowed
		switch {
		case allowed > 0:
			add(Info, "pdb/%s allows %s now", pdb.Name, counted(int64(allowed), "more disruption"))
		case change.Verb == "evict":
			add(Block, "pdb/%s allows no disruption now: it needs %d healthy pods, and has %d", pdb.Name, pdb.Status.DesiredHealthy, pdb.Status.CurrentHealthy)
		default:
			add(Warn, "pdb/%s allows no disruption now, and a delete passes it by: evict asks it", pdb.Name)
		}
	}
}

// quotas notes the quotas that more pods of the change's template, and more
// jobs, would exceed.
func (s *surroundings) quotas(change *Change, pods, jobs int64, add func(Weight, string, ...any)) {
	if pods <= 0 {
		return
	}
	need := requests(change.Object)
	one := *apiresource.NewQuantity(1, apiresource.DecimalSI)
	need["pods"], need["count/pods"] = one, one
	for _, item := range s.list(corev1.SchemeGroupVersion.WithResource("resourcequotas"), change.Ref.Namespace) {
		quota, ok := typed[corev1.ResourceQuota](&item)
		if !ok || len(quota.Spec.Scopes) > 0 || quota.Spec.ScopeSelector != nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(quota.Status.Hard)) {
			hard, used := quota.Status.Hard[name], quota.Status.Used[name]
			each, counts := need[name]
			switch {
			case name == "count/jobs.batch" && jobs > 0:
				if fits(hard, used, one) < jobs {
					add(Block, "quota/%s allows no more jobs: %s of %s are there", quota.Name, &used, &hard)
				}
			case counts && !each.IsZero():
				if n := fits(hard, used, each); n < pods {
					add(Block, "quota/%s has room for %d of %s: %s is %s of %s, each needs %s",
						quota.Name, n, counted(pods, "more pod"), name, &used, &hard, &each)
				}
			}
		}
	}
}

// fits returns how many times each goes into what is left of hard.
func fits(hard, used, each apiresource.Quantity) int64 {
	left, each := hard.DeepCopy(), each.DeepCopy() // their methods change them
	left.Sub(used)
	if left.Sign() <= 0 {
		return 0
	}
	n, ok := new(inf.Dec).QuoRound(left.AsDec(), each.AsDec(), 0, inf.RoundFloor).Unscaled()
	if !ok {
		return math.MaxInt64
	}
	return n
}

// parallelism is how many pods a job of the object's template starts at once.
func parallelism(obj *unstructured.Unstructured) int64 {
	for _, path := range [][]string{{"spec", "jobTemplate", "spec", "parallelism"}, {"spec", "parallelism"}} {
		if n, ok := At(obj.Object, path); ok {
			count, _ := n.(int64)
			return count
		}
	}
	return 1
}

// requests is what a pod of an object's template asks for, under the names that
// quotas have for it.
func requests(obj *unstructured.Unstructured) corev1.ResourceList {
	for _, path := range [][]string{{"spec", "template", "spec"}, {"spec", "jobTemplate", "spec", "template", "spec"}} {
		fields, ok := At(obj.Object, path)
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
