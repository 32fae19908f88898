package triage_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/triage"
)

// autoscaler returns one of the Deployment cart, with a condition.
func autoscaler(current int32, c autoscalingv2.HorizontalPodAutoscalerCondition) *autoscalingv2.HorizontalPodAutoscaler {
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: meta("shop", "cart-hpa"),
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "cart"}, MaxReplicas: 4,
			Metrics: []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
				Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: ref(int32(70))},
			}}},
		},
		Status: autoscalingv2.HorizontalPodAutoscalerStatus{
			CurrentReplicas: current, DesiredReplicas: current, LastScaleTime: ref(ago(60)),
			Conditions: []autoscalingv2.HorizontalPodAutoscalerCondition{c},
			CurrentMetrics: []autoscalingv2.MetricStatus{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricStatus{
				Name: corev1.ResourceCPU, Current: autoscalingv2.MetricValueStatus{AverageUtilization: ref(int32(212))},
			}}},
		},
	}
}

func scaling(typ, status, reason, message string, since int64) autoscalingv2.HorizontalPodAutoscalerCondition {
	return autoscalingv2.HorizontalPodAutoscalerCondition{
		Type: autoscalingv2.HorizontalPodAutoscalerConditionType(typ), Status: corev1.ConditionStatus(status), Reason: reason, Message: message, LastTransitionTime: ago(since),
	}
}

func TestAutoscaler(t *testing.T) {
	noMetrics := "the HPA was unable to compute the replica count: failed to get cpu utilization: "
	for name, c := range map[string]struct {
		current   int32
		condition autoscalingv2.HorizontalPodAutoscalerCondition
		want      string
	}{
		"wants more": {4, scaling("ScalingLimited", "True", "TooManyReplicas", "more than max", 5), "horizontalpodautoscaler at its maximum of 4 and wants more | deploy/cart in shop | wants more than its 4 pods: cpu 212%/70% | hpa-at-max"},
		"at its max": {4, scaling("ScalingLimited", "False", "DesiredWithinRange", "", 5), ""},
		"at its min": {1, scaling("ScalingLimited", "True", "TooFewReplicas", "", 5), ""},
		"no metrics": {
			2, scaling("ScalingActive", "False", "FailedGetResourceMetric", noMetrics+"no metrics returned", 100),
			"cannot read its metrics | hpa/cart-hpa in shop | no metrics returned | hpa-blind",
		},
		"no metrics yet": {2, scaling("ScalingActive", "False", "FailedGetResourceMetric", noMetrics+"no metrics returned", 30), ""},
		"no requests": {
			2, scaling("ScalingActive", "False", "FailedGetResourceMetric", noMetrics+"missing request for cpu in container app of Pod a", 20),
			"cannot read its metrics | hpa/cart-hpa in shop | missing request for cpu in container app of Pod a | hpa-blind",
		},
		"no target": {
			0, scaling("AbleToScale", "False", "FailedGetScale", `the HPA controller was unable to get the target's current scale: deployments.apps "cart" not found`, 20),
			`does not scale | hpa/cart-hpa in shop | deployments.apps "cart" not found | hpa-blind`,
		},
		"scaled to zero": {0, scaling("ScalingActive", "False", "ScalingDisabled", "", 200), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, autoscaler(c.current, c.condition))
			if c.want == "" {
				s.none()
				return
			}
			is(t, s.one(), "warn | "+c.want)
		})
	}
}

func TestAutoscalerFights(t *testing.T) {
	wrote := func(manager string, at int64) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) {
			d.ManagedFields = []metav1.ManagedFieldsEntry{{
				Manager: manager, Operation: metav1.ManagedFieldsOperationApply, Time: ref(ago(at)), FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:replicas":{}}}`),
			}}
		}
	}
	fine := scaling("AbleToScale", "True", "ReadyForNewScale", "", 60)
	s := newScene(t, append(deployment("cart", 2, 2, wrote("argocd-controller", 20)), autoscaler(3, fine))...)
	i := s.one()
	is(t, i, "warn | fights for the number of replicas | hpa/cart-hpa in shop | argocd-controller sets deploy/cart to 2, the autoscaler to 3 | hpa-fights")
	if last := i.Actions[len(i.Actions)-1]; last.Do != triage.Edit {
		t.Error(i.Actions)
	}
	s.put(deployment("cart", 3, 3, wrote("kube-controller-manager", 5))[0])
	s.none()
	s.put(deployment("cart", 2, 2, wrote("kubectl", 70))[0]) // before the autoscaler did
	s.none()
}

func budget(expected, healthy, wanted int32, reason string, since int64) *policyv1.PodDisruptionBudget {
	b := &policyv1.PodDisruptionBudget{
		ObjectMeta: meta("shop", "cart-pdb"),
		Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: ref(intstr.FromInt32(wanted)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "cart"}}},
		Status:     policyv1.PodDisruptionBudgetStatus{ExpectedPods: expected, CurrentHealthy: healthy, DesiredHealthy: wanted, DisruptionsAllowed: max(0, healthy-wanted)},
	}
	status := metav1.ConditionFalse
	if b.Status.DisruptionsAllowed > 0 {
		status = metav1.ConditionTrue
	}
	b.Status.Conditions = []metav1.Condition{{Type: policyv1.DisruptionAllowedCondition, Status: status, Reason: reason, Message: "found no controllers", LastTransitionTime: ago(since)}}
	return b
}

func TestBudgetBlocks(t *testing.T) {
	for name, c := range map[string]struct {
		budget *policyv1.PodDisruptionBudget
		want   string
	}{
		"all must stay":       {budget(3, 3, 3, "InsufficientPods", 300), "info | allows no disruption | pdb/cart-pdb in shop | min 3 of 3 pods, all healthy | budget-blocks"},
		"a moment ago":        {budget(3, 3, 3, "InsufficientPods", 20), ""},
		"one may go":          {budget(3, 3, 2, "SufficientPods", 300), ""},
		"pods are in trouble": {budget(3, 2, 2, "InsufficientPods", 300), ""},
		"cannot be counted":   {budget(1, 0, 1, "SyncFailed", 300), "warn | cannot be worked out | pdb/cart-pdb in shop | found no controllers | budget-blocks"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, c.budget)
			if c.want == "" {
				s.none()
				return
			}
			is(t, s.one(), c.want)
		})
	}
}

func TestBudgetIdle(t *testing.T) {
	idle := budget(0, 0, 1, "InsufficientPods", 3000)
	s := newScene(t, idle)
	is(t, s.one(), "info | protects no pod | pdb/cart-pdb in shop | selector app=cart matches none | budget-idle")
	s.put(deployment("cart", 0, 0)...) // which is scaled to zero
	s.none()
	fresh := budget(0, 0, 1, "InsufficientPods", 30)
	fresh.CreationTimestamp = ago(30)
	newScene(t, fresh).none()
}
