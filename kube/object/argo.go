package object

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"

	"quarterdeck/kube/store"
)

// ArgoRollout is the kind of ArgoRollouts.
const ArgoRollout = "Rollout"

// ArgoRollouts declares how the custom resources of Argo Rollouts are read, in
// clusters that have them.
func ArgoRollouts() store.Kind[*Workload] {
	gvr := schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "rollouts"}
	return store.Custom(gvr, ArgoRollout, true, newArgoRollout)
}

// Argo is what the controller of Argo Rollouts says of a rollout.
type Argo struct {
	Phase   string // Healthy, Progressing, Degraded, Paused
	Message string
	Step    string // "step 3/7: weight 40%", "" where there are no steps
	Hash    string // by which the pods of the newest template are told, see ArgoHash
	Stable  string // the same of the revision that it would go back to
}

// ArgoHash is the label by which the pods of an Argo Rollout tell their revision.
const ArgoHash = "rollouts-pod-template-hash"

const argoRevision = "rollout.argoproj.io/revision"

// argoFields are the fields that are looked at.
type argoFields struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Replicas        *int32                 `json:"replicas"`
		Selector        *metav1.LabelSelector  `json:"selector"`
		Template        corev1.PodTemplateSpec `json:"template"`
		MinReady        int32                  `json:"minReadySeconds"`
		ProgressSeconds *int32                 `json:"progressDeadlineSeconds"`
		Paused          bool                   `json:"paused"`
		Strategy        struct {
			BlueGreen *struct{} `json:"blueGreen"`
			Canary    *struct {
				Steps          []argoStep          `json:"steps"`
				MaxSurge       *intstr.IntOrString `json:"maxSurge"`
				MaxUnavailable *intstr.IntOrString `json:"maxUnavailable"`
			} `json:"canary"`
		} `json:"strategy"`
	} `json:"spec"`
	Status struct {
		Phase      string          `json:"phase"`
		Message    string          `json:"message"`
		Step       *int32          `json:"currentStepIndex"`
		Hash       string          `json:"currentPodHash"`
		Stable     string          `json:"stableRS"`
		Observed   string          `json:"observedGeneration"` // a number in versions since 1.0, a hash in those before
		Abort      bool            `json:"abort"`
		Pauses     []argoPause     `json:"pauseConditions"`
		Replicas   int32           `json:"replicas"`
		Updated    int32           `json:"updatedReplicas"`
		Ready      int32           `json:"readyReplicas"`
		Available  int32           `json:"availableReplicas"`
		Collisions *int32          `json:"collisionCount"`
		Conditions []argoCondition `json:"conditions"`
	} `json:"status"`
}

type argoStep struct {
	Weight *int32 `json:"setWeight"`
	Pause  *struct {
		Duration *intstr.IntOrString `json:"duration"`
	} `json:"pause"`
	Scale      *struct{} `json:"setCanaryScale"`
	Analysis   *struct{} `json:"analysis"`
	Experiment *struct{} `json:"experiment"`
}

type argoPause struct {
	Reason string      `json:"reason"`
	Start  metav1.Time `json:"startTime"`
}

type argoCondition struct {
	Type    string      `json:"type"`
	Status  string      `json:"status"`
	Reason  string      `json:"reason"`
	Message string      `json:"message"`
	Changed metav1.Time `json:"lastTransitionTime"`
	Updated metav1.Time `json:"lastUpdateTime"`
}

func newArgoRollout(a *argoFields, in *store.Interner) *Workload {
	w := newWorkload(ArgoRollout, &a.ObjectMeta, a.Spec.Selector, &a.Spec.Template.Spec, in)
	w.Desired, w.Current, w.Ready = replicas(a.Spec.Replicas), a.Status.Replicas, a.Status.Ready
	w.Updated, w.Avail = a.Status.Updated, a.Status.Available
	w.Paused = a.Spec.Paused || len(a.Status.Pauses) > 0
	w.Revision = in.String(a.Annotations[argoRevision])

	r := newRolling(&a.ObjectMeta, 0, a.Spec.MinReady, in)
	w.Rolling = r
	if observed, err := strconv.ParseInt(a.Status.Observed, 10, 64); err == nil {
		r.Observed = observed
	} else if a.Status.Observed != "" {
		r.Observed = r.Generation // it does not tell
	}
	w.Behind = r.Observed < r.Generation
	r.Deadline, r.Updated, r.Collisions = number(a.Spec.ProgressSeconds), a.Status.Updated, number(a.Status.Collisions)
	for i := range a.Status.Conditions {
		c := &a.Status.Conditions[i]
		r.note(c.Type, corev1.ConditionStatus(c.Status), c.Reason, c.Message, &c.Changed, &c.Updated, in)
	}
	w.Argo = &Argo{
		Phase: in.String(a.Status.Phase), Message: in.String(a.Status.Message),
		Hash: in.String(a.Status.Hash), Stable: in.String(a.Status.Stable),
	}
	switch s := a.Spec.Strategy; {
	case s.Canary != nil:
		w.Strategy = "canary"
		r.MaxSurge, r.MaxUnavailable = given(s.Canary.MaxSurge, in), given(s.Canary.MaxUnavailable, in)
		w.Argo.Step = in.String(stepWords(s.Canary.Steps, a.Status.Step))
	case s.BlueGreen != nil:
		w.Strategy = "blueGreen"
	}
	if a.Status.Abort {
		w.Argo.Step = strings.TrimPrefix(w.Argo.Step+", aborted", ", ")
	}
	return w
}

// stepWords says at which step of a canary a rollout is.
func stepWords(steps []argoStep, at *int32) string {
	if len(steps) == 0 || at == nil || *at < 0 {
		return ""
	}
	if int(*at) >= len(steps) {
		return fmt.Sprintf("step %d/%d", len(steps), len(steps))
	}
	words := fmt.Sprintf("step %d/%d", *at+1, len(steps))
	switch s := steps[*at]; {
	case s.Weight != nil:
		words += fmt.Sprintf(": weight %d%%", *s.Weight)
	case s.Pause != nil && s.Pause.Duration != nil:
		words += ": pause " + s.Pause.Duration.String()
	case s.Pause != nil:
		words += ": pause until promoted"
	case s.Scale != nil:
		words += ": canary scale"
	case s.Analysis != nil:
		words += ": analysis"
	case s.Experiment != nil:
		words += ": experiment"
	}
	return words
}
